package rz64

import (
	"errors"
	"fmt"
	"sync"

	"fp4tui/inspect/fp4"
)

// The shape of one instruction, and of the tiles of this package.
const (
	StepLen    = 64 // K of one instruction
	groupLen   = 16 // elements summed exactly before their scales apply
	stepGroups = StepLen / groupLen

	tileRows    = 8  // rows of x in a packed tile
	panelCols   = 32 // rows of w unpacked together
	blockSteps  = 4  // instructions between two looks at the flags
	blockGroups = blockSteps * stepGroups
	blockLen    = blockSteps * StepLen
)

// The errors of New.
var (
	ErrOperand  = errors.New("operand is not a block-scaled FP4 matrix of an FP4 instruction")
	ErrMismatch = errors.New("operands do not multiply")
	ErrPath     = errors.New("path is not available on this processor")
)

// Product is y[M,N] = x[M,K]·w[N,K]ᵀ, prepared: shared by workers, and read-only to
// its user. It refers to the bytes of x and w, which must not change.
type Product struct {
	x, w   *fp4.Blocks
	steps  int
	format *scaleFormat
	path   *pathInfo

	rows, cols lines       // of x and of w
	tiles      []packedRow // x, eight rows a tile
}

// packedRow is a tile of x, packed by the first worker that needs it.
type packedRow struct {
	once sync.Once
	data []byte
}

// New prepares the product on the fastest path of this processor. Blocks are 16 or 32
// wide; scales are UE4M3 (E4M3 with bit 7 ignored) or E8M0, the same on both sides;
// any M, N and K that fp4.Blocks allows. Errors are ErrOperand and ErrMismatch.
func New(x, w *fp4.Blocks) (*Product, error) { return NewOn(Paths()[0], x, w) }

// NewOn is New on a chosen path, which changes no result; the error may also be ErrPath.
func NewOn(path Path, x, w *fp4.Blocks) (*Product, error) {
	info := path.info()
	if info == nil || !info.available() {
		return nil, fmt.Errorf("%w: %s", ErrPath, path)
	}
	format, err := formatOf("x", x)
	if err != nil {
		return nil, err
	}
	other, err := formatOf("w", w)
	if err != nil {
		return nil, err
	}
	if x.Cols != w.Cols {
		return nil, fmt.Errorf("%w: x has K %d, w has K %d", ErrMismatch, x.Cols, w.Cols)
	}
	if format != other || x.Block != w.Block {
		return nil, fmt.Errorf("%w: x has %s scales on blocks of %d, w has %s on %d", ErrMismatch, x.ScaleType, x.Block, w.ScaleType, w.Block)
	}
	p := &Product{x: x, w: w, steps: (x.Cols + StepLen - 1) / StepLen, format: format, path: info,
		tiles: make([]packedRow, (x.Rows+tileRows-1)/tileRows)}
	p.rows.init(x, format, info.scan)
	p.cols.init(w, format, info.scan)
	return p, nil
}

// Steps is the number of instructions along K: K/64, rounded up.
func (p *Product) Steps() int { return p.steps }

// Path is the path that computes the product.
func (p *Product) Path() Path { return p.path.path }

// formatOf checks one operand and returns the format of its scales.
func formatOf(name string, b *fp4.Blocks) (*scaleFormat, error) {
	if b.Block != 16 && b.Block != 32 {
		return nil, fmt.Errorf("%w: %s has blocks of %d", ErrOperand, name, b.Block)
	}
	if b.Rows < 0 || b.Cols < 0 || b.Cols%2 != 0 || len(b.Codes) != b.Rows*(b.Cols/2) || len(b.Scales) != b.Rows*b.ScaleCols() {
		return nil, fmt.Errorf("%w: %s is %d×%d with %d bytes of codes and %d scales", ErrOperand, name, b.Rows, b.Cols, len(b.Codes), len(b.Scales))
	}
	switch b.ScaleType {
	case fp4.E4M3, fp4.UE4M3:
		return ue4m3, nil
	case fp4.E8M0:
		return ue8m0, nil
	}
	return nil, fmt.Errorf("%w: %s has %s scales", ErrOperand, name, b.ScaleType)
}
