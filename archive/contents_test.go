package archive

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

func TestContentsFinds(t *testing.T) {
	s := newShelf(t)
	letters := append(plain(1, 3000), letter{uid: 1 << 20, body: []byte("no header here, no empty line"), date: someday})
	drafts := s.mailbox(t, "Entw&APw-rfe", plain(1, 2)...)
	drafts.Name = "Entwürfe"
	contents := s.contents(t, drafts, s.mailbox(t, "INBOX", letters...))
	ctx := t.Context()
	for name, want := range map[string]string{"inbox": "INBOX", "Entwürfe": "Entw&APw-rfe", "Entw&APw-rfe": "Entw&APw-rfe"} {
		if mailbox, err := contents.Mailbox(ctx, name); err != nil || mailbox.Raw != want {
			t.Errorf("%s: %v, %v", name, mailbox, err)
		}
	}
	if _, err := contents.Mailbox(ctx, "drafts"); !errors.Is(err, ErrNoMailbox) || !strings.Contains(err.Error(), `"drafts"`) {
		t.Error(err)
	}
	inbox, err := contents.Mailbox(ctx, "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []letter{letters[0], letters[2999], letters[3000]} {
		entry, err := contents.Entry(ctx, inbox, l.uid)
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		if err := contents.Body(&entry.Record).WriteTo(ctx, &body); err != nil || !bytes.Equal(body.Bytes(), l.body) {
			t.Errorf("UID %d: %q, %v", l.uid, body.Bytes(), err)
		}
		header, err := contents.Header(ctx, &entry.Record)
		if err != nil || !bytes.HasPrefix(l.body, header) || !bytes.HasSuffix(header, []byte("\r\n\r\n")) && !bytes.Equal(header, l.body) {
			t.Errorf("UID %d: header %q, %v", l.uid, header, err)
		}
	}
	if _, err := contents.Entry(ctx, inbox, 5000); !errors.Is(err, ErrNoMessage) {
		t.Error(err)
	}
}

// TestContentsGoOn: what cannot be read of a mailbox does not hide the rest.
func TestContentsGoOn(t *testing.T) {
	s := newShelf(t)
	inbox := s.mailbox(t, "INBOX", plain(1, 1500)...)
	contents := s.contents(t, inbox)
	s.lose(inbox.Pages[1].Records)
	s.lose(inbox.Pages[5].Flags) // full pages of like flags share theirs; this one is the last
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
	if messages != 1500-int64(inbox.Pages[1].Messages) || bare != int64(inbox.Pages[5].Messages) || len(errs) != 2 || !errors.Is(errs[1], ErrFlags) {
		t.Errorf("%d messages, %d without flags, %v", messages, bare, errs)
	}
	first, _ := pageRange(inbox.Pages[1])
	if _, err := contents.Entry(t.Context(), &inbox, mail.UID(first+1)); err == nil || errors.Is(err, ErrNoMessage) {
		t.Errorf("a message that cannot be read is not one that is not there: %v", err)
	}
}

// TestBodyTellsWhoFailed: an error of the writer is not taken for damage.
func TestBodyTellsWhoFailed(t *testing.T) {
	s := newShelf(t)
	inbox := s.mailbox(t, "INBOX", letter{uid: 1, body: wrapped(noise(5, 100_000)), date: someday})
	contents := s.contents(t, inbox)
	entry, err := contents.Entry(t.Context(), &inbox, 1)
	if err != nil {
		t.Fatal(err)
	}
	body := contents.Body(&entry.Record)
	reader, writer := io.Pipe()
	reader.CloseWithError(errFull)
	if err := body.WriteTo(t.Context(), writer); !errors.Is(err, errFull) || isDamage(err) {
		t.Error(err)
	}
	if err := body.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	wrong := entry.Record
	wrong.Hash = s.key.Sum([]byte("another"))
	if err := contents.Body(&wrong).Verify(t.Context()); !errors.Is(err, ErrNotEqual) {
		t.Error(err)
	}
	wrong = entry.Record
	wrong.Parts = append([]manifest.Part{{Kind: mail.HeaderPart, Chunks: entry.Parts[0].Chunks}}, entry.Parts...)
	if err := contents.Body(&wrong).Verify(t.Context()); err == nil || !isDamage(err) {
		t.Error(err)
	}
}
