package disk

import (
	"context"
	"errors"
	"iter"
	"math"
	"slices"
	"testing"
	"time"

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
		if have, err := n.assign(test.items, test.floor); err != nil || !slices.Equal(have, test.want) {
			t.Errorf("%v: have %v, want %v", test.items, have, test.want)
		}
	}
	n.next = math.MaxUint32
	if have, err := n.assign(items("last", "a"), 0); !errors.Is(err, errNoUID) {
		t.Errorf("without a UID left: %v, %v", have, err)
	}
	// A server's UID counts only below its UIDNEXT, and only if it leaves numbers for others.
	n = newNumbers(1)
	wild := []Item{{Key: "a", UID: math.MaxUint32}, {Key: "b", UID: math.MaxUint32 - 1}, {Key: "c", UID: 30}, {Key: "d", UID: 4}}
	if have, err := n.assign(wild, 20); err != nil || !slices.Equal(have, []mail.UID{20, 21, 22, 4}) {
		t.Error(have, err)
	}
	n = newNumbers(1)
	if have, err := n.assign(wild, math.MaxUint32); err != nil || !slices.Equal(have, []mail.UID{31, 32, 30, 4}) {
		t.Error(have, err)
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
		uids, err := n.assign(of(first), 0)
		if err != nil {
			t.Fatal(err)
		}
		seen := make(map[mail.UID]string)
		for i, item := range of(first) {
			if seen[uids[i]] != "" || uids[i] == 0 {
				t.Fatalf("UID %d is given twice", uids[i])
			}
			seen[uids[i]] = item.Key
		}
		later, err := n.assign(of(second), 0)
		if err != nil {
			t.Fatal(err)
		}
		for i, uid := range later {
			if key := seen[uid]; key != "" && key != of(second)[i].Key {
				t.Fatalf("UID %d was of %q and is of %q", uid, key, of(second)[i].Key)
			}
		}
		if again, err := n.assign(of(first), 0); err != nil || !slices.Equal(again, uids) {
			t.Fatalf("have %v, want %v", again, uids)
		}
	})
}

// A mailbox whose UIDs are used up gets another UIDVALIDITY, and each message is in it once.
func TestNoUIDLeft(t *testing.T) {
	before := archived{&mail.Status{UIDValidity: 7, UIDNext: math.MaxUint32}, []source.Known{{UID: 2, GUID: "a"}}}
	s := New(nil)
	s.previous = before
	f := &folder{source: s, raw: "INBOX", files: fixed{items: items("a", "b", "c")}}
	n, err := loadNumbers(t.Context(), before, "INBOX", false, 99)
	if err != nil {
		t.Fatal(err)
	}
	f.numbers = n
	l, err := f.list(t.Context())
	if err != nil || l.status.UIDValidity == 7 || !slices.Equal(l.uids, []mail.UID{1, 2, 3}) {
		t.Fatal(l, err)
	}
}

// fixed is a Folder with these messages.
type fixed struct {
	Folder
	items []Item
}

func (f fixed) List(context.Context) (*Contents, error) { return &Contents{Items: f.items}, nil }

// A folder that changes while it is listed proves nothing, however long the listing takes.
func TestVersionIsJudgedBefore(t *testing.T) {
	changed := time.Unix(1_000_000_000, 0)
	of := uint64(changed.UnixNano())
	for after, want := range map[time.Duration]uint64{0: 0, settled - 1: 0, settled: of, time.Hour: of} {
		if have := version(of, changed.Add(after)); have != want {
			t.Errorf("%v after the change: %d, want %d", after, have, want)
		}
	}
}
