package views

import (
	"errors"
	"strings"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/exec/language"
)

// prompt is the command line over the log: completion above it, the rest of the best
// completion as ghost text, history below the fingers.
type prompt struct {
	line       editor
	find       bool // it searches the view instead of running commands
	candidates []exec.Candidate
	picked     int    // candidate taken with Tab; -1: none
	before     string // the text that Tab completes
	past       int    // place in the history, from the end; 0: the new line
	draft      string // the new line, while the history is shown
	search     bool   // Ctrl-r: the line is looked for in the history
	err        *language.Error
	ask        string // it asks for this instead of running commands
	take       func(a *App, answer string) tea.Cmd
}

// askFor asks for one line of text.
func (a *App) askFor(what, text string, take func(a *App, answer string) tea.Cmd) {
	p := &prompt{picked: -1, ask: what, take: take}
	p.line.set(text)
	a.float = p
}

func (a *App) openPrompt(text string) {
	p := &prompt{picked: -1}
	p.line.set(text)
	p.complete(a)
	a.float = p
}

// findPrompt asks what to look for in this view.
func (a *App) findPrompt(int) tea.Cmd {
	a.float = &prompt{find: true, picked: -1}
	return nil
}

func (p *prompt) paste(a *App, text string) {
	if p.ask == "" && !p.find && !p.search && len(p.line.text) == 0 && a.pasteLines(text) {
		return
	}
	p.line.insert(text)
	p.complete(a)
}

func (p *prompt) complete(a *App) {
	p.picked, p.err, p.candidates = -1, nil, nil
	if !p.find && !p.search && p.ask == "" && a.opt.Engine != nil && len(p.line.text) > 0 {
		p.candidates = a.opt.Engine.Complete(p.line.String(), len(string(p.line.text[:p.line.at])))
	}
}

// key handles one key; the line's error goes with the next one.
func (p *prompt) key(a *App, msg tea.KeyPressMsg) tea.Cmd {
	p.err = nil
	switch msg.String() {
	case "esc":
		if p.search {
			p.search, p.past = false, 0
			return nil
		}
		a.float = nil
		return nil
	case "ctrl+c":
		if len(p.line.text) == 0 {
			a.float = nil
			return nil
		}
		p.line.set("")
		p.complete(a)
		return nil
	case "enter":
		return p.enter(a)
	case "tab", "shift+tab":
		p.cycle(msg.String() == "tab")
		return nil
	case "up", "ctrl+p":
		p.recall(a, 1)
		return nil
	case "down", "ctrl+n":
		p.recall(a, -1)
		return nil
	case "ctrl+r":
		if p.search {
			p.past++ // the one before
			return nil
		}
		p.search, p.past = true, 0
		return nil
	case "f1":
		return p.helpWord(a)
	case "right", "end", "ctrl+e":
		if p.line.at == len(p.line.text) && p.ghost(a) != "" && !p.search {
			p.line.insert(p.ghost(a))
			p.complete(a)
			return nil
		}
	case "backspace":
		if len(p.line.text) == 0 {
			a.float = nil
			return nil
		}
	}
	if p.line.edit(msg) {
		p.past = 0
		p.complete(a)
		if p.find && a.nav.view != errorView { // a search for values runs a command
			a.findIn(p.line.String(), 0)
		}
	}
	return nil
}

// enter runs the line, or ends the search.
func (p *prompt) enter(a *App) tea.Cmd {
	text := strings.TrimSpace(p.line.String())
	if p.search {
		if found := p.found(a); found != "" {
			p.line.set(found)
		}
		p.search = false
		p.complete(a)
		return nil
	}
	a.float = nil
	if text == "" {
		return nil
	}
	if p.take != nil {
		return p.take(a, text)
	}
	if p.find {
		a.nav.find = text
		if a.nav.view == bytesView {
			return a.findHex(text, 0)
		}
		if !a.findIn(text, 0) {
			a.status.say("not found: " + text)
		}
		return nil
	}
	if text == plainCommand {
		return a.leavePlain()
	}
	a.remember(text)
	return a.run(":", text, func(a *App, cell exec.Cell) tea.Cmd {
		if p, is := cell.Result.(exec.Product); is && p.Handle == "" { // info asks for what the log line has no room for
			a.float = textDialog(a, p)
			return nil
		}
		return a.showResult(cell.Result)
	})
}

