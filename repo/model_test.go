package repo_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// This file tests the rules of removal on the real code. Writers, marks and pruners that merge are
// processes that stop before every operation on the store until the test lets them continue. The
// test also advances the store's clock. There is one chunk, c. Every object in data/ holds c, and
// every manifest needs it. The chunk is lost if the store has a manifest that is committed and not
// marked, and no object in data/.

// model is a store with its processes.
type model struct {
	t     testing.TB
	store *storetest.Memory
	base  *repo.Repo
	rule  string // the rule that is taken out; empty if all are in force
	id    chunk.ID

	mu        sync.Mutex
	deadlines map[string]time.Time // of manifests, by name
	trace     []string
}

var theChunk = []byte("the chunk that must not be lost")

// errCrash is the error of every operation of a process after its crash.
var errCrash = errors.New("the process has crashed")

func newModel(t testing.TB, rule string) *model {
	repo.MergeTwo(t)
	store := new(storetest.Memory)
	r := mustInit(t, store, repo.InitOptions{NoSeal: true})
	id := r.ChunkKey().Sum(theChunk)
	return &model{t: t, store: store, base: r, rule: rule, id: id, deadlines: map[string]time.Time{}}
}

// process is a running program, which the test steps from operation to operation.
type process struct {
	m     *model
	name  string
	cache string

	mu      sync.Mutex
	waiting []*operation
	crashed bool
	ended   bool
	err     error
}

type operation struct {
	kind, name string
	turn       chan struct{}
}

// start starts a process and waits for its first operation.
func (m *model) start(name, cache string, work func(context.Context, *repo.Repo) error) *process {
	p := &process{m: m, name: name, cache: cache}
	r := repo.On(m.base, turnstile{m.store, p}, cache)
	go func() {
		err := work(context.Background(), r)
		r.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.ended, p.err = true, err
	}()
	synctest.Wait()
	return p
}

// next returns the operation that the process is about to do, or nil if it has ended.
func (p *process) next() *operation {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 {
		return nil
	}
	return slices.MinFunc(p.waiting, func(a, b *operation) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
	})
}

// step lets the process do one operation. It reports whether there was one.
func (p *process) step() bool {
	op := p.next()
	if op == nil {
		return false
	}
	p.m.note("%s: %s %.40s", p.name, op.kind, op.name)
	p.mu.Lock()
	p.waiting = slices.DeleteFunc(p.waiting, func(o *operation) bool { return o == op })
	p.mu.Unlock()
	close(op.turn)
	synctest.Wait()
	return true
}

// until steps the process until it is about to do an operation. It reports whether the process came
// to that.
func (p *process) until(kind, prefix string) bool {
	for op := p.next(); op != nil; op = p.next() {
		if op.kind == kind && strings.HasPrefix(op.name, prefix) {
			return true
		}
		p.step()
	}
	return false
}

// finish steps the process until it ends.
func (p *process) finish() {
	for p.step() {
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.m.t.Fatalf("%s hangs", p.name)
	}
}

func (p *process) crash() {
	p.m.note("%s crashes", p.name)
	p.mu.Lock()
	p.crashed = true
	p.mu.Unlock()
	p.finish()
}

func (m *model) note(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trace = append(m.trace, fmt.Sprintf(format, args...))
}

func (m *model) tick(d time.Duration) {
	m.note("%s pass", d)
	m.store.Advance(d)
}

// leap moves the store's clock.
func (m *model) leap(d time.Duration) {
	m.note("the store's clock leaps by %s", d)
	m.store.Leap(d)
}

// turnstile is the store of a process. Each operation waits until the test lets it through.
type turnstile struct {
	*storetest.Memory
	p *process
}

func (g turnstile) wait(kind, name string) error {
	op := &operation{kind, name, make(chan struct{})}
	g.p.mu.Lock()
	crashed := g.p.crashed
	if !crashed {
		g.p.waiting = append(g.p.waiting, op)
	}
	g.p.mu.Unlock()
	if !crashed {
		<-op.turn
	}
	g.p.mu.Lock()
	defer g.p.mu.Unlock()
	if g.p.crashed {
		return errCrash
	}
	return nil
}

func (g turnstile) Put(ctx context.Context, name string, body io.ReaderAt, size int64) error {
	if err := g.wait("put", name); err != nil {
		return err
	}
	return g.Memory.Put(ctx, name, body, size)
}

func (g turnstile) Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, int64, error) {
	if err := g.wait("get", name); err != nil {
		return nil, 0, err
	}
	return g.Memory.Get(ctx, name, offset, length)
}

func (g turnstile) Delete(ctx context.Context, name string) error {
	if err := g.wait("delete", name); err != nil {
		return err
	}
	return g.Memory.Delete(ctx, name)
}

func (g turnstile) Now(ctx context.Context) (time.Time, error) {
	if err := g.wait("now", ""); err != nil {
		return time.Time{}, err
	}
	return g.Memory.Now(ctx)
}

