// Package purego proves that sessions work in a program without a C compiler: with the SQLite driver
// github.com/glebarez/sqlite, which is C translated to Go. scripts/test runs it with CGO_ENABLED=0.
package purego_test

import (
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/glebarez/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
	"github.com/ginsession/ginsession/enginetest"
)

// open opens a new database as a program would: the driver's DSN has pragmas in place of options.
func open(t *testing.T) *gorm.DB {
	t.Helper()
	dsn := filepath.Join(t.TempDir(), "test.db") + "?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)"
	db, err := gorm.Open(sqlite.Open(dsn), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if pool, err := db.DB(); err == nil {
			_ = pool.Close()
		}
	})
	for range 2 {
		if err := ginsession.Migrate(db); err != nil {
			t.Fatal("Migrate:", err)
		}
	}
	return db
}

func newManager(t *testing.T, clock func() time.Time) *ginsession.Manager {
	t.Helper()
	m, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.DB(open(t)), Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEngines(t *testing.T) {
	t.Run("db", func(t *testing.T) {
		enginetest.Engine(t, func(t *testing.T) ginsession.Engine { return ginsession.DB(open(t)) })
	})
	t.Run("cached_db", func(t *testing.T) {
		enginetest.Engine(t, func(t *testing.T) ginsession.Engine { return ginsession.CachedDB(open(t), memory.New()) })
	})
}

// Concurrent requests of one visitor lose nothing.
func TestMerge(t *testing.T) {
	m := newManager(t, time.Now)
	first := m.Open(t.Context(), "")
	first.Set("n", 0)
	if err := first.Save(); err != nil {
		t.Fatal(err)
	}
	const requests = 50
	var all sync.WaitGroup
	for range requests {
		all.Go(func() {
			s := m.Open(t.Context(), first.Key())
			_, err := ginsession.Modify(s, "n", func(n int, _ bool) int { return n + 1 })
			if err == nil {
				err = s.Save()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n, _ := ginsession.Value[int](m.Open(t.Context(), first.Key()), "n"); n != requests {
		t.Errorf("%d increments are left of %d", n, requests)
	}
}

func TestExpiryAndOwners(t *testing.T) {
	var passed atomic.Int64
	m := newManager(t, func() time.Time { return time.Unix(2_000_000_000+passed.Load(), 0) })
	for range 3 {
		s := m.Open(t.Context(), "")
		if err := errors.Join(s.SignIn("42"), s.Save()); err != nil {
			t.Fatal(err)
		}
	}
	if sessions, err := m.SessionsOf(t.Context(), "42"); len(sessions) != 3 || err != nil {
		t.Errorf("SessionsOf: %d sessions, %v", len(sessions), err)
	}
	if ended, err := m.EndSessionsOf(t.Context(), "42"); ended != 3 || err != nil {
		t.Errorf("EndSessionsOf: %d, %v", ended, err)
	}
	s := m.Open(t.Context(), "")
	s.Set("n", 1)
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	passed.Store(15 * 24 * 60 * 60)
	if exists, err := m.Exists(t.Context(), s.Key()); exists || err != nil {
		t.Errorf("an expired session: %t, %v", exists, err)
	}
	if cleared, err := m.ClearExpired(t.Context()); cleared != 1 || err != nil {
		t.Errorf("ClearExpired: %d, %v", cleared, err)
	}
}
