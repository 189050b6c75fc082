// Package exec does what a user asks: one command at a time, whether it was typed,
// clicked or replayed.
//
//	key, mouse ─KeyMap─┐
//	palette, prompt ───┼─ Parse ─► command ─► Session.Run(ctx) ─► Cell{Command, Result, Err}
//	notebook, -c, pipe ┘                            │                ├─► views    TUI
//	                                             Backend             ├─► text     repl, notebook
//	                                 ref │ emu │ cuda │ engines       └─► JSON     --json
//
// A command returns a Result, plain bounded data; it never prints. What changes what
// is computed is a command and recorded; what changes only what is visible is not.
package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"fp4tui/exec/language"
	"fp4tui/exec/notebook"
	"fp4tui/inspect/layer"
)

// The outcomes that decide an exit code. A malformed file, a missing tensor and the
// like wrap the sentinels of package inspect.
var (
	ErrCheckFailed = errors.New("check failed")            // exit 1; comes with a Check
	ErrUsage       = language.ErrUsage                     // exit 2
	ErrNotReady    = errors.New("backend cannot run")      // exit 3
	ErrShape       = errors.New("shapes do not fit")       // exit 3
	ErrForbidden   = errors.New("path outside the inputs") // exit 3
)

// Handle is a name of the session as completion and the Start screen show it.
type Handle struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // "checkpoint", "layer", "tensor", "quantized", "product", "diff", "number"
	Text string `json:"text"` // "nvfp4 1536×384"
}

// Candidate is one completion: Text replaces the bytes From to To of the line.
type Candidate struct {
	From, To int
	Text     string
	Doc      string
}

// Engine is what the front ends (terminal, line REPL, replay) see of a session.
type Engine interface {
	// Run parses, executes and records one command line.
	Run(ctx context.Context, line string, progress func(done, total int64)) Cell
	// Peek executes a command that changes nothing (info, stat, hist, codes, map, top,
	// where, bytes, ls, lint, help, set without a key) without recording it. It may run beside Run.
	Peek(ctx context.Context, line string) (Result, error)
	Complete(line string, cursor int) []Candidate
	Handles() []Handle
	Log() []Cell
	Unsaved() int
	// Recorded are the cells that the saved session would have, in order.
	Recorded() []Cell
}

// Options is what a session needs from the outside. The zero value works: no tour,
// no backends but those given, every path allowed.
type Options struct {
	Dir      string                            // what relative paths are relative to; "" is the working directory
	Backends []Backend                         // in the order in which they are listed
	Inputs   []notebook.Input                  // of the front matter: load finds them by name; paths relative to Dir
	Tour     func(name string) (string, error) // file path of the built-in sample tour:NAME
	Read     func(path string) (string, error) // where a path lies, or why it may not be read; nil: below Dir, every path
	Write    func(path string) (string, error) // likewise for writing
	Text     func(Result) []string             // canonical text of a result, for saved notebooks
	Failure  func(error) []string              // likewise of an error
	Snap     func(e Engine, view string, width, height int) ([]string, error)
	Picture  func(w io.Writer, h Heat) error   // a map as PNG; nil: this front end draws none
	Report   func(w io.Writer, r Report) error // a session as HTML; likewise
	Set      map[string]string                 // settings that differ from the built-in ones: backend
	Journal  Journal                           // keeps what is recorded as it happens; nil: nothing does
	Place    func(key, value string) error     // set device= and set python=; nil: not from this front end
}

// Session is the state behind one front end: handles, settings, aliases and the log.
// Its methods may be called from several goroutines; commands run one at a time.
type Session struct {
	opt      Options
	verbs    []verb
	table    *language.Table
	backends []Backend

	running sync.Mutex   // held while a command runs
	mu      sync.RWMutex // guards what follows
	state   state
	log     []entry
	saved   int             // recorded entries that the last export session wrote and that are still there
	dropped int             // those that it wrote and undo took back since
	partial *partial        // the product that is being computed, for who watches
	stage   string          // what a command of several parts runs now
	look    layer.Rect      // its outputs that are wanted first
	written map[string]bool // files that this session wrote: it may write them again
	opened  map[string]bool // files that load opened, without links: export spares them
}

