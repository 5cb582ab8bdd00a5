package summary

import (
	"context"
	"errors"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/manifest"
)

// Title returns the name of a collection, for people.
func Title(s *manifest.ItemSource, c *manifest.Collection) string {
	if s.Kind == manifest.Sieve {
		return "scripts"
	}
	return c.Title()
}

// Collection is a collection as JSON.
type Collection struct {
	Kind       string            `json:"kind"` // sieve, calendar or addressbook
	Source     string            `json:"source"`
	Path       string            `json:"path"`
	Name       string            `json:"name"`
	Properties map[string]string `json:"properties"`
	Items      int64             `json:"items"`
	Bytes      int64             `json:"bytes"`
	Complete   bool              `json:"complete"`  // it has every item of the source
	Inherited  bool              `json:"inherited"` // copied from the parent, because it was not read
}

// ofCollection returns a collection as JSON.
func ofCollection(s *manifest.ItemSource, c *manifest.Collection) Collection {
	one := Collection{
		Kind: s.Kind.String(), Source: s.URL, Path: c.Path, Name: Title(s, c), Properties: make(map[string]string),
		Items: c.Items, Bytes: c.Bytes, Complete: c.Complete && !s.Inherited, Inherited: c.Inherited || s.Inherited,
	}
	for _, f := range c.Properties {
		one.Properties[f.Name] = f.Value
	}
	return one
}

// Remarks returns what is wrong with the collection, in a few words.
func (s *Collection) Remarks() string {
	switch {
	case s.Inherited:
		return "was not read: copied from the manifest before"
	case !s.Complete:
		return "incomplete"
	}
	return ""
}

// Collections returns the collections of a manifest. After an error, it returns those that can be
// read.
func Collections(ctx context.Context, contents *archive.Contents) (all []Collection, unread error) {
	for s, err := range contents.ItemSources(ctx) {
		if err != nil {
			unread = errors.Join(unread, err)
			continue
		}
		for i := range s.Collections {
			all = append(all, ofCollection(s, &s.Collections[i]))
		}
	}
	return all, unread
}
