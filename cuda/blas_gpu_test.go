//go:build cuda && cgo && linux

package cuda

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// eights is a product of E4M3 codes, which stand for small whole numbers.
type eights struct {
	job            layer.Job // size, epilogue and output
	most           int       // multiply-adds of a launch
	x, w           []int     // M×K and N×K
	xScale, wScale float32
}

// newEights draws numbers so small that the sum of K products stays below 2^13: FP32 holds
// them, and so does a tensor core that keeps only 13 bits below the largest term.
func newEights(m, n, k int, r *rand.Rand) *eights {
	limit := int(math.Sqrt(float64(8192 / k)))
	draw := func(count int) []int {
		v := make([]int, count)
		for i := range v {
			v[i] = r.IntN(2*limit+1) - limit
		}
		return v
	}
	p := &eights{job: layer.Job{M: m, N: n, K: k, Out: inspect.F32, Alphas: []float32{1}}, most: maxLaunch, xScale: 0.5, wScale: 4}
	p.x, p.w = draw(m*k), draw(n*k)
	return p
}

// codes are rows of E4M3, with zeros up to blasPad rows.
func codes(values []int, k int) ([]byte, error) {
	b := make([]byte, padTo(len(values)/k, blasPad)*k)
	for i, v := range values {
		b[i] = byte(fp4.E4M3.Encode(float32(v), fp4.NearestEven))
		if fp4.E4M3.Decode(uint16(b[i])) != float32(v) {
			return nil, fmt.Errorf("E4M3 has no %d", v)
		}
	}
	return b, nil
}

// run takes the product through cuBLASLt as a job of native-sm100 goes, from the descriptors to
// the epilogue; kind says what the codes are taken for.
func (q *eights) run(t *testing.T, e *Engine, s *scope, kind *blasKind) (y []float32, notes []string, err error) {
	j := &q.job
	p := &product{state: e.state, scope: scope{memory: s.memory}, job: j, k: j.K, most: q.most}
	defer func() {
		for _, f := range p.later {
			f()
		}
		p.scope.close()
	}()
	a := args{rows: int64(j.M), n: int64(j.N), k: int64(j.K), alphas: int64(len(j.Alphas)), alphaPlace: int64(j.Epilogue.Alpha),
		biasPlace: int64(j.Epilogue.Bias), out: outKinds[j.Out]}
	for to, values := range map[*uint64][]int{&a.x: q.x, &a.w: q.w} {
		b, err := codes(values, j.K)
		if err != nil {
			return nil, nil, err
		}
		at, err := upload(&p.scope, b)
		if err != nil {
			return nil, nil, err
		}
		*to = uint64(at)
	}
	for to, values := range map[*uint64][]float32{&a.xScales: {q.xScale}, &a.wScales: {q.wScale}, &a.alpha: j.Alphas, &a.bias: j.Bias} {
		at, err := upload(&p.scope, values)
		if err != nil {
			return nil, nil, err
		}
		*to = uint64(at)
	}
	if p.y, err = p.scope.output(int64(j.M*j.N) * outBytes(j.Out)); err != nil {
		return nil, nil, err
	}
	a.y, p.args = uint64(p.y.at()), a
	if p.at, err = upload(&p.scope, []args{a}); err != nil {
		return nil, nil, err
	}
	if err := p.throughBlas(kind); err != nil {
		return nil, nil, err
	}
	if len(p.guarded) != 1 {
		t.Errorf("%d buffers beside the output have guards, 1 expected: the sums", len(p.guarded))
	}
	if _, err := p.bands(context.Background(), "cuBLASLt", nil); err != nil {
		return nil, nil, err
	}
	b, err := p.y.read()
	if err != nil {
		return nil, nil, err
	}
	y = make([]float32, j.M*j.N)
	return y, p.notes, decode(y, b, j, "cuBLASLt")
}

// want is the output by whole numbers, and by single operations of the epilogue.
func (q *eights) want(m, n int) float32 {
	sum := 0
	for k := range q.job.K {
		sum += q.x[m*q.job.K+k] * q.w[n*q.job.K+k]
	}
	v := float32(sum) * (q.xScale * q.wScale) // exact: a power of two
	alpha := q.job.Alphas[0]
	if len(q.job.Alphas) > 1 {
		alpha = q.job.Alphas[m]
	}
	v = float32(alpha * v)
	if q.job.Bias != nil {
		v = float32(v + q.job.Bias[n])
	}
	switch q.job.Out {
	case inspect.BF16:
		return fp4.RoundBF16(v)
	case inspect.F16:
		return fp4.RoundFP16(v)
	}
	return v
}

