package main

import (
	"log/slog"
	"os"
	"path/filepath"

	"fp4tui/cuda"
	"fp4tui/exec/gemm"
	"fp4tui/exec/worker"
)

// gpuEngine is the GPU of this program, for a worker. Its kernels must agree with the
// emulator on drawn layers before they run, which a folder of the user's cache remembers.
type gpuEngine struct{ *cuda.Engine }

func newGPU(device int) gpuEngine {
	o := cuda.Options{Device: device, Oracle: gemm.Compute}
	if dir, err := os.UserCacheDir(); err == nil {
		o.Cache = filepath.Join(dir, "fp4tui", "cuda")
		if err := os.MkdirAll(o.Cache, 0o700); err != nil {
			slog.Warn("kernels are verified anew in every worker", "error", err)
			o.Cache = ""
		}
	}
	return gpuEngine{cuda.NewEngine(o)}
}

// About names the device and how its kernels came out.
func (g gpuEngine) About() (device string, kernels []worker.Kernel) {
	device, list := g.Engine.About()
	for _, k := range list {
		kernels = append(kernels, worker.Kernel{Name: k.Name, Doc: k.Doc, Ready: k.Ready, Why: k.Why, Cure: k.Cure, Status: k.Status})
	}
	return device, kernels
}
