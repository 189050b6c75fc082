//go:build cuda && cgo && linux

package cuda

import (
	_ "embed" // the kernels
	"fmt"

	"gorgonia.org/cu"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

//go:embed kernels/hopper.fatbin
var hopperImage string

// shape is one way that w4a16 is compiled.
type shape struct {
	family string // of kernels: w4a16 is in kernels.fatbin, stream and wide are in hopper.fatbin
	size   string
	rows   int                         // of x that a launch (few rows) or a block takes
	cols   int                         // of y that a block has; 0: few rows, and blocks walk over tiles of 16 columns
	slices int                         // of K, which are added in the end; 1: one chain along K
	plan   func(*product, shape) error // sets launch
	far    bool                        // x does not lie in shared memory
}

// shapes are those of kernels.fatbin, for every GPU; then those of hopper.fatbin.
var shapes = []shape{
	{"w4a16", "8", 8, 0, 16, (*product).small, false}, {"w4a16", "16", 16, 0, 16, (*product).small, false},
	{"w4a16", "8_far", 8, 0, 16, (*product).small, true}, {"w4a16", "16_far", 16, 0, 16, (*product).small, true},
	{"w4a16", "64x128", 64, 128, 1, (*product).big, false}, {"w4a16", "128x128", 128, 128, 1, (*product).big, false},
	{"w4a16", "128x256", 128, 256, 1, (*product).big, false}, {"w4a16", "exact", 64, 128, 1, (*product).big, false},
	{"stream", "8x4", 8, 0, 4, (*product).stream, false}, {"stream", "16x4", 16, 0, 4, (*product).stream, false},
	{"stream", "8x16", 8, 0, 16, (*product).stream, false}, {"stream", "16x16", 16, 0, 16, (*product).stream, false},
	{"wide", "64x128", 64, 128, 1, (*product).wide, false}, {"wide", "128x128", 128, 128, 1, (*product).wide, false},
	{"wide", "128x256", 128, 256, 1, (*product).wide, false},
}

// name is what known answers call a shape: "16_far", "wide_64x128".
func (s shape) name() string {
	if s.family == "w4a16" {
		return s.size
	}
	return s.family + "_" + s.size
}

func (s shape) hopper() bool { return s.family != "w4a16" }

func shapeNamed(name string) shape {
	for _, s := range shapes {
		if s.name() == name {
			return s
		}
	}
	panic("cuda: no shape " + name)
}

// function is the kernel of a shape: "wide_nv_64x128", "w4a16_mx_8".
func (s shape) function(scale fp4.Format) (image, name string) {
	image = anyImage
	if s.hopper() {
		image = hopperImage
	}
	return image, s.family + map[bool]string{false: "_nv_", true: "_mx_"}[scale == fp4.E8M0] + s.size
}

// shape chooses for the size of y and the device: few rows go through kernels that are bound
// by the bytes of the weight, many through the largest tiles that give every multiprocessor one.
func (p *product) shape() shape {
	const few = 16 // rows beyond which reading the weight once more costs more than a larger tile
	m, n := p.job.M, p.job.N
	hopper := onlyHopper(p.device.ComputeCapability) == "" && p.k > 0
	if m <= few {
		rows := "8"
		if m > 8 {
			rows = "16"
		}
		switch near := shapeNamed(rows); {
		case hopper && (n+15)/16 <= 2*p.device.Multiprocessors: // two tiles of y occupy one warp of a slice, not four
			return shapeNamed("stream_" + rows + "x16")
		case hopper:
			return shapeNamed("stream_" + rows + "x4")
		case p.smallShared(near) <= p.shared:
			return near
		}
		return shapeNamed(rows + "_far")
	}
	family := map[bool]string{false: "", true: "wide_"}[hopper]
	switch {
	case m > 64 && (m+127)/128*((n+255)/256) >= p.device.Multiprocessors:
		return shapeNamed(family + "128x256")
	case m > 64:
		return shapeNamed(family + "128x128")
	}
	return shapeNamed(family + "64x128")
}

// w4a16 chooses and prepares a shape; variant names one in place of that which the job's size chooses.
func (p *product) w4a16(variant string) error {
	s := p.shape()
	if variant != "" {
		s = shapeNamed(variant)
	}
	if p.exact {
		s = shapeNamed("exact")
	}
	p.order = "sequential"
	if s.slices > 1 {
		p.order = fmt.Sprintf("split:%d", s.slices)
	}
	return s.plan(p, s)
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

// smallShared is the shared memory of a shape for few rows on any GPU, as w4a16.cuh (small) divides it.
func (p *product) smallShared(s shape) int {
	bytes := 1024 + 4*s.slices*s.rows/8*512 // scales; sums of four tiles
	if !s.far {
		bytes += s.rows * p.k * 2
	}
	return bytes
}

// A block of stream, as in hopper.cu: the warps that multiply, tiles of y of each at a time, and stages of a ring.
const streamWarps, streamTiles, streamDepth = 16, 2, 3

// streamShared is the shared memory of a shape for few rows on a Hopper GPU, as Stream in hopper.cu divides it.
func (s shape) streamShared(record int) int {
	scales, sums := (record-codeBytes)*4, s.rows*64 // of a tile of y: pairs of bf16 words; FP32 of a slice
	stage := s.rows*128 + s.atOnce()*record
	return 2048 + streamWarps*streamTiles*(scales+sums) + s.slices*streamDepth*stage
}

// atOnce is how many tiles of y a block of stream has room for at a time.
func (s shape) atOnce() int { return streamWarps / s.slices * streamTiles }

// share is how blocks divide the tiles of y: Share in hopper.cu. A block goes through its own in
// as few turns as atOnce allows, and in turns as even as they can be.
func share(tiles, blocks, atOnce int) (each, extra, most int64) {
	longest := (tiles + blocks - 1) / blocks
	turns := (longest + atOnce - 1) / atOnce
	return int64(tiles / blocks), int64(tiles % blocks), int64((longest + turns - 1) / turns)
}

// config is how a kernel is launched: blocks of so many threads with so many bytes of shared memory.
type config struct{ blocks, threads, shared int }

// streamConfig is the launch of a stream shape, and the share of its blocks.
func (p *product) streamConfig(s shape) (c config, each, extra, most int64) {
	tiles := (p.job.N + 15) / 16
	c = config{min(p.device.Multiprocessors, tiles), 32 * (streamWarps + s.slices), s.streamShared(recordBytes(p.job.Block))}
	each, extra, most = share(tiles, c.blocks, s.atOnce())
	return c, each, extra, most
}

// stream is a shape for few rows on a Hopper GPU: blocks share the tiles of y.
func (p *product) stream(s shape) error {
	image, name := s.function(p.job.Scale)
	c, each, extra, most := p.streamConfig(s)
	f, err := p.function(image, name, c.shared)
	if err != nil {
		return err
	}
	a := p.args
	at := []cu.DevicePtr{p.at, cu.DevicePtr(a.lut), cu.DevicePtr(a.w), cu.DevicePtr(a.x), cu.DevicePtr(a.y), cu.DevicePtr(a.alpha)}
	plain := int64(0) // alpha times the sum, as bf16
	if p.job.Out == inspect.BF16 && a.alphas == 1 && p.job.Epilogue == (layer.Epilogue{}) {
		plain = 1
	}
	p.launch = func(m0, rows int) error {
		for ; rows > 0; m0, rows = m0+s.rows, rows-s.rows {
			first, count := int64(m0), int64(min(rows, s.rows))
			n, k := int64(p.job.N), int64(p.k)
			params := append(pointers(&at[0], &at[1], &at[2], &at[3]), pointers(&n, &k, &first, &count, &each, &extra, &most)...)
			params = append(append(params, pointers(&at[4], &at[5])...), pointers(&plain)...)
			if err := f.Launch(c.blocks, 1, 1, c.threads, 1, 1, c.shared, cu.NoStream, params); err != nil {
				return driverError("cuLaunchKernel "+name, err)
			}
		}
		return nil
	}
	return nil
}

// wideConfig is the launch of a wide shape on rows of x: one producing warpgroup, two that multiply.
func (p *product) wideConfig(s shape, rows int) config {
	const shared = 1024 + 1024 + 204800 // alignment, barriers, the ring
	return config{(rows + s.rows - 1) / s.rows * ((p.job.N + s.cols - 1) / s.cols), 3 * 128, shared}
}

// wide is a shape for many rows on a Hopper GPU.
func (p *product) wide(s shape) error {
	image, name := s.function(p.job.Scale)
	f, err := p.function(image, name, p.wideConfig(s, s.rows).shared)
	p.launch = func(m0, rows int) error {
		c := p.wideConfig(s, rows)
		return p.start(f, name, c.blocks, 1, c.threads, c.shared, m0, rows)
	}
	return err
}

// small is a shape for few rows on any GPU.
func (p *product) small(s shape) error {
	shared := p.smallShared(s)
	image, name := s.function(p.job.Scale)
	f, err := p.function(image, name, shared)
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
			params = append(append(params, pointers(&p.w.codes)...), pointers(&n, &k)...)
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

// big is a shape for many rows on any GPU.
func (p *product) big(s shape) error {
	image, name := s.function(p.job.Scale)
	shared := 1024 + max(4*s.rows*128, 8*64*17*4) // scales; four stages of x, later outputs of eight warps
	f, err := p.function(image, name, shared)
	p.launch = func(m0, rows int) error {
		return p.start(f, name, (rows+s.rows-1)/s.rows, (p.job.N+s.cols-1)/s.cols, 256, shared, m0, rows)
	}
	return err
}
