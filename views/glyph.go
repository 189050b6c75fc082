package views

import (
	"math"
	"strings"
)

// asciiTwin is the one-cell ASCII form of a glyph for terminals without the fonts.
// Bars, sparklines and maps choose their ASCII form themselves: they need a scale.
func asciiTwin(text string) (string, bool) {
	const from = "─│┌┐└┘├┤┬┴┊┄▀▄█▉▊▋▌▍▎▏╱┼╳▸▾●○←→↑↓×·…›±≤σΣ▕−—↵"
	const to = "-|++++++++:-#########|/Xx>v*o<>^vx-~>~<sS|--<"
	at := 0
	for _, r := range from {
		if string(r) == text {
			return to[at : at+1], true
		}
		at++
	}
	return "", false
}

// bar draws value/full in at most w cells, in eighths of a cell.
func bar(value, full float64, w int, ascii bool) string {
	if !(value > 0) || !(full > 0) || w <= 0 {
		return ""
	}
	eighths := int(math.Round(math.Min(value/full, 1) * float64(w*8)))
	eighths = max(eighths, 1) // something is there
	if ascii {
		return strings.Repeat("#", max(1, eighths/8))
	}
	text := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		text += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return text
}

// spark draws one column for each value between lo and hi. NaN is "!", exactly zero
// and no data are blank.
func spark(values []float64, lo, hi float64, ascii bool) string {
	glyphs := []rune("▁▂▃▄▅▆▇█")
	if ascii {
		glyphs = []rune("123456789")
	}
	var b strings.Builder
	for _, v := range values {
		switch {
		case math.IsNaN(v):
			b.WriteByte('!')
		case v == 0 && lo >= 0:
			b.WriteByte(' ')
		case !(hi > lo):
			b.WriteRune(glyphs[0])
		default:
			step := int((v - lo) / (hi - lo) * float64(len(glyphs)))
			b.WriteRune(glyphs[min(max(step, 0), len(glyphs)-1)])
		}
	}
	return b.String()
}

// resample reduces values to at most w columns, each the largest of its share: a
// narrow screen never hides an outlier. NaN wins.
func resample(values []float64, w int) []float64 {
	if len(values) <= w || w <= 0 {
		return values
	}
	out := make([]float64, w)
	for i := range out {
		from, to := i*len(values)/w, max((i+1)*len(values)/w, i*len(values)/w+1)
		best := values[from]
		for _, v := range values[from:to] {
			if math.IsNaN(v) || v > best {
				best = v
			}
		}
		out[i] = best
	}
	return out
}
