package views

import (
	"fmt"
	"math"
	"strings"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/views/number"
)

// weightPane is the layer page: what the layer is, its stored tensors, its global
// scale and the health of its block scales.
type weightPane struct{}

func (p *weightPane) wants(s *scene) []string {
	if s.at.w == "" {
		return nil
	}
	return []string{"info " + s.at.w}
}

// layer is the open layer as the engine describes it.
func (s *scene) layer() (exec.LayerInfo, bool) {
	info, ready, _ := look[exec.LayerInfo](s, "info "+s.at.w)
	return info, ready
}

// noLayer writes what to do when no layer is open; false when one is.
func (s *scene) noLayer(r region) bool {
	if s.at.w != "" {
		return false
	}
	r.text(1, 0, dim, "no layer is open: g l shows the list, ↵ opens one")
	return true
}

func (p *weightPane) status(s *scene) (left, right []span) {
	info, ready := s.layer()
	if !ready {
		return nil, nil
	}
	left = []span{{dim, "original "}, {plain, "not loaded"}}
	if info.Original != "" {
		left[1].text = "loaded: " + info.Original
	}
	weights := int64(info.N) * int64(info.K) * int64(max(info.Experts, 1))
	return left, []span{{dim, number.Count(weights) + " weights"}}
}

func (p *weightPane) draw(r region, s *scene) {
	if s.noLayer(r) {
		return
	}
	line := "info " + s.at.w
	info, ready, err := look[exec.LayerInfo](s, line)
	if !ready {
		s.pending(r, line, err)
		return
	}
	y := p.drawFacts(r, info)
	y = p.drawTensors(r, y+1, info)
	y = p.drawHealth(r, y+1, info)
	if len(info.Group) > 1 {
		y = p.drawGroup(r, y, info)
	} else {
		r.spans(1, y, span{dim, "fused   "}, span{plain, "no"})
		y++
		y++
	}
	y = p.drawFindings(r, y, info)
	r.spans(1, min(y, r.h-1), span{dim, "next    "}, span{accent, "r"}, span{plain, " runs it and shows the error of every element"})
}

func (p *weightPane) drawFacts(r region, info exec.LayerInfo) int {
	blocks := 0
	if info.Block > 0 {
		blocks = (info.K + info.Block - 1) / info.Block
	}
	shape := fmt.Sprintf("N %d × K %d = %s weights, %d K blocks a row, %.2f bits/weight",
		info.N, info.K, number.Count(int64(info.N)*int64(info.K)), blocks, info.BitsPW)
	if info.Experts > 0 {
		shape = fmt.Sprintf("expert %d of %d, each ", info.Expert, info.Experts) + shape
	}
	global := "none"
	if info.GlobalUse != "none" && info.GlobalUse != "" {
		global = fmt.Sprintf("%s %s  →  multiplier %s, implied amax %s", short(info.Global), info.GlobalUse, num(info.Multiplier), num(info.Amax))
	}
	act := "none (no input_global_scale): activations stay bf16"
	switch {
	case info.InputUse != "none" && info.InputUse != "":
		act = fmt.Sprintf("%s %s, static: %s of the checkpoint; x is quantized to FP4", short(info.Input), info.InputUse, storedInput(info))
	case info.Mode == "w4a4":
		act = "dynamic: nothing is stored, x is quantized to FP4 by its own amax"
	}
	rows := [][2]string{
		{"what", fmt.Sprintf("%s %s, %s, block %d", strings.ToUpper(info.Format), strings.ToUpper(info.Mode), info.Producer, info.Block)},
		{"shape", shape}, {"global", global}, {"act", act},
	}
	for y, row := range rows {
		r.text(1, y, dim, row[0])
		r.text(9, y, plain, cut(row[1], r.w-10))
	}
	return len(rows)
}

// storedInput names the tensor that the scale of the activations was read from.
func storedInput(info exec.LayerInfo) string {
	for _, part := range info.Tensors {
		if part.Role == "input_global" {
			return strings.TrimPrefix(part.Name, info.Name+".")
		}
	}
	return "a setting"
}

func (p *weightPane) drawTensors(r region, y int, info exec.LayerInfo) int {
	name := min(40, max(19, r.w-61))
	columns := []column{{"tensor", name, false}, {"dtype", 7, false}, {"shape", 11, false}, {"bytes", 11, true}, {"file offset", 11, false}}
	r.tableHead(1, y, columns)
	for _, part := range info.Tensors {
		y++
		tensor := strings.TrimPrefix(part.Name, info.Name+".")
		r.tableRow(1, y, columns, nil, []string{cutMiddle(tensor, name), part.DType, number.Shape(part.Shape...), number.Count(part.Bytes), number.Offset(part.Offset)})
	}
	return y + 1
}

