package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	osexec "os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sys/cpu"

	"fp4tui/cuda"
	"fp4tui/exec"
	"fp4tui/exec/gemm"
	"fp4tui/exec/gemm/fdpa"
	"fp4tui/exec/gemm/rz64"
	"fp4tui/exec/worker"
	"fp4tui/exec/worker/bridge"
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

func (a *app) doctorCommand() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "what this machine can run: CPU, GPUs, libraries, kernels and their known-answer tests",
		Long: "doctor says what can compute here: the vector paths of the emulator, the worker process, the GPU with the state of\n" +
			"each kernel, and the engines of the Python that --python names. It exits 1 when a known-answer test fails.",
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context(), asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	return cmd
}

// diagnosis is what doctor found: docs/architecture.md names its fields.
type diagnosis struct {
	Version  string        `json:"version"`
	Go       string        `json:"go"`
	Platform string        `json:"platform"`
	Threads  int           `json:"threads"`
	CPU      []string      `json:"cpu"`
	Paths    []vectorPath  `json:"paths"`
	Emulator string        `json:"emulator"` // "passed", or which known answer came out wrong
	Worker   workerState   `json:"worker"`   // of this program
	GPU      gpuState      `json:"gpu"`
	Kernels  []kernelState `json:"kernels"`
	Python   workerState   `json:"python"`
	Engines  []kernelState `json:"engines"`
}

// vectorPath is the work of a package and how it is done here.
type vectorPath struct {
	Work  string   `json:"work"`
	Taken string   `json:"taken"`
	Has   []string `json:"has"` // what this processor could take, the fastest first
}

// workerState is a process that was asked for its hello.
type workerState struct {
	At      string `json:"at,omitempty"`      // where: an interpreter, ssh:HOST
	Program string `json:"program,omitempty"` // what answered; none: nothing did
	Device  string `json:"device,omitempty"`
	Why     string `json:"why,omitempty"`
	Cure    string `json:"cure,omitempty"`
}

// gpuState is what the driver says, where --device computes.
type gpuState struct {
	Driver     string   `json:"driver,omitempty"`
	DriverPath string   `json:"driver_path,omitempty"`
	Devices    []string `json:"devices"`
	Libraries  []string `json:"libraries"`
	Why        string   `json:"why,omitempty"` // nothing is known of it because
	Cure       string   `json:"cure,omitempty"`
}

// kernelState is a kernel or an engine.
type kernelState struct {
	Backend string `json:"backend"` // after backend=; a kernel that quantizes by its own name
	Doc     string `json:"doc"`
	Ready   bool   `json:"ready"`
	Status  string `json:"status"`
	Why     string `json:"why,omitempty"`
	Cure    string `json:"cure,omitempty"`
}

