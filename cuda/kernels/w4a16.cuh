// bf16 activations times FP4 weights on the tensor cores of sm_80 and later. A weight is
// code·scale, exact in bf16; accumulators are FP32; the global scale waits for the epilogue.
//
// The weight is operand A of mma.sync m16n8k16, so that 8 rows of x suffice. It is
// packed once: a word holds the 8 codes that a lane needs of a tile of 16 rows by 16
// columns, arranged so that nine instructions turn it into operands.
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

// w4a16_pack packs codes and scales: from rows of k/2 and k/block bytes to tiles in the
// order of rows of tiles. Rows beyond n are zero.
extern "C" __global__ void w4a16_pack(const uint8_t *codes, const uint8_t *scales, Word *to, uint8_t *toScales,
                                      long long n, long long k, long long block) {
  long long tilesK = k / 64, tiles = (n + 15) / 16 * tilesK;
  long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; // a word
  if (i < tiles * 128) {
    int step = i % 4, lane = i / 4 % 32, g = lane / 4, q = lane % 4;
    long long tile = i / 128, row = tile / tilesK * 16 + g, col = tile % tilesK * 64 + 16 * step + 2 * q;
    Word word = 0;
    for (int pair = 0; pair < 4; pair++) {
      long long r = row + pair % 2 * 8;
      Word byte = r < n ? codes[r * (k / 2) + (col + pair / 2 * 8) / 2] : 0;
      word |= packPair(pair, byte & 15, byte >> 4);
    }
    to[i] = word;
  }
  int perTile = 16 * 64 / block; // scales: of a tile by g, then block, then row g or g+8
  if (i < tiles * perTile) {
    int blocks = 64 / block, r = i % 2, b = i / 2 % blocks, g = i / 2 / blocks % 8;
    long long tile = i / perTile, row = tile / tilesK * 16 + g + 8 * r;
    toScales[i] = row < n ? scales[row * (k / block) + tile % tilesK * blocks + b] : 0;
  }
}

__device__ inline Word fma2(Word a, Word b) { // a·b, exact here: -0 is added
  Word d;
  asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(0x80008000));
  return d;
}

// unpack turns a packed word and the scales of rows g and g+8 into operand A.
__device__ inline void unpack(Word w, Word s0, Word s1, Word (&a)[4]) {
  const Word all = 0x81c081c0, one = 0x7e807e80; // 2^126: a code without scaling is value·2^-126
  a[0] = fma2(fma2(w << 6 & all, one), s0);
  a[1] = fma2(fma2(w << 2 & all, one), s1);
  a[2] = fma2(fma2(__funnelshift_r(w, w, 4) & all, one), s0);
  a[3] = fma2(fma2((w & 0x81808180) | (w >> 8 & 0x00400040), one), s1);
}

