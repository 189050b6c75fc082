package inspect

import (
	"errors"
	"fmt"
	"testing"
)

func TestFaultError(t *testing.T) {
	tests := []struct {
		fault Fault
		want  string
	}{
		{Fault{What: "empty file", Offset: -1}, "empty file"},
		{Fault{File: "m", What: "empty file", Why: "it has 0 bytes", Offset: -1}, "m: empty file: it has 0 bytes"},
		{Fault{File: "m", Tensor: "a.b", What: "cut", Why: "too short", Offset: 0x2c80, Cure: "copy it"}, "m: tensor a.b: cut: too short (offset 0x2c80)"},
		{Fault{Tensor: "t", What: "w"}, "tensor t: w (offset 0x0)"},
		{Fault{File: "f\x1b", Tensor: "t\n", What: "w\r", Why: "y\x00", Offset: -1}, `f\x1b: tensor t\x0a: w\x0d: y\x00`},
	}
	for _, test := range tests {
		if got := test.fault.Error(); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

func TestFaultClass(t *testing.T) {
	for _, class := range []error{ErrMalformed, ErrMissing, ErrUnreadable, ErrUnsupported, ErrMismatch} {
		err := fmt.Errorf("load: %w", &Fault{Class: class, What: "w", Offset: -1, Cure: "c\x1b"})
		for _, other := range []error{ErrMalformed, ErrMissing, ErrUnreadable, ErrUnsupported, ErrMismatch} {
			if errors.Is(err, other) != (class == other) {
				t.Errorf("a fault that is %v: errors.Is %v", class, other)
			}
		}
		var fault *Fault
		if !errors.As(err, &fault) || fault.Hint() != `c\x1b` {
			t.Errorf("%v: %v", class, fault)
		}
	}
}
