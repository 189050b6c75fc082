package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fp4tui/exec"
	"fp4tui/inspect"
	"fp4tui/views"
)

// version is set by release builds: -ldflags "-X main.version=1.2.3".
var version = "development"

// app is what every subcommand shares: the streams and the flags that stand everywhere.
type app struct {
	streams
	color     string
	theme     string
	noImages  bool
	ascii     bool
	logFile   string
	noJournal bool
	keys      string // file of the user's own keys
	device    string // where the GPU is
	python    string // whose engines compute
	computers *computers
	close     func() // of the log file
}

// colors are the values of --color.
var colors = []string{"auto", "truecolor", "256", "16", "never"}

// run is main without the process: it returns the exit code.
func run(ctx context.Context, args []string, io streams) int {
	out := io.watch()
	a := &app{streams: io, close: func() {}, computers: newComputers()}
	root := a.root()
	root.SetArgs(append([]string{}, args...)) // nil would be what this process was started with
	root.SetIn(io.in)
	root.SetOut(io.out)
	root.SetErr(io.err)
	err := root.ExecuteContext(ctx)
	a.computers.Close()
	a.close()
	var code exitCode
	if err == nil || errors.As(err, &code) {
		return out.code(int(code), io.err)
	}
	if out.err != nil && errors.Is(err, out.err) {
		return out.code(exec.ExitEnvironment, io.err)
	}
	err = mistyped(root, args, err)
	fmt.Fprintf(io.err, "fp4tui: %s\n", inspect.Printable(err.Error()))
	if hint := exec.HintOf(err); hint != "" {
		fmt.Fprintf(io.err, "hint: %s\n", hint)
	}
	return exec.ExitCode(err)
}

// mistyped replaces a usage error about what follows a word by one about the word: it
// was taken for a path, since it is no command, and is none either.
func mistyped(root *cobra.Command, args []string, err error) error {
	if !errors.Is(err, exec.ErrUsage) || len(args) < 2 || strings.Trim(args[0], "abcdefghijklmnopqrstuvwxyz") != "" {
		return err
	}
	for _, c := range root.Commands() {
		if c.Name() == args[0] {
			return err
		}
	}
	if _, missing := os.Stat(args[0]); missing == nil {
		return err
	}
	text := fmt.Sprintf("unknown command %q", args[0])
	root.SuggestionsMinimumDistance = 2
	if near := root.SuggestionsFor(args[0]); len(near) > 0 {
		text += ", did you mean " + strings.Join(near, " or ")
	}
	return usage(errors.New(text))
}

// exitCode ends the process with a code whose reason is already on the screen.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// exit turns a code into an error; nil for 0.
func exit(code int) error {
	if code == 0 {
		return nil
	}
	return exitCode(code)
}

// usage marks an error as the user's: exit 2.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", exec.ErrUsage, err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "fp4tui [PATH]",
		Short: "debug FP4-quantized layers: scales, layouts, one GEMM, the error of every element",
		Long: "fp4tui opens the terminal UI on a checkpoint (file, directory, cached hub id org/name) or a notebook;\n" +
			"without PATH the built-in tour. Nothing needs a GPU.",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          args(cobra.MaximumNArgs(1)),
		PersistentPreRunE: func(*cobra.Command, []string) error {
			return a.prepare()
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.tui(cmd.Context(), strings.Join(args, ""), "") },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	flags := root.PersistentFlags()
	flags.StringVar(&a.color, "color", "auto", "colours of the terminal UI: "+strings.Join(colors, "|")+" (beats NO_COLOR); lines, JSON and documents have none")
	flags.BoolVar(&a.ascii, "ascii", false, "only ASCII characters on screens and in lines; JSON, documents and what is saved stay as they are")
	flags.StringVar(&a.theme, "theme", "auto", "colours of the terminal UI: "+themeNames()+"; auto goes by the terminal's background")
	flags.BoolVar(&a.noImages, "no-images", false, "draw maps in characters even where the terminal shows images (also FP4TUI_IMAGES=off)")
	flags.StringVar(&a.logFile, "log-file", "", "write a log of what happens inside to this file")
	flags.StringVar(&a.keys, "keys", "", "the terminal UI's own keys, a TOML file (fp4tui docs keys); default keys.toml in the configuration directory")
	flags.StringVar(&a.device, "device", localDevice, "where backend=cuda computes: local[:N], or ssh:HOST[:PATH][:N] with the path of fp4tui there; N is the number of a GPU")
	flags.StringVar(&a.python, "python", "", "the Python whose engines compute (backend=torch, flashinfer:trtllm, vllm:marlin, …): its path, or ssh:HOST[:PATH]:PYTHON with the path of fp4tui there")
	flags.BoolVar(&a.noJournal, "no-journal", false, "keep nothing of an interactive session on disk: no autosave, no history (also FP4TUI_NO_JOURNAL=1)")
	root.AddCommand(a.replCommand(), a.runCommand(), a.replayCommand(), a.lintCommand(), a.doctorCommand(), a.docsCommand(), a.workerCommand())
	strictCompletion(root)
	return root
}

// strictCompletion makes an unknown shell a usage error: cobra answers with help and 0.
func strictCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() != "completion" {
			continue
		}
		c.Args = args(cobra.NoArgs)
		c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	}
}

func themeNames() string {
	var names []string
	for _, name := range views.Themes() {
		names = append(names, string(name))
	}
	return strings.Join(names, "|")
}

// args makes a wrong number of arguments a usage error.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, list []string) error { return usage(check(cmd, list)) }
}

// prepare checks the global flags and opens the log.
func (a *app) prepare() error {
	known := false
	for _, c := range colors {
		known = known || c == a.color
	}
	if !known {
		return usage(fmt.Errorf("--color %s: want %s", a.color, strings.Join(colors, ", ")))
	}
	if !slices.Contains(views.Themes(), views.Theme(a.theme)) {
		return usage(fmt.Errorf("--theme %s: want %s", a.theme, themeNames()))
	}
	if err := a.computers.place("device", a.device); err != nil {
		return err
	}
	if err := a.computers.place("python", a.python); err != nil {
		return err
	}
	slog.SetDefault(slog.New(slog.DiscardHandler))
	if a.logFile == "" {
		return nil
	}
	f, err := os.OpenFile(a.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("--log-file: %w", err)
	}
	a.close = func() { f.Close() }
	slog.SetDefault(slog.New(slog.NewJSONHandler(f, nil)))
	slog.Info("start", "version", version, "args", os.Args)
	return nil
}
