package notebook

import (
	"fmt"
	"strings"

	"fp4tui/exec/language"
)

// Block is a piece of a file: a cell with its outputs, a paragraph of prose, or the front
// matter. The blocks of a document in order are its bytes.
type Block struct {
	Kind BlockKind
	Cell int // index into Cells; -1 for what is no cell
	Raw  string
}

// BlockKind says what a block is.
type BlockKind uint8

// The kinds of block.
const (
	ProseBlock BlockKind = iota
	CellBlock
	FrontBlock
)

// Text is a block without the blank lines around it.
func (b Block) Text() string { return strings.Trim(strings.ReplaceAll(b.Raw, "\r\n", "\n"), "\n") }

// Blocks cuts a file at its cells and at the blank lines between paragraphs. Blank lines
// belong to what stands before them.
func (d *Document) Blocks() []Block {
	lines := linesOf(d.raw)
	var out []Block
	add := func(b Block, from, to int) int {
		for to < len(lines) && strings.TrimSpace(lines[to]) == "" {
			to++
		}
		if b.Raw = strings.Join(lines[from:to], ""); b.Raw != "" {
			out = append(out, b)
		}
		return to
	}
	at := 0
	if front := strings.Count(d.raw[:d.Front.end], "\n"); front > 0 {
		at = add(Block{FrontBlock, -1, ""}, 0, front)
	}
	for i, c := range d.Cells {
		first, last := c.Line-1, d.lastLine(c)
		for at < first {
			at = add(Block{ProseBlock, -1, ""}, at, paragraph(lines, at, first))
		}
		at = add(Block{CellBlock, i, ""}, first, min(last, len(lines)))
	}
	for at < len(lines) {
		at = add(Block{ProseBlock, -1, ""}, at, paragraph(lines, at, len(lines)))
	}
	return out
}

func linesOf(s string) []string {
	var out []string
	for l := range strings.Lines(s) {
		out = append(out, l)
	}
	return out
}

// lastLine is the number of the last line of a cell, its outputs included.
func (d *Document) lastLine(c Cell) int {
	body := strings.Count(c.Text, "\n")
	if d.Bare {
		return c.Line + body - 1
	}
	last := c.Line + body + 1
	for _, o := range c.Outs {
		last = o.Line + strings.Count(o.Text, "\n") + 1
	}
	return last
}

// paragraph is the line after a run of prose: at a blank line, but never inside a fence
// or a comment of another kind.
func paragraph(lines []string, from, limit int) int {
	var open *fence
	comment := false
	for i := from; i < limit; i++ {
		s := strings.TrimRight(lines[i], "\r\n")
		switch f, is := parseFence(s); {
		case open != nil:
			if open.closes(s) {
				open = nil
			}
		case comment:
			comment = !strings.Contains(s, "-->")
		case is:
			open = &f
		case strings.HasPrefix(strings.TrimLeft(s, " "), "<!--"):
			comment = !strings.Contains(s, "-->")
		case strings.TrimSpace(s) == "" && i > from:
			return i
		}
	}
	return limit
}

// Join makes a file of blocks: those of Blocks give the same bytes again. A block that was
// put in or moved is parted from the next by a blank line where one is needed.
func Join(blocks []Block) []byte {
	var b strings.Builder
	for i, block := range blocks {
		b.WriteString(block.Raw)
		if i == len(blocks)-1 || block.Raw == "" {
			continue
		}
		if !strings.HasSuffix(block.Raw, "\n") {
			b.WriteString("\n")
		}
		if block.Kind == ProseBlock && blocks[i+1].Kind == ProseBlock && !endsBlank(block.Raw) {
			b.WriteString("\n")
		}
	}
	return []byte(b.String())
}

// endsBlank says whether the last line of a text is blank.
func endsBlank(text string) bool {
	text = strings.TrimSuffix(text, "\n")
	return strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:]) == ""
}

// NewCell is a block of one cell.
func NewCell(command, output string) Block {
	return Block{CellBlock, -1, CellText(command, output, "")}
}

// NewNote is a block of prose.
func NewNote(text string) Block { return Block{ProseBlock, -1, NoteText(text)} }

// CellText is a cell and, when there is any, its output to be checked, as Markdown.
func CellText(command, output, backend string) string {
	b := New("")
	b.Add(command, output, backend)
	return b.body.String()
}

