package lint

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
	"fp4tui/inspect/stats"
)

// maxCoordinates is how many coordinates a finding names.
const maxCoordinates = 8

// maxPlaces is how many of them its text repeats.
const maxPlaces = 3

// minBlocks is the number of block scales from which their distribution says something.
const minBlocks = 16

// subject is one layer with its block scales in memory.
type subject struct {
	layer  *layer.Layer
	scales []byte
	cols   int // blocks in a row
	stats  stats.Scales
}

// blockScales reads the scales of each layer in turn and applies the rules about them.
func (k *checker) blockScales(ctx context.Context, progress layer.Progress) error {
	var total, done int64
	for _, l := range k.layers {
		if l.Parts.Scales != nil {
			total += l.Parts.Scales.Bytes()
		}
	}
	for _, l := range k.layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		if l.Parts.Scales == nil {
			k.inverted(l, impliedAmax(fp4.E4M3.Max()))
			continue
		}
		if err := k.layerScales(ctx, l); err != nil {
			return err
		}
		done += l.Parts.Scales.Bytes()
		if progress != nil {
			progress(done, total)
		}
	}
	return nil
}

// impliedAmax is the greatest weight, before the global scale, of a block with this scale.
func impliedAmax(scale float32) float64 { return float64(fp4.E2M1.Max()) * float64(scale) }

func (k *checker) layerScales(ctx context.Context, l *layer.Layer) error {
	e := l.Parts.Scales
	if e.Cut() || len(e.Shape) == 0 { // the cut is a finding already; a scalar is a block-shape
		return nil
	}
	raw, err := k.checkpoint.Read(ctx, e)
	if err != nil {
		return k.unreadable(ctx, l, err)
	}
	format := fp4.E4M3
	if l.Format == "mxfp4" {
		format = fp4.E8M0
	}
	s := &subject{layer: l, scales: raw, cols: max(e.Shape[len(e.Shape)-1], 1), stats: stats.ScaleStats(raw, format)}
	k.Checked.Scales += int64(len(raw))
	if len(raw) == 0 {
		return nil
	}
	k.scaleNaN(ctx, s)
	k.scaleSign(s)
	k.scaleZero(s)
	k.saturated(s)
	k.subnormal(s)
	if s.stats.NaN < s.stats.Count {
		k.inverted(l, impliedAmax(float32(max(s.stats.Max.Value, -s.stats.Min.Value))))
	}
	return ctx.Err()
}

// unreadable is a finding, unless it is the context that ended.
func (k *checker) unreadable(ctx context.Context, l *layer.Layer, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f := of(l, l.Parts.Scales)
	f.What, f.Why, f.Cure = "cannot read the block scales", err.Error(), "load the checkpoint again"
	var fault *inspect.Fault
	if errors.As(err, &fault) {
		f.What, f.Why, f.Cure = fault.What, fault.Why, fault.Cure
	}
	k.report("layer-unreadable", f)
	return nil
}

// about starts a finding about the scales that match.
func (s *subject) about(match func(code uint8) bool) Finding {
	f := of(s.layer, s.layer.Parts.Scales)
	f.Count = 0
	for code, n := range s.stats.ByCode {
		if match(uint8(code)) {
			f.Count += n
		}
	}
	for i, code := range s.scales {
		if len(f.Coordinates) == maxCoordinates || int64(len(f.Coordinates)) == f.Count {
			break
		}
		if match(code) {
			if len(f.Coordinates) == 0 {
				f.Offset += int64(i)
			}
			f.Coordinates = append(f.Coordinates, [2]int{i / s.cols, i % s.cols})
		}
	}
	return f
}

func (k *checker) scaleNaN(ctx context.Context, s *subject) {
	if s.stats.NaN == 0 {
		return
	}
	f := s.about(func(c uint8) bool { return s.stats.Format.Class(uint16(c)) == fp4.NaN })
	f.What = fmt.Sprintf("%s of %d block scales are NaN: %s", count(f.Count), s.stats.Count, s.places(&f))
	f.Effect = "output columns of these rows are NaN for every input"
	f.Why, f.Cure = "the scale of a block was computed as 0/0 or overflowed its cast", "quantize the layer again"
	if k.zeroBlocks(ctx, s, &f) {
		f.Why = "all codes of the block are 0: the writer divided 0 by 0, then cast"
		f.Cure = "rewrite the scale as 0x38 (1.0): the codes are zero, nothing is lost"
		if s.stats.Format == fp4.E8M0 {
			f.Cure = "rewrite the scale as 0x7f (1.0): the codes are zero, nothing is lost"
		}
	}
	k.report("scale-nan", f)
}

// zeroBlocks says whether every block with a NaN scale holds nothing but zeros. It looks at
// the blocks that the finding names, so it can say so only when these are all.
func (k *checker) zeroBlocks(ctx context.Context, s *subject, f *Finding) bool {
	codes := s.layer.Parts.Codes
	if codes == nil || int64(len(f.Coordinates)) < f.Count {
		return false
	}
	rowBytes, blockBytes := int64(s.layer.K/2), int64(s.layer.Block/2)
	for _, at := range f.Coordinates {
		begin := int64(at[0])*rowBytes + int64(at[1])*blockBytes
		n := min(blockBytes, rowBytes-int64(at[1])*blockBytes)
		if n <= 0 {
			return false // the scales do not fit the codes
		}
		raw, err := k.checkpoint.ReadRange(ctx, codes, begin, n)
		if err != nil || stats.CodeUse(raw).Magnitude(0) != 2*n {
			return false
		}
	}
	return true
}

