package fulltext

import (
	"context"
	"errors"

	"github.com/ncruces/go-sqlite3"
)

// run calls row for each row of a statement, until row returns false. Parameters are int64 or
// []byte.
func (d *database) run(ctx context.Context, sql string, row func(*sqlite3.Stmt) bool, parameters ...any) (err error) {
	defer d.recover(&err)
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

// ErrMemory means that an operation needs more memory than SQLite may use.
var ErrMemory = errors.New("too much memory is needed")

// recover makes an error of the panic of go-sqlite3 when SQLite has no memory.
func (d *database) recover(err *error) {
	reason := recover()
	if reason == nil {
		return
	}
	if e, ok := reason.(error); !ok || e.Error() != "sqlite3: out of memory" {
		panic(reason)
	}
	d.broken = true
	*err = ErrMemory
}

// finalize closes a statement.
func (d *database) finalize(stmt *sqlite3.Stmt) {
	var err error
	defer d.recover(&err)
	_ = stmt.Close()
}
