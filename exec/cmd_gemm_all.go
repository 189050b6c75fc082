package exec

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

// kindBackends is a handle of gemm backend=all.
const kindBackends = "lineup"

// backendsValue is the products of several backends on the same operands.
type backendsValue struct {
	products map[string]*productValue // by backend
	result   Backends
}

func (*backendsValue) kind() string { return kindBackends }
func (v *backendsValue) describe() string {
	return fmt.Sprintf("%s by %s", inspect.ShapeString(v.result.Shape), plural(int(v.result.count(backendRan)), "backend"))
}

// all runs every backend that is ready and compares their outputs in pairs.
func (cmd *GemmCmd) all(c *call, f layer.Forward, w *weightsValue, choice gemmChoice, prepared *preparedValue) (Result, error) {
	if w == nil {
		return nil, fmt.Errorf("%w: backend=all: %s is a dense weight, which backend=ref alone takes", ErrUsage, cmd.W)
	}
	v := &backendsValue{products: map[string]*productValue{}}
	r := Backends{Bind: Bind{c.name}, X: cmd.X.String(), W: cmd.W.String(), Mode: f.Mode.String(), Act: actName(f), Out: dtypeName(f.Out),
		Rows: []BackendRow{}, Pairs: []BackendPair{}}
	ready, err := r.muster(c)
	if err != nil {
		return nil, err
	}
	parts := len(ready) + 1 // the last compares
	for i, at := range ready {
		row := &r.Rows[at]
		end := c.stage(i, parts, fmt.Sprintf("%s, %d of %d", row.Name, i+1, len(ready)))
		p, err := cmd.one(c, c.s.backends[at], row, f, w, choice, prepared)
		end()
		if err != nil {
			return nil, err
		}
		if p == nil {
			continue
		}
		v.products[row.Name] = p
		r.Shape = shapeOf(p.out.Y.Shape)
		if proof := proofOf(p.out.Proof); proof != nil && r.Proof == nil {
			r.Proof = proof
		}
	}
	if len(v.products) == 0 {
		return nil, fmt.Errorf("%w: no backend is ready", ErrNotReady)
	}
	defer c.stage(len(ready), parts, "comparing")()
	if err := r.compare(c, v.products); err != nil {
		return nil, err
	}
	v.result = r
	c.bind(v)
	return r, nil
}

// muster makes a row of every backend, and tells which of them are ready: those whose rows
// are to be filled in. The error is that of the context.
func (r *Backends) muster(c *call) (ready []int, err error) {
	for i, be := range c.s.backends {
		row := BackendRow{Name: be.Name(), Attr: attrOf(be.Name()), Status: backendAbsent, Notes: []string{}}
		err := c.ready(be)
		switch {
		case c.ctx.Err() != nil:
			return nil, c.ctx.Err()
		case err != nil:
			row.Why, row.Cure = reason(err), HintOf(err)
		default:
			ready = append(ready, i)
		}
		r.Rows = append(r.Rows, row)
	}
	return ready, nil
}

// one runs a backend and fills in its row. Where it fails there is no product, and the row
// says why; the error is that of the context.
func (cmd *GemmCmd) one(c *call, be Backend, row *BackendRow, f layer.Forward, w *weightsValue, choice gemmChoice, prepared *preparedValue) (*productValue, error) {
	out, err := c.forward(be, f, prepared)
	switch {
	case c.ctx.Err() != nil:
		return nil, c.ctx.Err()
	case err != nil:
		row.Status, row.Why, row.Cure = backendFailed, reason(err), HintOf(err)
		if errors.Is(err, inspect.ErrUnsupported) {
			row.Status = backendAbsent // it runs, but not this layer
		}
		return nil, nil
	}
	choice.backend = be.Name()
	p := &productValue{out: out, forward: f, x: cmd.X.String(), w: cmd.W.String(), backend: be.Name(), weights: w, choice: choice, prepared: prepared}
	p.by = p.badge()
	of := product("", p)
	p.zeros = of.Zero
	row.Status, row.By, row.Device, row.NaN, row.Inf, row.Zero = backendRan, p.by, of.Device, of.NaN, of.Inf, of.Zero
	row.Unwritten = unwritten(out.Y)
	row.Notes = append(row.Notes, out.Notes...)
	return p, nil
}

// reason is an error without what the row says already.
func reason(err error) string {
	var f *inspect.Fault
	if errors.As(err, &f) {
		return f.Error()
	}
	return err.Error()
}

// unwritten counts outputs that still hold what they were filled with.
func unwritten(y inspect.Tensor) int64 {
	n := int64(0)
	for _, v := range y.Data {
		if layer.Unwritten(v, y.DType) {
			n++
		}
	}
	return n
}

