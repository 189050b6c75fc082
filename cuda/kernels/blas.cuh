// What follows a product of cuBLASLt: its float32 sums become outputs.
#pragma once
#include "job.cuh"

// blas_finish: a thread has one output of rows row0 and on, whose sums begin at sums, stride
// apart. A sum that still is the word of a buffer that nobody wrote leaves its output as it
// is, for the host to find; each is made that word again for the next rows.
extern "C" __global__ void __launch_bounds__(256)
    blas_finish(const Args *args, long long row0, long long rows, Word *sums, long long stride) {
  const Word unwritten = 0xffffffff;
  const Args a = *args;
  const long long i = blockIdx.x * 256LL + threadIdx.x;
  if (i >= rows * a.n) return;
  const long long row = i / a.n, col = i % a.n;
  const Word sum = sums[row * stride + col];
  sums[row * stride + col] = unwritten;
  if (sum != unwritten) finish(a, wordFloat(sum), row0 + row, col);
}
