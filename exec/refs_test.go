package exec

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fp4tui/exec/compare"
	"fp4tui/inspect"
)

func TestWindows(t *testing.T) {
	r := newRig(t, "t = randn 3 4 5 6 seed=1")
	whole := r.snapshot().handles["t"].(*tensorValue).tensor
	at := func(i, j, k, l int) float32 { return whole.Data[((i*4+j)*5+k)*6+l] }
	for _, c := range []struct {
		line  string
		shape []int
		first float32
	}{
		{"u = diff t t", nil, 0},
		{"info t", []int{3, 4, 5, 6}, at(0, 0, 0, 0)},
		{"info t[1]", []int{4, 5, 6}, at(1, 0, 0, 0)},
		{"info t[1:3]", []int{2, 4, 5, 6}, at(1, 0, 0, 0)},
		{"info t[:,2:,4,1:3]", []int{3, 2, 2}, at(0, 2, 4, 1)},
		{"info t[2,3,4,5]", []int{}, at(2, 3, 4, 5)},
		{"info t[2:,3:,4:,5:]", []int{1, 1, 1, 1}, at(2, 3, 4, 5)},
	} {
		got, ok := r.do(c.line).(TensorInfo)
		if !ok {
			continue
		}
		if !reflect.DeepEqual(got.Shape, c.shape) {
			t.Errorf("%s: shape %v, want %v", c.line, got.Shape, c.shape)
		}
		line, err := r.table.Parse(c.line)
		if err != nil {
			t.Fatal(err)
		}
		cut, err := window(whole, line.Cmd.(*InfoCmd).X)
		if err != nil || cut.Data[0] != c.first || len(cut.Data) != inspect.Numel(c.shape) {
			t.Errorf("%s: %v, first %v of %d, want %v", c.line, err, cut.Data[0], len(cut.Data), c.first)
		}
	}
	for line, wants := range map[string][]string{
		"stat t[3]":           {"t[3]", "dimension 0", "3 elements", "0 to 2"},
		"stat t[0:4]":         {"dimension 0", "3 elements"},
		"stat t[:,:,0:9]":     {"dimension 2", "5 elements"},
		"stat t[0,0,0,0,0]":   {"5 indices", "4 dimensions", "3×4×5×6"},
		"map t[0:99]":         {"dimension 0", "60 elements"},
		"info u[0,6]":         {"dimension 1", "6 elements"},
		"info u[60,0]":        {"dimension 0", "60 elements"},
		"diff t[0:2] t[0:99]": {"dimension 0"},
	} {
		r.fails(line, ErrShape, wants...)
	}
}

// TestWindowsNotHonoured: a command that would answer for the whole refuses a window.
func TestWindowsNotHonoured(t *testing.T) {
	r := toured(t)
	for line, want := range map[string]string{
		"ls c[0]": "no window", "lint c[0]": "no window", "layer c[0] dense": "no window", "tensor b[0] x": "no window", "top e[0:4]": "no window", "where e[0:2] > 1": "no window",
		"info w[0:4]": "w.dequant", "info c[0]": "tensor c NAME", "info e[0:4,0:2]": "map e[0:4,0:2]", "gemm x w[0:4]": "window of the output", "gemm x w[@max]": "window of the output",
		"stat w[0:4]": "w.scale, w.codes or w.dequant", "codes w[0]": "w.scale", "dequant w[0]": "w.dequant", "map e[@max]": "[rows, columns]", "map e[0,0,0]": "[rows, columns]",
		"info e[5]": "e[m,n]", "stat x[@max]": "position of a comparison", "expect w[0,0] > 0": "w.dequant", "expect x[0:2,0] > 0": "picks many",
	} {
		r.fails(line, ErrUsage, want)
	}
	if got := r.do("info w.scale[0:4]").(TensorInfo); !reflect.DeepEqual(got.Shape, []int{4, 24}) {
		t.Errorf("a window of scales is %v", got.Shape)
	}
	r.do("expect w.scale[0,0] == 72 and w.codes[994,32] == 4")
}

