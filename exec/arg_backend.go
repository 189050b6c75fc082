package exec

import (
	"fmt"
	"strings"

	"fp4tui/exec/language"
)

// BackendArg is the value of backend=: who computes, by the name that a backend has in
// the table of the session, or all. Which names there are depends on what is built and
// configured, never on what is ready: a notebook reads the same on every machine.
type BackendArg string

// backendAll runs every backend that is ready.
const backendAll BackendArg = "all"

// UnmarshalText accepts whatever can be a name: the session knows which ones there are.
func (b *BackendArg) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "" || len(s) > 64 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789:-_.") != "" {
		return fmt.Errorf("%q cannot be the name of a backend", s)
	}
	*b = BackendArg(s)
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (b BackendArg) MarshalText() ([]byte, error) { return []byte(b), nil }

// backend finds one by its name.
func (s *Session) backend(name string) (Backend, bool) {
	for _, b := range s.backends {
		if b.Name() == name {
			return b, true
		}
	}
	return nil, false
}

// ready says why a backend cannot run, after starting what it needs to know that.
func (c *call) ready(be Backend) error {
	ready := be.Ready
	if s, ok := be.(Starter); ok {
		ready = func() error { return s.Start(c.ctx) }
	}
	if err := ready(); err != nil {
		if c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		return fmt.Errorf("%w: %s: %w", ErrNotReady, be.Name(), err)
	}
	return nil
}

// backendKey is a key of a command that names a backend.
type backendKey struct {
	key  string
	name BackendArg // "" for none
	all  bool       // all is one of the values
}

// backendKeys are those of a command.
func backendKeys(cmd any) []backendKey {
	switch cmd := cmd.(type) {
	case *GemmCmd:
		return []backendKey{{"backend=", cmd.Backend, true}, {"against=", cmd.Against, false}}
	case *SetCmd:
		return []backendKey{{"backend=", cmd.Backend, false}}
	}
	return nil
}

// checkBackend finds a backend that is in no table.
func (s *Session) checkBackend(l language.Line) *language.Error {
	for _, k := range backendKeys(l.Cmd) {
		if _, known := s.backend(string(k.name)); k.name == "" || known || k.all && k.name == backendAll {
			continue
		}
		var names []string
		for _, b := range s.backends {
			names = append(names, b.Name())
		}
		if k.all {
			names = append(names, string(backendAll))
		}
		hint := "known: " + strings.Join(names, ", ")
		if near := nearBackends(string(k.name), names); len(near) > 0 {
			hint = "did you mean " + strings.Join(near, " or ") + "?"
		}
		source := s.table.Format(l)
		return &language.Error{File: l.Pos.File, Line: l.Pos.Line, Col: strings.Index(source, k.key) + len(k.key) + 1,
			Msg: fmt.Sprintf("unknown backend %q", string(k.name)), Hint: hint, Source: source}
	}
	return nil
}

// mostNear bounds the names that a misspelt backend is answered with.
const mostNear = 6

// nearBackends are the names that somebody may have meant: those of an engine for its name
// (vllm), those of a kernel for its own (w4a16, cutlass), those that begin with the word, else
// the nearest by its letters. Nil when there are none, or too many to help.
func nearBackends(word string, names []string) []string {
	for _, fits := range []func(name, kernel string) bool{
		func(name, kernel string) bool { return strings.HasPrefix(name, word+":") },
		func(name, kernel string) bool { return kernel == word },
		func(name, kernel string) bool { return strings.HasPrefix(name, word) },
		func(name, kernel string) bool { return strings.HasPrefix(kernel, word) },
	} {
		var near []string
		for _, name := range names {
			if _, kernel, _ := strings.Cut(name, ":"); fits(name, kernel) {
				near = append(near, name)
			}
		}
		if len(near) > 0 && len(near) <= mostNear {
			return near
		}
	}
	if near := language.Closest(word, names); near != "" {
		return []string{near}
	}
	return nil
}

// backendNames offers the backends with what each of them is.
func (s *Session) backendNames() []language.Candidate {
	var out []language.Candidate
	for _, b := range s.backends {
		doc := ""
		if d, ok := b.(Described); ok {
			doc = d.Describe()
		}
		out = append(out, language.Candidate{Text: b.Name(), Doc: doc})
	}
	return append(out, language.Candidate{Text: string(backendAll), Doc: "every backend that is ready, compared in pairs"})
}
