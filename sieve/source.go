package sieve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/collection"
)

// script is a script that was read, or why it could not be.
type script struct {
	active  bool
	content string
	err     error
}

// maxScripts bounds the bytes of all scripts of an account, which Open holds.
const maxScripts = 64 << 20

// Kind implements collection.Source.
func (c *Client) Kind() collection.Kind { return collection.Sieve }

// URL implements collection.Source.
func (c *Client) URL() string { return c.options.URL() }

// Open implements collection.Source. A server does not say when a script changed, so Open reads all
// of them, which are small. Their hash is the ctag.
func (c *Client) Open(ctx context.Context) (server []collection.Field, all []collection.Collection, err error) {
	if err := c.connect(ctx); err != nil {
		return nil, nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(c.greeted)) {
		if name != "SASL" && name != "OWNER" && name != "STARTTLS" {
			server = append(server, collection.Field{Name: name, Value: c.greeted[name]})
		}
	}
	if err := c.readScripts(ctx); err != nil {
		return nil, nil, err
	}
	return server, []collection.Collection{{CTag: c.tag()}}, nil
}

// readScripts reads all scripts.
func (c *Client) readScripts(ctx context.Context) error {
	listed, err := c.exchange(ctx, "LISTSCRIPTS\r\n")
	if err != nil {
		return err
	}
	c.scripts = make(map[string]script)
	size := 0
	for _, line := range listed.lines {
		if len(line) == 0 || line[0].atom ||
			len(line) > 1 && (!line[1].atom || !strings.EqualFold(line[1].text, "ACTIVE")) {
			return fmt.Errorf("%w: a line of LISTSCRIPTS that names no script", ErrProtocol)
		}
		s := script{active: len(line) > 1}
		s.content, s.err = c.read(ctx, line[0].text)
		if _, refused := errors.AsType[*RefusedError](s.err); s.err != nil && !refused {
			return s.err
		}
		if size += len(s.content); size > maxScripts {
			return fmt.Errorf("the scripts have more than %d bytes", maxScripts)
		}
		c.scripts[line[0].text] = s
	}
	return nil
}

// read reads a script (RFC 5804 section 2.9).
func (c *Client) read(ctx context.Context, name string) (string, error) {
	got, err := c.exchange(ctx, "GETSCRIPT "+quote(name)+"\r\n")
	if err != nil {
		return "", err
	}
	if len(got.lines) != 1 || len(got.lines[0]) != 1 || got.lines[0][0].atom {
		return "", fmt.Errorf("%w: GETSCRIPT gave no script", ErrProtocol)
	}
	return got.lines[0][0].text, nil
}

// tag returns a hash of all scripts, or nothing if one could not be read.
func (c *Client) tag() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(c.scripts)) {
		s := c.scripts[name]
		if s.err != nil {
			return ""
		}
		fmt.Fprintf(h, "%d %d %t\n%s%s", len(name), len(s.content), s.active, name, s.content)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// List implements collection.Source.
func (c *Client) List(context.Context, collection.Collection, string) (l collection.Listing, err error) {
	for name, s := range c.scripts {
		l.Items = append(l.Items, collection.Listed{Name: name, Active: s.active})
	}
	return l, nil
}

// Read implements collection.Source.
func (c *Client) Read(
	_ context.Context, _ collection.Collection, items []collection.Listed,
	got func(collection.Item, error) error,
) error {
	for _, item := range items {
		s, there := c.scripts[item.Name]
		if !there {
			s.err = collection.ErrGone
		}
		item.Active = s.active
		if err := got(collection.Item{Listed: item, Content: []byte(s.content)}, s.err); err != nil {
			return err
		}
	}
	return nil
}
