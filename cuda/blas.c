//go:build cuda && cgo && linux

#include "blas.h"

#include <dlfcn.h>

// Numbers of cuBLASLt's interface, by its names for them.
enum {
  R_32F = 0,
  COMPUTE_32F = 68,
  OP_N = 0,
  OP_T = 1,
  STATUS_NOT_SUPPORTED = 15,
  DESC_TRANSA = 3,
  DESC_TRANSB = 4,
  DESC_A_SCALE_POINTER = 17,
  DESC_B_SCALE_POINTER = 18,
  DESC_A_SCALE_MODE = 31,
  DESC_B_SCALE_MODE = 32,
  PREF_MAX_WORKSPACE_BYTES = 1,
  CONFIG_INNER_SHAPE_ID = 7, // this and the next are 16 bits wide, those before it 32
  CONFIG_COUNT = 9,
};

const char *blas_resolve(struct blas *lt, void *library) {
  const struct {
    const char *name;
    size_t at;
  } symbols[] = {
      {"cublasLtGetVersion", offsetof(struct blas, version)},
      {"cublasLtGetStatusName", offsetof(struct blas, status_name)},
      {"cublasLtCreate", offsetof(struct blas, create)},
      {"cublasLtDestroy", offsetof(struct blas, destroy)},
      {"cublasLtMatmulDescCreate", offsetof(struct blas, desc_create)},
      {"cublasLtMatmulDescSetAttribute", offsetof(struct blas, desc_set)},
      {"cublasLtMatmulDescDestroy", offsetof(struct blas, desc_destroy)},
      {"cublasLtMatrixLayoutCreate", offsetof(struct blas, layout_create)},
      {"cublasLtMatrixLayoutDestroy", offsetof(struct blas, layout_destroy)},
      {"cublasLtMatmulPreferenceCreate", offsetof(struct blas, preference_create)},
      {"cublasLtMatmulPreferenceSetAttribute", offsetof(struct blas, preference_set)},
      {"cublasLtMatmulPreferenceDestroy", offsetof(struct blas, preference_destroy)},
      {"cublasLtMatmulAlgoGetHeuristic", offsetof(struct blas, choose)},
      {"cublasLtMatmulAlgoConfigGetAttribute", offsetof(struct blas, config)},
      {"cublasLtMatmul", offsetof(struct blas, matmul)},
  };
  for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
    void *found = dlsym(library, symbols[i].name);
    if (found == NULL) return symbols[i].name;
    *(void **)((char *)lt + symbols[i].at) = found;
  }
  return NULL;
}

#define TRY(name, expression)             \
  do {                                    \
    *call = name;                         \
    int refused = (expression);           \
    if (refused != 0) return refused;     \
  } while (0)

int blas_create(struct blas *lt, const char **call) {
  TRY("cublasLtCreate", lt->create(&lt->handle));
  return 0;
}

// describe makes the descriptors: the library counts columns first, so that our rows are its
// columns: A = w and B = x are k×n and k×m, and D, n×m, is Aᵀ·B.
static int describe(const struct blas *lt, const struct blas_product *p, struct blas_plan *plan, const char **call) {
  const struct {
    int attribute;
    int32_t value;
  } numbers[] = {{DESC_TRANSA, OP_T}, {DESC_TRANSB, OP_N}, {DESC_A_SCALE_MODE, p->mode}, {DESC_B_SCALE_MODE, p->mode}};
  const int pointers[] = {DESC_A_SCALE_POINTER, DESC_B_SCALE_POINTER};
  TRY("cublasLtMatmulDescCreate", lt->desc_create(&plan->desc, COMPUTE_32F, R_32F));
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    TRY("cublasLtMatmulDescSetAttribute", lt->desc_set(plan->desc, numbers[i].attribute, &numbers[i].value, sizeof numbers[i].value));
  for (size_t i = 0; i < 2; i++)
    TRY("cublasLtMatmulDescSetAttribute", lt->desc_set(plan->desc, pointers[i], &p->scales[i], sizeof p->scales[i]));
  TRY("cublasLtMatrixLayoutCreate", lt->layout_create(&plan->w, p->datatype, p->k, p->n, (int64_t)p->k));
  TRY("cublasLtMatrixLayoutCreate", lt->layout_create(&plan->x, p->datatype, p->k, p->m, (int64_t)p->k));
  TRY("cublasLtMatrixLayoutCreate", lt->layout_create(&plan->d, R_32F, p->n, p->m, (int64_t)p->n));
  return 0;
}

