package views

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"math"
	"regexp"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi/kitty"

	"fp4tui/exec"
)

// raw is what was written to the terminal past the frames.
func (d *driver) raw() string {
	var b strings.Builder
	for _, msg := range d.out {
		if r, ok := msg.(tea.RawMsg); ok {
			b.WriteString(r.Msg.(string))
		}
	}
	d.out = nil
	return b.String()
}

const kittyQuestion = "\x1b_Ga=q,i=4091,s=1,v=1,t=d,f=24;AAAA\x1b\\"

// TestImagesAreAskedFor: the question goes only to terminals whose name lets an answer be
// expected, and an image only to those that gave it.
func TestImagesAreAskedFor(t *testing.T) {
	tests := []struct {
		name string
		env  tea.EnvMsg
		opt  Options
		want string
	}{
		{"kitty", tea.EnvMsg{"TERM=xterm-kitty"}, Options{}, kittyQuestion + "\x1b[16t"},
		{"ghostty", tea.EnvMsg{"TERM=xterm-256color", "TERM_PROGRAM=ghostty"}, Options{}, kittyQuestion + "\x1b[16t"},
		{"kitty behind tmux", tea.EnvMsg{"TERM=tmux-256color", "TMUX=socket,1,0", "KITTY_WINDOW_ID=1"}, Options{},
			"\x1bPtmux;\x1b\x1b_Ga=q,i=4091,s=1,v=1,t=d,f=24;AAAA\x1b\x1b\\\x1b\\\x1b[16t"},
		{"screen", tea.EnvMsg{"TERM=screen", "KITTY_WINDOW_ID=1"}, Options{}, ""},
		{"xterm", tea.EnvMsg{"TERM=xterm-256color"}, Options{}, ""},
		{"tmux", tea.EnvMsg{"TERM=tmux-256color", "TMUX=socket,1,0"}, Options{}, ""},
		{"off by option", tea.EnvMsg{"TERM=xterm-kitty"}, Options{NoImages: true}, ""},
		{"off by environment", tea.EnvMsg{"TERM=xterm-kitty", "FP4TUI_IMAGES=off"}, Options{}, ""},
		{"no colour", tea.EnvMsg{"TERM=xterm-kitty"}, Options{Profile: ProfileNever}, ""},
		{"ASCII", tea.EnvMsg{"TERM=xterm-kitty"}, Options{ASCII: true}, ""},
	}
	for _, test := range tests {
		opt := test.opt
		opt.Engine, opt.Path = newFake(), "x"
		if opt.Profile == "" {
			opt.Profile = ProfileTrueColor
		}
		d := newDriver(t, opt, 80, 24)
		d.raw()
		d.send(test.env)
		if got := d.raw(); got != test.want {
			t.Errorf("%s: sent %q, want %q", test.name, got, test.want)
		}
		d.keys("r w + l")
		if got := d.raw(); got != "" {
			t.Errorf("%s: no answer, but %q was sent", test.name, got)
		}
		d.send(uv.CellSizeEvent{Width: 8, Height: 16})
		d.send(uv.KittyGraphicsEvent{Options: kitty.Options{ID: 7}, Payload: []byte("OK")})
		d.send(uv.KittyGraphicsEvent{Options: kitty.Options{ID: 4091}, Payload: []byte("EINVAL")})
		if got := d.raw(); got != "" {
			t.Errorf("%s: a refusal, but %q was sent", test.name, got)
		}
	}
}

// pictured is a driver on the error map of a terminal that shows images.
func pictured(t *testing.T, engine exec.Engine, profile Profile) *driver {
	d := newDriver(t, Options{Engine: engine, Path: "x", Profile: profile}, 80, 24)
	d.send(tea.EnvMsg{"TERM=xterm-kitty"})
	d.send(uv.CellSizeEvent{Width: 4, Height: 8})
	d.send(uv.KittyGraphicsEvent{Options: kitty.Options{ID: 4091}, Payload: []byte("OK")})
	d.raw()
	return d.keys("r")
}

