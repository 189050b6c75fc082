package fp4

// shifts returns where the even and the odd element of a byte start.
func (o NibbleOrder) shifts() (even, odd uint) {
	if o == HighFirst {
		return 4, 0
	}
	return 0, 4
}

// String names the order: "low nibble first", "high nibble first".
func (o NibbleOrder) String() string {
	if o == HighFirst {
		return "high nibble first"
	}
	return "low nibble first"
}

// Pack puts two codes in each byte; element 2i goes where order says. Of each code
// the low four bits count. An odd count leaves the last byte's second code 0.
func Pack(codes []uint8, order NibbleOrder) []byte {
	b := make([]byte, (len(codes)+1)/2)
	PackInto(b, codes, order)
	return b
}

// PackInto is Pack into dst, which holds at least (len(codes)+1)/2 bytes.
func PackInto(dst []byte, codes []uint8, order NibbleOrder) {
	even, odd := order.shifts()
	n := len(codes) / 2
	for i := range n {
		dst[i] = codes[2*i]&15<<even | codes[2*i+1]&15<<odd
	}
	if len(codes)%2 == 1 {
		dst[n] = codes[2*n] & 15 << even
	}
}

// Unpack returns the first n codes of b in element order; n is at most 2·len(b).
func Unpack(b []byte, n int, order NibbleOrder) []uint8 {
	even, odd := order.shifts()
	codes := make([]uint8, n)
	for i := range n {
		shift := even
		if i&1 == 1 {
			shift = odd
		}
		codes[i] = b[i/2] >> shift & 15
	}
	return codes
}
