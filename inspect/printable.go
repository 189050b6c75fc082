package inspect

import "unicode"

// printable reports whether a rune may reach a terminal as it is. Letters, marks,
// numbers, punctuation, symbols and the plain space pass (unicode.IsPrint);
// controls, format characters (zero-width, bidirectional) and U+FFFD do not.
func printable(r rune) bool { return r != unicode.ReplacementChar && unicode.IsPrint(r) }
