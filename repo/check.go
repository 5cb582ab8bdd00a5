package repo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/object"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store"
)

// ProblemKind is the kind of a problem with an object.
type ProblemKind int

const (
	// Broken means that an object is damaged. Mail may be lost.
	Broken ProblemKind = iota

	// Missing means that an index names a pack that is not in the store. Mail may be lost.
	Missing

	// Unindexed means that no index names a pack. A run that was interrupted leaves such packs. Runs that need its chunks store them
	// again.
	Unindexed

	// Stray means that an object is not mailstrata's, or has no valid name.
	Stray

	// Unread means that this key cannot open an object. An owner's key can.
	Unread

	// Condemned means that a pack is damaged, but will be deleted anyway. If it holds the only copy of a chunk, following the
	// manifests shows that.
	Condemned

	// Overlaid means that a newer version or a delete marker is over an object. mailstrata reads the original.
	Overlaid

	// Unlocked means that locks end earlier than the repository promises.
	Unlocked
)

// Harmless reports whether no mail is in danger.
func (k ProblemKind) Harmless() bool { return !k.Damage() && k != Unlocked }

// Damage reports whether the object cannot be relied on.
func (k ProblemKind) Damage() bool { return k == Broken || k == Missing }

// Problem is a problem that a check found.
type Problem struct {
	Kind   ProblemKind
	Object string // name
	Err    error  // what is wrong
}

// String returns the sentence to print.
func (p Problem) String() string { return fmt.Sprintf("%s: %v", p.Object, p.Err) }

// Checked counts what a check looked at.
type Checked struct {
	Objects int
	Bytes   int64 // read
	Chunks  int64 // of which the content was hashed
}

// checker is one check.
type checker struct {
	r       *Repo
	report  func(Problem)
	data    HashRange // the packs that are read whole
	tell    func(Progress)
	all     Progress // what there is to check
	checked Checked
	stored  map[string]int64 // packs in the store
	indexed map[format.Pack]format.PackRow

	condemned statement.Condemned
	marks     statement.Marks // nil: not read
	short     shortLocks
}

// CheckStructure checks every object. It reads all but the packs of mail whole. Of those it reads the description, and compares it
// with the index. It reports problems and goes on. An error ends it.
func (r *Repo) CheckStructure(ctx context.Context, report func(Problem)) (Checked, error) {
	return r.CheckData(ctx, HashRange{}, report)
}

// CheckData is CheckStructure, and also reads the packs in data whole: every frame, and the hash of every chunk. With a writer's key,
// which cannot open them, it compares their bytes with their names.
func (r *Repo) CheckData(ctx context.Context, data HashRange, report func(Problem)) (Checked, error) {
	return r.CheckProgress(ctx, data, report, nil)
}

// CheckProgress is CheckData, and reports its progress, unless tell is nil.
func (r *Repo) CheckProgress(ctx context.Context, data HashRange, report func(Problem), tell func(Progress)) (Checked, error) {
	c := &checker{r: r, report: report, data: data, tell: tell, stored: map[string]int64{}, indexed: map[format.Pack]format.PackRow{}}
	if err := c.measure(ctx); err != nil {
		return c.checked, err
	}
	// The index comes first: a pack that is put in the meantime is then in the store but not in the index, which is no problem.
	for _, pass := range []func(context.Context) error{c.segments, c.condemnations, c.objects, c.condemnations, c.missing, c.slots, c.overlaid, c.reportShortLocks} {
		if err := pass(ctx); err != nil {
			return c.checked, err
		}
	}
	return c.checked, nil
}

// condemnations reads the condemnations, before the objects and again after them: a pack can be condemned and deleted during a check.
func (c *checker) condemnations(ctx context.Context) error {
	condemned, err := c.r.Condemned(ctx)
	if err != nil && !concernsObject(err) {
		return err
	}
	c.condemned = condemned
	return nil
}

// measure finds out how much there is to check, for who is told how far it is: that costs a listing.
func (c *checker) measure(ctx context.Context) error {
	if c.tell == nil {
		return nil
	}
	c.all.Step = "objects checked"
	for o, err := range c.r.store.List(ctx, "") {
		if err != nil {
			return fmt.Errorf("list the store: %w", err)
		}
		kind, ok := format.KindOf(o.Name)
		if !ok {
			continue
		}
		c.all.Of++
		if pack, isPack := format.ParsePack(o.Name); !isPack || kind == format.KindCatalog || c.data.Holds(pack) {
			c.all.AllBytes += o.Size
		}
	}
	return nil
}

