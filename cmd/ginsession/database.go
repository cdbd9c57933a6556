package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// connectTimeout bounds the wait for a database server.
const connectTimeout = 10 * time.Second

// A database is what a DSN names. It is not connected before its first use.
type database struct {
	pool      *sql.DB
	dialector gorm.Dialector
	name      string // for error texts, without the password
}

// openDatabase connects to the database that dsn names. If create is true, a missing SQLite file
// is created.
func openDatabase(ctx context.Context, dsn string, create bool) (*gorm.DB, error) {
	d, err := parseDSN(dsn, create)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if err := d.pool.PingContext(bounded); err != nil {
		_ = d.pool.Close()
		return nil, trouble("Is the database running, and is the DSN right?", "cannot connect to %s: %w", d.name, err)
	}
	db, err := gorm.Open(d.dialector, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		_ = d.pool.Close()
		return nil, fmt.Errorf("cannot use %s: %w", d.name, err)
	}
	return db.WithContext(ctx), nil
}

const dsnForms = `A DSN is sqlite:app.db, postgres://user:password@host:5432/database
or mysql://user:password@host:3306/database.`

func parseDSN(dsn string, create bool) (database, error) {
	scheme, rest, found := strings.Cut(dsn, ":")
	switch {
	case dsn == "":
		return database{}, misuse(dsnForms, "which database? Set DATABASE_URL or use --dsn")
	case !found:
		return database{}, misuse(dsnForms, "the DSN does not say what kind of database it is")
	case scheme == "sqlite":
		return parseSQLite(rest, create)
	case scheme == "postgres", scheme == "postgresql", scheme == "mysql", scheme == "mariadb":
		if !strings.HasPrefix(rest, "//") {
			return database{}, misuse(dsnForms, "the DSN is not a URL")
		}
		return parseServer(dsn)
	default:
		return database{}, misuse(dsnForms, "the DSN's kind of database is unknown")
	}
}

// parseSQLite takes a file name, and after a "?" the parameters of github.com/mattn/go-sqlite3.
func parseSQLite(rest string, create bool) (database, error) {
	file, parameters, _ := strings.Cut(rest, "?")
	switch {
	case file == "" || file == ":memory:":
		return database{}, misuse("Write it like sqlite:app.db.", "the DSN names no file")
	case strings.HasPrefix(file, "//"):
		return database{}, misuse("Write sqlite:app.db, or sqlite:/var/lib/app/app.db for an absolute path.", "sqlite:// is read differently by different programs")
	}
	mode := "rwc"
	if !create {
		mode = "rw"
		if err := checkFile(file); err != nil {
			return database{}, err
		}
	}
	values, err := url.ParseQuery(parameters)
	if err != nil {
		return database{}, misuse(percentEncode, "the DSN's parameters cannot be read")
	}
	if !values.Has("mode") {
		values.Set("mode", mode)
	}
	name := (&url.URL{Path: file}).EscapedPath() // SQLite reads it as a URI
	pool, err := sql.Open("sqlite3", "file:"+name+"?"+values.Encode())
	if err != nil {
		return database{}, err
	}
	return database{pool, sqlite.New(sqlite.Config{Conn: pool}), file}, nil
}

// checkFile returns an error if the file is missing. SQLite would create it, and a mistyped name
// would look like a site without sessions.
func checkFile(file string) error {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return trouble(`Check --dsn or DATABASE_URL. "ginsession migrate" would create the file.`, "there is no file %s", file)
	}
	if err != nil {
		return fmt.Errorf("cannot open the database: %w", err)
	}
	if info.IsDir() {
		return trouble("Name the database file in it.", "%s is a folder", file)
	}
	return nil
}

// parseServer takes the URL of a server. The errors of parsers are not passed on: they quote the
// URL, or parts of it that may be parts of the password.
func parseServer(dsn string) (database, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return database{}, misuse(percentEncode, "the DSN is not a URL")
	}
	if wronglyEncoded(dsn) {
		return database{}, misuse(percentEncode, "the DSN has a special character that must be percent-encoded")
	}
	if _, err := url.ParseQuery(u.RawQuery); err != nil {
		return database{}, misuse(percentEncode, "the DSN's parameters cannot be read")
	}
	if strings.HasPrefix(u.Scheme, "postgres") {
		return parsePostgres(u)
	}
	return parseMySQL(u)
}

// unusable names the parameter that parse refuses, if it is one: without it, parse accepts the
// rest. The driver then knows the name, so that it is no part of a password.
func unusable(query url.Values, parse func(url.Values) error) error {
	for _, name := range slices.Sorted(maps.Keys(query)) {
		rest := maps.Clone(query)
		delete(rest, name)
		if parse(rest) == nil {
			return misuse(dsnForms, "the DSN's parameter %s cannot be used", name)
		}
	}
	return misuse(dsnForms, "the DSN, or an environment variable of the database's client, cannot be used")
}

func parsePostgres(u *url.URL) (database, error) {
	config, err := pgx.ParseConfig(u.String())
	if err != nil {
		return database{}, unusable(u.Query(), func(query url.Values) error {
			other := *u
			other.RawQuery = query.Encode()
			_, err := pgx.ParseConfig(other.String())
			return err
		})
	}
	pool := stdlib.OpenDB(*config)
	name := fmt.Sprintf("PostgreSQL at %s", net.JoinHostPort(config.Host, fmt.Sprint(config.Port)))
	return database{pool, postgres.New(postgres.Config{Conn: pool}), name}, nil
}

// parseMySQL takes a URL with the parameters of github.com/go-sql-driver/mysql.
func parseMySQL(u *url.URL) (database, error) {
	host, port := u.Hostname(), u.Port()
	if host == "" {
		host = "localhost"
	}
	if port == "" {
		port = "3306"
	}
	address := net.JoinHostPort(host, port)
	config, err := parseMySQLParameters(address, u.Query())
	if err != nil {
		return database{}, err
	}
	config.User = u.User.Username()
	config.Passwd, _ = u.User.Password()
	config.DBName = strings.TrimPrefix(u.Path, "/")
	config.ParseTime = true
	config.Logger = &mysqldriver.NopLogger{}
	if config.DBName == "" {
		return database{}, misuse(dsnForms, "the DSN names no database")
	}
	connector, err := mysqldriver.NewConnector(config)
	if err != nil {
		return database{}, misuse(dsnForms, "the DSN cannot be used")
	}
	pool := sql.OpenDB(connector)
	return database{pool, mysql.New(mysql.Config{Conn: pool, DSNConfig: config}), "MySQL at " + address}, nil
}

// parseMySQLParameters refuses parameters that are the user or the password in other databases'
// URLs: the driver would send them to the server as SET statements.
func parseMySQLParameters(address string, query url.Values) (*mysqldriver.Config, error) {
	for _, name := range slices.Sorted(maps.Keys(query)) {
		switch strings.ToLower(name) {
		case "password", "passwd", "pwd", "pass", "user", "username":
			return nil, misuse(dsnForms, "the DSN's parameter %s has no meaning for MySQL", strings.ToLower(name))
		}
	}
	parse := func(query url.Values) (*mysqldriver.Config, error) {
		return mysqldriver.ParseDSN("tcp(" + address + ")/?" + query.Encode())
	}
	config, err := parse(query)
	if err != nil {
		return nil, unusable(query, func(rest url.Values) error {
			_, err := parse(rest)
			return err
		})
	}
	return config, nil
}
