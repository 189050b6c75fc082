package lint

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"fp4tui/inspect/layer"
)

// config reports what the configuration says of the weights and no tensor bears out. Engines
// choose kernels and shapes by the configuration alone. Groups are for some layers and not
// for others: what one of them says is enough.
func (k *checker) config() {
	type key struct {
		file  string
		topic *layer.Topic
	}
	said := map[key][]layer.Declaration{}
	var order []key
	for _, d := range layer.Declared(k.checkpoint) {
		at := key{d.File, d.Topic}
		if said[at] == nil {
			order = append(order, at)
		}
		said[at] = append(said[at], d)
	}
	for _, at := range order {
		list := said[at]
		wrong := map[string][]*layer.Layer{}
		var kinds []string
		for _, l := range k.layers {
			if slices.ContainsFunc(list, func(d layer.Declaration) bool { return d.Holds(l) }) {
				continue
			}
			is := at.topic.Is(l)
			if wrong[is] == nil {
				kinds = append(kinds, is)
			}
			wrong[is] = append(wrong[is], l)
		}
		for _, is := range kinds {
			k.contradiction(list, wrong[is])
		}
	}
}

// contradiction is the finding about layers that are alike, and all that one file says
// about them.
func (k *checker) contradiction(said []layer.Declaration, layers []*layer.Layer) {
	l, first := layers[0], said[0]
	texts, keys := make([]string, len(said)), make([]string, len(said))
	for i, d := range said {
		texts[i], keys[i] = d.Key+" is "+d.Says, d.Key
	}
	k.report("config-mismatch", Finding{
		Layer: l.Name, File: filepath.Join(k.checkpoint.Dir, first.File), Offset: -1, Count: int64(len(layers)),
		What: fmt.Sprintf("%s says %s; the tensors of %s say "+first.Topic.Name,
			first.File, strings.Join(texts, ", "), plural(len(layers), "layer"), first.Topic.Is(l)),
		Effect: first.Topic.Effect,
		Why:    "the configuration is of another checkpoint or was edited: names, types and shapes of the tensors are those of " + l.Producer,
		Cure:   "restore the configuration that was exported with these tensors: " + strings.Join(keys, ", ") + " " + first.Topic.Write(l),
	})
}
