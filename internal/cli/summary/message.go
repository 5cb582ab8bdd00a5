package summary

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// Message is a message as JSON.
type Message struct {
	UID       uint32     `json:"uid"`
	Date      *time.Time `json:"date,omitempty"` // INTERNALDATE
	RawDate   string     `json:"raw_date,omitempty"`
	Size      int64      `json:"size"`
	Flags     []string   `json:"flags"`
	Labels    []string   `json:"labels,omitempty"`
	From      string     `json:"from,omitempty"`
	Subject   string     `json:"subject,omitempty"`
	MessageID string     `json:"message_id,omitempty"`
	Hash      string     `json:"hash"`
	ByID      bool       `json:"by_id,omitempty"` // not downloaded, but taken from an archived message with the same id
	EmailID   string     `json:"emailid,omitempty"`
	ThreadID  string     `json:"threadid,omitempty"`
	XGUID     string     `json:"x_guid,omitempty"`
	GMMsgID   string     `json:"x_gm_msgid,omitempty"`
	GMThrID   string     `json:"x_gm_thrid,omitempty"`
}

// ReadMessage returns a message as JSON. If its header cannot be read, it returns the rest, and the
// error.
func ReadMessage(
	ctx context.Context, c *archive.Contents, mailbox *manifest.Mailbox, e *manifest.Entry, readable bool,
) (Message, error) {
	var text []byte
	var err error
	if readable {
		if text, err = c.HeaderFields(ctx, &e.Record); err != nil {
			err = fmt.Errorf("mailbox %q, UID %d: header: %w", mailbox.Name, e.UID, err)
		}
	}
	return OfMessage(e, text), err
}

// OfMessage returns a message as JSON, with its header.
func OfMessage(e *manifest.Entry, text []byte) Message {
	s := Message{
		UID: uint32(e.UID), RawDate: e.Internal.Raw, Size: e.Size, Flags: List(e.Flags), Labels: e.Labels,
		From: header.Text(text, "From"), Subject: header.Text(text, "Subject"), MessageID: header.Text(text, "Message-ID"),
		Hash: e.Hash.String(), ByID: e.ByID,
		EmailID: e.IDs.Email, ThreadID: e.IDs.Thread, XGUID: e.IDs.XGUID, GMMsgID: e.IDs.GMMsg, GMThrID: e.IDs.GMThread,
	}
	if instant := e.Internal.Time(); e.Internal.IsReadable() {
		s.Date = &instant
	}
	return s
}

// Marks returns flags and keywords, and Gmail labels in brackets, for tables.
func (s *Message) Marks() string {
	marks := strings.Join(s.Flags, " ")
	for _, label := range s.Labels {
		if name, ok := mail.DecodeName(label); ok {
			label = name
		}
		marks += " [" + label + "]"
	}
	return strings.TrimSpace(marks)
}

// When returns INTERNALDATE in the zone of the server, for tables.
func (s *Message) When() string {
	if s.Date == nil {
		return ""
	}
	return s.Date.Format("2006-01-02 15:04 -0700")
}
