package view

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/manifest/history"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/serve/internal/recent"
)

// ErrNoView reports that a user name selects nothing. The error says why, for people.
var ErrNoView = errors.New("there is nothing to show")

// Archive is a repository with its accounts. Several sessions may use it at once.
type Archive struct {
	Place   string // where the repository is, as option --repo has it; empty: commands find it without the option
	KeyFile string // the path of the key file, as option --key-file has it; empty: commands find it, or need none

	repo      *repo.Repo
	reader    *archive.Reader // of all sessions, so its cache is needed once
	lists     listCache
	walks     walks
	histories histories
	recent    recent.Cache[string, *View] // of nights, by the names of their manifests
	index     *lockedIndex                // nil: not used
}

// NewArchive returns the Archive of a repository that is open with a key that can read mail.
func NewArchive(r *repo.Repo) *Archive { return &Archive{repo: r, reader: archive.NewReader(r)} }

// Repo returns the repository.
func (a *Archive) Repo() *repo.Repo { return a.repo }

// Close closes the repository.
func (a *Archive) Close() error { return a.repo.Close() }

// Archives are the repositories of a server. If several have an account with the same name, the
// first counts.
type Archives []*Archive

// View is what one login sees.
type View struct {
	Account   string
	Night     repo.Head         // the manifest; zero if the view is of several
	Contents  *archive.Contents // of the Night; nil if the view is of several
	Mailboxes []*Mailbox        // ascending by name
	Damage    []error           // of mailboxes that are not among these, because they cannot be read
}

// Open returns the view that a user name selects:
//
//	ACCOUNT             the latest night
//	ACCOUNT#MANIFEST    a night, by any of its names (package history)
//	ACCOUNT#nights      many nights side by side
//	ACCOUNT#ever        each message that was ever in a mailbox, once
//	ACCOUNT#gone        those of them that the latest night has nowhere
//
// A user name that is the name of an account is that account. Otherwise the account ends at the
// last "#".
func (all Archives) Open(ctx context.Context, user string, now time.Time) (*View, error) {
	found, account, selector := (*Archive)(nil), user, "latest"
	for _, at := range []int{len(user), strings.LastIndexByte(user, '#')} {
		if at < 0 || found != nil {
			continue
		}
		a, err := all.WithAccount(ctx, user[:at])
		if err != nil {
			return nil, err
		}
		if found, account = a, user[:at]; at < len(user) {
			selector = user[at+1:]
		}
	}
	if found == nil {
		return nil, fmt.Errorf("%w: no account %q is archived", ErrNoView, account)
	}
	switch selector {
	case "nights":
		return found.sideBySide(ctx, account)
	case "ever", "gone":
		return found.ever(ctx, account, selector == "gone")
	}
	ref, err := history.ParseRef(selector, now)
	if err != nil || ref.Account != "" {
		return nil, fmt.Errorf("%w: %q is not the name of a manifest", ErrNoView, selector)
	}
	ref.Account = account
	return found.night(ctx, account, ref)
}

// WithAccount returns the archive that has an account, or nil.
func (all Archives) WithAccount(ctx context.Context, account string) (*Archive, error) {
	if account == "" {
		return nil, nil
	}
	for _, a := range all {
		for head, err := range a.repo.AccountManifests(ctx, account) {
			if err != nil {
				return nil, err
			}
			if !head.Marked {
				return a, nil
			}
		}
	}
	return nil, nil
}
