package removal

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

const (
	ticksLife  = 1
	ticksGrace = 2

	packs     = 2 // that there can be at a time: places are used again
	manifests = 2
)

// pack is a pack that holds the chunk.
type pack struct {
	state     uint8 // packNone, packThere, packGone
	age       uint8
	condemned uint8 // 0: no; else 1 + age of the condemnation
}

const (
	packNone = iota
	packThere
	packGone // deleted; an index still names it
)

// manifest needs the chunk.
type manifest struct {
	there, late bool
	marked      uint8 // 0: no; else 1 + age of the mark
}

// writer is a run: it looks for a parent, reads the condemnations, takes or stores the chunk, checks its age, and
// puts its manifest.
type writer struct {
	step    uint8
	age     uint8
	inherit bool
	stored  uint8 // packs that it takes the chunk for stored in, by what it read
}

const (
	writerIdle = iota
	writerBegun
	writerParent
	writerReady // it has read what counts as stored
	writerHas   // the chunk is among what its manifest will name
	writerTimely
)

// pruner lists packs, condemnations and roots, and then condemns or deletes by what it saw.
type pruner struct {
	step            uint8
	listed          uint8 // packs in the store
	condemned, ripe uint8 // packs that are condemned, and of these the ones whose grace is over
	young           uint8
	reached         bool
}

const (
	prunerIdle  = iota
	prunerRoots // only where roots come first
	prunerPacks
	prunerCondemned
	prunerLooked
)

type world struct {
	packs     [packs]pack
	manifests [manifests]manifest
	writers   [2]writer
	pruners   [2]pruner
}

// protocol is which rules are taken out, and how many processes there are.
type protocol struct {
	without          string
	writers, pruners int
}

func (p *protocol) has(rule string) bool { return p.without != rule }

func (p *protocol) life() uint8 {
	if !p.has("L < G") {
		return ticksGrace + 1
	}
	return ticksLife
}

// lost reports whether a committed manifest needs a chunk that is nowhere.
func (w *world) lost() bool {
	if w.mask(func(k pack) bool { return k.state == packThere }) != 0 {
		return false
	}
	return slices.ContainsFunc(w.manifests[:], func(m manifest) bool { return m.there && !m.late && m.marked == 0 })
}

func (w *world) mask(of func(pack) bool) (mask uint8) {
	for i, k := range w.packs {
		if of(k) {
			mask |= 1 << i
		}
	}
	return mask
}

// root reports whether a manifest counts for who removes.
func (p *protocol) root(m manifest) bool {
	return m.there && (m.marked == 0 || p.has("root grace") && m.marked-1 < ticksGrace)
}

// steps yields every world that one step leads to, and what happened.
func (p *protocol) steps(w world, yield func(world, string)) {
	p.tick(w, yield)
	for i, m := range w.manifests {
		if m.there && m.marked == 0 {
			next := w
			next.manifests[i].marked = 1
			yield(next, "forget marks a manifest")
		}
	}
	for i := range p.writers {
		p.write(w, i, func(next world, what string) { yield(next, fmt.Sprintf("writer %d %s", i, what)) })
	}
	for i := range p.pruners {
		p.prune(w, i, func(next world, what string) { yield(next, fmt.Sprintf("pruner %d %s", i, what)) })
	}
}

func (p *protocol) tick(w world, yield func(world, string)) {
	for i := range w.packs {
		k := &w.packs[i]
		if k.state != packNone {
			k.age = min(k.age+1, ticksGrace)
		}
		if k.condemned > 0 {
			k.condemned = min(k.condemned+1, 1+ticksGrace)
		}
	}
	for i := range w.manifests {
		m := &w.manifests[i]
		if m.marked > 0 {
			m.marked = min(m.marked+1, 1+ticksGrace)
		}
		if m.there && !p.root(*m) {
			*m = manifest{} // prune may delete it; as a parent it is refused already
		}
	}
	for i := range w.writers {
		if w.writers[i].step != writerIdle {
			w.writers[i].age = min(w.writers[i].age+1, p.life()+1)
		}
	}
	yield(w, "a tick")
}

