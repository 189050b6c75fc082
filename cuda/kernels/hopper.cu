// w4a16 on Hopper GPUs (sm_90a): the weight comes by asynchronous copies into shared memory, ahead of
// what is computed; many rows are multiplied by wgmma. `make -C cuda/kernels` makes hopper.fatbin of it.
#include "packed.cuh"

// ---- barriers and copies of sm_90

__device__ inline uint32_t sharedAt(const void *p) { return (uint32_t)__cvta_generic_to_shared(p); }

__device__ inline void barrierInit(uint32_t bar, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(bar), "r"(arrivals) : "memory");
}

// barriersReady makes what barrierInit did known to copies and to the other blocks of a cluster.
__device__ inline void barriersReady() {
  asm volatile("fence.mbarrier_init.release.cluster;\n\tfence.proxy.async.shared::cta;" ::: "memory");
}

__device__ inline void barrierArrive(uint32_t bar) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(bar) : "memory");
}

__device__ inline void barrierWait(uint32_t bar, uint32_t phase) {
  uint32_t done;
  do
    asm volatile("{ .reg .pred p;\n\tmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n\tselp.u32 %0, 1, 0, p; }"
                 : "=r"(done) : "r"(bar), "r"(phase) : "memory");
  while (!done);
}

__device__ inline void ldmatrix(Word (&b)[4], uint32_t at) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];" : "=r"(b[0]), "=r"(b[1]), "=r"(b[2]), "=r"(b[3]) : "r"(at));
}

// sync waits for so many threads of a block, wherever in the code each warp of them is.
__device__ inline void sync(int name, int threads) { asm volatile("bar.sync %0, %1;" ::"r"(name), "r"(threads) : "memory"); }

__device__ inline void copy16(uint32_t to, const void *from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}

__device__ inline Word loadWord(uint32_t at) {
  Word v;
  asm volatile("ld.shared.u32 %0, [%1];" : "=r"(v) : "r"(at) : "memory");
  return v;
}

__device__ inline Word loadHalf(uint32_t at) {
  uint16_t v;
  asm volatile("ld.shared.u16 %0, [%1];" : "=h"(v) : "r"(at) : "memory");
  return v;
}

__device__ inline Word loadByte(uint32_t at) {
  Word v;
  asm volatile("ld.shared.u8 %0, [%1];" : "=r"(v) : "r"(at) : "memory");
  return v;
}

__device__ inline void storeWord(uint32_t at, Word v) { asm volatile("st.shared.u32 [%0], %1;" ::"r"(at), "r"(v) : "memory"); }

__device__ inline void store8(uint32_t at, Word a, Word b) {
  asm volatile("st.shared.v2.u32 [%0], {%1,%2};" ::"r"(at), "r"(a), "r"(b) : "memory");
}

__device__ inline uint4 load16(uint32_t at) {
  uint4 v;
  asm volatile("ld.shared.v4.u32 {%0,%1,%2,%3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "r"(at) : "memory");
  return v;
}

__device__ inline void store16(uint32_t at, uint4 v) {
  asm volatile("st.shared.v4.u32 [%0], {%1,%2,%3,%4};" ::"r"(at), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w) : "memory");
}

// ---- up to 16 rows of x: bound by the bytes of the weight

// finishApart keeps the rare ways to end out of the code that has to be fetched first.
__device__ __noinline__ void finishApart(const Args *a, float acc, long long row, long long col) { finish(*a, acc, row, col); }

constexpr int streamThreads = 512 + 128; // they multiply, and add
constexpr int slices = 16; // of K, one a multiplying warp, added in ascending K: order split:16

