package diagnose

import (
	"fmt"
	"math"
	"slices"

	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
	"fp4tui/inspect/layout"
)

// activations are the ways to read x other than the plain ones.
func activations(s *scene) (list []hypothesis) {
	for i := range s.inputs {
		if in := &s.inputs[i]; !in.plain {
			list = append(list, hypothesis{name: in.name, command: in.command, reading: reading{input: in}})
		}
	}
	if len(s.inputs) == 0 {
		return nil
	}
	// Scales of activations in another order need the codes of whole tiles of x.
	if !slices.ContainsFunc(s.inputs, func(in input) bool { return in.plain && in.command != policies[0].command }) {
		return list
	}
	for _, p := range [][2]string{{"128x4", "linear"}, {"linear", "128x4"}, {"8x4", "linear"}, {"linear", "8x4"}, {"128x4", "8x4"}, {"8x4", "128x4"}} {
		if in, ok := s.misreadActivations(p); ok {
			list = append(list, hypothesis{name: laidOut("activation scales", p[0], p[1]), command: "gemm x w mode=w4a4", reading: reading{input: in}})
		}
	}
	return list
}

// tails are parts of K that were not added up: a tail that is no whole tile, the share of
// another rank.
func tails(s *scene) (list []hypothesis) {
	if s.X == nil {
		return nil
	}
	only := func(lo, hi int) reading {
		return reading{edit: func(_ int, w []float32) {
			clear(w[:lo])
			clear(w[hi:])
		}}
	}
	var seen []int
	add := func(k int, why string) {
		if k > 0 && k < s.k && !slices.Contains(seen, k) {
			seen = append(seen, k)
			list = append(list, hypothesis{name: fmt.Sprintf("K ends at %d of %d: %s", k, s.k, why), command: "plan w tp=1", reading: only(0, k)})
		}
	}
	for _, tile := range []int{256, 128, 64, 32} {
		add(s.k/tile*tile, fmt.Sprintf("the tail of no whole tile of %d is not padded but dropped", tile))
	}
	for _, tail := range []int{16, 32, 64, 128} {
		add(s.k-tail, fmt.Sprintf("the last %d are dropped", tail))
	}
	for _, ranks := range []int{2, 4, 8} {
		for r := range ranks {
			if s.k%ranks == 0 {
				list = append(list, hypothesis{name: fmt.Sprintf("only rank %d of %d is in the sum: the all-reduce is missing", r, ranks), command: fmt.Sprintf("plan w tp=%d parallel=row", ranks),
					reading: only(r*s.k/ranks, (r+1)*s.k/ranks)})
			}
		}
	}
	return list
}

// maxExperts bounds the experts that are tried.
const maxExperts = 256

func experts(s *scene) (list []hypothesis) {
	for e := range min(len(s.Weights.Blocks), maxExperts) {
		b := &s.Weights.Blocks[e]
		if e != s.Expert && b.Rows == s.w.Rows && b.Cols == s.w.Cols {
			list = append(list, hypothesis{name: fmt.Sprintf("expert %d was run, not %d", e, s.Expert), command: fmt.Sprintf("gemm x w expert=%d", e), reading: reading{blocks: b}})
		}
	}
	return list
}

// outputs are mistakes after the sum.
func outputs(s *scene) (list []hypothesis) {
	list = append(list, hypothesis{name: "the output is zero: nothing was written", command: "stat y", reading: reading{row: func(int) int { return -1 }}})
	if s.w.Rows == s.w.Cols {
		list = append(list, hypothesis{name: "the weight is transposed", repair: "the weight is transposed", command: "info w", reading: reading{blocks: nil, edit: s.transposed()}})
	}
	if s.X != nil && s.bias != nil {
		list = append(list, hypothesis{name: "the bias is added", command: "info w", reading: reading{bias: s.bias}})
		minus := make([]float32, len(s.bias))
		for i, v := range s.bias {
			minus[i] = -v
		}
		list = append(list, hypothesis{name: "the bias is subtracted", command: "info w", reading: reading{bias: minus}})
	}
	if s.X != nil && s.M == s.N {
		list = append(list, hypothesis{name: "the output is transposed", command: "info y", reading: reading{at: func(m, n int) float32 { return s.Target[n*s.N+m] }}})
	}
	if s.X != nil {
		list = append(list, hypothesis{name: "the output is column-major: its transpose was flattened", command: "info y", reading: reading{at: func(m, n int) float32 { return s.Target[n*s.M+m] }}})
	}
	return list
}

