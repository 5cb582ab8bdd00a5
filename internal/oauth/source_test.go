package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/internal/oauth"
)

// Over a long run a token is renewed when it is about to end, and not before.
func TestRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fakeProvider{lifetime: 3600}
		source := oauth.NewSource(granted(t, p), "anna", "mail.example", p)
		start := time.Now()
		for _, step := range []struct{ minutes, refreshes int }{{0, 0}, {50, 0}, {56, 1}, {100, 1}, {120, 2}} {
			time.Sleep(time.Until(start.Add(time.Duration(step.minutes) * time.Minute)))
			token, err := source.Token(t.Context())
			if err != nil || token == "" {
				t.Fatalf("after %d minutes: %v", step.minutes, err)
			}
			if p.asked["refresh_token"] != step.refreshes {
				t.Errorf("after %d minutes there were %d refreshes, want %d", step.minutes, p.asked["refresh_token"], step.refreshes)
			}
		}
		if form := p.forms[len(p.forms)-1]; form.Get("client_id") != "client" || form.Get("client_secret") != "client-secret" {
			t.Error("the client does not say who it is")
		}
	})
}

// A provider that replaces refresh tokens takes each once. Each renewal stores the newest one; and
// many at once renew once.
func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fakeProvider{lifetime: 3600, rotates: true}
		store := granted(t, p)
		for night := range 5 {
			time.Sleep(24 * time.Hour)
			var g sync.WaitGroup
			tokens := make([]string, 4)
			for i := range tokens {
				g.Go(func() { // as processes of their own: they share the files alone
					var err error
					tokens[i], err = oauth.NewSource(store, "anna", "mail.example", p).Token(context.Background())
					if err != nil {
						t.Error(err)
					}
				})
			}
			g.Wait()
			if p.asked["refresh_token"] != night+1 {
				t.Fatalf("night %d: %d refreshes", night, p.asked["refresh_token"])
			}
			for _, token := range tokens {
				if token != tokens[0] {
					t.Error("one run has several tokens")
				}
			}
		}
	})
}

// An interruption in the middle of a refresh does not lose the refresh token that is on its way.
func TestInterruptedRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fakeProvider{lifetime: 3600, rotates: true}
		store := granted(t, p)
		time.Sleep(2 * time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		p.arrived = cancel
		_, _ = oauth.NewSource(store, "anna", "mail.example", p).Token(ctx)
		g, err := store.Get(t.Context(), "anna", "mail.example")
		if err != nil || p.asked["refresh_token"] != 1 || g.RefreshToken != p.refresh {
			t.Errorf("the refresh token is lost: %v", err)
		}
	})
}

