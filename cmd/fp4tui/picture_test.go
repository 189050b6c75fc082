package main

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExportPictures writes a map as PNG and a session as HTML from the command line,
// and names what can't be drawn.
func TestExportPictures(t *testing.T) {
	dir := t.TempDir()
	image, report := filepath.Join(dir, "map.png"), filepath.Join(dir, "report.html")
	start := []string{"c = load " + quoted(sample(t, "minilm-w4a16")), "w = layer c encoder.layer.0.attention.self.query",
		"x = randn 8 384 seed=1", "y = gemm x w mode=w4a4", "r = gemm x w backend=ref", "e = diff y r"}
	o := fp4tui(t, commandLine(append(start, "export e "+quoted(image)+" metric=signed", "export session "+quoted(report)))...).want(t, 0)
	if !strings.Contains(o.out, "picture of e signed") || !strings.Contains(o.out, "report, 7 cells, 3 figures") {
		t.Errorf("output: %s", o.out)
	}
	data, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(data)); err != nil {
		t.Error(err)
	}
	page := cat(t, report)
	for _, want := range []string{"lint c", "hist w.scale", "map e", "e = diff y r", "encoder.layer.0.attention.self.query"} {
		if !strings.Contains(page, want) {
			t.Errorf("the report has no %q", want)
		}
	}
	for _, wrong := range []string{"export e map.gif", "export y y.npy metric=signed", "export session s.png"} {
		fp4tui(t, commandLine(append(start, wrong))...).want(t, 3) // not 2: the load ran
	}
}
