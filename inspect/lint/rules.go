package lint

import "slices"

// Rule is one row of the table of rules.
type Rule struct {
	Name     string
	Severity Severity // the usual one; a Finding may be milder, or worse when every scale is concerned
	Doc      string   // what is checked
	Seen     string   // public issues about this fault
}

// rules is the one table of rules, in order of severity and name.
var rules = []Rule{
	{"act-scale-is-inverse-weight-scale", Error, "the activation scale is 1/weight scale, or the weight scale itself: invented, not calibrated", "auto-round 2362"},
	{"block-shape", Error, "the shape of the block scales follows from the weights and the block size", "ComfyUI 15273, sglang 22064, 29314, vllm 23140"},
	{"config-mismatch", Error, "config.json and hf_quant_config.json say of quantizer, format, bits, type and block size what the tensors are", ""},
	{"file-malformed", Error, "headers, offsets and indexes keep their format", ""},
	{"file-mismatch", Error, "index, headers and file sizes agree", "huggingface_hub 4725, 4728, mlx-vlm 1827, 1329"},
	{"file-missing", Error, "every shard and tensor that an index names is there", "sglang 32279"},
	{"file-unreadable", Error, "the operating system lets us read every file", ""},
	{"layer-malformed", Error, "the tensors of a layer are what their names say", ""},
	{"layer-mismatch", Error, "the tensors of a layer fit each other", ""},
	{"layer-missing", Error, "a layer has both codes and block scales", "vllm 52501"},
	{"layer-unreadable", Error, "the tensors of a layer can be read", ""},
	{"partial-block", Error, "every row is whole blocks: K is a multiple of the block size", ""},
	{"scalar-inf", Error, "no global or activation scale is infinite", "vllm 45212"},
	{"scalar-missing", Error, "every global scale and declared activation scale is stored", "vllm 45212, 45320, 54444"},
	{"scalar-nan", Error, "no global or activation scale is NaN", ""},
	{"scalar-negative", Error, "no global or activation scale is below zero", ""},
	{"scalar-zero", Error, "no global or activation scale is zero or subnormal", "vllm 45320, 54444"},
	{"scale-all-zero", Error, "some block scale is not zero (E8M0: not 0x00)", "sglang 33541"},
	{"scale-nan", Error, "no block scale is NaN (E4M3 0x7f, 0xff; E8M0 0xff)", "model-optimizer 1633, 1397"},
	{"file-unsupported", Warning, "everything in the file is of a kind that we know", ""},
	{"fused-globals-differ", Warning, "modules that engines fuse (q|k|v, gate|up) share one global scale", "sglang 29151, 14102, vllm 35693, model-optimizer 2206"},
	{"global-inverted", Warning, "the greatest weight that the scales allow is between 1e-6 and 1e3", "auto-round 2362"},
	{"input-scale-gaps", Warning, "layers alike (same path but for numbers) all have an activation scale, or none", "vllm 45212, 45320, 54444"},
	{"layer-unsupported", Warning, "every FP4 layer is of a producer that we know", ""},
	{"scale-sign", Warning, "no E4M3 block scale has its sign bit set", ""},
	{"scales-saturated", Warning, "few block scales are at the maximum; an error when all are", ""},
	{"scales-subnormal", Warning, "few block scales are below the smallest normal; an error from 90 % of them", ""},
	{"input-scale-absent", Info, "layers whose activations are not quantized", ""},
	{"not-quantized", Info, "tensors that belong to no FP4 layer", ""},
}

// Rules lists the rules in order of severity and name.
func Rules() []Rule { return slices.Clone(rules) }

// LookupRule returns the rule of a name.
func LookupRule(name string) (Rule, bool) {
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.Name == name })
	if i < 0 {
		return Rule{}, false
	}
	return rules[i], true
}