// seen tells that one more object is checked.
func (c *checker) seen() {
	if c.tell == nil {
		return
	}
	c.all.Done++
	c.all.Bytes = min(c.checked.Bytes, c.all.AllBytes)
	c.tell(c.all)
}

func (c *checker) problem(kind ProblemKind, name string, err error) {
	c.report(Problem{Kind: kind, Object: name, Err: err})
}

// concernsObject tells an error that is about one object from those that any other would meet too.
func concernsObject(err error) bool {
	return object.Concerns(err) || errors.Is(err, statement.ErrUnsigned)
}

// outcome reports what err says of an object, or ends the check where it speaks of the store or of our gracePeriod.
func (c *checker) outcome(ctx context.Context, o store.Object, err error) error {
	name := o.Name
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, store.ErrNotExist):
		return c.absent(ctx, o)
	case errors.Is(err, ErrNoRole):
		c.problem(Unread, name, err)
	case concernsObject(err):
		c.problem(Broken, name, err)
	default:
		return fmt.Errorf("check %s: %w", name, err)
	}
	return nil
}

// absent looks again for an object that was listed, and of which the store then said that there is none. It may have
// been deleted meanwhile. Some stores go on to list what they have lost, or lose for a while what they list: the error of
// the problem is ErrNotExist, and nobody may condemn the object for it unasked.
func (c *checker) absent(ctx context.Context, o store.Object) error {
	listed, err := c.r.lists(ctx, o.Name, o.Size)
	if err == nil && listed {
		c.problem(Broken, o.Name, fmt.Errorf("it is listed, but %w", store.ErrNotExist))
	}
	return err
}

func (c *checker) segments(ctx context.Context) error {
	for o, err := range c.r.store.List(ctx, format.KindIndex.Folder()) {
		if err != nil {
			return fmt.Errorf("list the index: %w", err)
		}
		if kind, ok := format.KindOf(o.Name); ok && kind == format.KindIndex {
			if err := c.outcome(ctx, o, c.segment(ctx, o)); err != nil {
				return err
			}
			c.seen()
		}
	}
	return nil
}

func (c *checker) segment(ctx context.Context, o store.Object) error {
	c.count(o)
	hash, _ := store.Hash(o.Name)
	seg, done, err := c.r.fetchSegment(ctx, o.Name, hash)
	if err != nil {
		return err
	}
	defer done()
	for _, err := range seg.Entries() {
		if err != nil {
			return err
		}
	}
	for _, p := range seg.Packs {
		if old, ok := c.indexed[p.Pack()]; ok && !old.Equal(&p) {
			c.problem(Broken, o.Name, format.Damaged("it describes %s otherwise than another segment", p.Name()))
		}
		c.indexed[p.Pack()] = p
	}
	return nil
}

func (c *checker) count(o store.Object) {
	c.checked.Objects++
	c.checked.Bytes += o.Size
}

func (c *checker) objects(ctx context.Context) error {
	for o, err := range c.r.store.List(ctx, "") {
		if err != nil {
			return fmt.Errorf("list the store: %w", err)
		}
		kind, ok := format.KindOf(o.Name)
		if strings.HasPrefix(o.Name, probes) || kind == format.KindIndex && ok {
			continue
		}
		if !ok {
			c.problem(Stray, o.Name, errors.New("not an object of mailstrata"))
			continue
		}
		err := c.object(ctx, kind, o)
		if err == nil {
			err = c.lock(ctx, kind, o)
		}
		c.seen()
		if concernsObject(err) && c.doomed(kind, o.Name) {
			c.problem(Condemned, o.Name, fmt.Errorf("it is condemned, and damaged: %w", err))
			continue
		}
		if err := c.outcome(ctx, o, err); err != nil {
			return err
		}
	}
	return nil
}

// doomed reports whether an object is a condemned pack.
func (c *checker) doomed(kind format.Kind, name string) bool {
	hash, _ := store.Hash(name)
	_, condemned := c.condemned[format.Pack{Catalog: kind == format.KindCatalog, Hash: hash}]
	return condemned && (kind == format.KindData || kind == format.KindCatalog)
}

