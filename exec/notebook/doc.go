// Package notebook reads, checks, rewrites and replays sessions: *.fp4.md, Markdown
// whose fences hold commands and their outputs, and *.fp4, the commands alone.
//
//	```fp4 id=err tol=1%      a cell: one or more commands
//	e = diff y r
//	```
//	```out backend=emu        its stored output, right after it
//	rel_l2 0.0938642
//	```
//
// An out fence is checked; a cell without one is not. "out ignore" is shown, not
// checked; "out stale" is known to be old and fails; "out backend=B" is checked when
// the session computes with B. Cell attributes: id=, tol=, rtol=, allow-error,
// requires=, timeout=.
//
// The package knows no command: a Runner parses and runs them, all parsed before the
// first runs. A Document keeps every byte of its file, so an update touches only the
// outputs that failed.
package notebook
