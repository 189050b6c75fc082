package verdict

import (
	"fmt"
	"math"
)

const (
	outlierEffect = 1.6 // energy of a line over that of the median line
	classEffect   = 1.25
)

func rowPeriod(f *field, alpha float64) []Finding {
	row, _ := f.axes()
	return f.period(row, f.rows, rowPeriods, alpha)
}

func colPeriod(f *field, alpha float64) []Finding {
	_, col := f.axes()
	return f.period(col, f.cols, colPeriods, alpha)
}

// period names the classes of lines whose error is out of proportion.
func (f *field) period(axis string, list []sums, periods []int, alpha float64) []Finding {
	c, ok := f.lines(list).periodic(periods, alpha, classEffect)
	if !ok {
		return nil
	}
	found := Finding{Axis: axis, Period: c.period, Index: c.residue, Value: c.value, Bound: c.bound, Effect: c.effect}
	if c.omnibus {
		found.What = fmt.Sprintf("the error depends on %s mod %d", axis, c.period)
		found.Where = fmt.Sprintf("its classes differ by a factor of %.3g in energy", c.effect)
		return []Finding{found}
	}
	var some sums
	for i := range list {
		for _, r := range c.residue {
			if i%c.period == r {
				some.join(list[i])
			}
		}
	}
	found.What = fmt.Sprintf("%s of one residue modulo %d are %s", lineNoun(axis), c.period, some.fault())
	found.Where = fmt.Sprintf("%s mod %d = %s", axis, c.period, spans(c.residue))
	return []Finding{found}
}

func lineNoun(axis string) string {
	if axis == "m" || axis == "n" {
		return map[string]string{"m": "rows", "n": "weight rows"}[axis]
	}
	return "columns"
}

// fault says in a word what is the matter with some elements.
func (s *sums) fault() string {
	switch {
	case s.n > 0 && s.zero == s.n:
		return "zero"
	case s.expected > 0 && s.folded < stillNoise*s.expected && s.observed > 2*stillNoise*s.expected:
		return "without their signs"
	case s.off(weightLines):
		return fmt.Sprintf("off by a factor of %.3g", 1/s.gain())
	case s.ratio() < 1:
		return "better than noise"
	}
	return fmt.Sprintf("off: %.3g times the energy of noise", s.ratio())
}

func rowOutliers(f *field, alpha float64) []Finding {
	row, _ := f.axes()
	return f.outliers(row, f.rows, alpha)
}

func colOutliers(f *field, alpha float64) []Finding {
	_, col := f.axes()
	return f.outliers(col, f.cols, alpha)
}

func (f *field) outliers(axis string, list []sums, alpha float64) []Finding {
	index, bound, value := f.lines(list).outliers(alpha, outlierEffect)
	if len(index) == 0 {
		return nil
	}
	var some sums
	for _, i := range index {
		some.join(list[i])
	}
	return []Finding{{What: fmt.Sprintf("%d of %d %s are %s", len(index), len(list), lineNoun(axis), some.fault()), Where: axis + " " + spans(index),
		Axis: axis, Index: index[:min(len(index), 64)], Value: value, Bound: bound, Effect: some.ratio()}}
}

// leastOfCode is how many elements a scale byte must have for its ratio to say something.
const leastOfCode = 2048

// scaleCodes compares the ratios of the scale bytes.
func scaleCodes(f *field, _ float64) []Finding {
	var by [256]sums
	for i := range f.blocks {
		by[f.Blocks.Scales[i]].join(f.blocks[i])
	}
	all := f.all.ratio()
	worst, factor := -1, 1.0
	var index []int
	for s := range by {
		if by[s].n < leastOfCode {
			continue
		}
		q := by[s].ratio() / all
		if d := max(q, 1/q); d > 2 && d-d == 0 {
			index = append(index, s)
			if d > factor {
				worst, factor = s, d
			}
		}
	}
	if worst < 0 {
		return nil
	}
	return []Finding{{What: "the error depends on the scale byte", Where: fmt.Sprintf("scale 0x%02x: %.3g times the noise", worst, by[worst].ratio()),
		Axis: "scale", Index: index, Value: factor, Bound: 2, Effect: by[worst].ratio()}}
}

const (
	lags       = 128
	lagSample  = 1 << 18
	lagEffect  = 0.05
	signEffect = 0.02
)

