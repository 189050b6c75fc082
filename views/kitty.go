package views

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"

	tea "charm.land/bubbletea/v2"
	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/ansi/kitty"

	"fp4tui/exec"
)

// pictures draws maps as images of the kitty graphics protocol, placed with Unicode
// placeholders, where the terminal says that it can. Nothing but a question is ever sent to
// one that has not answered, and that only where its name says it may.
type pictures struct {
	off    bool
	tmux   bool // sequences are passed through tmux
	able   bool // the terminal has answered
	cellW  int  // of the terminal, in points of the screen
	cellH  int
	shown  picture
	number int
}

// picture is the image that the terminal holds.
type picture struct {
	key        string
	id         int
	cols, rows int // in cells
}

const (
	// questionID marks the answer to the question whether images can be shown.
	questionID = 4091
	// firstID is that of the first image; they take turns so that a frame never shows
	// a new image in an old place.
	firstID = 4092
	// maxImage bounds the bytes sent for one image; a larger one is drawn in half blocks.
	maxImage = 1 << 20
	// maxPoints bounds the image itself.
	maxPoints = 1 << 22
)

// wrap makes a sequence reach the terminal behind tmux.
func (k *pictures) wrap(sequence string) string {
	if k.tmux {
		return ansi.TmuxPassthrough(sequence)
	}
	return sequence
}

// question asks whether the terminal shows images and how large a cell is, when what the
// environment says of the terminal lets an answer be expected; "" otherwise.
func (k *pictures) question(getenv func(string) string, profile Profile) string {
	known := getenv("KITTY_WINDOW_ID") != "" || strings.Contains(getenv("TERM"), "kitty") || strings.Contains(getenv("TERM"), "ghostty") || getenv("TERM_PROGRAM") == "ghostty"
	if k.off || !known || profile != ProfileTrueColor && profile != ProfileAuto || getenv("FP4TUI_IMAGES") == "off" {
		return ""
	}
	k.tmux = getenv("TMUX") != ""
	if !k.tmux && strings.HasPrefix(getenv("TERM"), "screen") {
		return ""
	}
	return k.wrap(ansi.KittyGraphics([]byte("AAAA"), "a=q", fmt.Sprintf("i=%d", questionID), "s=1", "v=1", "t=d", "f=24")) + "\x1b[16t"
}

// answered takes the terminal's answer.
func (k *pictures) answered(e uv.KittyGraphicsEvent) {
	if e.Options.ID == questionID && string(e.Payload) == "OK" {
		k.able = !k.off
	}
}

func (k *pictures) sized(e uv.CellSizeEvent) {
	if e.Width > 0 && e.Height > 0 && e.Width <= 100 && e.Height <= 200 {
		k.cellW, k.cellH = e.Width, e.Height
	}
}

// ready says whether an image can be shown with a theme: its number is a true colour.
func (k *pictures) ready(th *theme) bool {
	return k.able && !k.off && k.cellW > 0 && th.profile == ProfileTrueColor && !th.ascii
}

// finerLine asks for the map of an image: four pixels where half blocks have one.
func (p *errorPane) finerLine(s *scene) string {
	l := p.layout(s)
	return strings.Replace(p.mapLine(s), fmt.Sprintf("size=%dx%d", l.cols, 2*l.rows), fmt.Sprintf("size=%dx%d", 2*l.cols, 4*l.rows), 1)
}

// place puts an image of the map into the terminal when the screen shows another one, and
// returns what has to be written; "" when nothing does. A region drawn later has it by
// its key.
func (k *pictures) place(p *errorPane, s *scene) string {
	m, ready, _ := p.picture(s)
	finer, known, _ := look[exec.Heat](s, p.finerLine(s))
	if !k.ready(s.th) || p.values || !ready || m.rows < m.H || !known {
		return ""
	}
	key := k.key(p, s, m)
	if key == k.shown.key {
		return ""
	}
	fine := p.heat(s, finer)
	fine.lo, fine.hi = m.lo, m.hi
	cols, rows := m.W, (m.H+1)/2
	data, ok := k.encode(fine, m, cols, rows, s.th)
	if !ok {
		return ""
	}
	out := k.forget()
	k.number++
	k.shown = picture{key: key, id: firstID + k.number%2, cols: cols, rows: rows}
	return out + k.transmit(data)
}

// key is what an image depends on.
func (k *pictures) key(p *errorPane, s *scene, m heatmap) string {
	return fmt.Sprint(p.finerLine(s), m.lo, m.hi, s.th.profile, s.th.dark, s.th.name, k.cellW, k.cellH)
}

