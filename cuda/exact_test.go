package cuda

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"testing"

	"fp4tui/exec/gemm"
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// exactJobs are the known answers and the drawn layers of native-sm100.
func exactJobs(t *testing.T) (answers, drawn []Answer) {
	t.Helper()
	mine := func(all []Answer) (list []Answer) {
		for _, a := range all {
			if a.Kernel == "native-sm100" {
				list = append(list, a)
			}
		}
		return list
	}
	answers, drawn = mine(Answers([2]int{10, 0})), mine(Drawn([2]int{10, 0}))
	if len(answers) < 4 || len(drawn) != len(answers) {
		t.Fatalf("%d answers, %d drawn layers", len(answers), len(drawn))
	}
	return answers, drawn
}

// term is x·w·scales of one element of K in units of 2^-20, which every such product is a
// whole number of.
func term(j *layer.Job, m, n, k int) int64 {
	doubled := [16]int64{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}
	code := func(codes []byte, row int) int64 { return doubled[codes[(row*j.K+k)/2]>>(4*(k&1))&15] }
	scale := func(scales []byte, row int) int64 {
		b := scales[row*((j.K+15)/16)+k/16] & 0x7f
		if b < 8 {
			return int64(b)
		}
		return int64(8|b&7) << (b>>3 - 1)
	}
	return code(j.XCodes, m) * code(j.WCodes, n) * scale(j.XScales, m) * scale(j.WScales, n)
}

// TestExactSums checks the property that the answers of native-sm100 rest on: all terms of
// an output are multiples of one power of two, and the sum of their magnitudes is below 2^24
// times that. So no partial sum of FP32 rounds, in any order.
func TestExactSums(t *testing.T) {
	answers, drawn := exactJobs(t)
	for _, a := range append(answers, drawn...) {
		j := &a.Job
		for i := range j.M * j.N {
			var all, sum uint64
			for k := range j.K {
				v := term(j, i/j.N, i%j.N, k)
				all |= uint64(max(v, -v))
				sum += uint64(max(v, -v))
			}
			if lowest := min(bits.TrailingZeros64(all), 30); sum >= 1<<(24+lowest) {
				t.Fatalf("%d×%d×%d: the terms of y[%d,%d] add up to %d units of 2^%d: FP32 may round", j.M, j.N, j.K, i/j.N, i%j.N, sum>>lowest, lowest-20)
			}
		}
	}
}

func computed(t *testing.T, j layer.Job, order layer.Order) []uint32 {
	t.Helper()
	y, err := gemm.Compute(context.Background(), j, order)
	if err != nil {
		t.Fatal(err)
	}
	words := make([]uint32, len(y))
	for i, v := range y {
		words[i] = math.Float32bits(v)
	}
	return words
}

// TestExactInAnyOrder has the emulator walk K in several orders.
func TestExactInAnyOrder(t *testing.T) {
	answers, drawn := exactJobs(t)
	orders := []layer.Order{{Kind: layer.OrderReverse}, {Kind: layer.OrderSplit, Parts: 3}, {Kind: layer.OrderSliced, Parts: 2}, {Kind: layer.OrderStream, Parts: 5}}
	for _, a := range append(answers, drawn...) {
		want := computed(t, a.Job, a.Order)
		for _, o := range orders {
			if !slices.Equal(computed(t, a.Job, o), want) {
				t.Errorf("%d×%d×%d: order %s gives other words", a.Job.M, a.Job.N, a.Job.K, o)
			}
		}
	}
}

// mistakes are what an answer of native-sm100 has to see.
var mistakes = []struct {
	name string
	make func(j *layer.Job) bool // false where the job has no place for it
}{
	{"the nibbles of w swapped", func(j *layer.Job) bool { j.WCodes = swapped(j.WCodes); return true }},
	{"the nibbles of x swapped", func(j *layer.Job) bool { j.XCodes = swapped(j.XCodes); return true }},
	{"the scales of w as if they were swizzled", func(j *layer.Job) bool {
		j.WScales = swizzled(j.WScales, j.N, (j.K+15)/16)[:len(j.WScales)]
		return true
	}},
	{"the scales of x as if they were swizzled", func(j *layer.Job) bool {
		j.XScales = swizzled(j.XScales, j.M, (j.K+15)/16)[:len(j.XScales)]
		return true
	}},
	{"rows of w beyond 32 with the scales of the first", func(j *layer.Job) bool { return repeated(j.WScales, j.N) }},
	{"rows of x beyond 32 with the scales of the first", func(j *layer.Job) bool { return repeated(j.XScales, j.M) }},
	{"without the last block of K", func(j *layer.Job) bool {
		blocks := (j.K + 15) / 16
		for m := range j.M {
			j.XScales[m*blocks+blocks-1] = 0
		}
		return true
	}},
	{"without the last row of x", func(j *layer.Job) bool { clear(j.XCodes[(j.M-1)*j.K/2:]); return true }},
	{"without the last row of w", func(j *layer.Job) bool { clear(j.WCodes[(j.N-1)*j.K/2:]); return true }},
	{"twice the last alpha", func(j *layer.Job) bool { j.Alphas[len(j.Alphas)-1] *= 2; return true }},
	{"the alpha of the row before", func(j *layer.Job) bool {
		j.Alphas = append(j.Alphas[1:], j.Alphas[0])
		return len(j.Alphas) > 1
	}},
	{"without a bias", func(j *layer.Job) bool {
		had := j.Epilogue.Bias != layer.BiasNone
		j.Epilogue.Bias = layer.BiasNone
		return had
	}},
	{"alpha in another place", func(j *layer.Job) bool { j.Epilogue.Alpha = (j.Epilogue.Alpha + 1) % 2; return true }},
	{"another output type", func(j *layer.Job) bool {
		j.Out = map[inspect.DType]inspect.DType{inspect.F32: inspect.BF16, inspect.BF16: inspect.F16, inspect.F16: inspect.F32}[j.Out]
		return true
	}},
}

