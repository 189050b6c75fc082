/* A cuBLASLt that writes down what it is asked for, one call a line, into the file FAKE_LOG,
 * and computes nothing: what this package asks for is tested where there is no GPU. The call
 * FAKE_REFUSES is refused with the status FAKE_STATUS. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int number(const char *name, int without) {
  const char *text = getenv(name);
  return text != NULL && *text != 0 ? atoi(text) : without;
}

/* says writes a line and returns the status of a call. */
static int says(const char *call, const char *format, ...) {
  const char *path = getenv("FAKE_LOG"), *refuses = getenv("FAKE_REFUSES");
  FILE *log = path != NULL ? fopen(path, "a") : NULL;
  if (log != NULL) {
    va_list rest;
    va_start(rest, format);
    fprintf(log, "%s ", call);
    vfprintf(log, format, rest);
    fputc('\n', log);
    va_end(rest);
    fclose(log);
  }
  return refuses != NULL && strcmp(refuses, call) == 0 ? number("FAKE_STATUS", 0) : 0;
}

/* Handles are counted from 1, so that a log can name them. */
static void *next(void **made) {
  static uintptr_t count;
  return *made = (void *)++count;
}

static unsigned long long of(const void *handle) { return (unsigned long long)(uintptr_t)handle; }

/* value is what an attribute is set to. */
static unsigned long long value(const void *from, size_t size) {
  unsigned long long v = 0;
  memcpy(&v, from, size < sizeof v ? size : sizeof v);
  return v;
}

struct choice {
  uint64_t algo[8];
  size_t workspace;
  int state;
  float waves;
  int reserved[4];
};

size_t cublasLtGetVersion(void) { return number("FAKE_VERSION", 130100); }

const char *cublasLtGetStatusName(int status) {
  switch (status) {
  case 1: return "CUBLAS_STATUS_NOT_INITIALIZED";
  case 3: return "CUBLAS_STATUS_ALLOC_FAILED";
  case 7: return "CUBLAS_STATUS_INVALID_VALUE";
  case 13: return "CUBLAS_STATUS_EXECUTION_FAILED";
  case 15: return "CUBLAS_STATUS_NOT_SUPPORTED";
  }
  return NULL;
}

int cublasLtCreate(void **handle) {
  int status = says("cublasLtCreate", "");
  if (status == 0) *handle = (void *)0xb1a5;
  return status;
}

int cublasLtDestroy(void *handle) { return says("cublasLtDestroy", "%llx", of(handle)); }

int cublasLtMatmulDescCreate(void **desc, int compute, int scale) {
  int status = says("cublasLtMatmulDescCreate", "compute %d scale %d", compute, scale);
  if (status == 0) next(desc);
  return status;
}

int cublasLtMatmulDescSetAttribute(void *desc, int attribute, const void *from, size_t size) {
  return says("cublasLtMatmulDescSetAttribute", "%llu: %d = %llu in %zu bytes", of(desc), attribute, value(from, size), size);
}

int cublasLtMatmulDescDestroy(void *desc) { return says("cublasLtMatmulDescDestroy", "%llu", of(desc)); }

int cublasLtMatrixLayoutCreate(void **layout, int type, uint64_t rows, uint64_t cols, int64_t stride) {
  int status = says("cublasLtMatrixLayoutCreate", "type %d, %llu rows, %llu columns, %lld apart", type, (unsigned long long)rows,
                    (unsigned long long)cols, (long long)stride);
  if (status == 0) next(layout);
  return status;
}

int cublasLtMatrixLayoutDestroy(void *layout) { return says("cublasLtMatrixLayoutDestroy", "%llu", of(layout)); }

int cublasLtMatmulPreferenceCreate(void **preference) {
  int status = says("cublasLtMatmulPreferenceCreate", "");
  if (status == 0) next(preference);
  return status;
}

int cublasLtMatmulPreferenceSetAttribute(void *preference, int attribute, const void *from, size_t size) {
  return says("cublasLtMatmulPreferenceSetAttribute", "%llu: %d = %llu in %zu bytes", of(preference), attribute, value(from, size), size);
}

int cublasLtMatmulPreferenceDestroy(void *preference) { return says("cublasLtMatmulPreferenceDestroy", "%llu", of(preference)); }

int cublasLtMatmulAlgoGetHeuristic(void *handle, void *desc, void *a, void *b, void *c, void *d, void *preference, int want, struct choice *choices,
                                   int *found) {
  int status = says("cublasLtMatmulAlgoGetHeuristic", "%llx: %llu of %llu %llu %llu %llu by %llu, at most %d", of(handle), of(desc), of(a), of(b),
                    of(c), of(d), of(preference), want);
  memset(choices, 0, sizeof *choices);
  choices->algo[0] = 66;
  choices->algo[7] = 77;
  choices->workspace = 4096;
  choices->state = number("FAKE_STATE", 0);
  *found = number("FAKE_FOUND", 1);
  return status;
}

/* Every attribute is ten times its number more than the algorithm's first word, but for the
 * one that this library is too old for. */
int cublasLtMatmulAlgoConfigGetAttribute(const uint64_t *algo, int attribute, void *to, size_t size, size_t *written) {
  if (size != (attribute < 7 ? 4 : 2) || attribute == number("FAKE_UNKNOWN", -1)) return 7;
  uint32_t v = (uint32_t)algo[0] + 10 * attribute;
  memcpy(to, &v, size); /* little-endian */
  *written = size;
  return 0;
}

int cublasLtMatmul(void *handle, void *desc, const float *alpha, const void *a, void *alayout, const void *b, void *blayout, const float *beta,
                   const void *c, void *clayout, void *d, void *dlayout, const uint64_t *algo, void *workspace, size_t size, void *stream) {
  return says("cublasLtMatmul", "%llx: %llu, %g times %llx (%llu) by %llx (%llu) + %g times %llx (%llu) to %llx (%llu), algorithm %llu %llu, %zu bytes at %llx, stream %llx",
              of(handle), of(desc), *alpha, of(a), of(alayout), of(b), of(blayout), *beta, of(c), of(clayout), of(d), of(dlayout),
              (unsigned long long)algo[0], (unsigned long long)algo[7], size, of(workspace), of(stream));
}
