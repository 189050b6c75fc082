// The emulators: a tensor core's words by integer arithmetic, on any GPU. What they
// compute is package gemm's model of the instruction; they must return its words.
#pragma once
#include "job.cuh"

// ---- block-scaled FP4, K = 64

// A group of 16 elements in shared memory: doubled codes, and a word of what else is
// known: bits 0-15 which elements are not zero (none where the scale is zero), 16-19 the
// significand of the scale, 20-31 its exponent + 512.
constexpr int fp4Rows = 64, fp4Cols = 32, fp4Stride = 80; // bytes a row: no bank conflicts

struct GroupTile {
  int8_t codes[fp4Rows + fp4Cols][fp4Stride];
  Word known[fp4Rows + fp4Cols][4];
  int nan[fp4Rows + fp4Cols];
};

// doubled replaces the code in the low nibble of each byte by twice its value.
__device__ inline Word doubled(Word v, Word &nonzero) {
  const Word ones = 0x01010101;
  Word m = v & 7 * ones, large = m >> 2 & ones;
  Word d = m + (m & large * 3) + ((m & m >> 1 & large) << 1);
  nonzero = (m | m >> 1 | m >> 2) & ones;
  Word negative = v >> 3 & nonzero;
  return __vadd4(d ^ negative * 255, negative);
}

// stage decodes one group of a row: 8 bytes of codes and a scale byte.
__device__ inline void stage(GroupTile &t, int row, int group, uint2 codes, Word scale, bool e8m0) {
  Word out[4], nz[4];
  out[0] = doubled(codes.x, nz[0]);
  out[1] = doubled(codes.x >> 4, nz[1]);
  out[2] = doubled(codes.y, nz[2]);
  out[3] = doubled(codes.y >> 4, nz[3]);
  *(uint4 *)&t.codes[row][16 * group] = make_uint4(out[0], out[1], out[2], out[3]);
  Word mask = nz[0] | nz[1] << 1 | nz[2] << 2 | nz[3] << 3; // a nibble of each byte
  mask = (mask & 15) | (mask >> 4 & 0xf0) | (mask >> 8 & 0xf00) | (mask >> 12 & 0xf000);
  int sig, exp;
  bool nan;
  if (e8m0) {
    sig = 1, exp = (int)scale - 127, nan = scale == 0xff;
  } else {
    int field = scale >> 3 & 15;
    sig = (scale & 7) | (field ? 8 : 0), exp = max(field, 1) - 7, nan = (scale & 0x7f) == 0x7f;
  }
  if (sig == 0) mask = 0;
  t.known[row][group] = mask | sig << 16 | (Word)(exp + 512) << 20;
  if (nan) t.nan[row] = 1;
}

// emu_fp4: 256 threads have 64 rows of x by 32 rows of w, each 4 by 2 outputs.
extern "C" __global__ void __launch_bounds__(256) emu_fp4(const Args *args, long long row0, long long rows) {
  __shared__ GroupTile tile;
  const Args a = *args;
  const bool e8m0 = a.e8m0;
  const int fraction = e8m0 ? 2 : 8, perScale = a.block / 16;
  const int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
  const long long m0 = row0 + (long long)blockIdx.y * fp4Rows, n0 = (long long)blockIdx.x * fp4Cols, end = row0 + rows;
  const long long codeRow = a.k / 2, scaleRow = a.k / a.block;
  Word acc[4][2] = {};
  for (int i = threadIdx.x; i < fp4Rows + fp4Cols; i += 256) tile.nan[i] = 0;
  for (long long step = 0; step < a.k / 64; step++) {
    __syncthreads();
    for (int i = threadIdx.x; i < (fp4Rows + fp4Cols) * 4; i += 256) {
      int row = i / 4, group = i % 4;
      bool isX = row < fp4Rows;
      long long at = isX ? m0 + row : n0 + row - fp4Rows;
      uint2 codes = make_uint2(0, 0);
      Word scale = 0;
      if (at < (isX ? end : a.n)) {
        codes = *(const uint2 *)((const uint8_t *)(isX ? a.x : a.w) + at * codeRow + step * 32 + group * 8);
        scale = ((const uint8_t *)(isX ? a.xScales : a.wScales))[at * scaleRow + (step * 4 + group) / perScale];
      }
      stage(tile, row, group, codes, scale, e8m0);
    }
    __syncthreads();
    int top[4][2];
    long long units[4][2];
    for (int i = 0; i < 4; i++)
      for (int j = 0; j < 2; j++) {
        int exp, sig = significand(acc[i][j], exp), e = sig ? max(-139, exp) : -139;
        for (int g = 0; g < 4; g++) {
          Word x = tile.known[ty + 16 * i][g], w = tile.known[fp4Rows + tx + 16 * j][g];
          if (x & w & 0xffff) e = max(e, (int)(x >> 20) + (int)(w >> 20) - 1024);
        }
        top[i][j] = e;
        units[i][j] = aligned(sig, exp - 23 - e + 35);
      }
#pragma unroll
    for (int g = 0; g < 4; g++) {
      int4 w[2];
      Word wk[2];
      for (int j = 0; j < 2; j++) {
        w[j] = *(const int4 *)&tile.codes[fp4Rows + tx + 16 * j][16 * g];
        wk[j] = tile.known[fp4Rows + tx + 16 * j][g];
      }
      for (int i = 0; i < 4; i++) {
        int4 x = *(const int4 *)&tile.codes[ty + 16 * i][16 * g];
        Word xk = tile.known[ty + 16 * i][g];
        for (int j = 0; j < 2; j++) {
          int p = __dp4a(x.x, w[j].x, __dp4a(x.y, w[j].y, __dp4a(x.z, w[j].z, __dp4a(x.w, w[j].w, 0))));
          p *= (int)((xk >> 16 & 15) * (wk[j] >> 16 & 15));
          int e = (int)(xk >> 20) + (int)(wk[j] >> 20) - 1024;
          if (p) units[i][j] += aligned(p, e - fraction - top[i][j] + 35);
        }
      }
    }
    for (int i = 0; i < 4; i++)
      for (int j = 0; j < 2; j++)
        if ((acc[i][j] & 0x7f800000) != 0x7f800000) acc[i][j] = towardZero(units[i][j], top[i][j] - 35);
  }
  __syncthreads();
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 2; j++) {
      long long m = m0 + ty + 16 * i, n = n0 + tx + 16 * j;
      bool nan = tile.nan[ty + 16 * i] | tile.nan[fp4Rows + tx + 16 * j];
      if (m < end && n < a.n) finish(a, wordFloat(nan ? 0x7fffffff : acc[i][j]), m, n);
    }
}

