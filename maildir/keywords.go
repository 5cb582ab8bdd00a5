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

// keywordsFile says what the letters a to z mean in the file names of a folder. It is a file of
// Dovecot, with a line for each letter: its number, a space, and the keyword.
//
//	0 $Forwarded
//	1 $Junk
const keywordsFile = "dovecot-keywords"

const maxKeywords = 26

// maxKeywordsFile is the largest size of the file, in bytes.
const maxKeywordsFile = 1 << 20

// keywords are the keywords of a folder, by the number of their letter. Empty ones are free.
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

// parseKeywords parses the file. It skips invalid lines, as Dovecot does. format inverts it.
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

// letter returns the letter of a keyword. Keywords have no case (RFC 9051 section 2.3.2).
func (k *keywords) letter(keyword string) (byte, bool) {
	for n, name := range k.names {
		if name != "" && strings.EqualFold(name, keyword) {
			return 'a' + byte(n), true
		}
	}
	return 0, false
}

// add assigns a free letter to a keyword that has none.
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

// isKeyword reports whether the file can have the keyword.
func isKeyword(keyword string) bool {
	separates := func(r rune) bool { return r <= ' ' || r == 0x7f }
	return keyword != "" && !strings.HasPrefix(keyword, `\`) && !strings.ContainsFunc(keyword, separates)
}

// assign assigns letters to the keywords of messages that will be added. Letters keep their
// meaning. It reads the file again, because a mail server may have changed it.
func (k *keywords) assign(ctx context.Context, root *os.Root, messages []restore.Message) error {
	if !k.needsLetters(messages) {
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

// needsLetters reports whether a keyword has no letter and can get one.
func (k *keywords) needsLetters(messages []restore.Message) bool {
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

// readSmall reads a file, which need not exist. A file above the limit is an error.
func readSmall(root *os.Root, name string, limit int64) ([]byte, error) {
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("%s is not a file of a mail server", name)}
	}
	return root.ReadFile(name)
}
