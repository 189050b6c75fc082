package exec

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fp4tui/exec/language"
	"fp4tui/inspect"
	"fp4tui/inspect/checkpoint"
)

// ExportCmd writes something to a file.
type ExportCmd struct {
	X       language.Ref  `arg:"X" kind:"tensor|product|layer|quantized|prepared|scales|codes|diff|session" doc:"a tensor, a product, a layer (dequantized), the errors of a comparison, or the word session"`
	Path    language.Path `arg:"PATH" doc:"where to; the extension chooses the format: .safetensors .npy .csv .json, .png for a map; of the session .fp4.md or .html"`
	Metric  string        `key:"metric" enum:"abs|signed|rel|ulp|noise|unproven|proven_mismatch" default:"abs" doc:"for .png: which error of a comparison"`
	Agg     string        `key:"agg" enum:"max|mean|count" default:"max" doc:"for .png: what a pixel shows of its elements"`
	Replace bool          `key:"replace" doc:"overwrite a notebook that this session did not write: its prose is lost"`
}

var exportSpec = language.Spec{
	Verb: "export", Group: "session",
	Summary:  "write a tensor, the errors of a comparison, a map as a picture, or the session as a notebook or a report",
	Detail:   "A file that exists is replaced only when the new one is complete; a notebook of another session only with replace=yes, a file that this session opened never.",
	Examples: []string{"export y y.npy", "export e errors.csv", "export e map.png metric=signed", "export session tour.fp4.md", "export session report.html"},
	New:      func() any { return new(ExportCmd) },
}

func (cmd *ExportCmd) run(c *call) (Result, error) {
	path, err := c.s.writePath(string(cmd.Path))
	if err != nil {
		return nil, err
	}
	if err := c.s.spared(string(cmd.Path), path); err != nil {
		return nil, err
	}
	if cmd.X.Name == sessionName && isReport(path) {
		return c.exportReport(string(cmd.Path), path)
	}
	if isPicture(path) && cmd.X.Name != sessionName {
		return c.exportPicture(cmd, path)
	}
	if cmd.Metric != "" || cmd.Agg != "" {
		return nil, fmt.Errorf("%w: export %s: metric= and agg= choose what a picture shows; want a name that ends in .png", ErrUsage, cmd.Path)
	}
	if cmd.X.Name == sessionName {
		return c.exportSession(string(cmd.Path), path, cmd.Replace)
	}
	if p, err := c.prepared(cmd.X); err != nil {
		return nil, err
	} else if p != nil {
		return c.exportPrepared(string(cmd.Path), path, p)
	}
	t, err := c.exported(cmd.X)
	if err != nil {
		return nil, err
	}
	ext := strings.ToLower(filepath.Ext(path))
	i := slices.IndexFunc(tensorWriters, func(w tensorWriter) bool { return w.ext == ext })
	if i < 0 {
		return nil, fmt.Errorf("%w: export %s: want a name that ends in .safetensors, .npy, .csv, .json or .png", ErrUsage, cmd.Path)
	}
	err = checkpoint.WriteFile(path, func(w io.Writer) error { return tensorWriters[i].write(w, cmd.X, t) })
	if err != nil {
		return nil, err
	}
	c.s.remembersWriting(path)
	return written(string(cmd.Path), path, fmt.Sprintf("tensor %s %s", dtypeName(t.DType), inspect.ShapeString(t.Shape)), "")
}

// exportPrepared writes both buffers of a prepared weight as bytes, with what they are.
func (c *call) exportPrepared(name, path string, v *preparedValue) (Result, error) {
	if strings.ToLower(filepath.Ext(path)) != ".safetensors" {
		return nil, fmt.Errorf("%w: export %s: a prepared weight is two buffers; want a name that ends in .safetensors", ErrUsage, name)
	}
	p := v.prepared
	tensors := map[string]inspect.Tensor{"codes": byteTensor(p.Codes), "scales": byteTensor(p.Scales)}
	about := map[string]string{"producer": "fp4tui", "kernel": p.Kernel.Name, "n": strconv.Itoa(p.N), "k": strconv.Itoa(p.K),
		"padded_n": strconv.Itoa(p.PadN), "padded_k": strconv.Itoa(p.PadK), "global": strconv.FormatFloat(float64(p.Global), 'g', -1, 32)}
	err := checkpoint.WriteFile(path, func(w io.Writer) error { return checkpoint.WriteSafetensors(w, tensors, about) })
	if err != nil {
		return nil, err
	}
	c.s.remembersWriting(path)
	return written(name, path, fmt.Sprintf("codes and scales, %d bytes", p.Bytes()), "")
}

