package redis_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valkey-io/valkey-go"
	"go.uber.org/goleak"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/redis"
	"github.com/ginsession/ginsession/enginetest"
)

var _ ginsession.Cache = (*redis.Cache)(nil)

func TestRules(t *testing.T) {
	servers := map[string]string{"redis": addr(t)}
	if valkey := os.Getenv("TEST_VALKEY_ADDR"); valkey != "" {
		servers["valkey"] = valkey
	}
	for name, addr := range servers {
		t.Run(name, func(t *testing.T) {
			t.Run("near cache", func(t *testing.T) { rules(t, "redis://"+addr, redis.Prefix("app:")) })
			t.Run("no near cache", func(t *testing.T) { rules(t, "redis://"+addr, redis.NearCache(0)) })
			t.Run("one connection", func(t *testing.T) { rules(t, "redis://"+addr, oneConnection) })
			t.Run("RESP2", func(t *testing.T) { rules(t, "redis://"+addr+"?protocol=2") })
			t.Run("given client", func(t *testing.T) { testGivenClient(t, addr) })
		})
	}
}

func rules(t *testing.T, url string, opts ...redis.Option) {
	enginetest.Cache(t, func(t *testing.T) ginsession.Cache { return open(t, url, opts...) })
	enginetest.SetCache(t, func(t *testing.T) ginsession.SetCache { return open(t, url, opts...) })
}

// oneConnection puts invalidations and replies in one stream: the reply to a write then comes
// before the invalidation that the write causes.
var oneConnection = redis.Configure(func(o *valkey.ClientOption) { o.PipelineMultiplex = -1 })

func testGivenClient(t *testing.T, addr string) {
	client, err := valkey.NewClient(valkey.ClientOption{InitAddress: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	enginetest.Cache(t, func(t *testing.T) ginsession.Cache {
		c := redis.NewFromClient(client, "app:")
		t.Cleanup(func() { c.Close() })
		return c
	})
	if err := client.Do(t.Context(), client.B().Ping().Build()).Error(); err != nil {
		t.Errorf("Close closed a client that is not its own: %v", err)
	}
}

// One cache writes eight keys, while it and another cache, like that of another process, read them.
// A read by the writer must see every write that has returned. The other cache must catch up.
func TestWritesAreReadAtOnceAndByOthersSoon(t *testing.T) {
	for name, opts := range map[string][]redis.Option{
		"several connections": nil,
		"one connection":      {oneConnection},
		"16 connections":      {redis.Configure(func(o *valkey.ClientOption) { o.PipelineMultiplex = 4 })},
	} {
		t.Run(name, func(t *testing.T) {
			url := "redis://" + addr(t)
			writer, other := open(t, url, opts...), open(t, url, opts...)
			var all sync.WaitGroup
			var keys []string
			for range 8 {
				key := newKey(t, writer)
				keys = append(keys, key)
				add(t, writer, key, "0")
				var returned atomic.Int64
				for range 2 {
					all.Go(func() {
						for returned.Load() < 300 && !t.Failed() {
							least := returned.Load()
							if got := number(t, writer, key); got < least {
								t.Errorf("read %d after the write of %d had returned", got, least)
							}
							number(t, other, key)
							runtime.Gosched() // the writer waits for the network
						}
					})
				}
				all.Go(func() {
					for n := range int64(300) {
						swap(t, writer, key, strconv.FormatInt(n, 10), strconv.FormatInt(n+1, 10))
						returned.Store(n + 1)
						if got := number(t, writer, key); got != n+1 {
							t.Errorf("read %d right after writing %d", got, n+1)
						}
					}
				})
			}
			all.Wait()
			for _, key := range keys {
				eventually(t, "the other process reads the last write", func() bool { return number(t, other, key) == 300 })
			}
		})
	}
}

func TestNearCacheAsksTheServerOnce(t *testing.T) {
	s := startServer(t)
	c, other := open(t, s.url()), open(t, s.url())
	add(t, c, "present", "value")
	for _, key := range []string{"present", "absent"} {
		before := s.calls(t, "get")
		for range 100 {
			get(t, c, key)
		}
		if n := s.calls(t, "get") - before; n != 1 {
			t.Errorf("100 reads of a key that is %s cost %d GETs; want 1", key, n)
		}
	}

	add(t, other, "absent", "now present")
	eventually(t, "an Add by another process is seen", func() bool { return get(t, c, "absent") == "now present" })
	remove(t, other, "present")
	eventually(t, "a Delete by another process is seen", func() bool { return get(t, c, "present") == "" })
	s.flush(t)
	eventually(t, "FLUSHALL is seen", func() bool { return get(t, c, "absent") == "" })
}

func TestNearCacheIsBounded(t *testing.T) {
	s := startServer(t)
	c := open(t, s.url(), redis.NearCache(100_000))
	const keys = 1000
	for i := range keys {
		add(t, c, fmt.Sprint(i), strings.Repeat("v", 1000))
		get(t, c, fmt.Sprint(i))
	}
	eventually(t, "copies are evicted", func() bool {
		before := s.calls(t, "get")
		for i := range keys {
			get(t, c, fmt.Sprint(i))
		}
		return s.calls(t, "get")-before >= keys*9/10
	})
}

func TestCommandsPerCall(t *testing.T) {
	for name, opts := range map[string][]redis.Option{
		"near cache":    nil,
		"no near cache": {redis.NearCache(0)},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t)
			c := open(t, s.url(), opts...)
			add(t, c, "key", "0")
			swap(t, c, "key", "0", "1") // loads the script
			for _, call := range []struct {
				command string
				do      func()
			}{
				{"get", func() { get(t, c, "key") }},
				{"evalsha", func() { swap(t, c, "key", "1", "2") }},
				{"set", func() { add(t, c, "another", "value") }},
				{"del", func() { remove(t, c, "key") }},
			} {
				sent := s.commands(t, call.do)
				if len(sent) != 1 || !strings.EqualFold(sent[0], call.command) {
					t.Errorf("one call sent %v; want one %s", sent, call.command)
				}
			}
		})
	}
}

