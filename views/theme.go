package views

import (
	"strconv"
	"strings"
)

// Profile is what the terminal can show.
type Profile string

// The colour profiles; ProfileAuto asks the terminal.
const (
	ProfileAuto      Profile = "auto"
	ProfileTrueColor Profile = "truecolor"
	Profile256       Profile = "256"
	Profile16        Profile = "16"
	ProfileNever     Profile = "never"
)

// ink is a colour: 0 is the terminal's own, else a kind in the top byte.
type ink uint32

const (
	inkRGB     ink = 1 << 24
	inkIndexed ink = 2 << 24
	inkBasic   ink = 3 << 24 // 0-7, as 30-37
)

func rgb(hex uint32) ink { return inkRGB | ink(hex) }
func indexed(n int) ink  { return inkIndexed | ink(n) }
func basic(n int) ink    { return inkBasic | ink(n) }

type attr uint8

const (
	bold attr = 1 << iota
	faint
	reverse
)

// style is how a cell looks. The zero style is the terminal's own.
type style struct {
	fg, bg ink
	attr   attr
}

// write appends the SGR sequence that sets exactly this style.
func (s style) write(b *strings.Builder) {
	b.WriteString("\x1b[")
	for i, code := range []string{"1", "2", "7"} {
		if s.attr&(1<<i) != 0 {
			b.WriteByte(';')
			b.WriteString(code)
		}
	}
	s.fg.write(b, 30)
	s.bg.write(b, 40)
	b.WriteByte('m')
}

func (k ink) write(b *strings.Builder, base int) {
	var buf [24]byte
	out := buf[:0]
	switch k &^ 0xffffff {
	case inkRGB:
		out = strconv.AppendInt(append(out, ';'), int64(base+8), 10)
		out = strconv.AppendUint(append(out, ";2;"...), uint64(k>>16&0xff), 10)
		out = strconv.AppendUint(append(out, ';'), uint64(k>>8&0xff), 10)
		out = strconv.AppendUint(append(out, ';'), uint64(k&0xff), 10)
	case inkIndexed:
		out = strconv.AppendInt(append(out, ';'), int64(base+8), 10)
		out = strconv.AppendUint(append(out, ";5;"...), uint64(k&0xff), 10)
	case inkBasic:
		out = strconv.AppendInt(append(out, ';'), int64(base)+int64(k&7), 10)
	}
	b.Write(out)
}

// role is what a piece of text means; the theme decides how that looks.
type role uint8

const (
	plain role = iota
	dim
	accent
	strong // focused titles
	cursorRole
	okRole
	warnRole
	badRole
	nanRole
	paddingRole
	selectRole
	roleCount
)

// rampRole is step i of the sequential ramp as a role: legends draw with it.
func rampRole(i int) role { return roleCount + role(i) }

// minusRole and plusRole are the steps of the signed ramp as roles.
func minusRole(i int) role { return roleCount + 10 + role(i) }
func plusRole(i int) role  { return roleCount + 15 + role(i) }

// style is how a role looks.
func (t *theme) style(r role) style {
	switch {
	case r < roleCount:
		return t.roles[r]
	case r < minusRole(0):
		return style{fg: t.ramp[r-rampRole(0)]}
	case r < plusRole(0):
		return style{fg: t.minus[r-minusRole(0)]}
	}
	return style{fg: t.plus[min(int(r-plusRole(0)), len(t.plus)-1)]}
}

// theme is the colours of one terminal: roles and ramps, small values first.
type theme struct {
	profile Profile
	name    Theme
	dark    bool
	roles   [roleCount]style
	ramp    [10]ink // sequential
	minus   [5]ink  // negative values, small first
	plus    [5]ink
	glyphs  bool // maps are drawn in the glyph ramp, with colour behind it or none
	ascii   bool
}

// Theme is a set of roles and ramps.
type Theme string

// The themes. Gray and high contrast follow the terminal's background, too.
const (
	ThemeAuto     Theme = "auto"
	ThemeDark     Theme = "dark"
	ThemeLight    Theme = "light"
	ThemeGray     Theme = "gray"
	ThemeContrast Theme = "high-contrast"
)

// Themes lists the names, for flags and their errors.
func Themes() []Theme { return []Theme{ThemeAuto, ThemeDark, ThemeLight, ThemeGray, ThemeContrast} }

// retheme takes the colours for what is known of the terminal. A theme that was asked for
// by name keeps its background.
func (a *App) retheme(profile Profile, dark bool) {
	switch a.opt.Theme {
	case ThemeDark:
		dark = true
	case ThemeLight:
		dark = false
	}
	a.theme = newTheme(profile, dark, a.opt.ASCII)
	a.theme.name = a.opt.Theme
	a.theme.vary()
}

func newTheme(profile Profile, dark, ascii bool) *theme {
	t := &theme{profile: profile, dark: dark, ascii: ascii}
	switch profile {
	case ProfileTrueColor, Profile256:
		t.hexRoles(profile)
	case Profile16:
		t.basicRoles()
	default:
		t.plainRoles()
	}
	t.glyphs = ascii || profile == Profile16 || profile == ProfileNever
	t.ramps()
	return t
}

// hexRow is a role of the table in docs: text colour, optional background, for the dark
// and the light theme, with the nearest entry of the 256 palette beside each.
type hexRow struct {
	role         role
	dark, darkBg colour
	pale, paleBg colour
	attr         attr
}

type colour struct {
	hex     uint32
	palette int
}

