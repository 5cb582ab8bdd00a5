// Package collection has the nouns for what an account holds beside mail: collections of items,
// which are Sieve scripts, calendar objects or address objects. A [Source] is where a backup reads
// them, a [Target] where a restore puts them. Packages sieve and dav implement both.
//
// An item is the bytes that a server gives for one name. No program between the server and the
// archive reads or changes them.
package collection

import (
	"context"
	"errors"
	"fmt"
)

// Kind is what the items of a source are.
type Kind uint8

// The kinds of sources. Manifests have the same values.
const (
	Sieve        Kind = 1
	Calendars    Kind = 2
	AddressBooks Kind = 3
)

// String returns the word for one collection of the kind.
func (k Kind) String() string {
	switch k {
	case Sieve:
		return "scripts"
	case Calendars:
		return "calendar"
	case AddressBooks:
		return "address book"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Field is a name and a value.
type Field struct{ Name, Value string }

// Collection is a calendar, an address book, or the scripts of an account.
type Collection struct {
	Path       string  // of its URL, as the server sent it; empty for scripts
	Name       string  // that people see; it may be empty
	Properties []Field // ascending by name, each once
	SyncToken  string  // of RFC 6578; empty: the server does not have one
	CTag       string  // it changes when an item does; empty: the server does not have one
}

// Listed is an item in a list.
type Listed struct {
	Name   string // its path below that of the collection, as the server sent it, or the name of a script
	ETag   string // empty: not known
	Active bool   // the server runs the script
}

// Listing is what a collection has, or what changed in it.
type Listing struct {
	Since     bool     // Items are those that changed since the token, and Removed those that were removed; else Items are all
	Items     []Listed // in any order
	Removed   []string // names
	SyncToken string   // for the next listing
}

// Item is an item as the server gave it.
type Item struct {
	Listed
	Content  []byte
	Doubtful bool // the content may be one that the server made of what it has, such as a vCard of another version
}

// ErrGone reports that an item is no longer there.
var ErrGone = errors.New("it is no longer there")

// ErrExists reports that a target has an item of the name already, or that it is not the one that
// was to be replaced.
var ErrExists = errors.New("it exists already")

// ErrTooLarge reports an item that is larger than MaxItem.
var ErrTooLarge = errors.New("it is too large")

// MaxItem is how many bytes an item may have.
const MaxItem = 64 << 20

// Source is where scripts, calendars or address books are read. One goroutine uses it.
type Source interface {
	Kind() Kind
	URL() string // without secrets

	// Open connects, and returns what the server says about itself and its collections, ascending
	// by path.
	Open(ctx context.Context) (server []Field, all []Collection, err error)

	// List lists the items of a collection: those that changed since the token, if the server says
	// that, or else all.
	List(ctx context.Context, c Collection, token string) (Listing, error)

	// Read reads items of a collection. It calls got once with each, in any order but one call at a
	// time, with the item as it was read or with the error of this item alone. It returns an error
	// of got, or one that ends everything.
	Read(ctx context.Context, c Collection, items []Listed, got func(Item, error) error) error

	Close() error
}

// Target is where scripts, calendars or address books are restored. It is also a Source, by which a
// restore learns what is there.
type Target interface {
	Source

	// Create makes a collection with the name and the properties of c, and returns it with its
	// path.
	Create(ctx context.Context, c Collection) (Collection, error)

	// Put stores an item. If old is nil there must be no item of the name, and otherwise it must
	// still be old. Else Put returns ErrExists.
	Put(ctx context.Context, c Collection, item Item, old *Listed) error

	// Delete removes an item, which must still be as it was listed. Else it returns ErrExists, or
	// ErrGone.
	Delete(ctx context.Context, c Collection, item Listed) error

	// DeleteCollection removes a collection with everything in it.
	DeleteCollection(ctx context.Context, c Collection) error

	// WritesAtOnce is how many calls of Put or Delete may be under way at once, at least 1. If
	// there may be several, they may also be under way during Read.
	WritesAtOnce() int
}
