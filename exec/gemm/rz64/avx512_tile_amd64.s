#include "textflag.h"
#include "go_asm.h"

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
