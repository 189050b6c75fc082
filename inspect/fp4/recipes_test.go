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

func TestQuantizeMatchesTheLibraries(t *testing.T) {
	g := readGoldens(t)
	seen := map[string]int{}
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
		codes, scales := unbase64(t, r.Codes), unbase64(t, r.Scales)
		ns, nc := 0, 0
		for i, want := range scales {
			if b.Scales[i] != want {
				if ns++; ns <= 3 {
					block := x[i*b.Block : (i+1)*b.Block]
					t.Errorf("%s: block %d scale %#02x, library %#02x (amax %g %#08x)", name, i, b.Scales[i], want, Amax(block), math.Float32bits(Amax(block)))
				}
			}
		}
		for i, want := range codes {
			if b.Codes[i] != want {
				if nc++; nc <= 3 {
					t.Errorf("%s: codes at %d: %#02x, library %#02x (x %g %g, scale %#02x)", name, 2*i, b.Codes[i], want, x[2*i], x[2*i+1], b.Scales[2*i/b.Block])
				}
			}
		}
		if ns+nc > 0 {
			t.Errorf("%s: %d of %d scales, %d of %d code bytes", name, ns, len(scales), nc, len(codes))
		}
		seen[r.Recipe+" "+r.Format]++
	}
	t.Log(seen)
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
