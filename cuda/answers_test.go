package cuda_test

import (
	"context"
	"encoding/binary"
	"flag"
	"math"
	"os"
	"testing"

	"fp4tui/cuda"
	"fp4tui/exec/gemm"
	"fp4tui/inspect/layer"
)

var update = flag.Bool("update", false, "write answers.bin again")

// TestAnswersAreFresh holds the embedded answers to the emulator.
func TestAnswersAreFresh(t *testing.T) {
	var want []byte
	for _, cc := range [][2]int{{8, 0}, {9, 0}} {
		for _, a := range cuda.Answers(cc) {
			y, err := gemm.Compute(context.Background(), a.Job, a.Order)
			if err != nil {
				t.Fatalf("%s %s: %v", a.Kernel, a.Variant, err)
			}
			finite := 0
			for _, v := range y {
				want = binary.LittleEndian.AppendUint32(want, math.Float32bits(v))
				if v-v == 0 && v != 0 {
					finite++
				}
			}
			if finite < len(y)/3 {
				t.Errorf("%s %s %s: %d of %d outputs are ordinary numbers: a poor test", a.Kernel, a.Variant, a.Job.Scale, finite, len(y))
			}
		}
	}
	if *update {
		if err := os.WriteFile("answers.bin", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile("answers.bin")
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != string(want) {
		t.Errorf("answers.bin (%d bytes) is not what the emulator returns (%d bytes): go test ./cuda -run TestAnswersAreFresh -update", len(have), len(want))
	}
}

func swappedNibbles(codes []byte) []byte {
	out := make([]byte, len(codes))
	for i, c := range codes {
		out[i] = c<<4 | c>>4
	}
	return out
}

// TestAnswersTellApart checks that the answers see what they are for: an emulator of
// other parameters, or of another order, fails them.
func TestAnswersTellApart(t *testing.T) {
	wrong := 0
	for _, a := range cuda.Answers([2]int{9, 0}) {
		other := a
		switch {
		case a.Kernel == "native-sm100": // no order shows; TestExactAnswers has what does
			other.Job.WCodes = swappedNibbles(a.Job.WCodes)
		case a.Kernel == "emu-fp4" || a.Kernel == "native-sm120":
			other.Order = layer.Order{Kind: layer.OrderReverse}
		case a.Kernel == "w4a16" && a.Order != layer.Order{}:
			other.Order = layer.Order{}
		case a.Job.Arch == "sm80":
			other.Job.Arch = "sm90"
		default:
			other.Job.Arch = "sm80"
		}
		y, err := gemm.Compute(context.Background(), a.Job, a.Order)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gemm.Compute(context.Background(), other.Job, other.Order)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for i := range y {
			if math.Float32bits(y[i]) != math.Float32bits(z[i]) {
				n++
			}
		}
		t.Logf("%s %s %s %s: %d of %d words see %s %s", a.Kernel, a.Variant, a.Job.Scale, a.Job.Out, n, len(y), other.Job.Arch, other.Order)
		if n > 0 {
			wrong++
		}
	}
	if all := len(cuda.Answers([2]int{9, 0})); wrong < all/2 {
		t.Errorf("only %d of %d answers see a wrong emulator", wrong, all)
	}
}
