package archive

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// copies counts what a target holds, whatever the mailbox.
func (s *shore) copies() map[chunk.ID]int {
	count := map[chunk.ID]int{}
	for _, folder := range s.folders {
		for _, held := range folder.held {
			count[held.hash]++
		}
	}
	return count
}

func copiesOf(t *testing.T, c *Contents) map[chunk.ID]int {
	t.Helper()
	count := map[chunk.ID]int{}
	for _, messages := range held(t, c) {
		for _, m := range messages {
			count[m.hash]++
		}
	}
	return count
}

// differing tells of which messages there are other numbers than there should be.
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

// TestRestoreMissing: what a manifest lacks, restored to the account as it is there, makes the account hold all that it
// held: of each message as many copies as it had, or has, and no more. An empty target gets what is missing alone.
func TestRestoreMissing(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			scene, shelf := newScene(1000+seed, seed%2 == 0), newShelf(t)
			before := scene.lay(t, shelf)
			for range scene.random.IntN(60) {
				scene.change()
			}
			after := scene.lay(t, shelf)
			target, empty := newShore(shelf), newShore(shelf)
			if report, err := Restore(t.Context(), RestoreOptions{Contents: after, Target: target}); err != nil || !report.Whole() {
				t.Fatal(err, report)
			}
			want, missing := copiesOf(t, after), map[chunk.ID]int{}
			for hash, n := range copiesOf(t, before) {
				if n > want[hash] {
					missing[hash], want[hash] = n-want[hash], n
				}
			}
			for range 2 { // the second time adds nothing
				report, err := Restore(t.Context(), RestoreOptions{Contents: before, Target: target, Pick: &Pick{MissingFrom: after}})
				if err != nil || !report.Whole() || report.DoneMessages != report.Messages {
					t.Fatal(err, report)
				}
				if !maps.Equal(target.copies(), want) {
					t.Fatalf("the target holds other copies: %s", differing(target.copies(), want))
				}
			}
			if _, err := Restore(t.Context(), RestoreOptions{Contents: before, Target: empty, Pick: &Pick{MissingFrom: after}}); err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(empty.copies(), missing) {
				t.Errorf("an empty target got %s", differing(empty.copies(), missing))
			}
			for name, folder := range empty.folders {
				if len(folder.held) == 0 {
					t.Errorf("mailbox %q was opened for nothing", name)
				}
			}
		})
	}
}

// TestRestorePick: what a query and UIDs pick, and nothing else.
func TestRestorePick(t *testing.T) {
	s := newShelf(t)
	letters := plain(1, 2500)
	contents := s.contents(t, s.mailbox(t, "INBOX", letters...), s.mailbox(t, "other", plain(5000, 20)...))
	for _, test := range []struct {
		name string
		pick Pick
		want []letter
	}{
		{"a query", Pick{Query: Query{Subject: "NUMBER 24"}}, slices.Concat(letters[23:24], letters[239:249], letters[2399:2499])},
		{"UIDs", Pick{UIDs: mail.UIDs(1, 1500, 2500, 9000)}, []letter{letters[0], letters[1499], letters[2499]}},
		{"both", Pick{Query: Query{Subject: "number 15"}, UIDs: mail.UIDs(1, 1500)}, letters[1499:1500]},
		{"nothing", Pick{Query: Query{Subject: "no such"}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			target := newShore(s)
			report, err := Restore(t.Context(), RestoreOptions{Contents: contents, Target: target, Pick: &test.pick})
			if err != nil || !report.Whole() || report.Added != int64(len(test.want)) || report.Messages != report.Added {
				t.Fatal(err, report)
			}
			if len(test.want) > 0 {
				target.holds(t, "INBOX", test.want...)
			}
			if target.folders["other"] != nil || len(test.want) == 0 && len(target.folders) > 0 {
				t.Error("a mailbox was made for nothing")
			}
		})
	}
}

// TestRestorePickDamage: a message that cannot be searched is a failure, not one that does not fit.
func TestRestorePickDamage(t *testing.T) {
	s := newShelf(t)
	inbox := s.mailbox(t, "INBOX", plain(1, 2000)...)
	contents := s.contents(t, inbox)
	s.lose(inbox.Pages[1].Records)
	target := newShore(s)
	report, err := Restore(t.Context(), RestoreOptions{Contents: contents, Target: target, Pick: &Pick{Query: Query{Subject: "number"}}})
	if err != nil || report.Failed != 1 || report.Added != 2000-int64(inbox.Pages[1].Messages) {
		t.Fatal(err, report)
	}
	_, err = Restore(t.Context(), RestoreOptions{Contents: contents, Target: target, Pick: &Pick{MissingFrom: s.contents(t)}})
	if err == nil || !isDamage(err) {
		t.Error("what cannot be compared is not missing:", err)
	}
}

// watched is a shore that can be looked at.
type watched struct {
	*shore
	t *testing.T
}

func (w watched) Look(_ context.Context, mailboxes []mail.Mailbox) ([]Place, error) {
	var places []Place
	for _, mailbox := range mailboxes {
		place := Place{Mailbox: mailbox.Name}
		if w.folders[mailbox.Name] != nil {
			place.Name = mailbox.Name
		}
		places = append(places, place)
	}
	return places, nil
}

func (w watched) Peek(_ context.Context, place Place) (Holdings, error) {
	return w.folders[place.Name], nil
}

func (w watched) Prepare(context.Context, []mail.Mailbox) ([]Place, []string, error) {
	w.t.Error("a dry run prepares")
	return nil, nil, nil
}

// TestDryRunLooks: a dry run tells the figures of the restore that follows, and changes nothing.
func TestDryRunLooks(t *testing.T) {
	for seed := range uint64(10) {
		scene, shelf := newScene(2000+seed, false), newShelf(t)
		before := scene.lay(t, shelf)
		for range 30 {
			scene.change()
		}
		after := scene.lay(t, shelf)
		target := newShore(shelf)
		if _, err := Restore(t.Context(), RestoreOptions{Contents: after, Target: target}); err != nil {
			t.Fatal(err)
		}
		for _, pick := range []*Pick{nil, {MissingFrom: after}} {
			held := target.copies()
			told, err := Restore(t.Context(), RestoreOptions{Contents: before, Target: watched{target, t}, Pick: pick, DryRun: true})
			if err != nil || !told.Looked && told.Messages > 0 {
				t.Fatal(err, told)
			}
			if !maps.Equal(held, target.copies()) {
				t.Fatal("the dry run changed the target")
			}
			copied := newShore(shelf)
			for name, folder := range target.folders {
				copied.folders[name] = &beach{shore: copied, held: slices.Clone(folder.held)}
			}
			done, err := Restore(t.Context(), RestoreOptions{Contents: before, Target: copied, Pick: pick})
			if err != nil || done.RestoreProgress != told.RestoreProgress {
				t.Errorf("%v\ntold %+v\ndone %+v", err, told.RestoreProgress, done.RestoreProgress)
			}
		}
	}
}
