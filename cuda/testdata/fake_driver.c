/* A driver on which a whole engine opens: fake.c's devices with memory (of this process)
 * and kernels that compute nothing, or what a file says. FAKE_FAIL makes one call fail:
 *
 *   FAKE_FAIL=cuEventSynchronize:3:700   the third cuEventSynchronize answers 700
 *   FAKE_FAIL=cuEventSynchronize:3:hang  ... never answers
 *
 * After an error that a real driver doesn't recover from, every later call answers it, too.
 *
 *   FAKE_CC=90      the compute capability (fake.c's is 12.1)
 *   FAKE_FREE=512   MiB that are free (all)
 *   FAKE_WILD=1     kernels write one byte in front of their output
 *   FAKE_ZERO=1     kernels write zeros
 *   FAKE_WORDS=FILE launches of emu_fp4 write the file's bytes, one launch after the other;
 *                   behind its end nothing */
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define cuDeviceGet fake_get
#define cuDeviceGetAttribute fake_attribute
#define cuInit fake_init
#include "fake.c"
#undef cuDeviceGet
#undef cuDeviceGetAttribute
#undef cuInit

enum { out_of_memory = 2, invalid_value = 1 };

static int lost; /* the error that a call left behind */

/* The errors that a real driver doesn't recover from, as faults.go has them: a test holds
 * the two lists together. */
static const int sticky[] = {3,   4,   201, 214, 220, 226, 700, 702, 709, 710, 714,
                             715, 716, 717, 718, 719, 721, 806, 810, 999};

static int sticks(int code) {
  for (size_t i = 0; i < sizeof sticky / sizeof *sticky; i++)
    if (sticky[i] == code) return 1;
  return 0;
}

/* answer counts a call and says what it returns. */
static int answer(const char *call, int *count) {
  const char *fail = getenv("FAKE_FAIL");
  size_t n = strlen(call);
  ++*count;
  if (lost != 0) return lost;
  if (fail == NULL || strncmp(fail, call, n) != 0 || fail[n] != ':') return 0;
  char *rest;
  if (strtol(fail + n + 1, &rest, 10) != *count) return 0;
  if (strcmp(rest, ":hang") == 0)
    for (;;) pause();
  int code = atoi(rest + 1);
  if (sticks(code)) lost = code;
  return code;
}

#define ANSWER(call)                \
  static int count;                 \
  int code = answer(call, &count);  \
  if (code != 0) return code

int cuInit(unsigned int flags) {
  ANSWER("cuInit");
  return fake_init(flags);
}

int cuDeviceGet(int *device, int ordinal) {
  ANSWER("cuDeviceGet");
  return fake_get(device, ordinal);
}

/* CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN */
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  ANSWER("cuDeviceGetAttribute");
  int cc = number("FAKE_CC");
  if (attribute == 97) {
    *value = 227 << 10;
    return 0;
  }
  if (cc != 0 && (attribute == 75 || attribute == 76)) {
    *value = attribute == 75 ? cc / 10 : cc % 10;
    return 0;
  }
  return fake_attribute(value, attribute, device);
}

/* FAKE_LOADED names a file that says that somebody loaded the driver. */
__attribute__((constructor)) static void loaded(void) {
  const char *path = getenv("FAKE_LOADED");
  FILE *file = path != NULL ? fopen(path, "w") : NULL;
  if (file != NULL) fclose(file);
}

static uint64_t total = (uint64_t)40 << 30, used;

int cuDevicePrimaryCtxSetFlags_v2(int device, unsigned flags) {
  ANSWER("cuDevicePrimaryCtxSetFlags");
  (void)device, (void)flags;
  return 0;
}

int cuDevicePrimaryCtxRetain(void **context, int device) {
  ANSWER("cuDevicePrimaryCtxRetain");
  *context = &total;
  total = (uint64_t)device << 30;
  return 0;
}

int cuCtxSetCurrent(void *context) {
  ANSWER("cuCtxSetCurrent");
  return context == &total ? 0 : invalid_value;
}

int cuDevicePrimaryCtxRelease_v2(int device) {
  (void)device;
  return lost;
}

int cuCtxSynchronize(void) {
  ANSWER("cuCtxSynchronize");
  return 0;
}

int cuEventCreate(void **event, unsigned flags) {
  ANSWER("cuEventCreate");
  (void)flags;
  *event = &lost;
  return 0;
}

