package views

import (
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/exec/notebook"
)

// nextPane goes from the map to the worst list, to eXplain and around.
func (a *App) nextPane(int) tea.Cmd     { return a.turnPane(1) }
func (a *App) previousPane(int) tea.Cmd { return a.turnPane(-1) }

func (a *App) turnPane(step int) tea.Cmd {
	order := []viewID{errorView, worstView, elementView}
	at := slices.Index(order, a.nav.view)
	to := order[(at+step+len(order))%len(order)]
	if n := len(a.nav.back); n > 0 && a.nav.back[n-1] == to {
		return a.back(0)
	}
	a.show(to)
	return nil
}

// identify asks which layout a buffer is in: the prepared one of the open layer, or one
// of the tensors that could be a dump.
func (a *App) identify(int) tea.Cmd {
	ask := func(handle string) tea.Cmd {
		line := "identify " + handle
		if a.at.w != "" {
			line += " as=" + a.at.w
		}
		return a.run("I", line, func(a *App, cell exec.Cell) tea.Cmd { return a.showResult(cell.Result) })
	}
	if a.at.p != "" {
		return ask(a.at.p)
	}
	var rows []choiceRow
	for _, h := range a.at.handles {
		if h.Kind == "tensor" || h.Kind == "prepared" {
			rows = append(rows, choiceRow{h.Kind + " " + h.Name, "identify " + h.Name, func(*App) tea.Cmd { return ask(h.Name) }})
		}
	}
	if len(rows) == 0 {
		a.status.say("no buffer is open: " + a.keyFor("command") + " load FILE reads a dump of one")
		return nil
	}
	return a.choose("which buffer?", rows)
}

// findingCheck is the condition that a finding of lint breaks, on the layer w; false when
// no attribute tells it.
func findingCheck(rule, w string, count int64) (string, bool) {
	switch rule {
	case "scale-nan":
		return fmt.Sprintf("expect %s.scale.nan == 0", w), true
	case "scale-all-zero":
		return fmt.Sprintf("expect %s.scale.max > 0", w), true
	case "scales-saturated":
		return fmt.Sprintf("expect %s.scale.sat < %d", w, count), true
	case "scales-subnormal":
		return fmt.Sprintf("expect %s.scale.subnormal < %d", w, count), true
	case "scalar-inf", "scalar-nan", "scalar-negative", "scalar-zero":
		return fmt.Sprintf("expect %s.multiplier > 0 and %s.multiplier < 1e38", w, w), true
	}
	return "", false
}

// expectFinding opens the layer of the focused finding and writes at the prompt what it
// should hold.
func (a *App) expectFinding(int) tea.Cmd {
	p := a.panes[lintView].(*lintPane)
	rows := p.findings(a.scene())
	if len(rows) == 0 {
		return nil
	}
	f := rows[min(p.list.at, len(rows)-1)]
	if _, told := findingCheck(f.Rule, "w", int64(f.Count)); !told || f.Layer == "" {
		a.status.say("fp4tui lint " + f.path + " exits 1 for this; no attribute of a layer tells it")
		return nil
	}
	return a.openLayer(f.checkpoint, f.path, layerOf(a.scene(), f.checkpoint, f.Layer), func(a *App) tea.Cmd {
		line, _ := findingCheck(f.Rule, a.at.w, int64(f.Count))
		a.openPrompt(line)
		return nil
	})
}

// expectCell writes a check of what the focused cell made into a new cell below it.
func (a *App) expectCell(int) tea.Cmd {
	p := a.bookPane()
	i := p.focus()
	if _, is := p.cell(i); !is {
		a.status.say("prose makes nothing that can be checked")
		return nil
	}
	made := p.reach(i).defines
	for _, h := range a.at.handles {
		if !made[h.Name] {
			continue
		}
		if line := a.checkOf(h.Name, h.Kind); line != "" {
			return a.insertText(line)
		}
	}
	a.status.say("this cell makes nothing that a check can bound: try one that compares, or opens a layer")
	return nil
}

// checkOf is a check of a value with a bound 10 % above now; "" when its kind has none.
func (a *App) checkOf(name, kind string) string {
	ask := func(line string) exec.Result {
		result, err := a.opt.Engine.Peek(a.work.ctx, line)
		if err != nil {
			return nil
		}
		return result
	}
	switch kind {
	case "diff":
		if d, is := ask("info " + name).(exec.Diff); is {
			if v, known := metric(d, "max_abs"); known && v > 0 {
				return fmt.Sprintf("expect %s.max_abs < %s", name, num(v*1.1))
			}
			return fmt.Sprintf("expect %s.max_abs == 0", name)
		}
	case "layer", "quantized":
		return fmt.Sprintf("expect %s.scale.nan == 0", name)
	case "tensor", "product":
		return fmt.Sprintf("expect %s.nan == 0", name)
	}
	return ""
}

// insertText puts a cell with this text below the focused one and edits it.
func (a *App) insertText(text string) tea.Cmd {
	block := notebook.NewCell(text, "")
	if a.bookPane().doc.Bare {
		block = notebook.Block{Kind: notebook.CellBlock, Cell: -1, Raw: text + "\n"}
	}
	cmd := a.insert(block)
	if p := a.bookPane(); p.edit != nil {
		p.edit = newTextarea(text)
	}
	return cmd
}
