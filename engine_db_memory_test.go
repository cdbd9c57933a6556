package ginsession_test

import (
	"fmt"
	"testing"
	"time"

	"gorm.io/driver/sqlite"

	"github.com/ginsession/ginsession"
)

// TestDBInMemory has a database in memory for each connection, and the table in one of them.
func TestDBInMemory(t *testing.T) {
	db := openDB(t, sqlite.Open(":memory:"))
	table := newTable(t, db)
	store := openStore(t, ginsession.Config{Engine: ginsession.DB(db, ginsession.TableName(table))})
	pool, _ := db.DB()
	conn, err := pool.Conn(t.Context()) // that has the table
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Load(t.Context(), "k", time.Now())
	checkContains(t, fmt.Sprint(err), "SetMaxOpenConns(1)", "cache=shared")
	conn.Close()
}
