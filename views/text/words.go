package text

import (
	"fmt"
	"strconv"
	"strings"

	"fp4tui/exec"
	"fp4tui/views/number"
)

func (o Options) num(v exec.Float) string    { return number.Format(float64(v), o.Digits) }
func (o Options) short(v exec.Float) string  { return number.Short(float64(v), o.Digits) }
func (o Options) signed(v exec.Float) string { return number.Signed(float64(v), o.Digits) }

// whole writes a count that travels as a float: without decimals, infinities by name.
func (o Options) whole(v exec.Float) string {
	return number.Whole(float64(v), o.Digits)
}

// plural writes "1 layer", "38 layers".
func plural[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return number.Count(int64(n)) + " " + noun + "s"
}

// some is plural, but nothing for none.
func some[N int | int64](n N, noun string) string {
	if n == 0 {
		return ""
	}
	return plural(n, noun)
}

// counted is "saturated 15": a label and a count.
func counted[N int | int32 | int64](label string, n N) string {
	return label + " " + number.Count(int64(n))
}

// labelled puts a label before a text; nothing without a text.
func labelled(label, text string) string {
	if text == "" {
		return ""
	}
	return label + " " + text
}

// part is "15 of 36,864 (0.04%)".
func part(n, of int64) string {
	return fmt.Sprintf("%s of %s (%s)", number.Count(n), number.Count(of), number.Of(n, of))
}

// span is "0-31", or "7" when it is one element long.
func span(first, length int) string {
	if length <= 1 {
		return strconv.Itoa(first)
	}
	return fmt.Sprintf("%d-%d", first, first+length-1)
}

// known is an index, "—" when it is negative.
func known(i int) string {
	if i < 0 {
		return "—"
	}
	return strconv.Itoa(i)
}

// either is the first of two texts that is not empty.
func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// level is the word of a level: only what is bad shouts.
func level(l string) string {
	switch l {
	case "bad", "error":
		return "BAD"
	}
	return l
}

// badness orders the levels of results.
func badness(l string) int {
	switch l {
	case "warn":
		return 1
	case "bad":
		return 2
	}
	return 0
}

// health writes a health pill: "nan 0, zero 0, saturated 15 (0.04%): ok". What is
// normal is the rest and is left out.
func (p *page) health(pills []exec.Pill) {
	var parts []string
	worst := "ok"
	for _, pill := range pills {
		if badness(pill.Level) > badness(worst) {
			worst = pill.Level
		}
		if pill.Name == "normal" {
			continue
		}
		text := counted(pill.Name, pill.Count)
		if pill.Count != 0 {
			text += " (" + number.Share(pill.Share) + ")"
		}
		if badness(pill.Level) > 0 {
			text += " " + level(pill.Level)
		}
		parts = append(parts, text)
	}
	if len(parts) > 0 {
		parts[len(parts)-1] += ": " + level(worst)
	}
	p.list("", parts...)
}

// pillLine is the health of a log line: "15 saturated · 0 NaN".
func pillLine(pills []exec.Pill) []string {
	var parts []string
	nan := int64(-1)
	for _, pill := range pills {
		switch {
		case pill.Name == "nan":
			nan = pill.Count
		case pill.Name != "normal" && pill.Count > 0:
			parts = append(parts, number.Count(pill.Count)+" "+pill.Name)
		}
	}
	switch {
	case nan > 0: // then nothing else matters
		return append([]string{number.Count(nan) + " NaN"}, parts...)
	case nan == 0:
		return append(parts, "0 NaN")
	}
	return parts
}

// notes writes remarks, one a line.
func (p *page) notes(notes []string) {
	for _, n := range notes {
		p.say("%s", n)
	}
}

// paragraphs writes text line by line; empty lines stay empty.
func (p *page) paragraphs(text string) {
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			p.emit("")
			continue
		}
		p.say("%s", strings.TrimSuffix(line, "\n"))
	}
}

// kinds names what was counted: "scales", "values".
func kinds(of string) string {
	if fields := strings.Fields(of); len(fields) > 0 {
		return fields[len(fields)-1]
	}
	return "values"
}
