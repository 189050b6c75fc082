package exec

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"fp4tui/exec/gemm"
	"fp4tui/exec/worker"
	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

var update = flag.Bool("update", false, "write the golden files")

const samples = "../samples"

// options is a session as the command line makes one, below a directory of its own.
func options(dir string) Options {
	return Options{
		Dir:      dir,
		Backends: []Backend{gemm.Ref{}, gemm.Emu{}, absent},
		Tour:     func(name string) (string, error) { return filepath.Join(samples, name), nil },
		Text:     jsonText,
		Snap: func(e Engine, view string, w, h int) ([]string, error) {
			return []string{view, strings.Repeat("-", w)}, nil
		},
		Picture: func(w io.Writer, h Heat) error { return json.NewEncoder(w).Encode(h) },
		Report:  func(w io.Writer, r Report) error { return json.NewEncoder(w).Encode(r) },
	}
}

// absent is a GPU that this machine has not got.
var absent = gemm.Device{Label: "cuda", Text: "a GPU", Runner: worker.Unable{
	Reason: &inspect.Fault{Class: inspect.ErrUnsupported, Offset: -1, What: "no GPU here", Why: "this is a test", Cure: "backend=emu"}}}

// jsonText stands in for the renderer of package views, which exec does not know.
func jsonText(r Result) []string {
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return []string{err.Error()}
	}
	return strings.Split(string(b), "\n")
}

// rig is a session under test.
type rig struct {
	*Session
	t   testing.TB
	dir string
}

func newRig(t testing.TB, lines ...string) *rig {
	t.Helper()
	dir := t.TempDir()
	r := &rig{Session: New(options(dir)), t: t, dir: dir}
	r.do(lines...)
	return r
}

// do runs lines that have to succeed and returns the last result.
func (r *rig) do(lines ...string) Result {
	r.t.Helper()
	var last Result
	for _, line := range lines {
		cell := r.Run(context.Background(), line, nil)
		if cell.Err != nil {
			r.t.Fatalf("%s: %v", line, cell.Err)
		}
		last = cell.Result
	}
	return last
}

// fails runs a line that has to fail with an error whose text or hint holds every want.
func (r *rig) fails(line string, class error, wants ...string) error {
	r.t.Helper()
	before := r.look()
	cell := r.Run(context.Background(), line, nil)
	if cell.Err == nil {
		r.t.Errorf("%s: no error", line)
		return nil
	}
	if class != nil && !errors.Is(cell.Err, class) {
		r.t.Errorf("%s: %v is not %v", line, cell.Err, class)
	}
	text := cell.Err.Error() + "\n" + HintOf(cell.Err)
	for _, want := range wants {
		if !strings.Contains(text, want) {
			r.t.Errorf("%s: %q does not say %q", line, text, want)
		}
	}
	if after := r.look(); !reflect.DeepEqual(before, after) {
		r.t.Errorf("%s failed and left\n%+v\nbefore it\n%+v", line, after, before)
	}
	return cell.Err
}

// view is all of a session that a command may change.
type view struct {
	Handles  []Handle
	Set      map[string]string
	Aliases  map[string]string
	Recorded []string
	Unsaved  int
}

func (r *rig) look() view {
	st := r.snapshot()
	v := view{Handles: r.Handles(), Set: st.set, Aliases: st.aliases, Unsaved: r.Unsaved()}
	for _, c := range r.Recorded() {
		v.Recorded = append(v.Recorded, c.Command)
	}
	return v
}

func (r *rig) write(name, text string) string {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
	return path
}

func (r *rig) read(name string) string {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(b)
}

// tour binds what every screen of the tour has.
var tour = []string{
	"c = load tour:minilm-w4a16",
	"o = tensor b encoder.layer.0.intermediate.dense.weight",
	"x = load tour:minilm-x.npy",
	"w = layer c layer.0.intermediate.dense",
	"y = gemm x w",
	"r = gemm x w backend=ref",
	"e = diff y r",
	"q = quant x",
}

// toured is a session after the tour.
func toured(t testing.TB) *rig {
	t.Helper()
	return newRig(t, append([]string{"b = load tour:minilm-bf16.safetensors"}, tour...)...)
}

// slow is a backend that reports, waits for the end of its context and returns its error.
type slow struct {
	began chan struct{}
}

func (slow) Name() string   { return "slow" }
func (s slow) Ready() error { return nil }
func (s slow) Forward(ctx context.Context, _ layer.Forward, progress layer.Progress) (layer.Output, error) {
	progress(1, 10)
	close(s.began)
	<-ctx.Done()
	return layer.Output{}, ctx.Err()
}

// spy is a backend that calls look after each rectangle of outputs that is final.
type spy struct {
	Backend
	look func(told layer.Rect)
}

func (b spy) Forward(ctx context.Context, f layer.Forward, progress layer.Progress) (layer.Output, error) {
	w := *f.Watch
	tell := w.Done
	var mu sync.Mutex
	w.Done = func(r layer.Rect, y []float32) {
		tell(r, y)
		mu.Lock()
		defer mu.Unlock()
		b.look(r)
	}
	f.Watch = &w
	return b.Backend.Forward(ctx, f, progress)
}

func newTensor(shape ...int) *inspect.Tensor {
	return &inspect.Tensor{DType: inspect.F32, Shape: shape, Data: make([]float32, inspect.Numel(shape))}
}
