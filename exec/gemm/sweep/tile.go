package sweep

// Tile holds the operands of a product of a few rows with a few columns: A is row-major,
// B column-major (each column's K together), C row-major. Its slices are reused by FillTile.
type Tile struct {
	A, B, C []uint32
}

// Cases whose words one tile may use.
const perTile = 8

// FillTile draws tile i (below 2^28), of shape i mod Shapes: k elements for each of the rows
// and columns. The words are those that tiles alone use when Fill is given another seed;
// rows·k + cols·k + rows·cols is below 16,384. Sources with block scales have no tiles.
func (s *Source) FillTile(to *Tile, i uint64, rows, cols, k int) {
	shape := int(i % Shapes)
	first, j := i*perTile, uint64(0)
	next := func() uint64 { j++; return Word(s.Seed, first, j-1) }
	own := next()
	to.A, to.B, to.C = to.A[:0], to.B[:0], to.C[:0]
	for range rows * k {
		to.A = append(to.A, s.A.Code(next(), own, shape))
	}
	for range cols * k {
		to.B = append(to.B, s.B.Code(next(), own, shape))
	}
	for range rows * cols {
		to.C = append(to.C, s.C.accumulator(next(), shape))
	}
	switch shape {
	case Cancelling, Remainder:
		last := k
		if shape == Remainder {
			last -= 2
		}
		repeat(to.A, k, last, s.A.sign())
		repeat(to.B, k, last, 0)
	case Zeros:
		for n := range to.A {
			to.A[n] = s.A.sign() * uint32(own>>(n%k%64)&1)
		}
		for n := range to.B { // of the sign that to.A has not
			to.B[n] = to.B[n]&^s.B.sign() | s.B.sign()*uint32(^own>>(n%k%64)&1)
		}
	case Floor:
		s.floorTile(to, own, k)
	}
}

// repeat makes each odd element below last the even one before it, with the bits of flip inverted.
func repeat(codes []uint32, k, last int, flip uint32) {
	for n := range codes {
		if n%k%2 == 1 && n%k < last {
			codes[n] = codes[n-1] ^ flip
		}
	}
}

// floorTile is floor for rows and columns: the row and the column share the distance of
// the last product from the first.
func (s *Source) floorTile(to *Tile, own uint64, k int) {
	smallest := -149
	if s.C.Exp < 8 {
		smallest = -25
	}
	half := smallest >> 1
	for n, code := range to.A {
		row := n / k
		switch to.A[n] = 0; n % k {
		case 0:
			to.A[n] = s.A.power(half) | uint32(row&1)<<(s.A.Man+s.A.Drop-1) | code&s.A.sign()
		case k - 1:
			to.A[n] = s.A.power(half-row%12) | code&s.A.sign()
		}
	}
	for n := range to.B {
		col := n / k
		switch to.B[n] = 0; n % k {
		case 0:
			to.B[n] = s.B.power(smallest - half)
		case k - 1:
			to.B[n] = s.B.power(smallest - half - 1 - (col+int(own%2)*4)%12)
		}
	}
	for n := range to.C {
		to.C[n] &= s.C.sign()
	}
}
