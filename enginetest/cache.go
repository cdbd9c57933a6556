package enginetest

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

// Cache tests that a cache keeps the rules of [ginsession.Cache], each in a subtest. It is what
// the caches of this module must pass, and yours:
//
//	func TestMyCache(t *testing.T) {
//		enginetest.Cache(t, func(t *testing.T) ginsession.Cache {
//			c := mycache.New(os.Getenv("TEST_MYCACHE_ADDR"))
//			t.Cleanup(func() { c.Close() })
//			return c
//		})
//	}
//
// newCache is called once for each subtest. It may return the same cache every time, and one that
// others use as well: the keys are random and are deleted afterwards. The cache must have room for
// a megabyte. The suite takes a few seconds, most of them spent waiting for entries to expire.
func Cache(t *testing.T, newCache func(t *testing.T) ginsession.Cache) {
	for _, rule := range []struct {
		name  string
		check func(cacheTest)
	}{
		{"an absent key", cacheTest.absent},
		{"add stores only if the key is absent", cacheTest.add},
		{"compare and swap replaces only what it expects", cacheTest.swap},
		{"delete removes", cacheTest.delete},
		{"any bytes are a value", cacheTest.values},
		{"printable ASCII up to 200 bytes is a key", cacheTest.keys},
		{"one of many concurrent adds wins", cacheTest.concurrentAdd},
		{"no concurrent compare and swap is lost", cacheTest.concurrentSwap},
		{"no compare and swap brings back what was deleted", cacheTest.concurrentDelete},
		{"a write is seen by every read after it", cacheTest.readYourWrites},
		{"an entry ends with its ttl", cacheTest.expiry},
		{"a ttl of a millisecond and one of two months", cacheTest.extremeTTL},
		{"a context that is over is an error", cacheTest.cancelled},
		{"slices are left alone", cacheTest.slices},
	} {
		t.Run(rule.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			rule.check(cacheTest{t, ctx, newCache(t)})
		})
	}
}

// cacheTest is one subtest. Its methods for single calls report what is wrong and go on, so that
// any goroutine may use them.
type cacheTest struct {
	*testing.T
	ctx   context.Context
	cache ginsession.Cache
}

const cacheTTL = time.Hour

func (t cacheTest) absent() {
	key := t.key()
	t.wantAbsent(key, "of a key that was never added")
	t.swapWant(false, key, "", "new", "of an absent key")
	t.wantAbsent(key, "after a compare and swap of an absent key")
	t.remove(key)
}

func (t cacheTest) add() {
	key := t.key()
	t.addWant(true, key, "first", "of an absent key")
	t.want(key, "first", "after Add")
	t.addWant(false, key, "second", "of a present key")
	t.want(key, "first", "after an Add that was refused")
	t.addWant(false, key, "first", "of a present key with the same value")
}

func (t cacheTest) swap() {
	key := t.key()
	t.addWant(true, key, "one", "of an absent key")
	for _, wrong := range []string{"two", "", "on", "one ", "One", "one\x00"} {
		t.swapWant(false, key, wrong, "new", "with a wrong old value")
		t.want(key, "one", "after a CompareAndSwap that was refused")
	}
	t.swapWant(true, key, "one", "two", "with the right old value")
	t.want(key, "two", "after CompareAndSwap")
	t.swapWant(false, key, "one", "three", "with the value before the last one")
	t.swapWant(true, key, "two", "two", "that changes nothing")
	t.want(key, "two", "after a CompareAndSwap that changes nothing")
}

func (t cacheTest) delete() {
	key := t.key()
	t.addWant(true, key, "value", "of an absent key")
	t.remove(key)
	t.wantAbsent(key, "after Delete")
	t.swapWant(false, key, "value", "new", "after Delete")
	t.wantAbsent(key, "after Delete and a CompareAndSwap")
	t.remove(key)
	t.addWant(true, key, "again", "after Delete")
	t.want(key, "again", "after Delete and Add")
}

