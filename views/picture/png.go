// Package picture draws results as images for people who have no session at hand: the
// same numbers, ranges and classes as the terminal's maps, with axes, a colour bar
// and a title.
package picture

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"fp4tui/exec"
	"fp4tui/inspect"
	"fp4tui/views/number"
)

// The page: wide enough for the longest title, and a map that keeps its pixels square
// where the proportions of the matrix allow.
const (
	pageW, pageH = 26 * vg.Centimeter, 18 * vg.Centimeter
	barW         = 3.2 * vg.Centimeter
	resolution   = 120 // dots per inch
	enlarged     = 1600
)

// PNG writes a map as an image: the colour is the magnitude on a logarithmic scale,
// exact zeros are the background, and neither a NaN, an infinity nor padding can be
// mistaken for a small value.
func PNG(w io.Writer, h exec.Heat) error {
	if h.H <= 0 || h.W <= 0 || len(h.Values) != h.H*h.W {
		return fmt.Errorf("%s: a map without pixels", inspect.Printable(h.Subject))
	}
	c := newColours(h)
	p := plot.New()
	p.Title.Text = title(h)
	p.Title.TextStyle.Font.Size, p.Title.Padding = 12, 4
	p.X.Label.Text, p.Y.Label.Text = h.ColAxis, h.RowAxis
	x0, x1 := float64(h.Col0), float64(min(h.Col0+h.W*h.ColStep, h.N))
	y0, y1 := float64(h.Row0), float64(min(h.Row0+h.H*h.RowStep, h.M))
	// Row 0 is at the top: the axis counts down from it, and its labels drop the sign.
	p.Add(plotter.NewImage(cells(h, c), x0, -y0-float64(h.H*h.RowStep), x0+float64(h.W*h.ColStep), -y0))
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = x0, x1, -y1, -y0
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.TickerFunc(ticks), plot.TickerFunc(ticks)
	p.X.Padding, p.Y.Padding = 0, 0

	canvas := vgimg.NewWith(vgimg.UseWH(pageW, pageH), vgimg.UseDPI(resolution))
	page := draw.New(canvas)
	p.Draw(draw.Crop(page, 0, -barW, 0, 0))
	c.bar(h).Draw(draw.Crop(page, pageW-barW, 0, 0, -1*vg.Centimeter))
	return png.Encode(w, canvas.Image())
}

// title says what is drawn, in the words of the terminal.
func title(h exec.Heat) string {
	text := fmt.Sprintf("%s: %s, %s of %d %s × %d %s a pixel, %s", inspect.Printable(h.Subject), h.Metric, h.Agg,
		h.RowStep, h.RowAxis, h.ColStep, h.ColAxis, number.Shape(h.M, h.N))
	if h.NaN > 0 {
		text += fmt.Sprintf(", nan %d", h.NaN)
	}
	if h.By != "" {
		text += ", by " + inspect.Printable(h.By)
	}
	return text
}

// ticks are whole numbers without a sign: indices of elements.
func ticks(lo, hi float64) []plot.Tick {
	var whole []plot.Tick
	for _, t := range (plot.DefaultTicks{}).Ticks(lo, hi) {
		if t.Value == math.Trunc(t.Value) {
			t.Label = strings.TrimPrefix(t.Label, "-")
			whole = append(whole, t)
		}
	}
	return whole
}

// cells is the map as an image with every pixel enlarged by a whole number, so that
// scaling it to the page leaves its edges sharp.
func cells(h exec.Heat, c colours) image.Image {
	scale := max(1, enlarged/max(h.H, h.W))
	img := image.NewRGBA(image.Rect(0, 0, h.W*scale, h.H*scale))
	for y := range h.H * scale {
		for x := range h.W * scale {
			img.Set(x, y, c.at(h, y/scale, x/scale))
		}
	}
	return img
}

