package config

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/internal/plaintext"
)

// userMark is what stands for each user in the name and URL of a template.
const userMark = "{user}"

// login is a line of a file of users.
type login struct {
	user string
	line int
}

// maxUsers bounds a file of users.
const (
	maxUsers     = 1_000_000
	maxUsersFile = 128 << 20 // bytes
)

// users are those of a template's file; nil: the table is no template.
func (t *table) users() []login {
	path := t.file("users_file")
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		t.wrong("users_file", "cannot be read: %v", err)
		return []login{}
	}
	defer f.Close()
	logins, err := readUsers(f)
	switch {
	case err != nil:
		t.wrong("users_file", "%s cannot be read: %v", path, err)
	case len(logins) == 0:
		t.wrong("users_file", "%s names no user", path)
	}
	return append([]login{}, logins...)
}

// readUsers reads one login a line. A line that begins with "#" is for people.
func readUsers(r io.Reader) (logins []login, err error) {
	text, err := io.ReadAll(io.LimitReader(r, maxUsersFile+1))
	if err == nil && len(text) > maxUsersFile {
		err = fmt.Errorf("it has more than %d MiB", maxUsersFile>>20)
	}
	if err == nil {
		text, err = plaintext.Decode(text)
	}
	if err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		user := strings.TrimSpace(lines.Text())
		if user == "" || strings.HasPrefix(user, "#") {
			continue
		}
		if len(logins) == maxUsers {
			break
		}
		logins = append(logins, login{user, n})
	}
	return logins, lines.Err()
}

// expand makes the accounts of a template.
func (t *table) expand(c *Config, template Account, logins []login) []Account {
	if !strings.Contains(template.URL, userMark) {
		t.wrong("url", "lacks %s, which stands for each line of users_file", userMark)
		return nil
	}
	if template.Name == "" {
		template.Name = userMark
	}
	if !strings.Contains(template.Name, userMark) {
		t.wrong("name", "lacks %s: all its accounts would have one name", userMark)
		return nil
	}
	taken := make(map[string]bool, len(logins))
	for i := range c.Accounts {
		taken[c.Accounts[i].Name] = true
	}
	accounts := make([]Account, 0, len(logins))
	for _, l := range logins {
		a := template
		a.Name = strings.ReplaceAll(template.Name, userMark, l.user)
		a.URL = strings.ReplaceAll(template.URL, userMark, url.User(l.user).String())
		problem := ""
		if _, err := imap.ParseURL(a.URL); err != nil {
			problem = err.Error()
		} else if taken[a.Name] {
			problem = "another account is called so too"
		}
		if problem != "" {
			t.parser.problems = append(t.parser.problems, Problem{File: t.parser.resolve(t.values["users_file"].(string)), Line: l.line, Key: l.user, Text: problem})
			continue
		}
		taken[a.Name] = true
		accounts = append(accounts, a)
	}
	return accounts
}
