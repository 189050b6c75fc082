package layer

import (
	"errors"
	"math"
	"testing"

	"fp4tui/inspect"
)

func TestQuantJobCheck(t *testing.T) {
	good := QuantJob{Format: "nvfp4", Rows: 3, Cols: 64, X: make([]uint16, 192), Global: 2}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	if codes, scales := good.Sizes(); codes != 96 || scales != 12 {
		t.Errorf("%d codes, %d scales", codes, scales)
	}
	for name, spoil := range map[string]func(j *QuantJob){
		"format":         func(j *QuantJob) { j.Format = "\x1b" },
		"no rows":        func(j *QuantJob) { j.Rows, j.X = 0, nil },
		"negative":       func(j *QuantJob) { j.Rows, j.Cols = -3, -64 },
		"broken block":   func(j *QuantJob) { j.Cols, j.X = 40, j.X[:120] },
		"mx block":       func(j *QuantJob) { j.Format, j.Cols, j.X = "mxfp4", 48, j.X[:144] },
		"short":          func(j *QuantJob) { j.X = j.X[1:] },
		"overflow":       func(j *QuantJob) { j.Rows, j.Cols = 1<<31, 1<<31 },
		"wraps to right": func(j *QuantJob) { j.Rows, j.Cols, j.X = 1<<62, 64, nil },
		"global 0":       func(j *QuantJob) { j.Global = 0 },
		"global -1":      func(j *QuantJob) { j.Global = -1 },
		"global inf":     func(j *QuantJob) { j.Global = float32(math.Inf(1)) },
	} {
		j := good
		spoil(&j)
		if err := j.Check(); !errors.Is(err, inspect.ErrMismatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (&QuantJob{Format: "nvfp4", Cols: 64}).Check(); err == nil || err.Error() != "cannot quantize 0×64: there is nothing in it" {
		t.Error(err)
	}
	nan := good
	nan.Global = float32(math.NaN())
	mx := QuantJob{Format: "mxfp4", Rows: 1, Cols: 32, X: make([]uint16, 32)}
	for _, j := range []QuantJob{nan, mx} {
		if err := j.Check(); err != nil {
			t.Error(err)
		}
	}
}
