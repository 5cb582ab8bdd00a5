package jmap

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/internal/printable"
)

// Capabilities (RFC 8620 section 2, RFC 8621 section 1.3).
const (
	coreCapability = "urn:ietf:params:jmap:core"
	mailCapability = "urn:ietf:params:jmap:mail"
)

// Session is what a server says to a user who logs in, as far as mail goes (RFC 8620 section 2).
type Session struct {
	Account string   // the id of the account
	Others  []string // if it is the user's own, the names of others with mail that the user can read
	Limits  Limits

	api              *url.URL
	download, upload string // templates (RFC 6570, level 1), absolute
}

// Limits are what a server takes at most (RFC 8620 section 2). All are above zero.
type Limits struct {
	Upload   int64 `json:"maxSizeUpload"`         // bytes of a blob
	Uploads  int   `json:"maxConcurrentUpload"`   // at once
	Request  int64 `json:"maxSizeRequest"`        // bytes
	Requests int   `json:"maxConcurrentRequests"` // at once
	Calls    int   `json:"maxCallsInRequest"`
	Get      int   `json:"maxObjectsInGet"`
	Set      int   `json:"maxObjectsInSet"`
}

// What a server that names no limit takes for certain: the least that RFC 8620 section 2 suggests.
const (
	leastUpload   = 50_000_000
	leastRequest  = 10_000_000
	leastRequests = 4
	leastCalls    = 16
	leastObjects  = 500
)

// bound gives each limit a sensible value.
func (l *Limits) bound() {
	positive := func(n *int, otherwise, most int) {
		if *n <= 0 {
			*n = otherwise
		}
		*n = min(*n, most)
	}
	if l.Upload <= 0 {
		l.Upload = leastUpload
	}
	if l.Request <= 0 {
		l.Request = leastRequest
	}
	positive(&l.Uploads, leastRequests, 64)
	positive(&l.Requests, leastRequests, 64)
	positive(&l.Calls, leastCalls, 64)
	positive(&l.Get, leastObjects, 1<<20)
	positive(&l.Set, leastObjects, 1<<20)
}

// Session returns the session. It is requested once.
func (c *Client) Session(ctx context.Context) (*Session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session != nil {
		return c.session, nil
	}
	at := c.opts.URL.sessionURL()
	if err := c.check(at); err != nil {
		return nil, err
	}
	answer, from, err := c.find(ctx, at)
	if err != nil {
		return nil, err
	}
	s, err := parseSession(answer, from, c.opts.URL.Account)
	if err != nil {
		return nil, refused("the session at %s: %v", place(from), err)
	}
	for _, named := range []string{s.api.String(), s.download, s.upload} {
		u, err := url.Parse(strings.NewReplacer("{", "", "}", "").Replace(named))
		if err == nil {
			err = c.check(u)
		}
		if err == nil && from.Scheme == "https" && u.Scheme != "https" {
			err = fmt.Errorf("%w: it names %s, without TLS", ErrInsecure, place(u))
		}
		if err != nil {
			return nil, fmt.Errorf("the session at %s: %w", place(from), err)
		}
	}
	s.Limits.Requests = min(s.Limits.Requests, c.opts.connections())
	s.Limits.Uploads = min(s.Limits.Uploads, c.opts.connections())
	c.requests, c.uploads = make(chan struct{}, s.Limits.Requests), make(chan struct{}, s.Limits.Uploads)
	c.session = s
	return s, nil
}

// find requests the session. It returns the text, and the URL at the end of redirects.
func (c *Client) find(ctx context.Context, at *url.URL) (answer []byte, from *url.URL, err error) {
	response, err := c.follow(ctx, at, "application/json", c.checkRedirect)
	if err != nil {
		return nil, nil, err
	}
	from = response.Request.URL
	answer, err = readJSON(response, maxSession)
	if errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("there is no JMAP at %s: %w", place(from), err)
	}
	return answer, from, err
}

// checkRedirect returns an error if the secret must not follow a redirect: to another host that is
// not below the first one, or from TLS to none.
func (c *Client) checkRedirect(from, to *url.URL) error {
	was, now := strings.ToLower(from.Hostname()), strings.ToLower(to.Hostname())
	if now != was && !strings.HasSuffix(now, "."+was) || to.User != nil {
		return refused("%s redirects to another host, %s, which gets no password unless you name it: use jmap:%s://USER@%s%s",
			place(from), printable.Text(now), printable.Text(to.Scheme), printable.Text(to.Host), printable.Text(to.EscapedPath()))
	}
	if from.Scheme == "https" && to.Scheme != "https" {
		return fmt.Errorf("%w: %s redirects to %s, without TLS", ErrInsecure, place(from), place(to))
	}
	return c.check(to)
}

