// What every kernel of a product shares: its arguments, and the epilogue.
#pragma once
#include <cstdint>

using Word = uint32_t;

// Args are a product's arguments in device memory; package cuda writes them (args in
// run.go), field for field. Every field is eight bytes wide.
struct Args {
  const void *x, *xScales;   // of x: bf16 words, or codes and their scales
  const void *w, *wScales;   // of w: codes and scales, as rows or in blocks; or both in w, packed for w4a16
  void *y;                   // rows × n of the output type
  const Word *lut;           // 256 scale bytes as pairs of bf16; for emu-bf16 256·16 words
  const float *alpha, *bias; // one alpha, or one a row; bias by column, null without
  long long rows, n, k;      // k is padded to whole tiles of 64
  long long alphas, block, e8m0;
  long long alphaPlace, biasPlace, out;
  long long l, f, eZero;     // of emu-bf16: the row of the table
};

enum { outF32, outBF16, outF16 };
enum { alphaF32, alphaBF16, alphaOut };
enum { biasNone, biasF32, biasOut };

__device__ inline float wordFloat(Word w) { return __uint_as_float(w); }
__device__ inline Word floatWord(float f) { return __float_as_uint(f); }

// bf16Word rounds to nearest even; NaN is the one NaN of the hardware's conversions.
__device__ inline Word bf16Word(float v) {
  Word b = floatWord(v);
  return v != v ? 0x7fff : (b + 0x7fff + (b >> 16 & 1)) >> 16;
}

__device__ inline Word f16Word(float v) {
  uint16_t h;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(v));
  return v != v ? 0x7fff : h;
}

__device__ inline float f16Float(Word h) {
  float f;
  asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"((uint16_t)h));
  return f;
}

// rounded is v in the output type, as a float.
__device__ inline float rounded(float v, long long out) {
  if (v != v) return wordFloat(0x7fffffff);
  if (out == outBF16) return wordFloat(bf16Word(v) << 16);
  if (out == outF16) return f16Float(f16Word(v));
  return v;
}

// epilogue is from accumulator to output, before the last rounding.
__device__ inline float epilogue(const Args &a, float acc, long long row, long long col) {
  float alpha = a.alpha[a.alphas == 1 ? 0 : row], v;
  if (a.alphaPlace == alphaF32) {
    v = __fmul_rn(alpha, acc);
  } else if (a.alphaPlace == alphaBF16) {
    v = __fmul_rn(wordFloat(bf16Word(alpha) << 16), acc);
  } else {
    v = rounded(__fmul_rn(rounded(alpha, a.out), rounded(acc, a.out)), a.out);
  }
  if (a.biasPlace == biasF32) v = __fadd_rn(v, a.bias[col]);
  if (a.biasPlace == biasOut) v = __fadd_rn(rounded(v, a.out), rounded(a.bias[col], a.out));
  return v;
}

// finish writes one output.
__device__ inline void finish(const Args &a, float acc, long long row, long long col) {
  float v = epilogue(a, acc, row, col);
  long long at = row * a.n + col;
  if (a.out == outF32)
    ((Word *)a.y)[at] = v != v ? 0x7fffffff : floatWord(v);
  else
    ((uint16_t *)a.y)[at] = a.out == outBF16 ? bf16Word(v) : f16Word(v);
}

// significand splits a finite word: value = sig·2^(exp-23).
__device__ inline int significand(Word c, int &exp) {
  int sig = c & 0x7fffff, field = c >> 23 & 0xff;
  exp = max(field, 1) - 127;
  if (field) sig |= 1 << 23;
  return (int)c < 0 ? -sig : sig;
}

// aligned is v·2^n cut toward zero. Nothing is lost at the top.
__device__ inline long long aligned(long long v, int n) {
  if (n >= 0) return v << min(n, 63);
  n = min(-n, 63);
  return v < 0 ? -(long long)((unsigned long long)-v >> n) : v >> n;
}

// towardZero is u·2^q as FP32: subnormals are kept, 2^128 and above is infinity, zero is +0.
__device__ inline Word towardZero(long long u, int q) {
  if (u == 0) return 0;
  Word sign = u < 0 ? 0x80000000 : 0;
  unsigned long long mag = u < 0 ? -u : u;
  int top = 63 - __clzll(mag) + q;
  if (top > 127) return sign | 0x7f800000;
  int quantum = max(top, -126) - 23, drop = quantum - q;
  mag = drop >= 0 ? mag >> min(drop, 63) : mag << -drop;
  if (mag == 0) return 0;
  if (mag >> 23 == 0) return sign | (Word)mag;
  return sign | (Word)(max(top, -126) + 127) << 23 | ((Word)mag & 0x7fffff);
}
