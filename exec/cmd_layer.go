package exec

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path"
	"strings"

	"fp4tui/exec/language"
	"fp4tui/inspect"
	"fp4tui/inspect/checkpoint"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
	"fp4tui/inspect/stats"
)

// LsCmd lists the quantized layers of a checkpoint.
type LsCmd struct {
	C      *language.Ref `arg:"C,optional" kind:"checkpoint" window:"none" doc:"a checkpoint; the only one open when not said"`
	Match  string        `key:"match" doc:"a glob over the layer names: *.layer.0.*"`
	Health string        `key:"health" enum:"auto|yes|no" default:"auto" doc:"read the scales of every listed layer; auto does when they are below 64 MiB"`
	Limit  int           `key:"limit" default:"1000" min:"1" max:"100000" doc:"how many layers at most"`
}

var lsSpec = language.Spec{
	Verb: "ls", Group: "open",
	Summary:  "the quantized layers: producer, format, N×K, block, mode, bits per weight, health",
	Examples: []string{"ls c", "ls c match=*.layer.1.*"},
	New:      func() any { return new(LsCmd) },
}

// healthBudget is how many scale bytes ls health=auto reads at most.
const healthBudget = 64 << 20

func (cmd *LsCmd) run(c *call) (Result, error) {
	ck, err := c.oneCheckpoint(cmd.C)
	if err != nil {
		return nil, err
	}
	limit := cmd.Limit
	if limit == 0 {
		limit = 1000
	}
	list := LayerList{Path: ck.path, Limit: limit, Rows: []LayerRow{}}
	var found []*layer.Layer
	var bits, weights, scaleBytes float64
	claimed := 0
	for _, l := range ck.layers {
		n := float64(l.N) * float64(l.K) * float64(max(l.Experts, 1))
		bits, weights = bits+n*l.BitsPerWeight(), weights+n
		claimed += parts(l)
		if ok, err := matches(cmd.Match, l.Name); err != nil {
			return nil, err
		} else if !ok {
			continue
		}
		list.Total++
		if len(found) < limit {
			found = append(found, l)
			scaleBytes += n / float64(l.Block)
		}
	}
	list.Others = ck.ckpt.Len() - claimed
	if weights > 0 {
		list.BitsPW = bits / weights
	}
	list.Health = cmd.Health == "yes" || (cmd.Health != "no" && scaleBytes <= healthBudget)
	for i, l := range found {
		row, err := c.layerRow(ck, l, list.Health)
		if err != nil {
			return nil, err
		}
		list.Rows = append(list.Rows, row)
		c.report(int64(i+1), int64(len(found)))
	}
	return list, nil
}

func matches(glob, name string) (bool, error) {
	if glob == "" {
		return true, nil
	}
	ok, err := path.Match(glob, name)
	if err != nil {
		return false, fmt.Errorf("%w: match=%s: %w", ErrUsage, glob, err)
	}
	return ok, nil
}

// layerRow is one line of ls. A layer that cannot be read is a bad row, not an error.
func (c *call) layerRow(ck *checkpointValue, l *layer.Layer, health bool) (LayerRow, error) {
	row := LayerRow{
		Name: inspect.Printable(l.Name), Producer: l.Producer, Format: l.Format, Mode: l.Mode.String(), Experts: l.Experts,
		N: l.N, K: l.K, Block: l.Block, BitsPW: l.BitsPerWeight(), Level: "ok", Findings: []string{},
	}
	_, row.Original = c.original(l)
	note := func(level, text string) {
		row.Findings = append(row.Findings, text)
		row.Level = worse(row.Level, level)
	}
	for i := range l.Faults {
		note("bad", inspect.Printable(l.Faults[i].What))
	}
	for i := range ck.declared {
		if d := &ck.declared[i]; !d.Holds(l) {
			note("bad", "config: "+inspect.Printable(d.Wrong()))
		}
	}
	if n := l.Rest(); n > 0 {
		note("bad", fmt.Sprintf("block of %d", n))
	}
	if g := groupOf(ck, l); g != nil {
		row.Group = g.Parent + " " + g.Label
		if r := g.Ratio(); r != 1 {
			note("warn", fmt.Sprintf("%s %.2g×", g.Label, r))
		}
	}
	if !health || l.Parts.Scales == nil {
		return row, nil
	}
	raw, err := ck.ckpt.Read(c.ctx, l.Parts.Scales)
	if err != nil {
		if c.ctx.Err() != nil {
			return row, c.ctx.Err()
		}
		note("bad", "unreadable")
		return row, nil
	}
	format := fp4.E4M3
	if l.Format == "mxfp4" {
		format = fp4.E8M0
	}
	s := stats.ScaleStats(raw, format)
	row.ScaleP50, row.ScaleMax = scaleText(s.P50.Value, format), scaleText(s.Max.Value, format)
	row.Saturated, row.Subnormal, row.NaN = s.Saturated, s.Subnormal, s.NaN
	if s.NaN > 0 {
		note("bad", fmt.Sprintf("NaN scale %d", s.NaN))
	}
	return row, nil
}

