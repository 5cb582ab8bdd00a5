package dav

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/mailstrata/mailstrata/collection"
)

// readers is how many items are read at once.
const readers = atOnce

// Read implements collection.Source. It reads several items at once.
func (c *Client) Read(
	ctx context.Context, of collection.Collection, items []collection.Listed,
	got func(collection.Item, error) error,
) error {
	u, err := c.urlOf(of)
	if err != nil {
		return err
	}
	known := new(versions)
	if c.kind == collection.AddressBooks && len(items) > 0 {
		if known, err = c.versions(ctx, u); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		item collection.Item
		err  error
	}
	wanted, results := make(chan collection.Listed), make(chan result)
	large := make(chan struct{}, 1) // holds an element while a worker has a large item
	var working sync.WaitGroup
	for range min(readers, len(items)) {
		working.Go(func() {
			for listed := range wanted {
				item, isLarge, err := c.readItem(ctx, u, listed, known, large)
				select {
				case results <- result{item, err}:
				case <-ctx.Done():
					return
				}
				if isLarge {
					<-large
				}
			}
		})
	}
	go func() {
		defer close(wanted)
		for _, listed := range items {
			select {
			case wanted <- listed:
			case <-ctx.Done():
				return
			}
		}
	}()
	defer working.Wait()
	defer cancel() // before waiting
	for range items {
		select {
		case r := <-results:
			if err := got(r.item, r.err); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// itemURL returns the URL of an item.
func (c *Client) itemURL(of *url.URL, name string) (*url.URL, error) {
	u, err := of.Parse("./" + name)
	if err != nil {
		return nil, fmt.Errorf("%w: the name %.80q", ErrProtocol, name)
	}
	if again, err := c.member(of, u.EscapedPath()); err != nil || again == "" {
		return nil, fmt.Errorf("%w: the name %.80q leads out of the collection", ErrProtocol, name)
	}
	return u, nil
}

// largeItem is the size from which one item is read at a time, which bounds the memory.
const largeItem = 4 << 20

// readContent reads the content of an item. A large one puts an element into large.
func readContent(ctx context.Context, from io.Reader, large chan struct{}) (content []byte, isLarge bool, err error) {
	wait := func(something func()) { something() }
	if body, ok := from.(watchedBody); ok {
		wait = body.wait
	}
	content, err = io.ReadAll(io.LimitReader(from, largeItem))
	if err != nil || len(content) < largeItem {
		return content, false, err
	}
	wait(func() {
		select {
		case large <- struct{}{}:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	})
	if err != nil {
		return nil, false, err
	}
	more, err := io.ReadAll(io.LimitReader(from, collection.MaxItem+1-largeItem))
	return append(content, more...), true, err
}

// readItem reads one item. Its ETag is the one that came with it. If it is large, it has put an
// element into large.
func (c *Client) readItem(
	ctx context.Context, of *url.URL, listed collection.Listed, known *versions, large chan struct{},
) (item collection.Item, isLarge bool, err error) {
	u, err := c.itemURL(of, listed.Name)
	if err != nil {
		return collection.Item{Listed: listed}, false, err
	}
	if known.newer.Knows(c.kind, listed.Name) {
		item, isLarge, err = c.get(ctx, u, listed, version4, large)
		if statusOfError(err) != http.StatusNotAcceptable {
			return item, isLarge, err
		}
	}
	item, isLarge, err = c.get(ctx, u, listed, "", large)
	item.Doubtful = known.doubtful
	return item, isLarge, err
}

// get reads one item, of a media type if that is not empty.
func (c *Client) get(
	ctx context.Context, u *url.URL, listed collection.Listed, media string, large chan struct{},
) (item collection.Item, isLarge bool, err error) {
	item = collection.Item{Listed: listed}
	r := request{method: http.MethodGet, url: u}
	if media != "" {
		r.header = map[string]string{"Accept": media}
	}
	err = c.do(ctx, r, func(answer *http.Response) (err error) {
		if answer.StatusCode != http.StatusOK {
			return &StatusError{Status: answer.StatusCode}
		}
		item.Content, isLarge, err = readContent(ctx, answer.Body, large)
		switch {
		case err != nil:
			return err
		case len(item.Content) > collection.MaxItem:
			return fmt.Errorf("%w: more than %d bytes", collection.ErrTooLarge, collection.MaxItem)
		case isHTML(answer.Header.Get("Content-Type")) || looksLikeHTML(item.Content):
			return fmt.Errorf("%w: it is a web page, perhaps to log in", ErrProtocol)
		case !c.looksRight(item.Content):
			return fmt.Errorf("%w: %d bytes that do not begin as a %s",
				ErrProtocol, len(item.Content), c.names().object)
		}
		if etag := answer.Header.Get("ETag"); etag != "" {
			item.ETag = etag
		}
		return nil
	})
	if isNotFound(err) {
		err = collection.ErrGone
	}
	return item, isLarge, err
}

// looksRight reports whether a content begins as items of the kind do (RFC 5545 section 3.4, RFC
// 6350 section 6.1.1). An empty answer, or an error with the status 200, must not replace an
// archived item.
func (c *Client) looksRight(content []byte) bool {
	begin := bytes.TrimSpace(bytes.TrimPrefix(content, []byte("\xef\xbb\xbf")))
	want := "BEGIN:" + c.names().object
	return len(begin) >= len(want) && strings.EqualFold(string(begin[:len(want)]), want)
}

// looksLikeHTML reports whether a content is a web page. No calendar object and no address object
// begins like one.
func looksLikeHTML(content []byte) bool {
	begin := bytes.ToLower(bytes.TrimSpace(content[:min(len(content), 256)]))
	return bytes.HasPrefix(begin, []byte("<!doctype html")) || bytes.HasPrefix(begin, []byte("<html"))
}