func TestTTLIsInMilliseconds(t *testing.T) {
	s := startServer(t)
	c := open(t, s.url())
	for ttl, want := range map[time.Duration]int64{
		time.Hour:                 3_600_000,
		3650 * 24 * time.Hour:     3650 * 24 * 3_600_000,
		1500*time.Millisecond + 1: 1501,
		math.MaxInt64:             math.MaxInt64/1_000_000 + 1,
	} {
		key := "ttl " + ttl.String()
		if ok, err := c.Add(t.Context(), key, []byte("v"), ttl); !ok || err != nil {
			t.Fatalf("Add: %v, %v", ok, err)
		}
		got, err := s.do(t, "PTTL", key).AsInt64()
		if err != nil || got > want || got < want-5000 {
			t.Errorf("Add with a ttl of %v: the server says %d ms, %v; want %d", ttl, got, err, want)
		}
	}
}

func TestAKilledServerIsAnErrorAndThenForgotten(t *testing.T) {
	for name, opts := range map[string][]redis.Option{
		"near cache":    nil,
		"no near cache": {redis.NearCache(0)},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t)
			c := open(t, s.url(), opts...)
			add(t, c, "key", "value")
			get(t, c, "key") // the near cache has it now

			s.kill(t)
			eventually(t, "a read fails, even of a key that the near cache had", func() bool {
				_, _, err := c.Get(t.Context(), "key")
				return err != nil
			})
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if _, err := c.Add(ctx, "key", []byte("value"), time.Hour); err == nil || ctx.Err() != nil {
				t.Errorf("Add without a server: %v (context: %v); want an error at once", err, ctx.Err())
			}
			if err := c.Delete(ctx, "key"); err == nil || ctx.Err() != nil {
				t.Errorf("Delete without a server: %v (context: %v); want an error at once", err, ctx.Err())
			}

			s.start(t)
			eventually(t, "a read finds the new server, and no old copy", func() bool {
				_, ok, err := c.Get(t.Context(), "key")
				return err == nil && !ok
			})
			eventually(t, "an Add finds it too, over any connection", func() bool {
				added, err := c.Add(t.Context(), "key", []byte("new"), time.Hour)
				return err == nil && added
			})
			if got := get(t, c, "key"); got != "new" {
				t.Errorf("after the restart: %q; want what was added", got)
			}
		})
	}
}

// Every connection is idle when the server restarts, so each finds out only when it is used.
func TestARestartCostsNoRead(t *testing.T) {
	s := startServer(t)
	for name, opts := range map[string][]redis.Option{
		"near cache":    nil,
		"no near cache": {redis.NearCache(0)},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, s.url(), opts...)
			for i := range 50 {
				get(t, c, fmt.Sprint("warm ", i))
			}
			s.kill(t)
			s.start(t)
			for i := range 50 {
				if _, _, err := c.Get(t.Context(), fmt.Sprint("after ", i)); err != nil {
					t.Errorf("a read after the restart: %v", err)
				}
			}
		})
	}
}

func TestAServerThatHangsEndsWithTheContext(t *testing.T) {
	s := startServer(t)
	for name, opts := range map[string][]redis.Option{
		"near cache":    nil,
		"no near cache": {redis.NearCache(0)},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, s.url(), opts...)
			get(t, c, "warm")
			s.pause(t)
			defer s.resume(t)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			returned := make(chan error, 1)
			go func() {
				_, _, err := c.Get(ctx, "key")
				returned <- err
			}()
			select {
			case err := <-returned:
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Get: %v; want the context's error", err)
				}
			case <-time.After(5 * time.Second):
				t.Error("Get went on after its context had ended")
			}
		})
	}
}

