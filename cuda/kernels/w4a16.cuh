// bf16 activations times FP4 weights on the tensor cores of sm_80 and later. A weight is
// code·scale, exact in bf16; accumulators are FP32; the global scale waits for the epilogue.
//
// The weight is operand A of mma.sync m16n8k16, so that 8 rows of x suffice. It is packed once.
#pragma once
#include "packed.cuh"

// w4a16_pack packs codes and scales: from rows of k/2 and k/block bytes to the records of
// Packed, of so many bytes. Rows beyond n are zero.
extern "C" __global__ void w4a16_pack(const uint8_t *codes, const uint8_t *scales, uint8_t *to, long long n, long long k, long long block) {
  long long tilesN = (n + 15) / 16, tiles = tilesN * (k / 64);
  int perTile = 16 * 64 / block, record = 512 + perTile; // scales of a tile by g, then block, then row g or g+8
  long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; // a word
  if (i < tiles * 128) {
    int step = i % 4, lane = i / 4 % 32, g = lane / 4, q = lane % 4;
    long long tile = i / 128, row = tile % tilesN * 16 + g, col = tile / tilesN * 64 + 16 * step + 2 * q;
    Word word = 0;
    for (int pair = 0; pair < 4; pair++) {
      long long r = row + pair % 2 * 8;
      Word byte = r < n ? codes[r * (k / 2) + (col + pair / 2 * 8) / 2] : 0;
      word |= packPair(pair, byte & 15, byte >> 4);
    }
    *(Word *)(to + tile * record + i % 128 * 4) = word;
  }
  if (i < tiles * perTile) {
    int blocks = 64 / block, r = i % 2, b = i / 2 % blocks, g = i / 2 / blocks % 8;
    long long tile = i / perTile, row = tile % tilesN * 16 + g + 8 * r;
    to[tile * record + 512 + i % perTile] = row < n ? scales[row * (k / block) + tile / tilesN * blocks + b] : 0;
  }
}

// ---- few rows of x: bound by the bytes of the weight

constexpr int slices = 16; // of K: one a warp, added in ascending K; order split:16

// order8 puts 8 elements of a row of x where operand B wants them.
__device__ inline void order8(uint4 *to, int tilesK, int row, int oct, uint4 v) {
  Word *at = (Word *)(to + ((row / 8 * tilesK + oct / 8) * 2 + oct % 8 / 4) * 32 + row % 8 * 4) + oct % 4;
  at[0] = v.x, at[4] = v.y, at[8] = v.z, at[12] = v.w;
}

// order puts a column of 8 elements of so many rows of x there, eight rows on the way at a time.
template <int ROWS> __device__ inline void order(const Args &a, uint4 *to, int oct, long long row0, long long rows) {
  const uint4 *from = (const uint4 *)a.x + row0 * (a.k / 8) + oct;
#pragma unroll
  for (int r = 0; r < ROWS; r += 8) {
    uint4 v[8];
#pragma unroll
    for (int i = 0; i < 8; i++) {
      v[i] = make_uint4(0, 0, 0, 0);
      if (r + i < rows) v[i] = from[(r + i) * (a.k / 8)];
    }
#pragma unroll
    for (int i = 0; i < 8; i++) order8(to, a.k / 64, r + i, oct, v[i]);
  }
}

// w4a16_order does so for x that shared memory does not hold: 16 rows.
extern "C" __global__ void w4a16_order(const Args *args, uint4 *to, long long row0, long long rows) {
  const Args a = *args;
  int oct = blockIdx.x * blockDim.x + threadIdx.x;
  if (oct < a.k / 8) order<16>(a, to, oct, row0, rows);
}

