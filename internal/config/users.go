package config

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/mailstrata/mailstrata/internal/plaintext"
)

// userMark is the placeholder for a user in the name and URL of a template.
const userMark = "{user}"

// Users runs the users_command of a template, and returns what it prints: a login a line.
type Users func(command string) ([]byte, error)

// login is a line of a list of users.
type login struct {
	user string
	line int
}

// maxUsers and maxUsersFile are the maximum size of a list of users.
const (
	maxUsers     = 1_000_000
	maxUsersFile = 128 << 20 // bytes
)

// users returns the logins of a template, or nil if the table is not a template.
func (t *table) users() []login {
	file, command := t.file("users_file"), t.text("users_command")
	var logins []login
	var err error
	key, from := "users_file", file
	switch {
	case file != "" && command != "":
		t.wrong("users_command", "excludes users_file")
		return []login{}
	case file != "":
		logins, err = usersOfFile(file)
	case command != "":
		if key, from = "users_command", "the command"; t.parser.users == nil {
			return []login{}
		}
		var printed []byte
		if printed, err = t.parser.users(command); err == nil {
			logins, err = readUsers(bytes.NewReader(printed))
		}
	default:
		return nil
	}
	switch {
	case err != nil:
		t.wrong(key, "cannot be read: %v", err)
	case len(logins) == 0:
		t.wrong(key, "%s has no users", from)
	}
	return append([]login{}, logins...)
}

func usersOfFile(path string) ([]login, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readUsers(f)
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
			return nil, fmt.Errorf("there are more than %d users", maxUsers)
		}
		logins = append(logins, login{user, n})
	}
	return logins, lines.Err()
}

// expand returns the accounts of a template.
func (t *table) expand(c *Config, template Account, logins []login) []Account {
	if !strings.Contains(template.URL, userMark) {
		t.wrong("url", "lacks %s, the placeholder for each user", userMark)
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
	files, base := t.filesURL(&template), c.Repository(template.Repository)
	accounts := make([]Account, 0, len(logins))
	for _, l := range logins {
		a := template
		a.Name = strings.ReplaceAll(template.Name, userMark, l.user)
		a.URL = strings.ReplaceAll(template.URL, userMark, url.User(l.user).String())
		a.expandItems(l.user)
		_, err := usualName(a.URL)
		if files {
			a.URL, err = strings.ReplaceAll(template.URL, userMark, l.user), checkFileUser(l.user)
		}
		if err == nil && taken[a.Name] {
			err = errors.New("another account has this name")
		}
		if err == nil && base != nil && base.isTemplate() {
			a.Repository, err = t.parser.repositoryOf(c, base, l.user)
		}
		if err != nil {
			t.wrongUser(l, err)
			continue
		}
		taken[a.Name] = true
		accounts = append(accounts, a)
	}
	return accounts
}

// wrongUser reports the problem of a user: with the line of the file, or else of the template.
func (t *table) wrongUser(l login, err error) {
	problem := Problem{File: t.parser.file, Line: t.parser.lines.at(t.path), Key: l.user, Text: err.Error()}
	if file, ok := t.values["users_file"].(string); ok {
		problem.File, problem.Line = t.parser.resolve(file), l.line
	}
	t.parser.problems = append(t.parser.problems, problem)
}
