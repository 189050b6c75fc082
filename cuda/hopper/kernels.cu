// Kernels that run one tensor-core instruction, or a chain of them, on raw operand
// bits. They do nothing else: no scaling, no conversion. `make -C cuda/hopper` turns them
// into kernels.ptx.
//
// Operands of a tile, for each step of its chain: the rows of A, then (in its own
// buffer) the 8 columns of B, K ascending, 32 bytes a row (16 for the mma shapes with half
// the K). C and D are row-major, 8 words a row: FP32 words, or FP16 pairs packed in 32 bits.
#include <cstdint>

using Word = uint32_t;
constexpr int columns = 8;

// ---- mma.sync: one warp a tile of 16 by 8

struct Place {
  int g, q;            // group and place within it: rows g and g+8, columns 2q and 2q+1
  long long tile;
};

__device__ inline Place place() {
  int lane = threadIdx.x % 32;
  return {lane / 4, lane % 4, (blockIdx.x * (long long)blockDim.x + threadIdx.x) / 32};
}

#define MMA_KERNEL(NAME, ROW_WORDS, ACC_WORDS, STEP)                                                    \
  extern "C" __global__ void NAME(const Word *a, const Word *b, const Word *c, Word *d, long long tiles, \
                                  long long steps) {                                                     \
    auto [g, q, tile] = place();                                                                         \
    if (tile >= tiles) return;                                                                           \
    constexpr int half = ACC_WORDS / 2;                                                                  \
    Word r[ACC_WORDS];                                                                                   \
    for (int i = 0; i < ACC_WORDS; i++)                                                                  \
      r[i] = c[(tile * 16 + g + 8 * (i / half)) * (columns * half / 2) + q * half + i % half];           \
    _Pragma("unroll 1") for (long long s = 0; s < steps; s++) {                                          \
      const Word *as = a + (tile * steps + s) * 16 * ROW_WORDS;                                          \
      const Word *bs = b + (tile * steps + s) * columns * ROW_WORDS;                                     \
      Word x[4], y[2];                                                                                   \
      for (int i = 0; i < ROW_WORDS / 2; i++) x[i] = as[(g + 8 * (i % 2)) * ROW_WORDS + q + 4 * (i / 2)]; \
      for (int i = 0; i < ROW_WORDS / 4; i++) y[i] = bs[g * ROW_WORDS + q + 4 * i];                      \
      STEP                                                                                               \
    }                                                                                                    \
    for (int i = 0; i < ACC_WORDS; i++)                                                                  \
      d[(tile * 16 + g + 8 * (i / half)) * (columns * half / 2) + q * half + i % half] = r[i];           \
  }

#define MMA_FP32(TEXT)                                                                                   \
  asm volatile("{ .reg .f32 d<4>;\n mov.b32 d0, %0; mov.b32 d1, %1; mov.b32 d2, %2; mov.b32 d3, %3;\n"   \
               "mma.sync.aligned." TEXT " {d0,d1,d2,d3}, {%4,%5,%6,%7}, {%8,%9}, {d0,d1,d2,d3};\n"       \
               "mov.b32 %0, d0; mov.b32 %1, d1; mov.b32 %2, d2; mov.b32 %3, d3; }"                        \
               : "+r"(r[0]), "+r"(r[1]), "+r"(r[2]), "+r"(r[3])                                          \
               : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(y[0]), "r"(y[1]));

#define MMA_FP32_HALF_K(TEXT, A, B)                                                                      \
  asm volatile("{ .reg .f32 d<4>;\n mov.b32 d0, %0; mov.b32 d1, %1; mov.b32 d2, %2; mov.b32 d3, %3;\n"   \
               "mma.sync.aligned." TEXT " {d0,d1,d2,d3}, " A ", " B ", {d0,d1,d2,d3};\n"                  \
               "mov.b32 %0, d0; mov.b32 %1, d1; mov.b32 %2, d2; mov.b32 %3, d3; }"                        \
               : "+r"(r[0]), "+r"(r[1]), "+r"(r[2]), "+r"(r[3]) : "r"(x[0]), "r"(x[1]), "r"(y[0]));

#define MMA_FP16(TEXT)                                                                                   \
  asm volatile("mma.sync.aligned." TEXT " {%0,%1}, {%2,%3,%4,%5}, {%6,%7}, {%0,%1};"                     \
               : "+r"(r[0]), "+r"(r[1])                                                                  \
               : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(y[0]), "r"(y[1]));

#define MMA_FP16_HALF_K(TEXT)                                                                            \
  asm volatile("mma.sync.aligned." TEXT " {%0,%1}, {%2,%3}, {%4}, {%0,%1};"                              \
               : "+r"(r[0]), "+r"(r[1]) : "r"(x[0]), "r"(x[1]), "r"(y[0]));

MMA_KERNEL(mma_bf16_k16, 8, 4, MMA_FP32("m16n8k16.row.col.f32.bf16.bf16.f32"))
MMA_KERNEL(mma_bf16_k8, 4, 4, MMA_FP32_HALF_K("m16n8k8.row.col.f32.bf16.bf16.f32", "{%4,%5}", "{%6}"))
MMA_KERNEL(mma_f16_k16, 8, 4, MMA_FP32("m16n8k16.row.col.f32.f16.f16.f32"))
MMA_KERNEL(mma_f16_k8, 4, 4, MMA_FP32_HALF_K("m16n8k8.row.col.f32.f16.f16.f32", "{%4,%5}", "{%6}"))
MMA_KERNEL(mma_tf32_k8, 8, 4, MMA_FP32("m16n8k8.row.col.f32.tf32.tf32.f32"))
MMA_KERNEL(mma_tf32_k4, 4, 4, MMA_FP32_HALF_K("m16n8k4.row.col.f32.tf32.tf32.f32", "{%4,%5}", "{%6}"))
MMA_KERNEL(mma_f16out_k16, 8, 2, MMA_FP16("m16n8k16.row.col.f16.f16.f16.f16"))
MMA_KERNEL(mma_f16out_k8, 4, 2, MMA_FP16_HALF_K("m16n8k8.row.col.f16.f16.f16.f16"))

