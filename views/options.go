package views

import "fp4tui/exec"

// Options is everything the terminal needs to know. Run and the tests build the same
// App from it.
type Options struct {
	Engine   exec.Engine
	Path     string            // opened at start; empty: the Start screen
	Profile  Profile           // colours; empty or "auto": ask the terminal
	ASCII    bool              // only ASCII glyphs
	Start    StartInfo         // the rows of the Start screen
	Startup  []string          // commands run at start; with Path and none: c = load PATH
	Tour     []string          // commands that the tour row runs
	Notebook string            // the file that s suggests; empty: from Path
	Book     *Book             // a notebook to open and run
	History  []string          // commands typed in earlier sessions, the oldest first
	Remember func(line string) // keeps a typed command for later sessions; nil: nothing does
	Keys     Keys              // the user's own keys, from ReadKeys
	Recover  []Recovery        // sessions that ended without saving, the newest first
	Discard  func()            // called when the program ends and nothing is lost with the autosaved session
	Autosave func() error      // why commands are no longer kept as they happen; nil function: they never were
	// Draft keeps the edited page of the notebook until it is saved (a nil page); nil
	// function: nothing does. Name is its file, "" while it has none.
	Draft    func(name string, page []byte) error
	NoMouse  bool
	Theme    Theme // roles and ramps; empty or "auto": by the terminal's background
	NoImages bool  // no images even where the terminal shows them
	Version  string
}

// StartInfo is what the Start screen offers besides the tour.
type StartInfo struct {
	Rows  []StartRow
	Ready string // the first log line: "ready in 41 ms · 16 CPU threads"
}

// StartRow is one thing to open. Without commands Enter writes Prompt at the prompt.
type StartRow struct {
	Name     string // "this directory"
	Text     string // "3 checkpoints found: ./llama-nvfp4"
	Commands []string
	Prompt   string // "load "
	recover  bool   // it opens the offer of the session that was lost
}
