package views

import (
	"math"
	"testing"

	tea "charm.land/bubbletea/v2"
)

// hexOf is the colour of an ink: the palette of 256 has a cube and a ramp of grays.
func hexOf(k ink) (uint32, bool) {
	n := uint32(k & 0xff)
	switch k &^ 0xffffff {
	case inkRGB:
		return uint32(k & 0xffffff), true
	case inkIndexed:
		if n >= 232 {
			v := 8 + 10*(n-232)
			return v<<16 | v<<8 | v, true
		}
		level := func(i uint32) uint32 { return [6]uint32{0, 95, 135, 175, 215, 255}[i] }
		n -= 16
		return level(n/36)<<16 | level(n/6%6)<<8 | level(n%6), true
	}
	return 0, false
}

// luminance is the relative luminance of WCAG 2.
func luminance(hex uint32) float64 {
	part := func(v uint32) float64 {
		c := float64(v&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(hex>>16) + 0.7152*part(hex>>8) + 0.0722*part(hex)
}

func contrast(a, b uint32) float64 {
	x, y := luminance(a), luminance(b)
	return (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05)
}

// themed is a theme by its name.
func themed(name Theme, profile Profile, dark bool) *theme {
	a := &App{opt: Options{Theme: name}}
	a.retheme(profile, dark)
	return a.theme
}

// TestRampsAreOrdered: at every step of every ramp the luminance goes away from the
// background, so that larger is never drawn as smaller.
func TestRampsAreOrdered(t *testing.T) {
	for _, name := range Themes() {
		for _, profile := range []Profile{ProfileTrueColor, Profile256} {
			for _, dark := range []bool{true, false} {
				th := themed(name, profile, dark)
				for kind, ramp := range map[string][]ink{"sequential": th.ramp[:], "negative": th.minus[:], "positive": th.plus[:]} {
					for i := 1; i < len(ramp); i++ {
						a, _ := hexOf(ramp[i-1])
						b, ok := hexOf(ramp[i])
						if up := luminance(b) > luminance(a); !ok || up != th.dark {
							t.Errorf("%s %s dark=%v: step %d of the %s ramp goes from %06x to %06x", name, profile, dark, i, kind, a, b)
						}
					}
				}
			}
		}
	}
}

// TestContrast: text can be read on the backgrounds that the themes are made for.
func TestContrast(t *testing.T) {
	for _, name := range Themes() {
		for _, profile := range []Profile{ProfileTrueColor, Profile256} {
			for _, dark := range []bool{true, false} {
				th := themed(name, profile, dark)
				for r := accent; r < roleCount; r++ {
					background := uint32(0xFFFFFF)
					if th.dark {
						background = 0x12151A
					}
					at := th.roles[r]
					if bg, has := hexOf(at.bg); has {
						background = bg
					}
					fg, has := hexOf(at.fg)
					if !has {
						continue
					}
					least := 5.0
					switch {
					case r == paddingRole && name != ThemeContrast:
						least = 2.7
					case name == ThemeContrast:
						least = 7
					}
					if got := contrast(fg, background); got < least {
						t.Errorf("%s %s dark=%v: role %d has contrast %.1f, want %.1f", name, profile, th.dark, r, got, least)
					}
				}
			}
		}
	}
}

// TestThemeFollowsTheTerminal: the background decides unless a theme was asked for.
func TestThemeFollowsTheTerminal(t *testing.T) {
	for name, want := range map[Theme]bool{ThemeAuto: false, "": false, ThemeDark: true, ThemeLight: false, ThemeGray: false, ThemeContrast: false} {
		d := newDriver(t, Options{Engine: newFake(), Profile: ProfileTrueColor, Theme: name}, 80, 24)
		d.send(tea.BackgroundColorMsg{Color: white{}})
		if d.app.theme.dark != want {
			t.Errorf("%q on white: dark is %v", name, d.app.theme.dark)
		}
	}
	if a, b := themed(ThemeAuto, ProfileTrueColor, true), themed(ThemeContrast, ProfileTrueColor, true); a.ramp == b.ramp || a.roles == b.roles {
		t.Error("high contrast is the usual theme")
	}
	if th := themed(ThemeContrast, Profile16, true); th.roles[dim].attr&faint != 0 {
		t.Error("high contrast dims")
	}
}

type white struct{}

func (white) RGBA() (r, g, b, a uint32) { return 0xffff, 0xffff, 0xffff, 0xffff }
