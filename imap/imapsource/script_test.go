package imapsource

import (
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/imap"
	"github.com/mailstrata/mailstrata/imap/internal/imaptest"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }

type script = imaptest.Script

// serve runs a server that follows one script for each connection, and returns the options for it.
func serve(t *testing.T, scripts ...script) *imap.Options {
	t.Helper()
	host, port := imaptest.Serve(t, scripts...)
	return &imap.Options{Host: host, Port: port, Security: imap.Plain, User: "anna", Password: "secret", Stall: 10 * time.Second}
}

func loggedIn(caps string, rest ...string) script { return imaptest.LoggedIn(caps, rest...) }
