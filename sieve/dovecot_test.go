package sieve_test

import (
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/collection"
	"github.com/mailstrata/mailstrata/internal/testbed"
	"github.com/mailstrata/mailstrata/sieve"
)

func options(d *testbed.DovecotServer, password string) sieve.Options {
	return sieve.Options{
		Host: d.Sieve, User: "jo", TLS: &tls.Config{RootCAs: d.RootCAs},
		Password: func(context.Context) (string, error) { return password, nil },
	}
}

func scripts(t *testing.T, c *sieve.Client) map[string]string {
	t.Helper()
	_, all, err := c.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l, err := c.List(t.Context(), all[0], "")
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	err = c.Read(t.Context(), all[0], l.Items, func(it collection.Item, err error) error {
		name := it.Name
		if it.Active {
			name += " (active)"
		}
		found[name] = string(it.Content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestDovecot stores scripts at a Dovecot and reads them back, byte for byte. The user also has
// namespaces, which ManageSieve opens, too.
func TestDovecot(t *testing.T) {
	d := testbed.Dovecot(t, testbed.DovecotOptions{Sieve: true, Others: true})
	c := sieve.New(options(d, "pw"))
	defer c.Close()
	if found := scripts(t, c); len(found) > 0 {
		t.Fatalf("%q", found)
	}
	want := map[string]string{
		"Über \"alles\"":    "# ü\r\nkeep;\n",
		"lists":             "require [\"fileinto\"];\r\nif header :contains \"list-id\" \"x\" {\r\n\tfileinto \"Lists\";\r\n}\r\n",
		"long":              "# " + strings.Repeat("x", 100_000) + "\r\nkeep;\r\n",
		"without a newline": "keep;",
	}
	for name, content := range want {
		item := collection.Item{Listed: collection.Listed{Name: name}, Content: []byte(content)}
		if err := c.Put(t.Context(), collection.Collection{}, item, nil); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := c.Put(t.Context(), collection.Collection{}, item, nil); !errors.Is(err, collection.ErrExists) {
			t.Errorf("%s is stored twice: %v", name, err)
		}
	}
	wrong := collection.Item{Listed: collection.Listed{Name: "wrong"}, Content: []byte("if if if")}
	if err := c.Put(t.Context(), collection.Collection{}, wrong, nil); err == nil {
		t.Error("a script that is no Sieve is stored")
	}
	if err := c.Activate(t.Context(), "lists"); err != nil {
		t.Fatal(err)
	}
	want["lists (active)"] = want["lists"]
	delete(want, "lists")
	_, before, err := c.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again := sieve.New(options(d, "pw"))
	defer again.Close()
	if found := scripts(t, again); !maps.Equal(found, want) {
		t.Errorf("the server has %q", found)
	}
	_, after, err := again.Open(t.Context())
	if err != nil || before[0].CTag != after[0].CTag || after[0].CTag == "" {
		t.Errorf("the same scripts have the tags %q and %q, %v", before[0].CTag, after[0].CTag, err)
	}

	// Scripts are deleted as they were read, but for the one that is active.
	changed := collection.Item{Listed: collection.Listed{Name: "long"}, Content: []byte("stop;")}
	if err := again.Put(t.Context(), collection.Collection{}, changed, &changed.Listed); err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string]bool{"long": true, "lists": true, "without a newline": false, "Über \"alles\"": false} {
		if err := c.Delete(t.Context(), collection.Collection{}, collection.Listed{Name: name}); (err != nil) != wrong {
			t.Errorf("delete %s: %v", name, err)
		}
	}
	want = map[string]string{"lists (active)": want["lists (active)"], "long": "stop;"}
	if found := scripts(t, c); !maps.Equal(found, want) {
		t.Errorf("the server has %q", found)
	}
}

func TestDovecotRefuses(t *testing.T) {
	d := testbed.Dovecot(t, testbed.DovecotOptions{Sieve: true})
	refused := new(sieve.RefusedError)
	if _, _, err := sieve.New(options(d, "wrong")).Open(t.Context()); !errors.As(err, &refused) {
		t.Errorf("a wrong password: %v", err)
	}
	o := options(d, "pw")
	o.TLS = nil
	if _, _, err := sieve.New(o).Open(t.Context()); err == nil {
		t.Error("a certificate that nobody vouches for is accepted")
	}
	o.Host = d.Addr // IMAP
	if _, _, err := sieve.New(o).Open(t.Context()); !errors.Is(err, sieve.ErrProtocol) {
		t.Errorf("an IMAP server: %v", err)
	}
}
