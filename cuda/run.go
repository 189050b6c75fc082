//go:build cuda && cgo && linux

package cuda

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"gorgonia.org/cu"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// weight is one that the device holds.
type weight struct {
	key           string       // layer.Job.WeightKey and the layout
	codes, scales cu.DevicePtr // asTiles: both in codes, scales is none
	busy          bool         // the running job reads it
}

// keptWeights is how many weights stay on the device between jobs.
const keptWeights = 8

// dropWeight frees the weight that was used longest ago.
func (s *state) dropWeight() bool {
	for i, w := range s.weights {
		if !w.busy {
			s.free(w.codes)
			s.free(w.scales)
			s.weights = append(s.weights[:i], s.weights[i+1:]...)
			return true
		}
	}
	return false
}

// The layouts of a weight on the device.
const (
	asRows   = "rows"   // rows padded to whole K tiles
	asTiles  = "tiles"  // packed for w4a16: records of codes and scales
	asBlocks = "blocks" // blasPad rows, and scales in the 128×4 layout
)

// weightOf uploads the weight of a job, unless it is there.
func (s *state) weightOf(job *layer.Job, layout string) (*weight, error) {
	key := layout + " " + job.WeightKey()
	for i, w := range s.weights {
		if w.key == key {
			s.weights = append(append(s.weights[:i], s.weights[i+1:]...), w)
			w.busy = true
			return w, nil
		}
	}
	for len(s.weights) >= keptWeights && s.dropWeight() {
	}
	w := &weight{key: key, busy: true}
	if err := s.place(w, job, layout); err != nil {
		s.free(w.codes)
		s.free(w.scales)
		return nil, err
	}
	s.weights = append(s.weights, w)
	return w, nil
}

// place uploads a weight in a layout.
func (s *state) place(w *weight, job *layer.Job, layout string) (err error) {
	codes, scales := operand(job.WCodes, job.WScales, job.N, job)
	if layout == asBlocks {
		codes, scales = inBlocks(codes, scales, job.N, job)
	}
	if layout != asTiles {
		if w.codes, err = upload(s, codes); err == nil {
			w.scales, err = upload(s, scales)
		}
		return err
	}
	sc := scope{memory: &s.memory}
	defer sc.close()
	from, err := upload(&sc, codes)
	if err != nil {
		return err
	}
	fromScales, err := upload(&sc, scales)
	if err != nil {
		return err
	}
	n, k, block := int64(job.N), int64(paddedK(job)), int64(job.Block)
	tiles := (n + 15) / 16 * (k / kTile)
	if w.codes, err = s.alloc(tiles * int64(recordBytes(job.Block))); err != nil {
		return err
	}
	f, err := s.function(anyImage, "w4a16_pack", 0)
	if err != nil || tiles == 0 {
		return err
	}
	params := append(pointers(&from, &fromScales, &w.codes), pointers(&n, &k, &block)...)
	err = f.Launch(int((tiles*128+255)/256), 1, 1, 256, 1, 1, 0, cu.NoStream, params)
	return driverError("cuLaunchKernel w4a16_pack", err)
}

// codeBytes are the codes of a packed tile of 16 rows by kTile columns.
const codeBytes = 16 * kTile / 2

// recordBytes is a packed tile: its codes, then its scales.
func recordBytes(block int) int { return codeBytes + 16*kTile/block }

// kTile is what rows are padded to along K: kernels read whole tiles.
const kTile = 64

func paddedK(job *layer.Job) int { return padTo(job.K, kTile) }

// operand is codes and scales of rows padded to whole K tiles.
func operand(codes, scales []byte, rows int, job *layer.Job) ([]byte, []byte) {
	k := paddedK(job)
	return padded(codes, rows, job.K/2, k/2), padded(scales, rows, (job.K+job.Block-1)/job.Block, k/job.Block)
}

