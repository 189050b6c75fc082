#include "textflag.h"
#include "go_asm.h"

DATA tile256<>+0(SB)/4, $0x00010001 // 16-bit ones
DATA tile256<>+4(SB)/4, $0x7fffffff // magnitude of a float32
GLOBL tile256<>(SB), RODATA|NOPTR, $8

// MXCSR with all exceptions masked and no flag set, by direction of rounding.
#define NEAREST $0x1f80
#define UP $0x5f80
#define TOZERO $0x7f80

#define SETMXCSR(word) \
	MOVL    word, flags-16(SP) \
	LDMXCSR flags-16(SP)

// One row against 8 columns and a group: codes at (SI), starting int32 and scale at (R8)
// and 32(R8), all plus the offsets; the columns' codes in Y8 … Y11, their scales in Y12,
// the magic multiples at 640(BX). Y13 becomes the sum times the columns' scales. Sums
// of 8 products stay below 2^15.
#define PRODUCTS(codes, start) \
	VPBROADCASTD codes(SI), Y13              \
	VPMADDUBSW   Y13, Y8, Y13                \
	VPBROADCASTD (codes+4)(SI), Y14          \
	VPMADDUBSW   Y14, Y9, Y14                \
	VPADDW       Y14, Y13, Y13               \
	VPBROADCASTD (codes+8)(SI), Y14          \
	VPMADDUBSW   Y14, Y10, Y14               \
	VPADDW       Y14, Y13, Y13               \
	VPBROADCASTD (codes+12)(SI), Y14         \
	VPMADDUBSW   Y14, Y11, Y14               \
	VPADDW       Y14, Y13, Y13               \
	VPMADDWD     Y15, Y13, Y13               \
	VPBROADCASTD start(R8), Y14              \
	VPADDD       Y14, Y13, Y13               \
	VFMADD213PS  640(BX), Y12, Y13           \
	VBROADCASTSS (start+32)(R8), Y14

#define ROW(codes, start, S) \
	PRODUCTS(codes, start)        \
	VFMADD231PS Y14, Y13, S

#define LOADGROUP \
	VMOVDQU (BX), Y8        \
	VMOVDQU 128(BX), Y9     \
	VMOVDQU 256(BX), Y10    \
	VMOVDQU 384(BX), Y11    \
	VMOVUPS 512(BX), Y12

#define NEXTGROUP \
	ADDQ $768, BX \
	ADDQ $192, SI \
	ADDQ $192, R8

// func tileAVX2(t *tileCall) uint32
//
// Everything up to the flag is exact or raises it. MXCSR is the caller's again on
// return.
TEXT ·tileAVX2(SB), NOSPLIT, $24-12
	MOVQ         t+0(FP), DI
	STMXCSR      caller-8(SP)
	SETMXCSR(NEAREST)
	VBROADCASTSS tile256<>+0(SB), Y15
	MOVQ         tileCall_panel(DI), R9
	MOVQ         tileCall_scratch(DI), R10
	MOVQ         $4, R11

slice:
	MOVQ R10, DX
	CMPQ tileCall_whole(DI), $0
	JEQ  single
	MOVQ R9, BX
	MOVQ tileCall_codes(DI), SI
	MOVQ tileCall_starts(DI), R8
	MOVQ tileCall_steps(DI), CX

step8:
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	VPXOR Y2, Y2, Y2
	VPXOR Y3, Y3, Y3
	VPXOR Y4, Y4, Y4
	VPXOR Y5, Y5, Y5
	VPXOR Y6, Y6, Y6
	VPXOR Y7, Y7, Y7
	MOVQ  $4, AX

group8:
	LOADGROUP
	ROW(0, 0, Y0)
	ROW(16, 4, Y1)
	ROW(32, 8, Y2)
	ROW(48, 12, Y3)
	ROW(64, 16, Y4)
	ROW(80, 20, Y5)
	ROW(96, 24, Y6)
	ROW(112, 28, Y7)
	NEXTGROUP
	DECQ AX
	JNE  group8
	VMOVUPS Y0, 0(DX)
	VMOVUPS Y1, 128(DX)
	VMOVUPS Y2, 256(DX)
	VMOVUPS Y3, 384(DX)
	VMOVUPS Y4, 512(DX)
	VMOVUPS Y5, 640(DX)
	VMOVUPS Y6, 768(DX)
	VMOVUPS Y7, 896(DX)
	ADDQ $1024, DX
	DECQ CX
	JNE  step8
	JMP  nextslice

