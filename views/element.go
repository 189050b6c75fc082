package views

import (
	"fmt"
	"math"
	"strconv"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/views/number"
	"fp4tui/views/text"
)

// elementPane is eXplain: one output element, its error by operation and by K block, and
// below, scrolling on their own, the focused block down to its bytes and the accumulator.
type elementPane struct {
	list list   // of the ranked blocks
	log  bool   // their bars are logarithmic
	of   string // the explanation that list and scroll belong to
	from int    // first line of the lower part that is shown
}

// explainLine asks for the element with its largest block, blockLine for another block.
func (s *scene) explainLine() string {
	return fmt.Sprintf("explain %s[%d,%d]", s.at.e, s.at.m, s.at.n)
}

// blockLine is explainLine for the focused block.
func (p *elementPane) blockLine(s *scene, e exec.Explained) string {
	if p.list.at == 0 || p.list.at >= len(e.Blocks) {
		return s.explainLine()
	}
	return fmt.Sprintf("%s block=%d", s.explainLine(), e.Blocks[p.list.at].Block)
}

func (p *elementPane) wants(s *scene) []string {
	if s.at.e == "" {
		return nil
	}
	lines := []string{"info " + s.at.e, s.elementLine(), s.topLine(), s.explainLine()}
	if e, ready, _ := look[exec.Explained](s, s.explainLine()); ready {
		p.begin(s)
		lines = append(lines, p.blockLine(s, e))
	}
	return lines
}

// begin goes back to the first block when another element is shown.
func (p *elementPane) begin(s *scene) {
	if line := s.explainLine(); line != p.of {
		*p = elementPane{of: line, log: p.log}
	}
}

func (p *elementPane) status(s *scene) (left, right []span) {
	left = []span{{plain, fmt.Sprintf("m %d  n %d", s.at.m, s.at.n)}}
	e, ready, _ := look[exec.Element](s, s.elementLine())
	if !ready {
		return left, nil
	}
	left = append(left, span{plain, fmt.Sprintf("  got %s = %s  want %s", num(e.Got), e.GotBits, num(e.Want))})
	if x, ready, _ := look[exec.Explained](s, s.explainLine()); ready {
		if !math.IsNaN(float64(x.Noise)) {
			left = append(left, span{plain, fmt.Sprintf("  %s σ ", number.Format(float64(x.Noise), 3))}, noiseWord(x))
		}
		return left, []span{{proofRole(x.Proof.Word), x.Proof.Word}}
	}
	return left, []span{{dim, "vs " + reference(e.WantBy)}}
}

// noiseWord says whether the worst element of a clean map could be as far off as this one.
func noiseWord(x exec.Explained) span {
	switch limit := float64(x.NoiseLimit); {
	case math.IsNaN(limit) || limit <= 0:
		return span{}
	case float64(x.Noise) <= limit:
		return span{okRole, "normal"}
	default:
		return span{badRole, "above " + number.Format(limit, 3)}
	}
}

func proofRole(word string) role {
	switch word {
	case "proven":
		return okRole
	case "unproven":
		return warnRole
	}
	return dim
}

func (p *elementPane) draw(r region, s *scene) {
	if s.noRun(r) {
		return
	}
	line := s.explainLine()
	e, ready, err := look[exec.Explained](s, line)
	if !ready {
		p.drawPlain(r, s, line, err)
		return
	}
	p.begin(s)
	p.list.fit(len(e.Blocks), len(e.Blocks))
	l := p.layout(s, e)
	p.drawBudget(r.sub(0, 0, l.left, l.upper), e, l.budget)
	r.sub(l.left, 0, 1, l.upper).bar(0)
	p.drawRanking(r.sub(l.left+1, 0, r.w-l.left-1, l.upper), e)
	drawAxis(r.sub(0, l.upper, r.w, 2), e, p.list.at)
	p.drawLower(r.sub(0, l.upper+2, r.w, r.h-l.upper-2), s, e)
}

// elementLayout is how the body is shared out.
type elementLayout struct {
	left   int // columns of the budget
	upper  int // lines of budget and ranking
	lower  int // lines of what scrolls
	budget []exec.ErrorPart
}

func (p *elementPane) layout(s *scene, e exec.Explained) elementLayout {
	l := elementLayout{left: 42, budget: e.Budget}
	if s.w >= wideLower {
		l.left = 66
	}
	if s.w >= 160 {
		l.left = 80
	}
	most := max(9, s.h/2)
	if s.h < 24 {
		l.budget = withoutNothing(e.Budget)
		most = max(9, s.h/2)
	}
	for len(l.budget)+2 > most && len(l.budget) > 2 {
		l.budget = withoutSmallest(l.budget)
	}
	l.upper = min(max(len(l.budget)+2, min(len(e.Blocks)+2, s.h/3)), most)
	l.lower = max(0, s.h-l.upper-3)
	return l
}

