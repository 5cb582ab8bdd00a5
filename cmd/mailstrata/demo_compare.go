package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/internal/demo"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// The demo looks at the Maildir that it restored with eyes of its own, not those of the package that wrote it.

// restoredMessage is a message as it lies in a Maildir.
type restoredMessage struct {
	folder string
	flags  []string // sorted
	date   time.Time
}

// compareMaildir compares a Maildir with the messages that it should hold. It tells how many are equal, and what differs.
func compareMaildir(root string, wanted iter.Seq2[string, demo.Message]) (equal int, differences []string) {
	found, err := readMaildir(root)
	if err != nil {
		return 0, []string{err.Error()}
	}
	folders := make(map[string]string) // of mailboxes
	for mailbox, message := range wanted {
		what := fmt.Sprintf("%s, message of %s", ui.Quote(mailbox), ui.Time(message.Internal))
		got, ok := found[string(message.Body)]
		if !ok {
			differences = append(differences, what+": is not there")
			continue
		}
		delete(found, string(message.Body))
		if folder, known := folders[mailbox]; known && folder != got.folder {
			differences = append(differences, what+": is in another folder than the others")
		}
		folders[mailbox] = got.folder
		flags := lower(message.Flags) // as the demo's server spells them
		switch {
		case !slices.Equal(lower(got.flags), flags):
			differences = append(differences, fmt.Sprintf("%s: flags %v, not %v", what, got.flags, flags))
		case !got.date.Equal(message.Internal):
			differences = append(differences, fmt.Sprintf("%s: date %v", what, got.date))
		default:
			equal++
		}
	}
	for _, extra := range found {
		differences = append(differences, extra.folder+": a message that was not on the server")
	}
	return equal, differences
}

func lower(flags []string) []string {
	all := make([]string, len(flags))
	for i, f := range flags {
		all[i] = strings.ToLower(f)
	}
	slices.Sort(all)
	return all
}

// readMaildir reads all messages below root, by their bytes with the line ends of mail.
func readMaildir(root string) (map[string]restoredMessage, error) {
	found := make(map[string]restoredMessage)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() || entry.Name() != "cur" {
			return err
		}
		return readFolder(filepath.Dir(path), found)
	})
	return found, err
}

func readFolder(folder string, found map[string]restoredMessage) error {
	keywords, err := readKeywords(filepath.Join(folder, "dovecot-keywords"))
	if err != nil {
		return err
	}
	for _, state := range []string{"cur", "new"} {
		entries, err := os.ReadDir(filepath.Join(folder, state))
		if err != nil {
			return err
		}
		for _, entry := range entries {
			path := filepath.Join(folder, state, entry.Name())
			body, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			info, err := entry.Info()
			if err != nil {
				return err
			}
			whole := string(bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n")))
			if _, twice := found[whole]; twice {
				return fmt.Errorf("%s: a message is there twice", path)
			}
			found[whole] = restoredMessage{folder, fileFlags(entry.Name(), keywords), info.ModTime()}
		}
	}
	return nil
}

// fileFlags are those in a file's name: ":2," and letters.
func fileFlags(name string, keywords map[byte]string) []string {
	_, letters, _ := strings.Cut(name, ":2,")
	system := map[byte]string{'D': `\Draft`, 'F': `\Flagged`, 'R': `\Answered`, 'S': `\Seen`, 'T': `\Deleted`}
	var flags []string
	for _, letter := range []byte(letters) {
		if flag, ok := system[letter]; ok {
			flags = append(flags, flag)
		} else {
			flags = append(flags, keywords[letter])
		}
	}
	slices.Sort(flags)
	return flags
}

// readKeywords reads which letter stands for which keyword: lines of a number, 0 for a, and the keyword.
func readKeywords(path string) (map[byte]string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	keywords := make(map[byte]string)
	for line := range strings.Lines(string(text)) {
		number, keyword, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.Atoi(number); err == nil && 0 <= n && n < 26 {
			keywords['a'+byte(n)] = keyword
		}
	}
	return keywords, err
}
