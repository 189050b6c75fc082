package inspect

import (
	"errors"
	"fmt"
	"strings"
)

// The classes of failure that a caller can act on. A Fault wraps one of them.
var (
	ErrMalformed   = errors.New("malformed")   // bytes that break their format
	ErrMissing     = errors.New("missing")     // a file or tensor that is not there
	ErrUnreadable  = errors.New("unreadable")  // the operating system refused
	ErrUnsupported = errors.New("unsupported") // valid, but not something we handle
	ErrMismatch    = errors.New("mismatch")    // two things that should agree do not
)

// Fault is one violation found in a file: what is wrong, where, why that is so
// and what to do about it. Texts are plain and may hold untrusted names: escape
// them with Printable before they reach a terminal.
type Fault struct {
	Class  error  // one of the sentinels above
	File   string // path as the user gave it; empty if none
	Tensor string // tensor name; empty if none
	Offset int64  // byte offset in File; -1 if none
	What   string // "data cut short"
	Why    string // "needs bytes 0x2c80 to 0x4ac80, the file ends at 0x31f00"
	Cure   string // "copy the file again; expected size 306,304 bytes"
}

// Error is "what: why", with file, tensor and offset where known.
func (f *Fault) Error() string {
	var b strings.Builder
	if f.File != "" {
		b.WriteString(Printable(f.File))
		b.WriteString(": ")
	}
	if f.Tensor != "" {
		fmt.Fprintf(&b, "tensor %s: ", Printable(f.Tensor))
	}
	b.WriteString(Printable(f.What))
	if f.Why != "" {
		b.WriteString(": ")
		b.WriteString(Printable(f.Why))
	}
	if f.Offset >= 0 {
		fmt.Fprintf(&b, " (offset %#x)", f.Offset)
	}
	return b.String()
}

// Unwrap gives the class, for errors.Is.
func (f *Fault) Unwrap() error { return f.Class }

// Hint is the cure; empty when none is known.
func (f *Fault) Hint() string { return Printable(f.Cure) }

// Printable makes untrusted text safe for a terminal: control characters,
// escapes, invalid UTF-8, bidirectional overrides and other format characters
// become visible \x.. or \u.... escapes. Everything else is unchanged.
func Printable(s string) string {
	clean := true
	for _, r := range s {
		if !printable(r) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\uFFFD' && s[i] != 0xEF: // an invalid byte, not an encoded U+FFFD
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case printable(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
