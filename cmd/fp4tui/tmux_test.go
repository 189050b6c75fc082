package main

import (
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// patience is how long a screen may take: generous, since machines that test are loaded.
const patience = 40 * time.Second

// terminal is a session of a tmux server of its own with a shell in it.
type terminal struct {
	t    *testing.T
	tmux func(args ...string) string
	dir  string // where the shell stands
	name string
}

// terminals gives a maker of terminals over one server. This binary is the program there:
// TestMain calls main.
func terminals(t *testing.T) func(t *testing.T, w, h int, env ...string) *terminal {
	t.Helper()
	tmux, err := osexec.LookPath("tmux")
	if err != nil {
		t.Skip("tmux is not installed")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "fp4tui")); err != nil {
		t.Fatal(err)
	}
	server, err := os.MkdirTemp("", "fp4") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		osexec.Command(tmux, "-S", filepath.Join(server, "s"), "kill-server").Run()
		os.RemoveAll(server)
	})
	// A server without sessions ends; this one outlives those of the flows.
	if out, err := osexec.Command(tmux, "-S", filepath.Join(server, "s"), "-f", "/dev/null", "new-session", "-d", "-s", "hold", "cat").CombinedOutput(); err != nil {
		t.Fatalf("tmux: %v\n%s", err, out)
	}
	count := 0
	return func(t *testing.T, w, h int, env ...string) *terminal {
		t.Helper()
		count++
		m := &terminal{t: t, dir: t.TempDir(), name: "t" + strconv.Itoa(count)}
		m.tmux = func(args ...string) string {
			t.Helper()
			out, err := osexec.Command(tmux, append([]string{"-S", filepath.Join(server, "s"), "-f", "/dev/null", "-u"}, args...)...).CombinedOutput()
			if err != nil {
				t.Fatalf("tmux %s: %v\n%s", args, err, out)
			}
			return string(out)
		}
		set := []string{"PS1=$ ", "PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "LC_ALL=C.UTF-8", asProgram + "=1"}
		for _, name := range []string{"XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "HOME"} {
			set = append(set, name+"="+filepath.Join(m.dir, ".own", name))
		}
		command := append(append([]string{"env", "-u", "NO_COLOR", "-u", "FP4TUI_NO_JOURNAL"}, append(set, env...)...), "sh", "-i")
		m.tmux(append([]string{"new-session", "-d", "-s", m.name, "-x", strconv.Itoa(w), "-y", strconv.Itoa(h), "-c", m.dir}, command...)...)
		m.tmux("set-option", "-t", m.name, "status", "off")
		m.tmux("resize-window", "-t", m.name, "-x", strconv.Itoa(w), "-y", strconv.Itoa(h))
		t.Cleanup(func() { osexec.Command(tmux, "-S", filepath.Join(server, "s"), "kill-session", "-t", m.name).Run() })
		return m.back()
	}
}

// frame is what stands on the screen.
func (m *terminal) frame() string { return m.tmux("capture-pane", "-p", "-t", m.name) }

// sees waits until every text stands on the screen.
func (m *terminal) sees(texts ...string) *terminal {
	m.t.Helper()
	m.until(fmt.Sprintf("%q", texts), func(frame string) bool {
		for _, text := range texts {
			if !strings.Contains(frame, text) {
				return false
			}
		}
		return true
	})
	return m
}

// back waits for the shell's prompt.
func (m *terminal) back() *terminal {
	m.t.Helper()
	m.until("the shell", func(frame string) bool {
		frame = strings.TrimRight(frame, " \n")
		return frame[strings.LastIndexByte(frame, '\n')+1:] == "$"
	})
	return m
}

// until waits for a frame that fits.
func (m *terminal) until(what string, fits func(frame string) bool) {
	m.t.Helper()
	for late := time.Now().Add(patience); ; time.Sleep(15 * time.Millisecond) {
		frame := m.frame()
		if fits(frame) {
			return
		}
		if time.Now().After(late) {
			m.t.Fatalf("the screen does not show %s:\n%s", what, frame)
		}
	}
}

// keys presses keys by the names that tmux gives them.
func (m *terminal) keys(keys ...string) *terminal {
	m.t.Helper()
	m.tmux(append([]string{"send-keys", "-t", m.name}, keys...)...)
	return m
}

// types sends characters as they are.
func (m *terminal) types(text string) *terminal {
	m.t.Helper()
	m.tmux("send-keys", "-t", m.name, "-l", text)
	return m
}

// shell runs a line in the shell.
func (m *terminal) shell(line string) *terminal {
	m.t.Helper()
	return m.types(line).keys("Enter")
}

// prompted runs a command at the prompt of the program.
func (m *terminal) prompted(line string) *terminal {
	m.t.Helper()
	return m.types(":").sees("Tab take").types(line).keys("Enter")
}

