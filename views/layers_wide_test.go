package views

import (
	"strings"
	"testing"

	"fp4tui/exec"
)

// Shapes of large models must not run into the format beside them.
func TestWideShapes(t *testing.T) {
	rows := []treeRow{{layer: &exec.LayerRow{N: 384, K: 384}}, {layer: &exec.LayerRow{N: 128256, K: 4096}}, {label: "group"}}
	if got := wideShapes(rows); got != width("128256×4096")-shapeWidth {
		t.Errorf("wide by %d", got)
	}
	if got := wideShapes(rows[:1]); got != 0 {
		t.Errorf("a small shape takes %d from the names", got)
	}
}

// A paste of any size leaves a line that can be parsed at every key.
func TestPasteIsBounded(t *testing.T) {
	var e editor
	e.insert(strings.Repeat("A", 100_000))
	e.insert("more")
	if n := len(e.text); n != maxLine {
		t.Errorf("the line has %d characters, want %d", n, maxLine)
	}
}
