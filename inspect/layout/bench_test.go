package layout

import (
	"runtime"
	"testing"
)

// side is a large layer: 128 MiB of codes, 16 MiB of scales.
const side = 16384

func benchApply(b *testing.B, m Map, bits int) {
	src, dst := pattern(m.In.Bytes(bits)), make([]byte, m.Out.Bytes(bits))
	b.SetBytes(int64(len(src)))
	b.ResetTimer()
	for b.Loop() {
		if err := m.Apply(dst, src, bits, 0); err != nil {
			b.Fatal(err)
		}
	}
	runtime.KeepAlive(dst)
}

// BenchmarkPrepare is all that is done to a layer before the trtllm kernel.
func BenchmarkPrepare(b *testing.B) {
	codes, scales := mustMake(b, "trtllm", Codes, Dims{side, side}), mustMake(b, "trtllm", Scales, Dims{side, side / 16})
	c, s := pattern(codes.In.Bytes(4)), pattern(scales.In.Bytes(8))
	toC, toS := make([]byte, codes.Out.Bytes(4)), make([]byte, scales.Out.Bytes(8))
	b.SetBytes(int64(len(c) + len(s)))
	b.ResetTimer()
	for b.Loop() {
		if err := codes.Apply(toC, c, 4, 0); err != nil {
			b.Fatal(err)
		}
		if err := scales.Apply(toS, s, 8, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkApply(b *testing.B) {
	for _, name := range []string{"shuffle128", "marlin", "mm_bf16_fp4", "triton-hopper", "nunchaku", "high-first"} {
		b.Run("codes/"+name, func(b *testing.B) { benchApply(b, mustMake(b, name, Codes, Dims{side, side}), 4) })
	}
	for _, name := range []string{"128x4", "trtllm", "marlin", "triton-hopper-8w", "nunchaku"} {
		b.Run("scales/"+name, func(b *testing.B) { benchApply(b, mustMake(b, name, Scales, Dims{side, side / 16}), 8) })
	}
}

func BenchmarkFrom(b *testing.B) {
	m := mustMake(b, "trtllm", Scales, Dims{side, side / 16})
	for pos := 0; b.Loop(); pos = (pos + 4097) % m.Out.Len() {
		m.From(pos)
	}
}
