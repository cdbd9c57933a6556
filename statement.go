package ginsession

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"

	"gorm.io/gorm"
)

// A statement is SQL that GORM has quoted for the database.
type statement struct {
	text     string // with ? for each argument, as GORM takes it
	bound    string // with the database's own placeholders; "" where GORM runs it
	prepared atomic.Pointer[sql.Stmt]
}

func (s *dbStore) statement(text string) *statement {
	if s.direct == nil {
		return &statement{text: text}
	}
	arguments := make([]any, strings.Count(text, "?"))
	for i := range arguments {
		arguments[i] = 0
	}
	dry := s.db.Session(&gorm.Session{DryRun: true}).Exec(text, arguments...)
	return &statement{text: text, bound: dry.Statement.SQL.String()}
}

type execFunc func(ctx context.Context, stmt *statement, args ...any) (changed int64, err error)

// exec runs a statement and returns how many rows it changed.
func (s *dbStore) exec(ctx context.Context, stmt *statement, args ...any) (int64, error) {
	for {
		changed, err := s.tryExec(ctx, stmt, args)
		if !rolledBack(err) || ctx.Err() != nil {
			return changed, s.explain(err)
		}
	}
}

func (s *dbStore) tryExec(ctx context.Context, stmt *statement, args []any) (int64, error) {
	if s.direct == nil {
		result := s.db.WithContext(ctx).Exec(stmt.text, args...)
		return result.RowsAffected, result.Error
	}
	result, err := s.direct.exec(ctx, stmt, args)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// rolledBack reports whether the database has undone a statement or transaction because another
// one was in its way. Nothing of it was done, and it can be tried again: one of them always gets
// through.
func rolledBack(err error) bool {
	if err == nil {
		return false
	}
	switch sqlState(err) {
	case "40001", "40P01": // PostgreSQL's serialization_failure and deadlock_detected
		return true
	}
	return isMySQLError(err, "1213") // ER_LOCK_DEADLOCK
}

// sqlState returns the code of a PostgreSQL error, and isMySQLError reports the number of one of
// MySQL's: neither driver is imported here.
func sqlState(err error) string {
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		return state.SQLState()
	}
	return ""
}

func isMySQLError(err error, number string) bool {
	return err != nil && strings.HasPrefix(err.Error(), "Error "+number)
}

// query runs a statement that selects a record. None is ErrNotFound.
func (s *dbStore) query(ctx context.Context, stmt *statement, args ...any) (Record, error) {
	for {
		record, err := s.tryQuery(ctx, stmt, args)
		if errors.Is(err, sql.ErrNoRows) {
			return Record{}, ErrNotFound
		}
		if !rolledBack(err) || ctx.Err() != nil {
			return record, s.explain(err)
		}
	}
}

func (s *dbStore) tryQuery(ctx context.Context, stmt *statement, args []any) (Record, error) {
	if s.direct == nil {
		return s.firstRecord(s.db.WithContext(ctx).Raw(stmt.text, args...))
	}
	row, ctx, err := s.direct.query(ctx, stmt, args)
	if err != nil {
		return Record{}, err
	}
	record, err := s.scan(row)
	return record, s.direct.explain(ctx, err)
}

// firstRecord returns what a query through GORM selects, or sql.ErrNoRows.
func (s *dbStore) firstRecord(query *gorm.DB) (record Record, err error) {
	err = firstRow(query, func(row row) (err error) {
		record, err = s.scan(row)
		return err
	})
	return record, err
}

// A row is a *sql.Row or the current one of *sql.Rows.
type row interface{ Scan(dest ...any) error }

// firstRow scans the first row of a query through GORM, or returns sql.ErrNoRows. GORM's own Row
// panics where it prepares statements and one cannot be prepared, as when the context is over.
func firstRow(query *gorm.DB, scan func(row) error) error {
	rows, err := query.Rows()
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		return cmp.Or(rows.Err(), sql.ErrNoRows)
	}
	if err := scan(rows); err != nil {
		return err
	}
	return rows.Close()
}

// A directPool runs statements on GORM's connection pool, past GORM's clause building, which
// costs as much as a read from SQLite.
type directPool struct {
	pool    gorm.ConnPool
	db      *sql.DB // the pool where it is one, for its statistics
	prepare bool
	local   bool // there is no server to wait for
}

