package views

import (
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/sahilm/fuzzy"

	"fp4tui/exec"
)

// layerFilter is what the list is narrowed to: every word has to hold. "bad", "warn": a
// finding at least that bad; ">10M", "<1M": weights; a format, a mode, part of a
// producer; anything else is sought in the name, letters in order.
type layerFilter string

func (f layerFilter) match(l *exec.LayerRow) bool {
	for _, word := range strings.Fields(strings.ToLower(string(f))) {
		if !matchWord(word, l) {
			return false
		}
	}
	return true
}

func matchWord(word string, l *exec.LayerRow) bool {
	switch word {
	case "bad":
		return l.Level == "bad"
	case "warn":
		return l.Level == "bad" || l.Level == "warn"
	case "ok":
		return l.Level == "ok" || l.Level == "info"
	}
	if bound, more, isSize := sizeWord(word); isSize {
		weights := float64(l.N) * float64(l.K) * float64(max(l.Experts, 1))
		return more && weights > bound || !more && weights < bound
	}
	if word == strings.ToLower(l.Format) || word == strings.ToLower(l.Mode) || len(word) > 2 && strings.Contains(strings.ToLower(l.Producer), word) {
		return true
	}
	return likeName(word, l.Name)
}

// sizeWord reads ">10M".
func sizeWord(word string) (bound float64, more, ok bool) {
	if len(word) < 2 || word[0] != '>' && word[0] != '<' {
		return 0, false, false
	}
	digits, unit := word[1:], 1.0
	for suffix, by := range map[string]float64{"k": 1e3, "m": 1e6, "g": 1e9, "b": 1e9} {
		if rest, has := strings.CutSuffix(digits, suffix); has {
			digits, unit = rest, by
		}
	}
	v, err := strconv.ParseFloat(digits, 64)
	return v * unit, word[0] == '>', err == nil
}

// likeName says whether a name holds the text, or else its letters in order.
func likeName(text, name string) bool {
	if strings.Contains(strings.ToLower(name), strings.ToLower(text)) {
		return true
	}
	return len(text) > 2 && len(fuzzy.Find(text, []string{name})) > 0
}

// narrow leaves the rows that the filter lets pass.
func (f layerFilter) narrow(list exec.LayerList) exec.LayerList {
	if strings.TrimSpace(string(f)) == "" {
		return list
	}
	var rows []exec.LayerRow
	for i := range list.Rows {
		if f.match(&list.Rows[i]) {
			rows = append(rows, list.Rows[i])
		}
	}
	list.Rows = rows
	return list
}

// filterLayers asks what the list is narrowed to, or shows all of it again.
func (a *App) filterLayers(int) tea.Cmd {
	p := a.panes[layersView].(*layersPane)
	if p.words != "" {
		p.words, p.list = "", list{}
		a.status.say("all layers")
		return nil
	}
	a.askFor("only (name, format, producer, bad, warn, >10M)", "", func(a *App, text string) tea.Cmd {
		p.words, p.list = layerFilter(text), list{}
		return nil
	})
	return nil
}

// layerRows is the visible list with what it was made of: it is made again only when that
// has changed, since a checkpoint can have tens of thousands of layers.
type layerRows struct {
	key  string
	rows []treeRow
}

func (p *layersPane) fold(key string, folded bool) {
	p.folded[key] = folded
	p.folds++
}
