package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shot is a frame of docs/tour.md: the keys that lead to it from the one before, what
// stands on it when it is whole, and what it shows.
type shot struct {
	title string
	keys  []string // "wait text" waits for a text
	sees  []string
	text  string
}

// readmeShot is the frame that README.md shows.
const readmeShot = "The error of every output"

func tourShots() []shot {
	return []shot{
		{"The layers", []string{"Enter"}, []string{"[Layers]", "12 layers"}, "`↵` on the Start screen opens the samples. Modules that engines fuse stand together."},
		{"A layer", []string{"/", "wait Esc close", "0.intermediate", "Enter", "wait ↵ open", "Enter"}, []string{"[Weight]", "SQNR"}, "`/` finds it by name, `↵` opens it: what the file says, and whether its numbers are healthy."},
		{readmeShot, []string{"r", "wait rel_l2", "wait at m 0  n 0", "w"}, []string{"[Error]", "[0,959]", "err     +1.031"}, "`r` runs it against its original, `w` stands on the worst element."},
		{"Why this element", []string{"Enter"}, []string{"[eXplain]", "sum = got - want"}, "`↵` splits its error by operation and by block."},
		{"Where the kernel has it", []string{"g", "o", "wait cutlass  ", "o", "wait ↵ choose", "t", "Enter"}, []string{"[layOut]", "trtllm  ("}, "`g o` shows the bytes as stored, `o` prepares them for a kernel: the same nibble is bracketed."},
		{"Eight ranks", []string{"g", "p", "8", "T"}, []string{"[Padding]", "TP 8"}, "`g p`, then `8T`: what a rank gets, and which kernel refuses."},
		{"The notebook of it all", []string{"g", "n"}, []string{"[Notebook]", "exits 0"}, "`g n`: every command is a cell; `s` saves them."},
	}
}

// TestShots: docs/tour.md and the frame of README.md are what the program draws today.
// make screenshots writes them.
func TestShots(t *testing.T) {
	if testing.Short() {
		t.Skip("real terminals")
	}
	m := terminals(t)(t, 80, 24)
	m.shell("fp4tui --color=never --no-journal").sees("▸ tour")
	tour, readme := filepath.Join("..", "..", "docs", "tour.md"), filepath.Join("..", "..", "README.md")
	var b strings.Builder
	b.WriteString("# The tour in pictures\n\nFrames of the program itself in a terminal of 80×24 without colour, one key after the other; `make screenshots` draws them anew. With colour a cell of a map is two pixels. All screens: [screens](screens.md); questions and their keys: [tasks](tasks.md).\n")
	for _, s := range tourShots() {
		for _, key := range s.keys {
			if text, wait := strings.CutPrefix(key, "wait "); wait {
				m.sees(text)
				continue
			}
			m.keys(key)
		}
		frame := m.sees(s.sees...).settled()
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n```text\n%s```\n", s.title, s.text, frame)
		if s.title == readmeShot {
			sameShot(t, readme, frameIn(t, readme), frame)
		}
	}
	if *update {
		put(t, tour, b.String())
	} else if cat(t, tour) != b.String() {
		t.Errorf("docs/tour.md is stale; make screenshots writes it; now:\n%s", b.String())
	}
}

// settled is the frame when it has stopped changing.
func (m *terminal) settled() string {
	m.t.Helper()
	last, since := "", time.Now()
	m.until("the same for a while", func(frame string) bool {
		if frame != last {
			last, since = frame, time.Now()
		}
		return time.Since(since) > 250*time.Millisecond
	})
	return last
}

// frameIn is the first block of text of a document.
func frameIn(t *testing.T, path string) string {
	t.Helper()
	_, rest, open := strings.Cut(cat(t, path), "```text\n")
	frame, _, closed := strings.Cut(rest, "```\n")
	if !open || !closed {
		t.Fatalf("%s has no frame", path)
	}
	return frame
}

// sameShot compares a frame of a document with today's; -update replaces it.
func sameShot(t *testing.T, path, stored, frame string) {
	t.Helper()
	if *update {
		put(t, path, strings.Replace(cat(t, path), stored, frame, 1))
	} else if stored != frame {
		t.Errorf("%s shows\n%s\nthe program\n%s\nmake screenshots writes it", path, stored, frame)
	}
}
