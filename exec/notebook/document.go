package notebook

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"fp4tui/exec/language"
)

// MaxFile bounds a notebook, in bytes.
const MaxFile = 16 << 20

// Document is one parsed file. It is read-only.
type Document struct {
	File  string // as given
	Front Front
	Cells []Cell
	Bare  bool // commands without Markdown: every command is a cell
	raw   string
}

// Cell is one fp4 fence, or one command of a bare file.
type Cell struct {
	Line       int    // of the fence, from 1
	First      int    // line of the first command
	Text       string // the commands, lines ended by \n
	ID         string
	Tol        Tolerance
	AllowError bool
	Requires   []string
	Timeout    time.Duration // 0: none of its own
	Outs       []Out
}

// Out is one stored output.
type Out struct {
	Line    int    // of the fence; its first line of text is Line+1
	Backend string // "" fits any
	Ignore  bool
	Stale   bool
	Text    string // lines ended by \n, without the fence's indent

	info       [2]int // byte range of the info string
	body       [2]int // byte range between the fence lines
	open, clos [2]int // byte ranges of the two runs of fence characters
	indent     string
	eol        string
}

// Bytes is the file as it was read.
func (d *Document) Bytes() []byte { return []byte(d.raw) }

// Commands lists the commands of a cell with their places.
func (d *Document) Commands(c Cell) []language.Source { return language.Split(d.File, c.First, c.Text) }

// Title is the first heading of level 1, or "".
func (d *Document) Title() string {
	for line := range strings.Lines(d.raw[d.Front.end:]) {
		if t, ok := strings.CutPrefix(line, "# "); ok && !d.Bare {
			return strings.TrimSpace(t)
		}
	}
	return ""
}

// Parse reads a file. A name that ends in .md is a notebook, any other a bare file.
// All mistakes are collected; with any, nothing should run.
func Parse(file string, data []byte) (*Document, []*language.Error) {
	p := &docParser{doc: &Document{File: file, raw: string(data)}}
	p.doc.Bare = !strings.HasSuffix(strings.ToLower(path.Ext(file)), ".md")
	if len(data) > MaxFile {
		p.fail(1, 1, "", fmt.Sprintf("the file has %d bytes", len(data)), fmt.Sprintf("at most %d are read", MaxFile))
		return p.doc, p.errs
	}
	p.split()
	if p.errs == nil {
		p.front()
		if p.doc.Bare {
			p.bare()
		} else {
			p.markdown()
		}
		p.uniqueIDs()
	}
	return p.doc, p.errs
}

// line is one physical line: raw[off:end] without its line break.
type line struct {
	off, end int
	eol      string
}

type docParser struct {
	doc   *Document
	lines []line
	at    int // next line to read
	errs  []*language.Error
}

func (p *docParser) fail(lineNo, col int, source, msg, hint string) {
	p.errs = append(p.errs, &language.Error{File: p.doc.File, Line: lineNo, Col: col, Msg: msg, Hint: hint, Source: source})
}

// failAt reports a mistake at a piece of a line.
func (p *docParser) failAt(i int, piece, msg, hint string) {
	s := p.text(i)
	col := 1
	if at := strings.Index(s, piece); at > 0 {
		col = utf8.RuneCountInString(s[:at]) + 1
	}
	p.fail(i+1, col, s, msg, hint)
}

func (p *docParser) text(i int) string { return p.doc.raw[p.lines[i].off:p.lines[i].end] }

// split finds the lines and refuses what is not UTF-8.
func (p *docParser) split() {
	off := 0
	for s := range strings.Lines(p.doc.raw) {
		l := line{off: off, end: off + len(s)}
		for _, eol := range []string{"\r\n", "\n"} {
			if strings.HasSuffix(s, eol) {
				l.eol, l.end = eol, l.end-len(eol)
				break
			}
		}
		p.lines = append(p.lines, l)
		if !utf8.ValidString(s) {
			p.fail(len(p.lines), 1, "", "the line is not UTF-8", "")
		}
		off += len(s)
	}
	if len(p.lines) > 0 && strings.HasPrefix(p.doc.raw, "\uFEFF") {
		p.lines[0].off += len("\uFEFF")
	}
}

