package items

import (
	"hash/fnv"
	"math/big"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/collection"
)

// listEvery is how long a collection may be read by what its server says changed. Then a run lists
// all of its items.
//
// A server that was restored from an old copy counts its changes again from there. When it has
// counted as far as the token of the archive, it takes that token for its own, and does not report
// what it changed before. Only a list of all items shows that.
const listEvery = 14 * 24 * time.Hour

// spread is by how much less that is for some collections, so that not all of an account are listed
// in one night.
const spread = 4 * 24 * time.Hour

// mustListAll reports whether all items must be listed, whatever the server says about changes. The
// list costs one request, and the items that it shows to be other ones.
func (r *run) mustListAll() bool {
	if r.before == nil || r.kind == collection.Sieve {
		return false
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(r.listed.Path)) // does not fail
	early := time.Duration(h.Sum32()%uint32(spread/time.Hour)) * time.Hour
	age := r.Now.Sub(r.before.Listed)
	return age >= listEvery-early || age < -spread || wentBack(r.before.SyncToken, r.listed.SyncToken)
}

// wentBack reports whether a sync token counts less than an earlier one, as that of a server does
// that was restored from a copy. sabre/dav (Nextcloud, Baïkal) answers with no changes if it is
// asked for those since a token of its future.
func wentBack(before, now string) bool {
	text, was := number(before)
	other, is := number(now)
	return text == other && was != nil && is != nil && is.Cmp(was) < 0
}

// number splits the number from the end of a token. It is nil if there is none.
func number(token string) (text string, n *big.Int) {
	text = strings.TrimRight(token, "0123456789")
	if digits := token[len(text):]; digits != "" && len(digits) <= 20 {
		n, _ = new(big.Int).SetString(digits, 10)
	}
	return text, n
}
