package layer

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

func TestSamplesHaveTheirLayers(t *testing.T) {
	tests := []struct {
		path, producer string
		mode           Mode
		layers         int
		shape          string // of the first
		bias           bool
		bits           float64
	}{
		{"minilm-w4a16", "compressed-tensors nvfp4-pack-quantized", W4A16, 12, "384×384", true, 4.5},
		{"minilm-w4a4", "compressed-tensors nvfp4-pack-quantized", W4A4, 2, "384×384", true, 4.5},
		{"minilm-mxfp4", "compressed-tensors mxfp4-pack-quantized", W4A4, 2, "384×384", true, 4.25},
		{"modelopt-nvfp4", "modelopt NVFP4", W4A4, 2, "384×384", true, 4.5},
		{"modelopt-w4a16", "modelopt W4A16_NVFP4", W4A16, 3, "384×384", true, 4.5},
		{"gpt-oss-mxfp4", "gpt-oss mxfp4", W4A16, 2, "8×128×128", true, 4.25},
		{"unaligned-w4a16", "compressed-tensors nvfp4-pack-quantized", W4A16, 1, "1000×368", false, 4.5},
	}
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			layers, faults := Find(context.Background(), open(t, "samples/"+test.path))
			if len(faults) != 0 {
				t.Fatalf("fault: %v", &faults[0])
			}
			if len(layers) != test.layers {
				t.Fatalf("%d layers, want %d", len(layers), test.layers)
			}
			for _, l := range layers {
				if l.Producer != test.producer || l.Mode != test.mode {
					t.Errorf("%s: %s %s", l.Name, l.Producer, l.Mode)
				}
				if got := l.BitsPerWeight(); math.Abs(got-test.bits) > 0.001 {
					t.Errorf("%s: %g bits a weight", l.Name, got)
				}
				w, err := l.Load(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				if (w.Bias != nil) != test.bias || len(w.Blocks) != max(l.Experts, 1) {
					t.Errorf("%s: bias %v, %d blocks", l.Name, w.Bias != nil, len(w.Blocks))
				}
			}
			shape := []int{layers[0].N, layers[0].K}
			if e := layers[0].Experts; e > 0 {
				shape = append([]int{e}, shape...)
			}
			if got := inspect.ShapeString(shape); got != test.shape {
				t.Errorf("%s, want %s", got, test.shape)
			}
		})
	}
}

// Each broken file shows what headers and scalars can show of its fault. The rest
// is in the scale bytes, which only Load reads.
func TestBrokenSamples(t *testing.T) {
	const dense = "encoder.layer.0.intermediate.dense"
	tests := []struct {
		file   string
		fault  string // part of What of a fault of the layer; empty: none
		class  error
		listed bool
		load   bool
	}{
		{"short", "data cut short", inspect.ErrMalformed, true, false},
		{"overlap", "overlapping tensors", inspect.ErrMalformed, true, true},
		{"hole", "hole in the data", inspect.ErrMalformed, true, true},
		{"duplicate-tensor", "duplicate tensor name", inspect.ErrMalformed, true, true},
		{"unknown-dtype", "missing block scales", inspect.ErrMissing, true, false},
		{"shape-mismatch", "scales without codes", inspect.ErrMissing, false, false},
		{"zero-global", "global scale is zero", inspect.ErrMalformed, true, true},
		{"inf-global", "global scale is infinite", inspect.ErrMalformed, true, true},
		{"missing-global", "missing global scale", inspect.ErrMissing, true, true},
		{"missing-scale", "missing block scales", inspect.ErrMissing, true, false},
		{"block-mismatch", "block scales do not fit", inspect.ErrMismatch, true, false},
		{"nan-scale", "", nil, true, true},
		{"saturated", "", nil, true, true},
		{"subnormal", "", nil, true, true},
		{"inv-act-scale", "", nil, true, true},
		{"hostile-name", "", nil, true, true},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			layers, faults := Find(context.Background(), open(t, "samples/broken/"+test.file+".safetensors"))
			if (len(layers) == 1) != test.listed {
				t.Fatalf("%d layers", len(layers))
			}
			if test.listed {
				faults = layers[0].Faults
				if (layers[0].N != 64 || layers[0].K != 128) || test.file != "hostile-name" && layers[0].Name != dense {
					t.Errorf("%s %d×%d", layers[0].Name, layers[0].N, layers[0].K)
				}
				_, err := layers[0].Load(context.Background())
				var fault *inspect.Fault
				if (err == nil) != test.load || err != nil && !errors.As(err, &fault) {
					t.Errorf("Load: %v", err)
				}
			}
			if test.fault == "" {
				if len(faults) != 0 {
					t.Errorf("fault %v", &faults[0])
				}
				return
			}
			if len(faults) != 1 || !strings.Contains(faults[0].What, test.fault) || !errors.Is(&faults[0], test.class) {
				t.Errorf("faults %+v, want %q", faults, test.fault)
			}
		})
	}
}

