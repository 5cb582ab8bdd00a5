package check

import (
	"context"
	"errors"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/access"
	"github.com/mailstrata/mailstrata/repo/internal/objects"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store"
)

// segment reads an index segment.
func (c *checker) segment(ctx context.Context, f *finding) error {
	f.read()
	hash, _ := store.Hash(f.Name)
	seg, done, err := c.objects.OpenSegment(ctx, f.Object, hash)
	if err != nil {
		return err
	}
	defer done()
	for _, err := range seg.Entries() {
		if err != nil {
			return err
		}
	}
	f.rows = seg.Packs
	return nil
}

// doomed reports whether an object is a condemned pack.
func (c *checker) doomed(name string) bool {
	pack, ok := format.ParsePack(name)
	_, condemned := c.condemned[pack]
	return ok && condemned
}

// content reads an object, and checks its content as far as this package knows it.
func (c *checker) content(ctx context.Context, kind format.Kind, f *finding) error {
	switch kind {
	case format.KindData, format.KindCatalog:
		return c.pack(ctx, f)
	case format.KindKey:
		f.read()
		return c.slot(ctx, f)
	}
	f.read()
	if kind == format.KindAlarm {
		kind = format.KindManifest // it has the bytes of one
	}
	stored, err := objects.Fetch(ctx, c.objects.Store, f.Name)
	if err != nil {
		return err
	}
	content, err := c.objects.Codec.Parse(stored, kind, c.objects.Seals.Writer)
	if err != nil {
		return err
	}
	return c.parse(kind, content)
}

// parse checks the content of an object that is no pack.
func (c *checker) parse(kind format.Kind, content []byte) error {
	switch kind {
	case format.KindConfig:
		return c.config(content)
	case format.KindCheck:
		return format.Decode(content, new(checkRow))
	}
	if parse := c.r.Parse[kind]; parse != nil {
		return parse(content)
	}
	payload, err := c.r.Verify(kind, content)
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

// config checks a config. An older one may have the signature of an earlier keeper, so only its tag
// proves it.
func (c *checker) config(content []byte) error {
	var s statement.Signed
	if err := format.Decode(content, &s); err != nil {
		return err
	}
	past, err := access.ParseConfig(s.Payload)
	if err != nil || past.Number < c.r.Config.Number {
		return err
	}
	_, err = c.r.Verify(format.KindConfig, content)
	return err
}

func (c *checker) slot(ctx context.Context, f *finding) error {
	if !c.r.Config.Lists(f.Name) {
		f.problem(objects.Stray, errors.New("not of this repository's keys: it was removed, or adding it was interrupted, or someone else put it there"))
		return nil
	}
	_, err := objects.Fetch(ctx, c.objects.Store, f.Name) // only its own key can read the content
	return err
}

func (c *checker) pack(ctx context.Context, f *finding) error {
	pack, _ := format.ParsePack(f.Name)
	row, indexed := c.indexed[pack]
	if indexed && uint64(f.Size) != row.Size {
		return format.Damaged("%d bytes where the index says %d", f.Size, row.Size)
	}
	if !indexed {
		f.problem(objects.Unindexed, errors.New("no index names it"))
	}
	whole := pack.Catalog || c.data.Holds(pack)
	if !pack.Catalog && !c.r.CanRead() { // a writer's key opens neither its table nor its chunks
		if whole {
			return c.bytes(ctx, f, pack.Hash)
		}
		return nil
	}
	found, _, err := c.objects.CheckPack(ctx, pack, f.Size, whole, &f.checked)
	if err != nil {
		return err
	}
	if indexed && !found.Equal(&row) {
		return format.Damaged("the index describes it differently")
	}
	return nil
}

// bytes compares the bytes of an object with its name, which needs no key.
func (c *checker) bytes(ctx context.Context, f *finding, hash [32]byte) error {
	f.read()
	file, err := c.objects.Download(ctx, f.Name, hash)
	if err != nil {
		return err
	}
	file.Close()
	return nil
}
