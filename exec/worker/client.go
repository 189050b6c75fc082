package worker

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

// How long a client waits for what should be quick, and for a job to notice that it
// was cancelled, before it kills the process. A first hello may initialize a driver
// and run known-answer tests.
const (
	helloWait  = 90 * time.Second
	cancelWait = 2 * time.Second
	deathWait  = 200 * time.Millisecond
)

// Client runs jobs in a worker process that it starts when first needed and starts
// again after it died. It satisfies gemm.Runner.
type Client struct {
	// Command makes the process, not yet started: this program as a worker, ssh, or a
	// Python interpreter. Its standard streams are the client's.
	Command func() *exec.Cmd
	// Label names the worker in errors: "the GPU worker".
	Label string
	// Cure is what to look at when it ends before its hello: starting it again won't help.
	// Empty when there is nothing.
	Cure string

	mu   sync.Mutex // held for a whole job: a worker has one at a time
	live *process
}

// process is a running worker.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Writer
	frames chan frame
	ended  chan struct{} // closed when the output of the process has ended
	err    error         // why, readable once ended is closed
	said   *tail         // the end of its standard error
	hello  hello
	jobs   uint64
	ends   bool         // it said that it can compute nothing any more
	most   atomic.Int64 // bytes that the result of the running job may have

	instead string // what does the running job without a worker; "" is backend=emu
}

// Ready starts the worker if it isn't running and says why nothing can run there.
func (c *Client) Ready() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, err := c.process(context.Background())
	if err != nil {
		return err
	}
	if p.hello.Error != nil {
		return p.hello.Error.err()
	}
	return nil
}

// About names the worker's program, device and kernels.
func (c *Client) About(ctx context.Context) (program, device string, kernels []Kernel, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, err := c.process(ctx)
	if err != nil {
		return "", "", nil, err
	}
	if p.hello.Error != nil {
		err = p.hello.Error.err()
	}
	return p.hello.Program, p.hello.Device, p.hello.Kernels, err
}

// Run computes one job in the worker. When ctx ends the worker is asked to stop, and
// killed when it doesn't. A worker that dies is an error of class ErrUnreadable that
// tells what it said last; one whose device is lost says why and ends. The next job
// starts a new one.
func (c *Client) Run(ctx context.Context, job layer.Job, progress layer.Progress) (r layer.JobResult, err error) {
	if err := job.Check(); err != nil {
		return r, err
	}
	w, blobs := encodeJob(&job)
	err = c.ask(ctx, &request{kind: kindRun, body: w, blobs: blobs, job: &job, most: 4 * int64(job.M) * int64(job.N), answer: kindResult,
		read: func(f frame) error { return decodeResult(f, &job, &r) }}, progress)
	return r, err
}

// request is what a worker is asked for, and how its answer is read.
type request struct {
	kind    string // of its frame
	body    any
	blobs   [][]byte
	job     *layer.Job          // whose weight the worker may need; nil if there is none
	most    int64               // bytes that the answer may have
	answer  string              // the kind of the frame that ends it well
	read    func(f frame) error // of that frame; a frame that is none is an errFrame
	instead string              // what else computes it, when the worker dies; empty: backend=emu
}

// ask has a worker do something, which it starts if there is none, and waits for the end.
func (c *Client) ask(ctx context.Context, q *request, progress layer.Progress) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, err := c.process(ctx)
	if err != nil {
		return err
	}
	if p.hello.Error != nil {
		return p.hello.Error.err()
	}
	p.jobs++
	p.most.Store(q.most)
	p.instead = q.instead
	defer func() { p.instead = "" }()
	if err := p.send(ctx, q.kind, q.body, q.blobs...); err != nil {
		if err = c.died(p, err); ctx.Err() != nil {
			err = ctx.Err()
		}
		return err
	}
	return c.follow(ctx, p, func(f frame) (done bool, err error) { return p.handle(ctx, f, q, progress) })
}

// send writes a frame of the running job. A worker that doesn't read any more is killed
// when ctx ends.
func (p *process) send(ctx context.Context, kind string, body any, blobs ...[]byte) error {
	defer context.AfterFunc(ctx, func() { p.cmd.Process.Kill() })()
	return write(p.out, kind, p.jobs, body, blobs...)
}

