package ginsession_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/enginetest"
)

func TestCachedDBStore(t *testing.T) {
	forEachCachedDB(t, func(t *testing.T, open func(t *testing.T) ginsession.Engine) {
		enginetest.Store(t, func(t *testing.T) ginsession.Store {
			return openStore(t, ginsession.Config{Engine: open(t)})
		})
	})
}

func TestCachedDBEngine(t *testing.T) {
	forEachCachedDB(t, enginetest.Engine)
}

// forEachCachedDB runs f as a subtest for each database and for each cache: each of the caches
// over SQLite, which is the quickest, and Redis over the other databases.
func forEachCachedDB(t *testing.T, f func(t *testing.T, open func(t *testing.T) ginsession.Engine)) {
	t.Helper()
	forEachEmptyDB(t, func(t *testing.T, db *gorm.DB) {
		over := func(t *testing.T, cache openCache) {
			f(t, func(t *testing.T) ginsession.Engine {
				return ginsession.CachedDB(db, cache(t), ginsession.TableName(newTable(t, db)))
			})
		}
		if db.Name() == "sqlite" {
			forEachCache(t, over)
			return
		}
		t.Run("redis", func(t *testing.T) { over(t, openRedis) })
	})
}

// A hookedCache remembers the calls to a cache and runs hooks around them.
type hookedCache struct {
	ginsession.Cache
	mu     sync.Mutex
	calls  []string
	before func(ctx context.Context, call string) error // its error is the call's, which is not made then
	after  func(call string)
}

func (c *hookedCache) around(ctx context.Context, call string, f func() error) error {
	c.mu.Lock()
	c.calls = append(c.calls, call)
	before, after := c.before, c.after
	c.mu.Unlock()
	if before != nil {
		if err := before(ctx, call); err != nil {
			return err
		}
	}
	err := f()
	if after != nil {
		after(call)
	}
	return err
}

// taken returns the calls since it was last called.
func (c *hookedCache) taken() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls := c.calls
	c.calls = nil
	return strings.Join(calls, " ")
}

// setBefore has f run before each call; nil ends that.
func (c *hookedCache) setBefore(f func(ctx context.Context, call string) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before = f
}

func (c *hookedCache) Get(ctx context.Context, key string) (value []byte, ok bool, err error) {
	err = c.around(ctx, "Get", func() (err error) {
		value, ok, err = c.Cache.Get(ctx, key)
		return err
	})
	return value, ok, err
}

func (c *hookedCache) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (ok bool, err error) {
	err = c.around(ctx, "Add", func() (err error) {
		ok, err = c.Cache.Add(ctx, key, value, ttl)
		return err
	})
	return ok, err
}

func (c *hookedCache) CompareAndSwap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (ok bool, err error) {
	err = c.around(ctx, "CompareAndSwap", func() (err error) {
		ok, err = c.Cache.CompareAndSwap(ctx, key, old, new, ttl)
		return err
	})
	return ok, err
}

func (c *hookedCache) Delete(ctx context.Context, key string) error {
	return c.around(ctx, "Delete", func() error { return c.Cache.Delete(ctx, key) })
}

// A shelf is a table and a cache, and stores over both of them as several processes have them.
type shelf struct {
	t     *testing.T
	db    *gorm.DB
	table string
	cache ginsession.Cache
	plain ginsession.Store // over the database alone
	other ginsession.Store // another process's
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	dsn := sqliteDSN(t.TempDir()+"/test.db") + "&_synchronous=OFF"
	s := &shelf{t: t, db: openDB(t, sqlite.Open(dsn)), cache: openMemory(t)}
	s.table = newTable(t, s.db)
	s.plain = openStore(t, ginsession.Config{Engine: ginsession.DB(s.db, ginsession.TableName(s.table))})
	s.other = s.process(s.cache)
	return s
}

// process opens a store as a process does that sees the cache in its own way.
func (s *shelf) process(cache ginsession.Cache) ginsession.Store {
	s.t.Helper()
	return openStore(s.t, ginsession.Config{Engine: ginsession.CachedDB(s.db, cache, ginsession.TableName(s.table))})
}

// fresh creates a record in the database alone.
func (s *shelf) fresh(data string) (key string) {
	s.t.Helper()
	key = newSessionKey()
	if err := s.plain.Create(s.t.Context(), key, ginsession.Record{Data: []byte(data), Expires: start.Add(time.Hour)}, start); err != nil {
		s.t.Fatal(err)
	}
	return key
}

