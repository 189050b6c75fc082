package views

import (
	"fmt"
	"math"
	"strings"

	"fp4tui/exec"
	"fp4tui/views/number"
)

// screenDigits is how many significant digits a screen shows.
const screenDigits = 4

func num[F ~float64 | ~float32](v F) string { return number.Format(float64(v), screenDigits) }

func signed[F ~float64 | ~float32](v F) string { return number.Signed(float64(v), screenDigits) }

func short[F ~float64 | ~float32](v F) string { return number.Short(float64(v), screenDigits) }

// fitSigned is number.Fit with as many digits for both signs, so that columns agree.
func fitSigned(v float64, digits, w int) string {
	text := number.Fit(math.Abs(v), digits, w-1)
	if v < 0 {
		return "-" + text
	}
	return text
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
	switch r := result.(type) {
	case exec.Opened:
		return join(plural(int64(r.Layers), "layer"), strings.Join(r.Formats, " "), plural(int64(r.Tensors), "tensor"), some(int64(r.FaultsN), "violation"))
	case exec.LayerList:
		return join(plural(int64(r.Total), "layer"), levels(r.Rows))
	case exec.LayerInfo:
		return fmt.Sprintf("%s %d×%d block %d · %s", r.Format, r.N, r.K, r.Block, r.Mode)
	case exec.TensorInfo:
		return r.DType + " " + number.Shape(r.Shape...)
	case exec.Stats:
		return join(plural(r.Count, "value"), pillText(r.Pill))
	case exec.Histogram:
		return join(number.Count(r.Count)+" "+r.Of, pillText(r.Pill))
	case exec.CodeUse:
		return fmt.Sprintf("%d of 16 codes used · balance %s", r.Used, number.Of(r.Positive, r.Positive+r.Negative))
	case exec.Dump:
		return fmt.Sprintf("%s of %s bytes", number.Count(r.Bytes), number.Count(r.Total))
	case exec.LintReport:
		return fmt.Sprintf("%d BAD · %d warn · %d info", r.Errors, r.Warnings, r.Infos)
	case exec.Product:
		return join(r.Out+" "+number.Shape(r.Shape...), some(r.NaN, "NaN"))
	case exec.Diff:
		return diffSummary(r)
	}
	return otherSummary(result)
}

func otherSummary(result exec.Result) string {
	switch r := result.(type) {
	case exec.Quantized:
		return fmt.Sprintf("%s %d×%d · sqnr %s dB", r.Format, r.Rows, r.Cols, num(r.SQNR))
	case exec.Heat:
		return fmt.Sprintf("%d×%d pixels of %d×%d", r.W, r.H, r.ColStep, r.RowStep)
	case exec.Worst:
		if len(r.Rows) > 0 {
			return fmt.Sprintf("[%d,%d]", r.Rows[0].M, r.Rows[0].N)
		}
		return "no elements"
	case exec.Matches:
		return fmt.Sprintf("%s of %s", number.Count(r.Count), number.Count(r.Total))
	case exec.Element:
		return signed(r.Err)
	case exec.Check:
		return checkSummary(r)
	case exec.Exported:
		return join("saved "+r.Path, r.Next)
	case exec.Setting:
		return plural(int64(len(r.Items)), "value")
	case exec.Sourced:
		return fmt.Sprintf("%d ran · %d failed", r.Ran, r.Failed)
	case exec.Undone:
		return "took back: " + r.Command
	case exec.Help:
		return cut(r.Text, 60)
	}
	return ""
}

func diffSummary(r exec.Diff) string {
	parts := []string{}
	for _, name := range []string{"rel_l2", "cos", "max_abs"} {
		if v, ok := metric(r, name); ok {
			parts = append(parts, strings.TrimSuffix(name, "_abs")+" "+num(v))
		}
	}
	if v, ok := metric(r, "nan"); ok && v > 0 {
		parts = append(parts, "nan "+number.Count(int64(v)))
	}
	return join(append(parts, r.Pattern)...)
}

func checkSummary(r exec.Check) string {
	word := "PASS"
	if !r.OK {
		word = "FAIL"
	}
	for _, term := range r.Terms {
		if term.OK == r.OK {
			return fmt.Sprintf("%s %s: %s, bound %s", word, term.Name, num(term.Actual), num(term.Bound))
		}
	}
	return word
}

// levels counts the findings of a list in words.
func levels(rows []exec.LayerRow) string {
	bad, warn := int64(0), int64(0)
	for _, row := range rows {
		switch row.Level {
		case "bad":
			bad++
		case "warn":
			warn++
		}
	}
	if bad+warn == 0 {
		return "ok"
	}
	var parts []string
	if bad > 0 {
		parts = append(parts, number.Count(bad)+" BAD")
	}
	if warn > 0 {
		parts = append(parts, number.Count(warn)+" warn")
	}
	return strings.Join(parts, " · ")
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

// some is a counted noun, nothing when the count is zero.
func some(n int64, noun string) string {
	if n == 0 {
		return ""
	}
	return plural(n, noun)
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

func floats[F ~float64 | ~float32](values []F) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = float64(v)
	}
	return out
}
