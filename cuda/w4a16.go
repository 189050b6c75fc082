//go:build cuda && cgo && linux

package cuda

import (
	_ "embed" // the kernels
	"strings"

	"gorgonia.org/cu"

	"fp4tui/inspect/fp4"
)

//go:embed kernels/hopper.fatbin
var hopperImage string

// shape is one way that w4a16 is compiled.
type shape struct {
	name string // as known answers and bench.py call it
	rows int    // of x that a launch (few rows) or a block takes
	cols int    // of y that a block has; 0: few rows, and blocks walk over tiles of 16 columns
	far  bool   // x does not lie in shared memory
}

// shapes are those of kernels.fatbin, for every GPU; then those of hopper.fatbin.
var shapes = []shape{
	{"8", 8, 0, false}, {"16", 16, 0, false}, {"8_far", 8, 0, true}, {"16_far", 16, 0, true},
	{"64x128", 64, 128, false}, {"128x128", 128, 128, false}, {"128x256", 128, 256, false},
	{"exact", 64, 128, false},
	{"stream_8", 8, 0, false}, {"stream_16", 16, 0, false}, {"stream_8_far", 8, 0, true}, {"stream_16_far", 16, 0, true},
	{"wide_64x128", 64, 128, false}, {"wide_128x128", 128, 128, false}, {"wide_128x256", 128, 256, false},
}

func shapeNamed(name string) shape {
	for _, s := range shapes {
		if s.name == name {
			return s
		}
	}
	panic("cuda: no shape " + name)
}

// hopperShape says that a shape of w4a16 is in hopper.fatbin.
func hopperShape(name string) bool {
	return strings.HasPrefix(name, "stream_") || strings.HasPrefix(name, "wide_")
}

// function is the kernel of a shape: "wide_nv_64x128", "w4a16_mx_8".
func (s shape) function(scale fp4.Format) (image, name string) {
	format := map[bool]string{false: "nv", true: "mx"}[scale == fp4.E8M0]
	if hopperShape(s.name) {
		family, size, _ := strings.Cut(s.name, "_")
		return hopperImage, family + "_" + format + "_" + size
	}
	return anyImage, "w4a16_" + format + "_" + s.name
}

// shape chooses for the size of y and the device: few rows go through kernels that are bound
// by the bytes of the weight, many through the largest tiles that give every multiprocessor one.
func (p *product) shape() shape {
	const few = 16 // rows beyond which reading the weight once more costs more than a larger tile
	m, n := p.job.M, p.job.N
	hopper := onlyHopper(p.device.ComputeCapability) == "" && p.k > 0
	rows, family := "8", map[bool]string{false: "", true: "stream_"}[hopper]
	if m > 8 {
		rows = "16"
	}
	if m <= few {
		near, far := shapeNamed(family+rows), shapeNamed(family+rows+"_far")
		// Where every multiprocessor has one pair of tiles at most, x stays nowhere for a second.
		if p.fewShared(near) > p.shared || hopper && (n+31)/32 <= p.device.Multiprocessors {
			return far
		}
		return near
	}
	family = map[bool]string{false: "", true: "wide_"}[hopper]
	switch {
	case m > 64 && (m+127)/128*((n+255)/256) >= p.device.Multiprocessors:
		return shapeNamed(family + "128x256")
	case m > 64:
		return shapeNamed(family + "128x128")
	}
	return shapeNamed(family + "64x128")
}

// wide chooses and prepares a shape.
func (p *product) wide(variant string) error {
	s := p.shape()
	if variant != "" {
		s = shapeNamed(variant)
	}
	if p.exact {
		s = shapeNamed("exact")
	}
	p.order = "sequential"
	image, name := s.function(p.job.Scale)
	switch {
	case s.cols == 0:
		p.order = "split:16"
		if image == hopperImage {
			return p.stream(s, name)
		}
		return p.small(s, name)
	case image == hopperImage:
		return p.wgmma(s, name)
	}
	return p.big(s, name)
}

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