// check compares every word. It returns its error: it runs on the device's thread.
func (q *eights) check(y []float32) error {
	for i, got := range y {
		if want := q.want(i/q.job.N, i%q.job.N); math.Float32bits(got) != math.Float32bits(want) {
			return fmt.Errorf("y[%d,%d] is %08x (%g), must be %08x (%g)", i/q.job.N, i%q.job.N, math.Float32bits(got), got, math.Float32bits(want), want)
		}
	}
	return nil
}

// TestBlasPlumbing takes FP8 the way of NVFP4: the same function, the same calls, the same
// epilogue, another type. Sums are whole numbers that every order of K gives exactly.
func TestBlasPlumbing(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	plain := func(m, n, k int) *eights { return newEights(m, n, k, r) }
	ended := func(q *eights, out inspect.DType) *eights {
		q.job.Out, q.job.Epilogue, q.job.Alphas = out, layer.Epilogue{Bias: layer.BiasF32}, nil
		for range q.job.M {
			q.job.Alphas = append(q.job.Alphas, float32(r.Float64()))
		}
		for range q.job.N {
			q.job.Bias = append(q.job.Bias, float32(r.NormFloat64()))
		}
		return q
	}
	banded := plain(300, 130, 192)
	banded.most = 1 // bands of 128, 128 and 44 rows
	tests := []struct {
		name  string
		q     *eights
		notes int
	}{
		{"one row", plain(1, 32, 64), 1}, {"tails of m and n", plain(19, 37, 192), 1}, {"more than a tile", plain(130, 300, 512), 1},
		{"a large one", plain(257, 1000, 1024), 1}, {"a long K", plain(16, 512, 8192), 1}, {"m of one tile", plain(128, 128, 128), 1},
		{"bands", banded, 2}, {"bf16", ended(plain(35, 70, 320), inspect.BF16), 1}, {"fp16", ended(plain(65, 33, 256), inspect.F16), 1},
		{"float32 with a bias", ended(plain(3, 129, 576), inspect.F32), 1},
	}
	e := open(t, Options{})
	err := e.on(func(s *scope) error {
		if _, err := e.state.cublas(); err != nil {
			return err
		}
		for _, test := range tests {
			before := e.state.used
			y, notes, err := test.q.run(t, e, s, &blasE4M3)
			if err != nil {
				return fmt.Errorf("%s: %w", test.name, err)
			}
			if err := test.q.check(y); err != nil {
				return fmt.Errorf("%s: %w", test.name, err)
			}
			for _, note := range notes {
				t.Logf("%s: %s", test.name, note)
				for _, part := range []string{e.state.blas.String(), "algorithm ", "tile ", "split-K ", "reduction ", "workspace "} {
					if !strings.Contains(note, part) || strings.Contains(note, part+"not told") {
						t.Errorf("%s: the note %q does not tell %q", test.name, note, part)
					}
				}
			}
			if len(notes) != test.notes || e.state.used != before {
				t.Errorf("%s: %d notes, %d bytes kept", test.name, len(notes), e.state.used-before)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestBlasRefusesFP4 asks for NVFP4 where there is none: an error that says what to do, and
// nothing is lost by it.
func TestBlasRefusesFP4(t *testing.T) {
	q := newEights(19, 37, 192, rand.New(rand.NewPCG(15, 16)))
	e := open(t, Options{})
	if sinceBlackwell(e.device.ComputeCapability) == "" {
		t.Skipf("%s has FP4: TestKernelsVerified runs it", e.name())
	}
	err := e.on(func(s *scope) error {
		_, _, err := q.run(t, e, s, &blasNVFP4)
		var fault *inspect.Fault
		if !errors.As(err, &fault) || !errors.Is(err, ErrNoKernel) || !strings.Contains(err.Error(), "cublasLtMatmulAlgoGetHeuristic") ||
			!strings.Contains(err.Error(), "CUBLAS_STATUS_NOT_SUPPORTED") || !strings.Contains(fault.Hint(), "backend=cuda:emu-fp4") {
			t.Errorf("NVFP4 on %s: %v", e.name(), err)
		}
		t.Log(err)
		if e.state.used != 0 {
			t.Errorf("%d bytes kept", e.state.used)
		}
		y, _, err := q.run(t, e, s, &blasE4M3)
		if err != nil {
			return err
		}
		return q.check(y)
	})
	if err != nil {
		t.Fatal(err)
	}
}
