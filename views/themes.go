package views

// vary makes the gray and the high contrast theme of the usual one: a ramp of grays, and
// for high contrast roles that all reach seven to one, none of them dimmed.
func (t *theme) vary() {
	if t.name != ThemeGray && t.name != ThemeContrast {
		return
	}
	grays := [10]uint32{0x303030, 0x474747, 0x5E5E5E, 0x757575, 0x8C8C8C, 0xA3A3A3, 0xBABABA, 0xD1D1D1, 0xE8E8E8, 0xFFFFFF}
	palette := [10]int{236, 238, 240, 243, 245, 247, 249, 252, 254, 231}
	if !t.dark {
		grays = [10]uint32{0xE0E0E0, 0xC7C7C7, 0xAEAEAE, 0x959595, 0x7C7C7C, 0x636363, 0x4A4A4A, 0x313131, 0x181818, 0x000000}
		palette = [10]int{254, 251, 249, 246, 243, 241, 239, 236, 234, 16}
	}
	for i := range t.ramp {
		switch t.profile {
		case ProfileTrueColor:
			t.ramp[i] = rgb(grays[i])
		case Profile256:
			t.ramp[i] = indexed(palette[i])
		case Profile16:
			t.ramp[i] = 0 // the glyphs alone, in the terminal's own colour
		}
	}
	if t.name == ThemeContrast {
		t.contrast()
	}
}

func (t *theme) contrast() {
	if t.profile != ProfileTrueColor && t.profile != Profile256 {
		for i := range t.roles {
			t.roles[i].attr &^= faint
		}
		return
	}
	rows := []hexRow{
		{role: dim},
		{role: accent, dark: colour{0x7FD4FF, 117}, pale: colour{0x00328A, 18}, attr: bold},
		{role: strong, dark: colour{0x7FD4FF, 117}, pale: colour{0x00328A, 18}, attr: bold},
		{role: okRole, dark: colour{0x5FFFAF, 85}, pale: colour{0x00532F, 22}},
		{role: warnRole, dark: colour{0xFFD75F, 221}, pale: colour{0x613B00, 54}, attr: bold},
		{role: badRole, dark: colour{0xFFA79C, 217}, pale: colour{0x8A0010, 88}, attr: bold},
		{role: paddingRole, dark: colour{0xB0B0B0, 249}, pale: colour{0x505050, 239}},
		{role: selectRole, attr: reverse},
		{role: cursorRole, dark: colour{0x000000, 16}, darkBg: colour{0xFFFF5F, 227}, pale: colour{0xFFFFFF, 231}, paleBg: colour{0x000087, 18}, attr: bold},
	}
	t.fill(rows, t.profile)
}

// level gives the role of a severity word of a result.
func levelRole(level string) role {
	switch level {
	case "ok":
		return okRole
	case "warn":
		return warnRole
	case "bad", "error", "fail":
		return badRole
	}
	return dim
}

// levelWord is how a severity is written: the word carries it, not the colour.
func levelWord(level string) string {
	switch level {
	case "bad", "error":
		return "BAD"
	case "fail":
		return "FAIL"
	}
	return level
}
