package ginsession

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"
)

// ClearExpired deletes in batches, oldest first. Where there are row locks it passes over rows
// that somebody else holds, another cleaner or a request, and each deleting statement looks at
// the expiry again: a session that has just been extended survives.
func (s *dbStore) ClearExpired(ctx context.Context, now time.Time, o ClearOptions) (int64, error) {
	batch := s.clearMySQL
	switch s.db.Name() {
	case "postgres":
		batch = s.clearPostgres()
		setDefault(&o.BatchSize, maxClearBatch) // which holds up nobody: writers wait for rows, not for the table
	case "sqlite":
		batch = s.clearSQLite
	}
	return o.InBatches(ctx, func(limit int) (int64, error) {
		for {
			removed, err := batch(ctx, s.date(now), limit)
			if !rolledBack(err) || ctx.Err() != nil {
				return removed, s.explain(err)
			}
		}
	})
}

// clearSQLite is for a database whose lock is the whole file's.
func (s *dbStore) clearSQLite(ctx context.Context, now any, limit int) (int64, error) {
	db := s.db.WithContext(ctx)
	result := db.Exec(s.quoted(
		"DELETE FROM {t} WHERE {k} IN (SELECT {k} FROM {t} WHERE {e} < ? ORDER BY {e} LIMIT ?) AND {e} < ?"), now, limit, now)
	if result.RowsAffected == int64(limit) {
		_ = db.Connection(restartLog)
	}
	return result.RowsAffected, result.Error
}

// restartLog has SQLite's write-ahead log, if there is one, begin again: under traffic it would
// grow by all that is deleted. Writers wait meanwhile, and the log for readers, so it does not
// insist: the next batch is as good.
func restartLog(db *gorm.DB) error {
	const patience = 20 // milliseconds
	var timeout int
	err := firstRow(db.Raw("PRAGMA busy_timeout"), func(row row) error { return row.Scan(&timeout) })
	if err != nil {
		return err
	}
	err = pragma(db, fmt.Sprintf("busy_timeout = %d", patience))
	if err == nil {
		err = pragma(db, "wal_checkpoint(RESTART)")
	}
	return errors.Join(err, pragma(db, fmt.Sprintf("busy_timeout = %d", timeout)))
}

// pragma reads the answer to its end: a statement that has more to say keeps its locks.
func pragma(db *gorm.DB, text string) error {
	rows, err := db.Raw("PRAGMA " + text).Rows()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}

// clearPostgres walks along the index on expire_date, so that no batch reads again what an
// earlier one left dead, and names rows by their place, in an array: from a join the planner
// would make a sequential scan.
func (s *dbStore) clearPostgres() func(ctx context.Context, now any, limit int) (int64, error) {
	query := s.quoted("WITH gone AS (DELETE FROM {t} WHERE ctid = ANY(ARRAY(" +
		"SELECT ctid FROM {t} WHERE {e} >= ? AND {e} < ? ORDER BY {e} LIMIT ? FOR UPDATE SKIP LOCKED)) " +
		"AND {e} < ? RETURNING {e}) SELECT count(*), max({e}) FROM gone")
	var from time.Time
	return func(ctx context.Context, now any, limit int) (int64, error) {
		var removed int64
		var last sql.NullTime
		err := firstRow(s.db.WithContext(ctx).Raw(query, from, now, limit, now), func(row row) error {
			return row.Scan(&removed, &last)
		})
		if last.Valid {
			from = last.Time
		}
		return removed, err
	}
}

// clearMySQL reads the keys first: MySQL's DELETE cannot pass over locked rows. The isolation
// keeps it from locking the gaps between them too.
func (s *dbStore) clearMySQL(ctx context.Context, now any, limit int) (int64, error) {
	var removed int64
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var keys []string
		if err := tx.Raw(s.quoted("SELECT {k} FROM {t} WHERE {e} < ? ORDER BY {e} LIMIT ? FOR UPDATE SKIP LOCKED"), now, limit).Scan(&keys).Error; err != nil {
			return err
		}
		if len(keys) == 0 {
			return nil
		}
		result := tx.Exec(s.quoted("DELETE FROM {t} WHERE {k} IN ? AND {e} < ?"), keys, now)
		removed = result.RowsAffected
		return result.Error
	}, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if isMySQLError(err, "1064") { // before MySQL 8 and MariaDB 10.6: no SKIP LOCKED
		result := s.db.WithContext(ctx).Exec(s.quoted("DELETE FROM {t} WHERE {e} < ? ORDER BY {e} LIMIT ?"), now, limit)
		return result.RowsAffected, result.Error
	}
	if err != nil {
		return 0, err
	}
	return removed, nil
}

// quoted fills in the quoted names of the table and its columns.
func (s *dbStore) quoted(text string) string {
	q := s.db.Statement.Quote
	return strings.NewReplacer("{t}", q(s.table), "{k}", q("session_key"), "{e}", q("expire_date")).Replace(text)
}