// Stream is how a block goes through the weight: each of 16 warps has a slice of K of tile after tile of 16 columns of y,
// and a ring of its own, `depth` packed tiles ahead of what it multiplies: more of them would stand before x in memory's
// queue. x comes with the first tile of y and stays in shared memory. Where it has no room there it is FAR: it comes again
// with each packed tile, which two tiles of y then share.
template <int MT, bool E8M0, bool FAR> struct Stream {
  static constexpr int codeBytes = 512, scaleBytes = E8M0 ? 32 : 64, xBytes = FAR ? MT * 1024 : 0;
  static constexpr int tilesY = FAR ? 2 : 1, depth = 3, stageBytes = tilesY * (codeBytes + scaleBytes) + xBytes;
  static constexpr int decodedBytes = tilesY * scaleBytes * 4, sumFloats = slices * tilesY * MT * 128;
  uint32_t base;
  int rows, tilesK, tilesN, groups; // groups: of tilesY tiles of 16 columns

  // The table of scales; four barriers; each warp's decoded scales; sums, twice; the rings; x, its rows 16 bytes apart
  // from a multiple of 128. Package cuda adds this up again (streamShared in w4a16.go).
  __device__ Stream(char *shared, long long n, long long k, int rows)
      : base(sharedAt(shared)), rows(rows), tilesK(k / 64), tilesN((n + 15) / 16), groups((tilesN + tilesY - 1) / tilesY) {}
  __device__ uint32_t lut() const { return base; }
  __device__ uint32_t summed(int buffer) const { return base + 1024 + buffer * 8; }
  __device__ uint32_t unsummed(int buffer) const { return base + 1040 + buffer * 8; }
  __device__ uint32_t decoded(int warp) const { return base + 1088 + warp * decodedBytes; }
  __device__ uint32_t sums(int buffer) const { return base + 1088 + slices * decodedBytes + buffer * sumFloats * 4; }
  __device__ uint32_t ring(int warp) const { return sums(2) + warp * depth * stageBytes; }
  __device__ uint32_t x() const { return ring(slices); }
  __device__ int xStride() const { return tilesK * 128 + 16; }

  // decode turns the scales of a packed tile into pairs of bf16 words: four lanes need each of them.
  __device__ void decode(uint32_t from, uint32_t to, int lane) const {
    auto pair = [&](Word shifted) { return loadWord(lut() | (shifted & 0x3fc)); };
    if (E8M0) {
      storeWord(to + lane * 4, pair(loadByte(from + lane) << 2));
    } else {
      const Word two = loadHalf(from + lane * 2);
      store8(to + lane * 8, pair(two << 2), pair(two >> 6));
    }
  }

  // multiply is one of 16 warps.
  __device__ void multiply(int warp, int lane, const char *w, const char *scales, const char *xFrom) const {
    const int first = warp * tilesK / slices, count = (warp + 1) * tilesK / slices - first;
    // What is asked for next, of the lane.
    int askGroup = count == 0 ? groups : blockIdx.x, askTile = 0;
    const char *codesAt, *scalesAt;
    long long otherY = 0; // packed tiles from a tile of y to the next
    auto begin = [&] {
      const long long tile = (long long)askGroup * tilesY * tilesK + first;
      codesAt = w + tile * codeBytes + lane * 16, scalesAt = scales + tile * scaleBytes + lane * 16;
      if (tilesY == 2) otherY = askGroup * 2 + 1 < tilesN ? tilesK : 0; // one beyond the last is read as the last, and not written
    };
    begin();
    auto ask = [&](uint32_t to) {
      if (askGroup < groups) {
#pragma unroll
        for (int y = 0; y < tilesY; y++) {
          copy16(to + y * codeBytes + lane * 16, codesAt + y * otherY * codeBytes);
          if (lane < scaleBytes / 16) copy16(to + tilesY * codeBytes + y * scaleBytes + lane * 16, scalesAt + y * otherY * scaleBytes);
        }
        const char *from = xFrom + (first + askTile) * 128 + lane % 8 * 16;
        if (FAR || askGroup == blockIdx.x)
#pragma unroll 1
          for (int row = lane / 8; row < rows; row += 4)
            copy16(FAR ? to + tilesY * (codeBytes + scaleBytes) + row * 128 + (lane % 8 ^ row % 8) * 16 // columns exchanged: no bank twice
                       : x() + row * xStride() + (first + askTile) * 128 + lane % 8 * 16,
                   from + row * (long long)tilesK * 128);
        codesAt += codeBytes, scalesAt += scaleBytes;
        if (++askTile == count) askTile = 0, askGroup += gridDim.x, begin();
      }
      asm volatile("cp.async.commit_group;" ::: "memory");
    };
    const uint32_t start = ring(warp);
#pragma unroll 1
    for (int i = 0; i < depth; i++) ask(start + i * stageBytes);
    sync(1, streamThreads); // the table of scales is there

    // ldmatrix: lanes of 8 rows, then of the next 16 bytes. Rows beyond the last are read as the last, or as
    // what is there, and not written.
    uint32_t xAt[MT];
#pragma unroll
    for (int m = 0; m < MT; m++)
      xAt[m] = FAR ? tilesY * (codeBytes + scaleBytes) + (m * 8 + lane % 8) * 128 : x() + min(m * 8 + lane % 8, rows - 1) * xStride() + lane / 8 * 16 + first * 128;
    uint32_t at = start;
    int round = 0;
    for (int group = blockIdx.x; group < groups; group += gridDim.x, round++) {
      float acc[tilesY][MT][4] = {};
#pragma unroll 1
      for (int t = 0; t < count; t++) {
        asm volatile("cp.async.wait_group %0;" ::"n"(depth - 1) : "memory");
        __syncwarp();
#pragma unroll
        for (int y = 0; y < tilesY; y++) decode(at + tilesY * codeBytes + y * scaleBytes, decoded(warp) + y * scaleBytes * 4, lane);
        __syncwarp();
        Word b[MT][2][4];
#pragma unroll
        for (int m = 0; m < MT; m++)
#pragma unroll
          for (int h = 0; h < 2; h++) ldmatrix(b[m][h], FAR ? at + xAt[m] + (lane / 8 + 4 * h ^ lane % 8) * 16 : xAt[m] + t * 128 + h * 64);
#pragma unroll
        for (int y = 0; y < tilesY; y++) {
          const uint4 codes = load16(at + y * codeBytes + lane * 16);
          const uint32_t s = decoded(warp) + (y * 8 + lane / 4) * (scaleBytes / 2);
          const uint4 lo = load16(s), hi = E8M0 ? lo : load16(s + 16);
          auto step = [&](int s, Word word, Word s0, Word s1) {
            Word operand[4];
            unpack<false>(word, s0, s1, operand);
#pragma unroll
            for (int m = 0; m < MT; m++) mma(acc[y][m], operand, b[m][s / 2][s % 2 * 2], b[m][s / 2][s % 2 * 2 + 1]);
          };
          step(0, codes.x, lo.x, lo.y);
          step(1, codes.y, E8M0 ? lo.x : lo.z, E8M0 ? lo.y : lo.w);
          step(2, codes.z, E8M0 ? lo.z : hi.x, E8M0 ? lo.w : hi.y);
          step(3, codes.w, E8M0 ? lo.z : hi.z, E8M0 ? lo.w : hi.w);
        }
        __syncwarp();
        ask(at);
        if ((at += stageBytes) == start + depth * stageBytes) at = start;
      }
      // The slices of a tile of y meet.
      const int buffer = round % 2;
      if (round >= 2) barrierWait(unsummed(buffer), round / 2 % 2 ^ 1);
#pragma unroll
      for (int y = 0; y < tilesY; y++)
#pragma unroll
        for (int m = 0; m < MT; m++)
          store16(sums(buffer) + (((warp * tilesY + y) * MT + m) * 128 + lane * 4) * 4,
                  {floatWord(acc[y][m][0]), floatWord(acc[y][m][1]), floatWord(acc[y][m][2]), floatWord(acc[y][m][3])});
      __syncwarp();
      if (lane == 0) barrierArrive(summed(buffer));
    }
  }

  // add is 128 threads: it adds the slices of tiles of y and writes them.
  __device__ void add(const Args *args, int thread, long long row0) const {
    const Args a = *args;
    const bool plain = a.out == outBF16 && a.alphas == 1 && a.alphaPlace == alphaF32 && a.biasPlace == biasNone;
    const float alpha = a.alpha[0];
    int round = 0;
    for (int group = blockIdx.x; group < groups; group += gridDim.x, round++) {
      const int buffer = round % 2;
      barrierWait(summed(buffer), round / 2 % 2);
      float sum[tilesY][MT];
#pragma unroll
      for (int i = 0; i < tilesY * MT; i++) {
        float part[slices];
#pragma unroll
        for (int s = 0; s < slices; s++) part[s] = wordFloat(loadWord(sums(buffer) + ((s * tilesY * MT + i) * 128 + thread) * 4));
        float all = part[0];
#pragma unroll
        for (int s = 1; s < slices; s++) all = __fadd_rn(all, part[s]);
        sum[i / MT][i % MT] = all;
      }
      barrierArrive(unsummed(buffer));
      const int l = thread / 4, i = thread % 4;
#pragma unroll
      for (int y = 0; y < tilesY; y++) {
        const long long col = ((long long)group * tilesY + y) * 16 + l / 4 + i / 2 * 8;
#pragma unroll
        for (int m = 0; m < MT; m++) {
          const int row = m * 8 + l % 4 * 2 + i % 2;
          if (row >= rows || col >= a.n) continue;
          if (plain)
            ((uint16_t *)a.y)[(row0 + row) * a.n + col] = bf16Word(__fmul_rn(alpha, sum[y][m]));
          else
            finishApart(args, sum[y][m], row0 + row, col);
        }
      }
    }
  }
};

