package exec

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/checkpoint"
	"fp4tui/inspect/fp4"
)

// models are layers of every kind of mode, with activations that fit them.
func models(t *testing.T) *rig {
	t.Helper()
	return newRig(t, "x = load tour:minilm-x.npy", "b = load tour:minilm-bf16.safetensors", "o = tensor b encoder.layer.0.intermediate.dense.weight",
		"c16 = load tour:minilm-w4a16", "w16 = layer c16 layer.0.intermediate.dense", "c4 = load tour:minilm-w4a4", "w4 = layer c4 intermediate.dense",
		"cm = load tour:modelopt-nvfp4", "wm = layer cm intermediate.dense", "cx = load tour:minilm-mxfp4", "mx = layer cx intermediate.dense",
		"cg = load tour:gpt-oss-mxfp4", "moe = layer cg gate_up_proj", "xe = randn 4 128 seed=1", "q = quant o recipe=modelopt")
}

func TestGemmModes(t *testing.T) {
	r := models(t)
	for line, want := range map[string][2]string{
		"gemm x[0:4] w16":                        {"w4a16", "none"},
		"gemm x[0:4] w16 act=none":               {"w4a16", "none"},
		"gemm x[0:4] w16 mode=w4a4":              {"w4a4", "dynamic"},
		"gemm x[0:4] w16 mode=w4a4 act=1/weight": {"w4a4", "1/weight"},
		"gemm x[0:4] w16 mode=w4a4 act=unit":     {"w4a4", "unit"},
		"gemm x[0:4] w16 mode=w4a4 act=448":      {"w4a4", "448"},
		"gemm x[0:4] w4":                         {"w4a4", "static"},
		"gemm x[0:4] w4 mode=layer":              {"w4a4", "static"},
		"gemm x[0:4] w4 mode=w4a16":              {"w4a16", "none"},
		"gemm x[0:4] w4 act=dynamic":             {"w4a4", "dynamic"},
		"gemm x[0:4] wm":                         {"w4a4", "static"},
		"gemm x[0:4] mx":                         {"w4a4", "dynamic"},
		"gemm x[0:4] mx mode=w4a16":              {"w4a16", "none"},
		"gemm x[0:4] q":                          {"w4a16", "none"},
		"gemm x[0:4] o":                          {"dense", "none"},
		"gemm x[0:4] o[0:64]":                    {"dense", "none"},
		"gemm x[0:4] w16 mode=w4a4 backend=ref":  {"w4a4", "dynamic"},
		"gemm xe moe expert=7 mode=w4a4":         {"w4a4", "dynamic"},
	} {
		p := r.do(line).(Product)
		if p.Mode != want[0] || p.Act != want[1] {
			t.Errorf("%s ran %s act=%s, want %v", line, p.Mode, p.Act, want)
		}
		if (p.Backend == "emu") != (p.Arch == "sm100") {
			t.Errorf("%s: %s on %q", line, p.Backend, p.Arch)
		}
	}
}

