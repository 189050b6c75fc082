#include "textflag.h"

// bf16 words of the doubled codes, twice: VPERMW looks at five bits, the fifth of
// which belongs to the next code.
DATA doubled<>+0(SB)/8, $0x404040003f800000
DATA doubled<>+8(SB)/8, $0x4140410040c04080
DATA doubled<>+16(SB)/8, $0xc040c000bf800000
DATA doubled<>+24(SB)/8, $0xc140c100c0c0c080
DATA doubled<>+32(SB)/8, $0x404040003f800000
DATA doubled<>+40(SB)/8, $0x4140410040c04080
DATA doubled<>+48(SB)/8, $0xc040c000bf800000
DATA doubled<>+56(SB)/8, $0xc140c100c0c0c080
GLOBL doubled<>(SB), RODATA|NOPTR, $64

// The doubled codes.
DATA values<>+0(SB)/8, $0x3f80000000000000
DATA values<>+8(SB)/8, $0x4040000040000000
DATA values<>+16(SB)/8, $0x40c0000040800000
DATA values<>+24(SB)/8, $0x4140000041000000
DATA values<>+32(SB)/8, $0xbf80000000000000
DATA values<>+40(SB)/8, $0xc0400000c0000000
DATA values<>+48(SB)/8, $0xc0c00000c0800000
DATA values<>+56(SB)/8, $0xc1400000c1000000
GLOBL values<>(SB), RODATA|NOPTR, $64

DATA abs<>+0(SB)/4, $0x7fffffff
GLOBL abs<>(SB), RODATA|NOPTR, $4
DATA hidden<>+0(SB)/4, $0x00800000
GLOBL hidden<>(SB), RODATA|NOPTR, $4
DATA inf<>+0(SB)/4, $0x7f800000
GLOBL inf<>(SB), RODATA|NOPTR, $4
DATA upper<>+0(SB)/4, $0xffff0000
GLOBL upper<>(SB), RODATA|NOPTR, $4
DATA n127<>+0(SB)/4, $0x0000007f
GLOBL n127<>(SB), RODATA|NOPTR, $4
DATA none<>+0(SB)/4, $0xffffd8f0
GLOBL none<>(SB), RODATA|NOPTR, $4
DATA noneLimit<>+0(SB)/4, $0xffffec78
GLOBL noneLimit<>(SB), RODATA|NOPTR, $4
DATA least<>+0(SB)/4, $0xffffff9c
GLOBL least<>(SB), RODATA|NOPTR, $4
// Exponents in place: 277, for 2^(277-127-z) from 2^(z-127), and 23.
DATA mirror<>+0(SB)/4, $0x8a800000
GLOBL mirror<>(SB), RODATA|NOPTR, $4
DATA n23<>+0(SB)/4, $0x0b800000
GLOBL n23<>(SB), RODATA|NOPTR, $4
DATA never<>+0(SB)/4, $0xc0000000
GLOBL never<>(SB), RODATA|NOPTR, $4

// The assembler lacks VDPBF16PS: these are
//	VDPBF16PS.BCST 4*j(SI), Zj, Z16 (j even) or Z17 (j odd)
#define DOT0 LONG $0x587ee262; WORD $0x0652
#define DOT1 LONG $0x5876e262; WORD $0x4e52; BYTE $0x01
#define DOT2 LONG $0x586ee262; WORD $0x4652; BYTE $0x02
#define DOT3 LONG $0x5866e262; WORD $0x4e52; BYTE $0x03
#define DOT4 LONG $0x585ee262; WORD $0x4652; BYTE $0x04
#define DOT5 LONG $0x5856e262; WORD $0x4e52; BYTE $0x05
#define DOT6 LONG $0x584ee262; WORD $0x4652; BYTE $0x06
#define DOT7 LONG $0x5846e262; WORD $0x4e52; BYTE $0x07

// Offsets in call.
#define WS 128
#define WE 1152
#define XE 2240
#define FAILED 2304
#define BEFORE 2880

// CHECK of c in Z18, with |c| in Z19: K1 are the columns where products may be cut, K2
// those where c may be. Z21 is 2^23 quanta for the products alone: that added to |c|
// and taken away again cuts c below the quantum.
#define CHECK \
	VPANDD Z11, Z18, Z19; \
	VPADDD.BCST 32(SI), Z9, Z20; \
	VPADDD.BCST 36(SI), Z10, Z21; \
	VPCMPD $5, Z20, Z19, K1; \
	VPCMPD $1, Z21, Z19, K2; \
	VADDPS Z21, Z19, Z22; \
	VSUBPS Z21, Z22, Z22; \
	VCMPPS $4, Z22, Z19, K2, K2