func (t cacheTest) values() {
	large := make([]byte, 100<<10)
	rand.Read(large)
	for name, value := range map[string]string{
		"empty":           "",
		"NUL":             "\x00",
		"NUL inside":      "a\x00b",
		"line ends":       "\r\nEND\r\nVALUE x 0 1\r\n",
		"not UTF-8":       "\xff\xfe\x80",
		"number":          "0123",
		"100 KB of bytes": string(large),
	} {
		key := t.key()
		t.addWant(true, key, value, "of a value: "+name)
		t.want(key, value, "after Add of a value: "+name)
		t.swapWant(true, key, value, "between", "from a value: "+name)
		t.swapWant(true, key, "between", value, "to a value: "+name)
		t.want(key, value, "after CompareAndSwap to a value: "+name)
	}
}

func (t cacheTest) keys() {
	var printable strings.Builder
	for b := byte('!'); b <= '~'; b++ {
		printable.WriteByte(b)
	}
	long := t.key()
	long += strings.Repeat("k", 199-len(long))
	for name, pair := range map[string][2]string{
		"200 bytes that differ in the last":  {long + "a", long + "b"},
		"letters that differ in their case":  {t.key() + "k", t.key() + "K"},
		"one key that is another one's head": {long, long + "c"},
		"all printable ASCII":                {t.key() + printable.String(), t.key()},
	} {
		for i, key := range pair {
			t.deleteAtEnd(key)
			t.addWant(true, key, strconv.Itoa(i), "with keys: "+name)
		}
		for i, key := range pair {
			t.want(key, strconv.Itoa(i), "with keys: "+name)
		}
		t.remove(pair[0])
		t.wantAbsent(pair[0], "after Delete, with keys: "+name)
		t.want(pair[1], "1", "after Delete of the other, with keys: "+name)
	}
}

// concurrentAdd has all goroutines go through the same keys. Few of them stay side by side on a
// cache in memory, many overlap on one that is far away.
func (t cacheTest) concurrentAdd() {
	t.race(4, 800)
	t.race(32, 100)
}

func (t cacheTest) race(goroutines, rounds int) {
	keys := make([]string, rounds)
	for i := range keys {
		keys[i] = t.key()
	}
	winners, winner := make([]atomic.Int32, rounds), make([]atomic.Int32, rounds)
	together(goroutines, func(g int) {
		for i, key := range keys {
			added, err := t.cache.Add(t.ctx, key, []byte(strconv.Itoa(g)), cacheTTL)
			if err != nil {
				t.Errorf("Add: %v", err)
			}
			if added {
				winners[i].Add(1)
				winner[i].Store(int32(g))
			}
		}
	})
	for i, key := range keys {
		if n := winners[i].Load(); n != 1 {
			t.Fatalf("Add said true to %d of %d goroutines that added one key; want 1", n, goroutines)
		}
		t.want(key, strconv.Itoa(int(winner[i].Load())), "after concurrent Adds: the winner's value")
	}
}

func (t cacheTest) concurrentSwap() {
	const goroutines, each = 32, 16
	key := t.key()
	t.addWant(true, key, "0", "of an absent key")
	together(goroutines, func(int) {
		for range each {
			t.increment(key)
		}
	})
	t.want(key, strconv.Itoa(goroutines*each), "of a counter that was raised by CompareAndSwap, so many times")
}

func (t cacheTest) increment(key string) {
	for t.goesOn() {
		old, _ := t.get(key)
		n, _ := strconv.Atoi(old)
		if t.trySwap(key, old, strconv.Itoa(n+1)) {
			return
		}
	}
	t.Errorf("CompareAndSwap of a counter has not succeeded until the test's end: do its reads see what was written?")
}

func (t cacheTest) concurrentDelete() {
	key := t.key()
	for range 20 {
		t.addWant(true, key, "0", "of an absent key")
		var deleted atomic.Bool
		together(8, func(i int) {
			if i == 0 {
				t.remove(key)
				deleted.Store(true)
				return
			}
			for !deleted.Load() && t.goesOn() {
				old, ok := t.get(key)
				if ok {
					t.trySwap(key, old, old+"x")
				}
			}
		})
		t.wantAbsent(key, "after a Delete that raced with CompareAndSwap")
	}
}