// w4a16_small: blocks walk over tiles of 16 columns of y; each of 16 warps has a slice of
// K for 8·MT rows. x lies in shared memory in the order of operand B: all of it.
template <int MT, bool E8M0, bool FAR>
__device__ void small(const Args *args, const uint4 *packed, long long row0, long long rows, const char *w,
                      long long n, long long k) {
  constexpr int depth = 4; // packed tiles on the way
  extern __shared__ uint4 shared[];
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int tilesK = k / 64, first = warp * tilesK / slices, count = (warp + 1) * tilesK / slices - first;
  const int tilesN = (n + 15) / 16;
  Word *lut = (Word *)shared;                       // [256]
  float *sums = (float *)(lut + 256);               // [4][slices][MT·128]
  uint4 *near = (uint4 *)(sums + 4 * slices * MT * 128); // [MT][tilesK][2][32]

  // The weight is asked for before anything else is known.
  Fragment<E8M0, false> ring[depth];
  const Packed<E8M0> weight(w, n);
  const long long step = weight.step(), turn = (long long)gridDim.x * weight.bytes;
  const char *at = weight.tile(blockIdx.x, first);
#pragma unroll
  for (int i = 0; i < depth; i++)
    if (i < count) ring[i].load(at + i * step, lane);
  __syncthreads(); // nothing is shared yet: it keeps the loads above what follows

  const Args a = *args;
  for (int i = threadIdx.x; i < 256; i += blockDim.x) lut[i] = a.lut[i];
  if (!FAR)
    for (int oct = threadIdx.x; oct < tilesK * 8; oct += blockDim.x) order<8 * MT>(a, near, oct, row0, rows);
  __syncthreads();

  long long tileN = blockIdx.x;
  int left = (tilesN - 1 - (int)blockIdx.x) / (int)gridDim.x + 1, buffer = 0; // tiles of y
  const uint4 *const x0 = (FAR ? packed : near) + first * 64 + lane;
  float acc[MT][4] = {};
  const bool plain = a.out == outBF16 && a.alphas == 1 && a.alphaPlace == alphaF32 && a.biasPlace == biasNone;
  const float alpha = a.alpha[0];
  for (; left > 0;) {
    const char *next = at + turn;
    for (int t0 = 0; t0 < count; t0 += depth) {
#pragma unroll
      for (int i = 0; i < depth; i++) {
        const int t = t0 + i;
        if (t >= count) break;
        Word xw[MT][8];
#pragma unroll
        for (int m = 0; m < MT; m++) {
          const uint4 *from = x0 + (m * tilesK + t) * 64;
          const uint4 lo = from[0], hi = from[32];
          xw[m][0] = lo.x, xw[m][1] = lo.y, xw[m][2] = lo.z, xw[m][3] = lo.w;
          xw[m][4] = hi.x, xw[m][5] = hi.y, xw[m][6] = hi.z, xw[m][7] = hi.w;
        }
#pragma unroll
        for (int s = 0; s < 4; s++) {
          Word operand[4];
          ring[i].step(s, lut, operand);
#pragma unroll
          for (int m = 0; m < MT; m++) mma(acc[m], operand, xw[m][2 * s], xw[m][2 * s + 1]);
        }
        // Last, so that it lands in the registers that are free now.
        const bool same = t + depth < count; // what this place of the ring holds next is of the same tile of y
        if (same || left > 1)
          ring[i].load(same ? at + (t + depth) * step : next + i * step, lane);
      }
    }
    at = next;
    // A tile of y is done; the slices of every two meet.
#pragma unroll
    for (int m = 0; m < MT; m++) {
      *(float4 *)&sums[((buffer * slices + warp) * MT + m) * 128 + lane * 4] = make_float4(acc[m][0], acc[m][1], acc[m][2], acc[m][3]);
      acc[m][0] = acc[m][1] = acc[m][2] = acc[m][3] = 0;
    }
    left--;
    if (buffer % 2 == 1 || left == 0) {
      __syncthreads();
      if (threadIdx.x < (buffer % 2 + 1) * MT * 128) {
        const int i = threadIdx.x % (MT * 128), which = threadIdx.x / (MT * 128);
        const float *from = sums + (buffer / 2 * 2 + which) * slices * MT * 128 + i;
        float sum = from[0];
#pragma unroll
        for (int s = 1; s < slices; s++) sum = __fadd_rn(sum, from[s * MT * 128]);
        const int part = i % 4, l = i / 4 % 32, m = i / 128 * 8 + l % 4 * 2 + part % 2;
        const long long col = (tileN + which * gridDim.x) * 16 + l / 4 + part / 2 * 8;
        if (m < rows && col < n) {
          if (plain)
            ((uint16_t *)a.y)[(row0 + m) * n + col] = bf16Word(__fmul_rn(alpha, sum));
          else
            finish(a, sum, row0 + m, col);
        }
      }
      tileN += (buffer % 2 + 1) * gridDim.x;
      buffer |= 1;
    }
    buffer = (buffer + 1) % 4;
  }
}

