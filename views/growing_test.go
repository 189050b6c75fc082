package views

import (
	"math"
	"strings"
	"testing"
	"time"

	"fp4tui/exec"
)

// slow is an engine whose product is half done.
type slow struct {
	exec.Engine
	looked [4]int
}

func (s *slow) Partial(w, h int) (exec.Heat, bool) {
	nan := exec.Float32(math.NaN())
	return exec.Heat{Metric: "value", M: 256, N: 4096, RowStep: 16, ColStep: 1024, H: 2, W: 4, By: "emu",
		Values: []exec.Float32{1, 2, nan, nan, 3, 4, nan, nan}, NaNs: make([]int32, 8), Lo: 1, Hi: 4}, true
}

func (s *slow) Look(m0, m1, n0, n1 int) { s.looked = [4]int{m0, m1, n0, n1} }

// TestGrowing: a product that takes long shows what it has, and nothing once it is done.
func TestGrowing(t *testing.T) {
	engine := &slow{Engine: newFake()}
	a := NewApp(Options{Engine: engine, Profile: ProfileNever})
	a.size = size{80, 24}
	a.work.job = &job{id: 7, task: task{line: "y = gemm x w"}, started: time.Now().Add(-time.Minute)}
	cmd := a.grow()
	if cmd == nil {
		t.Fatal("nobody looks at the product")
	}
	if again := a.grow(); again != nil {
		t.Error("two looks at once")
	}
	a.handle(cmd())
	text := strings.Join(a.compose().lines(), "\n")
	for _, want := range []string{"y so far, 256×4096, by emu", "not computed yet"} {
		if !strings.Contains(text, want) {
			t.Errorf("the screen lacks %q:\n%s", want, text)
		}
	}
	a.work.job = nil
	a.grow()
	if text := strings.Join(a.compose().lines(), "\n"); strings.Contains(text, "so far") {
		t.Errorf("done, and still:\n%s", text)
	}
	a.at.e, a.at.m, a.at.n = "e", 1000, 2000
	if a.look(); engine.looked != [4]int{1000 - lookRows, 1000 + lookRows, 2000 - lookCols, 2000 + lookCols} {
		t.Errorf("looked at %v", engine.looked)
	}
}
