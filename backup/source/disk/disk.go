// Package disk makes a source.Source of mail in files: of folders whose messages have no UIDs.
//
// The packages maildirsource, mboxsource and emlsource know the files. They are a Store of Folders,
// and a Folder lists its Messages, each with a key, which stays the same from one run to the next.
// The rest is here:
//
//	source.go      the account: surveys, and opening folders
//	listing.go     the messages of a folder, by UID
//	view.go        an open folder, as the backup reads it
//	unreadable.go  folders that cannot be read
//
// Package numbering gives the messages their UIDs. Nothing is kept on the host. UIDVALIDITY is that
// of the archive, or of the first run. So the second run over the same files downloads nothing,
// wherever it runs.
package disk

import (
	"context"
	"io"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
)

// Store is mail in files.
type Store interface {
	// Kind is what the store is, such as "Maildir".
	Kind() string

	// ByHash reports whether the key of a message is its hash in the archive, instead of its id
	// (X-GUID).
	ByHash() bool

	// Folders lists the folders. What is there and cannot be read is Unreadable. notes say what was
	// left out.
	Folders(ctx context.Context) (folders []Folder, notes []string, err error)
}

// Folder is a mailbox in files. Several goroutines may use it.
type Folder interface {
	// Mailbox returns the name and the attributes. A label (mail.Mailbox.Label) has no messages,
	// and is not read.
	Mailbox() mail.Mailbox

	// Version returns a number that grows when a message or its flags change: nanoseconds since
	// 1970, or 0 if it is not known.
	Version() uint64

	// List lists the messages, in the order in which new ones get UIDs. A message that is there all
	// the time is in the list.
	List(ctx context.Context) (*Contents, error)

	// Describe returns the size, the date, the ids and the form of a message. It may read the
	// message.
	Describe(ctx context.Context, message *Message) (mail.Message, error)

	// Facts returns the size (-1: not known) and the date, cheaply.
	Facts(ctx context.Context, message *Message) (size int64, date mail.Date, err error)

	// Open opens the text of a message, as it is archived. Describe, Facts and Open return an error
	// that wraps fs.ErrNotExist if the message is no longer where it was listed.
	Open(ctx context.Context, message *Message) (io.ReadCloser, error)
}

// Continued is implemented by a Store that needs to know what is archived. Continue is called
// before Folders.
type Continued interface{ Continue(source.Previous) }

// Noted is implemented by a Folder that may have notes for the user after List.
type Noted interface{ Notes() []string }

// Contents is a list of messages.
type Contents struct {
	Messages []Message
	Version  uint64 // from before the list was made; 0: not known

	// Validity and Next are the UIDVALIDITY and UIDNEXT of a mail server that shares the files; 0:
	// none.
	Validity, Next uint32
}

// Message is a message of a Folder.
type Message struct {
	Key    string   // the same in each run
	Name   string   // where the message is, to its Folder
	At     int      // likewise
	UID    mail.UID // that a mail server gave; 0: none
	Flags  mail.Flags
	Labels []string
	Date   mail.Date // if a Folder needs it
}
