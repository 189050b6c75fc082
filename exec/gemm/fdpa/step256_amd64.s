#include "textflag.h"

// The magnitudes of the doubled codes.
DATA magnitudes<>+0(SB)/8, $0x3f80000000000000
DATA magnitudes<>+8(SB)/8, $0x4040000040000000
DATA magnitudes<>+16(SB)/8, $0x40c0000040800000
DATA magnitudes<>+24(SB)/8, $0x4140000041000000
GLOBL magnitudes<>(SB), RODATA|NOPTR, $32
DATA absolute<>+0(SB)/4, $0x7fffffff
GLOBL absolute<>(SB), RODATA|NOPTR, $4
DATA sign<>+0(SB)/4, $0x80000000
GLOBL sign<>(SB), RODATA|NOPTR, $4
DATA second<>+0(SB)/4, $0xffff0000
GLOBL second<>(SB), RODATA|NOPTR, $4

// Offsets in call256.
#define Q 64
#define BAD 1088

// UNPACK element 8·d+j of eight columns, d in codes, as float32 to place p.
#define UNPACK(codes, j, p, half) \
	VPSRLD $(4*j), codes, Y4; \
	VPERMPS Y12, Y4, Y5; \
	VPSLLD $28, Y4, Y4; \
	VPAND Y13, Y4, Y4; \
	VPXOR Y4, Y5, Y5; \
	VMOVUPS Y5, (Q+64*(p)+32*half)(AX)

#define UNPACK8(at, p, half) \
	VMOVDQU (at+32*half)(BX), Y6; \
	UNPACK(Y6, 0, p, half); \
	UNPACK(Y6, 1, p+2, half); \
	UNPACK(Y6, 2, p+4, half); \
	UNPACK(Y6, 3, p+6, half); \
	UNPACK(Y6, 4, p+1, half); \
	UNPACK(Y6, 5, p+3, half); \
	UNPACK(Y6, 6, p+5, half); \
	UNPACK(Y6, 7, p+7, half)

// PAIR adds the products of x pair j to Y0-Y3.
#define PAIR(j) \
	VPBROADCASTD (4*j)(SI), Y4; \
	VPSLLD $16, Y4, Y5; \
	VPAND Y14, Y4, Y6; \
	VFMADD231PS (Q+128*j)(AX), Y5, Y0; \
	VFMADD231PS (Q+128*j+32)(AX), Y5, Y1; \
	VFMADD231PS (Q+128*j+64)(AX), Y6, Y2; \
	VFMADD231PS (Q+128*j+96)(AX), Y6, Y3

// STEP takes eight columns whose Σ x·q is in sum where that is a whole step, and
// leaves the others; mask gets a bit for each column taken. |c| is below the limit of
// products, and either not below 2^23 quanta or a multiple of the quantum.
#define STEP(sum, half, mask) \
	VMOVUPS (32*half)(DI), Y7; \
	VPAND Y15, Y7, Y8; \
	VPBROADCASTD 32(SI), Y9; \
	VPADDD (192+32*half)(BX), Y9, Y9; \
	VPCMPGTD Y8, Y9, Y10; \
	VPBROADCASTD 36(SI), Y9; \
	VPADDD (256+32*half)(BX), Y9, Y9; \
	VPCMPGTD Y8, Y9, Y11; \
	VADDPS Y9, Y8, Y5; \
	VSUBPS Y9, Y5, Y5; \
	VCMPPS $0, Y8, Y5, Y5; \
	VPANDN Y11, Y5, Y5; \
	VPANDN Y10, Y5, Y10; \
	VMOVUPS Y7, Y4; \
	VFMADD231PS (128+32*half)(BX), sum, Y4; \
	VBLENDVPS Y10, Y4, Y7, Y7; \
	VMOVUPS Y7, (32*half)(DI); \
	VMOVMSKPS Y10, mask

// func step256(c *call256)
TEXT ·step256(SB), NOSPLIT, $8-8
	MOVQ c+0(FP), AX
	MOVQ 0(AX), SI
	MOVQ 8(AX), BX
	MOVQ 16(AX), DI
	MOVQ 24(AX), CX
	STMXCSR old-8(SP)
	MOVL old-8(SP), DX
	ORL $0x6000, DX
	MOVL DX, new-4(SP)
	LDMXCSR new-4(SP)
	VMOVUPS magnitudes<>(SB), Y12
	VPBROADCASTD sign<>(SB), Y13
	VPBROADCASTD second<>(SB), Y14
	VPBROADCASTD absolute<>(SB), Y15
	UNPACK8(0, 0, 0)
	UNPACK8(0, 0, 1)
	UNPACK8(64, 8, 0)
	UNPACK8(64, 8, 1)
	LEAQ BAD(AX), R9
	XORL R12, R12

row:
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	PAIR(0)
	PAIR(1)
	PAIR(2)
	PAIR(3)
	PAIR(4)
	PAIR(5)
	PAIR(6)
	PAIR(7)
	VADDPS Y2, Y0, Y0
	VADDPS Y3, Y1, Y1
	STEP(Y0, 0, R10)
	STEP(Y1, 1, R11)
	SHLL $8, R11
	ORL R10, R11
	XORL $0xffff, R11
	MOVL R11, (R9)
	ORL R11, R12
	ADDQ $4, R9
	ADDQ $64, SI
	ADDQ $64, DI
	DECQ CX
	JNZ row

	MOVL R12, 32(AX)
	LDMXCSR old-8(SP)
	VZEROUPPER
	RET
