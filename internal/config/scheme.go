package config

import (
	"fmt"
	"path/filepath"
	"strings"
)

// SchemeError is the error for a directory that looks like a URL: b2:bucket.
type SchemeError struct{ Scheme string }

func (e *SchemeError) Error() string {
	return fmt.Sprintf("a repository is a directory, s3:https://host[:port]/bucket[/prefix] or sftp:user@host:/directory; %s: is not supported "+
		"(for a directory of that name, write ./%[1]s:…)", e.Scheme)
}

// CheckDirectory returns a [SchemeError] for a text that begins with a scheme (RFC 3986, section
// 3.1): a word of two or more letters before a colon. A drive has one letter. A path that begins
// with '/', '.' or '~' has no scheme.
func CheckDirectory(path string) error {
	scheme, _, has := strings.Cut(path, ":")
	if !has || filepath.VolumeName(path) != "" || len(scheme) < 2 {
		return nil
	}
	for i, r := range scheme {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", r)) {
			return nil
		}
	}
	return &SchemeError{Scheme: scheme}
}
