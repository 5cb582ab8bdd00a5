package restore_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/restore"
)

func TestRestoreLossless(t *testing.T) {
	s := archivetest.NewMemReader(t)
	many := archivetest.PlainMessages(1, 3000)
	many[5].Flags = mail.NewFlags(`\Answered`, "$Label1")
	contents := s.Contents(t, s.Mailbox(t, "INBOX", many...), s.Mailbox(t, "empty"), s.Mailbox(t, "odd", archivetest.OddMessages()...))
	for _, batch := range []int{0, 1, 7} {
		target := newMemTarget(s)
		target.Messages, target.Verify = batch, batch == 7
		report, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target})
		if err != nil || !report.Whole() || len(report.Problems) > 0 {
			t.Fatal(err, report)
		}
		target.Holds(t, "INBOX", many...)
		target.Holds(t, "odd", archivetest.OddMessages()...)
		if n := int64(3000 + len(archivetest.OddMessages())); report.Added != n || report.DoneMessages != n || report.Messages != n || report.DoneBytes != report.Bytes {
			t.Errorf("the accounts do not balance: %+v", report)
		}
		if batch > 0 && slices.Max(target.Appended) > batch {
			t.Errorf("a batch of %d messages, the target takes %d", slices.Max(target.Appended), batch)
		}
		if !slices.IsSorted(target.Folders["INBOX"].UIDs()) {
			t.Error("messages came out of order: an IMAP server would number them so")
		}
	}
}

func TestRestoreAgainAddsNothing(t *testing.T) {
	s := archivetest.NewMemReader(t)
	letters := archivetest.PlainMessages(1, 18_000) // more than one piece
	for i := 17_000; i < 17_010; i++ {
		letters[i].Body = letters[0].Body // copies count
	}
	contents := s.Contents(t, s.Mailbox(t, "INBOX", letters...))
	target := newMemTarget(s)
	o := restore.Options{Contents: contents, Target: target}
	if report, err := restore.Run(t.Context(), o); err != nil || report.Added != 18_000 {
		t.Fatal(err, report)
	}
	report, err := restore.Run(t.Context(), o)
	if err != nil || report.Added != 0 || report.Present != 18_000 {
		t.Fatal(err, report)
	}
	folder := target.Folders["INBOX"]
	i := slices.IndexFunc(folder.Held, func(a appendedMessage) bool { return bytes.Equal(a.Body, letters[0].Body) })
	folder.Held = slices.Delete(folder.Held, i, i+1)
	if report, err = restore.Run(t.Context(), o); err != nil || report.Added != 1 {
		t.Fatal("one of eleven copies was taken away, one must come back:", err, report)
	}
}

// TestRestoreFailsAnywhere makes the target or the store fail at every step. A second restore
// completes the first.
func TestRestoreFailsAnywhere(t *testing.T) {
	s := archivetest.NewMemReader(t)
	a, b := archivetest.PlainMessages(1, 50), archivetest.PlainMessages(100, 30)
	contents := s.Contents(t, s.Mailbox(t, "a", a...), s.Mailbox(t, "b", b...))
	for _, free := range []bool{false, true} {
		failAnywhere(t, s, contents, free, map[string][]archivetest.Message{"a": a, "b": b})
	}
}

func failAnywhere(
	t *testing.T, s *archivetest.MemReader, contents *archive.Contents, free bool,
	all map[string][]archivetest.Message,
) {
	target := func() *memTarget {
		target := newMemTarget(s)
		target.Messages, target.Free = 9, free
		return target
	}
	complete := func(t *testing.T, target *memTarget) {
		t.Helper()
		target.FailAt = 0
		if report, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target}); err != nil || !report.Whole() {
			t.Fatal(err, report)
		}
		for name, letters := range all {
			target.Holds(t, name, letters...)
		}
	}
	for n := 1; ; n++ {
		target := target()
		target.FailAt = n
		_, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target})
		if err == nil {
			break
		}
		if !errors.Is(err, errFull) {
			t.Fatalf("call %d: %v", n, err)
		}
		complete(t, target)
	}
	for n := 1; ; n += 7 {
		target := target()
		s.Reads, s.FailAt = 0, n
		report, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target})
		s.FailAt = 0
		if err == nil {
			break
		}
		if !errors.Is(err, archivetest.ErrStoreGone) || report.Failed > 0 {
			t.Fatalf("read %d: a store that is gone is no damage: %v %+v", n, err, report)
		}
		complete(t, target)
	}
}

