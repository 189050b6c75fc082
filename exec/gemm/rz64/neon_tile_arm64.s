#include "textflag.h"
#include "go_asm.h"

// What the assembler has no mnemonics for, on whole vectors; registers by number.
#define SDOT(m, i, n, d) WORD $(0x4f80e000 | (i&1)<<21 | (i>>1)<<11 | m<<16 | n<<5 | d)    // d.4s += n.16b · m.4b[i]
#define SCVTF(n, d) WORD $(0x4e21d800 | n<<5 | d)                                          // d.4s = float32 of n.4s
#define FMUL(m, n, d) WORD $(0x6e20dc00 | m<<16 | n<<5 | d)                                // d.4s = n · m
#define FMLAE(m, i, n, d) WORD $(0x4f801000 | (i&1)<<21 | (i>>1)<<11 | m<<16 | n<<5 | d)   // d.4s += n · m.s[i]
#define FADD(m, n, d) WORD $(0x4e20d400 | m<<16 | n<<5 | d)                                // d.4s = n + m
#define FABS(n, d) WORD $(0x4ea0f800 | n<<5 | d)                                           // d.4s = |n|
#define FMAXNM(m, n, d) WORD $(0x4e20c400 | m<<16 | n<<5 | d)                              // d.4s = the larger; a number beats NaN
#define FCMGE(m, n, d) WORD $(0x6e20e400 | m<<16 | n<<5 | d)                               // d.4s = n >= m
#define UMAXV(n, d) WORD $(0x6eb0a800 | n<<5 | d)                                          // d.s = largest of n.4s
#define FCVTL(n, d) WORD $(0x0e617800 | n<<5 | d)                                          // d.2d = low half of n.4s
#define FCVTL2(n, d) WORD $(0x4e617800 | n<<5 | d)                                         // d.2d = high half of n.4s
#define FCVTN(n, d) WORD $(0x0e616800 | n<<5 | d)                                          // low half of d.4s = n.2d
#define FCVTN2(n, d) WORD $(0x4e616800 | n<<5 | d)                                         // high half of d.4s = n.2d
#define FADDD(m, n, d) WORD $(0x4e60d400 | m<<16 | n<<5 | d)                               // d.2d = n + m
#define FABSD(n, d) WORD $(0x4ee0f800 | n<<5 | d)                                          // d.2d = |n|

// FPCR by direction of rounding.
#define NEAREST ZR
#define SETFPCR(bits) \
	MOVD bits, R20 \
	MSR  R20, FPCR

#define UP $0x00400000
#define TOZERO $0x00c00000

// The group sums of a row, whose 16 codes are V26, and 8 columns, times the columns'
// scales: V27 and V28.
#define PRODUCTS \
	VEOR V27.B16, V27.B16, V27.B16 \
	VEOR V28.B16, V28.B16, V28.B16 \
	SDOT(26, 0, 16, 27)            \
	SDOT(26, 0, 17, 28)            \
	SDOT(26, 1, 18, 27)            \
	SDOT(26, 1, 19, 28)            \
	SDOT(26, 2, 20, 27)            \
	SDOT(26, 2, 21, 28)            \
	SDOT(26, 3, 22, 27)            \
	SDOT(26, 3, 23, 28)            \
	SCVTF(27, 27)                  \
	SCVTF(28, 28)                  \
	FMUL(24, 27, 27)               \
	FMUL(25, 28, 28)

// Row r of a tile; scale i of the vector number sa is its own.
#define ROW(codes, sa, i, s0, s1) \
	FMOVQ codes(R2), F26          \
	PRODUCTS                      \
	FMLAE(sa, i, 27, s0)          \
	FMLAE(sa, i, 28, s1)

#define LOADGROUP \
	FMOVQ 0(R1), F16   \
	FMOVQ 16(R1), F17  \
	FMOVQ 128(R1), F18 \
	FMOVQ 144(R1), F19 \
	FMOVQ 256(R1), F20 \
	FMOVQ 272(R1), F21 \
	FMOVQ 384(R1), F22 \
	FMOVQ 400(R1), F23 \
	FMOVQ 512(R1), F24 \
	FMOVQ 528(R1), F25

// func tileNEON(t *tileCall) uint32
//
// Everything up to the flag is exact or raises it. FPCR and FPSR are the caller's again on
// return.
TEXT ·tileNEON(SB), NOSPLIT, $0-12
	MOVD t+0(FP), R0
	MRS  FPCR, R21
	MRS  FPSR, R22
	MSR  NEAREST, FPCR
	MSR  ZR, FPSR
	MOVD tileCall_panel(R0), R10
	MOVD tileCall_scratch(R0), R11
	MOVD $4, R12