template <int MT, bool E8M0, bool FAR>
__device__ void stream(const Args *args, const Word *lut, const char *w, const char *scales, const char *x, long long n, long long k, long long row0, int rows) {
  extern __shared__ __align__(1024) char shared[];
  const Stream<MT, E8M0, FAR> s(shared, n, k, rows);
  const int thread = threadIdx.x;
  if (thread < 512) return s.multiply(thread / 32, thread % 32, w, scales, x + row0 * k * 2);
  if (thread < 576) copy16(s.lut() + (thread - 512) * 16, lut + (thread - 512) * 4);
  if (thread == 576) {
    for (int i = 0; i < 2; i++) barrierInit(s.summed(i), slices), barrierInit(s.unsummed(i), 128);
    barriersReady();
  }
  asm volatile("cp.async.wait_all;" ::: "memory");
  sync(1, streamThreads);
  s.add(args, thread - 512, row0);
}

#define STREAM(NAME, MT, E8M0, FAR)                                                                                  \
  extern "C" __global__ void __launch_bounds__(streamThreads, 1)                                                      \
      NAME(const Args *a, const Word *lut, const char *w, const char *scales, const char *x, long long n, long long k, \
           long long row0, long long rows) {                                                                          \
    stream<MT, E8M0, FAR>(a, lut, w, scales, x, n, k, row0, rows);                                                    \
  }
