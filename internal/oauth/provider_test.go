package oauth_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/mailstrata/mailstrata/internal/oauth"
)

// fakeProvider is a provider of tokens with configurable errors. It is a RoundTripper, so that time
// can be a test's.
type fakeProvider struct {
	mu        sync.Mutex
	serial    int
	refresh   string            // the one refresh token that is good; "": none
	rotates   bool              // each refresh replaces it
	lifetime  int               // of access tokens, in seconds
	challenge string            // of the code flow
	polls     []string          // answers to polls for a device code, in order; then a token
	device    string            // the answer to who wants a device code; "": a good one
	trouble   func() *answer    // instead of any token; nil, or returning nil: none
	asked     map[string]int    // by grant type
	forms     []url.Values      // what was sent to the token endpoint
	arrived   func()            // called when a refresh is under way; nil: nothing is
	extra     map[string]string // of a token
}

type answer struct {
	status int
	body   string
}

func (p *fakeProvider) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err // the answer is under way, and nobody waits for it
	}
	return w.Result(), nil
}

func (p *fakeProvider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	if p.arrived != nil && r.Form.Get("grant_type") == "refresh_token" {
		p.arrived()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path == "/device" {
		p.serveDevice(w)
		return
	}
	p.forms = append(p.forms, r.Form)
	if p.asked == nil {
		p.asked = map[string]int{}
	}
	p.asked[r.Form.Get("grant_type")]++
	if p.trouble != nil {
		if a := p.trouble(); a != nil {
			w.WriteHeader(a.status)
			fmt.Fprint(w, a.body)
			return
		}
	}
	p.serveToken(w, r.Form)
}

func (p *fakeProvider) serveDevice(w http.ResponseWriter) {
	if p.device != "" {
		if strings.Contains(p.device, `"error"`) {
			w.WriteHeader(http.StatusBadRequest)
		}
		fmt.Fprint(w, p.device)
		return
	}
	fmt.Fprint(w, `{"device_code":"device-secret","user_code":"ABCD-EFGH","verification_uri":"https://provider.example/activate","expires_in":600,"interval":5}`)
}

func (p *fakeProvider) serveToken(w http.ResponseWriter, form url.Values) {
	refuse := func(code string) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error":%q,"error_description":"as \u001b[31mtold about %s"}`, code, form.Get("refresh_token"))
	}
	switch form.Get("grant_type") {
	case "refresh_token":
		if p.refresh == "" || form.Get("refresh_token") != p.refresh {
			refuse("invalid_grant")
			return
		}
		if p.rotates {
			p.refresh = fmt.Sprintf("refresh-secret-%d", p.serial+2)
		}
	case "authorization_code":
		verifier := sha256.Sum256([]byte(form.Get("code_verifier")))
		if form.Get("code") != "code-secret" || base64.RawURLEncoding.EncodeToString(verifier[:]) != p.challenge {
			refuse("invalid_grant")
			return
		}
		p.refresh = "refresh-secret-1"
	default:
		if len(p.polls) > 0 {
			code := p.polls[0]
			p.polls = p.polls[1:]
			refuse(code)
			return
		}
		p.refresh = "refresh-secret-1"
	}
	p.serial++
	token := map[string]any{"access_token": fmt.Sprintf("access-secret-%d", p.serial), "token_type": "Bearer", "expires_in": p.lifetime}
	if p.rotates || form.Get("grant_type") != "refresh_token" {
		token["refresh_token"] = p.refresh
	}
	for name, value := range p.extra {
		token[name] = value
	}
	_ = json.NewEncoder(w).Encode(token)
}

func (p *fakeProvider) consent() *oauth.Consent {
	return &oauth.Consent{
		Provider: oauth.Provider{Name: "fake", AuthURL: "https://provider.example/auth", DeviceURL: "https://provider.example/device",
			TokenURL: "https://provider.example/token", Scopes: []string{"mail"}},
		ClientID: "client", ClientSecret: "client-secret", User: "anna", Host: "mail.example", Transport: p,
	}
}

// granted is a store that has a grant of the provider's.
func granted(t *testing.T, p *fakeProvider) *oauth.Store {
	t.Helper()
	g, err := p.consent().Device(context.Background(), func(string, string) {})
	if err != nil {
		t.Fatal(err)
	}
	store := oauth.NewStore(t.TempDir())
	if err := store.Put(context.Background(), g); err != nil {
		t.Fatal(err)
	}
	return store
}

// hasNoSecret: no text of the package may repeat what only the provider and a file may know.
func hasNoSecret(t *testing.T, texts ...any) {
	t.Helper()
	for _, text := range texts {
		for _, shown := range []string{fmt.Sprint(text), fmt.Sprintf("%+v", text), fmt.Sprintf("%#v", text)} {
			if strings.Contains(shown, "-secret") || strings.Contains(shown, "\x1b") {
				t.Errorf("it shows %q", shown)
			}
		}
	}
}
