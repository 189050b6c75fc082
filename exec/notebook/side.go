package notebook

// Pair is a stored line beside a fresh one: equal, or one of them missing or another.
type Pair struct {
	Want, Got string
	Same      bool // the fresh line fits the stored one
	NoWant    bool // there is no stored line here
	NoGot     bool // there is no fresh line here
}

// SideBySide pairs the stored lines with the fresh ones for showing a difference.
func SideBySide(want, got string, tol Tolerance) []Pair {
	w, g := splitLines(want), splitLines(got)
	var out []Pair
	if len(w) > maxAlign || len(g) > maxAlign {
		for i := range max(len(w), len(g)) {
			p := Pair{NoWant: i >= len(w), NoGot: i >= len(g)}
			if !p.NoWant {
				p.Want = w[i]
			}
			if !p.NoGot {
				p.Got = g[i]
			}
			out = append(out, p)
		}
		return out
	}
	for _, a := range align(w, g, tol) {
		switch a.step {
		case keep, replace:
			out = append(out, Pair{Want: w[a.want], Got: g[a.got], Same: a.step == keep})
		case drop:
			out = append(out, Pair{Want: w[a.want], NoGot: true})
		case dots:
			out = append(out, Pair{Want: w[a.want], NoGot: true, Same: true})
		case add:
			out = append(out, Pair{Got: g[a.got], NoWant: true})
		case absorb:
			out = append(out, Pair{Got: g[a.got], NoWant: true, Same: true})
		}
	}
	return out
}
