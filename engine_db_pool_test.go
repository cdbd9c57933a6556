package ginsession_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
)

// dbAsk answers one request, with this session cookie, on any goroutine.
func dbAsk(m *ginsession.Manager, method, key string, handle gin.HandlerFunc) *httptest.ResponseRecorder {
	r := gin.New()
	r.Use(m.Handler())
	r.Handle(method, "/", handle)
	request := httptest.NewRequestWithContext(context.Background(), method, "/", nil)
	if key != "" {
		request.AddCookie(&http.Cookie{Name: "sessionid", Value: key})
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, request)
	return w
}

// dbSignedIn returns the key of a new session that holds values.
func dbSignedIn(t *testing.T, m *ginsession.Manager, values map[string]any) string {
	t.Helper()
	s := m.Open(t.Context(), "")
	s.Update(values)
	save(t, s)
	return s.Key()
}

func limitPool(t *testing.T, db *gorm.DB, connections int) {
	t.Helper()
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(connections)
}

// TestDBPoolOfOne has handlers that use the database too, with one connection for all of them.
func TestDBPoolOfOne(t *testing.T) {
	forEachDB(t, func(t *testing.T, db *gorm.DB, table string) {
		limitPool(t, db, 1)
		m := newDBSite(t, db, table).Manager
		shared := dbSignedIn(t, m, map[string]any{"n": 0})
		query := func() {
			var n int
			if err := db.Raw("SELECT 1").Scan(&n).Error; err != nil || n != 1 {
				t.Errorf("the handler's own query: %d, %v", n, err)
			}
		}
		const requests = 50
		var all sync.WaitGroup
		for i := range requests {
			all.Go(func() {
				w := dbAsk(m, http.MethodPost, shared, func(c *gin.Context) {
					s := ginsession.Get(c)
					query()
					s.Set(fmt.Sprint("by", i), i)
					query()
					_ = db.Transaction(func(tx *gorm.DB) error { return tx.Exec("SELECT 1").Error })
					dbIncrement(s)
					c.String(http.StatusOK, "done")
					query()
				})
				if w.Code != http.StatusOK {
					t.Errorf("a request was answered with %d %q", w.Code, w.Body)
				}
			})
		}
		all.Wait()
		s := m.Open(t.Context(), shared)
		check(t, "the counter", s.Get("n"), any(int64(requests)))
		check(t, "the number of keys", s.Len(), requests+1)
	})
}

// TestDBAnswerInsideTransaction has a handler write its response while it holds the only
// connection: the session cannot be saved, and nobody else could tell why.
func TestDBAnswerInsideTransaction(t *testing.T) {
	forEachDB(t, func(t *testing.T, db *gorm.DB, table string) {
		limitPool(t, db, 1)
		for name, act := range map[string]func(*ginsession.Session){
			"a new session":     func(s *ginsession.Session) { s.Set("a", 1) },
			"a read session":    func(s *ginsession.Session) { s.Get("a") },
			"a changed session": func(s *ginsession.Session) { s.Set("a", 1) },
			"a flushed session": func(s *ginsession.Session) { _ = s.Flush() },
		} {
			var told []error
			site := newDBSite(t, db, table, func(cfg *ginsession.Config) {
				cfg.StoreTimeout = 100 * time.Millisecond
				cfg.ErrorHandler = recordErrors(&told)
			})
			key := ""
			if name != "a new session" {
				key = dbSignedIn(t, site.Manager, map[string]any{"a": 0})
			}
			w := dbAsk(site.Manager, http.MethodPost, key, func(c *gin.Context) {
				_ = db.Transaction(func(*gorm.DB) error {
					act(ginsession.Get(c))
					c.String(http.StatusOK, "done")
					return nil
				})
			})
			check(t, "status with "+name, w.Code, http.StatusServiceUnavailable)
			checkContains(t, fmt.Sprint(told), "no database connection came free")
			check(t, "cookies set with "+name, w.Header()["Set-Cookie"], []string(nil))

			// The connection is free again.
			w = dbAsk(site.Manager, http.MethodPost, "", func(c *gin.Context) { ginsession.Get(c).Set("a", 1) })
			check(t, "status of the next request", w.Code, http.StatusOK)
		}
	})
}