func (p *protocol) write(w world, i int, yield func(world, string)) {
	me := &w.writers[i]
	was := *me
	to := func(next writer, what string) {
		*me = next
		yield(w, what)
		*me = was
	}
	if was.step != writerIdle {
		to(writer{}, "dies")
	}
	switch was.step {
	case writerIdle:
		to(writer{step: writerBegun}, "begins")
	case writerBegun:
		for _, m := range w.manifests {
			if m.there && m.marked == 0 && (!m.late || !p.has("late is no parent")) {
				to(writer{step: writerParent, age: was.age, inherit: true}, "takes a parent")
				break
			}
		}
		to(writer{step: writerParent, age: was.age}, "takes no parent")
	case writerParent:
		stored := w.mask(func(k pack) bool {
			return k.state != packNone && (k.condemned == 0 || !p.has("condemnations are read"))
		})
		to(writer{step: writerReady, age: was.age, inherit: was.inherit, stored: stored}, "reads condemnations")
	case writerReady:
		has := writer{step: writerHas, age: was.age}
		if was.inherit {
			to(has, "inherits the chunk")
		}
		if was.stored != 0 {
			to(has, "takes the chunk for stored")
			return
		}
		p.store(w, i, has, yield)
	case writerHas:
		if was.age > p.life() && p.has("deadline") {
			to(writer{}, "gives up, too old")
			return
		}
		to(writer{step: writerTimely, age: was.age}, "is in time")
	case writerTimely:
		p.commit(w, i, yield)
	}
}

// store puts the chunk into a new pack. Where equal packs have equal names, a pack that is there is taken for the new one.
func (p *protocol) store(w world, i int, has writer, yield func(world, string)) {
	w.writers[i] = has
	if !p.has("unique names") && w.mask(func(k pack) bool { return k.state == packThere }) != 0 {
		yield(w, "puts a pack that is there")
		return
	}
	if free := w.free(); free >= 0 {
		w.packs[free] = pack{state: packThere}
		yield(w, "puts a new pack")
	}
}

func (w *world) free() int {
	return slices.IndexFunc(w.packs[:], func(k pack) bool { return k.state == packNone })
}

func (p *protocol) commit(w world, i int, yield func(world, string)) {
	free := slices.IndexFunc(w.manifests[:], func(m manifest) bool { return !m.there })
	if free < 0 {
		return
	}
	late := w.writers[i].age > p.life() && p.has("deadline")
	w.manifests[free] = manifest{there: true, late: late}
	w.writers[i] = writer{}
	yield(w, fmt.Sprintf("puts its manifest, late: %t", late))
}

func (p *protocol) prune(w world, i int, yield func(world, string)) {
	me := &w.pruners[i]
	was := *me
	to := func(next pruner, what string) {
		*me = next
		yield(w, what)
		*me = was
	}
	reached := slices.ContainsFunc(w.manifests[:], p.root)
	switch was.step {
	case prunerIdle:
		if p.has("order of listing") {
			to(w.listPacks(pruner{}), "lists packs")
		} else {
			to(pruner{step: prunerRoots, reached: reached}, "lists roots first")
		}
	case prunerRoots:
		to(w.listPacks(was), "lists packs")
	case prunerPacks:
		was.condemned = w.mask(func(k pack) bool { return k.condemned > 0 })
		was.ripe = w.mask(func(k pack) bool { return k.condemned > ticksGrace })
		was.step = prunerCondemned
		to(was, "reads condemnations")
	case prunerCondemned:
		if p.has("order of listing") {
			was.reached = reached
		}
		was.step = prunerLooked
		to(was, fmt.Sprintf("lists roots, reached: %t", was.reached))
	case prunerLooked:
		p.remove(w, i, yield)
		to(pruner{}, "stops")
	}
}

func (w *world) listPacks(p pruner) pruner {
	p.step = prunerPacks
	p.listed = w.mask(func(k pack) bool { return k.state == packThere })
	p.young = w.mask(func(k pack) bool { return k.age < ticksGrace })
	return p
}