// remember keeps a typed command for the history.
func (a *App) remember(text string) {
	if n := len(a.nav.history); n > 0 && a.nav.history[n-1] == text {
		return
	}
	a.nav.history = append(a.nav.history, text)
	if a.opt.Remember != nil {
		a.opt.Remember(text)
	}
}

// plainCommand leaves the screens and goes on in lines; it is no command of a session.
const plainCommand = "plain"

func (a *App) leavePlain() tea.Cmd {
	a.nav.plain = true
	if text := a.pictures.forget(); text != "" {
		return tea.Sequence(tea.Raw(text), tea.Quit)
	}
	return tea.Quit
}

// showResult goes to the view that draws a result of a typed command.
func (a *App) showResult(result exec.Result) tea.Cmd {
	switch r := result.(type) {
	case exec.Opened, exec.LayerList:
		return a.goTo(layersView)
	case exec.LayerInfo:
		return a.goTo(weightView)
	case exec.Diff:
		return a.goTo(errorView)
	case exec.LintReport:
		return a.goTo(lintView)
	case exec.Help:
		a.float = helpDialog(r)
	case exec.Setting:
		if len(r.Items) > 1 {
			a.float = textDialog(a, result)
		}
	case exec.Prepared, exec.Place:
		return a.showPlace(result)
	case exec.Product, exec.TensorInfo, exec.Check, exec.Exported, exec.Poisoned, exec.Undone, exec.Note, exec.Quit, exec.Quantized, nil:
		// the log line says all there is
	default:
		a.float = textDialog(a, result)
	}
	return nil
}

// reject puts a line that did not parse back at the prompt, with its error under it.
func (a *App) reject(line string, err error) bool {
	var typed *language.Error
	if a.float != nil || !errors.As(err, &typed) {
		return false
	}
	a.openPrompt(line)
	p := a.float.(*prompt)
	p.candidates = nil
	p.err = typed
	p.line.at = min(max(typed.Col-1, 0), len(p.line.text))
	return true
}

func (p *prompt) cycle(forward bool) {
	n := len(p.candidates)
	if n == 0 {
		return
	}
	if p.picked < 0 {
		p.before = p.line.String()
	}
	step := 1
	if !forward {
		step = -1
	}
	if p.picked < 0 && !forward {
		p.picked = 0
	}
	p.picked = ((p.picked+step)%n + n) % n
	c := p.candidates[p.picked]
	from := min(max(c.From, 0), len(p.before))
	to := min(max(c.To, from), len(p.before))
	p.line.set(p.before[:from] + c.Text + p.before[to:])
	p.line.at = len([]rune(p.before[:from] + c.Text))
}

// ghost is what the best completion, or the last command that began so, would add.
func (p *prompt) ghost(a *App) string {
	text := p.line.String()
	if text == "" || p.find || p.search || p.ask != "" || p.line.at < len(p.line.text) {
		return ""
	}
	for i := len(a.nav.history) - 1; i >= 0; i-- {
		if rest, ok := strings.CutPrefix(a.nav.history[i], text); ok && rest != "" {
			return rest
		}
	}
	if len(p.candidates) > 0 && p.picked < 0 {
		c := p.candidates[0]
		if c.From <= len(text) && c.To >= len(text) {
			if rest, ok := strings.CutPrefix(c.Text, text[c.From:]); ok {
				return rest
			}
		}
	}
	return ""
}

func (p *prompt) recall(a *App, step int) {
	n := len(a.nav.history)
	if p.past == 0 {
		p.draft = p.line.String()
	}
	p.past = min(max(p.past+step, 0), n)
	if p.past == 0 {
		p.line.set(p.draft)
		return
	}
	p.line.set(a.nav.history[n-p.past])
	p.candidates = nil
}

