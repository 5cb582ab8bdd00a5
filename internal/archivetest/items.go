package archivetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/repo"
)

// ItemServer is a source of items in memory. Each change of a collection gives it another sync
// token.
type ItemServer struct {
	Of          collection.Kind
	Collections map[string]*Items // by path
	Reads       int               // items that were read
	Lists       int               // collections that were listed
	Puts        int               // items that were stored

	mu sync.Mutex // of Read, Put and Delete

	// faults; each may be nil
	OnOpen func() error
	OnList func(path string) error
	OnRead func(name string) error
	Since  bool // it says what changed
}

// Items are the items of a collection, by name.
type Items struct {
	Content map[string]string
	changed map[string]int
	version int
}

// NewItemServer returns a server of calendars.
func NewItemServer() *ItemServer {
	return &ItemServer{Of: collection.Calendars, Collections: make(map[string]*Items)}
}

// Collection returns a collection, and makes it if it does not exist.
func (s *ItemServer) Collection(path string) *Items {
	if s.Collections[path] == nil {
		s.Collections[path] = &Items{Content: make(map[string]string), changed: make(map[string]int)}
	}
	return s.Collections[path]
}

// Put sets the content of an item, or removes it if there is none.
func (c *Items) Put(name, content string) {
	c.version++
	c.changed[name] = c.version
	if c.Content[name] = content; content == "" {
		delete(c.Content, name)
	}
}

// Clone returns a copy, with which a server can be set back.
func (c *Items) Clone() *Items {
	return &Items{Content: maps.Clone(c.Content), changed: maps.Clone(c.changed), version: c.version}
}

func (c *Items) token() string { return fmt.Sprint(c.version) }

func (c *Items) listed(name string) collection.Listed {
	return collection.Listed{Name: name, ETag: fmt.Sprintf("%q", fmt.Sprint(c.changed[name]))}
}

// State has the content of every item, by path and name.
func (s *ItemServer) State() map[string]string {
	all := make(map[string]string)
	for path, c := range s.Collections {
		for name, content := range c.Content {
			all[path+name] = content
		}
	}
	return all
}

// Kind implements collection.Source.
func (s *ItemServer) Kind() collection.Kind { return s.Of }

// URL implements collection.Source.
func (s *ItemServer) URL() string { return "https://test/" + s.Of.String() }

// Close implements collection.Source.
func (s *ItemServer) Close() error { return nil }

// Open implements collection.Source.
func (s *ItemServer) Open(context.Context) (server []collection.Field, all []collection.Collection, err error) {
	if s.OnOpen != nil {
		err = s.OnOpen()
	}
	for _, path := range slices.Sorted(maps.Keys(s.Collections)) {
		c := collection.Collection{Path: path, Name: "name of " + path, SyncToken: s.Collections[path].token()}
		c.Properties = []collection.Field{{Name: "color", Value: "#ff0000"}}
		all = append(all, c)
	}
	return []collection.Field{{Name: "Server", Value: "test"}}, all, err
}

// List implements collection.Source.
func (s *ItemServer) List(_ context.Context, of collection.Collection, token string) (l collection.Listing, err error) {
	s.Lists++
	if s.OnList != nil {
		if err := s.OnList(of.Path); err != nil {
			return l, err
		}
	}
	c, since := s.Collections[of.Path], 0
	l.SyncToken, l.Since = c.token(), s.Since && token != ""
	if l.Since {
		if _, err := fmt.Sscan(token, &since); err != nil {
			return l, err
		}
	}
	for name, version := range c.changed {
		_, there := c.Content[name]
		switch {
		case l.Since && version <= since:
		case there:
			l.Items = append(l.Items, c.listed(name))
		case l.Since:
			l.Removed = append(l.Removed, name)
		}
	}
	return l, nil
}

// Read implements collection.Source.
func (s *ItemServer) Read(
	_ context.Context, of collection.Collection, items []collection.Listed,
	got func(collection.Item, error) error,
) error {
	for _, item := range items {
		var err error
		if s.OnRead != nil {
			err = s.OnRead(item.Name)
		}
		read, there := s.read(of.Path, item.Name)
		if !there {
			err = errors.Join(err, collection.ErrGone)
		}
		if err := got(read, err); err != nil {
			return err
		}
	}
	return nil
}

