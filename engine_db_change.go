package ginsession

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession/internal/sqlpool"
)

// This file changes a row: by comparing and swapping, and under a lock if that fails.

// change stores f(prev) in one statement if the row still holds prev.Data. Otherwise it
// locks the row, reads it and applies f to what it holds: once is enough then, whereas
// comparing again and again would starve under contention.
func (s *dbStore) change(ctx context.Context, key, newKey string, prev Record, now time.Time, f Mutate) (Record, error) {
	if prev.Data != nil {
		next, err := f(prev)
		if err != nil {
			return Record{}, err
		}
		changed, err := s.write(ctx, s.exec, key, newKey, prev, next, now, true, next.Owner != prev.Owner)
		if err != nil || changed > 0 {
			return next, err
		}
	}
	var next Record
	err := s.retry(ctx, func() error {
		return s.transaction(ctx, func(tx *gorm.DB) (err error) {
			next, err = s.changeLocked(ctx, tx, key, newKey, prev, now, f)
			return err
		})
	})
	return next, s.explain(err)
}

func (s *dbStore) changeLocked(ctx context.Context, tx *gorm.DB, key, newKey string, prev Record, now time.Time, f Mutate) (Record, error) {
	exec := func(_ context.Context, stmt *sqlpool.Statement, args ...any) (int64, error) {
		return sqlpool.Exec(tx, stmt, args)
	}
	if s.dialect.writes {
		if _, err := exec(ctx, s.lock, key); err != nil {
			return Record{}, err
		}
	}
	current, err := s.firstRecord(sqlpool.Query(tx, s.reload, []any{key, s.moment(now)}))
	if errors.Is(err, sql.ErrNoRows) {
		return Record{}, ErrNotFound
	}
	if err != nil {
		return Record{}, err
	}
	next, err := f(current)
	if err != nil {
		return Record{}, err
	}
	// Nobody has read whose the locked row is, but if it was nobody's it still is. A table that lacks the
	// column, because Migrate has not run yet, has no other.
	owner := prev.Data == nil || prev.Owner != "" || next.Owner != ""
	_, err = s.write(ctx, exec, key, newKey, current, next, now, false, owner)
	return next, err
}

// write updates the row of key and returns how many rows changed. It leaves expire_date alone
// if it stays the same: that halves the cost, because its index is not touched. It writes the owner only
// if owner is true, and expire_date then too.
func (s *dbStore) write(ctx context.Context, exec execFunc, key, newKey string, prev, next Record, now time.Time, compare, owner bool) (int64, error) {
	args, err := s.values(next, cmp.Or(newKey, key))
	if err != nil {
		return 0, err
	}
	owner = owner && s.hasOwner
	if owner {
		args = append(args, nullable(next.Owner))
	}
	moved := owner || !next.Expires.Equal(prev.Expires)
	if moved {
		args = append(args, s.date(next.Expires))
	}
	if newKey != "" {
		args = append(args, newKey)
	}
	args = append(args, key, s.moment(now))
	pair := s.pair(owner, moved, newKey != "")
	if !compare {
		return exec(ctx, pair.locked, args...)
	}
	args = append(args, textOf(prev.Data))
	if !moved {
		args = append(args, s.date(prev.Expires)) // a Touch may have moved it since
	}
	return exec(ctx, pair.compared, args...)
}

func (s *dbStore) pair(owner, moved, replaced bool) sqlPair {
	switch {
	case owner && replaced:
		return s.replaceOwner
	case owner:
		return s.updateOwner
	case moved && replaced:
		return s.replace
	case replaced:
		return s.replaceData
	case moved:
		return s.update
	default:
		return s.updateData
	}
}
