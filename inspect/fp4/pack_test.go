package fp4

import (
	"bytes"
	"testing"
)

func TestPack(t *testing.T) {
	codes := []uint8{1, 2, 0xf3} // of 0xf3 the low half counts
	for order, want := range map[NibbleOrder][]byte{LowFirst: {0x21, 0x03}, HighFirst: {0x12, 0x30}} {
		got := Pack(codes, order)
		if !bytes.Equal(got, want) {
			t.Errorf("%s: % x, want % x", order, got, want)
		}
		if back := Unpack(got, 3, order); !bytes.Equal(back, []uint8{1, 2, 3}) {
			t.Errorf("%s: unpacked to %v", order, back)
		}
	}
}

func FuzzPackRoundTrip(f *testing.F) {
	f.Add([]byte{}, false)
	f.Add([]byte{0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe}, true)
	f.Fuzz(func(t *testing.T, packed []byte, high bool) {
		order := LowFirst
		if high {
			order = HighFirst
		}
		codes := Unpack(packed, 2*len(packed), order)
		if back := Pack(codes, order); !bytes.Equal(back, packed) {
			t.Fatalf("% x came back as % x", packed, back)
		}
		b := Blocks{Rows: 1, Cols: len(codes), Block: 16, Codes: packed, Order: order}
		for i, c := range codes {
			if got := b.Code(0, i); got != c {
				t.Fatalf("Code(0, %d) = %x, unpacked %x", i, got, c)
			}
		}
		if n := len(codes); n > 0 { // an odd count: the last nibble is 0
			odd := Unpack(Pack(codes[:n-1], order), n, order)
			if !bytes.Equal(odd[:n-1], codes[:n-1]) || odd[n-1] != 0 {
				t.Fatalf("odd count: %v", odd)
			}
		}
	})
}
