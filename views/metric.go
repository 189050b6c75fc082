package views

import (
	"math"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
)

// mapMetrics are the errors a map can show, in the order of the key m. Those with a need
// are left out when the comparison doesn't have that number.
func mapMetrics() []struct{ name, need, label string } {
	return []struct{ name, need, label string }{
		{"abs", "", "|got-want|"}, {"noise", "noise", "noise err/σ"}, {"signed", "", "got-want"},
		{"rel", "", "|got-want|/|want|"}, {"ulp", "", "ulp"}, {"proven_mismatch", "proven_mismatch", "proven mismatch"}, {"unproven", "unproven", "unproven"},
	}
}

// metricName writes what a pixel shows.
func metricName(metric string) string {
	for _, m := range mapMetrics() {
		if m.name == metric {
			return m.label
		}
	}
	return metric
}

// knows says whether a comparison has a number: noise and certificates need products
// whose operands are known.
func knows(d exec.Diff, name string) bool {
	v, has := metric(d, name)
	return name == "" || has && !math.IsNaN(v)
}

// by is the order of the worst list that goes with the metric.
func (p *errorPane) by() string {
	if p.metric == "signed" || p.metric == "unproven" {
		return "abs"
	}
	return p.metric
}

// heat makes the picture of a map: its colours run from what rounding alone does to the
// largest error, so that harmless specks stay at the small end.
func (p *errorPane) heat(s *scene, h exec.Heat) heatmap {
	m := heatOf(h, s.at.m, s.at.n)
	if p.locked {
		m.lo, m.hi = p.lo, p.hi
		return m
	}
	d, ready := s.compared()
	if !ready || h.Agg == "count" {
		return m
	}
	floor := 0.0
	switch h.Metric {
	case "abs", "signed", "proven_mismatch":
		floor = float64(d.Floor) / 512 // half a bf16 step of the smallest output that max_rel is over
	case "rel":
		floor = 1.0 / 512
	case "ulp":
		floor = 0.5
	case "noise":
		floor = 1.0 / 16
		m.hi = max(m.hi, float64(d.NoiseLimit))
	}
	if floor < m.hi {
		m.lo = max(m.lo, floor)
	}
	return m
}

func (a *App) nextMetric(int) tea.Cmd {
	d, _ := a.scene().compared()
	p, list := a.errorPane(), mapMetrics()
	at := 0
	for i, m := range list {
		if m.name == p.metric {
			at = i
		}
	}
	for range list {
		if at = (at + 1) % len(list); knows(d, list[at].need) {
			break
		}
	}
	return a.setMetric(list[at].name)
}

func (a *App) setMetric(name string) tea.Cmd {
	p := a.errorPane()
	switch { // every pixel of a large map holds an unproven output: the share tells more
	case name == "unproven" && p.agg == "max":
		p.agg = "mean"
	case p.metric == "unproven" && p.agg == "mean":
		p.agg = "max"
	}
	p.metric, p.locked, a.at.worst = name, false, -1
	a.status.key(p.mapLine(a.scene()), "metric "+name)
	return nil
}

// provenMap goes to the map of what is not proven, and back.
func (a *App) provenMap(int) tea.Cmd {
	d, _ := a.scene().compared()
	p := a.errorPane()
	switch {
	case p.metric == "unproven":
		return a.setMetric("abs")
	case !knows(d, "unproven"):
		a.status.say("no certificate: neither side is a product of backend=emu")
		return nil
	}
	return a.setMetric("unproven")
}

// provenLine asks whether the output under the cursor is proven; "" without certificates.
func (s *scene) provenLine() string {
	d, ready := s.compared()
	if !ready || !knows(d, "unproven") {
		return ""
	}
	return "map " + windowOf(s.at.e, s.at.m, s.at.m+1, s.at.n, s.at.n+1) + " size=1x1 metric=unproven"
}

// proven is the word for the output under the cursor: "yes", "no: order" (of accumulation
// matters), "" when unknown.
func (s *scene) proven() string {
	h, ready, _ := look[exec.Heat](s, s.provenLine())
	switch {
	case !ready || len(h.Values) != 1 || math.IsNaN(float64(h.Values[0])):
		return ""
	case h.Values[0] == 0:
		return "yes"
	}
	return "no: order"
}

// proofLines ask for the certificates of what is shown: of the element under the cursor
// and, where elements are written, of each of them.
func (p *errorPane) proofLines(s *scene) []string {
	line := s.provenLine()
	if line == "" {
		return nil
	}
	if p.values {
		return []string{line, p.windowLine(s, "unproven")}
	}
	return []string{line}
}
