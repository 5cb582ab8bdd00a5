package archivetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store"
)

// NewRepo makes a repository without a cache directory. It is closed when the test ends.
func NewRepo(t testing.TB, store store.Store) *repo.Repo {
	t.Helper()
	r, err := repo.Init(t.Context(), store, repo.InitOptions{NoSeal: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// Backup archives the account, which must succeed.
func Backup(t testing.TB, r *repo.Repo, a *Account) *backup.Result {
	t.Helper()
	b := TryBackup(t.Context(), r, a)
	if b.Err != nil {
		t.Fatal(b.Err)
	}
	return b
}

// TryBackup backs up accounts, and returns the result of the first one, also with an error.
func TryBackup(ctx context.Context, r *repo.Repo, accounts ...*Account) *backup.Result {
	var list []backup.Account
	for i, a := range accounts {
		account := backup.Account{Name: fmt.Sprintf("account-%d", i), URL: "imap://test", Source: a, Items: a.Items}
		if a.Properties != nil {
			account.Properties, account.PropertiesNow = a.Properties, a.PropertiesNow
		}
		list = append(list, account)
	}
	backups, err := backup.Run(ctx, r, list, backup.Options{Program: "test", RecoveryAfter: 1})
	if len(backups) == 0 {
		return &backup.Result{Err: err}
	}
	backups[0].Err = errors.Join(backups[0].Err, err)
	return backups[0]
}

// State is an account in words: a line a message, with everything that is to be archived of it.
func (a *Account) State() []string {
	var lines []string
	for _, m := range a.Mailboxes {
		for _, msg := range m.Messages {
			lines = append(lines,
				fmt.Sprintf("%s/%d %d %v %s %s", m.Name, m.Validity, msg.UID, msg.Flags, msg.Date, Words(msg.Body)))
		}
	}
	slices.Sort(lines)
	return lines
}

// Words are those for a body in a State. A long one is its beginning, its size and its SHA-256,
// because quoting a megabyte takes long with the race detector.
func Words(body []byte) string {
	if len(body) <= 200 {
		return strconv.Quote(string(body))
	}
	return fmt.Sprintf("%q… of %d bytes, %x", body[:100], len(body), sha256.Sum256(body))
}

// ArchivedState is what the manifest holds, in the same words; the bodies are joined and verified.
func ArchivedState(t *testing.T, r *repo.Repo, head repo.Head) []string {
	t.Helper()
	c, err := archive.OpenManifest(t.Context(), r, head)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for mailbox, err := range c.Mailboxes(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for entry, err := range c.Entries(t.Context(), mailbox) {
			if err != nil {
				t.Fatal(err)
			}
			var body bytes.Buffer
			if err := c.Body(&entry.Record).WriteTo(t.Context(), &body); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, fmt.Sprintf("%s/%d %d %v %s %s", mailbox.Name, mailbox.Status.UIDValidity,
				entry.UID, entry.Flags, entry.Internal, Words(body.Bytes())))
		}
	}
	slices.Sort(lines)
	return lines
}

// MustHold requires that the manifest of a backup holds a state of an account.
func MustHold(t *testing.T, r *repo.Repo, b *backup.Result, want []string) {
	t.Helper()
	got := ArchivedState(t, r, b.Head)
	if !slices.Equal(got, want) {
		t.Fatalf("the manifest holds %d messages, the account %d; first difference: %s",
			len(got), len(want), FirstDifference(got, want))
	}
}

// FirstDifference describes the first lines in which two states differ.
func FirstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("%.200s\nagainst %.200s", a[i], b[i])
		}
	}
	return "one has more"
}

// SampleAccount is an account with messages of every sort.
func SampleAccount() *Account {
	a := NewAccount()
	inbox := a.Mailbox("INBOX")
	for i := range 1203 {
		inbox.Add(fmt.Sprintf("Subject: %d\r\n\r\nHello number %d\r\n", i, i), `\Seen`, fmt.Sprintf("k%d", i%3))
	}
	odd := a.Mailbox("Odd")
	odd.Add("")
	odd.Add("no header")
	odd.Add("\r\nno header either")
	odd.Add("a: b\r\n\r\nNUL \x00 and \xff\r\r\n\n")
	odd.Add("a: b\r\n\r\n" + strings.Repeat("x", 1<<20))
	odd.Add("a: b\r\n\r\n" + strings.Repeat("QUJD", 19) + "\r\n" +
		strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 40000))
	a.Mailbox("Empty")
	a.Mailbox("Parent").attributes = []string{`\Noselect`}
	return a
}

// Change does something to the account that people and servers do.
func (a *Account) Change(rng *rand.Rand) {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(a.Mailboxes)), func(name string) bool { return name == "Parent" })
	m := a.Mailboxes[names[rng.IntN(len(names))]]
	switch n := rng.IntN(20); {
	case n < 8 || len(m.Messages) == 0:
		m.Add(fmt.Sprintf("Subject: new %d\r\n\r\nbody %d\r\n", rng.Int(), rng.Int()), `\Recent`)
	case n < 12:
		m.Expunge(m.Messages[rng.IntN(len(m.Messages))].UID)
	case n < 17:
		m.SetFlags(m.Messages[rng.IntN(len(m.Messages))].UID, `\flagged`, fmt.Sprint("k", rng.IntN(4)))
	case n == 17:
		delete(a.Mailboxes, m.Name)
		m.Name = fmt.Sprint("Renamed-", rng.IntN(1000))
		a.Mailboxes[m.Name] = m
	case n == 18:
		m.Reset()
	default:
		m.Next += mail.UID(rng.IntN(100000))
	}
}

// LargeAccount is an account that takes several windows for each of its mailboxes.
func LargeAccount(messages int) *Account {
	a := NewAccount()
	for i := range messages {
		a.Mailbox([]string{"INBOX", "Archive"}[i%2]).Add(fmt.Sprintf("Subject: %d\r\n\r\nbody %d\r\n", i, i))
	}
	return a
}
