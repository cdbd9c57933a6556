package memory_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
	"github.com/ginsession/ginsession/enginetest"
)

var _ ginsession.Cache = (*memory.Cache)(nil)

func TestRules(t *testing.T) {
	enginetest.Cache(t, func(t *testing.T) ginsession.Cache { return newCache(t) })
	enginetest.SetCache(t, func(t *testing.T) ginsession.SetCache { return newCache(t) })
}

func newCache(t testing.TB, opts ...memory.Option) *memory.Cache {
	c := memory.New(opts...)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestEntriesEndWithTheirTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t)
		add(t, c, "key", "value", time.Minute)

		time.Sleep(time.Minute - time.Second)
		if _, ok, _ := c.Get(t.Context(), "key"); !ok {
			t.Error("absent a second before its ttl ends")
		}
		time.Sleep(time.Second)
		if _, ok, _ := c.Get(t.Context(), "key"); ok {
			t.Error("still there when its ttl has ended")
		}
		if ok, _ := c.CompareAndSwap(t.Context(), "key", []byte("value"), []byte("new"), time.Minute); ok {
			t.Error("CompareAndSwap replaced an expired entry")
		}
		add(t, c, "key", "new", time.Minute)

		add(t, c, "no time at all", "value", 0)
		time.Sleep(time.Second)
		if _, ok, _ := c.Get(t.Context(), "no time at all"); ok {
			t.Error("an entry with a ttl of 0 is there after a second")
		}
		c.Close()
	})
}

func TestMaxBytesBoundsTheHeap(t *testing.T) {
	const bound = 8 << 20
	before := heap()
	c := newCache(t, memory.MaxBytes(bound))
	for i := range 4 * bound / 256 {
		add(t, c, fmt.Sprintf("%040d", i), strings.Repeat("v", 216), time.Hour)
	}

	deadline := time.Now().Add(10 * time.Second)
	for heap()-before > bound*5/4 {
		if time.Now().After(deadline) {
			t.Fatalf("the heap has grown by %d MiB; want at most %d and a quarter", (heap()-before)>>20, bound>>20)
		}
		runtime.Gosched()
	}
	if grown := heap() - before; grown < bound/2 {
		t.Errorf("the heap has grown by %d MiB: the cache does not use the %d it may", grown>>20, bound>>20)
	}
	runtime.KeepAlive(c)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestAnEntryLargerThanTheCacheIsAnError(t *testing.T) {
	c := newCache(t, memory.MaxBytes(10_000))
	large := make([]byte, 10_000)
	if ok, err := c.Add(t.Context(), "key", large, time.Hour); ok || err == nil || !strings.Contains(err.Error(), "raise MaxBytes") {
		t.Errorf("Add: %v, %v; want an error that says what to do", ok, err)
	}
	add(t, c, "key", "small", time.Hour)
	if ok, err := c.CompareAndSwap(t.Context(), "key", []byte("small"), large, time.Hour); ok || err == nil {
		t.Errorf("CompareAndSwap: %v, %v; want an error", ok, err)
	}
	if value, _, _ := c.Get(t.Context(), "key"); string(value) != "small" {
		t.Errorf("after a refused CompareAndSwap: %q; want what was there", value)
	}
}

func TestMaxBytesPanicsIfItIsNotPositive(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("MaxBytes(0) did not panic")
		}
	}()
	memory.MaxBytes(0)
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	c := memory.New()
	for i := range 1000 {
		add(t, c, fmt.Sprint(i), "value", time.Hour)
	}
	c.Close()
	c.Close()
}

func TestGetAllocatesNothing(t *testing.T) {
	c := newCache(t)
	add(t, c, "key", "value", time.Hour)
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() { c.Get(ctx, "key") }); n != 0 {
		t.Errorf("Get allocates %v times; want 0", n)
	}
}

func add(t testing.TB, c *memory.Cache, key, value string, ttl time.Duration) {
	t.Helper()
	if ok, err := c.Add(context.Background(), key, []byte(value), ttl); !ok || err != nil {
		t.Fatalf("Add: %v, %v; want true", ok, err)
	}
}
