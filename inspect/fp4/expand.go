package fp4

// Values is what each of the 16 codes is worth under each scale byte: Values[scale][code].
// There are few enough products to make each once, so whatever a library does with them
// (its order of operations, its rounding, a code 8 or a scale 0xff that is its own)
// is an entry here, and expanding a matrix is looking up.
type Values [256][16]float32

// Values are the products of the value equation: code times Effective of every scale byte.
func (b *Blocks) Values() *Values {
	v := new(Values)
	for scale := range v {
		factor := b.Effective(uint8(scale))
		for code, x := range e2m1Values {
			v[scale][code] = x * factor
		}
	}
	return v
}

// RoundBF16 rounds every value to bfloat16, nearest even.
func (v *Values) RoundBF16() {
	for scale := range v {
		for code, x := range v[scale] {
			v[scale][code] = RoundBF16(x)
		}
	}
}

// DequantRow writes the values of one row to dst[:Cols]: the float32 product of
// code and Effective scale. Without a global scale that is LocalRow. It is the
// definition; for many rows Expand is faster.
func (b *Blocks) DequantRow(row int, dst []float32) { b.expandRow(row, dst, b.Global) }

// LocalRow writes code·scale of one row to dst[:Cols], without the global scale:
// at most 6 significant bits, so exact (beside E8M0 scales of 2^126 and 2^127, with
// which a product can pass float32 and be infinite). Up to the global scale these
// are the numbers that a tensor core adds up.
func (b *Blocks) LocalRow(row int, dst []float32) { b.expandRow(row, dst, GlobalScale{}) }

// expandRow multiplies the codes of each block of a row by its scale under g.
func (b *Blocks) expandRow(row int, dst []float32, g GlobalScale) {
	cols := b.ScaleCols()
	codes := b.Codes[row*(b.Cols/2) : (row+1)*(b.Cols/2)]
	even, odd := b.Order.shifts()
	values := b.ScaleType.scaleValues()
	for _, scale := range b.Scales[row*cols : (row+1)*cols] {
		s := g.apply(values[scale])
		n := min(b.Block/2, len(codes))
		block := dst[:2*n]
		for i, c := range codes[:n] {
			block[2*i], block[2*i+1] = e2m1Values[c>>even&15]*s, e2m1Values[c>>odd&15]*s
		}
		codes, dst = codes[n:], dst[2*n:]
	}
}

// Expand writes the values of rows from to to, row-major, to the first (to-from)·Cols
// elements of dst: the same bits on every processor. With stream it writes past the caches,
// which is faster when the whole result is larger than the last of them, and slower
// when it is read again at once.
func (b *Blocks) Expand(from, to int, v *Values, dst []float32, stream bool) {
	b.expand(fastest, from, to, v, dst, stream)
}

// run is a stretch of blocks of one size.
type run struct {
	codes, scales []byte
	half          int // bytes of codes in a block
	order         NibbleOrder
	values        *Values
	stream        bool
}

// expand cuts rows into runs: a single one when no row ends in a short block.
func (b *Blocks) expand(p path, from, to int, v *Values, dst []float32, stream bool) {
	rowBytes, cols, half := b.Cols/2, b.ScaleCols(), b.Block/2
	codes, scales := b.Codes[from*rowBytes:to*rowBytes], b.Scales[from*cols:to*cols]
	dst = dst[:2*len(codes)]
	if rowBytes%half == 0 {
		p.expand(run{codes, scales, half, b.Order, v, stream}, dst)
		return
	}
	n := rowBytes / half
	whole, rest := n*half, rowBytes%half
	for ; len(scales) > 0; codes, scales, dst = codes[rowBytes:], scales[cols:], dst[b.Cols:] {
		p.expand(run{codes[:whole], scales[:n], half, b.Order, v, stream}, dst[:2*whole])
		p.expand(run{codes[whole:rowBytes], scales[n:cols], rest, b.Order, v, stream}, dst[2*whole:b.Cols])
	}
}

// expandPortable is what every other path does faster.
func expandPortable(r run, dst []float32) {
	even, odd := r.order.shifts()
	codes := r.codes
	for _, scale := range r.scales {
		values, block := &r.values[scale], dst[:2*r.half]
		for _, c := range codes[:r.half] {
			if len(block) < 2 {
				break // never: it spares the bounds checks
			}
			block[0], block[1] = values[c>>even&15], values[c>>odd&15]
			block = block[2:]
		}
		codes, dst = codes[r.half:], dst[2*r.half:]
	}
}
