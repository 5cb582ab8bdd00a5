package archive_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

func TestContentsFinds(t *testing.T) {
	s := archivetest.NewMemReader(t)
	letters := append(archivetest.PlainMessages(1, 3000), archivetest.Message{UID: 1 << 20, Body: []byte("no header here, no empty line"), Date: archivetest.SomeDate})
	drafts := s.Mailbox(t, "Entw&APw-rfe", archivetest.PlainMessages(1, 2)...)
	drafts.Name = "Entwürfe"
	contents := s.Contents(t, drafts, s.Mailbox(t, "INBOX", letters...))
	ctx := t.Context()
	for name, want := range map[string]string{"inbox": "INBOX", "Entwürfe": "Entw&APw-rfe", "Entw&APw-rfe": "Entw&APw-rfe"} {
		if mailbox, err := contents.Mailbox(ctx, name); err != nil || mailbox.Raw != want {
			t.Errorf("%s: %v, %v", name, mailbox, err)
		}
	}
	if _, err := contents.Mailbox(ctx, "drafts"); !errors.Is(err, mail.ErrNoMailbox) || !strings.Contains(err.Error(), `"drafts"`) {
		t.Error(err)
	}
	inbox, err := contents.Mailbox(ctx, "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []archivetest.Message{letters[0], letters[2999], letters[3000]} {
		entry, err := contents.Entry(ctx, inbox, l.UID)
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		if err := contents.Body(&entry.Record).WriteTo(ctx, &body); err != nil || !bytes.Equal(body.Bytes(), l.Body) {
			t.Errorf("UID %d: %q, %v", l.UID, body.Bytes(), err)
		}
		header, err := contents.Header(ctx, &entry.Record)
		if err != nil || !bytes.HasPrefix(l.Body, header) || !bytes.HasSuffix(header, []byte("\r\n\r\n")) && !bytes.Equal(header, l.Body) {
			t.Errorf("UID %d: header %q, %v", l.UID, header, err)
		}
	}
	if _, err := contents.Entry(ctx, inbox, 5000); !errors.Is(err, archive.ErrNoMessage) {
		t.Error(err)
	}
}

// A page or list that cannot be read does not hide the rest of a mailbox.
func TestContentsSkipsDamage(t *testing.T) {
	s := archivetest.NewMemReader(t)
	inbox := s.Mailbox(t, "INBOX", archivetest.PlainMessages(1, 1500)...)
	contents := s.Contents(t, inbox)
	pages := s.PagesOf(t, &inbox)
	last := pages[len(pages)-1]
	s.Lose(pages[1].Records)
	s.Lose(last.Flags) // full pages of like flags share theirs; the last one is not full
	var messages, bare int64
	var errs []error
	for entry, err := range contents.Entries(t.Context(), &inbox) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		messages++
		if entry.Flags == nil {
			bare++
		}
	}
	if messages != 1500-int64(pages[1].Messages) || bare != int64(last.Messages) || len(errs) != 2 || !errors.Is(errs[1], archive.ErrFlags) {
		t.Errorf("%d messages, %d without flags, %v", messages, bare, errs)
	}
	first, _ := pages[1].Range()
	if _, err := contents.Entry(t.Context(), &inbox, mail.UID(first+1)); err == nil || errors.Is(err, archive.ErrNoMessage) {
		t.Errorf("a message that cannot be read is not one that is not there: %v", err)
	}
}

// An error of the writer is not taken for damage.
func TestBodyErrorOfWriterIsNotDamage(t *testing.T) {
	s := archivetest.NewMemReader(t)
	inbox := s.Mailbox(t, "INBOX", archivetest.Message{UID: 1, Body: archivetest.Base64(archivetest.RandomBytes(5, 100_000)), Date: archivetest.SomeDate})
	contents := s.Contents(t, inbox)
	entry, err := contents.Entry(t.Context(), &inbox, 1)
	if err != nil {
		t.Fatal(err)
	}
	body := contents.Body(&entry.Record)
	reader, writer := io.Pipe()
	full := errors.New("no space left on device")
	reader.CloseWithError(full)
	if err := body.WriteTo(t.Context(), writer); !errors.Is(err, full) || archive.IsDamage(err) {
		t.Error(err)
	}
	if err := body.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	wrong := entry.Record
	wrong.Hash = s.Key.Sum([]byte("another"))
	if err := contents.Body(&wrong).Verify(t.Context()); !errors.Is(err, archive.ErrNotEqual) {
		t.Error(err)
	}
	wrong = entry.Record
	wrong.Parts = append([]manifest.Part{{Kind: mail.HeaderPart, Chunks: entry.Parts[0].Chunks}}, entry.Parts...)
	if err := contents.Body(&wrong).Verify(t.Context()); err == nil || !archive.IsDamage(err) {
		t.Error(err)
	}
}