func swapped(codes []byte) []byte {
	out := make([]byte, len(codes))
	for i, c := range codes {
		out[i] = c<<4 | c>>4
	}
	return out
}

func repeated(scales []byte, rows int) bool {
	blocks := len(scales) / rows
	for r := 32; r < rows; r++ {
		copy(scales[r*blocks:(r+1)*blocks], scales[r%32*blocks:])
	}
	return rows > 32
}

// TestExactAnswersSee has every mistake made in every answer: what the order of K can't
// show, these must.
func TestExactAnswersSee(t *testing.T) {
	answers, _ := exactJobs(t)
	seen := make([]int, len(mistakes))
	for _, a := range answers {
		want := computed(t, a.Job, a.Order)
		for i, mistake := range mistakes {
			j := a.Job
			for _, part := range []*[]byte{&j.WCodes, &j.WScales, &j.XCodes, &j.XScales} {
				*part = slices.Clone(*part)
			}
			j.Alphas = slices.Clone(j.Alphas)
			if !mistake.make(&j) {
				continue
			}
			seen[i]++
			if slices.Equal(computed(t, j, a.Order), want) {
				t.Errorf("%d×%d×%d does not see %s", j.M, j.N, j.K, mistake.name)
			}
		}
	}
	for i, n := range seen {
		if n == 0 {
			t.Errorf("no answer can see %s", mistakes[i].name)
		}
	}
}

// TestBlasNames holds the names of what cuBLASLt chooses to numbers of its interface.
func TestBlasNames(t *testing.T) {
	tiles := blasTiles()
	for id, want := range map[int]string{1: "8x8", 20: "128x128", 35: "256x32", 36: "8x128", 152: "96x256", 311: "768x64", 312: "64x16", 447: "128x512",
		513: "256x256", 630: "768x80", 631: "256x512", 645: "256x1"} {
		if tiles[id] != want {
			t.Errorf("tile %d is %s, must be %s", id, tiles[id], want)
		}
	}
	if len(tiles) != 646 || len(blasStageNames) != 39 || len(blasClusters) != 52 {
		t.Errorf("%d tiles, %d stages, %d clusters", len(tiles), len(blasStageNames), len(blasClusters))
	}
	got := fmt.Sprint(blasConfig{66, 24, 2, 4, 1, 0, 36, 0, 3})
	want := "algorithm 66, tile 256x128 (24), stages 128xauto (36), split-K 2, reduction in the output type (4), cluster 2x1x1 (3), swizzle 1, " +
		"inner shape undefined (0), option 0"
	if got != want {
		t.Errorf("a choice is\n%s\nmust be\n%s", got, want)
	}
	if got := fmt.Sprint(blasConfig{66, 9999, 1, 3, 0, 0, 30, -1, 1}); got !=
		"algorithm 66, tile number 9999, stages number 30, split-K 1, reduction number 3, cluster number 1, swizzle 0, inner shape not told, option 0" {
		t.Errorf("numbers without names: %s", got)
	}
}

// TestArchOfAKernel: an emulating kernel returns the words that were asked for, the others
// those of their GPU, by the name that package gemm's table knows.
func TestArchOfAKernel(t *testing.T) {
	for _, k := range kernelSpecs {
		want := "sm90"
		if strings.HasPrefix(k.name, "emu-") {
			want = "sm120"
		}
		if got := k.arch(&layer.Job{Arch: "sm120"}, Device{ComputeCapability: [2]int{9, 0}}); got != want {
			t.Errorf("%s: %s, must be %s", k.name, got, want)
		}
	}
	for cc, want := range map[[2]int]string{{8, 7}: "sm80", {8, 9}: "sm89", {12, 1}: "sm121", {13, 0}: "sm90"} { // a bf16 kernel's words have a row
		spec, err := kernelFor(&layer.Job{Mode: layer.W4A16})
		if err != nil {
			t.Fatal(err)
		}
		if got := spec.arch(&layer.Job{Arch: "sm100"}, Device{ComputeCapability: cc}); got != want {
			t.Errorf("%s on %v: %s, must be %s", spec.name, cc, got, want)
		}
	}
}

// TestFormatsRefused: every w4a4 kernel takes NVFP4; native-sm100 alone refuses MXFP4, with a
// way out.
func TestFormatsRefused(t *testing.T) {
	for _, k := range kernelSpecs {
		if k.mode != layer.W4A4 {
			continue
		}
		if _, err := kernelFor(&layer.Job{Kernel: k.name, Mode: layer.W4A4, Block: 16, Scale: fp4.E4M3}); err != nil {
			t.Errorf("%s refuses NVFP4: %v", k.name, err)
		}
		_, err := kernelFor(&layer.Job{Kernel: k.name, Mode: layer.W4A4, Block: 32, Scale: fp4.E8M0})
		if k.name != "native-sm100" {
			if err != nil {
				t.Errorf("%s refuses MXFP4: %v", k.name, err)
			}
			continue
		}
		var fault *inspect.Fault
		if !errors.As(err, &fault) || !errors.Is(err, ErrNoKernel) || !strings.Contains(fault.Hint(), "cuda:native-sm120") || !strings.Contains(fault.Hint(), "cuda:emu-fp4") {
			t.Errorf("MXFP4 for native-sm100: %v", err)
		}
	}
}
