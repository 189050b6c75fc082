#include "textflag.h"

// func expandNEON(dst *float32, codes, scales *byte, blocks, words int, v *Values, highFirst bool)
//
// The 16 values of a scale fill four registers, which is what one VTBL looks up in, byte by
// byte: the index of byte i of the value of code c is 4c+i.
TEXT ·expandNEON(SB), NOSPLIT, $0-49
	MOVD dst+0(FP), R0
	MOVD codes+8(FP), R1
	MOVD scales+16(FP), R2
	MOVD blocks+24(FP), R3
	MOVD words+32(FP), R4
	MOVD v+40(FP), R5
	MOVBU highFirst+48(FP), R6
	VMOVI $15, V20.B16
	MOVW $0x03020100, R7
	VDUP R7, V21.S4

block:
	MOVBU.P 1(R2), R7
	ADD R7<<6, R5, R8
	VLD1 (R8), [V16.B16, V17.B16, V18.B16, V19.B16]
	MOVD R4, R9

word:
	VLD1.P 8(R1), [V0.B8]
	VUSHR $4, V0.B16, V1.B16
	VAND V20.B16, V0.B16, V0.B16
	CBNZ R6, high
	VZIP1 V1.B16, V0.B16, V2.B16
	B ordered

high:
	VZIP1 V0.B16, V1.B16, V2.B16

ordered:
	VSHL $2, V2.B16, V2.B16
	VZIP1 V2.B16, V2.B16, V3.B16
	VZIP2 V2.B16, V2.B16, V4.B16
	VZIP1 V3.H8, V3.H8, V5.H8
	VZIP2 V3.H8, V3.H8, V6.H8
	VZIP1 V4.H8, V4.H8, V7.H8
	VZIP2 V4.H8, V4.H8, V8.H8
	VADD V21.B16, V5.B16, V5.B16
	VADD V21.B16, V6.B16, V6.B16
	VADD V21.B16, V7.B16, V7.B16
	VADD V21.B16, V8.B16, V8.B16
	VTBL V5.B16, [V16.B16, V17.B16, V18.B16, V19.B16], V5.B16
	VTBL V6.B16, [V16.B16, V17.B16, V18.B16, V19.B16], V6.B16
	VTBL V7.B16, [V16.B16, V17.B16, V18.B16, V19.B16], V7.B16
	VTBL V8.B16, [V16.B16, V17.B16, V18.B16, V19.B16], V8.B16
	VST1.P [V5.B16, V6.B16, V7.B16, V8.B16], 64(R0)
	SUBS $1, R9, R9
	BNE word
	SUBS $1, R3, R3
	BNE block
	RET
