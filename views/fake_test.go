package views

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"fp4tui/exec"
	"fp4tui/exec/language"
)

// fakeEngine answers with canned results of one sample layer: N 1536, K 384, 128
// tokens. Everything it says is a function of the command line.
type fakeEngine struct {
	mu      sync.Mutex
	handles []exec.Handle
	log     []exec.Cell
	unsaved int
	layers  []exec.LayerRow
	fail    map[string]error // by first word
	block   chan struct{}    // gemm waits for it or for its context
	stage   string
}

const (
	fakeM, fakeN, fakeK, fakeBlock = 128, 1536, 384, 16
)

func newFake() *fakeEngine {
	f := &fakeEngine{fail: map[string]error{}}
	for layer := range 6 {
		for _, part := range []struct {
			name, group string
			n, k        int
		}{
			{"attention.output.dense", "", 384, 384}, {"attention.self.key", "attention.self q|k|v", 384, 384},
			{"attention.self.query", "attention.self q|k|v", 384, 384}, {"attention.self.value", "attention.self q|k|v", 384, 384},
			{"intermediate.dense", "", 1536, 384}, {"output.dense", "", 384, 1536},
		} {
			module := fmt.Sprintf("encoder.layer.%d.", layer)
			row := exec.LayerRow{Name: module + part.name, Producer: "compressed-tensors", Format: "nvfp4", Mode: "w4a16", N: part.n, K: part.k,
				Block: 16, BitsPW: 4.5, ScaleP50: "64", ScaleMax: "448", Saturated: int64(7 + layer + part.n/100), Level: "ok"}
			if part.group != "" {
				row.Group = module + part.group
				if layer == 0 {
					row.Level, row.Findings = "warn", []string{"q|k|v 1.8×"}
				}
			}
			if layer == 2 && part.name == "output.dense" {
				row.Level, row.NaN, row.Findings = "bad", 2, []string{"NaN scale 2"}
			}
			f.layers = append(f.layers, row)
		}
	}
	return f
}

func (f *fakeEngine) Stage() string { return f.stage }