// newDirectPool looks whether statements may go past GORM, and returns nil where a plugin or
// a callback of the user's would miss them.
func newDirectPool(db *gorm.DB) *directPool {
	if len(db.Plugins) > 0 || hasCallbacks(db.Callback().Raw(), 1) || hasCallbacks(db.Callback().Row(), 1) || db.DryRun {
		return nil
	}
	p := &directPool{pool: db.Statement.ConnPool, local: db.Name() == "sqlite"}
	if prepared, ok := p.pool.(*gorm.PreparedStmtDB); ok {
		p.pool = prepared.ConnPool
	}
	p.db, _ = p.pool.(*sql.DB)
	p.prepare = p.db != nil && mayPrepare(db.Dialector)
	return p
}

// hasCallbacks reports whether a GORM processor runs more than its own callbacks. GORM has no
// method that tells; where its field is not found, the answer is the safe one.
func hasCallbacks(processor any, own int) bool {
	fns := reflect.ValueOf(processor).Elem().FieldByName("fns")
	return !fns.IsValid() || fns.Kind() != reflect.Slice || fns.Len() != own
}

// mayPrepare reports whether statements are to be prepared here. pgx prepares by itself, unless
// its settings say otherwise (PgBouncer), and MySQL's driver is told by InterpolateParams not
// to.
func mayPrepare(dialector gorm.Dialector) bool {
	switch dialector.Name() {
	case "sqlite":
		return true
	case "mysql":
		return !setting(reflect.ValueOf(dialector), "Config", "DSNConfig", "InterpolateParams") &&
			!strings.Contains(dsn(dialector), "interpolateParams=true")
	default:
		return false
	}
}

// setting follows a path of fields through a dialector, whose package is not imported here, and
// reports whether it ends at true.
func setting(v reflect.Value, path ...string) bool {
	for _, name := range path {
		for v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		if v.Kind() != reflect.Struct {
			return false
		}
		v = v.FieldByName(name)
	}
	return v.Kind() == reflect.Bool && v.Bool()
}

func dsn(dialector gorm.Dialector) string {
	v := reflect.Indirect(reflect.ValueOf(dialector))
	if v.Kind() != reflect.Struct {
		return ""
	}
	if f := v.FieldByName("DSN"); f.Kind() == reflect.String {
		return f.String()
	}
	return ""
}

func (p *directPool) exec(ctx context.Context, stmt *statement, args []any) (sql.Result, error) {
	ctx, prepared, err := p.start(ctx, stmt)
	if err != nil {
		return nil, err
	}
	var result sql.Result
	if prepared != nil {
		result, err = prepared.ExecContext(ctx, args...)
	} else {
		result, err = p.pool.ExecContext(ctx, stmt.bound, args...)
	}
	return result, p.explain(ctx, err)
}

// query returns the row with the context that it is to be read in.
func (p *directPool) query(ctx context.Context, stmt *statement, args []any) (*sql.Row, context.Context, error) {
	ctx, prepared, err := p.start(ctx, stmt)
	switch {
	case err != nil:
		return nil, nil, err
	case prepared != nil:
		return prepared.QueryRowContext(ctx, args...), ctx, nil
	default:
		return p.pool.QueryRowContext(ctx, stmt.bound, args...), ctx, nil
	}
}

// start returns the context and the prepared statement, if any, to run stmt with. SQLite's
// statements are bounded by its own busy timeout: a context that can end would cost them a
// timer and a goroutine each. But where every connection is in use the wait must end: a handler
// that answers inside its own transaction may hold the only one.
func (p *directPool) start(ctx context.Context, stmt *statement) (context.Context, *sql.Stmt, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if p.local && !p.exhausted() {
		ctx = context.WithoutCancel(ctx)
	}
	prepared, err := p.prepared(ctx, stmt)
	return ctx, prepared, p.explain(ctx, err)
}

// prepared returns the prepared statement, or nil where statements are not prepared here. It
// stays prepared for as long as the *sql.DB is open.
func (p *directPool) prepared(ctx context.Context, stmt *statement) (*sql.Stmt, error) {
	if !p.prepare {
		return nil, nil
	}
	if prepared := stmt.prepared.Load(); prepared != nil {
		return prepared, nil
	}
	prepared, err := p.db.PrepareContext(ctx, stmt.bound)
	if err != nil {
		return nil, err
	}
	if !stmt.prepared.CompareAndSwap(nil, prepared) {
		_ = prepared.Close()
		return stmt.prepared.Load(), nil
	}
	return prepared, nil
}

func (p *directPool) exhausted() bool {
	if p.db == nil {
		return false
	}
	stats := p.db.Stats()
	return stats.MaxOpenConnections > 0 && stats.InUse >= stats.MaxOpenConnections
}

func (p *directPool) explain(ctx context.Context, err error) error {
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) && p.exhausted() {
		return fmt.Errorf("ginsession: no database connection came free (is the response written inside a transaction that holds the last one?): %w", err)
	}
	return err
}
