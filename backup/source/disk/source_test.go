package disk

import (
	"context"
	"iter"
	"math"
	"slices"
	"testing"
	"time"

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

func messages(keys ...string) (list []Message) {
	for _, key := range keys {
		list = append(list, Message{Key: key})
	}
	return list
}

// A mailbox whose UIDs are used up gets another UIDVALIDITY, and each message is in it once.
func TestNoUIDLeft(t *testing.T) {
	before := archived{&mail.Status{UIDValidity: 7, UIDNext: math.MaxUint32}, []source.Known{{UID: 2, ID: "a"}}}
	s := New(nil)
	s.previous = before
	f := &numberedFolder{source: s, raw: "INBOX", files: fixed{messages: messages("a", "b", "c")}}
	n, err := numbering.Load(t.Context(), before, "INBOX", false, 99)
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
	messages []Message
}

func (f fixed) List(context.Context) (*Contents, error) { return &Contents{Messages: f.messages}, nil }

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
