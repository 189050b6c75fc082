package notebook

import (
	"fmt"
	"strconv"
	"strings"
)

// Builder writes a new notebook: what a session saves.
type Builder struct {
	title    string
	backend  string
	requires []string
	inputs   []Input
	body     strings.Builder
	cells    int
}

// New starts a notebook. An empty title leaves the heading out.
func New(title string) *Builder { return &Builder{title: oneLine(title)} }

// Backend sets the backend of the front matter.
func (b *Builder) Backend(name string) { b.backend = name }

// Requires adds a requirement to the front matter.
func (b *Builder) Requires(what string) { b.requires = append(b.requires, what) }

// Input names a file that the notebook reads; sha256 may be empty.
func (b *Builder) Input(name, path, sha256 string) {
	b.inputs = append(b.inputs, Input{Name: name, Path: path, SHA256: sha256})
}

// Inputs are the files named so far.
func (b *Builder) Inputs() []Input { return b.inputs }

// Note adds prose. Lines that would open a fence, a comment or front matter are
// escaped.
func (b *Builder) Note(text string) {
	for _, l := range splitLines(text) {
		t := strings.TrimLeft(l, " ")
		for _, p := range []string{"```", "~~~", "<!--", "---"} {
			if strings.HasPrefix(t, p) {
				l = `\` + t
			}
		}
		b.body.WriteString(l + "\n")
	}
	b.body.WriteString("\n")
}

// Add adds a cell of one command and, when there is any, its output to be checked.
// Backend keys the output; "" lets it hold for every backend.
func (b *Builder) Add(command, output, backend string) {
	b.cells++
	b.fence("fp4", strings.TrimRight(command, "\n")+"\n")
	if out := Canonical(output); out != "" {
		info := "out"
		if backend != "" {
			info += " backend=" + backend
		}
		b.fence(info, out)
	}
	b.body.WriteString("\n")
}

// Cells is the number of cells so far.
func (b *Builder) Cells() int { return b.cells }

func (b *Builder) fence(info, text string) {
	run := "```"
	if longer := fenceFor(splitLines(text), run); longer != "" {
		run = longer
	}
	b.body.WriteString(run + info + "\n" + text + run + "\n")
}

// Bytes is the notebook.
func (b *Builder) Bytes() []byte {
	var s strings.Builder
	fmt.Fprintf(&s, "---\nfp4tui: %d\n", Version)
	if len(b.inputs) > 0 {
		s.WriteString("inputs:\n")
	}
	for _, in := range b.inputs {
		s.WriteString(in.row())
	}
	if b.backend != "" {
		s.WriteString("backend: " + strconv.Quote(b.backend) + "\n")
	}
	if len(b.requires) > 0 {
		quoted := make([]string, len(b.requires))
		for i, r := range b.requires {
			quoted[i] = strconv.Quote(r)
		}
		s.WriteString("requires: [" + strings.Join(quoted, ", ") + "]\n")
	}
	s.WriteString("---\n\n")
	if b.title != "" {
		s.WriteString("# " + b.title + "\n\n")
	}
	return []byte(strings.TrimRight(s.String()+b.body.String(), "\n") + "\n")
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// row is an input as a line of the front matter.
func (in Input) row() string {
	sum := ""
	if in.SHA256 != "" {
		sum = ", sha256: " + strconv.Quote(in.SHA256)
	}
	return fmt.Sprintf("  %s: {path: %s%s}\n", strconv.Quote(in.Name), strconv.Quote(in.Path), sum)
}
