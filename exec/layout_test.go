package exec

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/kernel"
	"fp4tui/inspect/layout"
)

// laidOut is the tour with a prepared weight, its buffers as raw bytes in a file, and
// the file opened again: what examples of the layout commands name.
func laidOut(t testing.TB) *rig {
	t.Helper()
	r := toured(t)
	r.do("p = prep w for=trtllm", "export p p.safetensors", "pf = load p.safetensors", "d = tensor pf codes", "s = tensor pf scales")
	return r
}

// subject is a layer that kernels are tried on.
type subject struct {
	handle string
	format string
	n, k   int
}

// subjects are layers aligned and not, of every producer.
func subjects(t testing.TB) (*rig, []subject) {
	t.Helper()
	r := newRig(t, "c = load tour:minilm-w4a16", "square = layer c layer.0.attention.self.query", "tall = layer c layer.0.intermediate.dense",
		"wide = layer c encoder.layer.0.output.dense", "u = load tour:unaligned-w4a16", "odd = layer u dense", "m = load tour:modelopt-nvfp4", "opt = layer m self.query",
		"g = load tour:gpt-oss-mxfp4", "moe = layer g gate_up_proj", "down = layer g down_proj", "h = load tour:minilm-mxfp4", "mx = layer h self.query")
	list := []subject{
		{"square", "nvfp4", 384, 384}, {"tall", "nvfp4", 1536, 384}, {"wide", "nvfp4", 384, 1536}, {"odd", "nvfp4", 1000, 368}, {"opt", "nvfp4", 384, 384},
		{"moe", "mxfp4", 256, 128}, {"down", "mxfp4", 128, 128}, {"mx", "mxfp4", 384, 384},
	}
	for _, s := range list {
		if b := r.weights(s.handle).blocks(); b.Rows != s.n || b.Cols != s.k {
			t.Fatalf("%s is %d×%d", s.handle, b.Rows, b.Cols)
		}
	}
	if testing.Short() { // one unaligned, one aligned, one of experts: every kernel, a quarter of the work
		list = slices.DeleteFunc(list, func(s subject) bool { return s.handle != "odd" && s.handle != "opt" && s.handle != "down" })
	}
	return r, list
}

func (r *rig) weights(name string) *weightsValue {
	r.t.Helper()
	return r.snapshot().handles[name].(*weightsValue)
}

func (r *rig) prepared(name string) *kernel.Prepared {
	r.t.Helper()
	return r.snapshot().handles[name].(*preparedValue).prepared
}

// each prepared pair of layer and kernel is visited as handle p; pairs that prep
// refuses have to be refused with the rule of the kernel.
func (r *rig) eachPrepared(list []subject, visit func(s subject, k kernel.Kernel)) {
	r.t.Helper()
	done := map[string]bool{}
	for _, s := range list {
		for _, k := range kernel.Kernels() {
			if !k.Takes(s.format) {
				continue
			}
			line := "p = prep " + s.handle + " for=" + k.Name
			if cell := r.Run(context.Background(), line, nil); cell.Err != nil {
				r.fails(line, inspect.ErrUnsupported, "must be a multiple of", "pad ")
				continue
			}
			done[k.Name] = true
			visit(s, k)
		}
	}
	for _, k := range kernel.Kernels() {
		if !done[k.Name] {
			r.t.Errorf("no layer was prepared for %s", k.Name)
		}
	}
}

// bits are the outputs of a product.
func (r *rig) bits(line string) []uint32 {
	r.t.Helper()
	r.do("y = " + line)
	y := r.snapshot().handles["y"].(*productValue).out.Y
	out := make([]uint32, len(y.Data))
	for i, v := range y.Data {
		out[i] = math.Float32bits(v)
	}
	return append(out, uint32(len(y.Shape)))
}

