package notebook

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"fp4tui/exec/language"
)

// Version is the format version written and read.
const Version = 1

// Front is the front matter.
type Front struct {
	Version  int // 0 when there is no front matter
	Inputs   []Input
	Backend  string
	Requires []string // unmet ones skip the file: "gpu", "sm100", "file:W"

	end int // byte offset after it
}

// Input is a file that the notebook may read.
type Input struct {
	Name   string
	Path   string // relative to the notebook, or a cached hub id
	SHA256 string // 64 lower-case hex digits; "" is not verified
	Line   int
}

// maxFront bounds front matter, in bytes.
const maxFront = 64 << 10

// front reads what stands between two lines of --- at the top of the file.
func (p *docParser) front() {
	if len(p.lines) == 0 || strings.TrimRight(p.text(0), " \t") != "---" {
		return
	}
	last := 1
	for last < len(p.lines) && strings.TrimRight(p.text(last), " \t") != "---" {
		last++
	}
	if last == len(p.lines) {
		p.fail(1, 1, p.text(0), "the front matter is not closed", "end it with a line of ---")
		p.at = last
		return
	}
	p.at = last + 1
	p.doc.Front.end = p.lines[last].end + len(p.lines[last].eol)
	text := p.doc.raw[p.lines[1].off:p.lines[last].off]
	if len(text) > maxFront {
		p.fail(1, 1, "", fmt.Sprintf("the front matter has %d bytes", len(text)), "")
		return
	}
	root, err := parseYAML(strings.ReplaceAll(text, "\r\n", "\n"))
	if err != nil {
		p.yamlError(err)
		return
	}
	f := &frontReader{p: p, front: &p.doc.Front}
	f.read(root)
}

// errYAML is a panic of the YAML library, which hostile input can cause.
var errYAML = errors.New("not YAML")

func parseYAML(s string) (root ast.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errYAML
		}
	}()
	file, err := parser.ParseBytes([]byte(s), 0)
	if err != nil {
		return nil, err
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, nil
	}
	return file.Docs[0].Body, nil
}

// yamlError places a syntax error; the library's line counts from the front matter.
func (p *docParser) yamlError(err error) {
	msg := strings.SplitN(err.Error(), "\n", 2)[0]
	var lineNo, col int
	if n, _ := fmt.Sscanf(msg, "[%d:%d]", &lineNo, &col); n == 2 {
		msg = strings.TrimSpace(msg[strings.IndexByte(msg, ']')+1:])
	}
	lineNo = min(max(lineNo+1, 2), len(p.lines))
	p.fail(lineNo, max(col, 1), p.text(lineNo-1), "front matter: "+msg, "")
}

// frontReader walks the tree of the front matter. Anchors and aliases are refused like
// every other node that is not a plain value.
type frontReader struct {
	p     *docParser
	front *Front
}

var (
	frontKeys = []string{"fp4tui", "inputs", "backend", "requires"}
	inputKeys = []string{"path", "sha256"}
)

func (f *frontReader) fail(n ast.Node, msg, hint string) {
	lineNo, col := 1, 1
	if n != nil && n.GetToken() != nil && n.GetToken().Position != nil {
		lineNo = min(max(n.GetToken().Position.Line+1, 2), len(f.p.lines))
		col = max(n.GetToken().Position.Column, 1)
	}
	f.p.fail(lineNo, col, f.p.text(lineNo-1), msg, hint)
}

func (f *frontReader) read(root ast.Node) {
	f.mapping(root, frontKeys, func(key string, n ast.Node) {
		switch key {
		case "fp4tui":
			if v, ok := scalar(n); !ok || v != fmt.Sprint(Version) {
				f.fail(n, "unknown format version", fmt.Sprintf("this program reads fp4tui: %d", Version))
				return
			}
			f.front.Version = Version
		case "inputs":
			f.inputs(n)
		case "backend":
			f.front.Backend = f.word(n)
		case "requires":
			f.requires(n)
		}
	})
	if f.front.Version == 0 && f.p.errs == nil {
		f.fail(root, "fp4tui: 1 is missing from the front matter", "")
	}
}

// mapping calls each for every key of a node that must be a mapping.
func (f *frontReader) mapping(n ast.Node, known []string, each func(key string, value ast.Node)) {
	var pairs []*ast.MappingValueNode
	switch m := n.(type) {
	case nil, *ast.NullNode:
	case *ast.MappingNode:
		pairs = m.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{m}
	default:
		f.fail(n, "names and values are expected here", "")
	}
	seen := map[string]bool{}
	for _, pair := range pairs {
		key, ok := scalar(pair.Key)
		switch {
		case !ok:
			f.fail(pair.Key, "a plain name is expected here", "")
		case known != nil && !slices.Contains(known, key):
			hint := "known: " + strings.Join(known, ", ")
			if c := language.Closest(key, known); c != "" {
				hint = "did you mean " + c + "?"
			}
			f.fail(pair.Key, fmt.Sprintf("unknown key %q", key), hint)
		case seen[key]:
			f.fail(pair.Key, key+" is given twice", "")
		default:
			each(key, pair.Value)
		}
		seen[key] = true
	}
}

// scalar is the text of a plain or quoted value.
func scalar(n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return v.GetToken().Value, true
	}
	return "", false
}

func (f *frontReader) word(n ast.Node) string {
	v, ok := scalar(n)
	if !ok || v == "" || strings.ContainsAny(v, " \t\n") {
		f.fail(n, "one word is expected here", "")
	}
	return v
}

func (f *frontReader) requires(n ast.Node) {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		f.fail(n, "a list is expected here", "as in requires: [gpu, sm100]")
		return
	}
	for _, v := range list.Values {
		f.front.Requires = append(f.front.Requires, f.word(v))
	}
}

func (f *frontReader) inputs(n ast.Node) {
	f.mapping(n, nil, func(name string, v ast.Node) {
		in := Input{Name: name, Line: 1}
		if t := v.GetToken(); t != nil && t.Position != nil {
			in.Line = min(max(t.Position.Line+1, 2), len(f.p.lines))
		}
		f.mapping(v, inputKeys, func(key string, v ast.Node) {
			s, ok := scalar(v)
			switch {
			case !ok || s == "" || strings.ContainsAny(s, "\x00\n"):
				f.fail(v, key+" is a text", "")
			case key == "path":
				in.Path = s
			case !isSHA256(s):
				f.fail(v, "sha256 is 64 hex digits", "fp4tui writes it when it saves a session")
			default:
				in.SHA256 = strings.ToLower(s)
			}
		})
		if in.Path == "" {
			f.fail(v, "input "+name+" has no path", "")
		}
		f.front.Inputs = append(f.front.Inputs, in)
	})
}

func isSHA256(s string) bool {
	return len(s) == 64 && strings.Trim(strings.ToLower(s), "0123456789abcdef") == ""
}
