package cuda

import (
	"context"
	"math"
	"strings"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// Oracle computes the words of a job on the CPU by the emulator, in the order and by the
// row of the table given; package gemm's Compute is one.
type Oracle func(ctx context.Context, job layer.Job, order layer.Order) ([]float32, error)

// Answer is a job that a kernel must get right before it may run anything else. Variant
// names one of the kernel's shapes, which a job's own size would not choose.
type Answer struct {
	Kernel, Variant string
	Order           layer.Order
	Job             layer.Job
}

// answerShape is a row of the table of known answers.
type answerShape struct {
	kernel, variant, arch string
	m, n, k               int
	mx                    bool
	order                 layer.Order
	out                   inspect.DType
	epilogue              layer.Epilogue
}

var split4, split16 = layer.Order{Kind: layer.OrderSplit, Parts: 4}, layer.Order{Kind: layer.OrderSplit, Parts: 16}

// answerShapes: sizes that are no multiple of any tile, every shape of every kernel.
func answerShapes(cc [2]int) []answerShape {
	row := BF16Arch(cc)
	var all []answerShape
	for _, mx := range []bool{false, true} {
		all = append(all,
			answerShape{"emu-fp4", "", "sm100", 19, 37, 336, mx, layer.Order{}, inspect.F32, layer.Epilogue{}},
			answerShape{"emu-fp4", "", "sm120", 9, 70, 160, mx, layer.Order{}, inspect.BF16, layer.Epilogue{Bias: layer.BiasF32}},
			answerShape{"emu-fp4", "", "sm100", 3, 40, 192, mx, layer.Order{}, inspect.F16, layer.Epilogue{Alpha: layer.AlphaOut, Bias: layer.BiasOut}},
			answerShape{"emu-bf16", "", "sm80", 19, 37, 208, mx, layer.Order{}, inspect.F32, layer.Epilogue{}},
			answerShape{"emu-bf16", "", "sm90", 19, 37, 208, mx, layer.Order{}, inspect.BF16, layer.Epilogue{Alpha: layer.AlphaBF16}},
			answerShape{"w4a16", "8", row, 5, 40, 1216, mx, split16, inspect.F32, layer.Epilogue{}},
			answerShape{"w4a16", "16", row, 13, 40, 1296, mx, split16, inspect.F32, layer.Epilogue{Bias: layer.BiasF32}},
			answerShape{"w4a16", "8_far", row, 8, 24, 1216, mx, split16, inspect.F32, layer.Epilogue{}},
			answerShape{"w4a16", "16_far", row, 16, 24, 640, mx, split16, inspect.F32, layer.Epilogue{}},
			answerShape{"w4a16", "64x128", row, 35, 24, 464, mx, layer.Order{}, inspect.F32, layer.Epilogue{}},
			answerShape{"w4a16", "128x128", row, 35, 24, 464, mx, layer.Order{}, inspect.F32, layer.Epilogue{Bias: layer.BiasOut}},
			answerShape{"w4a16", "128x256", row, 35, 24, 464, mx, layer.Order{}, inspect.F32, layer.Epilogue{}},
			answerShape{"w4a16", "exact", row, 19, 24, 464, mx, layer.Order{}, inspect.F32, layer.Epilogue{}},
			answerShape{"native-sm120", "", "sm120", 19, 40, 320, mx, layer.Order{}, inspect.F32, layer.Epilogue{}},
		)
	}
	const lt, arch = "native-sm100", "sm100" // sums that are exact in any order: the library's is not known
	all = append(all,
		answerShape{lt, "", arch, 19, 150, 336, false, layer.Order{}, inspect.F32, layer.Epilogue{}},
		answerShape{lt, "", arch, 133, 37, 208, false, layer.Order{}, inspect.BF16, layer.Epilogue{Bias: layer.BiasF32}},
		answerShape{lt, "", arch, 3, 40, 1968, false, layer.Order{}, inspect.F32, layer.Epilogue{Alpha: layer.AlphaBF16}},
		answerShape{lt, "", arch, 35, 24, 464, false, layer.Order{}, inspect.F16, layer.Epilogue{Alpha: layer.AlphaOut, Bias: layer.BiasOut}},
	)
	if onlyHopper(cc) != "" {
		return all
	}
	for _, mx := range []bool{false, true} { // at the end: other devices share the words of what stands before
		all = append(all,
			answerShape{"w4a16", "stream_8x4", row, 5, 40, 1216, mx, split4, inspect.F32, layer.Epilogue{}},
			answerShape{"w4a16", "stream_16x4", row, 13, 40, 1296, mx, split4, inspect.F32, layer.Epilogue{Bias: layer.BiasF32}},
			answerShape{"w4a16", "stream_8x16", row, 7, 40, 1216, mx, split16, inspect.BF16, layer.Epilogue{}},
			answerShape{"w4a16", "stream_16x16", row, 16, 40, 640, mx, split16, inspect.F32, layer.Epilogue{}},
			answerShape{"w4a16", "wide_64x128", row, 66, 24, 464, mx, layer.Order{}, inspect.F32, layer.Epilogue{}},
			answerShape{"w4a16", "wide_128x128", row, 35, 24, 464, mx, layer.Order{}, inspect.F32, layer.Epilogue{Bias: layer.BiasOut}},
			answerShape{"w4a16", "wide_128x256", row, 130, 24, 464, mx, layer.Order{}, inspect.BF16, layer.Epilogue{}},
		)
	}
	return all
}

// Answers lists the jobs of every kernel for a device of a compute capability. Their
// operands are drawn from fixed numbers; what must come out is embedded.
func Answers(cc [2]int) []Answer {
	var all []Answer
	for i, s := range answerShapes(cc) {
		all = append(all, Answer{Kernel: s.kernel, Variant: s.variant, Order: s.order, Job: s.job(uint64(i))})
	}
	return all
}

// Drawn lists larger jobs of other numbers for every kernel: what must come out is an
// Oracle's to say.
func Drawn(cc [2]int) []Answer {
	var all []Answer
	for i, s := range answerShapes(cc) {
		s.m, s.n, s.k = s.m+2, 3*s.n+7, s.k+32
		switch family, _, _ := strings.Cut(s.variant, "_"); {
		case s.variant == "":
			s.m += 64
		case family == "stream": // blocks with more tiles of y than they have room for at a time, on 132 multiprocessors
			s.n, s.k = 17021, 160
		}
		all = append(all, Answer{Kernel: s.kernel, Variant: s.variant, Order: s.order, Job: s.job(uint64(1000 + i))})
	}
	return all
}

// draw is a sequence of numbers (SplitMix64).
type draw uint64

func (d *draw) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// job draws a job: most rows ordinary, some with exponents that force terms to be
// cut, and single rows with NaN and infinities.
func (s answerShape) job(seed uint64) layer.Job {
	d := draw(seed*1000 + 7)
	j := layer.Job{Kernel: s.kernel, Mode: layer.W4A16, Arch: s.arch, M: s.m, N: s.n, K: s.k, Block: 16, Scale: fp4.E4M3,
		Epilogue: s.epilogue, Out: s.out, Alphas: []float32{0.0123}}
	if s.mx {
		j.Block, j.Scale = 32, fp4.E8M0
	}
	blocks := (s.k + j.Block - 1) / j.Block
	far := s.kernel != "w4a16" || s.variant == "exact" // the other shapes are for what is not subnormal
	scales := func(rows int) []byte { return d.scales(rows, blocks, s.mx, far) }
	if s.kernel == "native-sm100" {
		scales = func(rows int) []byte { return d.nearScales(rows, blocks) }
	}
	j.WCodes, j.WScales = d.bytes(s.n*s.k/2), scales(s.n)
	if s.kernel == "emu-fp4" || s.kernel == "native-sm120" || s.kernel == "native-sm100" {
		j.Mode = layer.W4A4
		j.XCodes, j.XScales = d.bytes(s.m*s.k/2), scales(s.m)
	} else {
		j.XWords = d.words(s.m, s.k, far)
	}
	if s.epilogue.Bias != layer.BiasNone {
		for range s.n {
			j.Bias = append(j.Bias, float32(int64(d.next()>>40)-1<<23)/(1<<22))
		}
		j.Alphas = nil // one a row
		for range s.m {
			j.Alphas = append(j.Alphas, float32(d.next()>>40)/(1<<26))
		}
	}
	return j
}

func (d *draw) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(d.next() >> 56)
	}
	return b
}

