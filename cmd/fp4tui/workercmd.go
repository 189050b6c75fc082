package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"fp4tui/cuda"
	"fp4tui/exec/worker"
)

func (a *app) workerCommand() *cobra.Command {
	gpu, status := cuda.AnyDevice, false
	cmd := &cobra.Command{
		Use:    "worker",
		Hidden: true,
		Short:  "compute on this machine's GPU for another fp4tui, over standard input and output",
		Long: "worker speaks the protocol of package exec/worker on its standard input and output until the input ends.\n" +
			"fp4tui starts it by itself for backend=cuda, here or behind ssh (--device ssh:HOST): a crash, a hang or a driver\n" +
			"that aborts ends this process and not the session. It ignores Ctrl-C: whoever started it cancels a job.",
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			signal.Ignore(os.Interrupt)
			signal.Reset(syscall.SIGTERM)
			if gpu < cuda.AnyDevice {
				return usage(fmt.Errorf("--gpu %d: want the number of a device of fp4tui doctor", gpu))
			}
			if status {
				return json.NewEncoder(a.out).Encode(cuda.Status())
			}
			return worker.Serve(cmd.Context(), a.in, a.out, "fp4tui "+version, newGPU(gpu))
		},
	}
	cmd.Flags().IntVar(&gpu, "gpu", gpu, "the number of the GPU; -1 is the first that has kernels")
	cmd.Flags().BoolVar(&status, "status", false, "print what the driver says as JSON, and end")
	return cmd
}
