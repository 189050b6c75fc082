package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"fp4tui/exec/worker"
)

func (a *app) workerCommand() *cobra.Command {
	return &cobra.Command{
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
			return worker.Serve(cmd.Context(), a.in, a.out, "fp4tui "+version, newGPU())
		},
	}
}
