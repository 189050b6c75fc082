package exec

import (
	"errors"
	"math"
	"strings"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// keyed is a session with a layer that stores a bias, a w4a4 one and fused ones.
func keyed(t *testing.T) *rig {
	return newRig(t, "c = load tour:minilm-w4a4", "w = layer c intermediate.dense", "x = load tour:minilm-x.npy", "x = randn 4 384 seed=1",
		"f = load tour:broken/fused-differ.safetensors", "m = load tour:minilm-mxfp4", "q = quant x")
}

// fused binds the layers of a group whose global scales differ, under w0, w1 …
func (r *rig) fused() *layer.Group {
	r.t.Helper()
	ck := r.snapshot().handles["f"].(*checkpointValue)
	if len(ck.groups) == 0 || !ck.groups[0].Differ() {
		r.t.Fatal("no group of layers that differ")
	}
	for i, m := range ck.groups[0].Members {
		r.do("w" + itoa(i) + " = layer f " + m.Name)
	}
	return &ck.groups[0]
}

// TestGemmKeysChangeTheirThing: each key reaches the backend, is said by the product, by
// its badge and by comparisons.
func TestGemmKeysChangeTheirThing(t *testing.T) {
	r := keyed(t)
	usual := r.do("y = gemm x w").(Product)
	if usual.Order+usual.Epilogue+usual.Bias+usual.AlphaOf != "" || usual.Activations.Policy != "static" || usual.Activations.Per != "tensor" {
		t.Errorf("usual product says %+v", usual)
	}
	for _, c := range []struct{ keys, badge string }{
		{"", "emu sm100"},
		{" order=sequential epilogue=f32 bias=none alpha=own actper=tensor", "emu sm100"},
		{" order=split:2", "emu sm100 order=split:2"},
		{" epilogue=out out=fp16", "emu sm100 epilogue=out"},
		{" epilogue=bf16-alpha", "emu sm100 epilogue=bf16-alpha"},
		{" bias=out", "emu sm100 bias=out"},
		{" alpha=0.5", "emu sm100 alpha=0.5"},
		{" order=reverse bias=f32 alpha=0.25", "emu sm100 order=reverse bias=f32 alpha=0.25"},
		{" act=static", "emu sm100"},
		{" act=dynamic", "emu sm100 act=dynamic"},
		{" act=12.5", "emu sm100 act=12.5"},
		{" actper=token", "emu sm100 act=dynamic actper=token"},
		{" mode=w4a16", "emu sm100"},
		{" backend=ref act=1/weight bias=f32", "ref act=1/weight bias=f32"},
	} {
		r.do("z = gemm x w" + c.keys)
		if d := r.do("diff z y").(Diff); d.GotBy != c.badge || d.WantBy != "emu sm100" {
			t.Errorf("%s: by %q and %q, want %q", c.keys, d.GotBy, d.WantBy, c.badge)
		}
	}
	p := r.do("z = gemm x w out=f32 bias=f32 alpha=0.5 order=stream:3 epilogue=bf16-alpha").(Product)
	if p.Bias != "f32" || p.Alpha != 0.5 || p.AlphaOf != "0.5" || p.Order != "stream:3" || p.Epilogue != "bf16-alpha" {
		t.Errorf("product %+v", p)
	}
	if ref := r.do("r = gemm x w backend=ref bias=f32").(Product); ref.Bias != "f32" {
		t.Errorf("reference %+v", ref)
	}
}

// TestGemmKeysRefused: what makes no sense is a usage error that says why.
func TestGemmKeysRefused(t *testing.T) {
	r := keyed(t)
	r.do("wm = layer m intermediate.dense", "d = dequant w", "p = prep w for=cutlass")
	for line, want := range map[string]string{
		"gemm x w order=split":                 "sequential, reverse, split:S",
		"gemm x w order=split:0":               "counts from 1",
		"gemm x w epilogue=fp32":               "epilogue",
		"gemm x w alpha=most":                  "fused-max",
		"gemm x w alpha=-1":                    "positive number",
		"gemm x w alpha=inf":                   "positive number",
		"gemm x w backend=ref order=reverse":   "backend=emu",
		"gemm x w backend=ref epilogue=out":    "backend=emu",
		"gemm x w backend=ref alpha=2":         "backend=emu",
		"gemm x w alpha=fused-max":             "fuse this layer with no other",
		"gemm x q alpha=fused-first":           "quantized in the session",
		"gemm x wm alpha=fused-max":            "no global scale",
		"gemm x p alpha=fused-max":             "prepared",
		"gemm x q bias=f32":                    "stores no bias",
		"gemm x d order=split:2":               "dense weight",
		"gemm x d epilogue=out":                "dense weight",
		"gemm x d bias=f32":                    "dense weight",
		"gemm x d alpha=2":                     "dense weight",
		"gemm x d actper=token":                "dense weight",
		"gemm x w mode=w4a16 actper=token":     "mode=w4a4",
		"gemm x w act=static actper=token":     "act=dynamic",
		"gemm x w act=unit actper=expert":      "act=static",
		"gemm x w act=static actper=expert":    "no expert",
		"gemm x wm mode=w4a4 actper=token":     "mxfp4",
		"gemm x w act=static actper=something": "actper",
	} {
		r.fails(line, ErrUsage, want)
	}
}

// TestSettingsOfGemm: set is a default; what cannot follow it is as it was.
func TestSettingsOfGemm(t *testing.T) {
	r := keyed(t)
	r.do("set order=reverse epilogue=bf16-alpha bias=f32", "d = dequant w")
	if p := r.do("gemm x w").(Product); p.Order != "reverse" || p.Epilogue != "bf16-alpha" || p.Bias != "f32" {
		t.Errorf("emu: %+v", p)
	}
	if p := r.do("gemm x w order=sequential epilogue=f32 bias=none").(Product); p.Order+p.Epilogue+p.Bias != "" {
		t.Errorf("overridden: %+v", p)
	}
	if p := r.do("gemm x w backend=ref").(Product); p.Order+p.Epilogue != "" || p.Bias != "f32" {
		t.Errorf("ref: %+v", p)
	}
	for _, line := range []string{"gemm x q", "gemm x d"} {
		if p := r.do(line).(Product); p.Bias != "" {
			t.Errorf("%s: %+v", line, p)
		}
	}
}

// TestAlphaOfFused: the one global scale that an engine keeps for a fused group.
func TestAlphaOfFused(t *testing.T) {
	r := keyed(t)
	g := r.fused()
	r.do("xf = randn 3 " + itoa(g.Members[0].K) + " seed=2")
	largest := g.Members[0]
	for _, m := range g.Members {
		if m.Global.Value > largest.Global.Value {
			largest = m
		}
	}
	for i, m := range g.Members {
		for key, want := range map[string]*layer.Layer{"own": m, "fused-first": g.Members[0], "fused-max": largest} {
			p := r.do("gemm xf w" + itoa(i) + " mode=w4a16 alpha=" + key).(Product)
			if p.Alpha != Float(want.Global.Multiplier()) || len(p.Factors) != 1 || p.Factors[0].Tensor != want.Parts.Global.Name {
				t.Errorf("%s alpha=%s: %v of %+v, want %v", m.Name, key, p.Alpha, p.Factors, want.Global.Multiplier())
			}
			if strings.Contains(p.Factors[0].File, "../") {
				t.Errorf("file %q is where the session runs, not what was typed", p.Factors[0].File)
			}
		}
	}
}

// TestActivationScalesOfExperts: an expert has its own stored scale, unless actper=tensor
// asks for the one of all.
func TestActivationScalesOfExperts(t *testing.T) {
	ck := &checkpointValue{}
	for name, g := range map[string]float32{"m.experts.0.w1": 300, "m.experts.0.w3": 90, "m.experts.1.w1": 100, "m.experts.1.w2": 5} {
		ck.layers = append(ck.layers, &layer.Layer{Name: name, Format: fp4.NVFP4, Mode: layer.W4A4, Input: fp4.GlobalScale{Use: fp4.Divides, Value: g}})
	}
	s := New(Options{})
	for name, want := range map[string]float32{"experts.0.w1": 90, "experts.1.w1": 90, "experts.1.w2": 5} {
		l, err := layer.Resolve(ck.layers, name)
		if err != nil {
			t.Fatal(err)
		}
		w := &weightsValue{weights: &layer.Weights{Layer: l, Blocks: make([]fp4.Blocks, 1)}, format: fp4.NVFP4, mode: layer.W4A4, owner: ck}
		g, err := (&GemmCmd{}).choose(s, w, false)
		if err != nil || g.per != layer.ActPerExpert || g.input != nil {
			t.Errorf("%s: %v, per %s, input %v", name, err, g.per, g.input)
		}
		g, err = (&GemmCmd{ActPer: "tensor"}).choose(s, w, false)
		if err != nil || g.per != layer.ActPerTensor || g.input == nil || g.input.Scale.Value != want {
			t.Errorf("%s actper=tensor: %v, per %s, input %+v, want %v", name, err, g.per, g.input, want)
		}
	}
}

// TestActAttribute: the report is there to look at and to expect.
func TestActAttribute(t *testing.T) {
	r := keyed(t)
	r.do("y = gemm x w act=1/weight", "good = gemm x w act=dynamic", "token = gemm x w actper=token", "y16 = gemm x w mode=w4a16")
	r.do("expect y.act.lost == y.act.blocks and y.act.sqnr_db < 1 and good.act.lost == 0 and good.act.sqnr_db > 18 and good.act.clipped == 0")
	a := r.do("info y.act").(Activations)
	if a.Level != "bad" || !strings.Contains(a.Verdict, "every block scale is zero") || len(a.Scales) != 1 || a.Scales[0].Count != a.Blocks {
		t.Errorf("1/weight: %+v", a)
	}
	if a := r.do("info good.act").(Activations); a.Level != "ok" || len(a.Factors) != 2 || a.Factors[0].Origin != "448·6/amax(x)" || a.Factors[0].Tensor != "" {
		t.Errorf("dynamic: %+v", a)
	}
	a = r.do("info token.act").(Activations)
	if a.Per != "token" || !(a.EncodeMin < a.EncodeMax) || !(a.AlphaMin < a.AlphaMax) || !math.IsNaN(float64(a.Alpha)) {
		t.Errorf("token: %+v", a)
	}
	total := int64(0)
	for _, b := range a.Scales {
		total += b.Count
	}
	if total != a.Blocks {
		t.Errorf("histogram of %d blocks counts %d", a.Blocks, total)
	}
	r.do("xd = diff token.xq.dequant x", "expect xd.sqnr_db > 18", "hist token.xq", "codes token.xq", "map token.xq.scale")
	r.fails("gemm x token.xq", ErrUsage, "a global scale for each of its 4 rows")
	r.fails("dequant token.xq", ErrUsage, "token.xq.dequant")
	r.fails("prep token.xq for=cutlass", ErrUsage, "no weight format")
	if err := r.fails("info y16.act", nil, "did not quantize"); !errors.Is(err, inspect.ErrMissing) {
		t.Errorf("%v", err)
	}
}

// TestBiasThroughPrepared: padding rows of a weight pads its bias.
func TestBiasThroughPrepared(t *testing.T) {
	r := keyed(t)
	r.do("y = gemm x w mode=w4a16 bias=f32", "p = pad w n=1000", "yp = gemm x p mode=w4a16 bias=f32", "n = gemm x w mode=w4a16", "e = diff y yp", "d = diff y n",
		"expect e.max_abs == 0 and d.max_abs > 0")
}
