package layer

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"fp4tui/inspect/checkpoint"
)

// Declaration is what one configuration file says about the weights on one topic. Config
// groups are for some layers and not for others, so it may say several things.
type Declaration struct {
	File  string // "config.json", "hf_quant_config.json"
	Topic *Topic
	Said  []Said
}

// Said is one key of a configuration and its value.
type Said struct {
	Key   string // "quantization_config.config_groups.group_0.weights.group_size"
	Value string // "32"
}

// Topic is a row of the table of what a configuration can say about weights.
type Topic struct {
	Name   string // of what the tensors are, with a place for it: "blocks of %s"
	Effect string // on an engine that believes a wrong one

	// means gives what is said a meaning in the words of is; nil: it stands for itself.
	// What is not in it says nothing.
	means map[string]string
	is    func(l *Layer) string // what the tensors are
	write func(l *Layer) string // what the configuration should say; nil: what they are
}

var (
	topicMethod = &Topic{Name: "quantizer %s", Effect: "an engine looks for the tensors of another quantizer: it refuses the file, or leaves weights unset",
		means: map[string]string{"compressed-tensors": "compressed-tensors", "modelopt": "modelopt", "modelopt_fp4": "modelopt", "mxfp4": "gpt-oss",
			"fp8": "fp8", "awq": "awq", "gptq": "gptq"},
		is: func(l *Layer) string { name, _, _ := strings.Cut(l.Producer, " "); return name },
		write: func(l *Layer) string {
			if name, _, _ := strings.Cut(l.Producer, " "); name != "gpt-oss" {
				return name
			}
			return "mxfp4"
		}}
	topicFormat = &Topic{Name: "format %s", Effect: "an engine decodes scales as those of another format, or refuses the file",
		means: map[string]string{"nvfp4-pack-quantized": "nvfp4", "mxfp4-pack-quantized": "mxfp4", "pack-quantized": "int4",
			"int-quantized": "int8", "float-quantized": "fp8", "naive-quantized": "fp8"},
		is:    func(l *Layer) string { return l.Format },
		write: func(l *Layer) string { return l.Format + "-pack-quantized" }}
	topicAlgo = &Topic{Name: "format %s", Effect: topicFormat.Effect,
		means: map[string]string{"NVFP4": "nvfp4", "W4A16_NVFP4": "nvfp4", "NVFP4_AWQ": "nvfp4", "MXFP4": "mxfp4", "FP8": "fp8", "INT4_AWQ": "int4"},
		is:    func(l *Layer) string { return l.Format },
		write: func(l *Layer) string {
			if l.Format == "nvfp4" && l.Mode == W4A16 {
				return "W4A16_NVFP4"
			}
			return strings.ToUpper(l.Format)
		}}
	topicBits = &Topic{Name: "%s bits", Effect: "an engine unpacks codes of another width: it refuses the file, or every weight is wrong",
		is: func(*Layer) string { return "4" }}
	topicType = &Topic{Name: "codes of type %s", Effect: "an engine takes the codes for another type: it refuses the file, or every weight is wrong",
		is: func(*Layer) string { return "float" }}
	topicBlock = &Topic{Name: "blocks of %s", Effect: "an engine gives a scale to other weights than its own, or refuses the file",
		is: func(l *Layer) string { return strconv.Itoa(l.Block) }}
)

// Declared lists what the configuration beside a checkpoint says about the weights, in
// the order of files and keys. Words that are not known say nothing.
func Declared(c *checkpoint.Checkpoint) []Declaration {
	var list []Declaration
	for _, q := range configured(c) {
		add := func(t *Topic, key string, says word) {
			if !t.knows(string(says)) {
				return
			}
			i := slices.IndexFunc(list, func(d Declaration) bool { return d.File == q.file && d.Topic == t })
			if i < 0 {
				i, list = len(list), append(list, Declaration{File: q.file, Topic: t})
			}
			list[i].Said = append(list[i].Said, Said{q.key + "." + key, string(says)})
		}
		add(topicMethod, "quant_method", q.Method)
		add(topicFormat, "format", q.Format)
		add(topicAlgo, "quant_algo", q.Algo)
		add(topicBlock, "group_size", q.Size)
		for _, name := range slices.Sorted(maps.Keys(q.Groups)) {
			g, key := q.Groups[name], "config_groups."+name+"."
			add(topicFormat, key+"format", g.Format)
			if g.Weights != nil {
				add(topicBits, key+"weights.num_bits", g.Weights.Bits)
				add(topicType, key+"weights.type", g.Weights.Type)
				add(topicBlock, key+"weights.group_size", g.Weights.Size)
			}
		}
	}
	return list
}

// Holds reports whether something of what is said is so of a layer. A layer whose tensors
// do not fit each other contradicts nobody.
func (d *Declaration) Holds(l *Layer) bool {
	is := d.Topic.is(l)
	return l.blocked != nil || slices.ContainsFunc(d.Said, func(s Said) bool {
		return s.Value == is && d.Topic.means == nil || d.Topic.means[s.Value] == is
	})
}

// Wrong names what is said, for a layer of which it does not hold: "blocks of 32".
func (d *Declaration) Wrong() string { return fmt.Sprintf(d.Topic.Name, d.Said[0].Value) }

// knows reports whether a value says anything: a group of -1 or 0 is a whole row.
func (t *Topic) knows(value string) bool {
	if t.means != nil {
		return t.means[value] != ""
	}
	return value != "" && value != "0" && value[0] != '-'
}

// Is is what the tensors of a layer are: "16".
func (t *Topic) Is(l *Layer) string { return t.is(l) }

// Write is what the configuration of such a layer says.
func (t *Topic) Write(l *Layer) string {
	if t.write != nil {
		return t.write(l)
	}
	return t.is(l)
}
