package memory_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// A session record of usual size under a key of usual size, among a thousand others.
var (
	benchValues = [2][]byte{[]byte(strings.Repeat("a", 196)), []byte(strings.Repeat("b", 196))}
	benchKeys   = func() (keys [1024]string) {
		for i := range keys {
			keys[i] = fmt.Sprintf("session:%040d", i)
		}
		return keys
	}()
)

func BenchmarkGet(b *testing.B) {
	c := newCache(b)
	for _, key := range benchKeys {
		add(b, c, key, string(benchValues[0]), time.Hour)
	}
	ctx := context.Background()

	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			c.Get(ctx, benchKeys[i%len(benchKeys)])
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for i := rand.Int(); pb.Next(); i++ {
				c.Get(ctx, benchKeys[i%len(benchKeys)])
			}
		})
	})
}

func BenchmarkCompareAndSwap(b *testing.B) {
	c := newCache(b)
	ctx := context.Background()
	add(b, c, "key", string(benchValues[0]), time.Hour)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if ok, err := c.CompareAndSwap(ctx, "key", benchValues[i%2], benchValues[1-i%2], time.Hour); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