// TestGemmErrors: every way in which a gemm cannot run says what to do instead.
func TestGemmErrors(t *testing.T) {
	r := models(t)
	r.write("row.npy", array(1, 384, func(int) float32 { return 1 }))
	r.do("row = load row.npy")
	for _, c := range []struct {
		line  string
		class error
		wants []string
	}{
		{"gemm x w16 act=dynamic", ErrUsage, []string{"act=dynamic in mode w4a16", "mode=w4a4"}},
		{"gemm x w4 mode=w4a16 act=static", ErrUsage, []string{"mode=w4a4"}},
		{"gemm x w4 act=none", ErrUsage, []string{"mode=w4a16"}},
		{"gemm x w16 mode=w4a4 act=static", ErrUsage, []string{"no activation global scale", "act=dynamic"}},
		{"gemm x q mode=w4a4 act=static", ErrUsage, []string{"act=dynamic"}},
		{"gemm x w16 act=0", ErrUsage, []string{"positive"}},
		{"gemm x w16 act=inf", ErrUsage, []string{"positive"}},
		{"gemm x w16 expert=1", ErrShape, []string{"the layer has no experts"}},
		{"gemm xe moe expert=8", ErrShape, []string{"experts 0 to 7"}},
		{"gemm xe moe expert=-1", ErrUsage, []string{"at least 0"}},
		{"gemm xe w16", inspect.ErrMismatch, []string{"K 128", "K 384", "pad x with 256 zero columns"}},
		{"gemm x moe", inspect.ErrMismatch, []string{"or cut x to K 128"}},
		{"gemm x o backend=emu", inspect.ErrUnsupported, []string{"backend=ref"}},
		{"gemm x o mode=w4a4", ErrUsage, []string{"mode=w4a4: o is a dense weight", "q = quant o"}},
		{"gemm x o act=unit", ErrUsage, []string{"quantize it first"}},
		{"gemm x o expert=1", ErrUsage, []string{"quantize it first"}},
		{"gemm x w16 backend=cuda", ErrNotReady, []string{"cuda"}},
		{"gemm x w4 arch=sm90", inspect.ErrUnsupported, []string{"sm90"}},
		{"gemm x w4 backend=emmu", ErrUsage, []string{"did you mean emu?"}},
		{"gemm row w16[0]", ErrUsage, []string{"window of the output"}},
		{"gemm x cm", ErrUsage, []string{"tensor cm NAME"}},
		{"gemm w16 w16", ErrUsage, []string{"w16 is a layer"}},
	} {
		r.fails(c.line, c.class, c.wants...)
	}
}

// TestGemmRanks: leading dimensions are kept, and each row is what it is alone.
func TestGemmRanks(t *testing.T) {
	r := models(t)
	r.do("x4 = randn 2 3 2 384 seed=3", "x1 = randn 384 seed=4")
	for line, shape := range map[string][]int{
		"y = gemm x4 w16": {2, 3, 2, 1536}, "y = gemm x4[0] w16": {3, 2, 1536}, "y = gemm x4[0,0] w16": {2, 1536}, "y = gemm x4[0,0,0] w16": {1536}, "y = gemm x1 w16": {1536},
	} {
		if p := r.do(line).(Product); !reflect.DeepEqual(p.Shape, shape) || p.MACs != int64(inspect.Numel(shape))*384 {
			t.Errorf("%s is %v, %d MACs; want %v", line, p.Shape, p.MACs, shape)
		}
	}
	for _, mode := range []string{"w4a16", "w4a4 act=unit"} {
		r.do("y = gemm x4 w16 mode="+mode, "z = gemm x4[1,2,1] w16 mode="+mode, "e = diff y[1,2,1] z", "expect e.mismatched == 0")
	}
}

func TestExperts(t *testing.T) {
	r := models(t)
	r.do("y0 = gemm xe moe", "y7 = gemm xe moe expert=7", "d7 = dequant moe expert=7", "r7 = gemm xe d7 out=f32", "f7 = gemm xe moe expert=7 backend=ref out=f32", "e = diff f7 r7", "expect e.mismatched == 0",
		"e = diff y7 y0", "expect e.mismatched > 0")
	r.fails("dequant moe expert=8", ErrShape, "experts 0 to 7")
	r.fails("dequant w16 expert=1", ErrShape, "the layer has no experts")
	// The terms of an element of expert 7 are those of its own codes and bytes.
	r.do("e = diff y7 f7")
	el := r.do("info e[1,2]").(Element)
	w := r.snapshot().handles["moe"].(*weightsValue)
	per := int64(len(w.weights.Blocks[7].Codes))
	for _, term := range el.Terms {
		if code := w.weights.Blocks[7].Code(2, term.K); int(code) != term.Code {
			t.Errorf("k %d: code %d, expert 7 has %d", term.K, term.Code, code)
		}
		if want := w.weights.Layer.Parts.Codes.Begin + 7*per + int64(2*w.blocks().Cols+term.K)/2; term.Byte != want {
			t.Errorf("k %d at byte %d, want %d", term.K, term.Byte, want)
		}
	}
}