STREAM(stream_nv_8, 1, false, false)
STREAM(stream_nv_16, 2, false, false)
STREAM(stream_nv_8_far, 1, false, true)
STREAM(stream_nv_16_far, 2, false, true)
STREAM(stream_mx_8, 1, true, false)
STREAM(stream_mx_16, 2, true, false)
STREAM(stream_mx_8_far, 1, true, true)
STREAM(stream_mx_16_far, 2, true, true)

// ---- many rows: bound by the tensor cores; one chain along K, order sequential

// wgmma adds operand A in registers (16 rows a warp) times B in shared memory to 64 rows of N columns,
// or begins them if add is 0.
__device__ inline void wgmma(float (&d)[32], const Word *a, uint64_t b, int add) {
  asm volatile("{ .reg .pred p;\n\tsetp.ne.b32 p, %37, 0;\n\t"
               "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {"
               "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15,"
               "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, {%32,%33,%34,%35}, %36, p, 1, 1, 0; }"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]),
                 "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]),
                 "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]),
                 "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(add));
}

__device__ inline void wgmma(float (&d)[64], const Word *a, uint64_t b, int add) {
  asm volatile("{ .reg .pred p;\n\tsetp.ne.b32 p, %69, 0;\n\t"
               "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {"
               "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15,"
               "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31,"
               "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47,"
               "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, {%64,%65,%66,%67}, %68, p, 1, 1, 0; }"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]),
                 "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]),
                 "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]),
                 "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31]),
                 "+f"(d[32]), "+f"(d[33]), "+f"(d[34]), "+f"(d[35]), "+f"(d[36]), "+f"(d[37]), "+f"(d[38]), "+f"(d[39]),
                 "+f"(d[40]), "+f"(d[41]), "+f"(d[42]), "+f"(d[43]), "+f"(d[44]), "+f"(d[45]), "+f"(d[46]), "+f"(d[47]),
                 "+f"(d[48]), "+f"(d[49]), "+f"(d[50]), "+f"(d[51]), "+f"(d[52]), "+f"(d[53]), "+f"(d[54]), "+f"(d[55]),
                 "+f"(d[56]), "+f"(d[57]), "+f"(d[58]), "+f"(d[59]), "+f"(d[60]), "+f"(d[61]), "+f"(d[62]), "+f"(d[63])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(add));
}

