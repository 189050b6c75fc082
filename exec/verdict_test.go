package exec

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// sickbed is a layer of 128 rows in a session, to which one thing is done.
type sickbed struct {
	*rig
	n, k, m int
	origin  []float32
	good    fp4.Blocks
}

func newSickbed(t testing.TB, k int) *sickbed {
	t.Helper()
	s := &sickbed{rig: newRig(t), n: 128, k: k, m: 32}
	r := rand.New(rand.NewPCG(21, 4))
	s.origin = make([]float32, s.n*s.k)
	for i := range s.origin {
		s.origin[i] = fp4.RoundBF16(float32(r.NormFloat64() * 0.04))
	}
	var err error
	if s.good, err = fp4.Quantize(s.origin, s.n, s.k, fp4.QuantOptions{Recipe: "compressed-tensors", Format: fp4.NVFP4, InputBF16: true}); err != nil {
		t.Fatal(err)
	}
	s.tensor("w0", s.origin, s.n, s.k, inspect.BF16)
	s.weight("w", s.good)
	s.do("x = randn 32 "+itoa(k)+" seed=5", "r0 = gemm x w0 backend=ref")
	return s
}

func (s *sickbed) tensor(name string, data []float32, rows, cols int, d inspect.DType) {
	s.bindHandle(name, &tensorValue{tensor: inspect.Tensor{DType: d, Shape: []int{rows, cols}, Data: data}, source: "test"})
}

func (s *sickbed) weight(name string, b fp4.Blocks) {
	s.bindHandle(name, &weightsValue{weights: &layer.Weights{Blocks: []fp4.Blocks{b}}, format: fp4.NVFP4, source: "test"})
}

// value is one weight by the definition.
func (s *sickbed) value(n, k int) float64 {
	return float64(fp4.DecodeE2M1(s.good.Code(n, k))) * s.scale(n, k)
}

func (s *sickbed) scale(n, k int) float64 { return float64(s.good.Effective(s.good.Scale(n, k))) }

// read is the weight as a sick engine reads it.
func (s *sickbed) read(at func(n, k int) float64) []float32 {
	out := make([]float32, s.n*s.k)
	for n := range s.n {
		for k := range s.k {
			out[n*s.k+k] = float32(at(n, k))
		}
	}
	return out
}

// place128x4 is the published formula of the swizzle.
func place128x4(row, block, blocks int) int {
	return (row/128*((blocks+3)/4)+block/4)*512 + row%32*16 + row%128/32*4 + block%4
}

