package sftp

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// Location is a directory of another host.
type Location struct {
	User string // "": as ssh chooses
	Host string // a name, an address, or a name of ~/.ssh/config
	Port int    // 0: as ssh chooses
	Path string // absolute, or relative to where the server begins, which is mostly the home directory
}

// errForm says how a location is written.
var errForm = errors.New("write sftp:user@host:/directory, or sftp://user@host:22/directory")

// ParseLocation parses "sftp:[user@]host:path", or "sftp://[user@]host[:port]/path". In the second
// form the path is absolute, unless it begins with "/~/".
func ParseLocation(text string) (Location, error) {
	rest, ok := strings.CutPrefix(text, "sftp:")
	if !ok {
		return Location{}, errForm
	}
	l, err := parseShort(rest)
	if strings.HasPrefix(rest, "//") {
		l, err = parseURL(text)
	}
	if err != nil {
		return Location{}, err
	}
	if l.Path == "" || path.Clean(l.Path) == "/" {
		return Location{}, fmt.Errorf("%s names no directory: %w", text, errForm)
	}
	l.Path = path.Clean(l.Path)
	return l, l.check()
}

// parseShort parses "[user@]host:path". An IPv6 address is in brackets.
func parseShort(text string) (l Location, err error) {
	if user, rest, ok := strings.Cut(text, "@"); ok && !strings.ContainsAny(user, ":/") {
		l.User, text = user, rest
		if user == "" {
			return l, errForm
		}
	}
	address, rest, ok := strings.Cut(text, "]:")
	if ok && strings.HasPrefix(address, "[") {
		l.Host, l.Path = address[1:], rest
	} else if l.Host, l.Path, ok = strings.Cut(text, ":"); !ok {
		return l, errForm
	}
	if before, _, ok := strings.Cut(l.Path, ":"); ok && isPort(before) {
		return l, fmt.Errorf("%s is no directory; a port is written sftp://user@host:%s/directory", l.Path, before)
	}
	return l, nil
}

// isPort reports whether a text is a number. In "nas:2222:/srv" a port was meant.
func isPort(text string) bool {
	_, err := strconv.ParseUint(text, 10, 16)
	return err == nil
}

// parseURL parses "sftp://[user@]host[:port]/path". A password in it is refused: ssh takes none
// from a program.
func parseURL(text string) (l Location, err error) {
	u, err := url.Parse(text)
	if err != nil || u.RawQuery != "" || u.Fragment != "" {
		return l, errForm
	}
	if _, has := u.User.Password(); has {
		return l, errors.New("the location of a repository cannot have a password: use a key of ssh")
	}
	l = Location{User: u.User.Username(), Host: u.Hostname(), Path: u.Path}
	if home, ok := strings.CutPrefix(u.Path, "/~/"); ok {
		l.Path = home
	}
	if port := u.Port(); port != "" {
		if l.Port, err = strconv.Atoi(port); err != nil || l.Port < 1 || l.Port > 65535 {
			return l, fmt.Errorf("%s is not a port", port)
		}
	}
	return l, nil
}

// check refuses what ssh would not take for a name, such as an option.
func (l Location) check() error {
	for what, text := range map[string]string{"user": l.User, "host": l.Host} {
		if strings.HasPrefix(text, "-") || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`"'\`+"`$;&|<>(){}*?!", r) }) {
			return fmt.Errorf("%q is not the name of a %s", text, what)
		}
	}
	if l.Host == "" {
		return errForm
	}
	if strings.ContainsFunc(l.Path, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("%q is not the name of a directory", l.Path)
	}
	return nil
}

// String returns the location in the first form, or in the second form if it has a port.
func (l Location) String() string {
	at := ""
	if l.User != "" {
		at = l.User + "@"
	}
	if l.Port == 0 {
		host := l.Host
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return "sftp:" + at + host + ":" + l.Path
	}
	p := l.Path
	if !strings.HasPrefix(p, "/") {
		p = "/~/" + p
	}
	return "sftp://" + at + net.JoinHostPort(l.Host, strconv.Itoa(l.Port)) + (&url.URL{Path: p}).EscapedPath()
}
