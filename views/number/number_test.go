package number

import (
	"math"
	"testing"
)

func TestFormat(t *testing.T) {
	tests := []struct {
		value  float64
		digits int
		want   string
	}{
		{-0.69376, 4, "-0.6938"}, {0.0141, 4, "0.01410"}, {0.093862, 4, "0.09386"}, {4.1875, 4, "4.188"},
		{-1, 4, "-1.000"}, {7.0512e-8, 4, "7.051e-08"}, {7.0512e-8, 2, "7.1e-08"}, {5.697e-6, 4, "5.697e-06"},
		{0.001, 4, "0.001000"}, {0.00099996, 4, "0.001000"}, {0.000999, 4, "9.990e-04"},
		{99999, 4, "1.000e+05"}, {99994, 5, "99994"}, {99999.4, 6, "99999.4"}, {99999.6, 5, "1.0000e+05"}, {12345.6, 4, "12346"},
		{0, 4, "0"}, {math.Copysign(0, -1), 4, "0"}, {math.NaN(), 4, "nan"}, {math.Inf(1), 4, "inf"}, {math.Inf(-1), 6, "-inf"},
		{0.001953125, 6, "0.00195312"}, {448, 4, "448.0"}, {3.4e38, 4, "3.400e+38"}, {5e-324, 4, "4.941e-324"}, {2, 0, "2"},
	}
	for _, test := range tests {
		if got := Format(test.value, test.digits); got != test.want {
			t.Errorf("Format(%g, %d) = %q, want %q", test.value, test.digits, got, test.want)
		}
	}
}

func TestShortSignedFit(t *testing.T) {
	tests := []struct{ name, got, want string }{
		{"integer", Short(448, 4), "448"}, {"half", Short(0.5, 4), "0.5"}, {"exponent", Short(2e-7, 4), "2e-07"},
		{"exponent with fraction", Short(2.5e-7, 4), "2.5e-07"}, {"thousands", Short(4328, 4), "4328"}, {"hundred", Short(100, 4), "100"},
		{"plus", Signed(0.0247, 4), "+0.02470"}, {"minus", Signed(-0.5208, 4), "-0.5208"}, {"zero", Signed(0, 4), "0"},
		{"nan", Signed(math.NaN(), 4), "nan"}, {"inf", Signed(math.Inf(1), 4), "+inf"},
		{"narrow", Fit(7.0512e-8, 4, 7), "7.1e-08"}, {"wide", Fit(7.0512e-8, 4, 12), "7.051e-08"}, {"too narrow", Fit(1234, 4, 2), "1234"},
		{"exact", Exact(0.1), "0.1"}, {"exact32", Exact32(float64(float32(0.1))), "0.1"}, {"exact nan", Exact(math.NaN()), "nan"},
	}
	for _, test := range tests {
		if test.got != test.want {
			t.Errorf("%s: %q, want %q", test.name, test.got, test.want)
		}
	}
}

func TestIntegers(t *testing.T) {
	tests := []struct{ got, want string }{
		{Count(0), "0"}, {Count(999), "999"}, {Count(1000), "1,000"}, {Count(-196608), "-196,608"}, {Count(10616832), "10,616,832"},
		{Count(math.MinInt64), "-9,223,372,036,854,775,808"}, {Count(100), "100"}, {Count(-100), "-100"},
		{Share(0.0935), "9.35%"}, {Share(0), "0.00%"}, {Share(math.NaN()), "—"}, {Of(15, 36864), "0.04%"}, {Of(1, 0), "—"},
		{Hex(14, 1), "0xe"}, {Hex(0x71, 2), "0x71"}, {Hex(5, 2), "0x05"}, {Hex(-1, 2), "—"},
		{Offset(0x76412), "0x00076412"}, {Offset(0x123456789), "0x123456789"}, {Offset(-1), "—"},
		{Shape(1536, 384), "1536×384"}, {Shape(), "1"}, {Shape(4), "4"},
	}
	for _, test := range tests {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}