// TestGemmThroughPrepared: whatever a kernel does to a layer, reading it back as the
// kernel does gives the product of the layer as stored, bit for bit.
func TestGemmThroughPrepared(t *testing.T) {
	r, list := subjects(t)
	want := map[string][]uint32{}
	shapes := []string{"%d", "2 %d", "1 2 %d", "2 1 1 %d"}
	for _, k := range []int{128, 368, 384, 1536} {
		for i, shape := range shapes {
			r.do(fmt.Sprintf("x%d_%d = randn "+shape+" seed=%d", k, i+1, k, i+1))
		}
	}
	turn, ran, moved := 0, 0, 0
	r.eachPrepared(list, func(s subject, k kernel.Kernel) {
		lost := r.prepared("p").Lost
		for _, how := range []string{"backend=ref mode=w4a16", "backend=emu mode=w4a16", "backend=ref mode=w4a4 act=dynamic", "backend=emu mode=w4a4 act=dynamic"} {
			if s.format == "mxfp4" && strings.Contains(how, "w4a4") {
				how = strings.TrimSuffix(how, " act=dynamic")
			}
			turn++
			for rank := range shapes {
				if (s.handle != "odd" || !strings.Contains(how, "w4a16")) && (turn+turn/len(shapes))%len(shapes) != rank {
					continue // the unaligned layer meets every rank, the others take turns
				}
				ran++
				x := fmt.Sprintf("x%d_%d", s.k, rank+1)
				key := x + " " + s.handle + " " + how
				if want[key] == nil {
					want[key] = r.bits("gemm " + key)
				}
				same := slices.Equal(r.bits("gemm "+x+" p "+how), want[key])
				if !same && lost == 0 {
					t.Errorf("%s: gemm %s differs through the prepared buffer", k.Name, key)
				}
				if !same {
					moved++
				}
			}
		}
	})
	if moved > 0 || ran <= turn {
		t.Errorf("%d products for %d ways to run, %d moved", ran, turn, moved)
	}
}

// TestWhereisAndAt: whereis names the byte of the file that holds an element and the
// byte of the buffer to which it went; at leads back, and bytes says the same.
func TestWhereisAndAt(t *testing.T) {
	r, list := subjects(t)
	files := map[string][]byte{}
	rng := rand.New(rand.NewPCG(1, 2))
	r.eachPrepared(list, func(s subject, k kernel.Kernel) {
		p := r.prepared("p")
		for range 6 {
			n, kk := rng.IntN(s.n), rng.IntN(s.k)
			at := r.do(fmt.Sprintf("whereis p[%d,%d]", n, kk)).(Place)
			plain := r.do(fmt.Sprintf("whereis %s[%d,%d]", s.handle, n, kk)).(Place)
			if at.N != n || at.K != kk || plain.FileByte != at.FileByte || plain.Byte != -1 || plain.Row != -1 || plain.Code != at.Code {
				t.Errorf("%s %s[%d,%d]: %+v beside %+v", k.Name, s.handle, n, kk, at, plain)
			}
			path := strings.Replace(at.File, "tour:", samples+"/", 1)
			if files[path] == nil {
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				files[path] = b
			}
			if got := nibble(files[path][at.FileByte], at.FileHigh); got != at.Code || int(files[path][at.FileScale]) != at.Scale {
				t.Errorf("%s[%d,%d]: the file has code %d scale %#x, want %+v", s.handle, n, kk, got, files[path][at.FileScale], at)
			}
			if int(p.Scales[at.ScaleByte]) != at.Stored {
				t.Errorf("%s %s: scale byte %d is %#x, want %#x", k.Name, s.handle, at.ScaleByte, p.Scales[at.ScaleByte], at.Stored)
			}
			scale := r.do(fmt.Sprintf("at p %d of=scales", at.ScaleByte)).(Place)
			if scale.Padding || scale.N != n || scale.Block != at.Block {
				t.Errorf("%s: at %d of scales is [%d,block %d], want [%d,block %d]", k.Name, at.ScaleByte, scale.N, scale.Block, n, at.Block)
			}
			checkCode(t, r, p, at)
		}
	})
}

// checkCode holds the place of a code in a prepared buffer against at and bytes.
func checkCode(t *testing.T, r *rig, p *kernel.Prepared, at Place) {
	t.Helper()
	name := p.Kernel.Name
	if p.CodeMap.Spreads() {
		held, err := p.At(layout.Codes, at.Byte)
		if err != nil || !slices.ContainsFunc(held, func(e kernel.Element) bool { return e.N == at.N && e.K == at.K && int(e.Bits) == at.Code }) {
			t.Errorf("%s: the word of byte %d holds %+v (%v), not [%d,%d]", name, at.Byte, held, err, at.N, at.K)
		}
		return
	}
	if got := nibble(p.Codes[at.Byte], at.High); got != at.Code {
		t.Errorf("%s: byte %d has code %d, want %+v", name, at.Byte, got, at)
	}
	back := r.do(fmt.Sprintf("at p %d high=%v", at.Byte, map[bool]string{true: "yes", false: "no"}[at.High])).(Place)
	if back.Subject = at.Subject; back.N != at.N || back.K != at.K || back.Padding || back.FileByte != at.FileByte {
		t.Errorf("%s: at %d high=%v is %+v, want %+v", name, at.Byte, at.High, back, at)
	}
	lo := at.Col &^ 1
	dump := r.do(fmt.Sprintf("bytes p[%d,%d:%d]", at.Row, lo, lo+2)).(Dump)
	low := r.do(fmt.Sprintf("at p %d", at.Byte)).(Place)
	want := low.N*p.K + low.K
	if low.Padding {
		want = -1
	}
	if len(dump.Rows) != 1 || dump.Rows[0].Offset != at.Byte || len(dump.Rows[0].From) != 1 || dump.Rows[0].From[0] != want {
		t.Errorf("%s: bytes p[%d,%d] shows %+v, at says %d at %d", name, at.Row, lo, dump.Rows, want, at.Byte)
	}
}

