package notebook

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fp4tui/exec/language"
)

var errCheck = errors.New("expect failed")

type hintError struct{}

func (hintError) Error() string { return "no such file" }
func (hintError) Hint() string  { return "copy it" }

// fake is a session of five commands:
//
//	def NAME          binds a name
//	say WORDS…        prints words; "$NAME" must be bound
//	expect ok|bad     a check
//	fail              an error of the environment
//	wait              blocks until the context ends
type fake struct {
	ran     []string
	checked int
	cancel  func()
}

func (f *fake) Check(sources []language.Source) []*language.Error {
	f.checked++
	var errs []*language.Error
	bound := map[string]bool{}
	for _, s := range sources {
		w := strings.Fields(s.Text)
		fail := func(msg string) {
			errs = append(errs, &language.Error{File: s.Pos.File, Line: s.Pos.Line, Col: 1, Msg: msg, Source: s.Text})
		}
		switch w[0] {
		case "def":
			bound[w[1]] = true
		case "say":
			for _, x := range w[1:] {
				if n, ok := strings.CutPrefix(x, "$"); ok && !bound[n] {
					fail("no handle " + n)
				}
			}
		case "expect", "fail", "wait", "stop", "usage":
		default:
			fail("unknown command " + w[0])
		}
	}
	return errs
}

func (f *fake) Run(ctx context.Context, s language.Source) (Ran, error) {
	f.ran = append(f.ran, s.Text)
	w := strings.Fields(s.Text)
	switch w[0] {
	case "say":
		return Ran{Text: strings.Join(w[1:], " "), Command: s.Text}, nil
	case "expect":
		if w[1] == "ok" {
			return Ran{Text: "PASS\n", Checks: 1}, nil
		}
		return Ran{Text: "FAIL 0.5 over 0.1\n", Command: s.Text, Checks: 1}, errCheck
	case "fail":
		return Ran{Text: "half\n", Failure: "error: load: no such file\nhint: look"}, fmt.Errorf("load: %w", hintError{})
	case "usage":
		return Ran{}, language.ErrUsage
	case "wait":
		<-ctx.Done()
		return Ran{}, ctx.Err()
	case "stop":
		f.cancel()
		return Ran{}, context.Canceled
	}
	return Ran{}, nil
}

func classify(err error) Class {
	switch {
	case errors.Is(err, errCheck):
		return CheckFailed
	case errors.Is(err, language.ErrUsage):
		return UsageError
	case errors.Is(err, context.Canceled):
		return Interrupted
	}
	return EnvironmentError
}

// replayText replays a notebook made of cells: "attributes|commands|out info|output".
func replayText(t *testing.T, text string, opt Options) (Report, *fake, *Document) {
	t.Helper()
	d, errs := Parse("f.fp4.md", []byte(text))
	f := &fake{}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	f.cancel = cancel
	opt.Classify = classify
	return Replay(ctx, d, errs, opt, f), f, d
}

func cellText(attrs, commands, out, stored string) string {
	s := "```fp4 " + attrs + "\n" + commands + "\n```\n"
	if out != "" {
		s += "```" + out + "\n" + stored + "\n```\n"
	}
	return s + "\n"
}

// brief is the outcome on one line: status, line, reason of every cell, then the exit.
func brief(r Report) string {
	var parts []string
	for _, e := range r.Usage {
		parts = append(parts, "usage "+e.Error())
	}
	for _, f := range r.Faults {
		parts = append(parts, fmt.Sprintf("fault %d %s", f.Line, f.Msg))
	}
	if r.Skip != "" {
		parts = append(parts, "skip "+r.Skip)
	}
	for _, c := range r.Cells {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %d %s", c.Status, c.Line, c.Reason)))
	}
	return strings.Join(append(parts, fmt.Sprint("exit ", r.ExitCode())), "; ")
}

