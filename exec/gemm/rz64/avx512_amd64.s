#include "textflag.h"
#include "go_asm.h"

// Twice the value of each E2M1 code, plus 12, four times over: VPERMB looks at six bits
// of an index, of which four are the code.
DATA codes512<>+0(SB)/8, $0x181412100f0e0d0c
DATA codes512<>+8(SB)/8, $0x00040608090a0b0c
DATA codes512<>+16(SB)/8, $0x181412100f0e0d0c
DATA codes512<>+24(SB)/8, $0x00040608090a0b0c
DATA codes512<>+32(SB)/8, $0x181412100f0e0d0c
DATA codes512<>+40(SB)/8, $0x00040608090a0b0c
DATA codes512<>+48(SB)/8, $0x181412100f0e0d0c
DATA codes512<>+56(SB)/8, $0x00040608090a0b0c
GLOBL codes512<>(SB), RODATA|NOPTR, $64

DATA scale512<>+0(SB)/4, $0x7b800000 // 2^120
DATA scale512<>+4(SB)/4, $0xcb400000 // -1.5·2^23
DATA scale512<>+8(SB)/4, $0x07f00000 // UE4M3 at bit 20
DATA scale512<>+12(SB)/4, $0x7f800000 // E8M0 at bit 23
DATA scale512<>+16(SB)/4, $0x00400000 // 2^-127
GLOBL scale512<>(SB), RODATA|NOPTR, $20

// Rows i, i+4, i+8 and i+12 of 16 bytes each, for i = 0 … 3: one a 128-bit lane. R8, R9,
// R10 and R11 point to rows 0, 4, 8 and 12; the rows of a lane are CX apart, DX is 3·CX.
#define LOADROWS(at, X, Z) \
	VMOVDQU      (R8)at, X          \
	VINSERTI32X4 $1, (R9)at, Z, Z   \
	VINSERTI32X4 $2, (R10)at, Z, Z  \
	VINSERTI32X4 $3, (R11)at, Z, Z

// The same of 8 bytes each, every byte twice.
#define LOADPAIRS(at) \
	VMOVQ        (R8)at, X4         \
	VMOVQ        (R9)at, X5         \
	VMOVQ        (R10)at, X6        \
	VMOVQ        (R11)at, X7        \
	VPUNPCKLBW   X4, X4, X4         \
	VPUNPCKLBW   X5, X5, X5         \
	VPUNPCKLBW   X6, X6, X6         \
	VPUNPCKLBW   X7, X7, X7         \
	VINSERTI32X4 $1, X5, Z4, Z4     \
	VINSERTI32X4 $2, X6, Z4, Z4     \
	VINSERTI32X4 $3, X7, Z4, Z4

// Z0 … Z3 become dwords 0 … 3 of the 16 rows in order.
#define TRANSPOSE \
	VPUNPCKLDQ  Z1, Z0, Z4 \
	VPUNPCKHDQ  Z1, Z0, Z5 \
	VPUNPCKLDQ  Z3, Z2, Z6 \
	VPUNPCKHDQ  Z3, Z2, Z7 \
	VPUNPCKLQDQ Z6, Z4, Z0 \
	VPUNPCKHQDQ Z6, Z4, Z1 \
	VPUNPCKLQDQ Z7, Z5, Z2 \
	VPUNPCKHQDQ Z7, Z5, Z3

// Four rows of 64 bytes from R on: U0 … U3 get, in lane l, dwords 4l … 4l+3 of the rows.
#define FOURROWS(R, U0, U1, U2, U3) \
	VMOVDQU64   (R), Z16          \
	VMOVDQU64   (R)(CX*1), Z17    \
	VMOVDQU64   (R)(CX*2), Z18    \
	VMOVDQU64   (R)(DX*1), Z19    \
	VPUNPCKLDQ  Z17, Z16, Z20     \
	VPUNPCKHDQ  Z17, Z16, Z21     \
	VPUNPCKLDQ  Z19, Z18, Z22     \
	VPUNPCKHDQ  Z19, Z18, Z23     \
	VPUNPCKLQDQ Z22, Z20, U0      \
	VPUNPCKHQDQ Z22, Z20, U1      \
	VPUNPCKLQDQ Z23, Z21, U2      \
	VPUNPCKHQDQ Z23, Z21, U3