// TestQuantIsQuantize: quant is fp4.Quantize under the name of each recipe.
// A handle of one expert speaks of that expert everywhere, and says so.
func TestExpertOfHandle(t *testing.T) {
	r := models(t)
	r.do("moe5 = layer cg gate_up_proj expert=5", "named = gemm xe moe expert=5", "bound = gemm xe moe5", "other = gemm xe moe5 expert=0", "first = gemm xe moe")
	if d := r.do("diff named bound").(Diff); d.Mismatched != 0 {
		t.Errorf("bound to expert 5: %d of its outputs are another's", d.Mismatched)
	}
	if d := r.do("diff other first").(Diff); d.Mismatched != 0 {
		t.Errorf("expert=0 beside a handle of expert 5: %d outputs are not those of expert 0", d.Mismatched)
	}
	if d := r.do("diff bound first").(Diff); d.Mismatched == 0 {
		t.Error("experts 0 and 5 give the same")
	}
	info, stat, codes := r.do("info moe5").(LayerInfo), r.do("stat moe5").(Stats), r.do("codes moe5").(CodeUse)
	hist, heat, product := r.do("hist moe5.scale").(Histogram), r.do("map moe5.scale").(Heat), r.do("info bound").(Product)
	for name, which := range map[string][2]int{"info": {info.Expert, info.Experts}, "stat": {stat.Expert, stat.Experts}, "codes": {codes.Expert, codes.Experts},
		"hist": {hist.Expert, hist.Experts}, "map": {heat.Expert, heat.Experts}, "gemm": {product.Expert, product.Experts}} {
		if which != [2]int{5, 8} {
			t.Errorf("%s says expert %d of %d", name, which[0], which[1])
		}
	}
	if first := r.do("codes moe").(CodeUse); first.Codes == codes.Codes {
		t.Error("the codes of experts 0 and 5 are the same")
	}
	r.fails("layer cg gate_up_proj expert=8", ErrShape, "experts 0 to 7")
	r.fails("layer c16 layer.0.intermediate.dense expert=1", ErrShape)
	r.fails("expect mx.global == 1", inspect.ErrMissing, "no global scale")
}

func TestQuantIsQuantize(t *testing.T) {
	r := models(t)
	r.do("f = randn 8 64 seed=5 dtype=f32 outliers=2@30")
	for _, recipe := range []string{"compressed-tensors", "flashinfer-exact", "modelopt", "ocp", "torchao", "vllm"} {
		for _, format := range []string{fp4.NVFP4, fp4.MXFP4} {
			for _, global := range []string{"dynamic", "none", "3.5"} {
				for _, x := range []string{"x", "f"} {
					checkQuant(t, r, x, recipe, format, global)
				}
			}
		}
	}
}

func checkQuant(t *testing.T, r *rig, x, recipe, format, global string) {
	t.Helper()
	line := fmt.Sprintf("g = quant %s recipe=%s format=%s global=%s", x, recipe, format, global)
	in := r.snapshot().handles[x].(*tensorValue).tensor
	rows, cols := in.Rows()
	policy := map[string]fp4.GlobalPolicy{"dynamic": {Kind: fp4.GlobalDynamic}, "none": {Kind: fp4.GlobalNone}, "3.5": {Kind: fp4.GlobalGiven, Value: 3.5}}[global]
	want, wantErr := fp4.Quantize(in.Data, rows, cols, fp4.QuantOptions{Recipe: recipe, Format: format, Global: policy, InputBF16: in.DType == inspect.BF16})
	cell := r.Run(context.Background(), line, nil)
	if (wantErr == nil) != (cell.Err == nil) {
		t.Errorf("%s: %v, fp4.Quantize says %v", line, cell.Err, wantErr)
		return
	}
	if wantErr != nil {
		if HintOf(cell.Err) == "" {
			t.Errorf("%s: %v has no cure", line, cell.Err)
		}
		return
	}
	got := *r.snapshot().handles["g"].(*weightsValue).blocks()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s is not what fp4.Quantize makes", line)
	}
	if q := cell.Result.(Quantized); math.IsNaN(float64(q.SQNR)) || q.Rows != rows || q.Cols != cols {
		t.Errorf("%s: %+v", line, q)
	}
}

