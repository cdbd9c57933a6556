package ginsession_test

import (
	"database/sql"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/plugin/dbresolver"

	"github.com/ginsession/ginsession"
)

// useResolver adds the plugin to db and closes its connections when the test ends.
func useResolver(t *testing.T, db *gorm.DB, config dbresolver.Config, tables ...any) {
	t.Helper()
	resolver := dbresolver.Register(config, tables...)
	if err := db.Use(resolver); err != nil {
		t.Fatal(err)
	}
	own, _ := db.DB()
	t.Cleanup(func() {
		_ = resolver.Call(func(pool gorm.ConnPool) error {
			if pool == gorm.ConnPool(own) {
				return nil
			}
			return pool.(*sql.DB).Close()
		})
	})
}

// TestDBResolverSource has dbresolver write to another database than the one that GORM was opened
// with, and read from a replica that never hears of anything.
func TestDBResolverSource(t *testing.T) {
	const table = "visitors"
	for name, c := range map[string]struct {
		options *gorm.Config
		tables  []any
	}{
		"of all tables":            {&gorm.Config{}, nil},
		"of the table":             {&gorm.Config{}, []any{table}},
		"with prepared statements": {&gorm.Config{PrepareStmt: true}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			source := sqliteDSN(filepath.Join(t.TempDir(), "source.db"))
			replica := sqliteDSN(filepath.Join(t.TempDir(), "replica.db"))
			db := openSQLite(t, c.options)
			useResolver(t, db, dbresolver.Config{
				Sources:  []gorm.Dialector{sqlite.Open(source)},
				Replicas: []gorm.Dialector{sqlite.Open(replica)},
			}, c.tables...)
			for range 2 {
				migrate(t, db, ginsession.TableName(table))
			}
			checkResolved(t, newDBSite(t, db, table), openDB(t, sqlite.Open(source)), table)
		})
	}
}

// checkResolved has every kind of statement reach the source.
func checkResolved(t *testing.T, site *site, source *gorm.DB, table string) {
	t.Helper()
	v := site.visitor(t)
	check(t, "status of a create", v.post(func(s *ginsession.Session) { s.Set("a", 1) }).StatusCode, http.StatusOK)
	key := v.key()
	r := v.post(func(s *ginsession.Session) {
		s.Set("b", 1)
		site.somebodyElse(t, key, func(s *ginsession.Session) { s.Set("c", 1) })
	})
	check(t, "status of a save that merges", r.StatusCode, http.StatusOK)
	v.get(func(s *ginsession.Session) {
		check(t, "the keys after it", strings.Join(s.Keys(), " "), "a b c")
	})
	check(t, "rows at the source", tableRows(t, source, table), int64(1))
	site.clock.Advance(15 * 24 * time.Hour)
	removed, err := site.ClearExpired(t.Context(), ginsession.ClearBatchSize(1))
	if removed != 1 || err != nil {
		t.Errorf("ClearExpired: %d, %v", removed, err)
	}
	check(t, "rows at the source afterwards", tableRows(t, source, table), int64(0))
}

func tableRows(t *testing.T, db *gorm.DB, table string) (rows int64) {
	t.Helper()
	if err := db.Table(table).Count(&rows).Error; err != nil {
		t.Fatal(err)
	}
	return rows
}
