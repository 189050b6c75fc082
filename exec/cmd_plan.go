package exec

import (
	"fmt"
	"math"

	"fp4tui/exec/language"
	"fp4tui/inspect"
	"fp4tui/inspect/kernel"
	"fp4tui/inspect/layer"
)

// PlanCmd says how each rank's slice would meet each kernel.
type PlanCmd struct {
	W        language.Ref `arg:"W" kind:"layer|quantized" window:"none" doc:"a layer or a quantized tensor"`
	TP       int          `key:"tp,required" min:"1" max:"1024" doc:"ranks"`
	Parallel string       `key:"parallel" enum:"column|row" default:"column" doc:"column splits N, row splits K"`
	For      string       `key:"for" doc:"one kernel; the usual ones when not said, all for all"`
	Gated    bool         `key:"gated" doc:"the rows are gate and up stacked"`
}

var planSpec = language.Spec{
	Verb: "plan", Group: "layout",
	Enums:    map[string][]string{"for": append([]string{"all"}, kernel.Names()...)},
	Summary:  "how each rank's slice would pad, align or break a block, kernel by kernel",
	Examples: []string{"plan w tp=8", "plan w tp=4 parallel=row for=marlin"},
	New:      func() any { return new(PlanCmd) },
}

func (cmd *PlanCmd) run(c *call) (Result, error) {
	w, err := as[*weightsValue](c, cmd.W, "layer or quantized tensor")
	if err != nil {
		return nil, err
	}
	kernels := kernel.Overview()
	switch cmd.For {
	case "":
	case "all":
		kernels = kernel.Kernels()
	default:
		k, err := kernel.Lookup(cmd.For)
		if err != nil {
			return nil, err
		}
		kernels = []kernel.Kernel{k}
	}
	shape := kernel.ShapeOf(w.blocks())
	parallel := kernel.Column
	if cmd.Parallel == "row" {
		parallel = kernel.Row
	}
	var rows []kernel.PlanRow
	for _, k := range kernels {
		// As prep: a stack of gate and up is two halves to kernels that know them.
		shape.Gated = cmd.Gated || k.Gated != nil && kernel.Stacked(w.weights.Layer)
		row, err := kernel.Plan(shape, cmd.TP, parallel, []kernel.Kernel{k})
		if err != nil {
			return nil, err
		}
		rows = append(rows, row...)
	}
	shape.Gated = cmd.Gated || kernel.Stacked(w.weights.Layer)
	r := Planned{Subject: cmd.W.String(), Parallel: parallel.String(), TP: cmd.TP, N: shape.N, K: shape.K, Block: w.blocks().Block,
		Rows: []PlanRow{}, Ruler: ruler(shape, cmd.TP, parallel, rows), Notes: []string{}}
	for _, row := range rows {
		r.add(row)
	}
	return r, nil
}

func (r *Planned) add(row kernel.PlanRow) {
	out := PlanRow{Kernel: row.Kernel, Engine: row.Engine, Needs: row.Needs, Rank: -1, N: row.RankN, K: row.RankK, PadN: row.PadN, PadK: row.PadK,
		Bytes: row.Bytes, Lost: Float(row.Lost), Verdict: row.Verdict.String(), Why: row.Reason, Cure: row.Cure}
	switch {
	case row.Verdict.OK():
		r.OK++
	case row.Verdict.Failed():
		r.Fail++
	default:
		r.NA++
	}
	r.Rows = append(r.Rows, out)
}

// ruler draws the split side, with the padding of the kernel that pads it most.
func ruler(s kernel.Shape, tp int, parallel kernel.Parallel, rows []kernel.PlanRow) Ruler {
	m := kernel.Measure(s, tp, parallel)
	r := Ruler{Axis: string(m.Axis), Size: m.Length, Edges: m.Ranks, Tile: m.Tile, Cuts: append([]int{}, m.Cut...), Ranks: []Segment{}}
	most := 0
	for _, row := range rows {
		if pad := padding(row, parallel); pad > most {
			most = pad
		}
	}
	for rank := range tp {
		r.Ranks = append(r.Ranks, Segment{Rank: rank, From: m.Ranks[rank], Data: m.Ranks[rank+1] - m.Ranks[rank], Pad: most})
	}
	return r
}

