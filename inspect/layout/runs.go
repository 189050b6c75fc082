package layout

// scatter moves the runs of a matrix row to their places in the buffer.
func (q *plan) scatter(buffer, line []byte, at int) {
	buffer = buffer[at:]
	dst := q.dst
	if q.rest != 0 {
		last := len(dst) - 1
		copy(buffer[dst[last]:][:q.rest], line[last*q.run:])
		dst = dst[:last]
	}
	switch q.run {
	case 1:
		for i, d := range dst {
			buffer[d] = line[i]
		}
	case 2:
		for i, d := range dst {
			*(*[2]byte)(buffer[d:]) = *(*[2]byte)(line[2*i:])
		}
	case 4:
		for i, d := range dst {
			*(*[4]byte)(buffer[d:]) = *(*[4]byte)(line[4*i:])
		}
	default:
		for i, d := range dst {
			copy(buffer[d:][:q.run], line[i*q.run:])
		}
	}
}

// collect is scatter the other way.
func (q *plan) collect(line, buffer []byte, at int) {
	buffer = buffer[at:]
	dst := q.dst
	if q.rest != 0 {
		last := len(dst) - 1
		copy(line[last*q.run:], buffer[dst[last]:][:q.rest])
		dst = dst[:last]
	}
	switch q.run {
	case 1:
		for i, d := range dst {
			line[i] = buffer[d]
		}
	case 2:
		for i, d := range dst {
			*(*[2]byte)(line[2*i:]) = *(*[2]byte)(buffer[d:])
		}
	case 4:
		for i, d := range dst {
			*(*[4]byte)(line[4*i:]) = *(*[4]byte)(buffer[d:])
		}
	default:
		for i, d := range dst {
			copy(line[i*q.run:][:q.run], buffer[d:])
		}
	}
}

// scatterNibbles moves a row of codes nibble by nibble; at and cols count nibbles.
func (q *plan) scatterNibbles(buffer, line []byte, at int) {
	for i, b := range line {
		put(buffer, at+q.cols[2*i], b&15)
		put(buffer, at+q.cols[2*i+1], b>>4)
	}
}

func put(buffer []byte, pos int, v byte) {
	shift := uint(pos&1) * 4
	p := &buffer[pos>>1]
	*p = *p&^(15<<shift) | v<<shift
}

// collectNibbles is scatterNibbles the other way.
func (q *plan) collectNibbles(line, buffer []byte, at int) {
	for i := range line {
		lo, hi := at+q.cols[2*i], at+q.cols[2*i+1]
		line[i] = buffer[lo>>1]>>(uint(lo&1)*4)&15 | buffer[hi>>1]>>(uint(hi&1)*4)<<4
	}
}