// PRODUCTS is Σ x·q of the row in Z16, exact unless the row is wide.
#define PRODUCTS(summed) \
	VPXORD Z16, Z16, Z16; \
	VPXORD Z17, Z17, Z17; \
	DOT0; \
	DOT1; \
	DOT2; \
	DOT3; \
	TESTQ R12, R12; \
	JNZ summed; \
	DOT4; \
	DOT5; \
	DOT6; \
	DOT7; \
summed: \
	VADDPS Z17, Z16, Z16

// SPREADPAIR keeps the weights of a pair of codes for steps that cut.
#define SPREADPAIR(z, j) \
	VPSLLD $16, z, Z20; \
	VMULPS Z8, Z20, Z20; \
	VMOVUPS Z20, (WS+128*j)(AX); \
	VPANDD.BCST upper<>(SB), z, Z20; \
	VMULPS Z8, Z20, Z20; \
	VMOVUPS Z20, (WS+128*j+64)(AX)

#define SPREADALL \
	SPREADPAIR(Z0, 0); \
	SPREADPAIR(Z1, 1); \
	SPREADPAIR(Z2, 2); \
	SPREADPAIR(Z3, 3); \
	SPREADPAIR(Z4, 4); \
	SPREADPAIR(Z5, 5); \
	SPREADPAIR(Z6, 6); \
	SPREADPAIR(Z7, 7)

// TOP raises the exponents in Z21 to those of products i.
#define TOP(i) \
	VPBROADCASTD (XE+4*i)(AX), Z22; \
	VPADDD (WE+64*(i))(AX), Z22, Z22; \
	VPMAXSD Z22, Z21, Z21

// TERM adds the products of x pair j to Z26 and Z27, in units of 1/Z24 and cut toward
// zero. Z28 is the mask of a pair's second.
#define TERM(j) \
	VPBROADCASTD (4*j)(SI), Z20; \
	VPSLLD $16, Z20, Z22; \
	VPANDD Z28, Z20, Z20; \
	VMULPS (WS+128*j)(AX), Z22, Z22; \
	VMULPS (WS+128*j+64)(AX), Z20, Z20; \
	VMULPS Z24, Z22, Z22; \
	VMULPS Z24, Z20, Z20; \
	VCVTTPS2DQ Z22, Z22; \
	VCVTTPS2DQ Z20, Z20; \
	VPADDD Z22, Z26, Z26; \
	VPADDD Z20, Z27, Z27

// func steps512(c *call)
//
// Z0-Z7 pairs of doubled codes in bf16, Z8 scales/2, Z9 limits, Z10 floors of 16
// columns; Z11 the mask of |·|, Z12 the table of codes. SI walks the rows of x, DI
// those of c, CX counts them down. R11 says what of the step
// is spread: 1 its weights, 2 their exponents.
TEXT ·steps512(SB), NOSPLIT, $0-8
	MOVQ c+0(FP), AX
	MOVQ 64(AX), R12
	MOVQ 48(AX), R13
	VMOVDQU64 doubled<>(SB), Z12
	VPBROADCASTD abs<>(SB), Z11

step:
	CMPQ R13, 40(AX)
	JGE done
	MOVQ R13, SI
	IMULQ 24(AX), SI
	ADDQ 0(AX), SI
	IMUL3Q $320, R13, BX
	ADDQ 8(AX), BX
	MOVQ 16(AX), DI
	MOVQ 32(AX), CX
	XORL R11, R11

	VMOVDQU64 (BX), Z4
	VPERMW Z12, Z4, Z0
	VPSRLW $4, Z4, Z1
	VPERMW Z12, Z1, Z1
	VPSRLW $8, Z4, Z2
	VPERMW Z12, Z2, Z2
	VPSRLW $12, Z4, Z3
	VPERMW Z12, Z3, Z3
	VMOVDQU64 64(BX), Z7
	VPERMW Z12, Z7, Z4
	VPSRLW $4, Z7, Z5
	VPERMW Z12, Z5, Z5
	VPSRLW $8, Z7, Z6
	VPERMW Z12, Z6, Z6
	VPSRLW $12, Z7, Z7
	VPERMW Z12, Z7, Z7
	VMOVUPS 128(BX), Z8
	VMOVDQU64 192(BX), Z9
	VMOVDQU64 256(BX), Z10

	CMPQ 56(AX), $0
	JNE failed
	MOVQ $0, 80(AX)
	LEAQ FAILED(AX), R9
	LEAQ BEFORE(AX), R8
	MOVQ 104(AX), DX
	SUBQ DI, DX

	// Every row, whether its step is whole or not: the guess would cost more than
	// what a wrong sum takes.
