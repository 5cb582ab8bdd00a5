package manifest

import (
	"cmp"
	"fmt"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
)

// ItemSource is what a run found at a source that has items and not messages: Sieve scripts,
// calendars or address books. It is a chunk, which the manifests of all runs share that found the
// same.
type ItemSource struct {
	Kind        SourceKind
	URL         string    // without secrets
	Observed    time.Time // when a run first found it like this, by the clock of the store
	Complete    bool      // the collections are those of the source, and all are complete
	Inherited   bool      // the source did not answer; it is as in the parent
	Server      []Field   // what the server said about itself
	Collections []Collection

	Extensions Extensions
}

// SourceKind is what the items of a source are.
type SourceKind uint8

// The kinds of sources. The values are part of the durable format.
const (
	Mail         SourceKind = 0 // only of a Source
	Sieve        SourceKind = 1 // scripts of a ManageSieve server (RFC 5804)
	Calendars    SourceKind = 2 // calendar objects of a CalDAV server (RFC 4791)
	AddressBooks SourceKind = 3 // address objects of a CardDAV server (RFC 6352)
)

func (k SourceKind) String() string {
	switch k {
	case Mail:
		return "mail"
	case Sieve:
		return "sieve"
	case Calendars:
		return "calendar"
	case AddressBooks:
		return "addressbook"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Field is a name and a value that a server sent. The order of the fields is part of the durable
// format.
type Field struct {
	_           struct{} `cbor:",toarray"`
	Name, Value string
}

// Collection is a calendar, an address book, or the scripts of an account.
type Collection struct {
	Path       string  // of its URL, as the server sent it; empty for scripts
	Name       string  // that people see; it may be empty
	Properties []Field // ascending by name, each once
	SyncToken  string  // RFC 6578; empty: the next run lists all items
	CTag       string  // getctag; it changes when an item does
	Complete   bool    // it has all items, as they are at the source
	Inherited  bool    // the source did not list its items; they are as in the parent
	Items      int64   // in the pages
	Bytes      int64   // of these
	Pages      []chunk.ID

	Listed time.Time // when a run last listed all items, by the clock of the store; zero: not known. Not beside Extensions

	Extensions Extensions
}

// Title returns the name of the collection that people see, or else its path.
func (c *Collection) Title() string { return cmp.Or(c.Name, c.Path) }

// Item is a script, a calendar object or an address object: the bytes that the server gave for one
// name.
type Item struct {
	Name   string // its path below that of the collection, as the server sent it, or the name of the script
	Size   int64
	ETag   string     // RFC 9110 section 8.8.3, as the server sent it; empty: the next run reads the item again
	Chunks []chunk.ID // that hold it, one after the other; nil if List names a chunk with their IDs
	List   chunk.ID   // if there are more than eight
	Active bool       // the server runs the script

	Extensions Extensions
}

// ItemTotals are the sums over the collections of a manifest.
type ItemTotals struct {
	_                         struct{} `cbor:",toarray"`
	Collections, Items, Bytes uint64
	NewItems, NewBytes        uint64 // read in this run
}

// add adds what an ItemSource has.
func (t *ItemTotals) add(s *ItemSource) {
	t.Collections += uint64(len(s.Collections))
	for i := range s.Collections {
		t.Items += uint64(s.Collections[i].Items)
		t.Bytes += uint64(s.Collections[i].Bytes)
	}
}

// SetItemSources stores the sources and records them in the manifest. It keeps NewItems and
// NewBytes.
func (m *Manifest) SetItemSources(sources []ItemSource, put Put) error {
	m.ItemSources = nil
	m.ItemTotals = ItemTotals{NewItems: m.ItemTotals.NewItems, NewBytes: m.ItemTotals.NewBytes}
	for i := range sources {
		id, err := put.encoded(EncodeItemSource(&sources[i]))
		if err != nil {
			return fmt.Errorf("%s %s: %w", sources[i].Kind, sources[i].URL, err)
		}
		m.ItemSources = append(m.ItemSources, id)
		m.ItemTotals.add(&sources[i])
	}
	if len(sources) == 0 { // a repair may find none that can be read
		m.ItemTotals, m.Sources = ItemTotals{}, nil
	}
	return nil
}

// AllItemSources reads the sources and checks that they add up to the totals.
func (m *Manifest) AllItemSources(load Load) ([]ItemSource, error) {
	sources := make([]ItemSource, 0, len(m.ItemSources))
	sum := ItemTotals{NewItems: m.ItemTotals.NewItems, NewBytes: m.ItemTotals.NewBytes}
	for i, id := range m.ItemSources {
		b, err := load(id)
		if err != nil {
			return nil, fmt.Errorf("item source %d of %d: %w", i+1, len(m.ItemSources), err)
		}
		s, err := ParseItemSource(b)
		if err != nil {
			return nil, err
		}
		sources = append(sources, *s)
		sum.add(s)
	}
	if sum != m.ItemTotals {
		return nil, malformed("item sources", refuse("totals of %+v, the sources add up to %+v", m.ItemTotals, sum))
	}
	return sources, nil
}

// checkItemTotals refuses totals without sources, and too many sources.
func (m *Manifest) checkItemTotals() error {
	if len(m.ItemSources) == 0 && m.ItemTotals != (ItemTotals{}) {
		return refuse("totals of items without a source")
	}
	return cmp.Or(checkCount("item sources", len(m.ItemSources), maxItemSources),
		checkIDs("item sources", m.ItemSources))
}