// transposed replaces a row by the column of the same number.
func (s *scene) transposed() func(n int, w []float32) {
	return func(n int, w []float32) {
		for k := range w {
			w[k] = fp4.DecodeE2M1(s.w.Code(k, n)) * s.w.Effective(s.w.Scale(k, n))
		}
	}
}

// parts are mistakes of some channels or blocks: which ones is asked of the error by a
// matched filter, and the answer carried out like any other mistake.
func parts(s *scene) (list []hypothesis) {
	if s.Repair {
		return nil
	}
	for _, p := range []struct {
		noun string
		lose func(w float32) float32
	}{
		{"lost their signs", func(w float32) float32 { return float32(math.Abs(float64(w))) }},
		{"are zero", func(float32) float32 { return 0 }},
		{"have inverted signs", func(w float32) float32 { return -w }},
	} {
		found := s.class(p.lose)
		if len(found) == 0 {
			found = s.channels(p.lose)
		}
		if len(found) == 0 {
			continue
		}
		gone := make([]bool, s.k)
		for _, k := range found {
			gone[k] = true
		}
		list = append(list, hypothesis{name: fmt.Sprintf("%d of %d channels of K %s: %s", len(found), s.k, p.noun, classOf(found, s.k)), command: "where e > 0", fitted: true,
			reading: reading{edit: func(_ int, w []float32) {
				for k := range w {
					if gone[k] {
						w[k] = p.lose(w[k])
					}
				}
			}}})
	}
	if lost := s.lostBlocks(); len(lost) > 0 {
		first := [2]int{math.MaxInt, 0}
		for at := range lost {
			if at[0] < first[0] || at[0] == first[0] && at[1] < first[1] {
				first = at
			}
		}
		block := s.w.Block
		list = append(list, hypothesis{name: fmt.Sprintf("blocks of the weight are zero: %d in a sample of %d rows, the first at row %d, k %d", len(lost), len(s.cols), first[0], first[1]*block),
			command: "where e > 0", fitted: true, reading: reading{edit: func(n int, w []float32) {
				for b := 0; b*block < len(w); b++ {
					if lost[[2]int{n, b}] {
						clear(w[b*block : min((b+1)*block, len(w))])
					}
				}
			}}})
	}
	return list
}

// classOf writes channels as a residue class where they are one.
func classOf(list []int, k int) string {
	for _, p := range []int{2, 4, 8, 16, 32, 64, 128} {
		r := list[0] % p
		if len(list)*p < k-p || len(list)*p > k+p {
			continue
		}
		if !slices.ContainsFunc(list, func(v int) bool { return v%p != r }) {
			return fmt.Sprintf("k mod %d = %d", p, r)
		}
	}
	text := "k"
	for i, v := range list {
		if i == 6 {
			return text + fmt.Sprintf(" and %d more", len(list)-6)
		}
		text += fmt.Sprintf(" %d", v)
	}
	return text
}

// residual is target minus the plain prediction, by sampled column.
func (s *scene) residual() [][]float64 {
	out := make([][]float64, len(s.cols))
	w := make([]float32, s.k)
	for j, n := range s.cols {
		s.row(&reading{}, n, w)
		out[j] = make([]float64, len(s.target[j]))
		for l := range out[j] {
			plain := 0.0
			if s.X == nil {
				plain = float64(w[l])
			} else {
				plain = dot(s.inputs[s.chosen].rows[l], w)
			}
			if out[j][l] = s.target[j][l] - plain; out[j][l]-out[j][l] != 0 {
				out[j][l] = 0
			}
		}
	}
	return out
}

// convincing is the share of the error that a set of channels must explain.
const convincing = 0.5