// signatures are the bugs of the field, each simulated from its own definition, with the names that
// the verdict may give: of the weight, and of the output.
var signatures = []struct {
	bug             string
	weight, product string // what cause or verdict has to say
	at              func(s *sickbed) func(n, k int) float64
}{
	{"nibble swap", "two codes of every byte are swapped", "two codes of every byte are swapped", func(s *sickbed) func(n, k int) float64 {
		return func(n, k int) float64 { return float64(fp4.DecodeE2M1(s.good.Code(n, k^1))) * s.scale(n, k) }
	}},
	{"neighbour block's scale", "next block's scale", "next block's scale", func(s *sickbed) func(n, k int) float64 {
		return func(n, k int) float64 { return float64(fp4.DecodeE2M1(s.good.Code(n, k))) * s.scale(n, (k+16)%s.k) }
	}},
	{"swizzled scales read as linear", "scales laid out as 128x4", "scales laid out as 128x4", func(s *sickbed) func(n, k int) float64 {
		cols := s.good.ScaleCols()
		buffer := make([]byte, 128*((cols+3)/4*4))
		for n := range s.n {
			for b := range cols {
				buffer[place128x4(n, b, cols)] = s.good.Scales[n*cols+b]
			}
		}
		return func(n, k int) float64 {
			return float64(fp4.DecodeE2M1(s.good.Code(n, k))) * float64(s.good.Effective(buffer[n*cols+k/16]))
		}
	}},
	{"block 32 read of block 16", "blocks of 16 are read as of 32", "blocks of 16 are read as of 32", func(s *sickbed) func(n, k int) float64 {
		return func(n, k int) float64 { return float64(fp4.DecodeE2M1(s.good.Code(n, k))) * s.scale(n, k/32*32) }
	}},
	{"global scale doubled", "off by a factor of 2", "off by a factor of 2", func(s *sickbed) func(n, k int) float64 {
		return func(n, k int) float64 { return 2 * s.value(n, k) }
	}},
	{"global scale inverted", "global scale is inverted", "global scale is inverted", func(s *sickbed) func(n, k int) float64 {
		m := float64(s.good.Global.Multiplier())
		return func(n, k int) float64 { return s.value(n, k) / m / m }
	}},
	{"sign lost in 1/64 columns", "lost their signs: k mod 64 = 7", "lost their signs: k mod 64 = 7", func(s *sickbed) func(n, k int) float64 {
		return func(n, k int) float64 {
			if k%64 == 7 {
				return math.Abs(s.value(n, k))
			}
			return s.value(n, k)
		}
	}},
	{"1/256 blocks zeroed", "blocks are zero", "blocks of the weight are zero", func(s *sickbed) func(n, k int) float64 {
		return func(n, k int) float64 {
			if (n*s.good.ScaleCols()+k/16)*2654435761%256 == 0 {
				return 0
			}
			return s.value(n, k)
		}
	}},
	{"E4M3 read as E5M2", "E4M3 scales are read as E5M2", "E4M3 scales are read as E5M2", func(s *sickbed) func(n, k int) float64 {
		m := float64(s.good.Global.Multiplier())
		return func(n, k int) float64 {
			return float64(fp4.DecodeE2M1(s.good.Code(n, k))) * float64(fp4.E5M2.Decode(uint16(s.good.Scale(n, k)))) * m
		}
	}},
	{"rows never unshuffled", "order shuffle128", "order shuffle128", func(s *sickbed) func(n, k int) float64 {
		return func(n, k int) float64 { return s.value(n/32*32+n%8*4+n%32/8, k) }
	}},
	{"shards share one global", "rows 64 to 127 ×1.7", "rows 64 to 127 ×1.7", func(s *sickbed) func(n, k int) float64 {
		return func(n, k int) float64 {
			if n >= 64 {
				return 1.7 * s.value(n, k)
			}
			return s.value(n, k)
		}
	}},
	{"K tail not padded", "k 256 to 383", "tail of no whole tile of 256", func(s *sickbed) func(n, k int) float64 {
		return func(n, k int) float64 {
			if k >= 256 {
				return 0
			}
			return s.value(n, k)
		}
	}},
}

// says is all that a verdict names.
func says(v Verdict) string { return v.Cause + " | " + v.Verdict + ", " + v.Where }

// An engine reads a good weight wrong: its dequantized weight, or its output, comes from a file, and
// the verdict is told what it should have been made of.
func TestVerdictNamesEveryBugOfAnEngine(t *testing.T) {
	for _, bug := range signatures {
		s := newSickbed(t, 384)
		wrong := s.read(bug.at(s))
		s.tensor("dw", wrong, s.n, s.k, inspect.F32)
		v := s.do("e = diff dw w0", "v = verdict e w=w").(Verdict)
		if v.Normal || !strings.Contains(says(v), bug.weight) {
			t.Errorf("%s, weight: want %q, got %s; %+v", bug.bug, bug.weight, says(v), v.Causes)
		}
		s.do("yw = gemm x dw backend=ref")
		y := s.snapshot().handles["yw"].(*productValue).out.Y
		s.bindHandle("yf", &tensorValue{tensor: y, source: "file y.npy"})
		v = s.do("ey = diff yf r0", "v = verdict ey w=w x=x").(Verdict)
		if v.Normal || !strings.Contains(says(v), bug.product) {
			t.Errorf("%s, product: want %q, got %s; %+v", bug.bug, bug.product, says(v), v.Causes)
		}
	}
}