// ---- bf16: a step takes L products at once

constexpr int wideRows = 32, wideCols = 32, wideStride = 17;

// parted is a bf16 word as exponent in the upper half (far below all for zero) and
// signed significand in the lower.
__device__ inline int parted(Word w) {
  int field = w >> 7 & 0xff, sig = (w & 0x7f) | (field ? 0x80 : 0), exp = max(field, 1) - 127;
  if (sig == 0) exp = -4096;
  return exp << 16 | ((w & 0x8000 ? -sig : sig) & 0xffff);
}

// specialStep is a step that holds a NaN or an infinity.
__device__ Word specialStep(const uint16_t *x, const uint16_t *w, int l, Word c) {
  if ((c & 0x7fffffff) > 0x7f800000) return 0x7fffffff;
  int signs = 0; // bit 0: +infinity was met, bit 1: -infinity
  if ((c & 0x7f800000) == 0x7f800000) signs |= 1 << (c >> 31);
  for (int i = 0; i < l; i++) {
    int p = x[i] & 0x7fff, q = w[i] & 0x7fff;
    if (p > 0x7f80 || q > 0x7f80) return 0x7fffffff;
    if (p < 0x7f80 && q < 0x7f80) continue;
    if (p == 0 || q == 0) return 0x7fffffff;
    signs |= 1 << ((x[i] ^ w[i]) >> 15);
  }
  return signs == 3 ? 0x7fffffff : 0x7f800000 | (Word)(signs >> 1) << 31;
}

// emu_bf16: 256 threads have 32 by 32 outputs, each 2 by 2.
extern "C" __global__ void __launch_bounds__(256) emu_bf16(const Args *args, long long row0, long long rows) {
  __shared__ int parts[wideRows + wideCols][wideStride];
  __shared__ uint16_t raw[wideRows + wideCols][18];
  const Args a = *args;
  const int l = a.l, f = a.f, eZero = a.eZero;
  const int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
  const long long m0 = row0 + (long long)blockIdx.y * wideRows, n0 = (long long)blockIdx.x * wideCols, end = row0 + rows;
  const uint16_t *words = (const uint16_t *)a.lut;
  Word acc[2][2] = {};
  for (long long k = 0; k < a.k; k += 16) {
    __syncthreads();
    bool special = false;
    for (int i = threadIdx.x; i < (wideRows + wideCols) * 16; i += 256) {
      int row = i / 16, col = i % 16;
      Word word = 0;
      if (row < wideRows) {
        if (m0 + row < end) word = ((const uint16_t *)a.x)[(m0 + row) * a.k + k + col];
      } else if (n0 + row - wideRows < a.n) {
        long long n = n0 + row - wideRows;
        Word code = ((const uint8_t *)a.w)[n * (a.k / 2) + (k + col) / 2] >> 4 * (col & 1) & 15;
        word = words[((const uint8_t *)a.wScales)[n * (a.k / a.block) + (k + col) / a.block] * 16 + code];
      }
      special |= (word & 0x7f80) == 0x7f80;
      parts[row][col] = parted(word);
      raw[row][col] = word;
    }
    special = __syncthreads_or(special);
    for (int half = 0; half < 16; half += l)
      for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
          const int *x = &parts[ty + 16 * i][half], *w = &parts[wideRows + tx + 16 * j][half];
          Word c = acc[i][j];
          bool hard = (c & 0x7f800000) == 0x7f800000;
          if (special)
            for (int t = 0; t < l; t++)
              hard |= (raw[ty + 16 * i][half + t] & 0x7f80) == 0x7f80 || (raw[wideRows + tx + 16 * j][half + t] & 0x7f80) == 0x7f80;
          if (hard) {
            acc[i][j] = specialStep(&raw[ty + 16 * i][half], &raw[wideRows + tx + 16 * j][half], l, c);
            continue;
          }
          int exp, sig = significand(c, exp), e = sig ? max(eZero, exp) : eZero;
          for (int t = 0; t < l; t++) e = max(e, (x[t] >> 16) + (w[t] >> 16));
          int sum = 0;
          for (int t = 0; t < l; t++) {
            int p = (int)(int16_t)x[t] * (int16_t)w[t];
            int v = (abs(p) << (f - 14)) >> min(e - (x[t] >> 16) - (w[t] >> 16), 31);
            sum += p < 0 ? -v : v;
          }
          acc[i][j] = towardZero(sum + aligned(sig, exp - 23 - e + f), e - f);
        }
  }
  for (int i = 0; i < 2; i++)
    for (int j = 0; j < 2; j++) {
      long long m = m0 + ty + 16 * i, n = n0 + tx + 16 * j;
      if (m < end && n < a.n) finish(a, wordFloat(acc[i][j]), m, n);
    }
}
