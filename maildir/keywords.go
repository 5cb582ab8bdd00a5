package maildir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/mailstrata/mailstrata/restore"
)

// keywordsFile tells what the letters a to z mean in the file names of a folder, as Dovecot has it: a line for each, of
// its number, a blank, and the keyword.
//
//	0 $Forwarded
//	1 $Junk
const keywordsFile = "dovecot-keywords"

const maxKeywords = 26

// maxKeywordsFile bounds what is read of the file.
const maxKeywordsFile = 1 << 20

// keywords are those of a folder, by the number of their letter; empty ones are free.
type keywords struct {
	names [maxKeywords]string
}

func readKeywords(root *os.Root) (*keywords, error) {
	text, err := readSmall(root, keywordsFile, maxKeywordsFile)
	if err != nil {
		return nil, err
	}
	return parseKeywords(text), nil
}

// parseKeywords reads the file. Lines that are none are passed over: so does Dovecot.
func parseKeywords(text []byte) *keywords {
	var k keywords
	for line := range bytes.Lines(text) {
		number, name, ok := strings.Cut(strings.TrimRight(string(line), "\r\n"), " ")
		n, err := strconv.ParseUint(number, 10, 8)
		if ok && err == nil && n < maxKeywords && name != "" {
			k.names[n] = name
		}
	}
	return &k
}

// format inverts parseKeywords.
func (k *keywords) format() []byte {
	var b bytes.Buffer
	for n, name := range k.names {
		if name != "" {
			fmt.Fprintf(&b, "%d %s\n", n, name)
		}
	}
	return b.Bytes()
}

// letter is what stands for a keyword. Keywords have no case (RFC 9051 section 2.3.2).
func (k *keywords) letter(keyword string) (byte, bool) {
	for n, name := range k.names {
		if name != "" && strings.EqualFold(name, keyword) {
			return 'a' + byte(n), true
		}
	}
	return 0, false
}

// add finds a letter for a keyword that has none, if there is one.
func (k *keywords) add(keyword string) (changed bool) {
	if _, ok := k.letter(keyword); ok || !isKeyword(keyword) {
		return false
	}
	for n, name := range k.names {
		if name == "" {
			k.names[n] = keyword
			return true
		}
	}
	return false
}

// isKeyword reports whether the file can hold a keyword, as a line of its own.
func isKeyword(keyword string) bool {
	return keyword != "" && !strings.HasPrefix(keyword, `\`) && !strings.ContainsFunc(keyword, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// learn gives letters to the keywords of messages that are to be added. The letters that have a meaning keep it. The file
// is read anew: a mail server may have added some since.
func (k *keywords) learn(ctx context.Context, root *os.Root, messages []restore.Wanted) error {
	if !k.lacks(messages) {
		return nil
	}
	return replaceLocked(ctx, root, keywordsFile, maxKeywordsFile, func(text []byte) []byte {
		*k = *parseKeywords(text)
		changed := false
		for _, m := range messages {
			for _, keyword := range m.Flags.Keywords() {
				changed = k.add(keyword) || changed
			}
		}
		if !changed {
			return text
		}
		return k.format()
	})
}

// lacks reports whether a keyword has no letter and could have one.
func (k *keywords) lacks(messages []restore.Wanted) bool {
	for _, m := range messages {
		for _, keyword := range m.Flags.Keywords() {
			trial := *k
			if trial.add(keyword) {
				return true
			}
		}
	}
	return false
}

// readSmall reads a file that need not be there. One above the limit is none of ours, and an error.
func readSmall(root *os.Root, name string, limit int64) ([]byte, error) {
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("%s is not what mail servers make", name)}
	}
	return root.ReadFile(name)
}
