#include "textflag.h"

// func maxAbsAVX2(peak, c *float32, n int)
TEXT ·maxAbsAVX2(SB), NOSPLIT, $0-24
	MOVQ peak+0(FP), DI
	MOVQ c+8(FP), SI
	MOVQ n+16(FP), CX
	VPCMPEQD Y7, Y7, Y7
	VPSRLD $1, Y7, Y7 // all bits but the sign

loop:
	VANDPS (SI), Y7, Y0
	VANDPS 32(SI), Y7, Y1
	VMAXPS (DI), Y0, Y0 // a NaN in c gives the second operand: peak
	VMAXPS 32(DI), Y1, Y1
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	ADDQ $64, SI
	ADDQ $64, DI
	SUBQ $16, CX
	JNZ loop
	VZEROUPPER
	RET
