package language

import "testing"

// The commands below are those of the tool in miniature: one of every kind of field.

type loadCmd struct {
	Path Path `arg:"PATH" doc:"file, directory or hub id"`
}
type lsCmd struct {
	C     *Ref   `arg:"C,optional" doc:"checkpoint" kind:"checkpoint"`
	Match string `key:"match" doc:"only names that match this glob"`
}
type layerCmd struct {
	C    Ref    `arg:"C" doc:"checkpoint" kind:"checkpoint" window:"none"`
	Name string `arg:"NAME" doc:"any unique suffix of its name" complete:"layer"`
}
type randnCmd struct {
	Dims     []int    `arg:"D,variadic" doc:"dimensions; the last one is K" min:"1"`
	Seed     *uint64  `key:"seed,file" doc:"of the generator"`
	DType    string   `key:"dtype" enum:"bf16|fp16|f32" default:"bf16" doc:"of the values"`
	Outliers Outliers `key:"outliers" doc:"channels multiplied: COUNT@FACTOR"`
}
type gemmCmd struct {
	X       Ref    `arg:"X" kind:"tensor|product" doc:"activations […,K]"`
	W       Ref    `arg:"W" kind:"layer|tensor" doc:"weights [N,K]"`
	Backend string `key:"backend" enum:"ref" default:"emu" doc:"who computes"`
	Mode    string `key:"mode" enum:"w4a16|w4a4" doc:"are activations quantized"`
	Act     string `key:"act" enum:"dynamic|static|none|1/weight|VALUE" doc:"activation global scale"`
	Fast    *bool  `key:"fast" default:"yes" doc:"vector path"`
}
type diffCmd struct {
	Y Ref `arg:"Y" kind:"tensor|product" doc:"what was computed"`
	R Ref `arg:"R" kind:"tensor|product" doc:"what is right"`
}
type mapCmd struct {
	E    Ref    `arg:"E" kind:"diff" doc:"an error"`
	Size Size   `key:"size" doc:"of the picture"`
	Agg  string `key:"agg" enum:"max|mean|count" default:"max" doc:"what a pixel shows"`
}
type topCmd struct {
	E  Ref    `arg:"E" kind:"diff" doc:"an error"`
	N  int    `arg:"N,optional" doc:"how many" min:"1" max:"1000" default:"10"`
	By string `key:"by" enum:"abs|noise" doc:"metric"`
}
type whereCmd struct {
	E     Ref    `arg:"E" kind:"diff" doc:"an error"`
	Op    Op     `arg:"OP" doc:"comparison"`
	Bound Number `arg:"BOUND" doc:"bound"`
}
type explainCmd struct {
	E Ref `arg:"E" kind:"diff" window:"point" doc:"one element of an error"`
}
type mmaCmd struct {
	Kind string  `key:"kind,required" enum:"mxf4|bf16" doc:"instruction"`
	A    HexBits `key:"a" doc:"bits of A"`
	Ks   []int   `key:"ks" doc:"a list"`
}
type statCmd struct {
	X Ref `arg:"X" doc:"a layer, tensor or an attribute"`
}
type expectCmd struct {
	Expr Expr `arg:"EXPR,rest" doc:"a check"`
}
type letCmd struct {
	Assign Assign `arg:"EXPR,rest" doc:"a number"`
}
type aliasCmd struct {
	Macro Macro `arg:"COMMAND,rest" doc:"what the name stands for"`
}
type noteCmd struct {
	Text Text `arg:"TEXT,rest" doc:"words for the reader"`
}
type padCmd struct {
	P Ref `arg:"P" kind:"layer" doc:"weights"`
	shared2
}
type shared2 struct {
	Layout string  `key:"layout" doc:"target"`
	Tol    *Number `key:"tol" doc:"tolerance"`
}

func testSpecs() []Spec {
	return []Spec{
		{Verb: "load", Group: "open", Summary: "open a file", Binds: "checkpoint|tensor", New: func() any { return &loadCmd{} },
			Examples: []string{"c = load samples/minilm-w4a16"}},
		{Verb: "ls", Group: "open", Summary: "list layers", New: func() any { return &lsCmd{} }, Examples: []string{"ls c match=*.dense"}},
		{Verb: "layer", Group: "open", Summary: "a layer handle", Binds: "layer", New: func() any { return &layerCmd{} },
			Examples: []string{"w = layer c encoder.layer.0.intermediate.dense"}},
		{Verb: "randn", Group: "run", Summary: "test activations", Binds: "tensor", New: func() any { return &randnCmd{} },
			Examples: []string{"x = randn 4 128 384 seed=7 outliers=3@20"}},
		{Verb: "gemm", Group: "run", Summary: "one layer", Binds: "product", New: func() any { return &gemmCmd{} },
			Enums: map[string][]string{"backend": {"ref", "emu", "cuda"}}, Detail: "Multiplies.",
			Examples: []string{"y = gemm x w backend=emu"}},
		{Verb: "diff", Group: "compare", Summary: "per-element error", Binds: "diff", New: func() any { return &diffCmd{} }},
		{Verb: "map", Group: "compare", Summary: "the error map", New: func() any { return &mapCmd{} }, Examples: []string{"map e size=48x16"}},
		{Verb: "top", Group: "compare", Summary: "worst elements", New: func() any { return &topCmd{} }},
		{Verb: "where", Group: "compare", Summary: "all above a bound", New: func() any { return &whereCmd{} }, Examples: []string{"where e > 0.01"}},
		{Verb: "explain", Group: "compare", Summary: "why this element", New: func() any { return &explainCmd{} }, Examples: []string{"explain e[@max]"}},
		{Verb: "mma", Group: "run", Summary: "one instruction", New: func() any { return &mmaCmd{} }},
		{Verb: "stat", Group: "look", Summary: "statistics", New: func() any { return &statCmd{} }},
		{Verb: "pad", Group: "layout", Summary: "pad rows", Binds: "buffer", New: func() any { return &padCmd{} }},
		{Verb: "expect", Group: "check", Summary: "check a number", New: func() any { return &expectCmd{} },
			Examples: []string{`expect e.max_abs < 0.001 and e.cos >= 0.9999, "healthy"`}},
		{Verb: "let", Group: "session", Summary: "name a number", New: func() any { return &letCmd{} }},
		{Verb: "alias", Group: "session", Summary: "name a command", New: func() any { return &aliasCmd{} }},
		{Verb: "note", Group: "session", Summary: "words", New: func() any { return &noteCmd{} }},
	}
}

func testTable(t testing.TB) *Table {
	t.Helper()
	table, err := NewTable(testSpecs())
	if err != nil {
		t.Fatal(err)
	}
	return table
}
