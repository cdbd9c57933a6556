// Package sqlpool runs statements on the connection pool beneath GORM.
package sqlpool

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"

	"gorm.io/gorm"
)

// A Statement is SQL that GORM has quoted for the database.
type Statement struct {
	Text     string // with ? for each argument, as GORM takes it
	bound    string // with the database's own placeholders; "" if GORM runs it
	prepared atomic.Pointer[sql.Stmt]
}

// Statement prepares text to run in the pool, or to be run by GORM if p is nil.
func (p *Pool) Statement(db *gorm.DB, text string) *Statement {
	if p == nil {
		return &Statement{Text: text}
	}
	arguments := make([]any, strings.Count(text, "?"))
	for i := range arguments {
		arguments[i] = 0
	}
	dry := db.Session(&gorm.Session{DryRun: true}).Exec(text, arguments...)
	return &Statement{Text: text, bound: dry.Statement.SQL.String()}
}

// A Pool runs statements on GORM's connection pool, past GORM's clause building, which costs as
// much as a read from SQLite.
type Pool struct {
	pool    gorm.ConnPool
	db      *sql.DB // the pool if it is one, for its statistics
	prepare bool
	local   bool // there is no server to wait for
}

// New returns the pool of db, or nil if a plugin or a callback of the user's would miss the
// statements that go past GORM.
func New(db *gorm.DB) *Pool {
	if len(db.Plugins) > 0 || hasCallbacks(db.Callback().Raw(), 1) || hasCallbacks(db.Callback().Row(), 1) || db.DryRun {
		return nil
	}
	p := &Pool{pool: db.Statement.ConnPool, local: db.Name() == "sqlite"}
	if prepared, ok := p.pool.(*gorm.PreparedStmtDB); ok {
		p.pool = prepared.ConnPool
	}
	p.db, _ = p.pool.(*sql.DB)
	p.prepare = p.db != nil && mayPrepare(db.Dialector)
	return p
}

// hasCallbacks reports whether a GORM processor runs more than its own callbacks. GORM has no
// method that tells; if its field is not found, the answer is the safe one.
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

// Exec runs a statement.
func (p *Pool) Exec(ctx context.Context, stmt *Statement, args []any) (sql.Result, error) {
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
	return result, p.Explain(ctx, err)
}

// QueryRow returns the row with the context that it is to be read in.
func (p *Pool) QueryRow(ctx context.Context, stmt *Statement, args []any) (*sql.Row, context.Context, error) {
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
// timer and a goroutine each. But if every connection is in use, the wait must end: a handler
// that answers inside its own transaction may hold the only one.
func (p *Pool) start(ctx context.Context, stmt *Statement) (context.Context, *sql.Stmt, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if p.local && !exhausted(p.db) {
		ctx = context.WithoutCancel(ctx)
	}
	prepared, err := p.prepared(ctx, stmt)
	return ctx, prepared, p.Explain(ctx, err)
}

// prepared returns the prepared statement, or nil if statements are not prepared here. It
// stays prepared for as long as the *sql.DB is open.
func (p *Pool) prepared(ctx context.Context, stmt *Statement) (*sql.Stmt, error) {
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

func exhausted(pool *sql.DB) bool {
	if pool == nil {
		return false
	}
	stats := pool.Stats()
	return stats.MaxOpenConnections > 0 && stats.InUse >= stats.MaxOpenConnections
}

// Explain says so if err is the end of a wait for a free connection.
func (p *Pool) Explain(ctx context.Context, err error) error { return explainWait(ctx, p.db, err) }

func explainWait(ctx context.Context, pool *sql.DB, err error) error {
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) && exhausted(pool) {
		return fmt.Errorf("ginsession: no database connection came free (is the response written inside a transaction that holds the last one?): %w", err)
	}
	return err
}
