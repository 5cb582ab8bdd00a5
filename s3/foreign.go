package s3

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// foreignError is an answer that no store gives: of a proxy, a gateway or a portal between this
// host and the store. For some statuses the client library invents a refusal of the store if it
// cannot read one: then "the store has no such object" would mean lost mail, and "access denied" a
// missing right.
type foreignError struct {
	status int
	words  string // the text of the answer, quoted
}

func (e *foreignError) Error() string {
	return fmt.Sprintf("something between this host and the store answers in its place: %s (status %d)",
		e.words, e.status)
}

// Is makes it an implausible answer: it is retried, but not for long.
func (e *foreignError) Is(target error) bool { return target == errImplausible }

// longestForeign bounds what is read of such an answer.
const longestForeign = 64 << 10

// changed returns an error if something on the way has compressed an answer: its bytes are not
// those of the object, and would count as damage. No object of a repository is put with an
// encoding, and no request accepts one.
func changed(resp *http.Response) error {
	switch encoding := strings.ToLower(resp.Header.Get("Content-Encoding")); encoding {
	case "gzip", "x-gzip", "deflate", "compress", "br", "zstd":
		return &foreignError{status: resp.StatusCode, words: quoted("Content-Encoding: " + encoding)}
	}
	return nil
}

// redirected returns an error if the answer names another address. Stores redirect to other regions
// in this way, with a text of theirs, from which the region is learned (region.go). Requests are
// signed for one host, so no redirect is followed.
func redirected(resp *http.Response) error {
	to := resp.Header.Get("Location")
	if resp.StatusCode/100 != 3 || to == "" || resp.Request != nil && resp.Request.Method == http.MethodHead {
		return nil
	}
	if text, err := peek(resp); err != nil || isRefusal(text) {
		return err
	}
	address, err := url.Parse(to)
	if err != nil {
		return nil
	}
	return final(&foreignError{
		status: resp.StatusCode, words: "a redirect to " + quoted(address.Scheme+"://"+address.Host),
	})
}

// foreign reads a refusal whose meaning the client library would derive from its status. It returns
// an error if the refusal is not a store's, and otherwise leaves the response as it was. An empty
// answer passes: small stores give these.
func foreign(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed:
	default:
		return nil
	}
	if resp.Request != nil && resp.Request.Method == http.MethodHead {
		return nil
	}
	text, err := peek(resp)
	if err != nil {
		return err
	}
	if trimmed := bytes.TrimSpace(text); len(trimmed) == 0 || isRefusal(trimmed) {
		return nil
	}
	return &foreignError{status: resp.StatusCode, words: quoted(strings.Join(strings.Fields(string(text)), " "))}
}

// peek reads the beginning of an answer, and puts it back.
func peek(resp *http.Response) ([]byte, error) {
	body := resp.Body
	text, err := io.ReadAll(io.LimitReader(body, longestForeign))
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(text), body), body}
	return text, nil
}

// isRefusal reports whether a text is a store's refusal, in XML.
func isRefusal(text []byte) bool {
	name, _ := rootOf(text)
	return name == "Error"
}

// quoted returns a text of the other side, bounded and without control characters.
func quoted(text string) string {
	if len(text) > longestWords {
		text = strings.ToValidUTF8(text[:longestWords], "") + "…"
	}
	return strconv.Quote(text)
}
