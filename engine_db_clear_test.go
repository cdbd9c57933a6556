package ginsession_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	mysqldriver "github.com/go-sql-driver/mysql"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
)

// TestDBClearBesideTraffic has eight cleaners at work on many rows while visitors come whose
// sessions are about to expire: whoever comes in time keeps the session.
func TestDBClearBesideTraffic(t *testing.T) {
	rows := numberFromEnv(t, "TEST_ROWS", 20_000)
	forEachDB(t, func(t *testing.T, db *gorm.DB, table string) {
		fillTable(t, db, table, rows, start.Add(-time.Hour))
		site := newDBSite(t, db, table, func(cfg *ginsession.Config) { cfg.SaveEveryRequest = true })
		const visitors, cleaners = 60, 8
		var keys []string
		for range 2 * visitors {
			s := site.Open(t.Context(), "")
			s.Set("a", 1)
			s.SetExpiry(ginsession.ExpireAfter(time.Minute))
			save(t, s)
			keys = append(keys, s.Key())
		}
		late, intime := keys[:visitors], keys[visitors:]

		var all sync.WaitGroup
		var removed atomic.Int64
		clean := func() {
			n, err := site.ClearExpired(t.Context(), ginsession.ClearBatchSize(500), ginsession.ClearPause(time.Millisecond))
			if err != nil {
				t.Errorf("ClearExpired: %v", err)
			}
			removed.Add(n)
		}
		for range cleaners {
			all.Go(func() { clean(); clean() })
		}
		site.clock.Advance(59 * time.Second)
		all.Go(func() {
			for _, key := range intime {
				w := dbAsk(site.Manager, http.MethodGet, key, func(c *gin.Context) {})
				if w.Code != http.StatusOK || w.Header().Get("Set-Cookie") == "" {
					t.Errorf("a request beside the cleaners was answered with %d %v", w.Code, w.Header())
				}
			}
			site.clock.Advance(2 * time.Second)
			for _, key := range intime {
				w := dbAsk(site.Manager, http.MethodPost, key, func(c *gin.Context) { dbIncrement(ginsession.Get(c)) })
				if w.Code != http.StatusOK {
					t.Errorf("a request beside the cleaners was answered with %d %v", w.Code, w.Header())
				}
			}
		})
		all.Wait()
		clean()
		check(t, "records removed in all", removed.Load(), int64(rows+visitors))
		for i, keys := range [][]string{late, intime} {
			for _, key := range keys {
				if ok, err := site.Exists(t.Context(), key); ok != (i == 1) || err != nil {
					t.Errorf("a session of a visitor who came in time (%v) exists: %v, %v", i == 1, ok, err)
				}
			}
		}
		var left int64
		db.Table(table).Count(&left)
		check(t, "rows left", left, int64(visitors))
	})
}

// TestDBClearOnOldMySQL has a server that does not know SKIP LOCKED.
func TestDBClearOnOldMySQL(t *testing.T) {
	r := &recorder{refuse: func(statement string) error {
		if strings.Contains(statement, "SKIP LOCKED") {
			return &mysqldriver.MySQLError{Number: 1064, SQLState: [5]byte([]byte("42000")), Message: "You have an error in your SQL syntax"}
		}
		return nil
	}}
	db := openDB(t, recordedMySQL(t, r))
	table := newTable(t, db)
	fillTable(t, db, table, 25, start.Add(-time.Hour))
	site := newDBSite(t, db, table)
	key := dbSignedIn(t, site.Manager, map[string]any{"a": 1})
	removed, err := site.ClearExpired(t.Context(), ginsession.ClearBatchSize(10))
	if removed != 25 || err != nil {
		t.Errorf("ClearExpired: %d, %v; want 25", removed, err)
	}
	if ok, err := site.Exists(t.Context(), key); !ok || err != nil {
		t.Errorf("a live session exists: %v, %v", ok, err)
	}
}

// fillTable inserts rows that have expired.
func fillTable(t *testing.T, db *gorm.DB, table string, rows int, expires time.Time) {
	t.Helper()
	models := make([]ginsession.Model, rows)
	for i := range models {
		models[i] = ginsession.Model{SessionKey: fmt.Sprintf("%040d", i), SessionData: "{}", ExpireDate: expires}
	}
	if err := db.Table(table).CreateInBatches(models, 1000).Error; err != nil {
		t.Fatal(err)
	}
}
