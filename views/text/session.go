package text

import (
	"fmt"
	"strings"

	"fp4tui/exec"
	"fp4tui/views/number"
)

func exported(p *page, r exec.Exported) {
	next := ""
	if r.Next != "" {
		next = "; replay with: " + r.Next
	}
	p.say("saved %s: %s, %s%s", r.Path, either(r.What, "nothing"), plural(r.Bytes, "byte"), next)
}

func exportedLine(_ Options, r exec.Exported) []string {
	return []string{"saved " + r.Path, r.Next}
}

// setting writes what is set in one line, names and aliases one a line.
func setting(p *page, r exec.Setting) {
	if len(r.Items) == 0 {
		p.say("%s: nothing", either(r.What, "set"))
		return
	}
	if r.What == "set" {
		p.list(r.What, named(r.Items)...)
		return
	}
	for _, item := range r.Items {
		p.say("%s = %s", item.Name, item.Text)
	}
}

func settingLine(_ Options, r exec.Setting) []string {
	if len(r.Items) == 0 {
		return []string{"nothing set"}
	}
	return named(r.Items)
}

func named(items []exec.NamedText) []string {
	out := make([]string, 0, len(items))
	for _, item := range items {
		out = append(out, item.Name+" "+item.Text)
	}
	return out
}

// sourced writes every command that ran with its result below it.
func sourced(p *page, r exec.Sourced) {
	p.list("source "+r.Path, fmt.Sprintf("%d ran", r.Ran), fmt.Sprintf("%d failed", r.Failed))
	for _, c := range r.Cells {
		p.say("> %s", c.Command)
		p.within(func() {
			if c.Result != nil {
				rendererOf(c.Result).lines(p, c.Result)
				return
			}
			p.failure(c.Err)
		})
	}
}

func sourcedLine(_ Options, r exec.Sourced) []string {
	return []string{fmt.Sprintf("%d ran", r.Ran), fmt.Sprintf("%d failed", r.Failed), r.Path}
}

// snapshot writes a screen as it is, its drawn lines included.
func snapshot(p *page, r exec.Snapshot) {
	p.say("%s, %d×%d", either(r.View, "screen"), r.Width, r.Height)
	for _, line := range r.Lines {
		p.raw(line)
	}
}

func snapshotLine(_ Options, r exec.Snapshot) []string {
	return []string{fmt.Sprintf("%s %d×%d", either(r.View, "screen"), r.Width, r.Height)}
}

func note(p *page, r exec.Note) {
	if strings.TrimSpace(r.Text) == "" {
		p.say("empty note")
		return
	}
	p.paragraphs(r.Text)
}

func noteLine(_ Options, r exec.Note) []string { return []string{either(r.Text, "empty note")} }

func undone(p *page, r exec.Undone) {
	p.say("took back: %s; %s left", r.Command, plural(r.Left, "command"))
}

func undoneLine(_ Options, r exec.Undone) []string {
	return []string{"took back: " + r.Command, number.Count(int64(r.Left)) + " left"}
}

func quit(p *page, r exec.Quit) {
	if r.Unsaved == 0 {
		p.say("session ended")
		return
	}
	p.say("session ended: %s not saved", plural(r.Unsaved, "command"))
}

func quitLine(_ Options, r exec.Quit) []string {
	return []string{some(r.Unsaved, "command") + strings.Repeat(" not saved", min(max(r.Unsaved, 0), 1)), "session ended"}
}