func (s *ItemServer) read(path, name string) (item collection.Item, there bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Reads++
	c := s.Collections[path]
	content, there := c.Content[name]
	return collection.Item{Listed: c.listed(name), Content: []byte(content)}, there
}

// ArchivedItems has the content of every item of a manifest, by path and name.
func ArchivedItems(t testing.TB, r *repo.Repo, head repo.Head) map[string]string {
	t.Helper()
	contents, err := archive.OpenManifest(t.Context(), r, head)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for source, err := range contents.ItemSources(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range source.Collections {
			for item, err := range contents.Items(t.Context(), &source.Collections[i]) {
				if err != nil {
					t.Fatal(err)
				}
				content, err := contents.ItemContent(t.Context(), item)
				if err != nil {
					t.Fatal(err)
				}
				all[source.Collections[i].Path+item.Name] = string(content)
			}
		}
	}
	return all
}

// Create implements collection.Target.
func (s *ItemServer) Create(_ context.Context, c collection.Collection) (collection.Collection, error) {
	s.Collection(c.Path)
	return c, nil
}

// Put implements collection.Target.
func (s *ItemServer) Put(
	_ context.Context, of collection.Collection, item collection.Item, old *collection.Listed,
) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.Collection(of.Path)
	if _, there := c.Content[item.Name]; there != (old != nil) || there && c.listed(item.Name).ETag != old.ETag {
		return collection.ErrExists
	}
	s.Puts++
	c.Put(item.Name, string(item.Content))
	return nil
}

// Delete implements collection.Target.
func (s *ItemServer) Delete(_ context.Context, of collection.Collection, item collection.Listed) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.Collection(of.Path)
	if _, there := c.Content[item.Name]; !there {
		return collection.ErrGone
	}
	if c.listed(item.Name).ETag != item.ETag {
		return collection.ErrExists
	}
	c.Put(item.Name, "")
	return nil
}

// DeleteCollection implements collection.Target.
func (s *ItemServer) DeleteCollection(_ context.Context, c collection.Collection) error {
	delete(s.Collections, c.Path)
	return nil
}

// WritesAtOnce implements collection.Target.
func (s *ItemServer) WritesAtOnce() int { return 4 }

// OddEvents has calendar objects with recurrences, time zones, attachments, odd lines, unknown
// properties and components, by name.
func OddEvents(n int) map[string]string {
	all := make(map[string]string)
	for i := range n {
		end := []string{"\r\n", "\n", "\r\n \r\n", "\r"}[i%4]
		text := "BEGIN:VCALENDAR" + end + "VERSION:2.0\r\nPRODID:-//x//y//EN\r\n"
		if i%3 == 0 {
			text += "BEGIN:VTIMEZONE\r\nTZID:Mars/Olympus\r\nBEGIN:STANDARD\r\nTZOFFSETFROM:+0123\r\nTZOFFSETTO:+0123\r\nDTSTART:19700101T000000\r\n" +
				"END:STANDARD\r\nEND:VTIMEZONE\r\n"
		}
		text += fmt.Sprintf("BEGIN:VEVENT\r\nUID:%d@x\r\nDTSTART;TZID=Mars/Olympus:20260%d15T100000\r\nRRULE:FREQ=MONTHLY;BYDAY=-1SU;COUNT=%d\r\n", i, i%9+1, i)
		text += fmt.Sprintf("SUMMARY;LANGUAGE=\"de:x\":Sitzung\\, Nr. %d \xc3\r\n \xbc mit Umlaut\r\n", i) // folded within a character
		text += "X-ODD;X-P=\"a;b:c\":v\\\\v\r\nX-LONG:" + string(Base64(RandomBytes(uint64(i), 100))) + "\r\n"
		if i%50 == 0 {
			text += "ATTACH;ENCODING=BASE64;VALUE=BINARY:" + string(Base64(RandomBytes(uint64(i), 30_000))) + "\r\n"
		}
		text += "BEGIN:X-COMPONENT\r\nX:\x00\xff\t\r\nEND:X-COMPONENT\r\nEND:VEVENT\r\nEND:VCALENDAR" + end
		all[fmt.Sprintf("%05d%%20%%C3%%BC.ics", i)] = text
	}
	return all
}