// A disk that cannot keep a new refresh token is found out before the provider gives one.
func TestUnwritable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fakeProvider{lifetime: 3600, rotates: true}
		store := granted(t, p)
		time.Sleep(2 * time.Hour)
		broken := oauth.NewSource(oauth.NewStore("/dev/null/tokens"), "anna", "mail.example", p)
		if _, err := broken.Token(t.Context()); err == nil {
			t.Error("a token came from nowhere")
		}
		if p.asked["refresh_token"] != 0 {
			t.Error("the provider was asked")
		}
		if _, err := oauth.NewSource(store, "anna", "mail.example", p).Token(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// What a provider can answer to a refresh, and what it means.
func TestRefused(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer answer
		want   error
		says   string
	}{
		{"revoked", answer{http.StatusBadRequest, `{"error":"invalid_grant","error_description":"Token has been expired or revoked."}`}, oauth.ErrConsent, "expired or revoked"},
		{"interaction", answer{http.StatusBadRequest, `{"error":"interaction_required","error_description":"AADSTS50076: …"}`}, oauth.ErrConsent, "AADSTS50076"},
		{"client", answer{http.StatusUnauthorized, `{"error":"invalid_client"}`}, nil, "client id"},
		{"trouble", answer{http.StatusServiceUnavailable, `upstream is down: access-secret-1`}, oauth.ErrUnavailable, "503 (Service Unavailable)"},
		{"slow down", answer{http.StatusTooManyRequests, `{}`}, oauth.ErrUnavailable, "429"},
		{"garbage", answer{http.StatusOK, strings.Repeat("refresh-secret-1 \x1b[31m", 200000)}, oauth.ErrUnavailable, "longer than"},
		{"a page", answer{http.StatusOK, `<html>Log in to the network</html>`}, oauth.ErrUnavailable, "not a token"},
		{"null", answer{http.StatusOK, `null`}, oauth.ErrUnavailable, "empty"},
		{"empty", answer{http.StatusOK, `{}`}, oauth.ErrUnavailable, "not a token"},
		{"a redirect", answer{http.StatusTemporaryRedirect, ``}, oauth.ErrUnavailable, "307"},
		{"an echo", answer{http.StatusBadRequest, `{"error":"invalid_grant","error_description":"refresh-secret-1 of client-secret \u001b[31m` + strings.Repeat("x", 5000) + `"}`}, oauth.ErrConsent, "invalid_grant"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &fakeProvider{lifetime: 3600}
				store := granted(t, p)
				time.Sleep(58 * time.Minute)
				p.trouble = func() *answer { return &test.answer }
				source := oauth.NewSource(store, "anna", "mail.example", p)
				if _, err := source.Token(t.Context()); (err == nil) != errors.Is(test.want, oauth.ErrUnavailable) {
					t.Errorf("while the token is good for two minutes more: %v", err)
				}
				time.Sleep(time.Hour)
				_, err := source.Token(t.Context())
				if err == nil || test.want != nil && !errors.Is(err, test.want) {
					t.Fatalf("%v, want %v", err, test.want)
				}
				if !strings.Contains(err.Error(), test.says) || len(err.Error()) > 1000 {
					t.Errorf("it says: %.1200s", err)
				}
				hasNoSecret(t, err)
				p.trouble = nil
				if _, err := source.Token(t.Context()); err != nil {
					t.Errorf("when it has passed: %v", err)
				}
			})
		})
	}
}

// Grants are for their owner alone, and a file that others could read is not used.
func TestPrivate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fakeProvider{lifetime: 3600}
		g, err := p.consent().Device(t.Context(), func(string, string) {})
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "oauth")
		store := oauth.NewStore(dir)
		if _, err := store.Get(t.Context(), "anna", "mail.example"); !errors.Is(err, oauth.ErrConsent) || store.Has("anna", "mail.example") {
			t.Errorf("before there is one: %v", err)
		}
		if err := store.Put(t.Context(), g); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("the directory: %v, %v", info.Mode(), err)
		}
		files, _ := filepath.Glob(filepath.Join(dir, "*.json"))
		if len(files) != 1 || strings.Contains(files[0], "anna") {
			t.Fatalf("%v", files)
		}
		if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file: %v, %v", info.Mode(), err)
		}
		if err := os.Chmod(files[0], 0o640); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Get(t.Context(), "anna", "mail.example"); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("a file that others can read: %v", err)
		}
		if err := os.WriteFile(files[0], []byte("garbage"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(files[0], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Get(t.Context(), "anna", "mail.example"); !errors.Is(err, oauth.ErrConsent) {
			t.Errorf("garbage: %v", err)
		}
		if err := store.Delete(t.Context(), "anna", "mail.example"); err != nil || store.Has("anna", "mail.example") {
			t.Errorf("forgotten: %v", err)
		}
	})
}

// Tokens travel over TLS alone.
func TestProviders(t *testing.T) {
	for _, p := range []oauth.Provider{oauth.Google(), oauth.Microsoft(""), oauth.Microsoft("contoso.example"),
		{AuthURL: "http://127.0.0.1:1/a", TokenURL: "http://localhost:1/t"}} {
		if err := p.Validate(); err != nil {
			t.Error(err)
		}
	}
	for _, p := range []oauth.Provider{{}, {TokenURL: "https://a.example/"}, {AuthURL: "https://a.example/", TokenURL: "http://a.example/"},
		{AuthURL: "https://u:p@a.example/", TokenURL: "https://a.example/"}, {DeviceURL: "file:///etc/passwd", TokenURL: "https://a.example/"}} {
		if p.Validate() == nil {
			t.Errorf("%+v is taken", p)
		}
	}
}
