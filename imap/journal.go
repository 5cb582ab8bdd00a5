package imap

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// journal remembers what was appended to one mailbox of a target: the UID of each message, and what the server changed.
// Only the journal recognises a message that a server altered. If it is lost, messages are compared.
//
// It is a file of lines, each of which begins with a UIDVALIDITY:
//
//	7 sending 12              messages are about to be appended; no existing one has this UID or a higher one
//	7 sent                    the fate of these is known
//	7 12 6f1d…c2 ?            a message was appended: its UID and hash; "?": it has to be looked at
//	7 looked 10:12            these were looked at
//	7 changed 12 "why"        what was found then: other flags or another date; likewise "flags", where a system flag is
//	7 altered 12 "why"        lost, and "altered", where the bytes are others
//	7 reported 12             a restore came to its end with this in its report
//
// So the restore after a killed one looks at what that one did not look at, and reports what nobody has read. Lines that
// cannot be read (a crash tears the last) are skipped. Lines without "?" are of earlier versions, and count as
// looked at and reported.
type journal struct {
	file *os.File
	path string
}

// known is what a journal says of a mailbox under one UIDVALIDITY.
type known struct {
	ids     map[mail.UID]chunk.ID
	pending mail.UIDSet // not looked at
	floor   mail.UID    // from here on there may be messages whose answer was lost; 0 if there cannot be any
	fates   map[mail.UID]*restore.Fate
}

// openJournal opens the journal of a mailbox and reads what it knows under a UIDVALIDITY. No folder, no journal.
func openJournal(folder, account, mailbox string, validity uint32) (*journal, known, error) {
	k := known{ids: map[mail.UID]chunk.ID{}, fates: map[mail.UID]*restore.Fate{}}
	if folder == "" {
		return &journal{}, k, nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, k, err
	}
	sum := sha256.Sum256([]byte(account + "\x00" + mailbox))
	path := filepath.Join(folder, hex.EncodeToString(sum[:16])+".appended")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, k, err
	}
	var looked mail.UIDSet
	for lines := bufio.NewReaderSize(file, longestLine); ; {
		line, err := lines.ReadSlice('\n') // too long for the buffer is too long for an entry
		if rest, ok := strings.CutPrefix(string(line), fmt.Sprint(validity, " ")); ok {
			k.take(strings.TrimSuffix(rest, "\n"), &looked)
		}
		if err == io.EOF {
			break
		}
		if err != nil && err != bufio.ErrBufferFull {
			file.Close()
			return nil, k, err
		}
	}
	k.pending = k.pending.Without(looked)
	// A torn last line must not swallow the next one.
	_, err = file.WriteString("\n")
	return &journal{file, path}, k, err
}

// longestLine bounds a line. Texts are cut to fit, and sets of UIDs are divided.
const longestLine = 16 << 10

// take reads one line, without its UIDVALIDITY.
func (k *known) take(line string, looked *mail.UIDSet) {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "looked", "reported":
		set, err := mail.ParseUIDSet(rest)
		if err != nil {
			return
		}
		for r := range set.Ranges() {
			if word == "looked" {
				looked.AddRange(r)
			}
		}
		if word == "reported" {
			for uid := range k.fates {
				if set.Contains(uid) {
					delete(k.fates, uid)
				}
			}
		}
	case "sending":
		if uid, err := strconv.ParseUint(rest, 10, 32); err == nil && k.floor == 0 {
			k.floor = mail.UID(uid)
		}
	case "sent":
		k.floor = 0
	case "changed", "flags", "altered":
		number, quoted, _ := strings.Cut(rest, " ")
		uid, err := strconv.ParseUint(number, 10, 32)
		why, errQuoted := strconv.Unquote(quoted)
		if err != nil || errQuoted != nil {
			return
		}
		fate := k.fates[mail.UID(uid)]
		if fate == nil {
			fate = &restore.Fate{Added: true}
			k.fates[mail.UID(uid)] = fate
		}
		if why != "" {
			fate.Changed = append(fate.Changed, why)
		}
		fate.FlagsLost = fate.FlagsLost || word == "flags"
		fate.Altered = fate.Altered || word == "altered"
	default:
		k.appended(line)
	}
}

func (k *known) appended(line string) {
	fields := strings.Fields(line)
	if len(fields) < 2 || len(fields) > 3 {
		return
	}
	uid, err := strconv.ParseUint(fields[0], 10, 32)
	id, errID := chunk.ParseID(fields[1])
	if err != nil || errID != nil || uid == 0 {
		return
	}
	k.ids[mail.UID(uid)] = id
	if len(fields) == 3 {
		k.pending.Add(mail.UID(uid))
	}
}

// sending notes that messages are about to be appended.
func (j *journal) sending(validity uint32, next mail.UID) error {
	return j.write(fmt.Sprintf("%d sending %d\n", validity, next))
}

// sent notes that the fate of all that was about to be appended is known.
func (j *journal) sent(validity uint32) error { return j.write(fmt.Sprintf("%d sent\n", validity)) }

// add notes messages that were appended.
func (j *journal) add(validity uint32, items []*item) error {
	var lines strings.Builder
	for _, it := range items {
		if it.uid != 0 {
			fmt.Fprintf(&lines, "%d %d %s ?\n", validity, it.uid, it.Hash)
		}
	}
	return j.write(lines.String())
}

// looked notes the findings about messages that were looked at.
func (j *journal) looked(validity uint32, items []*item) error {
	var lines strings.Builder
	var uids mail.UIDSet
	for _, it := range items {
		if it.uid == 0 {
			continue
		}
		uids.Add(it.uid)
		word := "changed"
		switch {
		case it.fate.Altered:
			word = "altered"
		case it.fate.FlagsLost:
			word = "flags"
		case len(it.fate.Changed) == 0:
			continue
		}
		why := strings.Join(it.fate.Changed, "; ")
		fmt.Fprintf(&lines, "%d %s %d %s\n", validity, word, it.uid, strconv.Quote(why[:min(len(why), longestLine/8)]))
		if it.fate.Altered && it.fate.FlagsLost {
			fmt.Fprintf(&lines, "%d flags %d \"\"\n", validity, it.uid)
		}
	}
	lines.WriteString(setLines(validity, "looked", uids))
	return j.write(lines.String())
}

// setLines are lines with a word and UIDs.
func setLines(validity uint32, word string, uids mail.UIDSet) string {
	var lines strings.Builder
	for set := uids.String(); set != ""; {
		some := set
		if len(set) > longestLine/2 {
			some = set[:strings.LastIndexByte(set[:longestLine/2], ',')]
		}
		fmt.Fprintf(&lines, "%d %s %s\n", validity, word, some)
		set = strings.TrimPrefix(set[len(some):], ",")
	}
	return lines.String()
}

func (j *journal) write(lines string) error {
	if j.file == nil || lines == "" {
		return nil
	}
	_, err := j.file.WriteString(lines)
	return err
}

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}
