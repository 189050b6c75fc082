package views

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/term"

	"fp4tui/exec"
)

// ErrNoTerminal is returned by Run when stdin or stdout is no terminal. Its text names
// the cure.
var ErrNoTerminal = errors.New("the screens need a terminal; use fp4tui repl or fp4tui run for lines")

// ErrPlain is returned by Run when the user wants to go on in lines: the session is open.
var ErrPlain = errors.New("the session goes on in lines")

// Run shows the terminal until the user quits. The terminal is restored on every way
// out: quit, a failed command, a panic, SIGINT, SIGTERM, SIGHUP and SIGQUIT, which also
// writes the stacks of all goroutines to stderr, as Go programs do.
func Run(ctx context.Context, opt Options) error {
	if !term.IsTerminal(os.Stdin.Fd()) || !term.IsTerminal(os.Stdout.Fd()) {
		return ErrNoTerminal
	}
	ctx, stop := signal.NotifyContext(ctx, hangups()...)
	defer stop()
	ctx, dump := watchQuit(ctx)
	work, cancel := context.WithCancel(ctx)
	defer cancel()
	a := NewApp(opt)
	a.work.ctx = work
	options := []tea.ProgramOption{tea.WithContext(ctx)}
	if profile, fixed := teaProfile(a.opt.Profile); fixed {
		options = append(options, tea.WithColorProfile(profile))
	}
	_, err := tea.NewProgram(a, options...).Run()
	stopped := context.Cause(ctx)
	os.Stderr.Write(dump())
	switch {
	case stopped != nil:
		return fmt.Errorf("stopped by a signal: %w", stopped)
	case a.nav.plain && err == nil:
		return ErrPlain
	case errors.Is(err, tea.ErrInterrupted):
		return context.Canceled
	}
	return err
}

// teaProfile is the profile of the renderer. Without colour bold and reverse stay.
func teaProfile(p Profile) (colorprofile.Profile, bool) {
	switch p {
	case ProfileTrueColor:
		return colorprofile.TrueColor, true
	case Profile256:
		return colorprofile.ANSI256, true
	case Profile16:
		return colorprofile.ANSI, true
	case ProfileNever:
		return colorprofile.ASCII, true
	}
	return colorprofile.Unknown, false
}

// SnapNames are the views that Snap knows, by their names in commands.
func SnapNames() map[string]int {
	names := map[string]int{}
	for name, v := range map[string]viewID{"start": startView, "layers": layersView, "weight": weightView, "scales": scalesView, "codes": codesView,
		"error": errorView, "worst": worstView, "element": elementView, "layout": layoutView, "bytes": bytesView, "padding": paddingView, "lint": lintView, "notebook": notebookView, "log": logView} {
		names[name] = int(v)
	}
	return names
}

// Snap draws one frame of a view as plain text, without a terminal. It shows what the
// session holds: the last layer, the last comparison, the cursor at the origin.
func Snap(engine exec.Engine, view string, w, h int) ([]string, error) {
	v, known := SnapNames()[view]
	if !known {
		return nil, fmt.Errorf("%w: no view %q to snap", exec.ErrUsage, view)
	}
	if w < minWidth || h < minHeight || w > 1000 || h > 1000 {
		return nil, fmt.Errorf("%w: snap size %dx%d: want %dx%d to 1000x1000", exec.ErrUsage, w, h, minWidth, minHeight)
	}
	a := NewApp(Options{Engine: engine, Profile: ProfileNever})
	a.size = size{w, h}
	a.nav.view = viewID(v)
	a.forgetHistory()
	a.settle()
	return a.compose().lines(), nil
}

// forgetHistory takes out of the frame what differs between two runs of the same
// commands: times, and what has been saved.
func (a *App) forgetHistory() {
	a.at.unsaved = 0
	for i := range a.panes[logView].(*logPane).cells {
		a.panes[logView].(*logPane).cells[i].Elapsed = 0
	}
}

// settleRounds bounds how often answers lead to further questions.
const settleRounds = 8

// settle answers every question of the visible view inline.
func (a *App) settle() {
	for range settleRounds {
		asked := false
		for _, line := range a.panes[a.nav.view].wants(a.scene()) {
			if _, known := a.data.got[line]; known {
				continue
			}
			result, err := a.opt.Engine.Peek(a.work.ctx, line)
			a.data.put(line, answer{result, err})
			asked = true
		}
		if !asked {
			return
		}
	}
}