// TestRestoreReadsCopiesOnce checks that a message of several mailboxes is read once if these have
// the same order or the target is unordered, and that an unreadable message is missing in each of
// them.
func TestRestoreReadsCopiesOnce(t *testing.T) {
	s := archivetest.NewMemReader(t)
	letters := archivetest.PlainMessages(1, 300)
	backwards := slices.Clone(letters)
	slices.Reverse(backwards)
	for _, test := range []struct {
		free   bool
		copies []archivetest.Message
	}{
		{true, renumbered(backwards)},
		{false, renumbered(slices.Concat(archivetest.PlainMessages(1001, 20), letters[:100], archivetest.PlainMessages(1021, 20), letters[100:]))},
	} {
		a, b := s.Mailbox(t, "a", letters...), s.Mailbox(t, "b", test.copies...)
		reads := func(failed int, mailboxes ...manifest.Mailbox) int {
			target := newMemTarget(s)
			target.Free = test.free
			s.Reads = 0
			report, err := restore.Run(t.Context(), restore.Options{Contents: s.Contents(t, mailboxes...), Target: target})
			if err != nil || report.Failed != int64(failed) || report.DoneMessages != report.Messages || report.DoneMailboxes != int64(len(mailboxes)) {
				t.Fatal(err, report)
			}
			if failed == 0 {
				target.Holds(t, "a", letters...)
			}
			for name, folder := range target.Folders {
				if !test.free && !slices.IsSorted(folder.UIDs()) {
					t.Errorf("%s: messages came out of order", name)
				}
			}
			return s.Reads
		}
		if alone, both := reads(0, a), reads(0, a, b); both > alone+2*(len(test.copies)-len(letters))+
			len(letters)/2+4*len(test.copies)/manifest.PageRecords { // pages are read, bodies are not
			t.Errorf("free: %v: %d reads of one mailbox, and %d where another has the same messages", test.free, alone, both)
		}
		entry, err := s.Contents(t, a).Entry(t.Context(), &a, 1)
		if err != nil {
			t.Fatal(err)
		}
		s.Lose(entry.Parts[1].Chunks[0])
		reads(2, a, b)
		clear(s.Lost)
	}
}

// TestRestoreCopiesOfWhichSomeAreDamaged checks that a message that is readable in one mailbox is
// restored in each, although its record in another mailbox is damaged.
func TestRestoreCopiesOfWhichSomeAreDamaged(t *testing.T) {
	s := archivetest.NewMemReader(t)
	whole := archivetest.Message{UID: 1, Body: []byte("Subject: x\r\n\r\nas it was\r\n"), Date: archivetest.SomeDate}
	record := func(body string) manifest.Entry {
		l := whole
		l.Body = []byte(body)
		entry := s.Record(t, l)
		entry.Hash = s.Key.Sum(whole.Body)
		return entry
	}
	unreadable, good, wrong := record("Subject: x\r\n\r\nas it is not read\r\n"), record(string(whole.Body)), record("Subject: x\r\n\r\nas it isn't")
	s.Lose(unreadable.Parts[1].Chunks[0])
	for _, order := range [][]manifest.Entry{{unreadable, good, wrong}, {wrong, unreadable, good}, {good, wrong, unreadable}} {
		var mailboxes []manifest.Mailbox
		for i, entry := range order {
			mailboxes = append(mailboxes, s.Pages(t, fmt.Sprint(i), []manifest.Entry{entry}))
		}
		target := newMemTarget(s)
		target.Free = true
		report, err := restore.Run(t.Context(), restore.Options{Contents: s.Contents(t, mailboxes...), Target: target})
		if err != nil || !report.Whole() {
			t.Error(err, report)
		}
		for name := range target.Folders {
			target.Holds(t, name, whole)
		}
	}
}

// canceling is a target whose user interrupts the restore when the mailboxes are made.
type canceling struct {
	*memTarget
	cancel context.CancelFunc
}

func (c canceling) Prepare(ctx context.Context, mailboxes []mail.Mailbox) ([]restore.Place, []string, error) {
	defer c.cancel()
	return c.memTarget.Prepare(ctx, mailboxes)
}