// follow hands the frames of the running job to take until the job has ended.
func (c *Client) follow(ctx context.Context, p *process, take func(f frame) (done bool, err error)) error {
	cancelled := ctx.Done()
	var patience <-chan time.Time
	for {
		select {
		case f := <-p.frames:
			if f.Job != p.jobs {
				continue
			}
			done, err := take(f)
			if errors.Is(err, errFrame) {
				if err = c.died(p, err); ctx.Err() != nil {
					err = ctx.Err()
				}
				return err
			}
			if done || err != nil {
				if p.ends {
					c.kill(p)
				}
				if ctx.Err() != nil {
					return ctx.Err()
				}
				return err
			}
		case <-p.ended:
			if err := c.died(p, p.err); ctx.Err() == nil { // else send killed it
				return err
			}
			return ctx.Err()
		case <-cancelled:
			cancelled, patience = nil, time.After(cancelWait)
			if err := write(p.out, kindCancel, p.jobs, nil); err != nil {
				c.kill(p)
				return ctx.Err()
			}
		case <-patience:
			c.kill(p)
			return ctx.Err()
		}
	}
}

// handle takes one frame of the running job.
func (p *process) handle(ctx context.Context, f frame, q *request, progress layer.Progress) (done bool, err error) {
	switch {
	case f.Kind == q.answer:
		return true, q.read(f)
	case f.Kind == kindNeed && q.job != nil:
		if err := p.send(ctx, kindWeight, nil, weightBlobs(q.job)...); err != nil {
			return false, fmt.Errorf("%w: %w", errFrame, err)
		}
		return false, nil
	case f.Kind == kindProgress:
		var w progressWire
		if json.Unmarshal(f.Body, &w) == nil && progress != nil {
			progress(w.Done, w.Total)
		}
		return false, nil
	case f.Kind == kindError:
		var w fault
		if err := json.Unmarshal(f.Body, &w); err != nil {
			return false, fmt.Errorf("%w: %w", errFrame, err)
		}
		if p.ends = w.Ends; p.ends {
			return true, w.last()
		}
		return true, w.err()
	}
	return false, fmt.Errorf("%w: a frame of kind %q", errFrame, f.Kind)
}

// decodeResult reads the outputs of a job.
func decodeResult(f frame, job *layer.Job, r *layer.JobResult) error {
	var w resultWire
	if err := json.Unmarshal(f.Body, &w); err != nil || len(f.blobs) != 1 || len(f.blobs[0]) != 4*job.M*job.N {
		return fmt.Errorf("%w: a result of %d blobs", errFrame, len(f.blobs))
	}
	*r = layer.JobResult{Y: floats(f.blobs[0]), Kernel: inspect.Printable(w.Kernel), Device: inspect.Printable(w.Device), Arch: inspect.Printable(w.Arch),
		Micros: w.Micros, Notes: printables(w.Notes)}
	return nil
}

// printables are texts of a peer, safe for a terminal, and so many that a screen holds them.
func printables(texts []string) []string {
	const most = 32
	var out []string
	for i, t := range texts {
		if i == most {
			return append(out, fmt.Sprintf("and %d more", len(texts)-most))
		}
		out = append(out, inspect.Printable(t))
	}
	return out
}

// process is the running worker, started if there is none; c.mu is held.
func (c *Client) process(ctx context.Context) (*process, error) {
	if c.live != nil {
		select {
		case <-c.live.ended: // died between two jobs: nothing is lost, start another
			c.kill(c.live)
		default:
			return c.live, nil
		}
	}
	p, err := c.greet(ctx)
	if err == nil && p.ends && len(p.hello.Kernels) > 0 {
		p, err = c.greet(ctx) // a kernel took the device away when it was tried; it is not tried again
	}
	return p, err
}

// greet starts a worker and waits for its hello. One that ends with it leaves its hello.
func (c *Client) greet(ctx context.Context) (*process, error) {
	p, err := c.start()
	if err != nil {
		return nil, err
	}
	c.live = p
	if err := write(p.out, kindHello, 0, hello{Version: Version}); err != nil {
		return nil, c.died(p, err)
	}
	select {
	case f := <-p.frames:
		if f.Kind != kindHello || json.Unmarshal(f.Body, &p.hello) != nil {
			return nil, c.died(p, fmt.Errorf("%w: answered %q to hello", errFrame, f.Kind))
		}
		if p.hello.Version != Version {
			c.kill(p)
			return nil, &inspect.Fault{Class: inspect.ErrUnsupported, Offset: -1, What: c.Label + " is of another version: " + inspect.Printable(cmp.Or(p.hello.Program, "it has no name")),
				Why: fmt.Sprintf("it speaks worker protocol %d, this one %d", p.hello.Version, Version), Cure: "use the same fp4tui on both sides"}
		}
		if p.ends = p.hello.Error != nil && p.hello.Error.Ends; p.ends {
			c.kill(p)
		}
		return p, nil
	case <-p.ended:
		return nil, c.died(p, p.err)
	case <-ctx.Done():
		c.kill(p)
		return nil, ctx.Err()
	case <-time.After(helloWait):
		return nil, c.died(p, fmt.Errorf("no answer in %s", helloWait))
	}
}