// NoteText is prose as Markdown: what would open a fence or a comment is escaped.
func NoteText(text string) string {
	b := New("")
	b.Note(text)
	return b.body.String()
}

// SetCommands replaces the commands of a cell; every other byte stays.
func (d *Document) SetCommands(cell int, text string) ([]byte, error) {
	c := d.Cells[cell]
	text = strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n") + "\n"
	lines := linesOf(d.raw)
	first, last := c.First-1, c.First-1+strings.Count(c.Text, "\n")
	eol := "\n"
	indent := ""
	if !d.Bare {
		open := lines[c.Line-1]
		f, _ := parseFence(strings.TrimRight(open, "\r\n"))
		if strings.HasSuffix(open, "\r\n") {
			eol = "\r\n"
		}
		indent = f.indent
		for l := range strings.SplitSeq(text, "\n") {
			if f.closes(l) {
				return nil, &language.Error{File: d.File, Line: c.Line, Col: 1, Msg: fmt.Sprintf("a line of %s would end the cell", f.run), Source: l}
			}
		}
	}
	var b strings.Builder
	b.WriteString(strings.Join(lines[:first], ""))
	for l := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		b.WriteString(indent + l + eol)
	}
	b.WriteString(strings.Join(lines[min(last, len(lines)):], ""))
	return []byte(b.String()), nil
}

// SetOutput stores an output of a cell: the one for the backend, or the one for all of
// them, is brought up to date and keeps the lines that match; a cell without gets one.
func (d *Document) SetOutput(cell int, backend, text string) []byte {
	c := d.Cells[cell]
	if at := c.Stored(backend); at >= 0 || d.Bare {
		if at < 0 {
			return d.Bytes()
		}
		return Update(d, []Fresh{{Cell: cell, Out: at, Text: text}})
	}
	text = Canonical(text)
	if text == "" {
		return d.Bytes()
	}
	b := New("")
	b.fence("out", text)
	lines := linesOf(d.raw)
	end := min(d.lastLine(c), len(lines))
	head := strings.Join(lines[:end], "")
	if !strings.HasSuffix(head, "\n") {
		head += "\n"
	}
	return []byte(head + b.body.String() + strings.Join(lines[end:], ""))
}

// MarkStale marks the stored outputs of cells: they are of other commands than those
// above them now, and a replay fails on them until they are made anew.
func (d *Document) MarkStale(cells []int) []byte {
	out := d.raw
	for i := len(cells) - 1; i >= 0; i-- { // later cells first, so that offsets stay
		outs := d.Cells[cells[i]].Outs
		for j := len(outs) - 1; j >= 0; j-- {
			if o := outs[j]; !o.Stale && !o.Ignore {
				out = out[:o.info[1]] + " stale" + out[o.info[1]:]
			}
		}
	}
	return []byte(out)
}

// AddInputs names more files in the front matter, which is made when there is none.
func (d *Document) AddInputs(inputs []Input) ([]byte, error) {
	var fresh []Input
	for _, in := range inputs {
		known := false
		for _, have := range append(d.Front.Inputs[:len(d.Front.Inputs):len(d.Front.Inputs)], fresh...) {
			known = known || have.Name == in.Name
		}
		if !known {
			fresh = append(fresh, in)
		}
	}
	if len(fresh) == 0 || d.Bare {
		return d.Bytes(), nil
	}
	var rows strings.Builder
	for _, in := range fresh {
		rows.WriteString(in.row())
	}
	if d.Front.end == 0 {
		return []byte(fmt.Sprintf("---\nfp4tui: %d\ninputs:\n%s---\n\n%s", Version, rows.String(), d.raw)), nil
	}
	lines := linesOf(d.raw[:d.Front.end])
	for i, l := range lines {
		if strings.TrimRight(l, " \t\r\n") == "inputs:" {
			return []byte(strings.Join(lines[:i+1], "") + rows.String() + strings.Join(lines[i+1:], "") + d.raw[d.Front.end:]), nil
		}
	}
	if len(d.Front.Inputs) > 0 {
		return nil, &language.Error{File: d.File, Line: 1, Col: 1, Msg: "the inputs of the front matter are not a list of lines",
			Hint: "write inputs: on a line of its own, each input on a line below it"}
	}
	last := len(lines) - 1
	return []byte(strings.Join(lines[:last], "") + "inputs:\n" + rows.String() + lines[last] + d.raw[d.Front.end:]), nil
}