func (f *fakeEngine) Run(ctx context.Context, line string, progress func(done, total int64)) exec.Cell {
	cell := exec.Cell{Command: line, Elapsed: 3 * time.Millisecond}
	name, rest, bound := strings.Cut(line, " = ")
	if !bound {
		name, rest = "", line
	}
	progress(43, 100)
	if f.block != nil && strings.HasPrefix(rest, "gemm") {
		select {
		case <-ctx.Done():
		case <-f.block:
		}
	}
	if ctx.Err() != nil {
		cell.Err = ctx.Err()
	} else {
		cell.Result, cell.Err = f.answer(name, rest)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if cell.Err == nil && name != "" {
		f.bind(name, cell.Result)
	}
	if _, undone := cell.Result.(exec.Undone); !undone {
		f.log = append(f.log, cell)
		f.unsaved++
	}
	if _, saved := cell.Result.(exec.Exported); saved {
		f.unsaved = 0
	}
	return cell
}

func (f *fakeEngine) bind(name string, result exec.Result) {
	h := exec.Handle{Name: name, Text: summary(result)}
	switch result.(type) {
	case exec.Opened:
		h.Kind = "checkpoint"
	case exec.LayerInfo:
		h.Kind = "layer"
	case exec.Diff:
		h.Kind = "diff"
	case exec.Product:
		h.Kind = "product"
	default:
		h.Kind = "tensor"
	}
	f.handles = append(f.handles, h)
}

func (f *fakeEngine) Peek(ctx context.Context, line string) (exec.Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return f.answer("", line)
}

func (f *fakeEngine) answer(name, line string) (exec.Result, error) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return nil, errors.New("empty")
	}
	words = append(words, "?", "?") // operands that are missing
	if err := f.fail[words[0]]; err != nil {
		return nil, err
	}
	b := exec.Bind{Handle: name}
	switch words[0] {
	case "load":
		return exec.Opened{Bind: b, Path: "samples/minilm-w4a16", Files: 1, Tensors: 144, Layers: len(f.layers), Formats: []string{"nvfp4"}}, nil
	case "set":
		return exec.Setting{What: "set", Items: []exec.NamedText{{Name: "arch", Text: "sm100"}, {Name: "backend", Text: "emu"}}}, nil
	case "ls":
		return exec.LayerList{Path: "samples/minilm-w4a16", Total: len(f.layers), Rows: f.layers, Limit: 1000, BitsPW: 4.5, Health: true}, nil
	case "layer":
		return f.layer(b, words[2]), nil
	case "info":
		return f.info(words[1])
	case "hist":
		return fakeHistogram(words[1]), nil
	case "codes":
		return fakeCodes(words[1]), nil
	case "bytes":
		return fakeDump(line), nil
	case "map":
		return fakeMap(line), nil
	case "top":
		return exec.Worst{Subject: words[1], By: "abs", Total: fakeM * fakeN, Rows: fakeWorst(), Pattern: "5 of 14 share row n 994; 12 come through k 37 or k 151"}, nil
	case "where":
		return exec.Matches{Subject: words[1], Metric: "abs", Count: 3, Total: fakeM * fakeN, Rows: fakeWorst()[:3]}, nil
	case "randn":
		return exec.TensorInfo{Bind: b, Name: name, Source: "randn seed=1", DType: "bf16", Shape: []int{fakeM, fakeK}}, nil
	case "gemm":
		if words[3] == "backend=all" {
			return fakeBackends(b), nil
		}
		return exec.Product{Bind: b, X: words[1], W: words[2], Backend: "emu", Out: "bf16", Shape: []int{fakeM, fakeN}}, nil
	case "diff":
		d := fakeDiff()
		d.Handle, d.Got, d.Want = name, words[1], words[2]
		return d, nil
	case "lint":
		return fakeLint(), nil
	case "explain":
		return fakeExplained(line)
	case "export":
		return exec.Exported{Path: words[2], What: "notebook, 9 cells", Next: "fp4tui replay " + words[2]}, nil
	case "expect":
		if words[1] == "e.rel_l2" && words[3] == "0.01" {
			return exec.Check{Expr: "e.rel_l2 < 0.01", Terms: []exec.CheckTerm{{Text: "e.rel_l2 < 0.01", Name: "e.rel_l2", Actual: 0.09386, Op: "<", Bound: 0.01}}}, exec.ErrCheckFailed
		}
		return exec.Check{Expr: strings.Join(words[1:len(words)-2], " "), OK: true, Terms: []exec.CheckTerm{{Text: words[1], OK: true, Name: words[1], Actual: 0.6938, Op: "<", Bound: 0.7632}}}, nil
	case "verdict":
		return exec.Help{Text: "normal NVFP4 noise"}, nil
	case "stat":
		return exec.Stats{Subject: line, Count: 3}, nil
	case "note":
		return exec.Note{Text: strings.Join(words[1:len(words)-2], " ")}, nil
	case "undo":
		return exec.Undone{Command: "e = diff y r", Left: 3}, nil
	case "help":
		return exec.Help{Text: "commands", Items: []exec.HelpItem{{Name: "gemm", Text: "run one layer"}, {Name: "explain", Text: "why this element"}}}, nil
	}
	return nil, &language.Error{Col: 1, Msg: fmt.Sprintf("unknown verb %q", words[0]), Hint: "did you mean gemm?", Source: line}
}

func (f *fakeEngine) info(word string) (exec.Result, error) {
	if at := strings.IndexByte(word, '['); at >= 0 {
		var m, n int
		if _, err := fmt.Sscanf(word[at:], "[%d,%d]", &m, &n); err != nil {
			return nil, err
		}
		return fakeElement(m, n), nil
	}
	switch word[0] {
	case 'w':
		return f.layer(exec.Bind{}, "encoder.layer.0.intermediate.dense"), nil
	case 'e':
		return fakeDiff(), nil
	}
	return exec.TensorInfo{Name: word, Source: "randn seed=1", DType: "bf16", Shape: []int{fakeM, fakeK}}, nil
}

func (f *fakeEngine) layer(b exec.Bind, name string) exec.LayerInfo {
	use := fakeCodes("w")
	info := exec.LayerInfo{Bind: b, Name: name, Path: "samples/minilm-w4a16", Producer: "compressed-tensors", Format: "nvfp4", Mode: "w4a16",
		N: fakeN, K: fakeK, Block: fakeBlock, BitsPW: 4.5, GlobalUse: "divisor", Global: 4328, Multiplier: 2.311e-4, Amax: 0.6211, InputUse: "none",
		Health: []exec.Pill{{Name: "nan", Level: "ok"}, {Name: "zero", Level: "ok"}, {Name: "subnormal", Level: "ok"}, {Name: "normal", Count: 36849, Share: 0.9996, Level: "ok"},
			{Name: "saturated", Count: 15, Share: 15.0 / 36864, Level: "ok"}},
		Scales: exec.ScaleBrief{Count: 36864, Min: 14, P50: 64, P99: 208, Max: 448, Binade: []exec.BinadeN{{Exp: 3, Count: 1}, {Exp: 4, Count: 848}, {Exp: 5, Count: 15264}, {Exp: 6, Count: 17592}, {Exp: 7, Count: 2964}, {Exp: 8, Count: 195}}},
		Codes:  use.Codes, SQNR: exec.Float(math.NaN()), Findings: []exec.Finding{}}
	for _, t := range []struct {
		role, suffix, dtype string
		shape               []int
		bytes, offset       int64
	}{
		{"codes", "weight_packed", "U8", []int{1536, 192}, 294912, 0x47a80}, {"scales", "weight_scale", "F8_E4M3", []int{1536, 24}, 36864, 0x8fa80},
		{"global", "weight_global_scale", "F32", []int{1}, 4, 0x98a80},
	} {
		info.Tensors = append(info.Tensors, exec.PartInfo{Role: t.role, Name: name + "." + t.suffix, DType: t.dtype, Shape: t.shape, Bytes: t.bytes, File: "model.safetensors", Offset: t.offset})
	}
	return info
}

