//go:build !unix

package journal

import (
	"errors"
	"io/fs"
	"os"
)

// lock is a file that its session keeps open: where open files can't be removed, as on
// Windows, one that can be removed belongs to nobody.
type lock struct{ file *os.File }

// takeLock is errHeld when another process has the lock.
func takeLock(path string) (*lock, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errHeld
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, errHeld
	}
	return &lock{f}, nil
}

func (l *lock) release() {
	l.file.Close()
	os.Remove(l.file.Name())
}

// syncDir has nothing to do where names last by themselves.
func syncDir(string) error { return nil }
