package diagnose

import (
	"fmt"
	"math"

	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
	"fp4tui/inspect/layout"
)

// hypothesis is one mistake. Its reading carries it out.
type hypothesis struct {
	name    string // what went wrong on the way from the right weight to the output
	repair  string // what is wrong with the weight, when the reading gives the reference
	command string // what applies it or shows it
	reading reading
	fitted  bool // a number was fitted: a plain mistake that explains as much comes first
}

// family is one row of the table: mistakes of one kind, for the case at hand.
type family struct {
	name string
	make func(s *scene) []hypothesis
}

// families is the table; of mistakes that explain the same the first one is named. To add a
// mistake: a row, or an entry of one.
func families() []family {
	return []family{
		{"activations", func(s *scene) []hypothesis { return s.when(s.quantizes(), activations) }},
		{"outputs", outputs},
		{"nibbles and codes", codeMistakes},
		{"global scales", globals},
		{"where the scales are", scaleOrders},
		{"what a scale byte means", scaleFormats},
		{"layouts of scales", scaleLayouts},
		{"layouts of codes", codeLayouts},
		{"order of rows", rowOrders},
		{"fused layers", siblings},
		{"activations", func(s *scene) []hypothesis { return s.when(!s.quantizes(), activations) }},
		{"K and its padding", tails},
		{"lengths of rows", strides},
		{"dimensions of x", batches},
		{"experts", experts},
		{"parts that are lost", parts},
		{"kernels", kernels},
		{"gains", fittedGains},
	}
}

// quantizes says that x is to be quantized: then how comes before everything else.
func (s *scene) quantizes() bool { return s.Mode == layer.W4A4 || s.Free }

func (s *scene) when(yes bool, list func(*scene) []hypothesis) []hypothesis {
	if !yes {
		return nil
	}
	return list(s)
}

// withScales is the weight with its scales moved: at gives the position, in the row-major
// matrix, of the scale that block (n, b) is read with; -1 is a zero byte.
func (s *scene) withScales(at func(n, b int) int) func() *fp4.Blocks {
	return func() *fp4.Blocks {
		c := *s.w
		cols := c.ScaleCols()
		c.Scales = make([]byte, len(s.w.Scales))
		for n := range c.Rows {
			for b := range cols {
				if i := at(n, b); i >= 0 && i < len(s.w.Scales) {
					c.Scales[n*cols+b] = s.w.Scales[i]
				}
			}
		}
		return &c
	}
}

func codeMistakes(s *scene) []hypothesis {
	swapped := *s.w
	swapped.Order = fp4.HighFirst - s.w.Order
	var magnitudes, int4, uint4, negated, middle [16]float32
	steps := [8]float32{0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5, 6}
	for c := range 16 {
		v := fp4.DecodeE2M1(uint8(c))
		magnitudes[c], negated[c], uint4[c] = float32(math.Abs(float64(v))), -v, float32(c)
		int4[c] = float32(int8(c<<4) >> 4)
		middle[c] = float32(math.Copysign(float64(steps[c&7]), float64(v)))
		if c&7 == 0 {
			middle[c] = 0
		}
	}
	return []hypothesis{
		{name: "the two codes of every byte are swapped", repair: "the two codes of every byte are swapped", command: "swizzle w layout=high-first of=codes", reading: reading{blocks: &swapped}},
		{name: "all signs are lost", repair: "", command: "codes w", reading: reading{codes: &magnitudes}},
		{name: "all signs are inverted", repair: "all signs are inverted", command: "codes w", reading: reading{codes: &negated}},
		{name: "codes are read as signed integers", repair: "codes are signed integers", command: "codes w", reading: reading{codes: &int4}},
		{name: "codes are read as unsigned integers", repair: "codes are unsigned integers", command: "codes w", reading: reading{codes: &uint4}},
		{name: "", repair: "the quantizer truncates: every code is the one below its original", command: "quant", reading: reading{codes: &middle}},
	}
}