// inBlocks is an operand as the tensor cores of FP4 take it: rows padded to blasPad, scales
// in the 128×4 layout, without the sign of E4M3 that UE4M3 has no use for.
func inBlocks(codes, scales []byte, rows int, job *layer.Job) ([]byte, []byte) {
	if job.Scale == fp4.E4M3 {
		scales = slices.Clone(scales)
		for i := range scales {
			scales[i] &= 0x7f
		}
	}
	k := paddedK(job)
	return padded(codes, 1, len(codes), padTo(rows, blasPad)*k/2), swizzled(scales, rows, k/job.Block)
}

// args is Args of job.cuh.
type args struct {
	x, xScales, w, wScales, y, lut, alpha, bias uint64
	rows, n, k                                  int64
	alphas, block, e8m0                         int64
	alphaPlace, biasPlace, out                  int64
	l, f, eZero                                 int64
}

// product is a job on the device.
type product struct {
	*state
	scope
	job    *layer.Job
	at     cu.DevicePtr // its args
	k      int          // padded
	x      []uint16     // of w4a16, times 2^(126-shift) if not exact
	shift  int          // of the scales
	exact  bool         // w4a16 multiplies twice
	w      *weight
	y      output
	device Device
	most   int // multiply-adds of one launch
	launch func(m0, rows int) error
	order  string // of K, in the words of order=; empty where the kernel emulates one chain

	args    args     // as they are on the device
	guarded []output // what else has guards to look at
	notes   []string // of the result
	later   []func() // when the job has ended
}

// maxLaunch is the multiply-adds of one launch: a fraction of a second on the slowest
// kernel, so that a job can be cancelled.
const maxLaunch = 1 << 37

// remarks are what a result says of how it came about: what a library chose, in which order a kernel sums.
func (p *product) remarks(spec *kernelSpec) []string {
	if p.order == "" {
		return p.notes
	}
	return append(p.notes, fmt.Sprintf("%s walks K by order=%s; emu with it and arch=%s returns its words", spec.name, p.order, BF16Arch(p.device.ComputeCapability)))
}

// product is a job before anything of it is on the device.
func (e *Engine) product(job *layer.Job) *product {
	return &product{state: e.state, scope: scope{memory: &e.state.memory}, job: job, k: paddedK(job), device: e.device, most: maxLaunch}
}

// release frees what a product has on the device. Weights stay, for those that come after.
func (p *product) release() {
	for _, f := range p.later {
		f()
	}
	p.scope.close()
	for _, w := range p.weights {
		w.busy = false
	}
}

// run computes a job by one kernel.
func (e *Engine) run(ctx context.Context, spec *kernelSpec, job *layer.Job, variant string, progress layer.Progress) (r layer.JobResult, err error) {
	if e.state.broken != nil {
		return r, e.state.broken
	}
	defer func() { e.settle(err) }()
	p := e.product(job)
	defer p.release()
	r = layer.JobResult{Kernel: spec.name, Device: e.name(), Arch: spec.arch(job, e.device), Y: make([]float32, job.M*job.N)}
	if job.M == 0 || job.N == 0 {
		return r, nil
	}
	if err := p.prepare(spec, variant); err != nil {
		return r, err
	}
	micros, err := p.bands(ctx, spec.name, progress)
	if err != nil {
		return r, err
	}
	b, err := p.y.read()
	if err != nil {
		return r, err
	}
	r.Micros, r.Notes = micros, p.remarks(spec)
	return r, decode(r.Y, b, job, spec.name)
}

// outKinds are the output types in kernels.
var outKinds = map[inspect.DType]int64{inspect.F32: 0, inspect.BF16: 1, inspect.F16: 2}

