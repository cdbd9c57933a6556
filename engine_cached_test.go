package ginsession_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memcached"
	"github.com/ginsession/ginsession/cache/memory"
	"github.com/ginsession/ginsession/cache/redis"
	"github.com/ginsession/ginsession/enginetest"
	"github.com/ginsession/ginsession/internal/testserver"
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
			return dialRedis(t, testserver.Env(t, "TEST_REDIS_ADDR"), redis.NearCache(0))
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
	return dialRedis(t, testserver.Env(t, "TEST_REDIS_ADDR"))
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
	cache, err := memcached.New(testserver.Env(t, "TEST_MEMCACHED_ADDR"))
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

// aMillennium is an expiry that no time.Duration reaches.
var aMillennium = start.AddDate(1000, 0, 0)

func TestCachedExpiryFarAway(t *testing.T) {
	forEachCache(t, func(t *testing.T, open openCache) {
		m, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.Cached(open(t))})
		if err != nil {
			t.Fatal(err)
		}
		s := m.Open(t.Context(), "")
		s.Set("n", 1)
		s.SetExpiry(ginsession.ExpireAt(aMillennium))
		save(t, s)
		s.Set("n", 2)
		save(t, s)
		check(t, "a session that ends in a thousand years", m.Open(t.Context(), s.Key()).Get("n"), any(int64(2)))
	})
}

// What the application has in the cache under a session's key is its own, and so is the session.
func TestCachedKeysAreApart(t *testing.T) {
	forEachCache(t, func(t *testing.T, open openCache) {
		cache := open(t)
		d := newDesk(t, func(cfg *ginsession.Config) { cfg.Engine = ginsession.Cached(cache) })
		s := d.session(t, "")
		s.Set("n", 1)
		save(t, s)
		key := s.Key()
		if ok, err := cache.Add(t.Context(), key, []byte("the application's"), time.Hour); !ok || err != nil {
			t.Fatalf("Add of the application's key: %v, %v", ok, err)
		}
		s.Set("n", 2)
		save(t, s)
		check(t, "the session", d.session(t, key).Get("n"), any(int64(2)))
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
		value, _, err := cache.Get(t.Context(), key)
		check(t, "the application's value after Flush", fmt.Sprintf("%s %v", value, err), "the application's <nil>")
	})
}

// A key that no session has reaches no cache: memcached would take a space or a line break for
// the end of the key.
func TestCachedKeysThatAreNone(t *testing.T) {
	cache := &hookedCache{Cache: openMemory(t)}
	d := newDesk(t, func(cfg *ginsession.Config) { cfg.Engine = ginsession.Cached(cache) })
	for _, key := range []string{"", "short", strings.Repeat("k", 65), strings.Repeat("k", 251), "with space", "abcdefgh\r\nflush_all", "../../secret", "ABCDEFGH", "abcdefgh\x00"} {
		s := d.session(t, key)
		check(t, "Has", s.Has("n"), false)
		if ok, err := d.Exists(t.Context(), key); ok || err != nil {
			t.Errorf("Exists: %v, %v", ok, err)
		}
		if err := errors.Join(s.Flush(), d.Delete(t.Context(), key)); err != nil {
			t.Errorf("Flush and Delete: %v", err)
		}
		check(t, "calls of the cache", cache.taken(), "")
	}
}

// If the cache fails the answer is 503 and the cookie stays; what a restart has emptied is
// anonymous.
func TestCachedRedisRestarts(t *testing.T) {
	server := startRedis(t)
	cache := dialRedis(t, server.addr)
	w := newSite(t, func(cfg *ginsession.Config) {
		cfg.Engine = ginsession.Cached(cache)
		cfg.StoreTimeout = time.Second
	})
	v := w.visitor(t)
	v.post(func(s *ginsession.Session) { s.Set("n", 1) })
	key := v.key()
	v.get(func(s *ginsession.Session) { check(t, "before", s.Get("n"), any(int64(1))) })

	server.kill()
	r := v.post(func(s *ginsession.Session) { s.Set("n", 2) })
	check(t, "status while it is down", r.StatusCode, http.StatusServiceUnavailable)
	check(t, "the cookie while it is down", v.key(), key)

	server.start(t)
	deadline := time.Now().Add(20 * time.Second)
	for status := 0; status != http.StatusOK; {
		if status = v.get(func(s *ginsession.Session) { s.Get("n") }).StatusCode; time.Now().After(deadline) {
			t.Fatalf("status %d 20 seconds after the restart", status)
		}
		if status != http.StatusOK {
			check(t, "status", status, http.StatusServiceUnavailable)
		}
	}
	check(t, "the keys after the restart", keysOf(v), []string{})
	r = v.post(func(s *ginsession.Session) { s.Set("n", 3) })
	check(t, "status after the restart", r.StatusCode, http.StatusOK)
	check(t, "the old key is not adopted", v.key() != key && v.key() != "", true)
}

