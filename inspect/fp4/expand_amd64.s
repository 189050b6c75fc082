#include "textflag.h"

// The bit at which each of the 16 codes of eight bytes begins, low and high nibble first. Bits
// above a code stay: VPERMPS does not look at them.
DATA lowFirst<>+0(SB)/8, $0x0000000400000000
DATA lowFirst<>+8(SB)/8, $0x0000000c00000008
DATA lowFirst<>+16(SB)/8, $0x0000001400000010
DATA lowFirst<>+24(SB)/8, $0x0000001c00000018
DATA lowFirst<>+32(SB)/8, $0x0000002400000020
DATA lowFirst<>+40(SB)/8, $0x0000002c00000028
DATA lowFirst<>+48(SB)/8, $0x0000003400000030
DATA lowFirst<>+56(SB)/8, $0x0000003c00000038
GLOBL lowFirst<>(SB), RODATA|NOPTR, $64

DATA highFirst<>+0(SB)/8, $0x0000000000000004
DATA highFirst<>+8(SB)/8, $0x000000080000000c
DATA highFirst<>+16(SB)/8, $0x0000001000000014
DATA highFirst<>+24(SB)/8, $0x000000180000001c
DATA highFirst<>+32(SB)/8, $0x0000002000000024
DATA highFirst<>+40(SB)/8, $0x000000280000002c
DATA highFirst<>+48(SB)/8, $0x0000003000000034
DATA highFirst<>+56(SB)/8, $0x000000380000003c
GLOBL highFirst<>(SB), RODATA|NOPTR, $64

// func expandAVX512(dst *float32, codes, scales *byte, blocks, words int, v *Values, highFirst, stream bool)
TEXT ·expandAVX512(SB), NOSPLIT, $0-50
	MOVQ dst+0(FP), DI
	MOVQ codes+8(FP), SI
	MOVQ scales+16(FP), DX
	MOVQ blocks+24(FP), CX
	MOVQ words+32(FP), R8
	MOVQ v+40(FP), R9
	MOVBLZX highFirst+48(FP), R10
	MOVBLZX stream+49(FP), R12
	LEAQ lowFirst<>(SB), R11
	TESTL R10, R10
	JZ ordered
	LEAQ highFirst<>(SB), R11

ordered:
	VMOVDQU64 (R11), Z1
	TESTL R12, R12
	JNZ stream

cached:
	MOVBLZX (DX), AX
	INCQ DX
	SHLL $6, AX
	MOVQ R8, BX
cachedWord:
	VPMULTISHIFTQB.BCST (SI), Z1, Z0
	VPERMPS (R9)(AX*1), Z0, Z0
	VMOVUPS Z0, (DI)
	ADDQ $8, SI
	ADDQ $64, DI
	DECQ BX
	JNZ cachedWord
	DECQ CX
	JNZ cached
	VZEROUPPER
	RET

stream:
	MOVBLZX (DX), AX
	INCQ DX
	SHLL $6, AX
	MOVQ R8, BX
streamWord:
	VPMULTISHIFTQB.BCST (SI), Z1, Z0
	VPERMPS (R9)(AX*1), Z0, Z0
	VMOVNTPS Z0, (DI)
	ADDQ $8, SI
	ADDQ $64, DI
	DECQ BX
	JNZ streamWord
	DECQ CX
	JNZ stream
	SFENCE
	VZEROUPPER
	RET

// HALF256 puts the values of four bytes of codes in OUT. VPERMPS looks at 3 bits of an index,
// so there are two tables, and bit 3 chooses.
#define HALF256(AT, OUT) \
	VPBROADCASTD AT(SI), Y0; \
	VPSRLVD Y1, Y0, Y0; \
	VPERMPS (R9)(AX*1), Y0, Y2; \
	VPERMPS 32(R9)(AX*1), Y0, Y3; \
	VPSLLD $28, Y0, Y0; \
	VBLENDVPS Y0, Y3, Y2, OUT

// func expandAVX2(dst *float32, codes, scales *byte, blocks, words int, v *Values, highFirst, stream bool)
TEXT ·expandAVX2(SB), NOSPLIT, $0-50
	MOVQ dst+0(FP), DI
	MOVQ codes+8(FP), SI
	MOVQ scales+16(FP), DX
	MOVQ blocks+24(FP), CX
	MOVQ words+32(FP), R8
	MOVQ v+40(FP), R9
	MOVBLZX highFirst+48(FP), R10
	MOVBLZX stream+49(FP), R12
	LEAQ lowFirst<>(SB), R11
	TESTL R10, R10
	JZ ordered
	LEAQ highFirst<>(SB), R11

ordered:
	VMOVDQU (R11), Y1
	TESTL R12, R12
	JNZ stream

cached:
	MOVBLZX (DX), AX
	INCQ DX
	SHLL $6, AX
	MOVQ R8, BX
cachedWord:
	HALF256(0, Y10)
	HALF256(4, Y11)
	VMOVUPS Y10, (DI)
	VMOVUPS Y11, 32(DI)
	ADDQ $8, SI
	ADDQ $64, DI
	DECQ BX
	JNZ cachedWord
	DECQ CX
	JNZ cached
	VZEROUPPER
	RET

stream:
	MOVBLZX (DX), AX
	INCQ DX
	SHLL $6, AX
	MOVQ R8, BX
streamWord:
	HALF256(0, Y10)
	HALF256(4, Y11)
	VMOVNTPS Y10, (DI)
	VMOVNTPS Y11, 32(DI)
	ADDQ $8, SI
	ADDQ $64, DI
	DECQ BX
	JNZ streamWord
	DECQ CX
	JNZ stream
	SFENCE
	VZEROUPPER
	RET
