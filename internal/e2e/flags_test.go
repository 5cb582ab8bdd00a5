package e2e_test

import (
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/internal/demo"
)

// System flags are restored if the server keeps more than PERMANENTFLAGS says.
func TestFlagsBeyondPermanentFlags(t *testing.T) {
	t.Parallel()
	server, err := demo.Start(demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	flags := []string{`\Answered`, `\Deleted`, `\Draft`, `\Flagged`, `\Seen`, "$Label"}
	for _, user := range []string{"anna", "bert"} {
		a, err := server.AddAccount(user, imapPassword)
		if err == nil && user == "anna" {
			err = a.Append("INBOX", demo.Message{Body: []byte("Subject: x\r\n\r\nx\r\n"), Internal: time.Unix(1e9, 0), Flags: flags})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	h := newHost(t)
	h.onDirectory()
	h.backUp(0, server.URL("anna"))
	if r := h.restore(0, "latest", server.URL("bert")); r.Changed != 0 {
		t.Errorf("it prints %+v", r)
	}
}
