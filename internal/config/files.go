package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Files is an account that is files: maildir:/var/mail/anna.
type Files struct {
	Kind string // one of FileKinds
	Path string
}

// FileKinds are the kinds of files that can be backed up. Of an mbox, the variant is found, or
// given by its name.
var FileKinds = []string{"maildir", "mbox", "mboxrd", "mboxo", "mboxcl2", "eml"}

// ParseFiles parses KIND:PATH. ok is false for anything else, such as the URL of a server.
func ParseFiles(text string) (f Files, ok bool) {
	kind, path, has := strings.Cut(text, ":")
	kind = strings.ToLower(kind)
	if !has || !slices.Contains(FileKinds, kind) {
		return Files{}, false
	}
	return Files{kind, path}, true
}

// String inverts ParseFiles. It is the source in manifests.
func (f Files) String() string { return f.Kind + ":" + f.Path }

// IsZero reports whether the account is on a server.
func (f Files) IsZero() bool { return f == Files{} }

// filesURL completes the URL of an account that is files: with an absolute path, which is relative
// to the file. ok is false for the URL of a server.
func (t *table) filesURL(a *Account) (ok bool) {
	f, ok := ParseFiles(a.URL)
	if !ok {
		return false
	}
	switch {
	case f.Path == "":
		t.wrong("url", "lacks a path: url = %q", f.Kind+":/var/mail/anna")
	case a.Name == "":
		t.wrong("", "an account that is files has a name")
	case !a.Secret.IsZero() || a.Token != "" || a.Provider != "":
		t.wrong("url", "is files, which have no password")
	}
	f.Path = filepath.Clean(t.parser.resolve(f.Path))
	a.URL = f.String()
	return true
}

// checkFileUser returns an error for a user that cannot be a part of a path.
func checkFileUser(user string) error {
	if user == "." || user == ".." || strings.ContainsAny(user, `/\`+"\x00") {
		return fmt.Errorf("cannot be a part of a path")
	}
	return nil
}