// fewShared is the shared memory that a shape for few rows takes, as w4a16.cuh (small) and
// hopper.cu (Stream) divide it.
func (p *product) fewShared(s shape) int {
	tiles := s.rows / 8
	if image, _ := s.function(p.job.Scale); image != hopperImage {
		bytes := 1024 + 4*16*tiles*512 // scales; sums of 16 slices of four tiles
		if !s.far {
			bytes += s.rows * p.k * 2
		}
		return bytes
	}
	const slices, depth, codes = 16, 3, 512
	columns, scales, x := 1, 16*kTile/p.job.Block, 0
	if s.far {
		columns, x = 2, tiles*1024
	}
	bytes := 1088 + slices*columns*scales*4 + 2*slices*columns*tiles*512 + slices*depth*(columns*(codes+scales)+x)
	if !s.far {
		bytes += min(s.rows, p.job.M) * (p.k*2 + 16)
	}
	return bytes
}

// stream is a shape for few rows on a Hopper GPU.
func (p *product) stream(s shape, name string) error {
	shared := p.fewShared(s)
	f, err := p.function(hopperImage, name, shared)
	if err != nil {
		return err
	}
	tiles := (p.job.N + 15) / 16
	if s.far {
		tiles = (tiles + 1) / 2
	}
	blocks := min(p.device.Multiprocessors, tiles)
	a := p.args
	at := []cu.DevicePtr{p.at, cu.DevicePtr(a.lut), cu.DevicePtr(a.w), cu.DevicePtr(a.wScales), cu.DevicePtr(a.x)}
	p.launch = func(m0, rows int) error {
		for ; rows > 0; m0, rows = m0+s.rows, rows-s.rows {
			first, count := int64(m0), int64(min(rows, s.rows))
			n, k := int64(p.job.N), int64(p.k)
			params := append(pointers(&at[0], &at[1], &at[2], &at[3], &at[4]), pointers(&n, &k, &first, &count)...)
			if err := f.Launch(blocks, 1, 1, 640, 1, 1, shared, cu.NoStream, params); err != nil {
				return driverError("cuLaunchKernel "+name, err)
			}
		}
		return nil
	}
	return nil
}

// wgmma is a shape for many rows on a Hopper GPU: one producing warpgroup, two that multiply.
func (p *product) wgmma(s shape, name string) error {
	const shared = 1024 + 1024 + 204800 // alignment, barriers, the ring
	f, err := p.function(hopperImage, name, shared)
	p.launch = func(m0, rows int) error {
		return p.start(f, name, (rows+s.rows-1)/s.rows*((p.job.N+s.cols-1)/s.cols), 1, 384, shared, m0, rows)
	}
	return err
}

func (p *product) small(s shape, name string) error {
	shared := p.fewShared(s)
	f, err := p.function(anyImage, name, shared)
	if err != nil {
		return err
	}
	var order cu.Function
	var packed cu.DevicePtr
	if s.far {
		if order, err = p.function(anyImage, "w4a16_order", 0); err != nil {
			return err
		}
		if packed, err = p.scope.alloc(int64(16 * p.k * 2)); err != nil {
			return err
		}
	}
	p.launch = func(m0, rows int) error {
		for ; rows > 0; m0, rows = m0+s.rows, rows-s.rows {
			first, count := int64(m0), int64(min(rows, s.rows))
			n, k := int64(p.job.N), int64(p.k)
			params := append(pointers(&p.at, &packed), pointers(&first, &count)...)
			params = append(append(params, pointers(&p.w.codes, &p.w.scales)...), pointers(&n, &k)...)
			if s.far {
				if err := order.Launch((p.k/8+255)/256, 1, 1, 256, 1, 1, 0, cu.NoStream, params[:4]); err != nil {
					return driverError("cuLaunchKernel w4a16_order", err)
				}
			}
			if err := f.Launch(min(p.device.Multiprocessors, (p.job.N+15)/16), 1, 1, 512, 1, 1, shared, cu.NoStream, params); err != nil {
				return driverError("cuLaunchKernel "+name, err)
			}
		}
		return nil
	}
	return nil
}

func (p *product) big(s shape, name string) error {
	shared := 1024 + max(4*s.rows*128, 8*64*17*4) // scales; four stages of x, later outputs of eight warps
	f, err := p.function(anyImage, name, shared)
	p.launch = func(m0, rows int) error {
		return p.start(f, name, (rows+s.rows-1)/s.rows, (p.job.N+s.cols-1)/s.cols, 256, shared, m0, rows)
	}
	return err
}
