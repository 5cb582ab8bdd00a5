package night

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mailstrata/mailstrata/internal/access"
	"github.com/mailstrata/mailstrata/internal/config"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/secret"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
)

// rights are what a key allows.
type rights struct {
	known   bool // false: the repository could not be opened, and the step will report that
	reads   bool // mail
	removes bool // an owner's
}

// keyOf returns what a key allows. Without a key file, it is the key of the backups. A missing or
// wrong key is an error: it ends the run before the first step. Any other error is not, because it
// may concern that repository alone.
func (n *night) keyOf(ctx context.Context, l *access.Location, k access.Keys, what string) (rights, error) {
	refuse := func(err error) error {
		return &hint.Usage{
			Text: fmt.Sprintf("nothing was run: the key for %s: %s", what, ui.OneLine(err.Error())),
			Hint: "docs/config.md says which key each step needs",
		}
	}
	if file := k.KeyFile(); file != "" {
		if _, err := secret.ReadKeyFile(file); err != nil {
			return rights{}, refuse(err)
		}
	}
	r, err := l.OpenWith(ctx, k)
	switch {
	case ctx.Err() != nil:
		return rights{}, context.Cause(ctx)
	case errors.Is(err, repo.ErrWrongKey):
		return rights{}, refuse(err)
	case err != nil:
		if n.dry { // else its steps say so
			n.Warn("%s cannot be opened now, so its key was not tested: %s", what, ui.OneLine(err.Error()))
		}
		return rights{}, nil
	}
	return rights{known: true, reads: r.CanRead(), removes: r.CanRemove()}, r.Close()
}

// nightly returns the key of the backups.
func nightly(ctx context.Context, l *access.Location) access.Keys {
	k := l.Keys()
	k.Ask = l.AskOnce(ctx)
	return k
}

// keeper returns the key of a key file.
func keeper(l *access.Location, file string) access.Keys {
	return l.KeysOf(access.KeyFlags{KeyFile: file, KeyFileFlag: "keeper_key_file"})
}

// target returns the key of a repository to copy to, as mailstrata copy finds it.
func (n *night) target(ctx context.Context, l *access.Location) access.Keys {
	k := l.KeysOf(access.KeyFlags{
		KeyFile: n.Getenv("MAILSTRATA_TO_KEY_FILE"), KeyFileFlag: "to-key-file",
		Passphrase: secret.Source{Name: "passphrase of the repository to copy to", Variable: "MAILSTRATA_TO_PASSWORD"},
	})
	k.Ask = func() ([]byte, error) { return n.Secrets.Read(ctx, k.Passphrase) }
	return k
}

// keys are the keys of a repository for its steps.
type keys struct {
	owner string // the key file for what needs an owner's key; "": the key of the backups
	own   rights // of the key of the backups
}

// keysFor returns the keys of a repository, and refuses steps that lack one.
func (n *night) keysFor(
	ctx context.Context, r *config.Repository, l *access.Location, prunes bool,
) (k keys, err error) {
	name := describe(r, l)
	archives := n.configured.Archives(r)
	if r.KeeperKeyFile != "" && archives && !r.AllowKeeperBeside {
		return k, &hint.Usage{
			Text: "nothing was run: keeper_key_file of " + name + " is on a host that archives into it, so a thief of this host could delete the archive",
			Hint: "prune on another host, with a configuration without accounts; or accept it: insecure_keeper_key_beside = true",
		}
	}
	if k.own, err = n.keyOf(ctx, l, nightly(ctx, l), name); err != nil {
		return k, err
	}
	owner := k.own
	if r.KeeperKeyFile != "" && (prunes || r.CopyTo != "" && k.own.known && !k.own.reads) {
		k.owner = r.KeeperKeyFile
		if owner, err = n.keyOf(ctx, l, keeper(l, k.owner), name+" (keeper_key_file)"); err != nil {
			return k, err
		}
	}
	lacks := func(key rights, allows bool, step, why string) {
		if err == nil && key.known && !allows {
			err = &hint.Usage{
				Text: fmt.Sprintf("nothing was run: %s of %s needs an owner's key, and the key of this host is a writer's", step, name),
				Hint: why,
			}
		}
	}
	if prunes {
		lacks(owner, owner.removes, "prune",
			"prune on another host, with an owner's key, and leave out prune under [run] here")
	}
	if r.CopyTo != "" {
		lacks(owner, owner.reads, "copy", "copy on another host, with an owner's key, and leave out copy_to here")
	}
	if archives && r.Index {
		lacks(k.own, k.own.reads, "the index of words", "leave out index here")
	}
	return k, err
}

// describe returns the name of a repository, or its location.
func describe(r *config.Repository, l *access.Location) string {
	if r.Name != "" {
		return ui.Safe(r.Name)
	}
	return ui.Safe(strings.TrimSpace(l.String()))
}
