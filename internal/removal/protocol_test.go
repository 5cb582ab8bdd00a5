package removal

import (
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
	forged      bool  // a liar wrote it, and what it needs is no loss; but it can be a parent
	marked      uint8 // 0: no; else 1 + age of the mark
}

// writer is a run: it looks for a parent, reads the condemnations, takes or stores the chunk,
// checks its age, and puts its manifest.
//
// A step that changes only its own memory (to inherit the chunk or to take it as stored, and to
// check its age) is taken together with the step before, because no other process can see a pause
// between. (A later check of its age finds no more than an earlier one, and a run that gives up is
// like one that crashes.)
type writer struct {
	step    uint8
	age     uint8
	inherit bool
	ahead   bool // it began while the store's clock was ahead, so its deadline is two days later than it should be
}

const (
	writerIdle = iota
	writerBegun
	writerParent
	writerLacks  // by what it read, the chunk is to be put
	writerTimely // the chunk is among what its manifest will name, and it was not too old
)

// pruner lists packs, condemnations and roots, and then condemns or deletes by what it saw.
type pruner struct {
	step            uint8
	listed          uint8 // packs in the store
	condemned, ripe uint8 // packs that are condemned, and of these the ones whose grace is over
	young           uint8
	reached         bool
	plan            [packs]uint8 // what is to be done to each, when all was looked at: then it need not know more
}

const (
	prunerIdle  = iota
	prunerRoots // only where roots come first
	prunerPacks
	prunerCondemned
	prunerLooked
)

const (
	planNothing = iota
	planDelete
	planCondemn
	planAcquit
	planCopy
)

// leap is what the store's clock does. It is wrong once, and right again at any time.
type leap uint8

const (
	leapNot    leap = iota
	leapAhead       // by two days: all that has an age looks old
	leapBehind      // by two days: what is put now looks old when the clock is right again
	leapOver
)

func (l leap) wrong() bool { return l == leapAhead || l == leapBehind }

type world struct {
	leap      leap
	packs     [packs]pack
	manifests [manifests]manifest
	writers   [2]writer
	pruners   [2]pruner
}

// protocol is which rules are taken out, and how many processes there are.
type protocol struct {
	without          string
	writers, pruners int
	leaps            bool // the store's clock may leap
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
	return slices.ContainsFunc(w.manifests[:], func(m manifest) bool { return m.there && !m.late && !m.forged && m.marked == 0 })
}

func (w *world) mask(of func(pack) bool) (mask uint8) {
	for i, k := range w.packs {
		if of(k) {
			mask |= 1 << i
		}
	}
	return mask
}

// root reports whether a pruner counts a manifest.
func (p *protocol) root(l leap) func(m manifest) bool {
	return func(m manifest) bool {
		return m.there && (m.marked == 0 || p.has("root grace") && m.marked-1 < ticksGrace && !p.looksOver(l))
	}
}

// looksOver reports whether every grace period seems to be over to a pruner.
func (p *protocol) looksOver(l leap) bool { return l == leapAhead && !p.has("prune by agreed clocks") }

// steps yields every world that one step leads to, and what happened.
func (p *protocol) steps(w world, yield func(world, string)) {
	p.tick(w, yield)
	p.leap(w, yield)
	for i, m := range w.manifests {
		if marked := p.since(w.leap); m.there && m.marked == 0 && marked > 0 {
			next := w
			next.manifests[i].marked = marked
			yield(next, "forget marks a manifest")
		}
	}
	for i := range p.writers {
		p.write(w, i, yield)
	}
	for i := range p.pruners {
		p.prune(w, i, yield)
	}
}

// leap changes the store's clock to a wrong time, and back.
func (p *protocol) leap(w world, yield func(world, string)) {
	switch {
	case !p.leaps || w.leap == leapOver:
	case w.leap == leapNot:
		w.leap = leapAhead
		yield(w, "the store's clock leaps two days ahead")
		w.leap = leapBehind
		yield(w, "the store's clock leaps two days back")
	default:
		w.leap = leapOver
		for i := range w.writers { // a writer that looks at the clock again sees it go back, and ends
			if me := &w.writers[i]; me.ahead && me.step != writerTimely {
				*me = writer{}
			}
		}
		yield(w, "the store's clock is right again")
	}
}

