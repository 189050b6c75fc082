//go:build !(cuda && cgo && linux)

package main

import "fp4tui/cuda"

// gpuMissing is why a worker of this program needs no start: it has no GPU support.
func gpuMissing() error { return cuda.NewEngine(cuda.Options{}).Ready() }
