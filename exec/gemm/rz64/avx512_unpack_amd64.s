#include "textflag.h"

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
