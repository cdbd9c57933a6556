package ginsession_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"strings"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

// A steppedDriver opens connections to SQLite whose statements are steps. A statement that is lost, or
// whose answer is, breaks its connection.
type steppedDriver struct {
	sqliteConnector
	stepper *stepper
}

// openSteppedDB opens the database in a file, whose table is there, inside the bubble of a run.
func openSteppedDB(t *testing.T, g *stepper, file string) *gorm.DB {
	t.Helper()
	// Who finds the database locked does not wait in the driver, where no step can go on.
	connector := steppedDriver{sqliteConnector{"file:" + file + "?_journal_mode=WAL&_synchronous=OFF&_busy_timeout=0"}, g}
	return openDB(t, sqlite.New(sqlite.Config{Conn: sql.OpenDB(connector)}))
}

// steppedFile makes a file with the sessions table.
func steppedFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "test.db")
	migrate(t, openDB(t, sqlite.Open(sqliteDSN(file))))
	return file
}

func (d steppedDriver) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := d.sqliteConnector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &steppedConn{conn.(fullConn), d.stepper, false}, nil
}

type steppedConn struct {
	fullConn
	stepper *stepper
	broken  bool
}

func (c *steppedConn) IsValid() bool { return !c.broken }

func (c *steppedConn) run(ctx context.Context, statement string, operation func() error) error {
	if c.broken {
		return driver.ErrBadConn
	}
	request, _ := ctx.Value(requestName{}).(string)
	verb, _, _ := strings.Cut(statement, " ")
	err := c.stepper.do(request, "db", verb, operation)
	c.broken = err == errLost
	return err
}

func (c *steppedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.fullConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return steppedStmt{stmt.(fullStmt), query, c}, nil
}

func (c *steppedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (result driver.Result, err error) {
	err = c.run(ctx, query, func() (err error) {
		result, err = c.fullConn.ExecContext(ctx, query, args)
		return err
	})
	return result, err
}

func (c *steppedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	var rows driver.Rows
	err := c.run(ctx, query, func() (err error) {
		rows, err = c.fullConn.QueryContext(ctx, query, args)
		return err
	})
	return orClose(rows, err)
}

// orClose closes rows that nobody gets, so that SQLite ends the read.
func orClose(rows driver.Rows, err error) (driver.Rows, error) {
	if err != nil && rows != nil {
		rows.Close()
		return nil, err
	}
	return rows, err
}

func (c *steppedConn) BeginTx(ctx context.Context, options driver.TxOptions) (tx driver.Tx, err error) {
	err = c.run(ctx, "BEGIN", func() (err error) {
		tx, err = c.fullConn.BeginTx(ctx, options)
		return err
	})
	return steppedTx{tx, ctx, c}, err
}

type steppedStmt struct {
	fullStmt
	query string
	conn  *steppedConn
}

func (s steppedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (result driver.Result, err error) {
	err = s.conn.run(ctx, s.query, func() (err error) {
		result, err = s.fullStmt.ExecContext(ctx, args)
		return err
	})
	return result, err
}

func (s steppedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	var rows driver.Rows
	err := s.conn.run(ctx, s.query, func() (err error) {
		rows, err = s.fullStmt.QueryContext(ctx, args)
		return err
	})
	return orClose(rows, err)
}

type steppedTx struct {
	driver.Tx
	ctx  context.Context
	conn *steppedConn
}

func (tx steppedTx) Commit() error   { return tx.conn.run(tx.ctx, "COMMIT", tx.Tx.Commit) }
func (tx steppedTx) Rollback() error { return tx.conn.run(tx.ctx, "ROLLBACK", tx.Tx.Rollback) }
