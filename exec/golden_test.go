package exec

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/checkpoint"
)

// goldens are the commands whose JSON is committed, by verb. Between them they answer
// with every kind of result; TestGoldenJSON holds that.
var goldens = map[string][]string{
	"load": {"c = load tour:minilm-w4a16", "x = load tour:minilm-x.npy", "load tour:broken/short.safetensors", "load tour:nosuch"},
	"ls":   {"ls c match=*.layer.0.*", "ls c limit=1 health=no", "ls gpt", "ls c match=["},
	"layer": {
		"w = layer c layer.0.intermediate.dense", "layer gpt down_proj", "layer c nosuch", "layer c dense",
	},
	"tensor":  {"o = tensor b encoder.layer.0.intermediate.dense.weight", "tensor c layer.0.intermediate.dense.weight_packed", "tensor b nosuch"},
	"randn":   {"x2 = randn 2 3 32 seed=1", "randn 64 seed=2 dtype=f32 outliers=2@100", "randn 16777216 16777216 seed=1"},
	"info":    {"info c", "info w", "info y", "info e", "info e[@max]", "info e[0,1]", "info d2[0,0]", "info w.scale", "info w.codes", "info w.global", "info x[0,0:4]", "info e[0,9999]", "info y4.act", "info y4.act.lost", "info y.act"},
	"stat":    {"stat w.scale", "stat y", "stat bad", "stat hot.scale"},
	"hist":    {"hist w.scale", "hist x axis=linear bins=4", "hist gptw"},
	"codes":   {"codes w"},
	"bytes":   {"bytes w[994,32:48]", "bytes w.scale[0:2,0:8]", "bytes o[0,0:4]", "bytes q[0,0:2]", "bytes x"},
	"lint":    {"lint c", "lint broken"},
	"quant":   {"q = quant x recipe=modelopt", "quant o format=mxfp4 recipe=ocp", "quant x recipe=vllm format=mxfp4", "quant x[0:2,0:5]"},
	"dequant": {"d = dequant w", "dequant gptw expert=7 out=bf16", "dequant gptw expert=8"},
	"gemm": {"y = gemm x w", "r = gemm x w backend=ref out=f32", "y4 = gemm x w4 act=static", "gemm x w backend=cuda", "ya = gemm x[0:4] w backend=all", "gemm x[0:2,0:64] w",
		"yo = gemm x[0:4] w out=fp16 epilogue=out order=split:2 bias=f32 alpha=0.25", "yt = gemm x[0:4] w4 actper=token", "gemm x[0:4] w4 act=1/weight",
		"gemm x w actper=token", "gemm x w order=split", "gemm x w backend=ref order=reverse", "gemm x w alpha=fused-max", "gemm x w against=ref"},
	"mma": {
		"mma kind=mxf4nvf4.ue4m3 arch=sm100 a=1111111111111111111111111111111111111111111111111111111111111111 b=2222222222222222222222222222222222222222222222222222222222222222 sfa=38383838 sfb=3838387f",
		"mma kind=bf16 arch=sm90 a=3f803f803f803f803f803f803f803f803f803f803f803f803f803f803f803f80 b=3f803f803f803f803f803f803f803f803f803f803f803f803f803f803f803f80 c=40000000",
	},
	"prep":      {"p = prep w for=trtllm", "prep w for=marlin steps=2", "prep odd for=trtllm", "prep odd for=trtllm.vllm", "prep gptw for=trtllm-moe expert=7", "prep w", "prep w for=trtlm"},
	"pad":       {"pad odd n=128 k=64", "pad w"},
	"shuffle":   {"shuffle w", "shuffle odd"},
	"swizzle":   {"swizzle w layout=8x4", "swizzle w layout=marlin of=codes"},
	"unswizzle": {"unswizzle po"},
	"whereis":   {"whereis po[994,37]", "whereis odd[994,37]", "whereis po[1000,0]", "whereis p"},
	"at":        {"at p 193554", "at po 194000 high=yes", "at po 195000", "at po 21774 of=scales", "at p 999999"},
	"identify":  {"identify d as=w", "identify d as=w scales=s", "identify d n=1536 k=384", "identify x as=w"},
	"plan":      {"plan w tp=8", "plan odd tp=4 parallel=row for=marlin", "plan odd tp=1 for=all", "plan w tp=0"},
	"poison":    {"poison po with=nan", "poison po with=448 x=xo", "poison p"},
	"diff":      {"e = diff y r", "diff y bad", "diff y x", "diff bad bad"},
	"map":       {"map e size=8x4", "map e[0:8,0:8] size=4x4 agg=mean metric=signed", "map w.scale size=8x2", "map db size=4x4 agg=count bound=1"},
	"top":       {"top e 2", "top d2 2 by=ulp", "top db 1"},
	"where":     {"where e > 0.01", "where db == nan", "where e > 1000"},
	"explain":   {"explain e[@max]", "explain e[3,5] block=7", "explain db[0,0]", "explain db[0,0] as=y", "explain d2[0,0]", "explain e[0:2,0]", "explain e[0,0] block=24", "explain e[0,0] as=y4"},
	"verdict":   {"v = verdict e0", "verdict e1", "verdict e", "verdict db", "verdict db w=w x=x"},
	"diagnose":  {"diagnose y1 x=x w=w", "diagnose y x=x w=w mode=layer", "diagnose y1 x=x[0:2] w=w"},
	"expect":    {`expect e.max_abs < 1 and w.scale.nan == 0, "healthy"`, "expect e.max_abs < 0.001 and not e.nan > 0", "expect db.cos > 0.1"},
	"export":    {"export x[0:2] x.npy", "export e e.csv", "export x x.png", "export session a.fp4.md"},
	"let":       {"let tol = 2 * e.max_abs"},
	"set":       {"set", "set arch=sm90 out=f32"},
	"alias":     {"alias go = stat x"},
	"source":    {"source setup.fp4", "source nosuch.fp4"},
	"snap":      {"snap view=scales size=80x24"},
	"note":      {"note a remark"},
	"help":      {"help", "help gemm", "help nosuch"},
	"undo":      {"undo"},
	"quit":      {"quit"},
}

