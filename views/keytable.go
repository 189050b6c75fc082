package views

import tea "charm.land/bubbletea/v2"

// keyTable is every key of the program. Order matters: rows with a hint fill the last
// line from the left. A key stands at most once for each view.
func keyTable() []binding {
	var table []binding
	for _, part := range [][]binding{layoutKeys(), bookKeys(), openKeys(), workKeys(), mapKeys(), moveKeys(), viewKeys(), sessionKeys()} {
		table = append(table, part...)
	}
	return table
}

func layoutKeys() []binding {
	layout, padding := in(layoutView), in(paddingView)
	tile := func(m motion) func(*App, int) tea.Cmd {
		return func(a *App, count int) tea.Cmd { return a.move(m, count) }
	}
	return []binding{
		{name: "other-buffer", keys: []string{"tab"}, in: layout, run: (*App).otherBuffer, text: "the cursor to the other buffer", command: "at p OFFSET", hint: "buffer", group: "look"},
		{name: "other-buffer", keys: []string{"tab"}, in: in(bytesView), run: (*App).otherBuffer, text: "file, prepared buffer, scales of both", command: "bytes p[r0:r1, c0:c1]", hint: "buffer", group: "look"},
		{name: "options", keys: []string{"o"}, in: layout, run: (*App).chooseKernel, text: "prepare for a kernel", command: "p = prep w for=…", hint: "kernel", group: "do"},
		{name: "ranks", keys: []string{"T"}, in: padding, run: (*App).setRanks, text: "ranks: the count before it; doubled without one", command: "plan w tp=8", label: "8T", hint: "set TP", group: "look"},
		{name: "options", keys: []string{"o"}, in: padding, run: (*App).otherSide, text: "split rows or columns over the ranks", command: "plan w tp=8 parallel=row", hint: "split", group: "look"},
		{name: "all-kernels", keys: []string{"a"}, in: padding, run: (*App).allKernels, text: "all kernels, or the usual ones", command: "plan w tp=8 for=all", hint: "all", group: "look"},
		{name: "open", keys: []string{"enter"}, in: padding, run: (*App).openHere, text: "prepare for the focused kernel, show the layout", command: "p = prep w for=…", hint: "layout", group: "do"},
		{name: "poison", keys: []string{"p"}, in: layout | padding, run: (*App).poison, text: "fill the padding: nan, 448, garbage in turn", command: "z = poison p with=nan", hint: "poison", group: "do"},
		{name: "block-down", keys: []string{"J"}, in: layout, run: tile(blockDown), text: "a tile of 128 rows down", label: "J/K", hint: "tile", group: "move"},
		{name: "block-up", keys: []string{"K"}, in: layout, run: tile(blockUp), text: "a tile of 128 rows up", group: "move"},
		{name: "undo", keys: []string{"u"}, in: layout, run: (*App).stepBack, text: "take back the last step of the preparation", command: "p = prep w for=… steps=…", hint: "undo", group: "do"},
		{name: "open", keys: []string{"enter"}, in: layout, run: (*App).openHere, text: "the bytes of this block", command: "bytes w[n, a:b]", group: "do"},
		{name: "layout", keys: []string{"g o"}, in: in(bytesView), run: func(a *App, _ int) tea.Cmd { return a.goTo(layoutView) }, text: "this element in layOut", label: "go", hint: "layOut", group: "view"},
		{name: "identify", keys: []string{"I"}, in: layout | in(bytesView), run: (*App).identify, text: "which layout is this buffer in? every known one tried", command: "identify p as=w", group: "do"},
	}
}