func TestImage(t *testing.T) {
	f := &mapEngine{fakeEngine: newFake(), m: 128, n: 1536}
	f.change = func(h *exec.Heat, y, x, m, n int) {
		if m <= 40 && 40 < m+h.RowStep && n <= 700 && 700 < n+h.ColStep {
			h.Values[y*h.W+x], h.NaNs[y*h.W+x] = exec.Float32(math.NaN()), 1
		}
	}
	d := pictured(t, f, ProfileTrueColor)
	sent := d.raw()
	piece := regexp.MustCompile(`\x1b_G([^;]*);([A-Za-z0-9+/=]*)\x1b\\`)
	var text strings.Builder
	for i, found := range piece.FindAllStringSubmatch(sent, -1) {
		if i == 0 && !strings.HasPrefix(found[1], "a=T,U=1,q=2,f=100,t=d,i=4093,c=48,r=16,m=") {
			t.Fatalf("the image begins with %q", found[1])
		}
		if len(found[2]) > kitty.MaxChunkSize {
			t.Errorf("a piece of %d bytes", len(found[2]))
		}
		text.WriteString(found[2])
	}
	if piece.ReplaceAllString(sent, "") != "" || !strings.Contains(sent, "m=0;") {
		t.Errorf("more than an image was sent, or no end of it: %q", piece.ReplaceAllString(sent, ""))
	}
	data, err := base64.StdEncoding.DecodeString(text.String())
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil || img.Bounds().Dx() != 48*4 || img.Bounds().Dy() != 16*8 {
		t.Fatalf("%v, %v", img.Bounds(), err)
	}
	if r, g, b, a := img.At(700*48*4/1536, 40*128/128).RGBA(); r>>8 != 0xFF || g>>8 != 0x8F || b>>8 != 0xD0 || a>>8 != 0xFF {
		t.Errorf("the NaN has colour %x %x %x %x", r>>8, g>>8, b>>8, a>>8)
	}
	d.exact()
	lines := d.lines()
	if got := strings.Count(strings.Join(lines, ""), string(kitty.Placeholder)); got != 48*16-2 {
		t.Errorf("%d placeholders; a cursor and a NaN leave %d", got, 48*16-2)
	}
	if want := "\x1b[;38;2;0;15;253m" + string([]rune{kitty.Placeholder, kitty.Diacritic(0), kitty.Diacritic(1)}); !strings.Contains(d.app.View().Content, want) {
		t.Error("no placeholder of image 4093, row 0, column 1")
	}
	d.sees("!")
	d.keys("l j").misses("working")
	if again := d.raw(); again != "" {
		t.Errorf("the cursor moved and %d bytes were sent", len(again))
	}
	if d.keys("+"); !strings.HasPrefix(d.raw(), "\x1b_Ga=d,d=I,i=4093,q=2\x1b\\\x1b_Ga=T,U=1,q=2,f=100,t=d,i=4092,") {
		t.Error("another window does not replace the image")
	}
	if d.keys("z 1"); strings.ContainsRune(d.screen(), kitty.Placeholder) {
		t.Error("placeholders among values")
	}
	d.app.nav.quit = true
	if got := d.app.pictures.forget(); got != "\x1b_Ga=d,d=I,i=4092,q=2\x1b\\" {
		t.Errorf("at the end %q is sent", got)
	}
}

// TestImageBounds: what is too large to send is drawn in half blocks, and so is a map that
// has no true colours.
func TestImageBounds(t *testing.T) {
	d := pictured(t, newFake(), Profile256)
	if sent := d.raw(); sent != "" || strings.ContainsRune(d.screen(), kitty.Placeholder) {
		t.Errorf("an image in 256 colours: %q", sent)
	}
	d = pictured(t, newFake(), ProfileTrueColor)
	d.raw()
	k, p, s := &d.app.pictures, d.app.errorPane(), d.app.scene()
	m, _, _ := p.picture(s)
	if _, ok := k.encode(m, m, 5000, 5000, d.app.theme); ok {
		t.Error("an image of half a gigapoint")
	}
	data, ok := k.encode(m, m, m.W, m.H/2, d.app.theme)
	if !ok || len(data) > 1<<16 {
		t.Errorf("%d bytes for a map of a screen", len(data))
	}
}
