package page

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/manifest"
)

// Names of parameters of calendars, address books and scripts.
const (
	kindParam = "k"
	pathParam = "c" // of the collection
	itemParam = "f" // the name of the item
)

// kindWords says what a kind is called, and how its files end.
var kindWords = map[manifest.SourceKind]struct{ one, items, end string }{
	manifest.Sieve:        {"scripts", "script", ".sieve"},
	manifest.Calendars:    {"calendar", "event", ".ics"},
	manifest.AddressBooks: {"address book", "contact", ".vcf"},
}

// collectionRow is a calendar, an address book, or the scripts, in the list of a night.
type collectionRow struct {
	Name, Kind, Address string
	Count, Bytes        int64
	Remark              string
}

// collections lists the calendars, address books and scripts of a night.
func (p *place) collections(ctx context.Context, n *nightPage) error {
	for source, err := range p.view.Contents.ItemSources(ctx) {
		if err != nil {
			if archive.UnlessDamage(err) != nil {
				return err
			}
			n.damaged(fmt.Errorf("some calendars, address books or scripts cannot be read: %w", err))
			continue
		}
		for i := range source.Collections {
			c := &source.Collections[i]
			row := collectionRow{
				Name: titleOf(source, c), Kind: kindWords[source.Kind].one, Count: c.Items, Bytes: c.Bytes,
				Address: p.address("items", kindParam, source.Kind.String(), pathParam, c.Path),
			}
			switch {
			case source.Inherited || c.Inherited:
				row.Remark = "could not be read: as in the backup before"
			case !c.Complete:
				row.Remark = "not complete"
			}
			n.Collections = append(n.Collections, row)
		}
	}
	return nil
}

func titleOf(source *manifest.ItemSource, c *manifest.Collection) string {
	if source.Kind == manifest.Sieve {
		return "Scripts"
	}
	return c.Title()
}

// collection returns the collection that a request names.
func (r *request) collection() (p *place, source *manifest.ItemSource, c *manifest.Collection, err error) {
	if p, err = r.night(); err != nil {
		return nil, nil, nil, err
	}
	var damage error
	for source, err := range p.view.Contents.ItemSources(r.Context()) {
		if err != nil {
			damage = err
			continue
		}
		for i := range source.Collections {
			c := &source.Collections[i]
			if source.Kind.String() == r.values.Get(kindParam) && c.Path == r.values.Get(pathParam) {
				return p, source, c, nil
			}
		}
	}
	if damage != nil {
		return nil, nil, nil, damage
	}
	return nil, nil, nil, fmt.Errorf("%w: the backup has no such calendar or address book", errNotFound)
}

// itemsPage is the items of a collection.
type itemsPage struct {
	page
	Path    string // of the collection, for people
	Noun    string // for one item
	When    time.Time
	Count   int64
	Bytes   int64
	Pager   pager
	Rows    []itemRow
	Restore string // command line
}

// itemRow is an item in a list.
type itemRow struct {
	Name    string // what people call it, or the name of the file
	File    string
	Address string // of the download
	Date    string // on which an event begins, as it is written there
	Size    int64
	Active  bool
	Damage  string
}

// maxSummarized is the size up to which an item is read for a list. Those that are larger have an
// attachment or a photo.
const maxSummarized = 1 << 20

