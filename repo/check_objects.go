package repo

import (
	"context"
	"errors"
	"slices"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/statement"
	"github.com/mailstrata/mailstrata/repo/store"
)

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

// doomed reports whether an object is a condemned pack.
func (c *checker) doomed(name string) bool {
	pack, ok := format.ParsePack(name)
	_, condemned := c.condemned[pack]
	return ok && condemned
}

func (c *checker) object(ctx context.Context, kind format.Kind, o store.Object) error {
	switch kind {
	case format.KindData, format.KindCatalog:
		return c.pack(ctx, o)
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

// content checks the content of an object, as far as this package knows it.
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

// config checks a config. An older one may have the signature of an earlier keeper, so only its tag proves it.
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

func (c *checker) slot(ctx context.Context, o store.Object) error {
	listed := func(s slotRow) bool { return s.name() == o.Name }
	if !slices.ContainsFunc(c.r.config.Slots, listed) {
		c.problem(Stray, o.Name, errors.New("not a key slot: it was removed, or adding it was interrupted, or someone else put it there"))
		return nil
	}
	_, err := fetch(ctx, c.r.store, o.Name) // only its own key can read the content
	return err
}

func (c *checker) pack(ctx context.Context, o store.Object) error {
	pack, _ := format.ParsePack(o.Name)
	row, indexed := c.indexed[pack]
	c.stored[o.Name] = true
	if indexed && uint64(o.Size) != row.Size {
		return format.Damaged("%d bytes where the index says %d", o.Size, row.Size)
	}
	if !indexed {
		c.problem(Unindexed, o.Name, errors.New("no index names it"))
	}
	whole := pack.Catalog || c.data.Holds(pack)
	if whole && !pack.Catalog && !c.r.CanRead() {
		return c.bytes(ctx, o, pack.Hash)
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

// bytes compares the bytes of an object with its name, which needs no key.
func (c *checker) bytes(ctx context.Context, o store.Object, hash [32]byte) error {
	c.count(o)
	file, err := c.r.download(ctx, o.Name, hash)
	if err != nil {
		return err
	}
	file.close()
	return nil
}
