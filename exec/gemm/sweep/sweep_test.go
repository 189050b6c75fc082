package sweep

import (
	"slices"
	"testing"
)

// TestWords pins the generator: hashes kept elsewhere depend on it.
func TestWords(t *testing.T) {
	f := func(name string) Format {
		f, ok := FormatOf(name)
		if !ok {
			t.Fatal(name)
		}
		return f
	}
	if _, ok := FormatOf("f64"); ok {
		t.Error("f64 is a format")
	}
	// Each shape does what it says, for a wide type and for a narrow one.
	for _, s := range []Source{{Seed: 1, A: f("bf16"), B: f("bf16"), C: f("f32")}, {Seed: 2, A: f("e2m1"), B: f("e4m3"), C: f("f16")}} {
		var op, again Case
		zeros, negative := 0, 0
		for i := range uint64(10 * Shapes) {
			s.Fill(&op, i, 32, 0)
			s.Fill(&again, i, 32, 0)
			if !slices.Equal(op.A, again.A) || !slices.Equal(op.B, again.B) || op.C != again.C {
				t.Fatalf("case %d is not the same twice", i)
			}
			switch i % Shapes {
			case Cancelling:
				for n := 1; n < 32; n += 2 {
					if op.A[n] != op.A[n-1]^s.A.sign() || op.B[n] != op.B[n-1] {
						t.Errorf("case %d: product %d does not undo the one before it", i, n)
					}
				}
			case Sparse:
				for _, a := range op.A {
					if a&^s.A.sign() == 0 {
						zeros++
					}
				}
			case Zeros:
				for n := range op.A {
					if op.A[n]&^s.A.sign() != 0 {
						t.Errorf("case %d: element %d is not zero", i, n)
					}
					if (op.A[n] == 0) == (op.B[n]&s.B.sign() == 0) {
						negative++
					}
				}
			}
		}
		if zeros < 200 || zeros > 290 {
			t.Errorf("%d of 320 sparse elements are zero", zeros)
		}
		if negative != 0 {
			t.Errorf("%d products of Zeros are positive", negative)
		}
	}
}
