package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/sqlite3store"
	"github.com/alexedwards/scs/v2"
	contribgorm "github.com/gin-contrib/sessions/gorm"
	contribredis "github.com/gin-contrib/sessions/redis"
	goredis "github.com/redis/go-redis/v9"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memcached"
	"github.com/ginsession/ginsession/cache/memory"
	"github.com/ginsession/ginsession/cache/redis"
)

const cookieName = "sessionid"

// stores are the addresses that a worker uses, behind the proxy that injects faults.
type stores struct {
	Dir, Postgres, MySQL, Redis, Memcached string
}

// A subject is a library over a store.
type subject struct {
	name      string
	processes bool     // several may use the store
	needs     []string // of the environment: the store's server
	peer      bool     // another library, which has made no promise to us
	open      func(s stores) (http.Handler, error)
}

func subjects() []subject {
	return []subject{
		engine("db, SQLite", true, nil, func(s stores) (ginsession.Engine, error) {
			db, err := openSQLite(s)
			return ginsession.DB(db), err
		}),
		engine("db, PostgreSQL", true, []string{"TEST_POSTGRES_DSN"}, func(s stores) (ginsession.Engine, error) {
			db, err := openDB(postgres.Open(s.Postgres))
			return ginsession.DB(db, ginsession.TableName("torture_session")), err
		}),
		engine("db, MariaDB", true, []string{"TEST_MYSQL_DSN"}, func(s stores) (ginsession.Engine, error) {
			db, err := openDB(mysql.Open(s.MySQL))
			return ginsession.DB(db, ginsession.TableName("torture_session")), err
		}),
		engine("file", true, nil, func(s stores) (ginsession.Engine, error) {
			return ginsession.File(filepath.Join(s.Dir, "sessions")), nil
		}),
		engine("cached, memory", false, nil, func(stores) (ginsession.Engine, error) {
			return ginsession.Cached(memory.New()), nil
		}),
		engine("cached, Redis", true, []string{"TEST_REDIS_ADDR"}, func(s stores) (ginsession.Engine, error) {
			cache, err := redis.New("redis://" + s.Redis)
			return ginsession.Cached(cache), err
		}),
		engine("cached, memcached", true, []string{"TEST_MEMCACHED_ADDR"}, func(s stores) (ginsession.Engine, error) {
			cache, err := memcached.New(s.Memcached)
			return ginsession.Cached(cache), err
		}),
		engine("cached_db, SQLite + memory", false, nil, func(s stores) (ginsession.Engine, error) {
			db, err := openSQLite(s)
			return ginsession.CachedDB(db, memory.New()), err
		}),
		engine("cached_db, PostgreSQL + Redis", true, []string{"TEST_POSTGRES_DSN", "TEST_REDIS_ADDR"}, func(s stores) (ginsession.Engine, error) {
			db, err := openDB(postgres.Open(s.Postgres))
			if err != nil {
				return nil, err
			}
			cache, err := redis.New("redis://" + s.Redis)
			return ginsession.CachedDB(db, cache, ginsession.TableName("torture_session")), err
		}),
		{"gin-contrib/sessions gorm, SQLite", true, nil, true, func(s stores) (http.Handler, error) {
			db, err := openSQLite(s)
			if err != nil {
				return nil, err
			}
			return contribHandler(contribgorm.NewStore(db, true, []byte("secret"))), nil
		}},
		{"gin-contrib/sessions redis", true, []string{"TEST_REDIS_ADDR"}, true, func(s stores) (http.Handler, error) {
			store, err := contribredis.NewStore(10, "tcp", s.Redis, "", "", []byte("secret"))
			if err != nil {
				return nil, err
			}
			return contribHandler(store), nil
		}},
		{"scs sqlite3store", true, nil, true, func(s stores) (http.Handler, error) {
			db, err := sql.Open("sqlite3", dsn(s))
			if err != nil {
				return nil, err
			}
			if _, err = db.Exec("CREATE TABLE IF NOT EXISTS sessions (token TEXT PRIMARY KEY, data BLOB NOT NULL, expiry REAL NOT NULL)"); err != nil {
				return nil, err
			}
			m := scs.New()
			m.Store = sqlite3store.New(db)
			return scsHandler(m), nil
		}},
		{"scs goredisstore", true, []string{"TEST_REDIS_ADDR"}, true, func(s stores) (http.Handler, error) {
			m := scs.New()
			m.Store = goredisstore.New(redisClient(s.Redis))
			return scsHandler(m), nil
		}},
	}
}

func redisClient(addr string) *goredis.Client { return goredis.NewClient(&goredis.Options{Addr: addr}) }

// engine is ginsession over one of its engines, with a cleaner and renewals.
func engine(name string, processes bool, needs []string, open func(s stores) (ginsession.Engine, error)) subject {
	return subject{name, processes, needs, false, func(s stores) (http.Handler, error) {
		e, err := open(s)
		if err != nil {
			return nil, err
		}
		m, err := ginsession.NewManager(ginsession.Config{
			Engine: e, RenewAfter: time.Second, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		})
		if err != nil {
			return nil, err
		}
		m.StartCleaner(context.Background(), time.Second)
		return oursHandler(m), nil
	}}
}

func dsn(s stores) string {
	return "file:" + filepath.Join(s.Dir, "torture.db") + "?_journal_mode=WAL&_busy_timeout=5000&_synchronous=NORMAL"
}

func openSQLite(s stores) (*gorm.DB, error) { return openDB(sqlite.Open(dsn(s))) }

// openDB opens a database and adds the table, which several workers do at the same time.
func openDB(dialector gorm.Dialector) (*gorm.DB, error) {
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return nil, err
	}
	name := "torture_session"
	if dialector.Name() == "sqlite" {
		name = "gin_session"
	}
	for range 50 {
		if err = ginsession.Migrate(db, ginsession.TableName(name)); err == nil {
			return db, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil, fmt.Errorf("migrating: %w", err)
}

// find returns what a worker is to serve.
func find(name string) (subject, error) {
	for _, m := range mutants() {
		if m.name == name {
			return m.subject, nil
		}
	}
	for _, s := range subjects() {
		if s.name == name {
			return s, nil
		}
	}
	return subject{}, fmt.Errorf("no engine is called %q", name)
}
