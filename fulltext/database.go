package fulltext

import (
	"context"
	"errors"
	"fmt"

	"github.com/ncruces/go-sqlite3"

	"github.com/mailstrata/mailstrata/fulltext/pages"
	"github.com/mailstrata/mailstrata/fulltext/postings"
	"github.com/mailstrata/mailstrata/fulltext/words"
)

// Version is the version of what is in the pages. An index of another version is dropped and built
// again.
const Version = 1000*4 + words.Version

// schema creates the tables.
//
// total has the number of messages, and how far a row number can lie after its date (rowid.go). A
// message is found by the beginning of its hash, so that the hashes are stored once. The words are
// in segments (segments.go). gone has the rows of messages that were removed and are still in
// segments: their numbers are not used again before.
const schema = `
CREATE TABLE message(id INTEGER PRIMARY KEY, date INTEGER, hash BLOB, data BLOB);
CREATE INDEX message_hash ON message(substr(hash, 1, 8));
CREATE TABLE state(key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID;
CREATE TABLE total(messages INTEGER, spread INTEGER);
INSERT INTO total VALUES(0, 0);
CREATE TABLE segment(id INTEGER PRIMARY KEY, shard INTEGER, size INTEGER, documents INTEGER, rows BLOB, leaves BLOB);
CREATE INDEX segment_shard ON segment(shard);
CREATE TABLE block(id INTEGER PRIMARY KEY, data BLOB);
CREATE TABLE gone(id INTEGER PRIMARY KEY);
`

// Limits of the memory of SQLite, in bytes: of a connection, and of its cache of pages.
const (
	maxMemory   = 96 << 20
	cacheMemory = 16 << 20
)

// ErrDamaged means that an index is damaged, or of another key or version. Drop it, and build it
// again.
var ErrDamaged = pages.ErrDamaged

// database is a connection to the database in a directory of pages. It is for one goroutine at a
// time.
type database struct {
	file       *pageFile
	conn       *sqlite3.Conn // nil if there is nothing in the pages
	statements map[string]*sqlite3.Stmt
	shards     []int64 // from the last to the first
	broken     bool    // the connection ran out of memory, and must be opened again

	opened  map[int64][]*postings.Segment // by shard: those that were searched
	reading context.Context               // of the search or the merge that reads segments
}

// openDatabase opens the database in a directory of pages.
func openDatabase(dir string, key [32]byte) (*database, error) {
	file, err := pages.Open(dir, key)
	if err != nil {
		return nil, err
	}
	d := &database{file: &pageFile{File: file}}
	if file.Pages() > 0 {
		err = d.settle(d.connect())
	}
	if err != nil {
		_ = d.close()
		return nil, err
	}
	return d, nil
}

// connect opens a connection to what is in the pages.
func (d *database) connect() (err error) {
	ctx := sqlite3.WithMaxMemory(context.Background(), maxMemory)
	d.file.fault, d.broken, d.shards = nil, true, nil
	d.statements, d.opened = make(map[string]*sqlite3.Stmt), make(map[int64][]*postings.Segment)
	if d.conn, err = sqlite3.OpenContext(ctx, opened.add(d.file)); err != nil {
		return d.failed(ctx, "open", err)
	}
	if err = d.conn.Exec(fmt.Sprintf(
		"PRAGMA page_size=%d; PRAGMA journal_mode=off; PRAGMA locking_mode=exclusive; PRAGMA temp_store=memory; PRAGMA cache_size=-%d; PRAGMA trusted_schema=off",
		pages.PageSize, cacheMemory>>10)); err != nil {
		return d.failed(ctx, "open", err)
	}
	if d.file.Pages() == 0 {
		d.broken = false
		return nil
	}
	version, err := d.number(ctx, "PRAGMA user_version")
	if err == nil && version != Version {
		err = fmt.Errorf("%w: version %d, want %d", ErrDamaged, version, Version)
	}
	if err == nil {
		err = d.readShards(ctx)
	}
	d.broken = err != nil
	return err
}

// create creates the tables of an empty database.
func (d *database) create() error {
	if err := d.connect(); err != nil {
		return err
	}
	return d.failed(context.Background(), "create",
		d.conn.Exec(fmt.Sprintf("BEGIN; PRAGMA user_version=%d; %s COMMIT", Version, schema)))
}

// disconnect closes the connection.
func (d *database) disconnect() error {
	if d.conn == nil {
		return nil
	}
	for _, stmt := range d.statements {
		d.finalize(stmt) // its error is that of its last step, which was returned then
	}
	err := d.conn.Close()
	d.conn = nil
	opened.files.Delete(d.file.name)
	return err
}

func (d *database) close() error { return errors.Join(d.disconnect(), d.file.File.Close()) }

// reload goes back to what the directory has. After an error, the database is broken until it
// succeeds.
func (d *database) reload() error {
	d.broken = true
	if err := d.disconnect(); err != nil {
		return err
	}
	if err := d.file.Reload(); err != nil {
		return err
	}
	if d.file.Pages() == 0 {
		d.broken = false
		return nil
	}
	return d.connect()
}

// maxReloads bounds how often a database is read again because an update of another process
// overtook the reader.
const maxReloads = 100

var errOvertaken = errors.New("read index: it changes too fast")

// settle takes the error of connect or reload. If an update caused it, which used pages again that
// were being read, settle reloads until there is no error.
func (d *database) settle(err error) error {
	for range maxReloads {
		if !errors.Is(err, ErrDamaged) {
			return err
		}
		generation := d.file.Generation()
		reloaded := d.reload()
		if d.file.Generation() == generation {
			return err
		}
		err = reloaded
	}
	return errOvertaken
}

// failed returns the error of an operation: what the pages say, if they failed.
func (d *database) failed(ctx context.Context, doing string, err error) error {
	code, _ := errors.AsType[sqlite3.ErrorCode](err)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case d.file.fault != nil:
		err = d.file.fault
	case code == sqlite3.CORRUPT || code == sqlite3.NOTADB || code == sqlite3.FORMAT || errors.Is(err, postings.ErrFormat):
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return fmt.Errorf("%s index: %w", doing, err)
}