// checkFresh compares what a process reads with what the database holds: first while the cache
// has nothing, and then again when it has.
func (s *shelf) checkFresh(key, when string) {
	s.t.Helper()
	want, wantErr := s.plain.Load(s.t.Context(), key, start)
	for range 2 {
		got, err := s.other.Load(s.t.Context(), key, start)
		if !errors.Is(err, wantErr) || !bytes.Equal(got.Data, want.Data) || !got.Expires.Equal(want.Expires) {
			s.t.Errorf("%s: read %q until %v, %v; the database has %q until %v, %v", when,
				got.Data, got.Expires, err, want.Data, want.Expires, wantErr)
		}
	}
}

// An act is one call of a store, on the keys of a scene.
type act struct {
	name string
	run  func(s ginsession.Store, key, next string) error
}

// appending returns a mutation that makes the order of updates visible in the data.
func appending(text string) ginsession.Mutate {
	return func(r ginsession.Record) (ginsession.Record, error) {
		return ginsession.Record{Data: slices.Concat(r.Data, []byte(text)), Expires: r.Expires}, nil
	}
}

func acts(ctx context.Context) []act {
	return []act{
		{"Load", func(s ginsession.Store, key, _ string) error {
			_, err := s.Load(ctx, key, start)
			return err
		}},
		{"Update", func(s ginsession.Store, key, _ string) error {
			_, err := s.Update(ctx, key, ginsession.Record{Data: []byte("a"), Expires: start.Add(time.Hour)}, start, appending("b"))
			return err
		}},
		{"Update back", func(s ginsession.Store, key, _ string) error {
			_, err := s.Update(ctx, key, ginsession.Record{}, start, func(r ginsession.Record) (ginsession.Record, error) {
				return ginsession.Record{Data: []byte("a"), Expires: r.Expires}, nil
			})
			return err
		}},
		{"Touch", func(s ginsession.Store, key, _ string) error { return s.Touch(ctx, key, start.Add(2*time.Hour), start) }},
		{"Replace", func(s ginsession.Store, key, next string) error {
			_, err := s.Replace(ctx, key, next, ginsession.Record{}, start, appending("c"))
			return err
		}},
		{"Delete", func(s ginsession.Store, key, _ string) error { return s.Delete(ctx, key) }},
	}
}

// stopping opens a store for one call, which runs reach at the stop with this number: there is one
// before and one after each call that it makes to the cache, from 0.
func (s *shelf) stopping(number int, reach func()) ginsession.Store {
	stop := func() {
		if number--; number == -1 {
			reach()
		}
	}
	return s.process(&hookedCache{
		Cache:  s.cache,
		before: func(context.Context, string) error { stop(); return nil },
		after:  func(string) { stop() },
	})
}

// TestCachedDBInterleavings has one call wait at each of its stops while another one runs, up to
// each of its own stops or to its end, and a third one wholly, before that or after. Whatever
// has been done, what is read then is what the database holds, also from the cache.
func TestCachedDBInterleavings(t *testing.T) {
	s := newShelf(t)
	scenes := map[string]func(key string){
		"nothing cached": func(string) {},
		"a copy": func(key string) {
			if _, err := s.other.Load(t.Context(), key, start); err != nil {
				t.Fatal(err)
			}
		},
	}
	all := acts(t.Context())
	idle := act{"nothing", func(ginsession.Store, string, string) error { return nil }}
	load, update, back, remove := all[0], all[1], all[2], all[5]
	count := 0
	for scene, prepare := range scenes {
		for _, first := range all {
			for _, second := range all {
				for _, meanwhile := range [][2]act{{idle, idle}, {idle, load}, {idle, back}, {idle, remove}, {update, idle}, {remove, idle}} {
					count += s.interleave(scene, prepare, first, second, meanwhile[0], meanwhile[1])
				}
			}
		}
	}
	t.Logf("%d orders", count)
}

// interleave plays all orders of the three calls and returns how many there are.
func (s *shelf) interleave(scene string, prepare func(key string), first, second, before, after act) (count int) {
	for p := 0; ; p++ {
		for q := 0; ; q++ {
			count++
			key, next := s.fresh("a"), newSessionKey()
			prepare(key)
			when := fmt.Sprintf("with %s, %s at stop %d, %s, %s at stop %d, %s", scene, first.name, p, before.name, second.name, q, after.name)
			firstStopped, secondStopped := s.play(key, next, first, p, before, second, q, after)
			if !firstStopped {
				return count
			}
			s.checkFresh(key, when)
			s.checkFresh(next, when+", the new key")
			if !secondStopped {
				break
			}
		}
	}
}