// readYourWrites has readers that keep any copy warm while one writer goes on. A read that began
// after a write had returned must not see what was there before it.
func (t cacheTest) readYourWrites() {
	const keys, readers, writes = 4, 3, 150
	together(keys, func(int) {
		key := t.key()
		var begun, returned atomic.Uint64 // versions; a multiple of ten is a Delete
		var over atomic.Bool
		read := func(who string) {
			least := returned.Load()
			value, ok := t.get(key)
			most := begun.Load()
			got := most / 10 * 10
			if ok {
				got = cacheVersion(value)
			}
			if got < least || got > most {
				t.Errorf("Get by %s: version %d (present: %v); writes up to %d had returned before, up to %d had begun", who, got, ok, least, most)
			}
		}

		together(1+readers, func(i int) {
			if i > 0 {
				for !over.Load() && t.goesOn() {
					read("another goroutine")
					runtime.Gosched() // the writer waits for a network, perhaps
				}
				return
			}
			defer over.Store(true)
			for n := uint64(1); n <= writes && t.goesOn(); n++ {
				begun.Store(n)
				t.write(key, n)
				returned.Store(n)
				read("the writer")
			}
		})
	})
}

// write brings the key from version n-1 to version n.
func (t cacheTest) write(key string, n uint64) {
	version := func(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }
	switch {
	case n%10 == 0:
		t.remove(key)
	case n%10 == 1:
		t.addWant(true, key, version(n), "after Delete")
	default:
		t.swapWant(true, key, version(n-1), version(n), "by the only writer")
	}
}

func cacheVersion(value string) uint64 {
	if len(value) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64([]byte(value))
}

func (t cacheTest) expiry() {
	const short = 2 * time.Second // memcached may take one off
	plain, shortened, prolonged := t.key(), t.key(), t.key()
	t.addWant(true, shortened, "a", "of an absent key")
	t.addFor(prolonged, "a", short)
	t.swapFor(prolonged, "a", "b", cacheTTL)
	t.swapFor(shortened, "a", "b", short)
	t.addFor(plain, "b", short)

	t.await(plain, "that was added with a ttl of two seconds")
	t.await(shortened, "that was swapped with a ttl of two seconds")
	t.swapWant(false, plain, "b", "c", "of an expired key")
	t.addWant(true, plain, "c", "of an expired key")
	t.want(prolonged, "b", "of an entry that was swapped with a ttl of an hour")
}

func (t cacheTest) extremeTTL() {
	long, brief := t.key(), t.key()
	t.addFor(long, "value", 60*24*time.Hour)
	t.want(long, "value", "of an entry with a ttl of 60 days")
	t.swapFor(long, "value", "other", 60*24*time.Hour)
	t.want(long, "other", "of an entry with a ttl of 60 days, swapped")
	t.addFor(brief, "value", time.Millisecond)
	t.await(brief, "that was added with a ttl of a millisecond")
}

func (t cacheTest) cancelled() {
	present, absent := t.key(), t.key()
	t.addWant(true, present, "secret-value", "of an absent key")
	t.want(present, "secret-value", "after Add")

	over, cancel := context.WithCancel(t.ctx)
	cancel()
	for name, call := range map[string]func() error{
		"Get":    func() error { _, _, err := t.cache.Get(over, present); return err },
		"Delete": func() error { return t.cache.Delete(over, present) },
		"Add": func() error {
			_, err := t.cache.Add(over, absent, []byte("secret-value"), cacheTTL)
			return err
		},
		"CompareAndSwap": func() error {
			_, err := t.cache.CompareAndSwap(over, present, []byte("secret-value"), []byte("new"), cacheTTL)
			return err
		},
	} {
		returned := make(chan error, 1)
		go func() { returned <- call() }()
		select {
		case err := <-returned:
			t.wantDiscreetError(err, name, present, absent, "secret-value")
		case <-time.After(10 * time.Second):
			t.Errorf("%s with a cancelled context has not returned for 10 seconds", name)
		}
	}
	t.want(present, "secret-value", "after calls with a cancelled context")
	t.wantAbsent(absent, "after an Add with a cancelled context")
}

func (t cacheTest) wantDiscreetError(err error, name string, secrets ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s with a cancelled context returned no error", name)
		return
	}
	for _, secret := range secrets {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error holds the key or the value: %v", name, err)
		}
	}
}

