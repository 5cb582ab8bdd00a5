package journal

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// Journal is the open journal of one mailbox. The zero Journal records nothing.
type Journal struct {
	file     *os.File
	path     string
	validity uint32
}

// Known is what a journal says of a mailbox under one UIDVALIDITY.
type Known struct {
	Hashes    map[mail.UID]chunk.ID
	Unchecked mail.UIDSet                        // appended, and not compared with what was sent
	Floor     mail.UID                           // from here on messages may have been added without an answer; or 0
	Results   map[mail.UID]*restore.AppendResult // results that no report has
}

// Message is an appended message.
type Message struct {
	UID    mail.UID // 0: not known, and nothing is recorded
	Hash   chunk.ID
	Result *restore.AppendResult
}

// Open opens the journal of a mailbox and reads what it records under a UIDVALIDITY. If folder is
// "", no journal is kept.
func Open(folder, account, mailbox string, validity uint32) (*Journal, Known, error) {
	k := Known{Hashes: map[mail.UID]chunk.ID{}, Results: map[mail.UID]*restore.AppendResult{}}
	if folder == "" {
		return &Journal{}, k, nil
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
		line, err := lines.ReadSlice('\n') // a line that is too long for the buffer is no entry
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
	k.Unchecked = k.Unchecked.Without(looked)
	// The next line must not continue a torn last line.
	_, err = file.WriteString("\n")
	return &Journal{file, path, validity}, k, err
}

// longestLine is the limit of a line. Texts are cut to fit, and sets of UIDs are divided.
const longestLine = 16 << 10

// take reads one line, without its UIDVALIDITY.
func (k *Known) take(line string, looked *mail.UIDSet) {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "looked", "reported":
		set, err := mail.ParseUIDSet(rest)
		if err != nil {
			return
		}
		if word == "reported" {
			maps.DeleteFunc(k.Results, func(uid mail.UID, _ *restore.AppendResult) bool { return set.Contains(uid) })
			return
		}
		for r := range set.Ranges() {
			looked.AddRange(r)
		}
	case "sending":
		if uid, err := strconv.ParseUint(rest, 10, 32); err == nil && k.Floor == 0 {
			k.Floor = mail.UID(uid)
		}
	case "sent":
		k.Floor = 0
	case "changed", "flags", "altered":
		number, quoted, _ := strings.Cut(rest, " ")
		uid, err := strconv.ParseUint(number, 10, 32)
		why, errQuoted := strconv.Unquote(quoted)
		if err != nil || errQuoted != nil {
			return
		}
		result := k.Results[mail.UID(uid)]
		if result == nil {
			result = &restore.AppendResult{Added: true}
			k.Results[mail.UID(uid)] = result
		}
		if why != "" {
			result.Changed = append(result.Changed, why)
		}
		result.FlagsLost = result.FlagsLost || word == "flags"
		result.Altered = result.Altered || word == "altered"
	default:
		k.appended(line)
	}
}

func (k *Known) appended(line string) {
	fields := strings.Fields(line)
	if len(fields) < 2 || len(fields) > 3 {
		return
	}
	uid, err := strconv.ParseUint(fields[0], 10, 32)
	id, errID := chunk.ParseID(fields[1])
	if err != nil || errID != nil || uid == 0 {
		return
	}
	k.Hashes[mail.UID(uid)] = id
	if len(fields) == 3 {
		k.Unchecked.Add(mail.UID(uid))
	}
}

// Sending records that messages are about to be appended. The UID of each will be next or higher.
func (j *Journal) Sending(next mail.UID) error {
	return j.write(fmt.Sprintf("%d sending %d\n", j.validity, next))
}

// Sent records that the results of the latest Sending are known.
func (j *Journal) Sent() error { return j.write(fmt.Sprintf("%d sent\n", j.validity)) }

// Add records appended messages, which have to be checked.
func (j *Journal) Add(messages []Message) error {
	var lines strings.Builder
	for _, m := range messages {
		if m.UID != 0 {
			fmt.Fprintf(&lines, "%d %d %s ?\n", j.validity, m.UID, m.Hash)
		}
	}
	return j.write(lines.String())
}

// Checked records what the check of appended messages found.
func (j *Journal) Checked(messages []Message) error {
	var lines strings.Builder
	var uids mail.UIDSet
	for _, m := range messages {
		if m.UID == 0 {
			continue
		}
		uids.Add(m.UID)
		word := "changed"
		switch {
		case m.Result.Altered:
			word = "altered"
		case m.Result.FlagsLost:
			word = "flags"
		case len(m.Result.Changed) == 0:
			continue
		}
		why := strings.Join(m.Result.Changed, "; ")
		fmt.Fprintf(&lines, "%d %s %d %s\n", j.validity, word, m.UID, strconv.Quote(why[:min(len(why), longestLine/8)]))
		if m.Result.Altered && m.Result.FlagsLost {
			fmt.Fprintf(&lines, "%d flags %d \"\"\n", j.validity, m.UID)
		}
	}
	lines.WriteString(setLines(j.validity, "looked", uids))
	return j.write(lines.String())
}

// setLines returns lines with a word and UIDs.
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

func (j *Journal) write(lines string) error {
	if j.file == nil || lines == "" {
		return nil
	}
	_, err := j.file.WriteString(lines)
	return err
}

// Close closes the journal.
func (j *Journal) Close() error {
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}

// Report records which messages the report of a restore has. It is written when the restore has
// ended.
type Report struct{ path, lines string }

// Report returns the Report about these messages. ok is false if there is nothing to record.
func (j *Journal) Report(uids mail.UIDSet) (r Report, ok bool) {
	r = Report{j.path, setLines(j.validity, "reported", uids)}
	return r, r.path != "" && r.lines != ""
}

// Write appends the Report to its journal, so that the next restore does not repeat it.
func (r Report) Write() error {
	file, err := os.OpenFile(r.path, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(r.lines)
	return errors.Join(err, file.Close())
}
