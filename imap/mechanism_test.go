package imap

import (
	"errors"
	"testing"
)

// If a server refuses a mechanism that it offers, LOGIN is tried, and later connections of the run
// start with it. If the refusal may concern the password, nothing else is tried, because servers
// lock accounts.
func TestRefusedMechanism(t *testing.T) {
	const ready, ready2 = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready", "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=LOGIN SASL-IR] ready"
	const login, in = `< LOGIN "anna" "secret"`, "TAG OK [CAPABILITY IMAP4rev1] in"
	const plain = "< AUTHENTICATE PLAIN …"
	for name, test := range map[string]struct {
		says script
		in   bool
	}{
		"not supported": {script{ready, plain, "TAG NO AUTHENTICATE failed: mechanism not supported", login, in}, true},
		"BAD":           {script{ready, plain, "TAG BAD command unknown or arguments invalid", login, in}, true},
		"CANNOT":        {script{ready, plain, "TAG NO [CANNOT] not here", login, in}, true},
		"unclear":       {script{ready, plain, "TAG NO AUTHENTICATE failed.", login, in}, true},
		"unclear twice": {script{ready2, plain, "TAG NO AUTHENTICATE failed.", login, "TAG NO failed."}, false},
		"neither PLAIN nor LOGIN": {script{ready2, plain, "TAG BAD no", login, "TAG BAD no", "< AUTHENTICATE LOGIN YW5uYQ==",
			"+ UGFzc3dvcmQ6", "<c2VjcmV0", in}, true},
		"wrong password":          {script{ready2, plain, "TAG NO [AUTHENTICATIONFAILED] mechanism PLAIN: no"}, false},
		"wrong password in words": {script{ready2, plain, "TAG NO Invalid credentials"}, false},
		"locked":                  {script{ready2, plain, "TAG NO Account locked"}, false},
		"for now":                 {script{ready2, plain, "TAG NO [UNAVAILABLE] mechanism down"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := dial(t, serve(t, test.says))
			if (err == nil) != test.in {
				t.Errorf("it ends with %v", err)
			}
			if err != nil && name != "for now" && !errors.Is(err, ErrLogin) {
				t.Errorf("%v is no refused login", err)
			}
			if err == nil {
				c.Close()
			}
		})
	}
	t.Run("learned", func(t *testing.T) {
		d := NewDialer(*serve(t, script{ready, plain, "TAG BAD no", login, in}, script{ready, login, in}))
		for range 2 {
			c, err := d.Dial(t.Context(), true)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
		}
	})
}

// A mechanism has a limited number of challenges.
func TestEndlessChallenges(t *testing.T) {
	says := script{"* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] ready", "< AUTHENTICATE XOAUTH2"}
	for range maxChallenges {
		says = append(says, "+ ", "<…")
	}
	opts := serve(t, append(says, "+ "))
	opts.Mechanism = "XOAUTH2"
	if _, err := dial(t, opts); err == nil {
		t.Error("it logs in")
	} else {
		t.Log(err)
	}
}
