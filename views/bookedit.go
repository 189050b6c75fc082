package views

import (
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec/language"
	"fp4tui/exec/notebook"
)

type source = language.Source

// editText is what the editor shows of a block: its commands or its prose.
func (p *bookPane) editText(i int) string {
	if c, is := p.cell(i); is {
		return strings.TrimRight(c.Text, "\n")
	}
	return p.blocks[i].Text()
}

// setText replaces the commands or the prose of a block. What depends on a cell is stale
// from now on, and so is what it said.
func (a *App) setText(i int, text string) bool {
	p := a.bookPane()
	if strings.TrimRight(text, "\n") == p.editText(i) {
		return true
	}
	before := p.reach(i)
	data, err := p.withText(i, text)
	if err == nil {
		err = p.apply(data)
	}
	if err != nil {
		a.status.fail("", err)
		return false
	}
	after := p.reach(i)
	names := after.defines
	for name := range before.defines {
		names[name] = true
	}
	if _, is := p.cell(i); is {
		p.stale(i, "edited")
		p.spread(i, names, before.wide || after.wide, "an input of it changed")
	}
	a.status.say("edited; r runs the cell, R what is stale")
	a.refresh()
	return true
}

func (p *bookPane) withText(i int, text string) ([]byte, error) {
	if _, is := p.cell(i); is {
		return p.doc.SetCommands(p.blocks[i].Cell, text)
	}
	blocks := slices.Clone(p.blocks)
	if blocks[i].Raw = notebook.NewNote(text).Raw; strings.TrimSpace(text) == "" {
		blocks = slices.Delete(blocks, i, i+1)
	}
	return notebook.Join(blocks), nil
}

// cellEditor takes the keys while a block is edited in its place. A block that is new
// goes again when its editing is cancelled.
type cellEditor struct {
	block int
	fresh bool
}

func (a *App) editHere(int) tea.Cmd {
	p := a.bookPane()
	i := p.focus()
	if i < 0 {
		return a.insertCell(0)
	}
	p.edit = newTextarea(p.editText(i))
	a.float = &cellEditor{block: i}
	return nil
}

func (e *cellEditor) key(a *App, msg tea.KeyPressMsg) tea.Cmd {
	p := a.bookPane()
	switch msg.String() {
	case "esc", "ctrl+c":
		e.close(a)
		if e.fresh {
			p.undo()
		}
	case "enter":
		text := p.edit.String()
		if a.setText(e.block, text) {
			e.close(a)
		}
		if e.fresh && strings.TrimSpace(text) == "" {
			p.undo()
		}
	case "ctrl+j", "alt+enter", "shift+enter":
		p.edit.breakLine()
	case "ctrl+x":
		text := p.edit.String()
		e.close(a)
		return a.editOutside(e.block, text)
	case "tab":
		e.complete(a)
	default:
		p.edit.edit(msg)
	}
	return nil
}

func (e *cellEditor) close(a *App) {
	a.bookPane().edit = nil
	a.float = nil
}

// paste puts pasted text in, line breaks included.
func (e *cellEditor) paste(a *App, text string) { a.bookPane().edit.insert(text) }

// complete takes the best completion of the line.
func (e *cellEditor) complete(a *App) {
	line := a.bookPane().edit.line()
	text, at := line.String(), len(string(line.text[:line.at]))
	if list := a.opt.Engine.Complete(text, at); len(list) > 0 {
		c := list[0]
		line.set(text[:c.From] + c.Text + text[c.To:])
		line.at = len([]rune(text[:c.From] + c.Text))
	}
}

func (e *cellEditor) draw(a *App, c *canvas) {
	p := a.bookPane()
	all := region{c: c, w: c.w, h: c.h, th: a.theme}
	hints := all.sub(0, c.h-1, c.w, 1)
	hints.clear()
	hints.text(1, 0, dim, cut(a.hintText("↵ take  Ctrl-J new line  Tab complete  Ctrl-X in $EDITOR  Esc leave as it was"), c.w-2))
	if all.h > 3 {
		all.cursorAt(min(p.editX, c.w-1), 3+p.editY)
	}
}

// editedMsg is the end of an editor of the user's.
type editedMsg struct {
	item *bookItem
	file string
	err  error
}

