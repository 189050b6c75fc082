package views

import (
	"fmt"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
)

// mark is a place to come back to.
type mark struct {
	view        viewID
	w, e, p     string
	layer, path string
	m, n, k     int
}

// setMark keeps this place under the letter that was typed.
func (a *App) setMark(int) tea.Cmd {
	if a.nav.marks == nil {
		a.nav.marks = map[string]mark{}
	}
	at := a.at
	a.nav.marks[a.nav.letter] = mark{a.nav.view, at.w, at.e, at.p, at.layer, at.path, at.m, at.n, at.k}
	a.status.say(fmt.Sprintf("mark %s: %s, m %d n %d k %d; %s %s comes back", a.nav.letter, viewName(a.nav.view), at.m, at.n, at.k, a.keyFor("to-mark")[:1], a.nav.letter))
	return nil
}

// toMark goes to the place of a letter, where what it was of is still there.
func (a *App) toMark(int) tea.Cmd {
	k, set := a.nav.marks[a.nav.letter]
	switch {
	case !set:
		a.status.say("no mark " + a.nav.letter + " yet")
		return nil
	case k.w != "" && !a.at.has(k.w) || k.e != "" && !a.at.has(k.e):
		a.status.say("mark " + a.nav.letter + " is of something that was taken back")
		return nil
	}
	at := a.at
	if at.e != k.e {
		at.diff, at.worst = exec.Diff{}, -1
		a.errorPane().reset()
	}
	at.w, at.e, at.p, at.layer, at.path, at.m, at.n, at.k = k.w, k.e, k.p, k.layer, k.path, k.m, k.n, k.k
	a.show(k.view)
	return nil
}