func (k *checker) scaleSign(s *subject) {
	f := s.about(func(c uint8) bool {
		return s.stats.Format.Negative(uint16(c)) && s.stats.Format.Class(uint16(c)) != fp4.NaN
	})
	if f.Count == 0 {
		return
	}
	f.What = fmt.Sprintf("%s of %d block scales have their sign bit set: %s", count(f.Count), s.stats.Count, s.places(&f))
	f.Effect = "torch, compressed-tensors and ModelOpt decode them as negative; tensor cores and llama.cpp ignore the bit"
	f.Why = "a quantizer that uses the bit as a flag (IF4 marks int4 blocks with it), or a scale that was computed without abs"
	f.Cure = "export without the flag, or clear bit 7 when these blocks should be positive"
	k.report("scale-sign", f)
}

func (k *checker) scaleZero(s *subject) {
	zero := s.stats.Zero
	if s.stats.Format == fp4.E8M0 {
		zero = s.stats.ByCode[0]
	}
	if zero < s.stats.Count {
		return
	}
	f := of(s.layer, s.layer.Parts.Scales)
	f.Count = zero
	f.What = fmt.Sprintf("all %d block scales are zero", zero)
	f.Effect = "the layer adds nothing to the output; the model stays fluent and is wrong"
	if s.stats.Format == fp4.E8M0 {
		f.What = fmt.Sprintf("all %d block scales are 0x00 (2^-127)", zero)
	}
	f.Why = "the buffer was allocated and never filled"
	f.Cure = "export the layer again; if its weights are truly zero, leave it unquantized"
	k.report("scale-all-zero", f)
}

func (k *checker) saturated(s *subject) {
	share := float64(s.stats.Saturated) / float64(s.stats.Count)
	if s.stats.Count < minBlocks || share < stats.MostSaturated {
		return
	}
	f := s.about(func(c uint8) bool { return s.stats.Format.Class(uint16(c)) == fp4.Saturated })
	f.What = fmt.Sprintf("%.2f%% of the block scales are at the maximum, %s", 100*share, stored(s.stats.Format.Max()))
	f.Effect = "blocks that needed a greater scale are clipped to 6 times this one"
	f.Why = "the global scale is too small for these weights, or was left out when block scales were computed"
	f.Cure = "compute the global scale from the amax of the tensor and quantize again"
	if r := k.report("scales-saturated", f); s.stats.Saturated == s.stats.Count {
		r.Severity = Error
		r.Effect = "no block has a scale of its own: the layer's outputs are wrong by any factor"
	}
}

func (k *checker) subnormal(s *subject) {
	if s.stats.Subnormal == 0 {
		return
	}
	share := float64(s.stats.Subnormal) / float64(s.stats.Count)
	f := s.about(func(c uint8) bool { return s.stats.Format.Class(uint16(c)) == fp4.Subnormal })
	f.What = fmt.Sprintf("%s of %d block scales (%.2f%%) are below 2^-6", count(f.Count), s.stats.Count, 100*share)
	f.Effect = "they have 1 to 3 significant bits instead of 4, and kernels that rebuild scales by shifting (Marlin) may flush them to zero"
	f.Why = "blocks of nearly nothing beside one very large weight"
	f.Cure = "none needed when few: these weights are small"
	if share >= manySubnormal {
		f.Why = "the global scale does not fit the weights: block scales should reach 448"
		f.Cure = "compute the global scale from the amax of the tensor and quantize again"
	}
	r := k.report("scales-subnormal", f)
	switch {
	case share < manySubnormal:
		r.Severity = Info
	case share >= nearlyAllSubnormal:
		r.Severity = Error
	}
}

// nearlyAllSubnormal is the share of subnormal scales that leaves a layer no precision.
const nearlyAllSubnormal = 0.90

// manySubnormal is the share of subnormal scales that points at the global scale. Weights span
// so many binades only when a quantizer went wrong.
const manySubnormal = 0.10

// count is "1" … with thousands commas, as every integer on a screen.
func count(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// places names the coordinates of a finding: "row 17 block 40 and row 203 block 9".
func (s *subject) places(f *Finding) string {
	var p []string
	for _, at := range f.Coordinates[:min(len(f.Coordinates), maxPlaces)] {
		text := fmt.Sprintf("row %d block %d", at[0], at[1])
		if s.layer.Experts > 0 {
			text = fmt.Sprintf("expert %d row %d block %d", at[0]/s.layer.N, at[0]%s.layer.N, at[1])
		}
		p = append(p, text)
	}
	if more := f.Count - int64(len(p)); more > 0 {
		return strings.Join(p, ", ") + " and " + count(more) + " more"
	}
	return strings.Join(p, ", ")
}
