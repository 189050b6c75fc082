package kernel

import (
	"fmt"
	"strings"

	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layout"
)

// Misfit is a kernel whose layout a buffer is in, at a size that it does not take: the
// steps of the kernel without its padding.
type Misfit struct {
	Kernel string
	Needs  string // "N×128 K×64"
	Lacks  string // "1056 mod 128 = 32, 368 mod 64 = 48"
	Cure   string // "pad N to 1152, K to 384 before the shuffle"
	Pads   bool   // the preparation of the kernel does so by itself
}

// misfits are the kernels whose preparation, less the padding of N, of K or of both, is
// this pair of layouts. Where a kernel moves the codes, they tell, whatever the scales
// went through; layouts that leave everything in its place belong to none.
func (u Unknown) misfits(c, s *reading) (list []Misfit) {
	if c.undone || !c.exact {
		return nil
	}
	shape := Shape{N: u.N, K: u.K, Format: FormatOf(&fp4.Blocks{Block: u.Block, ScaleType: u.ScaleType})}
	for _, k := range Kernels() {
		if !k.Takes(shape.Format) {
			continue
		}
		for _, rows := range []struct{ gated, interleaved bool }{{false, false}, {true, false}, {true, true}} {
			shape.Gated, shape.Interleaved = rows.gated, rows.interleaved
			if rows.gated && (k.Gated == nil || u.N%2 != 0 || len(k.Gated.Reorder) == 0 && !rows.interleaved) {
				continue // nothing tells it from a plain matrix
			}
			if m, ok := u.misfit(k, shape, c, s); ok {
				list = append(list, m)
				break
			}
		}
	}
	return list
}

// laidOut reports whether the readings are what the kernel makes of the given buffers.
func (u Unknown) laidOut(k Kernel, p *Prepared, gated bool, c, s *reading) bool {
	moves := k.Rows != "" || gated && len(k.Gated.Reorder) > 0
	if u.Codes != nil && (moves || k.Codes != "") {
		return alike(p.CodeMap, c.m)
	}
	return u.Scales != nil && (moves || k.Scales != "") && s.exact && !s.undone && (k.Encode != Keep && u.ScaleType != fp4.E8M0) == (s.read != nil) &&
		(u.Codes == nil || alike(p.CodeMap, c.m)) && alike(p.ScaleMap, s.m)
}

// misfit compares a kernel without some of its padding with the layouts found.
func (u Unknown) misfit(k Kernel, shape Shape, c, s *reading) (Misfit, bool) {
	padded := k.withSides(func(s Side) Side { return Side{s.Multiple, true} }, func(s Side) Side { return Side{s.Multiple, true} })
	if p, err := dryRun(padded, shape); err == nil && u.laidOut(k, p, shape.Gated, c, s) {
		return Misfit{}, false // it is padded as it should be: something else is wrong
	}
	n, kk := k.sides(shape.Gated)
	for _, drop := range []struct{ n, k bool }{{true, false}, {false, true}, {true, true}} {
		lacks := u.lacking(k, shape, drop.n, drop.k)
		if lacks.text == "" {
			continue
		}
		p, err := dryRun(k.withSides(without(drop.n), without(drop.k)), shape)
		if err != nil || !u.laidOut(k, p, shape.Gated, c, s) {
			continue
		}
		step := "layout"
		if k.Rows != "" {
			step = "shuffle"
		}
		return Misfit{Kernel: k.Name, Needs: needs(n, kk), Lacks: lacks.text, Cure: "pad " + lacks.cure + " before the " + step,
			Pads: k.Refuses(shape.Format, u.Block, u.N, u.K, shape.Gated) == nil}, true
	}
	return Misfit{}, false
}

// lack is what the sides without padding miss, in numbers, and what they should be.
type lack struct{ text, cure string }

func (u Unknown) lacking(k Kernel, shape Shape, dropN, dropK bool) (l lack) {
	n, kk := k.sides(shape.Gated)
	rows, name := u.N, "N"
	if shape.Gated {
		rows, name = u.N/2, "N of each half"
	}
	var texts, cures []string
	for _, side := range []struct {
		drop bool
		name string
		size int
		need int
	}{{dropN, name, rows, n.Multiple}, {dropK, "K", u.K, kk.Multiple}} {
		if side.drop && side.need > 1 && side.size%side.need != 0 {
			texts = append(texts, fmt.Sprintf("%d mod %d = %d", side.size, side.need, side.size%side.need))
			cures = append(cures, fmt.Sprintf("%s to %d", side.name, layout.Up(side.size, side.need)))
		}
	}
	return lack{strings.Join(texts, ", "), strings.Join(cures, ", ")}
}

// withSides is the kernel with other requirements on N and K, plain and gated.
func (k Kernel) withSides(n, kk func(Side) Side) Kernel {
	k.N, k.K = n(k.N), kk(k.K)
	if k.Gated != nil {
		g := *k.Gated
		g.N, g.K = n(g.N), kk(g.K)
		k.Gated = &g
	}
	return k
}

// without drops a requirement, or keeps it.
func without(drop bool) func(Side) Side {
	return func(s Side) Side {
		if drop {
			return Side{}
		}
		return s
	}
}
