//go:build cuda && cgo && linux

package cuda

import (
	_ "embed" // answers.bin
	"encoding/binary"
	"fmt"
	"math"

	"fp4tui/inspect/fp4"
)

// answerWords are the words of Answers({8, 0}), then those of Answers({9, 0}).
//
//go:embed answers.bin
var answerWords []byte

// expected are the words of Answers(cc).
func expected(cc [2]int) ([][]float32, error) {
	at := 0
	take := func(cc [2]int) (all [][]float32, err error) {
		for _, a := range Answers(cc) {
			words := make([]float32, a.Job.M*a.Job.N)
			if at+4*len(words) > len(answerWords) {
				return nil, fmt.Errorf("answers.bin ends after %d bytes", len(answerWords))
			}
			for i := range words {
				words[i] = math.Float32frombits(binary.LittleEndian.Uint32(answerWords[at+4*i:]))
			}
			at += 4 * len(words)
			all = append(all, words)
		}
		return all, nil
	}
	ampere, err := take([2]int{8, 0})
	if err != nil || BF16Arch(cc) == BF16Arch([2]int{8, 0}) {
		return ampere, err
	}
	return take([2]int{9, 0})
}

// firstDifference names the first output that is not the word expected.
func firstDifference(a *Answer, got, want []float32) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d outputs, %d expected", len(got), len(want))
	}
	for i := range want {
		if g, w := math.Float32bits(got[i]), math.Float32bits(want[i]); g != w {
			format := "nvfp4"
			if a.Job.Scale == fp4.E8M0 {
				format = "mxfp4"
			}
			return fmt.Errorf("%s %s, %d×%d×%d: y[%d,%d] is %08x, must be %08x", format, orWhole(a.Variant), a.Job.M, a.Job.N, a.Job.K,
				i/a.Job.N, i%a.Job.N, g, w)
		}
	}
	return nil
}

func orWhole(variant string) string {
	if variant == "" {
		return "product"
	}
	return "variant " + variant
}