// scales draws E4M3 or E8M0 bytes: rows of any, of near ones, and one in 16 with a NaN.
func (d *draw) scales(rows, blocks int, mx, far bool) []byte {
	b := make([]byte, rows*blocks)
	for r := range rows {
		for i := range blocks {
			v := byte(d.next() >> 56)
			switch {
			case mx && r%4 != 3:
				v = 120 + v%16
			case mx && far:
				v = 64 + v/2
			case mx:
				v = 96 + v/4
			case r%4 != 3:
				v = 0x28 + v%32
			case v&0x7f == 0x7f:
				v--
			}
			b[r*blocks+i] = v
		}
		if r%16 == 7 {
			b[r*blocks+int(d.next()%uint64(blocks))] = map[bool]byte{false: 0x7f, true: 0xff}[mx]
		}
	}
	return b
}

// nearScales draws E4M3 bytes whose row has one exponent, or for few blocks two: FP32 holds
// each sum of a product of such rows exactly, whatever the order of its terms. Rows differ in
// their exponents; some are subnormal or zero in places, and some bytes have the sign
// that a scale has no use for.
func (d *draw) nearScales(rows, blocks int) []byte {
	b := make([]byte, rows*blocks)
	span := byte(8)
	if blocks <= 32 {
		span = 16
	}
	for r := range rows {
		base := byte(5+r%5) << 3
		if r%8 == 6 {
			base = 0
		}
		for i := range blocks {
			v := d.next()
			b[r*blocks+i] = base + byte(v>>56)%span
			if r%4 == 1 {
				b[r*blocks+i] |= byte(v) & 0x80
			}
		}
	}
	return b
}

// words draws bf16: rows of near exponents, of far ones, and one in 16 with infinities.
func (d *draw) words(rows, k int, far bool) []uint16 {
	w := make([]uint16, rows*k)
	for r := range rows {
		for i := range k {
			v := d.next()
			exp := uint16(120 + v>>32%12)
			if r%4 == 3 {
				exp = uint16(v >> 32 % 200)
				if !far {
					exp++
				}
			}
			w[r*k+i] = uint16(v)&0x807f | exp<<7
			if v>>60 == 0 {
				w[r*k+i] &= 0x8000
			}
		}
		if r%16 == 11 {
			w[r*k+int(d.next()%uint64(k))] = 0x7f80
		}
	}
	return w
}

func bf16Word(v float32) uint16 { return uint16(math.Float32bits(fp4.RoundBF16(v)) >> 16) }