// A cause that a header knows is told with the layer.
func TestMissingTellsTheCause(t *testing.T) {
	_, faults := Find(context.Background(), open(t, "samples/broken/unknown-dtype.safetensors"))
	if len(faults) != 1 || !strings.Contains(faults[0].Why, "F8_E3M4") {
		t.Errorf("faults %+v", faults)
	}
}

func TestBrokenInputScaleIsTheInverse(t *testing.T) {
	layers, _ := Find(context.Background(), open(t, "samples/broken/inv-act-scale.safetensors"))
	if l := layers[0]; l.Mode != W4A4 || l.Input.Value != 1/l.Global.Value {
		t.Errorf("%s, input %g, global %g", l.Mode, l.Input.Value, l.Global.Value)
	}
}

func TestHostileNamesStayInside(t *testing.T) {
	layers, _ := Find(context.Background(), open(t, "samples/broken/hostile-name.safetensors"))
	_, err := Resolve(append(layers, layers...), "dense")
	if err == nil || strings.ContainsAny(err.Error(), "\x1b\x07\r\n\u202e") {
		t.Errorf("error %q", err)
	}
}

// What is missing or broken in the index leaves the layers that are whole.
func TestBrokenIndex(t *testing.T) {
	c := open(t, "samples/broken/index-mismatch")
	layers, _ := Find(context.Background(), c)
	if got := strings.Join(names(layers), " "); got != "encoder.layer.0.attention.self.query encoder.layer.0.intermediate.dense" {
		t.Errorf("layers %s", got)
	}
	if len(c.Faults) < 4 {
		t.Errorf("%d faults of the index, want 4", len(c.Faults))
	}
}

func TestFusedSamples(t *testing.T) {
	tests := []struct {
		path  string
		ratio float64
	}{
		{"samples/broken/fused-differ.safetensors", 10176.0 / 3472},
		{"samples/minilm-w4a16", 10176.0 / 3472},
		{"samples/modelopt-w4a16", 1},
	}
	for _, test := range tests {
		layers, _ := Find(context.Background(), open(t, test.path))
		groups := Fused(layers)
		if len(groups) == 0 {
			t.Fatalf("%s: no groups", test.path)
		}
		g := groups[0]
		if g.Label != "q|k|v" || g.Parent != "encoder.layer.0.attention.self" || len(g.Members) != 3 || !strings.HasSuffix(g.Members[0].Name, "query") {
			t.Errorf("%s: group %+v", test.path, g)
		}
		if g.Ratio() != test.ratio || g.Differ() != (test.ratio != 1) {
			t.Errorf("%s: ratio %g, differ %v", test.path, g.Ratio(), g.Differ())
		}
	}
}

func TestFusedNames(t *testing.T) {
	layer := func(name, format string, global float32) *Layer {
		return &Layer{Name: name, Format: format, Global: fp4.GlobalScale{Use: fp4.Divides, Value: global}}
	}
	groups := Fused([]*Layer{
		layer("x.0.gate_proj", "nvfp4", 2), layer("x.0.up_proj", "nvfp4", 0),
		layer("x.1.gate_proj", "nvfp4", 1), layer("x.1.up_proj", "mxfp4", 1), // two formats: nobody fuses them
		layer("x.2.q_a_proj", "nvfp4", 1), layer("x.2.kv_a_proj_with_mqa", "nvfp4", 1),
		layer("w1", "mxfp4", 0), layer("w2", "mxfp4", 0), layer("w3", "mxfp4", 0),
		layer("x.3.q_proj", "nvfp4", 1), layer("y.3.k_proj", "nvfp4", 1), // two parents
	})
	var got []string
	for _, g := range groups {
		got = append(got, g.Parent+":"+g.Label+":"+strings.Join(names(g.Members), "+"))
	}
	want := "x.0:gate|up:x.0.gate_proj+x.0.up_proj x.2:q_a|kv_a:x.2.q_a_proj+x.2.kv_a_proj_with_mqa :gate|up:w1+w3"
	if strings.Join(got, " ") != want {
		t.Errorf("\n got %s\nwant %s", strings.Join(got, " "), want)
	}
	if r := groups[0].Ratio(); r == r {
		t.Errorf("ratio to a zero global is %g, want NaN", r)
	}
}

