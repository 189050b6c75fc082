//go:build cuda && cgo && linux

package cuda

import (
	"context"
	_ "embed" // the kernels
	"errors"
	"sync"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

//go:embed kernels/quantize.fatbin
var quantizeImage string

// quantBand is how many elements one launch takes: a job can be cancelled between two.
const quantBand = 1 << 25

// Quantize makes codes and scales of bf16 words as flashinfer's default build does on this
// very GPU, with its approximate reciprocal. It stops with ctx.Err() between two launches
// when ctx ends. Errors are those of Run.
func (e *Engine) Quantize(ctx context.Context, job layer.QuantJob, progress layer.Progress) (r layer.QuantResult, err error) {
	if err = e.Ready(); err != nil {
		return r, err
	}
	if err = job.Check(); err != nil {
		return r, err
	}
	e.do(func() {
		var spec *quantSpec
		if spec, err = e.quantizer(ctx); err == nil {
			r, err = e.quantize(ctx, spec, &job, progress)
		}
	})
	return r, err
}

// quantizer is the first kernel of the table that came out right here.
func (e *Engine) quantizer(ctx context.Context) (*quantSpec, error) {
	why := ""
	for i := range quantSpecs {
		k, err := e.verifyQuantizer(ctx, &quantSpecs[i])
		if err == nil {
			return &quantSpecs[i], nil
		}
		if !errors.Is(err, ErrNoKernel) {
			return nil, err
		}
		why = k.Why
	}
	return nil, &inspect.Fault{Class: ErrNoKernel, Offset: -1, What: "nothing is quantized on " + e.name(), Why: why, Cure: "recipe=" + fp4.FlashinferExact + " computes on the CPU"}
}

// verifyQuantizer says whether a kernel may quantize here: it has to return the known
// answers, by reciprocals that are within a unit in the last place.
func (e *Engine) verifyQuantizer(ctx context.Context, spec *quantSpec) (Kernel, error) {
	return e.judge(ctx, &spec.kernelSpec, func() error {
		for _, job := range quantAnswers() {
			r, err := e.quantize(ctx, spec, &job, nil)
			if err != nil {
				return err
			}
			if _, err := explain(&job, &r); err != nil {
				return err
			}
		}
		return nil
	})
}

// quantize runs a kernel on bands of rows. It runs on the device's thread.
func (e *Engine) quantize(ctx context.Context, spec *quantSpec, job *layer.QuantJob, progress layer.Progress) (r layer.QuantResult, err error) {
	defer func() { e.settle(err) }()
	r = layer.QuantResult{Kernel: spec.name, Device: e.name()}
	band := max(1, quantBand/job.Cols) * job.Cols
	for at := 0; at < len(job.X); at += band {
		if e.state.broken != nil {
			return r, e.state.broken
		}
		if err := ctx.Err(); err != nil {
			return r, err
		}
		x := job.X[at:min(at+band, len(job.X))]
		codes, scales, err := e.quantizeBand(spec, job, x)
		if err != nil {
			return r, err
		}
		r.Codes, r.Scales = append(r.Codes, codes...), append(r.Scales, scales...)
		if progress != nil {
			progress(int64(at+len(x)), int64(len(job.X)))
		}
	}
	return r, nil
}

// quantizeBand quantizes whole rows of a job.
func (e *Engine) quantizeBand(spec *quantSpec, job *layer.QuantJob, x []uint16) (codes, scales []byte, err error) {
	s := &scope{memory: &e.state.memory}
	defer s.close()
	from, err := upload(s, x)
	if err != nil {
		return nil, nil, err
	}
	g, err := upload(s, []float32{job.Global})
	if err != nil {
		return nil, nil, err
	}
	blocks := int64(len(x) / job.Block())
	toCodes, err := s.output(int64(len(x) / 2))
	if err != nil {
		return nil, nil, err
	}
	toScales, err := s.output(blocks)
	if err != nil {
		return nil, nil, err
	}
	image, name := anyImage, map[string]string{fp4.NVFP4: "quantize_nv", fp4.MXFP4: "quantize_mx"}[job.Format]+spec.suffix
	if spec.suffix != "" {
		image = quantizeImage
	}
	c, sc := toCodes.at(), toScales.at()
	params := append(pointers(&from, &c, &sc, &g), pointers(&blocks)...)
	if err := e.launch(image, name, int((blocks+127)/128), 1, 128, params, toCodes, toScales); err != nil {
		return nil, nil, err
	}
	if codes, err = toCodes.read(); err != nil {
		return nil, nil, err
	}
	scales, err = toScales.read()
	return codes, scales, err
}

// quantFingerprint is what the known answers of quantizing are, for the cache of verdicts.
var quantFingerprint = sync.OnceValue(func() []byte {
	var all []byte
	for _, job := range quantAnswers() {
		for i := range len(job.X) / job.Block() {
			scale, codes := quantBlock(quantValues(&job, i), job.Format, job.Global, reciprocals{})
			all = append(append(all, scale), codes...)
		}
	}
	return all
})
