package views

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/views/number"
	"fp4tui/views/text"
)

// dialog asks for a choice, or shows a text that is longer than the log line.
type dialog struct {
	title   string
	rows    [][2]string // label, text
	text    []string    // lines as they are, instead of rows
	choices []choice
	at      int
	top     int    // first visible line of a long text
	box     region // where it was drawn
}

// click takes the choice that was clicked.
func (d *dialog) click(a *App, x, y int) tea.Cmd {
	if y != d.box.y+d.box.h-1 {
		return nil
	}
	at := d.box.x + 1
	for i, choice := range d.choices {
		end := at + width(choice.text) + 4
		if x >= at && x < end {
			d.at = i
			return d.key(a, tea.KeyPressMsg{Code: tea.KeyEnter})
		}
		at = end + 1
	}
	return nil
}

func (d *dialog) wheel(m motion) {
	d.top++
	if m == moveUp {
		d.top = max(0, d.top-2)
	}
}

type choice struct {
	text string
	key  string
	run  func(*App) tea.Cmd
}

func closeDialog(*App) tea.Cmd { return nil }

// quitDialog asks what to do with commands that are in no file.
func quitDialog(a *App) *dialog {
	what := "command"
	if a.bookPane().file != "" {
		what = "change"
	}
	return &dialog{
		title: "quit",
		rows:  [][2]string{{"unsaved", plural(int64(a.at.unsaved), what) + " since the last save"}, {"file", a.notebook()}},
		choices: []choice{
			{"save and quit", "s", func(a *App) tea.Cmd {
				a.nav.quit = true
				if p := a.bookPane(); p.file != "" || p.edited {
					return a.saveBook(a.notebook())
				}
				return a.run("s", "export session "+quoteWord(a.notebook()), nil)
			}},
			{"quit without saving", "q", (*App).leave},
			{"stay", "esc", closeDialog},
		},
	}
}

// faultDialog tells what is wrong with a checkpoint that opened only in part.
func faultDialog(opened exec.Opened) *dialog {
	f := opened.Faults[0]
	what := f.What
	if f.Tensor != "" {
		what = "tensor " + f.Tensor + ": " + what
	}
	if f.Why != "" {
		what += ": " + f.Why
	}
	d := &dialog{title: "a file is damaged · " + f.Code, rows: [][2]string{{"what", what}}}
	if f.File != "" {
		d.rows = append(d.rows, [2]string{"file", f.File})
	}
	d.rows = append(d.rows, [2]string{"usable", fmt.Sprintf("%s, %s; %s in %d of %d files", plural(int64(opened.Tensors), "tensor"),
		plural(int64(opened.Layers), "layer"), plural(int64(opened.FaultsN), "violation"), opened.Damaged, opened.Files)})
	if f.Cure != "" {
		d.rows = append(d.rows, [2]string{"cure", f.Cure})
	}
	message := strings.TrimSuffix(what+"; "+f.Cure, "; ")
	d.choices = []choice{
		{"open what is left", "o", closeDialog},
		{"all findings", "i", func(a *App) tea.Cmd { return a.goTo(lintView) }},
		{"copy message", "y", func(*App) tea.Cmd { return tea.SetClipboard(message) }},
	}
	return d
}

// helpDialog shows what help answered.
func helpDialog(h exec.Help) *dialog {
	title := "help"
	if h.Topic != "" {
		title += " · " + h.Topic
	}
	d := &dialog{title: title}
	if h.Usage != "" {
		d.rows = append(d.rows, [2]string{"usage", h.Usage})
	}
	if h.Text != "" {
		d.rows = append(d.rows, [2]string{"does", h.Text})
	}
	for _, item := range h.Items {
		d.rows = append(d.rows, [2]string{item.Name, item.Text})
	}
	for _, example := range h.Examples {
		d.rows = append(d.rows, [2]string{"example", example})
	}
	d.choices = []choice{{"close", "esc", closeDialog}}
	return d
}

// textDialog shows a result that no view draws, as the line tools write it.
func textDialog(a *App, result exec.Result) *dialog {
	width := min(a.w-10, 100)
	return &dialog{
		title:   result.Kind(),
		text:    text.Render(result, text.Options{Width: width, Digits: screenDigits, ASCII: a.opt.ASCII}),
		choices: []choice{{"close", "esc", closeDialog}},
	}
}

func (d *dialog) key(a *App, msg tea.KeyPressMsg) tea.Cmd {
	switch key := msg.String(); key {
	case "left", "h", "shift+tab":
		d.at = max(d.at-1, 0)
	case "right", "l", "tab":
		d.at = min(d.at+1, len(d.choices)-1)
	case "down", "j":
		d.top++
	case "up", "k":
		d.top = max(0, d.top-1)
	case "pgdown":
		d.top += 10
	case "pgup":
		d.top = max(0, d.top-10)
	case "enter":
		a.float = nil
		return d.choices[d.at].run(a)
	case "ctrl+c":
		a.float = nil
		if d.title == "quit" {
			return tea.Quit
		}
	case "esc":
		a.float = nil
	default:
		for _, c := range d.choices {
			if c.key == key {
				a.float = nil
				return c.run(a)
			}
		}
	}
	return nil
}

// lines lays the rows out for w columns: labels at the left, texts wrapped.
func (d *dialog) lines(w int) [][2]string {
	label := 8
	for _, row := range d.rows {
		label = min(max(label, width(row[0])+2), 16)
	}
	var out [][2]string
	for _, line := range d.text {
		out = append(out, [2]string{"", line})
	}
	for _, row := range d.rows {
		for i, part := range wrap(row[1], w-label) {
			name := ""
			if i == 0 {
				name = cut(row[0], label-1)
			}
			out = append(out, [2]string{pad(name, label), part})
		}
	}
	return out
}

func (d *dialog) draw(a *App, c *canvas) {
	w := min(c.w-6, 84)
	if d.text != nil {
		w = min(c.w-6, 104)
	}
	lines := d.lines(w - 4)
	h := min(len(lines)+4, c.h-6)
	box := a.box(c, d.title, "↵ choose  h/l move  Esc close", w, h)
	d.box = box
	room := max(1, box.h-2)
	d.top = min(d.top, max(0, len(lines)-room))
	for y, line := range lines[d.top:min(len(lines), d.top+room)] {
		x := box.text(1, y, dim, line[0])
		box.text(x, y, plain, cut(line[1], box.w-1-x))
	}
	if len(lines) > room {
		box.right(box.w-1, box.h-2, dim, fmt.Sprintf("%s of %s, j/k", number.Count(int64(d.top+room)), number.Count(int64(len(lines)))))
	}
	x := 1
	for i, choice := range d.choices {
		label, look := "  "+choice.text+"  ", plain
		if i == d.at {
			label, look = "[ "+choice.text+" ]", strong
			box.cursorAt(x, box.h-1)
		}
		x = box.text(x, box.h-1, look, label) + 1
	}
}
