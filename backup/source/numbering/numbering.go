// Package numbering gives UIDs to the messages of a source that has none of its own: files, JMAP.
//
// A message has a key, which is the same in each run. It keeps the UID under which its key is
// archived; others get the next ones, so a UID never means two messages. Nothing is kept on the
// host: the archive is the memory (source.Previous).
package numbering

import (
	"cmp"
	"context"
	"errors"
	"hash/fnv"
	"hash/maphash"
	"math"
	"slices"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
)

// Numbers gives the messages of a mailbox their UIDs. It keeps some 25 bytes of each message until
// the run ends.
type Numbers struct {
	Validity uint32 // UIDVALIDITY
	Next     uint32 // UIDNEXT

	seed   maphash.Seed
	first  map[uint64]mail.UID   // by key: the UID of the first message with it
	others map[uint64][]mail.UID // and of further ones, ascending
}

// New returns the numbers of a mailbox that is not archived.
func New(validity uint32) *Numbers {
	return &Numbers{
		seed: maphash.MakeSeed(), Validity: validity, Next: 1, first: make(map[uint64]mail.UID), others: make(map[uint64][]mail.UID),
	}
}

// Archived returns the numbers of a mailbox with an archived status, without its messages. validity
// is that of a mailbox that is not archived: status may be nil.
func Archived(status *mail.Status, validity uint32) *Numbers {
	if status == nil || status.UIDValidity == 0 {
		return New(validity)
	}
	n := New(status.UIDValidity)
	n.Next = max(1, status.UIDNext)
	return n
}

// Load returns the numbers of a mailbox as it is archived, with its messages. Their keys are ids,
// or else hashes. validity is that of a mailbox that is not archived; previous may be nil.
func Load(ctx context.Context, previous source.Previous, raw string, byHash bool, validity uint32) (*Numbers, error) {
	if previous == nil {
		return New(validity), nil
	}
	status := previous.Status(raw)
	n := Archived(status, validity)
	if status == nil || status.UIDValidity == 0 {
		return n, nil
	}
	for known, err := range previous.Known(ctx, raw) {
		if err != nil {
			return nil, err
		}
		key := known.ID
		if byHash {
			key = string(known.Hash[:])
		}
		n.Know(key, known.UID)
	}
	return n, nil
}

// Know adds an archived message.
func (n *Numbers) Know(key string, uid mail.UID) {
	n.add(n.hash(key), uid)
	if uint32(uid) >= n.Next && uid < math.MaxUint32 {
		n.Next = uint32(uid) + 1
	}
}

func (n *Numbers) hash(key string) uint64 { return maphash.String(n.seed, key) }

func (n *Numbers) add(hash uint64, uid mail.UID) {
	if _, ok := n.first[hash]; !ok {
		n.first[hash] = uid
	} else {
		n.others[hash] = append(n.others[hash], uid)
	}
}

// Validity returns the UIDVALIDITY of a mailbox that is not archived. No two mailboxes of a run
// should have the same. now is the time of the first survey, in seconds.
func Validity(now uint32, raw string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(raw))
	return now&^0xffff | (now^h.Sum32())&0xffff | 2
}

// maxServerUID is the largest UID of a mail server that is taken. Its file can say anything, and a
// larger one would leave no numbers for further messages.
const maxServerUID = 1 << 31

// ErrNoUID reports that a mailbox has no UID left: it needs another UIDVALIDITY.
var ErrNoUID = errors.New("there is no UID left for a new message")

// serverUID returns the UID that a server gave a message, or 0 if it cannot have given it: floor is
// its UIDNEXT.
func serverUID(uid mail.UID, floor uint32) mail.UID {
	if uid > maxServerUID || floor > 0 && uint32(uid) >= floor {
		return 0
	}
	return uid
}

// Message is a message to be numbered.
type Message struct {
	Key string
	UID mail.UID // that a mail server gave; 0: none
}

// Assign returns the UIDs of messages. The n-th message with a key has the n-th UID with it. A
// message that is not known gets the UID that a server gave it, if no message can have had that, or
// else the next one, floor or more.
func (n *Numbers) Assign(messages []Message, floor uint32) ([]mail.UID, error) {
	if floor > maxServerUID {
		floor = 0
	}
	uids := make([]mail.UID, len(messages))
	used := make(map[uint64]int)
	var fresh []int
	for i := range messages {
		hash := n.hash(messages[i].Key)
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
		return cmp.Compare(orLast(serverUID(messages[a].UID, floor)), orLast(serverUID(messages[b].UID, floor)))
	})
	for _, i := range fresh {
		given := serverUID(messages[i].UID, floor)
		if given == 0 {
			n.Next = max(n.Next, floor)
		}
		if n.Next == math.MaxUint32 {
			return nil, ErrNoUID
		}
		uid := max(mail.UID(n.Next), given)
		uids[i] = uid
		n.add(n.hash(messages[i].Key), uid)
		n.Next = uint32(uid) + 1
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
