package s3

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// foreignError is an answer that no store gives: of a proxy, a gateway or a portal between this host and the store. For
// some statuses the client library invents a refusal of the store if it cannot read one: then "the store has no such
// object" would mean lost mail, and "access denied" a missing right.
type foreignError struct {
	status int
	words  string // the text of the answer, quoted
}

func (e *foreignError) Error() string {
	return fmt.Sprintf("something between this host and the store answers in its place: %s (status %d)", e.words, e.status)
}

// Is makes it an implausible answer: it is retried, but not for long.
func (e *foreignError) Is(target error) bool { return target == errImplausible }

// longestForeign bounds what is read of such an answer.
const longestForeign = 64 << 10

// foreign reads a refusal whose meaning the client library would derive from its status. It returns an error if the
// refusal is not a store's, and otherwise leaves the response as it was. An empty answer passes: small stores give
// these.
func foreign(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed:
	default:
		return nil
	}
	if resp.Request != nil && resp.Request.Method == http.MethodHead {
		return nil
	}
	body := resp.Body
	text, err := io.ReadAll(io.LimitReader(body, longestForeign))
	if err != nil {
		return err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(text), body), body}
	if trimmed := bytes.TrimSpace(text); len(trimmed) == 0 || isRefusal(trimmed) {
		return nil
	}
	return &foreignError{status: resp.StatusCode, words: quoted(strings.Join(strings.Fields(string(text)), " "))}
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