// TestDBAnswerInsideSQLitesWriteLock has the handler hold SQLite's lock, which the session needs
// on another connection.
func TestDBAnswerInsideSQLitesWriteLock(t *testing.T) {
	file := filepath.Join(t.TempDir(), "test.db")
	db := openDB(t, sqlite.Open("file:"+file+"?_journal_mode=WAL&_busy_timeout=50"))
	table := newTable(t, db)
	var told []error
	site := newDBSite(t, db, table, func(cfg *ginsession.Config) {
		cfg.StoreTimeout = 100 * time.Millisecond
		cfg.ErrorHandler = recordErrors(&told)
	})
	w := dbAsk(site.Manager, http.MethodPost, "", func(c *gin.Context) {
		_ = db.Transaction(func(tx *gorm.DB) error {
			tx.Exec("DELETE FROM " + table)
			ginsession.Get(c).Set("a", 1)
			c.String(http.StatusOK, "done")
			return nil
		})
	})
	check(t, "status", w.Code, http.StatusServiceUnavailable)
	checkContains(t, fmt.Sprint(told), "locked")
}

// TestDBHotSession has many clients change one session, some of them the same counter.
func TestDBHotSession(t *testing.T) {
	const clients, each = 32, 4
	forEachDB(t, func(t *testing.T, db *gorm.DB, table string) {
		m := newDBSite(t, db, table).Manager
		key := dbSignedIn(t, m, map[string]any{"n": 0})
		var all sync.WaitGroup
		for client := range clients {
			all.Go(func() {
				for i := range each {
					w := dbAsk(m, http.MethodPost, key, func(c *gin.Context) {
						s := ginsession.Get(c)
						s.Get("n")
						runtime.Gosched() // to others, between reading and writing
						s.Set(fmt.Sprintf("by%d-%d", client, i), true)
						dbIncrement(s)
					})
					if w.Code != http.StatusOK {
						t.Errorf("a request was answered with %d %q", w.Code, w.Body)
					}
				}
			})
		}
		all.Wait()
		s := m.Open(t.Context(), key)
		check(t, "the counter", s.Get("n"), any(int64(clients*each)))
		check(t, "the number of keys", s.Len(), clients*each+1)
	})
}

// TestDBClientHangsUp has the client go away between the change and the save, which is whole
// all the same, and costs no connection.
func TestDBClientHangsUp(t *testing.T) {
	forEachDB(t, func(t *testing.T, db *gorm.DB, table string) {
		limitPool(t, db, 1)
		site := newDBSite(t, db, table)
		v := site.visitor(t)
		v.post(func(s *ginsession.Session) { s.Set("a", 1) })
		pool, _ := db.DB()
		var before, after int64
		connection := map[string]string{"postgres": "SELECT pg_backend_pid()", "mysql": "SELECT connection_id()"}[db.Name()]
		if connection != "" {
			if err := pool.QueryRowContext(t.Context(), connection).Scan(&before); err != nil {
				t.Fatal(err)
			}
		}

		ctx, hangUp := context.WithCancel(t.Context())
		answered := make(chan struct{})
		r := gin.New()
		r.Use(func(c *gin.Context) { defer close(answered); c.Next() }, site.Handler())
		r.POST("/", func(c *gin.Context) {
			ginsession.Get(c).Set("a", 2)
			hangUp()
			<-c.Request.Context().Done()
			c.String(http.StatusOK, "to nobody")
		})
		server := httptest.NewServer(r)
		defer server.Close()
		request, _ := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, nil)
		request.AddCookie(&http.Cookie{Name: "sessionid", Value: v.key()})
		if response, err := server.Client().Do(request); err == nil {
			response.Body.Close()
			t.Error("the client did not hang up")
		}
		<-answered
		v.get(func(s *ginsession.Session) { check(t, "what was saved", s.Get("a"), any(int64(2))) })
		if connection != "" {
			if err := pool.QueryRowContext(t.Context(), connection).Scan(&after); err != nil {
				t.Fatal(err)
			}
			check(t, "the database connection", after, before)
		}
	})
}
