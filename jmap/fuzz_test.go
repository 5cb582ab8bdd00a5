package jmap

import (
	"net/url"
	"strings"
	"testing"
)

// Whatever a server calls a session, its URLs are absolute, and its limits above zero.
func FuzzSession(f *testing.F) {
	f.Add([]byte(`{"primaryAccounts":{"urn:ietf:params:jmap:mail":"a"},"apiUrl":"/api","downloadUrl":"/d/{accountId}/{blobId}","uploadUrl":"{accountId}"}`), "a/b{c}")
	f.Add([]byte(`{"capabilities":{"urn:ietf:params:jmap:core":{"maxObjectsInGet":-5}}}`), "")
	at := &url.URL{Scheme: "https", Host: "mail.example", Path: "/.well-known/jmap"}
	f.Fuzz(func(t *testing.T, text []byte, id string) {
		account, _, _ := strings.Cut(id, "/")
		s, err := parseSession(text, at, account)
		if err != nil {
			return
		}
		l := s.Limits
		if min(int64(l.Calls), int64(l.Get), int64(l.Set), int64(l.Requests), int64(l.Uploads), l.Upload, l.Request) <= 0 {
			t.Fatalf("%+v", l)
		}
		where, err := expand(s.download, map[string]string{"accountId": s.Account, "blobId": id})
		if err == nil && strings.ContainsAny(strings.TrimPrefix(where, s.download), "\r\n") {
			t.Fatalf("%q", where)
		}
	})
}

// Whatever a server answers, each call has a result or an error.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"methodResponses":[["Email/get",{"list":[{"id":"a","keywords":{"x":true}}]},"c0"]]}`))
	f.Add([]byte(`{"methodResponses":[["error",{"type":"x"},"c0"]]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var got Got[Email]
		call := &Call{Method: "Email/get", Result: &got}
		if err := decode(text, []*Call{call}); err == nil && call.Err == nil {
			for _, e := range got.List {
				_ = Flags(e.Keywords)
				_ = ParseDate(e.ReceivedAt)
			}
		}
		_, _ = parseUpload(text, 3)
	})
}

// A URL that is taken is the same when it is written and parsed again.
func FuzzURL(f *testing.F) {
	f.Add("jmap:https://anna@mail.example/a")
	f.Add("jmap:http://a%2Fb@[::1]:80/%2f")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseURL(text)
		if err != nil {
			return
		}
		again, err := ParseURL(u.String())
		if err != nil || again.String() != u.String() || again.User != u.User {
			t.Fatalf("%q is %q, and that is %q, %v", text, u, again, err)
		}
	})
}
