package sqlpool

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"time"
)

// Busy reports whether SQLite has refused a statement because another connection holds a lock.
// Nothing of the statement was done. The error comes after the connection's busy timeout, and at
// once for the locks of connections that share a cache, for which SQLite calls no busy handler.
// Drivers differ in their types and agree in SQLite's text.
func Busy(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	return strings.Contains(text, "database is locked") || // SQLITE_BUSY
		strings.Contains(text, "table is locked") || // SQLITE_LOCKED
		strings.Contains(text, "schema is locked")
}

// BusyTimeout returns how long connections to SQLite wait for a lock.
func BusyTimeout(ctx context.Context, pool Querier) (time.Duration, error) {
	var milliseconds int64
	err := pool.QueryRowContext(ctx, "PRAGMA busy_timeout").Scan(&milliseconds)
	return time.Duration(milliseconds) * time.Millisecond, err
}

// A Querier is a connection or a pool of them.
type Querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// OnConn runs f on one of pool's connections, for which it waits until ctx ends. The context that
// f gets does not end: database/sql closes the connection of a transaction whose context ends,
// and with it a database in memory.
func OnConn(ctx context.Context, pool *sql.DB, f func(context.Context, *sql.Conn) error) error {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return explainWait(ctx, pool, err)
	}
	defer conn.Close()
	return f(context.WithoutCancel(ctx), conn)
}

// WithBusyTimeout runs f while conn, a connection to SQLite, waits for a lock no longer than
// timeout. Afterwards conn has its own busy timeout again.
func WithBusyTimeout(ctx context.Context, conn *sql.Conn, timeout time.Duration, f func() error) error {
	own, err := BusyTimeout(ctx, conn)
	if err != nil {
		return err
	}
	defer func() {
		if setBusyTimeout(ctx, conn, own) != nil {
			_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // nobody else gets it
		}
	}()
	if err := setBusyTimeout(ctx, conn, timeout); err != nil {
		return err
	}
	return f()
}

func setBusyTimeout(ctx context.Context, conn *sql.Conn, d time.Duration) error {
	return Pragma(ctx, conn, fmt.Sprintf("busy_timeout = %d", max(0, d.Milliseconds())))
}

// Pragma runs one of SQLite's PRAGMA statements. It reads the answer to its end, because a
// statement that is not finished keeps its locks.
func Pragma(ctx context.Context, conn *sql.Conn, text string) error {
	rows, err := conn.QueryContext(ctx, "PRAGMA "+text)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}
