package keys_test

import (
	"fmt"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/mailstrata/mailstrata/repo/keys"
)

// A key that is typed from the recovery sheet opens the archive, however it is typed.
func TestTypedKey(t *testing.T) {
	for _, key := range newKeys(t) {
		low := strings.ToLower(key)
		at := strings.Index(key, "-1") + 2
		for name, text := range map[string]string{
			"as it is":        key,
			"two lines":       key[:40] + "\n" + key[40:] + "\n",
			"small letters":   low,
			"blanks":          "  " + key[:10] + " " + key[10:44] + "\t" + key[44:] + " \r\n",
			"a mark before":   "\ufeff" + key + "\r\n",
			"a comment":       "# typed on Monday\n\n" + key[:40] + "\r\n" + key[40:],
			"look-alikes":     key[:at] + strings.NewReplacer("0", "O", "8", "B", "L", "1").Replace(key[at:]),
			"small lookalike": low[:at] + strings.NewReplacer("0", "o", "8", "b", "l", "i").Replace(low[at:]),
		} {
			f, err := keys.ParseFile(strings.NewReader(text))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if got := f.Identities[0].(interface{ String() string }).String(); got != key {
				t.Errorf("%s: another key", name)
			}
		}
	}
}

// A key file that was edited still names its repository.
func TestTypedKeyKeepsTheFingerprint(t *testing.T) {
	f, err := keys.ParseFile(strings.NewReader("# mailstrata fingerprint: 31bdfce4\n" + newKeys(t)[0] + "  \n"))
	if err != nil {
		t.Fatal(err)
	}
	if f.Fingerprint != "31bdfce4" {
		t.Errorf("fingerprint %q, want 31bdfce4", f.Fingerprint)
	}
}

// A mistake in a typed key is found at each place, and the error does not have the key.
func TestMistypedKey(t *testing.T) {
	for _, key := range newKeys(t) {
		for at := strings.Index(key, "-1") + 2; at < len(key); at++ {
			other := "Q"
			if key[at] == 'Q' {
				other = "P"
			}
			place := placeOf(at)
			wantMistake(t, key, key[:at]+other+key[at+1:], "the key is mistyped: "+place+" is wrong")
			wantMistake(t, key, key[:at]+"-"+key[at+1:], "the key is mistyped: "+place+" cannot be in a key")
			wantMistake(t, key, key[:at]+key[at+1:], "is missing")
			wantMistake(t, key, key[:at]+other+key[at:], "is too many")
		}
		wantMistake(t, key, key[:len(key)-5], "characters, and should have")
	}
	wantMistake(t, "-", "hello", "it needs a line that begins with AGE-SECRET-KEY-")
	wantMistake(t, "-", "", "it needs a line that begins with AGE-SECRET-KEY-")
}

func FuzzTypedKey(f *testing.F) {
	for _, key := range newKeys(f) {
		f.Add(strings.ToLower(key[:40]) + "\n" + key[40:])
		f.Add(key[1:])
	}
	f.Fuzz(func(t *testing.T, text string) {
		if file, err := keys.ParseFile(strings.NewReader(text)); err == nil && len(file.Identities) == 0 {
			t.Error("neither a key nor an error")
		}
	})
}

func wantMistake(t *testing.T, key, text, want string) {
	t.Helper()
	_, err := keys.ParseFile(strings.NewReader(text))
	if err == nil {
		t.Fatalf("a mistyped key is taken, want %q", want)
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("error %q, want %q", err, want)
	}
	if len(key) > 8 && strings.Contains(err.Error(), key[len(key)-8:]) {
		t.Error("the error has the secret")
	}
}

// placeOf names a character of a key by its line and its place in it.
func placeOf(at int) string {
	return fmt.Sprintf("character %d of line %d on the recovery sheet", at%40+1, at/40+1)
}

// newKeys returns a key of each type.
func newKeys(t testing.TB) []string {
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	classic, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return []string{hybrid.String(), classic.String()}
}
