package fp4

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"
)

// goldens is testdata/recipes.json.gz: what the real libraries made of each input.
type goldens struct {
	Versions map[string]string
	Inputs   map[string]goldenInput
	Results  []goldenResult
}

type goldenInput struct {
	Rows, Cols int
	BF16       bool
	Data       string // float32 words, or bfloat16 ones
}

type goldenResult struct {
	Recipe, Format, Input string
	Global                bool
	Codes, Scales         string
	GlobalBits            *uint32 `json:"global_bits"`
}

func readGoldens(t *testing.T) goldens {
	t.Helper()
	f, err := os.Open("testdata/recipes.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var g goldens
	if err := json.NewDecoder(z).Decode(&g); err != nil {
		t.Fatal(err)
	}
	return g
}

func unbase64(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (in goldenInput) values(t *testing.T) []float32 {
	b := unbase64(t, in.Data)
	x := make([]float32, in.Rows*in.Cols)
	for i := range x {
		if in.BF16 {
			x[i] = BF16.Decode(binary.LittleEndian.Uint16(b[2*i:]))
		} else {
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
	}
	return x
}

// undefined says why a library's byte is not to be reproduced: it depends on the CPU
// that the library ran on. Empty when it must be equal.
func (r goldenResult) undefined(b *Blocks, x []float32, i int) string {
	scale, global := b.Scales[i/b.Block], b.Global.Value
	pair := x[i : i+2]
	switch {
	case b.ScaleType.Class(uint16(scale)) == NaN:
		return "what a NaN quotient rounds to, its sign, and NaN cast to an integer"
	case r.Recipe == "torchao" && b.Global.Use != NoGlobal && isInf(1/global) && (pair[0] == 0 || pair[1] == 0):
		return "0 times infinity: the sign of the NaN"
	case r.Recipe == "ocp" && scale == 0:
		return "torchao divides by at least 2^-126, the specification by 2^-127"
	}
	return ""
}

func TestQuantizeMatchesTheLibraries(t *testing.T) {
	g := readGoldens(t)
	equal, excused := map[string]int{}, map[string]int{}
	for _, r := range g.Results {
		name := fmt.Sprintf("%s/%s/%s/global=%v", r.Recipe, r.Format, r.Input, r.Global)
		in := g.Inputs[r.Input]
		x := in.values(t)
		opt := QuantOptions{Recipe: r.Recipe, Format: r.Format, InputBF16: in.BF16}
		if !r.Global {
			opt.Global.Kind = GlobalNone
		}
		b, err := Quantize(x, in.Rows, in.Cols, opt)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := b.Check(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		compareGlobal(t, name, b.Global, r.GlobalBits)
		compareScales(t, name, &b, x, unbase64(t, r.Scales))
		for i, want := range unbase64(t, r.Codes) {
			switch {
			case b.Codes[i] == want:
				equal[r.Recipe+" "+r.Format]++
			case r.undefined(&b, x, 2*i) != "":
				excused[r.Recipe+" "+r.Format]++
			default:
				t.Fatalf("%s: codes at %d: %#02x, library %#02x (x %g %g, scale %#02x)",
					name, 2*i, b.Codes[i], want, x[2*i], x[2*i+1], b.Scale(2*i/b.Cols, 2*i%b.Cols))
			}
		}
	}
	if len(equal) != 8 {
		t.Errorf("goldens cover %d quantizers, want 8: %v", len(equal), equal)
	}
	for q, n := range equal {
		if e := excused[q]; e*100 > n {
			t.Errorf("%s: %d of %d code bytes excused, more than 1%%", q, e, n)
		}
	}
}

// compareScales takes all NaN for one, and a NaN of ours for what a library makes of
// an exponent that is infinite or NaN when it casts it to an integer.
func compareScales(t *testing.T, name string, b *Blocks, x []float32, want []byte) {
	t.Helper()
	for i, w := range want {
		got := b.Scales[i]
		amax := Amax(x[i*b.Block : (i+1)*b.Block])
		bothNaN := got&0x7f == 0x7f && w&0x7f == 0x7f && b.ScaleType == E4M3
		cast := b.ScaleType == E8M0 && got == 0xff && !(amax < 0x1.cp127)
		if got != w && !bothNaN && !cast {
			t.Fatalf("%s: block %d: scale %#02x, library %#02x (amax %g, %#08x)", name, i, got, w, amax, math.Float32bits(amax))
		}
	}
}

func compareGlobal(t *testing.T, name string, got GlobalScale, want *uint32) {
	t.Helper()
	if want == nil {
		if got != (GlobalScale{}) {
			t.Errorf("%s: global %v, library has none", name, got)
		}
		return
	}
	w := math.Float32frombits(*want)
	if got.Use == NoGlobal || math.Float32bits(got.Value) != *want && !(isNaN(w) && isNaN(got.Value)) {
		t.Errorf("%s: global %v, library %v", name, got, w)
	}
}
