package views

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/exec/language"
)

// mostPasted bounds how many lines of a paste are offered at once.
const mostPasted = 1000

// pasteLines offers to run the lines of a pasted script, as a file of them would; false
// when the text is one line, which belongs at the prompt. Nothing runs before Enter: what
// a clipboard holds is not always what one thinks.
func (a *App) pasteLines(text string) bool {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	var lines []string
	joined := ""
	for line := range strings.SplitSeq(text, "\n") {
		if rest, more := strings.CutSuffix(strings.TrimRight(line, " \t"), `\`); more {
			joined += strings.TrimSpace(rest) + " "
			continue
		}
		var typed editor // takes what a line can hold, no control characters
		typed.insert(joined + strings.TrimSpace(line))
		if line = strings.TrimSpace(typed.String()); !language.Blank(line) {
			lines = append(lines, line)
		}
		joined = ""
	}
	if len(lines) < 2 {
		return false
	}
	if len(lines) > mostPasted {
		a.status.say(fmt.Sprintf("the clipboard holds %s; source FILE runs as many", plural(int64(len(lines)), "line")))
		a.float = nil
		return true
	}
	d := &dialog{title: "run the pasted lines?", text: lines}
	d.choices = []choice{
		{"run " + plural(int64(len(lines)), "line"), "r", func(a *App) tea.Cmd { return a.runPasted(lines) }},
		{"Esc leave it", "esc", closeDialog},
	}
	a.float = d
	return true
}

// runPasted runs them one after the other; the first that fails stops the rest.
func (a *App) runPasted(lines []string) tea.Cmd {
	tasks := make([]task, len(lines))
	for i, line := range lines {
		a.remember(line)
		tasks[i] = task{line: line, key: ":"}
	}
	last := &tasks[len(tasks)-1]
	last.then = func(a *App, cell exec.Cell) tea.Cmd { return a.showResult(cell.Result) }
	return a.work.submit(tasks...)
}
