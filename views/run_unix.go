//go:build unix

package views

import (
	"os"
	"syscall"
)

// quitSignals ask for the stacks of the program.
func quitSignals() []os.Signal { return []os.Signal{syscall.SIGQUIT} }

// hangups are the signals that end the program beside those Bubble Tea handles.
func hangups() []os.Signal { return []os.Signal{syscall.SIGHUP, syscall.SIGTERM} }
