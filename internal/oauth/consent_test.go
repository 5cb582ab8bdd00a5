package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/internal/oauth"
)

// Each way in which a device code can end, and how long it is asked for.
func TestDevice(t *testing.T) {
	pending := "authorization_pending"
	for _, test := range []struct {
		name  string
		polls []string
		after time.Duration // from the code to the end
		want  error
	}{
		{"consent", nil, 5 * time.Second, nil},
		{"consent in a while", []string{pending, pending}, 15 * time.Second, nil},
		{"slow down", []string{pending, "slow_down", pending}, 5*time.Second + 5*time.Second + 10*time.Second + 10*time.Second, nil},
		{"denied", []string{pending, "access_denied"}, 10 * time.Second, oauth.ErrDenied},
		{"expired", []string{"expired_token"}, 5 * time.Second, oauth.ErrExpired},
		{"nobody", repeat(pending, 200), 600 * time.Second, oauth.ErrExpired},
		{"trouble that passes", []string{"temporarily_unavailable", pending}, 15 * time.Second, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &fakeProvider{lifetime: 3600, polls: test.polls}
				var page, code string
				start := time.Now()
				g, err := p.consent().Device(t.Context(), func(p, c string) { page, code = p, c })
				if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
					t.Fatalf("%v, want %v", err, test.want)
				}
				if page != "https://provider.example/activate" || code != "ABCD-EFGH" {
					t.Errorf("it shows %q, %q", page, code)
				}
				if took := time.Since(start).Round(time.Second); took != test.after {
					t.Errorf("it took %s, want %s", took, test.after)
				}
				if err == nil && (g.RefreshToken != "refresh-secret-1" || g.AccessToken != "access-secret-1") {
					t.Error("the grant is not what the provider gave")
				}
				hasNoSecret(t, err, g)
			})
		})
	}
}

func repeat(word string, n int) (words []string) {
	for range n {
		words = append(words, word)
	}
	return words
}

// What a provider could answer to make a client wait for ever, panic, or show what it should not.
func TestDeviceGarbage(t *testing.T) {
	const good = `{"device_code":"d","user_code":"c","verification_uri":"https://p.example/"`
	for _, test := range []struct {
		name, answer string
		want         error // nil: any
		within       time.Duration
	}{
		{"interval below nothing", good + `,"interval":-9223372036854775808}`, nil, 5 * time.Second},
		{"interval of ages", good + `,"interval":9223372036854775807}`, nil, 2 * time.Minute},
		{"no end", good + `,"expires_in":9000000000}`, nil, time.Hour},
		{"no code", `{"user_code":"c","verification_uri":"https://p.example/"}`, nil, 0},
		{"null", `null`, nil, 0},
		{"a page of javascript", `{"device_code":"d","user_code":"c","verification_uri":"javascript:alert(1)"}`, nil, 0},
		{"no JSON", strings.Repeat("<html>", 300000), nil, 0},
		{"not for this client", `{"error":"invalid_client","error_description":"Invalid client type."}`, oauth.ErrNoDevice, 0},
		{"not for this scope", `{"error":"invalid_scope"}`, oauth.ErrNoDevice, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &fakeProvider{lifetime: 3600, device: test.answer, polls: []string{"access_denied"}}
				start := time.Now()
				_, err := p.consent().Device(t.Context(), func(string, string) {})
				if err == nil || test.want != nil && !errors.Is(err, test.want) {
					t.Errorf("%v, want %v", err, test.want)
				}
				if took := time.Since(start); took > test.within {
					t.Errorf("it took %s", took)
				}
				if err != nil && len(err.Error()) > 1000 {
					t.Errorf("an error of %d bytes", len(err.Error()))
				}
			})
		})
	}
}

// A token without a refresh token would do for an hour, and then fail every night.
func TestNoRefreshToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fakeProvider{lifetime: 3600, extra: map[string]string{"refresh_token": ""}}
		_, err := p.consent().Device(t.Context(), func(string, string) {})
		if err == nil || !strings.Contains(err.Error(), "offline access") {
			t.Errorf("%v", err)
		}
		hasNoSecret(t, err)
	})
}

// browse plays the browser: it opens the page, and comes back with what the provider says.
func browse(t *testing.T, p *fakeProvider, change func(back url.Values)) func(page string) {
	return func(page string) {
		u, err := url.Parse(page)
		if err != nil {
			t.Fatal(err)
		}
		query := u.Query()
		p.challenge = query.Get("code_challenge")
		if query.Get("code_challenge_method") != "S256" || query.Get("client_id") != "client" || query.Get("login_hint") != "anna" {
			t.Errorf("the page is %s", page)
		}
		hasNoSecret(t, page)
		go func() {
			visit := func(values url.Values) {
				r, err := http.Get(query.Get("redirect_uri") + "?" + values.Encode())
				if err != nil {
					t.Error(err)
					return
				}
				r.Body.Close()
			}
			visit(url.Values{"state": {"forged"}, "code": {"another"}})
			visit(url.Values{"state": {""}, "error": {"access_denied"}})
			back := url.Values{"state": {query.Get("state")}, "code": {"code-secret"}}
			change(back)
			visit(back)
		}()
	}
}

// By a browser: visitors who do not know the state end nothing, and the code is worth nothing
// without the verifier.
func TestBrowser(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(url.Values)
		want   error
	}{
		{"consent", func(url.Values) {}, nil},
		{"denied", func(v url.Values) { v.Del("code"); v.Set("error", "access_denied") }, oauth.ErrDenied},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := &fakeProvider{lifetime: 3600}
			g, err := p.consent().Browser(t.Context(), browse(t, p, test.change))
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Fatalf("%v, want %v", err, test.want)
			}
			if err == nil && g.RefreshToken != "refresh-secret-1" {
				t.Error("the grant is not what the provider gave")
			}
			hasNoSecret(t, err, g)
		})
	}
	for _, garbage := range []url.Values{{"code": {""}}, {"code": {"a-secret-of-another"}}, {"error": {"\x1b[31m" + strings.Repeat("x", 5000)}}} {
		p := &fakeProvider{lifetime: 3600}
		_, err := p.consent().Browser(t.Context(), browse(t, p, func(v url.Values) {
			for name := range garbage {
				v.Set(name, garbage.Get(name))
			}
		}))
		if err == nil || len(err.Error()) > 1000 || errors.Is(err, oauth.ErrConsent) {
			t.Errorf("%v", err)
		}
		hasNoSecret(t, err)
	}
}

// Who gives up waiting has the port back.
func TestBrowserInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := &fakeProvider{}
	if _, err := p.consent().Browser(ctx, func(string) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
