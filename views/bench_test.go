package views

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	uv "github.com/charmbracelet/ultraviolet"

	"fp4tui/exec"
)

// terminal turns frames into the bytes that Bubble Tea's renderer writes for them.
type terminal struct {
	out bytes.Buffer
	scr *uv.TerminalRenderer
	buf uv.ScreenBuffer
}

func newTerminal(w, h int) *terminal {
	t := &terminal{buf: uv.NewScreenBuffer(w, h)}
	t.scr = uv.NewTerminalRenderer(&t.out, []string{"TERM=xterm-256color"})
	t.scr.SetColorProfile(colorprofile.TrueColor)
	t.scr.SetFullscreen(true)
	t.scr.SetRelativeCursor(false)
	return t
}

// show writes a frame and returns how many bytes that took.
func (t *terminal) show(v tea.View) int {
	t.out.Reset()
	t.buf.Clear()
	uv.NewStyledString(v.Content).Draw(t.buf, t.buf.Bounds())
	t.scr.Render(t.buf.RenderBuffer)
	if v.Cursor != nil {
		t.scr.MoveTo(v.Cursor.X, v.Cursor.Y)
	}
	_ = t.scr.Flush()
	return t.out.Len()
}

// bigMap is a driver on a comparison of 16384×16384.
func bigMap(tb testing.TB, w, h int) *App {
	tb.Helper()
	a := bandApp(&mapEngine{fakeEngine: newFake(), m: 16384, n: 16384})
	a.opt.Profile = ProfileTrueColor
	a.retheme(ProfileTrueColor, true)
	a.size = size{w, h}
	a.settle()
	return a
}

// press handles a key as the program does, with every answer that it leads to.
func (a *App) press(key string) tea.View {
	a.Update(keyMsg(key))
	a.settle()
	a.frame.dirty = true
	return a.View()
}

// BenchmarkKeyToFrame is a key on the map of 16384×16384 at 200×60 until the bytes of its
// frame are there: cursor, zoom, metric. Answers of the engine are not counted.
func BenchmarkKeyToFrame(b *testing.B) {
	a, term := bigMap(b, 200, 60), newTerminal(200, 60)
	term.show(a.View())
	keys := []string{"l", "j", "l", "+", "k", "h", "-", "L", "J", "m", "m", "m", "m"}
	var took []time.Duration
	total := 0
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		a.Update(keyMsg(keys[i%len(keys)]))
		total += term.show(a.View())
		took = append(took, time.Since(start))
		b.StopTimer()
		a.settle()
		a.frame.dirty = true
		total += term.show(a.View())
		b.StartTimer()
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
	b.ReportMetric(float64(total)/float64(b.N), "written-B/op")
}

// BenchmarkCrosshair is what a move of the crosshair by one cell writes.
func BenchmarkCrosshair(b *testing.B) {
	for _, at := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		b.Run(fmt.Sprintf("%dx%d", at[0], at[1]), func(b *testing.B) {
			a, term := bigMap(b, at[0], at[1]), newTerminal(at[0], at[1])
			term.show(a.View())
			total, most, i := 0, 0, 0
			for ; b.Loop(); i++ {
				n := term.show(a.press([]string{"l", "l", "l", "h", "h", "h"}[i%6]))
				total, most = total+n, max(most, n)
			}
			b.ReportMetric(float64(total)/float64(i), "written-B/op")
		})
	}
}

// TestCrosshairIsCheap: moving by one cell on a warm map writes little, however large
// the terminal, since slow links are where terminals are used.
func TestCrosshairIsCheap(t *testing.T) {
	for _, at := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		a, term := bigMap(t, at[0], at[1]), newTerminal(at[0], at[1])
		if first := term.show(a.View()); first < at[0]*at[1]/2 {
			t.Fatalf("a first frame of %d bytes", first)
		}
		for range 10 { // past the lines beside which the element's own numbers stand
			term.show(a.press("j"))
		}
		term.show(a.press("l"))
		for range 4 {
			if n := term.show(a.press("l")); n > 200 {
				t.Errorf("%d×%d: %d bytes for one cell: %q", at[0], at[1], n, term.out.String())
			}
		}
	}
}

// manyTensors writes a checkpoint of 66,667 small layers, 200,001 tensors.
func manyTensors(tb testing.TB, layers int) string {
	tb.Helper()
	type entry struct {
		DType   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	header, at := map[string]entry{}, 0
	add := func(name, dtype string, bytes int, shape ...int) {
		header[name] = entry{dtype, shape, [2]int{at, at + bytes}}
		at += bytes
	}
	const n, k = 4, 16
	for i := range layers {
		name := fmt.Sprintf("model.layers.%d.mlp.experts.%d.down_proj", i/64, i%64)
		add(name+".weight_packed", "U8", n*k/2, n, k/2)
		add(name+".weight_scale", "F8_E4M3", n, n, 1)
		add(name+".weight_global_scale", "F32", 4, 1)
	}
	text, err := json.Marshal(header)
	if err != nil {
		tb.Fatal(err)
	}
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	data := make([]byte, 8, 8+len(text)+at)
	binary.LittleEndian.PutUint64(data, uint64(len(text)))
	body := make([]byte, at)
	for i := range body {
		body[i] = 0x38
	}
	path := filepath.Join(tb.TempDir(), "model.safetensors")
	if err := os.WriteFile(path, append(append(data, text...), body...), 0o644); err != nil {
		tb.Fatal(err)
	}
	return path
}

// BenchmarkManyTensors opens a checkpoint of 200,001 tensors up to a list that keys move
// in, and tells what a session with it holds.
func BenchmarkManyTensors(b *testing.B) {
	path := manyTensors(b, 66667)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var list, whole time.Duration
	var a *App
	for b.Loop() {
		start := time.Now()
		engine := exec.New(exec.Options{})
		if cell := engine.Run(b.Context(), "c = load "+quoteWord(path), func(int64, int64) {}); cell.Err != nil {
			b.Fatal(cell.Err)
		}
		a = NewApp(Options{Engine: engine, Profile: ProfileTrueColor})
		a.size, a.nav.view = size{200, 60}, layersView
		line := a.panes[layersView].wants(a.scene())[0]
		result, err := engine.Peek(b.Context(), line)
		a.data.put(line, answer{result, err})
		a.frame.dirty = true
		if rows := a.panes[layersView].(*layersPane).rows(a.scene()); err != nil || len(rows) < 10 || a.View().Content == "" {
			b.Fatal("no list: ", err)
		}
		list += time.Since(start)
		a.settle()
		a.frame.dirty = true
		a.View()
		whole += time.Since(start)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(list.Nanoseconds())/float64(b.N), "list-ns/op")
	b.ReportMetric(float64(whole.Nanoseconds())/float64(b.N), "whole-list-ns/op")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "held-MiB")
	start := time.Now()
	for i := range 100 {
		a.press([]string{"j", "ctrl+d", "l", "G", "k"}[i%5])
	}
	b.ReportMetric(float64(time.Since(start).Nanoseconds())/100, "key-ns")
}