// remove does one thing to one pack, by what the pruner saw, and may go on with others.
func (p *protocol) remove(w world, i int, yield func(world, string)) {
	saw := w.pruners[i]
	for k := range w.packs {
		bit := uint8(1) << k
		if saw.listed&bit == 0 {
			continue
		}
		copies := saw.listed &^ bit
		if p.has("condemned is no copy") {
			copies &^= saw.condemned
		}
		needless := !saw.reached || copies != 0
		next := w
		switch {
		case saw.ripe&bit != 0 && (needless || !p.has("second look")):
			p.delete(&next.packs[k])
			yield(next, fmt.Sprintf("deletes pack %d", k))
		case saw.condemned&bit == 0 && saw.young&bit == 0 && needless:
			next.packs[k].condemned = max(1, next.packs[k].condemned)
			yield(next, fmt.Sprintf("condemns pack %d", k))
		case saw.condemned&bit != 0 && !needless && !p.has("no acquittal"):
			next.packs[k].condemned = 0
			yield(next, fmt.Sprintf("acquits pack %d", k))
		case saw.condemned&bit != 0 && !needless:
			if free := next.free(); free >= 0 && next.packs[k].state == packThere {
				next.packs[free] = pack{state: packThere}
				yield(next, fmt.Sprintf("copies what lives in pack %d to pack %d", k, free))
			}
		}
	}
}

func (p *protocol) delete(k *pack) {
	if k.state != packThere {
		return
	}
	k.state = packGone
	if !p.has("permanence") {
		k.condemned = 0
	}
}

// key is a world without what cannot matter any more: all that there is of a pack fits into 16 bits, with what each
// process has in mind of it, and the order of packs and manifests says nothing.
type key struct {
	packs [packs]uint16
	rest  uint32
}

func (p *protocol) key(w *world) key {
	best := w.inOrder(0, 0)
	for writer := range p.writers { // processes of a kind are alike
		for pruner := range p.pruners {
			if k := w.inOrder(writer, pruner); k.less(best) {
				best = k
			}
		}
	}
	return best
}

func (k key) less(l key) bool {
	if k.rest != l.rest {
		return k.rest < l.rest
	}
	return slices.Compare(k.packs[:], l.packs[:]) < 0
}

// inOrder is the key with a writer and a pruner named first.
func (w *world) inOrder(writer, pruner int) (k key) {
	add := func(value uint8, bits int) { k.rest = k.rest<<bits | uint32(value) }
	for i := range w.packs {
		k.packs[i] = w.pack(i, writer, pruner)
	}
	slices.Sort(k.packs[:])
	for i := range w.writers {
		me := w.writers[i^writer]
		if me.step < writerParent || me.step > writerReady {
			me.inherit = false
		}
		add(me.step, 3)
		add(me.age, 2)
		add(one(me.inherit), 1)
	}
	for i := range w.pruners {
		me := w.pruners[i^pruner]
		add(me.step, 3)
		add(one(me.reached), 1)
	}
	first, second := w.manifests[0].bits(), w.manifests[1].bits()
	add(min(first, second), 4)
	add(max(first, second), 4)
	return k
}

