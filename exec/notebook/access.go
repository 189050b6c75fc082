package notebook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrForbidden is the class of a path that a notebook may not touch.
var ErrForbidden = errors.New("forbidden")

// AccessError says which path was refused and what would allow it.
type AccessError struct {
	Path, Why, Cure string
}

// Error is "path: why".
func (e *AccessError) Error() string { return e.Path + ": " + e.Why }

// Hint is the cure.
func (e *AccessError) Hint() string { return e.Cure }

// Unwrap gives ErrForbidden.
func (e *AccessError) Unwrap() error { return ErrForbidden }

// Access decides what a notebook may read and write. Symbolic links are followed
// before a path is compared, so a link cannot lead out of what is allowed.
type Access struct {
	Dir       string   // of the notebook: relative paths start here
	Inputs    []Input  // of its front matter
	AllowRead []string // --allow-read: these directories and files too
	Out       string   // --out: the only directory to write below; "" forbids writing
}

// Read resolves a path that a command wants to read: the name of an input, the path
// of one or something below it, or a path below AllowRead. An input that is no file
// here (a cached hub id) comes back as it is written.
func (a Access) Read(path string) (string, error) {
	for _, in := range a.Inputs {
		if in.Name == path || in.Path == path {
			return a.input(in), nil
		}
	}
	full := a.join(path)
	refused := &AccessError{Path: path, Why: "the notebook may not read it",
		Cure: "name it under inputs: in the front matter, or allow its directory with --allow-read"}
	place, err := resolve(full)
	if err != nil {
		return "", refused
	}
	allowed := a.AllowRead
	for _, in := range a.Inputs {
		allowed = append(allowed[:len(allowed):len(allowed)], a.input(in))
	}
	for _, dir := range allowed {
		if root, err := realPath(dir); err == nil && below(root, place) {
			return full, nil
		}
	}
	return "", refused
}

// Named is where the input of a name lies.
func (a Access) Named(name string) (path string, ok bool) {
	for _, in := range a.Inputs {
		if in.Name == name {
			return a.input(in), true
		}
	}
	return "", false
}

// Write resolves a path that a command wants to write: it must lie below Out.
func (a Access) Write(path string) (string, error) {
	refuse := func(why string) (string, error) {
		return "", &AccessError{Path: path, Why: why, Cure: "give a directory with --out and a relative path"}
	}
	if a.Out == "" {
		return refuse("the notebook may not write")
	}
	root, err := realPath(a.Out)
	if err != nil {
		return "", fmt.Errorf("%s: %w", a.Out, err)
	}
	full := path
	if !filepath.IsAbs(path) {
		full = filepath.Join(root, path)
	}
	place, err := resolve(full)
	if err != nil {
		return refuse(err.Error())
	}
	if !below(root, place) || place == root {
		return refuse("it lies outside of " + a.Out)
	}
	return place, nil
}

// errDangling is a link that leads nowhere: what it would become cannot be judged.
var errDangling = errors.New("a link on its path leads nowhere")

// resolve follows the links of a path that need not exist: what does exist of it
// decides where the rest would lie.
func resolve(path string) (string, error) {
	place, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	rest := ""
	for {
		if p, err := filepath.EvalSymlinks(place); err == nil {
			return filepath.Join(p, rest), nil
		}
		if _, err := os.Lstat(place); err == nil {
			return "", errDangling
		}
		parent := filepath.Dir(place)
		if parent == place {
			return "", fs.ErrNotExist
		}
		place, rest = parent, filepath.Join(filepath.Base(place), rest)
	}
}

// input is where an input lies.
func (a Access) input(in Input) string {
	full := a.join(in.Path)
	if _, err := os.Stat(full); err != nil && !filepath.IsAbs(in.Path) && !strings.HasPrefix(in.Path, ".") {
		return in.Path
	}
	return full
}

func (a Access) join(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(a.Dir, path)
}

func realPath(p string) (string, error) {
	abs, err := filepath.Abs(p)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// below reports whether path is root or inside it.
func below(root, path string) bool {
	abs, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(root, abs)
	return err == nil && filepath.IsLocal(rel)
}

// HashPath is the SHA-256 of a file, in hex. Of a directory it is that of the lines
// "hash  name" of every regular file in it, in lexical order of their names relative
// to the directory, with slashes.
func HashPath(ctx context.Context, path string) (string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !st.IsDir() {
		return hashFile(ctx, path)
	}
	h := sha256.New()
	err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if st, err := os.Stat(p); err != nil || !st.Mode().IsRegular() {
			return err
		}
		sum, err := hashFile(ctx, p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(path, p)
		if err == nil {
			_, err = fmt.Fprintf(h, "%s  %s\n", sum, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// hashChunk is how much is hashed between two looks at the context.
const hashChunk = 16 << 20

func hashFile(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	for {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		switch _, err := io.CopyN(h, f, hashChunk); {
		case errors.Is(err, io.EOF):
			return hex.EncodeToString(h.Sum(nil)), nil
		case err != nil:
			return "", err
		}
	}
}
