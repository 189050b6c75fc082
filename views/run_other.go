//go:build !unix

package views

import "os"

// quitSignals ask for the stacks of the program; there are none here.
func quitSignals() []os.Signal { return nil }

// hangups are the signals that end the program beside those Bubble Tea handles.
func hangups() []os.Signal { return []os.Signal{os.Interrupt} }
