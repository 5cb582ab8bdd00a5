package repo

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
)

// A manifest never changes; what its owner thinks of it does: that it is to stay, that its alarm was seen. Notes say so,
// signed, beside it. What they say is the keeper's word on removal, so they are signed like what removes.

// note sets tags of a manifest, or takes them back. The one with the highest number counts, for each tag.
type note struct {
	Manifest []byte            `cbor:"1,keyasint"`
	Number   uint64            `cbor:"2,keyasint"`
	Set      [][]byte          `cbor:"3,keyasint,omitempty"`
	Taken    [][]byte          `cbor:"4,keyasint,omitempty"`
	Ext      format.Extensions `cbor:"63,keyasint,omitempty"`
}

// Limits of the durable format.
const (
	maxTag  = 64  // bytes
	maxTags = 256 // set, or taken back, by one note
)

// CheckTag reports what is wrong with a tag.
func CheckTag(tag string) error {
	bad := func(c rune) bool { return c == ',' || unicode.IsSpace(c) || unicode.IsControl(c) }
	if tag == "" || len(tag) > maxTag || !utf8.ValidString(tag) || strings.ContainsFunc(tag, bad) {
		return fmt.Errorf("%q is not a tag: a tag is a word of up to %d bytes, without blanks and commas", tag, maxTag)
	}
	return nil
}

// Tags are the tags of manifests, by the name of the object. Each list ascends.
type Tags map[string][]string

// Tags reads all notes. One that is damaged is an error, for what it keeps from being forgotten nobody can tell; one
// that is not signed says nothing.
func (r *Repo) Tags(ctx context.Context) (Tags, error) {
	notes, err := r.notes(ctx, nil)
	return tagsOfAll(notes), err
}

// LegibleTags is Tags for who has the tags of one manifest set for another: what cannot be read is left out, and damage tells
// of it.
func (r *Repo) LegibleTags(ctx context.Context) (tags Tags, damage, err error) {
	var mu sync.Mutex
	notes, err := r.notes(ctx, func(err error) bool {
		mu.Lock()
		defer mu.Unlock()
		if ofTheObject(err) {
			damage = cmp.Or(damage, err)
		}
		return ofTheObject(err)
	})
	return tagsOfAll(notes), damage, err
}

func tagsOfAll(notes map[string][]*note) Tags {
	tags := Tags{}
	for name, list := range notes {
		if set := tagsOf(list); len(set) > 0 {
			tags[name] = set
		}
	}
	return tags
}

// TagsSaid is Tags, and beside it every tag that a note names, be it to take it back.
func (r *Repo) TagsSaid(ctx context.Context) (tags, said Tags, err error) {
	notes, err := r.notes(ctx, nil)
	if err != nil {
		return nil, nil, err
	}
	tags, said = Tags{}, Tags{}
	for name, list := range notes {
		tags[name] = tagsOf(list)
		for _, n := range list {
			for _, tag := range slices.Concat(n.Set, n.Taken) {
				said[name] = append(said[name], string(tag))
			}
		}
	}
	return tags, said, nil
}

func (r *Repo) notes(ctx context.Context, overlook func(error) bool) (map[string][]*note, error) {
	all := map[string][]*note{}
	err := r.statements(ctx, format.KindNote, overlook, func(_ store.Object, payload []byte) error {
		n, err := parseNote(payload)
		if err == nil {
			all[string(n.Manifest)] = append(all[string(n.Manifest)], n)
		}
		return err
	})
	return all, err
}

// tagsOf is what the notes of one manifest come to.
func tagsOf(notes []*note) (set []string) {
	type word struct {
		number uint64
		set    bool
	}
	last := map[string]word{}
	say := func(tag []byte, w word) {
		old := last[string(tag)]
		if w.number > old.number || w.number == old.number && w.set {
			last[string(tag)] = w
		}
	}
	for _, n := range notes {
		for _, tag := range n.Set {
			say(tag, word{n.Number, true})
		}
		for _, tag := range n.Taken {
			say(tag, word{n.Number, false})
		}
	}
	for tag, w := range last {
		if w.set {
			set = append(set, tag)
		}
	}
	slices.Sort(set)
	return set
}

// Tag sets tags of a manifest and takes others back. Where all is so already, it stores nothing.
func (r *Repo) Tag(ctx context.Context, h Head, set, taken []string) error {
	for _, tag := range slices.Concat(set, taken) {
		if err := CheckTag(tag); err != nil {
			return err
		}
		if slices.Contains(set, tag) && slices.Contains(taken, tag) {
			return fmt.Errorf("tag %s is to be set and taken back at once", tag)
		}
	}
	notes, err := r.notes(ctx, nil)
	if err != nil {
		return err
	}
	n := note{Manifest: []byte(h.Name), Number: 1}
	for _, old := range notes[h.Name] {
		n.Number = max(n.Number, old.Number+1)
	}
	now := tagsOf(notes[h.Name])
	n.Set = tagBytes(set, func(tag string) bool { return !slices.Contains(now, tag) })
	n.Taken = tagBytes(taken, func(tag string) bool { return slices.Contains(now, tag) })
	if len(n.Set) == 0 && len(n.Taken) == 0 {
		return nil
	}
	if len(n.Set) > maxTags || len(n.Taken) > maxTags {
		return fmt.Errorf("more than %d tags at once", maxTags)
	}
	_, err = r.declare(ctx, format.KindNote, n)
	return err
}

func tagBytes(tags []string, needed func(string) bool) (out [][]byte) {
	for _, tag := range slices.Compact(slices.Sorted(slices.Values(tags))) {
		if needed(tag) {
			out = append(out, []byte(tag))
		}
	}
	return out
}

func parseNote(payload []byte) (*note, error) {
	n := new(note)
	if err := format.Decode(payload, n); err != nil {
		return nil, err
	}
	if _, ok := ParseManifest(string(n.Manifest)); !ok {
		return nil, format.Damaged("%q is not the name of a manifest", n.Manifest)
	}
	if n.Number == 0 || len(n.Set)+len(n.Taken) == 0 || len(n.Set) > maxTags || len(n.Taken) > maxTags {
		return nil, format.Damaged("a note with number %d, %d tags and %d taken back", n.Number, len(n.Set), len(n.Taken))
	}
	for _, list := range [][][]byte{n.Set, n.Taken} {
		for i, tag := range list {
			if err := CheckTag(string(tag)); err != nil {
				return nil, format.Damaged("%v", err)
			}
			if i > 0 && string(tag) <= string(list[i-1]) {
				return nil, format.Damaged("its tags do not ascend")
			}
		}
	}
	for _, tag := range n.Set {
		if slices.ContainsFunc(n.Taken, func(other []byte) bool { return string(other) == string(tag) }) {
			return nil, format.Damaged("it sets tag %q and takes it back", tag)
		}
	}
	return n, nil
}
