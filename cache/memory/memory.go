// Package memory is a cache in the memory of one process, bounded in bytes.
//
// When the cache is full, it first evicts entries that nobody has read since they were added. So a
// flood of sessions that are used once, such as those of crawlers, does not sign out visitors who
// come back. The entries that have been read may fill four fifths of the cache; beyond that, it
// evicts those among them that have not been read for longest, approximately.
//
// It is for a program that runs as one process. Several processes would each keep copies of their
// own, and serve what another process has changed or signed out. Use package cache/redis for those:
// it keeps copies in each process too, and the server invalidates them.
package memory

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"time"
)

// DefaultMaxBytes is the bound of a cache made without [MaxBytes], in bytes.
const DefaultMaxBytes = 64 << 20

// entryOverhead is the memory of an entry beyond its key and value, in bytes: the node and its
// place in the table, as measured with 100,000 entries.
const entryOverhead = 160

// A Cache is a [ginsession.SetCache]. Make one with [New]. Its methods return the error of a context
// that has ended.
//
// [ginsession.SetCache]: https://pkg.go.dev/github.com/ginsession/ginsession#SetCache
type Cache struct {
	// A read locks one of several tables, for reading. Writes run one at a time: a write locks the
	// queues first and then the table.
	maxBytes int64
	seed     maphash.Seed
	tables   [64]table

	mu     sync.Mutex // guards the queues, and lets one write run at a time
	queues queues

	sets sets
}

// A table holds the nodes of the keys whose hash selects it. Its lock guards the map, and the value
// and expires of its nodes.
type table struct {
	sync.RWMutex
	nodes map[string]*node
}

// An Option changes what [New] makes.
type Option func(*Cache)

// MaxBytes bounds the memory of the entries, in bytes: keys, values and what the cache itself needs
// for each entry. It panics if n is not positive.
func MaxBytes(n int64) Option {
	if n <= 0 {
		panic(fmt.Sprintf("memory: MaxBytes(%d): give a positive number of bytes", n))
	}
	return func(c *Cache) { c.maxBytes = n }
}

// New makes an empty cache. It starts no goroutine: an expired entry is never served, and later
// writes remove it.
func New(opts ...Option) *Cache {
	c := &Cache{maxBytes: DefaultMaxBytes, seed: maphash.MakeSeed()}
	for _, opt := range opts {
		opt(c)
	}
	for i := range c.tables {
		c.tables[i].nodes = map[string]*node{}
	}
	return c
}

// Get returns the value of key, and whether there is one.
func (c *Cache) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	t := c.table(key)
	t.RLock()
	defer t.RUnlock()
	n := t.nodes[key]
	if n == nil || n.expired(time.Now()) {
		return nil, false, nil
	}
	n.markRead()
	return n.value, true, nil
}

// Add stores the value if the key is absent, and reports whether it did. An entry larger than the
// whole cache is an error.
func (c *Cache) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	if err := c.check(ctx, key, value); err != nil {
		return false, err
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.table(key)
	if old := t.nodes[key]; old != nil {
		if !old.expired(now) {
			return false, nil
		}
		c.remove(old)
	}
	added := &node{key: key, value: value, expires: now.Add(ttl)}
	t.Lock()
	t.nodes[key] = added
	t.Unlock()
	c.queues.unread.push(added)
	c.makeRoom(added, now)
	return true, nil
}

// CompareAndSwap replaces the value if it equals old, and reports whether it did. An entry larger
// than the whole cache is an error.
func (c *Cache) CompareAndSwap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if err := c.check(ctx, key, new); err != nil {
		return false, err
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.table(key)
	n := t.nodes[key]
	if n == nil || n.expired(now) || !bytes.Equal(n.value, old) {
		return false, nil
	}
	q := n.queue
	q.remove(n)
	t.Lock()
	n.value, n.expires = new, now.Add(ttl)
	t.Unlock()
	q.push(n)
	c.makeRoom(n, now)
	return true, nil
}

// Delete removes the key. An absent one is no error.
func (c *Cache) Delete(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.table(key).nodes[key]; n != nil {
		c.remove(n)
	}
	return nil
}

// Close removes all entries. It always returns nil.
func (c *Cache) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queues = queues{}
	c.sets.mu.Lock()
	c.sets.members, c.sets.added, c.sets.kept = nil, 0, 0
	c.sets.mu.Unlock()
	for i := range c.tables {
		t := &c.tables[i]
		t.Lock()
		t.nodes = map[string]*node{}
		t.Unlock()
	}
	return nil
}

// makeRoom evicts entries until the rest are within the bound, but never the one just written.
// c.mu is locked.
func (c *Cache) makeRoom(written *node, now time.Time) {
	for n := c.queues.expired(now); n != nil; n = c.queues.expired(now) {
		c.remove(n)
	}
	for c.queues.bytes() > c.maxBytes {
		c.remove(c.queues.victim(written, c.maxBytes))
	}
}

// remove takes the node out of its queue and table. c.mu is locked.
func (c *Cache) remove(n *node) {
	n.queue.remove(n)
	t := c.table(n.key)
	t.Lock()
	defer t.Unlock()
	delete(t.nodes, n.key)
}

func (c *Cache) table(key string) *table {
	return &c.tables[maphash.String(c.seed, key)%uint64(len(c.tables))]
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