// levels orders how bad something is.
var levels = map[string]int{"ok": 0, "info": 1, "warn": 2, "bad": 3}

func worse(a, b string) string {
	if levels[b] > levels[a] {
		return b
	}
	return a
}

// scaleText writes a scale as its format's users do: 448, or 2^-6 for E8M0.
func scaleText(v float64, f fp4.Format) string {
	if f == fp4.E8M0 && v > 0 {
		_, e := math.Frexp(v)
		return fmt.Sprintf("2^%d", e-1)
	}
	return fmt.Sprint(v)
}

func groupOf(ck *checkpointValue, l *layer.Layer) *layer.Group {
	for i := range ck.groups {
		for _, m := range ck.groups[i].Members {
			if m == l {
				return &ck.groups[i]
			}
		}
	}
	return nil
}

// parts counts the stored tensors of a layer.
func parts(l *layer.Layer) int {
	n := 0
	for _, e := range []*checkpoint.Entry{l.Parts.Codes, l.Parts.Scales, l.Parts.Global, l.Parts.Input, l.Parts.Bias} {
		if e != nil {
			n++
		}
	}
	return n
}

// LayerCmd binds a layer.
type LayerCmd struct {
	C      language.Ref  `arg:"C" kind:"checkpoint" window:"none" doc:"a checkpoint"`
	Name   language.Path `arg:"NAME" complete:"layer" doc:"layer name, or any suffix of it that is unique"`
	Expert *int          `key:"expert" default:"0" min:"0" doc:"which expert of a 3-D layer the handle speaks of"`
}

var layerSpec = language.Spec{
	Verb: "layer", Group: "open", Binds: kindLayer,
	Summary:  "a quantized layer; attributes .codes .scale .global .input_global .bias .dequant",
	Detail:   "A layer of experts is bound for one of them; gemm and dequant can name another.",
	Examples: []string{"w = layer c layer.0.intermediate.dense"},
	New:      func() any { return new(LayerCmd) },
}

func (cmd *LayerCmd) run(c *call) (Result, error) {
	ck, err := c.checkpoint(cmd.C)
	if err != nil {
		return nil, err
	}
	l, err := layer.Resolve(ck.layers, string(cmd.Name))
	if err != nil {
		var name *layer.NameError
		if errors.As(err, &name) {
			name.Blame(ck.faults)
		}
		return nil, err
	}
	w, err := l.Load(c.ctx)
	if err != nil {
		return nil, ck.renamed(err)
	}
	v := &weightsValue{weights: w, format: l.Format, mode: l.Mode, source: fmt.Sprintf("%s %s", cmd.C, inspect.Printable(l.Name)), owner: ck}
	if v.expert, err = v.pick(cmd.Expert); err != nil {
		return nil, err
	}
	c.bind(v)
	return c.layerInfo(c.name, v)
}

// dequantized is the weight of the expert in question, computed once.
func (v *weightsValue) dequantized(ctx context.Context) (inspect.Tensor, error) {
	v.denseOnce.Do(func() {
		if v.globals != nil {
			v.dense = v.byToken()
			return
		}
		v.dense, v.denseErr = v.weights.Dequantize(context.WithoutCancel(ctx), v.expert, inspect.F32)
	})
	return v.dense, v.denseErr
}

// oneCheckpoint is the checkpoint of an optional operand: the only open one.
func (c *call) oneCheckpoint(ref *language.Ref) (*checkpointValue, error) {
	if ref != nil {
		return c.checkpoint(*ref)
	}
	var only *checkpointValue
	var open []string
	st := c.s.snapshot()
	for _, h := range c.s.Handles() {
		if v, ok := st.handles[h.Name].(*checkpointValue); ok {
			only, open = v, append(open, h.Name)
		}
	}
	switch len(open) {
	case 1:
		return only, nil
	case 0:
		return nil, fmt.Errorf("%w: no checkpoint is open; c = load PATH", ErrUsage)
	}
	return nil, fmt.Errorf("%w: %d checkpoints are open; say which: %s", ErrUsage, len(open), strings.Join(open, ", "))
}

func (c *call) report(done, total int64) {
	if c.progress != nil {
		c.progress(done, total)
	}
}