func scaleOrders(s *scene) []hypothesis {
	cols, rows := s.w.ScaleCols(), s.w.Rows
	shift := func(dn, db int) func() *fp4.Blocks {
		return s.withScales(func(n, b int) int { return (n+dn+rows)%rows*cols + (b+db+cols)%cols })
	}
	list := []hypothesis{
		{name: "every block is read with the next block's scale", repair: "every scale is one block too late", command: "map w.scale", reading: reading{lazy: shift(0, 1)}},
		{name: "every block is read with the previous block's scale", repair: "every scale is one block too early", command: "map w.scale", reading: reading{lazy: shift(0, -1)}},
		{name: "every row is read with the next row's scales", repair: "every row of scales is one row too late", command: "map w.scale", reading: reading{lazy: shift(1, 0)}},
		{name: "every row is read with the previous row's scales", repair: "every row of scales is one row too early", command: "map w.scale", reading: reading{lazy: shift(-1, 0)}},
		{name: "the scale matrix is read transposed", repair: "the scale matrix is transposed", command: "map w.scale",
			reading: reading{lazy: s.withScales(func(n, b int) int { i := n*cols + b; return i%rows*cols + i/rows })}},
		{name: "the scale matrix is transposed and read as it was", repair: "the scale matrix is read transposed", command: "map w.scale",
			reading: reading{lazy: s.withScales(func(n, b int) int { return (b*rows + n) % (rows * cols) })}},
		{name: "one scale is used for the whole row", repair: "", command: "map w.scale", reading: reading{lazy: s.withScales(func(n, _ int) int { return n * cols })}},
		{name: "the first row's scales are used for all rows", repair: "", command: "map w.scale", reading: reading{lazy: s.withScales(func(_, b int) int { return b })}},
	}
	double, half := 2*s.w.Block, s.w.Block/2
	list = append(list, hypothesis{name: fmt.Sprintf("scales of blocks of %d are read as of %d: one scale serves two blocks", s.w.Block, double), repair: "",
		command: "info w", reading: reading{lazy: s.withScales(func(n, b int) int { return n*cols + b&^1 })}})
	if cols > 1 {
		list = append(list, hypothesis{name: fmt.Sprintf("scales of blocks of %d are read as of %d, rows half as long", s.w.Block, double), repair: "",
			command: "info w", reading: reading{lazy: s.withScales(func(n, b int) int { return n*((cols+1)/2) + b/2 })}})
	}
	if half > 1 {
		list = append(list, hypothesis{name: fmt.Sprintf("scales of blocks of %d are read as of %d", s.w.Block, half), repair: "", command: "info w",
			reading: reading{lazy: s.finer}})
	}
	return list
}

// finer is the weight whose scales are read for blocks of half the size, rows twice as long.
func (s *scene) finer() *fp4.Blocks {
	c := *s.w
	c.Block = s.w.Block / 2
	c.Scales = make([]byte, c.Rows*c.ScaleCols())
	for i := range c.Scales {
		c.Scales[i] = s.w.Scales[i%len(s.w.Scales)]
	}
	return &c
}

func scaleFormats(s *scene) []hypothesis {
	table := func(decode func(b uint8) float32) *[256]float32 {
		var t [256]float32
		for b := range t {
			t[b] = decode(uint8(b))
		}
		return &t
	}
	as := func(f fp4.Format) *[256]float32 {
		return table(func(b uint8) float32 { return f.Decode(uint16(b)) })
	}
	if s.w.ScaleType == fp4.E8M0 {
		return []hypothesis{
			{name: "E8M0 scales are read as E4M3", repair: "scales are E4M3", command: "hist w.scale", reading: reading{scales: as(fp4.E4M3)}},
			{name: "E8M0 scales are read as integers", repair: "", command: "hist w.scale", reading: reading{scales: table(func(b uint8) float32 { return float32(b) })}},
			{name: "E8M0 scales are read with the exponent bias of another format", repair: "", command: "hist w.scale",
				reading: reading{scales: table(func(b uint8) float32 { return float32(math.Ldexp(1, int(b)-128)) })}},
		}
	}
	return []hypothesis{
		{name: "E4M3 scales are read as E5M2", repair: "scales are E5M2", command: "hist w.scale", reading: reading{scales: as(fp4.E5M2)}},
		{name: "E4M3 scales are read as E8M0", repair: "scales are E8M0", command: "hist w.scale", reading: reading{scales: as(fp4.E8M0)}},
		{name: "E4M3 scales are read as integers", repair: "", command: "hist w.scale", reading: reading{scales: table(func(b uint8) float32 { return float32(b) })}},
		{name: "E4M3FNUZ scales: exponents are one lower", repair: "scales are E4M3FNUZ", command: "hist w.scale",
			reading: reading{scales: table(func(b uint8) float32 { return fp4.DecodeE4M3(b) / 2 })}},
		{name: "subnormal scales are flushed to zero", repair: "", command: "stat w.scale",
			reading: reading{scales: table(func(b uint8) float32 {
				if b&0x78 == 0 {
					return 0
				}
				return fp4.DecodeE4M3(b)
			})}},
		{name: "block scales are left out", repair: "", command: "stat w.scale", reading: reading{scales: table(func(uint8) float32 { return 1 })}},
	}
}

