package main

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fp4tui/exec"
)

// schema is the part of JSON Schema that docs/result.schema.json uses. A keyword that is
// not here fails the test that reads the file.
type schema struct {
	Schema               string             `json:"$schema"`
	Title                string             `json:"title"`
	Ref                  string             `json:"$ref"`
	Type                 string             `json:"type"`
	Const                any                `json:"const"`
	Enum                 []any              `json:"enum"`
	Properties           map[string]*schema `json:"properties"`
	Required             []string           `json:"required"`
	AdditionalProperties *bool              `json:"additionalProperties"`
	Items                *schema            `json:"items"`
	MinItems             *int               `json:"minItems"`
	MaxItems             *int               `json:"maxItems"`
	OneOf                []*schema          `json:"oneOf"`
	AllOf                []*schema          `json:"allOf"`
	If                   *schema            `json:"if"`
	Then                 *schema            `json:"then"`
	Defs                 map[string]*schema `json:"$defs"`
}

// committedSchema reads docs/result.schema.json.
func committedSchema(t *testing.T) *schema {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(cat(t, filepath.Join("..", "..", "docs", "result.schema.json"))))
	dec.DisallowUnknownFields()
	var s schema
	if err := dec.Decode(&s); err != nil {
		t.Fatalf("the validator of this test does not know a keyword of the schema: %v", err)
	}
	return &s
}

// check lists what is wrong with a value.
func (s *schema) check(root *schema, at string, v any) (wrong []string) {
	fail := func(format string, args ...any) { wrong = append(wrong, at+": "+fmt.Sprintf(format, args...)) }
	if s.Ref != "" {
		def, ok := root.Defs[strings.TrimPrefix(s.Ref, "#/$defs/")]
		if !ok {
			fail("%s leads nowhere", s.Ref)
			return wrong
		}
		return def.check(root, at, v)
	}
	if s.Type != "" && !hasType(v, s.Type) {
		fail("%v is no %s", v, s.Type)
		return wrong
	}
	if s.Const != nil && !reflect.DeepEqual(s.Const, v) {
		fail("%v is not %v", v, s.Const)
	}
	if s.Enum != nil && !slices.ContainsFunc(s.Enum, func(e any) bool { return reflect.DeepEqual(e, v) }) {
		fail("%v is none of %v", v, s.Enum)
	}
	wrong = append(wrong, s.checkParts(root, at, v)...)
	return append(wrong, s.checkBranches(root, at, v)...)
}

// checkParts looks into objects and arrays.
func (s *schema) checkParts(root *schema, at string, v any) (wrong []string) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				wrong = append(wrong, at+": lacks "+name)
			}
		}
		for name, part := range v {
			p, ok := s.Properties[name]
			switch {
			case ok:
				wrong = append(wrong, p.check(root, at+"."+name, part)...)
			case s.AdditionalProperties != nil && !*s.AdditionalProperties:
				wrong = append(wrong, at+": unknown field "+name)
			}
		}
	case []any:
		if s.MinItems != nil && len(v) < *s.MinItems || s.MaxItems != nil && len(v) > *s.MaxItems {
			wrong = append(wrong, fmt.Sprintf("%s: %d items", at, len(v)))
		}
		for i, part := range v {
			if s.Items != nil {
				wrong = append(wrong, s.Items.check(root, fmt.Sprintf("%s[%d]", at, i), part)...)
			}
		}
	}
	return wrong
}

// checkBranches looks at oneOf, allOf and if.
func (s *schema) checkBranches(root *schema, at string, v any) (wrong []string) {
	if s.OneOf != nil {
		fits := 0
		for _, o := range s.OneOf {
			if len(o.check(root, at, v)) == 0 {
				fits++
			}
		}
		if fits != 1 {
			wrong = append(wrong, fmt.Sprintf("%s: %v fits %d of oneOf", at, v, fits))
		}
	}
	for _, a := range s.AllOf {
		wrong = append(wrong, a.check(root, at, v)...)
	}
	if s.If != nil && len(s.If.check(root, at, v)) == 0 {
		wrong = append(wrong, s.Then.check(root, at, v)...)
	}
	return wrong
}

func hasType(v any, name string) bool {
	switch v := v.(type) {
	case map[string]any:
		return name == "object"
	case []any:
		return name == "array"
	case string:
		return name == "string"
	case bool:
		return name == "boolean"
	case float64:
		return name == "number" || name == "integer" && v == math.Trunc(v)
	}
	return false
}

