package erase_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/erase"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// word is in the message that is erased, and nowhere else.
const word = "confidential-4711"

func letter(i int) string {
	return fmt.Sprintf("Subject: %d\r\n\r\nmessage number %d, %x\r\n", i, i, archivetest.RandomBytes(uint64(i), 200))
}

// account returns an account with a confidential message among others.
func account() *archivetest.Account {
	a := archivetest.NewAccount()
	for i := range 300 {
		if i == 100 {
			a.Mailbox("INBOX").Add("Subject: " + word + "\r\n\r\n" + word + "\r\n")
		}
		a.Mailbox("INBOX").Add(letter(i))
	}
	for i := range 40 {
		a.Mailbox("Work").Add(letter(1000 + i))
	}
	return a
}

const confidential = mail.UID(101)

// record returns what a manifest records of a message.
func record(t *testing.T, r *repo.Repo, head repo.Head, mailbox string, uid mail.UID) *manifest.Record {
	t.Helper()
	c, err := archive.OpenManifest(t.Context(), r, head)
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Mailbox(t.Context(), mailbox)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := c.Entry(t.Context(), m, uid)
	if err != nil {
		t.Fatal(err)
	}
	return &entry.Record
}

// eraseMessage erases a message by its hash, which must succeed.
func eraseMessage(t *testing.T, r *repo.Repo, hash chunk.ID) (*erase.Plan, *erase.Report) {
	t.Helper()
	plan, err := erase.PlanMessages(t.Context(), r, []chunk.ID{hash})
	if err != nil {
		t.Fatal(err)
	}
	report, err := plan.Apply(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return plan, report
}

// prune prunes a day later, as mailstrata prune does.
func prune(t *testing.T, store *storetest.Memory, r *repo.Repo) *repo.PruneReport {
	t.Helper()
	store.Advance(repo.Grace + time.Minute)
	late := false
	report, err := archive.Prune(t.Context(), r, repo.PruneOptions{MaxUnused: 1, Erased: func(repo.Head) { late = true }})
	if err == nil && late {
		_, err = erase.Complete(t.Context(), r, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// holds returns the objects of the store whose content has these bytes.
func holds(t *testing.T, store *storetest.Memory, what []byte) (names []string) {
	t.Helper()
	decoder, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer decoder.Close()
	for _, name := range store.Names() {
		stored := store.Bytes(name)
		content, err := decoder.DecodeAll(stored, nil)
		if err != nil && !errors.Is(err, zstd.ErrMagicMismatch) {
			t.Fatalf("%s: %v", name, err)
		}
		if bytes.Contains(content, what) || bytes.Contains(stored, what) {
			names = append(names, name)
		}
	}
	return names
}

// mustBeGone checks that no object has the word, and that only erasures have the hash.
func mustBeGone(t *testing.T, store *storetest.Memory, hash chunk.ID) {
	t.Helper()
	if names := holds(t, store, []byte(word)); len(names) > 0 {
		t.Errorf("what was erased is in %v", names)
	}
	for _, name := range holds(t, store, hash[:]) {
		if !strings.HasPrefix(name, "erasures/") {
			t.Errorf("the hash of what was erased is in %s", name)
		}
	}
}

// heads returns the manifests that are not marked, the newest first.
func heads(t *testing.T, r *repo.Repo) (heads []repo.Head) {
	t.Helper()
	for h, err := range r.Manifests(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if h.Committed() {
			heads = append(heads, h)
		}
	}
	return heads
}

// without returns a state without the confidential message.
func without(state []string) (left []string) {
	for _, line := range state {
		if !strings.Contains(line, word) {
			left = append(left, line)
		}
	}
	return left
}

// mustRest backs up an account that still has what was erased. It checks that all other mail is
// archived, that the manifest is consistent, and that the next night requests nothing.
func mustRest(t *testing.T, r *repo.Repo, a *archivetest.Account) *backup.Result {
	t.Helper()
	b := archivetest.Backup(t, r, a)
	archivetest.MustHold(t, r, b, without(a.State()))
	if !b.Manifest.Consistent || len(b.Manifest.Failures)+len(b.Manifest.Alarm) > 0 {
		t.Errorf("consistent %v, failures %v, alarms %q", b.Manifest.Consistent, b.Manifest.Failures, b.Manifest.Alarm)
	}
	bodies, examines := a.Bodies, a.Examines
	b = archivetest.Backup(t, r, a)
	if a.Bodies > bodies || a.Examines > examines {
		t.Errorf("the next night opens %d mailboxes and asks for %d messages", a.Examines-examines, a.Bodies-bodies)
	}
	return b
}

// carry erases a message, and returns the error.
func carry(t *testing.T, r *repo.Repo, hash chunk.ID) (*erase.Report, error) {
	t.Helper()
	plan, err := erase.PlanMessages(t.Context(), r, []chunk.ID{hash})
	if err != nil {
		t.Fatal(err)
	}
	return plan.Apply(t.Context(), nil)
}
