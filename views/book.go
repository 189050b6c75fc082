package views

import (
	"context"
	"slices"
	"strings"

	"fp4tui/exec"
	"fp4tui/exec/notebook"
	"fp4tui/views/text"
)

// Book is a notebook file to open.
type Book struct {
	Path    string // where it lies
	Name    string // as the user names it; empty: Path
	Data    []byte
	Backend string                                         // overrides the one that the file names
	Has     func(requirement string) (ok bool, why string) // nil: no requirement is met
}

// bookKeeper is what a session can do for a notebook besides running its commands.
type bookKeeper interface {
	ReadNotebook(name string) ([]byte, error)
	SaveNotebook(ctx context.Context, name string, was, now []byte) ([]byte, error)
	Baseline()
}

// book is the notebook of the session: a file that was opened, or what has been recorded
// so far. Its text is a notebook at every moment; states belong to its blocks.
type book struct {
	file     string // "" while there is none
	name     string // of the file, as the user writes it
	disk     []byte // what the file holds
	doc      *notebook.Document
	blocks   []notebook.Block
	items    []*bookItem // one a block
	backend  string
	has      func(requirement string) (bool, string)
	past     []bookPast // what undo brings back, newest last
	changes  int        // edits that the file lacks
	edited   bool       // it holds more than the session would save by itself
	recorded int        // cells of the session that were seen
	opening  bool       // its cells run for the first time
	faults   []string   // inputs that are not the files that were recorded
}

// bookPast is the notebook before an edit.
type bookPast struct {
	data  []byte
	items []*bookItem
}

// cellState is what is known of a cell.
type cellState uint8

const (
	notRun cellState = iota
	cellOK
	cellChanged
	cellFailed
	cellError
	cellStale
	cellQueued
	cellRunning
	cellSkipped
)

// stateWords name the states, with their roles.
func (s cellState) word() (string, role) {
	return [...]string{"—", "ok", "CHANGED", "FAIL", "ERROR", "stale", "waits", "running", "skipped"}[s],
		[...]role{dim, okRole, badRole, badRole, badRole, warnRole, dim, accent, warnRole}[s]
}

// bookItem is the state of one block.
type bookItem struct {
	state    cellState
	why      string // of the state: "36, 1.8x over"
	got      string // canonical output of the last run
	summary  string
	ran      bool
	fresh    bool // written here: it gets its output when it runs
	live     bool // typed elsewhere in the session: undo takes it back
	kept     bool // the stored output was chosen over the new one
	open     bool // its output is shown
	text     strings.Builder
	left     int // commands of it that have not run yet
	verdict  cellState
	attended bool // the user folded it: it no longer opens by itself
}

// newBook is the empty notebook of a session, or the file that was opened.
func newBook(open *Book) *book {
	b := &book{has: func(string) (bool, string) { return false, "not known here" }}
	if open == nil {
		b.set([]byte("---\nfp4tui: 1\n---\n\n# Session\n"))
		return b
	}
	b.file, b.name, b.disk, b.backend, b.opening = open.Path, open.Name, open.Data, open.Backend, true
	if b.name == "" {
		b.name = b.file
	}
	if open.Has != nil {
		b.has = open.Has
	}
	b.set(open.Data)
	return b
}

// set replaces the text; the states follow their blocks. False when it is no notebook.
func (b *book) set(data []byte) []error {
	name := b.file
	if name == "" {
		name = "session.fp4.md"
	}
	doc, errs := notebook.Parse(name, data)
	if len(errs) > 0 {
		return []error{errs[0]}
	}
	blocks := doc.Blocks()
	b.items = carry(b.blocks, b.items, blocks)
	b.doc, b.blocks = doc, blocks
	if b.backend == "" {
		b.backend = doc.BackendOf("")
	}
	return nil
}

// carry gives every block the state of the block that it was: what stands before and after
// an edit, then what only moved, then what was edited in its place.
func carry(old []notebook.Block, items []*bookItem, now []notebook.Block) []*bookItem {
	out := make([]*bookItem, len(now))
	head := 0
	for head < len(old) && head < len(now) && old[head].Raw == now[head].Raw {
		out[head] = items[head]
		head++
	}
	oldEnd, nowEnd := len(old), len(now)
	for oldEnd > head && nowEnd > head && old[oldEnd-1].Text() == now[nowEnd-1].Text() {
		oldEnd, nowEnd = oldEnd-1, nowEnd-1
		out[nowEnd] = items[oldEnd]
	}
	var waiting []int // places in old whose block is gone or edited
	for j := head; j < oldEnd; j++ {
		moved := slices.IndexFunc(now[head:nowEnd], func(b notebook.Block) bool { return b.Text() == old[j].Text() })
		if moved < 0 || out[head+moved] != nil {
			waiting = append(waiting, j)
			continue
		}
		out[head+moved] = items[j]
	}
	var empty []int
	for i := range out {
		if out[i] == nil {
			empty = append(empty, i)
		}
	}
	for n, i := range empty {
		if len(empty) == len(waiting) && old[waiting[n]].Kind == now[i].Kind {
			out[i] = items[waiting[n]]
			continue
		}
		out[i] = &bookItem{}
	}
	return out
}

