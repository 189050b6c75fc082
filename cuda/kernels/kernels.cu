// Every kernel that runs on any GPU from sm_80 on. `make -C cuda/kernels` turns this
// file and what it includes into kernels.fatbin.
#include "emu.cuh"
#include "blas.cuh"
#include "convert.cuh"
#include "w4a16.cuh"
