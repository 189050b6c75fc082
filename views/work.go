package views

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
)

// worker runs commands off the update loop: one recorded command at a time, and beside
// it the questions that the visible body asks. Answers that come late carry the
// generation they were asked in and are dropped when a command has changed the session.
type worker struct {
	engine     exec.Engine
	ctx        context.Context
	generation int
	job        *job
	queue      []task
	asking     map[string]context.CancelFunc
	ticking    bool
	every      time.Duration // between looks at the progress
	jobs       int
}

// task is a command to run, the key it came from and what follows when it went well.
type task struct {
	line string
	key  string
	then func(*App, exec.Cell) tea.Cmd
	// failed, when there is one, is called instead: what waited behind it does not run.
	failed   func(*App, exec.Cell)
	cell     *bookItem // of the notebook, which the command is of
	tolerant bool      // an error does not stop what waits
}

// went says whether a command did what it says: a check that fails did.
func went(cell exec.Cell) bool { return cell.Err == nil || errors.Is(cell.Err, exec.ErrCheckFailed) }

// job is the command that runs now.
type job struct {
	id          int
	task        task
	cancel      context.CancelFunc
	started     time.Time
	done, total atomic.Int64
	stage       atomic.Value // string: which part of several it runs
	cancelled   bool
}

type (
	ranMsg struct {
		id   int
		cell exec.Cell
	}
	answerMsg struct {
		generation int
		line       string
		answer     answer
	}
	tickMsg struct{}
	// planMsg is the list of commands that an action needs, worked out off the loop.
	planMsg struct {
		generation int
		tasks      []task
		err        error
	}
)

func newWorker(ctx context.Context, engine exec.Engine, every time.Duration) *worker {
	return &worker{engine: engine, ctx: ctx, asking: map[string]context.CancelFunc{}, every: every}
}

// submit queues commands and starts the first when nothing runs.
func (w *worker) submit(tasks ...task) tea.Cmd {
	w.queue = append(w.queue, tasks...)
	return w.next()
}

func (w *worker) next() tea.Cmd {
	if w.job != nil || len(w.queue) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(w.ctx)
	w.jobs++
	j := &job{id: w.jobs, task: w.queue[0], cancel: cancel, started: time.Now()}
	w.queue = w.queue[1:]
	w.job = j
	engine := w.engine
	run := func() tea.Msg {
		cell := engine.Run(ctx, j.task.line, func(done, total int64) {
			j.done.Store(done)
			j.total.Store(total)
			if s, ok := engine.(exec.Stager); ok {
				j.stage.Store(s.Stage())
			}
		})
		return ranMsg{j.id, cell}
	}
	return tea.Batch(run, w.tick())
}

// finish takes the answer of the running job; nil when the message is of another.
func (w *worker) finish(msg ranMsg) *job {
	if w.job == nil || w.job.id != msg.id {
		return nil
	}
	j := w.job
	j.cancel()
	w.job = nil
	if !went(msg.cell) && !j.task.tolerant {
		w.queue = nil
	}
	if changesSession(j.task.line) {
		w.forget()
	}
	return j
}

// forget starts a new generation: answers in flight no longer count.
func (w *worker) forget() {
	w.generation++
	for line, cancel := range w.asking {
		cancel()
		delete(w.asking, line)
	}
}

// ask starts the questions that are wanted and not known, and stops the others.
func (w *worker) ask(wanted []string, known func(string) bool) tea.Cmd {
	keep := map[string]bool{}
	for _, line := range wanted {
		keep[line] = true
	}
	for line, cancel := range w.asking {
		if !keep[line] {
			cancel()
			delete(w.asking, line)
		}
	}
	var cmds []tea.Cmd
	for _, line := range wanted {
		if w.asking[line] != nil || known(line) {
			continue
		}
		ctx, cancel := context.WithCancel(w.ctx)
		w.asking[line] = cancel
		engine, generation := w.engine, w.generation
		cmds = append(cmds, func() tea.Msg {
			result, err := engine.Peek(ctx, line)
			return answerMsg{generation, line, answer{result, err}}
		})
	}
	if len(cmds) == 0 {
		return nil
	}
	return tea.Batch(append(cmds, w.tick())...)
}

// answered says whether an answer still counts.
func (w *worker) answered(msg answerMsg) bool {
	cancel := w.asking[msg.line]
	if msg.generation != w.generation || cancel == nil {
		return false
	}
	cancel()
	delete(w.asking, msg.line)
	return !errors.Is(msg.answer.err, context.Canceled)
}

// cancel stops the running job and drops what waits; false when nothing runs.
func (w *worker) cancel() bool {
	w.queue = nil
	if w.job == nil {
		return false
	}
	w.job.cancelled = true
	w.job.cancel()
	return true
}

// tick looks at the progress again while there is work.
func (w *worker) tick() tea.Cmd {
	if w.ticking || w.every <= 0 {
		return nil
	}
	w.ticking = true
	return tea.Tick(w.every, func(time.Time) tea.Msg { return tickMsg{} })
}

func (w *worker) ticked() tea.Cmd {
	w.ticking = false
	if w.job == nil && len(w.asking) == 0 {
		return nil
	}
	return w.tick()
}

// share is how far the job is, 0 to 1; negative when that is unknown.
func (j *job) share() float64 {
	total := j.total.Load()
	if total <= 0 {
		return -1
	}
	return float64(j.done.Load()) / float64(total)
}

// part is which of several things the job runs, "" when it is one.
func (j *job) part() string {
	text, _ := j.stage.Load().(string)
	return text
}

// changesSession says whether a command can change what others answer. Those that only
// look keep the cache.
func changesSession(line string) bool {
	words := strings.Fields(line)
	if len(words) == 0 {
		return false
	}
	if len(words) > 1 && words[1] == "=" {
		return true
	}
	switch words[0] {
	case "ls", "info", "stat", "hist", "codes", "bytes", "lint", "map", "top", "where", "explain", "verdict",
		"expect", "export", "note", "help", "snap", "whereis", "at", "plan", "mma":
		return false
	}
	return true
}
