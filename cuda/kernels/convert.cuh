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

// Cell is layer.Cell: what is known of the outputs of a part of two matrices.
struct Cell {
  float largest, squares, norm;
  Word different, nan, unwritten;

  __device__ void join(const Cell &q) {
    largest = fmaxf(largest, q.largest);
    squares = __fadd_rn(squares, q.squares);
    norm = __fadd_rn(norm, q.norm);
    different += q.different;
    nan += q.nan;
    unwritten += q.unwritten;
  }
};

// One output of a type as its word and its value.
__device__ inline Word outputWord(const void *y, long long i, long long out) {
  return out == outF32 ? ((const Word *)y)[i] : ((const uint16_t *)y)[i];
}
__device__ inline float outputFloat(Word w, long long out) {
  return out == outF32 ? wordFloat(w) : out == outBF16 ? wordFloat(w << 16) : f16Float(w);
}

// diff compares two matrices of an output type in cells of 64 by 64, the lowest level of
// the pyramid behind a map. Words that are the same have no difference, also infinities. The
// order of sums is fixed.
extern "C" __global__ void __launch_bounds__(256) diff(const void *a, const void *b, Cell *to, long long rows, long long cols, long long out) {
  __shared__ Cell part[256];
  long long r0 = (long long)blockIdx.y * 64, c0 = (long long)blockIdx.x * 64;
  const Word missed = out == outF32 ? 0xffffffff : 0xffff; // what no kernel writes
  Cell mine = {0, 0, 0, 0, 0, 0};
  for (int i = threadIdx.x; i < 64 * 64; i += 256) {
    long long r = r0 + i / 64, c = c0 + i % 64;
    if (r >= rows || c >= cols) continue;
    Word p = outputWord(a, r * cols + c, out), q = outputWord(b, r * cols + c, out);
    float x = outputFloat(p, out), y = outputFloat(q, out);
    mine.different += p != q;
    mine.unwritten += p == missed || q == missed;
    if (x != x || y != y) {
      mine.nan++;
      continue;
    }
    float d = p == q ? 0.0f : fabsf(__fsub_rn(x, y));
    mine.largest = fmaxf(mine.largest, d);
    mine.squares = __fadd_rn(mine.squares, __fmul_rn(d, d));
    mine.norm = __fadd_rn(mine.norm, __fmul_rn(y, y));
  }
  part[threadIdx.x] = mine;
  for (int n = 128; n > 0; n /= 2) {
    __syncthreads();
    if (threadIdx.x < n) part[threadIdx.x].join(part[threadIdx.x + n]);
  }
  if (threadIdx.x == 0) to[(long long)blockIdx.y * gridDim.x + blockIdx.x] = part[0];
}

// pyramid halves a level of cells in both directions.
extern "C" __global__ void pyramid(const Cell *from, Cell *to, long long rows, long long cols) {
  long long outCols = (cols + 1) / 2, i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= (rows + 1) / 2 * outCols) return;
  Cell sum = {0, 0, 0, 0, 0, 0};
  for (int j = 0; j < 4; j++) {
    long long r = i / outCols * 2 + j / 2, c = i % outCols * 2 + j % 2;
    if (r < rows && c < cols) sum.join(from[r * cols + c]);
  }
  to[i] = sum;
}
