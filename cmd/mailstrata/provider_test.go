package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"

	"github.com/rogpeppe/go-internal/testscript"
)

// tokenProvider issues tokens of one account, by device codes. They expire at once, so that each
// login needs a new one.
type tokenProvider struct {
	*httptest.Server
	user    string
	revoked atomic.Bool
	consent atomic.Int64 // how many there were: each makes the refresh tokens of before worthless
}

// provider runs providers of tokens. A token is the password of the account, which the mail servers
// of the scripts accept.
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
	case r.URL.Path == "/.well-known/openid-configuration":
		fmt.Fprintf(w, `{"issuer":"http://%[1]s","device_authorization_endpoint":"http://%[1]s/device","token_endpoint":"http://%[1]s/token"}`, r.Host)
		return
	case r.URL.Path == "/device":
		fmt.Fprintf(w, `{"device_code":"secret-of-device","user_code":"ABCD-EFGH","verification_uri":"http://%s/activate","expires_in":60,"interval":1}`, r.Host)
		return
	case r.FormValue("grant_type") == "client_credentials":
		if r.FormValue("client_secret") != "secret-of-client" {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"error":"invalid_client","error_description":"%s is wrong"}`, r.FormValue("client_secret"))
			return
		}
		fmt.Fprintf(w, `{"access_token":"secret-of-%s","token_type":"Bearer","expires_in":3600}`, p.user)
		return
	case r.FormValue("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer":
		fmt.Fprintf(w, `{"access_token":"secret-of-%s","token_type":"Bearer","expires_in":3600}`, subjectOf(r.FormValue("assertion")))
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

// subjectOf returns the user for whom a service account asks.
func subjectOf(assertion string) string {
	var claims map[string]any
	if parts := strings.Split(assertion, "."); len(parts) == 3 {
		if data, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
			_ = json.Unmarshal(data, &claims)
		}
	}
	subject, _ := claims["sub"].(string)
	return subject
}

// serviceaccount writes the key of a service account of a provider, as Google issues it.
//
//	serviceaccount FILE URL
func serviceaccount(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: serviceaccount FILE URL")
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	ts.Check(err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	data, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "archive@project.example", "private_key_id": "1", "token_uri": args[1] + "/token",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o600))
}