// TestRestoreInterrupted checks that an interrupted restore returns an error.
func TestRestoreInterrupted(t *testing.T) {
	s := archivetest.NewMemReader(t)
	ctx, cancel := context.WithCancel(t.Context())
	target := canceling{newMemTarget(s), cancel}
	contents := s.Contents(t, s.Mailbox(t, "INBOX", archivetest.PlainMessages(1, 3)...))
	if report, err := restore.Run(ctx, restore.Options{Contents: contents, Target: target}); !errors.Is(err, context.Canceled) {
		t.Errorf("have %v, %d of %d messages added", err, report.Added, report.Messages)
	}
}

func renumbered(letters []archivetest.Message) []archivetest.Message {
	letters = slices.Clone(letters)
	for i := range letters {
		letters[i].UID = mail.UID(i + 1)
	}
	return letters
}

// TestRestoreKeepsOrder checks that each mailbox gets its messages once and in the order of their
// UIDs, for random copies among the mailboxes.
func TestRestoreKeepsOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	s := archivetest.NewMemReader(t)
	letters := archivetest.PlainMessages(1, 400)
	boxes := make(map[string][]archivetest.Message)
	var mailboxes []manifest.Mailbox
	for i := range 7 {
		some := slices.Clone(letters)
		rng.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
		some = some[:rng.IntN(len(some))]
		if i%2 == 0 {
			slices.SortFunc(some, func(a, b archivetest.Message) int { return cmp.Compare(a.UID, b.UID) })
		}
		some = append(some, some[:len(some)/9]...) // and some twice
		name := fmt.Sprint(i)
		boxes[name] = renumbered(some)
		mailboxes = append(mailboxes, s.Mailbox(t, name, boxes[name]...))
	}
	target := newMemTarget(s)
	report, err := restore.Run(t.Context(), restore.Options{Contents: s.Contents(t, mailboxes...), Target: target})
	if err != nil || !report.Whole() {
		t.Fatal(err, report)
	}
	for name, some := range boxes {
		target.Holds(t, name, some...)
		if !slices.IsSorted(target.Folders[name].UIDs()) {
			t.Errorf("%s: messages came out of order", name)
		}
	}
}

// TestRestoreDoublesNothingWhenTheStoreStumbles makes single reads fail while a target compares. A
// message that was not compared must not count as missing.
func TestRestoreDoublesNothingWhenTheStoreStumbles(t *testing.T) {
	s := archivetest.NewMemReader(t)
	letters := archivetest.PlainMessages(1, 20)
	contents := s.Contents(t, s.Mailbox(t, "INBOX", letters...))
	target := newMemTarget(s)
	target.Verify = true
	o := restore.Options{Contents: contents, Target: target}
	if _, err := restore.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	s.FailOnce = true
	for n := 1; ; n++ {
		s.Reads, s.FailAt = 0, n
		_, err := restore.Run(t.Context(), o)
		target.Holds(t, "INBOX", letters...)
		if s.Reads < n {
			break
		}
		if t.Failed() || err != nil && !errors.Is(err, archivetest.ErrStoreGone) {
			t.Fatalf("read %d: %v", n, err)
		}
	}
}

// TestRestoreGoesOnWithoutAFolder checks that the other mailboxes are restored if the target does
// not open one, and that the messages of that one are kept.
func TestRestoreGoesOnWithoutAFolder(t *testing.T) {
	s := archivetest.NewMemReader(t)
	shut, open := archivetest.PlainMessages(1, 5), archivetest.PlainMessages(10, 5)
	contents := s.Contents(t, s.Mailbox(t, "shut", shut...), s.Mailbox(t, "open", open...))
	for _, reason := range []error{mail.ErrRefused, mail.ErrNoMailbox} {
		target := newMemTarget(s)
		target.Closed = map[string]error{"shut": fmt.Errorf("SELECT: %w", reason)}
		report, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target, ReportDir: t.TempDir()})
		if err != nil || report.Refused != 5 || report.Added != 5 || report.Problems[0].Kept == "" || !strings.Contains(report.Problems[0].Reason, reason.Error()) {
			t.Fatal(err, report)
		}
		target.Holds(t, "open", open...)
	}
	target := newMemTarget(s)
	target.Closed = map[string]error{"shut": errFull}
	if _, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target}); !errors.Is(err, errFull) {
		t.Errorf("a disk that is full ends it: %v", err)
	}
}

