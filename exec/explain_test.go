package exec

import (
	"math"
	"slices"
	"testing"

	"fp4tui/inspect"
)

// explainedBy runs explain and checks what holds of every explanation.
func explainedBy(t *testing.T, r *rig, line string) Explained {
	t.Helper()
	e, ok := r.do(line).(Explained)
	if !ok {
		t.Fatalf("%s: no explanation", line)
	}
	if !e.Adds || e.Broke != "" || len(e.Axis) > maxAxis || len(e.Blocks) > maxBlocks || len(e.Budget) == 0 {
		t.Errorf("%s: adds up %v, broke %q, %d of axis, %d blocks", line, e.Adds, e.Broke, len(e.Axis), len(e.Blocks))
	}
	sum := 0.0
	for _, part := range e.Budget {
		sum += float64(part.Part)
	}
	if math.Abs(sum-float64(e.Err)) > 1e-12*(1+math.Abs(sum)) {
		t.Errorf("%s: parts %v, error %v", line, sum, e.Err)
	}
	return e
}

// largest is the part of a budget that weighs most.
func (e Explained) largest() ErrorPart {
	return slices.MaxFunc(e.Budget, func(a, b ErrorPart) int {
		switch x, y := math.Abs(float64(a.Part)), math.Abs(float64(b.Part)); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
}

func TestExplain(t *testing.T) {
	r := toured(t)
	r.do("r0 = gemm x o", "e0 = diff y r0", "w4 = gemm x w mode=w4a4", "e4 = diff w4 r0", "p = prep w for=trtllm", "yp = gemm x p", "ep = diff yp r0",
		"ys = gemm x w order=split:4 epilogue=out out=fp16", "es = diff ys r0", "er = diff r0 y")
	e := explainedBy(t, r, "explain e0[@max]")
	if l := e.largest(); l.Kind != "weight" || l.Text != "weight quantization" || !e.ByError || e.Accumulator.Count != 24 || e.Accumulator.Instr != "bf16" {
		t.Errorf("%+v, accumulator %+v", l, e.Accumulator)
	}
	d := e.Block
	if d.Block != e.Blocks[0].Block || d.File != "tour:minilm-w4a16/model-00001-of-00002.safetensors" || len(d.Elements) != 16 || len(d.Hex) != 16 {
		t.Errorf("block %+v", d)
	}
	info := r.do("info e0[@max]").(Element)
	for _, term := range info.Terms {
		i := slices.IndexFunc(d.Elements, func(v BlockElement) bool { return v.K == term.K })
		if i >= 0 && (d.Elements[i].Byte != term.Byte || d.Elements[i].High != term.High || d.Elements[i].Code != term.Code || d.ScaleByte != term.ScaleByte) {
			t.Errorf("k %d: %+v, info says %+v", term.K, d.Elements[i], term)
		}
	}
	if e.Got != info.Got || e.GotBits != info.GotBits || e.Err != info.Err {
		t.Errorf("%v %s, info says %v %s", e.Got, e.GotBits, info.Got, info.GotBits)
	}
	if e := explainedBy(t, r, "explain e4[@max]"); e.Mode != "w4a4" || e.Accumulator.K != 64 || e.Proof.Word != "proven" || e.Block.XHex == "" || e.Blocks[0].XScale < 0 {
		t.Errorf("%+v", e)
	}
	if e := explainedBy(t, r, "explain es[5,7]"); e.Accumulator.Parts != 4 || e.Accumulator.Order != "split:4" || e.Accumulator.Count != 24 {
		t.Errorf("%+v", e.Accumulator)
	}
	if e := explainedBy(t, r, "explain er[5,7]"); e.Block.Elements[0].Code < 0 || e.Budget[0].Text != "weight not quantized" {
		t.Errorf("%+v", e.Budget)
	}
	ep := explainedBy(t, r, "explain ep[48,994] block=2")
	where := r.do("whereis p[994," + itoa(ep.Block.Elements[0].K) + "]").(Place)
	if ep.Block.Kernel != "trtllm" || ep.Block.KernelByte != where.Byte || ep.Block.KernelHigh != where.High || ep.Block.KernelScale != where.ScaleByte || ep.Block.Block != 2 {
		t.Errorf("%+v, whereis says %+v", ep.Block, where)
	}
}

// TestExplainBugs: a bug is the part of the operation that has it.
func TestExplainBugs(t *testing.T) {
	r := toured(t)
	r.write("y.npy", array(128, 1536, func(int) float32 { return 1 }))
	r.do("f = load y.npy", "ef = diff f r", "fe = diff r f", "half = prep w for=marlin steps=1", "r0 = gemm x o", "e1 = diff f r0",
		"p = shuffle w", "yb = gemm x p alpha=0.001", "ea = diff yb r")
	for _, c := range []struct{ line, kind string }{
		{"explain ef[3,4]", "unexplained"}, {"explain fe[3,4]", "unexplained"}, {"explain e1[3,4] as=y", "unexplained"}, {"explain ea[@max]", "scales"},
	} {
		if l := explainedBy(t, r, c.line).largest(); l.Kind != c.kind {
			t.Errorf("%s: the largest part is %q (%s), want %s", c.line, l.Text, l.Kind, c.kind)
		}
	}
	if e := explainedBy(t, r, "explain ef[3,4]"); e.Accumulator.Instr == "" || e.GotBy != "file y.npy" {
		t.Errorf("%+v", e)
	}
}

func TestExplainErrors(t *testing.T) {
	r := toured(t)
	r.do("x2 = randn 4 384 seed=1", "y2 = gemm x2 w", "xx = diff x x")
	r.fails("explain xx[0,0]", inspect.ErrMissing, "operands are unknown", "as=y")
	r.fails("explain e", ErrUsage, "e[@max]")
	r.fails("explain e[0:2,0]", ErrUsage, "one element")
	r.fails("explain e[0,9999]", ErrShape, "1536")
	r.fails("explain e[0,0] block=24", ErrShape, "24 blocks", "0 to 23")
	r.fails("explain e[0,0] as=y2", ErrShape, "4×1536")
	r.fails("explain y[0,0]", nil, "diff")
}
