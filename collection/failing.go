package collection

import "context"

// Failing returns a Target that cannot be used, such as one whose URL is wrong. Every call returns
// the error. The URL is for people.
func Failing(kind Kind, url string, err error) Target { return failing{kind, url, err} }

type failing struct {
	kind Kind
	url  string
	err  error
}

func (f failing) Kind() Kind { return f.kind }

func (f failing) URL() string { return f.url }

func (f failing) Open(context.Context) ([]Field, []Collection, error) { return nil, nil, f.err }

func (f failing) List(context.Context, Collection, string) (Listing, error) { return Listing{}, f.err }

func (f failing) Read(context.Context, Collection, []Listed, func(Item, error) error) error {
	return f.err
}

func (f failing) Create(context.Context, Collection) (Collection, error) { return Collection{}, f.err }

func (f failing) Put(context.Context, Collection, Item, *Listed) error { return f.err }

func (f failing) Delete(context.Context, Collection, Listed) error { return f.err }

func (f failing) DeleteCollection(context.Context, Collection) error { return f.err }

func (f failing) WritesAtOnce() int { return 1 }

func (f failing) Close() error { return nil }
