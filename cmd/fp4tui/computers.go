package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	osexec "os/exec"
	"regexp"
	"strings"
	"sync"
	"time"

	"fp4tui/cuda"
	"fp4tui/exec"
	"fp4tui/exec/gemm"
	"fp4tui/exec/worker"
	"fp4tui/exec/worker/bridge"
	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

// computers are the programs that compute for the sessions of this process: a worker for
// the GPU and a Python for engines. Each starts when a command first needs it.
type computers struct {
	mu      sync.Mutex
	device  string                                          // as place took it: local[:N], ssh:HOST[:PATH][:N]
	python  string                                          // a path, or ssh:HOST[:PATH]:PYTHON; "" is none
	local   func(args []string) (func() *osexec.Cmd, error) // how the worker of this machine starts, or why it need not
	asking  sync.Mutex                                      // held while a driver is asked
	said    map[string]gpuAnswer                            // by host and program
	clients map[string]*worker.Client                       // by where they run
}

// localDevice is the value of --device that means this machine, and its first GPU that has
// kernels.
const localDevice = "local"

func newComputers() *computers {
	return &computers{device: localDevice, local: ownWorker, clients: map[string]*worker.Client{}, said: map[string]gpuAnswer{}}
}

// place takes a value of --device, --python and of set.
func (c *computers) place(key, value string) error {
	if key == "device" {
		if _, err := parseDevice(value); err != nil {
			return err
		}
	} else if _, err := parsePython(value); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if key == "device" {
		c.device = value
	} else {
		c.python = value
	}
	return nil
}

// gpuPlace is a value of --device, or the host of one of --python.
type gpuPlace struct {
	host string   // "" is this machine
	path string   // of fp4tui there
	args []string // of the worker
}

// A host is what ssh takes as one and no option; a path is one word for any shell, and not
// a number, which is a GPU's.
const (
	hostPattern = `ssh:([A-Za-z0-9_][A-Za-z0-9._@-]*)`
	pathPattern = `([0-9]*[A-Za-z._~/+-][A-Za-z0-9._~/+-]*)`
)

var (
	devicePattern = regexp.MustCompile(`^(?:local|` + hostPattern + `(?::` + pathPattern + `)?)(?::([0-9]{1,4}))?$`)
	pythonPattern = regexp.MustCompile(`^` + hostPattern + `(?::` + pathPattern + `)?:` + pathPattern + `$`)
)

// parsePython reads the path of an interpreter, or ssh:HOST[:PATH]:PYTHON.
func parsePython(value string) (gpuPlace, error) {
	m := pythonPattern.FindStringSubmatch(value)
	if m != nil && !strings.HasPrefix(m[3], "-") {
		return gpuPlace{host: m[1], path: orElse(m[2], "fp4tui"), args: []string{"worker", "--python", m[3]}}, nil
	}
	if strings.HasPrefix(value, "-") || strings.HasPrefix(value, "ssh:") {
		return gpuPlace{}, fmt.Errorf("%w: python=%s: want the path of an interpreter, or ssh:HOST[:PATH]:PYTHON, PATH being fp4tui there", exec.ErrUsage, value)
	}
	return gpuPlace{}, nil
}

// parseDevice reads local[:N] or ssh:HOST[:PATH][:N].
func parseDevice(value string) (gpuPlace, error) {
	m := devicePattern.FindStringSubmatch(value)
	if m == nil {
		return gpuPlace{}, fmt.Errorf("%w: device=%s: want local[:N] or ssh:HOST[:PATH][:N], PATH being fp4tui there and N the number of a GPU in fp4tui doctor", exec.ErrUsage, value)
	}
	p := gpuPlace{host: m[1], path: orElse(m[2], "fp4tui"), args: []string{"worker"}}
	if m[3] != "" {
		p.args = append(p.args, "--gpu", m[3])
	}
	return p, nil
}

// remote is the command that starts the worker of another machine. A connection that is lost
// without a word ends within a minute.
func (p gpuPlace) remote() *osexec.Cmd {
	return osexec.Command("ssh", append([]string{"-o", "BatchMode=yes", "-o", "ServerAliveInterval=15", "--", p.host, p.path}, p.args...)...)
}

// cure is what to try when nothing answers there; named is how its value gives the path of
// fp4tui, and asked what doctor is told there.
func (p gpuPlace) cure(named, asked string) string {
	return fmt.Sprintf("try ssh -o BatchMode=yes %s %s %sdoctor, which must print nothing of its own before fp4tui's first line; %s says where fp4tui is there", p.host, p.path, asked, named)
}

