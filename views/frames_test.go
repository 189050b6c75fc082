package views

import (
	"fmt"
	"strings"
	"testing"
)

// TestFrames holds the screens: every main view at three sizes, with colour and
// without. Maps, bars and lists keep a grid of their styles, too.
func TestFrames(t *testing.T) {
	views := []struct{ name, keys string }{
		{"layers", ""}, {"weight", "enter"}, {"scales", "enter g s"}, {"codes", "enter g c"}, {"error", "r w"},
		{"worst", "r t"}, {"element", "r w enter"}, {"bytes", "r w enter enter"}, {"lint", "g i"}, {"log", "r w @"},
		{"help", "r f1"}, {"palette", "r ?"}, {"values", "r w z 1"},
	}
	styled := map[string]bool{"error": true, "scales": true, "codes": true, "layers": true}
	for _, view := range views {
		for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
			for _, profile := range []Profile{ProfileTrueColor, Profile256, ProfileNever} {
				name := fmt.Sprintf("%s/%dx%d.%s", view.name, size[0], size[1], profile)
				t.Run(name, func(t *testing.T) {
					d := opened(t, size[0], size[1], profile).keys(view.keys)
					d.exact()
					golden(t, name+".golden", d.screen()+"\n")
					if styled[view.name] && size[0] == 80 {
						golden(t, name+".style.golden", d.styleGrid())
					}
				})
			}
		}
	}
}

func TestStartFrame(t *testing.T) {
	opt := Options{Engine: newFake(), Tour: []string{"c = load tour"}, Start: StartInfo{Ready: "ready in 41 ms · 16 CPU threads",
		Rows: []StartRow{{Name: "this directory", Text: "3 checkpoints found: ./llama-nvfp4  ./gpt-oss  ./x.npy", Commands: []string{"c = load ."}}, {Name: "hub cache", Text: "org/name …  (2 quantized models)", Prompt: "c = load "}}}}
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		for _, profile := range []Profile{ProfileTrueColor, Profile256, ProfileNever} {
			opt.Profile = profile
			d := newDriver(t, opt, size[0], size[1])
			d.exact()
			golden(t, fmt.Sprintf("start/%dx%d.%s.golden", size[0], size[1], profile), d.screen()+"\n")
		}
	}
}

func TestASCIIFrame(t *testing.T) {
	d := newDriver(t, Options{Engine: newFake(), Path: "x", Profile: ProfileNever, ASCII: true}, 80, 24).keys("r w")
	d.exact()
	for _, line := range d.lines() {
		for _, r := range line {
			if r > 0x7e || r < 0x20 {
				t.Fatalf("%q in an ASCII frame: %q", r, line)
			}
		}
	}
	golden(t, "error/80x24.ascii.golden", d.screen()+"\n")
}

func TestTooSmallFrame(t *testing.T) {
	d := opened(t, 46, 8, ProfileNever)
	d.exact()
	d.sees("fp4tui needs 80×24, this is 46×8.", "fp4tui repl")
	d.keys(":").types("help").sees(": help")
	if strings.Contains(d.screen(), "[Layers]") {
		t.Error("tabs on a screen that is too small")
	}
}
