package backup_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// What the server says about itself is in a chunk, which manifests name while it is the same. It is
// in the manifest when it is new, until a night with news on which it is the same again. A night
// without news never stores a chunk for it.
func TestServerPart(t *testing.T) {
	store := new(storetest.Memory)
	r := archivetest.NewRepo(t, store)
	a := archivetest.NewAccount()
	inbox := a.Mailbox("INBOX")
	inbox.Add("Subject: first\r\n\r\n")
	old := a.Capabilities
	updated := append(slices.Clone(old), "UNAUTHENTICATE")
	for i, night := range []struct {
		capabilities []string
		news, part   bool
	}{
		{old, true, true}, // the first backup
		{old, false, true},
		{old, true, true},
		{updated, false, false},
		{updated, false, false},
		{updated, true, true},
		{updated, false, true},
		{old, true, false},
		{updated, true, false}, // as a server whose ID is another in each session
		{old, true, false},
		{old, true, true},
		{[]string{"IMAP4REV1"}, true, false}, // too few for a chunk
		{[]string{"IMAP4REV1"}, true, false},
		{nil, true, false},
	} {
		a.Capabilities = night.capabilities
		if night.news {
			inbox.Add(fmt.Sprintf("Subject: night %d\r\n\r\n", i))
		}
		before := len(store.Names())
		b := archivetest.Backup(t, r, a)
		if objects := len(store.Names()) - before; !night.news && objects != 1 {
			t.Errorf("night %d has no news, and stores %d objects", i, objects)
		}
		m, server := serverOf(t, archivetest.Reopen(t, store), b.Head)
		if m.ServerPart.IsZero() == night.part {
			t.Errorf("night %d: in a chunk: %v", i, !m.ServerPart.IsZero())
		}
		if !reflect.DeepEqual(server, mail.Server{Capabilities: night.capabilities}) {
			t.Errorf("night %d: %+v", i, server)
		}
	}
	archivetest.MustBeSound(t, r)
}

// serverOf returns the manifest and what it says about the server.
func serverOf(t *testing.T, r *repo.Repo, head repo.Head) (*manifest.Manifest, mail.Server) {
	t.Helper()
	c, err := archive.OpenManifest(t.Context(), r, head)
	if err != nil {
		t.Fatal(err)
	}
	server, err := c.Server(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c.Manifest, server
}