// found is the newest command of the history that holds every word of the text; each
// further Ctrl-R goes to the one before.
func (p *prompt) found(a *App) string {
	words, found, skip := strings.Fields(p.line.String()), "", p.past
	for i := len(a.nav.history) - 1; i >= 0 && skip >= 0; i-- {
		line, holds := a.nav.history[i], true
		for _, w := range words {
			holds = holds && strings.Contains(line, w)
		}
		if holds && line != found {
			found = line
			skip--
		}
	}
	return found
}

// helpWord asks for the help of the verb of the line.
func (p *prompt) helpWord(a *App) tea.Cmd {
	words := strings.Fields(p.line.String())
	if len(words) > 2 && words[1] == "=" {
		words = words[2:]
	}
	if len(words) == 0 {
		return nil
	}
	a.float = nil
	return a.run("F1", "help "+words[0], func(a *App, cell exec.Cell) tea.Cmd { return a.showResult(cell.Result) })
}

// completionRows is how many completions are listed above the prompt.
const completionRows = 6

func (p *prompt) draw(a *App, c *canvas) {
	all := region{c: c, w: c.w, h: c.h, th: a.theme}
	if a.tooSmall() {
		p.drawLine(a, all.sub(0, c.h-1, c.w, 1))
		return
	}
	line := c.h - 2
	p.drawLine(a, all.sub(0, line, c.w, 1))
	shown := p.candidates[:min(len(p.candidates), completionRows)]
	top := line - a.logLines() - len(shown)
	for i, candidate := range shown {
		row := all.sub(0, top+i, c.w, 1)
		row.clear()
		row.text(3, 0, plain, cut(candidate.Text, 40))
		row.text(46, 0, dim, cut(candidate.Doc, c.w-47))
		if i == p.picked {
			row.text(1, 0, accent, "▸")
		}
	}
	p.drawUnder(a, all.sub(0, c.h-1, c.w, 1))
}

// drawLine is the line itself.
func (p *prompt) drawLine(a *App, r region) {
	r.clear()
	sign := ":"
	switch {
	case p.find:
		sign = "/"
	case p.search:
		sign = "history"
	case p.ask != "":
		sign = p.ask + ":"
	}
	x := r.text(1, 0, accent, sign) + 1
	hint := "Tab take  ↵ run"
	switch {
	case p.find:
		hint = "↵ stay  Esc close"
	case p.search:
		hint = "Ctrl-R older  ↵ take"
	case p.ask != "":
		hint = "↵ take  Esc close"
	}
	if a.opt.ASCII {
		hint = strings.ReplaceAll(hint, "↵", "Enter")
	}
	room := r.w - x - width(hint) - 4
	if room < 20 {
		hint, room = "", r.w-x-1
	}
	r.right(r.w-2, 0, dim, hint)
	ghost := p.ghost(a)
	if p.search {
		ghost = "  " + p.found(a)
	}
	p.line.draw(r, x, 0, room, ghost)
}

// drawUnder is the line below: where the error is and what to write instead.
func (p *prompt) drawUnder(a *App, r region) {
	if p.err == nil {
		return
	}
	r.clear()
	text := "^ " + p.err.Message()
	x := 3 + width(string(p.line.text[:min(max(p.err.Col-1, 0), len(p.line.text))]))
	if x+width(text) >= r.w {
		x = max(1, r.w-1-width(text))
	}
	r.text(x, 0, badRole, cut(text, r.w-1-x))
}

// findIn moves the view to what is looked for.
func (a *App) findIn(text string, step int) bool {
	p, ok := a.panes[a.nav.view].(finder)
	return ok && text != "" && p.find(a.scene(), text, step)
}

func (a *App) findNext(int) tea.Cmd { return a.findStep(1) }
func (a *App) findPrev(int) tea.Cmd { return a.findStep(-1) }

func (a *App) findStep(step int) tea.Cmd {
	switch {
	case a.nav.find == "":
		a.status.say("nothing looked for yet: " + a.keyFor("find") + " asks")
	case a.nav.view == bytesView:
		return a.findHex(a.nav.find, step)
	case !a.findIn(a.nav.find, step):
		a.status.say("not found: " + a.nav.find)
	}
	return nil
}
