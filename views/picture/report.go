package picture

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"image"
	"image/png"
	"io"
	"math"

	"fp4tui/exec"
	"fp4tui/views/number"
	"fp4tui/views/text"
)

//go:embed report.html
var page string

var layout = template.Must(template.New("report").Parse(page))

// HTML writes a session as one self-contained page: its figures (findings, scale
// histograms, maps that tell the element under the pointer), then the notebook. It
// loads nothing from anywhere, and texts of files can't become markup.
func HTML(w io.Writer, r exec.Report) error {
	p := struct {
		Title   string
		Figures []figure
		Cells   []exec.ReportCell
	}{Title: r.Title, Cells: r.Cells}
	for _, f := range r.Figures {
		drawn, err := draws(f)
		if err != nil {
			return err
		}
		p.Figures = append(p.Figures, drawn)
	}
	return layout.Execute(w, p)
}

// figure is a Figure ready for the page: its text, and a drawing where it has one.
type figure struct {
	Command string
	Lines   []string
	Map     *mapFigure
	Bars    []bar
	Lint    *exec.LintReport
}

// mapFigure is a map as an image of one dot a pixel, and its numbers for the pointer.
type mapFigure struct {
	Image        template.URL
	W, H         int
	Title        string
	Lo, Hi       string
	Ramp         []string // colours of the scale, small first
	Data         template.JS
	RowAxis      string
	ColAxis      string
	CSSW, CSSH   int
	Row0, Col0   int
	RowStep, Col int
	M, N         int
}

// bar is one bar of a histogram; Height is of 100.
type bar struct {
	Label  string
	Count  int64
	Height float64
}

func draws(f exec.Figure) (figure, error) {
	out := figure{Command: f.Command}
	switch r := f.Result.(type) {
	case exec.Heat:
		m, err := newMapFigure(r)
		out.Map = m
		return out, err
	case exec.Histogram:
		out.Bars = bars(r)
	case exec.LintReport:
		out.Lint = &r
		return out, nil
	}
	out.Lines = text.Render(f.Result, text.Options{})
	return out, nil
}

func bars(h exec.Histogram) []bar {
	most := 1.0
	for _, b := range h.Bins {
		most = max(most, math.Log1p(float64(b.Count)))
	}
	var all []bar
	for _, b := range h.Bins {
		label := number.Short(float64(b.Lo), 4)
		if b.Code >= 0 {
			label = fmt.Sprintf("code 0x%02x = %s", b.Code, label)
		}
		all = append(all, bar{Label: label, Count: b.Count, Height: 100 * math.Log1p(float64(b.Count)) / most})
	}
	return all
}

func newMapFigure(h exec.Heat) (*mapFigure, error) {
	if h.H <= 0 || h.W <= 0 || len(h.Values) != h.H*h.W {
		return nil, fmt.Errorf("a map without pixels")
	}
	c := newColours(h)
	img := image.NewRGBA(image.Rect(0, 0, h.W, h.H))
	for y := range h.H {
		for x := range h.W {
			img.Set(x, y, c.at(h, y, x))
		}
	}
	var dots bytes.Buffer
	if err := png.Encode(&dots, img); err != nil {
		return nil, err
	}
	data, err := json.Marshal(h.Values) // NaN and infinities are strings, as in --json
	if err != nil {
		return nil, err
	}
	scale := max(1, min(960/h.W, 560/h.H))
	m := &mapFigure{
		Image: template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(dots.Bytes())),
		W:     h.W, H: h.H, CSSW: h.W * scale, CSSH: h.H * scale, Title: title(h), Lo: number.Format(float64(h.Lo), 4), Hi: number.Format(float64(h.Hi), 4),
		Data: template.JS(data), RowAxis: h.RowAxis, ColAxis: h.ColAxis,
		Row0: h.Row0, Col0: h.Col0, RowStep: h.RowStep, Col: h.ColStep, M: h.M, N: h.N,
	}
	for i := range 10 {
		r, g, b, _ := c.of(math.Exp2(c.lo + (c.hi-c.lo)*float64(i)/9)).RGBA()
		m.Ramp = append(m.Ramp, fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8))
	}
	return m, nil
}