// TestInfoOfTheWorst: e[@max] is the element that top names, and its terms add up to
// what was computed.
func TestInfoOfTheWorst(t *testing.T) {
	r := toured(t)
	top := r.do("top e 1").(Worst).Rows[0]
	el := r.do("info e[@max]").(Element)
	if el.M != top.M || el.N != top.N || el.Err != top.Err || el.Subject != "e[122,465]" {
		t.Errorf("%+v, worst %+v", el.ErrorPoint, top)
	}
	e := r.snapshot().handles["e"].(*diffValue)
	sum := 0.0
	for _, term := range e.terms(el.M, el.N) {
		sum += float64(term.Product)
	}
	if math.Abs(sum-float64(el.Want)) > 0.02 {
		t.Errorf("terms add up to %v, the reference is %v", sum, el.Want)
	}
	if len(el.Terms) != maxTerms || el.Others != 384-maxTerms {
		t.Errorf("%d terms, %d others", len(el.Terms), el.Others)
	}
	for _, term := range el.Terms {
		d := r.do("bytes w[" + itoa(el.N) + "," + itoa(term.K) + "]").(Dump).Values[0]
		if d.Code != term.Code || d.Byte != term.Byte || d.High != term.High || d.Deq != term.W {
			t.Errorf("term %+v, bytes %+v", term, d)
		}
	}
}

// TestTopTies: equal errors come in the order of their place, and where agrees.
func TestTopTies(t *testing.T) {
	r := newRig(t)
	r.write("a.npy", array(4, 4, func(i int) float32 { return float32(i % 2) }))
	r.write("b.npy", array(4, 4, func(int) float32 { return 0 }))
	r.do("a = load a.npy", "b = load b.npy", "e = diff a b")
	var got [][2]int
	for _, p := range r.do("top e 8").(Worst).Rows {
		got = append(got, [2]int{p.M, p.N})
	}
	want := [][2]int{{0, 1}, {0, 3}, {1, 1}, {1, 3}, {2, 1}, {2, 3}, {3, 1}, {3, 3}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("top %v", got)
	}
	m := r.do("where e >= 1").(Matches)
	if m.Count != 8 || m.Total != 16 || m.Rows[1].N != 3 {
		t.Errorf("%+v", m)
	}
	for line, count := range map[string]int64{"where e > 1": 0, "where e == 0": 8, "where e != 0": 8, "where e < 1": 8, "where e <= 1": 16, "where e == nan": 0, "where e < -1 by=signed": 0} {
		if got := r.do(line).(Matches).Count; got != count {
			t.Errorf("%s: %d, want %d", line, got, count)
		}
	}
	if top := r.do("top e 1000").(Worst); len(top.Rows) != 8 || top.Total != 16 {
		t.Errorf("top lists %d of %d; 8 have an error", len(top.Rows), top.Total)
	}
}

func TestExpect(t *testing.T) {
	r := toured(t)
	check := func(line string, ok bool) Check {
		t.Helper()
		cell := r.Run(context.Background(), line, nil)
		c, is := cell.Result.(Check)
		if !is || c.OK != ok || errors.Is(cell.Err, ErrCheckFailed) == ok {
			t.Errorf("%s: %+v %v", line, c, cell.Err)
		}
		return c
	}
	c := check(`expect e.max_abs < 0.001, "why not"`, false)
	if c.Why != "why not" || !slices.Equal(c.At, []int{122, 465}) || c.Terms[0].Margin != 15.625 || c.Terms[0].Actual != 0.015625 || c.Mismatched <= 0 {
		t.Errorf("%+v", c)
	}
	if passing := float64(c.Terms[0].Passing); !(passing > 0.015625) || passing > 0.0157 {
		t.Errorf("smallest passing bound %v", passing)
	}
	check("expect e.max_abs <= 0.015625 and e[@max] == 0.015625", true)
	check("expect e.mismatched(1, 1) == 0 and e.mismatched > 0", true)
	check("expect x.nan == 0 and not x.nan > 0 or 1 < 0 * x.nan", true)
	check("expect w.scale.max == 448 and w.n == 1536 and w.k == 384", true)
	check("expect -1 < w.global", true)
	r.fails("expect b.nan == 0", ErrUsage, "no attribute nan")
	r.fails("expect e.nosuch < 1", ErrUsage, "nosuch")
	r.fails("expect x.max(1, 2) < 1", ErrUsage, "not called")
	r.fails("expect e.mismatched(1) < 1", ErrUsage, "2 numbers")
	r.fails("expect y.xq.scale.nan == 0", inspect.ErrMissing, "did not quantize")
	r.fails("expect w.input_global > 0", inspect.ErrMissing, "no activation global scale")
}

