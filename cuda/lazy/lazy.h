#ifndef FP4TUI_LAZY_H
#define FP4TUI_LAZY_H

#include <stddef.h>

/* fp4tui_driver_open loads libcuda.so.1, points every symbol of symbols.h at it
 * and initializes the driver. It returns the CUresult of the driver's own cuInit;
 * -1 when the library cannot be loaded. text receives, NUL-terminated and cut to
 * size, the path of the library that was loaded, or the loader's message.
 *
 * Call it once, before any other cu* call that may run at the same time: the table
 * it fills is not guarded. Until then, and when there is no driver, every cu* call
 * but cuInit returns CUDA_ERROR_NO_DEVICE. A symbol that this driver does not have
 * returns CUDA_ERROR_NOT_FOUND. */
int fp4tui_driver_open(char *text, size_t size);

#endif
