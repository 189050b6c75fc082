//go:build unix

package checkpoint

import (
	"errors"
	"io/fs"
	"net"
	"path/filepath"
	"syscall"
	"testing"

	"fp4tui/inspect"
)

// TestPipesAndSockets: a pipe without a writer would block an open for ever.
func TestPipesAndSockets(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir) // a socket's path is short
	if err := syscall.Mkfifo("pipe.safetensors", 0o666); err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("unix", "socket.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	for path, why := range map[string]string{"pipe.safetensors": "it is a named pipe", "socket.safetensors": "it is a socket"} {
		f := failure(t, path)
		if f.What != "not a regular file" || f.Why != why {
			t.Error(f)
		}
		if _, err := ReadNPY(path); !errors.Is(err, inspect.ErrUnsupported) {
			t.Error(err)
		}
	}
	write(t, filepath.Join(dir, "good.safetensors"), shard("x"))
	if c := open(t, dir); c.Len() != 1 || len(c.Faults) != 2 {
		t.Errorf("%d tensors, %q", c.Len(), whats(c))
	}
}

func TestPermission(t *testing.T) {
	f := systemFault("m", "cannot open", &fs.PathError{Op: "open", Path: "m", Err: syscall.EACCES})
	if !errors.Is(f, inspect.ErrUnreadable) || f.Why != "permission denied" || f.Cure == "" {
		t.Error(f, f.Cure)
	}
}
