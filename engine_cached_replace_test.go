package ginsession_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

// A lossyCache fails the nth call after arm: either the call is not made, or it is made and its
// answer is lost. Then it runs between.
type lossyCache struct {
	ginsession.Cache
	mu      sync.Mutex
	nth     int // 0: not armed
	made    bool
	between func()
}

func (c *lossyCache) arm(nth int, made bool, between func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nth, c.made, c.between = nth, made, between
}

func (c *lossyCache) lose(call func() error) error {
	c.mu.Lock()
	hit := c.nth == 1
	c.nth = max(c.nth-1, 0)
	made, between := c.made, c.between
	c.mu.Unlock()
	if !hit {
		return call()
	}
	if made {
		_ = call()
	}
	between()
	return errDown
}

func (c *lossyCache) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (ok bool, err error) {
	err = c.lose(func() (err error) { ok, err = c.Cache.Add(ctx, key, value, ttl); return err })
	return ok && err == nil, err
}

func (c *lossyCache) CompareAndSwap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (ok bool, err error) {
	err = c.lose(func() (err error) { ok, err = c.Cache.CompareAndSwap(ctx, key, old, new, ttl); return err })
	return ok && err == nil, err
}

func (c *lossyCache) Delete(ctx context.Context, key string) error {
	return c.lose(func() error { return c.Cache.Delete(ctx, key) })
}

// forEachLoss runs f for each write of a CycleKey that can fail, before or after it is made.
// f gets what to do once the write has failed.
func forEachLoss(t *testing.T, f func(t *testing.T, d *desk, key string, cycle func(between func()) (*ginsession.Session, error))) {
	t.Helper()
	for nth, name := range []string{"first", "second", "third"} {
		for _, made := range []bool{false, true} {
			suffix := " write not made"
			if made {
				suffix = " write made, its answer lost"
			}
			t.Run(name+suffix, func(t *testing.T) {
				cache := &lossyCache{Cache: openMemory(t)}
				d := newDesk(t, func(cfg *ginsession.Config) { cfg.Engine = ginsession.Cached(cache) })
				key := d.saved(t, map[string]any{"n": 1, "token": "t"})
				f(t, d, key, func(between func()) (*ginsession.Session, error) {
					s := d.session(t, key)
					if err := s.CycleKey(); err != nil {
						t.Fatal(err)
					}
					s.Set("user", 42)
					cache.arm(nth+1, made, between)
					err := s.Save()
					cache.arm(0, false, nil)
					return s, err
				})
			})
		}
	}
}

func TestCachedReplaceWithALostAnswer(t *testing.T) {
	t.Run("nobody else", func(t *testing.T) {
		forEachLoss(t, func(t *testing.T, d *desk, key string, cycle func(func()) (*ginsession.Session, error)) {
			s, err := cycle(func() {})
			check(t, "Save", err, error(nil))
			check(t, "the data at the new key", d.session(t, s.Key()).Get("n"), any(int64(1)))
			check(t, "the user at the new key", d.session(t, s.Key()).Get("user"), any(int64(42)))
			check(t, "the old key", d.session(t, key).Key(), "")
		})
	})
	t.Run("a write in between", func(t *testing.T) {
		forEachLoss(t, func(t *testing.T, d *desk, key string, cycle func(func()) (*ginsession.Session, error)) {
			acknowledged := false
			s, err := cycle(func() {
				other := d.session(t, key)
				if other.Key() != "" && other.Has("n") {
					other.Set("n", 2)
					acknowledged = other.Save() == nil
				}
			})
			check(t, "Save", err, error(nil))
			want := int64(1)
			if acknowledged {
				want = 2
			}
			check(t, "the acknowledged value", d.session(t, s.Key()).Get("n"), any(want))
		})
	})
	t.Run("a claim in between", func(t *testing.T) {
		forEachLoss(t, func(t *testing.T, d *desk, key string, cycle func(func()) (*ginsession.Session, error)) {
			claims := 0
			claim := func(key string) {
				if _, ok, err := ginsession.Claim[string](d.session(t, key), "token"); ok && err == nil {
					claims++
				}
			}
			s, err := cycle(func() { claim(key) })
			check(t, "Save", err, error(nil))
			claim(s.Key())
			check(t, "claims of one token", claims, 1)
		})
	})
	t.Run("a sign-out in between", func(t *testing.T) {
		forEachLoss(t, func(t *testing.T, d *desk, key string, cycle func(func()) (*ginsession.Session, error)) {
			ended := false
			s, err := cycle(func() {
				other := d.session(t, key)
				ended = other.Has("n") && other.Flush() == nil
			})
			if err != nil && !errors.Is(err, ginsession.ErrUnavailable) {
				t.Fatalf("Save: %v", err)
			}
			if ended {
				check(t, "what the sign-out has ended", d.session(t, s.Key()).Get("n"), nil)
			}
			check(t, "the old key", d.session(t, key).Key(), "")
		})
	})
}

// If a sign-out comes before a CycleKey's first write, that write is refused and nothing stays under the
// new key. The store cannot know that this Replace is the first, so it removes what an earlier one may have
// added.
func TestCachedReplaceAfterASignOut(t *testing.T) {
	cache := &hookedCache{Cache: openMemory(t)}
	d := newDesk(t, func(cfg *ginsession.Config) { cfg.Engine = ginsession.Cached(cache) })
	key := d.saved(t, map[string]any{"n": 1})
	s := d.session(t, key)
	if err := s.CycleKey(); err != nil {
		t.Fatal(err)
	}
	cache.taken()
	cache.setBefore(func(ctx context.Context, call string) error {
		if call == "CompareAndSwap" {
			return cache.Cache.Delete(ctx, "ginsession:"+key)
		}
		return nil
	})
	if err := s.Save(); !errors.Is(err, ginsession.ErrInterrupted) {
		t.Errorf("Save: %v, want ErrInterrupted", err)
	}
	check(t, "calls of the cache", cache.taken(), "CompareAndSwap Get Get Delete")
}

// A Replace onto a key that has another record changes neither.
func TestCachedReplaceOntoATakenKey(t *testing.T) {
	store := openStore(t, ginsession.Config{Engine: ginsession.Cached(openMemory(t))})
	old, taken := newSessionKey(), newSessionKey()
	for _, key := range []string{old, taken} {
		if err := store.Create(t.Context(), key, ginsession.Record{Data: []byte(key), Expires: start.Add(time.Hour)}, start); err != nil {
			t.Fatal(err)
		}
	}
	_, err := store.Replace(t.Context(), old, taken, ginsession.Record{}, start, appending("x"))
	if !errors.Is(err, ginsession.ErrExists) {
		t.Errorf("Replace: %v, want ErrExists", err)
	}
	for _, key := range []string{old, taken} {
		r, err := store.Load(t.Context(), key, start)
		check(t, "the record afterwards", string(r.Data), key)
		check(t, "its error", err, error(nil))
	}
}
