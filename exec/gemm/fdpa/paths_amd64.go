package fdpa

import (
	"math"

	"golang.org/x/sys/cpu"
)

// Paths lists the paths of this processor, the best last.
func Paths() []Path {
	paths := []Path{Portable}
	if x := &cpu.X86; x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512BF16 && x.HasBMI1 {
		paths = append(paths, AVX512)
	}
	return paths
}

// call is the arguments of a kernel and its working memory. The kernels know the
// offsets.
type call struct {
	x      *rowStep // of the first row, at step 0
	w      *colStep // step 0
	c      *float32 // rows × panelCols
	stride uintptr  // bytes from a row at one step to the same at the next
	rows   int
	steps  int
	step   int // where to begin; where it stopped, steps when all is done
	row    int
	half   int // 1 where steps have 8 products
	f      int32
	below  int32 // (F-23)<<23
	_      [6]int64
	ws     [maxL][panelCols]float32 // weights of a step
	we     [maxL][panelCols]int32   // their exponents
	xs     [maxL]float32
	xe     [maxL]int32
}

// steps512 runs steps until all are done or one needs the scalar rule.
//
//go:noescape
func steps512(c *call)

func (w *Worker) vector(Path) {
	w.call = new(call)
	w.run = (*Worker).vectorPart
}

// vectorPart cuts a part into calls.
func (w *Worker) vectorPart(t *part) {
	a, rows := w.call, len(t.c)/panelCols
	a.c, a.rows, a.f = &t.c[0], rows, int32(w.p.F)
	a.below = a.f<<23 - 23<<23
	a.half = 1 - w.p.L/maxL
	a.stride = uintptr(w.p.m) * 64
	most := max(1, callSteps/rows)
	for i := 0; i < len(t.panel); i += most {
		a.x, a.w = &w.p.rows[(t.step0+i)*w.p.m+t.m0], &t.panel[i]
		a.steps, a.step, a.row = min(most, len(t.panel)-i), 0, 0
		for steps512(a); a.step < a.steps; steps512(a) {
			w.scalarRow(t, i+a.step, a.row)
			if a.row++; a.row == rows {
				a.step, a.row = a.step+1, 0
			}
			if a.step == a.steps {
				break
			}
		}
	}
}

// scalarRow is one step of one row by the plain rule.
func (w *Worker) scalarRow(t *part, i, row int) {
	x := &w.p.rows[(t.step0+i)*w.p.m+t.m0+row].x
	for j, c := range t.c[row*panelCols:][:t.cols] {
		words := w.p.column(t.n0+j, t.step0+i)
		t.c[row*panelCols+j] = w.scalar(x, &words, math.Float32bits(c))
	}
}
