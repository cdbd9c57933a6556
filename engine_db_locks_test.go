package ginsession_test

import (
	"context"
	"database/sql"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
)

// hour is a busy timeout, in milliseconds, that no test waits for.
const hour = "3600000"

// lockSQLite takes the lock of the database's only writer, on a connection of its own.
func lockSQLite(t *testing.T, dsn, table string) (unlock func()) {
	t.Helper()
	pool, err := sql.Open("sqlite3", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	conn, err := pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	begin := "BEGIN EXCLUSIVE"
	if strings.Contains(dsn, "cache=shared") {
		begin = "BEGIN IMMEDIATE" // the change locks the table, which is enough; the other locks the schema
	}
	for _, statement := range []string{begin, "UPDATE " + table + " SET session_data = ''"} {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return sync.OnceFunc(func() {
		if _, err := conn.ExecContext(context.Background(), "ROLLBACK"); err != nil {
			t.Error(err)
		}
		conn.Close()
	})
}

// TestDBSQLiteLockedForLong has somebody else hold SQLite's lock for longer than StoreTimeout,
// which ends the wait long before the driver's own timeout does.
func TestDBSQLiteLockedForLong(t *testing.T) {
	for name, c := range map[string]struct {
		journal string
		open    func(t *testing.T, db *gorm.DB) *gorm.DB
	}{
		"WAL":                            {"WAL", asItIs},
		"WAL, through GORM":              {"WAL", withPlugin},
		"rollback journal":               {"", asItIs},
		"rollback journal, through GORM": {"", withPlugin},
	} {
		t.Run(name, func(t *testing.T) {
			file := "file:" + filepath.Join(t.TempDir(), "test.db")
			dsn := file + "?_busy_timeout=" + hour
			if c.journal != "" {
				dsn += "&_journal_mode=" + c.journal
			}
			db := c.open(t, openDB(t, sqlite.Open(dsn)))
			limitPool(t, db, 1) // the driver reads the file to open another, and would wait for the lock without end
			table := newTable(t, db)
			patient := newDBSite(t, db, table)
			hasty := newDBSite(t, db, table, func(cfg *ginsession.Config) { cfg.StoreTimeout = 50 * time.Millisecond })
			visitor := patient.visitor(t)
			visitor.post(func(s *ginsession.Session) { s.Set("a", 1) })

			store := openStore(t, ginsession.Config{Engine: ginsession.DB(db, ginsession.TableName(table))})

			unlock := lockSQLite(t, file, table)
			defer unlock()
			for name, handle := range map[string]func(*ginsession.Session){
				"writes":   func(s *ginsession.Session) { s.Set("a", 2) },
				"modifies": dbIncrement,
				"cycles":   func(s *ginsession.Session) { _ = s.CycleKey() },
				"flushes":  func(s *ginsession.Session) { _ = s.Flush() },
			} {
				v := hasty.visitor(t)
				v.setKey(visitor.key())
				check(t, "status of a request that "+name, v.post(handle).StatusCode, http.StatusServiceUnavailable)
			}
			r := hasty.visitor(t).post(func(s *ginsession.Session) { s.Set("a", 1) })
			check(t, "status of a new session", r.StatusCode, http.StatusServiceUnavailable)
			checkLockedUpdate(t, store)

			unlock()
			r = visitor.post(func(s *ginsession.Session) { s.Set("a", 3) })
			check(t, "status when the lock is free", r.StatusCode, http.StatusOK)
			var timeout string
			db.Raw("PRAGMA busy_timeout").Scan(&timeout)
			check(t, "the busy timeout of the handlers' statements", timeout, hour)
		})
	}
}

func asItIs(_ *testing.T, db *gorm.DB) *gorm.DB { return db }

// checkLockedUpdate has an update that begins with the row's lock end with its context.
func checkLockedUpdate(t *testing.T, store ginsession.Store) {
	t.Helper()
	bounded, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := store.Update(bounded, "k", ginsession.Record{}, start, func(r ginsession.Record) (ginsession.Record, error) { return r, nil })
	if err == nil || bounded.Err() == nil {
		t.Errorf("an update that locks the row: %v; want the end of its time", err)
	}
}

// TestDBSQLiteWaitsOnce has the driver wait for as long as StoreTimeout. The statement that it
// gives up is not tried again.
func TestDBSQLiteWaitsOnce(t *testing.T) {
	r := &recorder{}
	file := "file:" + filepath.Join(t.TempDir(), "test.db")
	db := openDB(t, sqlite.New(sqlite.Config{Conn: r.open(t, sqliteConnector{file + "?_journal_mode=WAL&_busy_timeout=800"})}))
	table := newTable(t, db)
	site := newDBSite(t, db, table, func(cfg *ginsession.Config) { cfg.StoreTimeout = 800 * time.Millisecond })
	v := site.visitor(t)
	v.post(func(s *ginsession.Session) { s.Set("a", 1) })
	defer lockSQLite(t, file, table)()
	for name, c := range map[string]struct {
		v      *visitor
		handle func(*ginsession.Session)
		want   string
	}{
		"a change":      {v, func(s *ginsession.Session) { s.Set("a", 2) }, "SELECT UPDATE"},
		"a new session": {site.visitor(t), func(s *ginsession.Session) { s.Set("a", 1) }, "INSERT"},
		"a sign-out":    {v, func(s *ginsession.Session) { _ = s.Flush() }, "DELETE"},
	} {
		r.taken()
		check(t, "status of "+name, c.v.post(c.handle).StatusCode, http.StatusServiceUnavailable)
		check(t, "statements of "+name, r.takenVerbs(), c.want)
	}
}

// TestDBSQLiteTriesAgain has a driver that does not wait at all. The request waits by itself.
func TestDBSQLiteTriesAgain(t *testing.T) {
	file := "file:" + filepath.Join(t.TempDir(), "test.db") + "?_journal_mode=WAL&_busy_timeout=0"
	shared := "file:" + t.Name() + "?mode=memory&cache=shared"
	set := func(s *ginsession.Session) { s.Set("a", 1) }
	for _, c := range []struct {
		name, dsn, verb string
		handle          func(*ginsession.Session)
	}{
		{"a file, change", file, "UPDATE", set},
		{"a file, sign-out", file, "DELETE", func(s *ginsession.Session) { _ = s.Flush() }},
		{"a shared cache, read", shared, "SELECT", func(s *ginsession.Session) { s.Get("a") }},
		{"a shared cache, change", shared, "SELECT", set},
		{"a shared cache, sign-out", shared, "DELETE", func(s *ginsession.Session) { _ = s.Flush() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &recorder{}
			db := openDB(t, sqlite.New(sqlite.Config{Conn: r.open(t, sqliteConnector{c.dsn})}))
			table := newTable(t, db)
			site := newDBSite(t, db, table, func(cfg *ginsession.Config) { cfg.StoreTimeout = time.Minute })
			v := site.visitor(t)
			v.post(func(s *ginsession.Session) { s.Set("a", 0) })
			unlock := lockSQLite(t, c.dsn, table)
			defer unlock()
			tries := 0
			r.onStatement(func(statement string) {
				if strings.HasPrefix(statement, c.verb) {
					if tries++; tries == 4 {
						unlock()
					}
				}
			})
			check(t, "status", v.post(c.handle).StatusCode, http.StatusOK)
			check(t, "tries", tries, 4)
			r.onStatement(nil)
		})
	}
}

// TestDBSQLiteSharedCache has many clients of a database in memory whose connections share a
// cache, and so lock tables, for which SQLite calls no busy handler.
func TestDBSQLiteSharedCache(t *testing.T) {
	for name, open := range map[string]func(t *testing.T, db *gorm.DB) *gorm.DB{
		"past GORM":    asItIs,
		"through GORM": withPlugin,
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t, openDB(t, sqlite.Open("file:"+t.Name()+"?mode=memory&cache=shared")))
			m := newDBSite(t, db, newTable(t, db)).Manager
			shared := dbSignedIn(t, m, map[string]any{"n": 0})
			const clients, each = 16, 10
			var all sync.WaitGroup
			for range clients {
				all.Go(func() {
					for range each {
						w := dbAsk(m, http.MethodPost, shared, func(c *gin.Context) { dbIncrement(ginsession.Get(c)) })
						if w.Code != http.StatusOK {
							t.Errorf("a request was answered with %d %q", w.Code, w.Body)
						}
						if w := dbAsk(m, http.MethodPost, "", func(c *gin.Context) { ginsession.Get(c).Set("a", 1) }); w.Code != http.StatusOK {
							t.Errorf("a new session was answered with %d %q", w.Code, w.Body)
						}
						if _, err := m.ClearExpired(t.Context()); err != nil {
							t.Errorf("ClearExpired: %v", err)
						}
					}
				})
			}
			all.Wait()
			check(t, "the counter", m.Open(t.Context(), shared).Get("n"), any(int64(clients*each)))
		})
	}
}