row:
	VMOVUPS (DI), Z18
	CHECK
	VMAXPS (DI)(DX*1), Z19, Z19 // of a NaN in c and the peak, the peak
	VMOVUPS Z19, (DI)(DX*1)
	KORTESTW K1, K2
	SETNE R10
	MOVBLZX R10, R10
	VMOVUPS Z18, (R8)
	MOVL CX, (R9)
	LEAQ (R9)(R10*4), R9
	SHLL $6, R10
	ADDQ R10, R8
	PRODUCTS(whole)
	VFMADD231PS.RZ_SAE Z8, Z16, Z18
	VMOVUPS Z18, (DI)
	ADDQ $64, SI
	ADDQ $64, DI
	DECQ CX
	JNZ row
	LEAQ FAILED(AX), R10
	SUBQ R10, R9
	SHRQ $2, R9
	MOVQ R9, 88(AX)

	// Then those whose step was not, again.
failed:
	MOVQ $0, 56(AX)
	MOVQ 80(AX), R10
	CMPQ R10, 88(AX)
	JGE next
	INCQ 80(AX)
	MOVL FAILED(AX)(R10*4), CX
	SHLQ $6, R10
	VMOVUPS BEFORE(AX)(R10*1), Z18
	MOVQ 32(AX), DX
	SUBQ CX, DX
	SHLQ $6, DX
	MOVQ R13, SI
	IMULQ 24(AX), SI
	ADDQ 0(AX), SI
	ADDQ DX, SI
	MOVQ 16(AX), DI
	ADDQ DX, DI
	CHECK
	CMPL 40(SI), $0
	JNE general
	VPCMPD.BCST $0, never<>(SB), Z9, K3
	VPCMPD.BCST $5, inf<>(SB), Z19, K4
	KORW K3, K4, K4
	KORTESTW K2, K4
	JNZ general
	// Z23 is 2^23 quanta.
	VPANDD.BCST inf<>(SB), Z19, Z23
	VPSUBD.BCST 100(AX), Z23, Z23
	VPMAXSD Z21, Z23, Z23
	VPXORD Z24, Z24, Z24
	VPXORD Z27, Z27, Z27
	VPADDD.BCST 56(SI), Z9, Z20
	VPCMPD $5, Z20, Z19, K1
	KORTESTW K1, K1
	JNZ several
	// Only products of the x with the lowest bit are cut: Z24 is what is cut away.
	MOVL 52(SI), R10
	VMOVDQU32 (BX)(R10*1), Z25
	VPBROADCASTD 48(SI), Z20
	VPSRLVD Z20, Z25, Z25
	VPERMPS values<>(SB), Z25, Z25
	VMULPS Z8, Z25, Z25
	VMULPS.BCST 44(SI), Z25, Z20
	VPANDD Z11, Z20, Z22
	VPXORD Z22, Z20, Z25
	VADDPS.RZ_SAE Z23, Z22, Z26
	VSUBPS Z23, Z26, Z26
	VSUBPS Z22, Z26, Z24
	VPXORD Z25, Z24, Z24
	PRODUCTS(cut)
	VCMPPS $4, Z27, Z24, K3
	VFMADD231PS.RZ_SAE Z8, Z16, Z24
	VPANDD Z11, Z24, Z22
	VPADDD.BCST hidden<>(SB), Z23, Z23
	VPCMPD $5, Z23, Z22, K3, K4
	KORTESTW K4, K4
	JNZ general
	VMOVDQA32 Z18, Z25
	VFMADD231PS.RZ_SAE Z8, Z16, Z25
	VADDPS.RZ_SAE Z24, Z18, K3, Z25
	VMOVUPS Z25, (DI)
	JMP failed

	// Any step of ordinary operands, by the rule. DX is 1 if Z23 already tells E.
several:
	MOVL $1, DX
	JMP weights
general:
	TESTL $2, 40(SI)
	JNZ scalar
	VPCMPD.BCST $0, never<>(SB), Z9, K3
	VPCMPD.BCST $5, inf<>(SB), Z19, K4
	KORTESTW K3, K4
	JNZ scalar
	XORL DX, DX