// client is the one for a place; c.mu is held.
func (c *computers) client(key, label, cure string, start func() *osexec.Cmd) *worker.Client {
	if c.clients[key] == nil {
		c.clients[key] = &worker.Client{Command: start, Label: label, Cure: cure}
	}
	return c.clients[key]
}

// gpu is the worker with the GPU.
func (c *computers) gpu() (worker.Offer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, err := parseDevice(c.device)
	if err != nil {
		return worker.Offer{}, err
	}
	if p.host != "" {
		return worker.Offer{Client: c.client(c.device, "the GPU worker at "+c.device, p.cure("--device ssh:"+p.host+":PATH", ""), p.remote), At: "ssh:" + p.host}, nil
	}
	start, err := c.local(p.args)
	if err != nil {
		return worker.Offer{}, err
	}
	return worker.Offer{Client: c.client(c.device, "the GPU worker", "look at nvidia-smi and at dmesg for Xid", start)}, nil
}

// statusWait is how long a driver may take to say what is there.
const statusWait = 20 * time.Second

// gpuAnswer is what became of asking for the GPUs of a machine.
type gpuAnswer struct {
	report cuda.Report
	err    error
}

// status is what the machine of --device has, asked once; a host that did not answer is
// asked again. Errors are *inspect.Fault and ctx.Err().
func (c *computers) status(ctx context.Context) (cuda.Report, error) {
	c.asking.Lock()
	defer c.asking.Unlock()
	c.mu.Lock()
	p, err := parseDevice(c.device)
	c.mu.Unlock()
	if err != nil {
		return cuda.Report{}, err
	}
	key := p.host + ":" + p.path
	if a, known := c.said[key]; known {
		return a.report, a.err
	}
	p.args = []string{"worker", "--status"}
	start := p.remote
	if p.host == "" {
		if start, err = c.local(p.args); err != nil {
			return cuda.Status(), nil // there is no driver in this program
		}
	}
	a := askStatus(ctx, start(), p.host)
	if ctx.Err() != nil {
		return cuda.Report{}, ctx.Err()
	}
	if a.err == nil || p.host == "" { // a connection that failed may hold the next time
		c.said[key] = a
	}
	return a.report, a.err
}

// statusMost is more than any driver has to say.
const statusMost = 1 << 20

// capped keeps the beginning of what a program writes and ends the program when there is more
// than statusMost of it.
type capped struct {
	kept []byte // no bytes.Buffer, which would read by itself and pass Write by
	over bool
}

func (c *capped) Write(b []byte) (int, error) {
	if c.over = c.over || len(c.kept)+len(b) > statusMost; c.over {
		return 0, io.ErrShortWrite
	}
	c.kept = append(c.kept, b...)
	return len(b), nil
}

// askStatus runs a worker, on a host or here, that says what its driver says: one that hangs,
// dies or floods ends that process alone.
func askStatus(ctx context.Context, cmd *osexec.Cmd, host string) (a gpuAnswer) {
	ctx, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	var out, said capped
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &said, time.Second
	err := cmd.Start()
	if err == nil {
		stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() })
		err = cmd.Wait()
		stop()
	}
	if err == nil {
		err = json.Unmarshal(out.kept, &a.report)
	}
	if err == nil {
		a.report.Reason = inspect.Printable(a.report.Reason)
		return a
	}
	f := inspect.Fault{Class: inspect.ErrUnreadable, Offset: -1, What: "the driver does not say what GPUs there are", Why: err.Error(),
		Cure: "look at nvidia-smi and at dmesg for Xid; backend=emu computes on the CPU"}
	switch {
	case out.over || said.over:
		f.Why = fmt.Sprintf("it says more than %d bytes", statusMost)
	case ctx.Err() != nil:
		f.Why = fmt.Sprintf("no answer in %s", statusWait)
	}
	if host != "" {
		f.What = "fp4tui at ssh:" + host + " does not say what GPUs there are"
		f.Cure = "see that ssh " + host + " works without a question and has the same fp4tui; backend=emu computes on the CPU"
	}
	if lines := strings.Split(strings.TrimSpace(string(said.kept)), "\n"); lines[0] != "" {
		f.Why += ", and said: " + strings.TrimSpace(lines[len(lines)-1])
	}
	return gpuAnswer{err: &f}
}

