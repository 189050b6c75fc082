#include "textflag.h"

// The constants of EncodeE2M1: magnitude bits, 6, 1, exponent bits, 22 binades, sign of a
// code; and the weights of two codes in a byte.
DATA encodeConst<>+0(SB)/4, $0x7fffffff
DATA encodeConst<>+4(SB)/4, $0x40c00000
DATA encodeConst<>+8(SB)/4, $0x3f800000
DATA encodeConst<>+12(SB)/4, $0x7f800000
DATA encodeConst<>+16(SB)/4, $0x0b000000
DATA encodeConst<>+20(SB)/4, $0x00000008
GLOBL encodeConst<>(SB), RODATA|NOPTR, $24

DATA pairWeights<>+0(SB)/8, $0x0010000100100001
DATA pairWeights<>+8(SB)/8, $0x0010000100100001
DATA pairWeights<>+16(SB)/8, $0x0010000100100001
DATA pairWeights<>+24(SB)/8, $0x0010000100100001
GLOBL pairWeights<>(SB), RODATA|NOPTR, $32

// func amaxAVX512(dst, x *float32, blocks, words int, dropNaN bool)
TEXT ·amaxAVX512(SB), NOSPLIT, $0-33
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ blocks+16(FP), CX
	MOVQ words+24(FP), R8
	MOVBLZX dropNaN+32(FP), R10
	VPBROADCASTD encodeConst<>+0(SB), Z5
	VPBROADCASTD encodeConst<>+12(SB), Z6
	VPTERNLOGD $255, Z7, Z7, Z7
	KXNORW K2, K2, K2
	TESTL R10, R10
	JNZ start
	KXORW K2, K2, K2

start:
	MOVQ R8, BX
	VMOVDQA64 Z7, Z0 // -1: below every magnitude, and a NaN

word:
	VPANDD (SI), Z5, Z1
	VPCMPUD $6, Z6, Z1, K2, K1 // a NaN that is to be dropped
	VMOVDQA32 Z7, K1, Z1
	VPMAXSD Z1, Z0, Z0
	ADDQ $64, SI
	DECQ BX
	JNZ word
	VEXTRACTI64X4 $1, Z0, Y1
	VPMAXSD Y1, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPMAXSD X1, X0, X0
	VPSHUFD $0x4e, X0, X1
	VPMAXSD X1, X0, X0
	VPSHUFD $0xb1, X0, X1
	VPMAXSD X1, X0, X0
	VMOVD X0, (DI)
	ADDQ $4, DI
	DECQ CX
	JNZ start
	VZEROUPPER
	RET

// func amaxAVX2(dst, x *float32, blocks, words int, dropNaN bool)
TEXT ·amaxAVX2(SB), NOSPLIT, $0-33
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ blocks+16(FP), CX
	MOVQ words+24(FP), R8
	MOVBLZX dropNaN+32(FP), R10
	VPBROADCASTD encodeConst<>+0(SB), Y5
	VPBROADCASTD encodeConst<>+12(SB), Y6
	VPCMPEQD Y7, Y7, Y7
	VMOVDQA Y7, Y8
	TESTL R10, R10
	JNZ start
	VPXOR Y8, Y8, Y8

start:
	MOVQ R8, BX
	VMOVDQA Y7, Y0

word:
	VPAND (SI), Y5, Y1
	VPAND 32(SI), Y5, Y2
	VPCMPGTD Y6, Y1, Y3
	VPCMPGTD Y6, Y2, Y4
	VPAND Y8, Y3, Y3
	VPAND Y8, Y4, Y4
	VPOR Y3, Y1, Y1
	VPOR Y4, Y2, Y2
	VPMAXSD Y1, Y0, Y0
	VPMAXSD Y2, Y0, Y0
	ADDQ $64, SI
	DECQ BX
	JNZ word
	VEXTRACTI128 $1, Y0, X1
	VPMAXSD X1, X0, X0
	VPSHUFD $0x4e, X0, X1
	VPMAXSD X1, X0, X0
	VPSHUFD $0xb1, X0, X1
	VPMAXSD X1, X0, X0
	VMOVD X0, (DI)
	ADDQ $4, DI
	DECQ CX
	JNZ start
	VZEROUPPER
	RET