func nibble(b byte, high bool) int {
	if high {
		return int(b >> 4)
	}
	return int(b & 15)
}

// TestIdentifyExported: a buffer written to a file and read again is told to be the
// kernel's own, among those that leave the same bytes.
func TestIdentifyExported(t *testing.T) {
	r, list := subjects(t)
	list = slices.DeleteFunc(list, func(s subject) bool {
		return s.handle == "tall" || s.handle == "wide" || s.handle == "odd" && testing.Short()
	})
	r.eachPrepared(list, func(s subject, k kernel.Kernel) {
		r.do("export p p.safetensors", "pf = load p.safetensors", "d = tensor pf codes", "s = tensor pf scales")
		if p := r.prepared("p"); !bytes.Equal(r.raw("d"), p.Codes) || !bytes.Equal(r.raw("s"), p.Scales) {
			t.Fatalf("%s: the file does not hold the buffers", k.Name)
		}
		found := r.do("identify d as=" + s.handle + " scales=s").(Identified)
		if len(found.Candidates) == 0 || r.prepared("p").Lost == 0 && (!found.Candidates[0].Exact || !slices.Contains(found.Candidates[0].Kernels, k.Name)) {
			t.Errorf("%s %s: %s, %+v", k.Name, s.handle, found.Verdict, found.Candidates[:min(1, len(found.Candidates))])
		}
	})
}

func (r *rig) raw(name string) []byte {
	r.t.Helper()
	v := r.snapshot().handles[name].(*tensorValue)
	out := make([]byte, len(v.tensor.Data))
	for i, x := range v.tensor.Data {
		out[i] = byte(x)
	}
	return out
}

// TestPoisonMovesWhatIsRead: finite padding moves nothing; NaN does exactly where a
// kernel reads it.
func TestPoisonMovesWhatIsRead(t *testing.T) {
	r, list := subjects(t)
	list = slices.DeleteFunc(list, func(s subject) bool { return s.handle == "tall" || s.handle == "wide" })
	r.do("x384 = randn 2 384 seed=1", "x368 = randn 2 368 seed=1", "x128 = randn 2 128 seed=1", "x1536 = randn 2 1536 seed=1")
	r.eachPrepared(list, func(s subject, k kernel.Kernel) {
		finite, reads := false, false
		for _, region := range r.prepared("p").Regions() {
			finite, reads = finite || region.Finite, reads || region.NaN
		}
		for with, moves := range map[string]bool{"448": finite, "canary": finite, "nan": finite || reads} {
			got := r.do(fmt.Sprintf("bad = poison p with=%s x=x%d", with, s.k)).(Poisoned)
			if got.Moved > 0 != moves {
				t.Errorf("%s %s with=%s moved %d of %d; reads %v", k.Name, s.handle, with, got.Moved, got.Outputs, got.Reads)
			}
			if with == "nan" && got.NaN != got.Moved {
				t.Errorf("%s: NaN moved %d outputs, %d to NaN", k.Name, got.Moved, got.NaN)
			}
			if p := r.prepared("p"); got.Codes != int64(p.PaddedCodes()) || got.Scales != int64(p.PaddedScales()) || got.Outputs != int64(2*s.n) {
				t.Errorf("%s: %+v", k.Name, got)
			}
		}
	})
}

