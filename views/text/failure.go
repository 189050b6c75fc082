package text

import (
	"context"
	"errors"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"fp4tui/exec/language"
)

// Failure writes an error as "what: why" and, where a cure is known, "hint: …". A
// mistake in a command comes with its source and a caret. Joined errors follow each
// other; nil has no lines.
func Failure(err error, opt Options) []string {
	p := page{opt: opt.filled()}
	p.failure(err)
	return p.lines
}

func (p *page) failure(err error) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && strings.Contains(err.Error(), "\n") {
		for _, e := range joined.Unwrap() {
			p.failure(e)
		}
		return
	}
	var mistake *language.Error
	if errors.As(err, &mistake) {
		p.mistake(mistake)
		return
	}
	if errors.Is(err, context.Canceled) {
		p.say("cancelled")
		return
	}
	p.paragraphs(err.Error())
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) && hinted.Hint() != "" {
		p.say("hint: %s", hinted.Hint())
	}
}

// mistake writes the source, and the message behind the caret when it fits there.
func (p *page) mistake(e *language.Error) {
	source, caret, ok := strings.Cut(strings.ReplaceAll(e.Caret(), "\t", " "), "\n")
	if !ok || e.Source == "" {
		p.say("%s", e.Error())
		return
	}
	source = p.clean(source)
	column := width(caret) - 1
	if width(source) > p.opt.Width || column >= p.opt.Width {
		from := max(0, column-p.opt.Width/2)
		source = ansi.Cut(source, from, from+p.opt.Width)
		caret = strings.Repeat(" ", column-from) + "^"
	}
	p.emit(source)
	message := p.clean(e.Error())
	if width(caret)+1+width(message) <= p.opt.Width {
		p.emit(caret + " " + message)
		return
	}
	p.emit(caret)
	p.say("%s", message)
}