func fakeHistogram(subject string) exec.Histogram {
	h := exec.Histogram{Subject: subject, Of: "scales", Axis: "code", Format: "E4M3", Count: 36864, Min: 14, P1: 28, P50: 64, P99: 208, Max: 448,
		Pill:  []exec.Pill{{Name: "saturated", Count: 15, Share: 15.0 / 36864, Level: "ok"}},
		Notes: []string{"block 9 and rows 992-1023 run high"}}
	for i := range fakeK / fakeBlock {
		h.KMean = append(h.KMean, exec.Float(60+i%3*4+40*(i/9%2*(9/max(i, 1)))))
	}
	for i := range fakeN / 32 {
		h.NMean = append(h.NMean, exec.Float(62+i%5+40*(i/31*(31/max(i, 1)))))
	}
	for code := 0x50; code <= 0x7e; code++ {
		value := math.Ldexp(1+float64(code&7)/8, code>>3-7)
		peak := 0x68
		if strings.HasPrefix(subject, "w2") {
			peak = 0x60
		}
		count := int64(4000 * math.Exp(-math.Pow(float64(code-peak)/8, 2)))
		h.Bins = append(h.Bins, exec.Bin{Code: code, Lo: exec.Float(value), Hi: exec.Float(value), Count: count})
	}
	return h
}

func fakeCodes(subject string) exec.CodeUse {
	u := exec.CodeUse{Subject: subject, Count: fakeN * fakeK, Used: 16, Blocks: 36864}
	u.Codes = [16]int64{27581, 52132, 44922, 36359, 41277, 35684, 28877, 28435, 27578, 51639, 44751, 36552, 41292, 35211, 28804, 28730}
	for i, n := range u.Codes {
		if i < 8 {
			u.Positive += n
		} else {
			u.Negative += n
		}
	}
	u.BlockMax[7] = 36864
	return u
}

func fakeDump(line string) exec.Dump {
	var n, from, to int
	at := max(strings.IndexByte(line, '['), 0)
	if _, err := fmt.Sscanf(line[at:], "[%d, %d:%d]", &n, &from, &to); err != nil {
		return exec.Dump{}
	}
	d := exec.Dump{Subject: line, File: "samples/minilm-w4a16/model.safetensors", Role: "codes", Total: 294912}
	for k := from; k < to; k += 32 {
		row := exec.DumpRow{Offset: int64(0x47a80 + n*192 + k/2), Row: n, Col: k}
		for i := range 16 {
			row.Hex += fmt.Sprintf("%02x", (n*7+k*3+i*29)&0xff)
		}
		d.Rows = append(d.Rows, row)
		d.Bytes += 16
	}
	if to-from == fakeBlock {
		for k := from; k < to; k++ {
			d.Values = append(d.Values, exec.DumpElement{N: n, K: k, Code: k % 16, Value: exec.Float([]float64{0, .5, 1, 1.5, 2, 3, 4, 6}[k%8]), Scale: 144,
				Deq: exec.Float(float64(k%8) * 0.0333), Byte: int64(0x47a80 + n*192 + k/2), High: k%2 == 1})
		}
	}
	return d
}

var mapPattern = regexp.MustCompile(`^map (\S+?)(?:\[(\d+):(\d+), (\d+):(\d+)\])? size=(\d+)x(\d+)`)