#define SMALL(NAME, MT, E8M0, FAR)                                                                                \
  extern "C" __global__ void __launch_bounds__(512, 1)                                                             \
      NAME(const Args *a, const uint4 *packed, long long row0, long long rows, const char *w, long long n, long long k) { \
    small<MT, E8M0, FAR>(a, packed, row0, rows, w, n, k);                                                          \
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

constexpr int stages = 4;

__device__ inline void copy16(uint32_t to, const void *from, bool there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(there ? 16 : 0) : "memory");
}

// big: 8 warps along n, each with 16·RT columns of y for all 8·MJ rows of x, so that no
// code is decoded twice. Packed tiles go straight to registers; x to shared memory, its
// 16-byte columns exchanged so that neither copies nor ldmatrix meet in a bank.
template <int RT, int MJ, bool E8M0, bool EXACT> __device__ void big(const Args *args, long long row0, long long rows) {
  constexpr int stageBytes = MJ * 8 * 128;
  extern __shared__ uint4 shared[];
  const Args a = *args;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, q = lane % 4;
  const int tilesK = a.k / 64;
  const long long m0 = (long long)blockIdx.x * MJ * 8, n0 = ((long long)blockIdx.y * 8 + warp) * RT; // tiles of 16
  Word *lut = (Word *)shared;
  const uint32_t xs = (uint32_t)__cvta_generic_to_shared(shared) + 1024;
  for (int i = threadIdx.x; i < 256; i += blockDim.x) lut[i] = a.lut[i];

  // Each thread copies column threadIdx.x % 8 of rows threadIdx.x / 8 + 32·i.
  const int row = threadIdx.x / 8, col = threadIdx.x % 8, perRow = a.k * 2;
  const int there = min((int)min(rows - m0, (long long)MJ * 8), MJ * 8) - row; // rows of x from this thread's on
  const char *fromX = (const char *)a.x + (row0 + m0 + (there > 0 ? row : 0)) * perRow + col * 16;
  const uint32_t toX = xs + row * 128 + (col ^ row % 8) * 16;
  auto copy = [&](int tile) {
    if (tile < tilesK) {
#pragma unroll
      for (int i = 0; i < MJ / 4; i++)
        copy16(toX + tile % stages * stageBytes + i * 32 * 128, fromX + (32 * i < there ? i * 32 * perRow : 0), 32 * i < there);
      fromX += 128;
    }
    asm volatile("cp.async.commit_group;" ::: "memory");
  };
  Fragment<E8M0, EXACT> next[RT];
  const Packed<E8M0> weight(a.w, a.n);
  const char *from[RT];
#pragma unroll
  for (int r = 0; r < RT; r++) { // tiles beyond the last are read as the last, and not written
    from[r] = weight.tile(min(n0 + r, weight.tilesN - 1), 0);
    next[r].load(from[r], lane);
  }
  for (int i = 0; i < stages - 1; i++) copy(i);
  float acc[RT][MJ][4] = {};
  // ldmatrix: lanes 0-7 and 8-15 the halves of K of 8 rows, 16-31 those of the next 8.
  const int lrow = lane % 8 + lane / 16 * 8, lcol = lane / 8 % 2;
  for (int tile = 0; tile < tilesK; tile++) {
    asm volatile("cp.async.wait_group %0;" ::"n"(stages - 2) : "memory");
    __syncthreads();
    copy(tile + stages - 1);
    Fragment<E8M0, EXACT> now[RT];
#pragma unroll
    for (int r = 0; r < RT; r++) {
      now[r] = next[r];
      if (tile + 1 < tilesK) next[r].load(from[r] + (tile + 1) * weight.step(), lane);
    }
    const uint32_t stage = xs + tile % stages * stageBytes + lrow * 128;
#pragma unroll
    for (int s = 0; s < 4; s++) {
      Word w[RT][4];
#pragma unroll
      for (int r = 0; r < RT; r++) now[r].step(s, lut, w[r]);
      const uint32_t at = stage + ((2 * s + lcol) ^ lrow % 8) * 16;
#pragma unroll
      for (int j = 0; j < MJ; j += 2) {
        Word b[4];
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(b[0]), "=r"(b[1]), "=r"(b[2]), "=r"(b[3]) : "r"(at + j * 8 * 128) : "memory");
#pragma unroll
        for (int r = 0; r < RT; r++) {
          mma(acc[r][j], w[r], b[0], b[1]);
          mma(acc[r][j + 1], w[r], b[2], b[3]);
        }
      }
    }
  }
  // By way of shared memory, for whole lines of y; a warp has 16 columns by 8·MJ rows of it.
  asm volatile("cp.async.wait_all;" ::: "memory");
  __syncthreads();
  float *mine = (float *)(lut + 256) + warp * 64 * 17;
  const bool plain = a.out == outBF16 && a.alphas == 1 && a.alphaPlace == alphaF32 && a.biasPlace == biasNone && a.n % 2 == 0;
  const float alpha = a.alpha[0];