func bookKeys() []binding {
	here := in(notebookView)
	return []binding{
		{name: "accept", keys: []string{"a"}, in: here, run: (*App).acceptOutput, text: "accept the new output", hint: "accept", group: "do"},
		{name: "reject", keys: []string{"A"}, in: here, run: (*App).rejectOutput, text: "keep the stored output", group: "do"},
		{name: "edit", keys: []string{"e"}, in: here, run: (*App).editCell, text: "edit in $EDITOR", hint: "edit", group: "do"},
		{name: "run", keys: []string{"r"}, in: here, run: (*App).runCell, text: "run the cell", hint: "run", group: "do"},
		{name: "rerun", keys: []string{"R"}, in: here, run: (*App).runStale, text: "run what is stale or has not run", hint: "run stale", group: "do"},
		{name: "run-all", keys: []string{"!"}, in: here, run: (*App).runAll, text: "run all cells from the top", group: "do"},
		{name: "save", keys: []string{"s"}, in: here, run: (*App).save, text: "save the notebook", command: "export session NAME.fp4.md", hint: "save", group: "do"},
		{name: "open", keys: []string{"enter"}, in: here, run: (*App).openHere, text: "unfold; edit in place", group: "do"},
		{name: "new-cell", keys: []string{"o"}, in: here, run: (*App).insertCell, text: "new cell below", group: "do"},
		{name: "new-note", keys: []string{"c"}, in: here, run: (*App).insertNote, text: "new note below", group: "do"},
		{name: "delete", keys: []string{"D"}, in: here, run: (*App).deleteBlock, text: "delete the cell or note", group: "do"},
		{name: "block-down", keys: []string{"J"}, in: here, run: (*App).blockDown, text: "move the cell down", group: "do"},
		{name: "block-up", keys: []string{"K"}, in: here, run: (*App).blockUp, text: "move the cell up", group: "do"},
		{name: "undo", keys: []string{"u"}, in: here, run: (*App).undoEdit, text: "undo the last edit, else the last command", command: "undo", group: "do"},
		{name: "fold", keys: []string{"space"}, in: here, run: (*App).foldCell, text: "fold, unfold", group: "look"},
		{name: "next-bad", keys: []string{"w"}, in: here, run: (*App).nextFailed, text: "next cell that failed, changed or is stale", group: "move"},
		{name: "previous-bad", keys: []string{"b"}, in: here, run: (*App).prevFailed, text: "previous one", group: "move"},
		{name: "expect", keys: []string{"x"}, in: here, run: (*App).expectCell, text: "make what the cell made a check, below it", command: "expect e.max_abs < …", group: "do"},
	}
}

func openKeys() []binding {
	opens := (*App).openHere
	return []binding{
		{name: "open", keys: []string{"enter"}, in: in(startView, layersView), run: opens, text: "open it", command: "w = layer c NAME", hint: "open", group: "do"},
		{name: "open", keys: []string{"enter"}, in: in(errorView, worstView), run: opens, text: "why: its error by operation, block and instruction", command: "explain e[m,n]", hint: "why", group: "do"},
		{name: "open", keys: []string{"enter"}, in: in(weightView), run: opens, text: "the bytes of the tensor", command: "bytes w[n, a:b]", hint: "bytes", group: "do"},
		{name: "open", keys: []string{"enter"}, in: in(scalesView, codesView), run: opens, text: "the bytes of this block", command: "bytes w[n, a:b]", hint: "bytes", group: "do"},
		{name: "open", keys: []string{"enter"}, in: in(elementView), run: opens, text: "the byte of the largest element of the block", command: "bytes w[n, a:b]", hint: "byte", group: "do"},
		{name: "open", keys: []string{"enter"}, in: in(lintView), run: opens, text: "show where the finding is", command: "w = layer c NAME", hint: "show it", group: "do"},
		{name: "open", keys: []string{"enter"}, in: in(logView), run: opens, text: "run the command again", hint: "again", group: "do"},
	}
}

