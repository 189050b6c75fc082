package views

import (
	"sort"
	"strconv"
	"strings"

	"fp4tui/exec"
)

// treeRow is one line of the layer list: a layer, or a group of those below it.
type treeRow struct {
	key        string // identity for folding; empty for layers
	depth      int
	label      string
	checkpoint string // handle
	path       string
	layer      *exec.LayerRow // nil for groups
	first      *exec.LayerRow // of a group
	layers     int
	shared     string // format of all layers below, when they share one
	saturated  int64
	bad, warn  int
	fused      bool
}

// treeNode is a group while the tree is built.
type treeNode struct {
	row      treeRow
	children []*treeNode
}

// modulePath splits a layer name after its first number: "encoder.layer.0" and
// "intermediate.dense". Names without a number have no module.
func modulePath(name string) (module, rest string) {
	parts := strings.Split(name, ".")
	for i, part := range parts[:len(parts)-1] {
		if _, err := strconv.Atoi(part); err == nil {
			return strings.Join(parts[:i+1], "."), strings.Join(parts[i+1:], ".")
		}
	}
	return "", name
}

// layerTree groups layers by checkpoint, module and fused group.
func layerTree(checkpoint string, list exec.LayerList) *treeNode {
	root := &treeNode{row: treeRow{key: checkpoint, label: baseName(list.Path), checkpoint: checkpoint, path: list.Path}}
	modules, groups := map[string]*treeNode{}, map[string]*treeNode{}
	for i := range list.Rows {
		layer := &list.Rows[i]
		module, rest := modulePath(layer.Name)
		parent := root
		if module != "" {
			parent = child(root, modules, module, module, checkpoint, list.Path)
		}
		if layer.Group != "" {
			label := strings.TrimPrefix(strings.TrimPrefix(layer.Group, module), ".")
			parent = child(parent, groups, layer.Group, label, checkpoint, list.Path)
			parent.row.fused = true
			if cut := strings.LastIndexByte(rest, '.'); cut >= 0 {
				rest = rest[cut+1:]
			}
		}
		label := rest
		if layer.Experts > 0 {
			label += "  ×" + strconv.Itoa(layer.Experts) + " experts"
		}
		parent.children = append(parent.children, &treeNode{row: treeRow{label: label, checkpoint: checkpoint, path: list.Path, layer: layer}})
	}
	root.total()
	return root
}

func child(parent *treeNode, known map[string]*treeNode, key, label, checkpoint, path string) *treeNode {
	if node := known[key]; node != nil {
		return node
	}
	node := &treeNode{row: treeRow{key: checkpoint + "\x00" + key, label: label, checkpoint: checkpoint, path: path}}
	known[key] = node
	parent.children = append(parent.children, node)
	return node
}

// total sums the findings of a node over all below it.
func (t *treeNode) total() {
	if l := t.row.layer; l != nil {
		t.row.first, t.row.layers, t.row.shared, t.row.saturated = l, 1, l.Format, l.Saturated
		switch l.Level {
		case "bad":
			t.row.bad = 1
		case "warn":
			t.row.warn = 1
		}
		return
	}
	for i, c := range t.children {
		c.total()
		if i == 0 {
			t.row.first, t.row.shared = c.row.first, c.row.shared
		}
		if c.row.shared != t.row.shared {
			t.row.shared = ""
		}
		t.row.layers += c.row.layers
		t.row.saturated += c.row.saturated
		t.row.bad += c.row.bad
		t.row.warn += c.row.warn
	}
}

// flatten lists the rows that are unfolded and pass the filter.
func (t *treeNode) flatten(out []treeRow, depth int, folded map[string]bool, keep func(treeRow) bool) []treeRow {
	if !keep(t.row) {
		return out
	}
	row := t.row
	row.depth = depth
	out = append(out, row)
	if row.key != "" && folded[row.key] {
		return out
	}
	for _, c := range t.children {
		out = c.flatten(out, depth+1, folded, keep)
	}
	return out
}

// sortOrder is how the layers are listed.
type sortOrder uint8

const (
	byName sortOrder = iota
	byFindings
	byScales
	bySize
	sortOrders
)

func (o sortOrder) String() string { return [...]string{"name", "findings", "scales", "size"}[o] }

// sortRows orders layers without their groups; equal rows keep the order of the list.
func sortRows(rows []treeRow, order sortOrder) {
	rank := map[string]int{"bad": 3, "warn": 2, "info": 1}
	share := func(l *exec.LayerRow, n int64) float64 {
		return float64(n) * float64(max(l.Block, 1)) / float64(max(int64(l.N)*int64(l.K), 1))
	}
	sort.SliceStable(rows, func(i, j int) bool {
		a, b := rows[i].layer, rows[j].layer
		switch order {
		case byFindings:
			return rank[a.Level] > rank[b.Level]
		case byScales:
			if a.NaN != b.NaN {
				return a.NaN > b.NaN
			}
			if x, y := share(a, a.Saturated), share(b, b.Saturated); x != y {
				return x > y
			}
			return share(a, a.Subnormal) > share(b, b.Subnormal)
		case bySize:
			return int64(a.N)*int64(a.K) > int64(b.N)*int64(b.K)
		}
		return a.Name < b.Name
	})
}

func baseName(path string) string {
	path = strings.TrimRight(path, "/")
	if i := strings.LastIndexByte(path, '/'); i >= 0 && i < len(path)-1 {
		return path[i+1:]
	}
	return path
}
