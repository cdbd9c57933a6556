package sqlpool_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession/internal/sqlpool"
)

func open(t *testing.T) (*gorm.DB, *sql.DB) {
	t.Helper()
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "test.db")+"?_busy_timeout=7000"), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	pool.SetMaxOpenConns(1)
	if err := db.Exec("CREATE TABLE t (a text, b int)").Error; err != nil {
		t.Fatal(err)
	}
	return db, pool
}

// Statements do the same past GORM and through it.
func TestStatements(t *testing.T) {
	db, _ := open(t)
	p := sqlpool.New(db)
	if p == nil {
		t.Fatal("there is no pool without plugins and callbacks")
	}
	insert := p.Statement(db, "INSERT INTO t (a, b) VALUES (?, ?)")
	query := p.Statement(db, "SELECT a FROM t WHERE b = ?")
	if _, err := p.Exec(t.Context(), insert, []any{"x", 1}); err != nil {
		t.Fatal(err)
	}
	if n, err := sqlpool.Exec(db, insert, []any{"y", 2}); n != 1 || err != nil {
		t.Fatalf("Exec through GORM: %d, %v", n, err)
	}
	for b, want := range map[int]string{1: "x", 2: "y"} {
		var past, through string
		row, _, err := p.QueryRow(t.Context(), query, []any{b})
		if err == nil {
			err = row.Scan(&past)
		}
		if err != nil || past != want {
			t.Errorf("past GORM: %q, %v; want %q", past, err, want)
		}
		err = sqlpool.FirstRow(sqlpool.Query(db, query, []any{b}), func(row sqlpool.Row) error { return row.Scan(&through) })
		if err != nil || through != want {
			t.Errorf("through GORM: %q, %v; want %q", through, err, want)
		}
	}
	err := sqlpool.FirstRow(sqlpool.Query(db, query, []any{3}), func(sqlpool.Row) error { return nil })
	if !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("FirstRow of none: %v; want sql.ErrNoRows", err)
	}
}

func TestNoPoolBesideCallbacks(t *testing.T) {
	db, _ := open(t)
	if err := db.Callback().Raw().Register("test", func(*gorm.DB) {}); err != nil {
		t.Fatal(err)
	}
	if sqlpool.New(db) != nil {
		t.Error("a callback would miss the pool's statements")
	}
}

func TestEndedContext(t *testing.T) {
	db, _ := open(t)
	p := sqlpool.New(db)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Exec(ctx, p.Statement(db, "DELETE FROM t"), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Exec: %v; want context.Canceled", err)
	}
}

func TestWithBusyTimeout(t *testing.T) {
	_, pool := open(t)
	timeout := func(q sqlpool.Querier) time.Duration {
		d, err := sqlpool.BusyTimeout(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	failure := errors.New("failed")
	err := sqlpool.OnConn(t.Context(), pool, func(ctx context.Context, conn *sql.Conn) error {
		return sqlpool.WithBusyTimeout(ctx, conn, 20*time.Millisecond, func() error {
			if got := timeout(conn); got != 20*time.Millisecond {
				t.Errorf("the busy timeout meanwhile is %v", got)
			}
			return failure
		})
	})
	if !errors.Is(err, failure) {
		t.Errorf("WithBusyTimeout: %v; want the function's error", err)
	}
	if got := timeout(pool); got != 7*time.Second {
		t.Errorf("the busy timeout afterwards is %v; want 7 s", got)
	}
}

type stateError string

func (e stateError) Error() string    { return "refused" }
func (e stateError) SQLState() string { return string(e) }

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		err                     error
		rolledBack, busy, stale bool
	}{
		{nil, false, false, false},
		{errors.New("other"), false, false, false},
		{stateError("40001"), true, false, false},
		{stateError("40P01"), true, false, false},
		{stateError("0A000"), false, false, true},
		{errors.New("Error 1213 (40001): Deadlock found"), true, false, false},
		{errors.New("database is locked"), false, true, false},
		{errors.New("database table is locked: t"), false, true, false},
		{errors.New("database schema is locked: main"), false, true, false},
	} {
		rolledBack, busy, stale := sqlpool.RolledBack(c.err), sqlpool.Busy(c.err), sqlpool.MayBeStalePlan(c.err)
		if rolledBack != c.rolledBack || busy != c.busy || stale != c.stale {
			t.Errorf("%v: RolledBack %v, Busy %v, MayBeStalePlan %v", c.err, rolledBack, busy, stale)
		}
	}
}
