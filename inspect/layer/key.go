package layer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"

	"fp4tui/inspect/fp4"
)

// Key remembers the WeightKey of one weight for all the jobs that multiply by it: a hash of
// tens of megabytes takes longer than a GPU's product. The zero Key knows none yet. It answers
// for the very bytes that it has hashed, in one shape, and hashes others anew, so that a Key
// in the wrong job costs time and names no other weight. Bytes that are in a job never change.
// A Key may be used by several goroutines.
type Key struct {
	mu   sync.Mutex
	of   weightID
	text string
}

// weightID is which bytes a key is of. It holds on to them: no other weight comes to lie there.
type weightID struct {
	codes, scales   *byte
	nCodes, nScales int
	buffers         *Buffers
	n, k, block     int
	scale           fp4.Format
}

// id is which weight a job has.
func (j *Job) id() weightID {
	first := func(b []byte) *byte {
		if len(b) == 0 {
			return nil
		}
		return &b[0]
	}
	return weightID{first(j.WCodes), first(j.WScales), len(j.WCodes), len(j.WScales), j.Buffers, j.N, j.K, j.Block, j.Scale}
}

// WeightKey names the weight by its content and shape, so that a device keeps it between
// jobs. It is remembered where the job has a Key.
func (j *Job) WeightKey() string {
	if j.Key == nil {
		return j.hash()
	}
	j.Key.mu.Lock()
	defer j.Key.mu.Unlock()
	if id := j.id(); j.Key.text == "" || j.Key.of != id {
		j.Key.of, j.Key.text = id, j.hash()
	}
	return j.Key.text
}

// hash computes the key.
func (j *Job) hash() string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %d %d %d\n", j.N, j.K, j.Block, j.Scale)
	h.Write(j.WCodes)
	h.Write(j.WScales)
	if b := j.Buffers; b != nil {
		fmt.Fprintf(h, "\nbuffers %d\n", len(b.Codes))
		h.Write(b.Codes)
		h.Write(b.Scales)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Key is what jobs of an expert (0 of a plain layer) share; one Key for each, always the same.
func (w *Weights) Key(expert int) *Key {
	k, _ := w.keys.LoadOrStore(expert, new(Key))
	return k.(*Key)
}