// ---- wgmma: four warps a tile of 64 by 8, A and B in shared memory without swizzle

// A matrix of shared memory is made of cores, 8 rows of 16 bytes: the two cores of a row of
// cores are 128 bytes apart, the rows of cores 256.
__device__ inline uint64_t descriptor(const void *matrix) {
  uint64_t address = __cvta_generic_to_shared(matrix);
  return (address & 0x3ffff) >> 4 | (uint64_t)(128 >> 4) << 16 | (uint64_t)(256 >> 4) << 32;
}

// stage copies rows of 32 bytes into cores.
__device__ inline void stage(Word *to, const Word *from, int rows) {
  for (int i = threadIdx.x; i < rows * 8; i += blockDim.x) {
    int row = i / 8, word = i % 8;
    to[row / 8 * 64 + word / 4 * 32 + row % 8 * 4 + word % 4] = from[i];
  }
}

#define WGMMA_KERNEL(NAME, ACC_WORDS, STEP)                                                              \
  extern "C" __global__ void __launch_bounds__(128)                                                      \
      NAME(const Word *a, const Word *b, const Word *c, Word *d, long long tiles, long long steps) {     \
    __shared__ alignas(128) Word as[64 * 8], bs[columns * 8];                                            \
    constexpr int half = ACC_WORDS / 2;                                                                  \
    long long tile = blockIdx.x;                                                                         \
    int row = threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4, q = threadIdx.x % 4;                         \
    Word r[ACC_WORDS];                                                                                   \
    for (int i = 0; i < ACC_WORDS; i++)                                                                  \
      r[i] = c[(tile * 64 + row + 8 * (i / half)) * (columns * half / 2) + q * half + i % half];         \
    _Pragma("unroll 1") for (long long s = 0; s < steps; s++) {                                          \
      stage(as, a + (tile * steps + s) * 64 * 8, 64);                                                    \
      stage(bs, b + (tile * steps + s) * columns * 8, columns);                                          \
      asm volatile("fence.proxy.async.shared::cta;" ::: "memory");                                       \
      __syncthreads();                                                                                   \
      uint64_t da = descriptor(as), db = descriptor(bs);                                                 \
      asm volatile("wgmma.fence.sync.aligned;" ::: "memory");                                            \
      STEP                                                                                               \
      asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");                                     \
      asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");                                     \
      __syncthreads();                                                                                   \
    }                                                                                                    \
    for (int i = 0; i < ACC_WORDS; i++)                                                                  \
      d[(tile * 64 + row + 8 * (i / half)) * (columns * half / 2) + q * half + i % half] = r[i];         \
  }

#define WGMMA_FP32(TEXT, FLAGS)                                                                          \
  float *f = reinterpret_cast<float *>(r);                                                               \
  asm volatile("wgmma.mma_async.sync.aligned." TEXT " {%0,%1,%2,%3}, %4, %5, 1, 1, 1" FLAGS ";"          \
               : "+f"(f[0]), "+f"(f[1]), "+f"(f[2]), "+f"(f[3]) : "l"(da), "l"(db) : "memory");

#define WGMMA_FP16(TEXT, FLAGS)                                                                          \
  asm volatile("wgmma.mma_async.sync.aligned." TEXT " {%0,%1}, %2, %3, 1, 1, 1" FLAGS ";"                \
               : "+r"(r[0]), "+r"(r[1]) : "l"(da), "l"(db) : "memory");

WGMMA_KERNEL(wgmma_bf16, 4, WGMMA_FP32("m64n8k16.f32.bf16.bf16", ", 0, 0"))
WGMMA_KERNEL(wgmma_f16, 4, WGMMA_FP32("m64n8k16.f32.f16.f16", ", 0, 0"))
WGMMA_KERNEL(wgmma_tf32, 4, WGMMA_FP32("m64n8k8.f32.tf32.tf32", ""))
WGMMA_KERNEL(wgmma_e4m3_e4m3, 4, WGMMA_FP32("m64n8k32.f32.e4m3.e4m3", ""))
WGMMA_KERNEL(wgmma_e4m3_e5m2, 4, WGMMA_FP32("m64n8k32.f32.e4m3.e5m2", ""))
WGMMA_KERNEL(wgmma_e5m2_e4m3, 4, WGMMA_FP32("m64n8k32.f32.e5m2.e4m3", ""))
WGMMA_KERNEL(wgmma_e5m2_e5m2, 4, WGMMA_FP32("m64n8k32.f32.e5m2.e5m2", ""))
WGMMA_KERNEL(wgmma_f16out, 2, WGMMA_FP16("m64n8k16.f16.f16.f16", ", 0, 0"))
WGMMA_KERNEL(wgmma_f16out_e4m3_e4m3, 2, WGMMA_FP16("m64n8k32.f16.e4m3.e4m3", ""))
WGMMA_KERNEL(wgmma_f16out_e4m3_e5m2, 2, WGMMA_FP16("m64n8k32.f16.e4m3.e5m2", ""))
WGMMA_KERNEL(wgmma_f16out_e5m2_e4m3, 2, WGMMA_FP16("m64n8k32.f16.e5m2.e4m3", ""))
WGMMA_KERNEL(wgmma_f16out_e5m2_e5m2, 2, WGMMA_FP16("m64n8k32.f16.e5m2.e5m2", ""))
