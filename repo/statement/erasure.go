package statement

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
)

// An erasure names the accounts and messages that the repository must no longer hold. Without it a
// backup, another copy of the archive or a run under way would store again what the owner erased.
// The keeper signs it, and nothing removes it. It names accounts by their folders, and messages and
// chunks by keyed hashes.

// Erasure is the content of an erasure.
type Erasure struct {
	Accounts []string // folders, as AccountDir returns them
	Messages []ErasedMessage
}

// ErasedMessage is a message that must not be stored.
type ErasedMessage struct {
	Hash   chunk.ID
	Chunks []chunk.Prefix // chunks of its parts, some of which other mail may have too
}

// ErasureRow is an Erasure as it is encoded, or a part of one.
type ErasureRow struct {
	Accounts [][]byte          `cbor:"1,keyasint,omitempty"`
	Messages []ErasedRow       `cbor:"2,keyasint,omitempty"`
	Ext      format.Extensions `cbor:"63,keyasint,omitempty"`
}

// ErasedRow is one message of an erasure.
type ErasedRow struct {
	_        struct{} `cbor:",toarray"`
	Hash     [32]byte
	Prefixes []byte // 16 bytes each, ascending
}

// erasureBytes bounds the chunk prefixes in one object, except for a single message, because hosts
// keep it in their caches.
const erasureBytes = 512 << 10

// Rows divides the erasure among as few objects as possible.
func (e *Erasure) Rows() (rows []ErasureRow, err error) {
	row, size := ErasureRow{}, 0
	flush := func() {
		if len(row.Accounts)+len(row.Messages) > 0 {
			rows = append(rows, row)
		}
		row, size = ErasureRow{}, 0
	}
	for _, dir := range slices.Compact(slices.Sorted(slices.Values(e.Accounts))) {
		folder, err := hex.DecodeString(dir)
		if err != nil || len(folder) != 16 {
			return nil, fmt.Errorf("%q is not the folder of an account", dir)
		}
		row.Accounts = append(row.Accounts, folder)
	}
	messages := slices.SortedFunc(slices.Values(e.Messages), func(a, b ErasedMessage) int { return bytes.Compare(a.Hash[:], b.Hash[:]) })
	for _, m := range messages {
		if n := len(row.Messages); n > 0 && row.Messages[n-1].Hash == m.Hash {
			continue
		}
		if size += 48 + 16*len(m.Chunks); len(row.Messages) > 0 &&
			(size > erasureBytes || len(row.Messages) == format.MaxElements) {
			flush()
			size = 48 + 16*len(m.Chunks)
		}
		row.Messages = append(row.Messages, ErasedRow{Hash: m.Hash, Prefixes: joinPrefixes(m.Chunks)})
	}
	flush()
	return rows, nil
}

func joinPrefixes(prefixes []chunk.Prefix) []byte {
	joined := []byte{}
	compare := func(a, b chunk.Prefix) int { return bytes.Compare(a[:], b[:]) }
	for _, p := range slices.Compact(slices.SortedFunc(slices.Values(prefixes), compare)) {
		joined = append(joined, p[:]...)
	}
	return joined
}

// ParseErasure parses the payload of an erasure.
func ParseErasure(payload []byte) (*ErasureRow, error) {
	e := new(ErasureRow)
	if err := format.Decode(payload, e); err != nil {
		return nil, err
	}
	if len(e.Accounts)+len(e.Messages) == 0 {
		return nil, format.Damaged("an erasure of nothing")
	}
	for i, dir := range e.Accounts {
		if len(dir) != 16 {
			return nil, format.Damaged("an account of %d bytes", len(dir))
		}
		if i > 0 && bytes.Compare(dir, e.Accounts[i-1]) <= 0 {
			return nil, format.Damaged("the accounts do not ascend")
		}
	}
	for i, m := range e.Messages {
		if i > 0 && bytes.Compare(m.Hash[:], e.Messages[i-1].Hash[:]) <= 0 {
			return nil, format.Damaged("the messages do not ascend")
		}
		if m.Prefixes == nil || len(m.Prefixes)%16 != 0 {
			return nil, format.Damaged("%d bytes of chunk prefixes", len(m.Prefixes))
		}
		for at := 16; at < len(m.Prefixes); at += 16 {
			if bytes.Compare(m.Prefixes[at:at+16], m.Prefixes[at-16:at]) <= 0 {
				return nil, format.Damaged("the chunks of a message do not ascend")
			}
		}
	}
	return e, nil
}

// Erasures holds the accounts, messages and chunks that all erasures name. A nil Erasures is empty.
type Erasures struct {
	accounts map[string]time.Time
	messages map[chunk.ID]struct{}
	chunks   map[chunk.Prefix]struct{}
}

// Account reports when an account was erased, by the name of its folder.
func (e *Erasures) Account(dir string) (since time.Time, erased bool) {
	if e != nil {
		since, erased = e.accounts[dir]
	}
	return since, erased
}

// Message reports whether a message was erased.
func (e *Erasures) Message(hash chunk.ID) bool {
	if e == nil {
		return false
	}
	_, erased := e.messages[hash]
	return erased
}

// Chunk reports whether an erased message has this chunk. Other mail may have it too.
func (e *Erasures) Chunk(id chunk.ID) bool {
	if e == nil {
		return false
	}
	_, listed := e.chunks[id.Prefix()]
	return listed
}

// HasMessages reports whether any message was erased.
func (e *Erasures) HasMessages() bool { return e != nil && len(e.messages) > 0 }

// NewErasures returns an Erasures to which Add adds.
func NewErasures() *Erasures {
	return &Erasures{map[string]time.Time{}, map[chunk.ID]struct{}{}, map[chunk.Prefix]struct{}{}}
}

// Add adds an erasure that the store got at a time.
func (e *Erasures) Add(row *ErasureRow, at time.Time) {
	for _, folder := range row.Accounts {
		dir := hex.EncodeToString(folder)
		if since, ok := e.accounts[dir]; !ok || at.Before(since) {
			e.accounts[dir] = at
		}
	}
	for _, m := range row.Messages {
		e.messages[m.Hash] = struct{}{}
		for i := 0; i < len(m.Prefixes); i += 16 {
			e.chunks[chunk.Prefix(m.Prefixes[i:])] = struct{}{}
		}
	}
}

// Chunks yields the prefixes of all chunks of erased messages.
func (e *Erasures) Chunks() iter.Seq[chunk.Prefix] { return maps.Keys(e.chunks) }
