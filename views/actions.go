package views

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/views/number"
)

func (a *App) openHere(int) tea.Cmd {
	if p, ok := a.panes[a.nav.view].(opener); ok {
		return p.open(a)
	}
	return nil
}

func (a *App) move(m motion, count int) tea.Cmd {
	if p, ok := a.panes[a.nav.view].(mover); ok {
		p.move(a.scene(), m, max(count, 1))
	}
	return nil
}

// layerViews show the open layer.
const layerViews places = 1<<weightView | 1<<scalesView | 1<<codesView | 1<<layoutView | 1<<bytesView | 1<<paddingView

// goTo shows a view; those that need a layer or a run say how to get one. In the list a
// view of a layer means the focused one.
func (a *App) goTo(v viewID) tea.Cmd {
	if row, found := a.focusedLayer(); found && layerViews&(1<<v) != 0 {
		return a.openLayer(row.checkpoint, row.path, row.layer.Name, func(a *App) tea.Cmd {
			a.show(v)
			return nil
		})
	}
	switch {
	case layerViews&(1<<v) != 0 && a.at.w == "":
		a.status.say("open a layer first: " + a.keyFor("layers") + ", then " + a.keyFor("open"))
	case tabOf(v) == errorView && a.at.e == "" && a.at.w != "":
		return a.runLayer(0)
	case tabOf(v) == errorView && a.at.e == "":
		a.status.say("nothing to compare yet: open a layer and press " + a.keyFor("run"))
	default:
		if v == helpView {
			a.panes[helpView].(*helpPane).of = a.nav.view
		}
		a.show(v)
	}
	return nil
}

// focusedLayer is the row of the layer list that the cursor stands on, when the list is
// what is shown.
func (a *App) focusedLayer() (row treeRow, found bool) {
	p, ok := a.panes[a.nav.view].(*layersPane)
	if !ok {
		return row, false
	}
	return p.layerAt(a.scene())
}

// visit is goTo by a key or a click: the command behind the view is shown.
func (a *App) visit(v viewID) tea.Cmd {
	before := a.nav.view
	cmd := a.goTo(v)
	if a.nav.view == before || in(logView, notebookView, helpView, startView, worstView, elementView)&(1<<a.nav.view) != 0 {
		return cmd
	}
	if p, is := a.panes[a.nav.view].(yanker); is {
		if line := p.yank(a.scene(), "command"); line != "" {
			a.status.peek(line, a.data)
		}
	}
	return cmd
}

// turn goes to the next or previous tab that can be shown.
func (a *App) turn(step int) tea.Cmd {
	list := tabs()
	at := 0
	for i, t := range list {
		if t.view == tabOf(a.nav.view) {
			at = i
		}
	}
	for range list {
		at = (at + step + len(list)) % len(list)
		v := list[at].view
		if v == layersView || v == lintView || v == notebookView || v == errorView && a.at.e != "" || v != errorView && a.at.w != "" {
			return a.visit(v)
		}
	}
	return nil
}

func (a *App) back(int) tea.Cmd {
	if a.at.sel.on {
		a.at.sel.on = false
		return nil
	}
	if n := len(a.nav.back); n > 0 {
		a.nav.view = a.nav.back[n-1]
		a.nav.back = a.nav.back[:n-1]
		return nil
	}
	if len(a.at.checkpoints) > 0 {
		a.nav.view = layersView
	}
	return nil
}

// run queues one command as if it had been typed.
func (a *App) run(key, line string, then func(*App, exec.Cell) tea.Cmd) tea.Cmd {
	return a.work.submit(task{line: line, key: key, then: then})
}

// openLayer makes the layer the open one, with a command only when it has no handle.
func (a *App) openLayer(checkpoint, path, name string, then func(*App) tea.Cmd) tea.Cmd {
	if h := a.at.opened[path+"\x00"+name]; h != "" {
		if h != a.at.w {
			a.panes[errorView].(*errorPane).reset()
		}
		a.at.w, a.at.layer, a.at.path, a.at.e, a.at.p = h, name, path, a.at.ran[h], a.at.prepared[h]
		a.status.key("info "+h, name)
		return then(a)
	}
	line := fmt.Sprintf("%s = layer %s %s", a.at.fresh("w"), checkpoint, quoteWord(name))
	return a.run("↵", line, func(a *App, _ exec.Cell) tea.Cmd {
		a.panes[errorView].(*errorPane).reset()
		return then(a)
	})
}

