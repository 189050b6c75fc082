package notebook

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// tree makes the files and links of the tests: name to content, "-> target" a link.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if len(content) > 3 && content[:3] == "-> " {
			err = os.Symlink(filepath.Join(root, content[3:]), p)
		} else {
			err = os.WriteFile(p, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestRead(t *testing.T) {
	root := tree(t, map[string]string{
		"nb/w.npy": "w", "nb/ckpt/a.safetensors": "a", "nb/other.npy": "o", "secret": "s", "data/x.npy": "x",
		"nb/ckpt/out": "-> secret", "nb/link.npy": "-> nb/w.npy",
		"nb/ckpt/away": "-> data2", "data2/y": "y", "alias": "-> nb",
	})
	a := Access{Dir: filepath.Join(root, "nb"), AllowRead: []string{filepath.Join(root, "data")},
		Inputs: []Input{{Name: "W", Path: "w.npy"}, {Name: "c", Path: "./ckpt"}, {Name: "hub", Path: "org/name"}}}
	for in, want := range map[string]string{
		"W": "nb/w.npy", "w.npy": "nb/w.npy", "./w.npy": "nb/w.npy", "ckpt/../w.npy": "nb/w.npy",
		"c": "nb/ckpt", "ckpt/a.safetensors": "nb/ckpt/a.safetensors", "../data/x.npy": "data/x.npy",
		"link.npy": "nb/link.npy", filepath.Join(root, "nb/w.npy"): "nb/w.npy", "hub": "org/name", "org/name": "org/name",
		"ckpt/missing": "nb/ckpt/missing",
	} {
		got, err := a.Read(in)
		if want != "org/name" {
			want = filepath.Join(root, want)
		}
		if err != nil || got != want {
			t.Errorf("Read(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"other.npy", "../secret", "ckpt/out", "/etc/passwd", "", ".", "ckpt/../../secret", "org/other", "ckpt/away/y", "ckpt/away/new"} {
		if got, err := a.Read(in); !errors.Is(err, ErrForbidden) {
			t.Errorf("Read(%q) = %q, %v; want ErrForbidden", in, got, err)
		}
	}
	a.Dir = filepath.Join(root, "alias") // a notebook below a link
	if got, err := a.Read("ckpt/missing"); err != nil || got != filepath.Join(root, "alias/ckpt/missing") {
		t.Errorf("below a link: %q, %v", got, err)
	}
}

func TestWrite(t *testing.T) {
	root := tree(t, map[string]string{"out/old.npy": "x", "secret": "s", "out/link": "-> secret", "out/dangling": "-> nowhere", "out/sub/up": "-> nb", "nb/a": ""})
	a := Access{Dir: filepath.Join(root, "nb"), Out: filepath.Join(root, "out")}
	for in, want := range map[string]string{
		"a.npy": "a.npy", "old.npy": "old.npy", "sub/b.npy": "sub/b.npy", "new/dir/c.npy": "new/dir/c.npy", filepath.Join(root, "out", "d"): "d",
	} {
		got, err := a.Write(in)
		if err != nil || got != filepath.Join(root, "out", want) {
			t.Errorf("Write(%q) = %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"../a", "/etc/passwd", "link", "dangling", "sub/up/x", "sub/up/new/x", ".", "", "a/../../b"} {
		if got, err := a.Write(in); !errors.Is(err, ErrForbidden) {
			t.Errorf("Write(%q) = %q, %v; want ErrForbidden", in, got, err)
		}
	}
	if _, err := (Access{Dir: root}).Write("a"); !errors.Is(err, ErrForbidden) {
		t.Error("a notebook without --out may write")
	}
	if _, err := (Access{Out: filepath.Join(root, "absent")}).Write("a"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an absent --out: %v", err)
	}
}

func TestHashPath(t *testing.T) {
	root := tree(t, map[string]string{"d/b": "two", "d/a/x": "one", "d/l": "-> d/b"})
	ctx := context.Background()
	sum := func(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
	if got, err := HashPath(ctx, filepath.Join(root, "d/b")); err != nil || got != sum("two") {
		t.Errorf("file: %s %v", got, err)
	}
	want := sum(sum("one") + "  a/x\n" + sum("two") + "  b\n" + sum("two") + "  l\n")
	if got, err := HashPath(ctx, filepath.Join(root, "d")); err != nil || got != want {
		t.Errorf("directory: %s %v, want %s", got, err, want)
	}
	if _, err := HashPath(ctx, filepath.Join(root, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := HashPath(stopped, filepath.Join(root, "d/b")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