// TestPlanAgreesWithPrep: on one rank a plan says what prep does.
func TestPlanAgreesWithPrep(t *testing.T) {
	r, list := subjects(t)
	for _, s := range list {
		plan := r.do("plan " + s.handle + " tp=1 for=all").(Planned)
		if len(plan.Rows) != len(kernel.Kernels()) || plan.OK+plan.Fail+plan.NA != len(plan.Rows) {
			t.Errorf("%s: %d rows, %d %d %d", s.handle, len(plan.Rows), plan.OK, plan.Fail, plan.NA)
		}
		for _, row := range plan.Rows {
			cell := r.Run(context.Background(), "p = prep "+s.handle+" for="+row.Kernel, nil)
			ok := strings.HasPrefix(row.Verdict, "ok")
			if ok != (cell.Err == nil) {
				t.Errorf("%s %s: plan says %s, prep %v", s.handle, row.Kernel, row.Verdict, cell.Err)
				continue
			}
			if p, made := cell.Result.(Prepared); ok && (!made || p.PadN != row.PadN || p.PadK != row.PadK || p.CodesBytes+p.ScalesBytes != row.Bytes) {
				t.Errorf("%s %s: plan %+v, prep %d×%d", s.handle, row.Kernel, row, p.PadN, p.PadK)
			}
			if strings.HasPrefix(row.Verdict, "FAIL") && (row.Why == "" || row.Cure == "") {
				t.Errorf("%s %s fails without a reason or cure: %+v", s.handle, row.Kernel, row)
			}
		}
	}
}

// TestUnswizzle: what comes back has the codes and scales of the layer, and zeros.
func TestUnswizzle(t *testing.T) {
	r, list := subjects(t)
	r.eachPrepared(list, func(s subject, k kernel.Kernel) {
		r.do("q = unswizzle p")
		want, got, p := r.weights(s.handle).blocks(), r.weights("q").blocks(), r.prepared("p")
		if got.Rows != p.PadN || got.Cols != p.PadK {
			t.Fatalf("%s: %d×%d", k.Name, got.Rows, got.Cols)
		}
		back, rows := map[bool]int{}, map[int]int{}
		for row := range p.N {
			rows[p.Column(row)] = row
		}
		for n := range got.Rows {
			row, inside := rows[n]
			for kk := range got.Cols {
				if !inside || kk >= p.K {
					back[got.Code(n, kk) == 0 && decoded(got, n, kk) == 0]++
				} else {
					back[got.Code(n, kk) == want.Code(row, kk) && (p.Lost > 0 || decoded(got, n, kk) == decoded(want, row, kk)*float64(p.Rescale))]++
				}
			}
		}
		if back[false] != 0 {
			t.Errorf("%s %s: %d of %d elements differ", k.Name, s.handle, back[false], back[false]+back[true])
		}
	})
}

// decoded is the block scale of an element without the global one; a zero E8M0 byte
// stands for zero padding.
func decoded(b *fp4.Blocks, n, k int) float64 {
	if b.ScaleType == fp4.E8M0 && b.Scale(n, k) == 0 {
		return 0
	}
	return float64(b.ScaleType.Decode(uint16(b.Scale(n, k))))
}

// TestSteps: steps one by one lead to the buffer that prep makes at once.
func TestSteps(t *testing.T) {
	r := newRig(t, "u = load tour:unaligned-w4a16", "w = layer u dense", "p = prep w for=trtllm", "a = pad w n=128 k=64", "a = shuffle a tile=128", "a = swizzle a layout=128x4",
		"x = randn 2 368 seed=1", "y = gemm x w", "ya = gemm x a")
	a, p := r.prepared("a"), r.prepared("p")
	if !bytes.Equal(a.Codes, p.Codes) || !bytes.Equal(a.Scales, p.Scales) || a.Kernel.Name != "" {
		t.Error("pad, shuffle and swizzle are not what prep does")
	}
	r.do("e = diff ya y", "expect e.max_abs == 0 and a.padded_n == 1024 and a.padded_k == 384 and p.lost == 0")
	for steps, undone := range map[int]int{0: 4, 2: 2, 4: 0, 64: 0} {
		if got := r.do(fmt.Sprintf("p = prep w for=trtllm steps=%d", steps)).(Prepared); got.Undone != undone || len(got.Steps) != 4-undone {
			t.Errorf("steps=%d did %d, left %d", steps, len(got.Steps), got.Undone)
		}
	}
	if got := r.do("info p").(Prepared); got.Kernel != "trtllm" || got.Handle != "" {
		t.Errorf("info p: %+v", got)
	}
}

// TestPrepTakesOneExpert: prep takes one expert; a prepared buffer has no other.
func TestPrepTakesOneExpert(t *testing.T) {
	r := newRig(t, "g = load tour:gpt-oss-mxfp4", "w = layer g gate_up_proj", "x = randn 3 128 seed=1")
	want := r.bits("gemm x w expert=5")
	r.do("p = prep w for=trtllm-moe expert=5")
	if !slices.Equal(r.bits("gemm x p"), want) {
		t.Error("expert 5 is another one through its prepared buffer")
	}
	if at := r.do("whereis p[3,3]").(Place); at.FileByte-r.do("whereis w[3,3]").(Place).FileByte != 5*256*64 {
		t.Errorf("expert 5 of the file begins at %d", at.FileByte)
	}
	r.fails("gemm x p expert=2", ErrUsage, "one expert")
	r.fails("prep w for=trtllm-moe expert=8", ErrShape, "experts 0 to 7")
}

