package worker

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// TestMain is also the worker that the tests start: the way in which it behaves stands
// in the environment.
func TestMain(m *testing.M) {
	behave := os.Getenv("FP4TUI_TEST_WORKER")
	if behave == "" {
		os.Exit(m.Run())
	}
	if behave == "deaf" { // says hello and reads nothing more
		read(os.Stdin, func() int64 { return maxBlobs })
		write(bufio.NewWriter(os.Stdout), kindHello, 0, hello{Version: Version})
		time.Sleep(time.Minute)
	}
	if behave == "garbage" {
		fmt.Println("Welcome to the machine!")
		time.Sleep(time.Minute)
	}
	if behave == "greedy" { // asks for the weight again and again
		in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
		read(in, func() int64 { return maxBlobs }) // hello
		write(out, kindHello, 0, hello{Version: Version})
		read(in, func() int64 { return maxBlobs }) // the job
		for write(out, kindNeed, 1, nil) == nil {
			read(in, func() int64 { return maxBlobs })
		}
	}
	if program, other := strings.CutPrefix(behave, "version of "); other { // says no more than hello, in another version
		read(os.Stdin, func() int64 { return maxBlobs })
		write(bufio.NewWriter(os.Stdout), kindHello, 0, hello{Version: Version - 1, Program: program, Error: &fault{What: "worker protocol", Cure: "use the same fp4tui on both sides"}})
		return
	}
	var e Engine = engine(behave)
	if behave == "deafened" { // an engine that multiplies and no more
		e = struct{ Engine }{e}
	}
	if behave == stickyWorker {
		e = &sticky{hello: os.Getenv(stickyHello)}
	}
	err := Serve(context.Background(), os.Stdin, os.Stdout, "test", e)
	fmt.Fprintln(os.Stderr, err)
}

// engine multiplies in the plainest way, and misbehaves as told.
type engine string

func (e engine) Ready() error {
	if e == "unready" {
		return &inspect.Fault{Class: inspect.ErrMissing, Offset: -1, What: "no device", Why: "none", Cure: "buy one"}
	}
	return nil
}

func (e engine) About() (string, []Kernel) {
	if e == "hang at hello" {
		select {}
	}
	return "abacus", []Kernel{{Name: "beads", Ready: true, Status: "verified on this device"}, {Name: "wire", Why: "rusty", Cure: "oil it"}}
}

func (e engine) Run(ctx context.Context, j layer.Job, progress layer.Progress) (layer.JobResult, error) {
	switch e {
	case "crash":
		fmt.Fprintln(os.Stderr, "CUDA_ERROR_ILLEGAL_ADDRESS\x1b[31m (700)")
		os.Exit(3)
	case "panic":
		panic("the abacus is broken")
	case "hang":
		select {}
	case "killed":
		p, _ := os.FindProcess(os.Getpid())
		p.Kill()
		select {}
	case "flood": // a result that would fill the client's memory
		w := bufio.NewWriter(os.Stdout)
		head := []byte(`{"kind":"result","job":1,"body":{},"blobs":[68719476736]}`)
		w.Write([]byte{byte(len(head)), 0, 0, 0})
		w.Write(head)
		for {
			w.Write(make([]byte, 1<<16))
		}
	case "keeper": // asks for the key, as a device that has the weight, and multiplies nothing
		return layer.JobResult{Y: make([]float32, j.M*j.N), Kernel: j.WeightKey()}, nil
	case "slow":
		for i := range int64(1000) {
			progress(i, 1000)
			select {
			case <-ctx.Done():
				return layer.JobResult{}, ctx.Err()
			case <-time.After(5 * time.Millisecond):
			}
		}
	case "short":
		return layer.JobResult{Y: make([]float32, 1)}, nil
	case "mute":
		return layer.JobResult{}, &inspect.Fault{Class: inspect.ErrUnsupported, Offset: -1}
	case "fault":
		return layer.JobResult{}, &inspect.Fault{Class: inspect.ErrUnsupported, Offset: -1, What: "out of memory", Why: "needs 9 TB", Cure: "use fewer rows"}
	}
	return layer.JobResult{Y: product(j), Kernel: "beads", Device: "abacus", Arch: "sm90", Micros: 1.5, Notes: []string{"by hand\x07"}}, nil
}