func one(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

func (m manifest) bits() uint8 { return m.marked<<2 | one(m.there)<<1 | one(m.late) }

// pack is all that there is of a pack. The place of one that is gone, condemned for good, and in nobody's mind, is free:
// an index may name it for ever.
func (w *world) pack(i, writer, pruner int) (bits uint16) {
	k := w.packs[i]
	for n := range w.writers {
		me := w.writers[n^writer]
		bits = bits<<1 | uint16(me.stored>>i&1&one(me.step == writerReady))
	}
	for n := range w.pruners {
		me := w.pruners[n^pruner]
		listed := me.listed >> i & 1 & one(me.step >= prunerPacks)
		for _, mask := range []uint8{me.condemned, me.ripe, me.young} {
			bits = bits<<1 | uint16(mask>>i&listed)
		}
		bits = bits<<1 | uint16(listed)
	}
	switch {
	case k.state == packNone, k.state == packGone && k.condemned > 0 && bits == 0:
		return bits << 6
	case k.state == packGone:
		k.age, k.condemned = 0, min(k.condemned, 1)
	case k.condemned > 0:
		k.age = 0
	}
	return bits<<6 | uint16(k.state)<<4 | uint16(k.age)<<2 | uint16(k.condemned)
}

// world inverts key.
func (k key) world() (w world) {
	take := func(bits int) uint8 {
		value := uint8(k.rest & (1<<bits - 1))
		k.rest >>= bits
		return value
	}
	for i := range w.manifests {
		bits := take(4)
		w.manifests[i] = manifest{there: bits&2 != 0, late: bits&1 != 0, marked: bits >> 2}
	}
	for i := len(w.pruners) - 1; i >= 0; i-- {
		w.pruners[i].reached = take(1) == 1
		w.pruners[i].step = take(3)
	}
	for i := len(w.writers) - 1; i >= 0; i-- {
		w.writers[i].inherit = take(1) == 1
		w.writers[i].age = take(2)
		w.writers[i].step = take(3)
	}
	for i, bits := range k.packs {
		w.packs[i] = pack{condemned: uint8(bits & 3), age: uint8(bits >> 2 & 3), state: uint8(bits >> 4 & 3)}
		bits >>= 6
		next := func() uint8 {
			bit := uint8(bits & 1)
			bits >>= 1
			return bit << i
		}
		for n := len(w.pruners) - 1; n >= 0; n-- {
			me := &w.pruners[n]
			me.listed |= next()
			me.young |= next()
			me.ripe |= next()
			me.condemned |= next()
		}
		for n := len(w.writers) - 1; n >= 0; n-- {
			w.writers[n].stored |= next()
		}
	}
	return w
}

// search walks every path, the shortest first, and returns the story of a loss; nil: there is none.
func (p *protocol) search() (story []string, states int) {
	start := p.key(new(world))
	worlds, from := []key{start}, []int32{-1}
	seen := map[key]struct{}{start: {}}
	for at := 0; at < len(worlds); at++ {
		lost := false
		p.steps(worlds[at].world(), func(next world, _ string) {
			key := p.key(&next)
			if _, known := seen[key]; known || lost {
				return
			}
			seen[key] = struct{}{}
			worlds, from = append(worlds, key), append(from, int32(at))
			lost = next.lost()
		})
		if lost {
			return p.story(worlds, from), len(worlds)
		}
	}
	return nil, len(worlds)
}

// story tells how the last world came to be.
func (p *protocol) story(worlds []key, from []int32) (story []string) {
	for at := int32(len(worlds) - 1); from[at] >= 0; at = from[at] {
		told := false
		p.steps(worlds[from[at]].world(), func(next world, what string) {
			if !told && p.key(&next) == worlds[at] {
				told = true
				story = append(story, what)
			}
		})
	}
	slices.Reverse(story)
	return story
}

// crews are how many writers and pruners there are, the smallest first.
var crews = [][2]int{{1, 1}, {1, 2}, {2, 1}, {2, 2}}

// With all rules in no path loses the chunk, and without any one of them some path does. One writer and one pruner are
// searched in each test run, more where MAILSTRATA_LONG says so: two of each are some hundred million states.
func TestProtocol(t *testing.T) {
	tried := crews[:1]
	if os.Getenv("MAILSTRATA_LONG") != "" {
		tried = crews
	}
	for _, crew := range tried {
		story, states := (&protocol{writers: crew[0], pruners: crew[1]}).search()
		if story != nil {
			t.Fatalf("all rules are in, and the chunk is lost:\n%s", strings.Join(story, "\n"))
		}
		t.Logf("%d writers, %d pruners: %d states, none with a loss", crew[0], crew[1], states)
	}
}

// needed is the smallest crew that shows that a rule is needed.
var needed = map[string][2]int{
	"root grace": {1, 1}, "permanence": {1, 1}, "no acquittal": {1, 2}, "condemned is no copy": {1, 2}, "order of listing": {1, 1},
	"second look": {1, 1}, "deadline": {1, 1}, "late is no parent": {1, 1}, "unique names": {1, 1}, "L < G": {1, 1},
	"condemnations are read": {1, 1},
}

func TestEachRuleIsNeeded(t *testing.T) {
	for rule, crew := range needed {
		t.Run(rule, func(t *testing.T) {
			story, states := (&protocol{without: rule, writers: crew[0], pruners: crew[1]}).search()
			if story == nil {
				t.Fatalf("nothing is lost without it, in %d states", states)
			}
			t.Logf("after %d states: %s", states, strings.Join(story, "; "))
		})
	}
}
