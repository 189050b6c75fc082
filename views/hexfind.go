package views

import (
	"context"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
)

// hexFound is the end of a search for bytes in the stored codes.
type hexFound struct {
	generation int
	pattern    string
	n, k       int
	found      bool
	err        error
}

// hexPattern reads bytes as they are typed: "e5 20" or "0xe520".
func hexPattern(text string) (string, error) {
	text = strings.ToLower(strings.NewReplacer(" ", "", "0x", "").Replace(text))
	if text == "" || len(text)%2 != 0 || strings.Trim(text, "0123456789abcdef") != "" {
		return "", fmt.Errorf("%w: bytes are pairs of hex digits, as in e5 20", exec.ErrUsage)
	}
	return text, nil
}

// findHex looks for bytes in the codes of the open layer, from the cursor on and round;
// step -1 looks backwards. It runs beside everything else.
func (a *App) findHex(text string, step int) tea.Cmd {
	pattern, err := hexPattern(text)
	if err != nil {
		a.status.fail("", err)
		return nil
	}
	info, ready := a.scene().layer()
	if !ready {
		return nil
	}
	if a.nav.hunt != nil {
		a.nav.hunt()
	}
	ctx, cancel := context.WithCancel(a.work.ctx)
	a.nav.hunt = cancel
	a.status.say("looking for " + pattern + " …")
	h := hexHunt{engine: a.opt.Engine, w: a.at.w, rows: info.N, cols: info.K, pattern: pattern}
	n, k, generation := a.at.n, a.at.k, a.work.generation
	return func() tea.Msg {
		defer cancel()
		msg := hexFound{generation: generation, pattern: pattern}
		msg.n, msg.k, msg.found, msg.err = h.from(ctx, n, k, step)
		return msg
	}
}

// hexHunt searches one tensor row by row: a match never crosses the end of a row.
type hexHunt struct {
	engine     exec.Engine
	w          string
	rows, cols int
	pattern    string
}

// from finds the next match after [n,k], or the one at it when step is 0.
func (h hexHunt) from(ctx context.Context, n, k, step int) (int, int, bool, error) {
	back := step < 0
	for i := range h.rows + 1 {
		at := (n + i) % h.rows
		if back {
			at = ((n-i)%h.rows + h.rows) % h.rows
		}
		row, err := h.row(ctx, at)
		if err != nil {
			return 0, 0, false, err
		}
		lo, hi := 0, len(row)
		switch {
		case i == 0 && back:
			hi = min(k/2*2+len(h.pattern)-2, len(row))
		case i == 0 && step > 0:
			lo = min(k/2*2+2, len(row))
		case i == 0:
			lo = k / 2 * 2
		}
		if found := matchBytes(row, h.pattern, lo, hi, back); found >= 0 {
			return at, found, true, nil
		}
	}
	return 0, 0, false, nil
}

// matchBytes is the place of whole bytes in hex between lo and hi, -1 when there is none;
// two digits are one byte and two codes, so the place is k.
func matchBytes(row, pattern string, lo, hi int, last bool) int {
	found := -1
	for at := lo; at+len(pattern) <= hi; at += 2 {
		if row[at:at+len(pattern)] == pattern {
			if found = at; !last {
				break
			}
		}
	}
	return found
}

// row is the codes of one row as hex.
func (h hexHunt) row(ctx context.Context, n int) (string, error) {
	var b strings.Builder
	for k := 0; k < h.cols; {
		result, err := h.engine.Peek(ctx, fmt.Sprintf("bytes %s[%d, %d:%d]", h.w, n, k, h.cols))
		if err != nil {
			return "", err
		}
		dump, is := result.(exec.Dump)
		if !is || len(dump.Rows) == 0 {
			return b.String(), nil
		}
		for _, row := range dump.Rows {
			b.WriteString(row.Hex)
		}
		if b.Len() <= k {
			return b.String(), nil
		}
		k = b.Len()
	}
	return b.String(), nil
}

func (a *App) foundHex(msg hexFound) {
	a.nav.hunt = nil
	switch {
	case msg.generation != a.work.generation:
	case msg.err != nil:
		a.status.fail("", msg.err)
	case !msg.found:
		a.status.say("not found: " + msg.pattern)
	default:
		a.at.n, a.at.k = msg.n, msg.k
		a.status.key(fmt.Sprintf("bytes %s[%d, %d:%d]", a.at.w, msg.n, msg.k, msg.k+len(msg.pattern)), msg.pattern)
	}
}
