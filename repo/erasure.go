package repo

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
)

// An erasure names the accounts and messages that the repository must no longer hold. Without it the server, another copy of
// the archive or a run under way would bring back what the owner erased. The keeper signs it, and it stays for ever. It
// names accounts by their folders, and messages and chunks by keyed hashes.

// ErrErased: the owner erased the account, or the message, from this repository.
var ErrErased = errors.New("it was erased from this repository")

// Erasure is the content of an erasure.
type Erasure struct {
	Accounts []string // their folders, as AccountDir has them
	Messages []ErasedMessage
}

// ErasedMessage is a message that must not be stored.
type ErasedMessage struct {
	Hash   chunk.ID
	Chunks []chunk.Prefix // of its parts; other mail may have some of them too
}

// erasureRow is an Erasure as it is encoded.
type erasureRow struct {
	Accounts [][]byte          `cbor:"1,keyasint,omitempty"`
	Messages []erasedRow       `cbor:"2,keyasint,omitempty"`
	Ext      format.Extensions `cbor:"63,keyasint,omitempty"`
}

type erasedRow struct {
	_        struct{} `cbor:",toarray"`
	Hash     [32]byte
	Prefixes []byte // 16 bytes each, ascending
}

// erasureBytes bounds the chunk prefixes in one object, except for a single message, because hosts keep it in their caches.
const erasureBytes = 512 << 10

// Erase puts an erasure of these accounts and messages. By itself it removes nothing: see package archive/erase.
func (r *Repo) Erase(ctx context.Context, e Erasure) error {
	rows, err := e.rows()
	if err != nil {
		return err
	}
	for i := range rows {
		if _, err := r.declare(ctx, format.KindErasure, &rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// rows divides the erasure among as few objects as possible.
func (e *Erasure) rows() (rows []erasureRow, err error) {
	row, size := erasureRow{}, 0
	flush := func() {
		if len(row.Accounts)+len(row.Messages) > 0 {
			rows = append(rows, row)
		}
		row, size = erasureRow{}, 0
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
		if size += 48 + 16*len(m.Chunks); len(row.Messages) > 0 && (size > erasureBytes || len(row.Messages) == format.MaxElements) {
			flush()
			size = 48 + 16*len(m.Chunks)
		}
		row.Messages = append(row.Messages, erasedRow{Hash: m.Hash, Prefixes: joinPrefixes(m.Chunks)})
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

func parseErasure(payload []byte) (*erasureRow, error) {
	e := new(erasureRow)
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

// Erasures is all that was erased. Nil means that nothing was.
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

// IsEmpty reports whether nothing was erased.
func (e *Erasures) IsEmpty() bool { return e == nil || len(e.accounts)+len(e.messages) == 0 }

// Erasures reads all erasures. A damaged one is an error, because it may name any message. One that the keeper did not sign is
// ignored.
func (r *Repo) Erasures(ctx context.Context) (*Erasures, error) {
	all := &Erasures{map[string]time.Time{}, map[chunk.ID]struct{}{}, map[chunk.Prefix]struct{}{}}
	err := r.statements(ctx, format.KindErasure, nil, func(o store.Object, payload []byte) error {
		e, err := parseErasure(payload)
		if err != nil {
			return err
		}
		for _, folder := range e.Accounts {
			dir := hex.EncodeToString(folder)
			if since, ok := all.accounts[dir]; !ok || o.Time.Before(since) {
				all.accounts[dir] = o.Time
			}
		}
		for _, m := range e.Messages {
			all.messages[m.Hash] = struct{}{}
			for at := 0; at < len(m.Prefixes); at += 16 {
				all.chunks[chunk.Prefix(m.Prefixes[at:])] = struct{}{}
			}
		}
		return nil
	})
	return all, err
}

// erasures holds the Erasures of a run.
type erasures struct {
	mu   sync.Mutex
	read *Erasures
}

// Erasures returns what was erased before the run first asked. The prune after the run finds what was erased later.
func (run *Run) Erasures(ctx context.Context) (*Erasures, error) {
	run.erasures.mu.Lock()
	defer run.erasures.mu.Unlock()
	if run.erasures.read != nil {
		return run.erasures.read, nil
	}
	all, err := run.r.Erasures(ctx)
	if err != nil {
		return nil, err
	}
	run.erasures.read = all
	return all, nil
}

// Erasures returns those of the run.
func (w *Writer) Erasures(ctx context.Context) (*Erasures, error) { return w.run.Erasures(ctx) }