// forget takes the image out of the terminal.
func (k *pictures) forget() string {
	if k.shown.id == 0 {
		return ""
	}
	id := k.shown.id
	k.shown = picture{}
	return k.wrap(ansi.KittyGraphics(nil, "a=d", "d=I", fmt.Sprintf("i=%d", id), "q=2"))
}

// transmit writes the PNG in pieces, with a virtual placement of the size of the map.
func (k *pictures) transmit(data []byte) string {
	text := []byte(base64.StdEncoding.EncodeToString(data))
	var b strings.Builder
	first := []string{"a=T", "U=1", "q=2", "f=100", "t=d", fmt.Sprintf("i=%d", k.shown.id), fmt.Sprintf("c=%d", k.shown.cols), fmt.Sprintf("r=%d", k.shown.rows)}
	for {
		n := min(len(text), kitty.MaxChunkSize)
		more := "m=0"
		if n < len(text) {
			more = "m=1"
		}
		b.WriteString(k.wrap(ansi.KittyGraphics(text[:n], append(first, more)...)))
		if text = text[n:]; len(text) == 0 {
			return b.String()
		}
		first = []string{"q=2"}
	}
}

// encode draws the map as a PNG of exactly the points that its cells have.
func (k *pictures) encode(fine, m heatmap, cols, rows int, th *theme) ([]byte, bool) {
	w, h := cols*k.cellW, rows*k.cellH
	if w <= 0 || h <= 0 || w > maxPoints/h {
		return nil, false
	}
	palette := color.Palette{color.NRGBA{}}
	index := map[ink]uint8{0: 0}
	add := func(c ink) {
		if _, has := index[c]; !has && c != 0 {
			index[c] = uint8(len(palette))
			palette = append(palette, color.NRGBA{uint8(c >> 16), uint8(c >> 8), uint8(c), 255})
		}
	}
	nan, padding := th.roles[nanRole].bg, th.roles[paddingRole].fg
	for _, list := range [][]ink{th.ramp[:], th.minus[:], th.plus[:], {nan, padding}} {
		for _, c := range list {
			add(c)
		}
	}
	img := image.NewPaletted(image.Rect(0, 0, w, h), palette)
	spanY, spanX := 2*m.RowStep, m.ColStep // elements of a cell
	for y := range h {
		row := y * rows * spanY / h / fine.RowStep
		for x := range w {
			at := fine.at(row, x*cols*spanX/w/fine.ColStep)
			c := fine.ink(at, th)
			switch {
			case at.nan:
				c = nan
			case at.padding && (x+y)%6 < 2:
				c = padding
			}
			img.Pix[y*img.Stride+x] = index[c]
		}
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&out, img); err != nil || out.Len() > maxImage {
		return nil, false
	}
	return out.Bytes(), true
}

// draw fills the cells of a map with placeholders of its image; false when the terminal
// doesn't hold it. Cells that hold a NaN keep their sign.
func (k *pictures) draw(r region, p *errorPane, s *scene, m heatmap) bool {
	if !k.ready(s.th) || p.values || k.shown.id == 0 || k.shown.key != k.key(p, s, m) {
		return false
	}
	look := style{fg: rgb(uint32(k.shown.id))}
	for y := range min(r.h, k.shown.rows) {
		for x := range min(r.w, k.shown.cols) {
			if top, bottom := m.at(2*y, x), m.at(2*y+1, x); top.nan || bottom.nan {
				r.put(x, y, r.th.roles[nanRole], "!")
				continue
			}
			r.put(x, y, look, string([]rune{kitty.Placeholder, kitty.Diacritic(y), kitty.Diacritic(x)}))
		}
	}
	m.cross(r)
	return true
}

// pictureMsg handles what the terminal says about images.
func (a *App) pictureMsg(msg tea.Msg) tea.Cmd {
	k := &a.pictures
	switch msg := msg.(type) {
	case tea.EnvMsg:
		if text := k.question(msg.Getenv, a.opt.Profile); text != "" {
			return tea.Raw(text)
		}
	case uv.KittyGraphicsEvent:
		k.answered(msg)
	case uv.CellSizeEvent:
		k.sized(msg)
	}
	return nil
}

// placePicture keeps the terminal's image that of the map on the screen.
func (a *App) placePicture() tea.Cmd {
	if !a.pictures.ready(a.theme) || a.nav.view != errorView || a.at.e == "" || a.tooSmall() {
		return nil
	}
	if text := a.pictures.place(a.errorPane(), a.scene()); text != "" {
		return tea.Raw(text)
	}
	return nil
}