func TestRestoreDamage(t *testing.T) {
	s := archivetest.NewMemReader(t)
	letters := append(archivetest.PlainMessages(1, 2000), archivetest.Message{UID: 5000, Body: append([]byte("S: x\r\n\r\n"), archivetest.RandomBytes(9, 3<<20)...), Date: archivetest.SomeDate})
	mailbox := s.Mailbox(t, "INBOX", letters...)
	contents := s.Contents(t, mailbox, s.Mailbox(t, "other", archivetest.PlainMessages(9001, 3)...))
	chunkOf := func(uid mail.UID) manifest.Part {
		entry, err := contents.Entry(t.Context(), &mailbox, uid)
		if err != nil {
			t.Fatal(err)
		}
		parts, err := entry.PartList(contents.Load(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		return parts[len(parts)-1]
	}
	pages := s.PagesOf(t, &mailbox)
	for _, test := range []struct {
		name   string
		damage func()
		harmed []mail.UID // by name
		lost   int        // messages that are not restored
		bare   int        // messages without their flags
	}{
		{"a chunk of a message", func() { s.Lose(chunkOf(1700).Chunks[0]) }, []mail.UID{1700}, 1, 0},
		{"a chunk of a large message", func() { s.Lose(chunkOf(5000).Chunks[9]) }, []mail.UID{5000}, 1, 0},
		{"a chunk that is not there", func() { s.Lost[chunkOf(3).Chunks[0]] = store.ErrNotExist }, []mail.UID{3}, 1, 0},
		{"a record page", func() { s.Lose(pages[0].Records) }, []mail.UID{0}, int(pages[0].Messages), 0},
		{"a flag page", func() { s.Lose(pages[0].Flags) }, []mail.UID{0}, 0, int(pages[0].Messages)},
	} {
		for _, verify := range []bool{false, true} {
			t.Run(fmt.Sprint(test.name, ", comparing bodies: ", verify), func(t *testing.T) {
				clear(s.Lost)
				test.damage()
				target := newMemTarget(s)
				target.Verify = verify
				keep := t.TempDir()
				report, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target, ReportDir: keep})
				if err != nil {
					t.Fatal(err)
				}
				if report.DoneMessages != report.Messages {
					t.Errorf("the accounts do not balance: %+v", report.Progress)
				}
				var harmed []mail.UID
				for _, problem := range report.Problems {
					if problem.Kind != restore.MessageFailed || problem.Mailbox != "INBOX" || problem.Reason == "" {
						t.Errorf("%+v", problem)
					}
					harmed = append(harmed, problem.UID)
				}
				if !slices.Equal(harmed, test.harmed) || report.Failed != int64(len(harmed)) || report.Whole() {
					t.Errorf("harmed %v, want %v; %+v", harmed, test.harmed, report)
				}
				held := target.Folders["INBOX"].Held
				bare := 0
				for _, a := range held {
					if len(a.Flags) == 0 && a.UID != 5000 {
						bare++
					}
				}
				if len(held) != len(letters)-test.lost || bare != test.bare {
					t.Errorf("%d messages, %d without flags; want %d, %d", len(held), bare, len(letters)-test.lost, test.bare)
				}
				target.Holds(t, "other", archivetest.PlainMessages(9001, 3)...)
				if lines, err := os.ReadFile(filepath.Join(keep, restore.ReportFile)); err != nil || strings.Count(string(lines), "\n") != len(harmed) {
					t.Errorf("report file: %q, %v", lines, err)
				}
			})
		}
	}
}

// TestRestoreWrongBytes checks that intact chunks that do not join to the message are damage.
func TestRestoreWrongBytes(t *testing.T) {
	s := archivetest.NewMemReader(t)
	letters := archivetest.PlainMessages(1, 20)
	letters[7].Body = append([]byte("S: x\r\n\r\n"), archivetest.RandomBytes(4, 2<<20)...)
	entries := make([]manifest.Entry, len(letters))
	for i, l := range letters {
		entries[i] = s.Record(t, l)
		if i == 7 || i == 12 {
			entries[i].Hash[0]++
		}
	}
	mailbox := s.Pages(t, "INBOX", entries)
	target := newMemTarget(s)
	report, err := restore.Run(t.Context(), restore.Options{Contents: s.Contents(t, mailbox), Target: target})
	if err != nil || report.Failed != 2 || report.Added != 18 {
		t.Fatal(err, report)
	}
	target.Holds(t, "INBOX", append(letters[:7:7], append(letters[8:12:12], letters[13:]...)...)...)
}

