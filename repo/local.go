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

// RecoveryLog opens the recovery log of an account for one run. It keeps nothing before the time
// after has passed.
func (r *Repo) RecoveryLog(account string, after time.Duration) (*recovery.Log, error) {
	if _, temporary := r.objects.Cache.Place(); temporary {
		return nil, errNoCache
	}
	identity, err := r.objects.Seals.Identity(format.KindCatalog)
	if err != nil {
		return nil, err
	}
	id := r.objects.Codec.Keys.Account.Sum([]byte(account))
	return recovery.Open(recovery.Options{
		Dir: r.objects.Cache.Recovery(), Account: [16]byte(id[:16]), After: after,
		Repository: r.objects.Codec.Repository, KeyID: r.objects.Codec.Keys.ID, Tag: r.objects.Codec.Keys.Tag,
		Recipients: r.objects.Seals.Recipients(format.KindCatalog), Identity: identity,
	})
}

// WordsDir is the directory, in that of the cache, for an index of the words of messages
// (Repo.WordsKey).
const WordsDir = "words"

// DropLocal removes from this host's cache what may hold erased content: the named manifests, the
// mailbox tables of their accounts, all packs, the index of words, and the recovery logs of killed
// runs. It returns the number of files in the recovery logs of active runs, which remove them when
// they end. The cached index holds only keyed prefixes, no content.
func (r *Repo) DropLocal(manifests []string) (left int) {
	for _, name := range manifests {
		_ = os.Remove(r.objects.Cache.Path(name))
		if h, ok := ParseManifest(name); ok {
			_ = os.Remove(r.objects.Cache.Path(cachedName(h.Account)))
		}
	}
	r.objects.Cache.Packs.Clear()
	_ = os.RemoveAll(r.objects.Cache.Sub(WordsDir))
	return recovery.Discard(r.objects.Cache.Recovery())
}
