//go:build unix

package journal

import (
	"errors"
	"os"
	"syscall"
)

// lock is an advisory lock on a file: the kernel lets it go with the process, however
// that ends.
type lock struct{ file *os.File }

// takeLock is errHeld when another process has the lock. Where the file system has no
// locks there is nothing to wait for.
func takeLock(path string) (*lock, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
			f.Close()
			return nil, errHeld
		}
		if sameFile(f, path) {
			return &lock{f}, nil
		}
		f.Close() // it was removed by who had it before
	}
}

func sameFile(f *os.File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(path)
	return err == nil && os.SameFile(mine, now)
}

func (l *lock) release() {
	os.Remove(l.file.Name())
	l.file.Close()
}

// syncDir makes the names in a directory last.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}
