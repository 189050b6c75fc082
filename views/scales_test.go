package views

import (
	"context"
	"math"
	"strings"
	"testing"

	"fp4tui/exec"
)

// scaleEngine is the fake with a layer whose scales are not all ordinary.
type scaleEngine struct{ *fakeEngine }

func (f scaleEngine) Peek(ctx context.Context, line string) (exec.Result, error) {
	result, err := f.fakeEngine.Peek(ctx, line)
	switch r := result.(type) {
	case exec.Histogram:
		r.Pill = []exec.Pill{{Name: "nan", Count: 1, Level: "bad"}, {Name: "zero", Count: 1, Level: "warn"}, {Name: "subnormal", Count: 2, Level: "warn"}, {Name: "saturated", Count: 1, Level: "ok"}}
		return r, err
	case exec.Heat:
		return scaleMap(r, line), err
	}
	return result, err
}

// scaleMap has one saturated block at K block 3, a subnormal one at 5, a zero one at 7 and a
// NaN at 9, all in the first rows.
func scaleMap(h exec.Heat, line string) exec.Heat {
	h.Agg, h.M, h.N = "max", fakeN, fakeK/fakeBlock
	all := float64(h.RowStep * h.ColStep)
	for i := range h.Values {
		x, first := i%h.W*h.ColStep, i < h.W
		v := 60 + float64(x%3)*100
		low := first && x == 5 || first && x == 7
		switch {
		case strings.Contains(line, "bound=0.0146"):
			if v = all; low {
				v--
			}
		case strings.Contains(line, "bound=0"):
			if v = all; first && x == 7 {
				v--
			}
		case first && x == 3:
			v = 448
		case first && x == 9:
			h.NaNs[i] = 1
		}
		h.Values[i] = exec.Float32(v)
	}
	return h
}

// TestScaleSigns: saturated, subnormal, zero and NaN blocks have a sign each, also where a
// pixel holds many blocks.
func TestScaleSigns(t *testing.T) {
	for _, profile := range []Profile{ProfileTrueColor, ProfileNever} {
		d := newDriver(t, Options{Engine: scaleEngine{newFake()}, Path: "x", Profile: profile}, 80, 24).keys("enter j g s")
		d.exact()
		row := []rune(d.lines()[4])[40:]
		line := strings.TrimSpace(string(row))
		for _, sign := range []string{"@", ",", "0", "!"} {
			if !strings.Contains(line, sign) {
				t.Errorf("%s: no %q in %q", profile, sign, line)
			}
		}
		if order := strings.Map(func(r rune) rune {
			if strings.ContainsRune("@,!", r) {
				return r
			}
			return -1
		}, line); order != "@,!" {
			t.Errorf("%s: the signs are %q in %q", profile, order, line)
		}
		d.sees("@ 448  , subnormal")
	}
	if plain := opened(t, 80, 24, ProfileNever).keys("enter g s"); len(plain.app.panes[scalesView].(*scalesPane).lowLines(plain.app.scene())) != 0 {
		t.Error("counts are asked for without a zero or subnormal scale")
	}
}

func TestMeans(t *testing.T) {
	if got := meanOf([]exec.Float{1, 2, 6}, 1, 9); got != 4 {
		t.Errorf("mean %v, want 4", got)
	}
	if got := meanOf([]exec.Float{1, exec.Float(math.NaN())}, 0, 2); got == got {
		t.Errorf("the mean with a NaN is %v", got)
	}
	if got := meanOf(nil, 0, 2); got != 0 {
		t.Errorf("the mean of nothing is %v", got)
	}
	opened(t, 120, 40, ProfileNever).keys("enter g s").sees("means of K blocks, top at 9", "means of 32 rows, top at 31")
}