// TestDequantIsDequantize: dequant is layer.Weights.Dequantize, in both types.
func TestDequantIsDequantize(t *testing.T) {
	r := models(t)
	for _, name := range []string{"w16", "w4", "wm", "mx", "moe", "q"} {
		for out, dtype := range map[string]inspect.DType{"f32": inspect.F32, "bf16": inspect.BF16} {
			r.do("d = dequant " + name + " out=" + out)
			want, err := r.snapshot().handles[name].(*weightsValue).weights.Dequantize(context.Background(), 0, dtype)
			got := r.snapshot().handles["d"].(*tensorValue).tensor
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("dequant %s out=%s: %v", name, out, err)
			}
		}
	}
}

// TestExportRoundTrip: what is exported and loaded again is the same, in every format
// that load knows.
func TestExportRoundTrip(t *testing.T) {
	r := models(t)
	r.do("x3 = randn 2 3 384 seed=1 dtype=fp16", "y = gemm x3 w4", "e = diff x3[0] x3[1]", "xq = quant x3")
	for _, ref := range []string{"x", "x3", "y", "x3[1,0:2]", "w4", "q", "xq", "y.xq", "w4.scale", "w4.codes[0:3]", "e", "e[0:2,1]", "w4.bias"} {
		line, err := r.table.Parse("export " + ref + " a.npy")
		if err != nil {
			t.Fatal(err)
		}
		c := &call{ctx: context.Background(), s: r.Session}
		want, err := c.exported(line.Cmd.(*ExportCmd).X)
		if err != nil {
			t.Fatal(ref, err)
		}
		for _, ext := range []string{"npy", "safetensors"} {
			file := "out." + ext
			if w := r.do("export " + ref + " " + file).(Exported); w.Path != file || w.Bytes == 0 {
				t.Errorf("%+v", w)
			}
			r.do("back = load " + file)
			got, ok := r.snapshot().handles["back"].(*tensorValue)
			if !ok || !reflect.DeepEqual(got.tensor.Data, want.Data) || !slices.Equal(got.tensor.Shape, want.Shape) {
				t.Errorf("%s as %s is not the same", ref, ext)
				continue
			}
			exact := storable(want).DType
			if ext == "npy" && exact == inspect.BF16 {
				exact = inspect.F32 // numpy has no bfloat16
			}
			if got.tensor.DType != exact {
				t.Errorf("%s as %s is %s, want %s", ref, ext, got.tensor.DType, exact)
			}
		}
	}
}