// ROUND512 rounds V to bfloat16 on its bits, NaN excepted.
#define ROUND512(V) \
	VCMPPS $7, V, V, K1; \
	VPSRLD $16, V, Z2; \
	VPANDD Z16, Z2, Z2; \
	VPADDD Z17, Z2, Z2; \
	VPADDD V, Z2, Z2; \
	VPANDD Z18, Z2, K1, V

#define ROUNDCONST512 \
	MOVL $1, AX; \
	VPBROADCASTD AX, Z16; \
	MOVL $0x7fff, AX; \
	VPBROADCASTD AX, Z17; \
	MOVL $0xffff0000, AX; \
	VPBROADCASTD AX, Z18

// func roundAVX512(dst, x *float32, words int)
TEXT ·roundAVX512(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ words+16(FP), CX
	ROUNDCONST512

word:
	VMOVUPS (SI), Z0
	ROUND512(Z0)
	VMOVUPS Z0, (DI)
	ADDQ $64, SI
	ADDQ $64, DI
	DECQ CX
	JNZ word
	VZEROUPPER
	RET

// The rounding constants of 256 bits are in memory: EncodeE2M1 has the registers.
DATA round256<>+0(SB)/8, $0x0000000100000001
DATA round256<>+8(SB)/8, $0x0000000100000001
DATA round256<>+16(SB)/8, $0x0000000100000001
DATA round256<>+24(SB)/8, $0x0000000100000001
DATA round256<>+32(SB)/8, $0x00007fff00007fff
DATA round256<>+40(SB)/8, $0x00007fff00007fff
DATA round256<>+48(SB)/8, $0x00007fff00007fff
DATA round256<>+56(SB)/8, $0x00007fff00007fff
DATA round256<>+64(SB)/8, $0xffff0000ffff0000
DATA round256<>+72(SB)/8, $0xffff0000ffff0000
DATA round256<>+80(SB)/8, $0xffff0000ffff0000
DATA round256<>+88(SB)/8, $0xffff0000ffff0000
GLOBL round256<>(SB), RODATA|NOPTR, $96

#define ROUND256(V) \
	VCMPPS $3, V, V, Y3; \
	VPSRLD $16, V, Y2; \
	VPAND round256<>+0(SB), Y2, Y2; \
	VPADDD round256<>+32(SB), Y2, Y2; \
	VPADDD V, Y2, Y2; \
	VPAND round256<>+64(SB), Y2, Y2; \
	VBLENDVPS Y3, V, Y2, V

// func roundAVX2(dst, x *float32, words int)
TEXT ·roundAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ words+16(FP), CX

word:
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y1
	ROUND256(Y0)
	ROUND256(Y1)
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	ADDQ $64, SI
	ADDQ $64, DI
	DECQ CX
	JNZ word
	VZEROUPPER
	RET

// The ties that to nearest even go up: 0.75, 1.75, 3.5, eight times each.
DATA tiesUp<>+0(SB)/8, $0x3f4000003f400000
DATA tiesUp<>+8(SB)/8, $0x3f4000003f400000
DATA tiesUp<>+16(SB)/8, $0x3f4000003f400000
DATA tiesUp<>+24(SB)/8, $0x3f4000003f400000
DATA tiesUp<>+32(SB)/8, $0x3fe000003fe00000
DATA tiesUp<>+40(SB)/8, $0x3fe000003fe00000
DATA tiesUp<>+48(SB)/8, $0x3fe000003fe00000
DATA tiesUp<>+56(SB)/8, $0x3fe000003fe00000
DATA tiesUp<>+64(SB)/8, $0x4060000040600000
DATA tiesUp<>+72(SB)/8, $0x4060000040600000
DATA tiesUp<>+80(SB)/8, $0x4060000040600000
DATA tiesUp<>+88(SB)/8, $0x4060000040600000
GLOBL tiesUp<>(SB), RODATA|NOPTR, $96

// TIESDOWN512 moves those ties a step toward zero, from where they round to zero, and gives zeros the
// sign bit.
#define TIESDOWN512 \
	VPANDD Z8, Z0, Z3; \
	VPCMPEQD Z19, Z3, K1; \
	VPCMPEQD Z20, Z3, K2; \
	VPCMPEQD Z21, Z3, K3; \
	KORW K1, K2, K1; \
	KORW K1, K3, K1; \
	VPADDD Z22, Z0, K1, Z0; \
	VPTESTNMD Z8, Z0, K1; \
	VPORD Z23, Z0, K1, Z0

// func encodeAVX512(codes *byte, x, by *float32, blocks, words int, e elements, nan uint8)
//
// EncodeE2M1 in every lane, then two codes to a byte: in a qword of two lanes, the upper
// code moved down beside the lower one.
TEXT ·encodeAVX512(SB), NOSPLIT, $0-42
	MOVQ codes+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ by+16(FP), DX
	MOVQ blocks+24(FP), CX
	MOVQ words+32(FP), R8
	MOVBLZX e+40(FP), R10
	MOVBLZX nan+41(FP), AX
	VPBROADCASTD AX, Z14
	VPBROADCASTD encodeConst<>+0(SB), Z8
	VPBROADCASTD encodeConst<>+4(SB), Z9
	VPBROADCASTD encodeConst<>+8(SB), Z10
	VPBROADCASTD encodeConst<>+12(SB), Z11
	VPBROADCASTD encodeConst<>+16(SB), Z12
	VPBROADCASTD encodeConst<>+20(SB), Z13
	VPXORD Z15, Z15, Z15
	ROUNDCONST512
	VPBROADCASTD tiesUp<>+0(SB), Z19
	VPBROADCASTD tiesUp<>+32(SB), Z20
	VPBROADCASTD tiesUp<>+64(SB), Z21
	VPTERNLOGD $255, Z22, Z22, Z22
	VPSLLD $31, Z22, Z23
	KXORW K4, K4, K4
	TESTL $4, R10 // plusZero
	JZ block
	KXNORW K4, K4, K4

block:
	VBROADCASTSS (DX), Z1
	ADDQ $4, DX
	MOVQ R8, BX

word:
	VMOVUPS (SI), Z0
	TESTL $1, R10 // divides
	JNZ divide
	VMULPS Z1, Z0, Z0
	JMP scaled

divide:
	VDIVPS Z1, Z0, Z0

scaled:
	TESTL $2, R10 // roundsBF16
	JZ rounded
	ROUND512(Z0)

rounded:
	TESTL $16, R10 // tiesDown
	JZ even
	TIESDOWN512

even:
	VPANDD Z8, Z0, Z2
	VPMINUD Z9, Z2, Z2
	VPMAXUD Z10, Z2, Z3
	VPANDD Z11, Z3, Z3
	VPADDD Z12, Z3, Z4
	VADDPS Z4, Z2, Z2
	VPSUBD Z4, Z2, Z2
	VPSUBD Z10, Z3, Z3
	VPSRLD $22, Z3, Z3
	VPADDD Z3, Z2, Z2
	VPSRLD $28, Z0, Z3
	VPANDD Z13, Z3, Z3
	VCMPPS $0, Z15, Z0, K4, K1
	VPXORD Z3, Z3, K1, Z3
	VPORD Z3, Z2, Z2
	VCMPPS $3, Z0, Z0, K1
	VMOVDQA32 Z14, K1, Z2
	VPSRLQ $28, Z2, Z3
	VPORQ Z3, Z2, Z2
	VPMOVQB Z2, X2
	VMOVQ X2, (DI)
	ADDQ $8, DI
	ADDQ $64, SI
	DECQ BX
	JNZ word
	DECQ CX
	JNZ block
	VZEROUPPER
	RET

#define TIESDOWN256(V) \
	VPAND Y8, V, Y0; \
	VPCMPEQD tiesUp<>+0(SB), Y0, Y1; \
	VPADDD Y1, V, V; \
	VPCMPEQD tiesUp<>+32(SB), Y0, Y1; \
	VPADDD Y1, V, V; \
	VPCMPEQD tiesUp<>+64(SB), Y0, Y1; \
	VPADDD Y1, V, V; \
	VPXOR Y2, Y2, Y2; \
	VPCMPEQD Y2, Y0, Y1; \
	VPSLLD $31, Y1, Y1; \
	VPOR Y1, V, V

#define ENCODE256(V) \
	VPAND Y8, V, Y0; \
	VPMINUD Y9, Y0, Y0; \
	VPMAXUD Y10, Y0, Y1; \
	VPAND Y11, Y1, Y1; \
	VPADDD Y12, Y1, Y2; \
	VADDPS Y2, Y0, Y0; \
	VPSUBD Y2, Y0, Y0; \
	VPSUBD Y10, Y1, Y1; \
	VPSRLD $22, Y1, Y1; \
	VPADDD Y1, Y0, Y0; \
	VPSRLD $28, V, Y1; \
	VPAND Y13, Y1, Y1; \
	VPXOR Y2, Y2, Y2; \
	VCMPPS $0, Y2, V, Y2; \
	VPAND Y15, Y2, Y2; \
	VPANDN Y1, Y2, Y1; \
	VPOR Y1, Y0, Y0; \
	VCMPPS $3, V, V, Y1; \
	VBLENDVPS Y1, Y14, Y0, V

// func encodeAVX2(codes *byte, x, by *float32, blocks, words int, e elements, nan uint8)
TEXT ·encodeAVX2(SB), NOSPLIT, $0-42
	MOVQ codes+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ by+16(FP), DX
	MOVQ blocks+24(FP), CX
	MOVQ words+32(FP), R8
	MOVBLZX e+40(FP), R10
	MOVBLZX nan+41(FP), AX
	VMOVD AX, X14
	VPBROADCASTD X14, Y14
	VPBROADCASTD encodeConst<>+0(SB), Y8
	VPBROADCASTD encodeConst<>+4(SB), Y9
	VPBROADCASTD encodeConst<>+8(SB), Y10
	VPBROADCASTD encodeConst<>+12(SB), Y11
	VPBROADCASTD encodeConst<>+16(SB), Y12
	VPBROADCASTD encodeConst<>+20(SB), Y13
	VPXOR Y15, Y15, Y15
	TESTL $4, R10 // plusZero
	JZ block
	VPCMPEQD Y15, Y15, Y15

block:
	VBROADCASTSS (DX), Y7
	ADDQ $4, DX
	MOVQ R8, BX

word:
	VMOVUPS (SI), Y5
	VMOVUPS 32(SI), Y6
	TESTL $1, R10 // divides
	JNZ divide
	VMULPS Y7, Y5, Y5
	VMULPS Y7, Y6, Y6
	JMP scaled

divide:
	VDIVPS Y7, Y5, Y5
	VDIVPS Y7, Y6, Y6

scaled:
	TESTL $2, R10 // roundsBF16
	JZ rounded
	ROUND256(Y5)
	ROUND256(Y6)

rounded:
	TESTL $16, R10 // tiesDown
	JZ even
	TIESDOWN256(Y5)
	TIESDOWN256(Y6)

even:
	ENCODE256(Y5)
	ENCODE256(Y6)
	VPACKUSDW Y6, Y5, Y0
	VPERMQ $0xd8, Y0, Y0
	VPMADDWD pairWeights<>(SB), Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPACKUSDW X1, X0, X0
	VPACKUSWB X0, X0, X0
	VMOVQ X0, (DI)
	ADDQ $8, DI
	ADDQ $64, SI
	DECQ BX
	JNZ word
	DECQ CX
	JNZ block
	VZEROUPPER
	RET