// Eight codes of 16 columns: low nibbles to one quad, high nibbles to the next.
#define NIBBLES(Z, at) \
	VPSRLD    $4, Z, Z24        \
	VPERMB    Z31, Z, Z         \
	VPERMB    Z31, Z24, Z24     \
	VMOVDQU64 Z, at(DI)         \
	VMOVDQU64 Z24, (at+128)(DI)

// Lane l of U0 … U3 is dword at+4l of 16 rows; eight dwords are four groups.
#define FOURDWORDS(U0, U1, U2, U3, at) \
	VSHUFI32X4 $0x88, U1, U0, Z16   \
	VSHUFI32X4 $0xdd, U1, U0, Z17   \
	VSHUFI32X4 $0x88, U3, U2, Z18   \
	VSHUFI32X4 $0xdd, U3, U2, Z19   \
	VSHUFI32X4 $0x88, Z18, Z16, Z20 \
	VSHUFI32X4 $0x88, Z19, Z17, Z21 \
	VSHUFI32X4 $0xdd, Z18, Z16, Z22 \
	VSHUFI32X4 $0xdd, Z19, Z17, Z23 \
	NIBBLES(Z20, at)                \
	NIBBLES(Z21, (at+1536))         \
	NIBBLES(Z22, (at+3072))         \
	NIBBLES(Z23, (at+4608))

// One scale byte of each dword of Z, shifted into place by the caller: the float32 and
// its magic multiple.
#define UE4M3(Z, at) \
	VPANDD  Z28, Z, Z              \
	VMULPS  Z30, Z, Z              \
	VMULPS  Z29, Z, Z5             \
	VMOVUPS Z, (at+512)(DI)        \
	VMOVUPS Z5, (at+640)(DI)

#define UE8M0(Z, at) \
	VPANDD  Z27, Z, Z              \
	VPMAXUD Z26, Z, Z              \
	VMULPS  Z29, Z, Z5             \
	VMOVUPS Z, (at+512)(DI)        \
	VMOVUPS Z5, (at+640)(DI)

#define UE4M3STEP(Z, at) \
	VPSLLD $20, Z, Z4      \
	UE4M3(Z4, at)          \
	VPSLLD $12, Z, Z4      \
	UE4M3(Z4, (at+768))    \
	VPSLLD $4, Z, Z4       \
	UE4M3(Z4, (at+1536))   \
	VPSRLD $4, Z, Z4       \
	UE4M3(Z4, (at+2304))

#define UE8M0STEP(Z, at) \
	VPSLLD $23, Z, Z4      \
	UE8M0(Z4, at)          \
	VPSLLD $15, Z, Z4      \
	UE8M0(Z4, (at+768))    \
	VPSLLD $7, Z, Z4       \
	UE8M0(Z4, (at+1536))   \
	VPSRLD $1, Z, Z4       \
	UE8M0(Z4, (at+2304))

// Pointers to rows 0, 4, 8 and 12 from R8 on, stride CX.
#define ROWPOINTERS \
	LEAQ (R8)(CX*4), R9   \
	LEAQ (R9)(CX*4), R10  \
	LEAQ (R10)(CX*4), R11 \
	LEAQ (CX)(CX*2), DX

// The 128 bytes of four rows after the next 128, into L2: at M = 1 the codes of w come
// from memory, along 32 streams, which is more than the processor foresees.
#define PREFETCH(R) \
	PREFETCHT1 256(R)        \
	PREFETCHT1 256(R)(CX*1)  \
	PREFETCHT1 256(R)(CX*2)  \
	PREFETCHT1 256(R)(DX*1)  \
	PREFETCHT1 320(R)        \
	PREFETCHT1 320(R)(CX*1)  \
	PREFETCHT1 320(R)(CX*2)  \
	PREFETCHT1 320(R)(DX*1)

// func unpackAVX512(panel, codes *byte, codeStride int, scales *byte, scaleStride int, kind int)
TEXT ·unpackAVX512(SB), NOSPLIT, $0-48
	MOVQ         panel+0(FP), DI
	MOVQ         codes+8(FP), R8
	MOVQ         scales+24(FP), R12
	MOVQ         kind+40(FP), R13
	VMOVDQU64    codes512<>(SB), Z31
	VBROADCASTSS scale512<>+0(SB), Z30
	VBROADCASTSS scale512<>+4(SB), Z29
	VBROADCASTSS scale512<>+8(SB), Z28
	VBROADCASTSS scale512<>+12(SB), Z27
	VBROADCASTSS scale512<>+16(SB), Z26
	MOVQ         $2, AX

