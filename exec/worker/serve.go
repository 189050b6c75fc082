package worker

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

// Engine is what a server computes with.
type Engine interface {
	// Ready says why nothing can run; nil when it can. Once an engine that was ready is not,
	// it stays so for the life of the process: its server says why and ends.
	Ready() error
	Run(ctx context.Context, job layer.Job, progress layer.Progress) (layer.JobResult, error)
	// About names the device and its kernels. It may take long: it runs known-answer
	// tests where they have not been run.
	About() (device string, kernels []Kernel)
}

// keptWeights is how many weights a server holds: the layers that a debugger goes
// back and forth between.
const keptWeights = 8

// server is one connection.
type server struct {
	engine  Engine
	program string // this build
	frames  chan frame
	failed  chan error // why there are no more of them
	out     *bufio.Writer
	mu      sync.Mutex // of out: progress and results come from different goroutines
	weights map[string]weight
	order   []string // keys of weights, the oldest first
}

// weight is one that a client sent, with the key that was computed of it then.
type weight struct {
	codes, scales []byte
	key           *layer.Key
}

// Serve answers one client until it closes its end or ctx ends, or the engine can compute
// nothing any more, which is then the error. Jobs run one at a time; a cancel frame ends the
// one that runs. program names this build.
func Serve(ctx context.Context, in io.Reader, out io.Writer, program string, engine Engine) error {
	s := &server{engine: engine, program: program, frames: make(chan frame), failed: make(chan error, 1), out: bufio.NewWriterSize(out, 1<<16), weights: map[string]weight{}}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go s.listen(ctx, in)
	for {
		select {
		case f := <-s.frames:
			if err := s.answer(ctx, f); err != nil {
				return closed(err)
			}
		case err := <-s.failed:
			return closed(err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// listen reads the client's frames until it closes its end or ctx ends.
func (s *server) listen(ctx context.Context, in io.Reader) {
	r := bufio.NewReaderSize(in, 1<<16)
	for {
		f, err := read(r, func() int64 { return maxBlobs })
		if err != nil {
			s.failed <- err
			return
		}
		select {
		case s.frames <- f:
		case <-ctx.Done():
			return
		}
	}
}

// closed is nil for a client that has left.
func closed(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (s *server) send(kind string, job uint64, body any, blobs ...[]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return write(s.out, kind, job, body, blobs...)
}

// answer handles one frame that begins something.
func (s *server) answer(ctx context.Context, f frame) error {
	switch f.Kind {
	case kindHello:
		return s.greet(ctx, f)
	case kindRun:
		return s.run(ctx, f)
	case kindQuantize:
		return s.quantize(ctx, f)
	case kindCancel, kindWeight: // of a job that has ended
		return nil
	}
	return fmt.Errorf("%w: a frame of kind %q", errFrame, f.Kind)
}

// greet answers a hello. A client that leaves while kernels are tried is not waited for: a
// driver that hangs would keep this process, and the GPU, for ever.
func (s *server) greet(ctx context.Context, f frame) error {
	var h hello
	if err := json.Unmarshal(f.Body, &h); err != nil {
		return fmt.Errorf("%w: %w", errFrame, err)
	}
	answer := make(chan hello, 1)
	go func() { answer <- s.introduce(h.Version) }()
	select {
	case mine := <-answer:
		if err := s.send(kindHello, 0, mine); err != nil || mine.Error == nil {
			return err
		}
		return mine.Error.err()
	case err := <-s.failed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// introduce is the hello of a server whose client speaks a version of the protocol.
func (s *server) introduce(version int) hello {
	mine := hello{Version: Version, Program: s.program}
	if version != Version {
		mine.Error = &fault{Class: "unsupported", What: fmt.Sprintf("worker protocol %d, this worker speaks %d", version, Version), Cure: "use the same fp4tui on both sides", Ends: true}
	} else if mine.Error = s.over(); mine.Error == nil {
		mine.Device, mine.Kernels = s.engine.About()
		mine.Error = s.over() // a kernel that is tried there may take the device away
	}
	return mine
}

// run computes one job while it listens for cancel.
func (s *server) run(ctx context.Context, f frame) error {
	var w jobWire
	if err := json.Unmarshal(f.Body, &w); err != nil {
		return fmt.Errorf("%w: %w", errFrame, err)
	}
	if w.Buffers != "" {
		return s.send(kindError, f.Job, &fault{Class: "unsupported", What: "this worker's kernels take no prepared weight", Cure: "backend=emu reads it as its kernel would"})
	}
	kept, ok := s.weights[w.Weight]
	if !ok {
		var err error
		if kept, err = s.fetch(ctx, f.Job); err != nil || kept.key == nil {
			return err
		}
	}
	job, err := decodeJob(w, f.blobs, kept)
	if err != nil {
		return s.send(kindError, f.Job, toFault(err))
	}
	if !ok {
		s.keep(w.Weight, kept)
	}
	if w.Compare {
		return s.compare(ctx, f.Job, job, w.Against)
	}
	return s.compute(ctx, f.Job, func(ctx context.Context, progress layer.Progress) (answer, error) {
		r, err := s.engine.Run(ctx, job, progress)
		return answer{kindResult, resultWire{r.Kernel, r.Device, r.Arch, r.Micros, r.Notes}, [][]byte{floatBytes(r.Y)}}, err
	})
}

// answer is the frame that ends a job well.
type answer struct {
	kind  string
	body  any
	blobs [][]byte
}

// compute does the work of a job while it listens for cancel, and sends what came of it.
func (s *server) compute(ctx context.Context, job uint64, work func(context.Context, layer.Progress) (answer, error)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type outcome struct {
		a   answer
		err error
	}
	ended := make(chan outcome, 1)
	go func() {
		last := time.Time{}
		a, err := work(ctx, func(done, total int64) {
			if now := time.Now(); done == total || now.Sub(last) > 50*time.Millisecond {
				last = now
				s.send(kindProgress, job, progressWire{done, total}) // a broken pipe shows at the result
			}
		})
		ended <- outcome{a, err}
	}()
	for {
		select {
		case o := <-ended:
			if o.err != nil {
				return s.fail(job, o.err)
			}
			return s.send(o.a.kind, job, o.a.body, o.a.blobs...)
		case g := <-s.frames:
			if g.Kind == kindCancel && g.Job == job {
				cancel()
			}
		case err := <-s.failed: // the client is gone: nobody waits for the job
			cancel()
			return err
		}
	}
}

// over is why the engine can compute nothing; nil when it can.
func (s *server) over() *fault {
	err := s.engine.Ready()
	if err == nil {
		return nil
	}
	f := toFault(err)
	f.Ends = true
	return f
}

// fail sends the error of a job. It is the server's, too, when the engine can't go on.
func (s *server) fail(job uint64, err error) error {
	f := toFault(err)
	f.Ends = s.over() != nil
	if sent := s.send(kindError, job, f); sent != nil || !f.Ends {
		return sent
	}
	return err
}

// fetch asks for a weight. It returns none without an error when the job was cancelled.
func (s *server) fetch(ctx context.Context, job uint64) (weight, error) {
	if err := s.send(kindNeed, job, nil); err != nil {
		return weight{}, err
	}
	for {
		select {
		case g := <-s.frames:
			switch {
			case g.Kind == kindCancel && g.Job == job:
				return weight{}, s.send(kindError, job, &fault{Class: "unsupported", What: context.Canceled.Error()})
			case g.Kind == kindWeight && g.Job == job && len(g.blobs) == 2:
				return weight{g.blobs[0], g.blobs[1], new(layer.Key)}, nil
			}
		case err := <-s.failed:
			return weight{}, err
		case <-ctx.Done():
			return weight{}, ctx.Err()
		}
	}
}

// keep holds a weight and lets the oldest go.
func (s *server) keep(key string, w weight) {
	if len(s.order) == keptWeights {
		delete(s.weights, s.order[0])
		s.order = s.order[1:]
	}
	s.weights[key] = w
	s.order = append(s.order, key)
}

// Unable is the engine of a program that can compute nothing, with the reason.
type Unable struct{ Reason error }

// Ready is the reason.
func (u Unable) Ready() error { return u.Reason }

// Run refuses with it.
func (u Unable) Run(context.Context, layer.Job, layer.Progress) (layer.JobResult, error) {
	return layer.JobResult{}, u.Reason
}

// About names nothing.
func (u Unable) About() (string, []Kernel) { return "", nil }

// gone is the fault of a worker that ended or broke the protocol.
func gone(what, why, cure string) error {
	return &inspect.Fault{Class: inspect.ErrUnreadable, Offset: -1, What: what, Why: why, Cure: cure}
}
