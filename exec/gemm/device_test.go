package gemm

import (
	"context"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

// keys is a runner that takes the Keys of its jobs.
type keys struct{ of *[]*layer.Key }

func (keys) Ready() error { return nil }

func (k keys) Run(_ context.Context, j layer.Job, _ layer.Progress) (layer.JobResult, error) {
	*k.of = append(*k.of, j.Key)
	bare := j
	bare.Key = nil
	return layer.JobResult{Y: make([]float32, j.M*j.N), Kernel: map[bool]string{true: "right", false: "wrong"}[j.WeightKey() == bare.WeightKey()]}, nil
}

// TestJobsOfAWeightShareItsKey: products of one expert have one Key, of another another.
func TestJobsOfAWeightShareItsKey(t *testing.T) {
	a, b := weight(t, 1, "nvfp4", "compressed-tensors", 16, 64), weight(t, 2, "nvfp4", "compressed-tensors", 16, 64)
	both := &layer.Weights{Blocks: append(a.Blocks, b.Blocks...)}
	var got []*layer.Key
	d := Device{Label: "keys", Runner: keys{&got}}
	for _, expert := range []int{0, 0, 1, 0} {
		out, err := d.Forward(context.Background(), layer.Forward{X: inspect.Tensor{DType: inspect.BF16, Shape: []int{1, 64}, Data: make([]float32, 64)}, Weights: both, Expert: expert, Mode: layer.W4A16, Out: inspect.BF16}, nil)
		if err != nil || out.By != "right" {
			t.Fatalf("a %s key, %v", out.By, err)
		}
	}
	if len(got) != 4 || got[0] == nil || got[0] != got[1] || got[0] != got[3] || got[0] == got[2] {
		t.Errorf("%v", got)
	}
}