func (c *checker) object(ctx context.Context, kind format.Kind, o store.Object) error {
	switch kind {
	case format.KindData, format.KindCatalog:
		return c.pack(ctx, kind, o)
	case format.KindKey:
		c.count(o)
		return c.slot(ctx, o)
	}
	c.count(o)
	stored, err := fetch(ctx, c.r.store, o.Name)
	if err != nil {
		return err
	}
	content, err := c.r.codec.Parse(stored, kind, c.r.seals.writer)
	if err != nil {
		return err
	}
	return c.content(kind, content)
}

// content checks what an object says, where that is this package's business.
func (c *checker) content(kind format.Kind, content []byte) error {
	switch kind {
	case format.KindConfig:
		return c.config(content)
	case format.KindManifest:
		_, err := outlineOf(content)
		return err
	case format.KindCheck:
		return format.Decode(content, new(checkRow))
	case format.KindRenewal:
		return format.Decode(content, new(renewalRow))
	}
	payload, err := c.r.verify(kind, content)
	if err != nil {
		return err
	}
	switch kind {
	case format.KindMark:
		_, err = statement.ParseMark(payload)
	case format.KindNote:
		_, err = statement.ParseTagSet(payload)
	case format.KindErasure:
		_, err = statement.ParseErasure(payload)
	default:
		_, err = statement.ParseCondemnation(payload)
	}
	return err
}

// config checks one that counts, or did: a config of an earlier keeper is proven by its tag alone.
func (c *checker) config(content []byte) error {
	var s statement.Signed
	if err := format.Decode(content, &s); err != nil {
		return err
	}
	past, err := parseConfig(s.Payload)
	if err != nil || past.Number < c.r.config.Number {
		return err
	}
	_, err = c.r.verify(format.KindConfig, content)
	return err
}

// slots finds key slots that are gone, and objects that are none (any more).
func (c *checker) slots(ctx context.Context) error {
	slots, err := c.r.Slots(ctx)
	if err != nil {
		return err
	}
	for _, s := range slots {
		if s.Missing {
			c.problem(Missing, s.Name, errors.New("the key slot is missing: its key no longer opens the repository"))
		}
	}
	return nil
}

func (c *checker) slot(ctx context.Context, o store.Object) error {
	listed := func(s slotRow) bool { return s.name() == o.Name }
	if !slices.ContainsFunc(c.r.config.Slots, listed) {
		c.problem(Stray, o.Name, errors.New("not a key slot: it was removed, or adding it was interrupted, or someone else put it there"))
		return nil
	}
	_, err := fetch(ctx, c.r.store, o.Name) // what is in it, only its own key tells
	return err
}

func (c *checker) pack(ctx context.Context, kind format.Kind, o store.Object) error {
	hash, _ := store.Hash(o.Name)
	pack := format.Pack{Catalog: kind == format.KindCatalog, Hash: hash}
	row, indexed := c.indexed[pack]
	c.stored[o.Name] = o.Size
	if indexed && uint64(o.Size) != row.Size {
		return format.Damaged("%d bytes where the index says %d", o.Size, row.Size)
	}
	if !indexed {
		c.problem(Unindexed, o.Name, errors.New("no index names it"))
	}
	whole := kind == format.KindCatalog || c.data.Holds(pack)
	if whole && kind == format.KindData && !c.r.CanRead() {
		return c.bytes(ctx, o, hash)
	}
	found, _, err := c.r.inspectPack(ctx, pack, o.Size, whole, &c.checked)
	if err != nil {
		return err
	}
	if indexed && !found.Equal(&row) {
		return format.Damaged("the index describes it differently")
	}
	return nil
}

// bytes checks that an object is what its name says, which takes no key.
func (c *checker) bytes(ctx context.Context, o store.Object, hash [32]byte) error {
	c.count(o)
	file, err := c.r.download(ctx, o.Name, hash)
	if err != nil {
		return err
	}
	file.close()
	return nil
}

// missing reports packs that the index names and the store has not. One that was condemned may be gone.
func (c *checker) missing(context.Context) error {
	var names []string
	for p := range c.indexed {
		_, gone := c.condemned[p]
		if _, ok := c.stored[p.String()]; !ok && !gone {
			names = append(names, p.String())
		}
	}
	slices.Sort(names)
	for _, name := range names {
		c.problem(Missing, name, errors.New("the index names it, but it is missing from the store"))
	}
	return nil
}
