package restore_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// copies counts the messages of a target over all mailboxes.
func copies(s *memTarget) map[chunk.ID]int {
	count := map[chunk.ID]int{}
	for _, folder := range s.Folders {
		for _, held := range folder.Held {
			count[held.Hash]++
		}
	}
	return count
}

func copiesOf(t *testing.T, c *archive.Contents) map[chunk.ID]int {
	t.Helper()
	count := map[chunk.ID]int{}
	for _, messages := range archivetest.Held(t, c) {
		for _, m := range messages {
			count[m.Hash]++
		}
	}
	return count
}

// differing returns the messages with wrong numbers of copies.
func differing(got, want map[chunk.ID]int) string {
	var words []string
	for _, counts := range []map[chunk.ID]int{got, want} {
		for hash := range counts {
			if word := fmt.Sprintf("%.8s: %d, want %d", hash, got[hash], want[hash]); got[hash] != want[hash] && !slices.Contains(words, word) {
				words = append(words, word)
			}
		}
	}
	return strings.Join(words, "; ")
}

// TestRestoreMissing restores what a later manifest lacks to the account as it was then. The
// account then has as many copies of each message as it had before or has now. An empty target gets
// only the missing messages.
func TestRestoreMissing(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			account, reader := archivetest.NewRandomAccount(1000+seed, seed%2 == 0), archivetest.NewMemReader(t)
			before := account.Contents(t, reader)
			for range account.Random.IntN(60) {
				account.Change()
			}
			after := account.Contents(t, reader)
			target, empty := newMemTarget(reader), newMemTarget(reader)
			if report, err := restore.Run(t.Context(), restore.Options{Contents: after, Target: target}); err != nil || !report.Whole() {
				t.Fatal(err, report)
			}
			want, missing := copiesOf(t, after), map[chunk.ID]int{}
			for hash, n := range copiesOf(t, before) {
				if n > want[hash] {
					missing[hash], want[hash] = n-want[hash], n
				}
			}
			for range 2 { // the second time adds nothing
				report, err := restore.Run(t.Context(), restore.Options{Contents: before, Target: target, Pick: &restore.Pick{MissingFrom: after}})
				if err != nil || !report.Whole() || report.DoneMessages != report.Messages {
					t.Fatal(err, report)
				}
				if !maps.Equal(copies(target), want) {
					t.Fatalf("the target holds other copies: %s", differing(copies(target), want))
				}
			}
			if _, err := restore.Run(t.Context(), restore.Options{Contents: before, Target: empty, Pick: &restore.Pick{MissingFrom: after}}); err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(copies(empty), missing) {
				t.Errorf("an empty target got %s", differing(copies(empty), missing))
			}
			for name, folder := range empty.Folders {
				if len(folder.Held) == 0 {
					t.Errorf("mailbox %q was opened for nothing", name)
				}
			}
		})
	}
}

// TestRestorePick checks that a restore adds exactly what a query and UIDs select.
func TestRestorePick(t *testing.T) {
	s := archivetest.NewMemReader(t)
	letters := archivetest.PlainMessages(1, 2500)
	contents := s.Contents(t, s.Mailbox(t, "INBOX", letters...), s.Mailbox(t, "other", archivetest.PlainMessages(5000, 20)...))
	for _, test := range []struct {
		name string
		pick restore.Pick
		want []archivetest.Message
	}{
		{"a query", restore.Pick{Query: search.Query{Subject: "NUMBER 24"}}, slices.Concat(letters[23:24], letters[239:249], letters[2399:2499])},
		{"UIDs", restore.Pick{UIDs: mail.UIDs(1, 1500, 2500, 9000)}, []archivetest.Message{letters[0], letters[1499], letters[2499]}},
		{"both", restore.Pick{Query: search.Query{Subject: "number 15"}, UIDs: mail.UIDs(1, 1500)}, letters[1499:1500]},
		{"nothing", restore.Pick{Query: search.Query{Subject: "no such"}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			target := newMemTarget(s)
			report, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target, Pick: &test.pick})
			if err != nil || !report.Whole() || report.Added != int64(len(test.want)) || report.Messages != report.Added {
				t.Fatal(err, report)
			}
			if len(test.want) > 0 {
				target.Holds(t, "INBOX", test.want...)
			}
			if target.Folders["other"] != nil || len(test.want) == 0 && len(target.Folders) > 0 {
				t.Error("a mailbox was made for nothing")
			}
		})
	}
}