func (s *Server) items(w http.ResponseWriter, r *request) error {
	p, source, c, err := r.collection()
	if err != nil {
		return err
	}
	title := titleOf(source, c)
	data := itemsPage{
		page: page{Title: title, Account: p.history.Account, Night: p.id(), Wide: true}, Path: title,
		Noun: kindWords[source.Kind].items, When: p.view.Night.Time, Count: c.Items, Bytes: c.Bytes,
	}
	data.Crumbs = append(crumbs(p), crumb{when(p.view.Night.Time), nightAddress(p.history, p.index)})
	words := []string{"items", shortID(p), c.Path, "--to", "files:DIR"}
	if source.Kind == manifest.Sieve {
		words[2] = "scripts"
	}
	data.Restore = command(p.history.Archive(), words...)
	address := func(path string, more ...string) string {
		return p.address(path, append([]string{kindParam, source.Kind.String(), pathParam, c.Path}, more...)...)
	}
	data.Pager = newPager(int(c.Items), messagesOnPage, r.number(pageParam), func(n string) string { return address("items", pageParam, n) })
	shown, damage, err := itemsBetween(r.Context(), p.view.Contents, c, data.Pager.First, data.Pager.End)
	if err != nil {
		return err
	}
	data.damaged(damage...)
	for i := range shown {
		it := &shown[i]
		row, err := itemRowOf(r.Context(), p.view.Contents, source.Kind, it)
		if err != nil {
			return err
		}
		row.Address = address("item", itemParam, it.Name)
		data.Rows = append(data.Rows, row)
	}
	return s.show(w, "items", data)
}

// itemsBetween returns some items of a collection, and fetches what the list shows of them. Pages
// that cannot be read are damage.
func itemsBetween(
	ctx context.Context, contents *archive.Contents, c *manifest.Collection, first, end int,
) (items []manifest.Item, damage []error, err error) {
	n := 0
	var ids []chunk.ID
	for it, err := range contents.Items(ctx, c) {
		if err != nil {
			if ctx.Err() != nil || archive.UnlessDamage(err) != nil {
				return nil, nil, err
			}
			damage = append(damage, err)
			continue
		}
		if n >= first && n < end {
			items = append(items, *it)
			if it.Size <= maxSummarized {
				ids = append(ids, it.Chunks...)
			}
		}
		if n++; n >= end {
			break
		}
	}
	contents.PrefetchChunks(ctx, ids)
	return items, damage, nil
}

// itemRowOf returns an item for a list.
func itemRowOf(
	ctx context.Context, contents *archive.Contents, kind manifest.SourceKind, it *manifest.Item,
) (itemRow, error) {
	row := itemRow{File: itemName(kind, it.Name), Size: it.Size, Active: it.Active}
	row.Name = row.File
	if kind == manifest.Sieve {
		row.Name = it.Name
		return row, nil
	}
	if it.Size > maxSummarized {
		return row, nil
	}
	content, err := contents.ItemContent(ctx, it)
	if err != nil {
		if ctx.Err() != nil || archive.UnlessDamage(err) != nil {
			return row, err
		}
		row.Damage = sentence(fmt.Errorf("it cannot be read: %w", err))
		return row, nil
	}
	found := collection.Summarize(collection.Kind(kind), content)
	if found.Name != "" {
		row.Name = found.Name
	}
	row.Date = found.When()
	return row, nil
}

// itemName returns the name of the file of an item.
func itemName(kind manifest.SourceKind, name string) string {
	if decoded, err := url.PathUnescape(name); err == nil && kind != manifest.Sieve {
		name = decoded
	}
	end := kindWords[kind].end
	return fileName(strings.TrimSuffix(name, end)+end, "")
}

// item downloads an item as it is.
func (s *Server) item(w http.ResponseWriter, r *request) error {
	p, source, c, err := r.collection()
	if err != nil {
		return err
	}
	name := r.values.Get(itemParam)
	var damage error
	for it, err := range p.view.Contents.Items(r.Context(), c) {
		switch {
		case err != nil:
			damage = err
		case it.Name == name:
			end, err := s.readingOf(r.Context(), it.Size)
			if err != nil {
				return err
			}
			defer end()
			body := p.view.Contents.Item(it)
			if err := body.Verify(r.Context()); err != nil {
				return fmt.Errorf("it cannot be read: %w", err)
			}
			setDownload(w, itemName(source.Kind, it.Name))
			w.Header().Set("Content-Length", strconv.FormatInt(it.Size, 10))
			return abortOn(body.WriteTo(r.Context(), w))
		}
	}
	if damage != nil {
		return damage
	}
	return fmt.Errorf("%w: it has no %q", errNotFound, name)
}
