package disk

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"math"
	"slices"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
)

// numbers gives the messages of a folder their UIDs. It keeps some 25 bytes of each message until the run ends.
type numbers struct {
	seed     maphash.Seed
	validity uint32
	next     uint32
	first    map[uint64]mail.UID   // by key: the UID of the first message with it
	others   map[uint64][]mail.UID // and of further ones, ascending
}

// loadNumbers returns the numbers of a mailbox as it is archived. validity is that of a mailbox that is not.
func loadNumbers(ctx context.Context, previous source.Previous, raw string, byHash bool, validity uint32) (*numbers, error) {
	n := newNumbers(validity)
	if previous == nil {
		return n, nil
	}
	status := previous.Status(raw)
	if status == nil || status.UIDValidity == 0 {
		return n, nil
	}
	n.validity, n.next = status.UIDValidity, max(1, status.UIDNext)
	for known, err := range previous.Known(ctx, raw) {
		if err != nil {
			return nil, err
		}
		key := known.GUID
		if byHash {
			key = string(known.Hash[:])
		}
		n.add(n.hash(key), known.UID)
		if uint32(known.UID) >= n.next && known.UID < math.MaxUint32 {
			n.next = uint32(known.UID) + 1
		}
	}
	return n, nil
}

func newNumbers(validity uint32) *numbers {
	return &numbers{
		seed: maphash.MakeSeed(), validity: validity, next: 1, first: make(map[uint64]mail.UID), others: make(map[uint64][]mail.UID),
	}
}

func (n *numbers) hash(key string) uint64 { return maphash.String(n.seed, key) }

func (n *numbers) add(hash uint64, uid mail.UID) {
	if _, ok := n.first[hash]; !ok {
		n.first[hash] = uid
	} else {
		n.others[hash] = append(n.others[hash], uid)
	}
}

// maxServerUID is the largest UID of a mail server that is taken. Its file can say anything, and a larger one would leave no
// numbers for further messages.
const maxServerUID = 1 << 31

// errNoUID reports that a mailbox has no UID left: it needs another UIDVALIDITY.
var errNoUID = errors.New("there is no UID left for a new message")

// serverUID returns the UID that a server gave a message, or 0 if it cannot have given it: floor is its UIDNEXT.
func serverUID(uid mail.UID, floor uint32) mail.UID {
	if uid > maxServerUID || floor > 0 && uint32(uid) >= floor {
		return 0
	}
	return uid
}

// assign returns the UIDs of messages. The n-th message with a key has the n-th UID with it. A message that is not known gets
// the UID that a server gave it, if no message can have had that, or else the next one, floor or more.
func (n *numbers) assign(items []Item, floor uint32) ([]mail.UID, error) {
	if floor > maxServerUID {
		floor = 0
	}
	uids := make([]mail.UID, len(items))
	used := make(map[uint64]int)
	var fresh []int
	for i := range items {
		hash := n.hash(items[i].Key)
		uid, ok := n.first[hash]
		if more := n.others[hash]; ok && len(more) > 0 {
			at := used[hash]
			used[hash]++
			if at > len(more) {
				ok = false
			} else if at > 0 {
				uid = more[at-1]
			}
		} else if ok {
			if used[hash]++; used[hash] > 1 {
				ok = false
			}
		}
		if ok && uid != 0 {
			uids[i] = uid
		} else {
			fresh = append(fresh, i)
		}
	}
	// Those with a UID of the server come first, in its order. The others follow.
	slices.SortStableFunc(fresh, func(a, b int) int {
		return cmp.Compare(orLast(serverUID(items[a].UID, floor)), orLast(serverUID(items[b].UID, floor)))
	})
	for _, i := range fresh {
		given := serverUID(items[i].UID, floor)
		if given == 0 {
			n.next = max(n.next, floor)
		}
		if n.next == math.MaxUint32 {
			return nil, errNoUID
		}
		uid := max(mail.UID(n.next), given)
		uids[i] = uid
		n.add(n.hash(items[i].Key), uid)
		n.next = uint32(uid) + 1
	}
	return uids, nil
}

// orLast returns the UID, or the largest one if there is none.
func orLast(uid mail.UID) mail.UID {
	if uid == 0 {
		return math.MaxUint32
	}
	return uid
}