// sane fails unless the shell is back with lines that are edited and echoed, on the main
// screen.
func (m *terminal) sane() {
	m.t.Helper()
	m.shell(`echo " modes" $(stty -a | tr ' ;' '\n\n' | grep -x -e icanon -e echo -e isig -e icrnl -e opost | sort)`)
	m.sees(" modes echo icanon icrnl isig opost")
	if on := strings.TrimSpace(m.tmux("display-message", "-p", "-t", m.name, "#{alternate_on}#{mouse_any_flag}#{?cursor_flag,0,1}")); on != "000" {
		m.t.Errorf("alternate screen, mouse, hidden cursor: %s", on)
	}
}

// pid is that of the program in the terminal.
func (m *terminal) pid() string {
	m.t.Helper()
	shell := strings.TrimSpace(m.tmux("display-message", "-p", "-t", m.name, "#{pane_pid}"))
	for late := time.Now().Add(patience); time.Now().Before(late); time.Sleep(15 * time.Millisecond) {
		if out, err := osexec.Command("pgrep", "-P", shell, "-x", "fp4tui").Output(); err == nil {
			return strings.TrimSpace(string(out))
		}
	}
	m.t.Fatal("the program does not run")
	return ""
}

func (m *terminal) signal(name string) *terminal {
	m.t.Helper()
	if out, err := osexec.Command("kill", "-"+name, m.pid()).CombinedOutput(); err != nil {
		m.t.Fatalf("kill -%s: %v\n%s", name, err, out)
	}
	return m
}

// killed ends the program without a chance to clean up, and waits for the shell's word of it, wherever
// the cursor stood: at the edge of the screen the word is cut in two.
func (m *terminal) killed() {
	m.t.Helper()
	m.signal("KILL").until("the shell", regexp.MustCompile(`(?i)k\s*illed`).MatchString)
}

// tour starts the program and opens the tour.
func (m *terminal) tour() *terminal {
	m.t.Helper()
	return m.shell("fp4tui").sees("▸ tour").keys("Enter").sees("[Layers]", "12 layers", "encoder.layer.0")
}

// errorMap runs the first layer of the tour.
func (m *terminal) errorMap() *terminal {
	m.t.Helper()
	return m.tour().keys("r").sees("[Error]", "rel_l2", "vs original")
}

// long starts a product that takes long.
func (m *terminal) long() *terminal {
	m.t.Helper()
	m.tour().keys("Enter").sees("[Weight]").prompted("big = randn 40000 384 seed=1").sees("bf16 40000×384")
	return m.prompted("slow = gemm big w").sees("Ctrl-C cancels")
}

// terminalFlow is one acceptance of the program as people meet it.
type terminalFlow struct {
	name string
	w, h int
	env  []string
	run  func(m *terminal)
}

// TestTerminal plays the program in real terminals.
func TestTerminal(t *testing.T) {
	if testing.Short() {
		t.Skip("real terminals")
	}
	open := terminals(t)
	var flows []terminalFlow
	for _, part := range [][]terminalFlow{startFlows(), workFlows(), endFlows(), inputFlows(), looksFlows()} {
		flows = append(flows, part...)
	}
	for _, flow := range flows {
		t.Run(flow.name, func(t *testing.T) { flow.run(open(t, flow.w, flow.h, flow.env...)) })
	}
}

func startFlows() []terminalFlow {
	start := func(m *terminal) {
		m.shell("fp4tui").sees("no checkpoint open", "Debug the FP4 layer", "▸ tour", "q quit", "? keys")
		m.keys("q").back().sane()
	}
	return []terminalFlow{
		{"start 80x24", 80, 24, nil, start},
		{"start 120x40", 120, 40, nil, start},
		{"start 200x60", 200, 60, nil, start},
		{"open a checkpoint", 80, 24, nil, func(m *terminal) {
			m.shell("fp4tui "+sample(m.t, "minilm-w4a4")).sees("[Layers]", "2 layers").keys("Enter").sees("[Weight]", "input_global_scale").keys("q").sees("save and quit").keys("q").back().sane()
		}},
		{"no such path", 80, 24, nil, func(m *terminal) {
			m.shell("fp4tui ./nothing; echo exit $?").sees("nothing").keys("q")
			m.sees("exit ")
		}},
	}
}

