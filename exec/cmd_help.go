package exec

import (
	"fmt"

	"fp4tui/exec/language"
)

func (cmd *HelpCmd) run(c *call) (Result, error) {
	t := c.s.table
	if cmd.Topic == "" {
		r := Help{Items: []HelpItem{}}
		for _, g := range t.Groups() {
			for _, v := range g.Verbs {
				r.Items = append(r.Items, HelpItem{Group: g.Name, Name: v.Verb, Text: v.Summary})
			}
		}
		return r, nil
	}
	h, ok := t.Help(cmd.Topic)
	if !ok {
		return nil, fmt.Errorf("%w: no help for %q%s", ErrUsage, cmd.Topic, didYouMean(cmd.Topic, t.Verbs()))
	}
	r := Help{Topic: h.Verb, Usage: h.Usage, Text: h.Summary, Examples: h.Examples, Items: []HelpItem{}}
	if h.Detail != "" {
		r.Text += "\n" + h.Detail
	}
	for _, list := range [][]language.HelpItem{h.Args, h.Keys} {
		for _, item := range list {
			r.Items = append(r.Items, HelpItem{Group: item.Type, Name: item.Name, Text: item.Doc, Default: item.Default})
		}
	}
	return r, nil
}

func didYouMean(word string, among []string) string {
	if s := language.Closest(word, among); s != "" {
		return fmt.Sprintf("; did you mean %s?", s)
	}
	return ""
}
