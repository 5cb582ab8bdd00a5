package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
)

// A configuration and a file of users are read as editors of Windows write them.
func TestFilesOfWindows(t *testing.T) {
	dir := t.TempDir()
	text := "[[repositories]]\r\nplace = \"/srv/mail\"\r\n[[accounts]]\r\nurl = \"imaps://{user}@mail.example\"\r\nusers_file = \"users\"\r\n"
	wide := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(text)) {
		wide = append(wide, byte(unit), byte(unit>>8))
	}
	for what, written := range map[string][]byte{"CRLF": []byte(text), "a byte order mark": []byte("\ufeff" + text), "UTF-16": wide} {
		for _, users := range []string{"joe\r\nsue\r\n", "\ufeffjoe\nsue\n", "joe  \n\tsue\n"} {
			if err := os.WriteFile(filepath.Join(dir, "users"), []byte(users), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := Parse(filepath.Join(dir, "config.toml"), "", written, nil)
			if err != nil {
				t.Errorf("%s: %v", what, err)
				continue
			}
			var names []string
			for _, a := range c.Accounts {
				names = append(names, a.Name)
			}
			if got := strings.Join(names, " "); !strings.HasPrefix(got, "joe") || !strings.Contains(got, " sue") || len(names) != 2 {
				t.Errorf("%s, %q: accounts %q", what, users, got)
			}
		}
	}
}
