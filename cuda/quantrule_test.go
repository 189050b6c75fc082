package cuda

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// quantized is what a GPU with these reciprocals returns for a job.
func quantized(job *layer.QuantJob, off func(block int) reciprocals) *layer.QuantResult {
	r := &layer.QuantResult{}
	for i := range len(job.X) / job.Block() {
		scale, codes := quantBlock(quantValues(job, i), job.Format, job.Global, off(i))
		r.Scales, r.Codes = append(r.Scales, scale), append(r.Codes, codes...)
	}
	return r
}

// TestQuantRule holds the rule to package fp4's, where exact reciprocals make them one:
// MXFP4, and NVFP4 under a power of two, but for scales of zero, which flashinfer's exact
// build saturates.
func TestQuantRule(t *testing.T) {
	for _, job := range []layer.QuantJob{
		{Format: fp4.NVFP4, Global: 1, Rows: 80, Cols: 256, X: quantWords(21, 80, 256)},
		{Format: fp4.NVFP4, Global: 512, Rows: 80, Cols: 256, X: quantWords(22, 80, 256)},
		{Format: fp4.MXFP4, Rows: 80, Cols: 256, X: quantWords(23, 80, 256)},
	} {
		opt := fp4.QuantOptions{Recipe: "flashinfer-exact", Format: job.Format}
		if job.Format == fp4.NVFP4 {
			opt.Global = fp4.GlobalPolicy{Kind: fp4.GlobalGiven, Value: job.Global}
		}
		var x []float32
		for i := range len(job.X) / job.Block() {
			x = append(x, quantValues(&job, i)...)
		}
		want, err := fp4.Quantize(x, job.Rows, job.Cols, opt)
		if err != nil {
			t.Fatal(err)
		}
		got := quantized(&job, func(int) reciprocals { return reciprocals{} })
		n, lost := job.Block()/2, 0
		for i, s := range got.Scales {
			if s == 0 && job.Format == fp4.NVFP4 {
				lost++
				continue
			}
			if s != want.Scales[i] || !bytes.Equal(got.Codes[i*n:i*n+n], want.Codes[i*n:i*n+n]) {
				t.Fatalf("%s %g block %d: %02x %x, fp4 has %02x %x", job.Format, job.Global, i, s, got.Codes[i*n:i*n+n], want.Scales[i], want.Codes[i*n:i*n+n])
			}
		}
		if lost > len(got.Scales)/2 {
			t.Errorf("%s %g: %d of %d blocks have no scale: a poor test", job.Format, job.Global, lost, len(got.Scales))
		}
	}
}

// TestQuantAnswers counts what the answers hold: blocks that no reciprocal within a unit
// changes, so that a kernel has to return these very bytes, and the cases that they are for.
func TestQuantAnswers(t *testing.T) {
	blocks, firm := 0, 0
	seen := map[string]int{}
	for _, job := range quantAnswers() {
		if err := job.Check(); err != nil {
			t.Fatal(err)
		}
		one := quantized(&job, func(int) reciprocals { return reciprocals{} })
		sure := make([]bool, len(one.Scales))
		for i := range sure {
			sure[i] = true
		}
		n := job.Block() / 2
		for k := range 27 {
			off := reciprocals{k%3 - 1, k/3%3 - 1, k/9 - 1}
			other := quantized(&job, func(int) reciprocals { return off })
			for i := range sure {
				sure[i] = sure[i] && one.Scales[i] == other.Scales[i] && bytes.Equal(one.Codes[i*n:i*n+n], other.Codes[i*n:i*n+n])
			}
		}
		for i, s := range one.Scales {
			blocks++
			if !sure[i] {
				continue
			}
			firm++
			v := quantValues(&job, i)
			for j, x := range v {
				if code := one.Codes[i*n+j/2] >> (4 * (j % 2)) & 15; x != x && code == 7 {
					seen[job.Format+" NaN is +6"]++
				}
			}
			seen[fmt.Sprintf("%s scale %02x", job.Format, s)]++
			if s == 0 && fp4.Amax(v) > 0 {
				seen[job.Format+" scale lost"]++
			}
			if job.Format == fp4.MXFP4 && s > 0 && s < 254 {
				for _, x := range v {
					if q := x * fp4.DecodeE8M0(254-s); q == 0.25 || q == 0.75 || q == 1.25 || q == 1.75 || q == 2.5 || q == 3.5 || q == 5 {
						seen["tie"]++
					}
				}
			}
		}
	}
	t.Logf("%d of %d blocks are the same with any reciprocal; %d scales and cases", firm, blocks, len(seen))
	if firm < blocks*3/4 || len(seen) < 150 {
		t.Errorf("%d of %d blocks, %d cases", firm, blocks, len(seen))
	}
	documented(t, "../docs/numerics.md", fmt.Sprintf("%s blocks, of which %s are the same", grouped(blocks), grouped(firm)))
	documented(t, "README.md", fmt.Sprintf("it must return %s blocks that the rule", grouped(blocks)))
	documented(t, "README.md", fmt.Sprintf("within a unit in the last place changes, %.0f %% of them", 100*float64(firm)/float64(blocks)))
	for _, what := range []string{"nvfp4 scale lost", "mxfp4 scale lost", "nvfp4 scale 7e", "nvfp4 scale 7f", "nvfp4 scale 01", "nvfp4 scale 08", "mxfp4 scale 00", "mxfp4 scale 01",
		"mxfp4 scale fe", "mxfp4 scale ff", "nvfp4 NaN is +6", "mxfp4 NaN is +6", "tie"} {
		if seen[what] == 0 {
			t.Errorf("no answer has %s", what)
		}
	}
}

