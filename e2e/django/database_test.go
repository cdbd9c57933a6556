package django_test

import (
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	driver "github.com/go-sql-driver/mysql"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// The functions below open a database that is new and empty, and return Django's setting for it.

func newSQLite(t *testing.T) (*gorm.DB, map[string]any) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "site.db")
	return open(t, sqlite.Open("file:"+file+"?_journal_mode=WAL&_busy_timeout=20000")), map[string]any{
		"ENGINE":  "django.db.backends.sqlite3",
		"NAME":    file,
		"OPTIONS": map[string]any{"timeout": 20},
	}
}

func newPostgres(t *testing.T) (*gorm.DB, map[string]any) {
	t.Helper()
	dsn, err := url.Parse(needEnv(t, "TEST_POSTGRES_DSN"))
	if err != nil {
		t.Fatal(err)
	}
	name := newDatabase(t, open(t, postgres.Open(dsn.String())))
	dsn.Path = "/" + name
	password, _ := dsn.User.Password()
	options := map[string]any{}
	for key := range dsn.Query() {
		options[key] = dsn.Query().Get(key)
	}
	return open(t, postgres.Open(dsn.String())), map[string]any{
		"ENGINE":   "django.db.backends.postgresql",
		"HOST":     dsn.Hostname(),
		"PORT":     dsn.Port(),
		"USER":     dsn.User.Username(),
		"PASSWORD": password,
		"NAME":     name,
		"OPTIONS":  options,
	}
}

func newMySQL(t *testing.T) (*gorm.DB, map[string]any) {
	t.Helper()
	dsn, err := driver.ParseDSN(needEnv(t, "TEST_MYSQL_DSN"))
	if err != nil {
		t.Fatal(err)
	}
	dsn.DBName = newDatabase(t, open(t, mysql.Open(dsn.FormatDSN())))
	host, port, _ := strings.Cut(dsn.Addr, ":")
	return open(t, mysql.Open(dsn.FormatDSN())), map[string]any{
		"ENGINE":   "django.db.backends.mysql",
		"HOST":     host,
		"PORT":     port,
		"USER":     dsn.User,
		"PASSWORD": dsn.Passwd,
		"NAME":     dsn.DBName,
		"OPTIONS":  map[string]any{"charset": "utf8mb4"},
	}
}

// newDatabase makes a database on a server and drops it when the test ends.
func newDatabase(t *testing.T, server *gorm.DB) string {
	t.Helper()
	name := "e2e_" + strings.ToLower(rand.Text()[:12])
	if err := server.Exec("CREATE DATABASE " + name).Error; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Exec("DROP DATABASE " + name).Error; err != nil {
			t.Errorf("dropping the database %s: %v", name, err)
		}
	})
	return name
}

func open(t *testing.T, dialector gorm.Dialector) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(8)
	t.Cleanup(func() { pool.Close() })
	return db
}

// needEnv returns a variable that scripts/with-servers sets.
func needEnv(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		missing(t, "%s is not set: run the tests with make test", name)
	}
	return value
}