// state is what undo brings back. Its maps are replaced, never changed in place.
type state struct {
	handles map[string]value
	set     map[string]string
	aliases map[string]string
	inputs  []notebook.Access // what load finds by name, the last one first
}

// entry is one line of the log with the state before it.
type entry struct {
	cell     Cell
	recorded bool
	before   state
}

// New makes a session. It panics when the command table is broken, which a test holds.
func New(opt Options) *Session {
	s := &Session{opt: opt, verbs: verbs(), backends: opt.Backends}
	set := defaultSettings()
	maps.Copy(set, opt.Set)
	s.state = state{handles: map[string]value{}, set: set, aliases: map[string]string{},
		inputs: []notebook.Access{{Dir: opt.Dir, Inputs: opt.Inputs}}}
	table, err := language.NewTable(specs(s.verbs))
	if err != nil {
		panic(fmt.Sprintf("exec: command table: %v", err))
	}
	s.table = table
	return s
}

// Run parses, executes and records one command line. Everything that can go wrong is
// in the cell.
func (s *Session) Run(ctx context.Context, line string, progress func(done, total int64)) Cell {
	s.running.Lock()
	defer s.running.Unlock()
	parsed, err := s.parse(line)
	if err != nil {
		return Cell{Command: strings.TrimSpace(line), Err: err}
	}
	return s.execute(ctx, parsed, progress, false)
}

// execute runs and records a checked command; s.running is held. Sourced says that it
// comes from a file that a source command is running: that command is recorded, not its
// parts, unless it fails half-way.
func (s *Session) execute(ctx context.Context, parsed language.Line, progress func(done, total int64), sourced bool) Cell {
	cell := Cell{Command: s.table.Format(parsed)}
	before := s.snapshot()
	c := &call{ctx: ctx, s: s, name: parsed.Name, progress: progress, sourced: sourced}
	start := time.Now()
	cell.Result, cell.Err = c.do(parsed)
	cell.Elapsed = time.Since(start)
	cell.Command = s.table.Format(parsed) // a command fills in what it chose itself, as randn its seed
	ok := cell.Err == nil || errors.Is(cell.Err, ErrCheckFailed)
	switch {
	case !ok:
		s.change(func(st *state) { *st = before }) // a failed command leaves nothing behind
	case c.bound != nil && c.name != "":
		s.bindHandle(c.name, c.bound)
	}
	if sourced && !c.undone {
		return cell
	}
	done := entry{cell: cell, recorded: ok && !c.saved && !c.local && s.verb(parsed.Verb).recorded, before: before}
	s.remember(done, c.undone)
	if c.saved {
		s.markSaved()
	}
	s.keep(done, c)
	return cell
}

// Peek executes a command that changes nothing without recording it.
func (s *Session) Peek(ctx context.Context, line string) (Result, error) {
	parsed, err := s.parse(line)
	if err != nil {
		return nil, err
	}
	if set, ok := parsed.Cmd.(*SetCmd); !s.verb(parsed.Verb).pure && !(ok && *set == SetCmd{}) {
		return nil, fmt.Errorf("%w: %s changes the session; it has to be run", ErrUsage, parsed.Verb)
	}
	c := &call{ctx: ctx, s: s}
	return c.do(parsed)
}

// parse reads one line and checks its names against the session.
func (s *Session) parse(line string) (language.Line, error) {
	st := s.snapshot()
	parsed, err := s.table.ParseAliased(line, st.aliases)
	if err != nil {
		return parsed, err
	}
	if errs := s.checkNames(language.Program{Lines: []language.Line{parsed}}, st); len(errs) > 0 {
		return parsed, errs[0]
	}
	return parsed, nil
}

// checkNames finds names that are unknown, do not fit or are taken: session is what
// export calls the session, and a handle of that name would hide it.
func (s *Session) checkNames(p language.Program, st state) []*language.Error {
	var errs []*language.Error
	for _, l := range p.Lines { // first, like every word that can be wrong by itself
		if err := s.checkBackend(l); err != nil {
			errs = append(errs, err)
		}
	}
	errs = append(errs, s.table.Check(p, s.names(st))...)
	for _, l := range p.Lines {
		let, ok := l.Cmd.(*LetCmd)
		if l.Name == sessionName || ok && let.Assign.Name == sessionName {
			errs = append(errs, &language.Error{File: l.Pos.File, Line: l.Pos.Line, Col: 1, Msg: "session cannot name a handle",
				Hint: "it is what export session saves", Source: s.table.Format(l)})
		}
	}
	return errs
}

