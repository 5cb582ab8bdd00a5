package archivetest

import (
	"context"
	"net/url"

	"github.com/mailstrata/mailstrata/collection"
)

// Respelled is a server that knows its items by any spelling of their names, as servers do for the
// paths of URLs, and names them in its own one. The server within has the names decoded.
type Respelled struct {
	*ItemServer
	Spell func(decoded string) string
}

func decoded(name string) string {
	if text, err := url.PathUnescape(name); err == nil {
		return text
	}
	return name
}

// List implements collection.Source.
func (s *Respelled) List(ctx context.Context, of collection.Collection, token string) (collection.Listing, error) {
	l, err := s.ItemServer.List(ctx, of, token)
	for i := range l.Items {
		l.Items[i].Name = s.Spell(l.Items[i].Name)
	}
	for i := range l.Removed {
		l.Removed[i] = s.Spell(l.Removed[i])
	}
	return l, err
}

// Read implements collection.Source.
func (s *Respelled) Read(
	ctx context.Context, of collection.Collection, items []collection.Listed,
	got func(collection.Item, error) error,
) error {
	for _, asked := range items {
		inner := asked
		inner.Name = decoded(asked.Name)
		err := s.ItemServer.Read(ctx, of, []collection.Listed{inner}, func(item collection.Item, err error) error {
			item.Name = asked.Name
			return got(item, err)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Put implements collection.Target.
func (s *Respelled) Put(
	ctx context.Context, of collection.Collection, item collection.Item, old *collection.Listed,
) error {
	item.Name = decoded(item.Name)
	return s.ItemServer.Put(ctx, of, item, old)
}

// Delete implements collection.Target.
func (s *Respelled) Delete(ctx context.Context, of collection.Collection, item collection.Listed) error {
	item.Name = decoded(item.Name)
	return s.ItemServer.Delete(ctx, of, item)
}