single:
	MOVQ tileCall_codes(DI), R12
	MOVQ tileCall_starts(DI), R13
	MOVQ tileCall_rows(DI), R15

row:
	MOVQ R12, SI
	MOVQ R13, R8
	MOVQ R9, BX
	MOVQ tileCall_steps(DI), CX
	MOVQ DX, first-24(SP)

step1:
	VPXOR Y0, Y0, Y0
	MOVQ  $4, AX

group1:
	LOADGROUP
	ROW(0, 0, Y0)
	NEXTGROUP
	DECQ AX
	JNE  group1
	VMOVUPS Y0, (DX)
	ADDQ $1024, DX
	DECQ CX
	JNE  step1
	MOVQ first-24(SP), DX
	ADDQ $128, DX
	ADDQ $16, R12
	ADDQ $4, R13
	DECQ R15
	JNE  row

nextslice:
	ADDQ $32, R9
	ADDQ $32, R10
	DECQ R11
	JNE  slice
	STMXCSR flags-16(SP)
	TESTL   $0x20, flags-16(SP)
	JNE     inexact

	// c goes through the steps, one addition toward zero each, into scratch.
	SETMXCSR(TOZERO)
	VBROADCASTSS tile256<>+4(SB), Y15
	VPXOR        Y14, Y14, Y14 // largest |c|
	MOVQ         tileCall_scratch(DI), SI
	MOVQ         tileCall_c(DI), R8
	MOVQ         tileCall_ldc(DI), R9
	MOVQ         tileCall_rows(DI), R10

// A NaN word loses against the largest: the second source of VMAXPS is what stays.
#define WATCH(Y, T) \
	VANDPS Y, Y15, T   \
	VMAXPS Y14, T, Y14

foldrow:
	VMOVUPS (R8), Y0
	VMOVUPS 32(R8), Y1
	VMOVUPS 64(R8), Y2
	VMOVUPS 96(R8), Y3
	WATCH(Y0, Y4)
	WATCH(Y1, Y5)
	WATCH(Y2, Y6)
	WATCH(Y3, Y7)
	MOVQ    SI, DX
	MOVQ    tileCall_steps(DI), CX

foldstep:
	VADDPS (DX), Y0, Y0
	VADDPS 32(DX), Y1, Y1
	VADDPS 64(DX), Y2, Y2
	VADDPS 96(DX), Y3, Y3
	WATCH(Y0, Y4)
	WATCH(Y1, Y5)
	WATCH(Y2, Y6)
	WATCH(Y3, Y7)
	ADDQ   $1024, DX
	DECQ   CX
	JNE    foldstep
	VMOVUPS Y0, 4096(SI)
	VMOVUPS Y1, 4128(SI)
	VMOVUPS Y2, 4160(SI)
	VMOVUPS Y3, 4192(SI)
	ADDQ   $128, SI
	ADDQ   R9, R8
	DECQ   R10
	JNE    foldrow
	VBROADCASTSS tileCall_limit(DI), Y4
	VCMPPS       $13, Y4, Y14, Y4
	VMOVMSKPS    Y4, AX
	TESTL        AX, AX
	JNE          outside

	// Nothing was cut: c and the magnitudes are stored.
	MOVQ tileCall_scratch(DI), SI
	MOVQ tileCall_c(DI), R8
	MOVQ tileCall_rows(DI), R10

storerow:
	VMOVUPS 4096(SI), Y0
	VMOVUPS 4128(SI), Y1
	VMOVUPS 4160(SI), Y2
	VMOVUPS 4192(SI), Y3
	VMOVUPS Y0, (R8)
	VMOVUPS Y1, 32(R8)
	VMOVUPS Y2, 64(R8)
	VMOVUPS Y3, 96(R8)
	ADDQ    $128, SI
	ADDQ    R9, R8
	DECQ    R10
	JNE     storerow
	MOVQ    tileCall_abs(DI), R8
	TESTQ   R8, R8
	JEQ     ok
	SETMXCSR(UP)
	MOVQ    tileCall_scratch(DI), SI
	MOVQ    tileCall_rows(DI), R10