func TestReplay(t *testing.T) {
	has := func(q string) (bool, string) { return q == "cpu", "there is none" }
	for name, c := range map[string]struct {
		text string
		opt  Options
		want string
	}{
		"all good":       {cellText("", "say a", "out", "a") + cellText("", "expect ok", "", ""), Options{}, "ok 2; ok 9; exit 0"},
		"nothing":        {cellText("", "say a", "", ""), Options{}, "ok 2; exit 4"},
		"ignored":        {cellText("", "say a", "out ignore", "b"), Options{}, "ok 2; exit 4"},
		"changed":        {cellText("", "say a", "out", "b") + cellText("", "say c", "out", "c"), Options{}, `CHANGED 5 "a" where "b" is stored; ok 9; exit 1`},
		"shorter":        {cellText("", "say a", "out", "a\nb"), Options{}, `CHANGED 6 the output ends before this line; exit 1`},
		"longer":         {cellText("", "say a\nsay b", "out", "a"), Options{}, `CHANGED 7 the stored output ends before this line; exit 1`},
		"tolerance":      {cellText("tol=10%", "say 1.05", "out", "1.0000"), Options{}, "ok 2; exit 0"},
		"stale":          {cellText("", "say a", "out stale", "a"), Options{}, "CHANGED 4 the stored output is marked stale; exit 1"},
		"expect":         {cellText("", "say a\nexpect bad\nsay b", "", "") + cellText("", "expect ok", "", ""), Options{}, "FAIL 3 expect failed; ok 8; exit 1"},
		"expect and out": {cellText("", "expect bad", "out", "PASS"), Options{}, "FAIL 2 expect failed; exit 1"},
		"error": {cellText("", "fail", "", "") + cellText("", "expect ok", "", ""), Options{},
			"ERROR 2 load: no such file; SKIP 6 not run: line 2 failed; exit 3"},
		"error, go on":   {cellText("", "fail", "", "") + cellText("", "expect ok", "", ""), Options{KeepGoing: true}, "ERROR 2 load: no such file; ok 6; exit 3"},
		"allowed error":  {cellText("allow-error", "fail\nexpect bad\nsay b", "out", "half\nerror: load: [..]\nhint: look\nFAIL 0.5 over 0.1\nb"), Options{}, "ok 2; exit 0"},
		"late usage":     {cellText("", "usage", "", ""), Options{}, "usage f.fp4.md:2:1: usage; ERROR 2 usage; exit 2"},
		"parse error":    {cellText("", "expect ok", "", "") + "```fp4 idd=a\n```\n", Options{}, `usage f.fp4.md:5:8: unknown attribute "idd=a"; did you mean id=?; exit 2`},
		"name error":     {cellText("", "expect ok", "", "") + cellText("", "say $x", "", ""), Options{}, "usage f.fp4.md:6:1: no handle x; exit 2"},
		"timeout":        {cellText("timeout=1ms", "wait", "", ""), Options{}, "ERROR 2 no result within 1ms: context deadline exceeded; exit 3"},
		"timeout of all": {cellText("", "wait", "", ""), Options{Timeout: time.Millisecond}, "ERROR 2 no result within 1ms: context deadline exceeded; exit 3"},
		"interrupted":    {cellText("", "stop", "", "") + cellText("", "expect ok", "", ""), Options{}, "SKIP 2 interrupted; exit 130"},
		"requirement": {cellText("requires=cpu,gpu", "def x\nsay 1", "out", "1") + cellText("", "def y\nsay $x", "", "") + cellText("", "say $y", "", "") + cellText("", "expect ok", "", ""),
			Options{Has: has}, "SKIP 2 requires gpu: there is none; SKIP 10 needs a skipped cell: no handle x; SKIP 15 needs a skipped cell: no handle y; ok 19; exit 0"},
		"front requirement": {"---\nfp4tui: 1\nrequires: [gpu]\n---\n" + cellText("", "expect bad", "", ""), Options{Has: has}, "skip requires gpu: there is none; exit 4"},
		"skip hides no typo": {"---\nfp4tui: 1\nrequires: [gpu]\n---\n" + cellText("", "nope", "", ""), Options{Has: has},
			"usage f.fp4.md:6:1: unknown command nope; skip requires gpu: there is none; exit 2"},
		"unknown requirement": {cellText("requires=magic", "say 1", "", ""), Options{}, "SKIP 2 requires magic: unknown requirement; exit 4"},
		"backend":             {cellText("", "say a", "out backend=emu", "a\n```\n```out backend=cuda\nb\n```\n```out\nc"), Options{}, "ok 2; exit 0"},
		"other backend":       {cellText("", "say a", "out backend=emu", "a\n```\n```out backend=cuda\nb"), Options{Backend: "cuda"}, `CHANGED 8 "a" where "b" is stored; exit 1`},
		"no such backend":     {cellText("", "say a", "out backend=emu", "a"), Options{Backend: "ref"}, "ok 2; exit 4"},
		"filter": {cellText("id=one", "def x\nexpect bad", "out", "z") + cellText("id=two", "say $x", "out", "$x") + cellText("", "fail", "", ""),
			Options{Filter: "t*"}, "ok 2; ok 10; exit 0"},
		"filter misses": {cellText("id=one", "say 1", "", ""), Options{Filter: "two"}, `usage f.fp4.md:1:1: no cell matches the filter "two"; ids: one; exit 2`},
		"filter broken": {cellText("id=one", "say 1", "", ""), Options{Filter: "["}, `usage f.fp4.md:1:1: filter "[" is not a glob; exit 2`},
	} {
		r, _, _ := replayText(t, c.text, c.opt)
		if got := brief(r); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}

func TestNothingRunsAfterAMistake(t *testing.T) {
	for _, text := range []string{
		cellText("", "say 1", "", "") + cellText("", "nope", "", ""),
		cellText("", "say 1", "", "") + "prose\n```out\n```\n",
	} {
		if _, f, _ := replayText(t, "p\n"+text, Options{}); len(f.ran) != 0 {
			t.Errorf("ran %q", f.ran)
		}
	}
}

func TestInputHashes(t *testing.T) {
	dir := tree(t, map[string]string{"w.npy": "w"})
	text := func(sha string) string {
		return "---\nfp4tui: 1\ninputs:\n  W: {path: w.npy, sha256: " + sha + "}\n  v: {path: absent}\n---\n" + cellText("requires=file:W", "expect ok", "", "")
	}
	good, err := HashPath(context.Background(), filepath.Join(dir, "w.npy"))
	if err != nil {
		t.Fatal(err)
	}
	bad := strings.Repeat("0", 64)
	opt := Options{Access: Access{Dir: dir}}
	r, _, _ := replayText(t, text(good), opt)
	if got := brief(r); got != "ok 8; exit 0" {
		t.Error(got)
	}
	r, f, _ := replayText(t, text(bad), opt)
	want := "fault 4 input W: w.npy is not the file that was recorded: sha256 " + good + ", recorded " + bad + "; exit 3"
	if got := brief(r); got != want || len(f.ran) != 0 {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if err := os.Remove(filepath.Join(dir, "w.npy")); err != nil {
		t.Fatal(err)
	}
	r, _, _ = replayText(t, text(good), opt)
	if r.ExitCode() != ExitEnvironment || len(r.Faults) != 1 {
		t.Errorf("missing input: %s", brief(r))
	}
	r, _, _ = replayText(t, text(good), Options{Access: opt.Access, Hash: func(context.Context, string) (string, error) { return good, nil }})
	if got := brief(r); got != "SKIP 8 requires file:W: the file is not here; exit 4" {
		t.Error(got)
	}
}

func TestReplayThenUpdate(t *testing.T) {
	text := cellText("", "say a", "out", "b") + cellText("", "expect bad", "out", "PASS") + cellText("", "say 0.52", "out", "0.5")
	r, _, d := replayText(t, text, Options{})
	got := Update(d, r.Fresh())
	if want := strings.Replace(text, "\nb\n", "\na\n", 1); string(got) != want {
		t.Errorf("got\n%s", got)
	}
}

func TestExitCodeOfSeveral(t *testing.T) {
	passed := Report{Cells: []CellResult{{Status: OK, Checks: 1}}}
	skipped := Report{Skip: "requires gpu"}
	failed := Report{Cells: []CellResult{{Status: Changed, Checks: 1}}}
	errored := Report{Cells: []CellResult{{Status: Errored}}}
	usage := Report{Usage: []*language.Error{{}}}
	stopped := Report{Interrupted: true}
	for _, c := range []struct {
		reports    []Report
		failOnSkip bool
		want       int
	}{
		{nil, false, 4}, {[]Report{passed}, false, 0}, {[]Report{passed, skipped}, false, 0}, {[]Report{passed, skipped}, true, 4},
		{[]Report{skipped}, false, 4}, {[]Report{passed, failed}, false, 1}, {[]Report{failed, errored}, false, 3},
		{[]Report{errored, usage, failed}, false, 2}, {[]Report{usage, stopped}, false, 130},
	} {
		if got := ExitCode(c.reports, c.failOnSkip); got != c.want {
			t.Errorf("ExitCode(%+v) = %d, want %d", c.reports, got, c.want)
		}
	}
}

// reports is one report with every outcome, for the writers.
func reports(t *testing.T) []Report {
	text := cellText("id=a", "say a #1", "out", "a #1") + cellText("", "say x\nsay 36", "out", "x\n15") + cellText("", "expect bad", "", "") +
		cellText("requires=gpu", "say g", "", "") + cellText("", "fail", "", "")
	r, _, _ := replayText(t, text, Options{})
	bad, _, _ := replayText(t, "```fp4\n no\x01pe\n```\n", Options{})
	bad.File = "bad.fp4.md"
	return []Report{r, bad, {File: "gpu.fp4.md", Backend: "cuda", Skip: "requires gpu"}, {File: "in.fp4.md", Faults: []Fault{{3, "input W: gone", "restore it"}}}}
}

func TestWriteText(t *testing.T) {
	var b bytes.Buffer
	if err := WriteText(&b, reports(t), WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	want := `f.fp4.md:14: CHANGED say x
    "36" where "15" is stored
    - 15
    + 36
f.fp4.md:18: FAIL expect bad
    expect failed
    FAIL 0.5 over 0.1
f.fp4.md:22: SKIP say g
    requires gpu: unknown requirement
f.fp4.md:26: ERROR fail
    load: no such file
    copy it
bad.fp4.md:2:1: unknown command no\x01pe
 no\x01pe
^
gpu.fp4.md: SKIP requires gpu
in.fp4.md:3: input W: gone
    restore it
1 passed, 5 failed, 2 skipped
`
	if got := strings.Replace(b.String(), "f.fp4.md:2:1: unknown", "bad.fp4.md:2:1: unknown", 1); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	b.Reset()
	if err := WriteText(&b, []Report{{Cells: []CellResult{{Status: OK, Line: 2, Command: "say"}}}}, WriteOptions{Verbose: true}); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != ":2: ok say\nnothing was checked: no cell has an out fence or an expect\n1 passed, 0 failed, 0 skipped\n" {
		t.Errorf("got %q", got)
	}
}

func TestWriteJSON(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJSON(&b, reports(t), WriteOptions{Stable: true}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	for _, l := range lines {
		var e map[string]any
		if err := json.Unmarshal([]byte(l), &e); err != nil || e["v"] != 1.0 || e["ev"] == "" {
			t.Errorf("%s: %v", l, err)
		}
		if e["elapsed_ms"] != nil {
			t.Errorf("a duration in stable output: %s", l)
		}
	}
	for i, want := range map[int]string{
		0:              `{"v":1,"ev":"start","file":"f.fp4.md","backend":"emu"}`,
		2:              `{"v":1,"ev":"cell","file":"f.fp4.md","line":14,"cmd":"say x","status":"CHANGED","reason":"\"36\" where \"15\" is stored","diff":["- 15","+ 36"],"got":"x\n36\n","want":"x\n15\n","checks":1}`,
		len(lines) - 1: `{"v":1,"ev":"end","passed":1,"failed":5,"skipped":2,"exit":2}`,
	} {
		if lines[i] != want {
			t.Errorf("line %d:\n got %s\nwant %s", i, lines[i], want)
		}
	}
	b.Reset()
	if err := WriteJSON(&b, reports(t), WriteOptions{}); err != nil || !strings.Contains(b.String(), `"elapsed_ms":0`) {
		t.Errorf("no durations: %v", err)
	}
}

func TestWriteJUnit(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJUnit(&b, reports(t), WriteOptions{Stable: true}); err != nil {
		t.Fatal(err)
	}
	var s junitSuites
	if err := xml.Unmarshal(b.Bytes(), &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Suites) != 4 {
		t.Fatalf("%d suites", len(s.Suites))
	}
	a := s.Suites[0]
	if a.Tests != 5 || a.Failures != 2 || a.Errors != 1 || a.Skipped != 1 || a.Properties[0].Value != "emu" {
		t.Errorf("%+v", a)
	}
	if k := a.Cases[1]; k.Failure == nil || k.Failure.Body != "- 15\n+ 36\n" || k.Line != 14 || k.Name != "line 14 say x" {
		t.Errorf("%+v", k)
	}
	if s.Suites[1].Errors != 1 || s.Suites[2].Skipped != 1 || s.Suites[3].Errors != 1 {
		t.Errorf("%+v", s.Suites[1:])
	}
}

func TestWriteTAP(t *testing.T) {
	var b bytes.Buffer
	if err := WriteTAP(&b, reports(t)[:1], WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	want := `TAP version 13
1..5
ok 1 - f.fp4.md: line 2 a: say a \#1
not ok 2 - f.fp4.md: line 14 say x
# "36" where "15" is stored
# - 15
# + 36
not ok 3 - f.fp4.md: line 18 expect bad
# expect failed
# FAIL 0.5 over 0.1
ok 4 - f.fp4.md: line 22 say g # SKIP requires gpu: unknown requirement
not ok 5 - f.fp4.md: line 26 fail
# load: no such file
`
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
}

// broken fails after a few bytes.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestWritersReportErrors(t *testing.T) {
	for name, w := range map[string]func() error{
		"text":  func() error { return WriteText(broken{}, reports(t), WriteOptions{}) },
		"json":  func() error { return WriteJSON(broken{}, reports(t), WriteOptions{}) },
		"junit": func() error { return WriteJUnit(broken{}, reports(t), WriteOptions{}) },
		"tap":   func() error { return WriteTAP(broken{}, reports(t), WriteOptions{}) },
	} {
		if err := w(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