weights:
	TESTQ $1, R11
	JNZ terms
	ORQ $1, R11
	SPREADALL
terms:
	TESTL DX, DX
	JNZ known
	TESTQ $2, R11
	JNZ exponents
	ORQ $2, R11
	VPBROADCASTD none<>(SB), Z29
	MOVQ $16, R10
	MOVQ AX, R9
exponent:
	VPANDD WS(R9), Z11, Z21
	VPTESTMD Z21, Z21, K3
	VPSRLD $23, Z21, Z21
	VPSUBD.BCST n127<>(SB), Z21, Z21
	VMOVDQA32 Z29, Z22
	VMOVDQA32 Z21, K3, Z22
	VMOVDQU32 Z22, WE(R9)
	ADDQ $64, R9
	DECQ R10
	JNZ exponent
exponents:
	VPMOVZXWD (SI), Z20
	VPSLLD $16, Z20, Z20
	VPANDD Z11, Z20, Z20
	VPTESTMD Z20, Z20, K3
	VPSRLD $23, Z20, Z20
	VPSUBD.BCST n127<>(SB), Z20, Z20
	VPBROADCASTD none<>(SB), Z21
	VMOVDQA32 Z21, Z28
	VMOVDQA32 Z20, K3, Z21
	VMOVDQU32 Z21, XE(AX)

	// E to Z21, beginning with that of c.
	VPTESTMD Z19, Z19, K3
	VPSRLD $23, Z19, Z22
	VPSUBD.BCST n127<>(SB), Z22, Z22
	VMOVDQA32 Z28, Z21
	VMOVDQA32 Z22, K3, Z21
	TOP(0)
	TOP(1)
	TOP(2)
	TOP(3)
	TOP(4)
	TOP(5)
	TOP(6)
	TOP(7)
	TOP(8)
	TOP(9)
	TOP(10)
	TOP(11)
	TOP(12)
	TOP(13)
	TOP(14)
	TOP(15)
	// E is at least least, or that of zeros alone.
	VPBROADCASTD least<>(SB), Z22
	VPCMPD $1, Z22, Z21, K4
	VPCMPD.BCST $5, noneLimit<>(SB), Z21, K4, K4
	KORTESTW K4, K4
	JNZ scalar
	VPMAXSD Z22, Z21, Z21
	VPBROADCASTD 96(AX), Z22
	VPSUBD Z21, Z22, Z23       // F-E
	VPADDD.BCST n127<>(SB), Z23, Z24
	VPSLLD $23, Z24, Z24       // 2^(F-E)
	VPBROADCASTD n127<>(SB), Z22
	VPSUBD Z23, Z22, Z23
	VPSLLD $23, Z23, Z23       // 2^(E-F)
	JMP units
known:
	VPBROADCASTD mirror<>(SB), Z24
	VPSUBD Z23, Z24, Z24
	VPSUBD.BCST n23<>(SB), Z23, Z23
units:
	VMULPS Z24, Z18, Z25
	VCVTTPS2DQ Z25, Z25
	VPXORD Z26, Z26, Z26
	VPXORD Z27, Z27, Z27
	VPBROADCASTD upper<>(SB), Z28
	TERM(0)
	TERM(1)
	TERM(2)
	TERM(3)
	TERM(4)
	TERM(5)
	TERM(6)
	TERM(7)
	VPADDD Z27, Z26, Z26
	// The products reach 2^31 units and c 2^26: the sum is exact in float64.
	VEXTRACTI64X4 $1, Z26, Y27
	VEXTRACTI64X4 $1, Z25, Y28
	VCVTDQ2PD Y26, Z26
	VCVTDQ2PD Y25, Z25
	VCVTDQ2PD Y27, Z27
	VCVTDQ2PD Y28, Z28
	VADDPD Z25, Z26, Z26
	VADDPD Z27, Z28, Z28
	VCVTPD2PS.RZ_SAE Z26, Y26
	VCVTPD2PS.RZ_SAE Z28, Y28
	VINSERTF64X4 $1, Y28, Z26, Z26
	VMULPS Z23, Z26, Z26
	VMOVUPS Z26, (DI)
	JMP failed

scalar:
	VMOVUPS Z18, (DI)
	MOVQ 32(AX), DX
	SUBQ CX, DX
	MOVQ DX, 72(AX)
	MOVQ R13, 48(AX)
	VZEROUPPER
	RET

next:
	INCQ R13
	JMP step
done:
	MOVQ $-1, 72(AX)
	VZEROUPPER
	RET
