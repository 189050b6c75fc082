package views

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// places is a set of views.
type places uint32

func in(views ...viewID) places {
	var p places
	for _, v := range views {
		p |= 1 << v
	}
	return p
}

// everywhere is every view.
const everywhere places = 1<<viewCount - 1

// binding is one row of the key table: what a key does where. The table feeds the
// dispatch, the hints, the help page, the palette and the documentation.
type binding struct {
	name    string   // of the action, for the user's own keys; rows that do the like share one
	keys    []string // as Bubble Tea writes them; "g l" is a prefix and a key
	in      places
	run     func(*App, int) tea.Cmd // the count: 0 when none was typed
	text    string                  // what it does
	command string                  // the command it runs; empty: only what is visible changes
	label   string                  // its name in the last line, when it is not the key: "J/K"
	hint    string                  // its word in the last line; empty: not there
	group   string                  // column of the help page: move, look, do
}

// lookup finds what a key does in a view.
func lookup(table []binding, v viewID, key string) (binding, bool) {
	for _, b := range table {
		if b.in&(1<<v) == 0 {
			continue
		}
		for _, k := range b.keys {
			if k == key || fitsLetter(k, key) {
				return b, true
			}
		}
	}
	return binding{}, false
}

// anyLetter ends a key that takes a letter: "M *".
const anyLetter = " *"

// fitsLetter says whether typed keys are those of a row that takes a letter.
func fitsLetter(row, typed string) bool {
	prefix, takes := strings.CutSuffix(row, "*")
	letter, is := strings.CutPrefix(typed, prefix)
	return takes && len(row) > 1 && is && len(letter) == 1 && (letter[0]|0x20 >= 'a' && letter[0]|0x20 <= 'z')
}

// continuations are the keys that may follow a prefix in a view.
func continuations(table []binding, v viewID, prefix string) []binding {
	var out []binding
	for _, b := range table {
		for _, key := range b.keys {
			if b.in&(1<<v) != 0 && strings.HasPrefix(key, prefix+" ") {
				b.keys = []string{key}
				out = append(out, b)
				break
			}
		}
	}
	return out
}

// key is the one way in for the keyboard: prompt and dialogs first, then counts,
// prefixes and the table.
func (a *App) key(msg tea.KeyPressMsg) tea.Cmd {
	key := msg.String()
	a.status.cure = ""
	if a.tooSmall() && a.float == nil && key != ":" && key != "ctrl+c" && key != "q" {
		return nil
	}
	if a.float != nil {
		return a.float.key(a, msg)
	}
	if a.nav.prefix == "" && len(key) == 1 && (key >= "1" && key <= "9" || key == "0" && a.nav.count > 0) {
		a.nav.count = min(a.nav.count*10+int(key[0]-'0'), 1_000_000)
		return nil
	}
	full := key
	if a.nav.prefix != "" {
		full = a.nav.prefix + " " + key
	}
	count := a.nav.count
	b, bound := lookup(a.keys, a.nav.view, full)
	if !bound && a.nav.prefix == "" && len(continuations(a.keys, a.nav.view, key)) > 0 {
		a.nav.prefix = key
		return nil
	}
	a.nav.prefix, a.nav.count, a.nav.letter = "", 0, key
	if !bound {
		if full != "esc" {
			a.status.say(full + " does nothing here; " + a.keyFor("palette") + " shows what does")
		}
		return nil
	}
	return b.run(a, count)
}

// pendingText shows a prefix or count that waits, with what can follow.
func (a *App) pendingText(w int) string {
	if a.nav.prefix == "" {
		return fmt.Sprintf("%d …", a.nav.count)
	}
	var parts, views []string
	for _, b := range continuations(a.keys, a.nav.view, a.nav.prefix) {
		key, text := strings.TrimPrefix(b.keys[0], a.nav.prefix+" "), b.hintOrText()
		if !strings.Contains(text, strings.ToUpper(key)) || b.group != "view" { // the capital letter of a view is its key
			text = key + " " + text
		}
		parts = append(parts, text)
		if b.group == "view" {
			views = append(views, text)
		}
	}
	text := a.nav.prefix + " …   " + strings.Join(parts, "  ")
	if width(text) > w {
		text = a.nav.prefix + " …   " + strings.Join(parts, " ")
	}
	if width(text) > w { // the views alone: what else follows is in the help
		text = a.nav.prefix + " … " + strings.Join(views, " ")
	}
	return cut(text, w)
}