func TestExportText(t *testing.T) {
	r := newRig(t)
	r.write("a.npy", array(2, 3, func(i int) float32 { return []float32{0, 1.5, -2, float32(math.NaN()), float32(math.Inf(1)), 1e-45}[i] }))
	r.do("a = load a.npy", "export a a.csv", "export a[0] row.csv", "export a a.json")
	for name, want := range map[string]string{
		"a.csv": "0,1.5,-2\nNaN,+Inf,1e-45\n", "row.csv": "0,1.5,-2\n",
		"a.json": `{"name":"a","dtype":"f32","shape":[2,3],"data":[0,1.5,-2,"nan","inf",1e-45]}` + "\n",
	} {
		if got := r.read(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	r.fails("export a a.gif", ErrUsage, ".safetensors, .npy, .csv, .json or .png")
	r.fails("export a a", ErrUsage, ".npy")
	r.fails("export session a.txt", ErrUsage, ".fp4.md")
	r.fails("export a no/such/dir/a.npy", nil, "no/such")
	r.fails("export nosuch a.npy", ErrUsage, "nosuch")
}

// TestRandn holds the bits of a seed, the rounding and the outlier channels.
func TestRandn(t *testing.T) {
	r := newRig(t)
	r.do("a = randn 4 64 seed=1 dtype=f32", "b = randn 256 seed=1 dtype=f32", "h = randn 4 64 seed=1 dtype=fp16", "f = randn 4 64 seed=1", "o = randn 4 64 seed=1 dtype=f32 outliers=2@100", "s = randn 4 64 seed=2 dtype=f32")
	data := func(name string) []float32 { return r.snapshot().handles[name].(*tensorValue).tensor.Data }
	if !slices.Equal(data("a"), data("b")) || slices.Equal(data("a"), data("s")) {
		t.Error("a seed decides the values, whatever the shape")
	}
	if bits := math.Float32bits(data("a")[0]); bits != 0xbec19fba {
		t.Errorf("the first value of seed 1 is %#x", bits)
	}
	for i, v := range data("a") {
		if data("h")[i] != fp4.RoundFP16(v) || data("f")[i] != fp4.RoundBF16(v) {
			t.Fatalf("element %d: %v %v %v", i, v, data("h")[i], data("f")[i])
		}
		big := i%64 == 16 || i%64 == 48
		if ratio := data("o")[i] / v; math.Abs(float64(ratio)-1) < 1e-3 == big {
			t.Errorf("channel %d is %v times", i%64, ratio)
		}
	}
	var sum, squares float64
	r.do("n = randn 100000 seed=3 dtype=f32")
	for _, v := range data("n") {
		sum, squares = sum+float64(v), squares+float64(v)*float64(v)
	}
	if mean, std := sum/1e5, math.Sqrt(squares/1e5); math.Abs(mean) > 0.01 || math.Abs(std-1) > 0.01 {
		t.Errorf("mean %v, standard deviation %v", mean, std)
	}
	if got := r.do("randn 4 64").(TensorInfo); got.Source != "randn seed=1" {
		t.Errorf("%+v", got)
	}
	if got := r.Log()[len(r.Log())-1].Command; got != "randn 4 64 seed=1" {
		t.Errorf("recorded %s", got)
	}
	r.fails("randn", ErrUsage)
	r.fails("randn 0", ErrUsage, "1 to 16777216")
	r.fails("randn 2 4 seed=1 outliers=5@100", ErrUsage, "outliers=5@100: K is 4, COUNT is 1 to 4")
	r.do("randn 2 4 seed=1 outliers=4@100")
}

// TestLogarithm holds randn's logarithm to the library's within its own rounding.
func TestLogarithm(t *testing.T) {
	for x := 1e-300; x < 1; x *= 1.37 {
		if got, want := logarithm(x), math.Log(x); math.Abs(got-want) > 4e-16*math.Abs(want) {
			t.Errorf("ln %v = %v, want %v", x, got, want)
		}
	}
}

// TestResultsAreBounded: the JSON of a large layer stays small, verb by verb.
func TestResultsAreBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("a layer of 4096×4096")
	}
	r := newRig(t)
	w := large(t)
	n := map[string]inspect.Tensor{"model.layers.0.mlp.up_proj.weight": w, "model.norm.weight": w}
	file := new(strings.Builder)
	if err := checkpoint.WriteSafetensors(file, n, nil); err != nil {
		t.Fatal(err)
	}
	r.write("big.safetensors", file.String())
	r.do("c = load big.safetensors", "x = randn 4096 4096 seed=1", "q = quant x", "y = gemm x[0:1] q", "d = dequant q", "e = diff x d")
	for _, line := range []string{
		"load big.safetensors", "info c", "info q", "gemm x[0:1] q", "info e", "info e[@max]", "map e", "map e size=200x60", "map q", "map x", "top e", "top e 1000",
		"where e > 0", "stat x", "stat q", "hist x", "hist x bins=256", "hist q", "codes q", "bytes q", "bytes q[0:4096,0:4096]", "bytes q.scale", "ls c", "lint c", "help",
	} {
		cell := r.Run(context.Background(), line, nil)
		text, err := cell.JSON(true)
		if cell.Err != nil || err != nil || len(text) > 256<<10 {
			t.Errorf("%s: %d bytes, %v %v", line, len(text), cell.Err, err)
		}
	}
}

func large(t *testing.T) inspect.Tensor {
	t.Helper()
	r := newRig(t, "x = randn 4096 16 seed=1")
	return r.snapshot().handles["x"].(*tensorValue).tensor
}
