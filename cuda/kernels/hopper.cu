// w4a16 on Hopper GPUs (sm_90a): the weight comes by asynchronous copies into shared memory, ahead of
// what is computed; many rows are multiplied by wgmma. `make -C cuda/kernels` makes hopper.fatbin of it.
#include "packed.cuh"

// ---- barriers and copies of sm_90

__device__ inline uint32_t sharedAt(const void *p) { return (uint32_t)__cvta_generic_to_shared(p); }

__device__ inline void barrierInit(uint32_t bar, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(bar), "r"(arrivals) : "memory");
}

// barriersReady makes what barrierInit did known to copies.
__device__ inline void barriersReady() {
  asm volatile("fence.mbarrier_init.release.cluster;\n\tfence.proxy.async.shared::cta;" ::: "memory");
}

__device__ inline void barrierArrive(uint32_t bar) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(bar) : "memory");
}

// barrierExpect arrives, and lets the phase wait for so many bytes of bulk copies.
__device__ inline void barrierExpect(uint32_t bar, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(bar), "r"(bytes) : "memory");
}

// barrierArriveCopied arrives when this thread's copies of 16 bytes have landed.
__device__ inline void barrierArriveCopied(uint32_t bar) {
  asm volatile("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" ::"r"(bar) : "memory");
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

// sync waits for so many threads of a block, wherever in the code each warp of them is; signal is one of them and does not wait.
__device__ inline void sync(int name, int threads) { asm volatile("bar.sync %0, %1;" ::"r"(name), "r"(threads) : "memory"); }
__device__ inline void signal(int name, int threads) { asm volatile("bar.arrive %0, %1;" ::"r"(name), "r"(threads) : "memory"); }

__device__ inline void copy16(uint32_t to, const void *from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}

// copyBulk is one copy of a multiple of 16 bytes. What threads have read from where it writes, and told this one by a
// barrier, they have read before: that needs the fence, since the copy goes another way than their loads.
__device__ inline void copyBulk(uint32_t to, const void *from, int bytes, uint32_t bar) {
  asm volatile("fence.proxy.async.shared::cta;\n\t"
               "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(to), "l"(from), "r"(bytes), "r"(bar) : "memory");
}

// copyBulkOnce is copyBulk of what nobody reads again: L2 gives it up before all else that it holds.
__device__ inline void copyBulkOnce(uint32_t to, const void *from, int bytes, uint32_t bar) {
  uint64_t policy;
  asm("createpolicy.fractional.L2::evict_first.b64 %0;" : "=l"(policy));
  asm volatile("fence.proxy.async.shared::cta;\n\t"
               "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [%0], [%1], %2, [%3], %4;" ::"r"(to), "l"(from), "r"(bytes), "r"(bar), "l"(policy) : "memory");
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

// bf16Pair rounds as bf16Word does, two numbers at once.
__device__ inline Word bf16Pair(float low, float high) {
  Word v;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(v) : "f"(high), "f"(low));
  return v;
}

// ---- up to 16 rows of x: bound by the bytes of the weight

// finishApart keeps the rare ways to end out of the code that has to be fetched first.
__device__ __noinline__ void finishApart(const Args *a, float acc, long long row, long long col) { finish(*a, acc, row, col); }

// Share is what a block has of y: `each` tiles of 16 columns, the first `extra` blocks one more, at most `most` at a time.
struct Share {
  long long each, extra, most;
};

// Ending is how sums become y, known without a look into memory where it is the usual way: alpha times them, as bf16.
struct Ending {
  uint16_t *y;
  const float *alpha;
  bool plain;
};

// Stream is how a block goes through its tiles of y. K is cut into SLICES, which are added in ascending order in the end:
// order split:SLICES. 16 warps multiply: of a slice 16/SLICES, with two tiles of y each at most. A warp more for each slice
// loads, ahead of them, into a ring of stages: 64 columns of x, and of those all tiles of y that the block has at a time.
// So x is read once for them all, no faster than the weight. Rings of more stages are slower: what is asked for early
// arrives late, and what a block has asked for too much another one waits for.
template <int MT, bool E8M0, int SLICES> struct Stream {
  static constexpr int multiplying = 16, partners = multiplying / SLICES, tilesY = 2, threads = 32 * (multiplying + SLICES);
  static constexpr int depth = 3; // stages of a ring; package cuda adds up what follows (streamShared in w4a16.go)
  static constexpr int record = Packed<E8M0>::bytes, scaleBytes = Packed<E8M0>::scaleBytes;
  static constexpr int xBytes = MT * 1024, stageBytes = xBytes + partners * tilesY * record;
  static constexpr int decodedBytes = tilesY * scaleBytes * 4, sumBytes = multiplying * tilesY * MT * 512;
  static constexpr int bars = 1024, decodedPlace = 2048, sumPlace = decodedPlace + multiplying * decodedBytes, ringPlace = sumPlace + sumBytes;
  static constexpr int arrivals = 32 + 1; // that a stage is full: every lane's copies of x, and the bulk copy
  uint32_t base;
  int slice, first, last, longest; // of K, in tiles: the slice of this warp, and how long the longest is
  int tile0, tileEnd, most;

  __device__ Stream(char *shared, int slice, long long n, unsigned tilesK, Share share) : base(sharedAt(shared)), slice(slice) {
    first = slice * tilesK / SLICES, last = (slice + 1) * tilesK / SLICES, longest = (tilesK + SLICES - 1) / SLICES;
    const int block = blockIdx.x, extra = share.extra;
    tile0 = block * (int)share.each + min(block, extra), tileEnd = tile0 + (int)share.each + (block < extra), most = share.most;
  }
  __device__ uint32_t lut() const { return base; }
  __device__ uint32_t full(int stage) const { return base + bars + (slice * depth + stage) * 16; }
  __device__ uint32_t empty(int stage) const { return full(stage) + 8; }
  __device__ uint32_t stage(int stage) const { return base + ringPlace + (slice * depth + stage) * stageBytes; }

  // load is a warp: it fills the ring of its slice. A stage beyond the end of a short slice is empty.
  __device__ void load(const char *w, const char *x, long long n, long long k, int rows) const {
    const int lane = threadIdx.x % 32;
    if (lane == 0) {
#pragma unroll
      for (int i = 0; i < depth; i++) barrierInit(full(i), arrivals), barrierInit(empty(i), partners * 32);
      barriersReady();
    }
    __syncwarp();
    signal(1, threads);
    // A lane copies 16 bytes of every fourth row of x; columns are exchanged so that ldmatrix meets in no bank twice.
    const int row = lane / 8, col = lane % 8;
    const uint32_t even = row * 128 + (col ^ row) * 16, odd = row * 128 + (col ^ row + 4) * 16 + 512;
    const Packed<E8M0> weight(w, n);
    int at = 0, phase = 1;
#pragma unroll 1
    for (int tile = tile0; tile < tileEnd; tile += most) {
      const int bytes = min(most, tileEnd - tile) * record;
      const char *from = weight.tile(tile, first), *fromX = x + row * k * 2 + first * 128 + col * 16;
#pragma unroll 1
      for (int t = 0; t < longest; t++, from += weight.step(), fromX += 128) {
        barrierWait(empty(at), phase);
        const bool any = first + t < last;
        if (lane == 0) {
          barrierExpect(full(at), any ? bytes : 0);
          if (any) copyBulkOnce(stage(at) + xBytes, from, bytes, full(at));
        }
        __syncwarp();
        // x, and that y may be written, can depend on the launch before; the weight cannot.
        if (tile == tile0 && t == 0) asm volatile("griddepcontrol.wait;" ::: "memory");
#pragma unroll
        for (int i = 0; i < MT * 2; i++)
          if (any && row + 4 * i < rows) copy16(stage(at) + (i % 2 ? odd : even) + i / 2 * 1024, fromX + i * 8 * k);
        barrierArriveCopied(full(at));
        if (++at == depth) at = 0, phase ^= 1;
      }
    }
  }

  // decode turns the scales of two packed tiles into pairs of bf16 words: four lanes need each of them.
  __device__ void decode(uint32_t from, uint32_t to, int lane) const {
    auto pair = [&](Word shifted) { return loadWord(lut() | (shifted & 0x3fc)); };
    from += 512 + lane / 16 * record + lane % 16 * (scaleBytes / 16);
    if (E8M0) {
      const Word two = loadHalf(from);
      store8(to + lane * 8, pair(two << 2), pair(two >> 6));
    } else {
      const Word four = loadWord(from);
      store16(to + lane * 16, make_uint4(pair(four << 2), pair(four >> 6), pair(four >> 14), pair(four >> 22)));
    }
  }

  // multiply adds to the sums of two tiles of y from one of a stage on. Tiles and rows that the block does not
  // have are of whatever is there, and are not written.
  __device__ void multiply(float (&acc)[tilesY][MT][4], uint32_t stage, int tile, uint32_t decoded, int lane) const {
    const uint32_t weight = stage + xBytes + tile * record;
    decode(weight, decoded, lane);
    Word b[MT][2][4]; // ldmatrix: lanes of 8 rows, then of the next 16 bytes
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
      for (int h = 0; h < 2; h++) ldmatrix(b[m][h], stage + (m * 8 + lane % 8) * 128 + (lane / 8 + 4 * h ^ lane % 8) * 16);
    __syncwarp();
#pragma unroll
    for (int y = 0; y < tilesY; y++) {
      const uint4 codes = load16(weight + y * record + lane * 16);
      const uint32_t s = decoded + (y * 8 + lane / 4) * (scaleBytes / 2);
      const uint4 lo = load16(s), hi = E8M0 ? lo : load16(s + 16);
      auto step = [&](int i, Word word, Word s0, Word s1) {
        Word operand[4];
        unpack<false>(word, s0, s1, operand);
#pragma unroll
        for (int m = 0; m < MT; m++) mma(acc[y][m], operand, b[m][i / 2][i % 2 * 2], b[m][i / 2][i % 2 * 2 + 1]);
      };
      step(0, codes.x, lo.x, lo.y);
      step(1, codes.y, E8M0 ? lo.x : lo.z, E8M0 ? lo.y : lo.w);
      step(2, codes.z, E8M0 ? lo.z : hi.x, E8M0 ? lo.w : hi.y);
      step(3, codes.w, E8M0 ? lo.z : hi.z, E8M0 ? lo.w : hi.w);
    }
  }

  // sum is where the sums of a slice for 8·MT rows of a tile of y lie: four of each lane.
  __device__ uint32_t sum(int slice, int tile, int m) const { return base + sumPlace + ((slice * partners * tilesY + tile) * MT + m) * 512; }

  // write is what a warp makes y of: 8 rows of one of so many tiles, if there are as many. Slices are added in ascending order.
  __device__ void write(const Args *args, Ending ending, float alpha, int tiles, long long col, long long n, long long row0, int rows) const {
    static_assert(partners * tilesY * MT <= multiplying, "a warp has one tile");
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, tile = warp / MT, m = warp % MT;
    const int row = m * 8 + lane % 4 * 2;
    if (tile >= tiles || row >= rows) return;
    uint4 part[SLICES];
#pragma unroll
    for (int s = 0; s < SLICES; s++) part[s] = load16(sum(s, tile, m) + lane * 16);
    float v[4] = {wordFloat(part[0].x), wordFloat(part[0].y), wordFloat(part[0].z), wordFloat(part[0].w)};
#pragma unroll
    for (int s = 1; s < SLICES; s++) {
      const Word next[4] = {part[s].x, part[s].y, part[s].z, part[s].w};
#pragma unroll
      for (int j = 0; j < 4; j++) v[j] = __fadd_rn(v[j], wordFloat(next[j]));
    }
    col += tile * 16 + lane / 4;
    const bool near = col < n, far = col + 8 < n, next = row + 1 < rows;
    if (ending.plain) {
      uint16_t *y = ending.y + (row0 + row) * n + col;
      const Word first = bf16Pair(__fmul_rn(alpha, v[0]), __fmul_rn(alpha, v[2])), second = bf16Pair(__fmul_rn(alpha, v[1]), __fmul_rn(alpha, v[3]));
      if (near) y[0] = first;
      if (far) y[8] = first >> 16;
      if (near && next) y[n] = second;
      if (far && next) y[n + 8] = second >> 16;
      return;
    }
#pragma unroll
    for (int j = 0; j < 4; j++)
      if ((j < 2 ? near : far) && (j % 2 == 0 || next)) finishApart(args, v[j], row0 + row + j % 2, col + j / 2 * 8);
  }

  // compute is 16 warps: they take what the others load, and write y.
  __device__ void compute(const Args *args, Ending ending, float alpha, long long n, long long row0, int rows) const {
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, partner = warp % partners;
    int at = 0, phase = 0;
#pragma unroll 1
    for (int tile = tile0; tile < tileEnd; tile += most) {
      const int tiles = min(most, tileEnd - tile), mine = partner * tiles / partners, count = (partner + 1) * tiles / partners - mine;
      float acc[tilesY][MT][4] = {};
#pragma unroll 1
      for (int t = 0; t < longest; t++) {
        barrierWait(full(at), phase);
        if (first + t < last) multiply(acc, stage(at), mine, base + decodedPlace + warp * decodedBytes, lane);
        __syncwarp();
        barrierArrive(empty(at));
        if (++at == depth) at = 0, phase ^= 1;
      }
#pragma unroll
      for (int y = 0; y < tilesY; y++)
#pragma unroll
        for (int m = 0; m < MT; m++)
          if (y < count)
            store16(sum(slice, mine + y, m) + lane * 16, {floatWord(acc[y][m][0]), floatWord(acc[y][m][1]), floatWord(acc[y][m][2]), floatWord(acc[y][m][3])});
      sync(2, multiplying * 32);
      write(args, ending, alpha, tiles, (long long)tile * 16, n, row0, rows);
      if (tile + most < tileEnd) sync(2, multiplying * 32); // the sums have been read
    }
  }
};

template <int MT, bool E8M0, int SLICES>
__device__ void stream(const Args *args, const Word *lut, const char *w, const char *x, long long n, long long k, long long row0, int rows, Share share, Ending ending) {
  extern __shared__ __align__(1024) char shared[];
  using S = Stream<MT, E8M0, SLICES>;
  const int warp = __shfl_sync(~0u, threadIdx.x / 32, 0); // a number that the compiler knows to be every lane's
  const S s(shared, warp < S::multiplying ? warp / S::partners : warp - S::multiplying, n, k / 64, share);
  if (warp >= S::multiplying) return s.load(w, x + row0 * k * 2, n, k, rows);
  // The next launch may begin to load its weight, where it was launched so.
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
  const float alpha = *ending.alpha;
  if (warp < 2) *(uint4 *)(shared + threadIdx.x * 16) = ((const uint4 *)lut)[threadIdx.x];
  sync(1, S::threads);
  s.compute(args, ending, alpha, n, row0, rows);
}

#define STREAM(NAME, MT, E8M0, SLICES)                                                                                       \
  extern "C" __global__ void __launch_bounds__(32 * (16 + SLICES), 1)                                                         \
      NAME(const Args *a, const Word *lut, const char *w, const char *x, long long n, long long k, long long row0, long long rows, \
           long long each, long long extra, long long most, uint16_t *y, const float *alpha, long long plain) {               \
    stream<MT, E8M0, SLICES>(a, lut, w, x, n, k, row0, rows, {each, extra, most}, {y, alpha, plain != 0});                     \
  }
STREAM(stream_nv_8x4, 1, false, 4)
STREAM(stream_nv_16x4, 2, false, 4)
STREAM(stream_nv_8x16, 1, false, 16)
STREAM(stream_nv_16x16, 2, false, 16)
STREAM(stream_mx_8x4, 1, true, 4)
STREAM(stream_mx_16x4, 2, true, 4)
STREAM(stream_mx_8x16, 1, true, 16)
STREAM(stream_mx_16x16, 2, true, 16)

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
  static constexpr int record = Packed<E8M0>::bytes, xBytes = ROWS * 128, weightBytes = RT * 8 * record;
  static constexpr int stages = 204800 / (xBytes + weightBytes);
  static constexpr int ring = 1024; // after the barriers
  static constexpr int sumStride = RT * 64 + 4; // floats of a row of y on its way out: no bank conflicts
  uint32_t base;
  __device__ uint32_t full(int s) const { return base + s * 8; }
  __device__ uint32_t empty(int s) const { return base + (stages + s) * 8; }
  __device__ uint32_t x(int s) const { return base + ring + s * xBytes; }
  __device__ uint32_t weight(int s) const { return base + ring + stages * xBytes + s * weightBytes; }
};

// produce fills the ring, by one warpgroup of which each thread copies 16 bytes of x at a time, and one the weight.
template <int RT, int ROWS, bool E8M0>
__device__ inline void produce(const Args &a, const Tile<RT, ROWS, E8M0> tile, int tilesK, long long m0, long long end, long long tile0) {
  constexpr int S = Tile<RT, ROWS, E8M0>::stages, lag = 3;
  const int thread = threadIdx.x, row = thread / 8, col = thread % 8;
  const Packed<E8M0> weight(a.w, a.n);
  const long long perRow = a.k * 2;
  const int rows = min((long long)ROWS, end - m0) - row; // of x from this thread's on
  const char *x = (const char *)a.x + (m0 + (rows > 0 ? row : 0)) * perRow + col * 16, *w = weight.tile(tile0, 0);
  const int bytes = min((long long)RT * 8, weight.tilesN - tile0) * tile.record; // tiles beyond the last are of what is there, and not written
#pragma unroll 1
  for (int i = 0; i < tilesK + lag; i++) {
    if (i < tilesK) {
      const int s = i % S;
      barrierWait(tile.empty(s), i / S % 2 ^ 1);
      if (thread == 0) barrierExpect(tile.full(s), bytes), copyBulk(tile.weight(s), w, bytes, tile.full(s));
      const uint32_t to = tile.x(s) + row * 128 + (col ^ row % 8) * 16;
#pragma unroll
      for (int r = 0; r < ROWS / 16; r++) copy16(to + r * 2048, x + (16 * r < rows ? 16 * r * perRow : 0)); // rows beyond the last are read as an earlier one
      x += 128, w += weight.step();
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
      f[r].take(tile.weight(s) + ((group * RT + r) * 4 + warp) * tile.record, lane);
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
      if (half == 0 && i > 0) barrierArrive(tile.empty((i - 1) % S));
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
      auto two = [&](float p, float q) { return bf16Pair(__fmul_rn(alpha, p), __fmul_rn(alpha, q)); };
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
    for (int s = 0; s < tile.stages; s++) barrierInit(tile.full(s), 128 + 1), barrierInit(tile.empty(s), 256);
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