// autocorrelation correlates residuals along k.
func autocorrelation(f *field, alpha float64) []Finding {
	step := max(f.Rows*f.Cols/lagSample, 1)
	var sum, n [lags + 1]float64
	var power, count float64
	z := make([]float64, f.Cols)
	for r := 0; r < f.Rows; r += step {
		for c := range z {
			i := r*f.Cols + c
			if z[c] = 0; f.Sigma[i] > 0 {
				z[c] = (float64(f.Got[i]) - float64(f.Want[i])) / float64(f.Sigma[i])
			}
			if z[c]-z[c] != 0 {
				z[c] = 0
			}
			z[c] = min(max(z[c], -5), 5)
			power, count = power+z[c]*z[c], count+1
		}
		for lag := 1; lag <= min(lags, f.Cols-1); lag++ {
			s := 0.0
			for c := lag; c < f.Cols; c++ {
				s += z[c] * z[c-lag]
			}
			sum[lag], n[lag] = sum[lag]+s, n[lag]+float64(f.Cols-lag)
		}
	}
	if power == 0 {
		return nil
	}
	worst, value, effect := 0, 0.0, 0.0
	for lag := 1; lag <= lags; lag++ {
		if n[lag] < 1024 {
			continue
		}
		rho := sum[lag] / n[lag] / (power / count)
		if v := math.Abs(rho) * math.Sqrt(n[lag]); v > value && math.Abs(rho) > lagEffect {
			worst, value, effect = lag, v, rho
		}
	}
	bound := quantileTail(alpha / lags)
	if worst == 0 || value < bound {
		return nil
	}
	return []Finding{{What: "residuals are correlated along k", Where: fmt.Sprintf("lag %d: correlation %.3f", worst, effect), Axis: "k", Period: worst,
		Value: value, Bound: bound, Effect: effect}}
}

// balance counts errors above and below zero. Those of a product depend on one another: of
// them a count says nothing.
func balance(f *field, alpha float64) []Finding {
	n := float64(f.all.nonzero)
	if n < 256 {
		return nil
	}
	share := float64(f.all.positive) / n
	value, bound := math.Abs(share-0.5)*2*math.Sqrt(n), quantileTail(alpha)
	if value < bound || math.Abs(share-0.5) < signEffect {
		return nil
	}
	return []Finding{{What: "errors have a sign: an offset or a bias", Where: fmt.Sprintf("%.1f%% are above zero", 100*share), Value: value, Bound: bound, Effect: share}}
}

// slack is how far the model's energy may be from that of a clean layer: the
// distribution inside the cells is not known.
const slack = 1.2

// level compares the whole energy. Its own spread is taken from the columns, which are
// independent of one another also in a product.
func level(f *field, alpha float64) []Finding {
	ratio := f.all.ratio()
	if f.all.expected == 0 {
		return nil
	}
	l := f.lines(f.cols)
	wide := quantileTail(alpha) * max(l.spread, leastSpread) / math.Sqrt(float64(max(l.n, 1))) * 1.5
	upper, lower := slack*math.Exp(wide), 0.5*math.Exp(-wide)
	switch {
	case ratio > upper:
		return []Finding{{What: fmt.Sprintf("the error has %.3g times the energy of noise", ratio), Where: "everywhere", Value: ratio, Bound: upper, Effect: ratio}}
	case ratio < lower && !f.Exact:
		return []Finding{{What: "there is less error than quantization makes: the reference was quantized the same way", Where: "everywhere",
			Value: ratio, Bound: lower, Effect: ratio, Remark: true}}
	}
	return nil
}

// worst looks at the single worst element. The limit of a map is passed once in twenty
// maps; here the level is that of the test.
func worst(f *field, alpha float64) []Finding {
	bound := f.Limit
	if f.Blocks == nil {
		bound = quantileTail(alpha/float64(max(f.all.n, 1))) * math.Sqrt(max(1, min(f.all.ratio(), slack)))
	}
	if !(f.worst > bound) || f.Limit == 0 {
		return nil
	}
	row, col := f.axes()
	count := 0
	for i := range f.Got {
		if d := math.Abs(float64(f.Got[i]) - float64(f.Want[i])); d > bound*float64(f.Sigma[i]) {
			count++
		}
	}
	if f.Blocks != nil && float64(count) <= calibrated*float64(f.all.n) {
		return nil
	}
	return []Finding{{What: fmt.Sprintf("%d elements are farther off than noise goes", count), Where: fmt.Sprintf("the worst is %s %d, %s %d", row, f.at[0], col, f.at[1]),
		Value: f.worst, Bound: bound, Effect: float64(count) / float64(max(f.all.n, 1))}}
}
