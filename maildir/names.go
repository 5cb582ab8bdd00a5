package maildir

import (
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/internal/safename"
	"github.com/mailstrata/mailstrata/mail"
)

// inboxDir is the folder of INBOX in every layout.
const inboxDir = "."

// nameFile has the whole name of a folder whose directory name is cut.
const nameFile = "mailstrata-name"

// Encode returns the directory, relative to the Maildir, of the mailbox with the given levels,
// which is not INBOX. Another mailbox called INBOX is escaped. The result may be too long for a
// file system. Decode inverts it.
func (l Layout) Encode(levels []string) string {
	encoded := make([]string, len(levels))
	for i, level := range levels {
		encoded[i] = l.style().Encode(level)
	}
	if len(levels) == 1 && strings.EqualFold(levels[0], "INBOX") {
		encoded[0] = safename.EncodeReserved(levels[0])
	}
	if l == Nested {
		return strings.Join(encoded, "/")
	}
	return "." + strings.Join(encoded, ".")
}

// Decode returns the levels of the name of the mailbox in a directory. It inverts Encode.
func (l Layout) Decode(dir string) []string {
	separator := "/"
	if l == MaildirPP {
		dir, separator = strings.TrimPrefix(dir, "."), "."
	}
	levels := strings.Split(dir, separator)
	for i, level := range levels {
		levels[i] = safename.Decode(level)
	}
	return levels
}

func (l Layout) style() safename.Style {
	if l == Nested {
		return safename.Style{Reserved: reserved}
	}
	return safename.Style{Dots: true}
}

// reserved reports whether a level has another meaning in a nested Maildir.
func reserved(level string) bool {
	switch level {
	case "cur", "new", "tmp", "subscriptions", "maildirfolder", nameFile:
		return true
	}
	return strings.HasPrefix(level, "dovecot") || strings.HasPrefix(level, "courier") || safename.IsDevice(level)
}

// location is the directory of a mailbox.
type location struct {
	dir  string // relative to the Maildir
	full string // dir before it was cut
}

func (l location) isCut() bool { return l.dir != l.full }

// locate returns the location of a mailbox.
func (l Layout) locate(m *mail.Mailbox) location {
	if m.IsInbox() {
		return location{inboxDir, inboxDir}
	}
	full := l.Encode(m.Path())
	parts := strings.Split(full, "/")
	for i, part := range parts {
		parts[i] = safename.Shorten(part)
	}
	return location{path.Join(parts...), full}
}

// verbatim returns the directory that a mail server uses for a mailbox, with nothing escaped, or ""
// if there is none.
func (l Layout) verbatim(m *mail.Mailbox) string {
	levels := m.Path()
	for i, level := range levels {
		encoded := mail.EncodeName(level)
		switch {
		case level == "", strings.ContainsAny(encoded, "/\x00"), !utf8.ValidString(level),
			l == MaildirPP && strings.Contains(level, "."),
			l == Nested && (strings.HasPrefix(level, ".") || reserved(strings.ToLower(level))):
			return ""
		}
		levels[i] = encoded
	}
	if l == Nested {
		return strings.Join(levels, "/")
	}
	return "." + strings.Join(levels, ".")
}

// locate returns the locations of mailboxes, and their directories. A mailbox gets the folder that
// a mail server made for it, unless another mailbox has the same directory.
func (t *Target) locate(mailboxes []mail.Mailbox) (locations []location, dirs []string) {
	written := make(map[string]int)
	for _, boxes := range [][]mail.Mailbox{mailboxes, t.reserved} {
		for i := range boxes {
			written[t.options.Layout.locate(&boxes[i]).dir]++
		}
	}
	locations, dirs = make([]location, len(mailboxes)), make([]string, len(mailboxes))
	for i := range mailboxes {
		box := &mailboxes[i]
		locations[i] = t.options.Layout.locate(box)
		own := t.options.Layout.verbatim(box)
		if own != "" && own != locations[i].dir && !box.IsInbox() && written[own] == 0 &&
			isFolder(filepath.Join(t.Dir, filepath.FromSlash(own))) {
			locations[i] = location{own, own}
		}
		dirs[i] = locations[i].dir
	}
	return locations, dirs
}

// isAltered reports whether a server that reads the Maildir shows another name than the original
// one.
func (l location) isAltered(m *mail.Mailbox) bool {
	if l.dir == inboxDir {
		return false
	}
	if l.isCut() {
		return true
	}
	shown := strings.FieldsFunc(l.dir, func(r rune) bool { return r == '/' })
	if strings.HasPrefix(l.dir, ".") {
		shown = strings.Split(l.dir[1:], ".")
	}
	for i, level := range m.Path() {
		if i >= len(shown) || mail.EncodeName(level) != shown[i] {
			return true
		}
	}
	return false
}
