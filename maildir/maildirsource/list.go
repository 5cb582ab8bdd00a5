package maildirsource

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/backup/source/disk"
	"github.com/mailstrata/mailstrata/internal/mailfile"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/maildir"
)

// maxListings is how often a folder is listed while messages go from one listing to the next. After
// that, everything counts that one of the last two listings had: a message that was there all the
// time is missing from both only if it was renamed in a bad moment twice.
const maxListings = 10

// steady is how old the time of a directory must be to prove that nothing changed since: times have
// steps.
const steady = 2 * time.Second

// List implements disk.Folder.
func (f *folder) List(ctx context.Context) (*disk.Contents, error) {
	files, version, err := listed(ctx, f.files, f.Version)
	if err != nil {
		return nil, err
	}
	return f.contents(files, version)
}

// listed lists a folder until one listing has everything that the one before had: a listing may
// lack a message that is renamed meanwhile. It does not wait until no more messages arrive. version
// is from before the last listing; 0: not known.
func listed(
	ctx context.Context, list func() (map[string]string, error), versionNow func() uint64,
) (files map[string]string, version uint64, err error) {
	var before map[string]string
	taken, version := time.Now(), versionNow()
	for n := 1; ; n++ {
		files, err := list()
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return nil, 0, err
		}
		if now := versionNow(); now == version && version != 0 && taken.Sub(time.Unix(0, int64(version))) >= steady {
			return files, version, nil
		}
		if before != nil && hasKeys(files, before) {
			return files, version, nil
		}
		if n == maxListings {
			addMissing(files, before)
			return files, 0, nil
		}
		before, taken = files, time.Now()
		version = versionNow()
	}
}

// hasKeys reports whether files have each key of an earlier listing, as often as that.
func hasKeys(files, before map[string]string) bool {
	if len(files) < len(before) {
		return false
	}
	keys := make(map[string]int, len(files))
	for _, key := range files {
		keys[key]++
	}
	for _, key := range before {
		if keys[key]--; keys[key] < 0 {
			return false
		}
	}
	return true
}

// addMissing adds the files of an earlier listing whose keys the later one does not have.
func addMissing(files, before map[string]string) {
	keys := make(map[string]bool, len(files))
	for _, key := range files {
		keys[key] = true
	}
	for file, key := range before {
		if !keys[key] {
			files[file] = key
		}
	}
}

// twinKey returns the key of one of several files with one name. It stays when flags change, and
// does not depend on the others.
func (f *folder) twinKey(file, key string) string {
	info, err := f.root.Lstat(path.Join(f.dir, file))
	if err != nil {
		return key
	}
	twin := fmt.Sprintf("%s,%d,%d", key, info.Size(), info.ModTime().UnixNano())
	if len(twin) > maxKey {
		sum := sha256.Sum256([]byte(twin))
		return hex.EncodeToString(sum[:])
	}
	return twin
}

// maxKey is the longest id that the archive records, in bytes.
const maxKey = 255

// files returns the files of the folder, with their keys. A file that was renamed during the
// listing may have been seen twice: of two files with one key, only those count that are there.
func (f *folder) files() (map[string]string, error) {
	found := keyedFiles{keys: make(map[string]string), last: make(map[string]string)}
	isGone := func(file string) bool {
		_, err := f.root.Lstat(path.Join(f.dir, file))
		return errors.Is(err, fs.ErrNotExist)
	}
	for _, sub := range []string{"new", "cur"} {
		open, err := f.root.Open(path.Join(f.dir, sub))
		if errors.Is(err, fs.ErrNotExist) && sub == "new" {
			continue
		}
		if err != nil {
			return nil, err
		}
		err = eachEntry(open, func(e fs.DirEntry) {
			if name := e.Name(); !strings.HasPrefix(name, ".") && !e.IsDir() {
				found.add(sub+"/"+name, baseName(name), isGone)
			}
		})
		if err = errors.Join(err, open.Close()); err != nil {
			return nil, err
		}
	}
	return found.keys, nil
}

// keyedFiles is files with their keys.
type keyedFiles struct {
	keys map[string]string // by file
	last map[string]string // the last file of each key
}

// add adds a file, unless another one has its key and isGone reports that the file is not there.
func (k *keyedFiles) add(file, key string, isGone func(file string) bool) {
	k.keys[file] = key
	if other, twice := k.last[key]; twice {
		for _, name := range []string{other, file} {
			if isGone(name) {
				delete(k.keys, name)
			}
		}
	}
	k.last[key] = file
}

