package maildir

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// body is a message in memory. It may fail after some bytes.
type body struct {
	text string
	err  error
}

func (b body) WriteTo(_ context.Context, w io.Writer) error {
	for text := b.text; len(text) > 0; { // in odd pieces: a line end may be cut through
		n := min(len(text), 7)
		if _, err := io.WriteString(w, text[:n]); err != nil {
			return err
		}
		text = text[n:]
	}
	return b.err
}

func (b body) Verify(context.Context) error { return b.err }

var errDamaged = errors.New("the chunk is damaged")

// message returns a message to add.
func message(uid mail.UID, text, date string, flags ...string) restore.Message {
	return restore.Message{
		UID:      uid,
		Hash:     chunk.ID(sha256.Sum256([]byte(text))),
		Size:     int64(len(text)),
		Flags:    mail.NewFlags(flags...),
		Internal: mail.ParseDate(date),
		Body:     body{text: text},
	}
}

const someDate = "17-Jul-1996 02:44:25 -0700"

// text is a valid message.
func text(subject string) string {
	return fmt.Sprintf("Subject: %s\r\n\r\nHello,\r\nthis is %s.\r\n", subject, subject)
}

// box is a mailbox as LIST returns it.
func box(name string) mail.Mailbox { return mail.Mailbox{Raw: name, Name: name, Delimiter: "/"} }

// restoreTo adds messages to mailboxes as a restore does. It returns how many were added, and the
// notes.
func restoreTo(
	t *testing.T, target *Target, mailboxes []mail.Mailbox, messages map[string][]restore.Message,
) (added int, changed, notes []string) {
	t.Helper()
	places, notes, err := target.Prepare(t.Context(), mailboxes)
	if err != nil {
		t.Fatal(err)
	}
	for i, place := range places {
		wanted := messages[mailboxes[i].Name]
		if len(wanted) == 0 || place.Skip {
			continue
		}
		n, c := restoreFolder(t, target, place, wanted)
		added, changed = added+n, append(changed, c...)
	}
	if err := target.Close(); err != nil {
		t.Fatal(err)
	}
	return added, changed, notes
}

func restoreFolder(
	t *testing.T, target *Target, place restore.Place, wanted []restore.Message,
) (added int, changed []string) {
	t.Helper()
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
	fates, err := f.Append(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	for i, fate := range fates {
		if fate.Refused != nil {
			t.Errorf("UID %d: %v", batch[i].UID, fate.Refused)
		}
		if fate.Added {
			added++
		}
		changed = append(changed, fate.Changed...)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return added, changed
}
