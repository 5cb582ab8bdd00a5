package numbering_test

import (
	"context"
	"errors"
	"iter"
	"math"
	"slices"
	"testing"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/backup/source/numbering"
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

func messages(keys ...string) (list []numbering.Message) {
	for _, key := range keys {
		list = append(list, numbering.Message{Key: key})
	}
	return list
}

// A message keeps its UID, copies keep theirs in order, and no UID is given twice.
func TestNumbers(t *testing.T) {
	before := archived{&mail.Status{UIDValidity: 7, UIDNext: 10}, []source.Known{{UID: 2, ID: "a"}, {UID: 3, ID: "b"}, {UID: 5, ID: "b"}, {UID: 9, ID: "c"}}}
	n, err := numbering.Load(t.Context(), before, "INBOX", false, 99)
	if err != nil || n.Validity != 7 || n.Next != 10 {
		t.Fatal(n, err)
	}
	for _, test := range []struct {
		messages []numbering.Message
		floor    uint32
		want     []mail.UID
	}{
		{messages("c", "b", "a"), 0, []mail.UID{9, 3, 2}},
		{messages("b", "b", "b"), 0, []mail.UID{3, 5, 10}},
		{messages("b", "b", "b", "d"), 0, []mail.UID{3, 5, 10, 11}},
		{messages("d", "b"), 0, []mail.UID{11, 3}},
		{[]numbering.Message{{Key: "e"}, {Key: "f", UID: 40}, {Key: "g", UID: 4}, {Key: "a", UID: 50}}, 45, []mail.UID{45, 40, 12, 2}},
		{messages("f", "e"), 45, []mail.UID{40, 45}},
	} {
		if have, err := n.Assign(test.messages, test.floor); err != nil || !slices.Equal(have, test.want) {
			t.Errorf("%v: have %v, want %v", test.messages, have, test.want)
		}
	}
	n.Next = math.MaxUint32
	if have, err := n.Assign(messages("last", "a"), 0); !errors.Is(err, numbering.ErrNoUID) {
		t.Errorf("without a UID left: %v, %v", have, err)
	}
	// A server's UID counts only below its UIDNEXT, and only if it leaves numbers for others.
	n = numbering.New(1)
	wild := []numbering.Message{{Key: "a", UID: math.MaxUint32}, {Key: "b", UID: math.MaxUint32 - 1}, {Key: "c", UID: 30}, {Key: "d", UID: 4}}
	if have, err := n.Assign(wild, 20); err != nil || !slices.Equal(have, []mail.UID{20, 21, 22, 4}) {
		t.Error(have, err)
	}
	n = numbering.New(1)
	if have, err := n.Assign(wild, math.MaxUint32); err != nil || !slices.Equal(have, []mail.UID{31, 32, 30, 4}) {
		t.Error(have, err)
	}
}

// Whatever is listed in whatever order, each run gives the same messages the same UIDs.
func FuzzNumbers(f *testing.F) {
	f.Add([]byte("abcabc"), []byte("cbaabd"), uint32(3))
	f.Fuzz(func(t *testing.T, first, second []byte, next uint32) {
		before := archived{&mail.Status{UIDValidity: 7, UIDNext: next%1000 + 1}, nil}
		n, err := numbering.Load(t.Context(), before, "INBOX", false, 99)
		if err != nil {
			t.Fatal(err)
		}
		of := func(keys []byte) (list []numbering.Message) {
			for _, k := range keys {
				list = append(list, numbering.Message{Key: string(k % 8), UID: mail.UID(k % 8 * 3)})
			}
			return list
		}
		uids, err := n.Assign(of(first), 0)
		if err != nil {
			t.Fatal(err)
		}
		seen := make(map[mail.UID]string)
		for i, message := range of(first) {
			if seen[uids[i]] != "" || uids[i] == 0 {
				t.Fatalf("UID %d is given twice", uids[i])
			}
			seen[uids[i]] = message.Key
		}
		later, err := n.Assign(of(second), 0)
		if err != nil {
			t.Fatal(err)
		}
		for i, uid := range later {
			if key := seen[uid]; key != "" && key != of(second)[i].Key {
				t.Fatalf("UID %d was of %q and is of %q", uid, key, of(second)[i].Key)
			}
		}
		if again, err := n.Assign(of(first), 0); err != nil || !slices.Equal(again, uids) {
			t.Fatalf("have %v, want %v", again, uids)
		}
	})
}
