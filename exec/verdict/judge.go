package verdict

import (
	"context"
	"math"
)

// Finding is one structure that stands out of the noise.
type Finding struct {
	Test   string  // name of the test that found it
	What   string  // "rows of one residue modulo 64 are off"
	Where  string  // "n mod 64 = 7"
	Value  float64 // of the test's statistic
	Bound  float64 // what chance passes once in the level of the test
	Effect float64 // energy over that of noise, a gain, a share: what the test measures
	Axis   string  // "n", "k", "m"; empty for the whole
	Period int     // of a residue class; 0 for none
	Index  []int   // the rows, columns or residues
	Remark bool    // worth saying, but no bug by itself
}

// Report is the verdict on one field.
type Report struct {
	Normal   bool
	Findings []Finding // what is most telling first
	Tests    int       // that could be made
	Ratio    float64   // energy of the error over that expected
	Expected float64   // SQNR in dB that the codes and scales let expect
	SQNR     float64
	Gain     float64 // factor that brings got closest to want
	Worst    float64 // error over its σ
	At       [2]int
	Limit    float64
	Elements int64
}

// FalseAlarm is the probability that any test of a clean field fails.
const FalseAlarm = 0.005

// Test is one row of the table.
type Test struct {
	Name string
	Of   string // "weights", "products", "both"
	Null string // what is true of noise, and the distribution of the statistic
	Says string // what a failure means
	run  func(f *field, alpha float64) []Finding
}

// Tests lists the tests, the most telling first: of several that fail the first names
// the verdict.
func Tests() []Test {
	return []Test{
		{"finite", "both", "no NaN and no infinity that the reference has not", "NaN or infinite scales, overflow", finite},
		{"unwritten", "both", "no whole line, and no block of a weight, is zero where the reference is not", "outputs that nobody wrote, blocks that were lost", unwritten},
		{"nibbles", "weights", "an element is like its reference, not like its neighbour's", "the two codes of a byte are swapped", nibbles},
		{"gain", "both", "the best factor between both sides is 1, within 5 σ and 5 %", "a wrong, doubled or inverted global scale", gain},
		{"line gain", "both", "so it is for every row and column, within 6 σ and 15 %", "shards that share one global scale, channel scales", lineGain},
		{"block gain", "weights", "so it is for every block, within 6 σ and 30 %", "block scales that belong elsewhere", blockGain},
		{"period of rows", "both", "classes of rows modulo 8 to 128 have the same ratio: normal means, F of an analysis of variance", "a permutation or a tile of rows", rowPeriod},
		{"period of columns", "both", "likewise for columns modulo 2 to 128", "nibbles, blocks, tiles of the scale layout", colPeriod},
		{"rows", "both", "no row's ratio is out of those of all rows", "single rows", rowOutliers},
		{"columns", "both", "no column's ratio is out of those of all columns", "single columns", colOutliers},
		{"scale codes", "weights", "the ratio does not depend on the scale byte", "scales read in another format", scaleCodes},
		{"nearest code", "weights", "every code is the nearest one to its original", "a quantizer that truncates, or one that calibrates (GPTQ, AutoRound)", nearestCode},
		{"autocorrelation", "weights", "residuals along k are independent at lags 1 to 128: normal", "a filter, a shift, a shared residual", autocorrelation},
		{"balance", "weights", "as many errors are above as below zero: normal", "truncation, an offset, a bias", balance},
		{"level", "both", "the energy is what codes and scales let expect", "everything that fits no other name", level},
		{"worst", "both", "no element passes the limit of so many", "single elements", worst},
	}
}

// Judge makes all tests on a field. The error is that of ctx.
func Judge(ctx context.Context, in *Field) (*Report, error) {
	f, err := measure(ctx, in)
	if err != nil {
		return nil, err
	}
	r := &Report{Normal: true, Ratio: f.all.ratio(), Gain: f.all.gain(), Worst: f.worst, At: f.at, Limit: f.Limit,
		Elements: f.all.n, Expected: decibel(f.all.ww / f.all.expected), SQNR: decibel(f.all.ww / f.all.observed)}
	var list []Test
	for _, t := range Tests() {
		if t.Of == "both" || (t.Of == "weights") == (f.Blocks != nil) {
			list = append(list, t)
		}
	}
	r.Tests = len(list)
	for _, t := range list {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for _, found := range t.run(f, FalseAlarm/float64(len(list))) {
			found.Test = t.Name
			// Logarithms of different processors differ in their last bits.
			found.Value, found.Bound, found.Effect = single(found.Value), single(found.Bound), single(found.Effect)
			r.Findings = append(r.Findings, found)
			r.Normal = r.Normal && found.Remark
		}
	}
	return r, nil
}

// single rounds to float32.
func single(v float64) float64 { return float64(float32(v)) }

// decibel is rounded: the logarithms of different processors differ in their last bits.
func decibel(ratio float64) float64 {
	db := 10 * math.Log10(ratio)
	if db-db != 0 {
		return db
	}
	return math.Round(db*1e9) / 1e9
}
