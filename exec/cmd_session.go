package exec

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"fp4tui/exec/language"
)

// LetCmd names a number.
type LetCmd struct {
	Assign language.Assign `arg:"EXPR,rest" doc:"a number or an expression over numbers and attributes"`
}

var letSpec = language.Spec{
	Verb: "let", Group: "session",
	Summary:  "name a number for use in expect",
	Examples: []string{"let tol = 0.001", "let bound = 2 * e.p99_abs"},
	New:      func() any { return new(LetCmd) },
}

func (cmd *LetCmd) run(c *call) (Result, error) {
	v, err := cmd.Assign.Value.Value(c.lookup)
	if err != nil {
		return nil, err
	}
	if v.IsText {
		return nil, fmt.Errorf("%w: let %s: want a number", ErrUsage, cmd.Assign.Name)
	}
	text := language.Number(v.Num).String()
	c.name = cmd.Assign.Name
	c.bind(numberValue{text: text, value: v.Num})
	return Setting{What: "let", Bind: Bind{c.name}, Items: []NamedText{{c.name, text}}}, nil
}

// SetCmd changes what gemm does when it is not told.
type SetCmd struct {
	Backend BackendArg `key:"backend" complete:"backend" values:"ref|emu|cuda|cuda:KERNEL|ENGINE" default:"emu" doc:"who computes gemm"`
	Mode    string     `key:"mode" enum:"layer|w4a16|w4a4" default:"layer" doc:"quantize activations: as the layer says, never, always"`
	Arch    string     `key:"arch" enum:"sm80|sm86|sm89|sm90|sm100|sm103|sm110|sm120|sm121" default:"sm100" doc:"whose tensor core emu is"`
	Out     string     `key:"out" enum:"bf16|fp16|f32" default:"bf16" doc:"output type of gemm"`

	Order    OrderArg `key:"order" default:"sequential" doc:"how emu walks K, as in gemm"`
	Epilogue string   `key:"epilogue" enum:"f32|bf16-alpha|out" default:"f32" doc:"where emu multiplies by alpha, as in gemm"`
	Bias     string   `key:"bias" enum:"none|f32|out" default:"none" doc:"where the bias of a layer that stores one is added, as in gemm"`

	Device string `key:"device" doc:"where backend=cuda computes: local[:N], or ssh:HOST[:PATH][:N] with PATH of fp4tui there and N the number of a GPU; not in files"`
	Python string `key:"python" doc:"the Python whose engines compute (torch, flashinfer:trtllm, …): its path, or ssh:HOST[:PATH]:PYTHON with PATH of fp4tui there; not in files"`
}

var setSpec = language.Spec{
	Verb: "set", Group: "session",
	Summary: "defaults of gemm; without a key, show them",
	Detail: "device= and python= say which programs of this machine compute. They stand alone and no notebook keeps them: " +
		"a file that others wrote starts no programs. For a replay, --device and --python say the same.",
	Examples: []string{"set backend=ref", "set arch=sm90 out=f32"},
	New:      func() any { return new(SetCmd) },
}

func defaultSettings() map[string]string {
	return map[string]string{"backend": "emu", "mode": "layer", "arch": "sm100", "out": "bf16",
		"order": "sequential", "epilogue": "f32", "bias": "none"}
}

func (cmd *SetCmd) run(c *call) (Result, error) {
	if cmd.Device != "" || cmd.Python != "" {
		return cmd.place(c)
	}
	set := maps.Clone(c.s.settings())
	for _, kv := range []NamedText{{"backend", string(cmd.Backend)}, {"mode", cmd.Mode}, {"arch", cmd.Arch}, {"out", cmd.Out},
		{"order", string(cmd.Order)}, {"epilogue", cmd.Epilogue}, {"bias", cmd.Bias}} {
		if kv.Text != "" {
			set[kv.Name] = kv.Text
		}
	}
	c.s.change(func(st *state) { st.set = set })
	return Setting{What: "set", Items: sortedItems(set)}, nil
}

// place says where other programs compute.
func (cmd *SetCmd) place(c *call) (Result, error) {
	if (*cmd != SetCmd{Device: cmd.Device, Python: cmd.Python}) {
		return nil, fmt.Errorf("%w: device= and python= stand in a set of their own: no notebook keeps them", ErrUsage)
	}
	if c.s.opt.Place == nil || c.sourced {
		return nil, fmt.Errorf("%w: a file starts no programs: give --device and --python at the command line, or set them at a prompt", ErrForbidden)
	}
	c.local = true
	r := Setting{What: "set"}
	for _, kv := range []NamedText{{"device", cmd.Device}, {"python", cmd.Python}} {
		if kv.Text == "" {
			continue
		}
		if err := c.s.opt.Place(kv.Name, kv.Text); err != nil {
			return nil, err
		}
		r.Items = append(r.Items, kv)
	}
	return r, nil
}