// start runs the command and reads its frames.
func (c *Client) start() (*process, error) {
	p := &process{cmd: c.Command(), frames: make(chan frame), ended: make(chan struct{}), said: new(tail)}
	p.cmd.Stderr = p.said
	detach(p.cmd)
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, gone(c.Label+" does not start", err.Error(), "check that "+p.cmd.Path+" is there and may be run")
	}
	p.in, p.out = in, bufio.NewWriterSize(in, 1<<16)
	go func() {
		defer close(p.ended)
		r := bufio.NewReaderSize(out, 1<<16)
		for {
			f, err := read(r, p.most.Load)
			if err != nil {
				p.err = err
				return
			}
			select {
			case p.frames <- f:
			case <-time.After(helloWait):
				p.err = fmt.Errorf("%w: frames that nobody asked for", errFrame)
				return
			}
		}
	}()
	return p, nil
}

// died ends a worker that can't go on and says what it said last.
func (c *Client) died(p *process, err error) error {
	byItself := false
	select {
	case <-p.ended:
		byItself = errors.Is(p.err, io.EOF) || errors.Is(p.err, io.ErrUnexpectedEOF)
		if !byItself && !errors.Is(err, errFrame) {
			err = p.err // what it wrote in place of frames says more than that it reads none
		}
	case <-time.After(deathWait): // a broken pipe is seen before the end of the output
	}
	c.kill(p)
	why := err.Error()
	if state := p.cmd.ProcessState; byItself && state != nil {
		why = state.String()
		if why == "signal: killed" {
			why += " (so ends what takes more memory than there is)"
		}
	}
	if said := p.said.last(); said != "" {
		why += ", and said: " + said
	}
	cure := "nothing of the session is lost; run the command again to start a new worker, or use " + cmp.Or(p.instead, "backend=emu")
	if p.hello.Version == 0 && c.Cure != "" {
		cure = c.Cure + "; " + cure
	}
	return gone(c.Label+" died", why, cure)
}

// kill ends the process and forgets it.
func (c *Client) kill(p *process) {
	p.in.Close()
	grace := time.Duration(0)
	select {
	case <-p.ended: // perhaps by itself: leave it its exit status
		grace = deathWait
	default:
	}
	defer time.AfterFunc(grace, func() { p.cmd.Process.Kill() }).Stop()
	for alive := true; alive; {
		select {
		case <-p.frames: // let the reader go
		case <-p.ended:
			alive = false
		}
	}
	p.cmd.Wait()
	if c.live == p {
		c.live = nil
	}
}

// Close ends the worker, if there is one.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live != nil {
		c.kill(c.live)
	}
}

// tail keeps the end of what a process writes to its standard error.
type tail struct {
	mu sync.Mutex
	b  []byte
}

// tailLen is enough for the traces of a Go program that ends by a panic or a signal.
const tailLen = 1 << 16

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, b...)
	if len(t.b) > tailLen {
		t.b = append(t.b[:0], t.b[len(t.b)-tailLen:]...)
	}
	return len(b), nil
}

// lastLen is how many bytes of a line are shown: what is no Python says the whole script.
const lastLen = 400

// last is the line that says why the process ended, safe for a terminal: the one that
// begins a Go program's trace, else the last.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.b)), "\n")
	at := slices.IndexFunc(lines, func(line string) bool {
		return strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") || strings.HasPrefix(line, "SIG")
	})
	if at < 0 {
		at = len(lines) - 1
	}
	line := strings.TrimSpace(lines[at])
	if len(line) > lastLen {
		line = strings.ToValidUTF8(line[:lastLen], "") + "…"
	}
	return inspect.Printable(line)
}
