package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fp4tui/exec"
	"fp4tui/exec/notebook"
	"fp4tui/inspect"
	"fp4tui/inspect/checkpoint"
)

// replayer is the replay command with its flags.
type replayer struct {
	*app
	opt       notebook.Options
	write     notebook.WriteOptions
	update    bool
	report    string
	output    string
	allowRead []string
	out       string
	tui       bool
}

// reports are the formats of --report.
var reports = map[string]func(io.Writer, []notebook.Report, notebook.WriteOptions) error{
	"text": notebook.WriteText, "json": notebook.WriteJSON, "junit": notebook.WriteJUnit, "tap": notebook.WriteTAP,
}

func (a *app) replayCommand() *cobra.Command {
	r := &replayer{app: a}
	cmd := &cobra.Command{
		Use:   "replay FILE…",
		Short: "replay notebooks and check their outputs",
		Long: "replay runs notebooks (.fp4.md) and command files (.fp4) and compares every stored output.\n" +
			"Exit: 0 all checks passed, 1 a check failed, 2 a file is wrong and nothing of it ran, 3 the environment failed,\n" +
			"4 nothing was checked (or a skip under --fail-on-skip), 130 interrupted.",
		Args: args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, files []string) error { return r.run(cmd.Context(), files) },
	}
	f := cmd.Flags()
	f.BoolVar(&r.update, "update", false, "rewrite the stored outputs that differ; every other byte stays")
	f.StringVar(&r.opt.Backend, "backend", "", "compute with this backend where a command names none")
	f.StringVar(&r.opt.Filter, "filter", "", "check only the cells whose id matches this glob")
	f.BoolVar(&r.opt.KeepGoing, "keep-going", false, "go on after a command that fails")
	f.DurationVar(&r.opt.Timeout, "timeout", 0, "limit for a cell that sets none")
	f.StringVar(&r.report, "report", "text", "text|json|junit|tap")
	f.StringVarP(&r.output, "output", "o", "", "write the report to this file")
	f.StringSliceVar(&r.allowRead, "allow-read", nil, "let notebooks read below this directory too")
	f.StringVar(&r.out, "out", "", "let notebooks write below this directory")
	f.BoolVar(&r.write.FailOnSkip, "fail-on-skip", false, "exit 4 when anything was skipped")
	f.BoolVar(&r.write.Stable, "stable", false, "leave times out of the report")
	f.BoolVarP(&r.write.Verbose, "verbose", "v", false, "list the cells that passed too")
	f.BoolVar(&r.tui, "tui", false, "open the terminal UI with the session of the one notebook")
	return cmd
}

func (r *replayer) run(ctx context.Context, files []string) error {
	format, ok := reports[r.report]
	switch {
	case !ok:
		return usage(fmt.Errorf("--report %s: want text, json, junit or tap", r.report))
	case r.update && os.Getenv("CI") != "":
		return usage(errors.New("--update in CI would hide what it should find (CI is set)"))
	case r.tui && len(files) > 1:
		return usage(errors.New("--tui takes one notebook"))
	}
	if _, ok := r.app.computers.find(r.opt.Backend); r.opt.Backend != "" && !ok {
		return usage(fmt.Errorf("--backend %s: want one of %s", r.opt.Backend, strings.Join(r.app.computers.names(), ", ")))
	}
	if info, err := os.Stat(r.out); r.out != "" && (err != nil || !info.IsDir()) {
		return &inspect.Fault{Class: inspect.ErrMissing, File: r.out, Offset: -1, What: "--out: no such directory", Cure: "create it first"}
	}
	if r.tui {
		return r.app.tui(ctx, files[0], r.opt.Backend)
	}
	var done []notebook.Report
	for _, file := range files {
		report, err := r.file(ctx, file)
		if err != nil {
			return err
		}
		done = append(done, report)
		if report.Interrupted {
			break
		}
	}
	if err := r.print(format, done); err != nil {
		return err
	}
	return exit(notebook.ExitCode(done, r.write.FailOnSkip))
}

func (r *replayer) print(format func(io.Writer, []notebook.Report, notebook.WriteOptions) error, done []notebook.Report) error {
	if r.output == "" {
		return format(r.streams.out, done, r.write)
	}
	return checkpoint.WriteFile(r.output, func(w io.Writer) error { return format(w, done, r.write) })
}

// file replays one notebook and, with --update, rewrites it.
func (r *replayer) file(ctx context.Context, file string) (notebook.Report, error) {
	data, err := exec.ReadText(file)
	if err != nil { // told in the report: the other files have theirs
		return notebook.Report{File: filepath.ToSlash(file), Faults: []notebook.Fault{{Line: 1, Msg: err.Error(), Hint: "check the path"}}}, nil
	}
	doc, errs := notebook.Parse(filepath.ToSlash(file), data)
	access := notebook.Access{Dir: filepath.Dir(file), Inputs: doc.Front.Inputs, AllowRead: r.allowRead, Out: r.out}
	opt := r.opt
	opt.Access, opt.Classify, opt.Has, opt.Now = access, exec.Classify, func(q string) (bool, string) { return r.app.computers.available(ctx, q) }, time.Now
	s := r.app.session(exec.Options{Dir: access.Dir, Read: access.Read, Write: access.Write, Set: map[string]string{"backend": doc.BackendOf(opt.Backend)}})
	report := notebook.Replay(ctx, doc, errs, opt, s.Runner())
	if fresh := notebook.Update(doc, report.Fresh()); r.update && len(report.Usage) == 0 && !bytes.Equal(fresh, data) {
		err := checkpoint.WriteFile(file, func(w io.Writer) error {
			_, err := w.Write(fresh)
			return err
		})
		if err != nil {
			return report, err
		}
		fmt.Fprintf(r.streams.err, "updated %s: %d outputs\n", filepath.ToSlash(file), accept(&report))
	}
	return report, nil
}

// accept counts the outputs that were rewritten; they are what is stored now.
func accept(report *notebook.Report) int {
	n := 0
	for i := range report.Cells {
		if c := &report.Cells[i]; c.Status == notebook.Changed {
			c.Status, c.Reason, c.Diff = notebook.OK, "", nil
			n++
		}
	}
	return n
}
