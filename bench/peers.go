package main

import (
	"context"
	"database/sql"
	"net/http"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/gormstore"
	"github.com/alexedwards/scs/pgxstore"
	"github.com/alexedwards/scs/sqlite3store"
	"github.com/alexedwards/scs/v2"
	scsmemstore "github.com/alexedwards/scs/v2/memstore"
	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	ginorm "github.com/gin-contrib/sessions/gorm"
	"github.com/gin-contrib/sessions/memstore"
	ginredis "github.com/gin-contrib/sessions/redis"
	"github.com/gin-gonic/gin"
	"github.com/gorilla/securecookie"
	gorilla "github.com/gorilla/sessions"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/go-redis/v9"
)

// peerCookie is the name of the peers' cookies.
const peerCookie = "session"

// ginContrib is a site on gin-contrib/sessions.
func ginContrib(name string, open func(e *environment) (sessions.Store, error)) subject {
	return subject{"gin-contrib " + name, peer, func(e *environment) (*instance, error) {
		store, err := open(e)
		if err != nil {
			return nil, err
		}
		s, err := ginContribSite(e, store)
		if err != nil {
			return nil, err
		}
		return s.instance(e.close), nil
	}}
}

func ginContribSite(e *environment, store sessions.Store) (*site, error) {
	if limited, ok := store.(interface{ MaxLength(int) }); ok {
		limited.MaxLength(0)
	}
	r := gin.New()
	r.Use(sessions.Sessions(peerCookie, store))
	r.GET(idlePath, answerIdle)
	r.GET(readPath, func(c *gin.Context) {
		s := sessions.Default(c)
		user, _ := s.Get("user").(string)
		visits, _ := s.Get("visits").(int)
		answerRead(c, user, visits)
	})
	r.POST(writePath, func(c *gin.Context) {
		s := sessions.Default(c)
		visits, _ := s.Get("visits").(int)
		s.Set("visits", visits+1)
		if err := s.Save(); err != nil {
			_ = c.AbortWithError(http.StatusInternalServerError, err)
			return
		}
		answerWrite(c, visits)
	})
	all := e.content.sessions(baseRows)
	r.POST(createPath, func(c *gin.Context) {
		s := sessions.Default(c)
		for _, p := range sessionOf(c, all) {
			s.Set(p.key, p.value)
		}
		if err := s.Save(); err != nil {
			_ = c.AbortWithError(http.StatusInternalServerError, err)
			return
		}
		c.String(http.StatusOK, "ok")
	})
	return newSite(r, e.signIns())
}

func ginCookie() subject {
	return ginContrib("cookie", func(*environment) (sessions.Store, error) {
		return cookie.NewStore([]byte(secretKey)), nil
	})
}

func ginMemstore() subject {
	return ginContrib("memstore", func(*environment) (sessions.Store, error) {
		return memstore.NewStore([]byte(secretKey)), nil
	})
}

func ginRedis() subject {
	return ginContrib("redis", func(e *environment) (sessions.Store, error) {
		addr, err := e.redisAddr()
		if err != nil {
			return nil, err
		}
		return ginredis.NewStore(connections, "tcp", addr, "", "", []byte(secretKey))
	})
}

func ginGORM(database string) subject {
	return subject{"gin-contrib gorm, " + database, peer, func(e *environment) (*instance, error) {
		db, pool, err := e.gorm(database)
		if err != nil {
			return nil, err
		}
		s, err := ginContribSite(e, ginorm.NewStore(db, false, []byte(secretKey)))
		if err != nil {
			return nil, err
		}
		if e.rows > baseRows {
			id := func(i int) string { return cookieKey(i) }
			if err := copyRows(pool, database, copyOf{table: "sessions", key: "id", rows: e.rows, keyOf: id}); err != nil {
				return nil, err
			}
			codecs := securecookie.CodecsFromPairs([]byte(secretKey))
			err = s.visit(e.rows, func(i int) (string, error) {
				value, err := securecookie.EncodeMulti(peerCookie, id(i), codecs...)
				return peerCookie + "=" + value, err
			})
		}
		return s.instance(e.close), err
	}}
}

// scsSite is a site on alexedwards/scs.
func scsSite(e *environment, store scs.Store) (*site, error) {
	m := scs.New()
	m.Store = store
	r := gin.New()
	r.GET(idlePath, answerIdle)
	r.GET(readPath, func(c *gin.Context) {
		ctx := c.Request.Context()
		answerRead(c, m.GetString(ctx, "user"), m.GetInt(ctx, "visits"))
	})
	r.POST(writePath, func(c *gin.Context) {
		ctx := c.Request.Context()
		visits := m.GetInt(ctx, "visits")
		m.Put(ctx, "visits", visits+1)
		answerWrite(c, visits)
	})
	all := e.content.sessions(baseRows)
	r.POST(createPath, func(c *gin.Context) {
		ctx := c.Request.Context()
		for _, p := range sessionOf(c, all) {
			m.Put(ctx, p.key, p.value)
		}
		c.String(http.StatusOK, "ok")
	})
	return newSite(m.LoadAndSave(r), e.signIns())
}

