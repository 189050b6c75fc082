package language

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"fp4tui/inspect"
)

// ErrUsage is the class of every Error of this package: the text is wrong and
// nothing ran.
var ErrUsage = errors.New("usage")

// Error is one mistake in a command, with its place.
type Error struct {
	File   string // as given; empty at a prompt
	Line   int    // from 1; 0 at a prompt
	Col    int    // from 1, in characters of Source
	Msg    string // `unknown backend "emmu"`
	Hint   string // "did you mean emu?"; empty when none is known
	Source string // the whole line in which Col counts
}

// Error is one line: file:line:col, what is wrong and, where known, the cure. At a
// prompt the place is "column 18".
func (e *Error) Error() string {
	switch {
	case e.File != "":
		return fmt.Sprintf("%s:%d:%d: %s", inspect.Printable(e.File), e.Line, e.Col, e.Message())
	case e.Line > 0:
		return fmt.Sprintf("line %d column %d: %s", e.Line, e.Col, e.Message())
	}
	return fmt.Sprintf("column %d: %s", e.Col, e.Message())
}

// Message is the error without its place; safe for a terminal.
func (e *Error) Message() string {
	m := inspect.Printable(e.Msg)
	if e.Hint != "" {
		m += "; " + inspect.Printable(e.Hint)
	}
	return m
}

// Unwrap gives ErrUsage.
func (e *Error) Unwrap() error { return ErrUsage }

// excerpt is the widest source line that Caret shows, in characters.
const excerpt = 100

// Caret is two lines: the source and a caret under the column. Of a long line it
// shows the part around the column.
func (e *Error) Caret() string {
	runes := []rune(strings.ToValidUTF8(e.Source, "\uFFFD"))
	col := min(max(e.Col-1, 0), len(runes))
	from, to := 0, len(runes)
	if to > excerpt {
		from = max(0, col-excerpt/2)
		to = min(len(runes), from+excerpt)
	}
	var line, pad strings.Builder
	for i, r := range runes[from:to] {
		shown := string(r)
		if r != '\t' {
			shown = inspect.Printable(shown)
		}
		line.WriteString(shown)
		if from+i >= col {
			continue
		}
		if r == '\t' {
			pad.WriteByte('\t')
			continue
		}
		pad.WriteString(strings.Repeat(" ", Columns(shown)))
	}
	return line.String() + "\n" + pad.String() + "^"
}

// Columns is how many terminal columns a piece of source takes: two for East Asian
// wide characters and emoji, none for combining marks, one for all else.
func Columns(s string) int {
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

// wide are the blocks whose characters take two columns.
var wide = [...][2]rune{
	{0x1100, 0x115F}, {0x2E80, 0x303E}, {0x3041, 0xA4CF}, {0xAC00, 0xD7A3}, {0xF900, 0xFAFF},
	{0xFE30, 0xFE6F}, {0xFF00, 0xFF60}, {0xFFE0, 0xFFE6}, {0x1F300, 0x1F64F}, {0x1F900, 0x1F9FF},
	{0x20000, 0x3FFFD},
}

func runeColumns(r rune) int {
	if r >= 0x300 && r <= 0x36F {
		return 0
	}
	for _, w := range wide {
		if r >= w[0] && r <= w[1] {
			return 2
		}
	}
	return 1
}

// mistake is an error at a byte offset of the text being read; the reader that knows
// the file turns it into an Error.
type mistake struct {
	off  int
	msg  string
	hint string
}

func wrong(off int, format string, args ...any) *mistake {
	return &mistake{off: off, msg: fmt.Sprintf(format, args...)}
}

func (m *mistake) with(hint string) *mistake {
	m.hint = hint
	return m
}

// Closest is the candidate nearest to a misspelt word by edit distance, or "" when
// none is near. Of equals the first wins.
func Closest(word string, candidates []string) string {
	best, limit := "", 1+utf8.RuneCountInString(word)/4
	for _, c := range candidates {
		if d := distance(word, c); d <= limit && d < utf8.RuneCountInString(word) {
			best, limit = c, d-1
		}
	}
	return best
}

// meant is the hint for a misspelt word; when nothing is near and the choice is
// small it lists the choice.
func meant(word string, candidates []string) string {
	if c := Closest(word, candidates); c != "" {
		return "did you mean " + c + "?"
	}
	if n := len(candidates); n > 0 && n <= 12 {
		return "known: " + strings.Join(candidates, ", ")
	}
	return ""
}

// distance is the optimal string alignment distance: inserted, deleted, replaced and
// swapped neighbouring characters, letter case ignored. Words above 64 characters are
// not compared.
func distance(a, b string) int {
	x, y := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	if len(x) > 64 || len(y) > 64 {
		return 64
	}
	var old, prev, row [65]int
	for j := range len(y) + 1 {
		prev[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], old[j-2]+1)
			}
		}
		old, prev = prev, row
	}
	return prev[len(y)]
}
