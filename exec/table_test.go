package exec

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"fp4tui/exec/language"
)

func TestEveryVerbRuns(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range verbs() {
		if _, ok := v.New().(command); !ok {
			t.Errorf("%s: %T has no run", v.Verb, v.New())
		}
		if seen[v.Verb] {
			t.Errorf("%s stands twice in the table", v.Verb)
		}
		seen[v.Verb] = true
		if len(v.Examples) == 0 {
			t.Errorf("%s has no example", v.Verb)
		}
		if v.pure && v.Binds != "" {
			t.Errorf("%s binds a handle and is called pure", v.Verb)
		}
	}
}

// exampleNeeds are commands that an example wants to have been run, beside the tour.
var exampleNeeds = map[string][]string{
	"o = tensor c encoder.layer.0.intermediate.dense.weight": {"c = load tour:minilm-bf16.safetensors"},
	"explain eg[3,7] as=y": {"export y y.npy", "g = load y.npy", "eg = diff g y"},
	"expect w.scale.nan == 0, \"a NaN scale makes its output column NaN\"": nil,
}

func TestEveryExampleRuns(t *testing.T) {
	r := laidOut(t)
	r.write("setup.fp4", "x2 = randn 4 32 seed=7 # a comment\nstat x2\n")
	start, log := r.snapshot(), r.log
	for _, v := range verbs() {
		for _, ex := range v.Examples {
			r.change(func(st *state) { *st = start })
			r.log = append([]entry{}, log...)
			r.do(exampleNeeds[ex]...)
			cell := r.Run(context.Background(), ex, nil)
			if cell.Err != nil && !errors.Is(cell.Err, ErrCheckFailed) {
				t.Errorf("%s: %v", ex, cell.Err)
			}
			if cell.Command != ex {
				t.Errorf("%s was recorded as %s", ex, cell.Command)
			}
		}
	}
}

// TestHelpOfEveryVerb holds that help knows each verb and that its items are not empty.
func TestHelpOfEveryVerb(t *testing.T) {
	r := newRig(t)
	all := r.do("help").(Help)
	if len(all.Items) != len(verbs()) {
		t.Errorf("help lists %d of %d verbs", len(all.Items), len(verbs()))
	}
	for _, v := range verbs() {
		h := r.do("help " + v.Verb).(Help)
		if h.Topic != v.Verb || h.Usage == "" || h.Text == "" || !reflect.DeepEqual(h.Examples, v.Examples) {
			t.Errorf("help %s: %+v", v.Verb, h)
		}
		for _, item := range h.Items {
			if item.Name == "" || item.Text == "" {
				t.Errorf("help %s: empty item %+v", v.Verb, item)
			}
		}
	}
	r.fails("help gem", ErrUsage, "did you mean gemm?")
}

// FuzzSessionLine runs any line in a small session: nothing panics, what was recorded
// is canonical, and what failed left nothing behind.
func FuzzSessionLine(f *testing.F) {
	for _, v := range verbs() {
		for _, ex := range v.Examples {
			f.Add(ex)
		}
	}
	for _, line := range []string{
		"x[0:2] = randn 4", "stat x[1]", "stat x[9]", "info e[@max]", "info e[0,0]", "info w[0]", "bytes w[0,3:5]", "map x[0:3,1:2] size=2x2", "gemm x w act=0.5 mode=w4a4",
		"gemm x w expert=1", "gemm x x", "expect x[0,0] > 0 or not x.nan == 1", "let a = 1 / 0", "a = quant x global=3", "diff x x[0:2]", "top e 3 by=ulp", "where e != nan",
		"export session a.npy", "export e e.json", "alias go = gemm x", "go w", "source nosuch.fp4", "randn 16777216 16777216 seed=1", "session = randn 2 32 seed=1", "mma kind=bf16 a=00 b=00",
	} {
		f.Add(line)
	}
	r := newRig(f, "x = randn 4 32 seed=1", "w = quant x recipe=modelopt", "y = gemm x w", "e = diff y y")
	start, log := r.snapshot(), r.log
	f.Fuzz(func(t *testing.T, line string) {
		if slowLine(r.table, line) {
			return
		}
		r.t = t
		r.change(func(st *state) { *st = start })
		r.log, r.saved = append([]entry{}, log...), 0
		before := r.look()
		cell := r.Run(context.Background(), line, nil)
		if _, err := cell.JSON(true); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		if cell.Err != nil && !errors.Is(cell.Err, ErrCheckFailed) {
			if after := r.look(); !reflect.DeepEqual(before, after) {
				t.Errorf("%q failed (%v) and left %+v", line, cell.Err, after)
			}
			return
		}
		again, err := r.table.Parse(cell.Command)
		if err != nil || r.table.Format(again) != cell.Command {
			t.Errorf("%q was recorded as %q, which reads as %q (%v)", line, cell.Command, r.table.Format(again), err)
		}
	})
}

// slowLine leaves out of the fuzzing what is large, or reads and writes outside of the
// session: absolute paths and those that leave its directory.
func slowLine(table *language.Table, line string) bool {
	l, err := table.Parse(line)
	if err != nil {
		return false
	}
	switch cmd := l.Cmd.(type) {
	case *RandnCmd:
		n := 1
		for _, d := range cmd.Dims {
			if n *= d; n > 1<<16 || n <= 0 {
				return n < maxRandn
			}
		}
	case *ExportCmd, *LoadCmd, *SourceCmd:
		return true
	}
	return false
}
