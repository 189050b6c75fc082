package views

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"fp4tui/exec"
)

// mapEngine is the fake with other maps: a size of its own, certificates, and elements
// that are no numbers.
type mapEngine struct {
	*fakeEngine
	m, n    int
	metrics []exec.Metric
	change  func(h *exec.Heat, y, x, m, n int) // of one pixel
}

func (f *mapEngine) Peek(ctx context.Context, line string) (exec.Result, error) {
	result, err := f.fakeEngine.Peek(ctx, line)
	switch r := result.(type) {
	case exec.Diff:
		r.M, r.N = f.m, f.n
		r.Metrics = append(r.Metrics, f.metrics...)
		return r, err
	case exec.Heat:
		return f.heat(line), err
	}
	return result, err
}

func (f *mapEngine) Run(ctx context.Context, line string, progress func(done, total int64)) exec.Cell {
	cell := f.fakeEngine.Run(ctx, line, progress)
	if d, ok := cell.Result.(exec.Diff); ok {
		d.M, d.N = f.m, f.n
		d.Metrics = append(d.Metrics, f.metrics...)
		cell.Result = d
	}
	return cell
}

func (f *mapEngine) heat(line string) exec.Heat {
	m0, m1, n0, n1, w, hh := 0, f.m, 0, f.n, 48, 16
	if at := strings.IndexByte(line, '['); at >= 0 {
		fmt.Sscanf(line[at:], "[%d:%d, %d:%d]", &m0, &m1, &n0, &n1)
	}
	fmt.Sscanf(line[strings.Index(line, "size="):], "size=%dx%d", &w, &hh)
	h := exec.Heat{Subject: "e", Agg: "max", Metric: "abs", M: f.m, N: f.n, Row0: m0, Col0: n0, RowStep: 1, ColStep: 1, Lo: 0.001, Hi: 1}
	if at := strings.Index(line, "metric="); at >= 0 {
		h.Metric = line[at+len("metric="):]
	}
	if strings.Contains(line, "agg=mean") {
		h.Agg = "mean"
	}
	for (m1-m0+h.RowStep-1)/h.RowStep > hh {
		h.RowStep *= 2
	}
	for (n1-n0+h.ColStep-1)/h.ColStep > w {
		h.ColStep *= 2
	}
	h.H, h.W = (m1-m0+h.RowStep-1)/h.RowStep, (n1-n0+h.ColStep-1)/h.ColStep
	h.Values, h.NaNs, h.Pads = make([]exec.Float32, h.H*h.W), make([]int32, h.H*h.W), make([]int32, h.H*h.W)
	h.RowMax, h.ColMax = make([]exec.Float32, h.H), make([]exec.Float32, h.W)
	for y := range h.H {
		for x := range h.W {
			h.Values[y*h.W+x] = exec.Float32(0.001 + 0.999*fakeError(m0+y*h.RowStep, n0+x*h.ColStep))
			if f.change != nil {
				f.change(&h, y, x, m0+y*h.RowStep, n0+x*h.ColStep)
			}
			if v := h.Values[y*h.W+x]; v == v {
				h.RowMax[y], h.ColMax[x] = max(h.RowMax[y], v), max(h.ColMax[x], v)
			}
		}
	}
	return h
}

func mapped(t *testing.T, f *mapEngine, w, h int, profile Profile) *driver {
	t.Helper()
	f.fakeEngine = newFake()
	return newDriver(t, Options{Engine: f, Path: "samples/minilm-w4a16", Profile: profile}, w, h).keys("r")
}

// bandApp is an App on the error map of f that is told nothing but bands.
func bandApp(f *mapEngine) *App {
	a := NewApp(Options{Engine: f, Profile: ProfileNever})
	a.size, a.nav.view, a.at.e = size{120, 40}, errorView, "e"
	a.at.diff = exec.Diff{M: f.m, N: f.n}
	a.at.diff.Handle = "e"
	return a
}

// TestBands: a map of 16384×16384 shows its first rows at the first answer, and the rest as
// it comes; what was put together is the map that comes in one answer.
func TestBands(t *testing.T) {
	a := bandApp(&mapEngine{fakeEngine: newFake(), m: 16384, n: 16384})
	f := a.opt.Engine.(*mapEngine)
	p, s := a.errorPane(), a.scene()
	screen := func() string { return strings.Join(a.compose().lines(), "\n") }
	for step := 0; ; step++ {
		lines := p.bandLines(s)
		if len(lines) == 0 {
			break
		}
		if len(lines) != 1 {
			t.Fatalf("%d bands at once", len(lines))
		}
		if text := screen(); step == 0 && !strings.Contains(text, "working") || step > 0 && (!strings.Contains(text, "····") || !strings.Contains(text, "%")) {
			t.Fatalf("after %d bands:\n%s", step, text)
		}
		a.data.put(lines[0], answer{f.heat(lines[0]), nil})
	}
	assembled := screen()
	line := p.mapLine(s)
	a.data.put(line, answer{f.heat(line), nil})
	if once := screen(); assembled != once || strings.Contains(once, "····") {
		t.Errorf("assembled:\n%s\nat once:\n%s", assembled, once)
	}
	if lines := p.bandLines(s); len(lines) != 0 {
		t.Errorf("%q is asked although the map is there", lines)
	}
	a.theme.ascii = true
	if text, _ := (heatmap{}).cell(pixel{none: true, pending: true}, pixel{none: true}, a.theme); text != "?" {
		t.Errorf("not computed is %q in ASCII", text)
	}
}