// TestRestorePickDamage checks that a message that cannot be searched is a failure.
func TestRestorePickDamage(t *testing.T) {
	s := archivetest.NewMemReader(t)
	inbox := s.Mailbox(t, "INBOX", archivetest.PlainMessages(1, 2000)...)
	contents := s.Contents(t, inbox)
	pages := s.PagesOf(t, &inbox)
	s.Lose(pages[1].Records)
	target := newMemTarget(s)
	report, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target, Pick: &restore.Pick{Query: search.Query{Subject: "number"}}})
	if err != nil || report.Failed != 1 || report.Added != 2000-int64(pages[1].Messages) {
		t.Fatal(err, report)
	}
	_, err = restore.Run(t.Context(), restore.Options{Contents: contents, Target: target, Pick: &restore.Pick{MissingFrom: s.Contents(t)}})
	if err == nil || !archive.IsDamage(err) {
		t.Error("what cannot be compared is not missing:", err)
	}
}

// watched is a memTarget that can be previewed.
type watched struct {
	*memTarget
	t *testing.T
}

func (w watched) Preview(_ context.Context, mailboxes []mail.Mailbox) ([]restore.Place, error) {
	var places []restore.Place
	for _, mailbox := range mailboxes {
		place := restore.Place{Mailbox: mailbox.Name}
		if w.Folders[mailbox.Name] != nil {
			place.Name = mailbox.Name
		}
		places = append(places, place)
	}
	return places, nil
}

func (w watched) OpenRead(_ context.Context, place restore.Place) (restore.ReadFolder, error) {
	return w.Folders[place.Name], nil
}

func (w watched) Prepare(context.Context, []mail.Mailbox) ([]restore.Place, []string, error) {
	w.t.Error("a dry run prepares")
	return nil, nil, nil
}

// TestDryRunPreviews checks that a dry run reports the figures of the restore that follows, and
// changes nothing.
func TestDryRunPreviews(t *testing.T) {
	for seed := range uint64(10) {
		account, reader := archivetest.NewRandomAccount(2000+seed, false), archivetest.NewMemReader(t)
		before := account.Contents(t, reader)
		for range 30 {
			account.Change()
		}
		after := account.Contents(t, reader)
		target := newMemTarget(reader)
		if _, err := restore.Run(t.Context(), restore.Options{Contents: after, Target: target}); err != nil {
			t.Fatal(err)
		}
		for _, pick := range []*restore.Pick{nil, {MissingFrom: after}} {
			held := copies(target)
			planned, err := restore.Run(t.Context(), restore.Options{Contents: before, Target: watched{target, t}, Pick: pick, DryRun: true})
			if err != nil || !planned.Previewed && planned.Messages > 0 {
				t.Fatal(err, planned)
			}
			if !maps.Equal(held, copies(target)) {
				t.Fatal("the dry run changed the target")
			}
			copied := newMemTarget(reader)
			for name, folder := range target.Folders {
				copied.Folders[name] = &memFolder{Target: copied, Held: slices.Clone(folder.Held)}
			}
			done, err := restore.Run(t.Context(), restore.Options{Contents: before, Target: copied, Pick: pick})
			if err != nil || done.Progress != planned.Progress {
				t.Errorf("%v\ntold %+v\ndone %+v", err, planned.Progress, done.Progress)
			}
		}
	}
}

// misplaced is a target whose Preview returns places that are not those of the mailboxes.
type misplaced struct {
	watched
	change func([]restore.Place) []restore.Place
}

func (m misplaced) Preview(ctx context.Context, mailboxes []mail.Mailbox) ([]restore.Place, error) {
	places, err := m.watched.Preview(ctx, mailboxes)
	return m.change(places), err
}

// A preview whose places are not those of the mailboxes would compare messages with those of
// another mailbox.
func TestPreviewOfOtherPlaces(t *testing.T) {
	reader := archivetest.NewMemReader(t)
	contents := reader.Contents(t, reader.Mailbox(t, "INBOX", archivetest.PlainMessages(1, 3)...),
		reader.Mailbox(t, "other", archivetest.PlainMessages(5, 2)...))
	for name, change := range map[string]func([]restore.Place) []restore.Place{
		"too few":      func(places []restore.Place) []restore.Place { return places[1:] },
		"out of order": func(places []restore.Place) []restore.Place { slices.Reverse(places); return places },
	} {
		target := misplaced{watched{newMemTarget(reader), t}, change}
		_, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target, DryRun: true})
		if err == nil || !strings.HasPrefix(err.Error(), "the target returned") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