int cuEventDestroy_v2(void *event) { return event == &lost ? lost : invalid_value; }

int cuEventRecord(void *event, void *stream) {
  ANSWER("cuEventRecord");
  (void)event, (void)stream;
  return 0;
}

int cuEventSynchronize(void *event) {
  ANSWER("cuEventSynchronize");
  (void)event;
  return 0;
}

int cuEventElapsedTime(float *ms, void *begin, void *end) {
  ANSWER("cuEventElapsedTime");
  (void)begin, (void)end;
  *ms = 0.5f;
  return 0;
}

int cuMemGetInfo_v2(size_t *free_bytes, size_t *all) {
  ANSWER("cuMemGetInfo");
  uint64_t most = number("FAKE_FREE") != 0 ? (uint64_t)number("FAKE_FREE") << 20 : total;
  *free_bytes = used < most ? most - used : 0;
  *all = total;
  return 0;
}

/* A block begins with its size; addresses are the process's own. */
enum { header = 64 };

int cuMemAlloc_v2(uint64_t *address, size_t bytes) {
  ANSWER("cuMemAlloc");
  char *block = malloc(bytes + header);
  if (block == NULL) return out_of_memory;
  *(uint64_t *)block = bytes;
  used += bytes;
  *address = (uint64_t)(uintptr_t)(block + header);
  return 0;
}

int cuMemFree_v2(uint64_t address) {
  ANSWER("cuMemFree");
  char *block = (char *)(uintptr_t)address - header;
  used -= *(uint64_t *)block;
  free(block);
  return 0;
}

int cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t bytes) {
  ANSWER("cuMemcpyHtoD");
  memcpy((void *)(uintptr_t)to, from, bytes);
  return 0;
}

int cuMemcpyDtoH_v2(void *to, uint64_t from, size_t bytes) {
  ANSWER("cuMemcpyDtoH");
  memcpy(to, (const void *)(uintptr_t)from, bytes);
  return 0;
}

int cuMemsetD8_v2(uint64_t to, unsigned char value, size_t bytes) {
  ANSWER("cuMemsetD8");
  memset((void *)(uintptr_t)to, value, bytes);
  return 0;
}

int cuModuleLoadData(void **module, const void *image) {
  ANSWER("cuModuleLoadData");
  *module = (void *)image;
  return 0;
}

/* A function is its name. */
int cuModuleUnload(void *module) {
  (void)module;
  return lost;
}

int cuModuleGetFunction(void **function, void *module, const char *name) {
  ANSWER("cuModuleGetFunction");
  (void)module;
  *function = strdup(name);
  return 0;
}

int cuFuncSetAttribute(void *function, int attribute, int value) {
  ANSWER("cuFuncSetAttribute");
  (void)function, (void)attribute, (void)value;
  return 0;
}

/* The first words of Args in kernels/job.cuh. */
struct args {
  uint64_t x, x_scales, w, w_scales, y, lut, alpha, bias;
  int64_t rows, n, k, alphas, block, e8m0, alpha_place, bias_place, out;
};

int cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared, void *stream, void **params, void **extra) {
  ANSWER("cuLaunchKernel");
  (void)gx, (void)gy, (void)gz, (void)bx, (void)by, (void)bz, (void)shared, (void)stream, (void)extra;
  if (strcmp(function, "emu_fp4") != 0 && strcmp(function, "emu_bf16") != 0) return 0;
  const struct args *a = (const struct args *)(uintptr_t) * (uint64_t *)params[0];
  if (a == NULL) {
    lost = 700; /* shows at the next call: a launch does not wait */
    return 0;
  }
  int64_t first = *(int64_t *)params[1], rows = *(int64_t *)params[2];
  size_t word = a->out == 0 ? 4 : 2;
  char *y = (char *)(uintptr_t)a->y;
  if (number("FAKE_WILD")) y[-1] = 0;
  if (number("FAKE_ZERO")) memset(y, 0, (size_t)(a->rows * a->n) * word);
  if (getenv("FAKE_WORDS") != NULL && strcmp(function, "emu_fp4") == 0) {
    static FILE *words;
    if (words == NULL) words = fopen(getenv("FAKE_WORDS"), "rb");
    if (words == NULL || fread(y + (size_t)(first * a->n) * word, word, (size_t)(rows * a->n), words) == 0) return 0;
  }
  return 0;
}
