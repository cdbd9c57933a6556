package ginsession

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession/internal/sqlpool"
)

// This file finds and deletes the rows of an owner.

const ownerColumn = "owner"

func nullable(owner string) any {
	if owner == "" {
		return nil
	}
	return owner
}

func (s *dbStore) refusesOwners() (why string) {
	if s.hasOwner {
		return ""
	}
	return "the table " + djangoTable + " has no column for the owner: use a table of your own"
}

// Owned is one SELECT, which sees each row as it was at one moment: a row is missed neither before
// nor after another statement changes its key.
func (s *dbStore) Owned(ctx context.Context, owner string, now time.Time) (records []OwnedRecord, err error) {
	err = s.run(ctx, func(db *gorm.DB) error {
		rows, err := sqlpool.Query(db, s.owned, []any{owner, owner, s.moment(now)}).Rows()
		if err != nil {
			return err
		}
		defer rows.Close()
		records = nil
		for rows.Next() {
			var r OwnedRecord
			if r.Record, err = s.scan(keyedRow{rows, &r.Key}); err != nil {
				return err
			}
			records = append(records, r)
		}
		return rows.Err()
	})
	return records, err
}

// A keyedRow is a row whose first column is the key.
type keyedRow struct {
	row sqlpool.Row
	key *string
}

func (k keyedRow) Scan(dest ...any) error { return k.row.Scan(append([]any{k.key}, dest...)...) }

// DeleteAll is one statement.
func (s *dbStore) DeleteAll(ctx context.Context, keys ...string) (deleted int64, err error) {
	if len(keys) == 0 {
		return 0, nil
	}
	q := s.db.Statement.Quote
	remove := s.direct.Statement(s.db, "DELETE FROM "+q(s.table)+" WHERE "+q("session_key")+" IN (?"+strings.Repeat(", ?", len(keys)-1)+")")
	args := make([]any, len(keys))
	for i, key := range keys {
		args[i] = key
	}
	err = s.run(ctx, func(db *gorm.DB) error {
		deleted, err = sqlpool.Exec(db, remove, args)
		return err
	})
	return deleted, err
}

// run has f run a statement through GORM, again if another one was in its way.
func (s *dbStore) run(ctx context.Context, f func(db *gorm.DB) error) error {
	err := s.retry(ctx, func() error {
		if err := s.probe(ctx); err != nil {
			return err
		}
		if _, short := s.shortOfTime(ctx); short {
			return s.transaction(ctx, f)
		}
		return f(s.db.WithContext(ctx))
	})
	return s.explain(err)
}
