package layer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/checkpoint"
	"fp4tui/inspect/fp4"
)

// stored is a tensor of a synthetic file: "dtype shape", its data zero or fill.
type stored struct {
	name, dtype string
	shape       []int
	fill        []byte
}

// build writes a safetensors file and optional configurations, and opens it.
func build(t *testing.T, configs map[string]string, tensors ...stored) *checkpoint.Checkpoint {
	t.Helper()
	dir := t.TempDir()
	for name, text := range configs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var header strings.Builder
	var data []byte
	for i, s := range tensors {
		d, ok := inspect.ParseDType(s.dtype)
		if !ok {
			t.Fatalf("dtype %q", s.dtype)
		}
		raw := make([]byte, inspect.Numel(s.shape)*d.Bits()/8)
		copy(raw, s.fill)
		shape := strings.ReplaceAll(fmt.Sprint(s.shape), " ", ",")
		fmt.Fprintf(&header, `%s%q:{"dtype":%q,"shape":%s,"data_offsets":[%d,%d]}`, map[bool]string{true: "{", false: ","}[i == 0], s.name, s.dtype, shape, len(data), len(data)+len(raw))
		data = append(data, raw...)
	}
	header.WriteString("}")
	file := binary.LittleEndian.AppendUint64(nil, uint64(header.Len()))
	file = append(append(file, header.String()...), data...)
	if err := os.WriteFile(filepath.Join(dir, "model.safetensors"), file, 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := checkpoint.Open(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func tensor(name, dtype string, shape ...int) stored { return stored{name, dtype, shape, nil} }

// scalar is an F32 tensor with one value; shape [1] or none.
func scalar(name string, v float32, shape ...int) stored {
	return stored{name, "F32", shape, binary.LittleEndian.AppendUint32(nil, math.Float32bits(v))}
}

const (
	configW4A4 = `{"quantization_config":{"config_groups":{"group_0":{"weights":{"num_bits":4,"type":"float"},"input_activations":{"num_bits":4,"type":"float"}}}}}`
	configBoth = `{"quantization_config":{"config_groups":{"a":{"weights":{"num_bits":4,"type":"float"},"input_activations":{"num_bits":4,"type":"float"}},"b":{"weights":{"num_bits":4,"type":"float"},"input_activations":null}}}}`
	optW4A4    = `{"quantization":{"quant_algo":"NVFP4","group_size":16}}`
)

func TestFindRecognises(t *testing.T) {
	ctNV := []stored{tensor("m.weight_packed", "U8", 8, 32), tensor("m.weight_scale", "F8_E4M3", 8, 4), scalar("m.weight_global_scale", 100, 1)}
	ctMX := []stored{tensor("m.weight_packed", "U8", 8, 32), tensor("m.weight_scale", "U8", 8, 2)}
	opt := []stored{tensor("m.weight", "U8", 8, 32), tensor("m.weight_scale", "F8_E4M3", 8, 4), scalar("m.weight_scale_2", 0.5)}
	with := func(base []stored, more ...stored) []stored { return append(slices.Clone(base), more...) }
	nv := Layer{Name: "m", Producer: "compressed-tensors nvfp4-pack-quantized", Format: "nvfp4", N: 8, K: 64, Block: 16, Global: fp4.GlobalScale{Use: fp4.Divides, Value: 100}}
	mx := Layer{Name: "m", Producer: "compressed-tensors mxfp4-pack-quantized", Format: "mxfp4", N: 8, K: 64, Block: 32}
	mo := Layer{Name: "m", Producer: "modelopt W4A16_NVFP4", Format: "nvfp4", N: 8, K: 64, Block: 16, Global: fp4.GlobalScale{Use: fp4.Multiplies, Value: 0.5}}
	change := func(l Layer, f func(*Layer)) Layer { f(&l); return l }
	tests := []struct {
		name    string
		configs map[string]string
		tensors []stored
		want    Layer
	}{
		{"compressed-tensors w4a16", nil, ctNV, nv},
		{"compressed-tensors w4a4", nil, with(ctNV, scalar("m.input_global_scale", 7, 1)), change(nv, func(l *Layer) {
			l.Mode, l.Input = W4A4, fp4.GlobalScale{Use: fp4.Divides, Value: 7}
		})},
		{"rank-0 global", nil, with(ctNV[:2], scalar("m.weight_global_scale", 100)), nv},
		{"one short block", nil, []stored{tensor("m.weight_packed", "U8", 8, 4), tensor("m.weight_scale", "F8_E4M3", 8, 1), scalar("m.weight_global_scale", 100, 1)},
			change(nv, func(l *Layer) { l.K = 8 })},
		{"mxfp4 U8 scales", nil, ctMX, mx},
		{"mxfp4 E8M0 scales", nil, with(ctMX[:1], tensor("m.weight_scale", "F8_E8M0", 8, 2)), mx},
		{"mxfp4 dynamic activations", map[string]string{"config.json": configW4A4}, ctMX, change(mx, func(l *Layer) { l.Mode = W4A4 })},
		{"mxfp4 mixed configuration", map[string]string{"config.json": configBoth}, ctMX, mx},
		{"mxfp4 broken configuration", map[string]string{"config.json": "{"}, ctMX, mx},
		{"modelopt w4a16", nil, opt, mo},
		{"modelopt w4a4", map[string]string{"hf_quant_config.json": optW4A4}, with(opt, scalar("m.input_scale", 0.25)), change(mo, func(l *Layer) {
			l.Producer, l.Mode, l.Input = "modelopt NVFP4", W4A4, fp4.GlobalScale{Use: fp4.Multiplies, Value: 0.25}
		})},
		{"modelopt blocks of 32", nil, []stored{opt[0], tensor("m.weight_scale", "F8_E4M3", 8, 2), opt[2]}, change(mo, func(l *Layer) { l.Block = 32 })},
		{"gpt-oss", nil, []stored{tensor("m.gate_up_proj_blocks", "U8", 3, 8, 2, 16), tensor("m.gate_up_proj_scales", "U8", 3, 8, 2), tensor("m.gate_up_proj_bias", "BF16", 3, 8)},
			Layer{Name: "m.gate_up_proj", Producer: "gpt-oss mxfp4", Format: "mxfp4", Experts: 3, N: 8, K: 64, Block: 32}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			layers, faults := Find(context.Background(), build(t, test.configs, test.tensors...))
			if len(faults) != 0 {
				t.Fatalf("faults: %v", &faults[0])
			}
			if len(layers) != 1 {
				t.Fatalf("%d layers, want 1", len(layers))
			}
			got := *layers[0]
			got.Checkpoint, got.Parts = nil, Parts{}
			if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", test.want) {
				t.Errorf("\n got %+v\nwant %+v", got, test.want)
			}
			if _, err := layers[0].Load(context.Background()); err != nil {
				t.Errorf("Load: %v", err)
			}
		})
	}
}

// Formats that look alike must get no name at all.
func TestFindLeavesAlone(t *testing.T) {
	tests := map[string][]stored{
		"plain":                  {tensor("m.weight", "BF16", 8, 64)},
		"FP8, one scale":         {tensor("m.weight", "F8_E4M3", 8, 64), scalar("m.weight_scale", 1), scalar("m.input_scale", 1)},
		"FP8, a scale a row":     {tensor("m.weight", "F8_E4M3", 8, 64), tensor("m.weight_scale", "BF16", 8, 1)},
		"FP8 blocks":             {tensor("m.weight", "F8_E4M3", 128, 128), tensor("m.weight_scale_inv", "F32", 1, 1)},
		"MXFP8":                  {tensor("m.weight", "F8_E4M3", 8, 64), tensor("m.weight_scale", "U8", 8, 2)},
		"U8 with a scalar scale": {tensor("m.weight", "U8", 8, 32), scalar("m.weight_scale", 1)},
		"U8 with an E4M3 vector": {tensor("m.weight", "U8", 8, 32), tensor("m.weight_scale", "F8_E4M3", 8)},
		"int4 pack-quantized":    {tensor("m.weight_packed", "I32", 8, 8), tensor("m.weight_scale", "BF16", 8, 4), tensor("m.weight_shape", "I64", 2)},
		"int8 in weight_packed":  {tensor("m.weight_packed", "U8", 8, 32), tensor("m.weight_scale", "BF16", 8, 4)},
		"bitsandbytes":           {tensor("m.weight", "U8", 256, 1), tensor("m.weight.absmax", "F32", 8), tensor("m.weight.quant_state.bitsandbytes__nf4", "U8", 10)},
		"Quark MXFP4":            {tensor("m.weight", "U8", 8, 32), tensor("m.weight_scale", "U8", 8, 2)},
		"DeepSeek-V4":            {tensor("m.weight", "I8", 8, 32), tensor("m.scale", "F8_E8M0", 8, 2)},
		"FP-Quant":               {tensor("m.qweight", "U8", 8, 32), tensor("m.scales", "U8", 8, 4), scalar("m.weight_global_scale", 3, 1)},
		"MLX":                    {tensor("m.weight", "U32", 8, 8), tensor("m.scales", "U8", 8, 2)},
		"other _blocks":          {tensor("m.attn_blocks", "U8", 4, 4), tensor("m.more_blocks", "U8", 2, 2, 2, 8)},
		"no module name":         {tensor(".weight", "U8", 8, 32), tensor(".weight_scale", "F8_E4M3", 8, 4), scalar(".weight_scale_2", 1)},
	}
	for name, tensors := range tests {
		t.Run(name, func(t *testing.T) {
			layers, faults := Find(context.Background(), build(t, nil, tensors...))
			if len(layers) != 0 {
				t.Errorf("recognised as %s", layers[0].Producer)
			}
			if len(faults) != 0 {
				t.Errorf("fault: %v", &faults[0])
			}
		})
	}
}

func TestFindFaults(t *testing.T) {
	codes, scales, global := tensor("m.weight_packed", "U8", 8, 32), tensor("m.weight_scale", "F8_E4M3", 8, 4), scalar("m.weight_global_scale", 100, 1)
	oCodes, oScales, oGlobal := tensor("m.weight", "U8", 8, 32), tensor("m.weight_scale", "F8_E4M3", 8, 4), scalar("m.weight_scale_2", 1)
	tests := []struct {
		name    string
		tensors []stored
		tensor  string // that the fault names
		class   error
		listed  bool
		load    bool // Load works
	}{
		{"codes alone", []stored{codes}, "m.weight_scale", inspect.ErrMissing, false, false},
		{"scales alone", []stored{scales, global}, "m.weight_packed", inspect.ErrMissing, false, false},
		{"gpt-oss scales alone", []stored{tensor("m.down_proj_scales", "U8", 2, 8, 2)}, "m.down_proj_blocks", inspect.ErrMissing, false, false},
		{"gpt-oss codes alone", []stored{tensor("m.down_proj_blocks", "U8", 2, 8, 2, 16)}, "m.down_proj_scales", inspect.ErrMissing, true, false},
		{"modelopt without scales", []stored{oCodes, oGlobal}, "m.weight_scale", inspect.ErrMissing, true, false},
		{"modelopt without global", []stored{oCodes, oScales}, "m.weight_scale_2", inspect.ErrMissing, true, true},
		{"scales of rank 1", []stored{codes, tensor("m.weight_scale", "F8_E4M3", 32), global}, "m.weight_scale", inspect.ErrMismatch, true, false},
		{"swizzled scales", []stored{oCodes, tensor("m.weight_scale", "F8_E4M3", 128, 4), oGlobal}, "m.weight_scale", inspect.ErrMismatch, true, false},
		{"codes of rank 3", []stored{tensor("m.weight_packed", "U8", 2, 8, 32), tensor("m.weight_scale", "F8_E4M3", 2, 8, 4), global}, "m.weight_packed", inspect.ErrUnsupported, false, false},
		{"no rows", []stored{tensor("m.weight_packed", "U8", 0, 32), tensor("m.weight_scale", "F8_E4M3", 0, 4), global}, "m.weight_packed", inspect.ErrMalformed, false, false},
		{"two globals", []stored{codes, scales, scalar("m.weight_global_scale", 1, 2)}, "m.weight_global_scale", inspect.ErrMalformed, true, true},
		{"bf16 global", []stored{codes, scales, tensor("m.weight_global_scale", "BF16", 1)}, "m.weight_global_scale", inspect.ErrMalformed, true, true},
		{"NaN global", []stored{codes, scales, scalar("m.weight_global_scale", float32(math.NaN()), 1)}, "m.weight_global_scale", inspect.ErrMalformed, true, true},
		{"negative global", []stored{codes, scales, scalar("m.weight_global_scale", -1, 1)}, "m.weight_global_scale", inspect.ErrMalformed, true, true},
		{"subnormal input", []stored{codes, scales, global, scalar("m.input_global_scale", 1e-40, 1)}, "m.input_global_scale", inspect.ErrMalformed, true, true},
		{"bias of another layer", []stored{codes, scales, global, tensor("m.bias", "BF16", 9)}, "m.bias", inspect.ErrMismatch, true, true},
		{"zero points", []stored{codes, scales, global, tensor("m.weight_zero_point", "U8", 8, 4)}, "m.weight_zero_point", inspect.ErrUnsupported, false, false},
		{"ComfyUI", []stored{oCodes, oScales, oGlobal, tensor("m.comfy_quant", "U8", 4)}, "m.comfy_quant", inspect.ErrUnsupported, false, false},
		{"Quark NVFP4", []stored{oCodes, oScales, oGlobal, scalar("m.input_scale_2", 1)}, "m.input_scale_2", inspect.ErrUnsupported, false, false},
		{"AWQ", []stored{oCodes, oScales, oGlobal, tensor("m.pre_quant_scale", "BF16", 64)}, "m.pre_quant_scale", inspect.ErrUnsupported, false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			layers, faults := Find(context.Background(), build(t, nil, test.tensors...))
			if len(faults) != 1 {
				t.Fatalf("%d faults, want 1: %+v", len(faults), faults)
			}
			if f := &faults[0]; f.Tensor != test.tensor || !errors.Is(f, test.class) || f.What == "" || f.Why == "" || f.Cure == "" || f.File == "" {
				t.Errorf("fault %+v, want class %v at %s with what, why and cure", *f, test.class, test.tensor)
			}
			if (len(layers) == 1) != test.listed {
				t.Fatalf("%d layers, listed should be %v", len(layers), test.listed)
			}
			if !test.listed {
				return
			}
			if !slices.Equal(layers[0].Faults, faults) {
				t.Errorf("layer has faults %+v", layers[0].Faults)
			}
			_, err := layers[0].Load(context.Background())
			if (err == nil) != test.load {
				t.Errorf("Load: %v", err)
			}
		})
	}
}