// eachEntry calls take with the entries of a directory.
func eachEntry(open *os.File, take func(fs.DirEntry)) error {
	for {
		entries, err := open.ReadDir(4096)
		for _, e := range entries {
			take(e)
		}
		if len(entries) == 0 || err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return err
		}
	}
}

// contents returns the messages in files, in the order of their names, which begin with the time of
// delivery.
func (f *folder) contents(files map[string]string, version uint64) (*disk.Contents, error) {
	c := &disk.Contents{Messages: make([]disk.Message, 0, len(files)), Version: version}
	keywords := readSmall(f.root, path.Join(f.dir, "dovecot-keywords"))
	flags := make(map[string]mail.Flags) // folders have few combinations
	count := make(map[string]int, len(files))
	for _, key := range files {
		count[key]++
	}
	for file, key := range files {
		if count[key] > 1 {
			key = f.twinKey(file, key)
		}
		letters := flagLetters(file)
		set, ok := flags[letters]
		if !ok {
			set = maildir.ParseFlags(letters, keywords)
			flags[letters] = set
		}
		c.Messages = append(c.Messages, disk.Message{Key: key, Name: file, Flags: set})
	}
	slices.SortFunc(c.Messages, func(a, b disk.Message) int {
		return cmp.Or(cmp.Compare(leadingNumber(a.Key), leadingNumber(b.Key)), strings.Compare(a.Key, b.Key),
			strings.Compare(a.Name, b.Name))
	})
	f.readUIDList(c)
	return c, nil
}

// baseName returns the part of a file name that stays when flags change. ";" and "!" stand for ":"
// where that cannot be in a name.
func baseName(name string) string {
	if at := infoMark(name); at >= 0 {
		return name[:at]
	}
	return name
}

// flagLetters returns the letters of the flags in a file name.
func flagLetters(name string) string {
	at := infoMark(name)
	if at < 0 {
		return ""
	}
	letters, _ := strings.CutPrefix(name[at+1:], "2,")
	letters, _, _ = strings.Cut(letters, ",")
	return letters
}

// infoMark returns where the info of a file name begins, or -1.
func infoMark(name string) int {
	if at := strings.IndexByte(name, ':'); at >= 0 {
		return at
	}
	return max(strings.LastIndex(name, ";2,"), strings.LastIndex(name, "!2,"))
}

// leadingNumber returns the number with which a name begins.
func leadingNumber(name string) uint64 {
	end := 0
	for end < len(name) && '0' <= name[end] && name[end] <= '9' {
		end++
	}
	n, _ := strconv.ParseUint(name[:end], 10, 64)
	return n
}

// readUIDList adds the UIDs of Dovecot, if the folder has its file:
//
//	3 V1275660208 N25022 G3085f01b7f11094c501100008c4a11c1
//	25006 :1276528487.M364837P9451.kurkku,S=1355,W=1394:2,
//	25017 W2481 :1276533073.M242911P3632.kurkku:2,F
func (f *folder) readUIDList(c *disk.Contents) {
	file, _, err := mailfile.Open(f.root, path.Join(f.dir, "dovecot-uidlist"))
	if err != nil {
		return
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	if !lines.Scan() {
		return
	}
	c.Validity, c.Next = parseUIDListHeader(lines.Text())
	if c.Validity == 0 {
		return
	}
	at := make(map[string]int, len(c.Messages))
	for i := range c.Messages {
		at[c.Messages[i].Key] = i
	}
	for lines.Scan() {
		uid, key := parseUIDListLine(lines.Bytes())
		if i, ok := at[string(key)]; ok && uid != 0 {
			c.Messages[i].UID = uid
		}
	}
}

// parseUIDListHeader returns UIDVALIDITY and UIDNEXT, or 0.
func parseUIDListHeader(line string) (validity, next uint32) {
	words := strings.Fields(line)
	if len(words) < 3 || words[0] != "3" {
		return 0, 0
	}
	for _, word := range words[1:] {
		n, err := strconv.ParseUint(word[1:], 10, 32)
		switch {
		case err != nil:
		case word[0] == 'V':
			validity = uint32(n)
		case word[0] == 'N':
			next = uint32(n)
		}
	}
	return validity, next
}

// parseUIDListLine returns the UID and the base name of a line, or 0.
func parseUIDListLine(line []byte) (mail.UID, []byte) {
	fields, name, ok := bytes.Cut(line, []byte(" :"))
	number, _, _ := bytes.Cut(fields, []byte(" "))
	uid, err := strconv.ParseUint(string(number), 10, 32)
	if !ok || err != nil {
		return 0, nil
	}
	if at := bytes.IndexByte(name, ':'); at >= 0 {
		name = name[:at]
	}
	return mail.UID(uid), name
}
