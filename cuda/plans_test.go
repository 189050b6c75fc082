//go:build cuda && cgo && linux

package cuda

import "testing"

// TestPlans holds the table of kernels and the plans to launch them together.
func TestPlans(t *testing.T) {
	for _, k := range kernelSpecs {
		if plans[k.name].start == nil {
			t.Errorf("%s has no plan", k.name)
		}
	}
	if len(plans) != len(kernelSpecs) {
		t.Errorf("%d plans for %d kernels", len(plans), len(kernelSpecs))
	}
}
