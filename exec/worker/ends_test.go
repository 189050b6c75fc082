package worker

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

// sticky is an engine whose device is lost for the life of its process: in the job with more
// than one row, or, told so, when its kernels are tried in the first process.
type sticky struct {
	hello string // a file that says that they were tried
	lost  bool
}

const (
	stickyWorker = "sticky"          // FP4TUI_TEST_WORKER
	stickyHello  = "FP4TUI_TEST_TRY" // sticky.hello
)

func (s *sticky) Ready() error {
	if s.lost {
		return &inspect.Fault{Class: inspect.ErrUnreadable, Offset: -1, What: "the GPU refused cuEventSynchronize", Why: "IllegalAddress", Cure: "report this"}
	}
	return nil
}

func (s *sticky) About() (string, []Kernel) {
	if _, err := os.Stat(s.hello); s.hello != "" && err != nil {
		s.lost = true
		os.WriteFile(s.hello, nil, 0o600)
	}
	return "abacus", []Kernel{{Name: "beads", Ready: true}}
}

func (s *sticky) Run(_ context.Context, j layer.Job, _ layer.Progress) (layer.JobResult, error) {
	if j.M > 1 {
		s.lost = true
		return layer.JobResult{}, s.Ready()
	}
	return layer.JobResult{Y: product(j), Kernel: "beads", Device: "abacus"}, nil
}

// row is job with its first row of x alone.
func row() layer.Job {
	j := job()
	j.M, j.XWords = 1, j.XWords[:j.K]
	return j
}

// TestEnds: a worker whose device is lost says so and ends; the next job has another one, and
// no job is spent on finding out.
func TestEnds(t *testing.T) {
	c := client(t, stickyWorker)
	for range 2 {
		if _, err := c.Run(context.Background(), row(), nil); err != nil {
			t.Fatal(err)
		}
		before := c.live
		_, err := c.Run(context.Background(), job(), nil)
		var f *inspect.Fault
		if !errors.As(err, &f) || !errors.Is(err, inspect.ErrUnreadable) || err.Error() != "the GPU refused cuEventSynchronize: IllegalAddress" {
			t.Fatalf("%v", err)
		}
		if f.Cure != "report this; nothing of the session is lost, and the next command starts another worker" {
			t.Errorf("cure %q", f.Cure)
		}
		if c.live != nil || before.cmd.ProcessState == nil {
			t.Errorf("the process is still there")
		}
	}
}

// TestEndsAtHello: a kernel that takes the device away when it is tried costs one process.
func TestEndsAtHello(t *testing.T) {
	t.Setenv(stickyHello, filepath.Join(t.TempDir(), "tried"))
	c := client(t, stickyWorker)
	if _, err := c.Run(context.Background(), row(), nil); err != nil {
		t.Errorf("%v", err)
	}
	t.Setenv(stickyHello, filepath.Join(t.TempDir(), "no folder", "tried")) // never remembered
	c = client(t, stickyWorker)
	for range 2 {
		if err := c.Ready(); err == nil || !strings.Contains(err.Error(), "IllegalAddress") || c.live != nil {
			t.Errorf("%v, process %v", err, c.live)
		}
	}
}

// TestPanic: of a Go program that ends by a panic, the reason is told, not the trace's end.
func TestPanic(t *testing.T) {
	c := client(t, "panic")
	if _, err := c.Run(context.Background(), job(), nil); err == nil || !strings.Contains(err.Error(), "exit status 2, and said: panic: the abacus is broken") {
		t.Errorf("%v", err)
	}
}