// fakeMap picks power-of-two pixels that fit, as the engine does.
func fakeMap(line string) exec.Heat {
	parts := mapPattern.FindStringSubmatch(line)
	if parts == nil {
		parts = make([]string, 8)
	}
	num := func(i, def int) int {
		if v, err := strconv.Atoi(parts[i]); err == nil {
			return v
		}
		return def
	}
	h := exec.Heat{Subject: parts[1], Metric: "abs", Agg: "max", M: fakeM, N: fakeN, RowAxis: "m", ColAxis: "n", Lo: 0.001, Hi: 0.6938, By: "emu sm100"}
	if strings.HasSuffix(parts[1], ".scale") {
		h.Metric, h.M, h.N, h.RowAxis, h.ColAxis, h.Lo, h.Hi = "value", fakeN, fakeK/fakeBlock, "n", "k block", 14, 448
	}
	if at := strings.Index(line, "metric="); at >= 0 {
		h.Metric = strings.Fields(line[at+7:])[0]
	}
	h.Row0, h.Col0 = num(2, 0), num(4, 0)
	m, n := num(3, h.M)-h.Row0, num(5, h.N)-h.Col0
	w, rows := num(6, 48), num(7, 16)
	h.RowStep, h.ColStep = 1, 1
	for (m+h.RowStep-1)/h.RowStep > rows {
		h.RowStep *= 2
	}
	for (n+h.ColStep-1)/h.ColStep > w {
		h.ColStep *= 2
	}
	h.H, h.W = (m+h.RowStep-1)/h.RowStep, (n+h.ColStep-1)/h.ColStep
	h.RowMax, h.ColMax = make([]exec.Float32, h.H), make([]exec.Float32, h.W)
	for y := range h.H {
		for x := range h.W {
			v := exec.Float32(fakeError(h.Row0+y*h.RowStep, h.Col0+x*h.ColStep) * float64(h.Hi))
			if h.Metric == "signed" && (x+y)%2 == 0 {
				v = -v
			}
			h.Values, h.NaNs = append(h.Values, v), append(h.NaNs, 0)
			h.RowMax[y], h.ColMax[x] = max(h.RowMax[y], v), max(h.ColMax[x], v)
		}
	}
	return h
}

// fakeError is a made-up error in 0 to 1: a lattice with one loud column group.
func fakeError(m, n int) float64 {
	v := float64((m*7919+n*104729)%97) / 97
	v = v * v * 0.6
	if n >= 992 && n < 1024 {
		v = 0.4 + v
	}
	return v
}

func fakeWorst() []exec.ErrorPoint {
	var rows []exec.ErrorPoint
	for i, at := range [][2]int{{48, 994}, {72, 994}, {114, 1006}, {108, 994}, {26, 994}, {116, 1313}} {
		rows = append(rows, exec.ErrorPoint{M: at[0], N: at[1], Got: exec.Float(-0.6797 + float64(i)), Want: exec.Float(0.0141 + float64(i)), Err: exec.Float(-0.6938 + 0.01*float64(i)),
			Rel: exec.Float(math.NaN()), ULP: 354, Block: 2, Scale: 0x71, ScaleV: 144, K: 37, Code: 14})
	}
	return rows
}

func fakeElement(m, n int) exec.Element {
	e := exec.Element{Subject: fmt.Sprintf("e[%d,%d]", m, n), GotBits: "0xbf2e", WantBits: "0x3c67", GotBy: "emu sm100", WantBy: "ref", Others: 380}
	e.ErrorPoint = fakeWorst()[0]
	e.M, e.N = m, n
	for i, k := range []int{37, 43, 38} {
		e.Terms = append(e.Terms, exec.Term{K: k, X: exec.Float(-17.38 / float64(i+1)), Code: 14 - i, CodeValue: -4, Scale: 0x71, ScaleV: 144, W: -0.1331, Product: exec.Float(2.31 / float64(i+1)),
			File: "samples/minilm-w4a16/model.safetensors", Byte: 0x76412, High: true, ScaleByte: 0x957b2})
	}
	for i, b := range []int{2, 13, 9} {
		e.Blocks = append(e.Blocks, exec.Share{Block: b, Sum: exec.Float(1.8387 / float64(i+1)), Scale: 0x71})
	}
	return e
}

