package exec

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"fp4tui/exec/language"
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/kernel"
)

// IdentifyCmd finds the layout of an unknown buffer.
type IdentifyCmd struct {
	Buf    language.Ref  `arg:"BUF" kind:"prepared|tensor" window:"none" doc:"codes as raw bytes (a U8 tensor), or a prepared weight"`
	As     *language.Ref `key:"as" kind:"layer|quantized" doc:"the weight that the buffer should hold"`
	Scales *language.Ref `key:"scales" kind:"tensor" doc:"its block scales as raw bytes"`
	N      int           `key:"n" min:"1" max:"1048576" doc:"rows, when as= is not given"`
	K      int           `key:"k" min:"2" max:"1048576" doc:"columns, when as= is not given"`
	Format string        `key:"format" enum:"nvfp4|mxfp4" default:"nvfp4" doc:"when as= is not given"`
}

var identifySpec = language.Spec{
	Verb: "identify", Group: "layout",
	Summary:  "which layout is this buffer in? every known one tried, ranked by dequantization error",
	Detail:   "Against a known layer the right one has error 0; layouts that cannot be told apart for this shape are named together. Without one the ranking is by plausibility and weak.",
	Examples: []string{"identify d as=w", "identify d as=w scales=s"},
	New:      func() any { return new(IdentifyCmd) },
}

func (cmd *IdentifyCmd) run(c *call) (Result, error) {
	u, against, err := cmd.unknown(c)
	if err != nil {
		return nil, err
	}
	v, err := c.resolve(cmd.Buf)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case *preparedValue:
		u.Codes, u.Scales = v.prepared.Codes, v.prepared.Scales
	case *tensorValue:
		if u.Codes, err = rawBytes(cmd.Buf, v); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("%w: %s is a %s, not a buffer", ErrUsage, cmd.Buf, v.kind())
	}
	if cmd.Scales != nil {
		s, err := as[*tensorValue](c, *cmd.Scales, "tensor of raw bytes")
		if err != nil {
			return nil, err
		}
		if u.Scales, err = rawBytes(*cmd.Scales, s); err != nil {
			return nil, err
		}
	}
	found, err := kernel.Identify(c.ctx, u)
	if err != nil {
		return nil, err
	}
	return identified(cmd.Buf.String(), against, found), nil
}

// unknown is what is known of the matrix: from the layer, or as said.
func (cmd *IdentifyCmd) unknown(c *call) (u kernel.Unknown, against string, err error) {
	if cmd.As != nil {
		w, err := as[*weightsValue](c, *cmd.As, "layer or quantized tensor")
		if err != nil {
			return u, "", err
		}
		b := w.blocks()
		return kernel.Unknown{N: b.Rows, K: b.Cols, Block: b.Block, ScaleType: b.ScaleType, Reference: b}, cmd.As.String(), nil
	}
	if cmd.N == 0 || cmd.K == 0 {
		return u, "", fmt.Errorf("%w: identify needs as=W, or n= and k=", ErrUsage)
	}
	u = kernel.Unknown{N: cmd.N, K: cmd.K, Block: 16, ScaleType: fp4.E4M3}
	if cmd.Format == fp4.MXFP4 {
		u.Block, u.ScaleType = 32, fp4.E8M0
	}
	return u, "", nil
}

// rawBytes is a tensor of 8-bit codes as its bytes.
func rawBytes(ref language.Ref, v *tensorValue) ([]byte, error) {
	t := v.tensor
	switch t.DType {
	case inspect.U8, inspect.I8:
	case inspect.F8E4M3, inspect.F8E8M0:
		format := fp4.E4M3
		if t.DType == inspect.F8E8M0 {
			format = fp4.E8M0
		}
		return encoded(t, format), nil
	default:
		return nil, fmt.Errorf("%w: %s is %s; a buffer is U8, I8, F8_E4M3 or F8_E8M0", ErrUsage, ref, t.DType)
	}
	out := make([]byte, len(t.Data))
	for i, x := range t.Data {
		out[i] = byte(int(x))
	}
	return out, nil
}

// encoded is a tensor of 8-bit floats as their codes; the values came from them.
func encoded(t inspect.Tensor, format fp4.Format) []byte {
	out := make([]byte, len(t.Data))
	for i, x := range t.Data {
		out[i] = byte(format.Encode(x, fp4.NearestEven))
	}
	return out
}

func identified(subject, against string, found []kernel.Candidate) Identified {
	r := Identified{Subject: subject, Against: against, Candidates: []Candidacy{}}
	for _, f := range found {
		r.Candidates = append(r.Candidates, Candidacy{
			Codes: strings.Join(f.Codes, " = "), Scales: strings.Join(f.Scales, " = "), Kernels: append([]string{}, f.Kernels...),
			Ambiguous: f.Ambiguous, Error: Float(f.Err), CodesWrong: Float(f.CodesWrong), ScalesWrong: Float(f.ScalesWrong), Score: Float(f.Score), Exact: f.Exact, Weak: f.Weak,
			Close: isClose(f), Misfits: misfits(against, f.Misfits),
		})
	}
	r.Verdict = identifyVerdict(found)
	return r
}

// closeEnough is the relative error from which no reading is a match: two layouts of
// the same weights are about 1 apart, a few damaged bytes far below this.
const closeEnough = 0.05

// layoutsOf names the layouts of a reading; an operand without a buffer has none.
func layoutsOf(c kernel.Candidate) string {
	var parts []string
	for _, side := range []struct {
		of    string
		names []string
	}{{"codes ", c.Codes}, {"scales ", c.Scales}} {
		if len(side.names) > 0 {
			parts = append(parts, side.of+strings.Join(side.names, " = "))
		}
	}
	return strings.Join(parts, ", ")
}

func isClose(f kernel.Candidate) bool { return !f.Exact && !f.Weak && f.Err < closeEnough }

// misfits groups the kernels that need the same of the same layer.
func misfits(against string, list []kernel.Misfit) (out []Misfit) {
	for _, m := range list {
		cure := m.Cure
		if m.Pads {
			cure += fmt.Sprintf(": p = prep %s for=%s", against, m.Kernel)
		}
		same := func(o Misfit) bool { return o.Needs == m.Needs && o.Why == m.Lacks }
		if i := slices.IndexFunc(out, same); i >= 0 {
			out[i].Kernels = append(out[i].Kernels, m.Kernel)
			continue
		}
		out = append(out, Misfit{Kernels: []string{m.Kernel}, Needs: m.Needs, Why: m.Lacks, Cure: cure})
	}
	return out
}

func identifyVerdict(found []kernel.Candidate) string {
	if len(found) == 0 {
		return "no layout fits the sizes of the buffer"
	}
	best := found[0]
	name := layoutsOf(best)
	switch {
	case best.Weak:
		return "a guess without a known layer: " + name
	case best.Exact && len(best.Kernels) > 0:
		return "as prepared for " + strings.Join(best.Kernels, " or ") + ": " + name
	case best.Exact && len(best.Misfits) > 0:
		m := best.Misfits[0]
		return fmt.Sprintf("%s, not padded for %s, which needs %s: %s", name, m.Kernel, m.Needs, m.Lacks)
	case best.Exact && best.Ambiguous:
		return "ambiguous for this shape: " + name
	case best.Exact:
		return name
	case isClose(best):
		return "nearly: " + name
	}
	if math.IsNaN(best.Err) {
		return "none fits"
	}
	return "none fits; nearest: " + name
}