// filled is the tour with what is broken and what is grouped beside it.
func filled(t testing.TB) *rig {
	t.Helper()
	r := laidOut(t)
	r.write("setup.fp4", "x2 = randn 4 32 seed=7\nstat x2\n")
	r.write("bad.npy", array(128, 1536, func(i int) float32 {
		switch {
		case i%1000 == 1:
			return float32(math.NaN())
		case i%999 == 1:
			return float32(math.Inf(-1))
		}
		return 1
	}))
	r.do("gpt = load tour:gpt-oss-mxfp4", "gptw = layer gpt down_proj", "broken = load tour:broken/nan-scale.safetensors", "w4c = load tour:minilm-w4a4",
		"w4 = layer w4c intermediate.dense", "hotc = load tour:broken/saturated.safetensors", "hot = layer hotc dense", "bad = load bad.npy",
		"oddc = load tour:unaligned-w4a16", "odd = layer oddc dense", "po = prep odd for=trtllm", "xo = randn 2 368 seed=1",
		"r0 = gemm x o backend=ref", "e0 = diff y r0", "y1 = gemm x w mode=w4a4 act=1/weight", "e1 = diff y1 r0",
		"d2 = diff x[0:4] x[4:8]", "db = diff y bad", "y4 = gemm x[0:8] w4 act=dynamic")
	return r
}

func itoa(n int) string {
	b, _ := json.Marshal(n)
	return string(b)
}

// each runs every golden command in a session of its own state.
func each(t *testing.T, r *rig, visit func(verb, line string, cell Cell)) {
	t.Helper()
	start, log := r.snapshot(), r.log
	for _, v := range verbs() {
		if len(goldens[v.Verb]) == 0 {
			t.Errorf("%s has no golden", v.Verb)
		}
		for _, line := range goldens[v.Verb] {
			r.change(func(st *state) { *st = start })
			r.log, r.saved = append([]entry{}, log...), 0
			visit(v.Verb, line, r.Run(context.Background(), line, nil))
		}
	}
}

func TestGoldenJSON(t *testing.T) {
	r := filled(t)
	schema := newSchema(t, Schema())
	got, kinds := map[string]*bytes.Buffer{}, map[string]bool{}
	each(t, r, func(verb, line string, cell Cell) {
		text, err := cell.JSON(true)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			return
		}
		var value map[string]any
		if err := json.Unmarshal(text, &value); err != nil {
			t.Errorf("%s: %v in %s", line, err, text)
			return
		}
		schema.check(t, line, value)
		if at := nulls("", value); at != "" {
			t.Errorf("%s: null at %s", line, at)
		}
		if kind, ok := value["kind"].(string); ok {
			kinds[kind] = true
		}
		if got[verb] == nil {
			got[verb] = new(bytes.Buffer)
		}
		got[verb].Write(append(text, '\n'))
	})
	for _, k := range Kinds() {
		if !kinds[k.Kind()] {
			t.Errorf("no golden command answers with a %s", k.Kind())
		}
	}
	for verb, lines := range got {
		golden(t, filepath.Join("testdata", "json", verb+".golden"), lines.Bytes())
	}
}

// golden compares with a file; -update writes it.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (write it with -update)", err)
	}
	g, w := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || !bytes.Equal(g[i], w[i]) {
			t.Fatalf("%s line %d differs\ngot  %s\nwant %s", path, i+1, at(g, i), at(w, i))
		}
	}
}

func at(lines [][]byte, i int) []byte {
	if i < len(lines) {
		return lines[i]
	}
	return []byte("(no such line)")
}

// nulls is the path of the first null of a JSON value.
func nulls(path string, value any) string {
	switch value := value.(type) {
	case nil:
		return path
	case map[string]any:
		for name, v := range value {
			if at := nulls(path+"."+name, v); at != "" {
				return at
			}
		}
	case []any:
		for _, v := range value {
			if at := nulls(path+"[]", v); at != "" {
				return at
			}
		}
	}
	return ""
}

// array is a float32 .npy.
func array(rows, cols int, of func(i int) float32) string {
	t := inspect.Tensor{DType: inspect.F32, Shape: []int{rows, cols}, Data: make([]float32, rows*cols)}
	for i := range t.Data {
		t.Data[i] = of(i)
	}
	var b strings.Builder
	if err := checkpoint.WriteNPY(&b, t); err != nil {
		panic(err)
	}
	return b.String()
}
