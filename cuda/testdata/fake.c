/* A driver and a cuBLASLt that answer what the environment says, so that what this
 * package does with their answers is tested where there is no GPU. Only what
 * Status calls is here: a symbol that is missing is a case of its own. */
#include <stdio.h>
#include <stdlib.h>

static int number(const char *name) {
  const char *text = getenv(name);
  return text != NULL ? atoi(text) : 0;
}

int cuInit(unsigned int flags) { return flags == 0 ? number("FAKE_INIT") : 1; }

int cuDriverGetVersion(int *version) {
  *version = 12080;
  return 0;
}

int cuDeviceGetCount(int *count) {
  *count = number("FAKE_COUNT");
  return number("FAKE_INIT");
}

int cuDeviceGet(int *device, int ordinal) {
  *device = ordinal + 40; /* a handle is not its ordinal */
  return ordinal + 1 == number("FAKE_LOST") ? 101 : 0;
}

int cuDeviceGetName(char *name, int size, int device) {
  snprintf(name, size, "Fake GPU %d", device);
  return 0;
}

int cuDeviceGetUuid(char *uuid, int device) {
  for (int i = 0; i < 16; i++) uuid[i] = device;
  return 0;
}

#ifndef WITHOUT_MEMORY
int cuDeviceTotalMem_v2(size_t *bytes, int device) {
  *bytes = (size_t)device << 30;
  return 0;
}
#endif

/* CU_DEVICE_ATTRIBUTE_: 16 multiprocessors, 75 and 76 compute capability */
int cuDeviceGetAttribute(int *value, int attribute, int device) {
  int multiprocessors = getenv("FAKE_BARE") != NULL ? 0 : device + 100;
  *value = attribute == 16 ? multiprocessors : attribute == 75 ? 12 : attribute == 76 ? 1 : -1;
  return 0;
}

size_t cublasLtGetVersion(void) { return 120904; }
