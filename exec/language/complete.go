package language

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Env is what completion may offer beside the table.
type Env struct {
	Names                                                            // handles with their kinds, attributes
	Aliases map[string]string                                        // name to command
	Paths   func(prefix string) []Candidate                          // files; nil offers none
	Values  func(complete string, on []Ref, word string) []Candidate // for fields with the tag complete; on: the handles before it
}

// Candidate is one completion.
type Candidate struct {
	Text string // replaces From to To of the line
	Doc  string
}

// Completion is what may stand at the cursor: each candidate replaces the bytes From
// to To, the whole word around the cursor. The best come first.
type Completion struct {
	From, To int
	Items    []Candidate
}

// MaxCandidates bounds a Completion.
const MaxCandidates = 200

// Complete offers what can stand at the cursor, a byte offset: verbs, handles of a
// kind that fits, keys not given yet, words of an enum, attributes after a dot, paths
// and names. What stands before the cursor may match in the middle of a name; a match
// at its beginning comes first.
func (t *Table) Complete(line string, cursor int, env Env) Completion {
	cursor = min(max(cursor, 0), len(line))
	if len(line) > MaxLine {
		return Completion{From: cursor, To: cursor}
	}
	for cursor > 0 && cursor < len(line) && !utf8.RuneStart(line[cursor]) {
		cursor--
	}
	c := &completer{table: t, env: env, s: flatten(line), cursor: cursor}
	c.out.From, c.out.To = cursor, cursor
	c.line()
	slices.SortStableFunc(c.ranked, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })
	for _, r := range c.ranked[:min(len(c.ranked), MaxCandidates)] {
		c.out.Items = append(c.out.Items, r.Candidate)
	}
	return c.out
}

type ranked struct {
	Candidate
	rank int
}

type completer struct {
	table  *Table
	env    Env
	s      string
	cursor int
	prefix string // of the word, before the cursor
	out    Completion
	ranked []ranked
}

// word sets the range that is replaced.
func (c *completer) word(from, to int) {
	c.out.From, c.out.To = from, to
	c.prefix = c.s[from:c.cursor]
}

// offer adds a candidate when it matches what was typed of it.
func (c *completer) offer(text, shown, doc string) {
	if rank := rankOf(text, strings.TrimPrefix(c.prefix, `"`)); rank >= 0 {
		c.ranked = append(c.ranked, ranked{Candidate{shown, doc}, rank})
	}
}

// rankOf is 0 for a prefix, 1 for the beginning of a part of the name, 2 for any other
// place, -1 for no match. Letter case does not count.
func rankOf(name, typed string) int {
	name, typed = strings.ToLower(name), strings.ToLower(typed)
	first := strings.Index(name, typed)
	if first <= 0 {
		return first
	}
	for i := first; i < len(name); i++ {
		if strings.IndexByte("._-/ ", name[i-1]) >= 0 && strings.HasPrefix(name[i:], typed) {
			return 1
		}
	}
	return 2
}

// line finds the verb; the cursor is in it, before it, or in what follows.
func (c *completer) line() {
	i := skip(c.s, 0)
	end := ident(c.s, i)
	if eq := skip(c.s, end); end > i && eq < len(c.s) && c.s[eq] == '=' && !strings.HasPrefix(c.s[eq:], "==") {
		if c.cursor <= eq {
			return // a new name: nothing to offer
		}
		i = skip(c.s, eq+1)
		end = ident(c.s, i)
	}
	if c.cursor < i {
		i, end = c.cursor, c.cursor
	}
	if c.cursor <= end {
		c.word(i, end)
		c.verbs()
		return
	}
	name := c.s[i:end]
	if body, ok := c.env.Aliases[name]; ok && c.table.byName[name] == nil {
		name = body[:ident(body, 0)]
	}
	if v := c.table.byName[name]; v != nil {
		c.operands(v, end)
	}
}

