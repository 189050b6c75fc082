// Quantizing bf16 words as flashinfer's kernels do in their default build, with fast math: by
// this GPU's approximate reciprocal. The rule is that of flashinfer 0.7.4, restated;
// ../quantrule.go has it once more, for the CPU, and says where a result may depend on the
// reciprocal.
#pragma once
#include "job.cuh"

__device__ inline float approxReciprocal(float v) {
  float r;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(v));
  return r;
}

// A product of fast math: subnormal numbers are zeros.
__device__ inline float product(float a, float b) {
  float r;
  asm("mul.rn.ftz.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
  return r;
}

// Software has the conversions by integers and comparisons, for any GPU. It returns what the
// instructions of Instructions do.
struct Software {
  // To the nearest code, ties to even, saturated; NaN is +6, zero keeps its sign.
  static __device__ Word e2m1(float v) {
    if (v != v) return 7;
    float m = fabsf(v);
    Word code = (m > 0.25f) + (m >= 0.75f) + (m > 1.25f) + (m >= 1.75f) + (m > 2.5f) + (m >= 3.5f) + (m > 5.0f);
    return code | floatWord(v) >> 31 << 3;
  }

  static __device__ Word e2m1x8(const float *v) {
    Word r = 0;
    for (int i = 0; i < 8; i++) r |= e2m1(v[i]) << 4 * i;
    return r;
  }

  // A number that is not negative to E4M3: nearest, ties to even, saturated at 448.
  static __device__ Word e4m3(float v) {
    if (v != v) return 0x7f;
    v = fminf(v, 448.0f);
    if (v < 0.015625f) return __float2int_rn(v * 512.0f); // subnormal: units of 2^-9; 8 is the smallest normal
    Word b = floatWord(v);
    b += 0x7ffff + (b >> 20 & 1);
    return (b >> 20) - ((127 - 7) << 3);
  }

  // A number that is not negative up to a power of two, saturated at 2^127; NaN is 0xff.
  static __device__ Word e8m0(float v) {
    Word b = floatWord(v);
    if (v != v) return 0xff;
    if (b <= 0x400000) return 0; // up to 2^-127
    b = (b + 0x7fffff) >> 23;
    return b < 254 ? b : 254;
  }
};

// Instructions has the conversions of sm_100a, sm_103a, sm_110a, sm_120a and sm_121a.
struct Instructions {
  static __device__ Word e2m1x8(const float *v) {
    Word r;
    asm("{ .reg .b8 a, b, c, d;"
        "  cvt.rn.satfinite.e2m1x2.f32 a, %2, %1; cvt.rn.satfinite.e2m1x2.f32 b, %4, %3;"
        "  cvt.rn.satfinite.e2m1x2.f32 c, %6, %5; cvt.rn.satfinite.e2m1x2.f32 d, %8, %7;"
        "  mov.b32 %0, {a, b, c, d}; }"
        : "=r"(r) : "f"(v[0]), "f"(v[1]), "f"(v[2]), "f"(v[3]), "f"(v[4]), "f"(v[5]), "f"(v[6]), "f"(v[7]));
    return r;
  }

  static __device__ Word e4m3(float v) {
    uint16_t r;
    asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(r) : "f"(0.0f), "f"(v));
    return r;
  }

  static __device__ Word e8m0(float v) {
    uint16_t r;
    asm("cvt.rp.satfinite.ue8m0x2.f32 %0, %1, %2;" : "=h"(r) : "f"(0.0f), "f"(v));
    return r;
  }
};

__device__ inline float e4m3Float(Word s) {
  Word field = s >> 3 & 15, frac = s & 7;
  if (s == 0x7f) return wordFloat(0x7fffffff);
  return field ? wordFloat((field + 120) << 23 | frac << 20) : frac * 0.001953125f;
}

// values reads a block and returns its largest magnitude, which passes over NaN unless there
// is nothing else. A block begins at a multiple of 32 bytes.
template <int N> __device__ inline float values(const uint16_t *x, float *v) {
  for (int j = 0; j < N / 8; j++) {
    uint4 q = ((const uint4 *)x)[j];
    const Word w[4] = {q.x, q.y, q.z, q.w};
    for (int i = 0; i < 4; i++) {
      v[8 * j + 2 * i] = wordFloat(w[i] << 16);
      v[8 * j + 2 * i + 1] = wordFloat(w[i] & 0xffff0000);
    }
  }
  float amax = fabsf(v[0]);
  for (int j = 1; j < N; j++) amax = fmaxf(amax, fabsf(v[j]));
  return amax;
}

// quantizeNV: one thread a block of 16, under the encode scale g. A block whose scale rounds
// to zero has no elements.
template <class Convert>
__device__ inline void quantizeNV(const uint16_t *x, uint8_t *codes, uint8_t *scales, float g, long long blocks) {
  long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= blocks) return;
  float v[16], amax = values<16>(x + i * 16, v);
  Word s = Convert::e4m3(product(g, product(amax, approxReciprocal(6.0f))));
  float by = s ? approxReciprocal(product(e4m3Float(s), approxReciprocal(g))) : 0.0f;
  for (int j = 0; j < 16; j++) v[j] = product(v[j], by);
  scales[i] = s;
  ((uint2 *)codes)[i] = make_uint2(Convert::e2m1x8(v), Convert::e2m1x8(v + 8));
}

// quantizeMX: one thread a block of 32. The inverse of a power of two is exact; that of the
// smallest and of those from 2^127 on is zero.
template <class Convert>
__device__ inline void quantizeMX(const uint16_t *x, uint8_t *codes, uint8_t *scales, long long blocks) {
  long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= blocks) return;
  float v[32], amax = values<32>(x + i * 32, v);
  Word s = Convert::e8m0(__fmul_rn(amax, approxReciprocal(6.0f)));
  float by = s == 0 || s >= 254 ? 0.0f : wordFloat((254 - s) << 23);
  for (int j = 0; j < 32; j++) v[j] = __fmul_rn(v[j], by);
  scales[i] = s;
  ((uint4 *)codes)[i] = make_uint4(Convert::e2m1x8(v), Convert::e2m1x8(v + 8), Convert::e2m1x8(v + 16), Convert::e2m1x8(v + 24));
}
