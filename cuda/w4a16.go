//go:build cuda && cgo && linux

package cuda

import (
	"gorgonia.org/cu"

	"fp4tui/inspect/fp4"
)

// scale chooses the powers of two of scales and x.
func (p *product) scale(variant string) {
	t, ok := shiftOf(p.job)
	if ok && variant != "exact" {
		if x, ok := shiftWords(p.x, codeShift-t); ok {
			p.x, p.shift = x, t
			return
		}
	}
	p.exact = true
}

// wide chooses the shape of w4a16: few rows go through shared memory or, for a long K,
// past it; many rows through the large tiles.
func (p *product) wide(variant string) error {
	prefix := "w4a16_nv_"
	if p.job.Scale == fp4.E8M0 {
		prefix = "w4a16_mx_"
	}
	if variant == "" {
		variant = p.shape()
	}
	if p.exact {
		variant = "exact"
	}
	if cols := bigCols[variant]; cols != 0 {
		p.order = "sequential"
		return p.big(prefix+variant, cols, bigRows[variant])
	}
	p.order = "split:16"
	return p.small(prefix+variant, variant)
}

// The columns and rows of y of a block, by the names of the large shapes.
var (
	bigCols = map[string]int{"64x128": 128, "128x128": 128, "128x256": 256, "exact": 128}
	bigRows = map[string]int{"64x128": 64, "128x128": 128, "128x256": 128, "exact": 64}
)

// shape chooses for the size of y: the largest tiles that give every multiprocessor one.
func (p *product) shape() string {
	const few = 16 // rows beyond which reading the weight once more costs more than a larger tile
	m, n := p.job.M, p.job.N
	switch {
	case m > 64 && (m+127)/128*((n+255)/256) >= p.mps:
		return "128x256"
	case m > 64:
		return "128x128"
	case m > few:
		return "64x128"
	}
	shape := "16"
	if m <= 8 {
		shape = "8"
	}
	if smallShared(shape, p.k) > p.shared {
		shape += "_far"
	}
	return shape
}

// smallShared is the shared memory of a shape for few rows: sums of 16 slices of four tiles;
// the scales; and x where it has room.
func smallShared(variant string, k int) int {
	rows := map[string]int{"8": 8, "16": 16, "8_far": 8, "16_far": 16}[variant]
	bytes := 4*16*rows*16*4 + 1024
	if variant == "8" || variant == "16" {
		bytes += rows * k * 2
	}
	return bytes
}

func (p *product) small(name, variant string) error {
	shared := smallShared(variant, p.k)
	f, err := p.function(anyImage, name, shared)
	if err != nil {
		return err
	}
	var order cu.Function
	var packed cu.DevicePtr
	far := len(variant) > 2
	if far {
		if order, err = p.function(anyImage, "w4a16_order", 0); err != nil {
			return err
		}
		if packed, err = p.scope.alloc(int64(16 * p.k * 2)); err != nil {
			return err
		}
	}
	step := map[bool]int{true: 8, false: 16}[variant == "8" || variant == "8_far"]
	p.launch = func(m0, rows int) error {
		for ; rows > 0; m0, rows = m0+step, rows-step {
			first, count := int64(m0), int64(min(rows, step))
			n, k := int64(p.job.N), int64(p.k)
			params := append(pointers(&p.at, &packed), pointers(&first, &count)...)
			params = append(append(params, pointers(&p.w.codes, &p.w.scales)...), pointers(&n, &k)...)
			if far {
				if err := order.Launch((p.k/8+255)/256, 1, 1, 256, 1, 1, 0, cu.NoStream, params[:4]); err != nil {
					return driverError("cuLaunchKernel w4a16_order", err)
				}
			}
			if err := f.Launch(min(p.mps, (p.job.N+15)/16), 1, 1, 512, 1, 1, shared, cu.NoStream, params); err != nil {
				return driverError("cuLaunchKernel "+name, err)
			}
		}
		return nil
	}
	return nil
}

func (p *product) big(name string, cols, rowsOf int) error {
	shared := 1024 + max(4*rowsOf*128, 8*64*17*4) // scales; four stages of x, later outputs of eight warps
	f, err := p.function(anyImage, name, shared)
	p.launch = func(m0, rows int) error {
		return p.start(f, name, (rows+rowsOf-1)/rowsOf, (p.job.N+cols-1)/cols, 256, shared, m0, rows)
	}
	return err
}