// ModelOpt leaves input_scale out for experts that calibration never reached; the
// configuration is then all that tells a W4A4 layer.
func TestFindDeclaredInputMissing(t *testing.T) {
	layers, faults := Find(context.Background(), build(t, map[string]string{"hf_quant_config.json": optW4A4},
		tensor("m.weight", "U8", 8, 32), tensor("m.weight_scale", "F8_E4M3", 8, 4), scalar("m.weight_scale_2", 1)))
	if len(layers) != 1 || layers[0].Mode != W4A4 || layers[0].Producer != "modelopt NVFP4" || layers[0].Input.Use != fp4.Multiplies {
		t.Fatalf("layers %+v", layers)
	}
	if v := layers[0].Input.Value; v == v {
		t.Errorf("input scale %v, want NaN", v)
	}
	if len(faults) != 1 || faults[0].Tensor != "m.input_scale" || !errors.Is(&faults[0], inspect.ErrMissing) {
		t.Errorf("faults %+v", faults)
	}
}

func TestFindOrderAndCancel(t *testing.T) {
	var tensors []stored
	for _, m := range []string{"b", "a.c", "a", "a-b"} {
		tensors = append(tensors, tensor(m+".weight_packed", "U8", 8, 32), tensor(m+".weight_scale", "U8", 8, 2))
	}
	c := build(t, nil, tensors...)
	layers, _ := Find(context.Background(), c)
	if got := strings.Join(names(layers), " "); got != "a a-b a.c b" {
		t.Errorf("order %s", got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if layers, faults := Find(ctx, c); len(layers)+len(faults) != 0 {
		t.Errorf("%d layers after cancel", len(layers))
	}
}

// A name that no layer has is blamed on a tensor of the module of that name, on no other.
func TestBlame(t *testing.T) {
	faults := []inspect.Fault{{Tensor: ""}, {Tensor: "a.0.up_proj.weight_scale", What: "x"}, {Tensor: "a.1.experts.gate_up_proj_blocks", What: "y"}}
	for name, want := range map[string]string{
		"up_proj": "a.0.up_proj.weight_scale", "a.0.up_proj": "a.0.up_proj.weight_scale", "experts.gate_up_proj": "a.1.experts.gate_up_proj_blocks",
		"0": "", "proj": "", "a": "", "": "", "a.0": "", "weight_scale": "",
	} {
		e := &NameError{Name: name, Class: ErrNoLayer}
		e.Blame(faults)
		if e.Broken == nil && want != "" || e.Broken != nil && e.Broken.Tensor != want {
			t.Errorf("%q is blamed on %v", name, e.Broken)
		}
	}
}

// A layer whose codes or scales were cast is not one of those "left out on purpose".
func TestFindNamesTheCastTensor(t *testing.T) {
	for name, c := range map[string]struct {
		tensors []stored
		want    string // tensor of the fault; empty: none
	}{
		"codes as int32":                 {[]stored{tensor("m.weight_packed", "I32", 8, 8), tensor("m.weight_scale", "F8_E4M3", 8, 4), scalar("m.weight_global_scale", 9, 1)}, "m.weight_packed"},
		"scales as bf16":                 {[]stored{tensor("m.weight_packed", "U8", 8, 32), tensor("m.weight_scale", "BF16", 8, 4), scalar("m.weight_global_scale", 9, 1)}, "m.weight_scale"},
		"scales as bytes":                {[]stored{tensor("m.weight_packed", "U8", 8, 32), tensor("m.weight_scale", "U8", 8, 4), scalar("m.weight_global_scale", 9, 1)}, "m.weight_scale"},
		"modelopt scales as bf16":        {[]stored{tensor("m.weight", "U8", 8, 32), tensor("m.weight_scale", "BF16", 8, 4), scalar("m.weight_scale_2", 9)}, "m.weight_scale"},
		"modelopt W4A8 in blocks of 128": {[]stored{tensor("m.weight", "U8", 8, 128), tensor("m.weight_scale", "F32", 8, 2), scalar("m.weight_scale_2", 9)}, ""},
		"int4 of compressed-tensors":     {[]stored{tensor("m.weight_packed", "I32", 8, 8), tensor("m.weight_scale", "BF16", 8, 1)}, ""},
	} {
		layers, faults := Find(context.Background(), build(t, nil, c.tensors...))
		if len(layers) != 0 {
			t.Errorf("%s: it is a layer", name)
		}
		switch {
		case c.want == "" && len(faults) > 0:
			t.Errorf("%s: %v", name, &faults[0])
		case c.want != "" && (len(faults) != 1 || faults[0].Tensor != c.want || faults[0].Cure == "" || !errors.Is(&faults[0], inspect.ErrMalformed)):
			t.Errorf("%s: faults %v, want one of %s", name, faults, c.want)
		}
		var missing *NameError
		if _, err := Resolve(layers, "m"); !errors.As(err, &missing) {
			t.Fatal(err)
		}
		missing.Blame(faults)
		if blamed := strings.Contains(missing.Error(), c.want+": ") && strings.HasPrefix(missing.Hint(), "lint "); blamed != (c.want != "") {
			t.Errorf("%s: %v, hint %s", name, missing, missing.Hint())
		}
	}
}
