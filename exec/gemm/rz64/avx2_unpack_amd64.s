#include "textflag.h"

// Twice the value of each E2M1 code, plus 12, in both lanes.
DATA codes256<>+0(SB)/8, $0x181412100f0e0d0c
DATA codes256<>+8(SB)/8, $0x00040608090a0b0c
DATA codes256<>+16(SB)/8, $0x181412100f0e0d0c
DATA codes256<>+24(SB)/8, $0x00040608090a0b0c
GLOBL codes256<>(SB), RODATA|NOPTR, $32

DATA const256<>+0(SB)/4, $0x7b800000 // 2^120
DATA const256<>+4(SB)/4, $0xcb400000 // -1.5·2^23
DATA const256<>+8(SB)/4, $0x07f00000 // UE4M3 at bit 20
DATA const256<>+12(SB)/4, $0x7f800000 // E8M0 at bit 23
DATA const256<>+16(SB)/4, $0x00400000 // 2^-127
DATA const256<>+20(SB)/4, $0x0f0f0f0f // low nibbles
GLOBL const256<>(SB), RODATA|NOPTR, $24

// Rows i and i+4 of 16 bytes each: one a lane. R8 and R9 point to rows 0 and 4; rows of a
// lane are CX apart, DX is 3·CX.
#define LOADROWS(at, X, Y) \
	VMOVDQU     (R8)at, X          \
	VINSERTI128 $1, (R9)at, Y, Y

// The same of 8 bytes each, every byte twice.
#define LOADPAIRS(at, X, Y) \
	VMOVQ       (R8)at, X          \
	VMOVQ       (R9)at, X8         \
	VPUNPCKLBW  X, X, X            \
	VPUNPCKLBW  X8, X8, X8         \
	VINSERTI128 $1, X8, Y, Y

// Y0 … Y3 become dwords 0 … 3 of the eight rows in order.
#define TRANSPOSE \
	VPUNPCKLDQ  Y1, Y0, Y4 \
	VPUNPCKHDQ  Y1, Y0, Y5 \
	VPUNPCKLDQ  Y3, Y2, Y6 \
	VPUNPCKHDQ  Y3, Y2, Y7 \
	VPUNPCKLQDQ Y6, Y4, Y0 \
	VPUNPCKHQDQ Y6, Y4, Y1 \
	VPUNPCKLQDQ Y7, Y5, Y2 \
	VPUNPCKHQDQ Y7, Y5, Y3

// Eight codes of 8 columns: low nibbles to one quad, high nibbles to the next.
#define NIBBLES(Y, at) \
	VPSRLD  $4, Y, Y4        \
	VPAND   Y14, Y, Y        \
	VPAND   Y14, Y4, Y4      \
	VPSHUFB Y, Y15, Y        \
	VPSHUFB Y4, Y15, Y4      \
	VMOVDQU Y, at(DI)        \
	VMOVDQU Y4, (at+128)(DI)

// One scale byte of each dword of Y, shifted into place by the caller: the float32 and
// its magic multiple.
#define UE4M3(Y, at) \
	VPAND   Y12, Y, Y          \
	VMULPS  Y13, Y, Y          \
	VMULPS  Y11, Y, Y5         \
	VMOVUPS Y, (at+512)(DI)    \
	VMOVUPS Y5, (at+640)(DI)

#define UE8M0(Y, at) \
	VPAND   Y10, Y, Y          \
	VPMAXUD Y9, Y, Y           \
	VMULPS  Y11, Y, Y5         \
	VMOVUPS Y, (at+512)(DI)    \
	VMOVUPS Y5, (at+640)(DI)

#define UE4M3STEP(Y, at) \
	VPSLLD $20, Y, Y4      \
	UE4M3(Y4, at)          \
	VPSLLD $12, Y, Y4      \
	UE4M3(Y4, (at+768))    \
	VPSLLD $4, Y, Y4       \
	UE4M3(Y4, (at+1536))   \
	VPSRLD $4, Y, Y4       \
	UE4M3(Y4, (at+2304))

#define UE8M0STEP(Y, at) \
	VPSLLD $23, Y, Y4      \
	UE8M0(Y4, at)          \
	VPSLLD $15, Y, Y4      \
	UE8M0(Y4, (at+768))    \
	VPSLLD $7, Y, Y4       \
	UE8M0(Y4, (at+1536))   \
	VPSRLD $1, Y, Y4       \
	UE8M0(Y4, (at+2304))

// func unpackAVX2(panel, codes *byte, codeStride int, scales *byte, scaleStride int, kind int)
TEXT ·unpackAVX2(SB), NOSPLIT, $0-48
	MOVQ         panel+0(FP), DI
	MOVQ         codes+8(FP), R8
	MOVQ         scales+24(FP), R12
	MOVQ         kind+40(FP), R13
	VMOVDQU      codes256<>(SB), Y15
	VBROADCASTSS const256<>+20(SB), Y14
	VBROADCASTSS const256<>+0(SB), Y13
	VBROADCASTSS const256<>+8(SB), Y12
	VBROADCASTSS const256<>+4(SB), Y11
	VBROADCASTSS const256<>+12(SB), Y10
	VBROADCASTSS const256<>+16(SB), Y9
	XORQ         SI, SI
	MOVQ         $4, AX

quarter:
	MOVQ codeStride+16(FP), CX
	LEAQ (R8)(CX*4), R9
	LEAQ (CX)(CX*2), DX
	MOVQ $8, BX

chunk:
	LOADROWS((SI*1), X0, Y0)
	LOADROWS((CX*1), X1, Y1)
	LOADROWS((CX*2), X2, Y2)
	LOADROWS((DX*1), X3, Y3)
	TRANSPOSE
	NIBBLES(Y0, 0)
	NIBBLES(Y1, 256)
	NIBBLES(Y2, 768)
	NIBBLES(Y3, 1024)
	ADDQ $16, R8
	ADDQ $16, R9
	ADDQ $1536, DI
	DECQ BX
	JNE  chunk

	// R9 is at the end of row 4; the next quarter begins four rows on.
	LEAQ  -128(R9)(CX*4), R11
	SUBQ  $12288, DI
	MOVQ  R12, R8
	MOVQ  scaleStride+32(FP), CX
	LEAQ  (R8)(CX*4), R9
	LEAQ  (CX)(CX*2), DX
	LEAQ  (R9)(CX*4), R12
	TESTQ $2, R13
	JNE   pairs
	LOADROWS((SI*1), X0, Y0)
	LOADROWS((CX*1), X1, Y1)
	LOADROWS((CX*2), X2, Y2)
	LOADROWS((DX*1), X3, Y3)
	JMP   loaded

pairs:
	LOADPAIRS((SI*1), X0, Y0)
	LOADPAIRS((CX*1), X1, Y1)
	LOADPAIRS((CX*2), X2, Y2)
	LOADPAIRS((DX*1), X3, Y3)

loaded:
	TRANSPOSE
	TESTQ $1, R13
	JNE   e8m0
	UE4M3STEP(Y0, 0)
	UE4M3STEP(Y1, 3072)
	UE4M3STEP(Y2, 6144)
	UE4M3STEP(Y3, 9216)
	JMP   next

e8m0:
	UE8M0STEP(Y0, 0)
	UE8M0STEP(Y1, 3072)
	UE8M0STEP(Y2, 6144)
	UE8M0STEP(Y3, 9216)

next:
	MOVQ R11, R8
	ADDQ $32, DI
	DECQ AX
	JNE  quarter
	VZEROUPPER
	RET
