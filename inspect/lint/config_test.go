package lint_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fp4tui/inspect/lint"
)

// beside checks tensors with a configuration beside them.
func beside(t *testing.T, tensors []stored, file, text string) (lint.Report, string) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "model.safetensors"), tensors)
	path := filepath.Join(dir, file)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return check(t, dir).report, path
}

// modelopt is a sound ModelOpt W4A16 layer 4×64.
func modelopt(name string) []stored {
	list := nvfp4(name, nil, 1)
	list[0].name, list[1].name = name+".weight", name+".weight_scale"
	list[2] = f32(name+".weight_scale_2", 1.0/4328)
	return list
}

// What a configuration says is compared with names, types and shapes of the tensors.
func TestConfigAgainstTensors(t *testing.T) {
	const group = `{"quantization_config": {"config_groups": {"a": {"weights": {"num_bits": 4, "type": "float", "group_size": `
	const fp8 = `"a": {"format": "float-quantized", "weights": {"num_bits": 8, "type": "float", "group_size": null}}`
	const fp4 = `"b": {"format": "nvfp4-pack-quantized", "weights": {"num_bits": 4, "type": "float", "group_size": 16}}`
	const hf = "hf_quant_config.json"
	ct, mo, oss := nvfp4("m.down", nil, 4328), modelopt("m.down"), mxfp4(filled(8, 120))
	for _, c := range []struct {
		title, file, text string
		tensors           []stored
		keys              string // of the findings: the last part, what it says, what it should
	}{
		{"sound", "config.json", group + `16}}}}}`, ct, ""},
		{"block size", "config.json", group + `32}}}}}`, ct, "group_size 32 16"},
		{"no block size", "config.json", group + `null}}}}}`, ct, ""},
		{"per channel", "config.json", group + `-1}}}}}`, ct, ""},
		{"one group is enough", "config.json", `{"quantization_config": {"format": "mixed-precision", "config_groups": {` + fp8 + "," + fp4 + `}}}`, ct, ""},
		{"none of the groups", "config.json", `{"quantization_config": {"format": "mixed-precision", "config_groups": {` + fp8 + `}}}`, ct,
			"format float-quantized nvfp4-pack-quantized, num_bits 8 4"},
		{"integers", "config.json", `{"quantization_config": {"config_groups": {"a": {"weights": {"num_bits": 4, "type": "int"}}}}}`, ct, "type int float"},
		{"of the text model", "config.json", `{"text_config": {"quantization_config": {"format": "mxfp4-pack-quantized"}}}`, ct, "format mxfp4-pack-quantized nvfp4-pack-quantized"},
		{"other quantizer", "config.json", `{"quantization_config": {"quant_method": "modelopt"}}`, ct, "quant_method modelopt compressed-tensors"},
		{"gpt-oss", "config.json", `{"quantization_config": {"quant_method": "mxfp4"}}`, oss, ""},
		{"gpt-oss as another", "config.json", `{"quantization_config": {"quant_method": "fp8"}}`, oss, "quant_method fp8 mxfp4"},
		{"modelopt", hf, `{"quantization": {"quant_algo": "NVFP4", "group_size": 16}}`, mo, ""},
		{"modelopt in blocks of 32", hf, `{"quantization": {"quant_algo": "W4A16_NVFP4", "group_size": 32}}`, mo, "group_size 32 16"},
		{"modelopt fp8", hf, `{"quantization": {"quant_algo": "FP8"}}`, mo, "quant_algo FP8 W4A16_NVFP4"},
		{"mixed", hf, `{"quantization": {"quant_algo": "MIXED_PRECISION"}}`, mo, ""},
		{"unknown words", "config.json", `{"quantization_config": {"quant_method": "auto-round", "format": ["x"], "quant_algo": {}, "group_size": 1.5}}`, ct, ""},
		{"not of its kind", "config.json", `{"quantization_config": [1]}`, ct, ""},
	} {
		t.Run(c.title, func(t *testing.T) {
			r, path := beside(t, c.tensors, c.file, c.text)
			var got []string
			for _, f := range r.Findings {
				if f.Rule != "config-mismatch" {
					continue
				}
				if f.File != path || f.Severity != lint.Error || f.Count != 1 || f.Layer == "" || f.Effect == "" {
					t.Errorf("finding %+v", f)
				}
				_, said, _ := strings.Cut(f.What, " says ")
				key, said, _ := strings.Cut(said, " is ")
				said, _, _ = strings.Cut(said, ";")
				_, cure, _ := strings.Cut(f.Cure, ": "+key+" ")
				got = append(got, key[strings.LastIndex(key, ".")+1:]+" "+said+" "+cure)
			}
			if strings.Join(got, ", ") != c.keys {
				t.Errorf("got %q, want %q", got, c.keys)
			}
		})
	}
}

// Layers of one kind are one finding; a layer whose own tensors do not fit contradicts nobody.
func TestConfigCountsLayers(t *testing.T) {
	broken := nvfp4("m.c", nil, 4328)
	broken[1].shape = []int{2, 8}
	r, _ := beside(t, slices.Concat(nvfp4("m.a", nil, 4328), nvfp4("m.b", nil, 4328), broken), "config.json",
		`{"quantization_config": {"config_groups": {"a": {"weights": {"group_size": 32}}}}}`)
	if got := serious(r); !slices.Equal(got, []string{"error block-shape", "error config-mismatch"}) {
		t.Errorf("%q", got)
	}
	if f := r.Findings[1]; f.Count != 2 || f.Layer != "m.a" || !strings.Contains(f.What, "the tensors of 2 layers say blocks of 16") {
		t.Errorf("%+v", f)
	}
}

// TestConfigOfManyGroups: a finding stays short however much a configuration says, and a value
// that is no word says nothing.
func TestConfigOfManyGroups(t *testing.T) {
	group := `{"weights": {"type": "int", "group_size": "` + strings.Repeat("9", 100) + `"}}`
	groups := make([]string, 1000)
	for i := range groups {
		groups[i] = fmt.Sprintf(`"g%d": %s`, i, group)
	}
	r, _ := beside(t, nvfp4("m.down", nil, 4328), "config.json", `{"quantization_config": {"config_groups": {`+strings.Join(groups, ", ")+`}}}`)
	var found []lint.Finding
	for _, f := range r.Findings {
		if f.Rule == "config-mismatch" {
			found = append(found, f)
		}
	}
	if len(found) != 1 || len(found[0].What)+len(found[0].Cure) > 1000 || !strings.Contains(found[0].What, "and 997 more") {
		t.Errorf("%+v", found)
	}
}
