package views

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"

	"fp4tui/exec/language"
)

// Keys are the user's own keys, by action. The zero value changes nothing.
type Keys struct {
	file  string
	rows  map[string][]string
	lines map[string]int // of the file, by action
}

// keysTable is the one table of a key file.
const keysTable = "keys"

// ReadKeys reads a key file: TOML with one table, keys, whose entries give an action its
// keys, as in undo = "u" or down = ["j", "ctrl+n"]; an empty list takes all of them away.
// Every mistake is a *language.Error with its line; two actions on one key in one view are
// one of them.
func ReadKeys(file string, data []byte) (Keys, error) {
	k := Keys{file: file, rows: map[string][]string{}, lines: map[string]int{}}
	var doc map[string]any
	if err := toml.Unmarshal(data, &doc); err != nil {
		var at *toml.DecodeError
		if errors.As(err, &at) {
			line, col := at.Position()
			return k, &language.Error{File: file, Line: line, Col: col, Msg: strings.TrimPrefix(err.Error(), "toml: "), Source: textLine(data, line)}
		}
		return k, &language.Error{File: file, Line: 1, Col: 1, Msg: err.Error()}
	}
	var errs []error
	for name, value := range doc {
		table, is := value.(map[string]any)
		if name != keysTable || !is {
			errs = append(errs, k.wrong(data, name, "unknown table "+name, "keys stand below a line of [keys]"))
			continue
		}
		for action, value := range table {
			errs = append(errs, k.entry(data, action, value))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return k, sorted(errs)
	}
	return k, k.check(data)
}

// sorted joins mistakes in the order of their lines.
func sorted(errs []error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	slices.SortStableFunc(errs, func(a, b error) int {
		var x, y *language.Error
		if errors.As(a, &x) && errors.As(b, &y) {
			return x.Line - y.Line
		}
		return 0
	})
	return errors.Join(errs...)
}

// wrong is a mistake at the line of an entry.
func (k Keys) wrong(data []byte, entry, msg, hint string) error {
	line := 1
	for i, text := range strings.Split(string(data), "\n") {
		name, _, is := strings.Cut(text, "=")
		if name = strings.Trim(strings.TrimSpace(name), `"'`); is && name == entry || strings.TrimSpace(text) == "["+entry+"]" {
			line = i + 1
			break
		}
	}
	return &language.Error{File: k.file, Line: line, Col: 1, Msg: msg, Hint: hint, Source: textLine(data, line)}
}

func textLine(data []byte, line int) string {
	lines := strings.Split(string(data), "\n")
	if line < 1 || line > len(lines) {
		return ""
	}
	return strings.TrimRight(lines[line-1], "\r")
}

// actionNames are all actions, each once.
func actionNames() []string {
	var out []string
	for _, b := range keyTable() {
		if !slices.Contains(out, b.name) {
			out = append(out, b.name)
		}
	}
	return out
}

// entry reads the keys of one action.
func (k Keys) entry(data []byte, action string, value any) error {
	if names := actionNames(); !slices.Contains(names, action) {
		hint := "fp4tui docs keys lists the actions"
		if near := language.Closest(action, names); near != "" {
			hint = "did you mean " + near + "?"
		}
		return k.wrong(data, action, fmt.Sprintf("no action is called %q", action), hint)
	}
	list, is := value.([]any)
	if !is {
		list = []any{value}
	}
	keys := []string{}
	for _, v := range list {
		text, is := v.(string)
		if !is {
			return k.wrong(data, action, action+": a key is a text", `as in undo = "u" or down = ["j", "ctrl+n"]`)
		}
		key, err := readKey(text)
		if err != nil {
			return k.wrong(data, action, action+": "+err.Error(), "keys are written as in f1, ctrl+n, enter, x, g x")
		}
		keys = append(keys, key)
	}
	k.rows[action] = keys
	return nil
}

// namedKeys are the keys that have a name instead of a character.
func namedKeys() []string {
	names := []string{"enter", "esc", "tab", "shift+tab", "space", "backspace", "delete", "insert", "home", "end", "pgup", "pgdown", "up", "down", "left", "right"}
	for i := range 12 {
		names = append(names, fmt.Sprintf("f%d", i+1))
	}
	return names
}

// readKey brings a key into the form of the table: "Ctrl-N" is ctrl+n, "g  x" is g x.
func readKey(text string) (string, error) {
	parts := strings.Fields(text)
	if len(parts) == 0 || len(parts) > 2 {
		return "", fmt.Errorf("%q is no key, nor two after each other", text)
	}
	for i, part := range parts {
		lower := strings.ToLower(strings.ReplaceAll(part, "-", "+"))
		switch {
		case utf8.RuneCountInString(part) == 1:
			r, _ := utf8.DecodeRuneInString(part)
			if !unicode.IsPrint(r) || i == 0 && r >= '1' && r <= '9' {
				return "", fmt.Errorf("%q can't be a key: digits are counts", part)
			}
		case slices.Contains(namedKeys(), lower):
			parts[i] = lower
		case (strings.HasPrefix(lower, "ctrl+") || strings.HasPrefix(lower, "alt+")) && utf8.RuneCountInString(lower[strings.IndexByte(lower, '+')+1:]) == 1:
			parts[i] = lower
		default:
			if near := language.Closest(lower, namedKeys()); near != "" {
				return "", fmt.Errorf("%q is no key; did you mean %s?", part, near)
			}
			return "", fmt.Errorf("%q is no key", part)
		}
	}
	return strings.Join(parts, " "), nil
}

// needed are the actions without which nobody finds the way out.
func needed() []string { return []string{"palette", "command", "quit", "cancel"} }

// check refuses what can't work: a key for two actions in one view, a key that is also
// the first of two, no way to quit.
func (k Keys) check(data []byte) error {
	var errs []error
	for _, name := range needed() {
		if keys, set := k.rows[name]; set && len(keys) == 0 {
			errs = append(errs, k.wrong(data, name, name+" needs a key", "without it there is no way out"))
		}
	}
	told := map[string]bool{}
	for _, c := range conflicts(k.apply(keyTable())) {
		entry, other := c.a, c.b
		if _, mine := k.rows[entry]; !mine {
			entry, other = other, entry
		}
		if told[entry+other] {
			continue
		}
		told[entry+other] = true
		errs = append(errs, k.wrong(data, entry, fmt.Sprintf("%s: %s is %s already, in %s", entry, keyLabel(c.key), other, viewName(c.view)),
			fmt.Sprintf("give %s another key in the same file, or choose another one here", other)))
	}
	return sorted(errs)
}

// conflict is a key that two actions claim in a view.
type conflict struct {
	key, a, b string
	view      viewID
}

// conflicts finds keys that are claimed twice, and those that another one begins with.
func conflicts(table []binding) []conflict {
	var out []conflict
	for v := range viewCount {
		seen := map[string]string{}
		for _, b := range table {
			if b.in&(1<<v) == 0 {
				continue
			}
			for _, key := range b.keys {
				if other, taken := seen[key]; taken {
					out = append(out, conflict{key, b.name, other, v})
				}
				seen[key] = b.name
			}
		}
		for key, name := range seen {
			if first, _, two := strings.Cut(key, " "); two {
				if other, taken := seen[first]; taken {
					out = append(out, conflict{first, other, name, v})
				}
			}
		}
	}
	slices.SortStableFunc(out, func(x, y conflict) int {
		return cmp.Or(cmp.Compare(x.view, y.view), strings.Compare(x.key+x.a+x.b, y.key+y.a+y.b))
	})
	return out
}

// apply gives the table the user's keys. Names in the last line that stood for other
// keys go.
func (k Keys) apply(table []binding) []binding {
	for i := range table {
		keys, set := k.rows[table[i].name]
		if !set {
			continue
		}
		if strings.HasSuffix(table[i].key(), anyLetter) {
			for j, key := range keys {
				keys[j] = strings.TrimSuffix(key, anyLetter) + anyLetter
			}
		}
		table[i].keys, table[i].label = keys, ""
	}
	return table
}

// key is the first key of a row, "" for one that has none any more.
func (b binding) key() string {
	if len(b.keys) == 0 {
		return ""
	}
	return b.keys[0]
}

// keyOf is how the key of an action in a view is written.
func (s *scene) keyOf(action string, v viewID) string {
	for _, b := range s.keys {
		if b.name == action && b.in&(1<<v) != 0 && len(b.keys) > 0 {
			label := keyLabel(b.keys[0])
			if s.th.ascii {
				label = strings.ReplaceAll(label, "↵", "Enter")
			}
			return label
		}
	}
	return "-"
}

// key1 is the first key of an action as it stands in the table.
func (a *App) key1(action string) string {
	for _, b := range a.keys {
		if b.name == action && len(b.keys) > 0 {
			return b.keys[0]
		}
	}
	return ""
}

// keyFor is how the key of an action is written on the screen.
func (a *App) keyFor(action string) string {
	if key := a.key1(action); key != "" {
		return a.keyLabel(key)
	}
	return "(no key)"
}