// available answers a requirement of a notebook: gpu, or an architecture.
func (c *computers) available(ctx context.Context, requirement string) (bool, string) {
	status, err := c.status(ctx)
	if err != nil {
		return false, err.Error()
	}
	if requirement == "gpu" {
		return len(status.Devices) > 0, status.Reason
	}
	for _, d := range status.Devices {
		if strings.ReplaceAll(d.Arch(), "_", "") == requirement {
			return true, ""
		}
	}
	return false, "no such device here"
}

// engines is the worker with the engines of a Python.
func (c *computers) engines() (worker.Offer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.python == "" {
		return worker.Offer{}, &inspect.Fault{Class: inspect.ErrMissing, Offset: -1, What: "no Python to compute with",
			Why: "engines run in an environment of their own", Cure: "start fp4tui with --python PYTHON, or set python=PYTHON, of an environment that has the engine"}
	}
	p, err := parsePython(c.python)
	if err != nil {
		return worker.Offer{}, err
	}
	if p.host != "" {
		python := p.args[len(p.args)-1]
		cure := p.cure("--python ssh:"+p.host+":PATH:"+python, "--python "+python+" ")
		return worker.Offer{Client: c.client("python "+c.python, "the Python bridge at "+c.python, cure, p.remote), At: "ssh:" + p.host}, nil
	}
	name := inspect.Printable(c.python)
	cure := fmt.Sprintf("see that %s is a Python 3 and imports torch: %s -c 'import torch'", name, name)
	return worker.Offer{Client: c.client("python "+c.python, "the Python bridge ("+name+")", cure, bridge.Command(c.python))}, nil
}

// Close ends the programs.
func (c *computers) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, client := range c.clients {
		client.Close()
	}
}

// remote is a kernel of whatever worker is configured when it is asked for.
type remote struct {
	where  func() (worker.Offer, error)
	kernel string
}

// offer is the kernel at its worker.
func (r remote) offer() (worker.Offer, error) {
	o, err := r.where()
	o.Kernel = r.kernel
	return o, err
}

// Ready says why the kernel cannot run.
func (r remote) Ready() error { return r.Start(context.Background()) }

// Start is Ready that ends with ctx.
func (r remote) Start(ctx context.Context) error {
	o, err := r.offer()
	if err != nil {
		return err
	}
	return o.Start(ctx)
}

// Run computes a job.
func (r remote) Run(ctx context.Context, job layer.Job, progress layer.Progress) (layer.JobResult, error) {
	o, err := r.offer()
	if err != nil {
		return layer.JobResult{}, err
	}
	return o.Run(ctx, job, progress)
}

// quantizing is the GPU, which quantizes, too. It satisfies exec.Quantizer.
type quantizing struct {
	gemm.Device
	where func() (worker.Offer, error)
}

// Quantize quantizes a matrix where the GPU is.
func (q quantizing) Quantize(ctx context.Context, job layer.QuantJob, progress layer.Progress) (layer.QuantResult, error) {
	o, err := q.where()
	if err != nil {
		return layer.QuantResult{}, err
	}
	return o.Quantize(ctx, job, progress)
}

// Compare compares two kernels of a worker where they run.
func (r remote) Compare(ctx context.Context, job layer.Job, against string, progress layer.Progress) (layer.Comparison, error) {
	o, err := r.offer()
	if err != nil {
		return layer.Comparison{}, err
	}
	return o.Compare(ctx, job, against, progress)
}

// backends lists who can compute a gemm, in the order of help: the same names in every
// build and on every machine.
func (c *computers) backends() []exec.Backend {
	const gpu = "cuda"
	list := []exec.Backend{gemm.Ref{}, gemm.Emu{},
		quantizing{gemm.Device{Label: gpu, Place: gpu, Text: "a GPU, with its own choice of a kernel", Runner: remote{where: c.gpu}}, c.gpu}}
	for _, k := range cuda.Kernels() {
		list = append(list, gemm.Device{Label: gpu + ":" + k.Name, Place: gpu, Kernel: k.Name, Text: k.Doc, Runner: remote{c.gpu, k.Name}})
	}
	for _, e := range bridge.Engines() {
		list = append(list, gemm.Device{Label: e.Name, Kernel: e.Name, Text: e.Doc, Runner: remote{c.engines, e.Name}, Foreign: e.Foreign, Buffers: e.Buffers})
	}
	return list
}

// find is a backend by its name.
func (c *computers) find(name string) (exec.Backend, bool) {
	for _, b := range c.backends() {
		if b.Name() == name {
			return b, true
		}
	}
	return nil, false
}

// names are the backends for an error.
func (c *computers) names() []string {
	var out []string
	for _, b := range c.backends() {
		out = append(out, b.Name())
	}
	return out
}
