package text

import (
	"strings"

	"fp4tui/exec"
)

// help writes the list of verbs by group, or the page of one: usage, what it does, its
// operands and keys, examples.
func help(p *page, r exec.Help) {
	if r.Topic == "" {
		p.verbs(r)
		return
	}
	p.say("%s", either(r.Usage, r.Topic))
	p.paragraphs(r.Text)
	p.within(func() {
		for _, item := range r.Items {
			p.list(item.Name, item.Group, item.Text, labelled("default", item.Default))
		}
	})
	p.examples(r.Examples)
}

func (p *page) verbs(r exec.Help) {
	p.paragraphs(r.Text)
	longest := 0
	for _, item := range r.Items {
		longest = max(longest, width(p.clean(item.Name)))
	}
	longest = min(longest, p.opt.Width/4)
	group := ""
	for _, item := range r.Items {
		if item.Group != group {
			group = item.Group
			p.say("%s", group)
		}
		p.within(func() { p.entry(item, longest) })
	}
	p.examples(r.Examples)
	p.say("help VERB says more")
}

// entry is a verb and its line, aligned with those of the other verbs; what does not
// fit goes on below the text.
func (p *page) entry(item exec.HelpItem, longest int) {
	name := p.middle(p.clean(item.Name), longest)
	at := len(p.lines)
	p.indent += longest + hang
	p.say("%s", item.Text)
	p.indent -= longest + hang
	if len(p.lines) == at {
		p.lines = append(p.lines, "")
	}
	head := strings.Repeat(" ", p.indent) + name
	first := strings.TrimLeft(p.lines[at], " ")
	p.lines[at] = strings.TrimRight(head+strings.Repeat(" ", longest-width(name)+hang)+first, " ")
}

func (p *page) examples(examples []string) {
	if len(examples) == 0 {
		return
	}
	p.say("examples:")
	p.within(func() {
		for _, e := range examples {
			p.say("%s", e)
		}
	})
}

func helpLine(_ Options, r exec.Help) []string {
	if r.Topic == "" {
		return []string{plural(len(r.Items), "command")}
	}
	first, _, _ := strings.Cut(r.Text, "\n")
	return []string{r.Topic, first}
}