// The weight itself is sick: the layer does what its bytes say, and the original tells.
func TestVerdictNamesEveryBugOfACheckpoint(t *testing.T) {
	copied := func(b fp4.Blocks) fp4.Blocks {
		b.Codes, b.Scales = append([]byte{}, b.Codes...), append([]byte{}, b.Scales...)
		return b
	}
	for _, c := range []struct {
		bug             string
		weight, product string
		harm            func(s *sickbed, b *fp4.Blocks)
	}{
		{"nibble swap", "codes of every byte are swapped", "codes of every byte are swapped", func(_ *sickbed, b *fp4.Blocks) { b.Order = fp4.HighFirst }},
		{"neighbour block's scale", "one block too early", "one block too early", func(_ *sickbed, b *fp4.Blocks) {
			cols := b.ScaleCols()
			old := append([]byte{}, b.Scales...)
			for i := range old {
				b.Scales[i] = old[i/cols*cols+(i+1)%cols]
			}
		}},
		{"swizzled scales", "scales laid out as 128x4 are read as row-major", "scales laid out as 128x4 are read as row-major", func(_ *sickbed, b *fp4.Blocks) {
			cols := b.ScaleCols()
			old := append([]byte{}, b.Scales...)
			for i := range old {
				b.Scales[place128x4(i/cols, i%cols, cols)] = old[i]
			}
		}},
		{"global scale doubled", "off by a factor of 2", "off by a factor of 2", func(_ *sickbed, b *fp4.Blocks) { b.Global.Value /= 2 }},
		{"global scale inverted", "global scale is inverted", "global scale is inverted", func(_ *sickbed, b *fp4.Blocks) { b.Global.Value = 1 / b.Global.Value }},
		{"truncating quantizer", "the quantizer truncates", "the quantizer truncates", func(s *sickbed, b *fp4.Blocks) {
			for n := range s.n {
				codes := make([]uint8, s.k)
				for k := range codes {
					codes[k] = uint8(fp4.E2M1.Encode(s.origin[n*s.k+k]/b.Effective(b.Scale(n, k)), fp4.TowardZero))
				}
				fp4.PackInto(b.Codes[n*s.k/2:], codes, fp4.LowFirst)
			}
		}},
		{"1/256 blocks zeroed", "blocks are zero", "", func(_ *sickbed, b *fp4.Blocks) {
			for i := range b.Scales {
				if i*2654435761%256 == 0 {
					clear(b.Codes[i*8 : i*8+8])
				}
			}
		}},
		{"sign lost in 1/64 columns", "k mod 64 = 7", "", func(s *sickbed, b *fp4.Blocks) {
			for n := range s.n {
				for k := 7; k < s.k; k += 64 {
					b.Codes[(n*s.k+k)/2] &^= 0x80
				}
			}
		}},
		{"rows shuffled", "order shuffle128", "order shuffle128", func(s *sickbed, b *fp4.Blocks) {
			old := copied(*b)
			for n := range s.n {
				from := n/32*32 + n%32%8*4 + n%32/8
				copy(b.Codes[n*s.k/2:(n+1)*s.k/2], old.Codes[from*s.k/2:])
				copy(b.Scales[n*b.ScaleCols():(n+1)*b.ScaleCols()], old.Scales[from*b.ScaleCols():])
			}
		}},
	} {
		s := newSickbed(t, 384)
		b := copied(s.good)
		c.harm(s, &b)
		s.weight("q", b)
		if v := s.do("e = diff q.dequant w0", "v = verdict e").(Verdict); v.Normal || !strings.Contains(says(v), c.weight) {
			t.Errorf("%s, weight: want %q, got %s; %+v", c.bug, c.weight, says(v), v.Causes)
		}
		if v := s.do("y = gemm x q", "ey = diff y r0", "v = verdict ey").(Verdict); v.Normal || !strings.Contains(says(v), c.product) {
			t.Errorf("%s, product: want %q, got %s; %+v", c.bug, c.product, says(v), v.Causes)
		}
	}
}

// Activations quantized with a scale made up from the weight's.
func TestVerdictOfInventedActivationScale(t *testing.T) {
	s := newSickbed(t, 384)
	v := s.do("y = gemm x w mode=w4a4 act=1/weight", "e = diff y r0", "v = verdict e").(Verdict)
	if v.Normal || !strings.Contains(v.Cause, "invented as 1/weight") || v.Explained < 0.95 {
		t.Errorf("%s, %v", says(v), v.Explained)
	}
	if fine := s.do("y = gemm x w mode=w4a4 act=dynamic", "e = diff y r0", "v = verdict e").(Verdict); !fine.Normal {
		t.Errorf("dynamic: %s", says(fine))
	}
}

// What users see of healthy layers.
func TestVerdictOfHealthyLayers(t *testing.T) {
	r := toured(t)
	r.do("r0 = gemm x o backend=ref", "y4 = gemm x w mode=w4a4", "e0 = diff y r0", "e4 = diff y4 r0", "ed = diff w.dequant o",
		"qm = quant o format=mxfp4", "em = diff qm.dequant o", "ym = gemm x qm", "eym = diff ym r0", "eq = diff y4 y")
	for line, want := range map[string]string{
		"v = verdict e": "rounding and accumulation alone", "verdict e0": "normal NVFP4 noise", "verdict e4": "normal NVFP4 noise", "verdict ed": "normal NVFP4 noise",
		"verdict em": "normal MXFP4 noise", "verdict eym": "normal MXFP4 noise", "verdict eq": "normal NVFP4 noise",
	} {
		if v := r.do(line).(Verdict); !v.Normal || v.Verdict != want || v.Cause != "" {
			t.Errorf("%s: %s: %+v", line, v.Verdict, v.Findings)
		}
	}
	r.do("expect v.normal == 1 and v.findings == 0 and v.noise < v.limit and v.gain > 0.9")
}

