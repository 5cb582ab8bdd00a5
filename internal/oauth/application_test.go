package oauth_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/internal/oauth"
)

// organization is a provider that gives tokens to an application, for some users.
type organization struct {
	mu      sync.Mutex
	key     *rsa.PublicKey // of the service account; nil: the application has a secret
	forms   []url.Values
	trouble *answer
	broken  error // of the connection
}

func (o *organization) RoundTrip(r *http.Request) (*http.Response, error) {
	if o.broken != nil {
		return nil, o.broken
	}
	w := httptest.NewRecorder()
	o.serve(w, r)
	return w.Result(), nil
}

func (o *organization) serve(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = r.ParseForm()
	o.forms = append(o.forms, r.Form)
	w.Header().Set("Content-Type", "application/json")
	if o.trouble != nil {
		w.WriteHeader(o.trouble.status)
		fmt.Fprint(w, o.trouble.body)
		return
	}
	user := ""
	switch r.Form.Get("grant_type") {
	case "client_credentials":
		if r.Form.Get("client_secret") != "client-secret" {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"error":"invalid_client","error_description":"AADSTS7000215 about %s"}`, r.Form.Get("client_secret"))
			return
		}
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		claims := claimsOf(r.Form.Get("assertion"), o.key)
		user, _ = claims["sub"].(string)
		if claims["iss"] != "archive@project.example" || claims["scope"] != "https://mail.google.com/" {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":"invalid_grant","error_description":"Invalid JWT"}`)
			return
		}
		if !strings.HasSuffix(user, "@contoso.example") {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":"unauthorized_client","error_description":"Client is unauthorized to retrieve access tokens"}`)
			return
		}
	}
	fmt.Fprintf(w, `{"access_token":"access-secret-%d%s","token_type":"Bearer","expires_in":3600}`, len(o.forms), user)
}

// claimsOf verifies a JWT and returns its claims.
func claimsOf(assertion string, key *rsa.PublicKey) (claims map[string]any) {
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 || key == nil {
		return nil
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !signed(key, parts[0]+"."+parts[1], signature) {
		return nil
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		_ = json.Unmarshal(data, &claims)
	}
	return claims
}

func signed(key *rsa.PublicKey, text string, signature []byte) bool {
	sum := sha256.Sum256([]byte(text))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) == nil
}

func contoso(t *testing.T, o *organization, secret string) *oauth.Application {
	t.Helper()
	a, err := oauth.NewClientCredentials(oauth.MicrosoftApplication("contoso.example"), "client", secret, o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// One token opens all accounts of an organization, until it is nearly over.
func TestClientCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &organization{}
		a := contoso(t, o, "client-secret")
		first := mustToken(t, a, "anna@contoso.example")
		if again := mustToken(t, a, "jo@contoso.example"); again != first {
			t.Errorf("a second user costs another token: %q, %q", first, again)
		}
		time.Sleep(56 * time.Minute)
		if later := mustToken(t, a, "jo@contoso.example"); later == first {
			t.Error("a token is used in its last five minutes")
		}
		want := url.Values{"grant_type": {"client_credentials"}, "client_id": {"client"}, "client_secret": {"client-secret"},
			"scope": {"https://outlook.office365.com/.default"}}
		if got := o.forms[0].Encode(); len(o.forms) != 2 || got != want.Encode() {
			t.Errorf("%d requests, the first one %s, want %s", len(o.forms), got, want.Encode())
		}
	})
}

func TestServiceAccount(t *testing.T) {
	key, file := serviceAccount(t)
	o := &organization{key: &key.PublicKey}
	a, err := oauth.NewServiceAccount(file, oauth.Google().Scopes, o)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, user := range []string{"anna@contoso.example", "jo@contoso.example"} {
			if token := mustToken(t, a, user); !strings.HasSuffix(token, user) {
				t.Errorf("the token of %s is %q", user, token)
			}
		}
	}
	if len(o.forms) != 2 {
		t.Errorf("%d requests for two users", len(o.forms))
	}
	_, err = a.Token(context.Background(), "eve@elsewhere.example")
	if err == nil || !strings.Contains(err.Error(), "Client is unauthorized") {
		t.Errorf("a user of another organization: %v", err)
	}
	hasNoSecret(t, err)
}

// slow answers after a second, one request after the other from there.
type slow struct {
	http.RoundTripper
	mu sync.Mutex
}

