//go:build unix

package views

import (
	"os"
	"syscall"
)

// hangups are the signals that end the program beside those Bubble Tea handles.
func hangups() []os.Signal { return []os.Signal{syscall.SIGHUP, syscall.SIGTERM} }
