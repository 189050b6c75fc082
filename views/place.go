package views

import (
	"strconv"

	"fp4tui/exec"
)

// place is where the user stands: the open checkpoint, layer and comparison by their
// handles, and the cursor that every view shares.
type place struct {
	checkpoints []string // handles, in order
	layer, path string   // name of the open layer and its checkpoint
	w           string   // its handle; empty: none open
	e           string   // handle of the comparison; empty: none
	diff        exec.Diff
	opened      map[string]string // layer name → handle
	ran         map[string]string // layer handle → diff handle
	p           string            // handle of what the layer was prepared into; empty: none
	prepared    map[string]string // layer handle → prepared handle
	poisoned    exec.Poisoned     // the last poison of p
	handles     []exec.Handle
	m, n, k     int
	worst       int    // place in the list of worst elements; -1: not used yet
	saved       string // the notebook file, once saved
	unsaved     int
	autosaved   bool // every command is on disk as soon as it is done
	sel         selection
	options     map[string]string // of gemm, chosen with the key o
	backend     string            // what gemm uses when it is not told, "emu sm100"
}

// adopt takes over what the session knows now; handles that are gone are let go.
func (p *place) adopt(handles []exec.Handle) {
	p.handles = handles
	p.checkpoints = p.checkpoints[:0]
	lastLayer, lastDiff, lastPrepared := "", "", ""
	for _, h := range handles {
		switch h.Kind {
		case "checkpoint":
			p.checkpoints = append(p.checkpoints, h.Name)
		case "layer":
			lastLayer = h.Name
		case "diff":
			lastDiff = h.Name
		case "prepared":
			lastPrepared = h.Name
		}
	}
	if !p.has(p.w) {
		p.w, p.layer, p.path = lastLayer, "", ""
	}
	if !p.has(p.e) {
		p.e, p.diff = lastDiff, exec.Diff{}
	}
	if p.prepared[p.w] != "" {
		p.p = p.prepared[p.w]
	}
	if !p.has(p.p) {
		p.p = lastPrepared
	}
	if !p.has(p.poisoned.Handle) {
		p.poisoned = exec.Poisoned{}
	}
	for w, h := range p.prepared {
		if !p.has(w) || !p.has(h) {
			delete(p.prepared, w)
		}
	}
	for name, h := range p.opened {
		if !p.has(h) {
			delete(p.opened, name)
		}
	}
	for w, e := range p.ran {
		if !p.has(w) || !p.has(e) {
			delete(p.ran, w)
		}
	}
}

func (p *place) has(name string) bool {
	for _, h := range p.handles {
		if h.Name == name {
			return true
		}
	}
	return false
}

// fresh is base, or base with the first number that makes it a new name.
func (p *place) fresh(base string) string {
	if !p.has(base) {
		return base
	}
	for i := 2; ; i++ {
		if name := base + strconv.Itoa(i); !p.has(name) {
			return name
		}
	}
}

// learn takes what an executed command says about the place.
func (p *place) learn(result exec.Result) {
	switch r := result.(type) {
	case exec.LayerInfo:
		if r.Handle != "" {
			p.w, p.layer, p.path = r.Handle, r.Name, r.Path
			p.opened[r.Path+"\x00"+r.Name] = r.Handle
			p.n, p.k = min(p.n, max(0, r.N-1)), min(p.k, max(0, r.K-1))
			p.e, p.p = p.ran[p.w], p.prepared[p.w]
		}
	case exec.Diff:
		if r.Handle != "" {
			p.e, p.diff, p.worst = r.Handle, r, -1
			if p.w != "" {
				p.ran[p.w] = r.Handle
			}
			p.m, p.n = min(p.m, max(0, r.M-1)), min(p.n, max(0, r.N-1))
		}
	case exec.Prepared:
		if r.Handle != "" {
			p.p, p.prepared[r.Subject] = r.Handle, r.Handle
			p.poisoned.Subject = ""
		}
	case exec.Poisoned:
		p.poisoned = r
	case exec.Exported:
		if r.Next != "" {
			p.saved = r.Path
		}
	}
}

// answer is what a Peek gave.
type answer struct {
	result exec.Result
	err    error
}

// cacheLimit bounds the answers kept: a session of moving about a map asks for many.
const cacheLimit = 96

// cache holds answers by their command line, until a command changes the session.
type cache struct {
	got   map[string]answer
	order []string
}

func newCache() *cache { return &cache{got: map[string]answer{}} }

func (c *cache) put(line string, a answer) {
	if _, known := c.got[line]; !known {
		c.order = append(c.order, line)
	}
	c.got[line] = a
	for len(c.order) > cacheLimit {
		delete(c.got, c.order[0])
		c.order = c.order[1:]
	}
}

func (c *cache) clear() {
	c.got = map[string]answer{}
	c.order = nil
}

// scene is what a pane may look at while it draws or moves.
type scene struct {
	at   *place
	data *cache
	th   *theme
	w, h int    // of the body
	by   string // order of the worst list
	log  []exec.Cell
	keys []binding

	pictures *pictures
}

// look finds the answer to a line. ready is false while it isn't there yet, when it
// failed (err says why) or when it is of another kind.
func look[T exec.Result](s *scene, line string) (result T, ready bool, err error) {
	a, known := s.data.got[line]
	if !known {
		return result, false, nil
	}
	if a.err != nil {
		return result, false, a.err
	}
	result, ready = a.result.(T)
	return result, ready, nil
}

// pending writes why a body is empty: the work that is going on, or what failed.
func (s *scene) pending(r region, line string, err error) {
	if err == nil {
		r.text(1, 0, dim, cut("working: "+line, r.w-2))
		return
	}
	what, cure := faultText(err)
	y := 0
	for _, text := range wrap(what, r.w-2) {
		r.text(1, y, badRole, text)
		y++
	}
	for _, text := range wrap(cure, r.w-4) {
		r.text(1, y, dim, "? "+text)
		y++
	}
}