// names is what a line may refer to.
func (s *Session) names(st state) language.Names {
	known := map[string]string{sessionName: kindSession}
	for name, v := range st.handles {
		known[name] = v.kind()
	}
	return language.Names{Known: known, Kinds: s.attributeNames(), Instead: insteadOfElements}
}

// Check parses and name-checks commands in order, as one file, before any of them runs.
func (s *Session) Check(sources []language.Source) (language.Program, []*language.Error) {
	st := s.snapshot()
	p, errs := s.table.ParseSources(sources, st.aliases)
	if len(errs) > 0 {
		return p, errs
	}
	return p, s.checkNames(p, st)
}

// Handles lists the names of the session in order.
func (s *Session) Handles() []Handle {
	st := s.snapshot()
	out := make([]Handle, 0, len(st.handles))
	for _, name := range slices.Sorted(maps.Keys(st.handles)) {
		v := st.handles[name]
		out = append(out, Handle{Name: name, Kind: v.kind(), Text: v.describe()})
	}
	return out
}

// Log returns the commands so far, failed ones included.
func (s *Session) Log() []Cell {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]Cell, len(s.log))
	for i, e := range s.log {
		out[i] = e.cell
	}
	return out
}

// Unsaved counts what the notebook on disk lacks: the commands recorded since the last
// export session, and those of it that were taken back.
func (s *Session) Unsaved() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.recorded() - s.saved + s.dropped
}

// Table is the command table: help, completion and docs come from it.
func (s *Session) Table() *language.Table { return s.table }

func (s *Session) snapshot() state {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.state
}

// change edits the state; it must replace maps, never write to them.
func (s *Session) change(edit func(*state)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	edit(&s.state)
}

func (s *Session) bindHandle(name string, v value) {
	s.change(func(st *state) {
		handles := maps.Clone(st.handles)
		handles[name] = v
		st.handles = handles
	})
}

// lastRecorded is the command that undo would take back and how many stay.
func (s *Session) lastRecorded() (command string, left int, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i := len(s.log) - 1; i >= 0; i-- {
		if s.log[i].recorded {
			return s.log[i].cell.Command, s.recorded() - 1, true
		}
	}
	return "", 0, false
}

// remember appends to the log, or takes its last recorded entry back.
func (s *Session) remember(e entry, undone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !undone {
		s.log = append(s.log, e)
		return
	}
	for i := len(s.log) - 1; i >= 0; i-- {
		if s.log[i].recorded {
			s.state = s.log[i].before
			s.log = slices.Delete(s.log, i, i+1)
			if left := s.recorded(); left < s.saved {
				s.saved, s.dropped = left, s.dropped+1
			}
			return
		}
	}
}

// wrote says whether this session wrote a notebook.
func (s *Session) wrote(path string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.written[path]
}

func (s *Session) remembersWriting(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.written == nil {
		s.written = map[string]bool{}
	}
	s.written[path] = true
}

// Baseline says that everything recorded so far is on disk already: a notebook was
// opened and run.
func (s *Session) Baseline() {
	s.markSaved()
	if s.opt.Journal != nil {
		s.opt.Journal.Saved()
	}
}

// markSaved notes that the notebook on disk has everything recorded so far.
func (s *Session) markSaved() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved, s.dropped = s.recorded(), 0
}

// Recorded are the cells of the notebook that export session would write.
func (s *Session) Recorded() []Cell {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []Cell
	for _, e := range s.log {
		if e.recorded {
			out = append(out, e.cell)
		}
	}
	return out
}

// recorded counts recorded entries; s.mu is held.
func (s *Session) recorded() int {
	n := 0
	for _, e := range s.log {
		if e.recorded {
			n++
		}
	}
	return n
}

// verb finds a verb that the parser has accepted.
func (s *Session) verb(name string) verb {
	for _, v := range s.verbs {
		if v.Verb == name {
			return v
		}
	}
	return verb{}
}

func (s *Session) settings() map[string]string { return s.snapshot().set }