func (c *completer) verbs() {
	for _, v := range c.table.verbs {
		c.offer(v.Verb, v.Verb, v.Summary)
	}
	for _, name := range sortedKeys(c.env.Aliases) {
		c.offer(name, name, "alias: "+c.env.Aliases[name])
	}
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// operands walks the words after the verb to the one under the cursor.
func (c *completer) operands(v *verb, i int) {
	if n := len(v.args); n > 0 && v.args[n-1].rest && n == 1 {
		c.rest(v.args[0], skip(c.s, i))
		return
	}
	given := map[string]bool{}
	var on []Ref
	var at *word
	n := 0 // operands before the cursor
	for i = skip(c.s, i); i < len(c.s) && c.s[i] != '#'; i = skip(c.s, i) {
		w, m := scanWord(c.s, i)
		if m != nil {
			w.end = len(c.s) // not finished yet: all that is left
		}
		i = max(w.end, i+1)
		here := c.cursor >= w.off && c.cursor <= w.end
		switch {
		case here:
			at = &w
		case w.key != "":
			given[w.key] = true
		case w.end < c.cursor:
			if n++; !w.quoted {
				if r, _, m := scanRef(w.val, 0); m == nil {
					on = append(on, r)
				}
			}
		}
	}
	if i < c.cursor {
		return // in a comment
	}
	if at == nil {
		at = &word{off: c.cursor, valOff: c.cursor, end: c.cursor}
	}
	c.at(v, *at, n, given, on)
}

// at offers what fits a word: the value of its key, or the next operand and the keys.
func (c *completer) at(v *verb, w word, n int, given map[string]bool, on []Ref) {
	if w.key != "" && c.cursor >= w.valOff {
		for _, f := range v.keys {
			if f.name == w.key {
				c.word(w.valOff, w.end)
				c.value(f, on)
			}
		}
		return
	}
	c.word(w.off, w.end)
	last := len(v.args) - 1
	if last >= 0 && v.args[last].slice {
		n = min(n, last)
	}
	ready := n >= len(v.args) || v.args[n].optional || v.args[n].slice
	if n < len(v.args) {
		c.value(v.args[n], on)
	}
	if c.out.From != w.off || !ready && c.prefix == "" {
		return
	}
	for _, f := range v.keys {
		if !given[f.name] && (c.prefix == "" || strings.HasPrefix(f.name, c.prefix)) {
			c.offer(f.name, f.name+"=", f.doc)
		}
	}
}

// value offers what a field can hold.
func (c *completer) value(f *field, on []Ref) {
	words := f.enum
	if f.class == boolClass {
		words = []string{"yes", "no"}
	}
	for _, w := range words {
		doc := ""
		if w == f.def {
			doc = "default"
		}
		c.offer(w, quoteWord(w), doc)
	}
	switch {
	case f.class == refClass:
		c.ref(f.kinds)
	case f.complete == "verb":
		c.verbs()
	case f.complete != "" && c.env.Values != nil: // before paths: the name of a layer is quoted like one
		for _, x := range c.env.Values(f.complete, on, c.prefix) {
			c.offer(x.Text, quoteWord(x.Text), x.Doc)
		}
	case f.typ == pathType && c.env.Paths != nil:
		for _, p := range c.env.Paths(strings.TrimPrefix(c.prefix, `"`)) {
			c.offer(p.Text, quoteWord(p.Text), p.Doc)
		}
	}
}

// ref offers handles, attributes after a dot, and @max in a window. Kinds limits them;
// nil does not.
func (c *completer) ref(kinds []string) {
	from := c.out.From
	if open := strings.LastIndexByte(c.prefix, '['); open >= 0 {
		c.word(from+open+1, c.out.To)
		if !strings.Contains(c.prefix, "]") {
			c.offer("@max", "@max]", "the largest magnitude")
		}
		return
	}
	dot := strings.LastIndexByte(c.prefix, '.')
	if dot < 0 {
		c.handles(kinds)
		return
	}
	have := []string{""}
	base, _, m := scanRef(c.prefix[:dot], 0)
	if m == nil {
		have, _ = (&checker{names: c.env.Names}).walk(use{ref: base}, splitKinds(c.env.Known[base.Name]))
	}
	c.word(from+dot+1, max(c.cursor, ident(c.s, from+dot+1)))
	for _, k := range have {
		for _, a := range c.env.Kinds[k] {
			if kinds == nil || a.Kind == "" || overlap(splitKinds(a.Kind), kinds) {
				c.offer(a.Name, a.Name, a.Doc)
			}
		}
	}
}

// handles offers those whose kind fits, then with a dot those that have an attribute
// that does.
func (c *completer) handles(kinds []string) {
	names := sortedKeys(c.env.Known)
	fits := func(name string) bool {
		own := splitKinds(c.env.Known[name])
		return kinds == nil || own == nil || overlap(own, kinds)
	}
	leads := func(kind string) bool {
		return slices.ContainsFunc(c.env.Kinds[kind], func(a Attr) bool { return overlap(splitKinds(a.Kind), kinds) })
	}
	for _, name := range names {
		if fits(name) {
			c.offer(name, name, c.env.Known[name])
		}
	}
	for _, name := range names {
		if !fits(name) && slices.ContainsFunc(splitKinds(c.env.Known[name]), leads) {
			c.offer(name, name+".", c.env.Known[name])
		}
	}
}

// rest completes inside an expression or the command of an alias.
func (c *completer) rest(f *field, i int) {
	if f.class == restClass {
		return
	}
	if f.class == assignClass || f.class == macroClass {
		eq := strings.IndexByte(c.s[i:], '=')
		if eq < 0 || c.cursor <= i+eq {
			return
		}
		i = skip(c.s, i+eq+1)
	}
	if c.cursor < i {
		i = c.cursor
	}
	if f.class == macroClass {
		sub := &completer{table: c.table, env: c.env, s: c.s[i:], cursor: c.cursor - i}
		sub.out.From, sub.out.To = sub.cursor, sub.cursor
		sub.line()
		c.out.From, c.out.To, c.ranked = sub.out.From+i, sub.out.To+i, sub.ranked
		return
	}
	if strings.Count(c.s[i:c.cursor], `"`)%2 == 1 {
		return // inside a string
	}
	from, to := c.cursor, c.cursor
	for from > i && refByte(c.s[from-1]) {
		from--
	}
	for to < len(c.s) && refByte(c.s[to]) && c.s[to] != '.' {
		to++
	}
	c.word(from, to)
	if strings.Trim(c.prefix, "0123456789.") == "" && c.prefix != "" {
		return // a number
	}
	c.ref([]string{NumberKind, TextKind})
	if c.out.From == from && c.prefix != "" {
		for _, fn := range functions {
			c.offer(fn.name, fn.name+"(", "function")
		}
	}
}

func refByte(b byte) bool {
	return b == '_' || b == '.' || b == '[' || b == '@' || b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'z'
}
