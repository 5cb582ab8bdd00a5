package repo

import (
	"errors"
	"os"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/recovery"
)

// errNoCache is the error of a recovery log without a cache directory that outlives the process.
var errNoCache = errors.New("there is no lasting cache directory")

// RecoveryLog opens the recovery log of an account for one run. It keeps nothing before the time after has passed.
func (r *Repo) RecoveryLog(account string, after time.Duration) (*recovery.Log, error) {
	if _, temporary := r.cache.Place(); temporary {
		return nil, errNoCache
	}
	identity, err := r.seals.identity(format.KindCatalog)
	if err != nil {
		return nil, err
	}
	id := r.codec.Keys.Account.Sum([]byte(account))
	return recovery.Open(recovery.Options{
		Dir: r.cache.Recovery(), Account: [16]byte(id[:16]), After: after, Repository: r.codec.Repository, KeyID: r.codec.Keys.ID, Tag: r.codec.Keys.Tag,
		Recipients: r.seals.recipients(format.KindCatalog), Identity: identity,
	})
}

// WordsDir is the directory, in that of the cache, for an index of the words of messages (Repo.WordsKey).
const WordsDir = "words"

// DropLocal removes from this host's cache what may hold erased content: the named manifests, the mailbox tables of their accounts,
// all packs, the index of words, and the recovery logs of killed runs. It returns the number of files in the recovery logs of active runs, which remove them when
// they end. The cached index holds only keyed prefixes, no content.
func (r *Repo) DropLocal(manifests []string) (left int) {
	for _, name := range manifests {
		_ = os.Remove(r.cache.Path(name))
		if h, ok := ParseManifest(name); ok {
			_ = os.Remove(r.cache.Path(cachedName(h.Account)))
		}
	}
	r.cache.Packs.Clear()
	_ = os.RemoveAll(r.cache.Sub(WordsDir))
	return recovery.Discard(r.cache.Recovery())
}