// descriptor128 is a matrix of rows of 128 bytes, its 16-byte columns exchanged by row % 8.
__device__ inline uint64_t descriptor128(uint32_t at) {
  return (uint64_t)(at & 0x3ffff) >> 4 | (uint64_t)1 << 16 | (uint64_t)(1024 >> 4) << 32 | (uint64_t)1 << 62;
}

// Tile is the shared memory of a block of COLS = 128·RT columns by ROWS rows of y: a ring of K = 64 of both operands.
template <int RT, int ROWS, bool E8M0> struct Tile {
  static constexpr int xBytes = ROWS * 128, codeBytes = RT * 8 * 512, scaleTile = E8M0 ? 32 : 64, scaleBytes = RT * 8 * scaleTile;
  static constexpr int stages = 204800 / (xBytes + codeBytes + scaleBytes);
  static constexpr int ring = 1024; // after the barriers
  static constexpr int sumStride = RT * 64 + 4; // floats of a row of y on its way out: no bank conflicts
  uint32_t base;
  __device__ uint32_t full(int s) const { return base + s * 8; }
  __device__ uint32_t empty(int s) const { return base + (stages + s) * 8; }
  __device__ uint32_t x(int s) const { return base + ring + s * xBytes; }
  __device__ uint32_t codes(int s) const { return base + ring + stages * xBytes + s * codeBytes; }
  __device__ uint32_t scales(int s) const { return base + ring + stages * (xBytes + codeBytes) + s * scaleBytes; }
};