func workKeys() []binding {
	layerViews := in(weightView, scalesView, codesView, layoutView, bytesView, paddingView)
	return []binding{
		{name: "run", keys: []string{"r"}, in: in(layersView) | layerViews, run: (*App).runLayer, text: "run the layer and compare with its reference", command: "y = gemm x w backend=emu", hint: "run", group: "do"},
		{name: "rerun", keys: []string{"R"}, in: in(layersView) | layerViews, run: (*App).runAgain, text: "run again with these options", command: "y = gemm x w …", group: "do"},
		{name: "options", keys: []string{"o"}, in: in(weightView, scalesView, codesView, bytesView), run: (*App).chooseOptions, text: "options of the run: activations, tensor core, output", command: "y = gemm x w KEY=VALUE", group: "do"},
		{name: "compare", keys: []string{"="}, in: in(weightView), run: (*App).compareWith, text: "compare with the original, another backend or run", command: "e = diff y …", hint: "compare", group: "do"},
		{name: "compare", keys: []string{"="}, in: in(scalesView), run: (*App).overlayWith, text: "lay over the scales of another layer", command: "w2 = layer c NAME", hint: "overlay", group: "look"},
		{name: "expect", keys: []string{"x"}, in: in(weightView, scalesView, codesView), run: (*App).expectScales, text: "make its health a check, saturation 10 % above now", command: "expect w.scale.nan == 0 and …", group: "do"},
		{name: "sort", keys: []string{"S"}, in: in(layersView), run: (*App).sortLayers, text: "sort by name, findings, scales, size", hint: "sort", group: "look"},
		{name: "filter", keys: []string{"f"}, in: in(layersView, lintView), run: (*App).filter, text: "filter by finding", hint: "filter", group: "look"},
		{name: "narrow", keys: []string{"F"}, in: in(layersView), run: (*App).filterLayers, text: "only some: words of the name, a format, a producer, bad, warn, >10M", group: "look"},
		{name: "fold", keys: []string{"space"}, in: in(layersView), run: (*App).fold, text: "fold, unfold", group: "look"},
		{name: "next-bad", keys: []string{"w"}, in: in(layersView), run: (*App).nextFinding, text: "next finding", group: "move"},
		{name: "next-bad", keys: []string{"w"}, in: in(lintView), run: (*App).nextFinding, text: "next finding", hint: "next BAD", group: "move"},
		{name: "previous-bad", keys: []string{"b"}, in: in(layersView, lintView), run: (*App).prevFinding, text: "previous finding", group: "move"},
		{name: "linear-log", keys: []string{"i"}, in: in(scalesView, codesView), run: (*App).linearLog, text: "bars linear or logarithmic", hint: "linear/log", group: "look"},
		{name: "linear-log", keys: []string{"i"}, in: in(elementView), run: (*App).linearLog, text: "bars linear or logarithmic", group: "look"},
		{name: "list", keys: []string{"t"}, in: in(scalesView, codesView), run: (*App).showExtremes, text: "list of the extreme block scales; Enter goes there", command: "map w.scale", hint: "extremes", group: "look"},
		{name: "expect", keys: []string{"x"}, in: in(lintView), run: (*App).expectFinding, text: "make what was found a check", command: "expect w.scale.nan == 0", hint: "expect", group: "do"},
		{name: "count-of", keys: []string{"tab"}, in: in(codesView), run: (*App).codesOf, text: "the codes of the layer, or of the block under the cursor", command: "codes w", hint: "per block", group: "look"},
		{name: "edit", keys: []string{"e"}, in: in(logView), run: (*App).editCommand, text: "edit the command at the prompt", hint: "edit", group: "do"},
	}
}