// runLayer runs the open layer against its reference, or shows the run there is. In
// the list it opens the focused layer first.
func (a *App) runLayer(int) tea.Cmd {
	if p, ok := a.panes[a.nav.view].(*layersPane); ok {
		row, found := p.layerAt(a.scene())
		if !found {
			a.status.say("nothing to run here: no quantized layer is listed below this row")
			return nil
		}
		return a.openLayer(row.checkpoint, row.path, row.layer.Name, (*App).runOpen)
	}
	return a.runOpen()
}

func (a *App) runOpen() tea.Cmd {
	switch {
	case a.at.w == "":
		a.status.say("open a layer first: " + a.keyFor("layers") + ", then " + a.keyFor("open"))
		return nil
	case a.at.e != "" && a.at.ran[a.at.w] == a.at.e:
		return a.goTo(errorView)
	}
	a.show(weightView)
	return a.planRun()
}

// planRun finds, off the loop, which activations fit and which reference there is.
func (a *App) planRun() tea.Cmd {
	p := runPlan{engine: a.opt.Engine, w: a.at.w, y: a.at.fresh("y"), r: a.at.fresh("r"), e: a.at.fresh("e"), x: a.at.fresh("x"), o: a.at.fresh("o")}
	for _, h := range a.at.handles {
		if h.Kind == "tensor" {
			p.tensors = append(p.tensors, h.Name)
		}
	}
	generation, ctx := a.work.generation, a.work.ctx
	return func() tea.Msg {
		tasks, err := p.tasks(ctx)
		return planMsg{generation, tasks, err}
	}
}

// runPlan is what the commands of the key r need.
type runPlan struct {
	engine        exec.Engine
	w, x, y, r, e string
	o             string
	tensors       []string
}

// activations says whether a tensor can be meant as the input of a layer: it was read
// from a file of its own or made up, not taken out of a checkpoint.
func activations(t exec.TensorInfo) bool {
	return strings.HasPrefix(t.Source, "file") || strings.HasPrefix(t.Source, "randn")
}

// testTokens is how many activations r makes up when none are loaded.
const testTokens = 128

func (p runPlan) tasks(ctx context.Context) ([]task, error) {
	result, err := p.engine.Peek(ctx, "info "+p.w)
	if err != nil {
		return nil, err
	}
	info, ok := result.(exec.LayerInfo)
	if !ok {
		return nil, fmt.Errorf("%w: %s is no layer", exec.ErrShape, p.w)
	}
	var lines []string
	x := ""
	for _, name := range p.tensors {
		t, err := p.engine.Peek(ctx, "info "+name)
		if err != nil {
			continue
		}
		if tensor, ok := t.(exec.TensorInfo); ok && len(tensor.Shape) > 0 && tensor.Shape[len(tensor.Shape)-1] == info.K && activations(tensor) {
			x = name
		}
	}
	if x == "" {
		x = p.x
		lines = append(lines, fmt.Sprintf("%s = randn %d %d seed=1", x, testTokens, info.K))
	}
	reference := p.w
	if info.Original != "" {
		lines = append(lines, p.o+" = "+info.Original)
		reference = p.o
	}
	lines = append(lines,
		fmt.Sprintf("%s = gemm %s %s backend=emu", p.y, x, p.w),
		fmt.Sprintf("%s = gemm %s %s backend=ref", p.r, x, reference),
		fmt.Sprintf("%s = diff %s %s", p.e, p.y, p.r))
	tasks := make([]task, len(lines))
	for i, line := range lines {
		tasks[i] = task{line: line}
	}
	tasks[0].key = "r"
	tasks[len(tasks)-1].then = func(a *App, _ exec.Cell) tea.Cmd {
		a.panes[errorView].(*errorPane).reset()
		return a.goTo(errorView)
	}
	return tasks, nil
}

