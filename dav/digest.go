package dav

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"strings"
)

// digest is a challenge of a server that wants to see a hash of the password (RFC 7616), such as
// Baïkal. Basic over TLS is not weaker against anyone but the server.
type digest struct {
	realm, nonce, opaque string
	algorithm            string // MD5 or SHA-256, as the server wrote it; empty: MD5
	qop                  bool   // the server knows the quality of protection auth
	stale                bool   // the password was right, and the nonce was old

	count uint32 // requests with the nonce
}

// hashes are the algorithms. Those with -sess are not known.
var hashes = map[string]func() hash.Hash{"": md5.New, "md5": md5.New, "sha-256": sha256.New}

// digestOf returns the strongest challenge among the WWW-Authenticate fields of an answer that the
// client can meet, or nil.
func digestOf(fields []string) (best *digest) {
	for _, field := range fields {
		for _, c := range challenges(field) {
			if !strings.EqualFold(c.scheme, "Digest") {
				continue
			}
			d := &digest{
				realm: c.params["realm"], nonce: c.params["nonce"], opaque: c.params["opaque"], algorithm: c.params["algorithm"],
				stale: strings.EqualFold(c.params["stale"], "true"),
			}
			qop := strings.FieldsFunc(strings.ToLower(c.params["qop"]), func(r rune) bool { return r == ',' || r == ' ' })
			for _, q := range qop {
				d.qop = d.qop || q == "auth"
			}
			known := hashes[strings.ToLower(d.algorithm)] != nil && d.nonce != "" && (d.qop || len(qop) == 0)
			if known && (best == nil || strings.EqualFold(d.algorithm, "SHA-256")) {
				best = d
			}
		}
	}
	return best
}

// authorize returns the Authorization field of the next request.
func (d *digest) authorize(user, password, method, uri, cnonce string) string {
	sum := func(parts ...string) string {
		h := hashes[strings.ToLower(d.algorithm)]()
		_, _ = h.Write([]byte(strings.Join(parts, ":"))) // does not fail
		return hex.EncodeToString(h.Sum(nil))
	}
	a1, a2 := sum(user, d.realm, password), sum(method, uri)
	d.count++
	nc := fmt.Sprintf("%08x", d.count)
	response := sum(a1, d.nonce, a2) // RFC 2069
	if d.qop {
		response = sum(a1, d.nonce, nc, cnonce, "auth", a2)
	}
	field := fmt.Sprintf("Digest username=%s, realm=%s, nonce=%s, uri=%s, response=%s",
		quoted(user), quoted(d.realm), quoted(d.nonce), quoted(uri), quoted(response))
	if d.algorithm != "" {
		field += ", algorithm=" + d.algorithm
	}
	if d.opaque != "" {
		field += ", opaque=" + quoted(d.opaque)
	}
	if d.qop {
		field += ", qop=auth, nc=" + nc + ", cnonce=" + quoted(cnonce)
	}
	return field
}

func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// logIn adds the login to a request.
func (c *Client) logIn(r *http.Request, user, password string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.digest == nil {
		r.SetBasicAuth(user, password)
		return
	}
	r.Header.Set("Authorization", c.digest.authorize(user, password, r.Method, r.URL.RequestURI(), rand.Text()))
}

// challenged reports whether a request that was answered 401 may be sent again, now with a hash of
// the password.
func (c *Client) challenged(sent *http.Request, answer *http.Response) bool {
	d := digestOf(answer.Header.Values("WWW-Authenticate"))
	if d == nil || sent.Header.Get("Authorization") == "" {
		return false
	}
	if strings.HasPrefix(sent.Header.Get("Authorization"), "Digest ") && !d.stale {
		return false // the password is wrong
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.digest == nil || c.digest.nonce != d.nonce {
		c.digest = d
	}
	return true
}

// challenge is one of a WWW-Authenticate field (RFC 9110 section 11.6.1), with the names of
// parameters in lower case.
type challenge struct {
	scheme string
	params map[string]string
}

// challenges parses a WWW-Authenticate field. It leaves out what it cannot read.
func challenges(field string) (all []challenge) {
	for {
		field = strings.TrimLeft(field, " \t,")
		end := strings.IndexAny(field, " \t,=\"")
		switch {
		case field == "":
			return all
		case end == 0:
			return all // no token
		case end < 0:
			return append(all, challenge{field, nil})
		}
		word := field[:end]
		rest := strings.TrimLeft(field[end:], " \t")
		value, ok := strings.CutPrefix(rest, "=")
		if !ok || len(all) == 0 { // a scheme
			all = append(all, challenge{word, make(map[string]string)})
			field = rest
			continue
		}
		text, after, ok := tokenOrQuoted(strings.TrimLeft(value, " \t"))
		if !ok {
			return all
		}
		if p := all[len(all)-1].params; p != nil {
			p[strings.ToLower(word)] = text
		}
		field = after
	}
}

// tokenOrQuoted splits a value from the beginning of a text.
func tokenOrQuoted(text string) (value, rest string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, ", \t")
		if end < 0 {
			end = len(text)
		}
		return text[:end], text[end:], true
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return b.String(), text[i+1:], true
		case text[i] == '\\' && i+1 < len(text):
			i++
			fallthrough
		default:
			b.WriteByte(text[i])
		}
	}
	return "", "", false
}
