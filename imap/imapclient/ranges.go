package imapclient

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// rangesInFlight is the number of commands that are sent ahead, each for one message: lengths
// differ, so one command cannot ask for ranges of several messages. Their answers together are far
// smaller than what a connection buffers, so that neither side can block the other.
const rangesInFlight = 32

// Ranges fetches ranges of messages, those of one message by one command, and calls read with each
// as it comes.
func (m *Mailbox) Ranges(ctx context.Context, wanted []source.Range, read func(source.Range, []byte) error) error {
	d := &rangeFetch{m: m, read: read, due: make(map[mail.UID][]source.Range), received: make(map[string][]byte)}
	return m.c.pipeline(ctx, rangesInFlight, func() (cmd, last *imap.Command) {
		n := 0
		for n < len(wanted) && wanted[n].UID == wanted[0].UID {
			n++
		}
		if n == 0 {
			return nil, nil
		}
		some := wanted[:n]
		wanted = wanted[n:]
		return d.command(some), nil
	})
}

// maxRangeBytes is how many bytes of ranges of one message are held.
const maxRangeBytes = 8 << 20

// rangeFetch is the state of one call.
type rangeFetch struct {
	m        *Mailbox
	read     func(source.Range, []byte) error
	due      map[mail.UID][]source.Range // requested and not delivered
	longest  int64
	held     int64             // bytes of received
	received map[string][]byte // of the current response, by attribute
}

// sectionOf returns the attribute of a range in a response, which has the origin alone (RFC 9051
// section 7.5.2).
func sectionOf(s source.Range) string { return fmt.Sprintf("BODY[]<%d>", s.Offset) }

func (d *rangeFetch) command(stretches []source.Range) *imap.Command {
	var items strings.Builder
	for _, s := range stretches {
		fmt.Fprintf(&items, " BODY.PEEK[]<%d.%d>", s.Offset, s.Length)
		d.longest = max(d.longest, s.Length)
	}
	uid := stretches[0].UID
	d.due[uid] = stretches
	cmd := imap.NewCommand("UID FETCH").Raw(fmt.Sprintf(" %d (UID%s)", uid, items.String()))
	cmd.OnBody, cmd.OnResponse = d.onBody, d.onResponse
	return cmd
}

// onBody holds a range until the response is complete and its message known. It skips one that is
// longer than any that was requested.
func (d *rangeFetch) onBody(b *wire.BodyLiteral) error {
	if b.Size > d.longest || d.held+b.Size > maxRangeBytes {
		return nil
	}
	data, err := io.ReadAll(b.Content)
	if err == nil {
		d.held += b.Size
		d.received[strings.ToUpper(b.Name)] = data
	}
	return err
}

// onResponse delivers the ranges of one response.
func (d *rangeFetch) onResponse(resp *wire.Response) (bool, error) {
	if resp.Name != "FETCH" || len(resp.Args) == 0 {
		return false, nil
	}
	defer func() {
		clear(d.received)
		d.held = 0
	}()
	uid, ok := d.m.uidOf(resp)
	if !ok {
		return true, nil
	}
	var left []source.Range
	for _, s := range d.due[uid] {
		data, came := d.received[sectionOf(s)]
		if value, found := wire.Attribute(resp.Args[0].List, sectionOf(s)); found && value.Kind == wire.String {
			data, came = value.Text, true
		}
		if !came {
			left = append(left, s)
			continue
		}
		if err := d.read(s, data); err != nil {
			return true, imap.HandlerError(err)
		}
	}
	d.due[uid] = left
	return true, nil
}