// play tells whether each of the calls has as many stops as asked for. A call's error is no
// failure: the record may have gone.
func (s *shelf) play(key, next string, first act, p int, before, second act, q int, after act) (firstStopped, secondStopped bool) {
	var ended chan struct{}
	release := make(chan struct{})
	one := s.stopping(p, func() {
		firstStopped = true
		_ = before.run(s.other, key, next)
		reached := make(chan struct{})
		two := s.stopping(q, func() {
			secondStopped = true
			close(reached)
			<-release
		})
		ended = make(chan struct{})
		go func() {
			defer close(ended)
			_ = second.run(two, key, next+"2")
		}()
		select {
		case <-reached:
		case <-ended:
		}
		_ = after.run(s.other, key, next)
	})
	_ = first.run(one, key, next)
	close(release)
	if ended != nil {
		<-ended
	}
	return firstStopped, secondStopped
}

// A cachedDBSite is a manager over a shelf, with a clock, a log and a look at its cache and its
// database.
type cachedDBSite struct {
	*desk
	shelf    *shelf
	cache    *hookedCache
	recorder *recorder
}

func newCachedDBSite(t *testing.T, options ...ginsession.DBOption) *cachedDBSite {
	t.Helper()
	r := &recorder{}
	s := &cachedDBSite{recorder: r, cache: &hookedCache{Cache: openMemory(t)}}
	s.shelf = &shelf{t: t, db: openDB(t, recordedSQLite(t, r)), cache: s.cache}
	s.shelf.table = newTable(t, s.shelf.db)
	options = append([]ginsession.DBOption{ginsession.TableName(s.shelf.table)}, options...)
	s.shelf.plain = openStore(t, ginsession.Config{Engine: ginsession.DB(s.shelf.db, options[0])})
	s.desk = newDesk(t, func(cfg *ginsession.Config) {
		cfg.Engine = ginsession.CachedDB(s.shelf.db, s.cache, options...)
		cfg.RenewAfter = time.Second
	})
	return s
}

// begun returns the key of a session that holds values, and forgets what that took.
func (s *cachedDBSite) begun(t *testing.T, values map[string]any) string {
	t.Helper()
	key := s.saved(t, values)
	s.cache.taken()
	s.recorder.taken()
	return key
}

// evict empties the cache of a session, as a restart does.
func (s *cachedDBSite) evict(t *testing.T, key string) {
	t.Helper()
	if err := s.cache.Cache.Delete(t.Context(), "ginsession:"+key); err != nil {
		t.Fatal(err)
	}
}

// A copy gets no older than CacheMaxAge, even one that is extended all the time.
func TestCachedDBMaxAge(t *testing.T) {
	for age, options := range map[time.Duration][]ginsession.DBOption{
		5 * time.Minute:  nil,
		20 * time.Second: {ginsession.CacheMaxAge(20 * time.Second)},
	} {
		s := newCachedDBSite(t, options...)
		key := s.begun(t, map[string]any{"n": 1})
		_, err := s.shelf.plain.Update(t.Context(), key, ginsession.Record{}, start, func(r ginsession.Record) (ginsession.Record, error) {
			return ginsession.Record{Data: []byte(`{"n":2}`), Expires: r.Expires}, nil // past the cache
		})
		if err != nil {
			t.Fatal(err)
		}
		s.recorder.taken()
		w := newSiteWith(t, s.desk)
		v := w.visitor(t)
		v.setKey(key)
		for range 4 {
			s.clock.Advance(age/4 - 250*time.Millisecond)
			v.get(func(session *ginsession.Session) { check(t, "a copy that is young enough", session.Get("n"), int64(1)) })
		}
		check(t, "statements", s.recorder.takenVerbs(), "UPDATE UPDATE UPDATE UPDATE")
		check(t, "the copy is kept when the session is extended", strings.Contains(s.cache.taken(), "Delete"), false)
		s.clock.Advance(time.Second)
		check(t, "a copy that is too old", s.session(t, key).Get("n"), any(int64(2)))
		check(t, "statements", s.recorder.takenVerbs(), "SELECT")
		check(t, "again", s.session(t, key).Get("n"), any(int64(2)))
		check(t, "statements", s.recorder.takenVerbs(), "")
		s.clock.Advance(-time.Hour)
		s.session(t, key).Get("n")
		check(t, "statements when the clock has been set back by an hour", s.recorder.takenVerbs(), "SELECT")
	}
}

var errDown = errors.New("the cache is down")