// product is the float32 product of a job, w4a16, without block scales.
func product(j layer.Job) []float32 {
	y := make([]float32, j.M*j.N)
	for i := range y {
		for k := range j.K {
			code := j.WCodes[i%j.N*j.K/2+k/2] >> (4 * (k % 2))
			y[i] += math.Float32frombits(uint32(j.XWords[i/j.N*j.K+k])<<16) * fp4.DecodeE2M1(code)
		}
		y[i] = y[i]*j.Alphas[0] + j.Bias[i%j.N]
	}
	return y
}

// job is a small one with everything in it.
func job() layer.Job {
	j := layer.Job{Mode: layer.W4A16, Arch: "sm90", M: 3, N: 4, K: 32, Block: 16, Scale: fp4.E4M3, Alphas: []float32{0.5}, Bias: []float32{1, 2, 3, 4},
		Epilogue: layer.Epilogue{Bias: layer.BiasF32}, Out: inspect.BF16, WScales: make([]byte, 8)}
	for i := range j.M * j.K {
		j.XWords = append(j.XWords, uint16(0x3f80+i))
	}
	for i := range j.N * j.K / 2 {
		j.WCodes = append(j.WCodes, byte(37*i))
	}
	return j
}

func client(t testing.TB, behave string) *Client {
	t.Helper()
	c := &Client{Label: "the test worker", Command: func() *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "FP4TUI_TEST_WORKER="+behave)
		return cmd
	}}
	t.Cleanup(c.Close)
	return c
}

// TestRun computes in a process, twice: the weight travels once.
func TestRun(t *testing.T) {
	c := client(t, "work")
	j := job()
	for range 2 {
		r, err := c.Run(context.Background(), j, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := product(j); !reflect.DeepEqual(r.Y, want) {
			t.Errorf("got %v, want %v", r.Y, want)
		}
		if r.Kernel != "beads" || r.Device != "abacus" || r.Arch != "sm90" || r.Micros != 1.5 || r.Notes[0] != `by hand\x07` {
			t.Errorf("%+v", r)
		}
	}
	if program, device, kernels, err := c.About(context.Background()); err != nil || program != "test" || device != "abacus" || len(kernels) != 2 {
		t.Error(program, device, kernels, err)
	}
}

// TestDeath: whatever a worker does, the client has an error that says so, and the
// next job a worker.
func TestDeath(t *testing.T) {
	for behave, wants := range map[string][]string{
		"crash":   {"the test worker died", "exit status 3", `CUDA_ERROR_ILLEGAL_ADDRESS\x1b[31m (700)`},
		"garbage": {"not the worker protocol"},
		"short":   {"not the worker protocol"},
		"killed":  {"the test worker died", "signal: killed", "memory"},
		"flood":   {"not the worker protocol", "a blob of 68719476736 bytes"},
		"fault":   {"out of memory", "needs 9 TB"},
		"unready": {"no device"},
		"mute":    {"the worker refuses and does not say why"},

		"version of fp4tui 0.1\x1b[31m": {"the test worker is of another version: fp4tui 0.1\\x1b[31m", fmt.Sprintf("it speaks worker protocol %d, this one %d", Version-1, Version)},
	} {
		t.Run(behave, func(t *testing.T) {
			c := client(t, behave)
			for range 2 {
				_, err := c.Run(context.Background(), job(), nil)
				var f *inspect.Fault
				if !errors.As(err, &f) || f.Cure == "" {
					t.Fatalf("%v is no fault with a cure", err)
				}
				for _, want := range wants {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q lacks %q", err, want)
					}
				}
			}
		})
	}
	c := &Client{Label: "the test worker", Command: func() *exec.Cmd { return exec.Command("/nonexistent/fp4tui") }}
	if err := c.Ready(); err == nil || !strings.Contains(err.Error(), "does not start") {
		t.Error(err)
	}
}

