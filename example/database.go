package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"

	mysqldriver "github.com/go-sql-driver/mysql"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

// openDatabase opens the database that dsn names.
func openDatabase(dsn string) (*gorm.DB, error) {
	dialector, err := parseDSN(dsn)
	if err != nil {
		return nil, err
	}
	return gorm.Open(dialector, &gorm.Config{})
}

func closeDatabase(db *gorm.DB) {
	if pool, err := db.DB(); err == nil {
		_ = pool.Close()
	}
}

func parseDSN(dsn string) (gorm.Dialector, error) {
	switch scheme, rest, _ := strings.Cut(dsn, ":"); scheme {
	case "sqlite":
		return parseSQLite(rest)
	case "postgres", "postgresql":
		return postgres.Open(dsn), nil
	case "mysql", "mariadb":
		return parseMySQL(dsn)
	default:
		return nil, fmt.Errorf("-dsn: unknown kind of database %q: use sqlite:, postgres:// or mysql://", scheme)
	}
}

// parseSQLite creates the file name with permissions for its owner only: SQLite would let everyone
// read it. (SQLite's log files get the permissions of the database.) It does not create :memory: or
// a file: URL.
func parseSQLite(name string) (gorm.Dialector, error) {
	if name != "" && !strings.HasPrefix(name, ":") && !strings.HasPrefix(name, "file:") {
		// #nosec G304 -- who starts the shop names its file
		file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		switch {
		case err == nil:
			_ = file.Close()
		case !errors.Is(err, fs.ErrExist):
			return nil, fmt.Errorf("-dsn: %w", err)
		}
	}
	// With a write-ahead log, readers do not block the writer, nor the writer them.
	return sqlite.Open(name + "?_journal_mode=WAL&_busy_timeout=5000"), nil
}

// parseMySQL converts a URL to the driver's own form of DSN.
func parseMySQL(dsn string) (gorm.Dialector, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return nil, fmt.Errorf("-dsn is not a URL: percent-encode special characters in the password")
	}
	config := mysqldriver.NewConfig()
	config.Net, config.Addr = "tcp", u.Host
	config.User = u.User.Username()
	config.Passwd, _ = u.User.Password()
	config.DBName = strings.TrimPrefix(u.Path, "/")
	config.ParseTime = true
	return mysql.New(mysql.Config{DSNConfig: config}), nil
}