// since is the age, and 1, that a mark or a condemnation has for everybody once the clock is right;
// 0: none is put now.
func (p *protocol) since(l leap) uint8 {
	switch {
	case !l.wrong():
		return 1
	case p.has("mark by agreed clocks"):
		return 0
	case l == leapBehind:
		return 1 + ticksGrace
	}
	return 1
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
		if m.there && !p.root(w.leap)(*m) {
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
		to(writer{}, "a writer dies")
	}
	switch was.step {
	case writerIdle:
		to(writer{step: writerBegun, ahead: w.leap == leapAhead}, "a writer begins")
	case writerBegun:
		for _, m := range w.manifests {
			if m.there && m.marked == 0 && (!m.late || !p.has("late is no parent")) {
				to(writer{step: writerParent, age: was.age, ahead: was.ahead, inherit: true}, "a writer takes a parent")
				break
			}
		}
		to(writer{step: writerParent, age: was.age, ahead: was.ahead}, "a writer takes no parent")
	case writerParent:
		stored := w.mask(func(k pack) bool {
			return k.state != packNone && (k.condemned == 0 || !p.has("condemnations are read"))
		})
		if was.inherit || stored != 0 {
			to(p.holds(was), "a writer reads condemnations, and inherits the chunk or takes it for stored")
		}
		if stored == 0 {
			to(writer{step: writerLacks, age: was.age, ahead: was.ahead}, "a writer reads condemnations, and finds the chunk nowhere")
		}
	case writerLacks:
		p.store(w, i, p.holds(was), yield)
	case writerTimely:
		p.commit(w, i, yield)
	}
}

// holds is a writer that has all that its manifest will name.
func (p *protocol) holds(was writer) writer {
	if was.age > p.life() && p.has("deadline") {
		return writer{} // it gives up
	}
	return writer{step: writerTimely, age: was.age, ahead: was.ahead}
}

