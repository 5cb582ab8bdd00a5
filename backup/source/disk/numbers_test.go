package disk

import (
	"context"
	"iter"
	"math"
	"slices"
	"testing"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// archived is what a test says is archived.
type archived struct {
	status *mail.Status
	known  []source.Known
}

func (a archived) Status(string) *mail.Status { return a.status }
func (a archived) Mailboxes() []mail.Mailbox  { return nil }
func (a archived) Hasher() *chunk.Hasher      { return nil }
func (a archived) Known(context.Context, string) iter.Seq2[source.Known, error] {
	return func(yield func(source.Known, error) bool) {
		for _, k := range a.known {
			if !yield(k, nil) {
				return
			}
		}
	}
}

func items(keys ...string) (list []Item) {
	for _, key := range keys {
		list = append(list, Item{Key: key})
	}
	return list
}

// A message keeps its UID, copies keep theirs in order, and no UID is given twice.
func TestNumbers(t *testing.T) {
	before := archived{&mail.Status{UIDValidity: 7, UIDNext: 10}, []source.Known{{UID: 2, GUID: "a"}, {UID: 3, GUID: "b"}, {UID: 5, GUID: "b"}, {UID: 9, GUID: "c"}}}
	n, err := loadNumbers(t.Context(), before, "INBOX", false, 99)
	if err != nil || n.validity != 7 || n.next != 10 {
		t.Fatal(n, err)
	}
	for _, test := range []struct {
		items []Item
		floor uint32
		want  []mail.UID
	}{
		{items("c", "b", "a"), 0, []mail.UID{9, 3, 2}},
		{items("b", "b", "b"), 0, []mail.UID{3, 5, 10}},
		{items("b", "b", "b", "d"), 0, []mail.UID{3, 5, 10, 11}},
		{items("d", "b"), 0, []mail.UID{11, 3}},
		{[]Item{{Key: "e"}, {Key: "f", UID: 40}, {Key: "g", UID: 4}, {Key: "a", UID: 50}}, 45, []mail.UID{45, 40, 12, 2}},
		{items("f", "e"), 45, []mail.UID{40, 45}},
	} {
		if have := n.assign(test.items, test.floor); !slices.Equal(have, test.want) {
			t.Errorf("%v: have %v, want %v", test.items, have, test.want)
		}
	}
	n.next = math.MaxUint32
	if have := n.assign(items("last", "a"), 0); !slices.Equal(have, []mail.UID{0, 2}) {
		t.Errorf("without a UID left: %v", have)
	}
}

// Whatever is listed in whatever order, each run gives the same messages the same UIDs.
func FuzzNumbers(f *testing.F) {
	f.Add([]byte("abcabc"), []byte("cbaabd"), uint32(3))
	f.Fuzz(func(t *testing.T, first, second []byte, next uint32) {
		before := archived{&mail.Status{UIDValidity: 7, UIDNext: next%1000 + 1}, nil}
		n, err := loadNumbers(t.Context(), before, "INBOX", false, 99)
		if err != nil {
			t.Fatal(err)
		}
		of := func(keys []byte) (list []Item) {
			for _, k := range keys {
				list = append(list, Item{Key: string(k % 8), UID: mail.UID(k % 8 * 3)})
			}
			return list
		}
		uids := n.assign(of(first), 0)
		seen := make(map[mail.UID]string)
		for i, item := range of(first) {
			if seen[uids[i]] != "" || uids[i] == 0 {
				t.Fatalf("UID %d is given twice", uids[i])
			}
			seen[uids[i]] = item.Key
		}
		for i, uid := range n.assign(of(second), 0) {
			if key := seen[uid]; key != "" && key != of(second)[i].Key {
				t.Fatalf("UID %d was of %q and is of %q", uid, key, of(second)[i].Key)
			}
		}
		if again := n.assign(of(first), 0); !slices.Equal(again, uids) {
			t.Fatalf("have %v, want %v", again, uids)
		}
	})
}
