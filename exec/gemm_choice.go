package exec

import (
	"fmt"
	"slices"
	"strings"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// gemmChoice is what a gemm was asked for, settings filled in.
type gemmChoice struct {
	backend, arch, out string
	mode               layer.Mode
	act                layer.ActPolicy
	actVal             float32
	per                layer.ActPer
	usualAct           layer.ActPolicy // what the layer does when nothing is said
	expert             int
	order              layer.Order
	epilogue           layer.Epilogue
	alpha              AlphaArg

	input, global *layer.Factor // see layer.Forward
}

// choose fills in what the command leaves open: from set, then from the layer.
func (cmd *GemmCmd) choose(s *Session, w *weightsValue, prepared bool) (gemmChoice, error) {
	set := s.settings()
	g := gemmChoice{
		backend: first(string(cmd.Backend), set["backend"]), arch: first(cmd.Arch, set["arch"]), out: first(cmd.Out, set["out"]),
	}
	if w == nil {
		g.backend = first(string(cmd.Backend), "ref")
		return g, cmd.fitsDense()
	}
	var err error
	if g.expert, err = w.pick(cmd.Expert); err != nil {
		return g, err
	}
	mode := first(cmd.Mode, set["mode"])
	if mode == "" || mode == "layer" {
		mode = w.mode.String()
	}
	if mode == layer.W4A4.String() {
		g.mode = layer.W4A4
	}
	act := cmd.Act
	if act == "" && cmd.ActPer == layer.ActPerToken.String() && g.mode == layer.W4A4 {
		act = "dynamic" // the one policy that has a scale a token
	}
	if g.act, g.actVal, err = act.policy(g.mode, w); err != nil {
		return g, err
	}
	if g.usualAct, _, err = ActArg("").policy(g.mode, w); err != nil {
		return g, err
	}
	if err := cmd.chooseEpilogue(&g, set, w); err != nil {
		return g, err
	}
	if err := cmd.chooseAlpha(&g, w, prepared); err != nil {
		return g, err
	}
	return g, cmd.chooseActPer(&g, w)
}

// chooseEpilogue takes order=, epilogue= and bias=. Settings hold for what can follow
// them; a key that cannot be followed is an error.
func (cmd *GemmCmd) chooseEpilogue(g *gemmChoice, set map[string]string, w *weightsValue) error {
	by := g.backend // who has to follow
	if by == "emu" && cmd.Against != "" {
		by = string(cmd.Against)
	}
	emu := by == "emu"
	for _, k := range []struct{ key, value, usual string }{
		{"order", string(cmd.Order), layer.Order{}.String()},
		{"epilogue", cmd.Epilogue, layer.AlphaF32.String()},
		{"alpha", string(cmd.Alpha), string(alphaOwn)},
	} {
		if !emu && k.value != "" && k.value != k.usual {
			return fmt.Errorf("%w: %s=%s: backend %s has no choice of it; backend=emu does", ErrUsage, k.key, k.value, by)
		}
	}
	if emu {
		g.order = OrderArg(first(string(cmd.Order), set["order"])).order()
		g.epilogue.Alpha = alphaPlaces[first(cmd.Epilogue, set["epilogue"])]
	}
	bias := cmd.Bias
	stored := w.weights.Bias != nil
	if bias == "" && stored {
		bias = set["bias"]
	}
	if g.epilogue.Bias = biasPlaces[bias]; g.epilogue.Bias != layer.BiasNone && !stored {
		return fmt.Errorf("%w: bias=%s: the layer stores no bias; bias=none", ErrUsage, bias)
	}
	return nil
}

// chooseAlpha takes alpha=.
func (cmd *GemmCmd) chooseAlpha(g *gemmChoice, w *weightsValue, prepared bool) error {
	g.alpha = AlphaArg(first(string(cmd.Alpha), string(alphaOwn)))
	if g.alpha != alphaFusedMax && g.alpha != alphaFusedFirst {
		return nil
	}
	refuse := func(why string) error { return fmt.Errorf("%w: alpha=%s: %s; alpha=own", ErrUsage, g.alpha, why) }
	l := w.weights.Layer
	switch {
	case prepared:
		return refuse("a prepared buffer brings its own global scale")
	case l == nil || w.owner == nil:
		return refuse("a weight quantized in the session is fused with no other")
	case l.Global.Use == fp4.NoGlobal:
		return refuse(w.format + " has no global scale")
	}
	group := groupOf(w.owner, l)
	if group == nil {
		return refuse("engines fuse this layer with no other of the checkpoint")
	}
	m, which := group.Members[0], "first"
	if g.alpha == alphaFusedMax {
		which = "largest"
		m = slices.MaxFunc(group.Members, func(a, b *layer.Layer) int {
			switch {
			case a.Global.Value > b.Global.Value:
				return 1
			case a.Global.Value < b.Global.Value:
				return -1
			}
			return 0
		})
	}
	g.global = &layer.Factor{Name: "w.global", Scale: m.Global, Origin: fmt.Sprintf("%s of %d fused %s", which, len(group.Members), group.Label)}
	if e := m.Parts.Global; e != nil {
		g.global.Tensor, g.global.File = e.Name, e.File.Path
	}
	return nil
}

// chooseActPer takes actper=. An expert that is stored as a layer of its own brings its
// own scale when nothing is said; actper=tensor is the one scale that engines give to
// all experts.
func (cmd *GemmCmd) chooseActPer(g *gemmChoice, w *weightsValue) error {
	if cmd.ActPer == "" && g.mode == layer.W4A16 {
		return nil
	}
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%w: actper=%s: %s", ErrUsage, cmd.ActPer, fmt.Sprintf(format, args...))
	}
	var experts []*layer.Layer
	if w.owner != nil && w.weights.Layer != nil {
		experts = layer.Experts(w.owner.layers, w.weights.Layer)
	}
	g.per = actPers[cmd.ActPer]
	switch {
	case g.mode == layer.W4A16:
		return refuse("activations are not quantized in mode w4a16; use mode=w4a4")
	case w.format == fp4.MXFP4 && g.per != layer.ActPerTensor:
		return refuse("mxfp4 activations have no global scale; leave it out")
	case g.per == layer.ActPerToken && g.act != layer.ActDynamic:
		return refuse("a scale a token is that of the token's own amax; use act=dynamic")
	case g.per == layer.ActPerExpert && g.act != layer.ActStatic:
		return refuse("it means the expert's own stored scale; use act=static")
	case g.per == layer.ActPerExpert && experts == nil:
		return refuse("the layer is no expert with a scale of its own; use actper=tensor")
	case cmd.ActPer == "" && g.act == layer.ActStatic && experts != nil:
		g.per = layer.ActPerExpert
	case g.per == layer.ActPerTensor && g.act == layer.ActStatic && experts != nil:
		g.input = common(experts)
	}
	return nil
}

