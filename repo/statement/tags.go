package statement

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/repo/format"
)

// TagSet sets tags of a manifest, or takes them back. For each tag, the TagSet with the highest
// number counts.
type TagSet struct {
	Manifest []byte            `cbor:"1,keyasint"`
	Number   uint64            `cbor:"2,keyasint"`
	Set      [][]byte          `cbor:"3,keyasint,omitempty"`
	Taken    [][]byte          `cbor:"4,keyasint,omitempty"`
	Ext      format.Extensions `cbor:"63,keyasint,omitempty"`
}

// Limits of the durable format.
const (
	maxTag  = 64  // bytes
	maxTags = 256 // tags that one TagSet sets, and that it takes back
)

// CheckTag returns an error if a tag is not valid.
func CheckTag(tag string) error {
	bad := func(c rune) bool { return c == ',' || unicode.IsSpace(c) || unicode.IsControl(c) }
	if tag == "" || len(tag) > maxTag || !utf8.ValidString(tag) || strings.ContainsFunc(tag, bad) {
		return fmt.Errorf("%q is not a tag: a tag is a word of up to %d bytes, without blanks and commas", tag, maxTag)
	}
	return nil
}

// Tags maps the name of each manifest to its tags, in ascending order.
type Tags map[string][]string

// TagSets maps the name of each manifest to its tag sets.
type TagSets map[string][]*TagSet

// Add adds a tag set.
func (all TagSets) Add(n *TagSet) { all[string(n.Manifest)] = append(all[string(n.Manifest)], n) }

// Tags returns the tags that are set.
func (all TagSets) Tags() Tags {
	tags := Tags{}
	for name, list := range all {
		if set := tagsOf(list); len(set) > 0 {
			tags[name] = set
		}
	}
	return tags
}

// Named returns every tag that was ever set or taken back.
func (all TagSets) Named() Tags {
	named := Tags{}
	for name, list := range all {
		for _, n := range list {
			for _, tag := range slices.Concat(n.Set, n.Taken) {
				named[name] = append(named[name], string(tag))
			}
		}
	}
	return named
}

// Change returns the tag set that sets tags of a manifest and takes others back, or nil if nothing
// changes.
func (all TagSets) Change(manifest string, set, taken []string) (*TagSet, error) {
	for _, tag := range slices.Concat(set, taken) {
		if err := CheckTag(tag); err != nil {
			return nil, err
		}
		if slices.Contains(set, tag) && slices.Contains(taken, tag) {
			return nil, fmt.Errorf("tag %s is to be set and taken back at once", tag)
		}
	}
	n := &TagSet{Manifest: []byte(manifest), Number: 1}
	for _, old := range all[manifest] {
		n.Number = max(n.Number, old.Number+1)
	}
	now := tagsOf(all[manifest])
	n.Set = tagBytes(set, func(tag string) bool { return !slices.Contains(now, tag) })
	n.Taken = tagBytes(taken, func(tag string) bool { return slices.Contains(now, tag) })
	if len(n.Set) == 0 && len(n.Taken) == 0 {
		return nil, nil
	}
	if len(n.Set) > maxTags || len(n.Taken) > maxTags {
		return nil, fmt.Errorf("more than %d tags at once", maxTags)
	}
	return n, nil
}

// tagsOf returns the tags that are set after all tag sets of one manifest.
func tagsOf(sets []*TagSet) (set []string) {
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
	for _, n := range sets {
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

func tagBytes(tags []string, needed func(string) bool) (out [][]byte) {
	for _, tag := range slices.Compact(slices.Sorted(slices.Values(tags))) {
		if needed(tag) {
			out = append(out, []byte(tag))
		}
	}
	return out
}

// ParseTagSet parses the payload of a note.
func ParseTagSet(payload []byte) (*TagSet, error) {
	n := new(TagSet)
	if err := format.Decode(payload, n); err != nil {
		return nil, err
	}
	if _, _, _, ok := format.ParseManifestName(string(n.Manifest)); !ok {
		return nil, format.Damaged("%q is not the name of a manifest", n.Manifest)
	}
	if n.Number == 0 || len(n.Set)+len(n.Taken) == 0 || len(n.Set) > maxTags || len(n.Taken) > maxTags {
		return nil, format.Damaged("a note with number %d, %d tags and %d taken back",
			n.Number, len(n.Set), len(n.Taken))
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
