package text

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"fp4tui/exec"
	"fp4tui/views/number"
)

// marginDigits is how exactly "6.9x over" is written: it is for judging, not for checking.
const marginDigits = 2

func check(p *page, r exec.Check) {
	if r.OK {
		var passed []string
		for _, t := range r.Terms {
			passed = append(passed, p.opt.held(t))
		}
		if len(passed) == 0 {
			passed = []string{r.Expr}
		}
		p.say("PASS %s", strings.Join(passed, "; "))
		return
	}
	failed := false
	for _, t := range r.Terms {
		if !t.OK {
			p.say("FAIL %s", p.opt.missed(t, r, !failed))
			failed = true
		}
	}
	if !failed {
		p.say("FAIL %s", r.Expr)
	}
	for _, t := range r.Terms {
		if t.OK {
			p.say("pass %s", p.opt.held(t))
		}
	}
	if r.Mismatched > 0 {
		p.list("", "mismatched "+number.Share(r.Mismatched))
	}
	p.details([]detail{{"pattern", r.Pattern}, {"why", r.Why}})
}

func checkLine(o Options, r exec.Check) []string {
	word := "FAIL"
	if r.OK {
		word = "PASS"
	}
	for _, t := range r.Terms {
		if t.OK == r.OK && !textual(t) {
			more := ""
			if r.OK && len(r.Terms) > 1 {
				more = fmt.Sprintf("%d more", len(r.Terms)-1)
			}
			return []string{word + " " + not(t) + t.Name + " " + o.value(t.Actual), "bound " + t.Op + " " + o.value(t.Bound), over(t), more}
		}
	}
	return []string{word, r.Expr}
}

// textual is a comparison of texts: it has no numbers.
func textual(t exec.CheckTerm) bool { return strings.Contains(t.Text, `"`) }

// held is a comparison with its value: "e.nan 0 == 0". One that does not hold, beside an
// or, says so.
func (o Options) held(t exec.CheckTerm) string {
	text := t.Text
	if !textual(t) && t.Name != "" {
		text = fmt.Sprintf("%s %s %s %s", t.Name, o.value(t.Actual), t.Op, o.value(t.Bound))
	}
	text = not(t) + text
	if !t.OK {
		text += " (not met)"
	}
	return text
}

// not is "not " for a comparison that should not hold.
func not(t exec.CheckTerm) string {
	if t.Negate {
		return "not "
	}
	return ""
}

// missed is a comparison that failed: "e.max_abs 0.6938, bound 0.1, 6.9x over at
// [48,994]; smallest passing bound 0.6938". Only the first has the place.
func (o Options) missed(t exec.CheckTerm, r exec.Check, first bool) string {
	if textual(t) || t.Name == "" {
		return not(t) + t.Text
	}
	if t.Negate {
		return fmt.Sprintf("not %s %s %s %s: it holds", t.Name, o.value(t.Actual), t.Op, o.value(t.Bound))
	}
	parts := []string{t.Name + " " + o.value(t.Actual), o.bound(t)}
	if text := over(t); text != "" {
		parts = append(parts, text)
	}
	text := strings.Join(parts, ", ")
	if first && len(r.At) > 0 {
		place := make([]string, len(r.At))
		for i, v := range r.At {
			place[i] = strconv.Itoa(v)
		}
		text += " at [" + strings.Join(place, ",") + "]"
	}
	if math.IsNaN(float64(t.Passing)) {
		return text
	}
	switch t.Op {
	case "<", "<=":
		return text + "; smallest passing bound " + o.outward(float64(t.Passing), 1)
	case ">", ">=":
		return text + "; largest passing bound " + o.outward(float64(t.Passing), -1)
	}
	return text
}

// bound is what was asked for; an equality keeps its sign, which "bound" doesn't say.
func (o Options) bound(t exec.CheckTerm) string {
	if t.Op == "==" || t.Op == "!=" {
		return "want " + t.Op + " " + o.value(t.Bound)
	}
	return "bound " + o.value(t.Bound)
}

// over is how far a comparison is from its bound, as a factor.
func over(t exec.CheckTerm) string {
	m := float64(t.Margin)
	if !(m > 1) {
		return ""
	}
	side := "over"
	if strings.HasPrefix(t.Op, ">") {
		side = "under"
	}
	return number.Format(m, marginDigits) + "x " + side
}

// value writes a count without decimals, what is as large as one to its first decimal, and
// all else with the digits asked for: a count and its bound look alike.
func (o Options) value(v exec.Float) string {
	f := float64(v)
	switch size := math.Abs(f); {
	case f == math.Trunc(f):
		return o.whole(v)
	case size >= 1e5 && size < 1e15:
		whole, tenths, _ := strings.Cut(strconv.FormatFloat(f, 'f', 1, 64), ".")
		if n, err := strconv.ParseInt(whole, 10, 64); err == nil {
			return number.Count(n) + "." + tenths
		}
	}
	return number.Short(f, o.Digits)
}

// outward writes a bound rounded away from the value that has to pass it (up for +1,
// down for -1): rounded the other way the check would fail again with the bound it
// suggested.
func (o Options) outward(v float64, direction int) string {
	text := number.Format(v, o.Digits)
	rounded, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(v, 0) || float64(direction)*(rounded-v) >= 0 {
		return text
	}
	_, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', o.Digits-1, 64), "e")
	e, err := strconv.Atoi(exponent)
	if err != nil {
		return text
	}
	unit, err := strconv.ParseFloat("1e"+strconv.Itoa(e-o.Digits+1), 64)
	if err != nil {
		return text
	}
	return number.Format(rounded+float64(direction)*unit, o.Digits)
}