// withoutNothing leaves out the operations that did nothing.
func withoutNothing(rows []exec.ErrorPart) []exec.ErrorPart {
	var out []exec.ErrorPart
	for _, row := range rows {
		if row.Part != 0 {
			out = append(out, row)
		}
	}
	return out
}

// drawPlain is an element that cannot be explained: its two numbers, and why.
func (p *elementPane) drawPlain(r region, s *scene, line string, err error) {
	e, ready, _ := look[exec.Element](s, s.elementLine())
	if ready && err != nil {
		for y, f := range [][2]string{
			{"got", fmt.Sprintf("%s  %s  exactly %s", num(e.Got), e.GotBits, number.Exact32(float64(e.Got)))},
			{"want", fmt.Sprintf("%s  %s  exactly %s", num(e.Want), e.WantBits, number.Exact32(float64(e.Want)))},
			{"error", fmt.Sprintf("%s   relative %s   %s ulp", signed(e.Err), relText(e.Rel), number.Whole(float64(e.ULP), screenDigits))},
			{"by", e.GotBy + " against " + e.WantBy},
		} {
			r.text(1, y, dim, f[0])
			r.text(9, y, plain, cut(f[1], r.w-10))
		}
		r = r.sub(0, 5, r.w, r.h-5)
	}
	s.pending(r, line, err)
}

// drawBudget is the error by operation.
func (p *elementPane) drawBudget(r region, e exec.Explained, rows []exec.ErrorPart) {
	r.text(1, 0, strong, "error by operation")
	falls := 0
	if r.w >= 60 {
		falls = r.w - 44
	}
	parts := make([]float64, len(rows))
	for i, row := range rows {
		parts[i] = float64(row.Part)
	}
	bars := text.Waterfall(append(parts, float64(e.Err)), max(falls-1, 1))
	room := r.w - falls - 12
	for i, row := range rows {
		look, name := plain, row.Text
		if row.Reference {
			name = "ref: " + name
		}
		if row.Kind == "unexplained" && row.Part != 0 {
			look = badRole
		}
		value := number.Fit(math.Abs(float64(row.Part)), screenDigits, 8)
		switch {
		case row.Part == 0:
			look, value = dim, "none"
		case row.Part < 0:
			value = "-" + value
		case row.Part > 0:
			value = "+" + value
		}
		r.text(1, 1+i, look, cut(name, room))
		r.right(room+11, 1+i, look, value)
		if falls > 0 {
			r.text(room+12, 1+i, accent, bars[i])
		}
	}
	y := 1 + len(rows)
	name, look := "sum = got - want", strong
	if !e.Adds {
		name, look = cut("not finite: "+e.Broke, room), badRole
	}
	r.text(1, y, look, name)
	r.right(room+11, y, look, signed(e.Err))
	if falls > 0 {
		r.text(room+12, y, strong, bars[len(rows)])
	}
}

// withoutSmallest leaves out the part of least magnitude.
func withoutSmallest(rows []exec.ErrorPart) []exec.ErrorPart {
	least := 0
	for i, row := range rows {
		if math.Abs(float64(row.Part)) < math.Abs(float64(rows[least].Part)) {
			least = i
		}
	}
	return append(append([]exec.ErrorPart{}, rows[:least]...), rows[least+1:]...)
}

// drawRanking is the list of blocks, with bars to both sides of a line.
func (p *elementPane) drawRanking(r region, e exec.Explained) {
	title := "block   scale   adds to got"
	if e.ByError {
		title = "block   scale   adds to error"
	}
	r.text(1, 0, strong, title)
	rows := max(1, r.h-2)
	p.list.fit(len(e.Blocks), rows)
	most := 0.0
	for _, b := range e.Blocks {
		if v := math.Abs(float64(rankOf(e, b))); v > most {
			most = v
		}
	}
	half := (r.w - 29) / 2
	for y := range rows {
		i := p.list.top + y
		if i >= len(e.Blocks) {
			break
		}
		b := e.Blocks[i]
		v := float64(rankOf(e, b))
		r.right(6, 1+y, plain, strconv.Itoa(b.Block))
		if b.Scale >= 0 {
			r.text(9, 1+y, dim, number.Hex(int64(b.Scale), 2))
		}
		r.right(25, 1+y, plain, signed(v))
		if half >= 2 {
			mid := 26 + half
			line := bar(p.length(v, most), 1, half, r.th.ascii)
			if v < 0 {
				r.right(mid, 1+y, accent, mirrored(line))
			} else {
				r.text(mid+1, 1+y, accent, line)
			}
			r.text(mid, 1+y, dim, "│")
		}
		if i == p.list.at {
			r.focus(1 + y)
		}
	}
	if rest := e.BlockN - len(e.Blocks); rest > 0 {
		r.text(1, r.h-1, dim, fmt.Sprintf("and %d others", rest))
		r.right(25, r.h-1, dim, signed(e.Others))
	}
}