func (a *App) editCell(int) tea.Cmd {
	p := a.bookPane()
	i := p.focus()
	if i < 0 {
		return a.insertCell(0)
	}
	return a.editOutside(i, p.editText(i))
}

// editOutside gives a text to $VISUAL, $EDITOR or vi and takes back what is saved there.
func (a *App) editOutside(i int, text string) tea.Cmd {
	item := a.bookPane().items[i]
	ending := ".fp4"
	if _, is := a.bookPane().cell(i); !is {
		ending = ".md"
	}
	f, err := os.CreateTemp("", "fp4tui-*"+ending)
	if err == nil {
		_, err = f.WriteString(text + "\n")
		if closed := f.Close(); err == nil {
			err = closed
		}
	}
	if err != nil {
		a.status.fail("", fmt.Errorf("cannot edit outside: %w", err))
		return nil
	}
	words := append(editorCommand(), f.Name())
	return tea.ExecProcess(osexec.Command(words[0], words[1:]...), func(err error) tea.Msg {
		return editedMsg{item, f.Name(), err}
	})
}

// editorCommand is the user's editor, with its arguments.
func editorCommand() []string {
	for _, name := range []string{"VISUAL", "EDITOR"} {
		if words := strings.Fields(os.Getenv(name)); len(words) > 0 {
			return words
		}
	}
	return []string{"vi"}
}

func (a *App) edited(msg editedMsg) tea.Cmd {
	defer os.Remove(msg.file)
	data, err := os.ReadFile(msg.file)
	if msg.err != nil {
		err = fmt.Errorf("the editor failed: %w", msg.err)
	}
	if err != nil {
		a.status.fail("", err)
		return nil
	}
	if i := slices.Index(a.bookPane().items, msg.item); i >= 0 {
		a.setText(i, string(data))
	}
	return nil
}

// insert puts a block below the focused one and edits it.
func (a *App) insert(block notebook.Block) tea.Cmd {
	p := a.bookPane()
	at := len(p.blocks)
	if i := p.focus(); i >= 0 {
		at = i + 1
	}
	if err := p.apply(notebook.Join(slices.Insert(slices.Clone(p.blocks), at, block))); err != nil {
		a.status.fail("", err)
		return nil
	}
	p.items[at].fresh = true
	p.focusOn(at)
	p.edit = newTextarea(p.editText(at))
	p.edit.lines[0].set("")
	a.float = &cellEditor{block: at, fresh: true}
	a.refresh()
	return nil
}

func (a *App) insertCell(int) tea.Cmd {
	if a.bookPane().doc.Bare {
		return a.insert(notebook.Block{Kind: notebook.CellBlock, Cell: -1, Raw: "help\n"})
	}
	return a.insert(notebook.NewCell("", ""))
}

func (a *App) insertNote(int) tea.Cmd {
	if a.bookPane().doc.Bare {
		a.status.say("a .fp4 file holds commands only; notes need a .fp4.md")
		return nil
	}
	return a.insert(notebook.NewNote("note"))
}

func (a *App) deleteBlock(int) tea.Cmd {
	p := a.bookPane()
	i := p.focus()
	if i < 0 {
		return nil
	}
	r := p.reach(i)
	if err := p.apply(notebook.Join(slices.Delete(slices.Clone(p.blocks), i, i+1))); err != nil {
		a.status.fail("", err)
		return nil
	}
	p.spread(i-1, r.defines, r.wide, "an input of it was deleted")
	a.status.say("deleted; u brings it back")
	a.refresh()
	return nil
}

func (a *App) blockDown(count int) tea.Cmd { return a.moveBlock(max(count, 1)) }
func (a *App) blockUp(count int) tea.Cmd   { return a.moveBlock(-max(count, 1)) }

