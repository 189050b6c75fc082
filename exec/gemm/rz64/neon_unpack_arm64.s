#include "textflag.h"

// Twice the value of each E2M1 code.
DATA codesNEON<>+0(SB)/8, $0x0c08060403020100
DATA codesNEON<>+8(SB)/8, $0xf4f8fafcfdfeff00
GLOBL codesNEON<>(SB), RODATA|NOPTR, $16

// Eight codes of 4 columns in vector v: low nibbles to one quad, high nibbles to the next.
#define NIBBLES(V, F, at) \
	VUSHR $4, V.B16, V5.B16           \
	VAND  V31.B16, V.B16, V.B16       \
	VTBL  V.B16, [V30.B16], V4.B16    \
	VTBL  V5.B16, [V30.B16], V5.B16   \
	FMOVQ F4, at(R0)                  \
	FMOVQ F5, (at+128)(R0)

// func unpackNEON(panel, codes *byte, stride int)
TEXT ·unpackNEON(SB), NOSPLIT, $0-24
	MOVD  panel+0(FP), R0
	MOVD  codes+8(FP), R1
	MOVD  stride+16(FP), R5
	MOVD  $codesNEON<>(SB), R6
	VLD1  (R6), [V30.B16]
	MOVD  $15, R6
	VDUP  R6, V31.B16
	MOVD  $8, R7

four:
	ADD  R5, R1, R2
	ADD  R5, R2, R3
	ADD  R5, R3, R4
	MOVD $8, R8

chunk:
	VLD1.P 16(R1), [V0.B16]
	VLD1.P 16(R2), [V1.B16]
	VLD1.P 16(R3), [V2.B16]
	VLD1.P 16(R4), [V3.B16]
	VTRN1  V1.S4, V0.S4, V16.S4
	VTRN2  V1.S4, V0.S4, V17.S4
	VTRN1  V3.S4, V2.S4, V18.S4
	VTRN2  V3.S4, V2.S4, V19.S4
	VTRN1  V18.D2, V16.D2, V0.D2
	VTRN1  V19.D2, V17.D2, V1.D2
	VTRN2  V18.D2, V16.D2, V2.D2
	VTRN2  V19.D2, V17.D2, V3.D2
	NIBBLES(V0, F0, 0)
	NIBBLES(V1, F1, 256)
	NIBBLES(V2, F2, 768)
	NIBBLES(V3, F3, 1024)
	ADD    $1536, R0
	SUBS   $1, R8
	BNE    chunk
	SUB    $12272, R0
	SUB    $128, R4
	ADD    R5, R4, R1
	SUBS   $1, R7
	BNE    four
	RET
