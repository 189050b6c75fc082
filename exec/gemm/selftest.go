package gemm

import "fmt"

// knownAnswers are single instructions with the words that mmasim 2.1.1 returns for
// them; testdata/generate.py makes operands of this kind by the thousand.
var knownAnswers = []struct {
	kind, arch, a, b, sfa, sfb, c string
	d                             uint32
}{
	{"bf16", "sm100", "3f84beb53dc2bdc2bf22c0a5be2bc0244003bf7a3e7240363ed9bf58bf89bec6",
		"be913f703df9c03bc1233f0240ee4140406cc1303d8240583ea5c02cc0f5bd9b", "", "", "00000000", 0x412082a4},
	{"mxf4", "sm100", "d5335bcbb9191c43cabb3ddb4834cadada3808029bcd8c2aa0559a9c043dc2db",
		"d421b4a092b241db992282c1a2d3dc292554242ac90380aa2d5ab3c032a2b01c", "8184", "817d", "3a95f439", 0x42c80095},
	{"mxf4nvf4.ue8m0", "sm100", "994ca32d0c5c4b535004c2adb3214345191a1a22c3898219041382212535c4b1",
		"5dc355d245418898a1b3aadcbd82b129893219c5b251d584538c933dcdc04898", "8378", "7e7a", "3b254f86", 0xc26fff5a},
	{"mxf4nvf4.ue4m3", "sm100", "ab11825a8ad850413209d4b122021b3cb9d1323c9d04dc08ab2c2b041a4dbd94",
		"81a5212d00208ca8b01283bc9c8308441c49d538a33c8a230dc4bdada1bbc5cd", "304c2c2b", "33363140", "c4071469", 0xc40ac1c9},
}

// SelfTest runs the emulator on known answers; the error names the first that differs.
// It is what doctor calls, so that a miscompiled build shows itself.
func SelfTest() error {
	for _, k := range knownAnswers {
		m, err := Lookup(k.kind, k.arch)
		if err != nil {
			return err
		}
		op, err := ParseHexOperands(k.kind, k.a, k.b, k.sfa, k.sfb, k.c)
		if err != nil {
			return err
		}
		t, err := m.Dot(op)
		if err != nil {
			return err
		}
		if t.D != k.d {
			return fmt.Errorf("%s %s: got %08x, want %08x", k.kind, k.arch, t.D, k.d)
		}
	}
	return nil
}
