package mboxsource

import (
	"bufio"
	"context"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/backup/source/disk"
	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/internal/mailfile"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/mbox"
)

// Google Takeout writes the mail of a Gmail account as one mbox. Each message has its labels in a
// field, often as encoded words:
//
//	X-Gmail-Labels: Inbox,Opened,Category Updates,"Work, old"
//
// They are archived as the labels of Gmail: the mailbox has all mail, and the others are labels. So
// a restore puts a message into the mailbox of each of its labels. takeout_names.go has the names
// of Gmail's own labels.

// labelsField has the labels of a message.
const labelsField = "X-Gmail-Labels"

// systemLabels maps the English names of Gmail's own labels to those of IMAP. Others are no labels
// there.
var systemLabels = map[string]string{
	"Inbox": `\Inbox`, "Sent": `\Sent`, "Drafts": `\Draft`, "Important": `\Important`, "Starred": `\Starred`,
	"Spam": "Spam", "Trash": "Trash",
}

// systemMailboxes are the mailboxes of Gmail's own labels.
var systemMailboxes = map[string]mail.Mailbox{
	`\Inbox`:     {Raw: "INBOX", Name: "INBOX"},
	`\Sent`:      {Raw: "Sent", Name: "Sent", SpecialUse: []string{`\Sent`}},
	`\Draft`:     {Raw: "Drafts", Name: "Drafts", SpecialUse: []string{`\Drafts`}},
	`\Important`: {Raw: "Important", Name: "Important", SpecialUse: []string{`\Important`}},
	`\Starred`:   {Raw: "Starred", Name: "Starred", SpecialUse: []string{`\Flagged`}},
	"Spam":       {Raw: "Spam", Name: "Spam", SpecialUse: []string{`\Junk`}},
	"Trash":      {Raw: "Trash", Name: "Trash", SpecialUse: []string{`\Trash`}},
}

// gmail is the labels of a message: Gmail's own, by their English names, and those of the user.
type gmail struct{ own, user []string }

// gmailLabels returns the labels in a header. ok is false if it has none.
func gmailLabels(head []byte) (labels gmail, ok bool) {
	text := header.Text(head, labelsField)
	if text == "" {
		return gmail{}, false
	}
	return sortOut(splitLabels(text)), true
}

// splitLabels splits labels at commas. A label with a comma is in quotes.
func splitLabels(text string) (labels []string) {
	var b strings.Builder
	quoted := false
	flush := func() {
		if label := strings.TrimSpace(b.String()); label != "" {
			labels = append(labels, label)
		}
		b.Reset()
	}
	for _, r := range text {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ',' && !quoted:
			flush()
		default:
			b.WriteRune(r)
		}
	}
	flush()
	return labels
}

// labels returns the labels as IMAP has them. clipped reports that some were left out, because a
// message may have few.
func (g gmail) labels() (labels []string, clipped bool) {
	for _, label := range g.own {
		if label = systemLabels[label]; label != "" {
			labels = append(labels, label)
		}
	}
	for _, label := range g.user {
		label = mail.EncodeName(label)
		if len(labels) == mbox.MaxKeywords || len(label) > mbox.MaxKeyword {
			clipped = true
			continue
		}
		labels = append(labels, label)
	}
	slices.Sort(labels)
	return slices.Compact(labels), clipped
}

// flags returns the flags that labels stand for.
func (g gmail) flags() mail.Flags {
	var flags []string
	if !slices.Contains(g.own, "Unread") {
		flags = append(flags, `\Seen`)
	}
	if slices.Contains(g.own, "Starred") {
		flags = append(flags, `\Flagged`)
	}
	if slices.Contains(g.own, "Drafts") {
		flags = append(flags, `\Draft`)
	}
	return mail.NewFlags(flags...)
}

// takeoutLine is the From line that Takeout writes. Its zone, and the host that cannot be, are in
// no line of a mail server.
var takeoutLine = regexp.MustCompile(`^From \d+@xxx \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \+0000 \d{4}\r?\n$`)

// isTakeout reports whether a file is from Takeout: its first message has Takeout's From line, a
// thread and labels. A field with labels alone proves nothing, because who sent a message may have
// written it.
func (w *walk) isTakeout(name string, size int64) (bool, error) {
	open, _, err := mailfile.Open(w.Root, name)
	if err != nil {
		return false, err
	}
	defer open.Close()
	line, err := bufio.NewReader(io.NewSectionReader(open, 0, maxFrom)).ReadString('\n')
	if err != nil || !takeoutLine.MatchString(line) {
		return false, nil
	}
	head, err := readHead(open, mbox.Place{Start: int64(len(line)), End: size}, mbox.RD)
	_, ok := gmailLabels(head)
	return ok && header.Text(head, "X-GM-THRID") != "", err
}

// labelMailboxes returns the mailboxes of all labels in the file.
func (f *file) labelMailboxes() (boxes []mail.Mailbox) {
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := make(map[string]bool)
	for i := range f.messages {
		for _, label := range f.messages[i].Labels {
			if seen[label] {
				continue
			}
			seen[label] = true
			box, known := systemMailboxes[label]
			if !known {
				box = mail.Mailbox{Raw: label, Name: label}
				if name, ok := mail.DecodeName(label); ok {
					box.Name = name
				}
			}
			box.Delimiter, box.Label = "/", true
			boxes = append(boxes, box)
		}
	}
	return boxes
}

// labelFolder is the mailbox of a label. It has no messages of its own.
type labelFolder struct{ box mail.Mailbox }

var _ disk.Folder = (*labelFolder)(nil)

// errLabel reports that a label was read. The messages are in the mailbox of the file.
var errLabel = errors.New("a label has no messages of its own")

// Mailbox implements disk.Folder.
func (l *labelFolder) Mailbox() mail.Mailbox { return l.box }

// Version implements disk.Folder.
func (*labelFolder) Version() uint64 { return 0 }

// List implements disk.Folder.
func (*labelFolder) List(context.Context) (*disk.Contents, error) { return nil, errLabel }

// Describe implements disk.Folder.
func (*labelFolder) Describe(context.Context, *disk.Message) (mail.Message, error) {
	return mail.Message{}, errLabel
}

// Facts implements disk.Folder.
func (*labelFolder) Facts(context.Context, *disk.Message) (int64, mail.Date, error) {
	return -1, mail.Date{}, errLabel
}

// Open implements disk.Folder.
func (*labelFolder) Open(context.Context, *disk.Message) (io.ReadCloser, error) { return nil, errLabel }
