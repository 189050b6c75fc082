package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"fp4tui/exec"
	"fp4tui/exec/journal"
)

// behindSSH makes every ssh:HOST of a test this program, its worker behaving as told, and
// returns the folder with the stand-in for ssh.
func behindSSH(t *testing.T, behave string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in for ssh is a shell script")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	put(t, filepath.Join(dir, "ssh"), "#!/bin/sh\nunset "+asProgram+"\nexport "+workerBehaviour+"="+behave+"\nexec '"+self+"' worker\n")
	if err := os.Chmod(filepath.Join(dir, "ssh"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return dir
}

// TestStatusBehindSSH: what a host says instead of its GPUs is told, with what ssh said and a
// cure, costs no more memory than an answer, and forges no line.
func TestStatusBehindSSH(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in for ssh is a shell script")
	}
	book := filepath.Join(t.TempDir(), "n.fp4.md")
	put(t, book, "---\nfp4tui: 1\nrequires: [gpu]\n---\n\n```fp4\nlet a = 1\n```\n")
	for _, c := range []struct{ script, says string }{
		{"echo 'Permission denied (publickey).' >&2; exit 255", "fp4tui at ssh:gpu1 does not say what GPUs there are: exit status 255, and said: Permission denied (publickey)."},
		{"exec yes", "fp4tui at ssh:gpu1 does not say what GPUs there are: it says more than 1048576 bytes"},
		{"exec yes >&2", "does not say what GPUs there are: it says more than 1048576 bytes"},
		{"exit 0", "unexpected end of JSON input"},
		{`printf '{"Reason":"none\\n1 passed\\u001b[31m"}'`, `requires gpu: none\x0a1 passed\x1b[31m`},
	} {
		dir := t.TempDir()
		put(t, filepath.Join(dir, "ssh"), "#!/bin/sh\ncase \"$*\" in *--status) ;; *) exit 1 ;; esac\n"+c.script+"\n")
		if err := os.Chmod(filepath.Join(dir, "ssh"), 0o755); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
		o := fp4tui(t, "--device", "ssh:gpu1", "replay", "--verbose", book).want(t, exec.ExitNothing)
		if !strings.Contains(unwrapped(o.out), c.says) {
			t.Errorf("%s: it says\n%s", c.script, o.out)
		}
		if o := fp4tui(t, "--device", "ssh:gpu1", "doctor").want(t, 0); strings.Contains(c.says, "GPUs there are") && (!strings.Contains(o.out, c.says) || !strings.Contains(o.out, "cure: see that ssh gpu1 works")) {
			t.Errorf("%s: doctor says\n%s", c.script, o.out)
		}
	}
}

// TestStatusOfAnotherProgram: what one fp4tui of a host said is not taken for the answer of
// another there, and is asked once.
func TestStatusOfAnotherProgram(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in for ssh is a shell script")
	}
	dir := t.TempDir()
	put(t, filepath.Join(dir, "ssh"), "#!/bin/sh\necho asked >>'"+dir+"/log'\ncase \"$*\" in */new/*) echo '{\"Devices\":[{\"Index\":0}]}' ;; *) echo '{\"Reason\":\"no driver\"}' ;; esac\n")
	if err := os.Chmod(filepath.Join(dir, "ssh"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	c := newComputers()
	for device, want := range map[string]bool{"ssh:gpu1": false, "ssh:gpu1:/new/fp4tui": true} {
		if err := c.place("device", device); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if there, why := c.available(t.Context(), "gpu"); there != want || !there && why != "no driver" {
				t.Errorf("%s: %v, %s", device, there, why)
			}
		}
	}
	if log := cat(t, filepath.Join(dir, "log")); log != "asked\nasked\n" {
		t.Errorf("%q", log)
	}
}

// misfortunes are what can become of a worker, and the words of it in the message.
var misfortunes = map[string]string{
	"crash":   "the GPU worker at ssh:gpu1 died: exit status 134, and said: CUDA_ERROR_ILLEGAL_ADDRESS (700)",
	"memory":  "the GPU worker at ssh:gpu1 died: signal: killed",
	"garbage": "the GPU worker at ssh:gpu1 died: not the worker protocol",
	"sticky":  "the GPU refused cuEventSynchronize: IllegalAddress (CUDA error 700)",
}

// unwrapped is a text without the line ends that a width made.
func unwrapped(text string) string { return strings.Join(strings.Fields(text), " ") }

// TestRunWithALostGPU: run prints what came before, says what happened and what to do, and
// exits 3; its JSON is one line a command all the same.
func TestRunWithALostGPU(t *testing.T) {
	for behave, says := range misfortunes {
		t.Run(behave, func(t *testing.T) {
			behindSSH(t, behave)
			args := []string{"--device", "ssh:gpu1", "run", "-c", "x = randn 4 64 seed=1", "-c", "w = quant x", "-c", "y = gemm x w backend=cuda"}
			o := fp4tui(t, args...).want(t, exec.ExitEnvironment)
			if all := unwrapped(o.out + o.stderr); !strings.Contains(all, "x: bf16 4×64") || !strings.Contains(all, says) || !strings.Contains(all, "nothing of the session is lost") {
				t.Errorf("it says\n%s%s", o.out, o.stderr)
			}
			o = fp4tui(t, append(args, "--json")...).want(t, exec.ExitEnvironment)
			lines := strings.Split(strings.TrimSpace(o.out), "\n")
			var last exec.Line
			if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || len(lines) != 3 {
				t.Fatalf("%v in %q", err, o.out)
			}
			if last.OK || last.Error.Code != map[bool]string{true: "not-ready", false: "unreadable"}[behave == "garbage"] || !strings.Contains(last.Error.Message, says) || !strings.Contains(last.Error.Hint, "nothing of the session is lost") {
				t.Errorf("%+v", last.Error)
			}
		})
	}
}

// TestReplayWithALostGPU: the cell fails with the reason, the others are checked.
func TestReplayWithALostGPU(t *testing.T) {
	book := filepath.Join(t.TempDir(), "n.fp4.md")
	put(t, book, "---\nfp4tui: 1\n---\n\n```fp4\nx = randn 4 64 seed=1\nw = quant x\n```\n\n```fp4\ny = gemm x w backend=cuda\n```\n\n```fp4\nz = gemm x w\nexpect z.nan == 0\n```\n")
	for behave, says := range misfortunes {
		t.Run(behave, func(t *testing.T) {
			behindSSH(t, behave)
			o := fp4tui(t, "--device", "ssh:gpu1", "replay", "--keep-going", book).want(t, exec.ExitEnvironment)
			if !strings.Contains(unwrapped(o.out), says) || !strings.Contains(o.out, "2 passed, 1 failed") {
				t.Errorf("it says\n%s%s", o.out, o.stderr)
			}
		})
	}
}

// TestJournalWithALostGPU: what was recorded before and after is kept, and replays without
// a GPU.
func TestJournalWithALostGPU(t *testing.T) {
	for behave, says := range misfortunes {
		t.Run(behave, func(t *testing.T) {
			lost(t)
			behindSSH(t, behave)
			dir, err := journal.Dir()
			if err != nil {
				t.Fatal(err)
			}
			a := &app{computers: newComputers()}
			t.Cleanup(a.computers.Close)
			j := journal.New(dir, time.Now())
			s := a.kept(exec.Options{Dir: t.TempDir(), Place: a.computers.place}, j)
			var kept []string
			for _, line := range []string{"set device=ssh:gpu1", "x = randn 4 64 seed=1", "w = quant x", "y = gemm x w backend=cuda", "y = gemm x w backend=cuda:w4a16", "z = gemm x w", "expect z.nan == 0"} {
				cell := s.Run(t.Context(), line, nil)
				switch gpu := strings.Contains(line, "cuda"); {
				case gpu && (cell.Err == nil || !strings.Contains(cell.Err.Error(), says)):
					t.Errorf("%s: %v", line, cell.Err)
				case !gpu && cell.Err != nil:
					t.Errorf("%s: %v", line, cell.Err)
				case !gpu && !strings.HasPrefix(line, "set "):
					kept = append(kept, line)
				}
			}
			if err := j.Close(false); err != nil {
				t.Fatal(err)
			}
			left := a.left()
			if len(left) != 1 || len(left[0].Commands) != len(kept) {
				t.Fatalf("left %+v, want %q", left, kept)
			}
			for i, line := range left[0].Commands {
				if strings.Fields(line)[0] != strings.Fields(kept[i])[0] {
					t.Errorf("kept %q, want %q", line, kept[i])
				}
			}
			fp4tui(t, "replay", left[0].Path).want(t, 0)
		})
	}
}

// TestScreenWithALostGPU: the terminal UI says what happened and goes on; what it did is in
// the journal, without what failed.
func TestScreenWithALostGPU(t *testing.T) {
	if testing.Short() {
		t.Skip("real terminals")
	}
	for _, behave := range []string{"crash", "sticky"} {
		path := behindSSH(t, behave)
		m := terminals(t)(t, 120, 40)
		m.shell("PATH=" + path + ":$PATH; fp4tui --device ssh:gpu1").sees("▸ tour").prompted("x = randn 4 64 seed=1").sees("4×64").prompted("w = quant x").sees("w = quant x")
		m.prompted("y = gemm x w backend=cuda").sees(map[string]string{"crash": "worker at ssh:gpu1 died", "sticky": "IllegalAddress"}[behave])
		m.prompted("z = gemm x w").sees("z = gemm")
		m.prompted("expect z.nan == 0").sees("PASS z.nan 0")
		m.killed()
		m.types("stty sane; clear; fp4tui repl").keys("C-j").sees("an earlier session was not saved: 4 commands").shell("recover").sees("recovered 4 commands", "PASS z.nan 0")
		m.shell("quit").shell("quit").back()
		books, err := filepath.Glob(filepath.Join(m.dir, ".own", "XDG_STATE_HOME", "fp4tui", "journal", "*.fp4.md"))
		if err != nil || slices.ContainsFunc(books, func(b string) bool { return strings.Contains(cat(t, b), "backend=cuda") }) {
			t.Errorf("%v: a failed command is recorded in %q", err, books)
		}
	}
}
