package compare

import "math"

// lanes is what a chunk adds up to while it is walked: element i goes to lane i mod 8, on
// every processor, so that vectors of eight give the bits of a plain loop. Assembly knows
// the order of the fields.
type lanes struct {
	abs, d2, g2, w2, gw [8]float64 // sums over finite elements
	maxAbs, maxRel      [8]float64 // -1 for none
	maxULP              [8]uint32
	nan, inf            int64 // elements with a NaN; with an infinity and no NaN
	missed              int64 // elements off by infinity
}

func newLanes() lanes {
	l := lanes{}
	for i := range l.maxAbs {
		l.maxAbs[i], l.maxRel[i] = -1, -1
	}
	return l
}

// infinity is the bits of a float32; those of NaN are above.
const infinity = 0x7f800000

func isFinite(x float32) bool { return math.Float32bits(x)&^(1<<31) < infinity }

// add takes element i in. Its ULPs are counted apart.
func (l *lanes) add(i int, g, w float32, floor float64) {
	k := i & 7
	if !isFinite(g) || !isFinite(w) {
		l.special(k, g, w, floor)
		return
	}
	x, y := float64(g), float64(w)
	d := x - y
	a, wide := math.Abs(d), math.Abs(y)
	if a > l.maxAbs[k] {
		l.maxAbs[k] = a
	}
	if wide > floor {
		if r := a / wide; r > l.maxRel[k] {
			l.maxRel[k] = r
		}
	}
	// The conversions keep arm64 from fusing: a sum must be the same bits everywhere.
	l.abs[k] += a
	l.d2[k] += float64(d * d)
	l.g2[k] += float64(x * x)
	l.w2[k] += float64(y * y)
	l.gw[k] += float64(x * y)
}

// special takes in an element with a NaN or an infinity: the same one twice is no error, else it is
// missed.
func (l *lanes) special(k int, g, w float32, floor float64) {
	if g != g || w != w {
		l.nan++
		return
	}
	l.inf++
	d := 0.0
	if g != w {
		d = math.Inf(1)
		l.missed++
	}
	l.maxAbs[k] = max(l.maxAbs[k], d)
	if math.Abs(float64(w)) > floor {
		l.maxRel[k] = max(l.maxRel[k], d)
	}
}

// ulps takes the ULPs of element i in.
func (l *lanes) ulps(i int, g, w float32, index func(float32) int64) {
	if g == w || !isFinite(g) || !isFinite(w) {
		return // off by nothing, by infinity, or not at all
	}
	n, k := index(g)-index(w), i&7
	l.maxULP[k] = max(l.maxULP[k], uint32(max(n, -n)))
}

// run takes a run of elements in, the first of which belongs to lane 0.
func (l *lanes) run(way path, got, want []float32, floor float64, u ulpType) {
	n := way.sums(l, got, want, floor, u.lanes)
	want = want[:len(got)]
	for i := n; i < len(got); i++ {
		l.add(i, got[i], want[i], floor)
	}
	if u.lanes == noULP || way == portable {
		n = 0
	}
	for i := n; i < len(got); i++ {
		l.ulps(i, got[i], want[i], u.index)
	}
}

// partial joins the lanes in a fixed tree. The places are those of the chunk: the exact ones
// are looked for when it is known which chunk has them.
func (l *lanes) partial(count int64, chunk int) partial {
	s := newPartial()
	s.count, s.nan, s.inf = count, l.nan, l.inf
	s.abs, s.d2, s.g2, s.w2, s.gw = total(&l.abs), total(&l.d2), total(&l.g2), total(&l.w2), total(&l.gw)
	for i := range l.maxAbs {
		s.maxAbs, s.maxRel = max(s.maxAbs, l.maxAbs[i]), max(s.maxRel, l.maxRel[i])
		s.maxULP = max(s.maxULP, float64(l.maxULP[i]))
	}
	if l.missed > 0 {
		s.maxULP = math.Inf(1)
	}
	if s.maxAbs >= 0 {
		s.atAbs = chunk
	}
	if s.nan > 0 {
		s.atNaN = chunk
	}
	return s
}

func total(x *[8]float64) float64 {
	return ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]))
}
