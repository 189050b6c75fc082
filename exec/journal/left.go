package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"fp4tui/exec/notebook"
)

// ErrHeld is returned for a journal whose session still runs, or that another program
// recovers at this moment.
var ErrHeld = errHeld

var errHeld = errors.New("another session holds this journal")

// Left is what a session that ended without saving left behind.
type Left struct {
	Path     string
	Stopped  time.Time        // of the last command
	Commands []string         // in order, without those that were taken back
	Inputs   []notebook.Input // files that they read, by the names they were read by
	Unsaved  int              // how many of the commands, and of the undos, no notebook has
	Page     []byte           // the notebook as it was edited and not saved; nil: it was not
	PageOf   string           // its file; "" it had none
	Opened   string           // what the session was started on; "" nothing
	Damage   string           // what could not be read of the file; "" nothing
}

// List finds the journals in dir whose sessions are over and hold something that no
// notebook has, the newest first. Those with nothing to lose are removed. A directory
// that is not there holds none.
func List(dir string) ([]Left, error) {
	list, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Left
	var errs []error
	for _, entry := range slices.Backward(list) {
		path := filepath.Join(dir, entry.Name())
		if !strings.HasSuffix(path, extension) || !entry.Type().IsRegular() {
			continue
		}
		held, err := takeLock(path + lockName)
		if err != nil {
			continue // its session runs
		}
		left, err := read(path)
		switch {
		case err != nil:
			errs = append(errs, err)
		case left.Unsaved == 0 && left.Damage == "" && left.Page == nil:
			errs = append(errs, os.Remove(path))
		default:
			out = append(out, left)
		}
		held.release()
	}
	return out, errors.Join(errs...)
}

// Claim takes a journal so that no other program recovers or removes it meanwhile. Done
// gives it back; with remove its file goes.
func (l Left) Claim() (done func(remove bool) error, err error) {
	held, err := takeLock(l.Path + lockName)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(l.Path); err != nil {
		held.release()
		return nil, err
	}
	return func(remove bool) error {
		var err error
		if remove {
			err = os.Remove(l.Path)
			_ = os.Remove(l.Path + draftName) // most have none
		}
		held.release()
		return err
	}, nil
}

// read parses a journal, or as much of it as is whole.
func read(path string) (Left, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Left{}, err
	}
	left := Left{Path: path, Stopped: info.ModTime()}
	if info.Size() > notebook.MaxFile {
		left.Damage = fmt.Sprintf("it has %d bytes, more than a notebook may have", info.Size())
		return left, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Left{}, err
	}
	left.PageOf, left.Page = readDraft(path + draftName)
	doc, lost := salvage(string(data))
	if lost > 0 {
		left.Damage = fmt.Sprintf("the last %d of %d bytes are not readable", lost, len(data))
	}
	left.Inputs = doc.Front.Inputs
	left.Opened = openedPath(doc)
	saved := savedLine(doc)
	for _, cell := range doc.Cells {
		for _, source := range doc.Commands(cell) {
			if cell.Line > saved {
				left.Unsaved++
			}
			if strings.TrimSpace(source.Text) != "undo" {
				left.Commands = append(left.Commands, source.Text)
			} else if n := len(left.Commands); n > 0 {
				left.Commands = left.Commands[:n-1]
			}
		}
	}
	if len(left.Commands) == 0 && saved == 0 {
		left.Unsaved = 0 // all was taken back
	}
	return left, nil
}

// readDraft reads a page that was kept beside a journal; one that is no notebook, or cut
// short before its name ends, is none.
func readDraft(path string) (name string, page []byte) {
	info, err := os.Stat(path)
	if err != nil || info.Size() > notebook.MaxFile {
		return "", nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", nil
	}
	head, text, whole := strings.Cut(string(data), "\n")
	quoted, is := strings.CutPrefix(head, draftHead)
	name, err = strconv.Unquote(quoted)
	if !whole || !is || err != nil {
		return "", nil
	}
	if _, errs := notebook.Parse("draft"+extension, []byte(text)); len(errs) > 0 {
		return "", nil
	}
	return name, []byte(text)
}

// salvage parses as much of a text as makes a notebook: a write that was cut short, or
// blocks of zeros after a power failure, cost what stands behind them.
func salvage(text string) (*notebook.Document, int) {
	whole := len(text)
	if i := strings.IndexByte(text, 0); i >= 0 {
		text = text[:i]
	}
	for {
		doc, errs := notebook.Parse("journal"+extension, []byte(text))
		if len(errs) == 0 {
			return doc, whole - len(text)
		}
		line := errs[0].Line
		for _, e := range errs {
			line = min(line, e.Line)
		}
		cut := startOfLine(text, line)
		if cut >= len(text) {
			cut = 0
		}
		text = text[:cut]
	}
}

// startOfLine is the offset of a line, from 1.
func startOfLine(text string, line int) int {
	at := 0
	for range line - 1 {
		n := strings.IndexByte(text[at:], '\n')
		if n < 0 {
			return at
		}
		at += n + 1
	}
	return at
}

// openedPath is what the mark of the start names; "": there is none.
func openedPath(doc *notebook.Document) string {
	for _, b := range doc.Blocks() {
		for text := range strings.Lines(b.Raw) {
			rest, is := strings.CutPrefix(text, openMark)
			if quoted, err := strconv.QuotedPrefix(rest); b.Cell < 0 && is && err == nil {
				path, _ := strconv.Unquote(quoted) // it is quoted
				return path
			}
		}
	}
	return ""
}

// savedLine is the line of the last mark that all was saved; 0: there is none.
func savedLine(doc *notebook.Document) int {
	last, line := 0, 1
	for _, b := range doc.Blocks() {
		for text := range strings.Lines(b.Raw) {
			if b.Cell < 0 && strings.HasPrefix(text, savedMark) {
				last = line
			}
			line++
		}
	}
	return last
}
