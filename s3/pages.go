package s3

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

const (
	// longestPage bounds a page of a listing, in bytes. A page has up to 1,000 entries of some
	// hundred bytes.
	longestPage = 16 << 20

	// emptyPages is how many pages without an entry may follow one another, each promising more.
	emptyPages = 1000
)

// pages watches the pages of a listing in the transport. The client library joins them, and shows
// neither a page that is cut off nor an empty page after one that promised more. Some stores end a
// listing early in this way, and an object that is missing from a listing may be deleted, or count
// as lost.
type pages struct {
	more     bool // the last page promises that more follow
	entries  int  // in the last page
	empty    int  // pages without an entry in a row
	doubtful bool // the last page is empty, and the one before promised more
}

type pagesKey struct{}

// watchPages returns a context whose listing is watched.
func watchPages(ctx context.Context) (context.Context, *pages) {
	p := new(pages)
	return context.WithValue(ctx, pagesKey{}, p), p
}

// watchedPages returns the pages that watch the listings of a context, or nil.
func watchedPages(ctx context.Context) *pages {
	p, _ := ctx.Value(pagesKey{}).(*pages)
	return p
}

// pass reads the page in a response, and puts it back. If something is wrong with the page, reading
// it fails. Answers to other requests, such as for the bucket's location, are left alone.
func (p *pages) pass(resp *http.Response) {
	if query := resp.Request.URL.Query(); !query.Has("list-type") && !query.Has("versions") {
		return
	}
	body := resp.Body
	data, err := io.ReadAll(io.LimitReader(body, longestPage+1))
	if err == nil {
		err = p.judge(data)
	}
	rest := io.Reader(bytes.NewReader(data))
	if err != nil {
		rest = failingReader{err}
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{rest, body}
}

// judge checks one page.
func (p *pages) judge(data []byte) error {
	if len(data) > longestPage {
		return fmt.Errorf("%w: a page of a listing is larger than %d MiB", errImplausible, longestPage>>20)
	}
	text := page{data: data}
	text.root, text.prefix = rootOf(data)
	entries, ok := entriesOf[text.root]
	if !ok { // the client library takes anything else for an empty listing
		return fmt.Errorf("%w: it answers a listing with %s", errImplausible,
			quoted(strings.Join(strings.Fields(string(data[:min(len(data), longestForeign)])), " ")))
	}
	if !text.ends() {
		return fmt.Errorf("%w: a page of a listing is cut off", errImplausible)
	}
	n := 0
	for _, entry := range entries {
		n += text.count(entry)
	}
	p.entries = n
	p.doubtful = n == 0 && p.more
	p.more = text.promisesMore()
	if p.empty++; n > 0 {
		p.empty = 0
	}
	if p.empty > emptyPages {
		return final(fmt.Errorf("%w: it lists page after page without an object", errImplausible))
	}
	return nil
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }
