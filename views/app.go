package views

import (
	"context"
	"errors"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"fp4tui/exec"
)

// viewID names a view; the order is that of the tabs.
type viewID uint8

const (
	startView viewID = iota
	layersView
	weightView
	scalesView
	codesView
	errorView
	layoutView
	bytesView
	paddingView
	lintView
	notebookView
	logView
	worstView
	elementView
	helpView
	viewCount
)

// pane is a view: it says what it needs to know, draws it and tells the cursor line.
// What else it can do are the small interfaces below.
type pane interface {
	wants(s *scene) []string
	draw(r region, s *scene)
	status(s *scene) (left, right []span)
}

type (
	mover interface {
		move(s *scene, m motion, count int)
	}
	opener  interface{ open(a *App) tea.Cmd }
	clicker interface{ click(s *scene, x, y int) bool }
	yanker  interface {
		yank(s *scene, what string) string
	}
	finder interface {
		find(s *scene, text string, step int) bool
	}
)

// motion is a move of the cursor of a view.
type motion uint8

const (
	moveLeft motion = iota
	moveRight
	moveUp
	moveDown
	blockLeft
	blockRight
	blockUp
	blockDown
	moveFirst
	moveLast
	rowStart
	rowEnd
	halfUp
	halfDown
	pageUp
	pageDown
)

// App is the one Bubble Tea model. It routes: keys and mouse to bindings, commands to
// the worker, answers to the cache. State lives in the parts that draw it.
type App struct {
	opt    Options
	theme  *theme
	size   // of the terminal
	work   *worker
	data   *cache
	at     *place
	panes  [viewCount]pane
	nav    nav
	float  floating
	status status
	keys   []binding
	frame  frame

	pictures pictures
	growing  growing
}

// nav is which view is shown and what the next key completes.
type nav struct {
	view    viewID
	back    []viewID
	prefix  string // "g", "z", "y": waiting for the next key
	count   int    // 0: none typed
	find    string
	clickX  int
	clickY  int
	clicked time.Time
	quit    bool
	plain   bool            // the session goes on in lines
	told    bool            // that autosaving failed
	drafted int             // the edits of the page that were kept last
	letter  string          // that followed M or '
	marks   map[string]mark // by letter
	inquiry string          // a question that a key asked for itself
	hunt    func()          // stops the search for bytes
	drag    selection       // where the mouse went down
	history []string
}

// paster takes pasted text.
type paster interface{ paste(a *App, text string) }

// floating is what lies over a view and takes the keys: prompt, palette, dialog.
type floating interface {
	key(a *App, msg tea.KeyPressMsg) tea.Cmd
	draw(a *App, c *canvas)
}

// frame is the cached screen.
type frame struct {
	dirty  bool
	view   tea.View
	canvas *canvas
}

// NewApp builds the program model: the one constructor of Run, Snap and the tests.
func NewApp(opt Options) *App {
	if opt.Profile == "" {
		opt.Profile = ProfileAuto
	}
	a := &App{opt: opt, data: newCache(), size: size{minWidth, minHeight}}
	profile := opt.Profile
	if profile == ProfileAuto {
		profile = Profile256
	}
	a.retheme(profile, true)
	a.pictures.off = opt.NoImages || opt.ASCII
	a.work = newWorker(context.Background(), opt.Engine, 100*time.Millisecond)
	a.at = &place{opened: map[string]string{}, ran: map[string]string{}, prepared: map[string]string{}, worst: -1}
	a.keys = opt.Keys.apply(keyTable())
	a.panes = [viewCount]pane{
		startView: &startPane{}, layersView: newLayersPane(), weightView: &weightPane{}, scalesView: &scalesPane{},
		codesView: &codesPane{}, errorView: newErrorPane(), layoutView: &layoutPane{},
		bytesView: &bytesPane{}, paddingView: &paddingPane{}, lintView: &lintPane{},
		notebookView: &bookPane{book: newBook(opt.Book)}, logView: newLogPane(), worstView: &worstPane{}, elementView: &elementPane{}, helpView: &helpPane{},
	}
	a.nav.history = slices.Clone(opt.History)
	a.startRows()
	a.status.say(opt.Start.Ready)
	a.refresh()
	return a
}

// Init runs the startup commands and asks the terminal for its background.
func (a *App) Init() tea.Cmd {
	startup := a.opt.Startup
	if len(startup) == 0 && a.opt.Path != "" {
		startup = []string{"c = load " + quoteWord(a.opt.Path)}
	}
	tasks := make([]task, len(startup))
	for i, line := range startup {
		tasks[i] = task{line: line}
	}
	if len(tasks) > 0 || len(a.at.checkpoints) > 0 {
		a.show(layersView)
		a.nav.back = nil
	}
	var open tea.Cmd
	if a.opt.Book != nil {
		a.nav.view = notebookView
		open = tea.Batch(a.runAll(0), a.checkInputs())
	}
	a.offerRecovery()
	return tea.Batch(tea.RequestBackgroundColor, a.work.submit(tasks...), open, a.ask())
}

// Update handles one message and then asks for what the visible body lacks.
func (a *App) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	a.frame.dirty = true
	cmd := a.handle(msg)
	a.markRunning()
	a.keepDraft()
	if ask := a.ask(); ask != nil {
		cmd = tea.Batch(cmd, ask)
	}
	if place := a.placePicture(); place != nil {
		cmd = tea.Batch(cmd, place)
	}
	return a, cmd
}

func (a *App) handle(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		a.w, a.h = msg.Width, msg.Height
	case tea.KeyPressMsg:
		a.look()
		return a.key(msg)
	case tea.PasteMsg:
		if p, ok := a.float.(paster); ok {
			p.paste(a, msg.Content)
		} else if a.float == nil && !a.pasteLines(msg.Content) {
			a.openPrompt("")
			a.float.(*prompt).paste(a, msg.Content)
		}
	case hexFound:
		a.foundHex(msg)
	case tea.MouseClickMsg, tea.MouseWheelMsg, tea.MouseMotionMsg, tea.MouseReleaseMsg:
		return a.mouse(msg)
	case tea.BackgroundColorMsg:
		a.retheme(a.theme.profile, msg.IsDark())
	case tea.ColorProfileMsg:
		a.profileFound(msg)
	case ranMsg:
		return a.ran(msg)
	case answerMsg:
		a.answered(msg)
	case editedMsg:
		return a.edited(msg)
	case inputsChecked:
		a.bookPane().faults = msg.faults
		if len(msg.faults) > 0 {
			a.status.fail("", errors.New(msg.faults[0]))
		}
	case savedMsg:
		return a.bookSaved(msg)
	case planMsg:
		return a.planned(msg)
	case extremesMsg:
		return a.extremesFound(msg)
	case tickMsg:
		return tea.Batch(a.work.ticked(), a.grow())
	case grewMsg:
		a.grew(msg)
	}
	return a.pictureMsg(msg)
}

func (a *App) profileFound(msg tea.ColorProfileMsg) {
	if a.opt.Profile != ProfileAuto {
		return
	}
	profile := ProfileNever
	switch msg.Profile {
	case colorprofile.TrueColor:
		profile = ProfileTrueColor
	case colorprofile.ANSI256:
		profile = Profile256
	case colorprofile.ANSI:
		profile = Profile16
	}
	a.retheme(profile, a.theme.dark)
}

// ran takes a finished command: log line, handles, and what follows.
func (a *App) ran(msg ranMsg) tea.Cmd {
	j := a.work.finish(msg)
	if j == nil {
		return nil
	}
	if changesSession(j.task.line) {
		a.data.clear()
	}
	a.status.ran(j, msg.cell)
	if msg.cell.Err == nil {
		a.at.learn(msg.cell.Result)
	}
	a.layoutPane().took(a.at.w, j.task.line, msg.cell.Err)
	if msg.cell.Err != nil && j.task.key == ":" {
		a.reject(j.task.line, msg.cell.Err)
	}
	a.refresh()
	a.autosaved()
	written := ""
	if saves(msg.cell) {
		written = msg.cell.Result.(exec.Exported).Path
	}
	a.bookFollows(j.task.cell != nil, written)
	if j.task.cell != nil {
		a.ranCell(j.task.cell, msg.cell)
	}
	a.refresh()
	a.panes[logView].(*logPane).note(len(a.frameLog()), j.task.key)
	var cmds []tea.Cmd
	if a.afterRun(msg.cell) {
		return a.leave()
	}
	switch {
	case went(msg.cell) && j.task.then != nil:
		cmds = append(cmds, j.task.then(a, msg.cell))
	case !went(msg.cell) && j.task.failed != nil:
		j.task.failed(a, msg.cell)
	}
	cmds = append(cmds, a.work.next())
	if a.work.job == nil { // whatever waited was dropped
		a.bookPane().stopped(notRun, "cancelled")
		a.bookOpened()
	}
	return tea.Batch(cmds...)
}