// A cache that evicts makes visitors anonymous, and no request fails.
func TestCachedRedisEvicts(t *testing.T) {
	server := startRedis(t, "--maxmemory", "5mb", "--maxmemory-policy", "allkeys-lru")
	cache := dialRedis(t, server.addr, redis.NearCache(0))
	d := newDesk(t, func(cfg *ginsession.Config) { cfg.Engine = ginsession.Cached(cache) })
	var keys []string
	for n := range 600 {
		s := d.session(t, "")
		s.Update(map[string]any{"n": n, "long": strings.Repeat("x", 16<<10)})
		save(t, s)
		keys = append(keys, s.Key())
	}
	alive := 0
	for n, key := range keys {
		s := d.session(t, key)
		if err := s.Load(); err != nil {
			t.Fatal(err)
		}
		if s.Key() != "" {
			alive++
			check(t, "a session that is left", s.Get("n"), any(int64(n)))
		}
	}
	if alive == 0 || alive == len(keys) {
		t.Errorf("%d of %d sessions are left in 5 MB", alive, len(keys))
	}
}

// CachedDB loses nothing and revives nobody if Redis is killed and comes back empty.
func TestCachedDBRedisRestarts(t *testing.T) {
	server := startRedis(t)
	db := openSQLite(t)
	engine := ginsession.CachedDB(db, dialRedis(t, server.addr), ginsession.TableName(newTable(t, db)))
	d := newDesk(t, func(cfg *ginsession.Config) { cfg.Engine, cfg.StoreTimeout = engine, time.Second })
	key, gone := d.saved(t, map[string]any{"n": 1}), d.saved(t, map[string]any{"n": 1})
	for _, k := range []string{key, gone} {
		check(t, "before", d.session(t, k).Get("n"), any(int64(1)))
	}
	server.kill()
	d.somebodyElse(t, key, func(s *ginsession.Session) { s.Set("n", 2) })
	check(t, "while it is down", d.session(t, key).Get("n"), any(int64(2)))
	check(t, "Delete while it is down", d.Delete(t.Context(), gone), error(nil))
	check(t, "the deleted session while it is down", d.session(t, gone).Key(), "")
	server.start(t)
	check(t, "after the restart", d.session(t, key).Get("n"), any(int64(2)))
	check(t, "the session that was deleted", d.session(t, gone).Key(), "")
}

// A redisServer is one test's own, to break.
type redisServer struct {
	addr string
	args []string
	cmd  *exec.Cmd
}

func startRedis(t *testing.T, args ...string) *redisServer {
	t.Helper()
	port := freePort(t)
	s := &redisServer{addr: "127.0.0.1:" + port}
	s.args = append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", ""}, args...)
	s.start(t)
	t.Cleanup(s.kill)
	return s
}

// freePort is below those of outgoing connections, one of which could take it between a kill and
// a restart.
func freePort(t *testing.T) string {
	t.Helper()
	for range 1000 {
		port := strconv.Itoa(20000 + mathrand.IntN(12000))
		if listener, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			listener.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return ""
}

// start returns when the server listens.
func (s *redisServer) start(t *testing.T) {
	t.Helper()
	s.cmd = exec.Command(testserver.Env(t, "TEST_REDIS_SERVER"), s.args...)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		conn, err := net.Dial("tcp", s.addr)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// kill ends it as kill -9 does.
func (s *redisServer) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}