// produce fills the ring, by one warpgroup of which each thread copies 16 bytes at a time.
template <int RT, int ROWS, bool E8M0>
__device__ inline void produce(const Args &a, const Tile<RT, ROWS, E8M0> tile, int tilesK, long long m0, long long end, long long tile0) {
  constexpr int S = Tile<RT, ROWS, E8M0>::stages, lag = 3, perTile = tile.scaleTile / 16;
  const int thread = threadIdx.x, row = thread / 8, col = thread % 8;
  const long long tilesN = (a.n + 15) / 16, perRow = a.k * 2;
  const int rows = min((long long)ROWS, end - m0) - row; // of x from this thread's on
  const char *x = (const char *)a.x + (m0 + (rows > 0 ? row : 0)) * perRow + col * 16;
  // Tiles of w beyond the last are read as the last, and not written.
  const char *w[RT * 2], *scales = (const char *)a.wScales + min(tile0 + thread / perTile, tilesN - 1) * tilesK * tile.scaleTile + thread % perTile * 16;
#pragma unroll
  for (int r = 0; r < RT * 2; r++) w[r] = (const char *)a.w + min(tile0 + r * 4 + thread / 32, tilesN - 1) * tilesK * 512 + thread % 32 * 16;
#pragma unroll 1
  for (int i = 0; i < tilesK + lag; i++) {
    if (i < tilesK) {
      const int s = i % S;
      barrierWait(tile.empty(s), i / S % 2 ^ 1);
      const uint32_t to = tile.x(s) + row * 128 + (col ^ row % 8) * 16;
#pragma unroll
      for (int r = 0; r < ROWS / 16; r++) copy16(to + r * 2048, x + (16 * r < rows ? 16 * r * perRow : 0)); // rows beyond the last are read as an earlier one
#pragma unroll
      for (int r = 0; r < RT * 2; r++) copy16(tile.codes(s) + r * 2048 + thread * 16, w[r]), w[r] += 512;
      if (thread < RT * 8 * perTile) copy16(tile.scales(s) + thread * 16, scales);
      x += 128, scales += tile.scaleTile;
    }
    asm volatile("cp.async.commit_group;" ::: "memory");
    if (i >= lag) { // wgmma reads by another proxy than these copies write
      asm volatile("cp.async.wait_group %0;\n\tfence.proxy.async.shared::cta;" ::"n"(lag) : "memory");
      barrierArrive(tile.full((i - lag) % S));
    }
  }
}

// consume multiplies: a warpgroup has 64·RT columns of y. While one half of its operands is multiplied
// the other one is decoded.
template <int RT, int ROWS, bool E8M0>
__device__ inline void consume(float (&acc)[RT][ROWS / 2], const Tile<RT, ROWS, E8M0> tile, const Word *lut, int group, int tilesK) {
  constexpr int S = Tile<RT, ROWS, E8M0>::stages, steps = RT == 2 ? 4 : 2; // of K = 16 in a half
  const int warp = threadIdx.x / 32 % 4, lane = threadIdx.x % 32;
  Word w[2][steps][4];
  for (int i = 0; i < tilesK; i++) {
    const int s = i % S;
    barrierWait(tile.full(s), i / S % 2);
    Fragment<E8M0, false> f[RT];
#pragma unroll
    for (int r = 0; r < RT; r++) {
      const int at = (group * RT + r) * 4 + warp;
      f[r].take(tile.codes(s) + at * 512 + lane * 16, tile.scales(s) + at * tile.scaleTile + lane / 4 * (E8M0 ? 4 : 8));
    }
    const uint64_t x = descriptor128(tile.x(s));
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const int r = RT == 2 ? half : 0, step0 = RT == 2 ? 0 : 2 * half;
#pragma unroll
      for (int j = 0; j < steps; j++) f[r].step(step0 + j, lut, w[half][j]);
      asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
      for (int j = 0; j < steps; j++) wgmma(acc[r], w[half][j], x + 2 * (step0 + j), i > 0 || step0 + j > 0);
      asm volatile("wgmma.commit_group.sync.aligned;\n\twgmma.wait_group.sync.aligned 1;" ::: "memory");
      if (half == 0 && i > 0 && lane == 0) barrierArrive(tile.empty((i - 1) % S));
    }
  }
  asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
}