func workFlows() []terminalFlow {
	return []terminalFlow{
		{"run a layer, map, explain", 80, 24, nil, func(m *terminal) {
			m.errorMap().keys("w").sees("m 0  n 164").keys("Enter").sees("[eXplain]", "error by operation", "normal").keys("Escape").sees("[Error]")
		}},
		{"notebook: edit and run", 80, 24, nil, func(m *terminal) {
			m.errorMap().keys("g", "n").sees("[Notebook]", "8 cells").keys("G", "o").sees("edit").types("let answer = 6 * 7").keys("Enter").sees("let answer = 6 * 7").keys("r").sees("ok      let answer")
		}},
		{"save and replay", 80, 24, nil, func(m *terminal) {
			m.errorMap().keys("x").sees("expect e.max_abs").keys("Enter").sees("PASS").keys("s").sees("export session").keys("Enter").sees("saved session.fp4.md").keys("q").back()
			m.shell("fp4tui replay session.fp4.md; echo exit $?").sees("exit 0", "0 failed")
		}},
		{"resize storm during work", 120, 40, nil, func(m *terminal) {
			m.long()
			for i := range 12 {
				m.tmux("resize-window", "-t", m.name, "-x", strconv.Itoa(40+i*17%160), "-y", strconv.Itoa(8+i*7%50))
			}
			m.tmux("resize-window", "-t", m.name, "-x", "100", "-y", "30")
			m.sees("[Weight]", "? keys", "Ctrl-C cancels").keys("C-c").sees("cancelled")
		}},
		{"Ctrl-C cancels long work", 80, 24, nil, func(m *terminal) {
			m.long().keys("C-c").sees("cancelled").keys("g", "s").sees("[Scales]")
		}},
		{"suspend and resume", 80, 24, nil, func(m *terminal) {
			m.errorMap().keys("C-z").until("a stopped job", func(f string) bool { return strings.Contains(strings.ToLower(f), "stopped") })
			m.sane()
			m.shell("fg").sees("[Error]", "rel_l2").keys("w").sees("m 0  n 164")
		}},
	}
}

func endFlows() []terminalFlow {
	signalled := func(name string) terminalFlow {
		return terminalFlow{"SIG" + name + " restores the terminal", 80, 24, nil, func(m *terminal) {
			m.tour().signal(name).back().sane()
		}}
	}
	return []terminalFlow{
		signalled("TERM"), signalled("HUP"), signalled("QUIT"),
		{"kill -9 and recovery", 80, 24, nil, func(m *terminal) {
			m.errorMap().killed()
			m.types("stty sane; clear; fp4tui").keys("C-j").sees("an earlier session was not saved", "8 commands").keys("r").sees("recovered 8 commands", "[Layers]")
		}},
		{"a session lost on another checkpoint", 80, 24, nil, func(m *terminal) {
			m.shell("fp4tui tour:minilm-w4a16").sees("12 layers", "encoder.layer.0").killed()
			m.types("stty sane; clear; fp4tui tour:minilm-mxfp4").keys("C-j").sees("an earlier session was not saved", "load     tour:minilm-w4a16", "[ Esc later ]", "c = load tour:minilm-mxfp4")
			m.keys("Enter").until("what was opened", func(f string) bool {
				return strings.Contains(f, " mxfp4 ") && !strings.Contains(f, "w4a16") && !strings.Contains(f, "earlier session")
			})
			m.keys("q").sees("quit without saving").keys("q").back()
			m.types("clear; fp4tui tour:minilm-mxfp4").keys("C-j").sees("[ Esc later ]").keys("r").sees("recovered 1 command;", "tour-minilm-w4a16.fp4.md")
		}},
		{"running an unchanged notebook again leaves nothing to recover", 80, 24, nil, func(m *terminal) {
			put(m.t, filepath.Join(m.dir, "n.fp4.md"), "---\nfp4tui: 1\n---\n\n```fp4\nlet a = 1\n```\n\n```out\na = 1\n```\n")
			m.shell("fp4tui n.fp4.md").sees("[Notebook]", "let a = 1", "1 ok").keys("r").sees("1 ok", "let a = 1")
			// What the second run shows is what the first one did: another pane and back gives it its time.
			m.keys("!").keys("g", "l").sees("[Layers]").keys("g", "n").sees("[Notebook]", "1 ok").killed()
			m.types("stty sane; clear; fp4tui").keys("C-j").sees("▸ tour")
			if f := m.frame(); strings.Contains(f, "earlier session") {
				m.t.Errorf("recovery is offered:\n%s", f)
			}
		}},
		{"an edited page survives kill -9", 80, 24, nil, func(m *terminal) {
			page := "---\nfp4tui: 1\n---\n\n# First words\n\n```fp4\nlet a = 1\n```\n\n```out\na = 1\n```\n"
			put(m.t, filepath.Join(m.dir, "n.fp4.md"), page)
			m.shell("fp4tui n.fp4.md").sees("[Notebook]", "ok      let a = 1").keys("c").sees("Esc leave").types("a second thought").keys("Enter").sees("note    a second thought")
			m.killed()
			if text := cat(m.t, filepath.Join(m.dir, "n.fp4.md")); text != page {
				m.t.Errorf("the file changed:\n%s", text)
			}
			m.types("stty sane; clear; fp4tui").keys("C-j").sees("an earlier session was not saved", "edited and not saved: ").keys("r").sees("and the page", "a second thought", "First words")
			m.keys("s").sees("saved ")
			if text := cat(m.t, filepath.Join(m.dir, "n.fp4.md")); !strings.Contains(text, "First words") || !strings.Contains(text, "a second thought") {
				m.t.Errorf("saved:\n%s", text)
			}
		}},
		{"plain goes on in lines", 80, 24, nil, func(m *terminal) {
			m.tour().prompted("plain").sees("the session goes on in lines: 3 commands", "fp4>").shell("ls c limit=1").sees("encoder.layer.0").shell("quit").shell("quit").back().sane()
		}},
	}
}

