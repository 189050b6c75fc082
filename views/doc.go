// Package views is the terminal: the only package that knows Bubble Tea. It draws
// results and computes nothing. Whatever is on the screen came from an exec.Engine:
// from Peek (not recorded) or from Run (recorded), always off the update loop.
//
//	key, mouse ─► binding (keytable.go) ─► action ─┬─► view state: pane, place
//	prompt, palette ─────────────────────────────┬─┴─► Engine.Run  ─► cell ─┐
//	pane.wants ─► lines that the body needs ─────┴───► Engine.Peek ─► cache ─┴─► frame
//
// A frame is drawn into a grid of cells, so every line is exactly as wide as the
// terminal and no text can move another. Text enters the grid through
// inspect.Printable: a name from a file can't reach the terminal as an escape.
package views
