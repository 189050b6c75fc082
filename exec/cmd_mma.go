package exec

import (
	"fmt"
	"strconv"

	"fp4tui/exec/gemm"
	"fp4tui/exec/language"
)

// MMACmd computes one output of one tensor-core instruction on raw bits.
type MMACmd struct {
	Kind string           `key:"kind" doc:"the instruction: mxf4nvf4.ue4m3, mxf4nvf4.ue8m0, mxf4, bf16, f16, f8 …; f16.f16out has FP16 results"`
	Arch string           `key:"arch" default:"sm100" doc:"whose tensor core: sm70 … sm121"`
	A    language.HexBits `key:"a" doc:"one row of A in K order: one hex digit an FP4 element, two an FP8 one, four a 16-bit one"`
	B    language.HexBits `key:"b" doc:"one column of B, likewise"`
	SFA  language.HexBits `key:"sfa" doc:"block scales of a, two digits each: 2 scales are blocks of 32, 4 blocks of 16 (for K 64)"`
	SFB  language.HexBits `key:"sfb" doc:"block scales of b"`
	C    language.HexBits `key:"c" doc:"the accumulator, an FP32 word (FP16 for FP16 results); 0 if left out"`
}

var mmaSpec = language.Spec{
	Verb: "mma", Group: "run",
	Summary: "one output of one tensor-core instruction on raw bits, every step shown",
	Examples: []string{
		"mma kind=mxf4nvf4.ue4m3 arch=sm100 a=1111111111111111111111111111111111111111111111111111111111111111 b=2222222222222222222222222222222222222222222222222222222222222222 sfa=38383838 sfb=38383838 c=00000000",
	},
	New: func() any { return new(MMACmd) },
}

func (cmd *MMACmd) run(*call) (Result, error) {
	for _, k := range []struct{ name, value string }{{"kind", cmd.Kind}, {"a", string(cmd.A)}, {"b", string(cmd.B)}} {
		if k.value == "" {
			return nil, fmt.Errorf("%w: mma needs %s=", ErrUsage, k.name)
		}
	}
	model, err := gemm.Lookup(cmd.Kind, first(cmd.Arch, "sm100"))
	if err != nil {
		return nil, err
	}
	op, err := gemm.ParseHexOperands(cmd.Kind, string(cmd.A), string(cmd.B), string(cmd.SFA), string(cmd.SFB), string(cmd.C))
	if err != nil {
		return nil, err
	}
	t, err := model.Dot(op)
	if err != nil {
		return nil, err
	}
	r := MMA{Bits: word(t.D, t.Acc), Value: Float(t.Value()), Instr: model.Kind, Arch: model.Arch, K: len(op.A),
		Source: t.Source, Notes: []string{}, Steps: make([]MMAStep, 0, len(t.Steps))}
	if t.Unverified != "" {
		r.Notes = append(r.Notes, "unverified: "+t.Unverified)
	}
	if t.Corner != "" {
		r.Notes = append(r.Notes, t.Corner)
	}
	for _, s := range t.Steps {
		r.Steps = append(r.Steps, mmaStep(s, t.Acc))
	}
	return r, nil
}

func mmaStep(s gemm.Step, acc gemm.Element) MMAStep {
	out := MMAStep{K0: s.First, Len: s.Len, C: word(s.C, acc), D: word(s.D, acc), Special: s.Special, Terms: []MMATerm{}}
	if s.Special != "" {
		return out
	}
	out.Exp, out.Quantum, out.Sum, out.Rounded = s.E, s.Quantum, strconv.FormatInt(s.Sum, 10), s.Rounded
	for _, t := range s.Terms {
		out.Terms = append(out.Terms, MMATerm{K0: t.First, Len: t.Len, Dot: t.P, Scale: t.M, Exp: t.Exp, Units: strconv.FormatInt(t.Units, 10), Cut: t.Cut})
	}
	return out
}

// word is an accumulator's word as it is typed: eight hex digits, four of FP16.
func word(w uint32, acc gemm.Element) string { return fmt.Sprintf("%0*x", acc.Bits()/4, w) }
