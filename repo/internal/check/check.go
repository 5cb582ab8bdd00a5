package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/access"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store"
)

// Repository is what a check looks at.
type Repository struct {
	*access.Access
	Condemned func(context.Context) (statement.Condemned, error)
	Marks     func(context.Context) (statement.Marks, error) // without those that cannot be read
	Parse     map[format.Kind]func(content []byte) error     // of kinds that others know
}

// Options say what to check.
type Options struct {
	Data     HashRange // the packs that are read whole
	Share    Share     // the objects that are checked
	Report   func(objects.Problem)
	Progress func(objects.Progress) // may be nil
}

// checker is one check.
type checker struct {
	r        Repository
	objects  *objects.Objects
	report   func(objects.Problem)
	data     HashRange
	share    Share
	progress func(objects.Progress)
	all      objects.Progress // what there is to check
	checked  objects.Checked
	stored   map[string]bool // packs in the store, by name
	indexed  map[format.Pack]format.PackRow

	condemned statement.Condemned
	marks     statement.Marks // nil: not read
	short     shortLocks
}

// Run checks every object in o.Share. It reads the whole index anyway, because only the index says
// what is in the packs. It reports problems and goes on. An error ends it.
func Run(ctx context.Context, r Repository, o Options) (objects.Checked, error) {
	c := &checker{
		r: r, objects: r.Objects, data: o.Data, share: o.Share, progress: o.Progress,
		stored: map[string]bool{}, indexed: map[format.Pack]format.PackRow{},
	}
	c.report = func(p objects.Problem) {
		if o.Share.Has(p.Object) {
			o.Report(p)
		}
	}
	if err := c.measure(ctx); err != nil {
		return c.checked, err
	}
	// The index comes first: a pack that is put in the meantime is then in the store but not in the
	// index, which is no problem.
	for _, pass := range []func(context.Context) error{
		c.segments, c.condemnations, c.others, c.condemnations, c.missing, c.slots, c.overlaid, c.reportShortLocks,
	} {
		if err := pass(ctx); err != nil {
			return c.checked, err
		}
	}
	return c.checked, nil
}

// condemnations reads the condemnations, before the objects and again after them: a pack can be
// condemned and deleted during a check.
func (c *checker) condemnations(ctx context.Context) error {
	condemned, err := c.r.Condemned(ctx)
	if err != nil && !objects.Concerns(err) {
		return err
	}
	c.condemned = condemned
	return nil
}

// measure lists the store to find out how much there is to check, if the caller wants to know the
// progress.
func (c *checker) measure(ctx context.Context) error {
	if c.progress == nil {
		return nil
	}
	c.all.Step = "objects checked"
	for o, err := range c.objects.Store.List(ctx, "") {
		if err != nil {
			return fmt.Errorf("list the store: %w", err)
		}
		kind, ok := format.KindOf(o.Name)
		if !ok || !c.checks(kind, o.Name) {
			continue
		}
		c.all.Of++
		if pack, isPack := format.ParsePack(o.Name); !isPack || kind == format.KindCatalog || c.data.Holds(pack) {
			c.all.AllBytes += o.Size
		}
	}
	return nil
}

// checks reports whether an object is looked at.
func (c *checker) checks(kind format.Kind, name string) bool {
	return kind == format.KindIndex || c.share.Has(name)
}

// seen reports that one more object is checked.
func (c *checker) seen() {
	if c.progress == nil {
		return
	}
	c.all.Done++
	c.all.Bytes = min(c.checked.Bytes, c.all.AllBytes)
	c.progress(c.all)
}

func (c *checker) problem(kind objects.ProblemKind, name string, err error) {
	c.report(objects.Problem{Kind: kind, Object: name, Err: err})
}

// segments reads the index segments, and remembers the packs that they describe.
func (c *checker) segments(ctx context.Context) error {
	return c.each(ctx, c.objects.List(ctx, format.KindIndex, "index"), c.segment, func(f *finding) error {
		c.takeRows(f)
		c.seen()
		return nil
	})
}

// takeRows remembers the packs that a segment describes.
func (c *checker) takeRows(f *finding) {
	for _, p := range f.rows {
		if old, ok := c.indexed[p.Pack()]; ok && !old.Equal(&p) {
			c.problem(objects.Broken, f.Name,
				format.Damaged("it describes %s otherwise than another segment", p.Name()))
		}
		c.indexed[p.Pack()] = p
	}
}

// others looks at all objects but the index.
func (c *checker) others(ctx context.Context) error {
	if err := c.readMarks(ctx); err != nil {
		return err
	}
	list := func(yield func(store.Object, error) bool) {
		for o, err := range c.objects.Store.List(ctx, "") {
			if err != nil {
				yield(o, fmt.Errorf("list the store: %w", err))
				return
			}
			kind, ok := format.KindOf(o.Name)
			if !strings.HasPrefix(o.Name, probes) && (kind != format.KindIndex || !ok) && !yield(o, nil) {
				return
			}
		}
	}
	return c.each(ctx, list, c.object, func(f *finding) error {
		if kind, ok := format.KindOf(f.Name); !ok {
			return nil
		} else if kind == format.KindData || kind == format.KindCatalog {
			c.stored[f.Name] = true
		}
		if c.share.Has(f.Name) {
			c.short.add(f)
			c.seen()
		}
		return nil
	})
}

// object looks at one object.
func (c *checker) object(ctx context.Context, f *finding) error {
	if !c.share.Has(f.Name) {
		return nil
	}
	kind, ok := format.KindOf(f.Name)
	if !ok {
		f.problem(objects.Stray, errors.New("not an object of mailstrata"))
		return nil
	}
	err := c.content(ctx, kind, f)
	if err == nil {
		err = c.lock(ctx, kind, f)
	}
	if objects.Concerns(err) && c.doomed(f.Name) {
		f.problem(objects.Condemned, fmt.Errorf("it is condemned: %w", err))
		return nil
	}
	return err
}

// slots reports key slots that are missing from the store.
func (c *checker) slots(ctx context.Context) error {
	slots, err := c.r.Slots(ctx)
	if err != nil {
		return err
	}
	for _, s := range slots {
		if s.Missing {
			c.problem(objects.Missing, s.Name,
				errors.New("it is missing from the store: its key no longer opens the repository"))
		}
	}
	return nil
}

// missing reports packs that the index names and the store does not have. A condemned pack may be
// deleted already.
func (c *checker) missing(context.Context) error {
	var names []string
	for p := range c.indexed {
		_, gone := c.condemned[p]
		if !c.stored[p.String()] && !gone {
			names = append(names, p.String())
		}
	}
	slices.Sort(names)
	for _, name := range names {
		c.problem(objects.Missing, name, errors.New("the index names it, but it is missing from the store"))
	}
	return nil
}