func TestVerdictFaults(t *testing.T) {
	r := toured(t)
	r.do("p = load tour:minilm-x.npy", "d = diff x p", "e1 = diff y[0:4] r[0:4]")
	r.fails("verdict d", inspect.ErrMissing, "no expected noise", "gemm")
	r.fails("verdict e1", inspect.ErrMissing, "no expected noise")
	r.fails("verdict e x=x", ErrUsage, "needs w=")
	r.fails("verdict e w=w", ErrShape, "name x=")
	r.fails("verdict e w=w x=x[0:3]", ErrShape, "do not make")
	r.fails("map d metric=noise", inspect.ErrMissing, "no expected noise")
	r.fails("top d by=noise", inspect.ErrMissing, "no expected noise")
}

func TestDiagnose(t *testing.T) {
	r := newRig(t, "c = load tour:minilm-w4a4", "w = layer c layer.0.intermediate.dense", "x = load tour:minilm-x.npy", "y = gemm x w mode=w4a4 act=1/weight",
		"z = gemm x w mode=w4a4 act=static", "u = gemm x w mode=w4a16", "broken = load tour:broken/inv-act-scale.safetensors", "wb = layer broken dense", "xb = randn 8 128 seed=3",
		"yb = gemm xb wb mode=w4a4 act=static", "f = load tour:minilm-w4a16", "k = layer f layer.0.attention.self.key", "q = layer f layer.0.attention.self.query", "yk = gemm x k")
	for line, want := range map[string]string{
		"diagnose y x=x w=w":                          "invented as 1/weight",
		"diagnose z x=x w=w":                          "no mistake",
		"diagnose u x=x w=w":                          "no mistake",
		"diagnose u x=x w=w mode=w4a4 act=dynamic":    "activations not quantized",
		"diagnose yb x=xb w=wb mode=w4a4 act=dynamic": "invented as 1/weight",
	} {
		if d := r.do(line).(Diagnosed); !strings.Contains(d.Verdict, want) {
			t.Errorf("%s: %s, want %s: %+v", line, d.Verdict, want, d.Causes)
		}
	}
	// key read with query's global scale, as an engine that fuses them does.
	yk := r.snapshot().handles["yk"].(*productValue).out.Y
	kw, qw := r.snapshot().handles["k"].(*weightsValue), r.snapshot().handles["q"].(*weightsValue)
	factor := qw.blocks().Global.Multiplier() / kw.blocks().Global.Multiplier()
	wrong := yk
	wrong.Data = append([]float32{}, yk.Data...)
	for i := range wrong.Data {
		wrong.Data[i] = fp4.RoundBF16(wrong.Data[i] * factor)
	}
	r.bindHandle("yw", &tensorValue{tensor: wrong, source: "file"})
	if d := r.do("diagnose yw x=x w=k").(Diagnosed); !strings.Contains(d.Verdict, "global scale of query") || d.Causes[0].Explained < 0.99 {
		t.Errorf("fused: %s %+v", d.Verdict, d.Causes)
	}
	r.fails("diagnose y x=x[0:3] w=w", ErrShape, "do not make")
	r.fails("diagnose y x=x w=w act=static", ErrUsage, "needs mode=w4a4")
}

func TestDiagnoseIsCancelled(t *testing.T) {
	r := toured(t)
	r.do("y4 = gemm x w mode=w4a4 act=1/weight")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if cell := r.Run(ctx, "diagnose y4 x=x w=w", nil); cell.Err == nil {
		t.Error("a cancelled diagnosis has a result")
	}
}

// Two runs of the same product differ where a certificate says that they cannot.
func TestVerdictOfProvenMismatch(t *testing.T) {
	s := newSickbed(t, 384)
	s.do("y = gemm x w mode=w4a4 act=dynamic", "z = gemm x w mode=w4a4 act=dynamic")
	z := *s.snapshot().handles["z"].(*productValue)
	z.out.Y.Data = append([]float32{}, z.out.Y.Data...)
	z.out.Y.Data[77] *= 1.5
	s.bindHandle("z", &z)
	v := s.do("e = diff z y", "v = verdict e").(Verdict)
	if v.Normal || v.Findings[0].Test != "proven" || v.Findings[0].Value != 1 {
		t.Errorf("%s %+v", v.Verdict, v.Findings)
	}
}