half:
	MOVQ codeStride+16(FP), CX
	ROWPOINTERS
	PREFETCH(R8)
	PREFETCH(R9)
	PREFETCH(R10)
	PREFETCH(R11)
	MOVQ $2, BX

piece:
	FOURROWS(R8, Z0, Z1, Z2, Z3)
	FOURROWS(R9, Z4, Z5, Z6, Z7)
	FOURROWS(R10, Z8, Z9, Z10, Z11)
	FOURROWS(R11, Z12, Z13, Z14, Z15)
	FOURDWORDS(Z0, Z4, Z8, Z12, 0)
	FOURDWORDS(Z1, Z5, Z9, Z13, 256)
	FOURDWORDS(Z2, Z6, Z10, Z14, 768)
	FOURDWORDS(Z3, Z7, Z11, Z15, 1024)
	ADDQ $64, R8
	ADDQ $64, R9
	ADDQ $64, R10
	ADDQ $64, R11
	ADDQ $6144, DI
	DECQ BX
	JNE  piece

	// R11 is at the end of row 12; the next half begins four rows on.
	LEAQ -128(R11)(CX*4), R15
	XORQ SI, SI
	SUBQ $12288, DI
	MOVQ R12, R8
	MOVQ scaleStride+32(FP), CX
	ROWPOINTERS
	LEAQ (R11)(CX*4), R12
	TESTQ $2, R13
	JNE  pairs
	LOADROWS((SI*1), X0, Z0)
	LOADROWS((CX*1), X1, Z1)
	LOADROWS((CX*2), X2, Z2)
	LOADROWS((DX*1), X3, Z3)
	JMP  loaded

pairs:
	LOADPAIRS((SI*1))
	VMOVDQA64 Z4, Z0
	LOADPAIRS((CX*1))
	VMOVDQA64 Z4, Z1
	LOADPAIRS((CX*2))
	VMOVDQA64 Z4, Z2
	LOADPAIRS((DX*1))
	VMOVDQA64 Z4, Z3

loaded:
	TRANSPOSE
	TESTQ $1, R13
	JNE  e8m0
	UE4M3STEP(Z0, 0)
	UE4M3STEP(Z1, 3072)
	UE4M3STEP(Z2, 6144)
	UE4M3STEP(Z3, 9216)
	JMP  next

e8m0:
	UE8M0STEP(Z0, 0)
	UE8M0STEP(Z1, 3072)
	UE8M0STEP(Z2, 6144)
	UE8M0STEP(Z3, 9216)

next:
	MOVQ R15, R8
	ADDQ $64, DI
	DECQ AX
	JNE  half
	VZEROUPPER
	RET

// One row against 32 columns and a group: codes at (SI), starting int32 and scale at
// (R8) and 32(R8), all plus the offsets. The group sums are made float32, scaled by the
// columns' scales and then, while they are added to S0 and S1, by the row's.
#define ROW(codes, start, S0, S1) \
	VPBROADCASTD     start(R8), Z28              \
	VMOVDQA64        Z28, Z29                    \
	VPBROADCASTD     codes(SI), Z30              \
	VPDPBUSD         Z30, Z16, Z28               \
	VPDPBUSD         Z30, Z17, Z29               \
	VPBROADCASTD     (codes+4)(SI), Z31          \
	VPDPBUSD         Z31, Z18, Z28               \
	VPDPBUSD         Z31, Z19, Z29               \
	VPBROADCASTD     (codes+8)(SI), Z30          \
	VPDPBUSD         Z30, Z20, Z28               \
	VPDPBUSD         Z30, Z21, Z29               \
	VPBROADCASTD     (codes+12)(SI), Z31         \
	VPDPBUSD         Z31, Z22, Z28               \
	VPDPBUSD         Z31, Z23, Z29               \
	VFMADD213PS      Z26, Z24, Z28               \
	VFMADD213PS      Z27, Z25, Z29               \
	VFMADD231PS.BCST (start+32)(R8), Z28, S0     \
	VFMADD231PS.BCST (start+32)(R8), Z29, S1

