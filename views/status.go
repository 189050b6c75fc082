package views

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"fp4tui/exec"
	"fp4tui/exec/language"
	"fp4tui/inspect"
)

// statusLine is one line of the log part of the screen: a command and what it gave.
type statusLine struct {
	left, right string
	role        role // of the left part
}

// status is the log part of the screen: the last lines, newest at the end, and the
// cure of the last failure until the next key.
type status struct {
	lines []statusLine
	cure  string
	await string // the question whose answer belongs to the last line
}

// statusKept is how many lines are kept: tall screens show two.
const statusKept = 4

func (s *status) push(line statusLine) {
	s.cure = ""
	s.lines = append(s.lines, line)
	if len(s.lines) > statusKept {
		s.lines = s.lines[1:]
	}
}

// say shows a remark that is no command.
func (s *status) say(text string) {
	if text == "" {
		return
	}
	s.push(statusLine{left: text, role: dim})
}

// key shows the command that stands behind a key which only looked.
func (s *status) key(command, result string) { s.push(statusLine{left: command, right: result}) }

// peek shows a question that a key asks, with its answer as soon as there is one.
func (s *status) peek(line string, known *cache) {
	s.push(statusLine{left: line})
	s.await = line
	if a, ready := known.got[line]; ready && a.err == nil {
		s.answered(line, a.result)
	}
}

// answered puts an answer beside its question, when that still stands last.
func (s *status) answered(line string, result exec.Result) {
	if n := len(s.lines); n > 0 && result != nil && s.await == line && s.lines[n-1].left == line {
		s.lines[n-1].right, s.await = summary(result), ""
	}
}

// fail shows what went wrong and keeps the cure for the last line.
func (s *status) fail(line string, err error) {
	what, cure := faultText(err)
	if line != "" && width(line) < 30 {
		what = line + ": " + what
	}
	s.push(statusLine{left: what, role: badRole})
	s.cure = cure
}

// ran shows a finished command.
func (s *status) ran(j *job, cell exec.Cell) {
	switch {
	case saves(cell):
		saved := cell.Result.(exec.Exported)
		s.push(statusLine{left: "saved " + saved.Path + " · " + saved.Next})
	case cell.Err == nil || errors.Is(cell.Err, exec.ErrCheckFailed) && cell.Result != nil:
		s.push(statusLine{left: cell.Command, right: summary(cell.Result), role: checkRole(cell.Result)})
	case j.cancelled || errors.Is(cell.Err, context.Canceled):
		how := "cancelled"
		if share := j.share(); share >= 0 {
			how = join(fmt.Sprintf("cancelled at %d%%", int(share*100)), j.part())
		}
		s.push(statusLine{left: j.task.line, right: how, role: warnRole})
	default:
		s.fail(j.task.line, cell.Err)
	}
}

// saves says whether a command wrote the session: where to is worth the whole line.
func saves(cell exec.Cell) bool {
	exported, ok := cell.Result.(exec.Exported)
	return ok && exported.Next != ""
}

func checkRole(result exec.Result) role {
	if check, ok := result.(exec.Check); ok && !check.OK {
		return badRole
	}
	return plain
}

// faultText splits an error into what happened and what to do about it.
func faultText(err error) (what, cure string) {
	var typed *language.Error
	if errors.As(err, &typed) {
		return inspect.Printable(typed.Msg), inspect.Printable(typed.Hint)
	}
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		cure = hinted.Hint()
	}
	return strings.ReplaceAll(err.Error(), "\n", " · "), cure
}

// wrap breaks text into lines of at most w cells at spaces; a longer word is cut over
// lines.
func wrap(text string, w int) []string {
	if w <= 0 || text == "" {
		return nil
	}
	var out []string
	line := ""
	for _, word := range strings.Fields(text) {
		for width(word) > w {
			head := strings.TrimSuffix(cut(word, w+1), "…")
			if head == "" || len(head) >= len(word) {
				break
			}
			if line != "" {
				out = append(out, line)
				line = ""
			}
			out = append(out, head)
			word = word[len(head):]
		}
		switch {
		case line == "":
			line = word
		case width(line)+1+width(word) <= w:
			line += " " + word
		default:
			out = append(out, line)
			line = word
		}
	}
	if line != "" {
		out = append(out, line)
	}
	return out
}
