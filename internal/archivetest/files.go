package archivetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/backup/source/disk"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/restore"
)

// BackupFiles archives mail in files, which must succeed.
func BackupFiles(t *testing.T, r *repo.Repo, url string, store disk.Store) *backup.Result {
	t.Helper()
	b := TryBackupFiles(t.Context(), r, url, store)
	if b.Err != nil {
		t.Fatal(b.Err)
	}
	return b
}

// TryBackupFiles archives mail in files.
func TryBackupFiles(ctx context.Context, r *repo.Repo, url string, store disk.Store) *backup.Result {
	source := disk.New(store)
	account := backup.Account{Name: "files", URL: url, Source: source, Continue: source.Continue}
	backups, err := backup.Run(ctx, r, []backup.Account{account}, backup.Options{Program: "test", RecoveryAfter: 1})
	if len(backups) == 0 {
		return &backup.Result{Err: err}
	}
	backups[0].Err = errors.Join(backups[0].Err, err)
	return backups[0]
}

// ArchivedMail returns a line for each message of a manifest: its mailbox, flags, date and text.
func ArchivedMail(t *testing.T, r *repo.Repo, head repo.Head) (lines []string) {
	t.Helper()
	eachArchived(t, r, head, func(_ *mail.Mailbox, _ mail.UID, line string) { lines = append(lines, line) })
	slices.Sort(lines)
	return lines
}

// ArchivedUIDs returns the mailbox and UID of each message of a manifest, by its line as in
// ArchivedMail.
func ArchivedUIDs(t *testing.T, r *repo.Repo, head repo.Head) map[string]string {
	t.Helper()
	uids := make(map[string]string)
	eachArchived(t, r, head, func(box *mail.Mailbox, uid mail.UID, line string) {
		uids[line] = fmt.Sprintf("%s/%d/%d", box.Name, box.Status.UIDValidity, uid)
	})
	return uids
}

// RestoreTo restores a manifest to a target, and closes it.
func RestoreTo(t *testing.T, r *repo.Repo, head repo.Head, target restore.Target) *restore.Report {
	t.Helper()
	c, err := archive.OpenManifest(t.Context(), r, head)
	if err != nil {
		t.Fatal(err)
	}
	report, err := restore.Run(t.Context(), restore.Options{Contents: c, Target: target, KeepDeleted: true})
	if err := errors.Join(err, target.Close()); err != nil {
		t.Fatal(err)
	}
	return report
}

// eachArchived calls take with each message of a manifest.
func eachArchived(t *testing.T, r *repo.Repo, head repo.Head, take func(*mail.Mailbox, mail.UID, string)) {
	t.Helper()
	c, err := archive.OpenManifest(t.Context(), r, head)
	if err != nil {
		t.Fatal(err)
	}
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
			take(&mailbox.Mailbox, entry.UID, fmt.Sprintf("%s %v %v %s %s",
				mailbox.Name, entry.Flags, entry.Labels, entry.Internal, Words(body.Bytes())))
		}
	}
}

// ArchivedHashes returns the hashes of all messages of a manifest, sorted.
func ArchivedHashes(t *testing.T, r *repo.Repo, head repo.Head) (hashes []string) {
	t.Helper()
	c, err := archive.OpenManifest(t.Context(), r, head)
	if err != nil {
		t.Fatal(err)
	}
	for mailbox, err := range c.Mailboxes(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for entry, err := range c.Entries(t.Context(), mailbox) {
			if err != nil {
				t.Fatal(err)
			}
			hashes = append(hashes, string(entry.Hash[:]))
		}
	}
	slices.Sort(hashes)
	return hashes
}