// documented fails where a file does not have a text, wherever its lines end.
func documented(t *testing.T, file, text string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(strings.Fields(string(b)), " "), text) {
		t.Errorf("%s does not say %q", file, text)
	}
}

// grouped is a number below a million as documents have it: 8,240.
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}

// TestExplain takes any GPU whose reciprocals are within a unit, and no other.
func TestExplain(t *testing.T) {
	for _, job := range quantAnswers() {
		for name, test := range map[string]struct {
			off  func(block int) reciprocals
			want bool
		}{
			"exact":             {func(int) reciprocals { return reciprocals{} }, true},
			"high":              {func(int) reciprocals { return reciprocals{1, 1, 1} }, true},
			"mixed":             {func(i int) reciprocals { return reciprocals{-1, 1, i%3 - 1} }, true},
			"six is far off":    {func(int) reciprocals { return reciprocals{1 << 19, 0, 0} }, false},
			"global is far off": {func(int) reciprocals { return reciprocals{0, 1 << 20, 0} }, job.Format == fp4.MXFP4 || job.Global > 1e38 || job.Global < 1e-37},
		} {
			_, err := explain(&job, quantized(&job, test.off))
			if (err == nil) != test.want && !(name == "six is far off" && (job.Global < 1e-37 || job.Global > 1e38)) {
				t.Errorf("%s %g %s: %v", job.Format, job.Global, name, err)
			}
		}
		spoiled := quantized(&job, func(int) reciprocals { return reciprocals{} })
		at := 3 * job.Block() / 2
		spoiled.Codes[at] ^= 0x20
		if _, err := explain(&job, spoiled); err == nil {
			t.Errorf("%s %g: a wrong code passes", job.Format, job.Global)
		}
		if _, err := explain(&job, &layer.QuantResult{}); err == nil {
			t.Error("nothing passes")
		}
	}
}

// TestSixIsOne: MXFP4 of bf16 depends on the reciprocal of 6 at 6·2^k alone.
func TestSixIsOne(t *testing.T) {
	v := make([]float32, 32)
	for w := range 0x7f80 {
		v[0] = fp4.BF16.Decode(uint16(w))
		low, _ := quantBlock(v, fp4.MXFP4, 1, reciprocals{six: -1})
		one, _ := quantBlock(v, fp4.MXFP4, 1, reciprocals{})
		high, _ := quantBlock(v, fp4.MXFP4, 1, reciprocals{six: 1})
		if six := w&0x7f == 0x40 && w>>7 != 0; low != one || (high != one) && !six {
			t.Fatalf("amax %g: scales %d %d %d", v[0], low, one, high)
		}
	}
}