#define LOADGROUP \
	VMOVDQU64 0(BX), Z16   \
	VMOVDQU64 64(BX), Z17  \
	VMOVDQU64 128(BX), Z18 \
	VMOVDQU64 192(BX), Z19 \
	VMOVDQU64 256(BX), Z20 \
	VMOVDQU64 320(BX), Z21 \
	VMOVDQU64 384(BX), Z22 \
	VMOVDQU64 448(BX), Z23 \
	VMOVUPS   512(BX), Z24 \
	VMOVUPS   576(BX), Z25 \
	VMOVUPS   640(BX), Z26 \
	VMOVUPS   704(BX), Z27

// The largest magnitude so far, for words that c starts at: a NaN, signalling ones
// included, loses against the second source of VMAXPS. Later words are no signalling NaN,
// and VRANGEPS does it at once.
#define FIRST(Z, MASK, MOST) \
	VPANDD Z, MASK, Z4     \
	VMAXPS MOST, Z4, MOST

// func tileAVX512(t *tileCall) uint32
//
// Everything up to the flag is exact or raises it. MXCSR is the caller's outside of
// that part.
TEXT ·tileAVX512(SB), NOSPLIT, $16-12
	MOVQ    t+0(FP), DI
	STMXCSR caller-8(SP)
	MOVL    $0x1f80, flags-16(SP)
	LDMXCSR flags-16(SP)
	MOVQ    tileCall_codes(DI), SI
	MOVQ    tileCall_starts(DI), R8
	MOVQ    tileCall_scratch(DI), DX
	MOVQ    tileCall_rows(DI), R10
	CMPQ    tileCall_whole(DI), $0
	JEQ     single
	MOVQ    tileCall_panel(DI), BX
	MOVQ    tileCall_steps(DI), CX

step8:
	VPXORD Z0, Z0, Z0
	VPXORD Z1, Z1, Z1
	VPXORD Z2, Z2, Z2
	VPXORD Z3, Z3, Z3
	VPXORD Z4, Z4, Z4
	VPXORD Z5, Z5, Z5
	VPXORD Z6, Z6, Z6
	VPXORD Z7, Z7, Z7
	VPXORD Z8, Z8, Z8
	VPXORD Z9, Z9, Z9
	VPXORD Z10, Z10, Z10
	VPXORD Z11, Z11, Z11
	VPXORD Z12, Z12, Z12
	VPXORD Z13, Z13, Z13
	VPXORD Z14, Z14, Z14
	VPXORD Z15, Z15, Z15
	MOVQ   $4, AX

group8:
	LOADGROUP
	ROW(0, 0, Z0, Z1)
	ROW(16, 4, Z2, Z3)
	ROW(32, 8, Z4, Z5)
	ROW(48, 12, Z6, Z7)
	ROW(64, 16, Z8, Z9)
	ROW(80, 20, Z10, Z11)
	ROW(96, 24, Z12, Z13)
	ROW(112, 28, Z14, Z15)
	ADDQ $768, BX
	ADDQ $192, SI
	ADDQ $192, R8
	DECQ AX
	JNE  group8
	VMOVUPS Z0, 0(DX)
	VMOVUPS Z1, 64(DX)
	VMOVUPS Z2, 128(DX)
	VMOVUPS Z3, 192(DX)
	VMOVUPS Z4, 256(DX)
	VMOVUPS Z5, 320(DX)
	VMOVUPS Z6, 384(DX)
	VMOVUPS Z7, 448(DX)
	VMOVUPS Z8, 512(DX)
	VMOVUPS Z9, 576(DX)
	VMOVUPS Z10, 640(DX)
	VMOVUPS Z11, 704(DX)
	VMOVUPS Z12, 768(DX)
	VMOVUPS Z13, 832(DX)
	VMOVUPS Z14, 896(DX)
	VMOVUPS Z15, 960(DX)
	ADDQ $1024, DX
	DECQ CX
	JNE  step8
	JMP  flag

single:
	MOVQ SI, R11
	MOVQ R8, R12
	MOVQ DX, R13

row:
	MOVQ R11, SI
	MOVQ R12, R8
	MOVQ R13, DX
	MOVQ tileCall_panel(DI), BX
	MOVQ tileCall_steps(DI), CX

