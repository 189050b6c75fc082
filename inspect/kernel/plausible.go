package kernel

import (
	"cmp"
	"context"
	"math"
	"slices"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layout"
)

// scored is a reading and how much it looks like weights.
type scored struct {
	reading
	score  float64
	chance float64
}

// guess ranks readings without a reference. Padding that is not zero rules one out.
// Of scales: a channel's scales are alike, and so are those of one group of inputs,
// so the right reading lets row and column means explain the most. Of codes: a
// quantizer uses the whole range in every block. Readings with the same score are
// not told apart.
func (u Unknown) guess(ctx context.Context, codes, scales []reading) ([]Candidate, error) {
	c, err := u.score(ctx, codes, layout.Codes, u.fullness)
	if err != nil {
		return nil, err
	}
	s, err := u.score(ctx, scales, layout.Scales, u.explained)
	if err != nil {
		return nil, err
	}
	if len(c) == 0 || len(s) == 0 {
		return nil, fault(inspect.ErrMismatch, "no layout fits", "in every layout of this size some padding is not zero", "name the layer: as=")
	}
	var list []Candidate
	for i := range c {
		for j := range s {
			list = append(list, Candidate{Codes: c[i].names, Scales: s[j].names, Weak: true, Err: math.NaN(), Score: c[i].score + s[j].score,
				Ambiguous: len(c[i].names) > 1 || len(s[j].names) > 1, Kernels: u.kernels(&c[i].reading, &s[j].reading)})
		}
	}
	slices.SortStableFunc(list, func(a, b Candidate) int { return cmp.Compare(b.Score, a.Score) })
	return list[:min(len(list), maxCandidates)], nil
}

// score reads the whole buffer under each hypothesis and groups those whose scores
// differ by no more than chance.
func (u Unknown) score(ctx context.Context, list []reading, of layout.Operand, judge func([]byte) (score, chance float64)) ([]scored, error) {
	buffer := u.buffer(of)
	var all []scored
	for _, r := range list {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		clean, err := r.clean(buffer, of.Bits())
		if err != nil {
			return nil, err
		}
		if !clean {
			continue
		}
		matrix, err := r.unpack(buffer, of.Bits())
		if err != nil {
			return nil, err
		}
		score, chance := judge(matrix)
		all = append(all, scored{r, score, chance})
	}
	slices.SortStableFunc(all, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	var groups []scored
	for _, s := range all {
		if n := len(groups); n > 0 && groups[n-1].score-s.score <= groups[n-1].chance {
			groups[n-1].join(s.hypothesis)
			continue
		}
		groups = append(groups, s)
	}
	return groups[:min(len(groups), maxCandidates)], nil
}

// clean reports whether all padding of a buffer is zero.
func (h *hypothesis) clean(buffer []byte, bits int) (bool, error) {
	if h.undone || h.m.Padding() == 0 {
		return true, nil
	}
	mask := make([]byte, len(buffer))
	if err := h.m.Apply(mask, make([]byte, h.m.In.Bytes(bits)), bits, 0xff); err != nil {
		return false, err
	}
	for i, b := range buffer {
		if b&mask[i] != 0 {
			return false, nil
		}
	}
	return true, nil
}

// fullness is the share of blocks whose largest code is 4 or 6, and four times its
// standard deviation.
func (u Unknown) fullness(codes []byte) (share, chance float64) {
	full, blocks := 0, 0
	for i := 0; i < len(codes); i += u.Block / 2 {
		blocks++
		for _, b := range codes[i : i+u.Block/2] {
			if b&7 >= 6 || b>>4&7 >= 6 {
				full++
				break
			}
		}
	}
	share = float64(full) / float64(blocks)
	return share, 4*math.Sqrt(share*(1-share)/float64(blocks)) + 1/float64(blocks)
}

// explained is the share of the variance of log2(scale) that row and column means
// account for; sums in another order differ in their last digits. Scales that are
// no positive number count as 2^-10.
func (u Unknown) explained(scales []byte) (share, chance float64) {
	var logs [256]float64
	for b := range logs {
		logs[b] = -10
		if v := float64(u.ScaleType.Decode(uint16(b))); v > 0 && !math.IsInf(v, 0) && u.ScaleType.Class(uint16(b)) != fp4.NaN {
			logs[b] = math.Log2(v)
		}
	}
	cols := u.K / u.Block
	rowMean, colMean, mean := make([]float64, u.N), make([]float64, cols), 0.0
	for i, s := range scales {
		v := logs[s]
		rowMean[i/cols] += v / float64(cols)
		colMean[i%cols] += v / float64(u.N)
		mean += v / float64(len(scales))
	}
	var total, model float64
	for i, s := range scales {
		total += (logs[s] - mean) * (logs[s] - mean)
		m := rowMean[i/cols] + colMean[i%cols] - 2*mean
		model += m * m
	}
	if total == 0 {
		return 0, 0
	}
	return model / total, 1e-9
}