// common is the activation scale that all experts share.
func common(experts []*layer.Layer) *layer.Factor {
	stored := slices.DeleteFunc(slices.Clone(experts), func(l *layer.Layer) bool { return l.Input.Use == fp4.NoGlobal })
	l := layer.Widest(stored)
	f := &layer.Factor{Name: "x.global", Scale: l.Input, Origin: fmt.Sprintf("widest of %d experts", len(stored))}
	if e := l.Parts.Input; e != nil {
		f.Tensor, f.File = e.Name, e.File.Path
	}
	return f
}

// fitsDense refuses what only a quantized weight has.
func (cmd *GemmCmd) fitsDense() error {
	for _, k := range []struct {
		given bool
		text  string
	}{
		{cmd.Mode != "" && cmd.Mode != "layer", "mode=" + cmd.Mode},
		{cmd.Act != "" && cmd.Act != "none", "act=" + string(cmd.Act)},
		{cmd.ActPer != "", "actper=" + cmd.ActPer},
		{cmd.Expert != nil, "expert="},
		{cmd.Order != "" && cmd.Order.order() != layer.Order{}, "order=" + string(cmd.Order)},
		{cmd.Epilogue != "" && cmd.Epilogue != layer.AlphaF32.String(), "epilogue=" + cmd.Epilogue},
		{cmd.Bias != "" && cmd.Bias != layer.BiasNone.String(), "bias=" + cmd.Bias},
		{cmd.Alpha != "" && cmd.Alpha != alphaOwn, "alpha=" + string(cmd.Alpha)},
	} {
		if k.given {
			return fmt.Errorf("%w: %s: %s is a dense weight and nothing is quantized; quantize it first, q = quant %s", ErrUsage, k.text, cmd.W, cmd.W)
		}
	}
	return nil
}

// forward is the run that was chosen.
func (g gemmChoice) forward(x inspect.Tensor, w *weightsValue, dense *inspect.Tensor) layer.Forward {
	f := layer.Forward{X: x, Dense: dense, Mode: g.mode, Act: g.act, ActVal: g.actVal, ActPer: g.per, Arch: g.arch, Out: outType(g.out),
		Expert: g.expert, Order: g.order, Epilogue: g.epilogue, Input: g.input, Global: g.global, Alpha: g.alpha.given()}
	if w != nil {
		f.Weights = w.weights
	}
	return f
}

// unusual are the keys that set a product apart from the usual one of its backend, as
// they are typed: " order=split:4 bias=f32". Badges end with them.
func (g gemmChoice) unusual() string {
	var b strings.Builder
	name := func(p layer.ActPolicy) string { return actName(layer.Forward{Act: p, ActVal: g.actVal}) }
	per := ""
	if g.per == layer.ActPerToken || g.input != nil {
		per = g.per.String()
	}
	for _, k := range []struct{ key, value, usual string }{
		{"act", name(g.act), name(g.usualAct)},
		{"actper", per, ""},
		{"order", g.order.String(), layer.Order{}.String()},
		{"epilogue", g.epilogue.Alpha.String(), layer.AlphaF32.String()},
		{"bias", g.epilogue.Bias.String(), layer.BiasNone.String()},
		{"alpha", string(g.alpha), string(alphaOwn)},
	} {
		if k.value != "" && k.value != k.usual {
			fmt.Fprintf(&b, " %s=%s", k.key, k.value)
		}
	}
	return b.String()
}
