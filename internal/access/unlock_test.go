package access

import (
	"io"
	"testing"

	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// A flag overrides a variable, and a variable the configuration; the first that names a key is the
// only one used.
func TestWhatOpensARepository(t *testing.T) {
	type named struct{ key, file, command, variable string }
	configured := config.Repository{KeyFile: "configured.key"}
	withFile := config.Repository{Secret: config.Secret{File: "configured.secret"}}
	for what, c := range map[string]struct {
		flags      Flags
		variables  map[string]string
		configured config.Repository
		want       named
		given      bool
	}{
		"nothing":                         {want: named{variable: "MAILSTRATA_PASSWORD"}},
		"a configured key":                {configured: configured, want: named{key: "configured.key", variable: "MAILSTRATA_PASSWORD"}},
		"a configured passphrase":         {configured: withFile, want: named{file: "configured.secret", variable: "MAILSTRATA_PASSWORD"}, given: true},
		"a variable before the key":       {variables: map[string]string{"MAILSTRATA_PASSWORD": "x"}, configured: configured, want: named{variable: "MAILSTRATA_PASSWORD"}, given: true},
		"a variable before the secret":    {variables: map[string]string{"MAILSTRATA_PASSWORD": "x"}, configured: withFile, want: named{variable: "MAILSTRATA_PASSWORD"}, given: true},
		"a key by variable":               {variables: map[string]string{"MAILSTRATA_KEY_FILE": "v.key"}, configured: withFile, want: named{key: "v.key", variable: "MAILSTRATA_PASSWORD"}},
		"both by variable":                {variables: map[string]string{"MAILSTRATA_KEY_FILE": "v.key", "MAILSTRATA_PASSWORD": "x"}, want: named{key: "v.key", variable: "MAILSTRATA_PASSWORD"}, given: true},
		"a file before the key":           {flags: Flags{PasswordFile: "f"}, configured: configured, want: named{file: "f", variable: "MAILSTRATA_PASSWORD"}, given: true},
		"a command before the key":        {flags: Flags{PasswordCommand: "c"}, configured: configured, want: named{command: "c", variable: "MAILSTRATA_PASSWORD"}, given: true},
		"a file before a variable's key":  {flags: Flags{PasswordFile: "f"}, variables: map[string]string{"MAILSTRATA_KEY_FILE": "v.key"}, want: named{file: "f", variable: "MAILSTRATA_PASSWORD"}, given: true},
		"a key before the secret":         {flags: Flags{KeyFile: "k"}, configured: withFile, want: named{key: "k", variable: "MAILSTRATA_PASSWORD"}},
		"a key before a variable":         {flags: Flags{KeyFile: "k"}, variables: map[string]string{"MAILSTRATA_PASSWORD": "x"}, want: named{key: "k", variable: "MAILSTRATA_PASSWORD"}},
		"a key and a file, both by flags": {flags: Flags{KeyFile: "k", PasswordFile: "f"}, configured: configured, want: named{key: "k", file: "f", variable: "MAILSTRATA_PASSWORD"}, given: true},
	} {
		getenv := func(name string) string { return c.variables[name] }
		p := NewHost(ui.Discard(), io.Discard, getenv)
		p.Flags = c.flags
		if v := c.variables["MAILSTRATA_KEY_FILE"]; v != "" {
			p.Flags.KeyFile, p.ByVariable["key-file"] = v, true
		}
		got := (&Location{host: p, Configured: c.configured}).Keys()
		s := got.Passphrase
		if (named{got.keyFile, s.File, s.Command, s.Variable}) != c.want || got.Given != c.given {
			t.Errorf("%s: have %+v; want %+v, %t", what, got, c.want, c.given)
		}
	}
	h := NewHost(ui.Discard(), io.Discard, func(string) string { return "" })
	h.Flags = Flags{PasswordFile: "missing", KeyFile: "k"}
	keys := (&Location{host: h}).Keys()
	if err := keys.check(); err == nil {
		t.Error("a file that is missing is passed over")
	}
}
