package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"fp4tui/cuda"
	"fp4tui/exec"
	"fp4tui/exec/worker"
	"fp4tui/exec/worker/bridge"
	"fp4tui/inspect"
)

func (a *app) workerCommand() *cobra.Command {
	gpu, status := cuda.AnyDevice, false
	cmd := &cobra.Command{
		Use:    "worker",
		Hidden: true,
		Short:  "compute for another fp4tui on this machine's GPU, or by a Python, over standard input and output",
		Long: "worker speaks the protocol of package exec/worker on its standard input and output until the input ends.\n" +
			"fp4tui starts it by itself for backend=cuda, here or behind ssh (--device ssh:HOST): a crash, a hang or a driver\n" +
			"that aborts ends this process and not the session. It ignores Ctrl-C: whoever started it cancels a job.\n" +
			"With --python it serves the engines of that interpreter, as --python ssh:HOST:PYTHON asks for.",
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			signal.Ignore(os.Interrupt)
			signal.Reset(syscall.SIGTERM)
			if gpu < cuda.AnyDevice {
				return usage(fmt.Errorf("--gpu %d: want the number of a device of fp4tui doctor", gpu))
			}
			switch {
			case a.python != "" && (status || cmd.Flags().Changed("gpu")):
				return usage(errors.New("--python serves the engines of an interpreter: without --gpu and --status"))
			case strings.HasPrefix(a.python, "ssh:"):
				return usage(errors.New("--python of a worker is an interpreter of its own machine"))
			case a.python != "":
				return a.servePython()
			case status:
				// Who asked may be gone when a driver hangs, and does not wait longer.
				defer time.AfterFunc(statusWait+5*time.Second, func() { os.Exit(exec.ExitEnvironment) }).Stop()
				return json.NewEncoder(a.out).Encode(cuda.Status())
			}
			return worker.Serve(cmd.Context(), a.in, a.out, "fp4tui "+version, newGPU(gpu))
		},
	}
	cmd.Flags().IntVar(&gpu, "gpu", gpu, "the number of the GPU; -1 is the first that has kernels")
	cmd.Flags().BoolVar(&status, "status", false, "print what the driver says as JSON, and end")
	return cmd
}

// servePython lets the interpreter have the standard streams: it ends when its input does, also
// when this process is killed.
func (a *app) servePython() error {
	cmd := bridge.Command(a.python)()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.in, a.out, a.err
	var ended *osexec.ExitError
	switch err := cmd.Run(); {
	case errors.As(err, &ended):
		return exitCode(exec.ExitEnvironment) // it has said why
	case err != nil:
		return &inspect.Fault{Class: inspect.ErrUnreadable, Offset: -1, What: "the Python bridge does not start", Why: err.Error(), Cure: "check that " + a.python + " is there and may be run"}
	}
	return nil
}