// answered keeps an answer that still counts. The first match of a value search moves
// the crosshair.
func (a *App) answered(msg answerMsg) {
	if !a.work.answered(msg) {
		return
	}
	a.data.put(msg.line, msg.answer)
	if msg.answer.err == nil {
		a.inquired(msg.line, msg.answer.result)
	} else if msg.line == a.nav.inquiry {
		a.nav.inquiry = ""
		a.status.fail(msg.line, msg.answer.err)
	}
	a.tellPlan(msg.line)
	p := a.errorPane()
	if msg.line != p.query || p.match >= 0 {
		return
	}
	if msg.answer.err != nil {
		a.status.fail(p.query, msg.answer.err)
		return
	}
	if matches, ok := msg.answer.result.(exec.Matches); ok {
		a.status.key(p.query, summary(matches))
		p.nextMatch(a.scene(), matches, 1)
	}
}

func (a *App) planned(msg planMsg) tea.Cmd {
	if msg.generation != a.work.generation {
		return nil
	}
	if msg.err != nil {
		a.status.fail("", msg.err)
		return nil
	}
	return a.work.submit(msg.tasks...)
}

// refresh reads what the session says about itself; View never calls the engine.
func (a *App) refresh() {
	if a.opt.Engine == nil {
		return
	}
	a.at.adopt(a.opt.Engine.Handles())
	a.at.unsaved = a.opt.Engine.Unsaved()
	switch p := a.bookPane(); {
	case p.file != "":
		a.at.unsaved, a.at.saved = p.changes, p.file
	case p.edited:
		a.at.unsaved = p.changes
	}
	a.at.backend = defaultBackend(a.opt.Engine)
	a.panes[logView].(*logPane).cells = a.opt.Engine.Log()
}

// autosaved tells once why commands are no longer kept as they happen.
func (a *App) autosaved() {
	if a.opt.Autosave == nil || a.nav.told {
		return
	}
	if err := a.opt.Autosave(); err != nil {
		a.nav.told = true
		a.status.fail("", err)
	}
}

func (a *App) frameLog() []exec.Cell { return a.panes[logView].(*logPane).cells }

// ask starts the questions of the visible view.
func (a *App) ask() tea.Cmd {
	if a.opt.Engine == nil || a.tooSmall() {
		return nil
	}
	wanted := a.panes[a.nav.view].wants(a.scene())
	if len(a.at.checkpoints) > 0 {
		wanted = append(wanted, "help")
	}
	if a.nav.inquiry != "" {
		wanted = append(wanted, a.nav.inquiry)
	}
	return a.work.ask(wanted, func(line string) bool {
		_, known := a.data.got[line]
		return known
	})
}

func (a *App) scene() *scene {
	return &scene{at: a.at, data: a.data, th: a.theme, w: a.w, h: a.bodyHeight(), log: a.frameLog(), keys: a.keys, by: a.errorPane().by(), pictures: &a.pictures}
}

// show goes to a view and remembers the one that was left.
func (a *App) show(v viewID) {
	if v == a.nav.view {
		return
	}
	a.nav.back = append(a.nav.back, a.nav.view)
	if len(a.nav.back) > 32 {
		a.nav.back = a.nav.back[1:]
	}
	a.nav.view = v
}

// View gives the cached frame; it is drawn anew only after an Update.
func (a *App) View() tea.View {
	if a.frame.dirty || a.frame.canvas == nil {
		c := a.compose()
		view := tea.NewView(c.render())
		view.AltScreen = true
		view.WindowTitle = "fp4tui"
		if !a.opt.NoMouse {
			view.MouseMode = tea.MouseModeCellMotion
		}
		if c.cursor {
			view.Cursor = tea.NewCursor(c.cursorX, c.cursorY)
			view.Cursor.Blink = false
		}
		a.frame = frame{view: view, canvas: c}
	}
	return a.frame.view
}
