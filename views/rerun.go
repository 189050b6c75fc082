package views

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
)

// ranProduct is the product that the open comparison judges, as it was run.
func (a *App) ranProduct() (exec.Product, bool) {
	for _, cell := range slices.Backward(a.frameLog()) {
		if p, is := cell.Result.(exec.Product); is && p.Handle == a.at.diff.Got && a.at.has(p.Handle) {
			return p, true
		}
	}
	return exec.Product{}, false
}

// runAgain runs the layer once more with the options that were chosen, and compares it
// with the same reference.
func (a *App) runAgain(int) tea.Cmd {
	p, ran := a.ranProduct()
	if !ran || !a.at.has(a.at.diff.Want) {
		return a.runLayer(0)
	}
	y, e := a.at.fresh(base(p.Handle)), a.at.fresh(base(a.at.e))
	line := fmt.Sprintf("%s = gemm %s %s %s", y, p.X, p.W, a.at.gemmOptions())
	return a.work.submit(task{line: strings.TrimSpace(line), key: "R"}, task{line: fmt.Sprintf("%s = diff %s %s", e, y, a.at.diff.Want),
		then: func(a *App, _ exec.Cell) tea.Cmd {
			a.errorPane().reset()
			return a.goTo(errorView)
		}})
}

// base is a handle without the number that made it new.
func base(handle string) string { return strings.TrimRight(handle, "0123456789") }

// gemmOptions are the options that were chosen with the key o, in a fixed order.
func (p *place) gemmOptions() string {
	var words []string
	for _, key := range []string{"backend", "mode", "act", "actper", "arch", "out", "order", "epilogue", "bias", "alpha"} {
		if value := p.options[key]; value != "" {
			words = append(words, key+"="+value)
		}
	}
	if len(words) == 0 {
		return "backend=emu"
	}
	return strings.Join(words, " ")
}

// chooseOptions lists every option of gemm with its values: the one that is taken counts
// from now on, and the layer runs with it.
func (a *App) chooseOptions(int) tea.Cmd {
	if a.at.w == "" {
		a.status.say("open a layer first: " + a.keyFor("layers") + ", then " + a.keyFor("open"))
		return nil
	}
	var rows []choiceRow
	for _, key := range []string{"act", "mode", "arch", "backend", "out", "order", "epilogue"} {
		for _, value := range a.optionValues(key) {
			mark := ""
			if a.at.options[key] == value {
				mark = "  (now)"
			}
			rows = append(rows, choiceRow{text: key + "=" + value + mark, command: "gemm … " + key + "=" + value, run: func(a *App) tea.Cmd { return a.takeOption(key, value) }})
		}
	}
	return a.choose("options of the run · "+a.at.gemmOptions(), rows)
}

// optionValues are the values that gemm knows for a key, by its completion; a few keys
// take more than words.
func (a *App) optionValues(key string) []string {
	prefix := "gemm x w " + key + "="
	var out []string
	for _, c := range a.opt.Engine.Complete(prefix, len(prefix)) {
		value := strings.TrimPrefix(c.Text, key+"=")
		if value != "" && !strings.ContainsAny(value, " …:") {
			out = append(out, value)
		}
	}
	if len(out) == 0 && key == "act" {
		out = []string{"dynamic", "static", "none", "1/weight"}
	}
	return out
}

func (a *App) takeOption(key, value string) tea.Cmd {
	options := map[string]string{}
	for k, v := range a.at.options {
		options[k] = v
	}
	options[key] = value
	if key == "act" {
		options["mode"] = "w4a4" // activations are quantized in no other
	}
	if key == "mode" && value != "w4a4" {
		delete(options, "act")
	}
	a.at.options = options
	return a.runAgain(0)
}

// compareWith lists what the run can be held against: other comparisons, the original, the
// reference, another backend.
func (a *App) compareWith(int) tea.Cmd {
	var rows []choiceRow
	run := func(text string, lines ...string) {
		rows = append(rows, choiceRow{text, strings.Join(lines, "; "), func(a *App) tea.Cmd { return a.runComparison(lines) }})
	}
	p, ran := a.ranProduct()
	if ran {
		y, r, e := a.at.fresh("y"), a.at.fresh("r"), a.at.fresh(base(a.at.e))
		run("cuda, the GPU", fmt.Sprintf("%s = gemm %s %s backend=cuda", y, p.X, p.W), fmt.Sprintf("%s = diff %s %s", e, p.Handle, y))
		if info, ready, _ := look[exec.LayerInfo](a.scene(), "info "+a.at.w); ready && info.Original != "" {
			o := a.at.fresh("o")
			run("original weights", o+" = "+info.Original, fmt.Sprintf("%s = gemm %s %s backend=ref", r, p.X, o), fmt.Sprintf("%s = diff %s %s", e, p.Handle, r))
		}
		run("reference, dequantized", fmt.Sprintf("%s = gemm %s %s backend=ref", r, p.X, p.W), fmt.Sprintf("%s = diff %s %s", e, p.Handle, r))
		for _, h := range a.at.handles {
			if h.Kind == "product" && h.Name != p.Handle && h.Name != a.at.diff.Want {
				run("product "+h.Name, fmt.Sprintf("%s = diff %s %s", e, p.Handle, h.Name))
			}
		}
	}
	for _, h := range a.at.handles {
		if h.Kind == "diff" && h.Name != a.at.e {
			rows = append(rows, choiceRow{"comparison " + h.Name, "info " + h.Name, func(a *App) tea.Cmd { return a.showComparison(h.Name) }})
		}
	}
	return a.choose("compare with …", rows)
}

