package memory_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ginsession/ginsession/cache/memory"
)

const (
	users    = 1000
	oneShots = 20_000
)

var oldRecord, newRecord = strings.Repeat("o", 200), strings.Repeat("n", 220)

// signIn makes the calls of a visitor who signs in: two writes and a read.
func signIn(t *testing.T, c *memory.Cache, user int) {
	t.Helper()
	key := userKey(user)
	add(t, c, key, oldRecord, time.Hour)
	if ok, err := c.CompareAndSwap(t.Context(), key, []byte(oldRecord), []byte(newRecord), time.Hour); !ok || err != nil {
		t.Fatalf("CompareAndSwap: %v, %v; want true", ok, err)
	}
	c.Get(t.Context(), key)
}

// visitOnce adds sessions that nobody comes back to.
func visitOnce(t *testing.T, c *memory.Cache, n int) {
	t.Helper()
	for range n {
		add(t, c, fmt.Sprintf("%040d", rand.Uint64()), oldRecord, time.Hour)
	}
}

func userKey(user int) string { return fmt.Sprintf("user %035d", user) }

func present(t *testing.T, c *memory.Cache) (n int) {
	t.Helper()
	for user := range users {
		if _, ok, _ := c.Get(t.Context(), userKey(user)); ok {
			n++
		}
	}
	return n
}

func TestSessionsThatCameBackOutliveAFloodOfNewOnes(t *testing.T) {
	for _, test := range []struct {
		name          string
		before, among int // visits before all users, and after each user
	}{
		{"signed in while the cache was empty", 0, 0},
		{"signed in while the cache was full", oneShots, 0},
		{"signed in among the others", oneShots, 3},
	} {
		for _, maxBytes := range []int64{1 << 20, 2 << 20, 8 << 20} {
			t.Run(fmt.Sprintf("%s, %d MiB", test.name, maxBytes>>20), func(t *testing.T) {
				c := newCache(t, memory.MaxBytes(maxBytes))
				visitOnce(t, c, test.before)
				for user := range users {
					signIn(t, c, user)
					visitOnce(t, c, test.among)
				}
				visitOnce(t, c, oneShots)
				if n := present(t, c); n != users {
					t.Errorf("%d of %d sessions are there after %d others; want all", n, users, oneShots)
				}
			})
		}
	}
}

// The first hundred users come back again and again; the others' sessions make room for new ones.
func TestSessionsThatCameBackLongAgoMakeRoom(t *testing.T) {
	c := newCache(t, memory.MaxBytes(1<<20))
	for user := range 5000 {
		signIn(t, c, user)
		for old := range users / 10 {
			c.Get(t.Context(), userKey(old))
		}
	}
	if n := present(t, c); n < users/10*9/10 {
		t.Errorf("%d of the %d sessions that are read again and again are there; want nine tenths", n, users/10)
	}
	if _, ok, _ := c.Get(t.Context(), userKey(4999)); !ok {
		t.Error("the last session is not there")
	}
	if _, ok, _ := c.Get(t.Context(), userKey(users-1)); ok {
		t.Error("a session that was not read for 4000 sign-ins is there: what has made room?")
	}
}

// An entry is never evicted by its own write, however large it is.
func TestWhatWasWrittenLastIsThere(t *testing.T) {
	c := newCache(t, memory.MaxBytes(100_000))
	for i := range 5000 {
		key, value := fmt.Sprint(i), make([]byte, 1+rand.IntN(90_000))
		add(t, c, key, string(value), time.Hour)
		if i%3 == 0 {
			c.Get(t.Context(), key)
		}
		if i%2 == 0 {
			swapped := make([]byte, 1+rand.IntN(90_000))
			if ok, err := c.CompareAndSwap(t.Context(), key, value, swapped, time.Hour); !ok || err != nil {
				t.Fatalf("CompareAndSwap: %v, %v; want true", ok, err)
			}
			value = swapped
		}
		if got, _, _ := c.Get(t.Context(), key); len(got) != len(value) {
			t.Fatalf("entry %d has %d bytes; want the %d just written", i, len(got), len(value))
		}
	}
}

func TestExpiredEntriesMakeRoomFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, memory.MaxBytes(1<<20))
		for user := range users {
			add(t, c, userKey(user), oldRecord, time.Minute)
			c.Get(t.Context(), userKey(user))
		}
		time.Sleep(time.Minute)
		before := heap()
		add(t, c, "another", oldRecord, time.Hour)
		if freed := before - heap(); freed < users*200 {
			t.Errorf("an Add after %d entries had expired freed %d bytes; want their values at least", users, freed)
		}
		runtime.KeepAlive(c)
	})
}

// Run it with -race.
func TestConcurrentCalls(t *testing.T) {
	c := newCache(t, memory.MaxBytes(20_000))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 5000 {
				key := fmt.Sprint(rand.IntN(200))
				switch rand.IntN(4) {
				case 0:
					c.Add(t.Context(), key, make([]byte, rand.IntN(500)), time.Duration(rand.IntN(1000))*time.Microsecond)
				case 1:
					if value, ok, _ := c.Get(t.Context(), key); ok {
						c.CompareAndSwap(t.Context(), key, value, make([]byte, rand.IntN(500)), time.Hour)
					}
				case 2:
					c.Get(t.Context(), key)
				case 3:
					c.Delete(t.Context(), key)
				}
			}
		})
	}
	all.Wait()
}
