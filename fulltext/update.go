package fulltext

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/fulltext/postings"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/internal/local"
)

// batchSize is how much text is collected before it becomes segments, in bytes. More text needs
// more memory, less text makes more segments to merge.
const batchSize = 16 << 20

// Update is a change of the index. All of it becomes visible and durable at its end, or nothing.
type Update struct {
	db      *database
	pending []pending
	words   *postings.Builder // of pending
	taken   map[int64]bool    // row numbers of pending
	hashes  map[chunk.ID]int  // of pending, with their places
	removed map[int64]bool    // shards from which messages were removed
	added   int64
	spread  int64 // the largest difference of a row number and its date
}

// pending is a message that was added, but is not in the database yet.
type pending struct {
	id   int64
	hash chunk.ID
	date time.Time
	data []byte
}

// Update calls do, and makes the changes durable if do returns no error. It waits for the updates
// of other processes. The context also interrupts changes.
func (x *Index) Update(ctx context.Context, do func(*Update) error) (err error) {
	x.writing.Lock()
	defer x.writing.Unlock()
	unlock, _, err := local.Lock(ctx, filepath.Join(x.dir, lockName), nil)
	if err != nil {
		return err
	}
	defer unlock()
	if err := x.openWriter(); err != nil {
		return err
	}
	u := &Update{
		db: x.writer, words: postings.NewBuilder(),
		taken: make(map[int64]bool), hashes: make(map[chunk.ID]int), removed: make(map[int64]bool),
	}
	defer func() {
		if err != nil {
			_ = x.writer.close() // what it wrote was not committed
			x.writer = nil
		}
	}()
	if err := u.db.exec(ctx, "BEGIN"); err != nil {
		return err
	}
	if err := do(u); err != nil {
		return err
	}
	if err := u.flush(ctx); err != nil {
		return err
	}
	for shard := range u.removed {
		if err := u.db.sweep(ctx, shard); err != nil {
			return err
		}
	}
	if err := u.db.exec(ctx, "UPDATE total SET messages=messages+?, spread=max(spread, ?)", u.added, u.spread); err != nil {
		return err
	}
	if err := u.db.exec(ctx, "COMMIT"); err != nil {
		return err
	}
	if err := u.db.file.releaseFree(); err != nil {
		return err
	}
	return u.db.file.Commit()
}

// openWriter opens the database for an update, in its newest state.
func (x *Index) openWriter() (err error) {
	switch {
	case x.writer == nil:
		x.writer, err = openDatabase(x.dir, x.key)
	case x.writer.file.Changed():
		err = x.writer.reload()
	}
	if err == nil && x.writer.conn == nil {
		err = x.writer.create()
	}
	if err != nil && x.writer != nil {
		_ = x.writer.close()
		x.writer = nil
	}
	return err
}

// Has reports whether the index has a message.
func (u *Update) Has(ctx context.Context, hash chunk.ID) (bool, error) {
	if _, ok := u.hashes[hash]; ok {
		return true, nil
	}
	r, err := u.db.find(ctx, &hash)
	return r.found, err
}

// Add adds a message, unless the index has it. The texts of the message are not kept.
func (u *Update) Add(ctx context.Context, m Message) error {
	if has, err := u.Has(ctx, m.Hash); has || err != nil {
		return err
	}
	if len(u.pending) > 0 && u.words.Size()+mostSize(&m.Fields) > batchSize {
		if err := u.flush(ctx); err != nil {
			return err
		}
	}
	id, err := u.freeRow(ctx, m.Date, &m.Hash)
	if err != nil {
		return err
	}
	u.hashes[m.Hash] = len(u.pending)
	u.taken[id] = true
	u.pending = append(u.pending, pending{id, m.Hash, m.Date, m.Data})
	u.words.Add(id, &m.Fields)
	if u.words.Size() < batchSize {
		return nil
	}
	return u.flush(ctx)
}

// mostSize returns what the texts of a message add to the Size of a Builder at most: if each word
// is a letter.
func mostSize(f *words.Fields) int {
	size := len(f.From) + len(f.To) + len(f.Subject)
	for _, texts := range [][]string{f.Body, f.Attachments} {
		for _, text := range texts {
			size += len(text)
		}
	}
	return 2 * size
}

// flush writes the pending messages into the database, in the order of their numbers, and a segment
// for each of their shards.
func (u *Update) flush(ctx context.Context) error {
	slices.SortFunc(u.pending, func(a, b pending) int { return cmp.Compare(a.id, b.id) })
	for i := range u.pending {
		p := &u.pending[i]
		if err := u.db.exec(ctx, "INSERT INTO message(id, date, hash, data) VALUES(?, ?, ?, ?)", p.id, p.date.Unix(), p.hash[:], p.data); err != nil {
			return fmt.Errorf("add message: %w", err)
		}
	}
	err := u.words.Segments(shardOf, func(shard int64, segment func(func([]byte) error) (postings.Meta, error)) error {
		if err := u.db.addSegment(ctx, shard, segment); err != nil {
			return err
		}
		return u.db.compact(ctx, shard)
	})
	if err != nil {
		return fmt.Errorf("add message: %w", err)
	}
	u.added += int64(len(u.pending))
	u.pending = u.pending[:0]
	u.words.Reset()
	clear(u.taken)
	clear(u.hashes)
	return nil
}

// Remove removes a message. It does nothing if the index does not have it.
func (u *Update) Remove(ctx context.Context, hash chunk.ID) error {
	r, err := u.stored(ctx, hash)
	if err != nil || !r.found {
		return err
	}
	if err := u.db.exec(ctx, "INSERT INTO gone(id) VALUES(?)", r.id); err != nil {
		return err
	}
	u.removed[shardOf(r.id)] = true
	u.added--
	return u.db.exec(ctx, "DELETE FROM message WHERE id=?", r.id)
}

// SetData replaces the Data of a message. It does nothing if the index does not have it.
func (u *Update) SetData(ctx context.Context, hash chunk.ID, data []byte) error {
	r, err := u.stored(ctx, hash)
	if err != nil || !r.found {
		return err
	}
	return u.db.exec(ctx, "UPDATE message SET data=? WHERE id=?", data, r.id)
}

// stored finds a message after it is in the database, if it is pending.
func (u *Update) stored(ctx context.Context, hash chunk.ID) (row, error) {
	if _, ok := u.hashes[hash]; ok {
		if err := u.flush(ctx); err != nil {
			return row{}, err
		}
	}
	return u.db.find(ctx, &hash)
}

// State returns the pairs whose keys begin with a prefix, in the order of their keys.
func (u *Update) State(ctx context.Context, prefix []byte) ([]Pair, error) {
	return u.db.state(ctx, prefix)
}

// Put keeps a value under a key, which is not empty.
func (u *Update) Put(ctx context.Context, key, value []byte) error {
	return u.db.exec(ctx, "INSERT OR REPLACE INTO state(key, value) VALUES(?, ?)", key, value)
}

// Delete removes a key and its value.
func (u *Update) Delete(ctx context.Context, key []byte) error {
	return u.db.exec(ctx, "DELETE FROM state WHERE key=?", key)
}
