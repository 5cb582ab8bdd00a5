package mboxsource

import (
	"bufio"
	"io"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/backup/source/disk"
	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/mbox"
)

// Google Takeout writes the mail of a Gmail account as one mbox. Each message has its labels in a field, often as encoded words:
//
//	X-Gmail-Labels: Inbox,Opened,Category Updates,"Work, old"
//
// They are archived as the labels of Gmail: the mailbox has all mail, and the others are labels. So a restore puts a message
// into the mailbox of each of its labels. Names of Gmail's own labels are known in English alone; others are labels of the user.

// labelsField has the labels of a message.
const labelsField = "X-Gmail-Labels"

// systemLabels maps the names that Takeout gives to Gmail's own labels to those of IMAP. Empty: it is no label there.
var systemLabels = map[string]string{
	"Inbox": `\Inbox`, "Sent": `\Sent`, "Draft": `\Draft`, "Drafts": `\Draft`, "Important": `\Important`, "Starred": `\Starred`,
	"Unread": "", "Opened": "", "Archived": "",
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

// gmail is the labels of a message as Takeout writes them.
type gmail []string

// gmailLabels returns the labels in a header. ok is false if it has none.
func gmailLabels(head []byte) (labels gmail, ok bool) {
	text := header.Text(head, labelsField)
	if text == "" {
		return nil, false
	}
	return splitLabels(text), true
}

// splitLabels splits labels at commas. A label with a comma is in quotes.
func splitLabels(text string) (labels gmail) {
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

// labels returns the labels as IMAP has them.
func (g gmail) labels() (labels []string) {
	for _, label := range g {
		system, known := systemLabels[label]
		switch {
		case known && system != "":
			labels = append(labels, system)
		case !known && !strings.HasPrefix(label, "Category "):
			labels = append(labels, mail.EncodeName(label))
		}
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}

// flags returns the flags that labels stand for.
func (g gmail) flags() mail.Flags {
	var flags []string
	if !slices.Contains(g, "Unread") {
		flags = append(flags, `\Seen`)
	}
	if slices.Contains(g, "Starred") {
		flags = append(flags, `\Flagged`)
	}
	if slices.Contains(g, "Draft") || slices.Contains(g, "Drafts") {
		flags = append(flags, `\Draft`)
	}
	return mail.NewFlags(flags...)
}

// isTakeout reports whether the first message of the file has labels.
func (f *file) isTakeout(size int64) (bool, error) {
	open, _, err := f.open()
	if err != nil {
		return false, err
	}
	defer open.Close()
	line, err := bufio.NewReader(io.NewSectionReader(open, 0, maxFrom)).ReadString('\n')
	if err != nil {
		return false, nil
	}
	start := int64(len(line))
	head, err := f.head(open, mbox.Place{Start: start, End: size})
	_, ok := gmailLabels(head)
	return ok, err
}

// labelMailboxes returns the mailboxes of all labels in the file.
func (f *file) labelMailboxes() (boxes []mail.Mailbox) {
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := make(map[string]bool)
	for i := range f.items {
		for _, label := range f.items[i].Labels {
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
type labelFolder struct {
	disk.Folder
	box mail.Mailbox
}

// Mailbox implements disk.Folder. No other method of a label is called.
func (l *labelFolder) Mailbox() mail.Mailbox { return l.box }
