package inspect

import "testing"

func TestDTypes(t *testing.T) {
	// From the reference implementation, safetensors 0.8.
	bits := map[string]int{
		"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8,
		"F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
		"I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
		"C64": 64, "F64": 64, "I64": 64, "U64": 64,
	}
	if len(bits) != len(dtypes)-1 {
		t.Errorf("%d types in the table, want %d", len(dtypes)-1, len(bits))
	}
	seen := map[DType]string{}
	for name, want := range bits {
		d, ok := ParseDType(name)
		if !ok || d == Invalid || d.String() != name || d.Bits() != want {
			t.Errorf("%s: %v, %v, %d bits", name, d, ok, d.Bits())
		}
		if other, twice := seen[d]; twice {
			t.Errorf("%s and %s are one type", name, other)
		}
		seen[d] = name
	}
	for _, name := range []string{"", "invalid", "f32", "F32 ", "F8", "FLOAT"} {
		if d, ok := ParseDType(name); ok || d != Invalid {
			t.Errorf("%q is %v", name, d)
		}
	}
	for _, d := range []DType{Invalid, U64 + 1, 255} {
		if d.String() != "invalid" || d.Bits() != 0 {
			t.Errorf("%d is %q of %d bits", uint8(d), d.String(), d.Bits())
		}
	}
}