func mapKeys() []binding {
	maps, family := in(errorView), in(errorView, worstView, elementView)
	zoom := func(z zoom) func(*App, int) tea.Cmd {
		return func(a *App, count int) tea.Cmd { return a.zoom(z, count) }
	}
	return []binding{
		{name: "next-bad", keys: []string{"w"}, in: family, run: (*App).nextWorst, text: "next worst element", command: "top e 20 by=abs", hint: "worst", group: "move"},
		{name: "previous-bad", keys: []string{"b"}, in: family, run: (*App).prevWorst, text: "previous worst element", command: "top e 20 by=abs", group: "move"},
		{name: "zoom-in", keys: []string{"+"}, in: maps, run: zoom(zoomIn), text: "zoom in", command: "map e[m0:m1, n0:n1]", hint: "zoom", group: "look"},
		{name: "zoom-out", keys: []string{"-"}, in: maps, run: zoom(zoomOut), text: "zoom out", command: "map e[m0:m1, n0:n1]", group: "look"},
		{name: "zoom-all", keys: []string{"z a"}, in: maps, run: zoom(zoomAll), text: "zoom: all", command: "map e", hint: "all", group: "look"},
		{name: "zoom-centre", keys: []string{"z z"}, in: maps, run: zoom(zoomCentre), text: "zoom: centre on the cursor", hint: "centre", group: "look"},
		{name: "zoom-block", keys: []string{"z b"}, in: maps, run: zoom(zoomBlock), text: "zoom: a pixel is a block of 16", hint: "block 16", group: "look"},
		{name: "zoom-tile", keys: []string{"z t"}, in: maps, run: zoom(zoomTile), text: "zoom: a pixel is a tile of 128", hint: "tile 128", group: "look"},
		{name: "zoom-elements", keys: []string{"z 1"}, in: maps, run: zoom(zoomElements), text: "zoom: the elements with their values", hint: "elements", group: "look"},
		{name: "metric", keys: []string{"m"}, in: in(errorView, worstView), run: (*App).nextMetric, text: "metric: abs, noise, signed, rel, ulp, proven mismatch, unproven", command: "map e metric=…", hint: "metric", group: "look"},
		{name: "unproven", keys: []string{"P"}, in: maps, run: (*App).provenMap, text: "the map of what is not proven, and back", command: "map e metric=unproven", group: "look"},
		{name: "aggregate", keys: []string{"a"}, in: maps, run: (*App).nextAggregate, text: "a pixel is max, mean or count", command: "map e agg=…", group: "look"},
		{name: "lock-colours", keys: []string{"c"}, in: maps, run: (*App).lockColours, text: "lock the colours", group: "look"},
		{name: "next-pane", keys: []string{"tab"}, in: family, run: (*App).nextPane, text: "next of map, worst list and eXplain", group: "move"},
		{name: "previous-pane", keys: []string{"shift+tab"}, in: family, run: (*App).previousPane, text: "the one before", group: "move"},
		{name: "list", keys: []string{"t"}, in: in(errorView, elementView), run: (*App).showWorst, text: "list of worst elements", command: "top e 20 by=abs", group: "look"},
		{name: "list", keys: []string{"t"}, in: in(worstView), run: (*App).back, text: "back to the map", hint: "map", group: "look"},
		{name: "options", keys: []string{"o"}, in: family, run: (*App).chooseOptions, text: "options of the run: activations, tensor core, output", command: "y = gemm x w KEY=VALUE", group: "do"},
		{name: "compare", keys: []string{"="}, in: family, run: (*App).compareWith, text: "compare with the original, another backend or run", command: "e = diff y …", hint: "compare", group: "do"},
		{name: "verdict", keys: []string{"v"}, in: family, run: (*App).askVerdict, text: "verdict: noise, or the structure that stands out", command: "verdict e", group: "do"},
		{name: "rerun", keys: []string{"R"}, in: family, run: (*App).runAgain, text: "run again with these options", command: "y = gemm x w …", group: "do"},
		{name: "select", keys: []string{"V"}, in: in(errorView, scalesView), run: (*App).selectHere, text: "start, end a selection: zooms there, or says what it holds", command: "stat w.scale[n0:n1, b0:b1]", group: "look"},
		{name: "expect", keys: []string{"x"}, in: family, run: (*App).expectHere, text: "make it a check, 10 % above now", command: "expect e.max_abs < …", hint: "expect", group: "do"},
	}
}