// byteTensor is a buffer as a U8 tensor of one dimension.
func byteTensor(b []byte) inspect.Tensor {
	t := inspect.Tensor{DType: inspect.U8, Shape: []int{len(b)}, Data: make([]float32, len(b))}
	for i, v := range b {
		t.Data[i] = float32(v)
	}
	return t
}

// exported is the tensor that export writes for a reference: a quantized weight goes
// out dequantized, a comparison as got - want.
func (c *call) exported(ref language.Ref) (inspect.Tensor, error) {
	v, err := c.resolve(ref)
	if err != nil {
		return inspect.Tensor{}, err
	}
	var t inspect.Tensor
	switch v := v.(type) {
	case *weightsValue:
		t, err = v.dequantized(c.ctx)
	case *diffValue:
		t = v.errors()
	default:
		return c.dense(ref)
	}
	if err != nil {
		return t, err
	}
	return window(t, ref)
}

// errors is got - want of every element.
func (d *diffValue) errors() inspect.Tensor {
	t := inspect.Tensor{DType: inspect.F32, Shape: shapeOf(d.pair.Shape), Data: make([]float32, d.pair.M*d.pair.N)}
	for m := range d.pair.M {
		for n := range d.pair.N {
			t.Data[m*d.pair.N+n] = float32(d.pair.At(m, n).Err)
		}
	}
	return t
}

// tensorWriter is one file format of export.
type tensorWriter struct {
	ext   string
	write func(w io.Writer, ref language.Ref, t inspect.Tensor) error
}

var tensorWriters = []tensorWriter{
	{".safetensors", func(w io.Writer, ref language.Ref, t inspect.Tensor) error {
		return checkpoint.WriteSafetensors(w, map[string]inspect.Tensor{ref.String(): storable(t)}, map[string]string{"producer": "fp4tui", "source": ref.String()})
	}},
	{".npy", func(w io.Writer, _ language.Ref, t inspect.Tensor) error { return checkpoint.WriteNPY(w, storable(t)) }},
	{".csv", func(w io.Writer, _ language.Ref, t inspect.Tensor) error { return writeCSV(w, t) }},
	{".json", func(w io.Writer, ref language.Ref, t inspect.Tensor) error {
		return json.NewEncoder(w).Encode(struct {
			Name  string    `json:"name"`
			DType string    `json:"dtype"`
			Shape []int     `json:"shape"`
			Data  []Float32 `json:"data"`
		}{ref.String(), dtypeName(t.DType), shapeOf(t.Shape), float32s(t.Data)})
	}},
}

// storable widens what the writers have no type for (8-bit and 4-bit floats) to F32,
// which holds every value.
func storable(t inspect.Tensor) inspect.Tensor {
	switch t.DType {
	case inspect.BF16, inspect.F16, inspect.F32:
	default:
		t.DType = inspect.F32
	}
	return t
}

// writeCSV writes one line a row: all leading dimensions folded.
func writeCSV(w io.Writer, t inspect.Tensor) error {
	rows, cols := t.Rows()
	out := csv.NewWriter(w)
	line := make([]string, cols)
	for r := range rows {
		for c := range line {
			line[c] = strconv.FormatFloat(float64(t.Data[r*cols+c]), 'g', -1, 32)
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func written(name, path, what, next string) (Result, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	return Exported{Path: inspect.Printable(name), What: what, Bytes: info.Size(), Next: next}, nil
}
