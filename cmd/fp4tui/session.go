package main

import (
	"fp4tui/exec"
	"fp4tui/views"
	"fp4tui/views/picture"
	"fp4tui/views/text"
)

// session makes a session without a program around it, which can do all but compute
// elsewhere.
func session(opt exec.Options) *exec.Session { return (&app{computers: newComputers()}).session(opt) }

// session makes a session as every front end has it; opt adds what is its own.
func (a *app) session(opt exec.Options) *exec.Session {
	opt.Backends = a.computers.backends()
	opt.Tour = tourPath
	opt.Text = canonical
	opt.Failure = func(err error) []string { return text.Failure(err, text.Options{}) }
	opt.Snap = views.Snap
	opt.Picture, opt.Report = picture.PNG, picture.HTML
	return exec.New(opt)
}

// canonical is a result as notebooks hold it.
func canonical(r exec.Result) []string { return text.Render(r, text.Options{Portable: true}) }
