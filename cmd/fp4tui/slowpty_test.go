//go:build linux

package main

import (
	"bytes"
	"io"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openPTY gives both ends of a pseudo-terminal of 80×24.
func openPTY(t *testing.T) (host, guest *os.File) {
	t.Helper()
	host, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	t.Cleanup(func() { host.Close() })
	fd := int(host.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	guest, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return host, guest
}

// TestSlowTerminal: behind a terminal that reads 40 kB/s, as over a bad line, keys are not
// lost, frames that nobody saw are not sent, and quit comes at once.
func TestSlowTerminal(t *testing.T) {
	if testing.Short() {
		t.Skip("a slow terminal")
	}
	host, guest := openPTY(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := osexec.Command(self, "--color=256", "--no-journal", sample(t, "minilm-w4a4"))
	cmd.Env = append(os.Environ(), asProgram+"=1", "TERM=xterm-256color", "NO_COLOR=")
	cmd.Dir = t.TempDir()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = guest, guest, guest
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	guest.Close()
	chunks := make(chan []byte, 1<<16)
	go func() {
		defer close(chunks)
		for {
			buf := make([]byte, 400)
			n, err := host.Read(buf)
			if err != nil {
				return
			}
			chunks <- buf[:n]
			time.Sleep(10 * time.Millisecond)
		}
	}()
	var seen bytes.Buffer
	sees := func(text string) {
		t.Helper()
		late := time.After(patience)
		for !bytes.Contains(seen.Bytes(), []byte(text)) {
			select {
			case b, open := <-chunks:
				if !open {
					t.Fatalf("the program ended before %q", text)
				}
				seen.Write(b)
			case <-late:
				t.Fatalf("no %q in %d bytes", text, seen.Len())
			}
		}
		seen.Reset()
	}
	sees("intermediate")
	if _, err := io.WriteString(host, "r"); err != nil {
		t.Fatal(err)
	}
	sees("rel_l2")
	for range 200 {
		if _, err := io.WriteString(host, "l"); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	if _, err := io.WriteString(host, "0:expect 6*7 == 42\r"); err != nil {
		t.Fatal(err)
	}
	sees("PASS")
	t.Logf("200 moves and a command after %v", time.Since(start))
	if _, err := io.WriteString(host, "qq"); err != nil {
		t.Fatal(err)
	}
	tail := make(chan string, 1)
	go func() { // what is still written at the end is read, too
		var rest bytes.Buffer
		for b := range chunks {
			rest.Write(b)
		}
		tail <- rest.String()
	}()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		cmd.Process.Kill()
		t.Errorf("it does not end; it wrote %q", <-tail)
	}
	if left, _ := filepath.Glob(filepath.Join(cmd.Dir, "*")); len(left) != 0 {
		t.Errorf("it left %v", left)
	}
}
