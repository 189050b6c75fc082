// What this package calls of cuBLASLt (12.8 or later), loaded at run time: no header and no
// library of NVIDIA's is needed to build. Every function that returns int returns a
// cublasStatus_t, 0 for success, and names in *call what refused.
#pragma once
#include <stddef.h>
#include <stdint.h>

// struct blas_algo and struct blas_choice lie in memory as cublasLtMatmulAlgo_t and
// cublasLtMatmulHeuristicResult_t do.
struct blas_algo {
  uint64_t words[8];
};

struct blas_choice {
  struct blas_algo algo;
  size_t workspace;
  int state;
  float waves;
  int reserved[4];
};

// struct blas is a loaded library with the handle of one device.
struct blas {
  void *handle;
  size_t (*version)(void);
  const char *(*status_name)(int);
  int (*create)(void **);
  int (*destroy)(void *);
  int (*desc_create)(void **, int, int);
  int (*desc_set)(void *, int, const void *, size_t);
  int (*desc_destroy)(void *);
  int (*layout_create)(void **, int, uint64_t, uint64_t, int64_t);
  int (*layout_destroy)(void *);
  int (*preference_create)(void **);
  int (*preference_set)(void *, int, const void *, size_t);
  int (*preference_destroy)(void *);
  int (*choose)(void *, void *, void *, void *, void *, void *, void *, int, struct blas_choice *, int *);
  int (*config)(const struct blas_algo *, int, void *, size_t, size_t *);
  int (*matmul)(void *, void *, const void *, const void *, void *, const void *, void *, const void *, const void *, void *, void *, void *,
                const struct blas_algo *, void *, size_t, void *);
};

// struct blas_product is a product d = w·xᵀ to plan: w has n rows of k elements, x m rows, d
// m rows of n FP32 sums, everything row by row.
struct blas_product {
  int datatype, mode;      // cudaDataType_t and cublasLtMatmulMatrixScale_t of both operands
  uint64_t n, m, k;
  uint64_t scales[2];       // device addresses: of w, of x
  uint64_t most_workspace;  // bytes
};

// struct blas_plan is what cuBLASLt chose. config is by cublasLtMatmulAlgoConfigAttributes_t,
// -1 where the library does not tell.
struct blas_plan {
  void *desc, *w, *x, *d;
  struct blas_algo algo;
  size_t workspace;
  int64_t config[9];
};

// blas_resolve finds the functions in a library that dlopen has opened; it returns the name
// of the first that is missing, NULL when all are there.
const char *blas_resolve(struct blas *lt, void *library);

int blas_create(struct blas *lt, const char **call);

// blas_choose fills a plan. What it made of a plan that it refuses is dropped by blas_drop, too.
int blas_choose(const struct blas *lt, const struct blas_product *product, struct blas_plan *plan, const char **call);

// blas_multiply starts a plan on the default stream of the current context.
int blas_multiply(const struct blas *lt, const struct blas_plan *plan, uint64_t w, uint64_t x, uint64_t x_scales, uint64_t d, uint64_t workspace,
                  const char **call);

void blas_drop(const struct blas *lt, struct blas_plan *plan);
void blas_destroy(struct blas *lt);
size_t blas_version(const struct blas *lt);
const char *blas_status_name(const struct blas *lt, int status);
