//go:build !(cuda && cgo && linux)

package main

import (
	osexec "os/exec"

	"fp4tui/cuda"
)

// ownWorker is why a worker of this program needs no start: it has no GPU support.
func ownWorker([]string) (func() *osexec.Cmd, error) {
	return nil, cuda.NewEngine(cuda.Options{}).Ready()
}