func (s *slow) RoundTrip(req *http.Request) (*http.Response, error) {
	time.Sleep(time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.RoundTripper.RoundTrip(req)
}

// Users do not wait for the tokens of others.
func TestTokensAtOnce(t *testing.T) {
	key, file := serviceAccount(t)
	synctest.Test(t, func(t *testing.T) {
		a, err := oauth.NewServiceAccount(file, oauth.Google().Scopes, &slow{RoundTripper: &organization{key: &key.PublicKey}})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		var all sync.WaitGroup
		for _, user := range []string{"anna@contoso.example", "jo@contoso.example", "kim@contoso.example"} {
			all.Go(func() {
				if _, err := a.Token(t.Context(), user); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if took := time.Since(begin); took != time.Second {
			t.Errorf("three users took %v", took)
		}
	})
}

// Each refusal says who has to do what, in the provider's words, without a secret. What may pass is
// ErrUnavailable.
func TestApplicationIsRefused(t *testing.T) {
	key, file := serviceAccount(t)
	for name, test := range map[string]struct {
		o         *organization
		secret    string
		want      string
		temporary bool
	}{
		"wrong secret":  {secret: "other-secret", o: &organization{}, want: "does not accept the client id, or its secret"},
		"not allowed":   {secret: "client-secret", o: &organization{trouble: &answer{400, `{"error":"invalid_grant","error_description":"no \u001b[31madmin consent"}`}}, want: "the administrator must allow the application"},
		"overloaded":    {secret: "client-secret", o: &organization{trouble: &answer{503, "busy"}}, want: "503", temporary: true},
		"a login page":  {secret: "client-secret", o: &organization{trouble: &answer{200, "<html>"}}, want: "not a token", temporary: true},
		"null":          {secret: "client-secret", o: &organization{trouble: &answer{200, "null"}}, want: "cannot be reached", temporary: true},
		"no connection": {secret: "client-secret", o: &organization{broken: errors.New("connection refused")}, want: "connection refused", temporary: true},
	} {
		t.Run(name, func(t *testing.T) {
			test.o.key = &key.PublicKey
			service, err := oauth.NewServiceAccount(file, oauth.Google().Scopes, test.o)
			if err != nil {
				t.Fatal(err)
			}
			applications := []*oauth.Application{contoso(t, test.o, test.secret), service}
			if test.secret == "other-secret" {
				applications = applications[:1]
			}
			for _, a := range applications {
				_, err := a.Token(context.Background(), "anna@contoso.example")
				if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, oauth.ErrUnavailable) != test.temporary || errors.Is(err, oauth.ErrConsent) {
					t.Errorf("%v, want %q", err, test.want)
				}
				hasNoSecret(t, err)
			}
		})
	}
}

func TestKeysThatAreNone(t *testing.T) {
	_, good := serviceAccount(t)
	for name, file := range map[string]string{
		"empty":         "",
		"not JSON":      "-----BEGIN PRIVATE KEY-----",
		"of a user":     `{"type":"authorized_user","client_email":"a","token_uri":"https://id.example"}`,
		"without a key": `{"type":"service_account","client_email":"a","token_uri":"https://id.example"}`,
		"damaged":       strings.Replace(string(good), `PRIVATE KEY-----\nMII`, `PRIVATE KEY-----\nMMM`, 1),
		"plain text":    strings.Replace(string(good), "https://", "http://", 1),
	} {
		_, err := oauth.NewServiceAccount([]byte(file), nil, nil)
		if err == nil {
			t.Errorf("%s is accepted", name)
		} else if strings.Contains(err.Error(), "MII") || strings.Contains(err.Error(), "BEGIN") {
			t.Errorf("%s: the error repeats the key: %v", name, err)
		}
	}
	if _, err := oauth.NewClientCredentials(oauth.MicrosoftApplication("a"), "client", "", nil); err == nil {
		t.Error("an application without a secret is accepted")
	}
}

func mustToken(t *testing.T, a *oauth.Application, user string) string {
	t.Helper()
	token, err := a.Token(context.Background(), user)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// serviceAccount returns a key, and the file in which Google would issue it.
func serviceAccount(t *testing.T) (*rsa.PrivateKey, []byte) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	file, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "archive@project.example", "private_key_id": "1", "private_key": string(text),
		"token_uri": "https://oauth2.example/token",
	})
	if err != nil {
		t.Fatal(err)
	}
	return key, file
}
