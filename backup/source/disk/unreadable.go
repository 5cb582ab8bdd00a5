package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
)

// Unreadable is a Folder that exists and cannot be read. It stays as it is archived, and is a
// failure of the run. So do the archived folders below it that the Store did not find.
type Unreadable struct {
	Box   mail.Mailbox
	Above string // what the raw names of the folders below it begin with, without the delimiter
	Err   error  // with the name of the file or directory
}

var _ Folder = (*Unreadable)(nil)

// Mailbox implements Folder.
func (u *Unreadable) Mailbox() mail.Mailbox { return u.Box }

// Version implements Folder.
func (*Unreadable) Version() uint64 { return 0 }

// List implements Folder.
func (u *Unreadable) List(context.Context) (*Contents, error) { return nil, u.refusal() }

// Describe implements Folder.
func (u *Unreadable) Describe(context.Context, *Message) (mail.Message, error) {
	return mail.Message{}, u.refusal()
}

// Facts implements Folder.
func (u *Unreadable) Facts(context.Context, *Message) (int64, mail.Date, error) {
	return -1, mail.Date{}, u.refusal()
}

// Open implements Folder.
func (u *Unreadable) Open(context.Context, *Message) (io.ReadCloser, error) { return nil, u.refusal() }

// refusal is not fs.ErrNotExist, whatever Err is: what cannot be read is not gone.
func (u *Unreadable) refusal() error { return &refusedError{u.Err} }

// refusedError is mail.ErrRefused, whatever the error is, without its text: there is no server.
type refusedError struct{ err error }

func (e *refusedError) Error() string        { return e.err.Error() }
func (e *refusedError) Is(target error) bool { return target == mail.ErrRefused }

// below returns the archived mailboxes below those that cannot be read, unless they are listed.
func below(folders []Folder, archived []mail.Mailbox) (more []Folder) {
	listed := make(map[string]bool, len(folders))
	var unreadable []*Unreadable
	for _, f := range folders {
		listed[f.Mailbox().Raw] = true
		if u, ok := f.(*Unreadable); ok {
			unreadable = append(unreadable, u)
		}
	}
	if len(unreadable) == 0 {
		return nil
	}
	for _, box := range archived {
		for _, u := range unreadable {
			if !listed[box.Raw] && strings.HasPrefix(box.Raw, u.Above+"/") {
				listed[box.Raw], box.Status = true, nil
				more = append(more, &Unreadable{box, box.Raw, u.Err})
			}
		}
	}
	return more
}

// listError returns the error for a folder that cannot be listed. The others go on, whatever it is.
func listError(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil, errors.Is(err, mail.ErrRefused), errors.Is(err, mail.ErrNoMailbox),
		errors.Is(err, mail.ErrTemporary):
		return fmt.Errorf("list the messages: %w", err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: list the messages: %v", mail.ErrNoMailbox, err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF): // a file became shorter
		return fmt.Errorf("%w: list the messages: %v", mail.ErrTemporary, err)
	}
	return &refusedError{fmt.Errorf("list the messages: %w", err)}
}
