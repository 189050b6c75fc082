package views

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/inspect/kernel"
	"fp4tui/views/number"
	"fp4tui/views/text"
)

// otherBuffer moves the cursor to the other side of layOut, or shows the next buffer in
// Bytes.
func (a *App) otherBuffer(int) tea.Cmd {
	s := a.scene()
	switch p := a.panes[a.nav.view].(type) {
	case *layoutPane:
		if _, ready := s.prepared(); !ready {
			a.status.say("there is no prepared buffer yet: o chooses the kernel")
			return nil
		}
		p.inBuffer, p.padding, p.linked = !p.inBuffer, false, ""
	case *bytesPane:
		p.next(s)
	}
	return nil
}

// chooseKernel lists the kernels that read the format of the open layer.
func (a *App) chooseKernel(int) tea.Cmd {
	s := a.scene()
	if s.at.w == "" {
		a.status.say("open a layer first: g l, then ↵")
		return nil
	}
	info, _ := s.layer()
	verdicts := map[string]string{}
	if plan, ready, _ := look[exec.Planned](s, s.kernelsLine()); ready {
		for _, row := range plan.Rows {
			verdicts[row.Kernel] = row.Verdict
		}
	}
	o := &options{title: "kernel · " + a.at.layer, command: func(name string) string { return a.prepCommand(name) }}
	for _, k := range kernel.Kernels() {
		if info.Format == "" || k.Takes(info.Format) {
			o.rows = append(o.rows, option{value: k.Name, note: verdicts[k.Name], text: k.Engine + ": " + k.Doc})
		}
	}
	o.pick = func(a *App, name string) tea.Cmd { return a.prepare(name) }
	o.filter()
	a.float = o
	return nil
}

// showPlace shows what a typed command prepared or found, where it is of the open layer.
func (a *App) showPlace(result exec.Result) tea.Cmd {
	switch r := result.(type) {
	case exec.Prepared:
		if r.Subject == a.at.w && r.Handle != "" {
			return a.goTo(layoutView)
		}
	case exec.Place:
		name, _, _ := strings.Cut(r.Subject, "[")
		if !r.Padding && a.at.w != "" && (name == a.at.w || name == a.at.p) {
			a.at.n, a.at.k = r.N, r.K
			return a.goTo(layoutView)
		}
	}
	a.float = textDialog(a, result)
	return nil
}

// prepCommand is the command that prepares the open layer for a kernel. The buffer of a
// layer keeps its name.
func (a *App) prepCommand(name string) string {
	handle := a.at.prepared[a.at.w]
	if handle == "" {
		handle = a.at.fresh("p")
	}
	return fmt.Sprintf("%s = prep %s for=%s", handle, a.at.w, name)
}

func (a *App) prepare(name string) tea.Cmd {
	a.layoutPane().refused = refusal{}
	a.show(layoutView)
	return a.run("o", a.prepCommand(name), nil)
}

// stepBack takes back the last step of the preparation; with none left it is undo.
func (a *App) stepBack(int) tea.Cmd {
	prep, ready := a.scene().prepared()
	if p := a.layoutPane(); p.refused.err != nil {
		p.refused = refusal{}
		return nil
	}
	if !ready || prep.Kernel == "" || len(prep.Steps) == 0 {
		return a.run("u", "undo", nil)
	}
	steps := len(prep.Steps) - 1
	prep.Steps, prep.Undone = prep.Steps[:steps], prep.Undone+1
	return a.run("u", a.at.p+" = "+prepLine(a.at.w, prep), nil)
}

// fills are what poison puts into the padding, in turn.
var fills = [...]string{"nan", "448", "garbage"}