// misread is a buffer laid out by one rule and read by another, as positions: element i of what
// is read is element at[i] of the matrix, -1 where the reader finds padding.
func misread(d layout.Dims, of layout.Operand, written, read string) ([]int, bool) {
	maps := [2]layout.Map{}
	for i, name := range []string{written, read} {
		rule, err := layout.Lookup(name, of)
		if err != nil {
			return nil, false
		}
		if maps[i], err = rule.Make(d); err != nil || maps[i].Spreads() {
			return nil, false
		}
	}
	at := make([]int, d.Len())
	same := true
	for r := range d.Rows {
		for c := range d.Cols {
			i := r*d.Cols + c
			at[i] = -1
			if p := maps[1].To(r, c); p < maps[0].Out.Len() {
				if row, col, ok := maps[0].From(p); ok {
					at[i] = row*d.Cols + col
				}
			}
			same = same && at[i] == i
		}
	}
	return at, !same
}

// rowRules are the orders of whole rows; codes and scales have the same ones.
var rowRules = []string{"shuffle128", "shuffle64", "swap-halves", "interleave", "deinterleave", "group32", "group64"}

// pairsOf are the confusions of layouts that are tried: everything with row-major, and the
// two swizzles with each other.
func pairsOf(of layout.Operand) (list [][2]string) {
	for _, r := range layout.Rules() {
		if r.Of == of && r.Name != "linear" {
			list = append(list, [2]string{r.Name, "linear"}, [2]string{"linear", r.Name})
		}
	}
	if of == layout.Scales {
		list = append(list, [2]string{"128x4", "8x4"}, [2]string{"8x4", "128x4"})
	}
	return list
}

func scaleLayouts(s *scene) (list []hypothesis) {
	d := layout.Dims{Rows: s.w.Rows, Cols: s.w.ScaleCols()}
	for _, p := range pairsOf(layout.Scales) {
		list = append(list, hypothesis{name: laidOut("scales", p[0], p[1]), repair: laidOut("scales", p[1], p[0]),
			command: "swizzle w layout=" + other(p), reading: reading{lazy: func() *fp4.Blocks {
				at, ok := misread(d, layout.Scales, p[0], p[1])
				if !ok {
					return nil
				}
				return s.withScales(func(n, b int) int { return at[n*d.Cols+b] })()
			}}})
	}
	return list
}

// other is the rule of a pair that is not row-major.
func other(p [2]string) string {
	if p[0] == "linear" {
		return p[1]
	}
	return p[0]
}

func laidOut(what, written, read string) string {
	switch {
	case read == "linear":
		return fmt.Sprintf("%s laid out as %s are read as row-major", what, written)
	case written == "linear":
		return fmt.Sprintf("row-major %s are read as %s", what, read)
	}
	return fmt.Sprintf("%s laid out as %s are read as %s", what, written, read)
}

// maxCodes bounds the weights whose codes are moved one by one.
const maxCodes = 1 << 25

func codeLayouts(s *scene) (list []hypothesis) {
	d := layout.Dims{Rows: s.w.Rows, Cols: s.w.Cols}
	if d.Len() > maxCodes {
		return nil
	}
	for _, p := range pairsOf(layout.Codes) {
		if p[0] == "high-first" || p[1] == "high-first" || p[0] == "comfyui" || p[1] == "comfyui" {
			continue // the first row of the table
		}
		list = append(list, hypothesis{name: laidOut("codes", p[0], p[1]), repair: laidOut("codes", p[1], p[0]),
			command: "swizzle w of=codes layout=" + other(p), reading: reading{lazy: func() *fp4.Blocks {
				at, ok := misread(d, layout.Codes, p[0], p[1])
				if !ok {
					return nil
				}
				return s.withCodes(func(n, k int) int { return at[n*d.Cols+k] })
			}}})
	}
	return list
}

