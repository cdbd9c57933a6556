package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memcached"
	"github.com/ginsession/ginsession/cache/memory"
	"github.com/ginsession/ginsession/cache/redis"
)

// engineFlags say where the shop keeps its sessions.
type engineFlags struct {
	name      string
	dir       string // file
	cache     string // cache, cached_db
	secretKey string // signed_cookies
}

// An engine is where sessions are kept. Everything else, such as orders, is always in the database.
type engine struct {
	ginsession.Engine
	name      string
	cache     closingCache // nil if the engine has none
	secretKey string       // signs the cookies of signed_cookies; otherwise ""
	inCookie  bool         // the cookie holds the whole session, not only its key
}

func openEngine(db *gorm.DB, f engineFlags) (e engine, err error) {
	e.name = f.name
	switch f.name {
	case "db":
		e.Engine, err = ginsession.DB(db), ginsession.Migrate(db)
	case "file":
		e.Engine = ginsession.File(f.dir)
	case "cache":
		e.cache, err = openCache(f.cache)
		e.Engine = ginsession.Cached(e.cache)
	case "cached_db":
		e.cache, err = openCache(f.cache)
		e.Engine, err = ginsession.CachedDB(db, e.cache), errors.Join(err, ginsession.Migrate(db))
	case "signed_cookies":
		e.Engine, e.inCookie = ginsession.SignedCookies(), true
		e.secretKey = cmp.Or(f.secretKey, rand.Text()+rand.Text())
	default:
		err = fmt.Errorf("-engine: there is no engine %q: use db, file, cache, cached_db or signed_cookies", f.name)
	}
	return e, err
}

func (e engine) close() {
	if e.cache != nil {
		_ = e.cache.Close()
	}
}

// A closingCache is one of those that come with ginsession.
type closingCache interface {
	ginsession.Cache
	io.Closer
}

// openCache connects to the cache that url names; "memory" makes one in this process.
func openCache(url string) (closingCache, error) {
	switch scheme, server, _ := strings.Cut(url, "://"); scheme {
	case "memory":
		return memory.New(), nil
	case "redis", "rediss":
		return redis.New(url)
	case "memcached":
		return memcached.New(server)
	default:
		return nil, errors.New("-cache: unknown kind of cache: use memory, redis://HOST:PORT or memcached://HOST:PORT")
	}
}
