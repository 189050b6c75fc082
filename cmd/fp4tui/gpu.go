package main

import (
	"fp4tui/cuda"
	"fp4tui/exec/worker"
)

// gpuKernels are what may stand after "cuda:", in the order of help.
var gpuKernels = []struct{ name, doc string }{
	{"emu-fp4", "w4a4 on any GPU: the bits of a Blackwell tensor core, in integer arithmetic"},
	{"emu-bf16", "w4a16 on any GPU: the bits of the tensor cores of arch=, in integer arithmetic"},
	{"w4a16", "w4a16 on the bf16 tensor cores of sm_80 and newer"},
	{"native-sm120", "w4a4 by mma.sync of sm_120 and sm_121"},
	{"cublaslt", "w4a4 by cuBLASLt, on Blackwell"},
}

// gpuEngine is the GPU of this program, for a worker.
func gpuEngine() worker.Engine { return worker.Unable{Reason: cuda.Backend{}.Ready()} }