func TestAFullServerEvictsAndTheNearCacheHearsOfIt(t *testing.T) {
	s := startServer(t, "--maxmemory", "5mb", "--maxmemory-policy", "allkeys-lru")
	c := open(t, s.url())
	add(t, c, "first", "value")
	get(t, c, "first")
	filler := open(t, s.url(), redis.NearCache(0))
	for i := 0; s.exists(t, "first"); i++ {
		add(t, filler, fmt.Sprint("filler ", i), strings.Repeat("v", 10_000))
	}
	eventually(t, "the copy of an evicted key is gone", func() bool { return get(t, c, "first") == "" })
}

func TestAFullServerThatEvictsNothingIsAnError(t *testing.T) {
	s := startServer(t, "--maxmemory", "5mb", "--maxmemory-policy", "noeviction")
	c := open(t, s.url())
	var err error
	for i := 0; err == nil && i < 10_000; i++ {
		_, err = c.Add(t.Context(), fmt.Sprint("filler ", i), []byte(strings.Repeat("v", 10_000)), time.Hour)
	}
	if err == nil || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("Add to a full server: %v; want the server's OOM", err)
	}
}

func TestErrorsHoldNoKeyAndNoValue(t *testing.T) {
	s := startServer(t, "--rename-command", "EVALSHA", "", "--rename-command", "EVAL", "", "--rename-command", "SET", "", "--rename-command", "DEL", "")
	client, err := valkey.NewClient(valkey.ClientOption{InitAddress: []string{s.addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	c := redis.NewFromClient(client, "") // New would refuse such a server
	s.do(t, "HSET", "secret-hash", "field", "value")
	for name, call := range map[string]func() error{
		"Get":    func() error { _, _, err := c.Get(t.Context(), "secret-hash"); return err },
		"Delete": func() error { return c.Delete(t.Context(), "secret-key") },
		"Add": func() error {
			_, err := c.Add(t.Context(), "secret-key", []byte("secret-value"), time.Hour)
			return err
		},
		"CompareAndSwap": func() error {
			_, err := c.CompareAndSwap(t.Context(), "secret-key", []byte("secret-old"), []byte("secret-new"), time.Hour)
			return err
		},
	} {
		err := call()
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v; want an error without key and value", name, err)
		}
		for ; err != nil; err = errors.Unwrap(err) {
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: the error wraps one with the key or value: %v", name, err)
			}
		}
	}
}

func TestNewReportsWhatIsWrong(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	locked := startServer(t, "--requirepass", "secret-password")
	scriptless := startServer(t, "--rename-command", "EVAL", "")
	untracked := startServer(t, "--rename-command", "CLIENT", "")
	for _, test := range []struct{ name, url, want string }{
		{"no scheme", "127.0.0.1:6379", "redis://user:password@host"},
		{"a password that is not encoded", "redis://:secret/password@127.0.0.1", "percent-encoded"},
		{"no server", "redis://" + closed.Addr().String(), "connect"},
		{"no password", "redis://" + locked.addr, "NOAUTH"},
		{"a wrong password", "redis://:secret-wrong@" + locked.addr, "WRONGPASS"},
		{"no client-side caching", "redis://" + untracked.addr, "NearCache(0)"},
		{"no scripts", "redis://" + scriptless.addr, "EVAL"},
		{"RESP2 only", "redis://" + untracked.addr + "?protocol=2", ""},
		{"client_cache=0", "redis://" + untracked.addr + "?client_cache=0", ""},
		{"the password", "redis://:secret-password@" + locked.addr, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := redis.New(test.url)
			if err == nil {
				c.Close()
			}
			if test.want == "" {
				if err != nil {
					t.Errorf("New: %v; want a cache", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("New: %v; want an error with %q and no password", err, test.want)
			}
		})
	}
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	addr := addr(t)
	running := goleak.IgnoreCurrent()
	for _, opts := range [][]redis.Option{nil, {redis.NearCache(0)}} {
		c, err := redis.New("redis://"+addr, opts...)
		if err != nil {
			t.Fatal(err)
		}
		get(t, c, "enginetest:absent")
		c.Close()
		if _, _, err := c.Get(t.Context(), "enginetest:absent 2"); err == nil {
			t.Error("Get after Close: no error")
		}
	}
	if _, err := redis.New("redis://127.0.0.1:1"); err == nil {
		t.Error("New without a server: no error")
	}
	// The last goroutine of valkey-go, which delays a refresh of the topology, sleeps up to a second.
	eventually(t, "all goroutines have ended", func() bool { return goleak.Find(running) == nil })
}

func TestInvalidationsReachTheCallerToo(t *testing.T) {
	heard := make(chan struct{}, 10)
	c := open(t, "redis://"+addr(t), redis.Configure(func(o *valkey.ClientOption) {
		o.OnInvalidations = func([]valkey.ValkeyMessage) { heard <- struct{}{} }
	}))
	key := newKey(t, c)
	get(t, c, key)
	add(t, c, key, "value")
	select {
	case <-heard:
	case <-time.After(10 * time.Second):
		t.Error("the OnInvalidations that Configure set was not called")
	}
}