// prepare uploads what the kernel reads and chooses its shape.
func (p *product) prepare(spec *kernelSpec, variant string) error {
	job := p.job
	a := args{rows: int64(job.M), n: int64(job.N), k: int64(p.k), alphas: int64(len(job.Alphas)), block: int64(job.Block),
		alphaPlace: int64(job.Epilogue.Alpha), biasPlace: int64(job.Epilogue.Bias)}
	a.out = outKinds[job.Out]
	if job.Scale == fp4.E8M0 {
		a.e8m0 = 1
	}
	plan := plans[spec.name]
	if job.Mode == layer.W4A16 {
		row, known := bf16RuleOf(job.Arch)
		if !known {
			return &inspect.Fault{Class: inspect.ErrUnsupported, Offset: -1, What: spec.name + " has no " + job.Arch, Cure: "arch=sm100"}
		}
		a.l, a.f, a.eZero = row.l, row.f, row.eZero
	}
	p.x = job.XWords
	if plan.layout == asTiles {
		p.scale(variant)
	}
	w, err := p.weightOf(job, plan.layout)
	if err != nil {
		return err
	}
	p.w, a.w, a.wScales = w, uint64(w.codes), uint64(w.scales)
	if err := p.uploadRest(&a, plan.layout); err != nil {
		return err
	}
	if p.y, err = p.scope.output(int64(job.M) * int64(job.N) * outBytes(job.Out)); err != nil {
		return err
	}
	a.y = uint64(p.y.at())
	p.args = a
	if p.at, err = upload(&p.scope, []args{a}); err != nil {
		return err
	}
	return plan.start(p, variant)
}

// uploadRest uploads all but the weight.
func (p *product) uploadRest(a *args, layout string) error {
	job := p.job
	put := func(to *uint64, from cu.DevicePtr, err error) error {
		*to = uint64(from)
		return err
	}
	var x, xs, lut cu.DevicePtr
	var err error
	if job.Mode == layer.W4A4 {
		codes, scales := operand(job.XCodes, job.XScales, job.M, job)
		if layout == asBlocks {
			codes, scales = inBlocks(codes, scales, job.M, job)
		}
		if x, err = upload(&p.scope, codes); err == nil {
			xs, err = upload(&p.scope, scales)
		}
	} else {
		x, err = upload(&p.scope, paddedWords(p.x, job.M, job.K, p.k))
	}
	if err := put(&a.x, x, err); err != nil {
		return err
	}
	a.xScales = uint64(xs)
	if layout == asTiles {
		t := scaleWords(job.Scale, p.shift)
		lut, err = upload(&p.scope, t[:])
	} else {
		t := weightWords(job.Scale)
		lut, err = upload(&p.scope, t[:])
	}
	if err := put(&a.lut, lut, err); err != nil {
		return err
	}
	alpha, err := upload(&p.scope, job.Alphas)
	if err := put(&a.alpha, alpha, err); err != nil {
		return err
	}
	bias, err := upload(&p.scope, job.Bias)
	return put(&a.bias, bias, err)
}

// weightWords are the bf16 words of code·scale, by scale byte, then code.
func weightWords(format fp4.Format) [256 * 16]uint16 {
	var t [256 * 16]uint16
	for i := range t {
		t[i] = bf16Word(fp4.DecodeE2M1(uint8(i%16)) * format.Decode(uint16(i/16)))
	}
	return t
}

// plan is how a kernel takes its weight and is launched.
type plan struct {
	layout string
	start  func(p *product, variant string) error // sets p.launch
}

// plans has a plan for every row of kernelSpecs; a test holds them together.
var plans = map[string]plan{
	"emu-fp4":  {asRows, func(p *product, _ string) error { return p.tiled(anyImage, "emu_fp4", 64, 32, 256) }},
	"emu-bf16": {asRows, func(p *product, _ string) error { return p.tiled(anyImage, "emu_bf16", 32, 32, 256) }},
	"w4a16":    {asTiles, (*product).w4a16},
	"native-sm120": {asBlocks, func(p *product, _ string) error {
		return p.tiled(nativeImage, map[bool]string{false: "native_nv", true: "native_mx"}[p.job.Scale == fp4.E8M0], 16, 128, 128)
	}},
	"native-sm100": {asBlocks, func(p *product, _ string) error { return p.throughBlas(&blasNVFP4) }},
}