// logRange is how many times smaller than the largest a logarithmic bar can show.
const logRange = 1e4

// length is the share of a bar: of the largest, or on a logarithmic axis.
func (p *elementPane) length(v, most float64) float64 {
	if most <= 0 {
		return 0
	}
	share := math.Abs(v) / most
	if p.log {
		return max(0, 1+math.Log(max(share, 1/logRange))/math.Log(logRange))
	}
	return share
}

func rankOf(e exec.Explained, b exec.BlockShare) exec.Float {
	if e.ByError {
		return b.Err
	}
	return b.Sum
}

// mirrored is a bar that grows to the left: its partial cell has no mirror image, so it
// is dropped beside whole cells and a sliver alone.
func mirrored(bar string) string {
	cells := []rune(bar)
	if len(cells) == 0 || cells[len(cells)-1] == '█' || cells[len(cells)-1] == '#' {
		return bar
	}
	if len(cells) == 1 {
		return "▕"
	}
	return string(cells[:len(cells)-1])
}

// drawAxis is the K axis in two lines: what adds, what takes; the focused block stands out.
func drawAxis(r region, e exec.Explained, at int) {
	up, down := text.KAxis(e.Axis, r.th.ascii)
	label := "K +"
	if e.AxisStep > 1 {
		label = fmt.Sprintf("%d×+", e.AxisStep)
	}
	r.text(1, 0, dim, label)
	r.text(3, 1, dim, "-")
	r.text(5, 0, plain, up)
	r.text(5, 1, plain, down)
	if at < len(e.Blocks) && e.AxisStep > 0 {
		x := 5 + e.Blocks[at].Block/e.AxisStep
		for y := range 2 {
			r.paint(x, y, 1, func(style) style { return r.th.style(cursorRole) })
		}
	}
	x, by := 7+len(e.Axis), "by what they add to got"
	if e.ByError {
		by = "by the error of their operands"
	}
	if room := r.w - x - 1; room > 30 {
		r.text(x, 0, dim, cut(fmt.Sprintf("%d blocks of %d, %s", e.BlockN, e.BlockSize, by), room))
	}
}

func (p *elementPane) move(s *scene, m motion, count int) {
	e, ready, _ := look[exec.Explained](s, s.explainLine())
	if !ready {
		return
	}
	l := p.layout(s, e)
	page := max(1, l.lower-1)
	switch m {
	case halfDown:
		p.from += count * max(1, page/2)
	case halfUp:
		p.from -= count * max(1, page/2)
	case pageDown:
		p.from += count * page
	case pageUp:
		p.from -= count * page
	default:
		p.list.move(m, count, len(e.Blocks), len(e.Blocks))
		p.follow(s, e)
	}
	left, right := p.sheets(s, e)
	p.from = min(max(p.from, 0), max(0, max(len(left.lines), len(right.lines))-l.lower))
}

// follow puts the shared cursor on the focused block.
func (p *elementPane) follow(s *scene, e exec.Explained) {
	if p.list.at < len(e.Blocks) {
		s.at.k = e.Blocks[p.list.at].K0
	}
}

func (p *elementPane) click(s *scene, x, y int) bool {
	e, ready, _ := look[exec.Explained](s, s.explainLine())
	if !ready {
		return false
	}
	l := p.layout(s, e)
	if x < l.left || y >= l.upper || !p.list.click(y-1, len(e.Blocks), max(1, l.upper-2)) {
		return false
	}
	p.follow(s, e)
	return true
}

// open shows the byte of the largest element of the focused block.
func (p *elementPane) open(a *App) tea.Cmd {
	s := a.scene()
	if e, ready, _ := look[exec.Explained](s, s.explainLine()); ready {
		if b, ready, _ := look[exec.Explained](s, p.blockLine(s, e)); ready && len(b.Block.Elements) > 0 {
			s.at.k = b.Block.Elements[0].K
		}
	}
	return a.goTo(bytesView)
}

func (p *elementPane) yank(s *scene, what string) string {
	e, ready, _ := look[exec.Explained](s, s.explainLine())
	switch {
	case what == "command":
		return s.explainLine()
	case what == "table" && ready:
		table := ""
		for _, row := range e.Budget {
			table += fmt.Sprintf("%s\t%s\t%s\n", row.Text, number.Exact(float64(row.Part)), row.Exact)
		}
		return table
	}
	return s.yankElement(what, s.explainLine())
}