slice:
	MOVD R11, R4
	MOVD tileCall_whole(R0), R9
	CBZ  R9, single
	MOVD R10, R1
	MOVD tileCall_codes(R0), R2
	MOVD tileCall_steps(R0), R5

step8:
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16
	VEOR V2.B16, V2.B16, V2.B16
	VEOR V3.B16, V3.B16, V3.B16
	VEOR V4.B16, V4.B16, V4.B16
	VEOR V5.B16, V5.B16, V5.B16
	VEOR V6.B16, V6.B16, V6.B16
	VEOR V7.B16, V7.B16, V7.B16
	VEOR V8.B16, V8.B16, V8.B16
	VEOR V9.B16, V9.B16, V9.B16
	VEOR V10.B16, V10.B16, V10.B16
	VEOR V11.B16, V11.B16, V11.B16
	VEOR V12.B16, V12.B16, V12.B16
	VEOR V13.B16, V13.B16, V13.B16
	VEOR V14.B16, V14.B16, V14.B16
	VEOR V15.B16, V15.B16, V15.B16
	MOVD $4, R6

group8:
	LOADGROUP
	FMOVQ 160(R2), F30
	FMOVQ 176(R2), F31
	ROW(0, 30, 0, 0, 1)
	ROW(16, 30, 1, 2, 3)
	ROW(32, 30, 2, 4, 5)
	ROW(48, 30, 3, 6, 7)
	ROW(64, 31, 0, 8, 9)
	ROW(80, 31, 1, 10, 11)
	ROW(96, 31, 2, 12, 13)
	ROW(112, 31, 3, 14, 15)
	ADD  $768, R1
	ADD  $192, R2
	SUBS $1, R6
	BNE  group8
	FMOVQ F0, 0(R4)
	FMOVQ F1, 16(R4)
	FMOVQ F2, 128(R4)
	FMOVQ F3, 144(R4)
	FMOVQ F4, 256(R4)
	FMOVQ F5, 272(R4)
	FMOVQ F6, 384(R4)
	FMOVQ F7, 400(R4)
	FMOVQ F8, 512(R4)
	FMOVQ F9, 528(R4)
	FMOVQ F10, 640(R4)
	FMOVQ F11, 656(R4)
	FMOVQ F12, 768(R4)
	FMOVQ F13, 784(R4)
	FMOVQ F14, 896(R4)
	FMOVQ F15, 912(R4)
	ADD  $1024, R4
	SUBS $1, R5
	BNE  step8
	B    nextslice

single:
	MOVD tileCall_codes(R0), R13
	MOVD tileCall_starts(R0), R14
	MOVD tileCall_rows(R0), R15

row:
	MOVD R13, R2
	ADD  $32, R14, R3
	MOVD R10, R1
	MOVD R4, R8
	MOVD tileCall_steps(R0), R5

step1:
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16
	MOVD $4, R6

group1:
	LOADGROUP
	VLD1R (R3), [V30.S4]
	ROW(0, 30, 0, 0, 1)
	ADD   $768, R1
	ADD   $192, R2
	ADD   $192, R3
	SUBS  $1, R6
	BNE   group1
	FMOVQ F0, 0(R8)
	FMOVQ F1, 16(R8)
	ADD   $1024, R8
	SUBS  $1, R5
	BNE   step1
	ADD   $16, R13
	ADD   $4, R14
	ADD   $128, R4
	SUBS  $1, R15
	BNE   row

nextslice:
	ADD  $32, R10
	ADD  $32, R11
	SUBS $1, R12
	BNE  slice
	MRS  FPSR, R9
	TBNZ $4, R9, inexact

	// c goes through the steps, one addition toward zero each, into scratch.
	SETFPCR(TOZERO)
	VEOR V24.B16, V24.B16, V24.B16 // largest |c|
	MOVD tileCall_scratch(R0), R2
	MOVD tileCall_c(R0), R3
	MOVD tileCall_ldc(R0), R7
	MOVD tileCall_rows(R0), R8

#define WATCH(n) \
	FABS(n, 25)        \
	FMAXNM(25, 24, 24)

#define WATCH8 \
	WATCH(0) \
	WATCH(1) \
	WATCH(2) \
	WATCH(3) \
	WATCH(4) \
	WATCH(5) \
	WATCH(6) \
	WATCH(7)

