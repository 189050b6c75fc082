package views

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
)

// errQuitSignal is why a program ends that was sent SIGQUIT.
var errQuitSignal = fmt.Errorf("SIGQUIT: %w", context.Canceled)

// mostStacks bounds the stacks that SIGQUIT writes, in bytes.
const mostStacks = 1 << 20

// watchQuit ends a context at SIGQUIT. Dump ends the watch and gives the stacks of all
// goroutines at that moment, for after the terminal is restored; nothing without a signal.
func watchQuit(parent context.Context) (ctx context.Context, dump func() []byte) {
	ctx, cancel := context.WithCancelCause(parent)
	signals, stacks, over := make(chan os.Signal, 1), make(chan []byte, 1), make(chan struct{})
	if list := quitSignals(); len(list) > 0 {
		signal.Notify(signals, list...)
	}
	go func() {
		select {
		case <-signals:
			text := make([]byte, mostStacks)
			stacks <- append(text[:runtime.Stack(text, true)], '\n')
			cancel(errQuitSignal)
		case <-over:
			stacks <- nil
		}
	}()
	return ctx, func() []byte {
		signal.Stop(signals)
		close(over)
		text := <-stacks
		cancel(nil)
		return text
	}
}
