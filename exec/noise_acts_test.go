package exec

import "testing"

// TestNoisePerToken: activations with a scale a row are as noisy as others, and shared
// ones are no noise at all.
func TestNoisePerToken(t *testing.T) {
	r := newRig(t, "c = load tour:minilm-w4a4", "w = layer c intermediate.dense", "x = randn 24 384 seed=1",
		"tensor = gemm x w act=dynamic", "token = gemm x w actper=token", "ref = gemm x w actper=token backend=ref", "plain = gemm x w mode=w4a16 backend=ref",
		"a = diff tensor plain", "b = diff token plain", "same = diff token ref")
	r.do("expect a.noise > 2 and a.noise < 7 and b.noise > 2 and b.noise < 7")
	r.do("expect same.rel_l2 < 1e-3 and same.ulp_max <= 1", "shifted = diff token tensor", "expect shifted.noise < 7")
}
