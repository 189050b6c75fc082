package fdpa

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"fp4tui/inspect/fp4"
)

// layerWeight is a gaussian N×K weight as a quantizer leaves it: the largest of a
// block has code 6 or close to it.
func layerWeight(r *rand.Rand, n, k, block int, t fp4.Format) *fp4.Blocks {
	w := &fp4.Blocks{Rows: n, Cols: k, Block: block, ScaleType: t, Codes: make([]byte, n*k/2)}
	w.Scales = make([]byte, n*w.ScaleCols())
	v := make([]float64, block)
	for b := range w.Scales {
		amax := 0.0
		for i := range v {
			v[i] = r.NormFloat64()
			amax = max(amax, math.Abs(v[i]))
		}
		if t == fp4.E8M0 {
			w.Scales[b] = uint8(127 + math.Floor(math.Log2(amax)) - 2)
		} else {
			w.Scales[b] = uint8(t.EncodeSat(float32(amax/6*100), fp4.NearestEven))
		}
		s := float64(t.Decode(uint16(w.Scales[b])))
		if t != fp4.E8M0 {
			s /= 100
		}
		for i := range v {
			w.Codes[(b*block+i)/2] |= fp4.EncodeE2M1(float32(v[i]/s)) << (4 * (i & 1))
		}
	}
	return w
}

// activationKinds are rows of x: Laplace has heavier tails, and the outliers are four
// channels × 500.
var activationKinds = []struct {
	name string
	at   func(r *rand.Rand, k int) float64
}{
	{"gauss", func(r *rand.Rand, _ int) float64 { return r.NormFloat64() }},
	{"laplace", func(r *rand.Rand, _ int) float64 { return r.ExpFloat64() * float64(1-2*r.IntN(2)) }},
	{"outlier", func(r *rand.Rand, k int) float64 {
		if k%1024 == 77 {
			return 500 * r.NormFloat64()
		}
		return r.NormFloat64()
	}},
}

// BenchmarkRun is one layer, its preparation included.
func BenchmarkRun(b *testing.B) {
	const n, k = 4096, 4096
	for _, f := range []struct {
		name  string
		block int
		t     fp4.Format
	}{{"nvfp4", 16, fp4.E4M3}, {"mxfp4", 32, fp4.E8M0}} {
		w := layerWeight(rand.New(rand.NewPCG(3, 4)), n, k, f.block, f.t)
		for _, kind := range activationKinds {
			for _, m := range []int{1, 16, 128, 512} {
				for _, in := range instructions {
					for _, path := range Paths() {
						b.Run(fmt.Sprintf("%s/%s/M=%d/L=%d/%s", f.name, kind.name, m, in.L, path), func(b *testing.B) {
							benchmarkRun(b, NewProduct(in, m, k, w), path, kind.at)
						})
					}
				}
			}
		}
	}
}

func benchmarkRun(b *testing.B, p *Product, path Path, at func(*rand.Rand, int) float64) {
	r := rand.New(rand.NewPCG(1, 2))
	x := make([][]uint16, p.m)
	for i := range x {
		x[i] = make([]uint16, p.k)
		for j := range x[i] {
			x[i][j] = bf16(at(r, j))
		}
	}
	c := make([]float32, p.m*p.w.Rows)
	for b.Loop() {
		clear(c)
		p := NewProduct(p.Params, p.m, p.k, p.w)
		for i := range x {
			p.SetRow(i, x[i])
		}
		p.NewWorkerOn(path).Run(0, p.m, 0, p.w.Rows, 0, p.steps, c, nil)
	}
	b.ReportMetric(float64(len(c)*p.k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
}
