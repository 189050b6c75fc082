package picture

import (
	"bytes"
	"image/color"
	"image/png"
	"math"
	"strings"
	"testing"

	"fp4tui/exec"
)

// small is a map of three by four pixels with one of every class.
func small(metric string) exec.Heat {
	nan := exec.Float32(math.NaN())
	return exec.Heat{Subject: "e", Metric: metric, Agg: "max", RowAxis: "m", ColAxis: "n", M: 6, N: 8, RowStep: 2, ColStep: 2, H: 3, W: 4,
		Values: []exec.Float32{0, 1, -1, 0.5, nan, nan, 1e-6, 1e-3, 0.25, 0.125, exec.Float32(math.Inf(1)), 1},
		NaNs:   []int32{0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0}, NaN: 2, Lo: 1e-6, Hi: 1}
}

// TestClasses holds zero, NaN, infinity and missing data to colours that no ramp has.
func TestClasses(t *testing.T) {
	for _, metric := range []string{"abs", "signed"} {
		h := small(metric)
		c := newColours(h)
		for _, p := range []struct {
			row, col int
			want     color.RGBA
		}{{0, 0, nothing}, {1, 0, notANumber}, {2, 2, notANumber}, {1, 1, padding}} {
			if got := c.at(h, p.row, p.col); got != p.want {
				t.Errorf("%s [%d,%d] is %v, want %v", metric, p.row, p.col, got, p.want)
			}
		}
		for i := range 1000 {
			v := math.Exp2(c.lo + (c.hi-c.lo)*float64(i)/999)
			for _, sign := range []float64{1, -1} {
				if got := c.of(v * sign); got == nothing || got == notANumber || got == padding {
					t.Fatalf("%s: %g has the colour of a class", metric, v*sign)
				}
			}
		}
	}
	signed := newColours(small("signed"))
	if signed.of(0.5) == signed.of(-0.5) {
		t.Error("both signs look the same")
	}
}

// TestPNG finds the colours of the map in the image, the same bytes twice.
func TestPNG(t *testing.T) {
	var a, b bytes.Buffer
	h := small("abs")
	if err := PNG(&a, h); err != nil {
		t.Fatal(err)
	}
	if err := PNG(&b, h); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two pictures of the same map differ")
	}
	img, err := png.Decode(&a)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[color.RGBA]int{}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			seen[color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)]++
		}
	}
	c := newColours(h)
	for _, want := range []color.Color{notANumber, padding, c.of(1), c.of(0.25), c.of(1e-6)} {
		if seen[want.(color.RGBA)] < 10000 {
			t.Errorf("%v covers %d dots", want, seen[want.(color.RGBA)])
		}
	}
	if err := PNG(&a, exec.Heat{Subject: "e"}); err == nil {
		t.Error("a map without pixels became a picture")
	}
}

// TestHTML keeps hostile names out of the markup and loads nothing.
func TestHTML(t *testing.T) {
	h := small("abs")
	h.Subject = "<script>alert(1)</script>"
	r := exec.Report{Title: "</title><b>x", Cells: []exec.ReportCell{{Command: `c = load "<i>"`, Lines: []string{"</pre><img src=http://x>"}}, {Note: true, Lines: []string{"<h1>mine"}}},
		Figures: []exec.Figure{
			{Command: "map e", Result: h},
			{Command: "hist w.scale", Result: exec.Histogram{Subject: "w.scale", Axis: "code", Format: "E4M3", Count: 3, Bins: []exec.Bin{{Code: 1, Lo: 2, Hi: 2, Count: 3}}}},
			{Command: "lint c", Result: exec.LintReport{Errors: 1, Findings: []exec.Finding{{Severity: "error", Rule: "r", Layer: "<b>l", What: "w", Cure: "c"}}}},
		}}
	var b bytes.Buffer
	if err := HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, bad := range []string{"<script>alert", "<b>", "<i>", "<h1>mine", "</pre><img", "href="} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	for _, want := range []string{`"nan"`, `"inf"`, "data:image/png;base64,", "code 0x01 = 2", "&lt;b&gt;l", "&lt;h1&gt;mine", `data-rowstep="2"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
}