// bare makes every command a cell.
func (p *docParser) bare() {
	if p.at >= len(p.lines) {
		return
	}
	for _, s := range language.Split(p.doc.File, p.at+1, p.doc.raw[p.lines[p.at].off:]) {
		p.doc.Cells = append(p.doc.Cells, Cell{Line: s.Pos.Line, First: s.Pos.Line, Text: s.Text + "\n"})
	}
}

// fence is an opening or closing fence line of Markdown.
type fence struct {
	indent, run, info string
	infoOff           int // of info in the line
}

// parseFence recognises a fence line: at most three blanks, then three or more ` or ~.
func parseFence(s string) (fence, bool) {
	body := strings.TrimLeft(s, " ")
	indent := s[:len(s)-len(body)]
	if len(indent) > 3 || body == "" || (body[0] != '`' && body[0] != '~') {
		return fence{}, false
	}
	rest := strings.TrimLeft(body, body[:1])
	f := fence{indent: indent, run: body[:len(body)-len(rest)]}
	if len(f.run) < 3 || f.run[0] == '`' && strings.Contains(rest, "`") {
		return fence{}, false
	}
	f.info = strings.TrimSpace(rest)
	f.infoOff = len(s) - len(strings.TrimLeft(rest, " \t"))
	return f, true
}

func (f fence) closes(s string) bool {
	c, ok := parseFence(s)
	return ok && c.info == "" && c.run[0] == f.run[0] && len(c.run) >= len(f.run)
}

// markdown walks the lines; only fences and comments matter.
func (p *docParser) markdown() {
	after := -1 // the cell that an out fence would belong to
	for p.at < len(p.lines) {
		s := p.text(p.at)
		f, ok := parseFence(s)
		switch {
		case ok:
			after = p.fenced(f, after)
		case strings.HasPrefix(strings.TrimLeft(s, " "), "<!--"):
			p.comment()
			after = -1
		default:
			if strings.TrimSpace(s) != "" {
				after = -1
			}
			p.at++
		}
	}
}

// comment skips an HTML comment: what a reader does not see does not run.
func (p *docParser) comment() {
	s := strings.TrimLeft(p.text(p.at), " ")[len("<!--"):]
	for !strings.Contains(s, "-->") {
		if p.at++; p.at >= len(p.lines) {
			return
		}
		s = p.text(p.at)
	}
	p.at++
}

// fenced reads the fence that opens at the current line, up to its end. It returns the
// cell to which a following out fence belongs.
func (p *docParser) fenced(f fence, after int) int {
	open := p.at
	for p.at++; p.at < len(p.lines) && !f.closes(p.text(p.at)); p.at++ {
	}
	last := p.at // the closing line, or the end
	if p.at < len(p.lines) {
		p.at++
	}
	kind, _, _ := strings.Cut(f.info, " ")
	if kind != "fp4" && kind != "out" {
		return -1
	}
	if last == len(p.lines) {
		p.failAt(open, f.run, "the fence is not closed", "end it with "+f.run)
		return -1
	}
	if kind == "fp4" {
		p.doc.Cells = append(p.doc.Cells, p.cell(f, open, last))
		return len(p.doc.Cells) - 1
	}
	o := p.out(f, open, last)
	if after < 0 {
		p.failAt(open, "out", "this output belongs to no cell", "it must follow its fp4 fence, with blank lines at most between them")
		return -1
	}
	c := &p.doc.Cells[after]
	if slices.ContainsFunc(c.Outs, func(x Out) bool { return x.Backend == o.Backend }) {
		p.failAt(open, "out", "the cell has this output already", "key outputs by backend=")
	}
	c.Outs = append(c.Outs, o)
	return after
}

