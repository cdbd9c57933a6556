package ginsession

import (
	"context"
	"database/sql"
	"errors"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession/internal/sqlpool"
)

type execFunc func(ctx context.Context, stmt *sqlpool.Statement, args ...any) (changed int64, err error)

// exec runs a statement and returns how many rows it changed.
func (s *dbStore) exec(ctx context.Context, stmt *sqlpool.Statement, args ...any) (int64, error) {
	for {
		changed, err := s.tryExec(ctx, stmt, args)
		if !sqlpool.RolledBack(err) || ctx.Err() != nil {
			return changed, s.explain(err)
		}
	}
}

func (s *dbStore) tryExec(ctx context.Context, stmt *sqlpool.Statement, args []any) (int64, error) {
	if err := s.checkCommits(ctx); err != nil {
		return 0, err
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

// query runs a statement that selects a record. None is ErrNotFound.
func (s *dbStore) query(ctx context.Context, stmt *sqlpool.Statement, args ...any) (Record, error) {
	for {
		record, err := s.tryQuery(ctx, stmt, args)
		if errors.Is(err, sql.ErrNoRows) {
			return Record{}, ErrNotFound
		}
		if !sqlpool.RolledBack(err) || ctx.Err() != nil {
			return record, s.explain(err)
		}
	}
}

func (s *dbStore) tryQuery(ctx context.Context, stmt *sqlpool.Statement, args []any) (Record, error) {
	if err := s.checkCommits(ctx); err != nil {
		return Record{}, err
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

// firstRecord returns what a query through GORM selects, or sql.ErrNoRows.
func (s *dbStore) firstRecord(query *gorm.DB) (record Record, err error) {
	err = sqlpool.FirstRow(query, func(row sqlpool.Row) (err error) {
		record, err = s.scan(row)
		return err
	})
	return record, err
}
