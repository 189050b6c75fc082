// A weight packed for mma.sync and wgmma: a word holds the 8 codes that a lane needs of a
// tile of 16 rows by 16 columns, arranged so that nine instructions turn it into operand A. A weight is
// code·scale, exact in bf16.
#pragma once
#include "job.cuh"

// A packed tile is 16 rows by 64 columns: a word of each lane for each of 4 steps. Lane
// 4g+q has in pairs A to D: rows g, g+8, g, g+8; columns 2q and 2q+1, from C on 8 more. In a
// word, bits of the low halves of pairs (the high ones are 16 above): magnitude 2,1,0 and
// sign 9 of A; 6,5,4 and 13 of B; 12,11,10 and of the other half's 3 of C; 8,7,14 and 15 of D.
__device__ inline Word packPair(int pair, Word low, Word high) {
  Word both = (low & 7) | (high & 7) << 16, sl = low >> 3 & 1, sh = high >> 3 & 1;
  switch (pair) {
  case 0: return both | sl << 9 | sh << 25;
  case 1: return both << 4 | sl << 13 | sh << 29;
  case 2: return both << 10 | sl << 19 | sh << 3;
  default: return (both >> 1 & 0x00030003) << 7 | (both & 0x00010001) << 14 | sl << 15 | sh << 31;
  }
}

__device__ inline Word fma2(Word a, Word b) { // a·b, exact here: -0 is added
  Word d;
  asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(0x80008000));
  return d;
}

// unpack turns a packed word and the scales of rows g and g+8 into operand A. Without its
// scale a code is value·2^-126. One multiplication makes up for it where the scales of lut
// are 2^t larger than they are and x is 2^(126-t) larger: products are the same. Where that
// would overflow or lose bits EXACT takes another one, and lut and x are as they are.
template <bool EXACT> __device__ inline void unpack(Word w, Word s0, Word s1, Word (&a)[4]) {
  const Word all = 0x81c081c0, one = 0x7e807e80; // 2^126
  a[0] = w << 6 & all;
  a[1] = w << 2 & all;
  a[2] = __funnelshift_r(w, w, 4) & all;
  a[3] = (w & 0x81808180) | (w >> 8 & 0x00400040);
  for (int i = 0; i < 4; i++) a[i] = fma2(EXACT ? fma2(a[i], one) : a[i], i % 2 ? s1 : s0);
}

__device__ inline void mma(float (&d)[4], const Word (&a)[4], Word b0, Word b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Loads stand where they are written: the compiler would move them behind a barrier.
__device__ inline uint4 stream16(const void *p) { // read once: past L1
  uint4 v;
  asm volatile("ld.global.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p) : "memory");
  return v;
}

// Packed is a weight as w4a16_pack leaves it: of each 64 columns all tiles of 16 rows, so that what a block reads of
// neighbouring tiles is one piece. A tile is a record: 512 bytes of codes, then its scales, rows g and g+8 of each block.
template <bool E8M0> struct Packed {
  static constexpr int scaleBytes = E8M0 ? 32 : 64, bytes = 512 + scaleBytes;
  const char *w;
  long long tilesN;
  __device__ inline Packed(const void *w, long long n) : w((const char *)w), tilesN((n + 15) / 16) {}
  __device__ inline const char *tile(long long tileN, long long tileK) const { return w + (tileK * tilesN + tileN) * bytes; }
  __device__ inline long long step() const { return tilesN * bytes; } // to the next 64 columns
};

// Fragment is a lane's part of a packed tile: codes of four steps and their scales.
template <bool E8M0, bool EXACT> struct Fragment {
  static constexpr int perRow = E8M0 ? 4 : 8; // bytes of scales of rows g and g+8
  uint4 codes;
  uint2 scales;

  // load takes a lane's part of a tile in memory.
  __device__ inline void load(const char *tile, int lane) {
    codes = stream16(tile + lane * 16);
    const char *from = tile + 512 + lane / 4 * perRow;
    if (E8M0)
      asm volatile("ld.global.u32 %0, [%1];" : "=r"(scales.x) : "l"(from) : "memory");
    else
      asm volatile("ld.global.v2.u32 {%0,%1}, [%2];" : "=r"(scales.x), "=r"(scales.y) : "l"(from) : "memory");
  }

  // take reads it from shared memory.
  __device__ inline void take(uint32_t tile, int lane) {
    const uint32_t from = tile + lane * 16, fromScales = tile + 512 + lane / 4 * perRow;
    asm volatile("ld.shared.v4.u32 {%0,%1,%2,%3}, [%4];" : "=r"(codes.x), "=r"(codes.y), "=r"(codes.z), "=r"(codes.w) : "r"(from) : "memory");
    if (E8M0)
      asm volatile("ld.shared.u32 %0, [%1];" : "=r"(scales.x) : "r"(fromScales) : "memory");
    else
      asm volatile("ld.shared.v2.u32 {%0,%1}, [%2];" : "=r"(scales.x), "=r"(scales.y) : "r"(fromScales) : "memory");
  }

  // step decodes operand A of one step.
  __device__ inline void step(int s, const Word *lut, Word (&out)[4]) const {
    Word w = s == 0 ? codes.x : s == 1 ? codes.y : s == 2 ? codes.z : codes.w;
    int at = E8M0 ? s / 2 : s;
    Word four = at < 2 ? scales.x : scales.y;
    unpack<EXACT>(w, lut[four >> at % 2 * 16 & 0xff], lut[four >> (at % 2 * 16 + 8) & 0xff], out);
  }
};