// bar is the colour scale with its classes.
func (c colours) bar(h exec.Heat) *plot.Plot {
	p := plot.New()
	p.HideX()
	p.Y.Padding = 0
	lo, hi := c.lo, c.hi
	if !(hi > lo) {
		hi = lo + 1
	}
	const steps = 256
	img := image.NewRGBA(image.Rect(0, 0, steps, steps))
	for i := range steps {
		v := math.Exp2(lo + (hi-lo)*(float64(steps-1-i)+0.5)/steps)
		for x := range steps {
			if c.signed && x == steps/2 {
				v = -v
			}
			img.Set(x, i, c.of(v))
		}
	}
	p.Add(plotter.NewImage(img, 0, lo, 1, hi))
	p.Y.Min, p.Y.Max, p.X.Min, p.X.Max = lo, hi, 0, 1
	p.Y.Tick.Marker = plot.TickerFunc(func(lo, hi float64) []plot.Tick {
		var list []plot.Tick
		for i := range 5 {
			at := lo + (hi-lo)*float64(i)/4
			list = append(list, plot.Tick{Value: at, Label: number.Format(math.Exp2(at), 3)})
		}
		return list
	})
	words := "red: nan, inf\nblank: zero"
	if c.signed {
		words = "left +, right −\n" + words
	}
	p.Title.Text, p.Title.TextStyle.Font.Size = words, 9
	p.Title.TextStyle.XAlign = text.XCenter
	return p
}

// colours maps values to colours over the range of a map.
type colours struct {
	lo, hi float64 // log2 of the smallest and the largest magnitude
	signed bool
}

func newColours(h exec.Heat) colours {
	lo, hi := float64(h.Lo), float64(h.Hi)
	if !(lo > 0) || math.IsInf(hi, 0) {
		lo, hi = 1, 1
	}
	c := colours{lo: number.Log2(lo), hi: number.Log2(hi), signed: h.Metric == "signed"}
	for _, v := range h.Values {
		c.signed = c.signed || h.Metric == "value" && v < 0
	}
	return c
}

var (
	notANumber = color.RGBA{0xd6, 0x1f, 0x2c, 0xff}
	padding    = color.RGBA{0xb4, 0xb4, 0xb4, 0xff}
	nothing    = color.RGBA{0xff, 0xff, 0xff, 0xff}
)

// at is the colour of one pixel.
func (c colours) at(h exec.Heat, row, col int) color.Color {
	i := row*h.W + col
	v := float64(h.Values[i])
	switch {
	case i < len(h.NaNs) && h.NaNs[i] > 0, math.IsInf(v, 0):
		return notANumber
	case math.IsNaN(v):
		return padding
	}
	return c.of(v)
}

// of is the colour of a value.
func (c colours) of(v float64) color.Color {
	if v == 0 {
		return nothing
	}
	t := 1.0
	if c.hi > c.lo {
		t = min(max((number.Log2(math.Abs(v))-c.lo)/(c.hi-c.lo), 0), 1)
	}
	switch {
	case !c.signed:
		return between(cividis[:], 1-t)
	case v > 0:
		return between(oranges[:], t)
	}
	return between(blues[:], t)
}

// The ramps: cividis, which readers with any colour vision see as one order (dark is
// large on paper), and two that leave white in opposite directions.
var (
	cividis = [...]uint32{0x00224E, 0x123570, 0x3B496C, 0x575D6D, 0x707173, 0x8A8678, 0xA59C74, 0xC3B369, 0xE1CC55, 0xFEE838}
	oranges = [...]uint32{0xFDE7CF, 0xFDB863, 0xE08214, 0xB35806, 0x7F3B08}
	blues   = [...]uint32{0xDCE9F5, 0x92C5DE, 0x4393C3, 0x2166AC, 0x053061}
)

func between(ramp []uint32, t float64) color.Color {
	x := t * float64(len(ramp)-1)
	i := min(int(x), len(ramp)-2)
	f := x - float64(i)
	part := func(shift uint) uint8 {
		a, b := float64(ramp[i]>>shift&0xff), float64(ramp[i+1]>>shift&0xff)
		return uint8(math.Round(a + (b-a)*f))
	}
	return color.RGBA{part(16), part(8), part(0), 0xff}
}
