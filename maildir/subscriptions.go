package maildir

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/mail"
)

// subscriptionsFile lists the subscribed mailboxes. It is a file of Dovecot and has two forms.
// Dovecot reads both, and mailstrata keeps the existing form:
//
//	Projects.2023          one directory a line, without the first dot; Projects/2023 in a nested Maildir
//
//	V <tab> 2              since Dovecot 2.2.36: these words, an empty line,
//
//	Projects <tab> 2023    and levels with a tab between
const subscriptionsFile = "subscriptions"

// maxSubscriptions is the largest size of the file, in bytes.
const maxSubscriptions = 16 << 20

var subscriptionsV2 = []byte("V\t2\n")

// subscribe adds the subscribed mailboxes.
func (l Layout) subscribe(ctx context.Context, root *os.Root, mailboxes []mail.Mailbox, folders []string) error {
	var dirs []string
	for i := range mailboxes {
		if mailboxes[i].Subscribed {
			dirs = append(dirs, folders[i])
		}
	}
	if len(dirs) == 0 {
		return nil
	}
	return replaceLocked(ctx, root, subscriptionsFile, maxSubscriptions, func(text []byte) []byte {
		return l.addSubscriptions(text, dirs)
	})
}

func (l Layout) addSubscriptions(text []byte, dirs []string) []byte {
	v2 := bytes.HasPrefix(text, subscriptionsV2)
	known := make(map[string]bool)
	for line := range bytes.Lines(text) {
		known[strings.TrimRight(string(line), "\r\n")] = true
	}
	added := slices.Clone(text)
	if len(added) > 0 && added[len(added)-1] != '\n' {
		added = append(added, '\n')
	}
	for _, dir := range dirs {
		if line := l.subscription(dir, v2); !known[line] {
			known[line] = true
			added = append(added, line+"\n"...)
		}
	}
	return added
}

// unsubscribe removes a folder that no longer exists.
func (l Layout) unsubscribe(ctx context.Context, root *os.Root, dir string) error {
	if _, err := root.Lstat(subscriptionsFile); err != nil {
		return nil // there are no subscriptions
	}
	return replaceLocked(ctx, root, subscriptionsFile, maxSubscriptions, func(text []byte) []byte {
		line := l.subscription(dir, bytes.HasPrefix(text, subscriptionsV2))
		var left []byte
		for other := range bytes.Lines(text) {
			if strings.TrimRight(string(other), "\r\n") != line {
				left = append(left, other...)
			}
		}
		return left
	})
}

// subscription returns the line of a folder.
func (l Layout) subscription(dir string, v2 bool) string {
	if dir == inboxDir {
		return "INBOX"
	}
	name := dir
	if l == MaildirPP {
		name = dir[1:]
	}
	switch {
	case v2 && l == MaildirPP:
		return strings.ReplaceAll(name, ".", "\t")
	case v2:
		return strings.ReplaceAll(name, "/", "\t")
	}
	return name
}