// sessionObject is a session as the server writes it.
type sessionObject struct {
	Capabilities map[string]json.RawMessage `json:"capabilities"`
	Accounts     map[string]struct {
		Name         string                     `json:"name"`
		Capabilities map[string]json.RawMessage `json:"accountCapabilities"`
	} `json:"accounts"`
	Primary  map[string]string `json:"primaryAccounts"`
	API      string            `json:"apiUrl"`
	Download string            `json:"downloadUrl"`
	Upload   string            `json:"uploadUrl"`
}

// parseSession parses the session that was found at a URL. Its URLs may be relative to that one.
// account is the name or the id of the account that is wanted; "": the user's own.
func parseSession(text []byte, at *url.URL, account string) (*Session, error) {
	var o sessionObject
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, err
	}
	s := new(Session)
	if core := o.Capabilities[coreCapability]; core != nil {
		if err := json.Unmarshal(core, &s.Limits); err != nil {
			return nil, fmt.Errorf("its limits: %w", err)
		}
	}
	s.Limits.bound()
	if err := s.choose(&o, account); err != nil {
		return nil, err
	}
	api, err := at.Parse(o.API)
	if err != nil || o.API == "" {
		return nil, errors.New("its apiUrl is no URL")
	}
	s.api = api
	if s.download, err = template(at, o.Download, "{accountId}", "{blobId}"); err != nil {
		return nil, fmt.Errorf("its downloadUrl: %w", err)
	}
	if s.upload, err = template(at, o.Upload, "{accountId}"); err != nil {
		return nil, fmt.Errorf("its uploadUrl: %w", err)
	}
	return s, nil
}

// choose finds the wanted account. An id is that of one account, and comes before names, which may
// be those of several.
func (s *Session) choose(o *sessionObject, wanted string) error {
	names := make(map[string]string) // of accounts with mail, by id
	for id, account := range o.Accounts {
		if _, has := account.Capabilities[mailCapability]; has {
			names[id] = cmp.Or(account.Name, id)
		}
	}
	ids := slices.Sorted(maps.Keys(names))
	s.Account = o.Primary[mailCapability]
	if wanted != "" {
		s.Account = ""
		for _, id := range ids {
			switch {
			case id == wanted:
				s.Account = id
			case names[id] != wanted || names[wanted] != "":
			case s.Account != "":
				return fmt.Errorf("it has several accounts of the name %q: use the id, such as %s",
					wanted, printable.Text(id))
			default:
				s.Account = id
			}
		}
	}
	switch {
	case s.Account == "" && wanted != "":
		list := slices.Sorted(maps.Values(names))
		return fmt.Errorf("it has no account with mail of the name or id %q; it has %q",
			wanted, list[:min(len(list), 10)])
	case s.Account == "":
		return errors.New("it has no account for mail (urn:ietf:params:jmap:mail)")
	case wanted == "":
		delete(names, s.Account)
		s.Others = slices.Sorted(maps.Values(names))
	}
	return nil
}

// template returns an absolute template, whose variables must be these or more.
func template(at *url.URL, text string, variables ...string) (string, error) {
	for _, name := range variables {
		if !strings.Contains(text, name) {
			return "", fmt.Errorf("it has no %s", name)
		}
	}
	// A brace is no character of a URL, so the variables wait behind ones that are.
	const open, shut = "-open-7b-", "-shut-7d-"
	u, err := at.Parse(strings.NewReplacer("{", open, "}", shut).Replace(text))
	if err != nil {
		return "", errors.New("it is no URL")
	}
	return strings.NewReplacer(open, "{", shut, "}").Replace(u.String()), nil
}

// expand puts values into a template (RFC 6570 section 3.2.2). Variables without a value are empty.
func expand(template string, values map[string]string) (string, error) {
	var b strings.Builder
	for {
		before, rest, has := strings.Cut(template, "{")
		b.WriteString(before)
		if !has {
			return b.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return "", errors.New("a template with an open brace")
		}
		for _, c := range []byte(values[name]) {
			if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
				strings.IndexByte("-._~", c) >= 0 {
				b.WriteByte(c)
			} else {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		}
		template = after
	}
}
