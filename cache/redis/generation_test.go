package redis_test

import (
	"errors"
	"path/filepath"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/redis"
)

// cachedDB returns a manager of sessions in a database, with copies in the server.
func cachedDB(t *testing.T, db *gorm.DB, c ginsession.Cache) *ginsession.Manager {
	t.Helper()
	m, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.CachedDB(db, c)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func openSQLite(t *testing.T) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "test.db")), &gorm.Config{})
	if err == nil {
		err = ginsession.Migrate(db)
	}
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// The server comes back as it was before: by a restart from its snapshot, or as a replica that was
// cut off from its master. No sign-out is undone by that, and no write.
func TestCachedDBOverAServerFromBefore(t *testing.T) {
	for kind, opts := range map[string][]redis.Option{"near cache": nil, "no near cache": {redis.NearCache(0)}} {
		for _, outage := range []string{"restart", "failover"} {
			t.Run(outage+", "+kind, func(t *testing.T) {
				server := startServer(t)
				replica := startServer(t, "--repl-diskless-sync-delay", "0")
				address := newForwarder(t, server.addr)
				m := cachedDB(t, openSQLite(t), open(t, address.url(), opts...))
				ended, changed := m.Open(t.Context(), ""), m.Open(t.Context(), "")
				for _, s := range []*ginsession.Session{ended, changed} {
					s.Set("v", "old")
					if err := s.Save(); err != nil {
						t.Fatal(err)
					}
					if got := m.Open(t.Context(), s.Key()).Get("v"); got != "old" {
						t.Fatal(got)
					}
				}
				server.do(t, "SAVE")
				demote(t, replica, server)
				replica.do(t, "REPLICAOF", "NO", "ONE")

				key := ended.Key()
				changed.Set("v", "new")
				if err := errors.Join(ended.Flush(), changed.Save()); err != nil {
					t.Fatal(err)
				}
				server.kill(t)
				if outage == "restart" {
					server.start(t)
				} else {
					address.moveTo(replica.addr)
				}
				eventually(t, "the cache answers again", func() bool {
					_, _, err := open(t, address.url(), opts...).Get(t.Context(), "a key that nobody has")
					return err == nil
				})
				for range 3 {
					if s := m.Open(t.Context(), key); s.Has("v") || s.Err() != nil {
						t.Errorf("the session that was signed out: %v, %v", s.Get("v"), s.Err())
					}
					if s := m.Open(t.Context(), changed.Key()); s.Get("v") != "new" || s.Err() != nil {
						t.Errorf("the session that was changed: %v, %v", s.Get("v"), s.Err())
					}
					m.Open(t.Context(), changed.Key()).Get("v")
				}
			})
		}
	}
}

// A server that runs on has one generation, and copies are used.
func TestGeneration(t *testing.T) {
	server := startServer(t)
	c := open(t, server.url())
	first, err := c.Generation(t.Context())
	if err != nil || first == 0 {
		t.Fatalf("Generation: %d, %v", first, err)
	}
	if again, err := open(t, server.url()).Generation(t.Context()); again != first || err != nil {
		t.Errorf("another client's: %d, %v; want %d", again, err, first)
	}
	m := cachedDB(t, openSQLite(t), c)
	s := m.Open(t.Context(), "")
	s.Set("v", 1)
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	m.Open(t.Context(), s.Key()).Get("v")
	keys, _ := server.do(t, "KEYS", "*").AsStrSlice()
	if len(keys) != 1 {
		t.Fatal("keys in the server:", keys)
	}
	before, _ := server.do(t, "GET", keys[0]).ToString()
	m.Open(t.Context(), s.Key()).Get("v")
	if after, _ := server.do(t, "GET", keys[0]).ToString(); after != before || len(after) < 30 {
		t.Error("a copy that could be used was replaced")
	}
	server.kill(t)
	server.start(t)
	eventually(t, "the generation changes", func() bool {
		c.Get(t.Context(), "a key that nobody has read")
		next, err := c.Generation(t.Context())
		return err == nil && next != first
	})
}

// A user who may not run INFO has a cache all the same, of no generation.
func TestGenerationWithoutInfo(t *testing.T) {
	server := startServer(t)
	server.do(t, "ACL", "SETUSER", "limited", "on", ">secret", "~*", "&*", "+@all", "-info")
	c := open(t, "redis://limited:secret@"+server.addr)
	if generation, err := c.Generation(t.Context()); generation != 0 || err != nil {
		t.Errorf("Generation: %d, %v", generation, err)
	}
}
