// Package memory is a cache in the memory of one process, bounded in bytes. It adapts
// [otter], which chooses what to evict by how recently and how often an entry was used.
//
// It is for a program that runs as one process. Several processes would each keep their own
// copy: what one changes or signs out, the others go on serving. Give those package
// cache/redis, which keeps a copy in each process too and lets the server invalidate it.
//
// [otter]: https://github.com/maypok86/otter
package memory

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/maypok86/otter/v2"
)

// DefaultMaxBytes is the bound of a cache that is made without [MaxBytes].
const DefaultMaxBytes = 64 << 20

// entryOverhead is what an entry costs beside its key and value, in bytes: the node, its place
// in the hash table and its share of the eviction policy, as measured with 100,000 entries.
const entryOverhead = 160

// A Cache is a [ginsession.Cache]. Make one with [New].
//
// [ginsession.Cache]: https://pkg.go.dev/github.com/ginsession/ginsession#Cache
type Cache struct {
	maxBytes int64
	entries  *otter.Cache[string, entry]
}

type entry struct {
	value []byte
	ttl   time.Duration
}

// An Option changes what [New] makes.
type Option func(*Cache)

// MaxBytes bounds the memory of the entries: keys, values and what the cache itself needs for
// each. It panics where n is not positive.
func MaxBytes(n int64) Option {
	if n <= 0 {
		panic(fmt.Sprintf("memory: MaxBytes(%d): give a positive number of bytes", n))
	}
	return func(c *Cache) { c.maxBytes = n }
}

// New makes an empty cache. One goroutine removes what has expired; it ends with [Cache.Close]
// or when the cache is garbage.
func New(opts ...Option) *Cache {
	c := &Cache{maxBytes: DefaultMaxBytes}
	for _, opt := range opts {
		opt(c)
	}
	c.entries = otter.Must(&otter.Options[string, entry]{
		MaximumWeight: uint64(c.maxBytes),
		Weigher: func(key string, e entry) uint32 {
			return uint32(min(size(key, e.value), math.MaxUint32))
		},
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, entry]) time.Duration {
			return max(1, e.Value.ttl) // otter takes 0 as for ever
		}),
	})
	return c
}

// Get returns the value of key, and whether there is one.
func (c *Cache) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	e, ok := c.entries.GetIfPresent(key)
	return e.value, ok, nil
}

// Add stores the value only where the key is absent, and reports whether it did. An entry that
// is larger than the whole cache is an error.
func (c *Cache) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	if err := c.check(ctx, key, value); err != nil {
		return false, err
	}
	_, added := c.entries.SetIfAbsent(key, entry{value, ttl})
	return added, nil
}

// CompareAndSwap replaces the value only where it equals old, and reports whether it did. An
// entry that is larger than the whole cache is an error.
func (c *Cache) CompareAndSwap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if err := c.check(ctx, key, new); err != nil {
		return false, err
	}
	swapped := false
	c.entries.ComputeIfPresent(key, func(current entry) (entry, otter.ComputeOp) {
		if swapped = bytes.Equal(current.value, old); !swapped {
			return current, otter.CancelOp
		}
		return entry{new, ttl}, otter.WriteOp
	})
	return swapped, nil
}

// Delete removes the key. An absent one is no error.
func (c *Cache) Delete(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.entries.Invalidate(key)
	return nil
}

// Close stops the goroutine that removes what has expired. It always returns nil.
func (c *Cache) Close() error {
	c.entries.StopAllGoroutines()
	return nil
}

func (c *Cache) check(ctx context.Context, key string, value []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if n := size(key, value); n > c.maxBytes {
		return fmt.Errorf("memory: an entry of %d bytes is larger than the cache of %d: raise MaxBytes", n, c.maxBytes)
	}
	return nil
}

func size(key string, value []byte) int64 {
	return int64(len(key)) + int64(len(value)) + entryOverhead
}