// deliver takes a warpgroup's sums to y by way of the ring, which nobody reads any more, for whole lines.
template <int RT, int ROWS, bool E8M0>
__device__ inline void deliver(const Args &a, const float (&acc)[RT][ROWS / 2], float *ring, int group, long long m0, long long end, long long n0) {
  constexpr int stride = Tile<RT, ROWS, E8M0>::sumStride, cols = RT * 64;
  const int thread = threadIdx.x % 128, warp = thread / 32, lane = thread % 32, g = lane / 4, q = lane % 4;
  float *mine = ring + group * ROWS * stride;
#pragma unroll
  for (int r = 0; r < RT; r++)
#pragma unroll
    for (int j = 0; j < ROWS / 8; j++)
#pragma unroll
      for (int i = 0; i < 4; i++) mine[(8 * j + 2 * q + i % 2) * stride + r * 64 + warp * 16 + g + i / 2 * 8] = acc[r][4 * j + i];
  sync(2 + group, 128);
  const int rows = min((long long)ROWS, end - m0);
  n0 += group * cols;
  const bool plain = a.out == outBF16 && a.alphas == 1 && a.alphaPlace == alphaF32 && a.biasPlace == biasNone && a.n % 8 == 0;
  const float alpha = a.alpha[0];
  if (plain) { // eight outputs of a row at a time
    for (int i = thread; i < rows * (cols / 8); i += 128) {
      const int m = i / (cols / 8), c = i % (cols / 8) * 8;
      if (n0 + c >= a.n) continue;
      const float4 lo = *(const float4 *)(mine + m * stride + c), hi = *(const float4 *)(mine + m * stride + c + 4);
      auto two = [&](float p, float q) { return bf16Word(__fmul_rn(alpha, p)) | bf16Word(__fmul_rn(alpha, q)) << 16; };
      *(uint4 *)((uint16_t *)a.y + (m0 + m) * a.n + n0 + c) = make_uint4(two(lo.x, lo.y), two(lo.z, lo.w), two(hi.x, hi.y), two(hi.z, hi.w));
    }
    return;
  }
  for (int i = thread; i < rows * cols; i += 128)
    if (n0 + i % cols < a.n) finish(a, mine[i / cols * stride + i % cols], m0 + i / cols, n0 + i % cols);
}

// wide: a block has 128·RT columns by ROWS rows of y; one warpgroup produces, two consume.
template <int RT, int ROWS, bool E8M0> __device__ void wide(const Args *args, long long row0, long long rows) {
  extern __shared__ __align__(1024) char shared[];
  char *base = shared + ((1024 - sharedAt(shared) % 1024) % 1024);
  const Tile<RT, ROWS, E8M0> tile = {sharedAt(base)};
  const Args a = *args;
  __shared__ Word lut[256];
  for (int i = threadIdx.x; i < 256; i += blockDim.x) lut[i] = a.lut[i];
  if (threadIdx.x == 0) {
#pragma unroll 1
    for (int s = 0; s < tile.stages; s++) barrierInit(tile.full(s), 128), barrierInit(tile.empty(s), 8);
    barriersReady();
  }
  __syncthreads();
  // Blocks that run together share rows of x and columns of w: 16 tiles of rows, then the next columns.
  const int tilesM = (rows + ROWS - 1) / ROWS, tilesN = (a.n + 128 * RT - 1) / (128 * RT), tilesK = a.k / 64;
  const int band = blockIdx.x / (16 * tilesN), inBand = blockIdx.x % (16 * tilesN), high = min(16, tilesM - band * 16);
  const long long m0 = row0 + (long long)(band * 16 + inBand % high) * ROWS, n0 = (long long)(inBand / high) * 128 * RT;
  const int group = threadIdx.x / 128 - 1;
  if (group < 0) {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 40;");
    produce<RT, ROWS, E8M0>(a, tile, tilesK, m0, row0 + rows, n0 / 16);
  } else {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 232;");
    float acc[RT][ROWS / 2];
    consume<RT, ROWS, E8M0>(acc, tile, lut, group, tilesK);
    sync(1, 256); // both have read the ring
    deliver<RT, ROWS, E8M0>(a, acc, (float *)(base + tile.ring), group, m0, row0 + rows, n0);
  }
}

#define WIDE(NAME, RT, ROWS)                                                                                                 \
  extern "C" __global__ void __launch_bounds__(384, 1) wide_nv_##NAME(const Args *a, long long row0, long long rows) {        \
    wide<RT, ROWS, false>(a, row0, rows);                                                                                     \
  }                                                                                                                           \
  extern "C" __global__ void __launch_bounds__(384, 1) wide_mx_##NAME(const Args *a, long long row0, long long rows) {        \
    wide<RT, ROWS, true>(a, row0, rows);                                                                                      \
  }
WIDE(64x128, 1, 64)
WIDE(128x128, 1, 128)
WIDE(128x256, 2, 128)