func sortedItems(m map[string]string) []NamedText {
	items := make([]NamedText, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		items = append(items, NamedText{name, m[name]})
	}
	return items
}

// AliasCmd gives a command a short name.
type AliasCmd struct {
	Macro language.Macro `arg:"COMMAND,rest" doc:"the beginning of a command; operands and keys follow where the alias is used"`
}

var aliasSpec = language.Spec{
	Verb: "alias", Group: "session",
	Summary:  "a short name for the beginning of a command",
	Examples: []string{"alias run = gemm x w"},
	New:      func() any { return new(AliasCmd) },
}

func (cmd *AliasCmd) run(c *call) (Result, error) {
	aliases := maps.Clone(c.s.snapshot().aliases)
	aliases[cmd.Macro.Name] = cmd.Macro.Text
	c.s.change(func(st *state) { st.aliases = aliases })
	return Setting{What: "alias", Items: []NamedText{{cmd.Macro.Name, cmd.Macro.Text}}}, nil
}

// NoteCmd writes prose into the notebook.
type NoteCmd struct {
	Text language.Text `arg:"TEXT,rest" doc:"a remark; it becomes a paragraph of the saved notebook"`
}

var noteSpec = language.Spec{
	Verb: "note", Group: "session",
	Summary:  "a remark in the notebook",
	Examples: []string{"note the new calibration doubled the saturation"},
	New:      func() any { return new(NoteCmd) },
}

func (cmd *NoteCmd) run(*call) (Result, error) { return Note{Text: string(cmd.Text)}, nil }

// UndoCmd takes the last recorded command back.
type UndoCmd struct{}

var undoSpec = language.Spec{
	Verb: "undo", Group: "session",
	Summary:  "take back the last recorded command",
	Detail:   "Names and settings are as they were before it, and it leaves the notebook. Files that were written stay.",
	Examples: []string{"undo"},
	New:      func() any { return new(UndoCmd) },
}

func (cmd *UndoCmd) run(c *call) (Result, error) {
	last, left, ok := c.s.lastRecorded()
	if !ok || c.sourced {
		return nil, fmt.Errorf("%w: nothing to undo", ErrUsage)
	}
	c.undone = true
	return Undone{Command: last, Left: left}, nil
}

// QuitCmd ends the session.
type QuitCmd struct{}

var quitSpec = language.Spec{
	Verb: "quit", Group: "session",
	Summary:  "end the session",
	Examples: []string{"quit"},
	New:      func() any { return new(QuitCmd) },
}

func (cmd *QuitCmd) run(c *call) (Result, error) { return Quit{Unsaved: c.s.Unsaved()}, nil }

// HelpCmd explains a verb, or lists them.
type HelpCmd struct {
	Topic string `arg:"VERB,optional" complete:"verb" doc:"a verb; all of them when not said"`
}

var helpSpec = language.Spec{
	Verb: "help", Group: "session",
	Summary:  "what a command does, or all commands",
	Examples: []string{"help", "help gemm"},
	New:      func() any { return new(HelpCmd) },
}

// SnapCmd records a screen as text.
type SnapCmd struct {
	View string        `key:"view" enum:"layers|weight|scales|codes|error|lint|log" default:"error" doc:"which screen"`
	Size language.Size `key:"size" default:"80x24" doc:"columns × rows"`
}

var snapSpec = language.Spec{
	Verb: "snap", Group: "session",
	Summary:  "one screen of the terminal UI as plain text",
	Examples: []string{"snap view=scales size=80x24"},
	New:      func() any { return new(SnapCmd) },
}

// The limits of a snapshot: the terminal UI draws no less, nobody reads more.
const (
	minSnapW, minSnapH = 80, 24
	maxSnap            = 400
)

func (cmd *SnapCmd) run(c *call) (Result, error) {
	size := cmd.Size
	if size.W == 0 {
		size = language.Size{W: minSnapW, H: minSnapH}
	}
	if size.W < minSnapW || size.H < minSnapH || size.W > maxSnap || size.H > maxSnap {
		return nil, fmt.Errorf("%w: size=%dx%d: want %dx%d to %dx%d", ErrUsage, size.W, size.H, minSnapW, minSnapH, maxSnap, maxSnap)
	}
	if c.s.opt.Snap == nil {
		return nil, fmt.Errorf("%w: this front end draws no screens", ErrNotReady)
	}
	view := first(cmd.View, "error")
	lines, err := c.s.opt.Snap(c.s, view, size.W, size.H)
	if err != nil {
		return nil, err
	}
	return Snapshot{View: view, Width: size.W, Height: size.H, Lines: lines}, nil
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + one + "s"
}
