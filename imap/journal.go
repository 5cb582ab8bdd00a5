package imap

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// journal remembers what was appended to one mailbox of a target: which message lies under which UID. A server may
// alter what it is given, and only the journal knows such a message again. All of it can be lost: then messages are
// compared.
//
// It is a file of lines, one for each message: UIDVALIDITY, UID, the message's hash. Lines that cannot be read (a
// crash tears the last) are passed over.
type journal struct{ file *os.File }

// openJournal opens the journal of a mailbox and reads what it knows under a UIDVALIDITY. No folder, no journal.
func openJournal(folder, account, mailbox string, validity uint32) (*journal, map[mail.UID]chunk.ID, error) {
	known := map[mail.UID]chunk.ID{}
	if folder == "" {
		return &journal{}, known, nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, nil, err
	}
	sum := sha256.Sum256([]byte(account + "\x00" + mailbox))
	path := filepath.Join(folder, hex.EncodeToString(sum[:16])+".appended")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, err
	}
	for lines := bufio.NewReader(file); ; {
		line, err := lines.ReadSlice('\n') // too long for the buffer is too long for an entry
		if uid, id, ok := parseEntry(string(line), validity); ok {
			known[uid] = id
		}
		if err == io.EOF {
			break
		}
		if err != nil && err != bufio.ErrBufferFull {
			file.Close()
			return nil, nil, err
		}
	}
	// A torn last line must not swallow the next one.
	_, err = file.WriteString("\n")
	return &journal{file}, known, err
}

func parseEntry(line string, validity uint32) (mail.UID, chunk.ID, bool) {
	var v, uid uint32
	var hash string
	if n, _ := fmt.Sscanf(line, "%d %d %s", &v, &uid, &hash); n != 3 || v != validity || uid == 0 {
		return 0, chunk.ID{}, false
	}
	id, err := chunk.ParseID(hash)
	return mail.UID(uid), id, err == nil
}

// add notes messages that were appended.
func (j *journal) add(validity uint32, items []*item) error {
	if j.file == nil {
		return nil
	}
	var lines strings.Builder
	for _, it := range items {
		if it.uid != 0 {
			fmt.Fprintf(&lines, "%d %d %s\n", validity, it.uid, it.Hash)
		}
	}
	_, err := j.file.WriteString(lines.String())
	return err
}

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}
