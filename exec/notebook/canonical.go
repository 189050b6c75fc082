package notebook

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"

	"fp4tui/exec/language"
	"fp4tui/inspect"
)

// Bounds of a canonical output.
const (
	MaxColumns = 100
	MaxLines   = 40
)

var (
	// escapes are terminal sequences: CSI, OSC up to BEL or ST, and the two-character ones.
	escapes = regexp.MustCompile(`\x1b(?:\[[0-9:;<=>?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-Z\\^-~])`)
	cutMark = regexp.MustCompile(`^… \d+ more lines, sha256 [0-9a-f]{12}$`)
)

// Canonical makes an output fit to be stored: no terminal sequences, nothing
// invisible, no trailing blanks, no wildcards (... and [..] become … and […]), at most MaxColumns columns (a longer line ends in "…"
// and a hash of all of it) and MaxLines lines, then one line with the count and the
// hash of the rest. Every line ends in \n; no output is "". Canonical of a canonical
// text is the same text.
func Canonical(text string) string {
	text = strings.ReplaceAll(escapes.ReplaceAllString(text, ""), "\r\n", "\n")
	lines := strings.Split(text, "\n")
	for i, s := range lines {
		lines[i] = canonicalLine(s)
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	if len(lines) == 0 {
		return ""
	}
	if len(lines) > MaxLines && !(len(lines) == MaxLines+1 && cutMark.MatchString(lines[MaxLines])) {
		rest := lines[MaxLines:]
		sum := sha256.Sum256([]byte(strings.Join(rest, "\n")))
		lines = append(lines[:MaxLines:MaxLines], fmt.Sprintf("… %d more lines, sha256 %x", len(rest), sum[:6]))
	}
	return strings.Join(lines, "\n") + "\n"
}

// tail is what ends a line that was cut: an ellipsis and six hex digits.
const tail = "… 000000"

func canonicalLine(s string) string {
	s = inspect.Printable(strings.ReplaceAll(s, "\t", "    "))
	// What an output says literally must not become a wildcard once it is stored.
	s = strings.ReplaceAll(strings.TrimRight(s, " "), "[..]", "[…]")
	if strings.TrimSpace(s) == "..." {
		s = strings.Replace(s, "...", "…", 1)
	}
	if language.Columns(s) <= MaxColumns {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	room, end := MaxColumns-language.Columns(tail), 0
	for i, r := range s {
		if room -= language.Columns(string(r)); room < 0 {
			break
		}
		end = i + len(string(r))
	}
	return fmt.Sprintf("%s… %x", s[:end], sum[:3])
}