func (p *weightPane) drawHealth(r region, y int, info exec.LayerInfo) int {
	x := r.text(1, y, dim, "health  ")
	level := "ok"
	x = r.text(x, y, dim, "▕")
	for i, pill := range info.Health {
		if i > 0 {
			x = r.text(x, y, dim, "│")
		}
		text := pill.Name + " " + number.Count(pill.Count)
		if pill.Name == "saturated" {
			text = "sat " + number.Count(pill.Count) + " = " + number.Share(pill.Share)
		}
		look := plain
		if pill.Level == "warn" || pill.Level == "bad" {
			look, level = levelRole(pill.Level), worse(level, pill.Level)
		}
		x = r.text(x, y, look, text)
	}
	x = r.text(x, y, dim, "▏")
	r.text(max(x+1, min(r.w-18, 62)), y, levelRole(level), levelWord(level))
	binades := make([]float64, len(info.Scales.Binade))
	for i, b := range info.Scales.Binade {
		binades[i] = float64(b.Count)
	}
	sketch := resample(binades, 16)
	r.text(1, y+1, dim, "scales")
	x = r.text(9, y+1, plain, spark(sketch, 0, largest(sketch), r.th.ascii))
	r.text(x+3, y+1, plain, fmt.Sprintf("%s … %s, p50 %s, p99 %s", short(info.Scales.Min), short(info.Scales.Max), short(info.Scales.P50), short(info.Scales.P99)))
	r.text(r.w-16, y+1, accent, "gs")
	codes := magnitudes(info.Codes)
	r.text(1, y+2, dim, "codes")
	x = r.text(9, y+2, plain, spark(codes[:], 0, largest(codes[:]), r.th.ascii))
	total, used := 0.0, 0
	for i, c := range codes {
		total += c
		if info.Codes[i] > 0 {
			used++
		}
		if info.Codes[i+8] > 0 {
			used++
		}
	}
	r.text(x+3, y+2, plain, fmt.Sprintf("±0 %s, ±6 %s, %d of 16 used", number.Share(codes[0]/total), number.Share(codes[7]/total), used))
	r.text(r.w-16, y+2, accent, "gc")
	y += 3
	if sqnr := float64(info.SQNR); !math.IsNaN(sqnr) {
		r.text(1, y, dim, "SQNR")
		r.text(9, y, plain, fmt.Sprintf("%.2f dB against the original, %s weights compared", sqnr, number.Count(info.Checked)))
		y++
	}
	return y
}

// magnitudes adds the codes of both signs.
func magnitudes(codes [16]int64) (out [8]float64) {
	for i := range out {
		out[i] = float64(codes[i] + codes[i+8])
	}
	return out
}

func largest(values []float64) float64 {
	most := 0.0
	for _, v := range values {
		most = max(most, v)
	}
	return most
}

func worse(a, b string) string {
	if a == "bad" || b == "bad" {
		return "bad"
	}
	if a == "warn" || b == "warn" {
		return "warn"
	}
	return "ok"
}

// drawGroup is the fused group: every shard's global scale beside the largest.
func (p *weightPane) drawGroup(r region, y int, info exec.LayerInfo) int {
	name := min(44, r.w-50)
	columns := []column{{"fused group", name, false}, {"global", 10, true}, {"implied amax", 12, true}, {"ratio", 8, true}}
	r.tableHead(1, y, columns)
	for _, shard := range info.Group {
		y++
		look := plain
		if shard.Name == info.Name {
			look = strong
		}
		r.tableRow(1, y, columns, []role{look}, []string{cutMiddle(shard.Name, name), short(shard.Global), num(shard.Amax), num(shard.Ratio)})
	}
	return y + 1
}

func (p *weightPane) drawFindings(r region, y int, info exec.LayerInfo) int {
	for _, f := range info.Findings {
		if y >= r.h-1 {
			break
		}
		x := r.text(1, y, levelRole(f.Severity), pad(levelWord(f.Severity), 8))
		r.text(x, y, plain, cut(f.Rule+": "+f.What, r.w-x-1))
		y++
	}
	return y
}

func (p *weightPane) open(a *App) tea.Cmd { return a.goTo(bytesView) }

func (p *weightPane) yank(s *scene, what string) string {
	info, ready := s.layer()
	switch {
	case what == "command":
		return "info " + s.at.w
	case !ready:
		return ""
	case what == "value":
		return number.Exact32(float64(info.Global))
	case what == "address" && len(info.Tensors) > 0:
		return fmt.Sprintf("%s %s %s", info.Tensors[0].File, info.Tensors[0].Name, number.Offset(info.Tensors[0].Offset))
	case what == "table":
		var b strings.Builder
		for _, t := range info.Tensors {
			fmt.Fprintf(&b, "%s\t%s\t%s\t%d\t%d\n", t.Name, t.DType, number.Shape(t.Shape...), t.Bytes, t.Offset)
		}
		return b.String()
	}
	return ""
}
