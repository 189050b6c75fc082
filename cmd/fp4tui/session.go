package main

import (
	"fp4tui/cuda"
	"fp4tui/exec"
	"fp4tui/exec/gemm"
	"fp4tui/views"
	"fp4tui/views/picture"
	"fp4tui/views/text"
)

// backends lists who can compute a gemm, in the order of help.
func backends() []exec.Backend { return []exec.Backend{gemm.Ref{}, gemm.Emu{}, cuda.Backend{}} }

// session makes a session as every front end has it; opt adds what is its own.
func session(opt exec.Options) *exec.Session {
	opt.Backends = backends()
	opt.Tour = tourPath
	opt.Text = canonical
	opt.Failure = func(err error) []string { return text.Failure(err, text.Options{}) }
	opt.Snap = views.Snap
	opt.Picture, opt.Report = picture.PNG, picture.HTML
	return exec.New(opt)
}

// canonical is a result as notebooks hold it.
func canonical(r exec.Result) []string { return text.Render(r, text.Options{}) }