// TestLayoutErrors: what cannot be done is refused with the rule and what to do.
func TestLayoutErrors(t *testing.T) {
	r := newRig(t, "u = load tour:unaligned-w4a16", "w = layer u dense", "p = prep w for=trtllm", "x = randn 2 368 seed=1", "q = unswizzle p", "m = load tour:minilm-mxfp4", "mx = layer m self.query")
	for _, c := range []struct {
		line  string
		class error
		wants []string
	}{
		{"prep w", ErrUsage, []string{"for="}},
		{"prep w for=trtlm", nil, []string{"trtllm"}},
		{"prep w for=nosuch", nil, []string{"unknown for \"nosuch\""}},
		{"prep w for=trtllm.vllm", inspect.ErrUnsupported, []string{"N must be a multiple of 128: 1000 mod 128 = 104", "pad N to 1024"}},
		{"prep w for=marlin.sglang", inspect.ErrUnsupported, []string{"1000 mod 64 = 40"}},
		{"prep w for=triton", inspect.ErrUnsupported, []string{"reads mxfp4", "try cutlass"}},
		{"prep mx for=cutlass", inspect.ErrUnsupported, []string{"reads nvfp4", "try cudnn"}},
		{"prep w for=trtllm gated=yes", inspect.ErrUnsupported, []string{"halves", "leave out gated"}},
		{"prep x for=cutlass", ErrUsage, []string{"x"}},
		{"shuffle w", nil, []string{"multiple of 32", "pad to 1024"}},
		{"shuffle w tile=100", ErrUsage, []string{"tile=64"}},
		{"shuffle p tile=64 layout=interleave", ErrUsage, []string{"tile=64, tile=128 or layout="}},
		{"swizzle w layout=128x5", nil, []string{"128x4"}},
		{"swizzle w layout=trtllm2", nil, []string{"trtllm"}},
		{"pad w", ErrUsage, []string{"n= or k="}},
		{"pad p n=256", inspect.ErrUnsupported, []string{"pad first"}},
		{"whereis p", ErrUsage, []string{"name one element, as in p[0,0]"}},
		{"whereis p[0:2,0]", ErrUsage, []string{"name one element"}},
		{"whereis p[5]", ErrUsage, []string{"p[0,0]"}},
		{"whereis p[1000,0]", ErrShape, []string{"1000"}},
		{"whereis w[0,368]", ErrShape, []string{"368"}},
		{"at p 196608", inspect.ErrMissing, []string{"no byte 196608", "196608 bytes"}},
		{"at p 24576 of=scales", inspect.ErrMissing, []string{"24576 bytes"}},
		{"at p -1", nil, []string{"at least 0"}},
		{"at w 0", ErrUsage, []string{"prepared"}},
		{"bytes p[1024,0:2]", ErrShape, []string{"1024"}},
		{"bytes p.scale[0,24:25]", ErrShape, []string{"24"}},
		{"gemm x q", inspect.ErrMismatch, []string{"K 368", "K 384", "pad x with 16 zero columns"}},
		{"gemm x[0:2,0:352] p", ErrShape, []string{"K 352", "368"}},
		{"gemm x p[0]", ErrUsage, []string{"p[0]"}},
		{"identify x as=w", ErrUsage, []string{"U8"}},
		{"identify p", ErrUsage, []string{"as=W, or n= and k="}},
		{"plan w", ErrUsage, []string{"tp="}},
		{"plan w tp=0", ErrUsage, []string{"1 to 1024"}},
		{"plan w tp=2 for=cutlas", nil, []string{"cutlass"}},
		{"plan w tp=1001", inspect.ErrUnsupported, []string{"1000"}},
		{"poison p with=zeros", ErrUsage, []string{"canary"}},
		{"poison w", ErrUsage, []string{"prepared"}},
		{"export p p.npy", ErrUsage, []string{".safetensors"}},
	} {
		err := r.fails(c.line, c.class, c.wants...)
		if code := outcomeOf(err).name; err != nil && (code == "" || code == "internal" || code == "environment") {
			t.Errorf("%s has code %q: %v", c.line, code, err)
		}
	}
	if _, err := os.Stat(filepath.Join(r.dir, "p.npy")); err == nil {
		t.Error("export wrote what it refused")
	}
}