// fakeBackends is seven products: one kernel is wrong in 3 outputs, another wrote nothing.
func fakeBackends(b exec.Bind) exec.Backends {
	r := exec.Backends{Bind: b, X: "x", W: "w", Mode: "w4a16", Act: "none", Out: "bf16", Shape: []int{fakeM, fakeN}, Proof: &exec.Proof{Claim: "any split of K into contiguous slices of K=16 instructions", SameWord: 192767, Unproven: 3841}}
	names := []string{"ref", "emu", "cuda", "cuda:emu-bf16", "cuda:w4a16", "torch", "vllm:marlin"}
	for i, name := range names {
		row := exec.BackendRow{Name: name, Status: "ran", By: name}
		if i == 3 {
			row.Zero = fakeM * fakeN
		}
		r.Rows = append(r.Rows, row)
		for j, want := range names[:i] {
			p := exec.BackendPair{Got: name, Want: want, Elements: fakeM * fakeN}
			p.Certified = j == 1 && i != 5
			switch kind := [2]bool{i == 3 || j == 3, i == 6 || j == 6}; {
			case kind[0]:
				p.Mismatched, p.MaxAbs, p.RelL2 = 196601, 24.625, 1
			case j == 0 || i == 5 || j == 5:
				p.Mismatched, p.MaxAbs, p.RelL2 = 12, 0.015625, 3.5e-5
			case kind[1]:
				p.Mismatched, p.MaxAbs, p.RelL2 = 3, 2.5, 0.00011
			}
			if p.Certified {
				p.Proven, p.ProvenMismatch = 192767, max(0, p.Mismatched-3842)
				if i == 6 {
					p.ProvenMismatch = 3
				}
			}
			r.Pairs = append(r.Pairs, p)
		}
	}
	slices.SortStableFunc(r.Pairs, func(a, b exec.BackendPair) int { return cmp.Compare(b.ProvenMismatch, a.ProvenMismatch) })
	return r
}

func fakeDiff() exec.Diff {
	return exec.Diff{Got: "y", Want: "r", GotBy: "emu sm100", WantBy: "ref", M: fakeM, N: fakeN, Shape: []int{fakeM, fakeN}, ArgMax: [2]int{48, 994}, Mismatched: 196000,
		Metrics: []exec.Metric{{Name: "max_abs", Value: 0.6938}, {Name: "p99_abs", Value: 0.2363}, {Name: "rel_l2", Value: 0.09386}, {Name: "cos", Value: 0.9956},
			{Name: "sqnr_db", Value: 20.55}, {Name: "nan"}, {Name: "ulp_max", Value: 354}}}
}

func fakeLint() exec.LintReport {
	return exec.LintReport{Path: "samples/minilm-w4a16", Layers: 36, Tensors: 144, Scales: 663552, Errors: 1, Warnings: 1, Infos: 1, Findings: []exec.Finding{
		{Severity: "error", Rule: "scale-nan", Layer: "encoder.layer.2.output.dense", At: [][2]int{{17, 20}, {203, 9}}, Count: 2, What: "byte 0x7f in weight_scale at row 17 block 20 and row 203 block 9",
			Effect: "output columns 17 and 203 are NaN for every input", Why: "the writer divided 0 by 0, then cast", Cure: "rewrite the scale as 0x38 (1.0)", Seen: "model-optimizer 1633"},
		{Severity: "warn", Rule: "fused-globals-differ", Layer: "encoder.layer.0.attention.self.query", Count: 3, What: "global scales of q, k and v differ by 1.8×"},
		{Severity: "info", Rule: "input-scale-absent", Count: 36, What: "36 layers: w4a16, activations stay bf16"},
	}}
}

func (f *fakeEngine) Complete(line string, cursor int) []exec.Candidate {
	if values := map[string][]string{"gemm x w act=": {"dynamic", "static", "none"}, "gemm x w mode=": {"w4a16", "w4a4"}, "gemm x w arch=": {"sm90", "sm100"}}[line]; values != nil {
		var out []exec.Candidate
		for _, v := range values {
			out = append(out, exec.Candidate{From: strings.LastIndexByte(line, ' ') + 1, To: cursor, Text: line[strings.LastIndexByte(line, ' ')+1:] + v})
		}
		return out
	}
	from := strings.LastIndexByte(line[:cursor], ' ') + 1
	var out []exec.Candidate
	for _, word := range []string{"diff", "expect", "explain", "export", "gemm"} {
		if strings.HasPrefix(word, line[from:cursor]) {
			out = append(out, exec.Candidate{From: from, To: cursor, Text: word, Doc: "the command " + word})
		}
	}
	return out
}

func (f *fakeEngine) Handles() []exec.Handle {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]exec.Handle(nil), f.handles...)
}

func (f *fakeEngine) Log() []exec.Cell {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]exec.Cell(nil), f.log...)
}

func (f *fakeEngine) Recorded() []exec.Cell {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []exec.Cell
	for _, cell := range f.log {
		if _, saved := cell.Result.(exec.Exported); !saved && went(cell) {
			out = append(out, cell)
		}
	}
	return out
}

func (f *fakeEngine) Unsaved() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.unsaved
}
