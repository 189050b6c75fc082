package explain

import (
	"math"
	"math/big"
)

// Exact is a dyadic number, n·2^exp: what sums and products of floats are before anybody
// rounds them. The zero value is 0. Values don't change.
type Exact struct {
	n   *big.Int // nil is 0
	exp int
}

// Of is a finite float as an exact number.
func Of(f float64) Exact {
	if f == 0 {
		return Exact{}
	}
	m, e := math.Frexp(f)
	return Exact{big.NewInt(int64(m * (1 << 53))), e - 53}
}

// scaled is m·2^exp.
func scaled(m *big.Int, exp int) Exact { return Exact{m, exp} }

// Add is a + b.
func (a Exact) Add(b Exact) Exact {
	switch {
	case a.n == nil:
		return b
	case b.n == nil:
		return a
	case a.exp > b.exp:
		a, b = b, a
	}
	n := new(big.Int).Lsh(b.n, uint(b.exp-a.exp))
	return Exact{n.Add(n, a.n), a.exp}
}

// Neg is -a.
func (a Exact) Neg() Exact {
	if a.n == nil {
		return a
	}
	return Exact{new(big.Int).Neg(a.n), a.exp}
}

// Sub is a - b.
func (a Exact) Sub(b Exact) Exact { return a.Add(b.Neg()) }

// Times is a·f for a finite f.
func (a Exact) Times(f float64) Exact {
	b := Of(f)
	if a.n == nil || b.n == nil {
		return Exact{}
	}
	return Exact{new(big.Int).Mul(a.n, b.n), a.exp + b.exp}
}

// Sign is -1, 0 or 1.
func (a Exact) Sign() int {
	if a.n == nil {
		return 0
	}
	return a.n.Sign()
}

// Abs is |a|.
func (a Exact) Abs() Exact {
	if a.Sign() < 0 {
		return a.Neg()
	}
	return a
}

// big is the same number with as many bits as it has.
func (a Exact) big() *big.Float {
	if a.Sign() == 0 {
		return new(big.Float)
	}
	f := new(big.Float).SetInt(a.n)
	return f.SetMantExp(f, a.exp)
}

// Float64 is the nearest float64, ties to even.
func (a Exact) Float64() float64 {
	f, _ := a.big().Float64()
	return f
}

// String is the number itself, in hexadecimal with a binary exponent: "0x1.8p-01" is 0.75.
func (a Exact) String() string {
	if a.Sign() == 0 {
		return "0"
	}
	f := a.big()
	return f.SetPrec(f.MinPrec()).Text('x', -1)
}

// low is the exponent of the lowest set bit, top that of the highest; a is not 0.
func (a Exact) low() int { return a.exp + int(a.n.TrailingZeroBits()) }
func (a Exact) top() int { return a.exp + a.n.BitLen() - 1 }

// floor is a lower bound of the exponent of any product of two float32.
const floor = -300

// sum adds products of float32 numbers without rounding.
type sum struct{ n, t big.Int }

// add adds a finite multiple of 2^floor.
func (s *sum) add(f float64) {
	if f == 0 {
		return
	}
	m, e := math.Frexp(f)
	s.t.SetInt64(int64(m * (1 << 53)))
	if shift := e - 53 - floor; shift >= 0 {
		s.t.Lsh(&s.t, uint(shift))
	} else {
		s.t.Rsh(&s.t, uint(-shift)) // only zeros leave: f is a multiple
	}
	s.n.Add(&s.n, &s.t)
}

// take is the sum so far; s begins anew.
func (s *sum) take() Exact {
	n := new(big.Int).Set(&s.n)
	s.n.SetInt64(0)
	return scaled(n, floor)
}

// Value is a number of the extended reals: exact when it is finite.
type Value struct {
	x       Exact
	special float64 // NaN or an infinity; 0 when the value is finite
}

// valueOf is any float.
func valueOf(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Value{special: f}
	}
	return Value{x: Of(f)}
}

// Finite says whether there is an exact number.
func (v Value) Finite() bool { return v.special == 0 }

// Exact is the number; 0 when there is none.
func (v Value) Exact() Exact { return v.x }

// Float64 is the nearest float64; NaN or an infinity when that is what v is.
func (v Value) Float64() float64 {
	if !v.Finite() {
		return v.special
	}
	return v.x.Float64()
}

// String is that of Exact, or "nan", "inf", "-inf".
func (v Value) String() string {
	switch {
	case math.IsNaN(v.special):
		return "nan"
	case v.special > 0:
		return "inf"
	case v.special < 0:
		return "-inf"
	}
	return v.x.String()
}

// sub is v - w; as floats when one of them is not finite.
func (v Value) sub(w Value) Value {
	if !v.Finite() || !w.Finite() {
		return valueOf(math.NaN())
	}
	return Value{x: v.x.Sub(w.x)}
}

// dot is Σ x·w over both, the shorter one continued with zeros.
func dot(x, w []float64) Value { return dotRange(x, w, 0, max(len(x), len(w))) }

// dotRange is dot over elements [lo,hi).
func dotRange(x, w []float64, lo, hi int) Value {
	var s sum
	special := 0.0
	for k := lo; k < hi; k++ {
		p := at(x, k) * at(w, k)
		if math.IsNaN(p) || math.IsInf(p, 0) {
			special += p // infinities of both signs make NaN
			continue
		}
		s.add(p)
	}
	if special != 0 {
		return Value{special: special}
	}
	return Value{x: s.take()}
}

// at is v[k], 0 beyond its end.
func at(v []float64, k int) float64 {
	if k < len(v) {
		return v[k]
	}
	return 0
}

// plus is v + w.
func (v Value) plus(w Value) Value {
	if !v.Finite() || !w.Finite() {
		return valueOf(v.Float64() + w.Float64())
	}
	return Value{x: v.x.Add(w.x)}
}

// times is v·f.
func (v Value) times(f float64) Value {
	if !v.Finite() || f-f != 0 {
		return valueOf(v.Float64() * f)
	}
	return Value{x: v.x.Times(f)}
}
