package views

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

var update = flag.Bool("update", false, "write the golden frames")

// driver runs an App without a terminal: messages go in, commands run inline, the
// frame comes out.
type driver struct {
	t     *testing.T
	app   *App
	quit  bool
	out   []tea.Msg // what the program was told besides its own messages
	async bool      // commands are kept instead of run
	held  []tea.Cmd
}

func newDriver(t *testing.T, opt Options, w, h int) *driver {
	t.Helper()
	if opt.Profile == "" {
		opt.Profile = ProfileNever
	}
	d := &driver{t: t, app: NewApp(opt)}
	d.app.work.every = 0
	d.send(tea.WindowSizeMsg{Width: w, Height: h})
	d.do(d.app.Init())
	return d
}

// opened is a driver on the sample checkpoint.
func opened(t *testing.T, w, h int, profile Profile) *driver {
	return newDriver(t, Options{Engine: newFake(), Path: "samples/minilm-w4a16", Profile: profile}, w, h)
}

func (d *driver) send(msg tea.Msg) {
	_, cmd := d.app.Update(msg)
	d.do(cmd)
}

func (d *driver) do(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	if d.async {
		d.held = append(d.held, cmd)
		return
	}
	switch msg := cmd().(type) {
	case nil:
	case tea.BatchMsg:
		for _, c := range msg {
			d.do(c)
		}
	case tea.QuitMsg:
		d.quit = true
	case ranMsg, answerMsg, planMsg, tickMsg, savedMsg, editedMsg, hexFound, inputsChecked:
		d.send(msg)
	default:
		d.out = append(d.out, msg)
	}
}

// keys types keys separated by blanks: "g e", "enter", "16 l" is 1, 6, l.
func (d *driver) keys(keys string) *driver {
	for _, key := range strings.Fields(keys) {
		d.send(keyMsg(key))
	}
	return d
}

// types enters text at the prompt.
func (d *driver) types(text string) *driver {
	for _, r := range text {
		d.send(tea.KeyPressMsg{Code: r, Text: string(r)})
	}
	return d
}

func keyMsg(key string) tea.KeyPressMsg {
	special := map[string]tea.KeyPressMsg{
		"enter": {Code: tea.KeyEnter}, "esc": {Code: tea.KeyEscape}, "tab": {Code: tea.KeyTab}, "backspace": {Code: tea.KeyBackspace},
		"shift+tab": {Code: tea.KeyTab, Mod: tea.ModShift}, "up": {Code: tea.KeyUp}, "down": {Code: tea.KeyDown}, "left": {Code: tea.KeyLeft},
		"right": {Code: tea.KeyRight}, "pgdown": {Code: tea.KeyPgDown}, "pgup": {Code: tea.KeyPgUp}, "space": {Code: tea.KeySpace, Text: " "}, "f1": {Code: tea.KeyF1},
		"home": {Code: tea.KeyHome}, "end": {Code: tea.KeyEnd}, "delete": {Code: tea.KeyDelete},
	}
	if msg, ok := special[key]; ok {
		return msg
	}
	if letter, ok := strings.CutPrefix(key, "ctrl+"); ok {
		return tea.KeyPressMsg{Code: rune(letter[0]), Mod: tea.ModCtrl}
	}
	r := []rune(key)[0]
	return tea.KeyPressMsg{Code: r, Text: key}
}

// lines is the frame without its styles.
func (d *driver) lines() []string {
	d.app.View()
	return d.app.frame.canvas.lines()
}

func (d *driver) screen() string { return strings.Join(d.lines(), "\n") }

// sees fails unless every text is on the screen.
func (d *driver) sees(texts ...string) *driver {
	d.t.Helper()
	screen := d.screen()
	for _, text := range texts {
		if !strings.Contains(screen, text) {
			d.t.Errorf("the screen does not show %q:\n%s", text, screen)
		}
	}
	return d
}

func (d *driver) misses(texts ...string) *driver {
	d.t.Helper()
	for _, text := range texts {
		if strings.Contains(d.screen(), text) {
			d.t.Errorf("the screen shows %q:\n%s", text, d.screen())
		}
	}
	return d
}

// exact fails unless every line of the frame is as wide as the terminal.
func (d *driver) exact() {
	d.t.Helper()
	lines := d.lines()
	if len(lines) != d.app.h {
		d.t.Fatalf("%d lines in a terminal of %d", len(lines), d.app.h)
	}
	for y, line := range lines {
		if got := ansi.StringWidth(line); got != d.app.w {
			d.t.Fatalf("line %d is %d wide, the terminal %d: %q", y, got, d.app.w, line)
		}
	}
}

// styleGrid is one letter a cell for its style, with the legend below.
func (d *driver) styleGrid() string {
	d.app.View()
	c := d.app.frame.canvas
	letters := map[style]byte{{}: '.'}
	var legend []style
	var b strings.Builder
	for y := range c.h {
		for _, at := range c.cells[y*c.w : (y+1)*c.w] {
			letter, known := letters[at.style]
			if !known {
				letter = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[len(legend)%62]
				letters[at.style] = letter
				legend = append(legend, at.style)
			}
			b.WriteByte(letter)
		}
		b.WriteByte('\n')
	}
	for _, s := range legend {
		fmt.Fprintf(&b, "%c fg %07x bg %07x attr %d\n", letters[s], uint32(s.fg), uint32(s.bg), s.attr)
	}
	return b.String()
}

// golden compares with a file of testdata; -update writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (write it with -update)", err)
	}
	if string(want) != got {
		t.Errorf("%s differs; got:\n%s\nwant:\n%s", path, got, want)
	}
}
