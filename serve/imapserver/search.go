package imapserver

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/serve/internal/command"
)

// search is SEARCH (RFC 3501 section 6.4.4) and its extended form (RFC 4731).
func (s *session) search(ctx context.Context, cmd *command.Command) error {
	asked, err := cmd.Search()
	if err != nil {
		return err
	}
	switch asked.Charset {
	case "", "US-ASCII", "UTF-8":
	default:
		return &no{"[BADCHARSET (US-ASCII UTF-8)] The character set is not supported"}
	}
	m, err := s.newMatcher(ctx, asked.Key)
	if err != nil {
		return err
	}
	found, err := m.find(ctx)
	if err != nil {
		return err
	}
	if asked.Extended {
		s.out.line(s.extended(cmd, asked, found))
	} else {
		b := []byte("* SEARCH")
		for _, i := range found {
			b = strconv.AppendUint(append(b, ' '), s.number(i, cmd.UID), 10)
		}
		s.out.line(string(b))
	}
	if m.unread > 0 {
		return &no{fmt.Sprintf("[SERVERBUG] %d messages cannot be read, so they are not searched: %s",
			m.unread, printable(m.reason.Error()))}
	}
	return nil
}

// number returns the sequence number or the UID of a message.
func (s *session) number(i int, uid bool) uint64 {
	if uid {
		return uint64(s.selected.list.UID(i))
	}
	return uint64(i) + 1
}

// extended returns an ESEARCH response.
func (s *session) extended(cmd *command.Command, asked *command.Search, found []int) string {
	options := asked.Return
	if len(options) == 0 {
		options = []string{"ALL"} // RFC 4731 section 3.1
	}
	var b strings.Builder
	b.WriteString("* ESEARCH (TAG " + quote(cmd.Tag) + ")")
	if cmd.UID {
		b.WriteString(" UID")
	}
	for _, option := range []string{"MIN", "MAX", "COUNT", "ALL"} {
		switch {
		case !slices.Contains(options, option):
		case option == "COUNT":
			fmt.Fprintf(&b, " COUNT %d", len(found))
		case len(found) == 0:
		case option == "MIN":
			fmt.Fprintf(&b, " MIN %d", s.number(found[0], cmd.UID))
		case option == "MAX":
			fmt.Fprintf(&b, " MAX %d", s.number(found[len(found)-1], cmd.UID))
		default:
			b.WriteString(" ALL ")
			s.writeSet(&b, found, cmd.UID)
		}
	}
	return b.String()
}

// writeSet writes numbers as a sequence-set.
func (s *session) writeSet(b *strings.Builder, found []int, uid bool) {
	for n := 0; n < len(found); {
		first := s.number(found[n], uid)
		last := first
		end := n + 1
		for end < len(found) && s.number(found[end], uid) == last+1 {
			last++
			end++
		}
		if n > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(first, 10))
		if last > first {
			b.WriteString(":" + strconv.FormatUint(last, 10))
		}
		n = end
	}
}
