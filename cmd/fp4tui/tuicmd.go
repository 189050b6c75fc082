package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"fp4tui/exec"
	"fp4tui/exec/notebook"
	"fp4tui/views"
)

// tourCommands is what the tour row of the Start screen runs: the original first, so
// that the list begins at the layer that can be judged against it.
func tourCommands() []string {
	return []string{"o = load tour:minilm-bf16.safetensors", "x = load tour:minilm-x.npy", "c = load tour:minilm-w4a16"}
}

// tui opens the terminal UI on a checkpoint, a notebook, or the Start screen.
func (a *app) tui(ctx context.Context, path, backend string) error {
	j := a.newJournal(path)
	opt := views.Options{
		Engine: a.kept(exec.Options{Place: a.computers.place}, j), Path: path, Profile: a.profile(), ASCII: a.ascii, Tour: tourCommands(),
		Theme: views.Theme(a.theme), NoImages: a.noImages,
		Start: views.StartInfo{Rows: startRows(), Ready: ready()}, Version: version,
	}
	if isBook(path) {
		book, set, err := openBook(path, backend)
		if err != nil {
			return err
		}
		book.Has = func(q string) (bool, string) { return a.computers.available(ctx, q) }
		opt.Engine, opt.Book, opt.Path = a.kept(set, j), book, ""
	}
	var err error
	if opt.Keys, err = a.ownKeys(); err != nil {
		return err
	}
	opt.Notebook = freshNotebook(workDir(path), path)
	typed := a.openHistory()
	opt.History, opt.Remember = typed.lines, typed.remember
	opt.Recover = recoveries(a.left(), opt.Engine.(adopter), j, path)
	discard, page := false, false
	opt.Discard = func() { discard = true }
	if j != nil {
		opt.Autosave = j.Err
		opt.Draft = func(name string, text []byte) error {
			page = text != nil
			return j.Draft(name, text)
		}
	}
	err = views.Run(ctx, opt)
	if s, is := opt.Engine.(*exec.Session); is && errors.Is(err, views.ErrPlain) {
		return a.continueIn(ctx, s, j)
	}
	endJournal(j, discard || opt.Engine.Unsaved() == 0 && !page)
	return err
}

// openBook reads a notebook for the terminal UI, and what its session needs: its paths
// start where it lies, its inputs have names, its backend is the default one.
func openBook(path, backend string) (*views.Book, exec.Options, error) {
	data, err := exec.ReadText(path)
	if err != nil {
		return nil, exec.Options{}, err
	}
	doc, errs := notebook.Parse(filepath.ToSlash(path), data)
	if len(errs) > 0 {
		return nil, exec.Options{}, errs[0]
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, exec.Options{}, err
	}
	opt := optionsOf(full, doc.Front.Inputs)
	opt.Set = map[string]string{"backend": doc.BackendOf(backend)}
	return &views.Book{Path: full, Name: path, Data: data, Backend: doc.BackendOf(backend)}, opt, nil
}

// ownKeys reads the user's keys: those of --keys, or keys.toml of the configuration
// directory where there is one.
func (a *app) ownKeys() (views.Keys, error) {
	file := a.keys
	if file == "" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return views.Keys{}, nil // no place for a configuration: there is none
		}
		file = filepath.Join(dir, "fp4tui", "keys.toml")
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			return views.Keys{}, nil // the second where HOME is /dev/null, as service accounts have it
		}
	}
	data, err := exec.ReadText(file)
	if err != nil {
		return views.Keys{}, err
	}
	return views.ReadKeys(file, data)
}

// isBook says that a path is opened as a notebook.
func isBook(path string) bool {
	return strings.HasSuffix(path, ".fp4") || strings.HasSuffix(path, ".fp4.md")
}

// workDir is where the paths of a session that starts on path begin.
func workDir(path string) string {
	if isBook(path) {
		return filepath.Dir(path)
	}
	return "."
}

// freshNotebook suggests a name to save under that no file of dir has, after what the session
// was started on: a notebook that was opened keeps its prose.
func freshNotebook(dir, path string) string {
	base := "session"
	if path != "" {
		base = strings.TrimSuffix(filepath.Base(path), ".fp4.md")
		base = strings.ReplaceAll(strings.TrimSuffix(base, filepath.Ext(base)), ":", "-")
	}
	name := base + ".fp4.md"
	for i := 2; i < 1000; i++ {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			break
		}
		name = fmt.Sprintf("%s-%d.fp4.md", base, i)
	}
	return name
}

// profile decides the colours: --color beats NO_COLOR; else the terminal is asked.
func (a *app) profile() views.Profile {
	switch {
	case a.color != "auto":
		return views.Profile(a.color)
	case os.Getenv("NO_COLOR") != "":
		return "never"
	}
	return "auto"
}

// startRows offers what can be opened here without knowing any name.
func startRows() []views.StartRow {
	found := checkpointsHere(".")
	row := views.StartRow{Name: "this directory", Text: "no checkpoint found; : load PATH opens one elsewhere", Prompt: "c = load "}
	if len(found) > 0 {
		row.Text = fmt.Sprintf("%d found: %s", len(found), strings.Join(found, "  "))
		row.Prompt = "c = load " + found[0]
	}
	return []views.StartRow{row}
}

// maxHere bounds how many names of this directory are offered.
const maxHere = 3

// checkpointsHere lists files and directories that look like checkpoints.
func checkpointsHere(dir string) []string {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range list {
		name := e.Name()
		looks := strings.HasSuffix(name, ".safetensors")
		if e.IsDir() {
			inside, err := filepath.Glob(filepath.Join(dir, name, "*.safetensors"))
			looks = err == nil && len(inside) > 0
		}
		if looks && len(out) < maxHere {
			out = append(out, name)
		}
	}
	return out
}

// ready is the first log line: what computes here.
func ready() string {
	features := cpuFeatures()
	if features != "" {
		features = ", " + features
	}
	return fmt.Sprintf("%d CPU threads%s · no GPU needed: emulator and reference", runtime.GOMAXPROCS(0), features)
}