func TestResolve(t *testing.T) {
	layers := []*Layer{{Name: "dense"}, {Name: "a.0.mlp.dense"}, {Name: "a.1.mlp.dense"}, {Name: "a.1.q_proj"}}
	tests := []struct {
		name, want string
		class      error
		candidates int
	}{
		{"dense", "dense", nil, 0}, // exact beats suffix
		{"0.mlp.dense", "a.0.mlp.dense", nil, 0},
		{"q_proj", "a.1.q_proj", nil, 0},
		{"mlp.dense", "", ErrAmbiguous, 2},
		{"proj", "", ErrNoLayer, 1}, // not at a dot
		{"b.1.q_proj", "", ErrNoLayer, 1},
		{"Q_PROJ", "", ErrNoLayer, 1},
		{"", "", ErrNoLayer, 0},
		{"zzz", "", ErrNoLayer, 0},
	}
	for _, test := range tests {
		l, err := Resolve(layers, test.name)
		if test.class == nil {
			if err != nil || l.Name != test.want {
				t.Errorf("%q: %v, %v", test.name, l, err)
			}
			continue
		}
		var named *NameError
		if !errors.As(err, &named) || !errors.Is(err, test.class) || len(named.Candidates) != test.candidates || named.Hint() == "" {
			t.Errorf("%q: %#v", test.name, err)
		}
	}
}

func TestNameErrorIsBounded(t *testing.T) {
	e := &NameError{Name: "x", Class: ErrAmbiguous, Candidates: strings.Split("a b c d e f g h", " ")}
	if got := e.Error(); got != `ambiguous layer name "x": it can be a, b, c, d, e, f, or 2 more` {
		t.Error(got)
	}
}

func TestDequantizeErrors(t *testing.T) {
	ctx := context.Background()
	layers, _ := Find(ctx, open(t, "samples/broken/missing-global.safetensors"))
	bare, err := layers[0].Load(ctx)
	if err != nil {
		t.Fatal(err)
	}
	layers, _ = Find(ctx, open(t, "samples/gpt-oss-mxfp4"))
	good, err := layers[0].Load(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	tests := []struct {
		name   string
		ctx    context.Context
		w      *Weights
		expert int
		as     inspect.DType
		want   error
	}{
		{"no global", ctx, bare, 0, inspect.F32, inspect.ErrMissing},
		{"expert 8 of 8", ctx, good, 8, inspect.F32, inspect.ErrMissing},
		{"expert -1", ctx, good, -1, inspect.F32, inspect.ErrMissing},
		{"to F16", ctx, good, 0, inspect.F16, inspect.ErrUnsupported},
		{"cancelled", ended, good, 0, inspect.F32, context.Canceled},
		{"good", ctx, good, 7, inspect.BF16, nil},
	}
	for _, test := range tests {
		if _, err := test.w.Dequantize(test.ctx, test.expert, test.as); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

// Weights that were quantized in the session have no layer and follow the
// direction of their global scale.
func TestDequantizeWithoutLayer(t *testing.T) {
	w := &Weights{Blocks: []fp4.Blocks{{Rows: 1, Cols: 16, Block: 16, Codes: []byte{0x82, 0, 0, 0, 0, 0, 0, 0},
		Scales: []byte{0x40}, ScaleType: fp4.E4M3, Global: fp4.GlobalScale{Use: fp4.Divides, Value: 3}}}}
	x, err := w.Dequantize(context.Background(), 0, inspect.F32)
	if err != nil {
		t.Fatal(err)
	}
	if want := float32(2) / 3; x.Data[0] != want || !math.Signbit(float64(x.Data[1])) {
		t.Errorf("got %v, want %v and -0", x.Data[:2], want)
	}
}

func TestProducersHaveNames(t *testing.T) {
	if got := strings.Join(Producers(), ", "); got != "compressed-tensors nvfp4-pack-quantized, compressed-tensors mxfp4-pack-quantized, modelopt W4A16_NVFP4, modelopt NVFP4, gpt-oss mxfp4" {
		t.Error(got)
	}
	if (&Layer{Name: "x"}).BitsPerWeight() != 0 {
		t.Error("bits of an empty layer")
	}
	if _, err := (&Layer{Name: "x"}).Load(context.Background()); !errors.Is(err, inspect.ErrMissing) {
		t.Errorf("Load of an empty layer: %v", err)
	}
}
