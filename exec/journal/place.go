package journal

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// StateDir is where this user's programs keep what is neither configuration nor cache:
// $XDG_STATE_HOME/fp4tui or ~/.local/state/fp4tui, Application Support on macOS,
// %LocalAppData% on Windows.
func StateDir() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "fp4tui"), nil
	}
	switch runtime.GOOS {
	case "windows", "plan9":
		dir, err := os.UserCacheDir()
		return filepath.Join(dir, "fp4tui"), err
	case "darwin", "ios":
		dir, err := os.UserConfigDir()
		return filepath.Join(dir, "fp4tui"), err
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.Join(errors.New("no place for the state of programs: set XDG_STATE_HOME or HOME"), err)
	}
	return filepath.Join(home, ".local", "state", "fp4tui"), nil
}

// Dir is the directory of the journals below StateDir.
func Dir() (string, error) {
	dir, err := StateDir()
	return filepath.Join(dir, "journal"), err
}
