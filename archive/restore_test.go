package archive

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

const someday = " 1-Mar-2024 10:20:30 +0100"

// noise is content that does not compress and never recurs.
func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	source := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	source.Read(b)
	return b
}

// wrapped is base64 as mail has it.
func wrapped(b []byte) []byte {
	var out bytes.Buffer
	text := base64.StdEncoding.EncodeToString(b)
	for len(text) > 76 {
		out.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	out.WriteString(text + "\r\n")
	return out.Bytes()
}

// plain makes n ordinary messages, UIDs from first on.
func plain(first mail.UID, n int) []letter {
	letters := make([]letter, n)
	for i := range letters {
		uid := first + mail.UID(i)
		letters[i] = letter{
			uid:   uid,
			body:  fmt.Appendf(nil, "Subject: number %d\r\n\r\nHello %d.\r\n", uid, uid),
			flags: mail.NewFlags(`\Seen`),
			date:  someday,
		}
	}
	return letters
}

// odd are messages that are hardly mail.
func odd() []letter { return slices.Clone(oddLetters()) }

// oddLetters are made once: they are large.
var oddLetters = sync.OnceValue(func() []letter {
	bodies := [][]byte{
		{},
		[]byte("\r\n"),
		[]byte("no header, no line end"),
		[]byte("\r\nno header"),
		[]byte("Subject: nul\x00\r\n\r\na\x00b\r\n"),
		[]byte("Subject: lf\n\nbare lf\nand cr\r\r\n"),
		append([]byte("Subject: a long line\r\n\r\n"), bytes.Repeat([]byte("x"), 1<<20)...),
		append([]byte("Subject: base64\r\n\r\n"), wrapped(noise(1, 300_000))...),
		append([]byte("Subject: large\r\n\r\n"), noise(2, 20<<20)...),
		append([]byte("Subject: large base64\r\n\r\n"), wrapped(noise(3, 3<<20))...),
		bytes.Repeat([]byte("X: header without end\r\n"), 20_000),
	}
	letters := make([]letter, len(bodies))
	for i, body := range bodies {
		letters[i] = letter{uid: mail.UID(10 * (i + 1)), body: body, flags: mail.NewFlags(`\Seen`, "odd"), date: someday}
	}
	letters[1].date = "31-Foo-2050 99:00:00"
	return letters
})

func TestRestoreLossless(t *testing.T) {
	s := newShelf(t)
	many := plain(1, 3000)
	many[5].flags = mail.NewFlags(`\Answered`, "$Label1")
	contents := s.contents(t, s.mailbox(t, "INBOX", many...), s.mailbox(t, "empty"), s.mailbox(t, "odd", odd()...))
	for _, batch := range []int{0, 1, 7} {
		target := newShore(s)
		target.messages, target.verify = batch, batch == 7
		report, err := Restore(t.Context(), RestoreOptions{Contents: contents, Target: target})
		if err != nil || !report.Whole() || len(report.Problems) > 0 {
			t.Fatal(err, report)
		}
		target.holds(t, "INBOX", many...)
		target.holds(t, "odd", odd()...)
		if n := int64(3000 + len(odd())); report.Added != n || report.DoneMessages != n || report.Messages != n || report.DoneBytes != report.Bytes {
			t.Errorf("the accounts do not balance: %+v", report)
		}
		if batch > 0 && slices.Max(target.appended) > batch {
			t.Errorf("a batch of %d messages, the target takes %d", slices.Max(target.appended), batch)
		}
		if !slices.IsSorted(target.folders["INBOX"].uids()) {
			t.Error("messages came out of order: an IMAP server would number them so")
		}
	}
}

func TestRestoreAgainAddsNothing(t *testing.T) {
	s := newShelf(t)
	letters := plain(1, 18_000) // more than one piece
	for i := 17_000; i < 17_010; i++ {
		letters[i].body = letters[0].body // copies count
	}
	contents := s.contents(t, s.mailbox(t, "INBOX", letters...))
	target := newShore(s)
	o := RestoreOptions{Contents: contents, Target: target}
	if report, err := Restore(t.Context(), o); err != nil || report.Added != 18_000 {
		t.Fatal(err, report)
	}
	report, err := Restore(t.Context(), o)
	if err != nil || report.Added != 0 || report.Present != 18_000 {
		t.Fatal(err, report)
	}
	folder := target.folders["INBOX"]
	i := slices.IndexFunc(folder.held, func(a arrived) bool { return bytes.Equal(a.body, letters[0].body) })
	folder.held = slices.Delete(folder.held, i, i+1)
	if report, err = Restore(t.Context(), o); err != nil || report.Added != 1 {
		t.Fatal("one of eleven copies was taken away, one must come back:", err, report)
	}
}

// TestRestoreFailsAnywhere lets the target, or the store, fail at every step; a second restore completes exactly.
func TestRestoreFailsAnywhere(t *testing.T) {
	s := newShelf(t)
	a, b := plain(1, 50), plain(100, 30)
	contents := s.contents(t, s.mailbox(t, "a", a...), s.mailbox(t, "b", b...))
	target := func() *shore {
		target := newShore(s)
		target.messages = 9
		return target
	}
	complete := func(t *testing.T, target *shore) {
		t.Helper()
		target.failAt = 0
		if report, err := Restore(t.Context(), RestoreOptions{Contents: contents, Target: target}); err != nil || !report.Whole() {
			t.Fatal(err, report)
		}
		target.holds(t, "a", a...)
		target.holds(t, "b", b...)
	}
	for n := 1; ; n++ {
		target := target()
		target.failAt = n
		_, err := Restore(t.Context(), RestoreOptions{Contents: contents, Target: target})
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
		s.reads, s.failing = 0, n
		report, err := Restore(t.Context(), RestoreOptions{Contents: contents, Target: target})
		s.failing = 0
		if err == nil {
			break
		}
		if !errors.Is(err, errGone) || report.Failed > 0 {
			t.Fatalf("read %d: a store that is gone is no damage: %v %+v", n, err, report)
		}
		complete(t, target)
	}
}

// TestRestoreDoublesNothingWhenTheStoreStumbles lets single reads fail while a target compares what it holds: a message
// that could not be compared must not be taken for missing.
func TestRestoreDoublesNothingWhenTheStoreStumbles(t *testing.T) {
	s := newShelf(t)
	letters := plain(1, 20)
	contents := s.contents(t, s.mailbox(t, "INBOX", letters...))
	target := newShore(s)
	target.verify = true
	o := RestoreOptions{Contents: contents, Target: target}
	if _, err := Restore(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	s.healing = true
	for n := 1; ; n++ {
		s.reads, s.failing = 0, n
		_, err := Restore(t.Context(), o)
		target.holds(t, "INBOX", letters...)
		if s.reads < n {
			break
		}
		if t.Failed() || err != nil && !errors.Is(err, errGone) {
			t.Fatalf("read %d: %v", n, err)
		}
	}
}

// TestRestoreGoesOnWithoutAFolder: a mailbox that the target does not open keeps no other from being restored, and its
// messages are kept.
func TestRestoreGoesOnWithoutAFolder(t *testing.T) {
	s := newShelf(t)
	shut, open := plain(1, 5), plain(10, 5)
	contents := s.contents(t, s.mailbox(t, "shut", shut...), s.mailbox(t, "open", open...))
	for _, reason := range []error{ErrRefused, ErrNoMailbox} {
		target := newShore(s)
		target.closed = map[string]error{"shut": fmt.Errorf("SELECT: %w", reason)}
		report, err := Restore(t.Context(), RestoreOptions{Contents: contents, Target: target, Keep: t.TempDir()})
		if err != nil || report.Refused != 5 || report.Added != 5 || report.Problems[0].Kept == "" || !strings.Contains(report.Problems[0].Reason, reason.Error()) {
			t.Fatal(err, report)
		}
		target.holds(t, "open", open...)
	}
	target := newShore(s)
	target.closed = map[string]error{"shut": errFull}
	if _, err := Restore(t.Context(), RestoreOptions{Contents: contents, Target: target}); !errors.Is(err, errFull) {
		t.Errorf("a disk that is full ends it: %v", err)
	}
}

func TestRestoreDamage(t *testing.T) {
	s := newShelf(t)
	letters := append(plain(1, 2000), letter{uid: 5000, body: append([]byte("S: x\r\n\r\n"), noise(9, 3<<20)...), date: someday})
	mailbox := s.mailbox(t, "INBOX", letters...)
	contents := s.contents(t, mailbox, s.mailbox(t, "other", plain(9001, 3)...))
	chunkOf := func(uid mail.UID) manifest.Part {
		entry, err := contents.Entry(t.Context(), &mailbox, uid)
		if err != nil {
			t.Fatal(err)
		}
		parts, err := entry.PartList(contents.load(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		return parts[len(parts)-1]
	}
	for _, test := range []struct {
		name   string
		damage func()
		harmed []mail.UID // by name
		lost   int        // messages that are not restored
		bare   int        // messages without their flags
	}{
		{"a chunk of a message", func() { s.lose(chunkOf(1700).Chunks[0]) }, []mail.UID{1700}, 1, 0},
		{"a chunk of a large message", func() { s.lose(chunkOf(5000).Chunks[9]) }, []mail.UID{5000}, 1, 0},
		{"a chunk that is not there", func() { s.lost[chunkOf(3).Chunks[0]] = os.ErrNotExist }, []mail.UID{3}, 1, 0},
		{"a record page", func() { s.lose(mailbox.Pages[0].Records) }, []mail.UID{0}, int(mailbox.Pages[0].Messages), 0},
		{"a flag page", func() { s.lose(mailbox.Pages[0].Flags) }, []mail.UID{0}, 0, int(mailbox.Pages[0].Messages)},
	} {
		for _, verify := range []bool{false, true} {
			t.Run(fmt.Sprint(test.name, ", comparing bodies: ", verify), func(t *testing.T) {
				clear(s.lost)
				test.damage()
				target := newShore(s)
				target.verify = verify
				keep := t.TempDir()
				report, err := Restore(t.Context(), RestoreOptions{Contents: contents, Target: target, Keep: keep})
				if err != nil {
					t.Fatal(err)
				}
				if report.DoneMessages != report.Messages {
					t.Errorf("the accounts do not balance: %+v", report.RestoreProgress)
				}
				var harmed []mail.UID
				for _, problem := range report.Problems {
					if problem.Kind != MessageFailed || problem.Mailbox != "INBOX" || problem.Reason == "" {
						t.Errorf("%+v", problem)
					}
					harmed = append(harmed, problem.UID)
				}
				if !slices.Equal(harmed, test.harmed) || report.Failed != int64(len(harmed)) || report.Whole() {
					t.Errorf("harmed %v, want %v; %+v", harmed, test.harmed, report)
				}
				held := target.folders["INBOX"].held
				bare := 0
				for _, a := range held {
					if len(a.flags) == 0 && a.uid != 5000 {
						bare++
					}
				}
				if len(held) != len(letters)-test.lost || bare != test.bare {
					t.Errorf("%d messages, %d without flags; want %d, %d", len(held), bare, len(letters)-test.lost, test.bare)
				}
				target.holds(t, "other", plain(9001, 3)...)
				if told, err := os.ReadFile(filepath.Join(keep, reportFile)); err != nil || strings.Count(string(told), "\n") != len(harmed) {
					t.Errorf("report file: %q, %v", told, err)
				}
			})
		}
	}
}

// TestRestoreWrongBytes: chunks that are whole, but joined are not the message.
func TestRestoreWrongBytes(t *testing.T) {
	s := newShelf(t)
	letters := plain(1, 20)
	letters[7].body = append([]byte("S: x\r\n\r\n"), noise(4, 2<<20)...)
	entries := make([]manifest.Entry, len(letters))
	paginator := manifest.NewPaginator(s.put)
	mailbox := manifest.Mailbox{Mailbox: mail.Mailbox{Raw: "INBOX", Name: "INBOX"}}
	for i, l := range letters {
		entries[i] = s.record(t, l)
		if i == 7 || i == 12 {
			entries[i].Hash[0]++
		}
		mailbox.Bytes += entries[i].Size
		if err := paginator.Add(entries[i]); err != nil {
			t.Fatal(err)
		}
	}
	pages, err := paginator.Close()
	if err := errors.Join(err, mailbox.SetPages(pages, s.put)); err != nil {
		t.Fatal(err)
	}
	target := newShore(s)
	report, err := Restore(t.Context(), RestoreOptions{Contents: s.contents(t, mailbox), Target: target})
	if err != nil || report.Failed != 2 || report.Added != 18 {
		t.Fatal(err, report)
	}
	target.holds(t, "INBOX", append(letters[:7:7], append(letters[8:12:12], letters[13:]...)...)...)
}

func TestRestoreRefused(t *testing.T) {
	s := newShelf(t)
	letters := plain(1, 30)
	contents := s.contents(t, s.mailbox(t, "INBOX", letters...), s.mailbox(t, "../a/b", letters[:2]...), s.mailbox(t, "../A/b", letters[:2]...))
	target := newShore(s)
	target.skip = map[string]bool{"../a/b": true, "../A/b": true}
	target.refuse = func(w Wanted) error {
		if w.UID%10 == 0 {
			return errors.New("NO [CANNOT] too odd")
		}
		return nil
	}
	target.changed = []string{"keyword left out", "date clamped"}
	keep := filepath.Join(t.TempDir(), "made", "when needed")
	report, err := Restore(t.Context(), RestoreOptions{Contents: contents, Target: target, Keep: keep})
	if err != nil || report.Refused != 7 || report.Changed != 27 || report.Failed != 0 || report.Added != 27 || report.DoneMessages != 34 {
		t.Fatal(err, report)
	}
	kept := 0
	for _, problem := range report.Problems {
		if problem.Kind != MessageRefused {
			continue
		}
		body, err := os.ReadFile(problem.Kept)
		if err != nil || !bytes.Equal(body, letters[problem.UID-1].body) {
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
	told, err := os.ReadFile(report.File)
	if err != nil || strings.Count(string(told), "\n") != 34 {
		t.Errorf("report file: %v\n%s", err, told)
	}

	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), RestoreOptions{Contents: contents, Target: target, Keep: blocked}); err == nil {
		t.Error("what was refused could not be kept, and nothing was said")
	}
}

func TestRestoreKeepsWhatTheTargetAltered(t *testing.T) {
	s := newShelf(t)
	letters := plain(1, 5)
	target := newShore(s)
	target.alter = func(w Wanted) bool { return w.UID == 3 }
	report, err := Restore(t.Context(), RestoreOptions{Contents: s.contents(t, s.mailbox(t, "INBOX", letters...)), Target: target, Keep: t.TempDir()})
	if err != nil || report.Altered != 1 || report.Added != 5 || report.Changed != 0 || report.Whole() || len(report.Problems) != 1 {
		t.Fatal(err, report)
	}
	if kept, err := os.ReadFile(report.Problems[0].Kept); err != nil || !bytes.Equal(kept, letters[2].body) {
		t.Errorf("kept %q %v", kept, err)
	}
}

func TestRestoreChoice(t *testing.T) {
	s := newShelf(t)
	letters := plain(1, 4)
	letters[2].flags = mail.NewFlags(`\Seen`, `\Deleted`)
	contents := s.contents(t, s.mailbox(t, "INBOX", letters...), s.mailbox(t, "other", letters...))
	only := func(m *manifest.Mailbox) bool { return m.Name == "INBOX" }

	target := newShore(s)
	report, err := Restore(t.Context(), RestoreOptions{Contents: contents, Target: target, Mailboxes: only, DryRun: true})
	if err != nil || len(target.folders) != 0 || report.Messages != 4 || report.Mailboxes != 1 {
		t.Fatal(err, report, target.folders)
	}
	if _, err = Restore(t.Context(), RestoreOptions{Contents: contents, Target: target, Mailboxes: only, KeepDeleted: true}); err != nil {
		t.Fatal(err)
	}
	target.holds(t, "INBOX", letters...)
	if len(target.folders) != 1 {
		t.Error("a mailbox was restored that was not chosen")
	}
	target = newShore(s)
	if _, err = Restore(t.Context(), RestoreOptions{Contents: contents, Target: target, Mailboxes: only}); err != nil {
		t.Fatal(err)
	}
	letters[2].flags = mail.NewFlags(`\Seen`)
	target.holds(t, "INBOX", letters...)
}

// TestRollIsSmall: a mailbox of a million messages takes 68 MB while it is restored: a row, and its place in the order.
func TestRollIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(rollRow{}); size > 64 {
		t.Errorf("%d bytes a message", size)
	}
}

func TestRestoreUnreadableTable(t *testing.T) {
	s := newShelf(t)
	var mailboxes []manifest.Mailbox
	letters := plain(1, 1)
	for i := range 600 {
		mailboxes = append(mailboxes, s.mailbox(t, fmt.Sprintf("%03d-%s", i, strings.Repeat("n", 150)), letters...))
	}
	contents := s.contents(t, mailboxes...)
	if len(contents.Manifest.Tables) < 3 {
		t.Fatal("the mailboxes are not in tables")
	}
	s.lose(contents.Manifest.Tables[1])
	target := newShore(s)
	report, err := Restore(t.Context(), RestoreOptions{Contents: contents, Target: target})
	if err != nil || report.Failed != 1 || report.Added == 0 || int(report.Added) != len(target.folders) || report.Added > 599 {
		t.Fatal(err, report.Failed, report.Added)
	}
}
