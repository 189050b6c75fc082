//go:build cuda && cgo && linux

package cuda

import "gorgonia.org/cu"

// cublas is cuBLASLt with a handle of this engine's context, loaded when it is first asked for.
func (s *state) cublas() (*blas, error) {
	var err error
	if s.blas == nil {
		s.blas, err = openBlas(blasLt...)
	}
	return s.blas, err
}

func padTo(n, multiple int) int { return (n + multiple - 1) / multiple * multiple }

// throughBlas takes a product through cuBLASLt: it leaves float32 sums of a band of rows in
// a buffer between guards, and blas_finish makes the outputs of them. The operands are
// those of p.args, in the form of kind, with zeros up to blasPad rows.
func (p *product) throughBlas(kind *blasKind) error {
	lt, err := p.cublas()
	if err != nil {
		return err
	}
	finish, err := p.function(anyImage, "blas_finish", 0)
	if err != nil {
		return err
	}
	n, band := padTo(p.job.N, blasPad), min(p.band(), p.job.M)
	plans := map[int]*blasPlan{}
	workspace := int64(0)
	for _, rows := range []int{band, p.job.M % band} { // of all bands, and of the last
		if rows == 0 {
			continue
		}
		plan, err := lt.plan(kind, padTo(rows, blasPad), n, p.k, cu.DevicePtr(p.args.wScales), cu.DevicePtr(p.args.xScales))
		if err != nil {
			return err
		}
		p.later = append(p.later, plan.close)
		p.notes = append(p.notes, plan.note())
		plans[rows], workspace = plan, max(workspace, plan.workspace())
	}
	work, err := p.scope.alloc(workspace)
	if err != nil {
		return err
	}
	sums, err := p.scope.output(int64(padTo(band, blasPad)) * int64(n) * 4)
	if err != nil {
		return err
	}
	p.guarded = append(p.guarded, sums)
	p.launch = func(m0, rows int) error {
		codes, scales := kind.offsets(m0, p.k)
		err := plans[rows].start(cu.DevicePtr(p.args.w), cu.DevicePtr(p.args.x)+codes, cu.DevicePtr(p.args.xScales)+scales, sums.at(), work)
		if err != nil {
			return err
		}
		first, count, from, stride := int64(m0), int64(rows), sums.at(), int64(n)
		params := append(pointers(&p.at), pointers(&first, &count)...)
		params = append(append(params, pointers(&from)...), pointers(&stride)...)
		const threads = 256
		blocks := (rows*p.job.N + threads - 1) / threads
		return driverError("cuLaunchKernel blas_finish", finish.Launch(blocks, 1, 1, threads, 1, 1, 0, cu.NoStream, params))
	}
	return nil
}
