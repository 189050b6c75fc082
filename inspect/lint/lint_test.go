package lint_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fp4tui/inspect/checkpoint"
	"fp4tui/inspect/layer"
	"fp4tui/inspect/lint"
)

// serious lists the rules of findings that are no Info, in order.
func serious(r lint.Report) []string {
	out := []string{}
	for _, f := range r.Findings {
		if f.Severity != lint.Info {
			out = append(out, f.Severity.String()+" "+f.Rule)
		}
	}
	return out
}

func TestSoundSamples(t *testing.T) {
	differ := "warn fused-globals-differ" // BERT's names escape llm-compressor's list of fused modules
	for name, want := range map[string][]string{
		"minilm-w4a16": {differ, differ}, "minilm-w4a4": {}, "minilm-mxfp4": {}, "modelopt-nvfp4": {},
		"modelopt-w4a16": {}, "gpt-oss-mxfp4": {}, "unaligned-w4a16": {}, "minilm-bf16.safetensors": {},
	} {
		t.Run(name, func(t *testing.T) {
			got := serious(check(t, filepath.Join("../../samples", name)).report)
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestBrokenSamples(t *testing.T) {
	for name, want := range map[string][]string{
		"block-mismatch":   {"error block-shape"},
		"config-mismatch":  {"error config-mismatch", "error config-mismatch", "error config-mismatch"},
		"duplicate-tensor": {"error file-malformed"},
		"fused-differ":     {"warn fused-globals-differ"},
		"hole":             {"error file-malformed"},
		"hostile-name":     {},
		"inf-global":       {"error scalar-inf"},
		"inv-act-scale":    {"error act-scale-is-inverse-weight-scale"},
		"missing-global":   {"error scalar-missing"},
		"missing-scale":    {"error layer-missing"},
		"nan-scale":        {"error scale-nan"},
		"overlap":          {"error file-malformed", "warn scale-sign"}, // codes read as scales have sign bits
		"partial-block":    {"error partial-block"},
		"saturated":        {"error scales-saturated"},
		"shape-mismatch":   {"error layer-missing"},
		"short":            {"error file-malformed"},
		"subnormal":        {"error scales-subnormal"},
		"unknown-dtype":    {"error layer-missing"},
		"zero-global":      {"error scalar-zero"},
		"index-mismatch":   {"error file-mismatch", "error file-mismatch", "error file-mismatch", "error file-missing"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("../../samples/broken", name)
			if _, err := os.Stat(path); err != nil {
				path += ".safetensors"
			}
			got := serious(check(t, path).report)
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestRulesOnBuiltLayers(t *testing.T) {
	const name = "m.layers.0.mlp.down_proj"
	input := func(v float32) stored { return f32(name+".input_global_scale", v) }
	inverse := float32(1) / 4328
	for _, c := range []struct {
		title   string
		tensors []stored
		want    []string
	}{
		{"sound", nvfp4(name, nil, 4328), nil},
		{"sound w4a4", nvfp4(name, nil, 4328, input(300)), nil},
		{"nan global", nvfp4(name, nil, float32(math.NaN())), []string{"error scalar-nan"}},
		{"negative global", nvfp4(name, nil, -4328), []string{"error scalar-negative"}},
		{"negative infinity is inf", nvfp4(name, nil, float32(math.Inf(-1))), []string{"error scalar-inf"}},
		{"subnormal global", nvfp4(name, nil, 0x1p-127), []string{"error scalar-zero"}},
		{"zero input", nvfp4(name, nil, 4328, input(0)), []string{"error scalar-zero"}},
		{"input is the inverse", nvfp4(name, nil, 4328, input(inverse)), []string{"error act-scale-is-inverse-weight-scale"}},
		{"one ulp beside the inverse", nvfp4(name, nil, 4328, input(math.Nextafter32(inverse, 1))), []string{"error act-scale-is-inverse-weight-scale"}},
		{"two ulps beside", nvfp4(name, nil, 4328, input(math.Nextafter32(math.Nextafter32(inverse, 1), 1))), nil},
		{"input is the global", nvfp4(name, nil, 4328, input(4328)), []string{"error act-scale-is-inverse-weight-scale"}},
		{"both 1 is a fallback", nvfp4(name, nil, 1, input(1)), []string{"warn global-inverted"}},
		{"reciprocal stored", nvfp4(name, nil, 1.0/4328), []string{"warn global-inverted"}},
		{"one sign bit", nvfp4(name, func(s, _ []byte) { s[5] |= 0x80 }, 4328), []string{"warn scale-sign"}},
		{"negative zero is a sign too", nvfp4(name, func(s, _ []byte) { s[5] = 0x80 }, 4328), []string{"warn scale-sign"}},
		{"negative nan is only nan", nvfp4(name, func(s, _ []byte) { s[5] = 0xff }, 4328), []string{"error scale-nan"}},
		{"all zero", nvfp4(name, func(s, _ []byte) { clear(s) }, 4328), []string{"error scale-all-zero"}},
		{"half saturated", nvfp4(name, func(s, _ []byte) { copy(s, filled(8, 0x7e)) }, 4328), []string{"warn scales-saturated"}},
		{"less than half", nvfp4(name, func(s, _ []byte) { copy(s, filled(7, 0x7e)) }, 4328), nil},
		{"one subnormal of 16 is info", nvfp4(name, func(s, _ []byte) { s[3] = 1 }, 4328), nil},
		{"two are a warning", nvfp4(name, func(s, _ []byte) { s[3], s[4] = 1, 7 }, 4328), []string{"warn scales-subnormal"}},
	} {
		t.Run(c.title, func(t *testing.T) {
			if got := serious(checkTensors(t, c.tensors)); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// mxfp4 is a gpt-oss layer of 2 experts, 2×64: 4 block scales an expert.
func mxfp4(scales []byte) []stored {
	return []stored{
		{"m.experts.down_proj_blocks", "U8", []int{2, 2, 2, 16}, filled(128, 0x21)},
		{"m.experts.down_proj_scales", "U8", []int{2, 2, 2}, scales},
	}
}

func TestExponentScales(t *testing.T) {
	if got := serious(checkTensors(t, mxfp4(filled(8, 120)))); len(got) != 0 {
		t.Errorf("sound: %q", got)
	}
	if got := serious(checkTensors(t, mxfp4(make([]byte, 8)))); !slices.Equal(got, []string{"error scale-all-zero"}) {
		t.Errorf("never filled: %q", got)
	}
	scales := filled(8, 120)
	scales[6] = 0xff
	r := checkTensors(t, mxfp4(scales))
	f := r.Findings[0]
	if f.Rule != "scale-nan" || !reflect.DeepEqual(f.Coordinates, [][2]int{{3, 0}}) || f.Count != 1 {
		t.Fatalf("finding %+v", f)
	}
	if !strings.Contains(f.What, "expert 1 row 1 block 0") {
		t.Errorf("what: %q", f.What)
	}
}

func TestNaNCoordinatesAndOffset(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.safetensors")
	write(t, path, nvfp4("a", func(s, codes []byte) {
		s[6], s[13] = 0x7f, 0xff                               // [1,2] and [3,1]
		copy(codes[1*32+2*8:], []byte{0, 8, 0x80, 0x88})       // ±0 only
		copy(codes[1*32+2*8+4:], []byte{0, 0, 0, 0})           //
		copy(codes[3*32+1*8:], []byte{0, 0, 0, 0, 0, 0, 0, 0}) //
	}, 100))
	o := check(t, path)
	f := o.report.Findings[0]
	if f.Rule != "scale-nan" || !reflect.DeepEqual(f.Coordinates, [][2]int{{1, 2}, {3, 1}}) {
		t.Fatalf("finding %+v", f)
	}
	raw, err := os.ReadFile(path)
	if err != nil || raw[f.Offset] != 0x7f {
		t.Errorf("the byte at offset %#x is not the first NaN scale (%v)", f.Offset, err)
	}
	if !strings.HasPrefix(f.Why, "all codes of the block are 0") {
		t.Errorf("why: %q", f.Why)
	}
	if f.Layer != "a" || f.Tensor != "a.weight_scale" || f.File != path {
		t.Errorf("place: %+v", f)
	}
}

func TestNaNOverLiveCodesIsNotExplainedAway(t *testing.T) {
	r := checkTensors(t, nvfp4("a", func(s, codes []byte) {
		s[6] = 0x7f
		clear(codes[1*32+2*8 : 1*32+3*8])
		codes[1*32+3*8-1] = 0x10 // the last code of the block
	}, 100))
	if strings.Contains(r.Findings[0].Why, "all codes") {
		t.Errorf("why: %q", r.Findings[0].Why)
	}
}

func TestCoordinatesAreBounded(t *testing.T) {
	r := checkTensors(t, nvfp4("a", func(s, _ []byte) { copy(s, filled(16, 0x7f)) }, 100))
	f := r.Findings[0]
	if len(f.Coordinates) != 8 || f.Count != 16 || !strings.HasSuffix(f.What, "and 13 more") {
		t.Errorf("finding %+v", f)
	}
}

func TestFusedGroups(t *testing.T) {
	group := func(q, k, v float32) []stored {
		return slices.Concat(nvfp4("m.0.q_proj", nil, q), nvfp4("m.0.k_proj", nil, k), nvfp4("m.0.v_proj", nil, v))
	}
	if got := serious(checkTensors(t, group(100, 100, 100))); len(got) != 0 {
		t.Errorf("equal: %q", got)
	}
	r := checkTensors(t, group(100, 100, 180))
	f := r.Findings[0]
	if f.Rule != "fused-globals-differ" || f.Layer != "m.0 q|k|v" || f.Count != 3 || !strings.Contains(f.What, "1.8× apart") {
		t.Errorf("finding %+v", f)
	}
	if got := serious(checkTensors(t, group(100, 100, 0))); !slices.Equal(got, []string{"error scalar-zero"}) {
		t.Errorf("an unusable member is told once: %q", got)
	}
}

// A stored scale is written as it is stored, not rounded to the digits of a message.
func TestStoredScalesAreExact(t *testing.T) {
	for value, want := range map[float32]string{-10176: "-10176", -0.1: "-0.1", -16777217: "-1.6777216e+07"} {
		r := checkTensors(t, nvfp4("m.down_proj", func(_, _ []byte) {}, value))
		if len(r.Findings) == 0 || r.Findings[0].What != "global scale is "+want {
			t.Errorf("%v: %+v", value, r.Findings)
		}
	}
}

func TestExpertsWithoutActivationScale(t *testing.T) {
	var tensors []stored
	for _, name := range []string{"m.experts.0.up", "m.experts.1.up", "m.experts.2.up"} {
		tensors = append(tensors, nvfp4(name, nil, 100)...)
	}
	tensors = append(tensors, f32("m.experts.0.up.input_global_scale", 30), f32("m.experts.2.up.input_global_scale", 31))
	r := checkTensors(t, tensors)
	if f := r.Findings[0]; f.Rule != "input-scale-gaps" || f.Layer != "m.experts.1.up" || f.Count != 1 {
		t.Errorf("finding %+v", f)
	}
}

func TestInfos(t *testing.T) {
	r := checkTensors(t, append(nvfp4("m.down", nil, 100),
		stored{"m.norm.weight", "BF16", []int{2}, make([]byte, 4)},
		stored{"m.embed_tokens.weight", "BF16", []int{2}, make([]byte, 4)},
		stored{"x", "BF16", []int{2}, make([]byte, 4)}))
	var got []string
	for _, f := range r.Findings {
		got = append(got, f.Severity.String()+" "+f.Rule+": "+f.What)
	}
	want := []string{
		"info input-scale-absent: 1 layer: w4a16, activations stay bf16",
		"info not-quantized: 3 tensors in no FP4 layer: norm 1, embedding 1, other 1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if want := (lint.Checked{Files: 1, Tensors: 6, Layers: 1, Scales: 16}); r.Checked != want {
		t.Errorf("checked %+v", r.Checked)
	}
}

func TestFileThatShrinksIsAFinding(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.safetensors")
	write(t, path, nvfp4("a", nil, 100))
	ctx := context.Background()
	c, err := checkpoint.Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	layers, faults := layer.Find(ctx, c)
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	r, err := lint.Check(ctx, c, layers, faults, nil)
	if err != nil || !slices.Equal(serious(r), []string{"error layer-unreadable"}) {
		t.Errorf("%q, %v", serious(r), err)
	}
}

func TestCancelAndProgress(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.safetensors")
	write(t, path, slices.Concat(nvfp4("a", nil, 100), nvfp4("b", nil, 100), nvfp4("c", nil, 100)))
	c, err := checkpoint.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	layers, faults := layer.Find(context.Background(), c)
	ctx, cancel := context.WithCancel(context.Background())
	var seen [][2]int64
	r, err := lint.Check(ctx, c, layers, faults, func(done, total int64) {
		if seen = append(seen, [2]int64{done, total}); len(seen) == 2 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || len(r.Findings) != 0 {
		t.Errorf("error %v, %d findings", err, len(r.Findings))
	}
	if want := [][2]int64{{16, 48}, {32, 48}}; !reflect.DeepEqual(seen, want) {
		t.Errorf("progress %v", seen)
	}
}

func TestOrder(t *testing.T) {
	r := checkTensors(t, slices.Concat(
		nvfp4("b", func(s, _ []byte) { s[1] = 0x7f }, 100),
		nvfp4("a", func(s, _ []byte) { s[1], s[2] = 0x7f, 0x81 }, 0),
	))
	var got []string
	for _, f := range r.Findings {
		got = append(got, f.Rule+" "+f.Layer)
	}
	want := []string{"scalar-zero a", "scale-nan a", "scale-nan b", "scale-sign a", "input-scale-absent ", "scales-subnormal a"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if n := len(r.Of("a")); n != 4 || r.Count(lint.Error) != 3 {
		t.Errorf("Of: %d, errors: %d", n, r.Count(lint.Error))
	}
}

func TestRuleTable(t *testing.T) {
	rules := lint.Rules()
	sorted := slices.IsSortedFunc(rules, func(a, b lint.Rule) int {
		if a.Severity != b.Severity {
			return int(a.Severity) - int(b.Severity)
		}
		return strings.Compare(a.Name, b.Name)
	})
	if !sorted {
		t.Error("rules are not in order of severity and name")
	}
	for _, r := range rules {
		if r.Doc == "" {
			t.Errorf("rule %s has no text", r.Name)
		}
		if got, ok := lint.LookupRule(r.Name); !ok || got != r {
			t.Errorf("LookupRule(%s) = %+v, %v", r.Name, got, ok)
		}
	}
	if _, ok := lint.LookupRule("no-such-rule"); ok {
		t.Error("a rule that is not there was found")
	}
}

func BenchmarkCheck(b *testing.B) {
	ctx := context.Background()
	c, err := checkpoint.Open(ctx, "../../samples/minilm-w4a16")
	if err != nil {
		b.Fatal(err)
	}
	layers, faults := layer.Find(ctx, c)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := lint.Check(ctx, c, layers, faults, nil); err != nil {
			b.Fatal(err)
		}
	}
}
