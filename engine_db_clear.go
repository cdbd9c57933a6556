package ginsession

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession/internal/sqlpool"
)

// ClearExpired deletes in batches. If there are row locks, it skips rows that somebody
// else holds, another cleaner or a request, and each deleting statement looks at the expiry
// again: a session that has just been extended survives.
func (s *dbStore) ClearExpired(ctx context.Context, now time.Time, o ClearOptions) (int64, error) {
	if err := s.probe(ctx); err != nil {
		return 0, err
	}
	var batch clearBatch
	switch s.db.Name() {
	case "mysql":
		batch = s.clearMySQL
	case "postgres":
		// Writers wait for rows here, not for the table: large batches hold up nobody, and a pause
		// would let in nobody.
		setDefault(&o.BatchSize, maxClearBatch)
		setDefault(&o.Pause, -1)
		err := s.retry(ctx, func() (err error) {
			batch, err = s.clearPostgres(ctx, now)
			return err
		})
		if err != nil {
			return 0, s.explain(err)
		}
	case "sqlite":
		batch = s.clearSQLite
	}
	return o.InBatches(ctx, func(limit int) (removed int64, err error) {
		patience := s.timeout.New(ctx) // with SQLite's lock; ctx still ends the batch
		err = s.retry(patience, func() error {
			n, err := batch(ctx, s.moment(now), limit-int(removed))
			removed += n
			return err
		})
		return removed, s.explain(err)
	})
}

// A clearBatch deletes up to limit rows, and fewer only if there are no more. Even with
// an error it returns how many it has deleted.
type clearBatch = func(ctx context.Context, now any, limit int) (int64, error)

// clearSQLite is for a database whose lock is the whole file's.
func (s *dbStore) clearSQLite(ctx context.Context, now any, limit int) (int64, error) {
	result := s.db.WithContext(ctx).Exec(s.quoted(
		"DELETE FROM {t} WHERE {k} IN (SELECT {k} FROM {t} WHERE {e} < ? ORDER BY {e} LIMIT ?) AND {e} < ?"), now, limit, now)
	if result.RowsAffected == int64(limit) {
		_ = s.restartLog(ctx)
	}
	return result.RowsAffected, result.Error
}

// restartLog makes SQLite's write-ahead log, if there is one, start over: under traffic it would
// grow by all that is deleted. Writers wait for this, and it waits for readers, but only briefly:
// if it fails, the next batch tries again.
func (s *dbStore) restartLog(ctx context.Context) error {
	pool, err := sqlpool.Source(s.db.WithContext(ctx)).DB()
	if err != nil {
		return err
	}
	return sqlpool.OnConn(ctx, pool, func(ctx context.Context, conn *sql.Conn) error {
		return sqlpool.WithBusyTimeout(ctx, conn, 20*time.Millisecond, func() error {
			return sqlpool.Pragma(ctx, conn, "wal_checkpoint(RESTART)")
		})
	})
}

// clearPostgres chooses how to find the expired rows. If there are more of them than the
// table has pages, it is cheaper to read every page once than to come back to it for one row
// after the other. Before PostgreSQL 14 a part of the pages cannot be read by itself, and a
// partitioned table has none of its own.
func (s *dbStore) clearPostgres(ctx context.Context, now time.Time) (clearBatch, error) {
	query := s.quoted("SELECT CASE WHEN current_setting('server_version_num')::int >= 140000 " +
		"AND EXISTS (SELECT FROM {t} WHERE {e} < ? OFFSET heap.pages) THEN heap.pages ELSE 0 END " +
		"FROM (SELECT pg_relation_size(CAST(CAST(? AS text) AS regclass)) / current_setting('block_size')::bigint AS pages) AS heap")
	var pages int64
	err := sqlpool.FirstRow(s.db.WithContext(ctx).Raw(query, s.moment(now), s.quoted("{t}")), func(row sqlpool.Row) error {
		return row.Scan(&pages)
	})
	switch {
	case err != nil:
		return nil, err
	case pages > 0:
		return s.clearPages(pages), nil
	default:
		return s.clearAlongIndex(), nil
	}
}

// clearPages walks over the table's pages. Rows are found in their order, locked and named by
// their place, in an array: from a join the planner would make a sequential scan. IS TRUE keeps
// it from the index on expire_date, which it would read from end to end for each batch if its
// statistics are so old that they know of no expired row.
func (s *dbStore) clearPages(pages int64) clearBatch {
	query := s.quoted("WITH found AS MATERIALIZED (SELECT ARRAY(" +
		"SELECT ctid FROM {t} WHERE ctid > CAST(? AS tid) AND ctid < CAST(? AS tid) AND ({e} < ?) IS TRUE LIMIT ? FOR UPDATE SKIP LOCKED) AS places), " +
		"gone AS (DELETE FROM {t} WHERE ctid = ANY(CAST((SELECT places FROM found) AS tid[])) AND ({e} < ?) IS TRUE) " +
		"SELECT cardinality(places), CAST(places[cardinality(places)] AS text) FROM found")
	const stride = 1000 // how many pages a statement reads at most: some milliseconds' worth
	before := func(page int64) string { return fmt.Sprintf("(%d,0)", page) }
	after, end := before(0), min(stride, pages)
	return func(ctx context.Context, now any, limit int) (int64, error) {
		var removed int64
		for {
			var n int64
			var last sql.NullString
			left := int64(limit) - removed
			err := sqlpool.FirstRow(s.db.WithContext(ctx).Raw(query, after, before(end), now, left, now), func(row sqlpool.Row) error {
				return row.Scan(&n, &last)
			})
			if err != nil { // also after the answer, as PostgreSQL's serializable transactions do: nothing of it is gone
				return removed, err
			}
			removed += n
			switch {
			case n == left:
				after = last.String
				return removed, nil
			case end == pages:
				return removed, nil
			}
			after, end = before(end), min(end+stride, pages)
		}
	}
}

// clearAlongIndex walks along the index on expire_date, oldest first, so that no batch reads
// again what an earlier one left dead.
func (s *dbStore) clearAlongIndex() clearBatch {
	query := s.quoted("WITH gone AS (DELETE FROM {t} WHERE ctid = ANY(ARRAY(" +
		"SELECT ctid FROM {t} WHERE {e} >= ? AND {e} < ? ORDER BY {e} LIMIT ? FOR UPDATE SKIP LOCKED)) " +
		"AND ({e} < ?) IS TRUE RETURNING {e}) SELECT count(*), max({e}) FROM gone")
	var from time.Time
	return func(ctx context.Context, now any, limit int) (int64, error) {
		var removed int64
		var last sql.NullTime
		err := sqlpool.FirstRow(s.db.WithContext(ctx).Raw(query, from, now, limit, now), func(row sqlpool.Row) error {
			return row.Scan(&removed, &last)
		})
		if err != nil {
			return 0, err
		}
		if last.Valid {
			from = last.Time
		}
		return removed, nil
	}
}

// clearMySQL reads the keys first: MySQL's DELETE cannot pass over locked rows. The isolation
// keeps it from locking the gaps between them too.
func (s *dbStore) clearMySQL(ctx context.Context, now any, limit int) (int64, error) {
	var removed int64
	err := s.transaction(ctx, func(tx *gorm.DB) error {
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
	if sqlpool.IsMySQLError(err, "1064") { // before MySQL 8 and MariaDB 10.6: no SKIP LOCKED
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
