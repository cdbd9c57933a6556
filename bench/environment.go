package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/mattn/go-sqlite3"
	"github.com/valkey-io/valkey-go"
	gormmysql "gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// An environment is what one instance has to itself: databases, a folder, a count of what it
// sends to the stores. It is closed with the instance.
type environment struct {
	content content
	rows    int           // how many sessions the store holds; baseRows if that is more
	few     bool          // a tenth of them are enough
	counter *atomic.Int64 // of statements; nil if they are not counted
	sql     bool          // the instance uses a database
	redis   bool          // the instance uses Redis

	closers []func()
}

// connections bounds every pool: what 64 goroutines share.
const connections = 16

// errNoServer says that a server is not there: its subjects are left out.
var errNoServer = errors.New("is not set: run through scripts/with-servers")

func server(variable string) (string, error) {
	if value := os.Getenv(variable); value != "" {
		return value, nil
	}
	return "", fmt.Errorf("%s %w", variable, errNoServer)
}

func (e *environment) onClose(f func()) { e.closers = append(e.closers, f) }

func (e *environment) close() {
	for i := len(e.closers) - 1; i >= 0; i-- {
		e.closers[i]()
	}
	e.closers = nil
}

// folder makes a folder that is removed with the environment.
func (e *environment) folder() (string, error) {
	dir, err := os.MkdirTemp("", "ginsession-bench-")
	if err != nil {
		return "", err
	}
	e.onClose(func() { _ = os.RemoveAll(dir) })
	return dir, nil
}

// sqliteSettings are those of every SQLite connection here, also Django's: what is
// recommended for a server.
const sqliteSettings = "_journal_mode=WAL&_synchronous=NORMAL&_busy_timeout=60000&_txlock=immediate"

// storeTimeout is no shorter than SQLite's busy timeout: every statement would pay for shortening
// that (see ginsession.DB).
const storeTimeout = time.Minute

// sqlite opens a new database in a file.
func (e *environment) sqlite() (*sql.DB, string, error) {
	dir, err := e.folder()
	if err != nil {
		return nil, "", err
	}
	file := filepath.Join(dir, "bench.db")
	db := e.sqliteAt(file)
	return db, file, db.Ping()
}

func (e *environment) sqliteAt(file string) *sql.DB {
	return e.pool(dsnConnector{&sqlite3.SQLiteDriver{}, "file:" + file + "?" + sqliteSettings})
}

// postgresDSN makes a schema of the environment's own and returns the DSN that leads there.
func (e *environment) postgresDSN() (string, error) {
	dsn, err := server("TEST_POSTGRES_DSN")
	if err != nil {
		return "", err
	}
	schema := "bench_" + strings.ToLower(rand.Text()[:12])
	if err := postgresExec(dsn, "CREATE SCHEMA "+schema); err != nil {
		return "", err
	}
	e.onClose(func() { _ = postgresExec(dsn, "DROP SCHEMA "+schema+" CASCADE") })
	u, err := url.Parse(dsn)
	if err != nil {
		return "", errors.New("TEST_POSTGRES_DSN is no URL")
	}
	q := u.Query()
	q.Set("search_path", schema)
	q.Set("synchronous_commit", "on")
	u.RawQuery = q.Encode()
	return u.String(), nil
}

func postgresExec(dsn, statement string) error {
	conn, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(context.Background(), statement)
	return err
}

func (e *environment) postgres() (*sql.DB, error) {
	dsn, err := e.postgresDSN()
	if err != nil {
		return nil, err
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	db := e.pool(stdlib.GetConnector(*config))
	return db, db.Ping()
}

// pgxPool is for a peer that takes pgx's own pool.
func (e *environment) pgxPool() (*pgxpool.Pool, error) {
	dsn, err := e.postgresDSN()
	if err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	e.sql = true
	config.MaxConns, config.MinIdleConns = connections, connections
	if e.counter != nil {
		config.ConnConfig.Tracer = tracer{e.counter}
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err == nil {
		e.onClose(pool.Close)
	}
	return pool, err
}

// mysql makes a database of the environment's own.
func (e *environment) mysql() (*sql.DB, error) {
	dsn, err := server("TEST_MYSQL_DSN")
	if err != nil {
		return nil, err
	}
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	admin, err := sql.Open("mysql", dsn)
	if err != nil {
		return nil, err
	}
	e.onClose(func() { _ = admin.Close() })
	config.DBName = "bench_" + strings.ToLower(rand.Text()[:12])
	if _, err := admin.Exec("CREATE DATABASE " + config.DBName); err != nil {
		return nil, err
	}
	e.onClose(func() { _, _ = admin.Exec("DROP DATABASE " + config.DBName) })
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	db := e.pool(connector)
	return db, db.Ping()
}

func (e *environment) pool(connector driver.Connector) *sql.DB {
	e.sql = true
	if e.counter != nil {
		connector = countingConnector{connector, e.counter}
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	e.onClose(func() { _ = db.Close() })
	return db
}

// gorm opens GORM with its own defaults, as the peers' READMEs do. Only its log is off.
func (e *environment) gorm(database string) (*gorm.DB, *sql.DB, error) {
	var dialector gorm.Dialector
	var db *sql.DB
	var err error
	switch database {
	case "SQLite":
		db, _, err = e.sqlite()
		dialector = sqlite.New(sqlite.Config{Conn: db})
	case "PostgreSQL":
		db, err = e.postgres()
		dialector = postgres.New(postgres.Config{Conn: db})
	case "MariaDB":
		db, err = e.mysql()
		dialector = gormmysql.New(gormmysql.Config{Conn: db})
	default:
		err = fmt.Errorf("unknown database %q", database)
	}
	if err != nil {
		return nil, nil, err
	}
	g, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	return g, db, err
}

func (e *environment) redisAddr() (string, error) {
	e.redis = true
	return server("TEST_REDIS_ADDR")
}

// valkey is the client under cache/redis, for the floor.
func (e *environment) valkey() (valkey.Client, error) {
	addr, err := e.redisAddr()
	if err != nil {
		return nil, err
	}
	client, err := valkey.NewClient(valkey.ClientOption{InitAddress: []string{addr}, DisableCache: true})
	if err == nil {
		e.onClose(client.Close)
	}
	return client, err
}

var silent = slog.New(slog.NewTextHandler(io.Discard, nil))

// A clock moves on with the writes, so that each write of a session falls into another second
// and moves its expiry, as it does if visitors write less often than benchmarks.
type clock struct {
	writes, ahead atomic.Int64
	every         int64
}

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) written() {
	if c.writes.Add(1)%c.every == 0 {
		c.ahead.Add(int64(2 * time.Second))
	}
}