func moveKeys() []binding {
	go1 := func(m motion) func(*App, int) tea.Cmd {
		return func(a *App, count int) tea.Cmd { return a.move(m, count) }
	}
	grids := in(scalesView, codesView, errorView, layoutView, bytesView)
	blocks := grids &^ in(layoutView)
	rows := everywhere &^ in(weightView)
	return []binding{
		{name: "down", keys: []string{"j", "down"}, in: in(elementView), run: go1(moveDown), text: "next block of the ranking", command: "explain e[m,n] block=B", label: "j/k", hint: "block", group: "move"},
		{name: "up", keys: []string{"k", "up"}, in: in(elementView), run: go1(moveUp), text: "the block before", command: "explain e[m,n] block=B", group: "move"},
		{name: "down", keys: []string{"j", "down"}, in: rows &^ in(elementView), run: go1(moveDown), text: "down", group: "move"},
		{name: "up", keys: []string{"k", "up"}, in: rows &^ in(elementView), run: go1(moveUp), text: "up", group: "move"},
		{name: "left", keys: []string{"h", "left"}, in: grids | in(layersView), run: go1(moveLeft), text: "left; fold", group: "move"},
		{name: "right", keys: []string{"l", "right"}, in: grids | in(layersView), run: go1(moveRight), text: "right; unfold", group: "move"},
		{name: "block-left", keys: []string{"H"}, in: grids, run: go1(blockLeft), text: "a block left", group: "move"},
		{name: "block-right", keys: []string{"L"}, in: grids, run: go1(blockRight), text: "a block right", group: "move"},
		{name: "block-up", keys: []string{"K"}, in: blocks, run: go1(blockUp), text: "16 rows up", group: "move"},
		{name: "block-down", keys: []string{"J"}, in: blocks, run: go1(blockDown), text: "16 rows down", group: "move"},
		{name: "first", keys: []string{"g g", "home"}, in: rows, run: go1(moveFirst), text: "first", hint: "first", group: "move"},
		{name: "last", keys: []string{"G", "end"}, in: rows, run: go1(moveLast), text: "last", group: "move"},
		{name: "row-start", keys: []string{"0"}, in: grids, run: go1(rowStart), text: "start of the row", group: "move"},
		{name: "row-end", keys: []string{"$"}, in: grids, run: go1(rowEnd), text: "end of the row", group: "move"},
		{name: "half-down", keys: []string{"ctrl+d"}, in: rows, run: go1(halfDown), text: "half a page down", group: "move"},
		{name: "half-up", keys: []string{"ctrl+u"}, in: rows, run: go1(halfUp), text: "half a page up", group: "move"},
		{name: "page-down", keys: []string{"pgdown", "ctrl+f"}, in: rows, run: go1(pageDown), text: "a page down", group: "move"},
		{name: "page-up", keys: []string{"pgup", "ctrl+b"}, in: rows, run: go1(pageUp), text: "a page up", group: "move"},
	}
}

func viewKeys() []binding {
	to := func(v viewID) func(*App, int) tea.Cmd {
		return func(a *App, _ int) tea.Cmd { return a.visit(v) }
	}
	finds := in(layersView, lintView, notebookView, logView, errorView, worstView, bytesView)
	return []binding{
		{name: "find", keys: []string{"/"}, in: finds, run: (*App).findPrompt, text: "find a name; on the map a value (> 1e-2); in Bytes hex (e5 20)", command: "where e > 1e-2", hint: "find", group: "move"},
		{name: "next-match", keys: []string{"n"}, in: finds, run: (*App).findNext, text: "next match", group: "move"},
		{name: "previous-match", keys: []string{"N"}, in: finds, run: (*App).findPrev, text: "previous match", group: "move"},
		{name: "back", keys: []string{"esc", "backspace"}, in: everywhere &^ in(startView, layersView), run: (*App).back, text: "back", hint: "back", group: "move"},
		{name: "layers", keys: []string{"g l"}, in: everywhere, run: to(layersView), text: "Layers", group: "view"},
		{name: "weight", keys: []string{"g w"}, in: everywhere, run: to(weightView), text: "Weight", group: "view"},
		{name: "scales", keys: []string{"g s"}, in: everywhere, run: to(scalesView), text: "Scales", group: "view"},
		{name: "codes", keys: []string{"g c"}, in: everywhere, run: to(codesView), text: "Codes", group: "view"},
		{name: "error", keys: []string{"g e"}, in: everywhere, run: to(errorView), text: "Error", group: "view"},
		{name: "explain", keys: []string{"g x"}, in: everywhere, run: to(elementView), text: "eXplain", group: "view"},
		{name: "layout", keys: []string{"g o"}, in: everywhere &^ in(bytesView), run: to(layoutView), text: "layOut", group: "view"},
		{name: "bytes", keys: []string{"g b"}, in: everywhere, run: to(bytesView), text: "Bytes", group: "view"},
		{name: "padding", keys: []string{"g p"}, in: everywhere, run: to(paddingView), text: "Padding", group: "view"},
		{name: "lint", keys: []string{"g i"}, in: everywhere, run: to(lintView), text: "lInt", group: "view"},
		{name: "notebook", keys: []string{"g n"}, in: everywhere, run: to(notebookView), text: "Notebook", group: "view"},
		{name: "log", keys: []string{"@", "g @"}, in: everywhere &^ in(logView), run: to(logView), text: "log of the commands", group: "view"},
		{name: "log", keys: []string{"@"}, in: in(logView), run: (*App).back, text: "close the log", group: "view"},
		{name: "help", keys: []string{"f1"}, in: everywhere &^ in(helpView), run: to(helpView), text: "help for this view", group: "view"},
		{name: "help", keys: []string{"f1"}, in: in(helpView), run: (*App).back, text: "close the help", group: "view"},
		{name: "next-view", keys: []string{"}"}, in: everywhere, run: func(a *App, _ int) tea.Cmd { return a.turn(1) }, text: "next view", group: "view"},
		{name: "previous-view", keys: []string{"{"}, in: everywhere, run: func(a *App, _ int) tea.Cmd { return a.turn(-1) }, text: "previous view", group: "view"},
	}
}

