// Package journal keeps what a session records as it happens, so that a killed process,
// a closed laptop or a dropped connection loses no finished command.
//
// A journal is a notebook of its own: it can be opened, read and replayed like any other.
// Every finished cell is appended and flushed to the disk before the next one begins.
// What was taken back is a cell of the command undo, so that running it from the top ends
// where the session ended. A lock file beside it says that its session still runs.
package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"fp4tui/exec/notebook"
	"fp4tui/inspect/checkpoint"
)

const (
	extension = ".fp4.md"
	lockName  = ".lock" // after the name of the journal
	draftName = ".draft"
	draftHead = "page of "
	savedMark = "<!-- saved"
	openMark  = "<!-- opened "
)

// Journal is that of one running session. Its file appears with the first command. The
// first failure to write ends it and stays in Err: a full disk must not stop the session.
type Journal struct {
	mu     sync.Mutex
	dir    string
	start  time.Time
	path   string // "" until the first command
	held   *lock
	file   *os.File
	inputs []notebook.Input
	opened string // PATH of the start; "" none
	moved  bool   // the file has another one
	body   strings.Builder
	err    error
}

// New is the journal of a session that starts now. Dir is made when it is needed.
func New(dir string, start time.Time) *Journal { return &Journal{dir: dir, start: start} }

// Path is the file, or "" while nothing was recorded.
func (j *Journal) Path() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.path
}

// Err is why nothing is kept any more; nil while all is.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

// Open keeps what the session was started on, or took over from the one that it recovers: a
// file, a directory or a name that is opened without one. It is written with the next command.
func (j *Journal) Open(path string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.moved = j.moved || path != j.opened
	j.opened = path
}

// Add keeps one finished command with its canonical output and the files that it read.
func (j *Journal) Add(command, output string, reads []notebook.Input) {
	j.mu.Lock()
	defer j.mu.Unlock()
	fresh := 0
	for _, in := range reads {
		if !slices.ContainsFunc(j.inputs, func(known notebook.Input) bool { return known.Name == in.Name }) {
			j.inputs = append(j.inputs, in)
			fresh++
		}
	}
	j.write(notebook.CellText(command, output, ""), fresh > 0)
}

// Undo keeps that the last command was taken back.
func (j *Journal) Undo() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.write(notebook.CellText("undo", "", ""), false)
}

// Saved keeps that all so far is in a notebook of the user's.
func (j *Journal) Saved() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.dropDraft()
	if j.body.Len() > 0 {
		j.write(savedMark+" -->\n\n", false)
	}
}

// Draft keeps the page of the notebook as it was edited, beside the journal: name is its
// file, or "" while it has none. A nil page removes what was kept: it is saved.
func (j *Journal) Draft(name string, page []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return j.err
	}
	if page == nil {
		j.dropDraft()
		return nil
	}
	if j.path == "" {
		if j.err = j.create(); j.err != nil {
			j.err = fmt.Errorf("autosave: %w", j.err)
			return j.err
		}
	}
	err := checkpoint.WriteFile(j.path+draftName, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s%q\n%s", draftHead, name, page)
		return err
	})
	if err != nil {
		return fmt.Errorf("autosave: %w", err)
	}
	return nil
}

// dropDraft removes the page, if one is kept. The mutex is held.
func (j *Journal) dropDraft() {
	if j.path != "" {
		_ = os.Remove(j.path + draftName) // most sessions have none
	}
}

// write adds text at the end, on disk. A new input changes the front matter, and so the
// whole file is replaced. The mutex is held.
func (j *Journal) write(text string, inputs bool) {
	if j.err != nil {
		return
	}
	j.body.WriteString(text)
	switch {
	case j.path == "":
		j.err = j.create()
	case inputs || j.moved:
		j.err = j.rewrite()
	default:
		_, err := j.file.WriteString(text)
		j.err = errors.Join(err, j.file.Sync())
	}
	if j.err != nil {
		j.err = fmt.Errorf("autosave: %w", j.err)
	}
}

// create takes a name that no other session has, and its lock.
func (j *Journal) create() error {
	if err := os.MkdirAll(j.dir, 0o700); err != nil {
		return err
	}
	base := fmt.Sprintf("%s-%d", j.start.UTC().Format("20060102T150405"), os.Getpid())
	for i := 1; ; i++ {
		name := base
		if i > 1 {
			name = fmt.Sprintf("%s-%d", base, i)
		}
		path := filepath.Join(j.dir, name+extension)
		held, err := takeLock(path + lockName)
		if errors.Is(err, errHeld) {
			continue
		}
		if err != nil {
			return err
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			held.release()
			continue
		}
		if err != nil {
			held.release()
			return err
		}
		j.path, j.held, j.file = path, held, f
		_, err = f.WriteString(j.text())
		return errors.Join(err, f.Sync(), syncDir(j.dir))
	}
}

// rewrite replaces the file as a whole: at every moment there is a complete one.
func (j *Journal) rewrite() error {
	if err := j.file.Close(); err != nil {
		return err
	}
	err := checkpoint.WriteFile(j.path, func(w io.Writer) error {
		_, err := io.WriteString(w, j.text())
		return err
	})
	f, again := os.OpenFile(j.path, os.O_WRONLY|os.O_APPEND, 0o600)
	if again != nil {
		return errors.Join(err, again)
	}
	j.file = f
	return errors.Join(err, syncDir(j.dir))
}

// text is the whole notebook.
func (j *Journal) text() string {
	j.moved = false
	head := notebook.New("Autosaved session")
	for _, in := range j.inputs {
		head.Input(in.Name, in.Path, in.SHA256)
	}
	opened := ""
	if j.opened != "" {
		opened = openMark + strconv.Quote(j.opened) + " -->\n\n"
	}
	return string(head.Bytes()) + "\n" + opened + j.body.String()
}

// Close ends the journal. With remove its file goes: the user has saved the session, or
// does not want it.
func (j *Journal) Close(remove bool) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	if j.err == nil {
		j.err = fs.ErrClosed
	}
	if remove {
		j.dropDraft()
		err = errors.Join(err, os.Remove(j.path))
	}
	j.held.release()
	return err
}
