package exec

import (
	"math"
	"runtime"
	"testing"

	"fp4tui/exec/gemm"
	"fp4tui/inspect/layer"
)

// TestPartial looks at a product from within: the map has the outputs that were told,
// no data elsewhere, and is gone with the product.
func TestPartial(t *testing.T) {
	// One worker finishes tiles in the order in which it is given them; of several the second
	// may be done before the first.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	r := models(t)
	var _ Watcher = r.Session
	r.Look(4, 5, 1500, 1501)
	first := layer.Rect{}
	looks := 0
	r.backends = []Backend{spy{gemm.Emu{}, func(told layer.Rect) {
		if first == (layer.Rect{}) {
			first = told
		}
		h, ok := r.Partial(64, 8)
		if !ok || h.M != 8 || h.N != 1536 || h.By != "emu" {
			t.Fatalf("%v %+v", ok, h)
		}
		blank, data := 0, 0
		for _, v := range h.Values {
			if math.IsNaN(float64(v)) {
				blank++
			} else {
				data++
			}
		}
		if looks++; looks == 1 && (data == 0 || blank < data) {
			t.Errorf("after the first tile %d pixels have data and %d none", data, blank)
		}
	}}}
	r.do("y = gemm x[0:8] w16")
	if looks < 2 || first.N0 > 1500 || first.N1 <= 1500 {
		t.Errorf("%d looks, the first at %v", looks, first)
	}
	if _, ok := r.Partial(64, 8); ok {
		t.Error("the product is done and still partial")
	}
}

// TestPartialSamples: a large product is looked at in every step-th row and column.
func TestPartialSamples(t *testing.T) {
	s := New(Options{})
	f := layer.Forward{}
	f.X.Shape, f.Dense = []int{4096, 2}, newTensor(2048, 2)
	end := s.watch(&f, "ref")
	defer end()
	y := make([]float32, 4096*2048)
	for i := range y {
		y[i] = float32(i/2048 + i%2048)
	}
	f.Watch.Done(layer.Rect{M0: 128, M1: 256, N0: 512, N1: 1024}, y)
	h, ok := s.Partial(32, 32)
	if !ok || h.M != 4096 || h.N != 2048 || h.H*h.RowStep != 4096 || h.W*h.ColStep != 2048 {
		t.Fatalf("%v %+v", ok, h)
	}
	if v := float64(h.Values[1*h.W+512/h.ColStep]); !(v > 600 && v < 1300) {
		t.Errorf("the pixel of row 128, column 512 is %v", v)
	}
	if v := float64(h.Values[0]); !math.IsNaN(v) {
		t.Errorf("the pixel of outputs that are not final is %v", v)
	}
}