step1:
	VPXORD Z0, Z0, Z0
	VPXORD Z1, Z1, Z1
	MOVQ   $4, AX

group1:
	LOADGROUP
	ROW(0, 0, Z0, Z1)
	ADDQ $768, BX
	ADDQ $192, SI
	ADDQ $192, R8
	DECQ AX
	JNE  group1
	VMOVUPS Z0, (DX)
	VMOVUPS Z1, 64(DX)
	ADDQ $1024, DX
	DECQ CX
	JNE  step1
	ADDQ $16, R11
	ADDQ $4, R12
	ADDQ $128, R13
	DECQ R10
	JNE  row

flag:
	STMXCSR flags-16(SP)
	LDMXCSR caller-8(SP)
	TESTL   $0x20, flags-16(SP)
	JNE     inexact

	// c goes through the steps, one addition toward zero each, into scratch.
	MOVQ   tileCall_scratch(DI), SI
	MOVQ   tileCall_c(DI), R8
	MOVQ   tileCall_ldc(DI), R9
	MOVQ   tileCall_rows(DI), R10
	VPXORD Z2, Z2, Z2
	VPXORD Z3, Z3, Z3
	VPTERNLOGD $0xff, Z6, Z6, Z6
	VPSRLD $1, Z6, Z6

foldrow:
	VMOVUPS  (R8), Z0
	VMOVUPS  64(R8), Z1
	FIRST(Z0, Z6, Z2)
	FIRST(Z1, Z6, Z3)
	MOVQ     SI, DX
	MOVQ     tileCall_steps(DI), CX

foldstep:
	VMOVUPS       (DX), Z4
	VMOVUPS       64(DX), Z5
	VADDPS.RZ_SAE Z4, Z0, Z0
	VADDPS.RZ_SAE Z5, Z1, Z1
	VRANGEPS      $11, Z0, Z2, Z2
	VRANGEPS      $11, Z1, Z3, Z3
	ADDQ          $1024, DX
	DECQ          CX
	JNE           foldstep
	VMOVUPS       Z0, 4096(SI)
	VMOVUPS       Z1, 4160(SI)
	ADDQ          $128, SI
	ADDQ          R9, R8
	DECQ          R10
	JNE           foldrow
	VBROADCASTSS  tileCall_limit(DI), Z4
	VCMPPS        $13, Z4, Z2, K1
	VCMPPS        $13, Z4, Z3, K2
	KORTESTW      K2, K1
	JNE           outside

	// Nothing was cut: c and the magnitudes are stored.
	MOVQ tileCall_scratch(DI), SI
	MOVQ tileCall_c(DI), R8
	MOVQ tileCall_rows(DI), R10

storerow:
	VMOVUPS 4096(SI), Z0
	VMOVUPS 4160(SI), Z1
	VMOVUPS Z0, (R8)
	VMOVUPS Z1, 64(R8)
	ADDQ    $128, SI
	ADDQ    R9, R8
	DECQ    R10
	JNE     storerow
	MOVQ    tileCall_abs(DI), R8
	TESTQ   R8, R8
	JEQ     ok
	MOVQ    tileCall_scratch(DI), SI
	MOVQ    tileCall_rows(DI), R10

absrow:
	VMOVUPS (R8), Z0
	VMOVUPS 64(R8), Z1
	MOVQ    SI, DX
	MOVQ    tileCall_steps(DI), CX

absstep:
	VPANDD        (DX), Z6, Z4
	VPANDD        64(DX), Z6, Z5
	VADDPS.RU_SAE Z4, Z0, Z0
	VADDPS.RU_SAE Z5, Z1, Z1
	ADDQ          $1024, DX
	DECQ          CX
	JNE           absstep
	VMOVUPS       Z0, (R8)
	VMOVUPS       Z1, 64(R8)
	ADDQ          $128, SI
	ADDQ          R9, R8
	DECQ          R10
	JNE           absrow

ok:
	VZEROUPPER
	MOVL $const_done, ret+8(FP)
	RET

inexact:
	VZEROUPPER
	MOVL $const_inexact, ret+8(FP)
	RET

outside:
	VZEROUPPER
	MOVL $const_outside, ret+8(FP)
	RET

