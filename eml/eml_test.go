package eml

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/safename"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

type body struct {
	text string
	err  error
}

func (b body) WriteTo(_ context.Context, w io.Writer) error {
	if _, err := io.WriteString(w, b.text); err != nil {
		return err
	}
	return b.err
}

func (b body) Verify(context.Context) error { return b.err }

func message(uid mail.UID, text string, flags ...string) restore.Message {
	return restore.Message{UID: uid, Size: int64(len(text)), Hash: chunk.ID(sha256.Sum256([]byte(text))), Flags: mail.NewFlags(flags...),
		Internal: mail.ParseDate("17-Jul-1996 02:44:25 -0700"), Body: body{text: text}}
}

func box(name string) mail.Mailbox { return mail.Mailbox{Raw: name, Name: name, Delimiter: "/"} }

// restoreTo adds messages to each of the mailboxes and returns the results of the missing ones.
func restoreTo(
	t *testing.T, path string, mailboxes []mail.Mailbox, wanted []restore.Message,
) (fates []restore.AppendResult) {
	t.Helper()
	target := New(path)
	places, _, err := target.Prepare(t.Context(), mailboxes)
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range places {
		f, err := target.Open(t.Context(), place)
		if err != nil {
			t.Fatal(err)
		}
		missing, err := f.Missing(t.Context(), wanted)
		if err != nil {
			t.Fatal(err)
		}
		var batch []restore.Message
		for _, i := range missing {
			batch = append(batch, wanted[i])
		}
		told, err := f.Append(t.Context(), batch)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		fates = append(fates, told...)
	}
	if err := target.Close(); err != nil {
		t.Fatal(err)
	}
	return fates
}

func files(t *testing.T, path string) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS(path), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Base(name) != flagsFile {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// Messages are restored once, byte for byte, with their dates, and with their flags in flags.jsonl.
func TestRestore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail")
	texts := []string{"", "a\r\nb\n", "\x00\r\r\n", strings.Repeat("x", 1<<20)}
	var wanted []restore.Message
	for i, text := range texts {
		wanted = append(wanted, message(mail.UID(i+1), text, `\Seen`, "$Junk"))
	}
	mailboxes := []mail.Mailbox{box("inbox"), box("Projects"), box("Projects/2023")}
	if fates := restoreTo(t, path, mailboxes, wanted); len(fates) != 3*len(texts) {
		t.Errorf("%d messages added", len(fates))
	}
	for _, dir := range []string{"INBOX", "Projects", "Projects/2023"} {
		lines, err := os.ReadFile(filepath.Join(path, dir, flagsFile))
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(bytes.NewReader(lines))
		for i, want := range texts {
			name := filepath.Join(path, dir, fileName(t.Context(), &wanted[i]))
			text, err := os.ReadFile(name)
			if err != nil || string(text) != want {
				t.Errorf("%s: %.50q, %v", name, text, err)
			}
			if info, err := os.Stat(name); err != nil || info.ModTime().Unix() != wanted[i].Internal.Seconds {
				t.Error(info, err)
			}
			var l line
			if err := decoder.Decode(&l); err != nil || l.File != filepath.Base(name) || !l.Flags.Equal(wanted[i].Flags) || l.Internal != wanted[i].Internal.String() {
				t.Errorf("%+v, %v", l, err)
			}
		}
	}
	if fates := restoreTo(t, path, mailboxes, wanted); len(fates) != 0 {
		t.Errorf("the second restore added %d messages", len(fates))
	}
}

// Of n copies of a message, n are restored, and a removed copy is restored under its UID.
func TestCopies(t *testing.T) {
	path := t.TempDir()
	inbox := []mail.Mailbox{box("INBOX")}
	wanted := []restore.Message{message(1, "a"), message(2, "a"), message(3, "a")}
	restoreTo(t, path, inbox, wanted)
	before := files(t, path)
	if err := os.Remove(filepath.Join(path, before[1])); err != nil {
		t.Fatal(err)
	}
	restoreTo(t, path, inbox, wanted)
	if after := files(t, path); !slices.Equal(before, after) || len(after) != 3 {
		t.Errorf("there are %q", after)
	}
	// The three copies are present under other UIDs; a fourth is missing.
	others := []restore.Message{message(11, "a"), message(12, "a"), message(13, "a"), message(14, "a")}
	if fates := restoreTo(t, path, inbox, others); len(fates) != 1 {
		t.Errorf("%d messages added", len(fates))
	}
}

func TestDamagedMessage(t *testing.T) {
	path := t.TempDir()
	broken := errors.New("the chunk is damaged")
	damaged := message(1, strings.Repeat("x", 1<<20))
	damaged.Body = body{"half", broken}
	fates := restoreTo(t, path, []mail.Mailbox{box("INBOX")}, []restore.Message{damaged, message(2, "b")})
	if !errors.Is(fates[0].Refused, broken) || !fates[1].Added {
		t.Errorf("%+v", fates)
	}
	if names := files(t, path); len(names) != 1 {
		t.Errorf("there are %q", names)
	}
}