#pragma unroll
  for (int part = 0; part < RT * MJ / 8; part++) {
    const int r = part / (MJ / 8), half = part % (MJ / 8) * 8;
#pragma unroll
    for (int j = 0; j < 8; j++)
#pragma unroll
      for (int i = 0; i < 4; i++) mine[(8 * j + 2 * q + i % 2) * 17 + g + i / 2 * 8] = acc[r][half + j][i];
    __syncwarp();
    const long long m1 = m0 + half * 8, n1 = (n0 + r) * 16;
    if (plain) { // two outputs of a row at a time
      uint16_t *to = (uint16_t *)a.y + (row0 + m1 + lane / 8) * a.n + n1 + lane % 8 * 2;
      const float *at = mine + lane / 8 * 17 + lane % 8 * 2;
      if (n1 + 16 <= a.n)
#pragma unroll 4
        for (int i = lane / 8; i < 64 && m1 + i < rows; i += 4, to += 4 * a.n, at += 4 * 17)
          *(Word *)to = bf16Word(__fmul_rn(alpha, at[0])) | bf16Word(__fmul_rn(alpha, at[1])) << 16;
    }
    if (!plain || n1 + 16 > a.n)
#pragma unroll 1
      for (int i = lane; i < 64 * 16; i += 32) {
        long long m = m1 + i / 16, n = n1 + i % 16;
        if (m < rows && n < a.n) finish(a, mine[i / 16 * 17 + i % 16], row0 + m, n);
      }
    __syncwarp();
  }
}

#define BIG(NAME, RT, MJ, EXACT)                                                                                     \
  extern "C" __global__ void __launch_bounds__(256, RT * MJ <= 8 ? 2 : 1)                                            \
      w4a16_nv_##NAME(const Args *a, long long row0, long long rows) { big<RT, MJ, false, EXACT>(a, row0, rows); }    \
  extern "C" __global__ void __launch_bounds__(256, RT * MJ <= 8 ? 2 : 1)                                            \
      w4a16_mx_##NAME(const Args *a, long long row0, long long rows) { big<RT, MJ, true, EXACT>(a, row0, rows); }
BIG(64x128, 1, 8, false)
BIG(128x128, 1, 16, false)
BIG(128x256, 2, 16, false)
BIG(exact, 1, 8, true)