// poison fills the padding of the prepared buffer and says whether an output moves.
func (a *App) poison(int) tea.Cmd {
	if _, ready := a.scene().prepared(); !ready {
		a.status.say("prepare the layer first: g o, then o chooses the kernel")
		return nil
	}
	p := a.layoutPane()
	with := fills[p.fill%len(fills)]
	p.fill++
	handle := a.at.poisoned.Handle
	if handle == "" {
		handle = a.at.fresh("z")
	}
	return a.run("p", fmt.Sprintf("%s = poison %s with=%s", handle, a.at.p, with), nil)
}

// poisonText is what the last poison of the open buffer found.
func (p *place) poisonText() string {
	if p.poisoned.Subject != p.p || p.p == "" {
		return ""
	}
	if moved := p.poisoned.Moved; moved > 0 { // a narrow screen cuts the end
		return fmt.Sprintf("padding %s: the kernel reads its padding, %s of %s moved", p.poisoned.With, number.Count(moved), plural(p.poisoned.Outputs, "output"))
	}
	return "padding " + p.poisoned.With + ": " + text.PoisonVerdict(p.poisoned)
}

// option is a row of a list to choose from.
type option struct{ value, note, text string }

// options is a list to choose from. Typing narrows it, beginnings of values first, and
// Enter takes the focused row.
type options struct {
	title   string
	rows    []option
	shown   []int
	line    editor
	list    list
	command func(value string) string
	pick    func(a *App, value string) tea.Cmd
}

func (o *options) filter() {
	o.shown, o.list = o.shown[:0], list{}
	typed := strings.ToLower(o.line.String())
	var within []int
	for i, row := range o.rows {
		switch value := strings.ToLower(row.value); {
		case strings.HasPrefix(value, typed):
			o.shown = append(o.shown, i)
		case strings.Contains(value+" "+strings.ToLower(row.text), typed):
			within = append(within, i)
		}
	}
	o.shown = append(o.shown, within...)
}

func (o *options) key(a *App, msg tea.KeyPressMsg) tea.Cmd {
	switch msg.String() {
	case "esc", "ctrl+c":
		a.float = nil
	case "down", "ctrl+n":
		o.list.move(moveDown, 1, len(o.shown), paletteLines)
	case "up", "ctrl+p":
		o.list.move(moveUp, 1, len(o.shown), paletteLines)
	case "pgdown":
		o.list.move(pageDown, 1, len(o.shown), paletteLines)
	case "pgup":
		o.list.move(pageUp, 1, len(o.shown), paletteLines)
	case "tab":
		if value, ok := o.chosen(); ok {
			a.openPrompt(o.command(value))
		}
	case "enter":
		if value, ok := o.chosen(); ok {
			a.float = nil
			return o.pick(a, value)
		}
	default:
		if o.line.edit(msg) {
			o.filter()
		}
	}
	return nil
}

func (o *options) chosen() (string, bool) {
	if o.list.at >= len(o.shown) {
		return "", false
	}
	return o.rows[o.shown[o.list.at]].value, true
}

func (o *options) draw(a *App, c *canvas) {
	box := a.box(c, o.title, "↵ choose  Tab to prompt  Esc close", min(c.w-8, 100), min(paletteLines, max(1, len(o.rows)))+4)
	x := box.text(1, 0, accent, ">")
	o.line.draw(box, x+1, 0, box.w-x-2, "")
	for y := range box.h - 2 {
		i := o.list.top + y
		if i >= len(o.shown) {
			break
		}
		row := o.rows[o.shown[i]]
		box.text(2, 2+y, plain, cut(row.value, 24))
		box.text(27, 2+y, verdictRole(row.note), cut(row.note, 11))
		box.text(39, 2+y, dim, cut(row.text, box.w-40))
		if i == o.list.at {
			at, cx, cy := c.cursor, c.cursorX, c.cursorY
			box.sub(0, 2+y, box.w, 1).focus(0)
			c.cursor, c.cursorX, c.cursorY = at, cx, cy
		}
	}
	if len(o.shown) == 0 {
		box.text(2, 2, dim, "none fits; Backspace widens")
	}
}