// Mailboxes with hostile names get separate directories below the target, and the names can be
// decoded.
func TestHostileNames(t *testing.T) {
	above := t.TempDir()
	path := filepath.Join(above, "mail")
	var mailboxes []mail.Mailbox
	for _, name := range []string{"INBOX", "INBOX/x", "..", "../../etc", "/", "~", "nul", "flags.jsonl", "1.eml", "a\x00", "\xff", ".", "%2e",
		strings.Repeat("n", 300), strings.Repeat("n", 301)} {
		mailboxes = append(mailboxes, box(name))
	}
	restoreTo(t, path, mailboxes, []restore.Message{message(1, "a")})
	if names := files(t, path); len(names) != len(mailboxes) {
		t.Errorf("there are %q", names)
	}
	if entries, err := os.ReadDir(above); err != nil || len(entries) != 1 {
		t.Errorf("beside the target there are %v, %v", entries, err)
	}
	for i := range mailboxes {
		if dir := directory(&mailboxes[i], style); len(mailboxes[i].Name) < 255 && !slices.Equal(levels(dir), mailboxes[i].Path()) {
			t.Errorf("%q is in %q", mailboxes[i].Name, dir)
		}
	}
}

// A directory has the name of its mailbox. One with a name of an earlier version is found, and the
// messages in it.
func TestDirectoryInUTF8(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail")
	wanted := []restore.Message{message(1, "a")}
	restoreTo(t, path, []mail.Mailbox{box("Entwürfe/R&D")}, wanted)
	if err := os.MkdirAll(filepath.Join(path, "Gr&APwA3w-e"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(path, "Entwürfe/R&D"), filepath.Join(path, "Gr&APwA3w-e/R&-D")); err != nil {
		t.Errorf("the directory has another name: %v", err)
	}
	if results := restoreTo(t, path, []mail.Mailbox{box("Grüße/R&D")}, wanted); len(results) != 0 {
		t.Errorf("%+v", results)
	}
	if names := files(t, path); len(names) != 1 || !strings.HasPrefix(names[0], "Gr&APwA3w-e/R&-D/") {
		t.Errorf("there are %q", names)
	}
}

// Different mailboxes have different directories, each below that of the target.
func FuzzDirectory(f *testing.F) {
	f.Add("a/../b", "x")
	f.Add("", "/")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := box(a), box(b)
		for _, m := range []mail.Mailbox{x, y} {
			dir := directory(&m, style)
			if !filepath.IsLocal(dir) || filepath.Clean(dir) != dir || dir == "." {
				t.Errorf("%q is in %q", m.Name, dir)
			}
		}
		if a != b && !(x.IsInbox() && y.IsInbox()) && directory(&x, style) == directory(&y, style) {
			t.Errorf("%q and %q are both in %q", a, b, directory(&x, style))
		}
	})
}

// The name of a file has the date and the subject of the message, in characters that every file
// system accepts. It identifies the message; so does a name of an earlier version.
func TestFileName(t *testing.T) {
	for _, test := range []struct{ subject, date, want string }{
		{"Bridge plans", "13-Mar-2026 02:10:59 +0100", "2026-03-13 0210 Bridge plans 42-"},
		{"", " 3-Mar-2026 23:59:00 +0000", "2026-03-03 2359 42-"},
		{"=?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?q?_aus?= Bern", "13-Mar-2026 02:10:00 +0000", "2026-03-13 0210 Grüße aus Bern 42-"},
		{`Re: a/b\c: "x" <*?|> $(rm) ../.. %00`, "13-Mar-2026 02:10:00 +0000", "2026-03-13 0210 Re a b c x rm .. .. 00 42-"},
		{"\u202etxt\u200b.exe. ", "13-Mar-2026 02:10:00 +0000", "2026-03-13 0210 txt .exe 42-"},
		{strings.Repeat("word ", 50), "yesterday", "undated " + strings.Repeat("word ", 12) + "42-"},
		{strings.Repeat("日", 300), "13-Mar-2026 02:10:00 +0000", "2026-03-13 0210 " + strings.Repeat("日", 50) + " 42-"},
	} {
		m := message(42, test.subject)
		m.Internal = mail.ParseDate(test.date)
		m.Header = func(context.Context) ([]byte, error) { return []byte("Subject: " + test.subject + "\r\n\r\n"), nil }
		name := fileName(t.Context(), &m)
		own := tagOf(m.Hash)
		if want := test.want + hex.EncodeToString(own[:]) + ".eml"; name != want || len(name) > 220 {
			t.Errorf("%q: have %q, want %q", test.subject, name, want)
		}
		if uid, hashTag, ok := parseFileName(name); uid != 42 || hashTag != own || !ok {
			t.Errorf("%q is read as %d, %x, %v", name, uid, hashTag, ok)
		}
		old := "0000000042-" + m.Hash.Prefix().String() + ".eml"
		if uid, hashTag, ok := parseFileName(old); uid != 42 || hashTag != own || !ok {
			t.Errorf("%q is read as %d, %x, %v", old, uid, hashTag, ok)
		}
	}
}

func FuzzFileName(f *testing.F) {
	f.Add("0000000042-00112233445566778899aabbccddeeff.eml")
	f.Add("2026-03-13 0210 x 42-0011223344556677.eml")
	f.Fuzz(func(t *testing.T, name string) { parseFileName(name) })
}

// levels inverts directory.
func levels(dir string) []string {
	levels := strings.Split(dir, "/")
	for i, level := range levels {
		levels[i] = safename.Decode(level)
	}
	return levels
}