func TestRestoreRefused(t *testing.T) {
	s := archivetest.NewMemReader(t)
	letters := archivetest.PlainMessages(1, 30)
	contents := s.Contents(t, s.Mailbox(t, "INBOX", letters...), s.Mailbox(t, "../a/b", letters[:2]...), s.Mailbox(t, "../A/b", letters[:2]...))
	target := newMemTarget(s)
	target.Skip = map[string]bool{"../a/b": true, "../A/b": true}
	target.Refuse = func(w restore.Message) error {
		if w.UID%10 == 0 {
			return errors.New("NO [CANNOT] too odd")
		}
		return nil
	}
	target.Changed = []string{"keyword left out", "date clamped"}
	keep := filepath.Join(t.TempDir(), "made", "when needed")
	report, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target, ReportDir: keep})
	if err != nil || report.Refused != 7 || report.Changed != 27 || report.Failed != 0 || report.Added != 27 || report.DoneMessages != 34 {
		t.Fatal(err, report)
	}
	kept := 0
	for _, problem := range report.Problems {
		if problem.Kind != restore.MessageRefused {
			continue
		}
		body, err := os.ReadFile(problem.Kept)
		if err != nil || !bytes.Equal(body, letters[problem.UID-1].Body) {
			t.Errorf("%s: %q %v", problem, body, err)
		}
		if rel, err := filepath.Rel(keep, problem.Kept); err != nil || !filepath.IsLocal(rel) {
			t.Errorf("%s is kept outside of the directory", problem.Kept)
		}
		kept++
	}
	if kept != 7 {
		t.Errorf("%d messages kept", kept)
	}
	lines, err := os.ReadFile(report.File)
	if err != nil || strings.Count(string(lines), "\n") != 34 {
		t.Errorf("report file: %v\n%s", err, lines)
	}

	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target, ReportDir: blocked}); err == nil {
		t.Error("what was refused could not be kept, and nothing was said")
	}
}

func TestRestoreKeepsWhatTheTargetAltered(t *testing.T) {
	s := archivetest.NewMemReader(t)
	letters := archivetest.PlainMessages(1, 5)
	target := newMemTarget(s)
	target.Alter = func(w restore.Message) bool { return w.UID == 3 }
	report, err := restore.Run(t.Context(), restore.Options{Contents: s.Contents(t, s.Mailbox(t, "INBOX", letters...)), Target: target, ReportDir: t.TempDir()})
	if err != nil || report.Altered != 1 || report.Added != 5 || report.Changed != 0 || report.Whole() || len(report.Problems) != 1 {
		t.Fatal(err, report)
	}
	if kept, err := os.ReadFile(report.Problems[0].Kept); err != nil || !bytes.Equal(kept, letters[2].Body) {
		t.Errorf("kept %q %v", kept, err)
	}
}

func TestRestoreChoice(t *testing.T) {
	s := archivetest.NewMemReader(t)
	letters := archivetest.PlainMessages(1, 4)
	letters[2].Flags = mail.NewFlags(`\Seen`, `\Deleted`)
	contents := s.Contents(t, s.Mailbox(t, "INBOX", letters...), s.Mailbox(t, "other", letters...))
	only := func(m *manifest.Mailbox) bool { return m.Name == "INBOX" }

	target := newMemTarget(s)
	report, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target, Mailboxes: only, DryRun: true})
	if err != nil || len(target.Folders) != 0 || report.Messages != 4 || report.Mailboxes != 1 {
		t.Fatal(err, report, target.Folders)
	}
	if report, err = restore.Run(t.Context(), restore.Options{Contents: contents, Target: target, Mailboxes: only, KeepDeleted: true}); err != nil || report.Undeleted != 0 {
		t.Fatal(err, report)
	}
	target.Holds(t, "INBOX", letters...)
	if len(target.Folders) != 1 {
		t.Error("a mailbox was restored that was not chosen")
	}
	target = newMemTarget(s)
	if report, err = restore.Run(t.Context(), restore.Options{Contents: contents, Target: target, Mailboxes: only}); err != nil || report.Undeleted != 1 {
		t.Fatal(err, report)
	}
	letters[2].Flags = mail.NewFlags(`\Seen`)
	target.Holds(t, "INBOX", letters...)
}

