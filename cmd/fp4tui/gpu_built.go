//go:build cuda && cgo && linux

package main

// gpuMissing is why a worker of this program needs no start: it has what it needs.
func gpuMissing() error { return nil }