func (a *App) runComparison(lines []string) tea.Cmd {
	tasks := make([]task, len(lines))
	for i, line := range lines {
		tasks[i] = task{line: line}
	}
	tasks[0].key = "="
	tasks[len(tasks)-1].then = func(a *App, _ exec.Cell) tea.Cmd {
		a.errorPane().reset()
		return a.goTo(errorView)
	}
	return a.work.submit(tasks...)
}

// showComparison makes another comparison the open one.
func (a *App) showComparison(handle string) tea.Cmd {
	a.at.e, a.at.diff, a.at.worst = handle, exec.Diff{}, -1
	if a.at.w != "" {
		a.at.ran[a.at.w] = handle
	}
	a.errorPane().reset()
	a.status.peek("info "+handle, a.data)
	a.show(errorView)
	return nil
}

// overlayWith lists the layers whose scales can be laid over those of this one: the same
// module of the other blocks first.
func (a *App) overlayWith(int) tea.Cmd {
	p := a.panes[scalesView].(*scalesPane)
	var rows []choiceRow
	if p.over != "" {
		rows = append(rows, choiceRow{"no overlay", "", func(a *App) tea.Cmd { p.over = ""; return nil }})
	}
	for _, c := range a.at.checkpoints {
		list, ready, _ := look[exec.LayerList](a.scene(), "ls "+c)
		if !ready {
			continue
		}
		same, others := []choiceRow{}, []choiceRow{}
		for _, row := range list.Rows {
			if row.Name == a.at.layer {
				continue
			}
			r := choiceRow{row.Name, "layer " + c + " " + row.Name, func(a *App) tea.Cmd { return a.overlay(c, list.Path, row.Name) }}
			if lastPart(row.Name) == lastPart(a.at.layer) {
				same = append(same, r)
				continue
			}
			others = append(others, r)
		}
		rows = append(append(rows, same...), others...)
	}
	return a.choose("lay over the scales of …", rows)
}

// lastPart is what stands behind the number of the block in a layer's name.
func lastPart(name string) string {
	parts := strings.Split(name, ".")
	for i, part := range slices.Backward(parts) {
		if part != "" && strings.Trim(part, "0123456789") == "" {
			return strings.Join(parts[i+1:], ".")
		}
	}
	return name
}

// overlay opens the other layer, if no handle has it yet, and stays with this one.
func (a *App) overlay(checkpoint, path, name string) tea.Cmd {
	p, here := a.panes[scalesView].(*scalesPane), *a.at
	if h := a.at.opened[path+"\x00"+name]; h != "" {
		p.over = h
		return nil
	}
	handle := a.at.fresh("w")
	return a.run("=", fmt.Sprintf("%s = layer %s %s", handle, checkpoint, quoteWord(name)), func(a *App, _ exec.Cell) tea.Cmd {
		p.over = handle
		a.at.w, a.at.layer, a.at.path, a.at.e, a.at.p, a.at.n, a.at.k = here.w, here.layer, here.path, here.e, here.p, here.n, here.k
		return nil
	})
}

// expectScales writes a check of the layer's block scales at the prompt: no NaN, as many
// zeros as now, saturation at most 10 % above what is now.
func (a *App) expectScales(int) tea.Cmd {
	info, ready := a.scene().layer()
	if !ready {
		a.status.say("open a layer first: " + a.keyFor("layers") + ", then " + a.keyFor("open"))
		return nil
	}
	counts := map[string]int64{}
	for _, pill := range info.Health {
		counts[pill.Name] = pill.Count
	}
	w, sat := a.at.w, counts["saturated"]
	a.openPrompt(fmt.Sprintf("expect %s.scale.nan == 0 and %s.scale.zero <= %d and %s.scale.sat <= %d", w, w, counts["zero"], w, sat+(sat+9)/10))
	return nil
}

// askVerdict asks whether the error is noise, and shows what stands out.
func (a *App) askVerdict(int) tea.Cmd {
	if a.at.e == "" {
		a.status.say("nothing to compare yet: open a layer and press " + a.keyFor("run"))
		return nil
	}
	return a.run("v", "verdict "+a.at.e, func(a *App, cell exec.Cell) tea.Cmd { return a.showResult(cell.Result) })
}