// List lists at one moment.
func (g turnstile) List(ctx context.Context, prefix string) iter.Seq2[store.Object, error] {
	return func(yield func(store.Object, error) bool) {
		if err := g.wait("list", prefix); err != nil {
			yield(store.Object{}, err)
			return
		}
		var all []store.Object
		for o, err := range g.Memory.List(ctx, prefix) {
			if err != nil {
				yield(o, err)
				return
			}
			all = append(all, o)
		}
		for _, o := range all {
			if !yield(o, nil) {
				return
			}
		}
	}
}

// write commits a manifest that needs c. It inherits c from a parent, or stores it.
func (m *model) write(ctx context.Context, r *repo.Repo) error {
	run, err := r.Begin(ctx)
	if err != nil {
		return err
	}
	inherited := false
	for h, err := range run.Heads(ctx, "me") {
		if err != nil && h.Name == "" {
			return err
		}
		late := h.Late && m.rule != "late is no parent" || h.Misdated != "" && m.rule != "misdated is late"
		if err == nil && !h.Marked && !late {
			inherited = true
			break
		}
	}
	w, err := run.Writer(ctx)
	if err != nil {
		return err
	}
	defer w.Close()
	if !inherited {
		if _, _, err := w.Put(ctx, repo.LaneText, theChunk); err != nil {
			return err
		}
	}
	_, err = w.Commit(ctx, "me", manifest{Deadline: run.Deadline().UnixMilli(), IDs: [][]byte{m.id[:]}}.encode)
	return err
}

// forget marks every manifest.
func (m *model) forget(ctx context.Context, r *repo.Repo) error {
	for h, err := range r.EveryManifest(ctx) {
		if err != nil {
			return err
		}
		if h.Marked {
			continue
		}
		if err := r.Mark(ctx, h, nil); err != nil {
			return err
		}
	}
	return nil
}

func (m *model) prune(ctx context.Context, r *repo.Repo) error {
	_, err := r.Prune(ctx, repo.PruneOptions{}, walkOf(r))
	return err
}

// withdraw deletes condemnations, which a rule forbids.
func (m *model) withdraw() {
	m.note("condemnations are withdrawn")
	for _, name := range m.store.Names() {
		if strings.HasPrefix(name, "condemned/") {
			_ = m.store.Delete(context.Background(), name)
		}
	}
}

// lost reports whether c is lost: a committed, unmarked manifest needs it, and no object in data/
// is left.
func (m *model) lost() bool {
	for _, name := range m.store.Names() {
		if strings.HasPrefix(name, "data/") {
			return false
		}
	}
	return len(m.committed()) > 0
}

// committed returns the manifests that are committed and not marked.
func (m *model) committed() (heads []repo.Head) {
	r := repo.On(m.base, m.store, "")
	defer r.Close()
	for h, err := range r.EveryManifest(context.Background()) {
		if err != nil {
			m.t.Fatal(err)
		}
		content, err := r.Manifest(context.Background(), h)
		var held manifest
		if err == nil {
			err = cbor.Unmarshal(content, &held)
		}
		if err != nil {
			m.t.Fatal(err)
		}
		h = r.Judge(h, time.UnixMilli(held.Deadline))
		misdated := h.Misdated != "" && m.rule != "misdated is late"
		if !h.Marked && !misdated && !h.Stored.After(time.UnixMilli(held.Deadline)) {
			heads = append(heads, h)
		}
	}
	return heads
}

func (m *model) history() string { return strings.Join(m.trace, "\n\t") }

// cacheDir returns a new directory for the cache of a host.
func (m *model) cacheDir() string {
	dir, err := os.MkdirTemp(m.t.TempDir(), "host")
	if err != nil {
		m.t.Fatal(err)
	}
	return dir
}

// run runs a process from its start to its end.
func (m *model) run(name string, work func(context.Context, *repo.Repo) error) {
	m.start(name, m.cacheDir(), work).finish()
}

// unneeded sets up the start of most stories. c is in a pack that is older than G and that no root
// needs. A writer that began before the pack was condemned counts c as stored, and is about to
// commit. Then the pack is condemned. unneeded returns the writer.
func (m *model) unneeded() (writer *process) {
	m.run("first", m.write)
	m.run("forget", m.forget)
	m.tick(day)
	writer = m.start("writer", m.cacheDir(), m.write)
	if !writer.until("put", "manifests/") {
		m.t.Fatal("the writer does not reach its commit")
	}
	m.run("prune", m.prune)
	return writer
}