func (b binding) hintOrText() string {
	if b.hint != "" {
		return b.hint
	}
	return b.text
}

// hint is a key and a word of the last line, and what they do.
type hint struct {
	label, text string
	run         func(*App, int) tea.Cmd
}

// mostHints is how many keys the last line shows beside those that are everywhere.
const mostHints = 5

// hints are the most useful keys here, in the order of the table.
func (a *App) hints() []hint {
	var out []hint
	if a.work.job != nil {
		out = append(out, hint{a.keyFor("cancel"), "cancel", (*App).interrupt})
	}
	seen := map[string]bool{}
	for _, b := range a.keys {
		if b.hint == "" || len(b.keys) == 0 || b.in&(1<<a.nav.view) == 0 || b.in == everywhere || b.label == "" && strings.Contains(b.keys[0], " ") || seen[b.keys[0]] {
			continue
		}
		seen[b.keys[0]] = true
		label := b.label
		if label == "" {
			label = a.keyLabel(b.keys[0])
		}
		out = append(out, hint{label, b.hint, b.run})
	}
	return out[:min(len(out), mostHints)]
}

// keyLabel writes a key as users know it.
func (a *App) keyLabel(key string) string {
	label := keyLabel(key)
	if a.opt.ASCII {
		label = strings.ReplaceAll(label, "↵", "Enter")
	}
	return label
}

func keyLabel(key string) string {
	names := map[string]string{
		"enter": "↵", "esc": "Esc", "tab": "Tab", "shift+tab": "S-Tab", "space": "Space", "backspace": "Backspace",
		"pgdown": "PgDn", "pgup": "PgUp", "home": "Home", "end": "End", "delete": "Del", "insert": "Ins",
		"up": "↑", "down": "↓", "left": "←", "right": "→",
	}
	if name, ok := names[key]; ok {
		return name
	}
	if letter, ok := strings.CutPrefix(key, "ctrl+"); ok {
		return "Ctrl-" + strings.ToUpper(letter)
	}
	if letter, ok := strings.CutPrefix(key, "alt+"); ok {
		return "Alt-" + letter
	}
	if len(key) > 1 && key[0] == 'f' && key[1] >= '1' && key[1] <= '9' {
		return strings.ToUpper(key)
	}
	return strings.ReplaceAll(strings.ReplaceAll(key, anyLetter, "a"), " ", "")
}

// viewName is how a view is called in help and documentation.
func viewName(v viewID) string {
	return [...]string{"Start", "Layers", "Weight", "Scales", "Codes", "Error", "layOut", "Bytes", "Padding", "lInt", "Notebook", "Log", "worst list", "eXplain", "Help"}[v]
}

// placeNames writes a set of views.
func placeNames(p places) string {
	if p == everywhere {
		return "everywhere"
	}
	var names []string
	for v := range viewCount {
		if p&(1<<v) != 0 {
			names = append(names, viewName(v))
		}
	}
	return strings.Join(names, ", ")
}

// keysIntro stands above the table of the documentation.
const keysIntro = `# Keys

Every key of the terminal UI. Digits before a key are a count (` + "`5j`" + `). The page of a view is ` + "`F1`" + `; ` + "`?`" + ` lists what can be done here and does it.

Your own keys stand in ` + "`keys.toml`" + ` in the configuration directory (` + "`$XDG_CONFIG_HOME/fp4tui`, `~/.config/fp4tui`" + `; on macOS ` + "`~/Library/Application Support/fp4tui`, on Windows `%AppData%\\fp4tui`" + `), or in the file that ` + "`--keys FILE`" + ` names. An action gets the keys that are listed, and no others:

` + "```toml\n[keys]\nnext-bad = [\"w\", \"ctrl+n\"]\nlist = \"g t\"\n```" + `

The file is checked before anything starts: an unknown action or key and two actions on one key in one view are refused, with the line. Help, palette and the last line of the screen show your keys.

`

// KeyMarkdown is the key table for the documentation.
func KeyMarkdown() string {
	var b strings.Builder
	b.WriteString(keysIntro)
	b.WriteString("| key | action | where | does | command |\n|---|---|---|---|---|\n")
	for _, row := range keyTable() {
		labels := make([]string, len(row.keys))
		for i, k := range row.keys {
			labels[i] = "`" + strings.ReplaceAll(keyLabel(k), "|", `\|`) + "`"
		}
		command := row.command
		if command != "" {
			command = "`" + command + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", strings.Join(labels, " "), row.name, placeNames(row.in), row.text, command)
	}
	return b.String()
}
