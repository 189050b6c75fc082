// Package language is the command language: one line, one command, read into a
// typed struct and written back in one canonical form.
//
//	line    = [ name "=" ] verb { operand } { key "=" value } [ "#" comment ]
//	operand = word | "string" | ref
//	ref     = name { "." attr } [ "[" window "]" ]
//	window  = "@max" | slice { "," slice }
//	slice   = index | [ low ] ":" [ high ]
//
// A backslash at the end of a line continues it. A string has the escapes of Go.
// An Expr has the operators of Starlark between refs, numbers and strings.
// There are no pipes, no variables and no control flow.
//
// A command is a struct whose field tags say what is read into each field; a Spec
// adds what help needs. One Table of specs feeds Parse, Format, Check, Complete,
// Help and Markdown, so none of them can disagree with another. The package knows
// the shape of commands only: it runs nothing and opens nothing.
//
// The law, fuzzed: for every line that Parse accepts, Parse(Format(line)) is the
// same line, and Format of it is the same text.
package language