// TestBandSizes: at every size the bands have the zoom of the whole map and end with it.
func TestBandSizes(t *testing.T) {
	f := &mapEngine{fakeEngine: newFake()}
	for m := 4000; m < 20000; m += 371 {
		for _, n := range []int{2100, 16384, 70001} {
			f.m, f.n = m, n
			a := bandApp(f)
			p, s := a.errorPane(), a.scene()
			for {
				lines := p.bandLines(s)
				if len(lines) == 0 {
					break
				}
				a.data.put(lines[0], answer{f.heat(lines[0]), nil})
			}
			if want := f.heat(p.mapLine(s)); m*n >= bandsFrom && (p.bands.rows != want.H || p.bands.heat.RowStep != want.RowStep) {
				t.Fatalf("%d×%d: %d rows of pixels in bands, %d in the map", m, n, p.bands.rows, want.H)
			}
		}
	}
}

// TestNoNumberIsSmall: NaN, padding and what is not computed are never drawn as a value.
func TestNoNumberIsSmall(t *testing.T) {
	f := &mapEngine{m: 128, n: 1536}
	f.change = func(h *exec.Heat, y, x, m, n int) {
		i := y*h.W + x
		switch {
		case m >= 120:
			h.Values[i], h.Pads[i] = exec.Float32(math.NaN()), int32(h.RowStep*h.ColStep)
			h.Pad += int64(h.Pads[i])
		case n <= 700 && 700 < n+h.ColStep:
			h.NaNs[i] = 1
			h.NaN++
		case n < 64:
			h.Values[i] = 0
		}
	}
	for _, profile := range []Profile{ProfileTrueColor, Profile256, Profile16, ProfileNever} {
		d := mapped(t, f, 80, 24, profile)
		d.exact()
		d.sees("╱╱╱╱╱╱", "padding", "NaN")
		lines := d.lines()
		for y := 4; y < 19; y++ {
			if cells := []rune(lines[y]); cells[5+700/32] != '!' {
				t.Fatalf("%s: line %d has no NaN: %s", profile, y, lines[y])
			}
		}
		if y := 19; strings.ContainsAny(string([]rune(lines[y])[6:50]), ".:-=+*#%@▀▄") {
			t.Errorf("%s: padding drawn as data: %s", profile, lines[y])
		}
		golden(t, fmt.Sprintf("error-special/80x24.%s.golden", profile), d.screen()+"\n"+d.styleGrid())
	}
}

// TestCertificates: the map of what is not proven is one key away, elements carry it.
func TestCertificates(t *testing.T) {
	f := &mapEngine{m: 128, n: 1536, metrics: []exec.Metric{{Name: "noise", Value: 4.03}, {Name: "proven", Value: 191252}, {Name: "unproven", Value: 5356}, {Name: "proven_mismatch", Value: 0}}}
	f.change = func(h *exec.Heat, y, x, m, n int) {
		if h.Metric == "unproven" {
			h.Values[y*h.W+x] = 0
			if (m+n)%5 == 0 {
				h.Values[y*h.W+x] = 1
			}
		}
	}
	d := mapped(t, f, 80, 24, ProfileNever)
	d.sees("unproven 5,356", "proven", "no: order")
	d.keys("l").sees("proven  yes")
	d.keys("P").sees("unproven mean").keys("P").sees("|got-want| max")
	d.keys("z 1")
	d.exact()
	d.sees("? not proven")
	golden(t, "error-certificate/80x24.never.golden", d.screen()+"\n")
	var seen []string
	d.keys("z a")
	for range 7 {
		d.keys("m")
		seen = append(seen, d.app.errorPane().metric)
	}
	if got := strings.Join(seen, " "); got != "noise signed rel ulp proven_mismatch unproven abs" {
		t.Errorf("m goes through %s", got)
	}
	plainMap := opened(t, 80, 24, ProfileNever).keys("r P")
	plainMap.sees("no certificate")
	if plainMap.app.errorPane().metric != "abs" {
		t.Error("a map without certificates shows them")
	}
}

// TestMinimap: a window of the map shows where it is; the whole map has no need to.
func TestMinimap(t *testing.T) {
	d := opened(t, 120, 40, ProfileTrueColor).keys("r w")
	d.misses("whole map")
	d.keys("+ +").sees("whole map, framed", "┌", "┘")
	d.exact()
	golden(t, "error-zoomed/120x40.truecolor.golden", d.screen()+"\n")
	d.keys("z a").misses("whole map")
}
