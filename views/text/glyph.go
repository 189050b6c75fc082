package text

import (
	"fmt"
	"math"
	"strings"

	"fp4tui/views/number"
)

// twins are the ASCII forms of the glyphs that results use, one cell for one cell.
const (
	glyphs     = "─│┌┐└┘├┤┬┴┊┄▀▄█▉▊▋▌▍▎▏╱┼╳▸▾●○←→↑↓×·…›±≤≥σΣᵀ▕−—"
	asciiTwins = "-|++++++++:-#########|/Xx>v*o<>^vx-~>~<>sST|--"
)

// ascii writes text with nothing but ASCII: glyphs as their twins, all else escaped.
func ascii(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case strings.ContainsRune(glyphs, r):
			b.WriteByte(asciiTwins[len([]rune(glyphs[:strings.IndexRune(glyphs, r)]))])
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// bar draws a share of w cells in eighths of a cell; what is there is never invisible.
func bar(share float64, w int, plain bool) string {
	if !(share > 0) {
		return ""
	}
	eighths := max(1, int(math.Round(math.Min(share, 1)*float64(8*w))))
	if plain {
		return strings.Repeat("#", max(1, (eighths+4)/8))
	}
	text := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		text += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return text
}

// step places the magnitude of v on n steps between lo and hi, on a logarithmic scale.
// What is not above lo is step 0, what is not below hi the last.
func step(v, lo, hi float64, n int) int {
	v = math.Abs(v)
	switch {
	case !(lo > 0) || !(hi > lo) || v >= hi:
		return n - 1
	case v <= lo:
		return 0
	}
	i := int((number.Log2(v) - number.Log2(lo)) / (number.Log2(hi) - number.Log2(lo)) * float64(n))
	return min(max(i, 0), n-1)
}
