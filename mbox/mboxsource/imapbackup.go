package mboxsource

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/mailstrata/mailstrata/internal/mailfile"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/mbox"
)

// imap-backup (github.com/joeyates/imap-backup) keeps an mbox for each folder, and beside it what
// the server says of the messages:
//
//	INBOX.imap    {"version":3,"uid_validity":7,"messages":[{"uid":42,"offset":0,"length":1234,"flags":["Seen","$Junk"]}]}
//
// Its From lines have no date if a message has none, and it quotes every line that begins with
// "From", those of the header too. So the places of the messages are those of this file.

// metadata is an .imap file.
type metadata struct {
	Version  float64     `json:"version"`
	Validity uint32      `json:"uid_validity"`
	Messages []numbersOf `json:"messages"`
}

// numbersOf is what an .imap file has of a message.
type numbersOf struct {
	UID    mail.UID `json:"uid"`
	Offset int64    `json:"offset"` // of the From line
	Length int64    `json:"length"` // with the empty line at the end
	Flags  []string `json:"flags"`
}

// maxMetadata is the largest .imap file that is read, in bytes.
const maxMetadata = 256 << 20

// errNoMetadata reports that an .imap file is not that of the mbox beside it.
var errNoMetadata = errors.New("it does not fit the mbox")

// parseMetadata parses an .imap file, which must fit an mbox of size bytes: the messages follow
// each other from its beginning.
func parseMetadata(text io.Reader, size int64) (*metadata, error) {
	var m metadata
	if err := json.NewDecoder(text).Decode(&m); err != nil {
		return nil, fmt.Errorf("%w: %v", errNoMetadata, err)
	}
	if m.Version < 3 || m.Version >= 4 || m.Validity == 0 {
		return nil, errNoMetadata
	}
	at, seen := int64(0), make(map[mail.UID]bool, len(m.Messages))
	for i := range m.Messages {
		message := &m.Messages[i]
		if message.Offset != at || message.Length <= 0 || message.Length > size-at || message.UID == 0 ||
			seen[message.UID] {
			return nil, errNoMetadata
		}
		at, seen[message.UID] = at+message.Length, true
	}
	return &m, nil
}

// end returns where the last message ends.
func (m *metadata) end() int64 {
	if n := len(m.Messages); n > 0 {
		return m.Messages[n-1].Offset + m.Messages[n-1].Length
	}
	return 0
}

// next returns the UIDNEXT of the folder.
func (m *metadata) next() (next uint32) {
	for i := range m.Messages {
		next = max(next, uint32(m.Messages[i].UID))
	}
	return next + 1
}

// metadataName returns the name of the .imap file of an mbox, or "" if it can have none.
func metadataName(name string) string {
	if plain, ok := strings.CutSuffix(name, ".mbox"); ok {
		return plain + ".imap"
	}
	return ""
}

// readMetadata reads the .imap file of the mbox. Without one, both results are nil.
func (f *file) readMetadata(size int64) (*metadata, error) {
	name := metadataName(f.name)
	if name == "" || f.store.variant != nil {
		return nil, nil
	}
	open, info, err := mailfile.Open(f.root, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	defer open.Close()
	if info.Size() > maxMetadata {
		return nil, errNoMetadata
	}
	return parseMetadata(bufio.NewReaderSize(open, 64<<10), size)
}

// flags returns the flags of a message. Those of the system have no backslash there.
func (n *numbersOf) flags() (flags mail.Flags, clipped bool) {
	var list []string
	for _, flag := range n.Flags {
		switch flag {
		case "Seen", "Answered", "Flagged", "Deleted", "Draft":
			flag = `\` + flag
		case "", "Recent":
			continue
		}
		if len(list) == mbox.MaxKeywords || len(flag) > mbox.MaxKeyword || strings.ContainsAny(flag, " \r\n\x00") {
			clipped = true
			continue
		}
		list = append(list, flag)
	}
	return mail.NewFlags(list...), clipped
}

// place returns the place of a message, which must begin with a From line and end with a line.
func (n *numbersOf) place(open io.ReaderAt) (mbox.Place, error) {
	p := mbox.Place{From: n.Offset, End: n.Offset + n.Length}
	line := make([]byte, min(n.Length, maxFrom))
	if _, err := open.ReadAt(line, p.From); err != nil {
		return p, err
	}
	end := bytes.IndexByte(line, '\n')
	if !bytes.HasPrefix(line, []byte("From ")) || end < 0 {
		return p, errNoMetadata
	}
	p.Start = p.From + int64(end) + 1
	last := make([]byte, min(2, p.End-p.Start))
	if _, err := open.ReadAt(last, p.End-int64(len(last))); err != nil {
		return p, err
	}
	switch {
	case string(last) == "\n\n":
		p.End--
	case len(last) > 0 && last[len(last)-1] != '\n':
		return p, errNoMetadata
	}
	return p, nil
}

// isQuotedAnywhere reports whether a header has a field From that is quoted, so that the message
// has other such lines, too.
func isQuotedAnywhere(head []byte) bool {
	return bytes.HasPrefix(head, []byte(">From:")) || bytes.Contains(head, []byte("\n>From:"))
}
