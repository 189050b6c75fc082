package layer

import (
	"bytes"
	"sync"
	"testing"

	"fp4tui/inspect/fp4"
)

// keyed is a job of two rows of 32 columns.
func keyed(codes, scales []byte) Job {
	return Job{N: 2, K: 32, Block: 16, Scale: fp4.E4M3, WCodes: codes, WScales: scales}
}

// TestWeightKeyIsOfTheBytes: whatever Key a job brings, its key is the hash of what it has:
// of other bytes, of as many bytes elsewhere, and of the same bytes in another shape.
func TestWeightKeyIsOfTheBytes(t *testing.T) {
	codes := make([]byte, 64)
	scales := []byte{1, 2, 3, 4}
	jobs := []Job{keyed(codes[:32], scales), keyed(codes[1:33], scales), keyed(codes[:32], []byte{1, 2, 3, 5}), keyed(bytes.Clone(codes[:32]), scales),
		keyed(nil, nil), keyed([]byte{}, []byte{}), keyed(codes[:32], scales), keyed(codes[:32], scales), keyed(codes[:32], scales), keyed(codes[:31], scales)}
	codes[0] = 1
	jobs[6].N, jobs[6].K = 1, 64
	jobs[7].Scale = fp4.E8M0
	jobs[8].Block = 32
	seen := map[string]int{}
	one := new(Key)
	for range 2 {
		for i, j := range jobs {
			want := j.WeightKey()
			j.Key = one
			if got := j.WeightKey(); got != want || j.WeightKey() != want {
				t.Errorf("job %d: %s, must be %s", i, got, want)
			}
			seen[want]++
		}
	}
	if len(seen) != len(jobs)-2 { // two have equal bytes, two have none
		t.Errorf("%d keys of %d jobs", len(seen), len(jobs))
	}
}

// TestWeightKeyIsRemembered: jobs of one weight hash it once, also at the same time. The bytes
// change here, as they never may, to see it.
func TestWeightKeyIsRemembered(t *testing.T) {
	w := Weights{Blocks: []fp4.Blocks{{}, {}}}
	if first, again := w.Key(0), w.Key(0); first != again || first == w.Key(1) {
		t.Fatal("an expert has one Key of its own")
	}
	codes := make([]byte, 32)
	j := keyed(codes, []byte{1, 2, 3, 4})
	want := j.WeightKey()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			j := j
			j.Key = w.Key(1)
			if got := j.WeightKey(); got != want {
				t.Errorf("%s, must be %s", got, want)
			}
		})
	}
	all.Wait()
	codes[0] = 1
	if j.WeightKey() == want {
		t.Error("without a Key it is not computed")
	}
	if j.Key = w.Key(1); j.WeightKey() != want {
		t.Error("it is computed again")
	}
}