func (c colour) ink(p Profile) ink {
	switch {
	case c.palette == 0:
		return 0
	case p == Profile256:
		return indexed(c.palette)
	}
	return rgb(c.hex)
}

func (t *theme) hexRoles(p Profile) {
	rows := []hexRow{
		{role: dim, dark: colour{0x8B949E, 246}, pale: colour{0x59636E, 241}},
		{role: accent, dark: colour{0x6CB6FF, 75}, pale: colour{0x0A58CA, 26}},
		{role: strong, dark: colour{0x6CB6FF, 75}, pale: colour{0x0A58CA, 26}, attr: bold},
		{role: cursorRole, dark: colour{0x12151A, 233}, darkBg: colour{0xFFD866, 221}, pale: colour{0xFFFFFF, 231}, paleBg: colour{0x7A4E00, 94}},
		{role: okRole, dark: colour{0x4CC2A0, 79}, pale: colour{0x00694B, 23}},
		{role: warnRole, dark: colour{0xE6A93A, 179}, pale: colour{0x8A5A00, 94}},
		{role: badRole, dark: colour{0xFF7A6B, 209}, pale: colour{0xB3261E, 124}, attr: bold},
		{role: nanRole, dark: colour{0x000000, 16}, darkBg: colour{0xFF8FD0, 212}, pale: colour{0xFFFFFF, 231}, paleBg: colour{0xA0186B, 125}},
		{role: paddingRole, dark: colour{0x5C6370, 241}, pale: colour{0x808791, 102}},
		{role: selectRole, darkBg: colour{0x2A4365, 24}, paleBg: colour{0xCFE3FF, 153}},
	}
	t.fill(rows, p)
}

// fill takes the roles of a table for the background there is.
func (t *theme) fill(rows []hexRow, p Profile) {
	for _, row := range rows {
		fg, bg := row.dark, row.darkBg
		if !t.dark {
			fg, bg = row.pale, row.paleBg
		}
		t.roles[row.role] = style{fg: fg.ink(p), bg: bg.ink(p), attr: row.attr}
	}
}

func (t *theme) basicRoles() {
	accentInk, cursor := basic(6), style{fg: basic(0), bg: basic(3)}
	if !t.dark {
		accentInk, cursor = basic(4), style{fg: basic(7), bg: basic(4)}
	}
	t.roles = [roleCount]style{
		dim: {attr: faint}, accent: {fg: accentInk}, strong: {fg: accentInk, attr: bold}, cursorRole: cursor,
		okRole: {fg: basic(2)}, warnRole: {fg: basic(3)}, badRole: {fg: basic(1), attr: bold},
		nanRole: {fg: basic(7), bg: basic(5)}, paddingRole: {attr: faint}, selectRole: {attr: reverse},
	}
}

func (t *theme) plainRoles() {
	t.roles = [roleCount]style{
		accent: {attr: bold}, strong: {attr: bold}, cursorRole: {attr: reverse},
		badRole: {attr: bold}, nanRole: {attr: reverse}, selectRole: {attr: reverse},
	}
}

// ramps fills the colour ramps. Automatic reduction to fewer colours breaks the order
// of luminance, so each profile has its own.
func (t *theme) ramps() {
	cividis := [10]uint32{0x00224E, 0x123570, 0x3B496C, 0x575D6D, 0x707173, 0x8A8678, 0xA59C74, 0xC3B369, 0xE1CC55, 0xFEE838}
	palette := [10]int{17, 24, 60, 66, 102, 138, 144, 179, 185, 227}
	sixteen := [10]int{4, 4, 4, 6, 6, 6, 3, 3, 7, 7}
	if !t.dark {
		sixteen = [10]int{3, 3, 3, 6, 6, 6, 4, 4, 0, 0}
	}
	for i := range t.ramp {
		from := i
		if !t.dark {
			from = 9 - i
		}
		switch t.profile {
		case ProfileTrueColor:
			t.ramp[i] = rgb(cividis[from])
		case Profile256:
			t.ramp[i] = indexed(palette[from])
		case Profile16:
			t.ramp[i] = basic(sixteen[i])
		}
	}
	t.signedRamps()
}

func (t *theme) signedRamps() {
	blue, orange := [5]uint32{0x1B3A57, 0x28547A, 0x356E9C, 0x4287BF, 0x4FA3E0}, [5]uint32{0x5C3A12, 0x855420, 0xAD6E2D, 0xD6883C, 0xFFA24C}
	if !t.dark {
		blue, orange = [5]uint32{0xBFD9F2, 0x92BADF, 0x659ACD, 0x387BBA, 0x0B5CA8}, [5]uint32{0xFBD7B0, 0xE5B284, 0xCF8D58, 0xB9682C, 0xA34700}
	}
	blue256, orange256 := [5]int{17, 24, 25, 32, 74}, [5]int{58, 94, 130, 172, 215}
	if !t.dark {
		blue256, orange256 = [5]int{153, 110, 68, 32, 25}, [5]int{223, 180, 173, 130, 124}
	}
	for i := range t.plus {
		switch t.profile {
		case ProfileTrueColor:
			t.minus[i], t.plus[i] = rgb(blue[i]), rgb(orange[i])
		case Profile256:
			t.minus[i], t.plus[i] = indexed(blue256[i]), indexed(orange256[i])
		case Profile16:
			t.minus[i], t.plus[i] = basic(4), basic(3)
		}
	}
}
