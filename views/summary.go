package views

import (
	"math"
	"strings"

	"fp4tui/exec"
	"fp4tui/views/number"
	"fp4tui/views/text"
)

// screenDigits is how many significant digits a screen shows.
const screenDigits = 4

func num[F ~float64 | ~float32](v F) string { return number.Format(float64(v), screenDigits) }

func signed[F ~float64 | ~float32](v F) string { return number.Signed(float64(v), screenDigits) }

func short[F ~float64 | ~float32](v F) string { return number.Short(float64(v), screenDigits) }

// fitSigned is number.Fit with as many digits for both signs, so that columns agree.
func fitSigned(v float64, digits, w int) string {
	size := number.Fit(math.Abs(v), digits, w-1)
	if v < 0 {
		return "-" + size
	}
	return size
}

// plural writes "1 layer", "38 layers".
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return number.Count(n) + " " + noun + "s"
}

// metric finds a metric of a comparison.
func metric(d exec.Diff, name string) (float64, bool) {
	for _, m := range d.Metrics {
		if m.Name == name {
			return float64(m.Value), true
		}
	}
	return 0, false
}

// summary is a result in the few words of the log line.
func summary(result exec.Result) string {
	return text.Line(result, text.Options{Digits: screenDigits})
}

// pillText is the counts of a health pill that are not zero, the ordinary one left out.
func pillText(pills []exec.Pill) string {
	var parts []string
	for _, p := range pills {
		if p.Count > 0 && p.Name != "normal" {
			parts = append(parts, number.Count(p.Count)+" "+p.Name)
		}
	}
	if len(parts) == 0 {
		return "ok"
	}
	return strings.Join(parts, " · ")
}

// join puts " · " between the parts that say something.
func join(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, " · ")
}
