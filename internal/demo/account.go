package demo

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// Account is one user's mail.
type Account struct {
	user *imapmemserver.User

	mu     sync.Mutex
	poison map[string]map[imap.UID]bool // messages that are listed and never delivered
}

// Message is a message to put into a mailbox.
type Message struct {
	Flags    []string
	Internal time.Time
	Body     []byte
}

// Create creates a mailbox and subscribes to it.
func (a *Account) Create(mailbox string) error {
	if err := a.user.Create(mailbox, nil); err != nil {
		return fmt.Errorf("make mailbox %q: %w", mailbox, err)
	}
	return a.user.Subscribe(mailbox)
}

// Append puts a message into a mailbox.
func (a *Account) Append(mailbox string, m Message) error {
	flags := make([]imap.Flag, len(m.Flags))
	for i, f := range m.Flags {
		flags[i] = imap.Flag(f)
	}
	body := literal{bytes.NewReader(m.Body)}
	if _, err := a.user.Append(mailbox, body, &imap.AppendOptions{Flags: flags, Time: m.Internal}); err != nil {
		return fmt.Errorf("put a message into %q: %w", mailbox, err)
	}
	return nil
}

// Lose deletes a mailbox, with all mailboxes below it.
func (a *Account) Lose(mailbox string) error {
	if err := a.user.Delete(mailbox); err != nil {
		return fmt.Errorf("lose mailbox %q: %w", mailbox, err)
	}
	return nil
}

// Poison makes the server list a message but refuse to deliver it, as Yahoo and damaged Maildirs
// do.
func (a *Account) Poison(mailbox string, uid uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	name := canonical(mailbox)
	if a.poison[name] == nil {
		a.poison[name] = make(map[imap.UID]bool)
	}
	a.poison[name][imap.UID(uid)] = true
}

// poisoned reports whether one of the messages is poisoned.
func (a *Account) poisoned(mailbox string, messages imap.NumSet) bool {
	uids, ok := messages.(imap.UIDSet)
	if !ok {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for uid := range a.poison[canonical(mailbox)] {
		if uids.Contains(uid) {
			return true
		}
	}
	return false
}

// canonical returns the name of a mailbox: INBOX is case-insensitive.
func canonical(mailbox string) string {
	if strings.EqualFold(mailbox, "INBOX") {
		return "INBOX"
	}
	return mailbox
}

// literal is a message in memory.
type literal struct{ *bytes.Reader }

func (l literal) Size() int64 { return l.Reader.Size() }