// ask lets the library choose the algorithm that it expects to be the fastest.
static int ask(const struct blas *lt, void *preference, const struct blas_product *p, struct blas_plan *plan, const char **call) {
  struct blas_choice choice = {0};
  int found = 0;
  TRY("cublasLtMatmulPreferenceSetAttribute",
      lt->preference_set(preference, PREF_MAX_WORKSPACE_BYTES, &p->most_workspace, sizeof p->most_workspace));
  TRY("cublasLtMatmulAlgoGetHeuristic",
      lt->choose(lt->handle, plan->desc, plan->w, plan->x, plan->d, plan->d, preference, 1, &choice, &found));
  TRY("cublasLtMatmulAlgoGetHeuristic", found < 1 ? STATUS_NOT_SUPPORTED : choice.state);
  plan->algo = choice.algo;
  plan->workspace = choice.workspace;
  return 0;
}

int blas_choose(const struct blas *lt, const struct blas_product *p, struct blas_plan *plan, const char **call) {
  void *preference = NULL;
  int status = describe(lt, p, plan, call);
  if (status != 0) return status;
  TRY("cublasLtMatmulPreferenceCreate", lt->preference_create(&preference));
  status = ask(lt, preference, p, plan, call);
  lt->preference_destroy(preference);
  if (status != 0) return status;
  for (int i = 0; i < CONFIG_COUNT; i++) { // a library that lacks one of them computes as well
    uint32_t wide = 0;
    uint16_t narrow = 0;
    size_t written = 0;
    if (i < CONFIG_INNER_SHAPE_ID)
      plan->config[i] = lt->config(&plan->algo, i, &wide, sizeof wide, &written) == 0 ? (int64_t)wide : -1;
    else
      plan->config[i] = lt->config(&plan->algo, i, &narrow, sizeof narrow, &written) == 0 ? (int64_t)narrow : -1;
  }
  return 0;
}

int blas_multiply(const struct blas *lt, const struct blas_plan *plan, uint64_t w, uint64_t x, uint64_t x_scales, uint64_t d, uint64_t workspace,
                  const char **call) {
  const float one = 1, zero = 0;
  void *out = (void *)(uintptr_t)d;
  TRY("cublasLtMatmulDescSetAttribute", lt->desc_set(plan->desc, DESC_B_SCALE_POINTER, &x_scales, sizeof x_scales));
  TRY("cublasLtMatmul", lt->matmul(lt->handle, plan->desc, &one, (const void *)(uintptr_t)w, plan->w, (const void *)(uintptr_t)x, plan->x, &zero,
                                   out, plan->d, out, plan->d, &plan->algo, (void *)(uintptr_t)workspace, plan->workspace, NULL));
  return 0;
}

void blas_drop(const struct blas *lt, struct blas_plan *plan) {
  void **layouts[] = {&plan->w, &plan->x, &plan->d};
  for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
    if (*layouts[i] != NULL) lt->layout_destroy(*layouts[i]);
    *layouts[i] = NULL;
  }
  if (plan->desc != NULL) lt->desc_destroy(plan->desc);
  plan->desc = NULL;
}

void blas_destroy(struct blas *lt) {
  if (lt->handle != NULL) lt->destroy(lt->handle);
  lt->handle = NULL;
}

size_t blas_version(const struct blas *lt) { return lt->version(); }

const char *blas_status_name(const struct blas *lt, int status) { return lt->status_name(status); }
