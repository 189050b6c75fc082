package layer

import (
	"encoding/json"
	"strconv"

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
	Method word `json:"quant_method"`
	Format word `json:"format"`
	Algo   word `json:"quant_algo"`
	Size   word `json:"group_size"`
	Groups map[string]struct {
		Format  word    `json:"format"`
		Weights *scheme `json:"weights"`
		Input   *scheme `json:"input_activations"`
	} `json:"config_groups"`
}

type scheme struct {
	Bits word `json:"num_bits"`
	Type word `json:"type"`
	Size word `json:"group_size"`
}

func (s *scheme) fp4() bool { return s != nil && s.Bits == "4" && s.Type == "float" }

// word is a string of at most maxWord bytes or a whole number of a configuration, as text;
// whatever else stands there says nothing.
type word string

const maxWord = 64

func (w *word) UnmarshalJSON(raw []byte) error {
	var text string
	var number int
	switch {
	case json.Unmarshal(raw, &text) == nil:
		if len(text) <= maxWord {
			*w = word(text)
		}
	case json.Unmarshal(raw, &number) == nil:
		*w = word(strconv.Itoa(number))
	}
	return nil
}

// source is one place of a configuration that holds a quantization.
type source struct {
	file, key string // "config.json", "quantization_config"
	*quantization
}

// algos are ModelOpt's names for a whole model; others (MIXED_PRECISION, NVFP4_AWQ)
// say nothing about a single layer.
var algos = map[word]declaration{"NVFP4": declaresW4A4, "W4A16_NVFP4": declaresW4A16}

// declaredMode reads config.json and hf_quant_config.json. What cannot be parsed
// says nothing: tensors decide, the configuration only confirms.
func declaredMode(c *checkpoint.Checkpoint) declaration {
	for _, q := range configured(c) {
		if d := q.declares(); d != declaresNothing {
			return d
		}
	}
	return declaresNothing
}

// configured are the quantizations of both files, in the order in which engines look.
func configured(c *checkpoint.Checkpoint) []source {
	var config struct {
		Quantization quantization `json:"quantization_config"`
		Text         struct {
			Quantization quantization `json:"quantization_config"`
		} `json:"text_config"`
	}
	var old struct {
		Quantization quantization `json:"quantization"`
	}
	const now, before = "config.json", "hf_quant_config.json"
	var list []source
	if json.Unmarshal(c.Config, &config) == nil {
		list = append(list, source{now, "quantization_config", &config.Quantization},
			source{now, "text_config.quantization_config", &config.Text.Quantization})
	}
	if json.Unmarshal(c.QuantConfig, &old) == nil {
		list = append(list, source{before, "quantization", &old.Quantization})
	}
	return list
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
