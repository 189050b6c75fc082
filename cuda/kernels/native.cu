// FP4 tensor-core instructions of sm_120 and sm_121. Assembled, and never run by its
// authors: package cuda refuses it on a device until its known answers come out there.
#include "job.cuh"

// scaleAt is where the scale of row r and block b lies in the 128×4 layout that the
// operands of FP4 libraries have: blocks is the row's number of them, a multiple of 4.
__device__ inline long long scaleAt(long long r, long long b, long long blocks) {
  return (r / 128 * (blocks / 4) + b / 4) * 512 + r % 32 * 16 + r % 128 / 32 * 4 + b % 4;
}

// The scale word of a row for one instruction: four UE4M3, or two UE8M0.
template <bool E8M0> __device__ inline Word scaleWord(const void *scales, long long row, long long rows, long long step, long long k) {
  if (row >= rows) return 0;
  const long long blocks = (k / (E8M0 ? 32 : 16) + 3) / 4 * 4;
  const uint8_t *at = (const uint8_t *)scales + scaleAt(row, step * (E8M0 ? 2 : 4), blocks);
  return E8M0 ? *(const uint16_t *)at : *(const Word *)at & 0x7f7f7f7f; // the sign of E4M3 is no part of UE4M3
}

__device__ inline Word codeWord(const void *codes, long long row, long long rows, long long k, long long at) {
  return row < rows ? *(const Word *)((const uint8_t *)codes + row * (k / 2) + at / 2) : 0;
}

// native: a warp has 16 rows of x by 32 rows of w; a block four warps along n. Scales
// are swizzled 128×4, codes are rows of k/2 bytes.
template <bool E8M0> __device__ void native(const Args *args, long long row0, long long rows) {
  const Args a = *args;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, q = lane % 4;
  const long long end = row0 + rows, m0 = row0 + (long long)blockIdx.y * 16, n0 = ((long long)blockIdx.x * 4 + warp) * 32;
  float d[4][4] = {};
  for (long long step = 0; step < a.k / 64; step++) {
    Word x[4];
    for (int r = 0; r < 4; r++) x[r] = codeWord(a.x, m0 + g + 8 * (r & 1), end, a.k, step * 64 + 8 * q + 32 * (r >> 1));
    Word sx = scaleWord<E8M0>(a.xScales, m0 + g + 8 * (q & 1), end, step, a.k); // of lanes 4g and 4g+1
    for (int j = 0; j < 4; j++) {
      long long n = n0 + 8 * j + g;
      Word w0 = codeWord(a.w, n, a.n, a.k, step * 64 + 8 * q), w1 = codeWord(a.w, n, a.n, a.k, step * 64 + 8 * q + 32);
      Word sw = scaleWord<E8M0>(a.wScales, n, a.n, step, a.k); // of lane 4n
      float *c = d[j];
      if (E8M0)
        asm volatile("mma.sync.aligned.m16n8k64.row.col.kind::mxf4.block_scale.scale_vec::2X.f32.e2m1.e2m1.f32.ue8m0 "
                     "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3}, %10, {0,0}, %11, {0,0};"
                     : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                     : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(w0), "r"(w1), "r"(sx), "r"(sw));
      else
        asm volatile("mma.sync.aligned.m16n8k64.row.col.kind::mxf4nvf4.block_scale.scale_vec::4X.f32.e2m1.e2m1.f32.ue4m3 "
                     "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3}, %10, {0,0}, %11, {0,0};"
                     : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                     : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(w0), "r"(w1), "r"(sx), "r"(sw));
    }
  }
  for (int j = 0; j < 4; j++)
    for (int i = 0; i < 4; i++) {
      long long m = m0 + g + i / 2 * 8, n = n0 + 8 * j + 2 * q + i % 2;
      if (m < end && n < a.n) finish(a, d[j][i], m, n);
    }
}

extern "C" __global__ void __launch_bounds__(128) native_nv(const Args *a, long long row0, long long rows) {
  native<false>(a, row0, rows);
}
extern "C" __global__ void __launch_bounds__(128) native_mx(const Args *a, long long row0, long long rows) {
  native<true>(a, row0, rows);
}
