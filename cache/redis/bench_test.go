package redis_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ginsession/ginsession/cache/redis"
)

// A session record of usual size under a key of usual size.
const (
	benchKeys  = 1024
	benchBytes = 196
)

func benchKey(i int) string { return fmt.Sprintf("session:%040d", i%benchKeys) }

func benchmarkCaches(b *testing.B, f func(b *testing.B, c *redis.Cache)) {
	for _, kind := range []struct {
		name string
		opts []redis.Option
	}{
		{"near cache", nil},
		{"no near cache", []redis.Option{redis.NearCache(0)}},
	} {
		b.Run(kind.name, func(b *testing.B) {
			c := open(b, "redis://"+addr(b), append(kind.opts, redis.Prefix("bench:"))...)
			for i := range benchKeys {
				remove(b, c, benchKey(i))
				add(b, c, benchKey(i), strings.Repeat("a", benchBytes))
				b.Cleanup(func() { c.Delete(context.Background(), benchKey(i)) })
			}
			f(b, c)
		})
	}
}

func BenchmarkGet(b *testing.B) {
	benchmarkCaches(b, func(b *testing.B, c *redis.Cache) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		keys := make([]string, benchKeys)
		for i := range keys {
			keys[i] = benchKey(i)
			c.Get(ctx, keys[i])
		}
		b.Run("alone", func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				c.Get(ctx, keys[i%benchKeys])
			}
		})
		b.Run("64 goroutines", func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for i := rand.IntN(benchKeys); pb.Next(); i++ {
					c.Get(ctx, keys[i%benchKeys])
				}
			})
		})
	})
}

func BenchmarkCompareAndSwap(b *testing.B) {
	benchmarkCaches(b, func(b *testing.B, c *redis.Cache) {
		ctx := context.Background()
		values := [2]string{strings.Repeat("a", benchBytes), strings.Repeat("b", benchBytes)}
		b.Run("alone", func(b *testing.B) {
			b.ReportAllocs()
			key := benchKey(0)
			remove(b, c, key)
			add(b, c, key, values[0])
			for i := 0; b.Loop(); i++ {
				swap(b, c, key, values[i%2], values[1-i%2])
			}
		})
		b.Run("64 goroutines", func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(32)
			var goroutines atomic.Int32
			b.RunParallel(func(pb *testing.PB) {
				key := benchKey(int(goroutines.Add(1)))
				c.Delete(ctx, key)
				c.Add(ctx, key, []byte(values[0]), time.Hour)
				for i := 0; pb.Next(); i++ {
					swap(b, c, key, values[i%2], values[1-i%2])
				}
			})
		})
	})
}