// TestDeaf: a worker that takes no more input is killed when the job is cancelled.
func TestDeaf(t *testing.T) {
	c := client(t, "deaf")
	j := job()
	j.K, j.WCodes, j.WScales = 1<<22, make([]byte, 4<<21), make([]byte, 4<<18)
	j.XWords = make([]uint16, 3<<22)
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	if _, err := c.Run(ctx, j, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if c.live != nil {
		t.Error("the process is still there")
	}
}

// TestOffer asks for one kernel of several.
func TestOffer(t *testing.T) {
	o := Offer{Client: client(t, "work"), Kernel: "beads", At: "ssh:shop"}
	if err := o.Ready(); err != nil {
		t.Error(err)
	}
	if r, err := o.Run(context.Background(), job(), nil); err != nil || r.Device != "abacus at ssh:shop" {
		t.Error(r.Device, err)
	}
	for kernel, wants := range map[string][]string{"wire": {"rusty"}, "cord": {"no such kernel in test", "beads, wire"}} {
		o.Kernel = kernel
		err := o.Ready()
		for _, want := range wants {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v lacks %q", kernel, err, want)
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	c := client(t, "hang at hello")
	if err := (Offer{Client: c}).Start(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestCancel: a job that listens ends at once, one that hangs is killed, and both
// leave a client that works.
func TestCancel(t *testing.T) {
	for _, behave := range []string{"slow", "hang"} {
		t.Run(behave, func(t *testing.T) {
			c := client(t, behave)
			if err := c.Ready(); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			defer cancel()
			told := int64(0)
			start := time.Now()
			_, err := c.Run(ctx, job(), func(done, total int64) { told = total })
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v", err)
			}
			if took := time.Since(start); took > cancelWait+5*time.Second {
				t.Errorf("it took %s", took)
			}
			if behave == "slow" && (told != 1000 || c.live == nil) {
				t.Errorf("progress of %d, process %v", told, c.live)
			}
			if err := c.Ready(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestCancelWhileSending: the process that is killed because its job was cancelled while the
// weight was sent did not die.
func TestCancelWhileSending(t *testing.T) {
	for range 5 {
		c := client(t, "greedy")
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		if _, err := c.Run(ctx, job(), nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		cancel()
	}
}

// TestLeftAtHello: a server whose kernels hang while they are tried ends with its client.
func TestLeftAtHello(t *testing.T) {
	toServer, in := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- Serve(t.Context(), toServer, io.Discard, "test", engine("hang at hello")) }()
	if err := write(bufio.NewWriter(in), kindHello, 0, hello{Version: Version}); err != nil {
		t.Fatal(err)
	}
	in.Close()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it is still there")
	}
}

// TestCureOfAStart: what never said hello does not by being started again; what did may.
func TestCureOfAStart(t *testing.T) {
	for behave, want := range map[string]string{
		"garbage": "mend the machine; nothing of the session is lost; run the command again to start a new worker, or use backend=emu",
		"crash":   "nothing of the session is lost; run the command again to start a new worker, or use backend=emu",
	} {
		c := client(t, behave)
		c.Cure = "mend the machine"
		var f *inspect.Fault
		if _, err := c.Run(context.Background(), job(), nil); !errors.As(err, &f) || f.Cure != want {
			t.Errorf("%s: %v, cure %q", behave, err, f.Cure)
		}
	}
}

// TestFrames: what is no frame is refused before memory is spent on it.
func TestFrames(t *testing.T) {
	frame := func(head string, rest ...byte) []byte {
		return append(append([]byte{byte(len(head)), 0, 0, 0}, head...), rest...)
	}
	for name, data := range map[string][]byte{
		"length":   {0xff, 0xff, 0xff, 0xff},
		"no json":  frame("hello"),
		"blobs":    frame(`{"kind":"x","blobs":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}`),
		"negative": frame(`{"kind":"x","blobs":[-1]}`),
		"huge":     frame(`{"kind":"x","blobs":[99999999999999]}`),
		"cut":      frame(`{"kind":"x","blobs":[1000000000]}`, 1, 2, 3),
	} {
		if f, err := read(bytes.NewReader(data), func() int64 { return maxBlobs }); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: %v, %v", name, f, err)
		}
	}
}

// TestWeightKey: a server keeps a weight by the key that it has computed itself. One that is
// not what it was called is refused and not kept, and a kept one is not another shape's.
func TestWeightKey(t *testing.T) {
	toServer, in := io.Pipe()
	out, fromServer := io.Pipe()
	go func() { fromServer.CloseWithError(Serve(t.Context(), toServer, fromServer, "test", engine("keeper"))) }()
	defer in.Close()
	w := bufio.NewWriter(in)
	ask := func(id uint64, j layer.Job, called string, want string) frame {
		t.Helper()
		head, blobs := encodeJob(&j)
		head.Weight = called
		if err := write(w, kindRun, id, head, blobs...); err != nil {
			t.Fatal(err)
		}
		f, err := read(out, func() int64 { return maxBlobs })
		if err == nil && f.Kind == kindNeed {
			if want == kindNeed {
				want = kindResult
			} else if want == kindResult {
				t.Errorf("job %d: a weight is asked for that the server had", id)
			}
			if err = write(w, kindWeight, id, nil, j.WCodes, j.WScales); err == nil {
				f, err = read(out, func() int64 { return maxBlobs })
			}
		}
		if err != nil || f.Kind != want {
			t.Fatalf("job %d: %q %s, %v; want %q", id, f.Kind, f.Body, err, want)
		}
		return f
	}
	good := job()
	other := job()
	other.WCodes = bytes.Clone(other.WCodes)
	other.WCodes[5] ^= 1
	wide := job() // the same bytes in another shape
	wide.N, wide.K, wide.Bias, wide.XWords = 2, 64, wide.Bias[:2], append(wide.XWords, wide.XWords...)
	if f := ask(1, other, good.WeightKey(), kindError); !strings.Contains(string(f.Body), "a job that is none") || !strings.Contains(string(f.Body), other.WeightKey()) {
		t.Errorf("%s", f.Body)
	}
	ask(2, good, good.WeightKey(), kindNeed)
	f := ask(3, good, good.WeightKey(), kindResult)
	if !strings.Contains(string(f.Body), good.WeightKey()) {
		t.Errorf("the engine sees another weight: %s", f.Body)
	}
	ask(4, wide, good.WeightKey(), kindError)
	ask(5, other, other.WeightKey(), kindNeed)
	ask(6, good, good.WeightKey(), kindResult)
}

// TestNoBuffers: a worker whose kernels read no prepared weight says so, and does not wait for it.
func TestNoBuffers(t *testing.T) {
	j := job()
	j.Buffers = &layer.Buffers{For: "trtllm", Codes: []byte{1}, Scales: []byte{2}}
	if _, err := client(t, "work").Run(context.Background(), j, nil); !errors.Is(err, inspect.ErrUnsupported) || !strings.Contains(err.Error(), "no prepared weight") {
		t.Error(err)
	}
}

// FuzzServe feeds a server anything: it ends or answers, and never panics.
func FuzzServe(f *testing.F) {
	var good bytes.Buffer
	w := bufio.NewWriter(&good)
	j := job()
	head, blobs := encodeJob(&j)
	for _, step := range []func() error{
		func() error { return write(w, kindHello, 0, hello{Version: Version}) },
		func() error { return write(w, kindRun, 1, head, blobs...) },
		func() error { return write(w, kindWeight, 1, nil, j.WCodes, j.WScales) },
	} {
		if err := step(); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(good.Bytes())
	q := quantJob("nvfp4")
	write(w, kindQuantize, 3, quantWire{"nvfp4", 3, 64, 0x3f800000}, wordBytes(q.X))
	f.Add(good.Bytes())
	write(w, kindQuantize, 4, quantWire{"mxfp4", 1 << 31, 1 << 31, 0}, wordBytes(q.X))
	f.Add(good.Bytes())
	head.Compare, head.Against = true, "wire"
	write(w, kindRun, 5, head, blobs...)
	f.Add(good.Bytes())
	head.K, head.M = 1<<30, 1<<30
	write(w, kindRun, 2, head, blobs...)
	f.Add(good.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		Serve(t.Context(), bytes.NewReader(data), io.Discard, "test", engine("work"))
	})
}

// TestPrintables: what a peer says in a list is safe and bounded.
func TestPrintables(t *testing.T) {
	got := printables(append([]string{"\x1b[2Jgone"}, make([]string, 99)...))
	if len(got) != 33 || strings.Contains(got[0], "\x1b") || got[32] != "and 68 more" {
		t.Errorf("%d texts: %q … %q", len(got), got[0], got[len(got)-1])
	}
}
