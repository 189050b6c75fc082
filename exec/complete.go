package exec

import (
	"os"
	"path/filepath"
	"strings"

	"fp4tui/exec/language"
	"fp4tui/inspect"
)

// sessionName is the operand of export that means the session itself.
const (
	sessionName = "session"
	kindSession = "session"
)

// Complete offers what can stand at the cursor of a line, best first.
func (s *Session) Complete(line string, cursor int) []Candidate {
	st := s.snapshot()
	done := s.table.Complete(line, cursor, language.Env{
		Names: s.names(st), Aliases: st.aliases, Paths: s.paths, Values: s.values,
	})
	out := make([]Candidate, 0, len(done.Items))
	for _, item := range done.Items {
		out = append(out, Candidate{From: done.From, To: done.To, Text: item.Text, Doc: inspect.Printable(item.Doc)})
	}
	return out
}

// paths offers files and directories that begin as typed.
func (s *Session) paths(prefix string) []language.Candidate {
	dir, _ := filepath.Split(prefix)
	list, err := os.ReadDir(s.inDir(first(dir, ".")))
	if err != nil {
		return nil
	}
	var out []language.Candidate
	for _, e := range list {
		name := dir + e.Name()
		if !strings.HasPrefix(name, prefix) || inspect.Printable(name) != name || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		doc := "file"
		if e.IsDir() {
			name, doc = name+"/", "directory"
		}
		out = append(out, language.Candidate{Text: name, Doc: doc})
	}
	return out
}

// values offers the backends, or the names that a checkpoint has: its layers, its tensors.
func (s *Session) values(what string, on []language.Ref, _ string) []language.Candidate {
	if what == "backend" {
		return s.backendNames()
	}
	if len(on) == 0 {
		return nil
	}
	ck, ok := s.snapshot().handles[on[0].Name].(*checkpointValue)
	if !ok {
		return nil
	}
	var out []language.Candidate
	switch what {
	case "layer":
		for _, l := range ck.layers {
			out = append(out, language.Candidate{Text: l.Name, Doc: l.Format + " " + inspect.ShapeString([]int{l.N, l.K})})
		}
	case "tensor":
		for _, e := range ck.ckpt.Entries() {
			out = append(out, language.Candidate{Text: e.Name, Doc: e.DType.String() + " " + inspect.ShapeString(e.Shape)})
		}
	}
	return out
}