#define LOAD8(at, R) \
	FMOVQ (at+0)(R), F0   \
	FMOVQ (at+16)(R), F1  \
	FMOVQ (at+32)(R), F2  \
	FMOVQ (at+48)(R), F3  \
	FMOVQ (at+64)(R), F4  \
	FMOVQ (at+80)(R), F5  \
	FMOVQ (at+96)(R), F6  \
	FMOVQ (at+112)(R), F7

#define STORE8(at, R) \
	FMOVQ F0, (at+0)(R)   \
	FMOVQ F1, (at+16)(R)  \
	FMOVQ F2, (at+32)(R)  \
	FMOVQ F3, (at+48)(R)  \
	FMOVQ F4, (at+64)(R)  \
	FMOVQ F5, (at+80)(R)  \
	FMOVQ F6, (at+96)(R)  \
	FMOVQ F7, (at+112)(R)

#define LOADSUMS \
	FMOVQ 0(R4), F16   \
	FMOVQ 16(R4), F17  \
	FMOVQ 32(R4), F18  \
	FMOVQ 48(R4), F19  \
	FMOVQ 64(R4), F20  \
	FMOVQ 80(R4), F21  \
	FMOVQ 96(R4), F22  \
	FMOVQ 112(R4), F23

#define ADDSUMS \
	FADD(16, 0, 0) \
	FADD(17, 1, 1) \
	FADD(18, 2, 2) \
	FADD(19, 3, 3) \
	FADD(20, 4, 4) \
	FADD(21, 5, 5) \
	FADD(22, 6, 6) \
	FADD(23, 7, 7)

// Words that c starts at may be signalling NaN, which an addition makes quiet: only a
// quiet one loses against a number. V26 is zero.
#define WATCHFIRST(n) \
	FADD(26, n, 25)    \
	FABS(25, 25)       \
	FMAXNM(25, 24, 24)

foldrow:
	LOAD8(0, R3)
	VEOR V26.B16, V26.B16, V26.B16
	WATCHFIRST(0)
	WATCHFIRST(1)
	WATCHFIRST(2)
	WATCHFIRST(3)
	WATCHFIRST(4)
	WATCHFIRST(5)
	WATCHFIRST(6)
	WATCHFIRST(7)
	MOVD R2, R4
	MOVD tileCall_steps(R0), R5

foldstep:
	LOADSUMS
	ADDSUMS
	WATCH8
	ADD  $1024, R4
	SUBS $1, R5
	BNE  foldstep
	STORE8(4096, R2)
	ADD  $128, R2
	ADD  R7, R3
	SUBS $1, R8
	BNE  foldrow
	ADD  $tileCall_limit, R0, R9
	VLD1R (R9), [V25.S4]
	FCMGE(25, 24, 24)
	UMAXV(24, 24)
	VMOV V24.S[0], R9
	CBNZ R9, outside

	// Nothing was cut: c and the magnitudes are stored.
	MOVD tileCall_scratch(R0), R2
	MOVD tileCall_c(R0), R3
	MOVD tileCall_rows(R0), R8

storerow:
	LOAD8(4096, R2)
	STORE8(0, R3)
	ADD  $128, R2
	ADD  R7, R3
	SUBS $1, R8
	BNE  storerow
	MOVD tileCall_abs(R0), R3
	CBZ  R3, ok
	SETFPCR(UP)
	MOVD tileCall_scratch(R0), R2
	MOVD tileCall_rows(R0), R8

absrow:
	LOAD8(0, R3)
	MOVD R2, R4
	MOVD tileCall_steps(R0), R5

absstep:
	LOADSUMS
	FABS(16, 16)
	FABS(17, 17)
	FABS(18, 18)
	FABS(19, 19)
	FABS(20, 20)
	FABS(21, 21)
	FABS(22, 22)
	FABS(23, 23)
	ADDSUMS
	ADD  $1024, R4
	SUBS $1, R5
	BNE  absstep
	STORE8(0, R3)
	ADD  $128, R2
	ADD  R7, R3
	SUBS $1, R8
	BNE  absrow

ok:
	MOVD $const_done, R9
	B    back

inexact:
	MOVD $const_inexact, R9
	B    back

outside:
	MOVD $const_outside, R9

back:
	MSR  R21, FPCR
	MSR  R22, FPSR
	MOVW R9, ret+8(FP)
	RET

// Adds the float64 sums s0 and s1 to the 4 float32 of d, as FPCR rounds.
#define ADDWIDE(d, s0, s1) \
	FCVTL(d, 18)       \
	FCVTL2(d, 19)      \
	FADDD(s0, 18, 18)  \
	FADDD(s1, 19, 19)  \
	FCVTN(18, d)       \
	FCVTN2(19, d)