// deltas calls use with what the change of each channel does to one sampled output.
func (s *scene) deltas(change func(w float32) float32, use func(j, l, k int, delta float64)) {
	w := make([]float32, s.k)
	for j, n := range s.cols {
		s.row(&reading{}, n, w)
		for k, v := range w {
			d := float64(change(v)) - float64(v)
			if d == 0 {
				continue
			}
			if s.X == nil {
				use(j, k, k, d)
				continue
			}
			for l, x := range s.inputs[s.chosen].rows {
				use(j, l, k, d*float64(x[k]))
			}
		}
	}
}

// class is the residue class of channels whose change explains most of the error; none
// when it is less than half.
func (s *scene) class(change func(w float32) float32) (found []int) {
	residual := s.residual()
	least := (1 - convincing) * squares(residual)
	period, residue := 0, 0
	for _, p := range []int{2, 4, 8, 16, 32, 64, 128} {
		if s.k < 3*p {
			break
		}
		sums := make([][][]float64, p) // by residue: the output's change
		for r := range sums {
			sums[r] = make([][]float64, len(residual))
			for j := range residual {
				sums[r][j] = make([]float64, len(residual[j]))
			}
		}
		s.deltas(change, func(j, l, k int, delta float64) { sums[k%p][j][l] += delta })
		for r := range sums {
			if left := apart(residual, sums[r]); left < least {
				least, period, residue = left, p, r
			}
		}
	}
	if period > 0 {
		for k := residue; k < s.k; k += period {
			found = append(found, k)
		}
	}
	return found
}

func squares(list [][]float64) (sum float64) {
	for _, row := range list {
		for _, v := range row {
			sum += v * v
		}
	}
	return sum
}

func apart(a, b [][]float64) (sum float64) {
	for j := range a {
		for l, v := range a[j] {
			sum += (v - b[j][l]) * (v - b[j][l])
		}
	}
	return sum
}

// maxChannels is how many single channels are looked for.
const maxChannels = 8

// channels are single channels, one after the other: the one whose change takes the most energy
// out of the error, as long as together they explain it.
func (s *scene) channels(change func(w float32) float32) (found []int) {
	residual := s.residual()
	total := squares(residual)
	for range maxChannels {
		hit, norm := make([]float64, s.k), make([]float64, s.k)
		s.deltas(change, func(j, l, k int, delta float64) {
			hit[k] += delta * residual[j][l]
			norm[k] += delta * delta
		})
		best := 0
		for k := range hit {
			if 2*hit[k]-norm[k] > 2*hit[best]-norm[best] {
				best = k
			}
		}
		if 2*hit[best]-norm[best] < 0.01*total || slices.Contains(found, best) {
			break
		}
		found = append(found, best)
		s.deltas(change, func(j, l, k int, delta float64) {
			if k == best {
				residual[j][l] -= delta
			}
		})
	}
	if squares(residual) > (1-convincing)*total {
		return nil
	}
	slices.Sort(found)
	return found
}

// lostBlocks are blocks (row, block) whose absence explains most of what is wrong with their row.
func (s *scene) lostBlocks() map[[2]int]bool {
	residual := s.residual()
	lost := map[[2]int]bool{}
	w := make([]float32, s.k)
	for j, n := range s.cols {
		s.row(&reading{}, n, w)
		for range 4 { // of a row's blocks the loudest first
			b, change := s.loudest(w, residual[j])
			if b < 0 {
				break
			}
			lost[[2]int{n, b}] = true
			clear(w[b*s.w.Block : min((b+1)*s.w.Block, s.k)])
			for l := range residual[j] {
				residual[j][l] -= change[l]
			}
		}
	}
	return lost
}

// loudest is the block whose loss takes the most energy out of a residual, if it takes half.
func (s *scene) loudest(w []float32, residual []float64) (best int, change []float64) {
	total := 0.0
	for _, v := range residual {
		total += v * v
	}
	best = -1
	least := total / 2
	for b := 0; b*s.w.Block < s.k; b++ {
		lo, hi := b*s.w.Block, min((b+1)*s.w.Block, s.k)
		delta, left := make([]float64, len(residual)), 0.0
		if s.X == nil {
			for k := lo; k < hi; k++ {
				delta[k] = -float64(w[k])
			}
		} else {
			for l, x := range s.inputs[s.chosen].rows {
				delta[l] = -dot(x[lo:hi], w[lo:hi])
			}
		}
		for l, v := range residual {
			left += (v - delta[l]) * (v - delta[l])
		}
		if left < least {
			best, least, change = b, left, delta
		}
	}
	return best, change
}

