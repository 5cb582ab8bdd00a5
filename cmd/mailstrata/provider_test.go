package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"

	"github.com/rogpeppe/go-internal/testscript"
)

// tokenProvider issues tokens of one account, by device codes. They expire at once, so that each login needs a new one.
type tokenProvider struct {
	*httptest.Server
	user    string
	revoked atomic.Bool
	consent atomic.Int64 // how many there were: each makes the refresh tokens of before worthless
}

// provider runs providers of tokens. A token is the password of the account, which the mail servers of the scripts
// accept.
//
//	provider start NAME USER    sets NAME to its URL; below it are device and token
//	provider revoke NAME        revokes the consent
func provider(ts *testscript.TestScript, neg bool, args []string) {
	w := ts.Value(worldKey{}).(*world)
	if neg || len(args) < 2 {
		ts.Fatalf("usage: provider start|revoke NAME …")
	}
	if args[0] == "revoke" {
		w.providers[args[1]].revoked.Store(true)
		return
	}
	p := startProvider(args[2])
	w.providers[args[1]] = p
	ts.Setenv(args[1], p.URL)
}

func startProvider(user string) *tokenProvider {
	p := &tokenProvider{user: user}
	p.Server = httptest.NewServer(p)
	return p
}

func (p *tokenProvider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	refresh := func() string { return fmt.Sprintf("secret-of-consent-%d", p.consent.Load()) }
	switch {
	case r.URL.Path == "/device":
		fmt.Fprintf(w, `{"device_code":"secret-of-device","user_code":"ABCD-EFGH","verification_uri":"http://%s/activate","expires_in":60,"interval":1}`, r.Host)
		return
	case r.FormValue("grant_type") != "refresh_token":
		p.consent.Add(1)
		p.revoked.Store(false)
	case p.revoked.Load() || r.FormValue("refresh_token") != refresh():
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error":"invalid_grant","error_description":"%s was revoked"}`, r.FormValue("refresh_token"))
		return
	}
	fmt.Fprintf(w, `{"access_token":"secret-of-%s","token_type":"Bearer","expires_in":1,"refresh_token":"%s"}`, p.user, refresh())
}