// withCodes is the weight with its codes moved.
func (s *scene) withCodes(at func(n, k int) int) *fp4.Blocks {
	c := *s.w
	c.Order = fp4.LowFirst
	c.Codes = make([]byte, len(s.w.Codes))
	row := make([]uint8, c.Cols)
	for n := range c.Rows {
		for k := range row {
			row[k] = 0
			if i := at(n, k); i >= 0 {
				row[k] = s.w.Code(i/c.Cols, i%c.Cols)
			}
		}
		fp4.PackInto(c.Codes[n*c.Cols/2:], row, fp4.LowFirst)
	}
	return &c
}

// rowOrders move codes and scales together: the output columns are in another order.
func rowOrders(s *scene) (list []hypothesis) {
	d := layout.Dims{Rows: s.w.Rows, Cols: 1}
	for _, name := range rowRules {
		for _, p := range [][2]string{{name, "linear"}, {"linear", name}} {
			at, ok := misread(d, layout.Scales, p[0], p[1])
			if !ok {
				continue
			}
			what, back := "rows were put in the order "+name+" and never put back", "rows were read in the order "+name+", and never put in it"
			if p[0] == "linear" {
				what, back = back, what
			}
			if name == "swap-halves" {
				what, back = "gate and up are swapped", "gate and up are swapped"
			}
			list = append(list, hypothesis{name: what, repair: back, command: "shuffle w layout=" + name, reading: reading{row: func(n int) int { return at[n] }}})
		}
	}
	return list
}

// globals are factors of the whole weight that have a name.
func globals(s *scene) (list []hypothesis) {
	m := float64(s.w.Global.Multiplier())
	add := func(factor float64, name, repair string) {
		if factor > 0 && factor-factor == 0 && math.Abs(factor-1) > 1e-6 {
			list = append(list, hypothesis{name: name, repair: repair, command: "info w", reading: reading{global: factor}})
		}
	}
	if s.w.Global.Use != fp4.NoGlobal {
		add(1/m/m, "the global scale is inverted", "the global scale is inverted")
		add(1/m, "the global scale is missing", "the global scale is applied once too often")
		add(m, "the global scale is applied twice", "the global scale is missing")
	}
	for _, f := range []struct {
		factor float64
		name   string
	}{{2, "2"}, {0.5, "1/2"}, {4, "4"}, {0.25, "1/4"}, {6, "6"}, {1. / 6, "1/6"}, {448, "448"}, {1. / 448, "1/448"}, {2688, "448·6"}, {1. / 2688, "1/(448·6)"},
		{1.5, "1.5"}, {2. / 3, "2/3"}} {
		add(f.factor, "the global scale is off by a factor of "+f.name, "the global scale is off by a factor of "+inverse(f.name))
	}
	for p := 3; p <= 16; p++ {
		add(math.Ldexp(1, p), fmt.Sprintf("the global scale is off by a factor of 2^%d", p), fmt.Sprintf("the global scale is off by a factor of 2^-%d", p))
		add(math.Ldexp(1, -p), fmt.Sprintf("the global scale is off by a factor of 2^-%d", p), fmt.Sprintf("the global scale is off by a factor of 2^%d", p))
	}
	return list
}

func inverse(name string) string {
	switch {
	case len(name) > 2 && name[:2] == "1/":
		return name[2:]
	case name == "2/3":
		return "1.5"
	case name == "1.5":
		return "2/3"
	case name == "448·6":
		return "1/(448·6)"
	}
	return "1/" + name
}

// siblings are the global scales of layers that an engine fuses with this one.
func siblings(s *scene) (list []hypothesis) {
	m := float64(s.w.Global.Multiplier())
	for _, o := range s.Siblings {
		f := float64(o.Multiplier) / m
		if f > 0 && f-f == 0 && math.Abs(f-1) > 1e-6 {
			name := fmt.Sprintf("the layer is read with the global scale of %s, %.3g times its own", o.Name, f)
			list = append(list, hypothesis{name: name, repair: name, command: "info w", reading: reading{global: f}})
		}
	}
	return list
}
