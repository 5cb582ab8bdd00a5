package imaprestore

import (
	"context"
	"testing"

	"github.com/mailstrata/mailstrata/imap/internal/fingerprint"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// Comparing thousands of messages of one size, date and header with as many existing ones takes
// memory that grows with their number, not its square.
func TestManyEqualMessages(t *testing.T) {
	const many = 20_000
	f := &inventory{}
	header := []byte("Subject: one of many\r\n\r\n")
	var wanted []restore.Message
	var indices []int
	for i := range many {
		p := &existing{uid: mail.UID(i + 1), size: 100, date: 7}
		p.record().header = fingerprint.OfHeader(header)
		f.unjournaled = append(f.unjournaled, p)
		w := restore.Message{Size: 100, Header: func(context.Context) ([]byte, error) { return header, nil }}
		w.Internal.Seconds = 7
		wanted, indices = append(wanted, w), append(indices, i)
	}
	n := f.candidates(wanted, indices)
	if len(n.all) != many {
		t.Fatalf("%d are near", len(n.all))
	}
	near, err := n.withHeaders(t.Context(), wanted, indices)
	if err != nil || len(near) != many || len(near[0]) != many || &near[0][0] != &near[many-1][0] {
		t.Fatalf("it ends with %v, %d lists, which are not one", err, len(near))
	}
	for i := range f.unjournaled { // headers that are not known fit all
		f.unjournaled[i].prints = nil
		own := append([]byte{byte(i), byte(i >> 8)}, header...)
		wanted[i].Header = func(context.Context) ([]byte, error) { return own, nil }
	}
	if _, err := n.withHeaders(t.Context(), wanted, indices); err == nil {
		t.Error("all pairs are compared")
	}
}