// everyVerb is one session that runs every verb and ends in every kind of result.
func everyVerb(dir string) []string {
	list := []string{
		"note every verb once", "c = load tour:minilm-w4a16", "ls c", "w = layer c layer.0.intermediate.dense", "o = load tour:minilm-bf16.safetensors",
		"w0 = tensor o intermediate.dense.weight", "x = randn 4 384 seed=1", "info w", "info c", "info x", "info w.scale", "info x[0,0:4]", "stat w.scale", "stat x", "stat w.codes",
		"hist w.scale", "hist x axis=linear bins=4", "codes w", "bytes w[0,0:16]", "bytes w.scale[0:2,0:8]", "lint c", "q = quant w0 recipe=modelopt", "qx = quant w0 format=mxfp4",
		"d = dequant q", "y = gemm x w", "ya = gemm x w backend=all", "dd = gemm x w against=ref", "map dd", "info dd", "y4 = gemm x w mode=w4a4", "info y4.act", "yt = gemm x w mode=w4a4 actper=token order=split:2 epilogue=out", "r = gemm x w0 backend=ref",
		"mma kind=mxf4 a=" + strings.Repeat("2", 64) + " b=" + strings.Repeat("2", 64) + " sfa=7f7f sfb=7f7f", "mma kind=mxf4 a=" + strings.Repeat("2", 64) + " b=" + strings.Repeat("2", 64) + " sfa=ff7f sfb=7f7f",
		"p = prep w for=trtllm", "info p", "p1 = pad w n=128 k=64", "p2 = shuffle p1", "p3 = swizzle p2", "u = unswizzle p", "whereis p[3,5]", "at p 100", "at p 3 of=scales",
		"identify p as=w", "plan w tp=8", "poison p with=448", "bytes p[0:2,0:32]",
		"e = diff y r", "e0 = diff y y", "v = verdict e", "diagnose y4 x=x w=w", "map e metric=noise", "top e by=noise", "expect v.normal == 1", "map e", "map e agg=count bound=0.1", "map w.scale size=8x8", "top e 3", "where e > 0.1", "info e[@max]", "info e[0,1]", "explain e[@max]", "explain e[0,1] block=3 as=y",
		"expect e.cos > 0.9", "expect e0.sqnr_db > 100", `export y "` + filepath.ToSlash(filepath.Join(dir, "y.npy")) + `"`, "let tol = 0.5", "set out=f32", "set", "alias again = top e 2", "again",
		`source "` + filepath.ToSlash(filepath.Join(dir, "more.fp4")) + `"`, "snap view=layers size=80x24", "help", "help gemm", "let gone = 1", "undo",
		"b = load tour:broken/nan-scale.safetensors", "wb = layer b intermediate.dense", "xb = randn 2 128 seed=1", "yb = gemm xb wb", "rb = gemm xb w0[0:64,0:128] backend=ref", "eb = diff yb rb", "map eb", "top eb", "info eb[0,5]", "explain eb[0,5]", "stat yb",
		"i = load tour:broken/index-mismatch", "lint i", "expect eb.max_abs < 1e-9", "expect 0 / 0 < 1", "info w.global", "quit",
	}
	return list
}

func TestJSONFollowsTheSchema(t *testing.T) {
	root, dir := committedSchema(t), t.TempDir()
	put(t, filepath.Join(dir, "more.fp4"), "z = randn 2 384 seed=2\n")
	args := []string{"run", "--json", "--stable"}
	for _, c := range everyVerb(dir) {
		args = append(args, "-c", c)
	}
	o := fp4tui(t, args...).want(t, 1)
	if o.stderr != "" {
		t.Errorf("stderr %q", o.stderr)
	}
	verbs, kinds := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(o.out) {
		v := valid(t, root, line)
		if _, ok := v["elapsed_ms"]; ok {
			t.Errorf("--stable has a time: %s", line)
		}
		kind, _ := v["kind"].(string)
		kinds[kind] = true
		words := strings.Fields(v["cmd"].(string))
		verbs[words[0]] = true
		if len(words) > 2 && words[1] == "=" {
			verbs[words[2]] = true
		}
	}
	for _, v := range session(exec.Options{}).Table().Verbs() {
		if !verbs[v] {
			t.Errorf("no line for the verb %s", v)
		}
	}
	for _, k := range exec.Kinds() {
		if !kinds[k.Kind()] {
			t.Errorf("no line of the kind %s", k.Kind())
		}
	}
	if again := fp4tui(t, args...); again.out != o.out {
		t.Error("--json --stable differs from run to run")
	}
}

// valid checks one line of JSON.
func valid(t *testing.T, root *schema, line string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(line), &v); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	for _, w := range root.check(root, "line", v) {
		t.Errorf("%s\n%.300s", w, line)
	}
	if (v["error"] == nil) != (v["ok"] == true) {
		t.Errorf("ok %v and error %v: %s", v["ok"], v["error"], line)
	}
	return v
}

// Failures are lines of the schema too, with the code that decides the exit code.
func TestJSONFailures(t *testing.T) {
	root := committedSchema(t)
	for _, c := range []struct {
		command, code string
		exit          int
	}{
		{"lod x", "usage", 2},
		{"stat x", "usage", 2},
		{"load /no/such/file.npy", "missing", 3},
		{"load tour:nothing", "missing", 3},
		{"load tour:broken/empty.safetensors", "malformed", 3},
		{"expect 1 > 2", "check", 1},
		{"mma kind=bf16 arch=sm70 a=0000 b=0000", "unsupported", 3},
	} {
		o := fp4tui(t, "run", "--json", "-c", c.command).want(t, c.exit)
		v := valid(t, root, strings.TrimSpace(o.out))
		failure, _ := v["error"].(map[string]any)
		if failure["code"] != c.code || v["ok"] != false || o.stderr != "" {
			t.Errorf("%s: %s, stderr %q", c.command, o.out, o.stderr)
		}
	}
}
