package lint

import (
	"fmt"
	"path/filepath"
	"strings"

	"fp4tui/inspect/layer"
)

// config reports what the configuration says of the weights and no tensor bears out. Engines
// choose kernels and shapes by the configuration alone.
func (k *checker) config() {
	for _, d := range layer.Declared(k.checkpoint) {
		wrong := map[string][]*layer.Layer{}
		var kinds []string
		for _, l := range k.layers {
			if d.Holds(l) {
				continue
			}
			is := d.Topic.Is(l)
			if wrong[is] == nil {
				kinds = append(kinds, is)
			}
			wrong[is] = append(wrong[is], l)
		}
		for _, is := range kinds {
			k.contradiction(&d, wrong[is])
		}
	}
}

// maxSaid is how many keys of a configuration a finding names.
const maxSaid = 3

// contradiction is the finding about layers that are alike.
func (k *checker) contradiction(d *layer.Declaration, layers []*layer.Layer) {
	l := layers[0]
	var texts, keys []string
	for _, s := range d.Said[:min(len(d.Said), maxSaid)] {
		texts, keys = append(texts, s.Key+" is "+s.Value), append(keys, s.Key)
	}
	if more := len(d.Said) - maxSaid; more > 0 {
		texts, keys = append(texts, fmt.Sprintf("and %d more like it", more)), append(keys, fmt.Sprintf("and %d more:", more))
	}
	k.report("config-mismatch", Finding{
		Layer: l.Name, File: filepath.Join(k.checkpoint.Dir, d.File), Offset: -1, Count: int64(len(layers)),
		What: fmt.Sprintf("%s says %s; the tensors of %s say "+d.Topic.Name,
			d.File, strings.Join(texts, ", "), plural(len(layers), "layer"), d.Topic.Is(l)),
		Effect: d.Topic.Effect,
		Why:    "the configuration is of another checkpoint or was edited: names, types and shapes of the tensors are those of " + l.Producer,
		Cure:   "restore the configuration that was exported with these tensors: " + strings.Join(keys, ", ") + " " + d.Topic.Write(l),
	})
}
