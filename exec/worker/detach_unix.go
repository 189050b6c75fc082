//go:build unix

package worker

import (
	"os/exec"
	"syscall"
)

// detach keeps the terminal's signals from the worker: Ctrl-C cancels a job, it does
// not kill who computes it.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
