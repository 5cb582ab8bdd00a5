package imapclient

import (
	"context"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/internal/wire"
	"github.com/mailstrata/mailstrata/mail"
)

// AppendMessage is a message to append.
type AppendMessage struct {
	Flags  []string // as they are sent
	Date   string   // INTERNALDATE; "": chosen by the server
	Size   int64
	Binary bool // it contains NUL, which only a literal8 may
	Write  func(io.Writer) error
}

// appendCommand appends messages to a mailbox, all or none; several need MULTIAPPEND (RFC 3502).
func (c *Client) appendCommand(raw string, messages []AppendMessage) *imap.Command {
	cmd := imap.NewCommand("APPEND").Mailbox(raw)
	for _, m := range messages {
		if len(m.Flags) > 0 {
			cmd.Raw(" (" + strings.Join(m.Flags, " ") + ")")
		}
		if m.Date != "" {
			cmd.Raw(" " + wire.Quote(m.Date))
		}
		cmd.Raw(" ").Literal(m.Size, m.Binary && c.Has("BINARY"), m.Write)
	}
	return cmd
}

// AppendResult is the result for one message. UID is 0 if the server does not return it (UIDPLUS,
// RFC 4315).
type AppendResult struct {
	UID         mail.UID
	UIDValidity uint32
	Err         error // after a lost connection, the message may still have been added
}

// Append adds messages to a mailbox and returns the result for each. With MULTIAPPEND it adds all
// together, else one by one, several in flight.
func (c *Client) Append(ctx context.Context, raw string, messages []AppendMessage) []AppendResult {
	defer c.CloseOnDone(ctx)()
	step := len(messages)
	if !c.Has("MULTIAPPEND") {
		step = 1
	}
	results := make([]AppendResult, len(messages))
	cmds := make([]*imap.Command, 0, len(messages))
	answered := 0
	finish := func(left int) {
		for ; len(cmds)-answered > left; answered++ {
			err := c.OrCause(ctx, c.Wait(cmds[answered]))
			appendResults(cmds[answered], err, results[answered*step:][:step])
		}
	}
	for i := 0; i < len(messages); i += step {
		cmd := c.appendCommand(raw, messages[i:i+step])
		_ = c.Start(cmd) // Wait returns the error
		cmds = append(cmds, cmd)
		finish(appendsInFlight - 1)
	}
	finish(0)
	return results
}

// appendResults distributes the answer to one command among its messages.
func appendResults(cmd *imap.Command, err error, results []AppendResult) {
	validity, uids := appendUID(cmd)
	for i := range results {
		results[i].Err = err
		if err == nil && len(uids) == len(results) {
			results[i].UID, results[i].UIDValidity = uids[i], validity
		}
	}
}

// appendsInFlight bounds the APPENDs without an answer when each message needs its own.
const appendsInFlight = 8

// appendUID reads "[APPENDUID 38505 3955:3957]" (RFC 4315 section 3). The UIDs are in the order of
// the messages, and a range counts up.
func appendUID(cmd *imap.Command) (validity uint32, uids []mail.UID) {
	v, set, _ := strings.Cut(cmd.Args, " ")
	n, err := strconv.ParseUint(v, 10, 32)
	if cmd.Code != "APPENDUID" || err != nil {
		return 0, nil
	}
	for item := range strings.SplitSeq(strings.TrimSpace(set), ",") {
		parsed, err := mail.ParseUIDSet(item)
		if err != nil || int64(len(uids))+parsed.Len() > 1<<16 {
			return 0, nil
		}
		for uid := range parsed.All() {
			uids = append(uids, uid)
		}
	}
	return uint32(n), uids
}

// AppendLimit returns the size of the largest message that the server takes (RFC 7889).
func (c *Client) AppendLimit() int64 {
	value, _ := c.CapabilityValue("APPENDLIMIT")
	if limit, err := strconv.ParseInt(value, 10, 64); err == nil && limit > 0 {
		return limit
	}
	return math.MaxInt64
}
