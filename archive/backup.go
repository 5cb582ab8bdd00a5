package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
)

// Account is an account to be archived.
type Account struct {
	Name   string // the name its owner gave it; the history of an account goes by it
	URL    string // where it was read, without secrets
	Source Source
	Select func(mail.Mailbox) bool // which mailboxes; nil: all
}

// BackupOptions say how a backup is made.
type BackupOptions struct {
	Program  string         // name and version of this program
	Progress func(Progress) // called often, from several goroutines but never at once for one account
	Parallel int            // accounts read at once; 0: two
}

// Backup is what a run recorded of one account.
type Backup struct {
	Account  string
	Head     repo.Head          // of the manifest
	Manifest *manifest.Manifest // as it was committed
	Parent   *repo.Head         // nil: there was none
	Err      error              // why there is no manifest
}

// accountsAtOnce share packs and one index segment; after each such group its manifests are committed.
const accountsAtOnce = 16

// BackUp reads the accounts and lays a manifest for each. One account that fails does not stop the others: its error is
// in its Backup. The error returned is of the run as a whole, of the repository or of ctx; what was committed by then is
// in the Backups.
//
// The order makes it safe: packs, then index, then manifests, so that a manifest names only what is durable.
func BackUp(ctx context.Context, r *repo.Repo, accounts []Account, o BackupOptions) ([]*Backup, error) {
	var done []*Backup
	for group := range slices.Chunk(accounts, accountsAtOnce) {
		backups, err := backUpGroup(ctx, r, group, o)
		done = append(done, backups...)
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

func backUpGroup(ctx context.Context, r *repo.Repo, accounts []Account, o BackupOptions) (backups []*Backup, err error) {
	run, err := r.Begin(ctx)
	if err != nil {
		return nil, err
	}
	walks := make([]*walk, len(accounts))
	for i, account := range accounts {
		walks[i] = newWalk(r, run, account, o)
		if err := walks[i].findParent(ctx); err != nil {
			return nil, err
		}
	}
	writer, err := run.Writer(ctx) // only now: rule 1 of "Removing, without locks" wants parents before condemnations
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, writer.Close()) }()

	backups = make([]*Backup, len(accounts))
	var group errgroup.Group
	group.SetLimit(max(1, o.Parallel, 2*min(1, 1-o.Parallel)))
	for i, account := range accounts {
		walks[i].writer = writer
		backups[i] = &Backup{Account: account.Name, Parent: walks[i].parent}
		group.Go(func() error {
			backups[i].Manifest, backups[i].Err = walks[i].record(ctx)
			return nil
		})
	}
	group.Wait()
	// Also what was read of accounts that failed is worth keeping: the next run will not store it again.
	if err := writer.Flush(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	for _, b := range backups {
		if b.Err == nil {
			b.Err = commit(ctx, writer, b)
		}
	}
	return backups, context.Cause(ctx)
}

// commit puts an account's manifest: the one moment at which its run counts.
func commit(ctx context.Context, writer *repo.Writer, b *Backup) error {
	content, err := b.Manifest.Encode()
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	b.Head, err = writer.Commit(ctx, b.Account, content)
	return err
}

// findParent finds the manifest that the walk goes on from: the account's newest complete one that is committed and not
// marked to be forgotten (rules 1 and 4). One that cannot be read is passed over, and told of.
func (w *walk) findParent(ctx context.Context) error {
	for head, err := range w.run.Heads(ctx, w.account.Name) {
		var m *manifest.Manifest
		if err == nil && committed(head) {
			m, err = readManifest(ctx, w.repo, head)
		}
		switch {
		case err != nil && (head.Name == "" || ctx.Err() != nil):
			return fmt.Errorf("find the newest manifest of %s: %w", w.account.Name, err)
		case err != nil:
			w.warn("an earlier manifest cannot be read, and is passed over: %v", err)
		case m != nil && m.State == manifest.Complete:
			w.parent, w.parentContent = &head, m
			return nil
		}
	}
	return nil
}

func newWalk(r *repo.Repo, run *repo.Run, account Account, o BackupOptions) *walk {
	return &walk{
		account:  account,
		program:  o.Program,
		repo:     r,
		run:      run,
		reader:   r.Reader(repo.ReaderOptions{}),
		tell:     o.Progress,
		failures: make(map[string][]manifest.Failure),
	}
}

// record reads the account and writes down what was found, ready to be committed.
func (w *walk) record(ctx context.Context) (*manifest.Manifest, error) {
	server, err := w.account.Source.Server(ctx)
	if err != nil {
		return nil, err
	}
	consistent, err := w.follow(ctx)
	if err != nil {
		return nil, err
	}
	m := &manifest.Manifest{
		Account:    w.account.Name,
		Source:     w.account.URL,
		Program:    w.program,
		Start:      w.run.Start(),
		Deadline:   w.run.Deadline(),
		State:      manifest.Complete,
		Consistent: consistent,
		Server:     server,
		Dangling:   w.dangling,
	}
	if w.parent != nil {
		m.Parent = w.parent.ID
	}
	if err := w.fill(ctx, m); err != nil {
		return nil, err
	}
	m.End, err = w.run.Now(ctx)
	return m, err
}
