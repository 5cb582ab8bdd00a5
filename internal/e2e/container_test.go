package e2e_test

import (
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/internal/testbed"
)

// Dovecot with Maildir++ lists a deleted mailbox that has children as if it could be opened. The
// mailbox is gone, and no failure each night.
func TestDeletedParent(t *testing.T) {
	t.Parallel()
	dovecot := startDovecot(t, testbed.DovecotOptions{})
	f := place(t, dovecot, "anna")
	f.put("a", generate.New(1).Messages(3)...)
	f.put("a/b", generate.New(2).Messages(3)...)
	f.done()
	h := newHost(t)
	h.onDirectory()
	h.backUp(0, accountURL("anna", dovecot.Addr))
	w := login(t, dovecot.Addr, "anna", imapPassword)
	defer w.conn.Close()
	w.do(`DELETE "a"`, nil)
	listed := false
	w.do(`LIST "" "*"`, func(line string, _ []literal) {
		listed = listed || strings.HasPrefix(line, "* LIST") && !strings.Contains(line, `\No`) && strings.HasSuffix(line, " a")
	})
	t.Logf("listed all the same: %t", listed)
	for _, status := range []int{4, 0} { // three messages are gone, and nothing more the next time
		m := h.backUp(status, accountURL("anna", dovecot.Addr))
		if !m.Consistent || m.Messages != 3 {
			t.Errorf("the manifest is %+v", m)
		}
	}
}
