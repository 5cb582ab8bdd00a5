package fulltext

import (
	"context"
	"errors"
	"fmt"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/ext/fts5"

	"github.com/mailstrata/mailstrata/fulltext/pages"
	"github.com/mailstrata/mailstrata/fulltext/words"
)

// Version is the version of what is in the pages. An index of another version is dropped and built again.
const Version = 1000*1 + words.Version

// schema creates the tables.
//
// text has only the index of FTS5, not the texts (no content), and deletes without them (contentless_delete). The tokenizer
// takes each run of ASCII letters, digits and bytes over 127 for a token, which are exactly the words that text.go writes.
// The body is the first column, because positions in the first one are the shortest. hashsize is how much FTS5 collects in memory before it writes a segment; update.go gives it about as much at a time. Segments
// are merged a little with each write (automerge), so that no single update pays for all.
//
// total has the number of messages, and how far a row number can lie after its date (rowid.go).
//
// A message is found by the beginning of its hash, so that the hashes are stored once.
const schema = `
CREATE VIRTUAL TABLE text USING fts5(body, subject, sender, recipients, attachment,
	content='', contentless_delete=1, tokenize='ascii', detail=full);
INSERT INTO text(text, rank) VALUES('hashsize', 33554432);
INSERT INTO text(text, rank) VALUES('automerge', 8);
CREATE TABLE message(id INTEGER PRIMARY KEY, date INTEGER, hash BLOB, data BLOB);
CREATE INDEX message_hash ON message(substr(hash, 1, 8));
CREATE TABLE state(key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID;
CREATE TABLE total(messages INTEGER, spread INTEGER);
INSERT INTO total VALUES(0, 0);
`

// Limits of memory, in bytes: of a connection as a whole, and of its cache of pages.
const (
	maxMemory   = 128 << 20
	cacheMemory = 16 << 20
)

// ErrDamaged means that an index is damaged, or of another key or version. Drop it, and build it again.
var ErrDamaged = pages.ErrDamaged

// database is a connection to the database in a directory of pages. It is for one goroutine at a time.
type database struct {
	file       *pageFile
	conn       *sqlite3.Conn // nil if there is nothing in the pages
	statements map[string]*sqlite3.Stmt
}

// openDatabase opens the database in a directory of pages.
func openDatabase(dir string, key [32]byte) (*database, error) {
	file, err := pages.Open(dir, key)
	if err != nil {
		return nil, err
	}
	d := &database{file: &pageFile{File: file}}
	if file.Pages() > 0 {
		err = d.connect()
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
	d.file.fault = nil
	d.statements = make(map[string]*sqlite3.Stmt)
	if d.conn, err = sqlite3.OpenContext(ctx, opened.add(d.file)); err != nil {
		return d.failed(ctx, "open", err)
	}
	if err := fts5.Register(d.conn); err != nil {
		return d.failed(ctx, "open", err)
	}
	if err := d.conn.Exec(fmt.Sprintf(
		"PRAGMA page_size=%d; PRAGMA journal_mode=off; PRAGMA locking_mode=exclusive; PRAGMA temp_store=memory; PRAGMA cache_size=-%d; PRAGMA trusted_schema=off",
		pages.PageSize, cacheMemory>>10)); err != nil {
		return d.failed(ctx, "open", err)
	}
	if d.file.Pages() == 0 {
		return nil
	}
	version, err := d.number(ctx, "PRAGMA user_version")
	if err == nil && version != Version {
		err = fmt.Errorf("%w: version %d, want %d", ErrDamaged, version, Version)
	}
	return err
}

// create creates the tables of an empty database.
func (d *database) create() error {
	if err := d.connect(); err != nil {
		return err
	}
	return d.failed(context.Background(), "create", d.conn.Exec(fmt.Sprintf("BEGIN; PRAGMA user_version=%d; %s COMMIT", Version, schema)))
}

// disconnect closes the connection.
func (d *database) disconnect() error {
	if d.conn == nil {
		return nil
	}
	var err error
	for _, stmt := range d.statements {
		err = errors.Join(err, stmt.Close())
	}
	if closed := d.conn.Close(); err == nil {
		err = closed
	}
	d.conn = nil
	opened.files.Delete(d.file.name)
	return err
}

func (d *database) close() error { return errors.Join(d.disconnect(), d.file.File.Close()) }

// reload goes back to what the directory has.
func (d *database) reload() error {
	if err := d.disconnect(); err != nil {
		return err
	}
	if err := d.file.Reload(); err != nil || d.file.Pages() == 0 {
		return err
	}
	return d.connect()
}

// failed returns the error of an operation: what the pages say, if they failed.
func (d *database) failed(ctx context.Context, doing string, err error) error {
	var code sqlite3.ErrorCode
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case d.file.fault != nil:
		err = d.file.fault
	case errors.As(err, &code) && (code == sqlite3.CORRUPT || code == sqlite3.NOTADB || code == sqlite3.FORMAT):
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return fmt.Errorf("%s index: %w", doing, err)
}

// rawText is a parameter that is a text, where a []byte is a blob.
type rawText []byte

// run calls row for each row of a statement, until row returns false. Parameters are int64, []byte, string or rawText.
func (d *database) run(ctx context.Context, sql string, row func(*sqlite3.Stmt) bool, parameters ...any) (err error) {
	d.conn.SetInterrupt(ctx)
	stmt := d.statements[sql]
	if stmt == nil {
		if stmt, _, err = d.conn.PrepareFlags(sql, sqlite3.PREPARE_PERSISTENT); err != nil {
			return d.failed(ctx, "read", err)
		}
		d.statements[sql] = stmt
	}
	for i, p := range parameters {
		switch p := p.(type) {
		case int64:
			err = stmt.BindInt64(i+1, p)
		case []byte:
			err = stmt.BindBlob(i+1, p)
		case rawText:
			err = stmt.BindRawText(i+1, p)
		case string:
			err = stmt.BindText(i+1, p)
		}
		if err != nil {
			return d.failed(ctx, "read", err)
		}
	}
	for stmt.Step() && row(stmt) {
	}
	err = stmt.Err()
	if reset := stmt.Reset(); err == nil {
		err = reset
	}
	return d.failed(ctx, "read", err)
}

// exec runs a statement without rows.
func (d *database) exec(ctx context.Context, sql string, parameters ...any) error {
	return d.run(ctx, sql, func(*sqlite3.Stmt) bool { return true }, parameters...)
}

// number returns the number that is the first row of a statement, or 0.
func (d *database) number(ctx context.Context, sql string, parameters ...any) (n int64, err error) {
	err = d.run(ctx, sql, func(s *sqlite3.Stmt) bool {
		n = s.ColumnInt64(0)
		return false
	}, parameters...)
	return n, err
}
