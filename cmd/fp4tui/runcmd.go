package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"fp4tui/exec"
	"fp4tui/exec/language"
	"fp4tui/exec/notebook"
	"fp4tui/inspect"
	"fp4tui/views/text"
)

func (a *app) runCommand() *cobra.Command {
	var commands []string
	var file string
	p := printer{app: a}
	cmd := &cobra.Command{
		Use:   "run -c COMMAND [-c COMMAND]… [-f FILE] [--json]",
		Short: "run commands, print results, exit",
		Long: "run parses and name-checks every command first; when one is wrong, nothing runs (exit 2).\n" +
			"It stops at the first command that fails; failed checks are counted and the rest runs (exit 1).",
		Example: `  fp4tui run -c "c = load tour:minilm-w4a16" -c "lint c"`,
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			sources, opt, err := sourcesOf(commands, file)
			if err != nil {
				return err
			}
			if file == "" {
				opt.Place = a.computers.place
			}
			if len(sources) == 0 {
				return usage(errors.New("nothing to run: give -c COMMAND or -f FILE"))
			}
			return p.all(cmd.Context(), a.session(opt), sources)
		},
	}
	cmd.Flags().StringArrayVarP(&commands, "command", "c", nil, "a command; may be repeated")
	cmd.Flags().StringVarP(&file, "file", "f", "", "a notebook or a list of commands, run before the -c commands; its paths are relative to it")
	p.flags(cmd)
	return cmd
}

// sourcesOf is what -f and -c say, in that order, and the directory that paths are
// relative to with the inputs that -f names.
func sourcesOf(commands []string, file string) (sources []language.Source, opt exec.Options, err error) {
	if file != "" {
		var inputs []notebook.Input
		if sources, inputs, err = exec.CommandsOf(file); err != nil {
			return nil, opt, err
		}
		opt = optionsOf(file, inputs)
	}
	for i, c := range commands {
		for _, s := range language.Split("-c", 1, c) {
			s.Pos.File, s.Pos.Line = "-c", i+1
			sources = append(sources, s)
		}
	}
	return sources, opt, nil
}

// optionsOf is where the paths of a notebook start and the names that its inputs have.
func optionsOf(file string, inputs []notebook.Input) exec.Options {
	return exec.Options{Dir: filepath.Dir(file), Inputs: inputs}
}

// printer prints cells as text or JSON lines.
type printer struct {
	*app
	json   bool
	stable bool
	digits int // 0 is that of notebooks
	width  int // likewise
}

func (p *printer) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&p.json, "json", false, "one JSON object a line (docs/result.schema.json)")
	cmd.Flags().BoolVar(&p.stable, "stable", false, "leave times out of JSON")
}

// all checks all commands, then runs them.
func (p *printer) all(ctx context.Context, s *exec.Session, sources []language.Source) error {
	if _, errs := s.Check(sources); len(errs) > 0 {
		for _, e := range errs {
			p.failure(exec.Cell{Command: e.Source, Err: e})
		}
		return exitCode(exec.ExitUsage)
	}
	code := exec.ExitOK
	for i, src := range sources {
		cell := s.Run(ctx, src.Text, nil)
		if stops(cell.Err) && len(sources) > 1 && !p.json {
			fmt.Fprintf(p.err, "%s:%d: %s\n", inspect.Printable(src.Pos.File), src.Pos.Line, inspect.Printable(cell.Command))
		}
		p.cell(cell)
		if r, ok := cell.Result.(exec.LintReport); ok && r.Errors > 0 {
			code = exec.ExitCheck
		}
		if cell.Err != nil {
			code = exec.ExitCode(cell.Err)
			if i > 0 && code == exec.ExitUsage { // 2 promises that nothing ran
				code = exec.ExitEnvironment
			}
			if stops(cell.Err) {
				return exitCode(code)
			}
		}
		if _, ok := cell.Result.(exec.Quit); ok {
			break
		}
	}
	return exit(code)
}

// stops says that a command failed for another reason than a check.
func stops(err error) bool { return err != nil && !errors.Is(err, exec.ErrCheckFailed) }

// cell prints one executed command.
func (p *printer) cell(c exec.Cell) {
	if p.json {
		p.jsonLine(c)
		return
	}
	for _, line := range text.Render(c.Result, p.options()) {
		fmt.Fprintln(p.out, line)
	}
	if stops(c.Err) {
		p.failure(c)
	}
}

// failure prints why a command did not run or failed: on standard error, or as JSON.
func (p *printer) failure(c exec.Cell) {
	if p.json {
		p.jsonLine(c)
		return
	}
	for _, line := range text.Failure(c.Err, p.options()) {
		fmt.Fprintln(p.err, line)
	}
}

func (p *printer) jsonLine(c exec.Cell) {
	line, err := c.JSON(p.stable)
	if err != nil {
		fmt.Fprintf(p.err, "fp4tui: %s: %v\n", inspect.Printable(c.Command), err)
		return
	}
	fmt.Fprintf(p.out, "%s\n", line)
}

func (p *printer) options() text.Options {
	return text.Options{Width: p.width, Digits: p.digits, ASCII: p.ascii}
}

func (a *app) lintCommand() *cobra.Command {
	p := printer{app: a}
	cmd := &cobra.Command{
		Use:   "lint PATH [--json]",
		Short: "check a whole checkpoint; exit 1 when a finding is an error",
		Args:  args(cobra.ExactArgs(1)),
		Long: "lint checks what is stored against the rules of its format.\n" +
			"Exit: 0 nothing is wrong, 1 a finding is an error, 3 the path cannot be read or is no checkpoint, 4 it has no FP4 layer.",
		RunE: func(cmd *cobra.Command, list []string) error { return p.lint(cmd.Context(), list[0]) },
	}
	p.flags(cmd)
	return cmd
}

func (p *printer) lint(ctx context.Context, path string) error {
	s := p.session(exec.Options{})
	load := s.Run(ctx, loadLine(s, "c", path), nil)
	if load.Err == nil && strings.EqualFold(filepath.Ext(path), ".npy") {
		load.Err = &inspect.Fault{Class: inspect.ErrUnsupported, File: path, Offset: -1,
			What: "not a checkpoint", Why: "it holds one plain tensor", Cure: "give a .safetensors file, a directory of them or a cached hub id"}
	}
	if load.Err != nil {
		p.failure(load)
		return exitCode(exec.ExitCode(load.Err))
	}
	layers, code := 0, exec.ExitOK
	if _, ok := load.Result.(exec.Opened); ok { // else its one tensor is not quantized
		cell := s.Run(ctx, "lint c", nil)
		p.cell(cell)
		if cell.Err != nil {
			return exitCode(exec.ExitCode(cell.Err))
		}
		if r, ok := cell.Result.(exec.LintReport); ok {
			layers = r.Layers
			if r.Errors > 0 {
				code = exec.ExitCheck
			}
		}
	}
	if layers == 0 && code == exec.ExitOK {
		fmt.Fprintf(p.err, "nothing was checked: no FP4 layer in %s\n", inspect.Printable(path))
		code = exec.ExitNothing
	}
	return exit(code)
}

// saveLine is the command that saves a session under a name.
func saveLine(s *exec.Session, name string) string {
	return s.Table().Format(language.Line{Verb: "export", Cmd: &exec.ExportCmd{X: language.Ref{Name: "session"}, Path: language.Path(name)}})
}

// loadLine is the command that opens a path under a name.
func loadLine(s *exec.Session, name, path string) string {
	return s.Table().Format(language.Line{Name: name, Verb: "load", Cmd: &exec.LoadCmd{Path: language.Path(path)}})
}
