package oauth_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/mailstrata/mailstrata/internal/keyring"
	"github.com/mailstrata/mailstrata/internal/oauth"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// TestSealed: who has the files and not the keyring has nothing; renewed tokens are sealed too, and
// what is forgotten leaves no key.
func TestSealed(t *testing.T) {
	secrets := testbed.SecretService(t)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", secrets.Address)
	dir := t.TempDir()
	store := oauth.NewStore(dir)
	p := &fakeProvider{lifetime: 1, rotates: true}
	var g *oauth.Grant
	synctest.Test(t, func(t *testing.T) {
		var err error
		if g, err = p.consent().Device(t.Context(), func(string, string) {}); err != nil {
			t.Fatal(err)
		}
	})
	g.Sealed = true
	if err := store.Put(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	first := readGrant(t, dir)
	source := oauth.NewSource(store, "anna", "mail.example", p)
	token, err := source.Token(t.Context())
	if err != nil || token == "" || p.asked["refresh_token"] != 1 {
		t.Fatalf("%v; %d refreshes", err, p.asked["refresh_token"])
	}
	second := readGrant(t, dir)
	for _, text := range []string{first, second} {
		if !strings.HasPrefix(text, "age-encryption.org/v1\n") || strings.Contains(text, "anna") || strings.Contains(text, token) {
			t.Errorf("the file is not sealed: %.40q…", text)
		}
	}
	if first == second {
		t.Error("what was renewed was not kept")
	}

	secrets.Lock(false)
	if _, err := source.Token(t.Context()); !errors.Is(err, keyring.ErrLocked) {
		t.Errorf("of a locked keyring: %v", err)
	}
	secrets.Unlock()
	const entry = "tokens of anna@mail.example"
	if secrets.Secret("mailstrata", entry) == "" {
		t.Error("the keyring has no key")
	}
	if err := keyring.Delete(t.Context(), entry); err != nil {
		t.Fatal(err)
	}
	if _, err := source.Token(t.Context()); !errors.Is(err, oauth.ErrConsent) || p.asked["refresh_token"] != 1 {
		t.Errorf("without the key: %v", err)
	}
	if err := store.Put(t.Context(), g); err != nil { // a new consent makes a new key
		t.Fatal(err)
	}
	if got, err := store.Get(t.Context(), "anna", "mail.example"); err != nil || !got.Sealed || got.RefreshToken != g.RefreshToken {
		t.Errorf("%v, %v", got, err)
	}
	if err := store.Delete(t.Context(), "anna", "mail.example"); err != nil || secrets.Secret("mailstrata", entry) != "" {
		t.Errorf("a key is left of what was forgotten: %v", err)
	}
}

func readGrant(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%q, %v", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
