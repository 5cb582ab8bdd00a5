package imap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
)

// A secret that a server refuses with three users is not tried with others, unless it was accepted
// once.
func TestSharedSecrets(t *testing.T) {
	for name, test := range map[string]struct {
		secret func(i int) string
		user   string
		right  int // the account that is let in
		most   int // connections
	}{
		"wrong for all":    {func(int) string { return "secret" }, "u%d*master", -1, maxRefused},
		"right for one":    {func(int) string { return "secret" }, "u%d*master", 1, 30},
		"each has its own": {func(i int) string { return fmt.Sprint("secret ", i) }, "u%d", -1, 30},
	} {
		t.Run(name, func(t *testing.T) {
			var made atomic.Int64
			logins := &Logins{}
			for i := range 30 {
				answer := "TAG NO [AUTHENTICATIONFAILED] no"
				if i == test.right {
					answer = "TAG OK [CAPABILITY IMAP4rev1] in"
				}
				opts := &Options{Host: "127.0.0.1", Port: 1, Security: Plain, User: fmt.Sprintf(test.user, i), Password: test.secret(i), Logins: logins}
				if logins.admit(opts) == nil {
					made.Add(1)
					served := serve(t, script{"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready", "< AUTHENTICATE PLAIN …", answer})
					opts.Dial = func(ctx context.Context, _ string) (net.Conn, error) {
						return new(net.Dialer).DialContext(ctx, "tcp", served.Address())
					}
				}
				c, err := dial(t, opts)
				if (err == nil) != (i == test.right) || err != nil && !errors.Is(err, ErrLogin) {
					t.Errorf("account %d: %v", i, err)
				}
				if err == nil {
					c.Close()
				}
			}
			if int(made.Load()) != test.most {
				t.Errorf("%d connections are made", made.Load())
			}
		})
	}
}