func down(context.Context, string) error { return errDown }

// If the cache is down the database goes on, and the outage is logged once.
func TestCachedDBWithoutItsCache(t *testing.T) {
	s := newCachedDBSite(t)
	w := newSiteWith(t, s.desk)
	v := w.visitor(t)
	v.post(func(session *ginsession.Session) { session.Set("n", 1) })
	key := v.key()
	s.cache.setBefore(down)
	warned := 0
	warns := func(what string, times int) {
		t.Helper()
		n := strings.Count(s.log.String(), "the cache of CachedDB failed")
		check(t, "warnings of "+what, n-warned, times)
		warned = n
	}

	v.get(func(session *ginsession.Session) { check(t, "read", session.Get("n"), int64(1)) })
	warns("a read", 1)
	r := v.post(func(session *ginsession.Session) { session.Set("n", 2) })
	check(t, "status of a write", r.StatusCode, http.StatusOK)
	warns("a read and a write", 0)
	s.clock.Advance(time.Minute)
	v.get(func(session *ginsession.Session) { check(t, "read", session.Get("n"), int64(2)) })
	warns("a read and an extension", 0)
	w.visitor(t).post(func(session *ginsession.Session) { session.Set("n", 3) })
	warns("a new session", 0)

	r = v.post(func(session *ginsession.Session) { _ = session.CycleKey(); session.Set("user", 1) })
	check(t, "status of a sign-in", r.StatusCode, http.StatusOK)
	check(t, "the session has a new key", v.key() != key && v.key() != "", true)
	moved := v.key()
	r = v.post(func(session *ginsession.Session) { check(t, "Flush", session.Flush(), error(nil)) })
	check(t, "status of a sign-out", r.StatusCode, http.StatusOK)
	check(t, "the cookie after a sign-out", v.key(), "")
	for _, k := range []string{key, moved} {
		check(t, "Delete", s.Delete(t.Context(), k), error(nil))
		if strings.Contains(s.log.String(), k) {
			t.Error("the log shows a key")
		}
	}

	// This node does not read what it could not remove; another does, no longer than CacheMaxAge.
	s.cache.setBefore(nil)
	elsewhere := newDesk(t, func(cfg *ginsession.Config) {
		cfg.Engine = ginsession.CachedDB(s.shelf.db, s.cache.Cache, ginsession.TableName(s.shelf.table))
		cfg.Clock = s.clock.Now
	})
	check(t, "a copy on another node", elsewhere.session(t, key).Get("n"), any(int64(1)))
	check(t, "a copy on this node", s.session(t, key).Key(), "")
	check(t, "a copy that this node has removed since", elsewhere.session(t, key).Key(), "")
}

// If the cache does not answer, each call waits for a fifth of StoreTimeout.
func TestCachedDBWithAHangingCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newCachedDBSite(t)
		key := s.begun(t, map[string]any{"n": 1})
		s.cache.setBefore(func(ctx context.Context, _ string) error {
			<-ctx.Done()
			return ctx.Err()
		})
		for _, test := range []struct {
			name string
			wait time.Duration
			do   func(*ginsession.Session) error
			want error
		}{
			{"a read", time.Second, func(s *ginsession.Session) error { s.Get("n"); return s.Err() }, nil},
			{"a write", 3 * time.Second, func(s *ginsession.Session) error { s.Set("n", 2); return s.Save() }, nil},
			{"a sign-out", time.Second, (*ginsession.Session).Flush, nil},
		} {
			began := time.Now()
			if err := test.do(s.session(t, key)); !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", test.name, err, test.want)
			}
			if waited := time.Since(began); waited < test.wait || waited > test.wait+test.wait/16 {
				t.Errorf("%s took %v, want %v and at most a sixteenth more", test.name, waited, test.wait)
			}
		}
	})
}

// If the database fails, whether it has written is unknown: the copy goes.
func TestCachedDBWithoutItsDatabase(t *testing.T) {
	for name, do := range map[string]func(*ginsession.Session) error{
		"Save":     func(s *ginsession.Session) error { s.Set("n", 2); return s.Save() },
		"Flush":    (*ginsession.Session).Flush,
		"CycleKey": func(s *ginsession.Session) error { _ = s.CycleKey(); return s.Save() },
	} {
		s := newCachedDBSite(t)
		key := s.begun(t, map[string]any{"n": 1})
		check(t, "read", s.session(t, key).Get("n"), any(int64(1)))
		renamed := s.shelf.table + "_away"
		if err := s.shelf.db.Migrator().RenameTable(s.shelf.table, renamed); err != nil {
			t.Fatal(err)
		}
		if err := do(s.session(t, key)); !errors.Is(err, ginsession.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", name, err)
		}
		if err := s.session(t, key).Load(); !errors.Is(err, ginsession.ErrUnavailable) {
			t.Errorf("Load after %s: %v, want ErrUnavailable", name, err)
		}
		if err := s.shelf.db.Migrator().RenameTable(renamed, s.shelf.table); err != nil {
			t.Fatal(err)
		}
		check(t, "read after "+name, s.session(t, key).Get("n"), any(int64(1)))
	}
}

