package ginsession_test

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memcached"
	"github.com/ginsession/ginsession/cache/memory"
	"github.com/ginsession/ginsession/cache/redis"
	"github.com/ginsession/ginsession/enginetest"
)

// An openCache opens a cache with a namespace that is nobody else's, and closes it with the test.
type openCache func(t *testing.T) ginsession.Cache

// forEachCache runs f as a subtest for each cache.
func forEachCache(t *testing.T, f func(t *testing.T, open openCache)) {
	t.Helper()
	caches := []struct {
		name string
		open openCache
	}{
		{"memory", openMemory},
		{"redis", openRedis},
		{"redis without a near cache", func(t *testing.T) ginsession.Cache {
			return dialRedis(t, needEnv(t, "TEST_REDIS_ADDR"), redis.NearCache(0))
		}},
		{"memcached", openMemcached},
	}
	for _, cache := range caches {
		t.Run(cache.name, func(t *testing.T) { f(t, cache.open) })
	}
	if addr := os.Getenv("TEST_VALKEY_ADDR"); addr != "" { // Debian does not have it everywhere
		t.Run("valkey", func(t *testing.T) {
			f(t, func(t *testing.T) ginsession.Cache { return dialRedis(t, addr) })
		})
	}
}

func openMemory(t *testing.T) ginsession.Cache {
	t.Helper()
	cache := memory.New()
	t.Cleanup(func() { cache.Close() })
	return cache
}

// openRedis opens a cache with a near cache.
func openRedis(t *testing.T) ginsession.Cache {
	t.Helper()
	return dialRedis(t, needEnv(t, "TEST_REDIS_ADDR"))
}

func dialRedis(t *testing.T, addr string, options ...redis.Option) *redis.Cache {
	t.Helper()
	options = append([]redis.Option{redis.Prefix(rand.Text() + ":")}, options...)
	cache, err := redis.New("redis://"+addr, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cache.Close() })
	return cache
}

func openMemcached(t *testing.T) ginsession.Cache {
	t.Helper()
	cache, err := memcached.New(needEnv(t, "TEST_MEMCACHED_ADDR"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cache.Close() })
	return cache
}

func TestCachedStore(t *testing.T) {
	forEachCache(t, func(t *testing.T, open openCache) {
		enginetest.Store(t, func(t *testing.T) ginsession.Store {
			return openStore(t, ginsession.Config{Engine: ginsession.Cached(open(t))})
		})
	})
}

func TestCachedEngine(t *testing.T) {
	forEachCache(t, func(t *testing.T, open openCache) {
		enginetest.Engine(t, func(t *testing.T) ginsession.Engine { return ginsession.Cached(open(t)) })
	})
}

// newSessionKey returns a key as a store sees them.
func newSessionKey() string { return strings.ToLower(rand.Text()) }
