package repo

import (
	"errors"
	"os"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/recovery"
)

// errNoCache: a recovery log in a temporary directory would go with the process.
var errNoCache = errors.New("there is no lasting cache directory")

// RecoveryLog opens the recovery log of an account for one run. What comes before the run is as old as after is not kept.
func (r *Repo) RecoveryLog(account string, after time.Duration) (*recovery.Log, error) {
	if _, temporary := r.cache.place(); temporary {
		return nil, errNoCache
	}
	identity, err := r.seals.identity(format.KindCatalog)
	if err != nil {
		return nil, err
	}
	id := r.codec.Keys.Account.Sum([]byte(account))
	return recovery.Open(recovery.Options{
		Dir: r.cache.recovery(), Account: [16]byte(id[:16]), After: after, Repository: r.codec.Repository, KeyID: r.codec.Keys.ID, Tag: r.codec.Keys.Tag,
		Recipients: r.seals.recipients(format.KindCatalog), Identity: identity,
	})
}

// DropLocal removes from this host's cache what may hold erased content: the named manifests, the mailbox tables of their
// accounts, and the spills of killed runs, which the next run downloads again. It returns the number of spill files of runs
// under way, which go when the runs end. Other caches hold no content: the index has only keyed prefixes.
func (r *Repo) DropLocal(manifests []string) (left int) {
	for _, name := range manifests {
		_ = os.Remove(r.cache.path(name))
		if h, ok := ParseManifest(name); ok {
			_ = os.Remove(r.cache.path(cachedName(h.Account)))
		}
	}
	return recovery.Discard(r.cache.recovery())
}