absrow:
	VMOVUPS (R8), Y0
	VMOVUPS 32(R8), Y1
	VMOVUPS 64(R8), Y2
	VMOVUPS 96(R8), Y3
	MOVQ    SI, DX
	MOVQ    tileCall_steps(DI), CX

absstep:
	VANDPS (DX), Y15, Y4
	VANDPS 32(DX), Y15, Y5
	VANDPS 64(DX), Y15, Y6
	VANDPS 96(DX), Y15, Y7
	VADDPS Y4, Y0, Y0
	VADDPS Y5, Y1, Y1
	VADDPS Y6, Y2, Y2
	VADDPS Y7, Y3, Y3
	ADDQ   $1024, DX
	DECQ   CX
	JNE    absstep
	VMOVUPS Y0, (R8)
	VMOVUPS Y1, 32(R8)
	VMOVUPS Y2, 64(R8)
	VMOVUPS Y3, 96(R8)
	ADDQ   $128, SI
	ADDQ   R9, R8
	DECQ   R10
	JNE    absrow

ok:
	LDMXCSR caller-8(SP)
	VZEROUPPER
	MOVL $const_done, ret+8(FP)
	RET

inexact:
	LDMXCSR caller-8(SP)
	VZEROUPPER
	MOVL $const_inexact, ret+8(FP)
	RET

outside:
	LDMXCSR caller-8(SP)
	VZEROUPPER
	MOVL $const_outside, ret+8(FP)
	RET

// Adds the float64 sums S0 and S1 to the 8 float32 of Y, as MXCSR rounds.
#define ADDWIDE(X, Y, S0, S1) \
	VCVTPS2PD    X, Y13            \
	VADDPD       S0, Y13, Y13      \
	VEXTRACTF128 $1, Y, X14        \
	VCVTPS2PD    X14, Y14          \
	VADDPD       S1, Y14, Y14      \
	VCVTPD2PSY   Y13, X            \
	VCVTPD2PSY   Y14, X14          \
	VINSERTF128  $1, X14, Y, Y

// func wideAVX2(t *tileCall) uint32
//
// Within the window every sum of four groups and c is a float64, so that the
// conversion is the only rounding.
TEXT ·wideAVX2(SB), NOSPLIT, $16-12
	MOVQ         t+0(FP), DI
	STMXCSR      caller-8(SP)
	VBROADCASTSS tile256<>+0(SB), Y15
	VPXOR        Y6, Y6, Y6             // largest |c|
	VPXOR        Y3, Y3, Y3
	XORQ         R11, R11               // slice · 32

wideslice:
	MOVQ tileCall_codes(DI), R12
	MOVQ tileCall_starts(DI), R13
	MOVQ tileCall_c(DI), R9
	MOVQ tileCall_abs(DI), R10
	MOVQ tileCall_scratch(DI), DX
	MOVQ tileCall_rows(DI), R15

widerow:
	MOVQ    R12, SI
	MOVQ    R13, R8
	MOVQ    tileCall_panel(DI), BX
	ADDQ    R11, BX
	MOVQ    tileCall_steps(DI), CX
	VMOVUPS (R9)(R11*1), Y2
	VBROADCASTSS tile256<>+4(SB), Y7
	VANDPS  Y2, Y7, Y5
	VMAXPS  Y6, Y5, Y6
	TESTQ   R10, R10
	JEQ     widestep
	VMOVUPS (R10)(R11*1), Y3

widestep:
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	MOVQ  $4, AX

