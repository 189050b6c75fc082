package worker

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// hello is what each side says first.
type hello struct {
	Version int      `json:"version"`
	Program string   `json:"program"` // "fp4tui development", "python 3.11.2, torch 2.11.0"
	Device  string   `json:"device,omitempty"`
	Kernels []Kernel `json:"kernels,omitempty"`
	Error   *fault   `json:"error,omitempty"` // why the server can compute nothing
}

// Kernel is one that a server offers.
type Kernel struct {
	Name   string `json:"name"`
	Doc    string `json:"doc,omitempty"`
	Ready  bool   `json:"ready"`
	Why    string `json:"why,omitempty"`    // not ready because
	Cure   string `json:"cure,omitempty"`   // what to do about it
	Status string `json:"status,omitempty"` // "verified on this device", "not for this device; never run by its authors"
}

// jobWire is layer.Job without its arrays, which are blobs in this order: x, x scales,
// alphas, bias.
type jobWire struct {
	Kernel    string `json:"kernel,omitempty"`
	Mode      string `json:"mode"`
	Arch      string `json:"arch"`
	M         int    `json:"m"`
	N         int    `json:"n"`
	K         int    `json:"k"`
	Block     int    `json:"block"`
	Scale     string `json:"scale"` // "e4m3", "e8m0"
	Weight    string `json:"weight"`
	Alpha     uint8  `json:"alpha_place"`
	BiasPlace uint8  `json:"bias_place"`
	HasBias   bool   `json:"has_bias"`
	Buffers   string `json:"buffers,omitempty"` // "prepared for trtllm": the weight comes in four blobs, the last two as the kernel reads it
	Out       string `json:"out"`               // "BF16", "F16", "F32"
	Compare   bool   `json:"compare,omitempty"` // with the outputs of kernel Against: cells are asked for
	Against   string `json:"against,omitempty"`
}

// resultWire is layer.JobResult without Y, the one blob: float32 words.
type resultWire struct {
	Kernel string   `json:"kernel"`
	Device string   `json:"device"`
	Arch   string   `json:"arch,omitempty"`
	Micros float64  `json:"micros"`
	Notes  []string `json:"notes,omitempty"`
}

type progressWire struct {
	Done  int64 `json:"done"`
	Total int64 `json:"total"`
}

// fault is an inspect.Fault on the wire.
type fault struct {
	Class string `json:"class"`
	What  string `json:"what"`
	Why   string `json:"why,omitempty"`
	Cure  string `json:"cure,omitempty"`
	// Ends says that the server can compute nothing any more and ends: another process may.
	Ends bool `json:"ends,omitempty"`
}

// classes are the errors that keep their meaning across the wire.
var classes = map[string]error{
	"malformed": inspect.ErrMalformed, "missing": inspect.ErrMissing, "unreadable": inspect.ErrUnreadable,
	"unsupported": inspect.ErrUnsupported, "mismatch": inspect.ErrMismatch,
}

func toFault(err error) *fault {
	f := &fault{Class: "unsupported", What: err.Error()}
	for name, class := range classes {
		if errors.Is(err, class) {
			f.Class = name
		}
	}
	var known *inspect.Fault
	if errors.As(err, &known) {
		f.What, f.Why, f.Cure = known.What, known.Why, known.Cure
	}
	return f
}

// err is the fault as an error; one of a peer that gives no reason says that.
func (f *fault) err() error {
	if f.What == "" {
		g := *f
		g.What, g.Cure = "the worker refuses and does not say why", cmp.Or(f.Cure, "fp4tui doctor says what it has; backend=emu computes on the CPU")
		f = &g
	}
	class := classes[f.Class]
	if class == nil {
		class = inspect.ErrUnsupported
	}
	return &inspect.Fault{Class: class, Offset: -1, What: f.What, Why: f.Why, Cure: f.Cure}
}

// last is err of a server that ended with it.
func (f *fault) last() error {
	g := *f
	g.Cure = strings.TrimPrefix(g.Cure+"; ", "; ") + "nothing of the session is lost, and the next command starts another worker"
	return g.err()
}

// outTypes are the output types by their names on the wire.
var outTypes = map[string]inspect.DType{"BF16": inspect.BF16, "F16": inspect.F16, "F32": inspect.F32}

// encodeJob splits a job into its wire form and the blobs of a run frame.
func encodeJob(j *layer.Job) (jobWire, [][]byte) {
	w := jobWire{Kernel: j.Kernel, Mode: j.Mode.String(), Arch: j.Arch, M: j.M, N: j.N, K: j.K, Block: j.Block, Scale: "e4m3",
		Weight: j.WeightKey(), Alpha: uint8(j.Epilogue.Alpha), BiasPlace: uint8(j.Epilogue.Bias), HasBias: j.Bias != nil, Out: j.Out.String()}
	if j.Scale == fp4.E8M0 {
		w.Scale = "e8m0"
	}
	if j.Buffers != nil {
		w.Buffers = j.Buffers.String()
	}
	x := j.XCodes
	if j.Mode == layer.W4A16 {
		x = wordBytes(j.XWords)
	}
	return w, [][]byte{x, j.XScales, floatBytes(j.Alphas), floatBytes(j.Bias)}
}

// weightBlobs are those of a weight frame.
func weightBlobs(j *layer.Job) [][]byte {
	blobs := [][]byte{j.WCodes, j.WScales}
	if j.Buffers != nil {
		blobs = append(blobs, j.Buffers.Codes, j.Buffers.Scales)
	}
	return blobs
}

// decodeJob rebuilds a job with its weight and checks it, also that the weight has the key that
// it is asked for by: it is computed when the weight has just come, and known after.
func decodeJob(w jobWire, blobs [][]byte, of weight) (layer.Job, error) {
	bad := func(why string) (layer.Job, error) {
		return layer.Job{}, &inspect.Fault{Class: inspect.ErrMalformed, Offset: -1, What: "a job that is none", Why: why}
	}
	if len(blobs) != 4 {
		return bad(fmt.Sprintf("%d blobs", len(blobs)))
	}
	j := layer.Job{Kernel: w.Kernel, Mode: layer.W4A16, Arch: w.Arch, M: w.M, N: w.N, K: w.K, Block: w.Block, Scale: fp4.E4M3, WCodes: of.codes, WScales: of.scales, Key: of.key,
		Epilogue: layer.Epilogue{Alpha: layer.AlphaPlace(w.Alpha), Bias: layer.BiasPlace(w.BiasPlace)}}
	if w.Scale == "e8m0" {
		j.Scale = fp4.E8M0
	}
	var known bool
	if j.Out, known = outTypes[w.Out]; !known || j.Epilogue.Alpha > layer.AlphaOut || j.Epilogue.Bias > layer.BiasOut {
		return bad(fmt.Sprintf("output %q, epilogue %d and %d", w.Out, w.Alpha, w.BiasPlace))
	}
	if w.Mode == layer.W4A4.String() {
		j.Mode, j.XCodes, j.XScales = layer.W4A4, blobs[0], blobs[1]
	} else {
		j.XWords = words(blobs[0])
	}
	j.Alphas = floats(blobs[2])
	if w.HasBias {
		j.Bias = floats(blobs[3])
	}
	if err := j.Check(); err != nil {
		return j, err
	}
	if key := j.WeightKey(); key != w.Weight {
		return bad("its weight is " + key + ", and it was asked for as " + w.Weight)
	}
	return j, nil
}

func floatBytes(v []float32) []byte {
	b := make([]byte, 4*len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(x))
	}
	return b
}

func floats(b []byte) []float32 {
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v
}
