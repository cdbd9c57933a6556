package ginsession

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession/internal/deadline"
	"github.com/ginsession/ginsession/internal/sqlpool"
)

// This file runs statements, again if they were in each other's way, for no longer than their
// context allows.

type execFunc func(ctx context.Context, stmt *sqlpool.Statement, args ...any) (changed int64, err error)

// exec runs a statement and returns how many rows it changed.
func (s *dbStore) exec(ctx context.Context, stmt *sqlpool.Statement, args ...any) (changed int64, err error) {
	err = s.retry(ctx, func() error {
		changed, err = s.tryExec(ctx, stmt, args)
		return err
	})
	return changed, s.explain(err)
}

func (s *dbStore) tryExec(ctx context.Context, stmt *sqlpool.Statement, args []any) (int64, error) {
	if err := s.probe(ctx); err != nil {
		return 0, err
	}
	if _, short := s.shortOfTime(ctx); short {
		return s.execInTransaction(ctx, stmt, args)
	}
	if s.direct == nil {
		return sqlpool.Exec(s.db.WithContext(ctx), stmt, args)
	}
	result, err := s.direct.Exec(ctx, stmt, args)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (s *dbStore) execInTransaction(ctx context.Context, stmt *sqlpool.Statement, args []any) (changed int64, err error) {
	err = s.transaction(ctx, func(tx *gorm.DB) error {
		changed, err = sqlpool.Exec(tx, stmt, args)
		return err
	})
	return changed, err
}

// query runs a statement that selects a record. None is ErrNotFound.
func (s *dbStore) query(ctx context.Context, stmt *sqlpool.Statement, args ...any) (record Record, err error) {
	err = s.retry(ctx, func() error {
		record, err = s.tryQuery(ctx, stmt, args)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return Record{}, ErrNotFound
	}
	return record, s.explain(err)
}

func (s *dbStore) tryQuery(ctx context.Context, stmt *sqlpool.Statement, args []any) (Record, error) {
	if err := s.probe(ctx); err != nil {
		return Record{}, err
	}
	if _, short := s.shortOfTime(ctx); short {
		return s.queryInTransaction(ctx, stmt, args)
	}
	if s.direct == nil {
		return s.firstRecord(sqlpool.Query(s.db.WithContext(ctx), stmt, args))
	}
	row, ctx, err := s.direct.QueryRow(ctx, stmt, args)
	if err != nil {
		return Record{}, err
	}
	record, err := s.scan(row)
	return record, s.direct.Explain(ctx, err)
}

func (s *dbStore) queryInTransaction(ctx context.Context, stmt *sqlpool.Statement, args []any) (record Record, err error) {
	err = s.transaction(ctx, func(tx *gorm.DB) error {
		record, err = s.firstRecord(sqlpool.Query(tx, stmt, args))
		return err
	})
	return record, err
}

// firstRecord returns what a query through GORM selects, or sql.ErrNoRows.
func (s *dbStore) firstRecord(query *gorm.DB) (record Record, err error) {
	err = sqlpool.FirstRow(query, func(row sqlpool.Row) (err error) {
		record, err = s.scan(row)
		return err
	})
	return record, err
}

// transaction runs f in a transaction, which f must be able to run again.
func (s *dbStore) transaction(ctx context.Context, f func(tx *gorm.DB) error, options ...*sql.TxOptions) error {
	if !s.dialect.writes {
		return sqlpool.Source(s.db.WithContext(ctx)).Transaction(f, options...)
	}
	left, short := s.shortOfTime(ctx)
	return s.onConn(ctx, func(ctx context.Context, conn *sql.Conn, db *gorm.DB) error {
		if !short {
			return db.Transaction(f)
		}
		return sqlpool.WithBusyTimeout(ctx, conn, left, func() error { return db.Transaction(f) })
	})
}

// onConn runs f with a connection, and with GORM on it, that ctx does not close.
func (s *dbStore) onConn(ctx context.Context, f func(context.Context, *sql.Conn, *gorm.DB) error) error {
	pool, err := sqlpool.Source(s.db.WithContext(ctx)).DB()
	if err != nil {
		return err
	}
	return sqlpool.OnConn(ctx, pool, func(ctx context.Context, conn *sql.Conn) error {
		db := s.db.WithContext(ctx)
		db.Statement.ConnPool = conn
		return f(ctx, conn, db)
	})
}

// maxStalePlans is how many connections may refuse a statement after the table was altered.
const maxStalePlans = 64

// retry calls try until nothing is in its way, or ctx ends. What was in the way last is in the
// error beside that of ctx.
func (s *dbStore) retry(ctx context.Context, try func() error) error {
	if s.dialect.writes {
		_, _ = ctx.Deadline() // the timeout of the store starts before the driver's own
	}
	for tries := 0; ; tries++ {
		err := try()
		busy := s.dialect.writes && sqlpool.Busy(err)
		stale := tries < maxStalePlans && sqlpool.MayBeStalePlan(err)
		if !busy && !stale && !sqlpool.RolledBack(err) {
			return err
		}
		if busy && !awaitLock(ctx, tries) || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
	}
}

// awaitLock sleeps for some milliseconds, longer after each try, before a statement that SQLite
// refused is tried again. It returns false if ctx has no deadline: only the driver waits then.
func awaitLock(ctx context.Context, tries int) bool {
	if _, bounded := ctx.Deadline(); !bounded {
		return false
	}
	const longest = 32 * time.Millisecond
	pause := min(time.Millisecond<<min(tries, 10), longest)
	return deadline.Sleep(ctx, pause/2+rand.N(pause/2)) == nil
}

// shortOfTime reports whether SQLite's driver would wait for a lock for longer than ctx allows,
// and how long that is. An eighth more is let pass, for the time that has gone since ctx began.
func (s *dbStore) shortOfTime(ctx context.Context) (left time.Duration, short bool) {
	if !s.dialect.writes {
		return 0, false
	}
	end, bounded := ctx.Deadline()
	if !bounded {
		return 0, false
	}
	left = time.Until(end)
	busyTimeout := time.Duration(s.busyTimeout.Load())
	return left, left < busyTimeout-busyTimeout/8
}
