package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"fp4tui/exec/journal"
)

// maxHistory bounds the commands that are kept, and maxHistoryLine each of them.
const (
	maxHistory     = 1000
	maxHistoryLine = 4000
)

// history is the commands that were typed, of this session and of earlier ones. They stand
// in a file of the user's state, one a line; sessions that run at once append to it.
type history struct {
	file  string // "" keeps nothing
	lines []string
}

// openHistory reads what earlier sessions left; none is no failure.
func (a *app) openHistory() *history {
	h := &history{}
	if !a.keeps() {
		return h
	}
	dir, err := journal.StateDir()
	if err != nil {
		return h
	}
	h.file = filepath.Join(dir, "history")
	data, err := os.ReadFile(h.file)
	if err != nil {
		return h
	}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimRight(line, "\r\n"); line != "" && utf8.ValidString(line) && len(line) <= maxHistoryLine {
			h.lines = append(h.lines, line)
		}
	}
	if n := len(h.lines); n > 2*maxHistory { // trimmed now and then, not at every start
		h.lines = h.lines[n-maxHistory:]
		h.warn(os.WriteFile(h.file, []byte(strings.Join(h.lines, "\n")+"\n"), 0o600))
	}
	h.lines = h.lines[max(0, len(h.lines)-maxHistory):]
	return h
}

// remember keeps one typed command.
func (h *history) remember(line string) {
	line = strings.TrimSpace(strings.NewReplacer("\\\n", " ", "\n", " ").Replace(line))
	if n := len(h.lines); line == "" || n > 0 && h.lines[n-1] == line || len(line) > maxHistoryLine {
		return
	}
	h.lines = append(h.lines, line)
	if h.file == "" {
		return
	}
	if err := os.MkdirAll(filepath.Dir(h.file), 0o700); err != nil {
		h.warn(err)
		return
	}
	f, err := os.OpenFile(h.file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		h.warn(err)
		return
	}
	_, err = f.WriteString(line + "\n")
	h.warn(err)
	h.warn(f.Close())
}

// warn logs a failure to keep the history: it is not worth a word on the screen.
func (h *history) warn(err error) {
	if err != nil {
		slog.Warn("history", "error", err)
	}
}

// Add, Len and At are the history of a line-editing terminal; 0 is the newest line.
func (h *history) Add(line string) { h.remember(line) }

// Len is how many lines there are.
func (h *history) Len() int { return len(h.lines) }

// At is a line, counted back from the newest.
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }
