//go:build cuda && cgo && linux

package hopper

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"gorgonia.org/cu"

	"fp4tui/cuda"
	"fp4tui/exec/gemm"
	"fp4tui/exec/gemm/sweep"
)

// instruction is one kernel of kernels.ptx: which row of the table it is, and its shape.
type instruction struct {
	kernel, kind string
	rows, k      int // a tile is rows × columns; k elements a step
	millions     int // outputs to compare
}

const (
	columns = 8
	chain   = 4 // steps of every other batch; the rest has one
)

var instructions = []instruction{
	{"mma_bf16_k16", "bf16", 16, 16, 5},
	{"mma_bf16_k8", "bf16", 16, 8, 3},
	{"wgmma_bf16", "bf16", 64, 16, 5},
	{"mma_f16_k16", "f16", 16, 16, 2},
	{"mma_f16_k8", "f16", 16, 8, 2},
	{"wgmma_f16", "f16", 64, 16, 2},
	{"mma_tf32_k8", "tf32", 16, 8, 2},
	{"mma_tf32_k4", "tf32", 16, 4, 2},
	{"wgmma_tf32", "tf32", 64, 8, 2},
	{"wgmma_e4m3_e4m3", "f8.e4m3.e4m3", 64, 32, 4},
	{"wgmma_e4m3_e5m2", "f8.e4m3.e5m2", 64, 32, 3},
	{"wgmma_e5m2_e4m3", "f8.e5m2.e4m3", 64, 32, 3},
	{"wgmma_e5m2_e5m2", "f8.e5m2.e5m2", 64, 32, 3},
	{"mma_f16out_k16", "f16.f16out", 16, 16, 2},
	{"mma_f16out_k8", "f16.f16out", 16, 8, 2},
	{"wgmma_f16out", "f16.f16out", 64, 16, 2},
	{"wgmma_f16out_e4m3_e4m3", "f8.f16out.e4m3.e4m3", 64, 32, 1},
	{"wgmma_f16out_e4m3_e5m2", "f8.f16out.e4m3.e5m2", 64, 32, 1},
	{"wgmma_f16out_e5m2_e4m3", "f8.f16out.e5m2.e4m3", 64, 32, 1},
	{"wgmma_f16out_e5m2_e5m2", "f8.f16out.e5m2.e5m2", 64, 32, 1},
}

// TestHopper compares every instruction with the emulator's row of it.
func TestHopper(t *testing.T) {
	index := hopperIndex(t)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	device, err := cu.GetDevice(index)
	must(t, err)
	context, err := device.MakeContext(cu.SchedAuto)
	must(t, err)
	defer func() { must(t, context.Destroy()) }()
	module, err := cu.LoadData(ptx)
	must(t, err)
	for n, in := range instructions {
		t.Run(in.kernel, func(t *testing.T) {
			runtime.LockOSThread() // a context belongs to a thread
			defer runtime.UnlockOSThread()
			must(t, cu.SetCurrentContext(context))
			function, err := module.Function(in.kernel)
			must(t, err)
			in.compare(t, function, uint64(n+1))
		})
	}
}

// hopperIndex finds an H100 or H200.
func hopperIndex(t *testing.T) int {
	t.Helper()
	report := cuda.Status()
	for _, d := range report.Devices {
		if d.ComputeCapability == [2]int{9, 0} {
			t.Logf("%s, driver %s (CUDA %s)", d.Name, strings.TrimPrefix(report.DriverPath[strings.LastIndex(report.DriverPath, "/")+1:], "libcuda.so."), report.DriverVersion)
			return d.Index
		}
	}
	if os.Getenv("FP4TUI_REQUIRE_CUDA") == "1" {
		t.Fatalf("FP4TUI_REQUIRE_CUDA=1, but there is no Hopper GPU: %s", report.Reason)
	}
	t.Skipf("no GPU of compute capability 9.0: %s", report.Reason)
	return 0
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// compare runs batches of tiles, alternately of one step and of a chain.
func (in instruction) compare(t *testing.T, function cu.Function, seed uint64) {
	model, err := gemm.Lookup(in.kind, "sm90")
	must(t, err)
	source := sweep.Source{Seed: seed}
	source.A, _ = sweep.FormatOf(model.A.String())
	source.B, _ = sweep.FormatOf(model.B.String())
	source.C, _ = sweep.FormatOf(model.Acc.String())
	outputs := in.millions * 1_000_000
	if testing.Short() {
		outputs /= 20
	}
	const batch = 2048 // tiles
	tally := tally{disputes: map[string]int{}}
	if m, err := gemm.Lookup(in.kind, "sm100"); err == nil && m.Params == model.Params {
		tally.disputed = &m
	}
	for first := uint64(0); tally.outputs.Load() < int64(outputs); first += batch {
		steps := 1
		if first/batch%2 == 1 {
			steps = chain
		}
		b := in.draw(&source, first, batch, steps)
		b.run(t, function)
		b.check(t, &model, &tally)
	}
	t.Logf("%s on sm90: %d outputs, %d differ; %d zeros, %d of them -0; %d infinities or NaN", in.kind,
		tally.outputs.Load(), tally.bad.Load(), tally.zeros.Load(), tally.negative.Load(), tally.special.Load())
	for why, n := range tally.disputes {
		t.Logf("%d with the emulator's word where other models of these parameters return another: %s", n, why)
	}
	if n := tally.bad.Load(); n > 0 {
		t.Errorf("%d of %d outputs differ, by shape of data %v", n, tally.outputs.Load(), tally.shapes())
	}
}

// tally counts over all batches of an instruction.
type tally struct {
	outputs, bad, zeros, negative, special atomic.Int64
	byShape                                [sweep.Shapes]atomic.Int64

	disputed *gemm.Model // a row with the same parameters that models disagree about; nil without
	mutex    sync.Mutex
	disputes map[string]int // outputs that it marks, by the mark
}

func (s *tally) shapes() []int64 {
	var n []int64
	for i := range s.byShape {
		n = append(n, s.byShape[i].Load())
	}
	return n
}

// batch is tiles as the kernels take them, and what they return.
type batch struct {
	instruction
	source       *sweep.Source
	first        uint64 // number of the first tile
	tiles, steps int
	a, b, c, d   []byte
}

// draw packs the operands of a batch: the steps of a tile after each other, in each step
// the rows (columns) and their k elements.
func (in instruction) draw(source *sweep.Source, first uint64, tiles, steps int) *batch {
	b := &batch{instruction: in, source: source, first: first, tiles: tiles, steps: steps}
	width, acc := source.A.Bits/8, source.C.Bits/8
	b.a = make([]byte, tiles*in.rows*steps*in.k*width)
	b.b = make([]byte, tiles*columns*steps*in.k*width)
	b.c = make([]byte, tiles*in.rows*columns*acc)
	b.d = make([]byte, len(b.c))
	parallel(tiles, func(tile int, to *sweep.Tile) {
		source.FillTile(to, first+uint64(tile), in.rows, columns, steps*in.k)
		in.pack(b.a[tile*len(b.a)/tiles:], to.A, in.rows, steps, width)
		in.pack(b.b[tile*len(b.b)/tiles:], to.B, columns, steps, width)
		for n, word := range to.C {
			put(b.c[(tile*in.rows*columns+n)*acc:], word, acc)
		}
	})
	return b
}

// pack writes codes, which are rows of all steps' elements, step by step.
func (in instruction) pack(to []byte, codes []uint32, rows, steps, width int) {
	for n, code := range codes {
		row, k := n/(steps*in.k), n%(steps*in.k)
		put(to[((k/in.k*rows+row)*in.k+k%in.k)*width:], code, width)
	}
}

func put(to []byte, word uint32, width int) {
	switch width {
	case 1:
		to[0] = uint8(word)
	case 2:
		binary.LittleEndian.PutUint16(to, uint16(word))
	default:
		binary.LittleEndian.PutUint32(to, word)
	}
}

func get(from []byte, width int) uint32 {
	if width == 2 {
		return uint32(binary.LittleEndian.Uint16(from))
	}
	return binary.LittleEndian.Uint32(from)
}

// run computes d on the GPU. Its buffer is filled with ones first, so that a word that is
// not written shows.
func (b *batch) run(t *testing.T, function cu.Function) {
	t.Helper()
	for i := range b.d {
		b.d[i] = 0xff
	}
	var at [4]cu.DevicePtr
	for i, host := range [][]byte{b.a, b.b, b.c, b.d} {
		var err error
		at[i], err = cu.MemAlloc(int64(len(host)))
		must(t, err)
		defer func() { must(t, cu.MemFree(at[i])) }()
		must(t, cu.MemcpyHtoD(at[i], unsafe.Pointer(&host[0]), int64(len(host))))
	}
	tiles, steps := int64(b.tiles), int64(b.steps)
	parameters := []unsafe.Pointer{unsafe.Pointer(&at[0]), unsafe.Pointer(&at[1]), unsafe.Pointer(&at[2]), unsafe.Pointer(&at[3]),
		unsafe.Pointer(&tiles), unsafe.Pointer(&steps)}
	grid := b.tiles // wgmma: a block of four warps a tile
	if b.rows == 16 {
		grid = (b.tiles + 3) / 4 // mma: a warp a tile
	}
	must(t, function.Launch(grid, 1, 1, 128, 1, 1, 0, cu.NoStream, parameters))
	must(t, cu.Synchronize())
	must(t, cu.MemcpyDtoH(unsafe.Pointer(&b.d[0]), at[3], int64(len(b.d))))
}

// check computes every output with the emulator.
func (b *batch) check(t *testing.T, model *gemm.Model, tally *tally) {
	acc := b.source.C.Bits / 8
	parallel(b.tiles, func(tile int, to *sweep.Tile) {
		b.source.FillTile(to, b.first+uint64(tile), b.rows, columns, b.steps*b.k)
		number := b.first + uint64(tile)
		for n := range b.rows * columns {
			got := get(b.d[(tile*b.rows*columns+n)*acc:], acc)
			want, err := b.emulate(model, to, n)
			if err != nil {
				t.Error(err)
				return
			}
			tally.count(model.Acc, got)
			if got == want {
				tally.dispute(b, to, n, int(number%sweep.Shapes))
				continue
			}
			tally.byShape[number%sweep.Shapes].Add(1)
			if tally.bad.Add(1) <= 3 {
				op := b.operands(to, n, 0, b.steps*b.k)
				t.Errorf("tile %d (shape %d), output %d: GPU %0*x, emulator %0*x\na=%x\nb=%x\nc=%0*x",
					number, number%sweep.Shapes, n, 2*acc, got, 2*acc, want, op.A, op.B, 2*acc, op.C)
			}
		}
	})
}

// operands are those of output n of a tile, for k elements from first on.
func (b *batch) operands(tile *sweep.Tile, n, first, k int) gemm.Operands {
	row, column := n/columns*b.steps*b.k+first, n%columns*b.steps*b.k+first
	return gemm.Operands{A: tile.A[row : row+k], B: tile.B[column : column+k], C: tile.C[n]}
}

// emulate is output n of a tile: a chain of single instructions.
func (b *batch) emulate(model *gemm.Model, tile *sweep.Tile, n int) (d uint32, err error) {
	d = tile.C[n]
	for k := 0; k < b.steps*b.k; k += b.k {
		op := b.operands(tile, n, k, b.k)
		op.C = d
		trace, err := model.Dot(op)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", b.kind, err)
		}
		d = trace.D
	}
	return d, nil
}

// dispute counts what models disagree about, where it is likely.
func (s *tally) dispute(b *batch, tile *sweep.Tile, n, shape int) {
	if s.disputed == nil || b.steps > 1 || shape != sweep.Tiny && shape != sweep.Zeros && shape != sweep.Floor {
		return
	}
	if trace, err := s.disputed.Dot(b.operands(tile, n, 0, b.k)); err == nil && trace.Corner != "" {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.disputes[trace.Corner]++
	}
}

func (s *tally) count(acc gemm.Element, got uint32) {
	s.outputs.Add(1)
	sign, top := uint32(1)<<(acc.Bits()-1), uint32(0x7f800000)
	if acc == gemm.F16 {
		top = 0x7c00
	}
	switch {
	case got == sign:
		s.negative.Add(1)
		fallthrough
	case got == 0:
		s.zeros.Add(1)
	case got&top == top:
		s.special.Add(1)
	}
}

// parallel calls f for 0 … n-1 on every processor.
func parallel(n int, f func(i int, scratch *sweep.Tile)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			var scratch sweep.Tile
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i, &scratch)
			}
		})
	}
	wait.Wait()
}