// store puts the chunk into a new pack. Where equal packs have equal names, a pack that is there is
// taken for the new one.
func (p *protocol) store(w world, i int, has writer, yield func(world, string)) {
	w.writers[i] = has
	if !p.has("unique names") && w.mask(func(k pack) bool { return k.state == packThere }) != 0 {
		yield(w, "a writer puts a pack that is there")
		return
	}
	if free := w.free(); free >= 0 {
		w.packs[free] = pack{state: packThere}
		yield(w, "a writer puts a new pack")
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
	me := w.writers[i]
	late := me.age > p.life() && p.has("deadline")
	w.writers[i] = writer{}
	w.manifests[free] = manifest{there: true, late: late}
	if late && me.ahead && !p.has("misdated is late") { // its deadline is not over
		w.manifests[free].late = false
	}
	if late {
		yield(w, "a writer puts its manifest, late")
	} else {
		yield(w, "a writer puts its manifest")
	}
	if late && !p.has("misdated is late") {
		w.manifests[free] = manifest{there: true, forged: true}
		yield(w, "a liar puts its manifest, late, with a deadline in 2100")
	}
}

func (p *protocol) prune(w world, i int, yield func(world, string)) {
	me := &w.pruners[i]
	was := *me
	to := func(next pruner, what string) {
		*me = next
		yield(w, what)
		*me = was
	}
	reached := slices.ContainsFunc(w.manifests[:], p.root(w.leap))
	timed := was.step == prunerPacks || was.step == prunerCondemned || was.step == prunerIdle && !p.has("order of listing")
	if timed && w.leap.wrong() && p.has("prune by agreed clocks") {
		to(pruner{}, "a pruner finds that the clocks differ, and stops")
		return
	}
	switch was.step {
	case prunerIdle:
		if p.has("order of listing") {
			to(w.listPacks(pruner{}), "a pruner lists packs")
		} else {
			to(pruner{step: prunerRoots, reached: reached}, "a pruner lists roots first")
		}
	case prunerRoots:
		to(w.listPacks(was), "a pruner lists packs")
	case prunerPacks:
		was.condemned = w.mask(func(k pack) bool { return k.condemned > 0 })
		was.ripe = w.mask(func(k pack) bool { return k.condemned > ticksGrace || k.condemned > 0 && p.looksOver(w.leap) })
		was.step = prunerCondemned
		to(was, "a pruner reads condemnations")
	case prunerCondemned:
		if p.has("order of listing") {
			was.reached = reached
		}
		to(pruner{step: prunerLooked, plan: p.plan(was)}, "a pruner lists roots")
	case prunerLooked:
		for k, what := range was.plan {
			if next := w; p.carry(&next, k, what) {
				yield(next, plans[what])
			}
		}
		to(pruner{}, "a pruner stops")
	}
}

var plans = [...]string{planDelete: "a pruner deletes a pack", planCondemn: "a pruner condemns a pack", planAcquit: "a pruner acquits a pack", planCopy: "a pruner copies what lives in a pack"}

func (w *world) listPacks(p pruner) pruner {
	p.step = prunerPacks
	p.listed = w.mask(func(k pack) bool { return k.state == packThere })
	if w.leap != leapAhead {
		p.young = w.mask(func(k pack) bool { return k.age < ticksGrace })
	}
	return p
}

// plan is what a pruner does to each pack, by what it saw.
func (p *protocol) plan(saw pruner) (plan [packs]uint8) {
	for k := range plan {
		bit := uint8(1) << k
		copies := saw.listed &^ bit
		if p.has("condemned is no copy") {
			copies &^= saw.condemned
		}
		needless := !saw.reached || copies != 0
		switch {
		case saw.listed&bit == 0:
		case saw.ripe&bit != 0 && (needless || !p.has("second look")):
			plan[k] = planDelete
		case saw.condemned&bit == 0 && saw.young&bit == 0 && needless:
			plan[k] = planCondemn
		case saw.condemned&bit != 0 && !needless && !p.has("no acquittal"):
			plan[k] = planAcquit
		case saw.condemned&bit != 0 && !needless:
			plan[k] = planCopy
		}
	}
	return plan
}

// carry carries out a plan for one pack, and reports whether that changes anything.
func (p *protocol) carry(w *world, k int, plan uint8) bool {
	pk := &w.packs[k]
	switch {
	case plan == planDelete && pk.state == packThere:
		p.delete(pk)
	case plan == planCondemn && pk.condemned == 0 && p.since(w.leap) > 0:
		pk.condemned = p.since(w.leap)
	case plan == planAcquit && pk.condemned != 0:
		pk.condemned = 0
	case plan == planCopy && pk.state == packThere:
		free := w.free()
		if free < 0 {
			return false
		}
		w.packs[free] = pack{state: packThere}
	default:
		return false
	}
	return true
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

// key is a world in one number, without what can no longer matter: the state of each pack, with
// what each process remembers of it, in packBits, and beside it the processes and manifests. The
// order of packs, of manifests, and of processes of a kind does not matter.
type key uint64

const (
	mindBits = 4 // of a pack, in the mind of a pruner
	packBits = 2*mindBits + 6
)

func (p *protocol) key(w *world) key {
	p.forget(w)
	best := w.inOrder(0, 0)
	for writer := range p.writers { // processes of a kind are alike
		for pruner := range p.pruners {
			best = min(best, w.inOrder(writer, pruner))
		}
	}
	return best
}

// forget removes from the memory of pruners what makes no difference: plans that change nothing,
// now or later.
func (p *protocol) forget(w *world) {
	for i := range w.pruners {
		me := &w.pruners[i]
		for k, plan := range me.plan {
			pk := w.packs[k]
			dead := pk.state != packThere
			if (plan == planDelete || plan == planCopy) && dead || plan == planCondemn && pk.condemned > 0 && p.has("no acquittal") && p.has("permanence") {
				me.plan[k] = planNothing
			}
		}
		if me.step == prunerLooked && me.plan == [packs]uint8{} {
			*me = pruner{}
		}
		me.young &^= me.condemned // that it is young says only that it is not to be condemned
	}
}

// inOrder is the key with a writer and a pruner named first.
func (w *world) inOrder(writer, pruner int) key {
	var k uint64
	add := func(value uint8, bits int) { k = k<<bits | uint64(value) }
	for i := range w.writers {
		me := w.writers[i^writer]
		add(me.step, 3)
		add(me.age, 2)
		add(one(me.inherit), 1)
		add(one(me.ahead), 1)
	}
	add(uint8(w.leap), 2)
	for i := range w.pruners {
		me := w.pruners[i^pruner]
		add(me.step, 3)
		add(one(me.reached), 1)
	}
	first, second := w.manifests[0].bits(), w.manifests[1].bits()
	add(min(first, second), 5)
	add(max(first, second), 5)
	one, other := w.pack(0, pruner), w.pack(1, pruner)
	return key((k<<packBits|uint64(min(one, other)))<<packBits | uint64(max(one, other)))
}

func one(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

func (m manifest) bits() uint8 {
	return m.marked<<3 | one(m.forged)<<2 | one(m.there)<<1 | one(m.late)
}

// pack is the state of a pack. The slot of a pack that is deleted, condemned, and in no process's
// memory, is free: an index may name it forever.
func (w *world) pack(i, pruner int) (bits uint16) {
	k := w.packs[i]
	for n := range w.pruners {
		me := w.pruners[n^pruner]
		mind := uint16(me.plan[i])
		if me.step != prunerLooked && me.listed>>i&1 == 1 {
			mind = 1 | uint16(me.young>>i&1)<<1 | uint16(me.ripe>>i&1)<<2 | uint16(me.condemned>>i&1)<<3
		}
		bits = bits<<mindBits | mind
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
	take := func(bits int) uint64 {
		value := uint64(k) & (1<<bits - 1)
		k >>= bits
		return value
	}
	minds := [packs]uint64{}
	for i := len(w.packs) - 1; i >= 0; i-- {
		w.packs[i] = pack{condemned: uint8(take(2)), age: uint8(take(2)), state: uint8(take(2))}
		minds[i] = take(2 * mindBits)
	}
	for i := len(w.manifests) - 1; i >= 0; i-- {
		bits := uint8(take(5))
		w.manifests[i] = manifest{forged: bits&4 != 0, there: bits&2 != 0, late: bits&1 != 0, marked: bits >> 3}
	}
	for i := len(w.pruners) - 1; i >= 0; i-- {
		w.pruners[i].reached = take(1) == 1
		w.pruners[i].step = uint8(take(3))
	}
	w.leap = leap(take(2))
	for i := len(w.writers) - 1; i >= 0; i-- {
		w.writers[i].ahead = take(1) == 1
		w.writers[i].inherit = take(1) == 1
		w.writers[i].age = uint8(take(2))
		w.writers[i].step = uint8(take(3))
	}
	for i, mind := range minds {
		for n := len(w.pruners) - 1; n >= 0; n-- {
			me, bits := &w.pruners[n], uint8(mind&(1<<mindBits-1))
			mind >>= mindBits
			if me.step == prunerLooked {
				me.plan[i] = bits
				continue
			}
			me.listed |= bits & 1 << i
			me.young |= bits >> 1 & 1 << i
			me.ripe |= bits >> 2 & 1 << i
			me.condemned |= bits >> 3 & 1 << i
		}
	}
	return w
}

// known is a set of keys that takes little more room than they do.
type known struct {
	slots []key // 0: free; else the key and 1
	count int
}

// add reports whether the key is new.
func (s *known) add(k key) bool {
	if s.count >= len(s.slots)*3/4 {
		old := s.slots
		s.slots, s.count = make([]key, max(1<<16, 2*len(old))), 0
		for _, k := range old {
			if k != 0 {
				s.add(k - 1)
			}
		}
	}
	for at := uint64(k) * 0x9e3779b97f4a7c15 >> 20; ; at++ {
		switch slot := &s.slots[at&uint64(len(s.slots)-1)]; *slot {
		case 0:
			*slot = k + 1
			s.count++
			return true
		case k + 1:
			return false
		}
	}
}

// search follows every path, the shortest first, and returns the steps that lead to a loss, or nil.
func (p *protocol) search() (story []string, states int) {
	level := []key{p.key(new(world))}
	var seen known
	seen.add(level[0])
	var past [][]key // the levels before: from where each world of the next can be reached
	for len(level) > 0 {
		var next []key
		lost := false
		for _, at := range level {
			p.steps(at.world(), func(w world, _ string) {
				if k := p.key(&w); !lost && seen.add(k) {
					next, lost = append(next, k), w.lost()
				}
			})
			if lost {
				return p.story(append(past, level), next[len(next)-1]), seen.count
			}
		}
		past, level = append(past, level), next
	}
	return nil, seen.count
}

// story returns the steps that lead to a world, level by level.
func (p *protocol) story(past [][]key, end key) (story []string) {
	for _, level := range slices.Backward(past) {
		for _, at := range level {
			told := false
			p.steps(at.world(), func(w world, what string) {
				if !told && p.key(&w) == end {
					told = true
					story = append(story, what)
				}
			})
			if told {
				end = at
				break
			}
		}
	}
	slices.Reverse(story)
	return story
}

// crews are how many writers and pruners there are, the smallest first.
var crews = [][2]int{{1, 1}, {1, 2}, {2, 1}, {2, 2}}

// With all rules in force no path loses the chunk, and without any one of them some path does. One
// writer and one pruner are searched in each test run, more where MAILSTRATA_LONG says so: two of
// each are seven million states, and half a minute, with a clock that is always right.
func TestProtocol(t *testing.T) {
	tried := crews[:1]
	if os.Getenv("MAILSTRATA_LONG") != "" {
		tried = crews
	}
	for _, crew := range tried {
		story, states := (&protocol{writers: crew[0], pruners: crew[1], leaps: crew != [2]int{2, 2}}).search()
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
	"condemnations are read": {1, 1}, "misdated is late": {1, 1},
}

// neededInALeap is the same of the rules without which the chunk is lost where the store's clock
// leaps.
var neededInALeap = map[string][2]int{"prune by agreed clocks": {1, 1}, "mark by agreed clocks": {1, 1}, "misdated is late": {1, 1}}

func TestEachRuleIsNeeded(t *testing.T) {
	for leaps, rules := range map[bool]map[string][2]int{false: needed, true: neededInALeap} {
		for rule, crew := range rules {
			t.Run(rule, func(t *testing.T) {
				story, states := (&protocol{without: rule, writers: crew[0], pruners: crew[1], leaps: leaps}).search()
				if story == nil {
					t.Fatalf("nothing is lost without it, in %d states", states)
				}
				t.Logf("after %d states: %s", states, strings.Join(story, "; "))
			})
		}
	}
}
