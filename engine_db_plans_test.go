package ginsession_test

import (
	"database/sql"
	"net/http"
	"testing"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
)

// TestDBPlansOfAnOldSchema changes a column's type while connections have prepared statements,
// each of which PostgreSQL refuses once afterwards.
func TestDBPlansOfAnOldSchema(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *gorm.DB{
		"past GORM":    func(t *testing.T) *gorm.DB { return openPostgres(t) },
		"through GORM": func(t *testing.T) *gorm.DB { return withPlugin(t, openPostgres(t)) },
		"prepared":     func(t *testing.T) *gorm.DB { return openPostgres(t, &gorm.Config{PrepareStmt: true}) },
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			table := newTable(t, db)
			site := newDBSite(t, db, table)
			v := site.visitor(t)
			v.post(func(s *ginsession.Session) { s.Set("a", 1) })
			pool, _ := db.DB()
			onEachConnection(t, pool, func() { v.get(func(s *ginsession.Session) { s.Get("a") }) })
			dbExec(t, db, "ALTER TABLE "+table+" ALTER COLUMN session_data TYPE varchar(100000)")
			onEachConnection(t, pool, func() {
				r := v.get(func(s *ginsession.Session) { check(t, "what was read", s.Get("a"), any(int64(1))) })
				check(t, "status of a read", r.StatusCode, http.StatusOK)
			})
			dbExec(t, db, "ALTER TABLE "+table+" ALTER COLUMN session_data TYPE text")
			check(t, "status of a change", v.post(func(s *ginsession.Session) { s.Set("a", 2) }).StatusCode, http.StatusOK)
		})
	}
}

// onEachConnection calls f several times, each with another connection the only free one.
func onEachConnection(t *testing.T, pool *sql.DB, f func()) {
	t.Helper()
	const connections = 3
	pool.SetMaxOpenConns(connections)
	defer pool.SetMaxOpenConns(16)
	for range connections {
		f()
		conn, err := pool.Conn(t.Context()) // the one that was used last
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
}