// What somebody else has put into the cache is not taken for a session.
func TestCachedDBGarbage(t *testing.T) {
	s := newCachedDBSite(t)
	for _, garbage := range []string{
		"", "x", "12345678", strings.Repeat("x", 23), strings.Repeat("x", 24), strings.Repeat("\xff", 24), strings.Repeat("\x00", 24),
		strings.Repeat("\x7f", 30), `{"n":5,"text":"a record of the application's own"}`,
		"\x00\x00\x00\x01\x00\x00\x00\x00" + `{"n":5,"text":"an entry of the Cached engine"}`,
	} {
		key := s.begun(t, map[string]any{"n": 1})
		s.evict(t, key)
		if ok, err := s.cache.Cache.Add(t.Context(), "ginsession:"+key, []byte(garbage), time.Hour); !ok || err != nil {
			t.Fatal(ok, err)
		}
		for n := range 2 {
			session := s.session(t, key)
			check(t, fmt.Sprintf("a session with %q in the cache", garbage), session.Get("n"), any(int64(1+n)))
			session.Set("n", 2)
			save(t, session)
		}
	}
	check(t, "log", s.log.String(), "")
}

// A copy of a session that has expired is as good as none, and asks the database.
func TestCachedDBExpiredCopy(t *testing.T) {
	s := newCachedDBSite(t)
	session := s.session(t, "")
	session.Update(map[string]any{"n": 1})
	session.SetExpiry(ginsession.ExpireAfter(time.Minute))
	save(t, session)
	key := session.Key()
	s.recorder.taken()
	if err := s.shelf.plain.Touch(t.Context(), key, start.Add(2*time.Minute), start); err != nil { // past the cache
		t.Fatal(err)
	}
	s.clock.Advance(time.Minute)
	check(t, "a session that was extended", s.session(t, key).Get("n"), any(int64(1)))
	s.clock.Advance(time.Minute)
	check(t, "a session that has expired", s.session(t, key).Key(), "")
	check(t, "statements", s.recorder.takenVerbs(), "UPDATE SELECT SELECT")
}

func TestCachedDBConfig(t *testing.T) {
	db := openSQLite(t)
	cache := openMemory(t)
	caches := ginsession.Caches{"default": cache, "nothing": nil}
	for name, test := range map[string]struct {
		engine ginsession.Engine
		want   string // "" if it is sound
	}{
		"Use of the default":   {ginsession.CachedDB(db, caches.Use("")), ""},
		"Use of it by name":    {ginsession.CachedDB(db, caches.Use("default")), ""},
		"Cached":               {ginsession.Cached(caches.Use("")), ""},
		"an unknown alias":     {ginsession.CachedDB(db, caches.Use("sessions")), `"sessions"`},
		"an alias of nothing":  {ginsession.Cached(caches.Use("nothing")), `"nothing"`},
		"no caches at all":     {ginsession.Cached(ginsession.Caches(nil).Use("")), `"default"`},
		"Cached(nil)":          {ginsession.Cached(nil), "the cache is nil"},
		"CachedDB without one": {ginsession.CachedDB(db, nil), "the cache is nil"},
		"CachedDB of nothing":  {ginsession.CachedDB(nil, nil), "*gorm.DB is nil"},
		"an age of nothing":    {ginsession.CachedDB(db, cache, ginsession.CacheMaxAge(0)), "CacheMaxAge"},
		"too great an age":     {ginsession.CachedDB(db, cache, ginsession.CacheMaxAge(time.Hour)), "CacheMaxAge"},
	} {
		_, err := ginsession.NewManager(ginsession.Config{Engine: test.engine})
		if test.want == "" {
			check(t, name, err, error(nil))
			continue
		}
		if !errors.Is(err, ginsession.ErrConfig) {
			t.Errorf("%s: %v, want ErrConfig", name, err)
			continue
		}
		checkContains(t, err.Error(), "Engine", test.want)
	}
}