func sessionKeys() []binding {
	yank := func(what string) func(*App, int) tea.Cmd {
		return func(a *App, _ int) tea.Cmd { return a.yank(what) }
	}
	return []binding{
		{name: "command", keys: []string{":"}, in: in(startView), run: (*App).commandPrompt, text: "prompt: any command", hint: "command", group: "do"},
		{name: "command", keys: []string{":"}, in: everywhere &^ in(startView), run: (*App).commandPrompt, text: "prompt: any command", group: "do"},
		{name: "palette", keys: []string{"?", "ctrl+p"}, in: everywhere, run: (*App).openPalette, text: "palette: what can be done here", group: "do"},
		{name: "yank-command", keys: []string{"y y"}, in: everywhere, run: yank("command"), text: "copy the command", hint: "command", group: "do"},
		{name: "yank-value", keys: []string{"y v"}, in: everywhere, run: yank("value"), text: "copy the value", hint: "value", group: "do"},
		{name: "yank-address", keys: []string{"y p"}, in: everywhere, run: yank("address"), text: "copy the address", hint: "address", group: "do"},
		{name: "yank-table", keys: []string{"y t"}, in: everywhere, run: yank("table"), text: "copy the table", hint: "table", group: "do"},
		{name: "set-mark", keys: []string{"M" + anyLetter}, in: everywhere, run: (*App).setMark, text: "set a mark: M and a letter", hint: "a letter", group: "move"},
		{name: "to-mark", keys: []string{"'" + anyLetter}, in: everywhere, run: (*App).toMark, text: "go to a mark: ' and its letter", hint: "a letter", group: "move"},
		{name: "save", keys: []string{"s"}, in: everywhere &^ in(notebookView), run: (*App).save, text: "save the session as a notebook", command: "export session NAME.fp4.md", group: "do"},
		{name: "undo", keys: []string{"u"}, in: everywhere &^ in(layoutView, notebookView), run: (*App).undo, text: "undo the last command", command: "undo", group: "do"},
		{name: "quit", keys: []string{"q"}, in: in(startView), run: (*App).quit, text: "quit", hint: "quit", group: "do"},
		{name: "quit", keys: []string{"q"}, in: everywhere &^ in(startView), run: (*App).quit, text: "quit; asks when something is unsaved", group: "do"},
		{name: "cancel", keys: []string{"ctrl+c"}, in: everywhere, run: (*App).interrupt, text: "cancel the job; with none: quit", group: "do"},
		{name: "suspend", keys: []string{"ctrl+z"}, in: everywhere, run: func(*App, int) tea.Cmd { return tea.Suspend }, text: "suspend", group: "do"},
		{name: "redraw", keys: []string{"ctrl+l"}, in: everywhere, run: func(*App, int) tea.Cmd { return tea.ClearScreen }, text: "draw the screen again", group: "look"},
	}
}