// cell is the cell of an item; false for prose.
func (b *book) cell(i int) (notebook.Cell, bool) {
	if i < 0 || i >= len(b.blocks) || b.blocks[i].Cell < 0 {
		return notebook.Cell{}, false
	}
	return b.doc.Cells[b.blocks[i].Cell], true
}

// rows are the blocks that are listed: all but the front matter.
func (b *book) rows() []int {
	var out []int
	for i, block := range b.blocks {
		if block.Kind != notebook.FrontBlock {
			out = append(out, i)
		}
	}
	return out
}

// apply makes an edit: false and the reason when the result is no notebook.
func (b *book) apply(data []byte) error {
	before := bookPast{data: b.doc.Bytes(), items: slices.Clone(b.items)}
	if errs := b.set(data); errs != nil {
		return errs[0]
	}
	b.past = append(b.past, before)
	b.changes++
	b.edited = true
	return nil
}

// undo takes the last edit back; false when there is none.
func (b *book) undo() bool {
	n := len(b.past)
	if n == 0 {
		return false
	}
	before := b.past[n-1]
	b.past = b.past[:n-1]
	if errs := b.set(before.data); errs != nil {
		return false
	}
	if len(before.items) == len(b.blocks) {
		b.items = before.items
	}
	b.changes++
	return true
}

// follow takes over what the session recorded by itself: commands typed elsewhere are
// cells at the end, and undo takes the last one back.
func (b *book) follow(recorded []exec.Cell, ours bool) {
	n := len(recorded)
	switch {
	case n > b.recorded && !ours:
		for _, cell := range recorded[b.recorded:] {
			b.took(cell)
		}
	case n < b.recorded:
		if last := len(b.items) - 1; last >= 0 && b.items[last].live {
			if errs := b.set(notebook.Join(b.blocks[:last])); errs == nil {
				b.changes++
			}
		}
	}
	b.recorded = n
}

// took appends a command that ran outside of the notebook.
func (b *book) took(cell exec.Cell) {
	block := notebook.NewCell(cell.Command, strings.Join(text.Render(cell.Result, text.Options{}), "\n"))
	note, prose := cell.Result.(exec.Note)
	if prose {
		block = notebook.NewNote(note.Text)
	}
	if errs := b.set(notebook.Join(append(slices.Clip(b.blocks), block))); errs != nil {
		return
	}
	b.changes++
	item := b.items[len(b.items)-1]
	*item = bookItem{state: cellOK, ran: true, live: true, summary: summary(cell.Result), got: block.Text()}
	if at, is := b.cell(len(b.items) - 1); is && len(at.Outs) > 0 {
		item.got = at.Outs[0].Text
	}
	if check, is := cell.Result.(exec.Check); is && !check.OK {
		item.state = cellFailed
	}
}

// judge settles a cell that has run: what it said is compared with what is stored.
func (b *book) judge(i int) {
	c, is := b.cell(i)
	item := b.items[i]
	if !is {
		return
	}
	item.state, item.ran, item.kept = item.verdict, true, false
	if item.verdict != cellOK || b.doc.Bare {
		return
	}
	at := c.Stored(b.backend)
	if at < 0 || c.Outs[at].Ignore {
		return
	}
	diff := notebook.Match(c.Outs[at].Text, item.got, c.Tol)
	switch {
	case diff != nil:
		item.state, item.why = cellChanged, diff.Reason
	case c.Outs[at].Stale && b.opening:
		item.state, item.why = cellChanged, "the stored output is marked stale"
	case c.Outs[at].Stale: // it holds again: the mark goes
		if errs := b.set(b.doc.SetOutput(b.blocks[i].Cell, b.backend, item.got)); errs == nil {
			b.changes++
		}
	}
}

// stored is the output that a cell is compared with.
func (b *book) stored(i int) (notebook.Out, bool) {
	c, is := b.cell(i)
	if !is {
		return notebook.Out{}, false
	}
	if at := c.Stored(b.backend); at >= 0 {
		return c.Outs[at], true
	}
	return notebook.Out{}, false
}

// count is how many cells are in each state.
func (b *book) count() (by [cellSkipped + 1]int) {
	for i, item := range b.items {
		if _, is := b.cell(i); is {
			by[item.state]++
		}
	}
	return by
}
