package views

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/views/number"
)

// extremesListed is how many block scales the list has of each end, scalesAsked how many
// one question gives: map answers no more pixels.
const (
	extremesListed = 10
	scalesAsked    = 1 << 16
)

// blockScale is one block scale and where it stands.
type blockScale struct {
	n, block int
	value    float64
	nan      bool
}

// extremesMsg is the end of looking for the extreme scales of a layer.
type extremesMsg struct {
	w          string
	size       int // elements of a block
	high, low  []blockScale
	err        error
	generation int
}

// showExtremes looks for the largest and smallest block scales, off the loop.
func (a *App) showExtremes(int) tea.Cmd {
	info, ready := a.scene().layer()
	if !ready || info.Block <= 0 {
		return nil
	}
	ctx, engine, w, generation := a.work.ctx, a.opt.Engine, a.at.w, a.work.generation
	return func() tea.Msg {
		msg := extremesMsg{w: w, size: info.Block, generation: generation}
		msg.high, msg.low, msg.err = extremesOf(ctx, engine, w, info)
		return msg
	}
}

// extremesOf reads every block scale of a layer, as many rows at a time as one question
// gives. NaN counts as the largest; among equal ones the first stands first.
func extremesOf(ctx context.Context, engine exec.Engine, w string, info exec.LayerInfo) (high, low []blockScale, err error) {
	blocks := (info.K + info.Block - 1) / info.Block
	if blocks > scalesAsked {
		return nil, nil, fmt.Errorf("%w: %d blocks in a row are more than can be listed", exec.ErrUsage, blocks)
	}
	step := max(1, scalesAsked/max(blocks, 1))
	for n0 := 0; n0 < info.N; n0 += step {
		n1 := min(info.N, n0+step)
		line := fmt.Sprintf("map %s.scale[%d:%d, 0:%d] size=%dx%d", w, n0, n1, blocks, blocks, n1-n0)
		result, err := engine.Peek(ctx, line)
		if err != nil {
			return nil, nil, err
		}
		h, is := result.(exec.Heat)
		if !is || h.RowStep != 1 || h.ColStep != 1 || len(h.Values) != h.W*h.H {
			return nil, nil, fmt.Errorf("%w: %s answered no block scales", exec.ErrShape, line)
		}
		for i, v := range h.Values {
			s := blockScale{n: h.Row0 + i/h.W, block: h.Col0 + i%h.W, value: float64(v), nan: i < len(h.NaNs) && h.NaNs[i] > 0}
			high = keepExtreme(high, s, func(a, b blockScale) int { return cmp.Compare(b.rank(), a.rank()) })
			low = keepExtreme(low, s, func(a, b blockScale) int { return cmp.Compare(a.rank(), b.rank()) })
		}
	}
	return high, low, nil
}

// rank orders scales: NaN is above everything.
func (s blockScale) rank() float64 {
	if s.nan {
		return maxRank
	}
	return s.value
}

// maxRank is above every finite scale.
const maxRank = 1e300

// keepExtreme puts a scale into a short ordered list, behind those that are equal.
func keepExtreme(list []blockScale, s blockScale, order func(a, b blockScale) int) []blockScale {
	at, _ := slices.BinarySearchFunc(list, s, func(have, s blockScale) int {
		if order(have, s) <= 0 {
			return -1
		}
		return 1
	})
	if at >= extremesListed {
		return list
	}
	list = slices.Insert(list, at, s)
	return list[:min(len(list), extremesListed)]
}

// extremesFound shows the list; taking a row moves the cursor there.
func (a *App) extremesFound(msg extremesMsg) tea.Cmd {
	if msg.err != nil {
		a.status.fail("", msg.err)
		return nil
	}
	if msg.w != a.at.w || msg.generation != a.work.generation || a.float != nil {
		return nil
	}
	var rows []choiceRow
	add := func(word string, list []blockScale) {
		for _, s := range list {
			value := number.Short(s.value, screenDigits)
			if s.nan {
				value = "NaN"
			}
			rows = append(rows, choiceRow{
				text:    fmt.Sprintf("%s %s  n %d  block %d", word, value, s.n, s.block),
				command: fmt.Sprintf("bytes %s[%d, %d:%d]", a.at.w, s.n, s.block*msg.size, (s.block+1)*msg.size),
				run: func(a *App) tea.Cmd {
					a.at.n, a.at.k = s.n, s.block*msg.size
					return nil
				},
			})
		}
	}
	add("large", msg.high)
	add("small", msg.low)
	return a.choose("extreme block scales of "+a.at.layer, rows)
}