// doctor reports what can compute here. It fails only when a known-answer test does.
func (a *app) doctor(ctx context.Context, asJSON bool) error {
	d := diagnosis{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Threads: runtime.GOMAXPROCS(0),
		CPU: strings.Fields(strings.ReplaceAll(cpuFeatures(), "dot product", "dot-product")), Paths: vectorPaths(), Emulator: "passed"}
	err := gemm.SelfTest()
	if err != nil {
		d.Emulator = err.Error()
	}
	failed := err != nil
	var asked sync.WaitGroup // at once: a driver that hangs is waited for once
	asked.Go(func() { d.Worker, d.Kernels = a.askGPU(ctx) })
	asked.Go(func() { d.GPU = a.gpuState(ctx) })
	asked.Go(func() { d.Python, d.Engines = a.askPython(ctx) })
	asked.Wait()
	for _, k := range d.Kernels {
		failed = failed || k.Status == cuda.StatusFailed
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if asJSON {
		if err := json.NewEncoder(a.out).Encode(d); err != nil {
			return err
		}
	} else {
		d.print(a.out)
	}
	if failed {
		return exitCode(exec.ExitCheck)
	}
	return nil
}

// vectorPaths are the packages that have code for more than one processor.
func vectorPaths() []vectorPath {
	var fp4Products, wide []string
	for _, p := range rz64.Paths() {
		fp4Products = append(fp4Products, p.String())
	}
	for _, p := range fdpa.Paths() {
		wide = append(wide, p.String())
	}
	slices.Reverse(wide) // the best is the last there
	list := []vectorPath{{Work: "w4a4 products", Has: fp4Products}, {Work: "w4a16 products", Has: wide}, {Work: "quantizing, dequantizing", Has: fp4.Paths()}}
	for i := range list {
		list[i].Taken = list[i].Has[0]
	}
	return list
}

// askGPU starts the worker that backend=cuda would: of this program even where it has no
// GPU support, so that a worker that cannot start shows itself.
func (a *app) askGPU(ctx context.Context) (workerState, []kernelState) {
	offer, err := a.computers.gpu()
	if err != nil {
		path, err := os.Executable()
		if err != nil {
			return workerState{Why: err.Error()}, nil
		}
		offer = worker.Offer{Client: &worker.Client{Label: "the worker", Command: func() *osexec.Cmd { return osexec.Command(path, "worker") }}}
		defer offer.Close()
	}
	s, list := ask(ctx, offer)
	var out []kernelState
	multiply := cuda.Kernels()
	for i, k := range append(multiply, cuda.Quantizers()...) {
		state := kernelState{Backend: k.Name, Doc: k.Doc, Status: k.Status, Why: s.Why, Cure: s.Cure}
		if i < len(multiply) {
			state.Backend = "cuda:" + k.Name
		}
		for _, have := range list {
			if have.Name == k.Name {
				state.take(have)
			}
		}
		out = append(out, state)
	}
	return s, out
}

// take is what a worker says of a kernel, safe for a terminal.
func (s *kernelState) take(have worker.Kernel) {
	s.Ready, s.Status = have.Ready, inspect.Printable(have.Status)
	s.Why, s.Cure = inspect.Printable(have.Why), inspect.Printable(have.Cure)
}

// askPython asks the interpreter of --python for its engines.
func (a *app) askPython(ctx context.Context) (s workerState, out []kernelState) {
	var list []worker.Kernel
	offer, err := a.computers.engines()
	if err != nil {
		s.Why, s.Cure = "no Python to compute with", exec.HintOf(err)
	} else {
		s, list = ask(ctx, offer)
		s.At = a.python
	}
	for _, e := range bridge.Engines() {
		state := kernelState{Backend: e.Name, Doc: e.Doc, Status: "run by the authors on " + e.Ran, Why: s.Why, Cure: s.Cure}
		if e.Ran == "" {
			state.Status = bridge.NeverRun
		}
		for _, have := range list {
			if have.Name == e.Name {
				state.take(have)
			}
		}
		out = append(out, state)
	}
	return s, out
}

// ask is the hello of a worker.
func ask(ctx context.Context, o worker.Offer) (workerState, []worker.Kernel) {
	program, device, kernels, err := o.About(ctx)
	s := workerState{At: o.At, Program: inspect.Printable(program), Device: inspect.Printable(device)}
	if err != nil {
		s.Why, s.Cure = err.Error(), exec.HintOf(err)
	}
	return s, kernels
}

func (a *app) gpuState(ctx context.Context) gpuState {
	s := gpuState{Devices: []string{}, Libraries: []string{}}
	r, err := a.computers.status(ctx)
	if err != nil {
		s.Why, s.Cure = err.Error(), exec.HintOf(err)
	}
	if r.DriverFound {
		s.Driver, s.DriverPath = "CUDA "+r.DriverVersion, r.DriverPath
	}
	for _, d := range r.Devices {
		s.Devices = append(s.Devices, fmt.Sprintf("%d: %s, %s, %.1f GiB, %d multiprocessors", d.Index, d.Name, d.Arch(), float64(d.MemoryBytes)/(1<<30), d.Multiprocessors))
	}
	for _, l := range r.Libraries {
		s.Libraries = append(s.Libraries, fmt.Sprintf("%s %s, %s", l.Name, l.Version, l.Path))
	}
	return s
}

// cpuFeatures names the vector extensions that matter here.
func cpuFeatures() string {
	rows := []struct {
		name string
		has  bool
	}{
		{"AVX2", cpu.X86.HasAVX2}, {"FMA", cpu.X86.HasFMA}, {"AVX-512", cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW},
		{"AVX512-VNNI", cpu.X86.HasAVX512VNNI}, {"NEON", cpu.ARM64.HasASIMD}, {"dot product", cpu.ARM64.HasASIMDDP},
	}
	var out []string
	for _, r := range rows {
		if r.has {
			out = append(out, r.name)
		}
	}
	return strings.Join(out, " ")
}
