/* A stand-in for the CUDA driver library at link time. A program linked with it
 * does not need libcuda.so.1 to start: each driver symbol is one jump through a
 * slot, and the slots are filled when fp4tui_driver_open is called. lazy.h says
 * what a caller sees. */
#define _GNU_SOURCE
#include "lazy.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>

enum { success = 0, no_driver = -1, no_device = 100, not_found = 500 };

static int answer_no_device(void) { return no_device; }
static int answer_not_found(void) { return not_found; }

/* Hidden symbols: Go exports a program's symbols where the linker is old (-rdynamic),
 * and an exported cuMemAlloc of ours would stand in front of the driver's own for
 * every library that is loaded later. */
#define SLOT(name) __attribute__((visibility("hidden"))) void *fp4tui_slot_##name = (void *)answer_no_device;

#if defined(__x86_64__)
#define JUMP(name) "jmp *fp4tui_slot_" #name "(%rip)\n"
#elif defined(__aarch64__) /* x16 is the scratch register of veneers: no argument lives in it */
#define JUMP(name)                           \
  "adrp x16, fp4tui_slot_" #name "\n"        \
  "ldr x16, [x16, :lo12:fp4tui_slot_" #name "]\n" \
  "br x16\n"
#else
#error "no jump is written for this processor: amd64 and arm64 only"
#endif

#define STUB(name)                                                          \
  __asm__(".text\n.balign 16\n.globl " #name "\n.hidden " #name "\n.type " #name ", %function\n" \
          #name ":\n" JUMP(name) ".size " #name ", .-" #name "\n");

#define SYMBOL(name) SLOT(name)
#include "symbols.h"
#undef SYMBOL

#define SYMBOL(name) STUB(name)
#include "symbols.h"
#undef SYMBOL

static const struct {
  const char *name;
  void **slot;
} symbols[] = {
#define SYMBOL(name) {#name, &fp4tui_slot_##name},
#include "symbols.h"
#undef SYMBOL
};

/* gorgonia.org/cu calls cuInit when the program starts and exits the process if it
 * fails. It always succeeds here, and costs nothing; the driver's real answer is
 * what fp4tui_driver_open returns. */
__attribute__((visibility("hidden"))) int cuInit(unsigned int flags) {
  (void)flags;
  return success;
}

int fp4tui_driver_open(char *text, size_t size) {
  void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (driver == NULL) {
    const char *why = dlerror();
    snprintf(text, size, "%s", why != NULL ? why : "libcuda.so.1 could not be loaded");
    return no_driver;
  }
  struct link_map *map = NULL;
  const char *path = "libcuda.so.1";
  if (dlinfo(driver, RTLD_DI_LINKMAP, &map) == 0 && map != NULL && map->l_name[0] != '\0') path = map->l_name;
  snprintf(text, size, "%s", path);

  for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
    void *found = dlsym(driver, symbols[i].name);
    *symbols[i].slot = found != NULL ? found : (void *)answer_not_found;
  }
  int (*init)(unsigned int) = (int (*)(unsigned int))dlsym(driver, "cuInit");
  return init != NULL ? init(0) : not_found;
}