func scsSubject(name string, open func(e *environment) (scs.Store, error)) subject {
	return subject{"scs " + name, peer, func(e *environment) (*instance, error) {
		store, err := open(e)
		if err != nil {
			return nil, err
		}
		s, err := scsSite(e, store)
		if err != nil {
			return nil, err
		}
		return s.instance(e.close), nil
	}}
}

func scsMemstore() subject {
	return scsSubject("memstore", func(*environment) (scs.Store, error) {
		return scsmemstore.NewWithCleanupInterval(0), nil
	})
}

func scsRedis() subject {
	return scsSubject("goredisstore", func(e *environment) (scs.Store, error) {
		addr, err := e.redisAddr()
		if err != nil {
			return nil, err
		}
		client := redis.NewClient(&redis.Options{Addr: addr, PoolSize: connections})
		e.onClose(func() { _ = client.Close() })
		return goredisstore.New(client), nil
	})
}

// scsDatabase is an scs store with a table of its own.
func scsDatabase(name, database string, open func(e *environment) (scs.Store, *sql.DB, error)) subject {
	return subject{"scs " + name, peer, func(e *environment) (*instance, error) {
		store, db, err := open(e)
		if err != nil {
			return nil, err
		}
		s, err := scsSite(e, store)
		if err != nil {
			return nil, err
		}
		if e.rows > baseRows {
			token := func(i int) string { return cookieKey(i) + "abcdefghijk" }
			if err := copyRows(db, database, copyOf{table: "sessions", key: "token", rows: e.rows, keyOf: token}); err != nil {
				return nil, err
			}
			err = s.visit(e.rows, func(i int) (string, error) { return peerCookie + "=" + token(i), nil })
		}
		return s.instance(e.close), err
	}}
}

func scsSQLite() subject {
	return scsDatabase("sqlite3store", "SQLite", func(e *environment) (scs.Store, *sql.DB, error) {
		db, _, err := e.sqlite()
		if err != nil {
			return nil, nil, err
		}
		_, err = db.Exec("CREATE TABLE sessions (token TEXT PRIMARY KEY, data BLOB NOT NULL, expiry REAL NOT NULL);" +
			"CREATE INDEX sessions_expiry_idx ON sessions (expiry)") // as in its README
		return sqlite3store.NewWithCleanupInterval(db, 0), db, err
	})
}

func scsGORM(database string) subject {
	return scsDatabase("gormstore, "+database, database, func(e *environment) (scs.Store, *sql.DB, error) {
		g, db, err := e.gorm(database)
		if err != nil {
			return nil, nil, err
		}
		store, err := gormstore.NewWithCleanupInterval(g, 0)
		return store, db, err
	})
}

func scsPgx() subject {
	return scsDatabase("pgxstore", "PostgreSQL", func(e *environment) (scs.Store, *sql.DB, error) {
		pool, err := e.pgxPool()
		if err != nil {
			return nil, nil, err
		}
		_, err = pool.Exec(context.Background(), "CREATE TABLE sessions (token TEXT PRIMARY KEY, data BYTEA NOT NULL, expiry TIMESTAMPTZ NOT NULL);"+
			"CREATE INDEX sessions_expiry_idx ON sessions (expiry)") // as in its README
		db := stdlib.OpenDBFromPool(pool)
		e.onClose(func() { _ = db.Close() })
		return pgxstore.NewWithCleanupInterval(pool, 0), db, err
	})
}

// gorillaFiles is a site on gorilla/sessions with its filesystem store.
func gorillaFiles() subject {
	return subject{"gorilla filesystem", peer, func(e *environment) (*instance, error) {
		dir, err := e.folder()
		if err != nil {
			return nil, err
		}
		store := gorilla.NewFilesystemStore(dir, []byte(secretKey))
		store.MaxLength(0)
		s, err := newSite(gorillaHandler(store, e.content.sessions(baseRows)), e.signIns())
		if err != nil {
			return nil, err
		}
		return s.instance(e.close), nil
	}}
}

func gorillaHandler(store gorilla.Store, all [][]pair) http.Handler {
	r := gin.New()
	r.GET(idlePath, answerIdle)
	r.GET(readPath, func(c *gin.Context) {
		s, _ := store.Get(c.Request, peerCookie)
		user, _ := s.Values["user"].(string)
		visits, _ := s.Values["visits"].(int)
		answerRead(c, user, visits)
	})
	save := func(c *gin.Context, s *gorilla.Session) bool {
		err := s.Save(c.Request, c.Writer)
		if err != nil {
			_ = c.AbortWithError(http.StatusInternalServerError, err)
		}
		return err == nil
	}
	r.POST(writePath, func(c *gin.Context) {
		s, _ := store.Get(c.Request, peerCookie)
		visits, _ := s.Values["visits"].(int)
		s.Values["visits"] = visits + 1
		if save(c, s) {
			answerWrite(c, visits)
		}
	})
	r.POST(createPath, func(c *gin.Context) {
		s, _ := store.Get(c.Request, peerCookie)
		for _, p := range sessionOf(c, all) {
			s.Values[p.key] = p.value
		}
		if save(c, s) {
			c.String(http.StatusOK, "ok")
		}
	})
	return r
}