func (t cacheTest) slices() {
	key, other := t.key(), t.key()
	first, second := []byte("the first value"), []byte("the second value")
	t.addWant(true, key, string(first), "of an absent key")
	held, _, err := t.cache.Get(t.ctx, key)
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	if ok, err := t.cache.CompareAndSwap(t.ctx, key, first, second, cacheTTL); !ok || err != nil {
		t.Fatalf("CompareAndSwap with the right old value: %v, %v; want true", ok, err)
	}
	t.want(key, "the second value", "after CompareAndSwap")
	t.addWant(true, other, "another value", "of an absent key")
	t.want(other, "another value", "after Add")
	t.remove(key)

	if string(held) != "the first value" {
		t.Errorf("the slice that Get returned changed to %q: it must stay as it was", held)
	}
	if string(first) != "the first value" || string(second) != "the second value" {
		t.Errorf("CompareAndSwap changed its arguments to %q and %q", first, second)
	}
}

// goesOn ends the loops of a test that has failed or has run for too long.
func (t cacheTest) goesOn() bool { return !t.Failed() && t.ctx.Err() == nil }

// key returns a new key, which is deleted at the end of the test.
func (t cacheTest) key() string {
	key := "enginetest:" + rand.Text()
	t.deleteAtEnd(key)
	return key
}

func (t cacheTest) deleteAtEnd(key string) {
	t.Cleanup(func() {
		if err := t.cache.Delete(context.WithoutCancel(t.ctx), key); err != nil {
			t.Errorf("Delete at the end of the test: %v", err)
		}
	})
}

func (t cacheTest) get(key string) (string, bool) {
	t.Helper()
	value, ok, err := t.cache.Get(t.ctx, key)
	if err != nil {
		t.Errorf("Get: %v", err)
	}
	return string(value), ok
}

func (t cacheTest) trySwap(key, old, new string) bool {
	t.Helper()
	ok, err := t.cache.CompareAndSwap(t.ctx, key, []byte(old), []byte(new), cacheTTL)
	if err != nil {
		t.Errorf("CompareAndSwap: %v", err)
	}
	return ok
}

func (t cacheTest) addFor(key, value string, ttl time.Duration) {
	t.Helper()
	if ok, err := t.cache.Add(t.ctx, key, []byte(value), ttl); !ok || err != nil {
		t.Errorf("Add with a ttl of %v: %v, %v; want true", ttl, ok, err)
	}
}

func (t cacheTest) swapFor(key, old, new string, ttl time.Duration) {
	t.Helper()
	if ok, err := t.cache.CompareAndSwap(t.ctx, key, []byte(old), []byte(new), ttl); !ok || err != nil {
		t.Errorf("CompareAndSwap with a ttl of %v: %v, %v; want true", ttl, ok, err)
	}
}

func (t cacheTest) addWant(want bool, key, value, when string) {
	t.Helper()
	ok, err := t.cache.Add(t.ctx, key, []byte(value), cacheTTL)
	if ok != want || err != nil {
		t.Errorf("Add %s: %v, %v; want %v", when, ok, err, want)
	}
}

func (t cacheTest) swapWant(want bool, key, old, new, when string) {
	t.Helper()
	if ok := t.trySwap(key, old, new); ok != want {
		t.Errorf("CompareAndSwap %s: %v; want %v", when, ok, want)
	}
}

func (t cacheTest) remove(key string) {
	t.Helper()
	if err := t.cache.Delete(t.ctx, key); err != nil {
		t.Errorf("Delete: %v", err)
	}
}

func (t cacheTest) want(key, want, when string) {
	t.Helper()
	got, ok := t.get(key)
	switch {
	case !ok:
		t.Errorf("Get %s: absent; want %.40q", when, want)
	case got != want:
		t.Errorf("Get %s: %.40q (%d bytes); want %.40q (%d bytes)", when, got, len(got), want, len(want))
	}
}

func (t cacheTest) wantAbsent(key, when string) {
	t.Helper()
	if got, ok := t.get(key); ok || got != "" {
		t.Errorf("Get %s: %.40q, %v; want nothing, false", when, got, ok)
	}
}

// await polls until the key is absent.
func (t cacheTest) await(key, which string) {
	t.Helper()
	const limit = 20 * time.Second
	deadline := time.After(limit)
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		if _, ok := t.get(key); !ok {
			return
		}
		select {
		case <-poll.C:
		case <-deadline:
			t.Errorf("Get of an entry %s: still there after %v", which, limit)
			return
		}
	}
}
