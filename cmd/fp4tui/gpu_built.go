//go:build cuda && cgo && linux

package main

import (
	"os"
	osexec "os/exec"
)

// ownWorker starts this program again.
func ownWorker(args []string) (func() *osexec.Cmd, error) {
	path, err := os.Executable()
	return func() *osexec.Cmd { return osexec.Command(path, args...) }, err
}
