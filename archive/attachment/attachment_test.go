package attachment_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/mailstrata/mailstrata/archive/attachment"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

func message(subject string, attachments ...string) []byte {
	b := fmt.Appendf(nil, "Subject: %s\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n", subject)
	for i, a := range attachments {
		b = fmt.Appendf(b, "--b\r\nContent-Type: application/x-%d\r\nContent-Disposition: attachment; filename=%d\r\n%s\r\n", i, i, a)
	}
	return append(b, "--b--\r\n"...)
}

func base64(content []byte) string {
	return "Content-Transfer-Encoding: base64\r\n\r\n" + string(archivetest.Base64(content))
}

// The list has the name, the type, the size and the content of each attachment, however it is
// encoded. Equal contents have equal IDs. Listing does not read contents in base64.
func TestAttachments(t *testing.T) {
	s := archivetest.NewMemReader(t)
	large, small, tiny := archivetest.RandomBytes(1, 3<<20), archivetest.RandomBytes(2, 3000), []byte("tiny")
	broken := base64(small[:1500]) + "!\r\n" + string(archivetest.Base64(small[1500:]))
	wanted := map[mail.UID][][]byte{
		1: {large, small, tiny, []byte("plain text")},
		2: {small, large},
		3: {small},
		4: nil,
	}
	letters := []archivetest.Message{
		{UID: 1, Body: message("a", base64(large), base64(small), base64(tiny), "\r\nplain text"), Date: archivetest.SomeDate},
		{UID: 2, Body: message("b", base64(small), base64(large)), Date: archivetest.SomeDate},
		{UID: 3, Body: message("c", broken), Date: archivetest.SomeDate},
		{UID: 4, Body: []byte("Subject: none\r\n\r\ntext\r\n"), Date: archivetest.SomeDate},
	}
	contents := s.Contents(t, s.Mailbox(t, "INBOX", letters...))
	inbox, err := contents.Mailbox(t.Context(), "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	var entries []*manifest.Entry
	for e, err := range contents.Entries(t.Context(), inbox) {
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	s.Reads = 0
	ids := map[string]string{} // by content
	reads := 0
	l := attachment.Lister{Chunks: s, Key: s.Key}
	for m, err := range attachment.Of(t.Context(), l, inorder.Slice(entries), func(e *manifest.Entry) *manifest.Record { return &e.Record }) {
		if err != nil || m.Err != nil {
			t.Fatal(err, m.Err)
		}
		reads += s.Reads
		want := wanted[m.Item.UID]
		if len(m.Attachments) != len(want) {
			t.Fatalf("UID %d: %d attachments, want %d", m.Item.UID, len(m.Attachments), len(want))
		}
		for i, a := range m.Attachments {
			var content bytes.Buffer
			if err := a.WriteTo(t.Context(), contents, &content); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(content.Bytes(), want[i]) || a.Name != fmt.Sprint(i) || a.Type != fmt.Sprint("application/x-", i) {
				t.Errorf("UID %d: attachment %d, %q of %d bytes, want %d", m.Item.UID, i, a.Name, content.Len(), len(want[i]))
			}
			if id, known := ids[content.String()]; known && id != a.ID.String() && m.Item.UID != 3 {
				t.Errorf("UID %d: attachment %d has two IDs", m.Item.UID, i)
			}
			ids[content.String()] = a.ID.String()
		}
		s.Reads = 0
	}
	if reads > 20 {
		t.Errorf("%d chunks read for a list", reads)
	}
}