// TestMessageListIsSmall checks that a mailbox of a million messages takes 68 MB while it is
// restored: a row and an index for each message.
func TestMessageListIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(restore.MessageRow{}); size > 64 {
		t.Errorf("%d bytes a message", size)
	}
}

func TestRestoreUnreadableTable(t *testing.T) {
	s := archivetest.NewMemReader(t)
	var mailboxes []manifest.Mailbox
	letters := archivetest.PlainMessages(1, 1)
	for i := range 600 {
		mailboxes = append(mailboxes, s.Mailbox(t, fmt.Sprintf("%03d-%s", i, strings.Repeat("n", 150)), letters...))
	}
	contents := s.Contents(t, mailboxes...)
	if len(contents.Manifest.Tables) < 3 {
		t.Fatal("the mailboxes are not in tables")
	}
	s.Lose(contents.Manifest.Tables[1])
	target := newMemTarget(s)
	report, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target})
	if err != nil || report.Failed != 1 || report.Added == 0 || int(report.Added) != len(target.Folders) || report.Added > 599 {
		t.Fatal(err, report.Failed, report.Added)
	}
}

func TestRestoreUnreadableServerPart(t *testing.T) {
	s := archivetest.NewMemReader(t)
	letters := archivetest.PlainMessages(1, 1)
	contents := s.Contents(t, s.Mailbox(t, "INBOX", letters...))
	contents.Manifest.Server.Capabilities = []string{"IMAP4REV1"}
	if err := contents.Manifest.SetServerPart(s.Put); err != nil {
		t.Fatal(err)
	}
	s.Lose(contents.Manifest.ServerPart)
	target := newMemTarget(s)
	report, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target})
	if err != nil || report.Failed != 1 || report.Added != 1 {
		t.Fatal(err, report.Failed, report.Added)
	}
	target.Holds(t, "INBOX", letters...)
}

// A date that is no date-time, but says its instant without a doubt, reaches the target with the
// instant and the text.
func TestRestoreOddDate(t *testing.T) {
	s := archivetest.NewMemReader(t)
	letter := archivetest.Message{UID: 1, Body: []byte("Subject: x\r\n\r\n"), Date: "31-Dec-2016 23:59:60 GMT"}
	entry := s.Record(t, letter)
	if want := (mail.Date{Raw: letter.Date}); entry.Internal != want {
		t.Errorf("the record has %+v", entry.Internal)
	}
	target := newMemTarget(s)
	var have mail.Date
	target.Refuse = func(w restore.Message) error { have = w.Internal; return nil }
	contents := s.Contents(t, s.Pages(t, "a", []manifest.Entry{entry}))
	if _, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: target}); err != nil {
		t.Error(err)
	}
	if want := (mail.Date{Seconds: 1483228800, Raw: letter.Date}); have != want {
		t.Errorf("have %+v, want %+v", have, want)
	}
}

// A level of names that holds no messages is no mailbox of the report.
func TestLevelIsNotCounted(t *testing.T) {
	s := archivetest.NewMemReader(t)
	letters := archivetest.PlainMessages(1, 3)
	level := s.Mailbox(t, "level")
	level.Attributes = []string{`\Noselect`}
	for _, dryRun := range []bool{false, true} {
		contents := s.Contents(t, level, s.Mailbox(t, "level/empty"), s.Mailbox(t, "level/full", letters...))
		report, err := restore.Run(t.Context(), restore.Options{Contents: contents, Target: newMemTarget(s), DryRun: dryRun})
		if err != nil || report.Mailboxes != 2 || !dryRun && report.DoneMailboxes != 2 {
			t.Errorf("dry run %v: %d mailboxes, %d done, %v", dryRun, report.Mailboxes, report.DoneMailboxes, err)
		}
	}
}
