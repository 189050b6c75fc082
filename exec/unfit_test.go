package exec

import (
	"math"
	"strings"
	"testing"

	"fp4tui/inspect"
)

// The shapes that known mistakes leave behind are called by their cause, with a cure.
func TestUnfitNamesTheMistake(t *testing.T) {
	for _, c := range []struct {
		got, want []int
		why, cure string
	}{
		{[]int{16, 1024}, []int{16, 1000}, "1024 is N 1000 padded to ×128: the output was not sliced", "y[:,0:1000]"},
		{[]int{2, 8, 1008}, []int{2, 8, 1000}, "1008 is N 1000 padded to ×16", "y[:,:,0:1000]"},
		{[]int{2, 1000}, []int{2, 8, 1000}, "2 is x.shape[0]: x has 3 dimensions and was taken for 2-D", "2×8×1000"},
		{[]int{8, 1000}, []int{2, 8, 1000}, "8 is one of the leading dimensions of x, 2×8", "2×8×1000"},
		{[]int{16, 999}, []int{16, 1000}, "", ""},
		{nil, []int{16, 1000}, "", ""},
	} {
		err := unfit("y", c.got, c.want, "")
		if !strings.Contains(err.Error(), c.why) || !strings.Contains(HintOf(err), c.cure) || (c.cure == "") != (HintOf(err) == "") {
			t.Errorf("%v for %v: %v, hint %q; want %q, %q", c.got, c.want, err, HintOf(err), c.why, c.cure)
		}
	}
}

// Zeros against zeros are no healthy layer, and an output without a number in it is no output of x and w.
func TestVerdictsOfNoNumbers(t *testing.T) {
	s := newSickbed(t, 128)
	s.tensor("zero", make([]float32, s.m*s.n), s.m, s.n, inspect.BF16)
	s.do("e = diff zero zero")
	if v := s.do("verdict e w=w x=x").(Verdict); !strings.Contains(v.Verdict, "both are zero") {
		t.Errorf("zeros against zeros: %s", v.Verdict)
	}
	if d := s.do("diagnose zero x=x w=w").(Diagnosed); !strings.HasPrefix(d.Verdict, "every output is zero: ") || !strings.Contains(d.Verdict, "nothing was written") {
		t.Errorf("zeros: %s", d.Verdict)
	}
	none := make([]float32, s.m*s.n)
	for i := range none {
		none[i] = float32(math.NaN())
	}
	s.tensor("none", none, s.m, s.n, inspect.BF16)
	if d := s.do("diagnose none x=x w=w").(Diagnosed); d.Clean || !strings.HasPrefix(d.Verdict, "every output is NaN") {
		t.Errorf("NaN: %s", d.Verdict)
	}
}
