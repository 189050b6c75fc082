/* Stands in front of the toolkit's cuda.h so that gorgonia.org/cu v0.9.6, written
 * against the CUDA 11/12 driver API, compiles with CUDA 13 headers too. CUDA 13
 * made newer versions of seven calls the default: five changed their parameters
 * and would not compile, two would merely ask an older driver for a name that it
 * does not have. The old ones are still in every driver, under the names below;
 * only their declarations have to come back. With that, both generations of
 * headers ask for the same symbols (../symbols.h). */
#ifndef FP4TUI_LAZY_CUDA_H
#define FP4TUI_LAZY_CUDA_H

#include_next <cuda.h>

#if CUDA_VERSION >= 13000

#undef cuCtxCreate
#undef cuMemAdvise
#undef cuMemPrefetchAsync
#undef cuGraphAddDependencies
#undef cuGraphGetEdges
#undef cuDeviceGetUuid
#undef cuEventElapsedTime

#define cuCtxCreate cuCtxCreate_v2

CUresult CUDAAPI cuCtxCreate_v2(CUcontext *ctx, unsigned int flags, CUdevice device);
CUresult CUDAAPI cuMemAdvise(CUdeviceptr start, size_t bytes, CUmem_advise advice, CUdevice device);
CUresult CUDAAPI cuMemPrefetchAsync(CUdeviceptr start, size_t bytes, CUdevice to, CUstream stream);
CUresult CUDAAPI cuGraphAddDependencies(CUgraph graph, const CUgraphNode *from,
                                        const CUgraphNode *to, size_t count);
CUresult CUDAAPI cuGraphGetEdges(CUgraph graph, CUgraphNode *from, CUgraphNode *to, size_t *count);
CUresult CUDAAPI cuDeviceGetUuid(CUuuid *uuid, CUdevice device);
CUresult CUDAAPI cuEventElapsedTime(float *ms, CUevent start, CUevent end);

#endif /* CUDA_VERSION >= 13000 */

#endif /* FP4TUI_LAZY_CUDA_H */
