package exec

import (
	"testing"

	"fp4tui/exec/gemm"
	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

// metric is the value of a metric in a diff, and whether it is there.
func metric(d Diff, name string) (Float, bool) {
	for _, m := range d.Metrics {
		if m.Name == name {
			return m.Value, true
		}
	}
	return 0, false
}

// TestCertificate: products say what is proven, another order of the same product has
// no proven mismatch, and a broken kernel's output has many.
func TestCertificate(t *testing.T) {
	r := models(t)
	for _, gemm := range []string{"gemm x[0:8] w16", "gemm x[0:8] w4", "gemm x[0:8] mx"} {
		p := r.do("y = " + gemm).(Product)
		if p.Proof == nil || p.Proof.Exact+p.Proof.SameWord+p.Proof.Unproven != 8*1536 || p.Proof.Unproven > 8*1536/10 {
			t.Errorf("%s: %+v", gemm, p.Proof)
			continue
		}
		for _, order := range []string{"reverse", "split:3", "stream:5", "sliced:2"} {
			r.do("z = " + gemm + " order=" + order)
			d := r.do("e = diff y z").(Diff)
			claimed := p.Mode == "w4a4" || order != "sliced:2"
			if n, ok := metric(d, "proven_mismatch"); ok != claimed || n != 0 {
				t.Errorf("%s order=%s: proven_mismatch %v, %v", gemm, order, n, ok)
			}
			if n, ok := metric(d, "unproven"); !ok || int64(n) != p.Proof.Unproven {
				t.Errorf("%s order=%s: unproven %v, the product says %d", gemm, order, n, p.Proof.Unproven)
			}
		}
	}
}

// TestInstructionOfAKernel: what a device says of its instruction counts before arch=, what it
// is called does not.
func TestInstructionOfAKernel(t *testing.T) {
	of := func(said, asked string) gemm.Params {
		v := productValue{forward: layer.Forward{Arch: asked}}
		v.out.By, v.out.Device, v.out.Arch = "w4a16", "NVIDIA A100-SXM4-80GB sm_80", said
		return v.instruction()
	}
	ampere, hopper := of("", "sm80"), of("", "sm90")
	if ampere == hopper || ampere == (gemm.Params{}) {
		t.Fatal("sm80 and sm90 have the same rule")
	}
	for _, test := range []struct {
		said, asked string
		want        gemm.Params
	}{{"sm80", "sm100", ampere}, {"sm90", "sm80", hopper}, {"", "sm100", hopper}, {"sm999", "sm80", gemm.Params{}}} {
		if got := of(test.said, test.asked); got != test.want {
			t.Errorf("%s, asked for %s: %+v, want %+v", test.said, test.asked, got, test.want)
		}
	}
}

// TestProvenMismatch: what a kernel with another act scale returns differs on proven
// outputs, and on the map of them.
func TestProvenMismatch(t *testing.T) {
	r := models(t)
	r.do("y = gemm x[0:8] w4")
	r.do("z = gemm x[0:8] w4 act=448")
	if d := r.do("e = diff y z").(Diff); d.Bind.Handle != "e" {
		t.Fatal(d)
	} else if _, ok := metric(d, "proven_mismatch"); ok {
		t.Error("two products with other codes are no runs of the same product")
	}
	r.do("export z z.npy")
	r.do("engine = load z.npy")
	d := r.do("e = diff engine y").(Diff)
	if n, _ := metric(d, "proven_mismatch"); n < 8*1536/2 {
		t.Errorf("proven_mismatch %v", n)
	}
	if h := r.do("map e metric=proven_mismatch").(Heat); h.Hi == 0 {
		t.Error("the map of proven mismatches is empty")
	}
	if h := r.do("map e metric=unproven agg=mean").(Heat); h.Hi > 0.2 {
		t.Errorf("unproven share up to %v", h.Hi)
	}
}

// TestNoCertificate: what needs a certificate says what to compare instead.
func TestNoCertificate(t *testing.T) {
	r := models(t)
	r.do("r = gemm x[0:4] w4 backend=ref")
	r.do("y = gemm x[0:4] w4")
	r.do("e = diff y r")
	r.do("d = diff r r")
	for line, want := range map[string]string{
		"map e metric=proven_mismatch": "not two runs of the same product",
		"map d metric=unproven":        "neither side is a product of backend=emu",
		"expect d.proven > 0":          "neither side is a product of backend=emu",
		"top e by=proven_mismatch":     "not two runs of the same product",
	} {
		r.fails(line, inspect.ErrMissing, want)
	}
}

// TestReferenceIsNoRun: a file that a product is held against, or one of another output
// type, need not be the same product, and none of its elements is called a bug.
func TestReferenceIsNoRun(t *testing.T) {
	r := models(t)
	r.do("y = gemm x[0:8] w4")
	r.do("h = gemm x[0:8] w4 out=fp16")
	r.do("f = gemm x[0:8] w4 out=f32")
	for _, name := range []string{"y", "h", "f"} {
		r.do("export " + name + " " + name + ".npy")
		r.do("file_" + name + " = load " + name + ".npy")
	}
	for line, judged := range map[string]bool{
		"diff file_y y": true, "diff file_h h": true, "diff file_f f": true, "diff file_y f": true,
		"diff file_h y": false, "diff file_f y": false, "diff file_f h": false, "diff file_h f": false,
		"diff y file_y": false, "diff f file_f": false, "diff file_y[0:4] y[0:4]": false,
	} {
		if _, ok := metric(r.do(line).(Diff), "proven_mismatch"); ok != judged {
			t.Errorf("%s: proven_mismatch is there: %v, want %v", line, ok, judged)
		}
	}
	r.do("e = diff y file_y")
	r.fails("top e by=proven_mismatch", inspect.ErrMissing, "file_y is a reference")
	r.do("e = diff file_h y")
	r.fails("top e by=proven_mismatch", inspect.ErrMissing, "not all bf16, the output type of y")
}
