#include "textflag.h"

// Fields of columns: 8 bytes a column, then 4 each.
#define MAX 4096
#define DATAN 6144
#define ABOVE 8192
#define NAN 10240

DATA fold<>+0(SB)/8, $0x7fffffffffffffff // magnitude
DATA fold<>+8(SB)/4, $0x7fffffff
DATA fold<>+12(SB)/4, $1
GLOBL fold<>(SB), RODATA|NOPTR, $16

// func foldAVX512(c *columns, got, want *float32, groups int, bound float64, signed bool)
//
// K1: neither is NaN. K2: equal. K3: replaces the greatest.
TEXT ·foldAVX512(SB), NOSPLIT, $0-41
	MOVQ c+0(FP), DI
	MOVQ got+8(FP), SI
	MOVQ want+16(FP), DX
	MOVQ groups+24(FP), CX
	VBROADCASTSD bound+32(FP), Z21
	MOVBLZX signed+40(FP), R10
	VPBROADCASTQ fold<>+0(SB), Z20
	VPBROADCASTD fold<>+8(SB), Y22
	VPBROADCASTD fold<>+12(SB), Y23
	MOVQ DI, R8 // 4 bytes a column

group:
	VMOVUPS (SI), Y0
	VMOVUPS (DX), Y1
	VCMPPS $7, Y1, Y0, K1
	VCMPPS $0, Y1, Y0, K2
	VCVTPS2PD Y0, Z2
	VCVTPS2PD Y1, Z3
	VSUBPD Z3, Z2, Z4
	VPXORQ Z4, Z4, K2, Z4
	VPANDQ Z20, Z4, Z5
	TESTL R10, R10
	JNZ valued
	VMOVAPD Z5, Z4

valued:
	VMOVUPD (DI), Z6
	VADDPD Z4, Z6, K1, Z6
	VMOVUPD Z6, (DI)
	VCMPPD $0x1e, Z21, Z5, K1, K4
	VMOVDQU32 ABOVE(R8), Y6
	VPADDD Y23, Y6, K4, Y6
	VMOVDQU32 Y6, ABOVE(R8)
	VMOVDQU32 DATAN(R8), Y6
	VPADDD Y23, Y6, K1, Y6
	VMOVDQU32 Y6, DATAN(R8)
	VCVTPD2PS Z4, Y6
	VMOVUPS MAX(R8), Y7
	VPANDD Y22, Y6, Y8
	VPANDD Y22, Y7, Y9
	VCMPPS $0x1e, Y9, Y8, K1, K3
	VCMPPS $0, Y9, Y8, K1, K4
	VCMPPS $0x1e, Y7, Y6, K4, K4
	KORB K4, K3, K3
	VMOVAPS Y6, K3, Y7
	VMOVUPS Y7, MAX(R8)
	KORTESTB K1, K1
	JCS next
	KNOTB K1, K1
	VMOVDQU32 NAN(R8), Y6
	VPADDD Y23, Y6, K1, Y6
	VMOVDQU32 Y6, NAN(R8)

next:
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $64, DI
	ADDQ $32, R8
	DECQ CX
	JNZ group
	VZEROUPPER
	RET

// FOUR256 puts the errors of four columns in D and their magnitudes in A, zero where NaN is (N), and adds
// them up; OUT is what they are as float32.
#define FOUR256(AT, D, A, N, OUT) \
	VCVTPS2PD AT(SI), Y0; \
	VCVTPS2PD AT(DX), Y1; \
	VCMPPD $0, Y1, Y0, Y2; \
	VCMPPD $7, Y1, Y0, N; \
	VSUBPD Y1, Y0, D; \
	VANDNPD D, Y2, D; \
	VANDPD N, D, D; \
	VANDPD Y15, D, A; \
	VBLENDVPD Y14, D, A, D; \
	VADDPD (2*AT)(DI), D, Y0; \
	VMOVUPD Y0, (2*AT)(DI); \
	VCVTPD2PSY D, OUT

// NARROW256 joins two masks of four qwords to one of eight dwords.
#define NARROW256(LOW, HIGH, OUT) \
	VSHUFPS $0x88, HIGH, LOW, OUT; \
	VPERMQ $0xd8, OUT, OUT

// func foldAVX2(c *columns, got, want *float32, groups int, bound float64, signed bool)
TEXT ·foldAVX2(SB), NOSPLIT, $0-41
	MOVQ c+0(FP), DI
	MOVQ got+8(FP), SI
	MOVQ want+16(FP), DX
	MOVQ groups+24(FP), CX
	VBROADCASTSD bound+32(FP), Y13
	MOVBLZX signed+40(FP), R10
	VBROADCASTSD fold<>+0(SB), Y15
	VPXOR Y14, Y14, Y14
	TESTL R10, R10
	JZ start
	VPCMPEQD Y14, Y14, Y14

start:
	MOVQ DI, R8

group:
	FOUR256(0, Y3, Y4, Y5, X6)
	FOUR256(16, Y7, Y8, Y9, X10)
	VINSERTF128 $1, X10, Y6, Y6  // values
	VCMPPD $0x1e, Y13, Y4, Y4
	VANDPD Y5, Y4, Y4
	VCMPPD $0x1e, Y13, Y8, Y8
	VANDPD Y9, Y8, Y8
	NARROW256(Y4, Y8, Y4)        // above, as -1
	NARROW256(Y5, Y9, Y5)        // no NaN, as -1
	VMOVDQU ABOVE(R8), Y0
	VPSUBD Y4, Y0, Y0
	VMOVDQU Y0, ABOVE(R8)
	VMOVDQU DATAN(R8), Y0
	VPSUBD Y5, Y0, Y0
	VMOVDQU Y0, DATAN(R8)
	VPCMPEQD Y1, Y1, Y1
	VPXOR Y1, Y5, Y1             // NaN, as -1
	VMOVDQU NAN(R8), Y0
	VPSUBD Y1, Y0, Y0
	VMOVDQU Y0, NAN(R8)
	VPBROADCASTD fold<>+8(SB), Y10
	VMOVUPS MAX(R8), Y7
	VANDPS Y10, Y6, Y8
	VANDPS Y10, Y7, Y9
	VCMPPS $0x1e, Y9, Y8, Y0
	VCMPPS $0, Y9, Y8, Y1
	VCMPPS $0x1e, Y7, Y6, Y2
	VANDPS Y1, Y2, Y2
	VORPS Y2, Y0, Y0
	VBLENDVPS Y0, Y6, Y7, Y7     // a NaN is 0 here, which replaces nothing
	VMOVUPS Y7, MAX(R8)
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $64, DI
	ADDQ $32, R8
	DECQ CX
	JNZ group
	VZEROUPPER
	RET