// TestExpectDistrustsNaN: metrics leave NaN out, so a bound on them alone must not pass
// while there is any; naming .nan says that they are known.
func TestExpectDistrustsNaN(t *testing.T) {
	r := newRig(t)
	r.write("a.npy", array(2, 4, func(i int) float32 { return float32(math.Log(float64(i - 1))) }))
	r.do("a = load a.npy", "e = diff a a", "f = diff a[1] a[1]")
	for line, ok := range map[string]bool{
		"expect e.max_abs == 0": false, "expect e.cos > 0.9 or e.max_abs < 1": false, "expect e.nan == 1 and e.max_abs == 0": true, "expect e.nan <= 1": true,
		"expect e.max_abs == 0 or e.nan > 5": true, "expect e.nan == 0": false, "expect f.max_abs == 0": true, "expect f.max_abs == 0 and e.max_abs == 0": false,
		"expect e.mismatched < 8": false, "expect e[0,0] < 1": false, "expect e[0,0] != 1": true, "expect a.nan == 1": true,
	} {
		cell := r.Run(context.Background(), line, nil)
		c, is := cell.Result.(Check)
		if !is || c.OK != ok {
			t.Errorf("%s: %+v %v", line, c, cell.Err)
			continue
		}
		failed := slices.ContainsFunc(c.Terms, func(t CheckTerm) bool { return !t.OK })
		if !ok && !failed {
			t.Errorf("%s fails and no term says why: %+v", line, c.Terms)
		}
	}
}

// TestBytesColumns: every row of a dump names the column of its first element.
// The names of a checkpoint are offered where a layer is wanted, from any part of them.
func TestCompleteLayer(t *testing.T) {
	r := newRig(t, "c = load tour:minilm-w4a16")
	for line, want := range map[string]int{"w2 = layer c layer.0.": 6, "layer c encoder.layer.1.": 6, "layer c ": 12, "tensor c query.weight_pa": 2} {
		if got := r.Complete(line, len(line)); len(got) != want {
			t.Errorf("%q: %d candidates, want %d: %v", line, len(got), want, got)
		}
	}
}

func TestBytesColumns(t *testing.T) {
	r := toured(t)
	for line, col := range map[string]int{"bytes w[3,0:64]": 0, "bytes w[3,32:64]": 32, "bytes w[3,33:35]": 32, "bytes w[3,15:80]": 14, "bytes w.scale[3,5:9]": 5, "bytes o[3,7:9]": 7} {
		d := r.do(line).(Dump)
		if d.Rows[0].Col != col || d.Rows[0].Row != 3 {
			t.Errorf("%s begins at [%d,%d], want column %d", line, d.Rows[0].Row, d.Rows[0].Col, col)
		}
		for i, row := range d.Rows {
			if i > 0 && row.Col != d.Rows[i-1].Col+len(d.Rows[i-1].Hex) {
				t.Errorf("%s: row %d begins at column %d", line, i, row.Col)
			}
		}
	}
}

func TestOneCheckpoint(t *testing.T) {
	r := newRig(t)
	r.fails("ls", ErrUsage, "no checkpoint is open", "c = load PATH")
	r.do("b = load tour:minilm-w4a16", "ls", "lint", "a = load tour:minilm-w4a4")
	r.fails("ls", ErrUsage, "2 checkpoints", "a, b")
	r.fails("stat a", ErrUsage, "")
	r.fails("tensor a layer.0.intermediate.dense.weight_scal", inspect.ErrMissing, "did you mean encoder.layer.0.intermediate.dense.weight_scale?")
	r.fails("tensor b weight_scale", inspect.ErrMissing, "12 tensors end in this name", "say more of it")
}

// TestMetricsAreAttributes: every number of a diff's result can be asked for in expect.
func TestMetricsAreAttributes(t *testing.T) {
	r := toured(t)
	position := map[string]bool{}
	for _, m := range compare.Table() {
		position[m.Name] = m.Kind == compare.Position
	}
	for _, m := range r.do("info e").(Diff).Metrics {
		if position[m.Name] {
			continue
		}
		got := r.do("let v = e." + m.Name).(Setting).Items[0].Text
		if v := r.snapshot().handles["v"].(numberValue); Float(v.value) != m.Value {
			t.Errorf("e.%s is %s, the result says %v", m.Name, got, m.Value)
		}
	}
	var missing []string
	for _, a := range r.attributes()[kindTensor] {
		if cell := r.Run(context.Background(), "let v = y."+a.name, nil); cell.Err != nil {
			missing = append(missing, a.name)
		}
	}
	if missing != nil {
		t.Errorf("a product has no %s", strings.Join(missing, ", "))
	}
}
