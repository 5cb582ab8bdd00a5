package export_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/serve/page/export"
)

// messages are three messages, the second of which is damaged, and the third of which is large.
func messages(t *testing.T) (bodies [][]byte, all export.Messages) {
	t.Helper()
	r := archivetest.NewMemReader(t)
	bodies = [][]byte{
		[]byte("Subject: one\r\n\r\nFrom here\r\n"),
		[]byte("Subject: two\r\n\r\ntext\r\n"),
		append([]byte("Subject: three\r\n\r\n"), archivetest.Base64(archivetest.RandomBytes(1, 2<<20))...),
	}
	var list []export.Message
	for i, body := range bodies {
		e := r.Record(t, archivetest.Message{UID: mail.UID(i + 1), Date: archivetest.SomeDate, Body: body})
		list = append(list, export.Message{Record: &e.Record, UID: e.UID, Internal: e.Internal, Flags: mail.NewFlags(`\Seen`), Folder: "a"})
	}
	c := r.Contents(t)
	for _, part := range list[1].Record.Parts {
		for _, id := range part.Chunks {
			r.Lose(id)
		}
	}
	return bodies, func(yield func(export.Message, error) bool) {
		for _, m := range list {
			if m.Contents = c; !yield(m, nil) {
				return
			}
		}
	}
}

// A ZIP has each message as a file, and a note of those that cannot be read.
func TestZIP(t *testing.T) {
	bodies, all := messages(t)
	var b bytes.Buffer
	if err := export.ZIP(t.Context(), &b, all); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		found[f.Name] = string(text)
	}
	n := 0
	for name, text := range found {
		for i, word := range []string{"one", "two", "three"} {
			if strings.HasPrefix(name, "a/") && strings.Contains(name, word) && text == string(bodies[i]) {
				n++
			}
		}
	}
	if len(found) != 3 || n != 2 || !strings.Contains(found["missing-1.txt"], "cannot be read") {
		t.Errorf("the file has %d files, %d of them right", len(found), n)
	}
}

// An mbox has each message with quoted From lines, and a note of those that cannot be read.
func TestMbox(t *testing.T) {
	_, all := messages(t)
	var b bytes.Buffer
	if err := export.Mbox(t.Context(), &b, all); err != nil {
		t.Fatal(err)
	}
	text := "\n" + b.String()
	if n := strings.Count(text, "\nFrom "); n != 3 || !strings.Contains(text, "\n>From here\n") || !strings.Contains(text, "Messages are missing") || strings.Contains(text, "\r") {
		t.Errorf("%d messages:\n%.500s", n, text)
	}
}

// An error that is not damage ends the file before its end, so that nothing takes it for whole.
func TestErrorsEnd(t *testing.T) {
	gone := errors.New("the store is gone")
	all := func(yield func(export.Message, error) bool) { yield(export.Message{}, gone) }
	for name, write := range map[string]func() error{
		"mbox": func() error { return export.Mbox(t.Context(), io.Discard, all) },
		"ZIP":  func() error { return export.ZIP(t.Context(), io.Discard, all) },
	} {
		if err := write(); !errors.Is(err, gone) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The folder of a mailbox is below that of the ZIP, whatever its name.
func TestFolder(t *testing.T) {
	for name, want := range map[string]string{"Work/2026": "Work/2026", "../..": "_/_", "a:b/c\\d": "a_b/c_d", "INBOX": "INBOX", "/": "_/_", "x/\x01": "x/_x01"} {
		if got := export.Folder(&mail.Mailbox{Raw: name, Name: name, Delimiter: "/"}); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
