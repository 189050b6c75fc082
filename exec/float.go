package exec

import (
	"math"
	"strconv"
)

// Float is a number in a result. JSON has no NaN and no infinity: they are the
// strings "nan", "inf" and "-inf".
type Float float64

// MarshalJSON writes the shortest decimal that reads back, or the quoted special.
func (f Float) MarshalJSON() ([]byte, error) { return appendFloat(float64(f), 64), nil }

// Float32 is Float for values that came from float32: JSON gets the shortest decimal
// that reads back as float32.
type Float32 float32

// MarshalJSON is that of Float, at float32 precision.
func (f Float32) MarshalJSON() ([]byte, error) { return appendFloat(float64(f), 32), nil }

func appendFloat(v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return []byte(`"nan"`)
	case math.IsInf(v, 1):
		return []byte(`"inf"`)
	case math.IsInf(v, -1):
		return []byte(`"-inf"`)
	case v == 0:
		return []byte("0")
	}
	return strconv.AppendFloat(nil, v, 'g', -1, bits)
}