widegroup:
	LOADGROUP
	PRODUCTS(0, 0)
	VMULPS       Y14, Y13, Y13
	VCVTPS2PD    X13, Y14
	VADDPD       Y14, Y0, Y0
	VEXTRACTF128 $1, Y13, X13
	VCVTPS2PD    X13, Y14
	VADDPD       Y14, Y1, Y1
	NEXTGROUP
	DECQ AX
	JNE  widegroup
	SETMXCSR(TOZERO)
	ADDWIDE(X2, Y2, Y0, Y1)
	VANDPS   Y2, Y7, Y5
	VMAXPS   Y6, Y5, Y6
	SETMXCSR(UP)
	VPCMPEQD Y4, Y4, Y4
	VPSRLQ   $1, Y4, Y4
	VANDPD   Y4, Y0, Y0
	VANDPD   Y4, Y1, Y1
	ADDWIDE(X3, Y3, Y0, Y1)
	SETMXCSR(NEAREST)
	DECQ     CX
	JNE      widestep
	VMOVUPS  Y2, 4096(DX)(R11*1)
	VMOVUPS  Y3, 5120(DX)(R11*1)
	ADDQ     $16, R12
	ADDQ     $4, R13
	ADDQ     $128, DX
	ADDQ     tileCall_ldc(DI), R9
	TESTQ    R10, R10
	JEQ      wideabs
	ADDQ     tileCall_ldc(DI), R10

wideabs:
	DECQ R15
	JNE  widerow
	ADDQ $32, R11
	CMPQ R11, $128
	JNE  wideslice
	VBROADCASTSS tileCall_limit(DI), Y4
	VCMPPS       $13, Y4, Y6, Y4
	VMOVMSKPS    Y4, AX
	LDMXCSR      caller-8(SP)
	TESTL        AX, AX
	JNE          wideoutside
	MOVQ         tileCall_scratch(DI), SI
	MOVQ         tileCall_c(DI), R9
	MOVQ         tileCall_abs(DI), R10
	MOVQ         tileCall_rows(DI), DX

widestore:
	VMOVUPS 4096(SI), Y0
	VMOVUPS 4128(SI), Y1
	VMOVUPS 4160(SI), Y2
	VMOVUPS 4192(SI), Y3
	VMOVUPS Y0, (R9)
	VMOVUPS Y1, 32(R9)
	VMOVUPS Y2, 64(R9)
	VMOVUPS Y3, 96(R9)
	ADDQ    tileCall_ldc(DI), R9
	TESTQ   R10, R10
	JEQ     widenext
	VMOVUPS 5120(SI), Y0
	VMOVUPS 5152(SI), Y1
	VMOVUPS 5184(SI), Y2
	VMOVUPS 5216(SI), Y3
	VMOVUPS Y0, (R10)
	VMOVUPS Y1, 32(R10)
	VMOVUPS Y2, 64(R10)
	VMOVUPS Y3, 96(R10)
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

// func startAVX2(c *float32, ldc, rows uintptr, bound float32) uint32
//
// A magnitude below 2^23 units is a multiple of the unit if adding and taking off 2^23
// units returns it; above, every float32 is.
TEXT ·startAVX2(SB), NOSPLIT, $0-36
	MOVQ         c+0(FP), R8
	MOVQ         ldc+8(FP), R9
	MOVQ         rows+16(FP), R10
	VBROADCASTSS bound+24(FP), Y15
	VBROADCASTSS tile256<>+4(SB), Y14
	VPXOR        Y13, Y13, Y13

// Predicate 4 is unequal or unordered, 9 is not (greater or equal): NaN does not fit.
#define FITS(at, T, U) \
	VANDPS at(R8), Y14, T    \
	VADDPS Y15, T, U         \
	VSUBPS Y15, U, U         \
	VCMPPS $4, T, U, U       \
	VCMPPS $9, Y15, T, T     \
	VPAND  T, U, U           \
	VPOR   U, Y13, Y13

fitsrow:
	FITS(0, Y0, Y1)
	FITS(32, Y2, Y3)
	FITS(64, Y4, Y5)
	FITS(96, Y6, Y7)
	ADDQ      R9, R8
	DECQ      R10
	JNE       fitsrow
	VMOVMSKPS Y13, AX
	NEGL      AX
	SBBL      AX, AX
	NEGL      AX
	VZEROUPPER
	MOVL      AX, ret+32(FP)
	RET
