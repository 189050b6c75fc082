package worker

import (
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"
)

// TestDiedOfItsWords: whether a peer's words or the broken pipe behind them are seen first is chance.
func TestDiedOfItsWords(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no sh")
	}
	c := &Client{Label: "the worker", Command: func() *exec.Cmd { return exec.Command("sh", "-c", "echo these are words and no frame of any protocol") }}
	p, err := c.start()
	if err != nil {
		t.Fatal(err)
	}
	<-p.ended
	if err := c.died(p, syscall.EPIPE); !strings.Contains(err.Error(), "not the worker protocol") {
		t.Error(err)
	}
}

// TestLastWords: one line, and no more of it than a screen holds.
func TestLastWords(t *testing.T) {
	said := new(tail)
	said.Write([]byte("first\nls: cannot access '" + strings.Repeat("é", 30_000) + "'"))
	if last := said.last(); !strings.HasPrefix(last, "ls: cannot access 'é") || !strings.HasSuffix(last, "é…") || len(last) > lastLen+len("…") || !utf8.ValidString(last) {
		t.Errorf("%d bytes: %q", len(last), last)
	}
}