// stories has an interleaving for each rule in which the chunk is lost without the rule, and not
// with all rules.
var stories = map[string]func(m *model){
	"root grace": func(m *model) {
		m.unneeded().finish() // now a manifest needs the condemned pack
		m.tick(day - 2*time.Hour)
		child := m.start("child", m.cacheDir(), m.write)
		child.until("put", "manifests/") // its parent is that manifest
		m.run("forget", m.forget)
		m.tick(4 * time.Hour)
		m.run("prune", m.prune)
		child.finish()
	},
	"permanence": func(m *model) {
		m.unneeded().crash()
		m.tick(day)
		pruner := m.start("pruner", m.cacheDir(), m.prune)
		pruner.until("delete", "data/") // the store lists the pack still
		if m.rule == "permanence" {
			m.withdraw()
		}
		m.run("late writer", m.write)
		pruner.finish()
	},
	"no acquittal": func(m *model) {
		m.unneeded().finish()
		m.run("forget", m.forget)
		m.tick(day)
		pruner := m.start("pruner", m.cacheDir(), m.prune)
		pruner.until("delete", "data/")
		if m.rule == "no acquittal" { // by a process that saw in time that it is needed, and was then suspended
			m.withdraw()
		}
		m.run("writer", m.write)
		pruner.finish()
	},
	"condemned is no copy": func(m *model) {
		one, two := m.start("one", m.cacheDir(), m.write), m.start("two", m.cacheDir(), m.write)
		one.until("put", "data/")
		two.until("put", "data/")
		one.finish()
		two.finish()
		m.run("forget", m.forget)
		m.tick(day)
		writer := m.start("writer", m.cacheDir(), m.write)
		writer.until("put", "manifests/")
		m.run("prune", m.prune)
		writer.finish()
		m.tick(day)
		m.run("prune", m.prune)
	},
	"order of listing": func(m *model) {
		m.run("first", m.write)
		m.run("forget", m.forget)
		m.tick(day)
		slow := m.start("slow pruner", m.cacheDir(), m.prune)
		slow.until("list", "data/") // without the rule, it has listed the roots before
		writer := m.start("writer", m.cacheDir(), m.write)
		writer.until("put", "manifests/")
		m.run("prune", m.prune)
		writer.finish()
		m.tick(day)
		slow.finish()
	},
	"second look": func(m *model) {
		m.unneeded().finish()
		m.tick(day)
		m.run("prune", m.prune)
	},
	"deadline": func(m *model) {
		writer := m.unneeded()
		m.tick(day)
		m.run("prune", m.prune)
		writer.finish()
	},
	"late is no parent": func(m *model) {
		writer := m.unneeded()
		m.tick(day)
		m.run("prune", m.prune)
		writer.finish() // late
		m.run("child", m.write)
	},
	"unique names": func(m *model) {
		m.unneeded().crash()
		m.tick(day)
		pruner := m.start("pruner", m.cacheDir(), m.prune)
		pruner.until("delete", "data/")
		m.run("writer", m.write)
		pruner.finish()
	},
	"L < G": func(m *model) {
		writer := m.unneeded()
		m.tick(day)
		m.run("prune", m.prune)
		writer.finish()
	},
	"prune by agreed clocks": func(m *model) {
		writer := m.unneeded()
		m.leap(2 * day)
		m.run("prune", m.prune)
		m.leap(-2 * day)
		writer.finish()
	},
	"mark by agreed clocks": func(m *model) {
		m.run("first", m.write)
		m.run("forget", m.forget)
		m.tick(3 * day)
		writer := m.start("writer", m.cacheDir(), m.write)
		writer.until("put", "manifests/")
		m.leap(-2 * day)
		m.run("prune", m.prune)
		m.leap(2 * day)
		m.run("prune", m.prune)
		writer.finish()
	},
	"misdated is late": func(m *model) {
		m.run("first", m.write)
		m.run("forget", m.forget)
		m.tick(day)
		m.leap(2 * day)
		writer := m.start("writer", m.cacheDir(), m.write)
		writer.until("put", "manifests/")
		m.leap(-2 * day)
		m.run("prune", m.prune)
		m.tick(day)
		m.run("prune", m.prune)
		writer.finish()
	},
	"condemnations are read": func(m *model) {
		m.unneeded().crash()
		m.tick(day)
		pruner := m.start("pruner", m.cacheDir(), m.prune)
		pruner.until("delete", "data/") // the store lists the pack still
		m.run("writer", m.write)
		pruner.finish()
	},
}

// With all rules in force, no story loses the chunk.
func TestNoStoryLosesTheChunk(t *testing.T) {
	for rule, story := range stories {
		t.Run(rule, func(t *testing.T) { tryStory(t, story, "") })
	}
}

func tryStory(t *testing.T, story func(m *model), rule string) {
	synctest.Test(t, func(t *testing.T) {
		m := newModel(t, rule)
		story(m)
		if m.lost() != (rule != "") {
			t.Errorf("without %q the chunk is lost: %v\n\t%s", rule, m.lost(), m.history())
		}
	})
}

// Without its rule, each story loses the chunk.
func TestEachRuleIsNeeded(t *testing.T) {
	run := mutant(t)
	for rule := range stories {
		t.Run(rule, func(t *testing.T) { run(t, rule, "^TestStoryWithoutItsRule$") })
	}
}

func TestStoryWithoutItsRule(t *testing.T) {
	rule := os.Getenv(withoutRule)
	if rule == "" {
		t.Skip("TestEachRuleIsNeeded runs this in a mutated binary")
	}
	tryStory(t, stories[rule], rule)
}