// One row of a step in float64: the group sums of 32 columns, scaled in float32,
// exactly, are added to Z0 … Z3.
#define WIDEN(Z, Y, Y5, S0, S1) \
	VCVTPS2PD      Y, Z4             \
	VADDPD         Z4, S0, S0        \
	VEXTRACTF64X4  $1, Z, Y5         \
	VCVTPS2PD      Y5, Z5            \
	VADDPD         Z5, S1, S1

// Adds the float64 sums S0 and S1 to the 16 float32 of Z, rounded as mode says.
#define ADDWIDE(Z, Y, S0, S1, MODE) \
	VCVTPS2PD      Y, Z4             \
	VEXTRACTF64X4  $1, Z, Y5         \
	VCVTPS2PD      Y5, Z5            \
	VADDPD.MODE    S0, Z4, Z4        \
	VADDPD.MODE    S1, Z5, Z5        \
	VCVTPD2PS.MODE Z4, Y             \
	VCVTPD2PS.MODE Z5, Y5            \
	VINSERTF64X4   $1, Y5, Z, Z

// func wideAVX512(t *tileCall) uint32
//
// Within the window every sum of four groups and c is a float64, so that the
// conversion is the only rounding.
TEXT ·wideAVX512(SB), NOSPLIT, $0-12
	MOVQ   t+0(FP), DI
	MOVQ   tileCall_codes(DI), R11
	MOVQ   tileCall_starts(DI), R12
	MOVQ   tileCall_scratch(DI), R13
	MOVQ   tileCall_c(DI), R9
	MOVQ   tileCall_abs(DI), R10
	MOVQ   tileCall_rows(DI), DX
	VPXORD Z12, Z12, Z12
	VPXORD Z13, Z13, Z13
	VPTERNLOGD $0xff, Z6, Z6, Z6
	VPSRLD $1, Z6, Z7
	VPSRLQ $1, Z6, Z6
	VPXORD Z10, Z10, Z10
	VPXORD Z11, Z11, Z11

widerow:
	MOVQ     R11, SI
	MOVQ     R12, R8
	MOVQ     tileCall_panel(DI), BX
	MOVQ     tileCall_steps(DI), CX
	VMOVUPS  (R9), Z8
	VMOVUPS  64(R9), Z9
	FIRST(Z8, Z7, Z12)
	FIRST(Z9, Z7, Z13)
	TESTQ    R10, R10
	JEQ      widestep
	VMOVUPS  (R10), Z10
	VMOVUPS  64(R10), Z11

widestep:
	VPXORD Z0, Z0, Z0
	VPXORD Z1, Z1, Z1
	VPXORD Z2, Z2, Z2
	VPXORD Z3, Z3, Z3
	MOVQ   $4, AX

widegroup:
	LOADGROUP
	VPXORD Z14, Z14, Z14
	VPXORD Z15, Z15, Z15
	ROW(0, 0, Z14, Z15)
	WIDEN(Z14, Y14, Y5, Z0, Z1)
	WIDEN(Z15, Y15, Y5, Z2, Z3)
	ADDQ   $768, BX
	ADDQ   $192, SI
	ADDQ   $192, R8
	DECQ   AX
	JNE    widegroup
	ADDWIDE(Z8, Y8, Z0, Z1, RZ_SAE)
	ADDWIDE(Z9, Y9, Z2, Z3, RZ_SAE)
	VRANGEPS $11, Z8, Z12, Z12
	VRANGEPS $11, Z9, Z13, Z13
	VPANDQ Z6, Z0, Z0
	VPANDQ Z6, Z1, Z1
	VPANDQ Z6, Z2, Z2
	VPANDQ Z6, Z3, Z3
	ADDWIDE(Z10, Y10, Z0, Z1, RU_SAE)
	ADDWIDE(Z11, Y11, Z2, Z3, RU_SAE)
	DECQ   CX
	JNE    widestep
	VMOVUPS Z8, 4096(R13)
	VMOVUPS Z9, 4160(R13)
	VMOVUPS Z10, 5120(R13)
	VMOVUPS Z11, 5184(R13)
	ADDQ   $16, R11
	ADDQ   $4, R12
	ADDQ   $128, R13
	ADDQ   tileCall_ldc(DI), R9
	TESTQ  R10, R10
	JEQ    wideabs
	ADDQ   tileCall_ldc(DI), R10

