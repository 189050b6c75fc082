// Quantizing by the conversion instructions of Blackwell. Assembled, and never run by its
// authors: package cuda refuses it on a device until its known answers come out there.
#include "quantize.cuh"

extern "C" __global__ void quantize_nv_cvt(const uint16_t *x, uint8_t *codes, uint8_t *scales, const float *global, long long blocks) {
  quantizeNV<Instructions>(x, codes, scales, *global, blocks);
}
extern "C" __global__ void quantize_mx_cvt(const uint16_t *x, uint8_t *codes, uint8_t *scales, const float *, long long blocks) {
  quantizeMX<Instructions>(x, codes, scales, blocks);
}
