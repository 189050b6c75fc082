package diagnose

import (
	"fmt"

	"fp4tui/inspect"
	"fp4tui/inspect/kernel"
)

// maxPrepared bounds the weights that are prepared for every kernel.
const maxPrepared = 1 << 22

// kernels are weights prepared for one kernel in the hands of another: a shuffle that was left out, a
// swizzle that the kernel does not expect. Kernels that keep their buffers alike
// stand for each other.
func kernels(s *scene) (list []hypothesis) {
	if s.Repair || s.w.Rows*s.w.Cols > maxPrepared {
		return nil
	}
	var forms []*kernel.Prepared
	seen := map[string]bool{}
	for _, k := range kernel.Kernels() {
		p, err := kernel.Prepare(s.ctx, s.Weights, k, kernel.Options{Expert: s.Expert, Act: inspect.BF16})
		if err != nil || seen[form(p)] {
			continue
		}
		seen[form(p)] = true
		forms = append(forms, p)
	}
	for _, p := range forms {
		for _, other := range forms {
			if other == p {
				continue
			}
			q, err := p.As(other.Kernel)
			if err != nil {
				continue
			}
			b, err := q.Unpack()
			if err != nil || b.Cols < s.k {
				continue
			}
			list = append(list, hypothesis{name: fmt.Sprintf("prepared for %s and run by %s", p.Kernel.Name, other.Kernel.Name),
				command: "prep w for=" + p.Kernel.Name, fitted: true, reading: reading{blocks: &b, row: q.Column}})
		}
	}
	return list
}

// form tells buffers apart by where a scatter of elements is in them, and by what became of the
// scales.
func form(p *kernel.Prepared) string {
	text := fmt.Sprint(len(p.Codes), len(p.Scales), p.Kernel.Encode, p.Rescale, p.Global)
	for i := range 48 {
		n, k := i*37%p.N, i*101%p.K
		text += fmt.Sprint(" ", p.CodeMap.To(n, k), " ", p.ScaleMap.To(n, k/p.Block))
	}
	return text
}