// expectHere writes a check at the prompt whose bound is 10 % above what is now.
func (a *App) expectHere(int) tea.Cmd {
	p := a.panes[errorView].(*errorPane)
	name, value := "max_abs", 0.0
	if of := map[string]string{"rel": "max_rel", "ulp": "ulp_max", "noise": "noise", "proven_mismatch": "proven_mismatch", "unproven": "unproven"}[p.metric]; of != "" {
		name = of
	}
	d := a.at.diff
	if len(d.Metrics) == 0 {
		d, _, _ = look[exec.Diff](a.scene(), "info "+a.at.e)
	}
	v, ok := metric(d, name)
	if ok {
		value = v * 1.1
	}
	bound := number.Format(value, screenDigits)
	if value == 0 {
		a.openPrompt(fmt.Sprintf("expect %s.%s == 0", a.at.e, name))
		return nil
	}
	a.openPrompt(fmt.Sprintf("expect %s.%s < %s", a.at.e, name, bound))
	return nil
}

func (a *App) notebook() string {
	switch {
	case a.at.saved != "":
		return a.at.saved
	case a.opt.Notebook != "":
		return a.opt.Notebook
	case a.opt.Path != "":
		base := filepath.Base(a.opt.Path)
		return strings.TrimSuffix(base, filepath.Ext(base)) + ".fp4.md"
	}
	return "session.fp4.md"
}

// save writes the notebook. One that is only what was recorded is saved by the session,
// which can replay it; the prompt asks for its name.
func (a *App) save(int) tea.Cmd {
	p := a.bookPane()
	switch {
	case p.file != "":
		return a.saveBook(p.file)
	case p.edited:
		a.askFor("save as", a.notebook(), func(a *App, name string) tea.Cmd { return a.saveBook(name) })
		return nil
	}
	a.openPrompt("export session " + quoteWord(a.notebook()))
	return nil
}

func (a *App) undo(int) tea.Cmd { return a.run("u", "undo", nil) }

// quit asks first when commands would be lost.
func (a *App) quit(int) tea.Cmd {
	if a.at.unsaved == 0 {
		return a.leave()
	}
	a.float = quitDialog(a)
	return nil
}

// leave ends the program when nothing can be lost with it.
func (a *App) leave() tea.Cmd {
	if a.opt.Discard != nil {
		a.opt.Discard()
	}
	if text := a.pictures.forget(); text != "" {
		return tea.Sequence(tea.Raw(text), tea.Quit)
	}
	return tea.Quit
}

// interrupt cancels the job; without one it quits.
func (a *App) interrupt(int) tea.Cmd {
	if a.nav.hunt != nil {
		a.nav.hunt()
		a.nav.hunt = nil
		return nil
	}
	if a.work.cancel() {
		return nil
	}
	return a.quit(0)
}

// yank copies what the cursor stands on, and shows it: a clipboard can be missing.
func (a *App) yank(what string) tea.Cmd {
	p, ok := a.panes[a.nav.view].(yanker)
	text := ""
	if ok {
		text = p.yank(a.scene(), what)
	}
	if text == "" {
		a.status.say("there is no " + what + " to copy here")
		return nil
	}
	first, _, more := strings.Cut(text, "\n")
	if more {
		first += " …"
	}
	a.status.key("copied "+what, cutMiddle(first, max(20, a.w-24)))
	return tea.SetClipboard(text)
}

func (a *App) commandPrompt(int) tea.Cmd { a.openPrompt(""); return nil }

func (a *App) openPalette(int) tea.Cmd {
	a.float = newPalette(a)
	return nil
}

func (a *App) editCommand(int) tea.Cmd {
	if p, ok := a.panes[a.nav.view].(*logPane); ok {
		a.openPrompt(p.focused())
	}
	return nil
}

// afterRun acts on results that speak to the program itself; true ends it.
func (a *App) afterRun(cell exec.Cell) (quits bool) {
	if _, ok := cell.Result.(exec.Quit); ok {
		if a.at.unsaved == 0 || a.nav.quit {
			return true
		}
		a.float = quitDialog(a)
		return false
	}
	if a.nav.quit {
		if _, saved := cell.Result.(exec.Exported); saved && cell.Err == nil {
			return true
		}
		a.nav.quit = false
	}
	if opened, ok := cell.Result.(exec.Opened); ok {
		if a.nav.view == startView {
			a.show(layersView)
		}
		if len(opened.Faults) > 0 {
			a.float = faultDialog(opened)
		}
	}
	return false
}

// quoteWord writes a word so that the command language reads it back as one.
func quoteWord(word string) string {
	for _, r := range word {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-/:~+", r)) {
			return strconv.Quote(word)
		}
	}
	if word == "" {
		return `""`
	}
	return word
}