// pointers are a kernel's parameters: each eight bytes wide, as Launch copies them.
func pointers[T ~uintptr | int64](v ...*T) []unsafe.Pointer {
	p := make([]unsafe.Pointer, len(v))
	for i := range v {
		p[i] = unsafe.Pointer(v[i])
	}
	return p
}

// start launches a kernel on rows of x.
func (p *product) start(f cu.Function, name string, gx, gy, threads, shared int, m0, rows int) error {
	first, count := int64(m0), int64(rows)
	params := append(pointers(&p.at), pointers(&first, &count)...)
	return driverError("cuLaunchKernel "+name, f.Launch(gx, gy, 1, threads, 1, 1, shared, cu.NoStream, params))
}

// launch runs a kernel of an image and checks outputs. Parameters are eight bytes wide each.
func (e *Engine) launch(image, name string, gx, gy, threads int, params []unsafe.Pointer, outputs ...output) error {
	f, err := e.state.function(image, name, 0)
	if err != nil {
		return err
	}
	if err := f.Launch(gx, gy, 1, threads, 1, 1, 0, cu.NoStream, params); err != nil {
		return driverError("cuLaunchKernel "+name, err)
	}
	if err := cu.Synchronize(); err != nil {
		return lost("cuCtxSynchronize after "+name, err)
	}
	for _, o := range outputs {
		if err := o.check(name); err != nil {
			return err
		}
	}
	return nil
}

// tiled is a kernel whose blocks take rowsX rows of x by rowsW rows of w.
func (p *product) tiled(image, name string, rowsX, rowsW, threads int) error {
	f, err := p.function(image, name, 0)
	p.launch = func(m0, rows int) error {
		return p.start(f, name, (p.job.N+rowsW-1)/rowsW, (rows+rowsX-1)/rowsX, threads, 0, m0, rows)
	}
	return err
}

// maxBandRows keeps a grid of blocks of 16 rows or more within its second dimension, which has
// 65,535 blocks at most (CUDA programming guide, technical specifications).
const maxBandRows = 1 << 19

// band is how many rows one launch takes, a multiple of 128.
func (p *product) band() int { return min(max(128, p.most/max(1, p.job.N*p.k)/128*128), maxBandRows) }

// bands launches the kernel on bands of rows and waits for each; between two it looks at
// ctx and at the guards.
func (p *product) bands(ctx context.Context, kernel string, progress layer.Progress) (micros float64, err error) {
	band := p.band()
	for m0 := 0; m0 < p.job.M; m0 += band {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		rows := min(band, p.job.M-m0)
		if err := p.begin.Record(cu.NoStream); err != nil {
			return 0, lost("cuEventRecord", err)
		}
		if err := p.launch(m0, rows); err != nil {
			return 0, err
		}
		if err := p.end.Record(cu.NoStream); err != nil {
			return 0, lost("cuEventRecord after "+kernel, err)
		}
		if err := p.end.Synchronize(); err != nil {
			return 0, lost("cuEventSynchronize after "+kernel, err)
		}
		ms, err := p.begin.Elapsed(p.end)
		if err != nil {
			return 0, lost("cuEventElapsedTime", err)
		}
		micros += ms * 1000
		for _, o := range append(p.guarded, p.y) {
			if err := o.check(kernel); err != nil {
				return 0, err
			}
		}
		if progress != nil {
			progress(int64(m0+rows)*int64(p.job.N)*int64(p.job.K), int64(p.job.M)*int64(p.job.N)*int64(p.job.K))
		}
	}
	return micros, nil
}

// lost is an error of a call that fails only where the context is of no more use.
func lost(call string, err error) error {
	f := refusal(call, codeOf(err), err.Error())
	if !errors.Is(f, ErrLost) {
		f.Class = ErrLost
	}
	return f
}
