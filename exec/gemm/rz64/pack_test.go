package rz64

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"fp4tui/inspect/fp4"
)

// unpackPlain is what the assembly unpackers do, one code at a time.
func unpackPlain(panel, codes, scales []byte, codeStride, scaleStride int, format *scaleFormat, perScale int, bias int8) {
	order := [4][4]int{{0, 2, 4, 6}, {1, 3, 5, 7}, {8, 10, 12, 14}, {9, 11, 13, 15}}
	for c := range panelCols {
		for g := range blockGroups {
			for q, ks := range order {
				for i, k := range ks {
					at := g*groupLen + k
					code := codes[c*codeStride+at/2] >> (4 * (at & 1)) & 15
					panel[g*panelRecord+q*128+4*c+i] = byte(doubled[code] + bias)
				}
			}
		}
	}
	unpackScales(panel, scales, scaleStride, format, perScale)
}

// TestUnpack compares the unpackers with the plain one: every scale byte, every pair of
// codes, at several strides.
func TestUnpack(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, info := range vectorPaths {
		if !info.available() {
			continue
		}
		for _, format := range []*scaleFormat{ue4m3, ue8m0} {
			for _, perScale := range []int{1, 2} {
				for extra := range 3 {
					codeStride, scaleStride := stagedCodes+extra, stagedScales/perScale+extra
					codes, scales := make([]byte, panelCols*codeStride), make([]byte, panelCols*scaleStride)
					for i := range codes {
						codes[i] = byte(i)
					}
					for i := range scales {
						scales[i] = byte(i)
					}
					r.Shuffle(len(codes), func(i, j int) { codes[i], codes[j] = codes[j], codes[i] })
					got, want := aligned(panelBytes), aligned(panelBytes)
					info.unpack(got, codes, scales, codeStride, scaleStride, format, perScale)
					unpackPlain(want, codes, scales, codeStride, scaleStride, format, perScale, info.bias)
					for i := range want {
						if got[i] != want[i] {
							t.Fatalf("%s, stride %d, scale per %d: byte %d of record %d is %02x, want %02x", info.path, codeStride, perScale, i%panelRecord, i/panelRecord, got[i], want[i])
						}
					}
				}
			}
		}
	}
}

// TestDoubleNibbles checks every code in every byte, beside every other.
func TestDoubleNibbles(t *testing.T) {
	for a := range 16 {
		for b := range 16 {
			for at := range 7 {
				v := uint64(a)<<(8*at) | uint64(b)<<(8*at+8) | 0xf0f0f0f0f0f0f0f0
				var got [8]byte
				d := doubleNibbles(v)
				binary.LittleEndian.PutUint64(got[:], d)
				var want [8]byte
				want[at], want[at+1] = byte(doubled[a]), byte(doubled[b])
				if !bytes.Equal(got[:], want[:]) {
					t.Fatalf("%016x: %x, want %x", v, got, want)
				}
				if sum := int32(doubled[a]) + int32(doubled[b]); sumBytes(d) != sum {
					t.Fatalf("sum of %016x is %d, want %d", d, sumBytes(d), sum)
				}
			}
		}
	}
}

// TestScaleTables compares the scale tables with the formats' own decoders.
func TestScaleTables(t *testing.T) {
	for _, c := range []struct {
		format *scaleFormat
		of     fp4.Format
	}{{ue4m3, fp4.UE4M3}, {ue8m0, fp4.E8M0}} {
		for b := range 256 {
			v, want := &c.format.bytes[b], c.of.Decode(uint16(b))
			if nan := want != want; v.nan != nan {
				t.Fatalf("%s %02x: NaN %v", c.of, b, v.nan)
			} else if nan {
				continue
			}
			value := float32(float64(v.sig) * pow2(int(v.exp)-c.format.man))
			if value != want || c.format.value[b] != want {
				t.Fatalf("%s %02x: %g and %g, want %g", c.of, b, value, c.format.value[b], want)
			}
			// The unit divides half of the scale (the smallest E2M1 is 1/2), and twice the
			// unit does not.
			if units := float64(want) / 2 / pow2(int(v.unit)); v.sig != 0 && (units != float64(int64(units)) || int64(units)%2 == 0) {
				t.Fatalf("%s %02x: %g is %g units", c.of, b, want, units)
			}
		}
	}
}

// TestScan compares the vector scan with Go's.
func TestScan(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, info := range vectorPaths {
		if info.scan == nil || !info.available() {
			continue
		}
		for i := range 4000 {
			format := []*scaleFormat{ue4m3, ue8m0}[i%2]
			scales := make([]byte, r.IntN(200))
			mask := byte(r.Uint32())
			for j := range scales {
				scales[j] = byte(r.Uint32()) & mask
			}
			fast, plain := lines{format: format, scan: info.scan}, lines{format: format}
			if got, want := fast.bound(scales), plain.bound(scales); got != want {
				t.Fatalf("%x: %+v, want %+v", scales, got, want)
			}
		}
	}
}