// padding is how many elements a kernel adds to the split side of a slice.
func padding(row kernel.PlanRow, parallel kernel.Parallel) int {
	if parallel == kernel.Row {
		return max(row.PadK-row.RankK, 0)
	}
	return max(row.PadN-row.RankN, 0)
}

// PoisonCmd fills the padding of a prepared weight and looks for outputs that move.
type PoisonCmd struct {
	P    language.Ref  `arg:"P" kind:"prepared" window:"none" doc:"a prepared weight"`
	With string        `key:"with" enum:"nan|448|garbage|canary" default:"nan" doc:"what the padding is filled with"`
	X    *language.Ref `key:"x" kind:"tensor|product" doc:"activations; four rows of standard normal ones when not said"`
}

var poisonSpec = language.Spec{
	Verb: "poison", Group: "layout", Binds: kindPrepared,
	Summary:  "fill the padding of a prepared weight: does any real output move?",
	Detail:   "Both products are run by the emulator as the kernel reads the buffer, scales up to the end of its last instruction included. The handle is the weight with the filled padding.",
	Examples: []string{"poison p with=nan", "bad = poison p with=448 x=x"},
	New:      func() any { return new(PoisonCmd) },
}

// poisonRows is how many rows of activations poison makes up.
const poisonRows = 4

func (cmd *PoisonCmd) run(c *call) (Result, error) {
	p, err := as[*preparedValue](c, cmd.P, "prepared weight")
	if err != nil {
		return nil, err
	}
	with, err := kernel.ParsePattern(first(cmd.With, "nan"))
	if err != nil {
		return nil, err
	}
	x, name := inspect.Tensor{}, "randn seed=1"
	if cmd.X != nil {
		name = cmd.X.String()
		x, err = c.dense(*cmd.X)
	} else {
		x = standardNormal([]int{poisonRows, p.prepared.K}, 1)
	}
	if err != nil {
		return nil, err
	}
	filled, err := p.prepared.Poison(with)
	if err != nil {
		return nil, err
	}
	bad := &preparedValue{prepared: filled, from: p.from, subject: p.subject, poison: with.String()}
	r := Poisoned{Bind: Bind{c.name}, Subject: cmd.P.String(), With: with.String(), Codes: int64(filled.PaddedCodes()), Scales: int64(filled.PaddedScales()),
		Backend: "emu " + c.s.settings()["arch"], X: name, Reads: []string{}}
	for _, region := range filled.Regions() {
		r.Reads = append(r.Reads, fmt.Sprintf("%s, %s: %d; %s", region.Of, region.Name, region.Count, region.Reads))
	}
	if err := c.movedOutputs(&r, p, bad, x); err != nil {
		return nil, err
	}
	c.bind(bad)
	return r, nil
}

// movedOutputs runs both weights and counts outputs whose bits differ.
func (c *call) movedOutputs(r *Poisoned, clean, bad *preparedValue, x inspect.Tensor) error {
	want, err := c.readThrough(clean, x)
	if err != nil {
		return err
	}
	got, err := c.readThrough(bad, x)
	if err != nil {
		return err
	}
	_, n := want.Rows()
	r.Outputs = int64(len(want.Data))
	for i, v := range got.Data {
		if math.Float32bits(v) == math.Float32bits(want.Data[i]) {
			continue
		}
		if r.Moved++; r.First == nil {
			r.First = []int{i / n, i % n}
		}
		if v != v {
			r.NaN++
		}
	}
	return nil
}

// readThrough is the product of a prepared weight as its kernel reads it.
func (c *call) readThrough(v *preparedValue, x inspect.Tensor) (inspect.Tensor, error) {
	be, ok := c.s.backend("emu")
	if !ok {
		return x, fmt.Errorf("%w: emu: no such backend in this build", ErrNotReady)
	}
	b, err := v.prepared.UnpackTiles()
	if err != nil {
		return x, err
	}
	if x, err = kernel.PadActivations(x, b.Cols); err != nil {
		return x, err
	}
	f := layer.Forward{X: x, Weights: oneMatrix(v.from.weights, b), Mode: v.prepared.Kernel.Mode, Arch: c.s.settings()["arch"], Out: inspect.BF16}
	if f.Mode == layer.W4A4 {
		f.Act = layer.ActDynamic
	}
	out, err := be.Forward(c.ctx, f, c.progress)
	if err != nil {
		return x, err
	}
	return v.prepared.SliceOutput(out.Y)
}