// body is the text between two lines, without the indent of the fence.
func (p *docParser) body(f fence, open, last int) string {
	var b strings.Builder
	for i := open + 1; i < last; i++ {
		s := p.text(i)
		for n := 0; n < len(f.indent) && strings.HasPrefix(s, " "); n++ {
			s = s[1:]
		}
		b.WriteString(s)
		b.WriteByte('\n')
	}
	return b.String()
}

func (p *docParser) cell(f fence, open, last int) Cell {
	c := Cell{Line: open + 1, First: open + 2, Text: p.body(f, open, last)}
	p.attributes(f, open, cellAttrs, func(name, value string) string {
		switch name {
		case "id":
			c.ID = value
			return checkID(value)
		case "tol", "rtol":
			return c.Tol.set(name, value)
		case "allow-error":
			c.AllowError = true
		case "requires":
			c.Requires = strings.Split(value, ",")
		case "timeout":
			d, err := time.ParseDuration(value)
			if err != nil || d <= 0 {
				return "timeout is like 30s or 5m"
			}
			c.Timeout = d
		}
		return ""
	})
	return c
}

func (p *docParser) out(f fence, open, last int) Out {
	l, end := p.lines[open], p.lines[last]
	o := Out{Line: open + 1, Text: p.body(f, open, last), indent: f.indent, eol: l.eol,
		info: [2]int{l.off + f.infoOff, l.off + f.infoOff + len(f.info)},
		body: [2]int{l.end + len(l.eol), end.off}}
	o.open = [2]int{l.off + len(f.indent), l.off + len(f.indent) + len(f.run)}
	closing, _ := parseFence(p.text(last))
	o.clos = [2]int{end.off + len(closing.indent), end.off + len(closing.indent) + len(closing.run)}
	p.attributes(f, open, outAttrs, func(name, value string) string {
		switch name {
		case "backend":
			o.Backend = value
		case "ignore":
			o.Ignore = true
		case "stale":
			o.Stale = true
		}
		return ""
	})
	return o
}

// attribute names, with = where they take a value.
var (
	cellAttrs = []string{"id=", "tol=", "rtol=", "allow-error", "requires=", "timeout="}
	outAttrs  = []string{"backend=", "ignore", "stale"}
)

// attributes reads the words after the kind of a fence. Set answers what is wrong with
// a value, or "".
func (p *docParser) attributes(f fence, open int, known []string, set func(name, value string) string) {
	seen := map[string]bool{}
	for _, w := range strings.Fields(f.info)[1:] {
		name, value, has := strings.Cut(w, "=")
		key := name
		if has {
			key += "="
		}
		switch {
		case !slices.Contains(known, key):
			hint := "known: " + strings.Join(known, " ")
			if c := language.Closest(key, known); c != "" {
				hint = "did you mean " + c + "?"
			}
			p.failAt(open, w, "unknown attribute "+strconv.Quote(w), hint)
		case has && value == "":
			p.failAt(open, w, name+"= is empty", "")
		case seen[name]:
			p.failAt(open, w, name+" is given twice", "")
		default:
			if msg := set(name, value); msg != "" {
				p.failAt(open, w, msg, "")
			}
		}
		seen[name] = true
	}
}

func checkID(id string) string {
	for _, r := range id {
		if r > 0x7E || !strings.ContainsRune("-_.", r) && !(r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z') {
			return "an id is letters, digits, -, _ and ."
		}
	}
	return ""
}

func (p *docParser) uniqueIDs() {
	seen := map[string]int{}
	for _, c := range p.doc.Cells {
		if first, ok := seen[c.ID]; ok && c.ID != "" {
			p.failAt(c.Line-1, "id="+c.ID, "id "+c.ID+" is taken", fmt.Sprintf("by the cell at line %d", first))
		}
		seen[c.ID] = c.Line
	}
}
