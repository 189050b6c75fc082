// Command fp4tui is a debugger for FP4-quantized layers: a terminal UI, a line REPL and
// a notebook replayer over one command engine.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// streams are the three standard ones; tests give their own.
type streams struct {
	in       io.Reader
	out, err io.Writer
}