// compare fills in the pairs: those with a proven mismatch first, which are bugs of one
// of the two, then in the order of the backends.
func (r *Backends) compare(c *call, products map[string]*productValue) error {
	var ran []*productValue
	for _, row := range r.Rows {
		if p := products[row.Name]; p != nil {
			ran = append(ran, p)
		}
	}
	pairs := int64(len(ran) * (len(ran) - 1) / 2)
	for i, want := range ran {
		for _, got := range ran[i+1:] {
			pair, err := paired(got, want)
			if err != nil {
				return err
			}
			m, err := pair.Metrics(c.ctx)
			if err != nil {
				return err
			}
			mismatched, err := pair.Mismatched(c.ctx, 0, 0)
			if err != nil {
				return err
			}
			p := BackendPair{Got: got.backend, Want: want.backend, MaxAbs: Float(m.MaxAbs), At: m.ArgMax, RelL2: Float(m.RelL2), Mismatched: mismatched, Elements: m.Count, Apart: apart(pair, &m)}
			r.Pairs = append(r.Pairs, p)
			if c.progress != nil {
				c.progress(int64(len(r.Pairs)), pairs)
			}
		}
	}
	slices.SortStableFunc(r.Pairs, func(a, b BackendPair) int { return cmp.Compare(b.ProvenMismatch, a.ProvenMismatch) })
	return nil
}

// count is how many rows have a status.
func (r *Backends) count(status string) float64 {
	n := 0.
	for _, row := range r.Rows {
		n += oneIf(row.Status == status)
	}
	return n
}

// attrOf is the name of a backend as an attribute: cuda:emu-fp4 is y.cuda_emu_fp4.
func attrOf(backend string) string { return strings.NewReplacer(":", "_", "-", "_").Replace(backend) }

// backendsAttributes are the numbers that expect asks for, and the product of each backend
// that the session knows, whether it is ready here or not.
func (s *Session) backendsAttributes() []attribute {
	largest := func(of func(BackendPair) float64) func(*Backends) float64 {
		return func(r *Backends) float64 {
			most := 0.
			for _, p := range r.Pairs {
				if v := of(p); v > most { // not NaN, as of a pair that shares no number
					most = v
				}
			}
			return most
		}
	}
	var out []attribute
	for _, row := range []struct {
		name, doc string
		get       func(*Backends) float64
	}{
		{"ran", "how many backends ran", func(r *Backends) float64 { return r.count(backendRan) }},
		{"failed", "how many began and failed", func(r *Backends) float64 { return r.count(backendFailed) }},
		{"proven_mismatch", "outputs that two backends disagree on and that are proven: the most of any pair. Above 0 one of them has a bug", largest(func(p BackendPair) float64 { return float64(p.ProvenMismatch) })},
		{"max_abs", "the largest difference of any pair", largest(func(p BackendPair) float64 { return float64(p.MaxAbs) })},
		{"mismatched", "outputs that differ: the most of any pair", largest(func(p BackendPair) float64 { return float64(p.Mismatched) })},
		{"zeros", "how many backends returned nothing but zeros", func(r *Backends) float64 { return r.silent(func(row BackendRow) int64 { return row.Zero }) }},
		{"unwritten", "how many backends left outputs unwritten", func(r *Backends) float64 {
			n := 0.
			for _, row := range r.Rows {
				n += oneIf(row.Unwritten > 0)
			}
			return n
		}},
	} {
		out = append(out, attribute{row.name, row.doc, kindNumber, of(func(_ *call, v *backendsValue) (value, error) { return number(row.get(&v.result)) })})
	}
	for _, be := range s.backends {
		name := be.Name()
		out = append(out, attribute{attrOf(name), "the product of backend=" + name, kindProduct, of(func(_ *call, v *backendsValue) (value, error) {
			if p := v.products[name]; p != nil {
				return p, nil
			}
			return nil, v.missing(name)
		})})
	}
	return out
}

// silent counts backends all of whose outputs are one thing.
func (r *Backends) silent(of func(BackendRow) int64) float64 {
	n := 0.
	for _, row := range r.Rows {
		n += oneIf(row.Status == backendRan && of(row) == int64(inspect.Numel(r.Shape)) && of(row) > 0)
	}
	return n
}

// missing is why a backend has no product.
func (v *backendsValue) missing(name string) error {
	for _, row := range v.result.Rows {
		if row.Name == name {
			return fmt.Errorf("%w: %w", ErrNotReady, &inspect.Fault{Class: inspect.ErrMissing, Offset: -1, What: name + " made no product", Why: row.Why, Cure: row.Cure})
		}
	}
	return fmt.Errorf("%w: %s made no product", ErrNotReady, name)
}
