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
	"github.com/mailstrata/mailstrata/jmap"
)

// userMark is the placeholder for a user in the name and URL of a template.
const userMark = "{user}"

// login is a line of a file of users.
type login struct {
	user string
	line int
}

// maxUsers is the maximum size of a users_file.
const (
	maxUsers     = 1_000_000
	maxUsersFile = 128 << 20 // bytes
)

// users returns the logins of a template, or nil if the table is not a template.
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
		t.wrong("users_file", "%s has no users", path)
	}
	return append([]login{}, logins...)
}

// readUsers reads one login a line. Lines that begin with "#" are comments.
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

// expand returns the accounts of a template.
func (t *table) expand(c *Config, template Account, logins []login) []Account {
	if !strings.Contains(template.URL, userMark) {
		t.wrong("url", "lacks %s, the placeholder for each line of users_file", userMark)
		return nil
	}
	if template.Name == "" {
		template.Name = userMark
	}
	if !strings.Contains(template.Name, userMark) {
		t.wrong("name", "lacks %s, so that all its accounts would have the same name", userMark)
		return nil
	}
	taken := make(map[string]bool, len(logins))
	for i := range c.Accounts {
		taken[c.Accounts[i].Name] = true
	}
	files := t.filesURL(&template)
	accounts := make([]Account, 0, len(logins))
	for _, l := range logins {
		a := template
		a.Name = strings.ReplaceAll(template.Name, userMark, l.user)
		a.URL = strings.ReplaceAll(template.URL, userMark, url.User(l.user).String())
		a.expandItems(l.user)
		_, err := imap.ParseURL(a.URL)
		if jmap.IsURL(a.URL) {
			_, err = jmap.ParseURL(a.URL)
		}
		if files {
			a.URL, err = strings.ReplaceAll(template.URL, userMark, l.user), checkFileUser(l.user)
		}
		problem := ""
		if err != nil {
			problem = err.Error()
		} else if taken[a.Name] {
			problem = "another account has this name"
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
