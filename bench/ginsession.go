package main

import (
	"database/sql"
	"fmt"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memcached"
	"github.com/ginsession/ginsession/cache/memory"
	"github.com/ginsession/ginsession/cache/redis"
)

// secretKey is for what signs: SignedCookies, and the peers that sign every cookie.
const secretKey = "a secret key for the benchmarks, of 50 characters.."

// ourHandler is a site on ginsession.
func ourHandler(m *ginsession.Manager, c *clock, sessions [][]pair) http.Handler {
	r := gin.New()
	r.Use(m.Handler())
	r.GET(idlePath, answerIdle)
	r.GET(plainPath, func(c *gin.Context) { c.String(http.StatusOK, "ok") })
	r.GET(readPath, func(c *gin.Context) {
		s := ginsession.Get(c)
		user, _ := ginsession.Value[string](s, "user")
		visits, _ := ginsession.Value[int](s, "visits")
		answerRead(c, user, visits)
	})
	r.POST(writePath, func(gc *gin.Context) {
		s := ginsession.Get(gc)
		visits, _ := ginsession.Value[int](s, "visits")
		s.Set("visits", visits+1)
		c.written()
		answerWrite(gc, visits)
	})
	r.POST(createPath, func(c *gin.Context) {
		s := ginsession.Get(c)
		for _, p := range sessionOf(c, sessions) {
			s.Set(p.key, p.value)
		}
		c.String(http.StatusOK, "ok")
	})
	return r
}

// answerIdle is an ordinary handler's JSON, which is what Gin's own cost is measured with.
func answerIdle(c *gin.Context) { c.JSON(http.StatusOK, idleAnswer{OK: true}) }

type idleAnswer struct {
	OK bool `json:"ok"`
}

func answerRead(c *gin.Context, user string, visits int) {
	if visits < firstCount {
		user = ""
	}
	c.String(http.StatusOK, user)
}

// answerWrite answers an error if the session was not there to be counted up.
func answerWrite(c *gin.Context, visits int) {
	if visits < firstCount {
		c.Status(http.StatusInternalServerError)
		return
	}
	c.String(http.StatusOK, "ok")
}

// sessionOf returns what the NEW request is to set.
func sessionOf(c *gin.Context, sessions [][]pair) []pair {
	i, _ := strconv.Atoi(c.Request.Header[numberName][0])
	return sessions[i]
}

func (c content) sessions(n int) [][]pair {
	sessions := make([][]pair, n)
	for i := range sessions {
		sessions[i] = c.of(i)
	}
	return sessions
}

// baseRows is how many sessions there are unless the report says otherwise.
const baseRows = 1000

// serve makes an instance of our engine.
func serve(e *environment, cfg ginsession.Config) (*instance, error) {
	s, err := ourSite(e, cfg)
	if err != nil {
		return nil, err
	}
	return s.instance(e.close), nil
}

func ourSite(e *environment, cfg ginsession.Config) (*site, error) {
	m, c, err := ourManager(cfg)
	if err != nil {
		return nil, err
	}
	return newSite(ourHandler(m, c, e.content.sessions(baseRows)), e.signIns())
}

func ourManager(cfg ginsession.Config) (*ginsession.Manager, *clock, error) {
	c := &clock{every: baseRows}
	cfg.Logger, cfg.Clock, cfg.StoreTimeout = silent, c.now, storeTimeout
	m, err := ginsession.NewManager(cfg)
	return m, c, err
}

// ourDB is the DB engine.
func ourDB(database string) subject {
	return subject{"ginsession DB, " + database, ours, func(e *environment) (*instance, error) {
		return ourDatabase(e, database, func(db *gorm.DB) (ginsession.Engine, error) { return ginsession.DB(db), nil })
	}}
}

// ourCachedDB is the CachedDB engine over a cache of that kind.
func ourCachedDB(database, kind string) subject {
	return subject{"ginsession CachedDB, " + database + " + " + kind, ours, func(e *environment) (*instance, error) {
		return ourDatabase(e, database, func(db *gorm.DB) (ginsession.Engine, error) {
			cache, err := openCache(e, kind)
			return ginsession.CachedDB(db, cache), err
		})
	}}
}

func ourDatabase(e *environment, database string, engine func(*gorm.DB) (ginsession.Engine, error)) (*instance, error) {
	db, pool, err := e.gorm(database)
	if err != nil {
		return nil, err
	}
	if err := ginsession.Migrate(db); err != nil {
		return nil, err
	}
	chosen, err := engine(db)
	if err != nil {
		return nil, err
	}
	s, err := ourSite(e, ginsession.Config{Engine: chosen})
	if err != nil {
		return nil, err
	}
	if e.rows > baseRows {
		if err := ourRows(e, s, pool, database); err != nil {
			return nil, err
		}
	}
	return s.instance(e.close), nil
}

// ourRows fills the table and has the visitors be some of those in it.
func ourRows(e *environment, s *site, pool *sql.DB, database string) error {
	key := func(i int) string { return digest(cookieKey(i)) }
	if err := copyRows(pool, database, copyOf{table: "gin_session", key: "session_key", rows: e.rows, keyOf: key}); err != nil {
		return err
	}
	return s.visit(e.rows, func(i int) (string, error) { return "sessionid=" + cookieKey(i), nil })
}

// ourCached is the Cached engine over a cache of that kind.
func ourCached(kind string) subject {
	return subject{"ginsession Cached, " + kind, ours, func(e *environment) (*instance, error) {
		cache, err := openCache(e, kind)
		if err != nil {
			return nil, err
		}
		return serve(e, ginsession.Config{Engine: ginsession.Cached(cache)})
	}}
}

// ourCookies is the SignedCookies engine.
func ourCookies() subject {
	return subject{"ginsession SignedCookies", ours, func(e *environment) (*instance, error) {
		return serve(e, ginsession.Config{Engine: ginsession.SignedCookies(), SecretKey: secretKey})
	}}
}

// ourFile is the File engine.
func ourFile() subject {
	return subject{"ginsession File", ours, func(e *environment) (*instance, error) {
		dir, err := e.folder()
		if err != nil {
			return nil, err
		}
		return serve(e, ginsession.Config{Engine: ginsession.File(dir)})
	}}
}

// The kinds of cache.
const (
	inMemory    = "memory"
	inRedis     = "Redis"
	nearRedis   = "Redis with near cache"
	inMemcached = "memcached"
)

func openCache(e *environment, kind string) (ginsession.Cache, error) {
	switch kind {
	case inMemory:
		c := memory.New()
		e.onClose(func() { _ = c.Close() })
		return c, nil
	case inRedis, nearRedis:
		addr, err := e.redisAddr()
		if err != nil {
			return nil, err
		}
		var options []redis.Option
		if kind == inRedis {
			options = append(options, redis.NearCache(0))
		}
		c, err := redis.New("redis://"+addr, options...)
		if err != nil {
			return nil, err
		}
		e.onClose(func() { _ = c.Close() })
		return c, nil
	case inMemcached:
		addr, err := server("TEST_MEMCACHED_ADDR")
		if err != nil {
			return nil, err
		}
		c, err := memcached.New(addr)
		if err != nil {
			return nil, err
		}
		e.onClose(func() { _ = c.Close() })
		return c, nil
	}
	return nil, fmt.Errorf("unknown cache %q", kind)
}