// moveBlock exchanges the focused block with those after or before it.
func (a *App) moveBlock(by int) tea.Cmd {
	p := a.bookPane()
	rows := p.rows()
	to := min(max(p.at+by, 0), len(rows)-1)
	i := p.focus()
	if i < 0 || to == p.at {
		return nil
	}
	blocks := slices.Clone(p.blocks)
	moved := blocks[i]
	if !strings.HasSuffix(moved.Raw, "\n\n") {
		moved.Raw = strings.TrimRight(moved.Raw, "\r\n") + "\n\n"
	}
	blocks = slices.Insert(slices.Delete(blocks, i, i+1), rows[to], moved)
	r := p.reach(i)
	if err := p.apply(notebook.Join(blocks)); err != nil {
		a.status.fail("", err)
		return nil
	}
	p.at = to
	if _, is := p.cell(rows[to]); is {
		p.stale(rows[to], "moved")
	}
	p.spread(min(i, rows[to]), r.defines, r.wide, "an input of it was moved")
	a.refresh()
	return nil
}

func (a *App) foldCell(int) tea.Cmd {
	if i := a.bookPane().focus(); i >= 0 {
		item := a.bookPane().items[i]
		item.open, item.attended = !a.bookPane().shown(i), true
	}
	return nil
}

// acceptOutput stores what the cell says now.
func (a *App) acceptOutput(int) tea.Cmd {
	p := a.bookPane()
	i := p.focus()
	if i < 0 || p.items[i].state != cellChanged {
		a.status.say("nothing to accept: w goes to a cell that changed")
		return nil
	}
	item := p.items[i]
	if err := p.apply(p.doc.SetOutput(p.blocks[i].Cell, p.backend, item.got)); err != nil {
		a.status.fail("", err)
		return nil
	}
	item.state, item.why, item.kept, item.open = cellOK, "", false, false
	a.status.say("accepted; s saves it")
	a.refresh()
	return nil
}

// rejectOutput keeps what is stored: a replay goes on to fail there.
func (a *App) rejectOutput(int) tea.Cmd {
	p := a.bookPane()
	i := p.focus()
	if i < 0 || p.items[i].state != cellChanged {
		a.status.say("nothing to reject: w goes to a cell that changed")
		return nil
	}
	p.items[i].kept, p.items[i].open = true, false
	a.status.say("the stored output stays; a replay fails here until it is met again")
	return nil
}

// undoEdit takes back the last edit of the notebook, or else the last command.
func (a *App) undoEdit(count int) tea.Cmd {
	if a.bookPane().undo() {
		a.status.say("took the edit back")
		a.refresh()
		return nil
	}
	return a.undo(count)
}

// savedMsg is the end of saving the notebook.
type savedMsg struct {
	file string
	data []byte
	err  error
}

// saveBook writes the notebook; outputs that are of other commands are marked stale.
func (a *App) saveBook(file string) tea.Cmd {
	p := a.bookPane()
	keeper, ok := a.opt.Engine.(bookKeeper)
	if !ok {
		return nil
	}
	var stale []int
	for i, item := range p.items {
		if _, is := p.cell(i); is && item.state == cellStale {
			stale = append(stale, p.blocks[i].Cell)
		}
	}
	was, now, ctx := p.disk, p.doc.MarkStale(stale), a.work.ctx
	if file != p.file {
		was = nil
	}
	return func() tea.Msg {
		data, err := keeper.SaveNotebook(ctx, file, was, now)
		return savedMsg{file, data, err}
	}
}

func (a *App) bookSaved(msg savedMsg) tea.Cmd {
	p := a.bookPane()
	if msg.err != nil {
		a.status.fail("", msg.err)
		a.nav.quit = false
		return nil
	}
	if p.file != msg.file {
		p.name = msg.file
	}
	p.file, p.disk, p.changes, p.edited = msg.file, msg.data, 0, true
	if errs := p.set(msg.data); errs != nil {
		a.status.fail("", errs[0])
	}
	a.refresh()
	a.status.push(statusLine{left: "saved " + p.name + " · fp4tui replay " + filepath.ToSlash(p.name)})
	if a.nav.quit {
		return a.leave()
	}
	return nil
}

// bookFollows keeps the notebook in step with what the session recorded, and takes the
// file over that the session was saved to.
func (a *App) bookFollows(ours bool, path string) {
	p := a.bookPane()
	p.follow(a.opt.Engine.Recorded(), ours)
	keeper, ok := a.opt.Engine.(bookKeeper)
	if path == "" || !ok || p.file != "" || p.edited {
		return
	}
	data, err := keeper.ReadNotebook(path)
	if err != nil || p.set(data) != nil {
		return
	}
	p.file, p.name, p.disk, p.changes = path, path, data, 0
}