// func wideNEON(t *tileCall) uint32
//
// Within the window every sum of four groups and c is a float64, so that the
// conversion is the only rounding.
TEXT ·wideNEON(SB), NOSPLIT, $0-12
	MOVD t+0(FP), R0
	MRS  FPCR, R21
	MRS  FPSR, R22
	VEOR V31.B16, V31.B16, V31.B16 // largest |c|
	MOVD $0, R12                   // slice · 32

wideslice:
	MOVD tileCall_codes(R0), R13
	MOVD tileCall_starts(R0), R14
	MOVD tileCall_c(R0), R7
	ADD  R12, R7
	MOVD tileCall_abs(R0), R8
	MOVD tileCall_scratch(R0), R4
	ADD  R12, R4
	MOVD tileCall_rows(R0), R15

widerow:
	MOVD  R13, R2
	ADD   $32, R14, R3
	MOVD  tileCall_panel(R0), R1
	ADD   R12, R1
	MOVD  tileCall_steps(R0), R5
	FMOVQ 0(R7), F4
	FMOVQ 16(R7), F5
	VEOR  V29.B16, V29.B16, V29.B16
	FADD(29, 4, 30)
	FABS(30, 30)
	FMAXNM(30, 31, 31)
	FADD(29, 5, 30)
	FABS(30, 30)
	FMAXNM(30, 31, 31)
	CBZ   R8, widestep
	ADD   R12, R8, R9
	FMOVQ 0(R9), F6
	FMOVQ 16(R9), F7

widestep:
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16
	VEOR V2.B16, V2.B16, V2.B16
	VEOR V3.B16, V3.B16, V3.B16
	MOVD $4, R6

widegroup:
	LOADGROUP
	VLD1R (R3), [V30.S4]
	FMOVQ 0(R2), F26
	PRODUCTS
	FMUL(30, 27, 27)
	FMUL(30, 28, 28)
	FCVTL(27, 18)
	FCVTL2(27, 19)
	FCVTL(28, 20)
	FCVTL2(28, 21)
	FADDD(18, 0, 0)
	FADDD(19, 1, 1)
	FADDD(20, 2, 2)
	FADDD(21, 3, 3)
	ADD   $768, R1
	ADD   $192, R2
	ADD   $192, R3
	SUBS  $1, R6
	BNE   widegroup
	SETFPCR(TOZERO)
	ADDWIDE(4, 0, 1)
	ADDWIDE(5, 2, 3)
	FABS(4, 30)
	FMAXNM(30, 31, 31)
	FABS(5, 30)
	FMAXNM(30, 31, 31)
	SETFPCR(UP)
	FABSD(0, 0)
	FABSD(1, 1)
	FABSD(2, 2)
	FABSD(3, 3)
	ADDWIDE(6, 0, 1)
	ADDWIDE(7, 2, 3)
	MSR   NEAREST, FPCR
	SUBS  $1, R5
	BNE   widestep
	ADD   $4096, R4, R9
	FMOVQ F4, 0(R9)
	FMOVQ F5, 16(R9)
	FMOVQ F6, 1024(R9)
	FMOVQ F7, 1040(R9)
	ADD   $16, R13
	ADD   $4, R14
	ADD   $128, R4
	MOVD  tileCall_ldc(R0), R9
	ADD   R9, R7
	CBZ   R8, wideabs
	ADD   R9, R8

wideabs:
	SUBS $1, R15
	BNE  widerow
	ADD  $32, R12
	CMP  $128, R12
	BNE  wideslice
	ADD  $tileCall_limit, R0, R9
	VLD1R (R9), [V30.S4]
	FCMGE(30, 31, 31)
	UMAXV(31, 31)
	VMOV V31.S[0], R9
	CBNZ R9, wideoutside
	MOVD tileCall_scratch(R0), R2
	MOVD tileCall_c(R0), R3
	MOVD tileCall_abs(R0), R6
	MOVD tileCall_ldc(R0), R7
	MOVD tileCall_rows(R0), R8

widestore:
	LOAD8(4096, R2)
	STORE8(0, R3)
	ADD  R7, R3
	CBZ  R6, widenext
	LOAD8(5120, R2)
	STORE8(0, R6)
	ADD  R7, R6

widenext:
	ADD  $128, R2
	SUBS $1, R8
	BNE  widestore
	MOVD $const_done, R9
	B    wideback

wideoutside:
	MOVD $const_outside, R9

wideback:
	MSR  R21, FPCR
	MSR  R22, FPSR
	MOVW R9, ret+8(FP)
	RET