func inputFlows() []terminalFlow {
	return []terminalFlow{
		{"paste of a script", 80, 24, nil, func(m *terminal) {
			m.tour()
			m.tmux("set-buffer", "-b", m.name, "let a = 20\nlet b = a + 22\nexpect b == 42\n")
			m.tmux("paste-buffer", "-p", "-b", m.name, "-t", m.name)
			m.sees("run the pasted lines?", "let b = a + 22").keys("Enter").sees("PASS b 42")
		}},
		{"mouse", 80, 24, nil, func(m *terminal) {
			m.tour()
			at := strings.Index(strings.Split(m.frame(), "\n")[1], "lInt") + 1
			m.types(fmt.Sprintf("\x1b[<0;%d;2M\x1b[<0;%d;2m", at, at)).sees("[lInt]")
		}},
		{"own keys", 80, 24, nil, func(m *terminal) {
			put(m.t, filepath.Join(m.dir, "k.toml"), "[keys]\nrun = \"f5\"\nscales = \"g y\"\n")
			m.shell("fp4tui --keys k.toml").sees("F5  run the layer").keys("Enter").sees("[Layers]", "12 layers", "F5 run", " scales ").keys("F5").sees("[Error]").keys("g", "y").sees("[scales]")
		}},
		{"wide characters", 80, 24, nil, func(m *terminal) {
			m.tour().prompted(`note "層の誤差: 確認"`).keys("g", "n").sees("[Notebook]", "層の誤差: 確認").keys("s").sees("export session").keys("Enter").sees("saved session.fp4.md")
			if text := cat(m.t, filepath.Join(m.dir, "session.fp4.md")); !strings.Contains(text, "層の誤差: 確認") {
				m.t.Errorf("saved:\n%s", text)
			}
		}},
	}
}

func looksFlows() []terminalFlow {
	colour := regexp.MustCompile(`\x1b\[[0-9;]*\b(3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]`)
	return []terminalFlow{
		{"colours", 80, 24, nil, func(m *terminal) {
			m.errorMap()
			if styled := m.tmux("capture-pane", "-e", "-p", "-t", m.name); !colour.MatchString(styled) {
				m.t.Errorf("no colour in %q", styled[:400])
			}
		}},
		{"NO_COLOR", 80, 24, []string{"NO_COLOR=1"}, func(m *terminal) {
			m.errorMap()
			if found := colour.FindString(m.tmux("capture-pane", "-e", "-p", "-t", m.name)); found != "" {
				m.t.Errorf("a colour: %q", found)
			}
		}},
		{"ascii", 80, 24, nil, func(m *terminal) {
			m.shell("clear; fp4tui --ascii").sees("> tour").keys("Enter").sees("[Layers]", "12 layers").keys("r").sees("[Error]", "rel_l2")
			for _, r := range m.frame() {
				if r > 0x7e {
					m.t.Errorf("%q in\n%s", r, m.frame())
					return
				}
			}
		}},
		{"tiny", 80, 24, nil, func(m *terminal) {
			m.tour()
			m.tmux("resize-window", "-t", m.name, "-x", "50", "-y", "8")
			m.sees("fp4tui needs 80×24, this is 50×8")
			m.tmux("resize-window", "-t", m.name, "-x", "80", "-y", "24")
			m.sees("[Layers]")
		}},
		{"hostile names", 80, 24, nil, func(m *terminal) {
			title := m.tmux("display-message", "-p", "-t", m.name, "#{pane_title}")
			m.shell("fp4tui "+sample(m.t, "broken/hostile-name.safetensors")).sees("? keys").keys("g", "i").sees("[lInt]", "? keys").keys("g", "l").sees("[Layers]")
			printable(m.t, "the screen", m.frame())
			if now := m.tmux("display-message", "-p", "-t", m.name, "#{pane_title}"); now != title && !strings.HasPrefix(now, "fp4tui") {
				m.t.Errorf("the title became %q", now)
			}
		}},
	}
}
