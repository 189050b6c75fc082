package views

// list is a cursor in rows of which a window is visible.
type list struct {
	at, top int
}

// move moves the cursor among n rows on pages of h.
func (l *list) move(m motion, count, n, h int) {
	page := max(h, 1)
	switch m {
	case moveUp:
		l.at -= count
	case moveDown:
		l.at += count
	case moveFirst:
		l.at = 0
	case moveLast:
		l.at = n - 1
	case halfUp:
		l.at -= count * max(page/2, 1)
	case halfDown:
		l.at += count * max(page/2, 1)
	case pageUp:
		l.at -= count * page
	case pageDown:
		l.at += count * page
	}
	l.fit(n, h)
}

// fit keeps the cursor within n rows and visible within h.
func (l *list) fit(n, h int) {
	l.at = min(max(l.at, 0), max(n-1, 0))
	l.top = min(l.top, max(0, n-h))
	l.top = max(l.top, 0)
	if l.at < l.top {
		l.top = l.at
	}
	if h > 0 && l.at >= l.top+h {
		l.top = l.at - h + 1
	}
}

// click puts the cursor on the row shown at y of h; false when there is none.
func (l *list) click(y, n, h int) bool {
	if y < 0 || y >= h || l.top+y >= n {
		return false
	}
	l.at = l.top + y
	return true
}

// focus marks row y of a list: ▸ in the margin and the selection style.
func (r region) focus(y int) {
	r.text(0, y, accent, "▸")
	mark := r.th.roles[selectRole]
	r.paint(0, y, r.w, func(s style) style {
		if mark.bg != 0 {
			s.bg = mark.bg
		}
		return s
	})
	r.cursorAt(0, y)
}

// column is one column of a table: its title, width and side.
type column struct {
	title string
	w     int
	right bool
}

// tableRow writes texts in columns from x on, two blanks between.
func (r region) tableRow(x, y int, columns []column, roles []role, texts []string) {
	for i, c := range columns {
		if i >= len(texts) {
			return
		}
		look := plain
		if i < len(roles) {
			look = roles[i]
		}
		text := cut(texts[i], c.w)
		if c.right {
			r.right(x+c.w, y, look, text)
		} else {
			r.text(x, y, look, text)
		}
		x += c.w + 2
	}
}

func (r region) tableHead(x, y int, columns []column) {
	titles := make([]string, len(columns))
	roles := make([]role, len(columns))
	for i, c := range columns {
		titles[i], roles[i] = c.title, dim
	}
	r.tableRow(x, y, columns, roles, titles)
}
