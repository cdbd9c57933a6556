package main

import (
	"fmt"
	"net/url"
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
		// With a write-ahead log, readers and the one writer do not wait for each other.
		return sqlite.Open(rest + "?_journal_mode=WAL&_busy_timeout=5000"), nil
	case "postgres", "postgresql":
		return postgres.Open(dsn), nil
	case "mysql", "mariadb":
		return parseMySQL(dsn)
	default:
		return nil, fmt.Errorf("-dsn: unknown kind of database %q: use sqlite:, postgres:// or mysql://", scheme)
	}
}

// parseMySQL makes the driver's own kind of DSN of a URL.
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
