package layer

import (
	"encoding/json"

	"fp4tui/inspect/checkpoint"
)

// declaration is what the configuration says about activations, for all FP4 layers
// alike; mixed and absent configurations say nothing.
type declaration uint8

const (
	declaresNothing declaration = iota
	declaresW4A16
	declaresW4A4
)

// quantization is the part of a configuration that tells: compressed-tensors' and
// ModelOpt's config groups, ModelOpt's algorithm.
type quantization struct {
	Algo   string `json:"quant_algo"`
	Groups map[string]struct {
		Weights *scheme `json:"weights"`
		Input   *scheme `json:"input_activations"`
	} `json:"config_groups"`
}

type scheme struct {
	Bits int    `json:"num_bits"`
	Type string `json:"type"`
}

func (s *scheme) fp4() bool { return s != nil && s.Bits == 4 && s.Type == "float" }

// algos are ModelOpt's names for a whole model; others (MIXED_PRECISION, NVFP4_AWQ)
// say nothing about a single layer.
var algos = map[string]declaration{"NVFP4": declaresW4A4, "W4A16_NVFP4": declaresW4A16}

// declaredMode reads config.json and hf_quant_config.json. What cannot be parsed
// says nothing: tensors decide, the configuration only confirms.
func declaredMode(c *checkpoint.Checkpoint) declaration {
	var config struct {
		Quantization quantization `json:"quantization_config"`
		Text         struct {
			Quantization quantization `json:"quantization_config"`
		} `json:"text_config"`
	}
	var old struct {
		Quantization quantization `json:"quantization"`
	}
	parsed := []*quantization{&config.Quantization, &config.Text.Quantization, &old.Quantization}
	if json.Unmarshal(c.Config, &config) != nil {
		parsed = parsed[2:]
	}
	if json.Unmarshal(c.QuantConfig, &old) != nil {
		parsed = parsed[:len(parsed)-1]
	}
	for _, q := range parsed {
		if d := q.declares(); d != declaresNothing {
			return d
		}
	}
	return declaresNothing
}

func (q *quantization) declares() declaration {
	if d := algos[q.Algo]; d != declaresNothing || q.Algo != "" {
		return d
	}
	said := declaresNothing
	for _, g := range q.Groups {
		d := declaresNothing
		switch {
		case !g.Weights.fp4():
			continue
		case g.Input == nil:
			d = declaresW4A16
		case g.Input.fp4():
			d = declaresW4A4
		}
		if d == declaresNothing || said != declaresNothing && said != d {
			return declaresNothing
		}
		said = d
	}
	return said
}
