package generate

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Maildir writes mailboxes as the files of a Maildir++, as a server would have them that has served
// for years: so mail can be there that no APPEND takes.
type Maildir struct {
	Root string
	made int
}

// Put adds messages to a mailbox, which it makes where there is none. Its name is raw, with /
// between levels.
func (d *Maildir) Put(mailbox string, messages ...Message) error {
	dir := d.Folder(mailbox)
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	var names strings.Builder
	for i, keyword := range keywords {
		fmt.Fprintf(&names, "%d %s\n", i, keyword)
	}
	if err := os.WriteFile(filepath.Join(dir, "dovecot-keywords"), []byte(names.String()), 0o644); err != nil {
		return err
	}
	for _, m := range messages {
		if err := d.write(filepath.Join(dir, "cur"), m); err != nil {
			return err
		}
	}
	return nil
}

// Folder is where a mailbox is.
func (d *Maildir) Folder(mailbox string) string {
	if mailbox == "INBOX" {
		return d.Root
	}
	return filepath.Join(d.Root, "."+strings.ReplaceAll(mailbox, "/", "."))
}

func (d *Maildir) write(dir string, m Message) error {
	d.made++
	body := m.Body
	if d.made%3 == 0 { // as most programs have it
		body = bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	}
	name := filepath.Join(dir, fmt.Sprintf("1000000000.%08d.e2e:2,%s", d.made, letters(m.Flags)))
	if err := os.WriteFile(name, body, 0o644); err != nil {
		return err
	}
	return os.Chtimes(name, m.Date, m.Date)
}

// Subscribe writes the list of subscriptions.
func (d *Maildir) Subscribe(mailboxes ...string) error {
	text := "V\t2\n\n"
	for _, name := range mailboxes {
		text += strings.ReplaceAll(name, "/", "\t") + "\n"
	}
	return os.WriteFile(filepath.Join(d.Root, "subscriptions"), []byte(text), 0o644)
}

// letters are flags as a Maildir has them in the names of files.
func letters(flags []string) string {
	var b strings.Builder
	for _, known := range []struct{ letter, flag string }{{"D", `\Draft`}, {"F", `\Flagged`}, {"R", `\Answered`}, {"S", `\Seen`}, {"T", `\Deleted`}} {
		if slices.Contains(flags, known.flag) {
			b.WriteString(known.letter)
		}
	}
	for i, keyword := range keywords {
		if slices.Contains(flags, keyword) {
			b.WriteByte(byte('a' + i))
		}
	}
	return b.String()
}
