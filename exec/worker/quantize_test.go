package worker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

// Quantize of the test engine takes the high byte of every second word for codes, the low
// one of every block's first for scales, and misbehaves as told.
func (e engine) Quantize(ctx context.Context, j layer.QuantJob, progress layer.Progress) (r layer.QuantResult, err error) {
	switch e {
	case "crash":
		fmt.Fprintln(os.Stderr, "CUDA_ERROR_ILLEGAL_ADDRESS\x1b[31m (700)")
		os.Exit(3)
	case "hang":
		select {}
	case "short":
		return layer.QuantResult{Codes: make([]byte, 1), Scales: make([]byte, 1)}, nil
	case "fault":
		return r, &inspect.Fault{Class: inspect.ErrUnsupported, Offset: -1, What: "out of memory", Why: "needs 9 TB", Cure: "use fewer rows"}
	case "flood", "other frame":
		head := `{"kind":"quantized","job":1,"body":{},"blobs":[68719476736,1]}`
		if e == "other frame" { // a result of nothing: no answer to this question
			head = `{"kind":"result","job":1,"body":{},"blobs":[0]}`
		}
		w := bufio.NewWriter(os.Stdout)
		w.Write([]byte{byte(len(head)), 0, 0, 0})
		w.WriteString(head)
		w.Flush()
		select {}
	case "slow":
		for i := range int64(1000) {
			progress(i, 1000)
			select {
			case <-ctx.Done():
				return r, ctx.Err()
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	return halves(j), nil
}

func halves(j layer.QuantJob) layer.QuantResult {
	r := layer.QuantResult{Kernel: "beads", Device: "abacus\x07"}
	for i, x := range j.X {
		if i%2 == 0 {
			r.Codes = append(r.Codes, byte(x>>8))
		}
		if i%j.Block() == 0 {
			r.Scales = append(r.Scales, byte(x))
		}
	}
	return r
}

func quantJob(format string) layer.QuantJob {
	j := layer.QuantJob{Format: format, Rows: 3, Cols: 64, Global: 0.75}
	for i := range j.Rows * j.Cols {
		j.X = append(j.X, uint16(0x3f80+77*i))
	}
	return j
}

// TestQuantize quantizes in a process, and multiplies in the same one after it.
func TestQuantize(t *testing.T) {
	o := Offer{Client: client(t, "work"), At: "ssh:shop"}
	for _, format := range []string{"nvfp4", "mxfp4"} {
		j := quantJob(format)
		j.Global = float32(math.NaN()) // travels as bits
		if format == "mxfp4" {
			j.Global = 0
		}
		r, err := o.Quantize(context.Background(), j, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := halves(j)
		want.Device = `abacus\x07 at ssh:shop`
		if !reflect.DeepEqual(r, want) {
			t.Errorf("%+v, want %+v", r, want)
		}
	}
	if r, err := o.Run(context.Background(), job(), nil); err != nil || len(r.Y) != 12 {
		t.Error(r, err)
	}
	bad := quantJob("nvfp4")
	bad.X = bad.X[1:]
	if _, err := o.Quantize(context.Background(), bad, nil); !errors.Is(err, inspect.ErrMismatch) {
		t.Error(err)
	}
}

// TestQuantizeDeath: as TestDeath, for a matrix.
func TestQuantizeDeath(t *testing.T) {
	for behave, wants := range map[string][]string{
		"crash":       {"the test worker died", "exit status 3", `CUDA_ERROR_ILLEGAL_ADDRESS\x1b[31m (700)`},
		"short":       {"not the worker protocol", "a quantized matrix of 2 blobs"},
		"flood":       {"not the worker protocol", "a blob of 68719476736 bytes"},
		"other frame": {"not the worker protocol", `a frame of kind "result"`},
		"fault":       {"out of memory", "needs 9 TB"},
		"unready":     {"no device"},
		"deafened":    {"this worker does not quantize"},
	} {
		t.Run(behave, func(t *testing.T) {
			c := client(t, behave)
			for range 2 {
				_, err := c.Quantize(context.Background(), quantJob("nvfp4"), nil)
				var f *inspect.Fault
				if !errors.As(err, &f) || f.Cure == "" || strings.Contains(f.Cure, "backend=emu") {
					t.Fatalf("%v is no fault with a cure: %q", err, f.Cure)
				}
				for _, want := range wants {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q lacks %q", err, want)
					}
				}
			}
		})
	}
}

// TestQuantizeCancel: as TestCancel, for a matrix.
func TestQuantizeCancel(t *testing.T) {
	for _, behave := range []string{"slow", "hang"} {
		c := client(t, behave)
		if err := c.Ready(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer cancel()
		told := int64(0)
		if _, err := c.Quantize(ctx, quantJob("nvfp4"), func(done, total int64) { told = total }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", behave, err)
		}
		if behave == "slow" && (told != 1000 || c.live == nil) {
			t.Errorf("progress of %d, process %v", told, c.live)
		}
		if err := c.Ready(); err != nil {
			t.Error(err)
		}
	}
}

// TestServeQuantize: a peer's matrix is checked before an engine sees it.
func TestServeQuantize(t *testing.T) {
	good := quantWire{"nvfp4", 2, 32, 0x3f800000}
	for name, c := range map[string]struct {
		w     quantWire
		blobs [][]byte
		want  string
	}{
		"good":       {good, [][]byte{make([]byte, 128)}, "quantized {"},
		"no blob":    {good, nil, "a matrix that is none"},
		"odd":        {good, [][]byte{make([]byte, 127)}, "a matrix that is none"},
		"short":      {good, [][]byte{make([]byte, 126)}, "63 words are not 2×32"},
		"huge":       {quantWire{"nvfp4", 1 << 40, 1 << 40, 0}, [][]byte{nil}, "cannot quantize"},
		"negative":   {quantWire{"nvfp4", -2, -32, 0x3f800000}, [][]byte{make([]byte, 128)}, "cannot quantize"},
		"no format":  {quantWire{"\x1b", 2, 32, 0}, [][]byte{make([]byte, 128)}, "no format"},
		"global":     {quantWire{"nvfp4", 2, 32, 0xbf800000}, [][]byte{make([]byte, 128)}, "global scale -1"},
		"wide block": {quantWire{"mxfp4", 2, 48, 0}, [][]byte{make([]byte, 192)}, "whole blocks of 32"},
	} {
		in, ask := io.Pipe()
		answers, out := io.Pipe()
		served := make(chan error, 1)
		go func() { served <- Serve(t.Context(), in, out, "test", engine("work")) }()
		if err := write(bufio.NewWriter(ask), kindQuantize, 5, c.w, c.blobs...); err != nil {
			t.Fatal(err)
		}
		f, err := read(answers, func() int64 { return 1 << 20 })
		if got := f.Kind + " " + string(f.Body); err != nil || !strings.Contains(got, c.want) {
			t.Errorf("%s: %v, %q lacks %q", name, err, got, c.want)
		}
		ask.Close()
		if err := <-served; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