// fittedGains are one factor for the whole, and one for each run of weight rows.
func fittedGains(s *scene) (list []hypothesis) {
	factors := make([]float64, len(s.cols))
	var xy, xx float64
	w := make([]float32, s.k)
	for j, n := range s.cols {
		s.row(&reading{}, n, w)
		var a, b float64
		for l, want := range s.target[j] {
			p := 0.0
			if s.X == nil {
				p = float64(w[l])
			} else {
				p = dot(s.inputs[s.chosen].rows[l], w)
			}
			if want-want == 0 && p-p == 0 {
				a, b = a+p*want, b+p*p
			}
		}
		factors[j] = a / b
		xy, xx = xy+a, xx+b
	}
	if f := xy / xx; f > 0 && f-f == 0 {
		list = append(list, hypothesis{name: fmt.Sprintf("everything is off by a factor of %.4g", f), repair: fmt.Sprintf("everything is off by a factor of %.4g", 1/f),
			command: "info w", fitted: true, reading: reading{global: f}})
	}
	if h, ok := s.shards(factors); ok {
		list = append(list, h)
	}
	return list
}

// shards finds a run of weight rows with one factor of their own beside rows that are right, or a few
// such runs.
func (s *scene) shards(factors []float64) (hypothesis, bool) {
	const alike, most = 0.05, 8
	type run struct {
		lo, hi int // of s.cols
		factor float64
	}
	var runs []run
	for j, f := range factors {
		if !(f > 0) || f-f != 0 {
			return hypothesis{}, false
		}
		if n := len(runs) - 1; n >= 0 && math.Abs(f/runs[n].factor-1) < alike {
			runs[n].hi = j + 1
			continue
		}
		runs = append(runs, run{j, j + 1, f})
	}
	if len(runs) < 2 || len(runs) > most {
		return hypothesis{}, false
	}
	text := ""
	for _, r := range runs {
		if math.Abs(r.factor-1) < alike {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("rows %d to %d ×%.3g", s.cols[r.lo], s.cols[r.hi-1], r.factor)
	}
	of := func(n int) float64 {
		for _, r := range runs {
			if n <= s.cols[r.hi-1] {
				return r.factor
			}
		}
		return 1
	}
	return hypothesis{name: "shards share one global scale: " + text, repair: "shards share one global scale: " + text, command: "info w", fitted: true,
		reading: reading{edit: func(n int, w []float32) {
			f := of(n)
			for k := range w {
				w[k] = float32(float64(w[k]) * f)
			}
		}}}, text != ""
}

// misreadActivations quantizes the whole of x and reads its scales in another layout.
func (s *scene) misreadActivations(p [2]string) (*input, bool) {
	const maxRows = 1024
	if s.M > maxRows || s.w.ScaleType == fp4.E8M0 {
		return nil, false
	}
	policy := s.Act
	if s.Mode == layer.W4A16 {
		policy = layer.ActDynamic
	}
	global, ok := s.encode(policy, false)
	if !ok {
		return nil, false
	}
	b, err := fp4.Quantize(s.X, s.M, s.k, fp4.QuantOptions{Recipe: fp4.FlashinferExact, Format: fp4.NVFP4, Global: global})
	if err != nil {
		return nil, false
	}
	at, ok := misread(dimsOf(&b), layout.Scales, p[0], p[1])
	if !ok {
		return nil, false
	}
	moved := b
	moved.Scales = make([]byte, len(b.Scales))
	for i, from := range at {
		if from >= 0 {
			moved.Scales[i] = b.Scales[from]
		}
	}
	in := &input{name: laidOut("activation scales", p[0], p[1])}
	for _, m := range s.rows {
		row := make([]float32, s.k)
		moved.DequantRow(m, row)
		in.rows = append(in.rows, row)
	}
	return in, true
}
