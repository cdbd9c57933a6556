package ginsession_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testserver"
)

// Helpers that open databases. Each test gets a file or a table of its own, for packages and
// tests run side by side against the same servers.

// forEachDB runs f as a subtest for each database, with a sessions table that is migrated and
// nobody else's.
func forEachDB(t *testing.T, f func(t *testing.T, db *gorm.DB, table string)) {
	t.Helper()
	forEachEmptyDB(t, func(t *testing.T, db *gorm.DB) {
		f(t, db, newTable(t, db))
	})
}

// forEachEmptyDB is forEachDB without the table.
func forEachEmptyDB(t *testing.T, f func(t *testing.T, db *gorm.DB)) {
	t.Helper()
	for _, database := range []struct {
		name string
		open func(t *testing.T, options ...gorm.Option) *gorm.DB
	}{
		{"sqlite", openSQLite},
		{"postgres", openPostgres},
		{"mysql", openMySQL},
	} {
		t.Run(database.name, func(t *testing.T) { f(t, database.open(t)) })
	}
}

// openSQLite opens a new database in a file.
func openSQLite(t *testing.T, options ...gorm.Option) *gorm.DB {
	t.Helper()
	return openDB(t, sqlite.Open(sqliteDSN(filepath.Join(t.TempDir(), "test.db"))), options...)
}

func sqliteDSN(file string) string {
	return "file:" + file + "?_journal_mode=WAL&_busy_timeout=5000"
}

// openPostgres opens the server that TEST_POSTGRES_DSN names.
func openPostgres(t *testing.T, options ...gorm.Option) *gorm.DB {
	t.Helper()
	return openDB(t, postgres.Open(testserver.Env(t, "TEST_POSTGRES_DSN")), options...)
}

// openMySQL opens the MySQL or MariaDB that TEST_MYSQL_DSN names.
func openMySQL(t *testing.T, options ...gorm.Option) *gorm.DB {
	t.Helper()
	return openDB(t, mysql.Open(testserver.Env(t, "TEST_MYSQL_DSN")), options...)
}

// openDB opens a database without GORM's own log, and closes it when the test ends.
func openDB(t *testing.T, dialector gorm.Dialector, options ...gorm.Option) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(dialector, append(options, quiet{})...)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(16) // the servers are shared
	pool.SetMaxIdleConns(16)
	t.Cleanup(func() { pool.Close() })
	return db
}

// quiet keeps GORM's log out of the output of tests that do not read it.
type quiet struct{}

func (quiet) Apply(c *gorm.Config) error {
	if c.Logger == nil {
		c.Logger = logger.Discard
	}
	return nil
}

func (quiet) AfterInitialize(*gorm.DB) error { return nil }

// newTable migrates a sessions table with a random name.
func newTable(t *testing.T, db *gorm.DB) string {
	t.Helper()
	table := newTableName(t, db)
	if err := ginsession.Migrate(db, ginsession.TableName(table)); err != nil {
		t.Fatal(err)
	}
	return table
}

// newTableName returns a name that no table has, and drops the table when the test ends.
func newTableName(t *testing.T, db *gorm.DB) string {
	t.Helper()
	table := "t_" + strings.ToLower(rand.Text()[:12])
	t.Cleanup(func() {
		if err := db.Migrator().DropTable(table); err != nil {
			t.Errorf("dropping the table %s: %v", table, err)
		}
	})
	return table
}

// numberFromEnv returns how much a test is to do: what is usual, or the variable's number.
func numberFromEnv(t *testing.T, name string, usual int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
