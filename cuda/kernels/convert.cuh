// Quantizing, dequantizing, and comparing: what a debugger does around a product.
#pragma once
#include "job.cuh"
#include "quantize.cuh"

extern "C" __global__ void quantize_nv(const uint16_t *x, uint8_t *codes, uint8_t *scales, const float *global, long long blocks) {
  quantizeNV<Software>(x, codes, scales, *global, blocks);
}
extern "C" __global__ void quantize_mx(const uint16_t *x, uint8_t *codes, uint8_t *scales, const float *, long long blocks) {
  quantizeMX<Software>(x, codes, scales, blocks);
}

// dequant: code·scale·global in float32, in this order; one thread a byte of codes. lut is the 256
// values of a scale byte.
extern "C" __global__ void dequant(const uint8_t *codes, const uint8_t *scales, const float *lut, const float *global, float *y,
                                   long long bytes, long long block) {
  long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= bytes) return;
  float s = lut[scales[2 * i / block]], g = *global;
  for (int j = 0; j < 2; j++) {
    Word c = codes[i] >> 4 * j & 15, m = c & 7;
    float v = m < 2 ? m * 0.5f : wordFloat((m + 252) << 22); // 1 is code 2: exponent 0
    v = c & 8 ? -v : v;
    y[2 * i + j] = __fmul_rn(__fmul_rn(v, s), g);
  }
}

// diff: |a-b| of each cell of 64 by 64: the largest, the sum of squares and how many words
// differ. It is the lowest level of the pyramid behind a map. The order of sums is fixed.
struct Cell {
  float largest, squares;
  Word different, pad;
};

extern "C" __global__ void __launch_bounds__(256) diff(const float *a, const float *b, Cell *to, long long rows, long long cols) {
  __shared__ Cell part[256];
  long long r0 = (long long)blockIdx.y * 64, c0 = (long long)blockIdx.x * 64;
  Cell mine = {0, 0, 0, 0};
  for (int i = threadIdx.x; i < 64 * 64; i += 256) {
    long long r = r0 + i / 64, c = c0 + i % 64;
    if (r >= rows || c >= cols) continue;
    float p = a[r * cols + c], q = b[r * cols + c], d = fabsf(__fsub_rn(p, q));
    mine.different += floatWord(p) != floatWord(q);
    mine.largest = d != d || mine.largest != mine.largest ? wordFloat(0x7fffffff) : fmaxf(mine.largest, d);
    mine.squares = __fadd_rn(mine.squares, __fmul_rn(d, d));
  }
  part[threadIdx.x] = mine;
  for (int n = 128; n > 0; n /= 2) {
    __syncthreads();
    if (threadIdx.x >= n) continue;
    Cell &p = part[threadIdx.x], &q = part[threadIdx.x + n];
    p.different += q.different;
    p.largest = p.largest != p.largest || q.largest != q.largest ? wordFloat(0x7fffffff) : fmaxf(p.largest, q.largest);
    p.squares = __fadd_rn(p.squares, q.squares);
  }
  if (threadIdx.x == 0) to[(long long)blockIdx.y * gridDim.x + blockIdx.x] = part[0];
}

// pyramid halves a level of cells in both directions.
extern "C" __global__ void pyramid(const Cell *from, Cell *to, long long rows, long long cols) {
  long long outCols = (cols + 1) / 2, i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= (rows + 1) / 2 * outCols) return;
  Cell sum = {0, 0, 0, 0};
  for (int j = 0; j < 4; j++) {
    long long r = i / outCols * 2 + j / 2, c = i % outCols * 2 + j % 2;
    if (r >= rows || c >= cols) continue;
    Cell q = from[r * cols + c];
    sum.different += q.different;
    sum.largest = sum.largest != sum.largest || q.largest != q.largest ? wordFloat(0x7fffffff) : fmaxf(sum.largest, q.largest);
    sum.squares = __fadd_rn(sum.squares, q.squares);
  }
  to[i] = sum;
}