wideabs:
	DECQ         DX
	JNE          widerow
	VBROADCASTSS tileCall_limit(DI), Z4
	VCMPPS       $13, Z4, Z12, K1
	VCMPPS       $13, Z4, Z13, K2
	KORTESTW     K2, K1
	JNE          wideoutside
	MOVQ         tileCall_scratch(DI), SI
	MOVQ         tileCall_c(DI), R9
	MOVQ         tileCall_abs(DI), R10
	MOVQ         tileCall_rows(DI), DX

widestore:
	VMOVUPS 4096(SI), Z0
	VMOVUPS 4160(SI), Z1
	VMOVUPS Z0, (R9)
	VMOVUPS Z1, 64(R9)
	ADDQ    tileCall_ldc(DI), R9
	TESTQ   R10, R10
	JEQ     widenext
	VMOVUPS 5120(SI), Z0
	VMOVUPS 5184(SI), Z1
	VMOVUPS Z0, (R10)
	VMOVUPS Z1, 64(R10)
	ADDQ    tileCall_ldc(DI), R10

widenext:
	ADDQ $128, SI
	DECQ DX
	JNE  widestore
	VZEROUPPER
	MOVL $const_done, ret+8(FP)
	RET

wideoutside:
	VZEROUPPER
	MOVL $const_outside, ret+8(FP)
	RET

// func scanAVX512(scales *byte, n int, table *[128]byte) (low, high uint8)
//
// low is the least entry of table at the scales, bit 7 ignored, and high the largest
// scale. A nil table stands for the scale itself, all eight bits.
TEXT ·scanAVX512(SB), NOSPLIT, $0-26
	MOVQ       scales+0(FP), SI
	MOVQ       n+8(FP), CX
	MOVQ       table+16(FP), DX
	VPTERNLOGD $0xff, Z4, Z4, Z4 // low
	VPXORD     Z5, Z5, Z5        // high
	VMOVDQA64  Z4, Z6            // mask of a scale
	TESTQ      DX, DX
	JEQ        scan
	VMOVDQU64  (DX), Z0
	VMOVDQU64  64(DX), Z1
	MOVL       $0x7f7f7f7f, AX
	VPBROADCASTD AX, Z6

scan:
	MOVQ    $-1, AX
	CMPQ    CX, $64
	JGE     load
	TESTQ   CX, CX
	JLE     reduce
	MOVQ    $-1, BX
	SHLQ    CX, BX
	NOTQ    BX
	MOVQ    BX, AX

load:
	KMOVQ       AX, K1
	VMOVDQU8.Z  (SI), K1, Z2
	VPANDD      Z6, Z2, Z2
	VPMAXUB     Z2, Z5, Z5
	TESTQ       DX, DX
	JEQ         least
	VPERMI2B    Z1, Z0, Z2

least:
	VPMINUB Z2, Z4, K1, Z4
	ADDQ    $64, SI
	SUBQ    $64, CX
	JMP     scan

reduce:
	VEXTRACTI64X4 $1, Z4, Y0
	VEXTRACTI64X4 $1, Z5, Y1
	VPMINUB       Y0, Y4, Y4
	VPMAXUB       Y1, Y5, Y5
	VEXTRACTI128  $1, Y4, X0
	VEXTRACTI128  $1, Y5, X1
	VPMINUB       X0, X4, X4
	VPMAXUB       X1, X5, X5
	VPSRLDQ       $8, X4, X0
	VPSRLDQ       $8, X5, X1
	VPMINUB       X0, X4, X4
	VPMAXUB       X1, X5, X5
	VPSRLQ        $32, X4, X0
	VPSRLQ        $32, X5, X1
	VPMINUB       X0, X4, X4
	VPMAXUB       X1, X5, X5
	VPSRLQ        $16, X4, X0
	VPSRLQ        $16, X5, X1
	VPMINUB       X0, X4, X4
	VPMAXUB       X1, X5, X5
	VPSRLQ        $8, X4, X0
	VPSRLQ        $8, X5, X1
	VPMINUB       X0, X4, X4
	VPMAXUB       X1, X5, X5
	VMOVD         X4, SI
	VMOVD         X5, DI
	MOVB    SI, low+24(FP)
	MOVB    DI, high+25(FP)
	VZEROUPPER
	RET