__device__ inline void mma(float (&d)[4], const Word (&a)[4], Word b0, Word b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ inline uint4 stream16(const void *p) { // read once: past L1
  uint4 v;
  asm("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p));
  return v;
}

// Fragment is a lane's part of a packed tile: codes of four steps and their scales.
template <bool E8M0> struct Fragment {
  uint4 codes;
  uint2 scales;

  __device__ inline void load(const Args &a, long long tile, int lane) {
    codes = stream16((const uint4 *)a.w + tile * 32 + lane);
    if (E8M0)
      scales.x = __ldg((const Word *)a.wScales + tile * 8 + lane / 4);
    else
      scales = __ldg((const uint2 *)a.wScales + tile * 8 + lane / 4);
  }

  // step decodes operand A of one step.
  __device__ inline void step(int s, const Word *lut, Word (&out)[4]) const {
    Word w = s == 0 ? codes.x : s == 1 ? codes.y : s == 2 ? codes.z : codes.w;
    int at = E8M0 ? s / 2 : s;
    Word both = (at < 2 ? scales.x : scales.y) >> 16 * (at % 2);
    unpack(w, lut[both & 0xff], lut[both >> 8 & 0xff], out);
  }
};

// ---- few rows of x: bound by the bytes of the weight

constexpr int slices = 16; // of K: one a warp, added in ascending K; order split:16

// order8 puts 8 elements of a row of x, the i-th of all, where operand B wants them.
__device__ inline void order8(const Args &a, uint4 *to, long long i, long long row0, long long rows) {
  long long tilesK = a.k / 64, oct = i % (tilesK * 8), row = i / (tilesK * 8);
  uint4 v = make_uint4(0, 0, 0, 0);
  if (row < rows) v = *((const uint4 *)a.x + (row0 + row) * (a.k / 8) + oct);
  Word *at = (Word *)(to + ((row / 8 * tilesK + oct / 8) * 2 + oct % 8 / 4) * 32 + row % 8 * 4) + oct % 4;
  at[0] = v.x, at[4] = v.y, at[8] = v.z, at[12] = v.w;
}

// w4a16_order does so for x that shared memory does not hold: 16 rows.
extern "C" __global__ void w4a16_order(const Args *args, uint4 *to, long long row0, long long rows) {
  const Args a = *args;
  long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  if (i < 16 * a.k / 8) order8(a, to, i, row0, rows);
}

// w4a16_small: blocks walk over tiles of 16 columns of y; each of 16 warps has a slice of
// K for 8·MT rows. x lies in shared memory in the order of operand B: all of it.
template <int MT, bool E8M0, bool FAR>
__device__ void small(const Args *args, const uint4 *packed, long long row0, long long rows) {
  constexpr int depth = 4; // packed tiles on the way
  extern __shared__ uint4 shared[];
  const Args a = *args;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int tilesK = a.k / 64, first = warp * tilesK / slices, count = (warp + 1) * tilesK / slices - first;
  const int tilesN = (a.n + 15) / 16;
  float *sums = (float *)shared;                    // [2][slices][MT·128]
  Word *lut = (Word *)(sums + 2 * slices * MT * 128); // [256]
  uint4 *near = (uint4 *)(lut + 256);               // [MT][tilesK][2][32]

  Fragment<E8M0> ring[depth];
  long long nextN = blockIdx.x;
  int nextT = 0;
  auto fetch = [&](Fragment<E8M0> &to) {
    if (nextN >= tilesN || count == 0) return;
    to.load(a, nextN * tilesK + first + nextT, lane);
    if (++nextT == count) nextT = 0, nextN += gridDim.x;
  };
#pragma unroll
  for (int i = 0; i < depth; i++) fetch(ring[i]);

  for (int i = threadIdx.x; i < 256; i += blockDim.x) lut[i] = a.lut[i];
  if (!FAR)
    for (int i = threadIdx.x; i < MT * tilesK * 64; i += blockDim.x) order8(a, near, i, row0, rows);
  __syncthreads();

  long long tileN = blockIdx.x;
  int t = 0, buffer = 0;
  float acc[MT][4] = {};
  auto close = [&] { // the slices of one tile of y meet
    float *mine = sums + buffer * slices * MT * 128;
    for (int m = 0; m < MT; m++)
      *(float4 *)&mine[warp * MT * 128 + m * 128 + lane * 4] = make_float4(acc[m][0], acc[m][1], acc[m][2], acc[m][3]);
    __syncthreads();
    for (int i = threadIdx.x; i < MT * 128; i += blockDim.x) {
      float sum = mine[i];
      for (int s = 1; s < slices; s++) sum = __fadd_rn(sum, mine[s * MT * 128 + i]);
      int part = i % 4, l = i / 4 % 32;
      long long m = i / 128 * 8 + l % 4 * 2 + part % 2, n = tileN * 16 + l / 4 + part / 2 * 8;
      if (m < rows && n < a.n) finish(a, sum, row0 + m, n);
    }
    for (int m = 0; m < MT; m++)
      for (int i = 0; i < 4; i++) acc[m][i] = 0;
    buffer ^= 1;
    tileN += gridDim.x;
  };
  if (count == 0) {
    while (tileN < tilesN) close();
    return;
  }
  while (tileN < tilesN) {
#pragma unroll
    for (int i = 0; i < depth; i++) {
      if (tileN >= tilesN) break;
      Fragment<E8M0> now = ring[i];
      fetch(ring[i]);
      Word xw[MT][8];
#pragma unroll
      for (int m = 0; m < MT; m++) {
        const uint4 *from = (FAR ? packed : near) + (m * tilesK + first + t) * 64 + lane;
        uint4 lo = from[0], hi = from[32];
        xw[m][0] = lo.x, xw[m][1] = lo.y, xw[m][2] = lo.z, xw[m][3] = lo.w;
        xw[m][4] = hi.x, xw[m][5] = hi.y, xw[m][6] = hi.z, xw[m][7] = hi.w;
      }
#pragma unroll
      for (int s = 0; s < 4; s++) {
        Word w[4];
        now.step(s, lut, w);
#pragma unroll
        for (int m = 0; m < MT; m++) mma(acc[m], w, xw[m][2 * s], xw[m][2 * s + 1]);
      }
      if (++t == count) t = 0, close();
    }
  }
}

#define SMALL(NAME, MT, E8M0, FAR)                                                      \
  extern "C" __global__ void __launch_bounds__(512, 1)                                   \
      NAME(const Args *a, const uint4 *packed, long long row0, long long rows) {         \
    small<MT, E8M0, FAR>(a, packed, row0, rows);                                         \
  }
SMALL(w4a16_nv_8, 1, false, false)
SMALL(w4a16_nv_16, 2, false, false)
SMALL(w4a16_nv_8_far, 1, false, true)
SMALL(w4a16_nv_16_far, 2, false, true)
SMALL(w4a16_mx_8, 1, true, false)
SMALL(w4a16_mx_16, 2, true, false)
SMALL(w4a16_mx_8_far, 1, true, true)
SMALL(w4a16_mx_16_far, 2, true, true)

// ---- many rows: bound by the tensor cores; one chain along K, order sequential

constexpr int bigRows = 128, stages = 4, stageBytes = bigRows * 128;

__device__ inline void copy16(uint32_t to, const void *from, bool there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(there ? 16 : 0) : "memory");
}

// big: 8 warps, four along n and two along m; a warp has 16·RT columns of y by 64 rows of
// x. Packed tiles go straight to registers; x to shared memory, its 16-byte columns
// exchanged so that neither copies nor ldmatrix meet in a bank.
template <int RT, bool E8M0> __device__ void big(const Args *args, long long row0, long long rows) {
  extern __shared__ uint4 shared[];
  const Args a = *args;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, q = lane % 4;
  const int tilesK = a.k / 64;
  const long long m0 = (long long)blockIdx.x * bigRows, n0 = (long long)blockIdx.y * RT * 4 + warp % 4 * RT; // tiles of 16
  const long long tilesN = (a.n + 15) / 16;
  const int mw = warp / 4 * 64;
  Word *lut = (Word *)shared;
  const uint32_t xs = (uint32_t)__cvta_generic_to_shared(shared) + 1024;
  for (int i = threadIdx.x; i < 256; i += blockDim.x) lut[i] = a.lut[i];

  auto copy = [&](int tile) {
    if (tile < tilesK)
      for (int i = 0; i < 4; i++) {
        int at = i * 256 + threadIdx.x, row = at / 8, col = at % 8;
        bool there = m0 + row < rows;
        const uint4 *from = (const uint4 *)a.x + (row0 + (there ? m0 + row : 0)) * (a.k / 8) + tile * 8 + col;
        copy16(xs + tile % stages * stageBytes + row * 128 + (col ^ row % 8) * 16, from, there);
      }
    asm volatile("cp.async.commit_group;" ::: "memory");
  };
  Fragment<E8M0> next[RT];
  auto fetch = [&](int tile) {
#pragma unroll
    for (int r = 0; r < RT; r++)
      if (tile < tilesK && n0 + r < tilesN) next[r].load(a, (n0 + r) * tilesK + tile, lane);
  };
#pragma unroll
  for (int r = 0; r < RT; r++) next[r].codes = make_uint4(0, 0, 0, 0), next[r].scales = make_uint2(0, 0);
  fetch(0);
  for (int i = 0; i < stages - 1; i++) copy(i);
  float acc[RT][8][4] = {};
  // ldmatrix: lanes 0-7 and 8-15 the halves of K of 8 rows, 16-31 those of the next 8.
  const int lrow = mw + lane % 8 + lane / 16 * 8, lcol = lane / 8 % 2;
  for (int tile = 0; tile < tilesK; tile++) {
    asm volatile("cp.async.wait_group %0;" ::"n"(stages - 2) : "memory");
    __syncthreads();
    copy(tile + stages - 1);
    Fragment<E8M0> now[RT];
#pragma unroll
    for (int r = 0; r < RT; r++) now[r] = next[r];
    fetch(tile + 1);
    const uint32_t stage = xs + tile % stages * stageBytes;
#pragma unroll
    for (int s = 0; s < 4; s++) {
      Word b[8][2];
#pragma unroll
      for (int j = 0; j < 4; j++) {
        int row = lrow + 16 * j;
        uint32_t at = stage + row * 128 + ((2 * s + lcol) ^ row % 8) * 16;
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(b[2 * j][0]), "=r"(b[2 * j][1]), "=r"(b[2 * j + 1][0]), "=r"(b[2 * j + 1][1])
                     : "r"(at) : "memory");
      }
#pragma unroll
      for (int r = 0; r < RT; r++) {
        Word w[4];
        now[r].step(s, lut, w);
#pragma unroll
        for (int j = 0; j < 8; j++) mma(acc[r][j], w, b[j][0], b[j][1]);
      }
    }
  }
  // By way of shared memory, for whole lines of y; a warp has 16 columns by 64 rows of it.
  asm volatile("cp.async.wait_all;" ::: "memory");
  __syncthreads();
  float *mine = (float *)(lut + 256) + warp * 64 * 17;
#pragma unroll
  for (int r = 0; r < RT; r++) {
#pragma unroll
    for (int j = 0; j < 8; j++)
#pragma unroll
      for (int i = 0; i < 4; i++) mine[(8 * j + 2 * q + i % 2) * 17 + g + i / 2 * 8] = acc[r][j][i];
    __syncwarp();
#pragma unroll 1
    for (int i = lane; i < 64 * 16; i += 32) {
      long long m = m0 + mw + i / 16, n = (n0 + r) * 16 + i % 16;
      if (m < rows && n < a.n) finish(a, mine[i / 16 * 17 + i % 16], row0 + m, n);
    }
    __syncwarp();
  }
}

#define BIG(NAME, RT, E8M0)                                                                                           \
  extern "C" __global__ void __launch_bounds__(256, RT == 1 ? 2 : 1) NAME(const Args *a, long long row0, long long rows) { \
    big<RT, E8M0>(a, row0, rows);                                                                            \
  }
BIG(w4a16_nv_128x64, 1, false)
BIG(w4a16_nv_128x256, 4, false)
BIG(w4a16_mx_128x64, 1, true)
BIG(w4a16_mx_128x256, 4, true)
