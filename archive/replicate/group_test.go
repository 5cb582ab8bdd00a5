package replicate_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/replicate"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// fleet makes accounts with a few messages each.
func fleet(n int) []*archivetest.Account {
	accounts := make([]*archivetest.Account, n)
	for i := range accounts {
		accounts[i] = archivetest.NewAccount()
		send(accounts[i], i, 20)
	}
	return accounts
}

func send(a *archivetest.Account, to, messages int) {
	for range messages {
		n := len(a.Mailbox("INBOX").Messages)
		a.Mailbox("INBOX").Add(fmt.Sprintf("From: peer%d@mail.example\r\nTo: user%d@mail.example\r\nSubject: letter %d\r\n"+
			"Message-ID: <%d.%d@mail.example>\r\n\r\nThis is letter %d to user %d.\r\n", n%7, to, n, n, to, n, to))
	}
}

func backUpFleet(t *testing.T, r *repo.Repo, accounts []*archivetest.Account) {
	t.Helper()
	if b := archivetest.TryBackup(t.Context(), r, accounts...); b.Err != nil {
		t.Fatal(b.Err)
	}
}

// stored returns the number of the objects of a store that are no manifests, and the bytes of all.
func stored(store *storetest.Memory) (objects, bytes int) {
	for _, name := range store.Names() {
		bytes += len(store.Bytes(name))
		if strings.HasPrefix(name, "data/") || strings.HasPrefix(name, "catalog/") || strings.HasPrefix(name, "index/") {
			objects++
		}
	}
	return objects, bytes
}

// The accounts of a fleet share packs in a copy as they do in the original.
func TestCopyOfAFleet(t *testing.T) {
	original, second := new(storetest.Memory), new(storetest.Memory)
	from, to := archivetest.NewRepo(t, original), archivetest.NewRepo(t, second)
	accounts := fleet(20)
	backUpFleet(t, from, accounts)
	for i, a := range accounts[:15] {
		send(a, i, 3)
	}
	backUpFleet(t, from, accounts)

	copied, _ := archivetest.Copy(t, from, to)
	states := map[string][]string{}
	for i, a := range accounts {
		states[fmt.Sprintf("account-%d", i)] = a.State()
	}
	for _, c := range copied {
		if got := archivetest.ArchivedState(t, to, c.Head); c.Manifest.Parent != [32]byte{} && !slices.Equal(got, states[c.Manifest.Account]) {
			t.Errorf("%s: %s", c.Manifest.Account, archivetest.FirstDifference(got, states[c.Manifest.Account]))
		}
	}
	archivetest.MustBeSound(t, to)
	objects, bytes := stored(original)
	copies, copiedBytes := stored(second)
	if len(copied) != 2*len(accounts) || 10*copies > 11*objects || 10*copiedBytes > 11*bytes {
		t.Errorf("%d manifests, %d objects and %d bytes were copied to %d objects and %d bytes", len(copied), objects, bytes, copies, copiedBytes)
	}

	// The parent of each second manifest is the copy of the first.
	heads := map[[32]byte]string{}
	for _, c := range copied {
		m, err := archive.OpenManifest(t.Context(), to, c.Head)
		if err != nil {
			t.Fatal(err)
		}
		heads[c.Head.ID] = c.Manifest.Account
		if c.Manifest.Parent != [32]byte{} && heads[m.Manifest.Parent] != c.Manifest.Account {
			t.Errorf("%s: the parent of the second copy is not the first", c.Manifest.Account)
		}
	}
}

// An interrupted copy commits the accounts that are complete, and the next one does the others.
func TestInterruptedCopyOfAFleet(t *testing.T) {
	from, to := archivetest.NewRepo(t, new(storetest.Memory)), archivetest.NewRepo(t, new(storetest.Memory))
	accounts := fleet(6)
	backUpFleet(t, from, accounts)
	ctx, cancel := context.WithCancel(t.Context())
	messages := 0
	o := replicate.CopyOptions{From: from, To: to, Progress: func(manifest.Record) {
		if messages++; messages == 70 {
			cancel()
		}
	}}
	err := replicate.Copy(ctx, o, func(replicate.Copied) {})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("an interrupted copy ended with %v", err)
	}
	rest, _ := archivetest.Copy(t, from, to)
	present := 0
	for _, c := range rest {
		if c.Present {
			present++
		}
	}
	if len(rest) != len(accounts) || present != 3 {
		t.Errorf("%d accounts are in the copy, and %d were there after 70 of their 20 messages each", len(rest), present)
	}
	archivetest.MustBeSound(t, to)
}
