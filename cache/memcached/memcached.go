// Package memcached is a cache in one or several memcached servers. It adapts [gomemcache].
//
// A key is at most 250 bytes, prefix included, without spaces and control characters. A value
// is at most the server's item size, 1 MiB by default (memcached -I). A ttl is rounded up to
// whole seconds.
//
// gomemcache does not use contexts. A call whose context has ended returns its error; a call in
// progress ends after the client's Timeout, which [New] sets to [Timeout].
//
// [gomemcache]: https://github.com/bradfitz/gomemcache
package memcached

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
)

const (
	// Timeout is how long a client made by [New] waits for a connection and for each answer.
	Timeout = time.Second

	// maxIdleConns is the number of idle connections kept for each server. It should exceed the
	// number of concurrent requests: each request beyond it opens a connection of its own.
	maxIdleConns = 100

	maxKeyBytes = 250

	// maxRelative is the longest ttl that memcached takes for a duration. It takes a larger number
	// for a Unix time.
	// Source: memcached's protocol.txt, "Expiration times".
	maxRelative = 30 * 24 * time.Hour
)

// A Cache is a [ginsession.Cache]. Make one with [New] or [NewFromClient]. Its methods return the
// context's error, the connection's, or what the server refuses, with the operation and without the
// key and the value.
//
// [ginsession.Cache]: https://pkg.go.dev/github.com/ginsession/ginsession#Cache
type Cache struct {
	client *memcache.Client
	prefix string
}

// New uses the servers, each given as "host:port" or as the path of a Unix socket, and spreads the
// keys over them by a hash. It resolves the names once, whose error it returns, and
// makes no connection yet.
func New(servers ...string) (*Cache, error) {
	if len(servers) == 0 {
		return nil, errors.New("memcached: no server: give at least one as host:port")
	}
	var list memcache.ServerList
	if err := list.SetServers(servers...); err != nil {
		return nil, fmt.Errorf("memcached: %w", err)
	}
	client := memcache.NewFromSelector(&list)
	client.Timeout = Timeout
	client.MaxIdleConns = maxIdleConns
	return NewFromClient(client, ""), nil
}

// NewFromClient uses a client that the program has made, for TLS (DialContext) or another way to
// select servers. Set its Timeout, and set its MaxIdleConns above the number of concurrent
// requests. prefix is put before every key in the server.
func NewFromClient(client *memcache.Client, prefix string) *Cache {
	return &Cache{client, prefix}
}

// Get returns the value of key, and whether there is one.
func (c *Cache) Get(ctx context.Context, key string) ([]byte, bool, error) {
	item, err := c.get(ctx, key)
	if item == nil {
		return nil, false, err
	}
	return item.Value, true, nil
}

// Add stores the value if the key is absent, and reports whether it did.
func (c *Cache) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	if err := c.check(ctx, key); err != nil {
		return false, err
	}
	return c.stored("add", c.client.Add(&memcache.Item{
		Key:        c.prefix + key,
		Value:      value,
		Expiration: expiration(ttl, time.Now()),
	}))
}

// CompareAndSwap replaces the value if it equals old, and reports whether it did. It reads the item
// and writes it with memcached's cas command, which fails if the item has changed in between.
func (c *Cache) CompareAndSwap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	item, err := c.get(ctx, key)
	if item == nil || !bytes.Equal(item.Value, old) {
		return false, err
	}
	item.Value = new
	item.Expiration = expiration(ttl, time.Now())
	return c.stored("compare and swap", c.client.CompareAndSwap(item))
}

// Delete removes the key. An absent one is no error.
func (c *Cache) Delete(ctx context.Context, key string) error {
	if err := c.check(ctx, key); err != nil {
		return err
	}
	err := c.again(func() error { return c.client.Delete(c.prefix + key) })
	if errors.Is(err, memcache.ErrCacheMiss) {
		return nil
	}
	return failure("delete", err)
}

// Close closes the idle connections, even those of a client given to [NewFromClient], which opens
// new ones when it is used again. It returns the first error of closing one.
func (c *Cache) Close() error {
	return c.client.Close()
}

// get returns nil for an absent key.
func (c *Cache) get(ctx context.Context, key string) (item *memcache.Item, err error) {
	if err := c.check(ctx, key); err != nil {
		return nil, err
	}
	err = c.again(func() error {
		item, err = c.client.Get(c.prefix + key)
		return err
	})
	if errors.Is(err, memcache.ErrCacheMiss) {
		return nil, nil
	}
	return item, failure("get", err)
}

// check refuses keys that would end the command early and begin another one.
func (c *Cache) check(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	n := len(c.prefix) + len(key)
	if n == 0 || n > maxKeyBytes {
		return fmt.Errorf("memcached: a key of %d bytes, prefix included: memcached takes 1 to %d", n, maxKeyBytes)
	}
	if strings.ContainsFunc(c.prefix, forbidden) || strings.ContainsFunc(key, forbidden) {
		return errors.New("memcached: a key or prefix with a space or control character")
	}
	return nil
}

func forbidden(r rune) bool { return r <= ' ' || r == 0x7f }

// stored translates the answer to a conditional write.
func (c *Cache) stored(operation string, err error) (bool, error) {
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, memcache.ErrNotStored), errors.Is(err, memcache.ErrCASConflict), errors.Is(err, memcache.ErrCacheMiss):
		return false, nil
	}
	c.dropBroken(err)
	return false, failure(operation, err)
}

// again calls f a second time if the connection was closed, as idle connections are after a restart
// of the server. It is for get and delete, which may be executed twice. add and cas may not: if the
// server has executed the first one, the second one would answer that another caller had won.
func (c *Cache) again(f func() error) error {
	err := f()
	if c.dropBroken(err) {
		err = f()
	}
	return err
}

// dropBroken closes all idle connections if err says that the server has closed one, and reports
// whether it did. Otherwise each of them would fail another request.
func (c *Cache) dropBroken(err error) bool {
	closed := errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
	if closed {
		_ = c.client.Close()
	}
	return closed
}

// expiration returns ttl in memcached's form: seconds up to 30 days, and beyond that the Unix time
// of the end.
func expiration(ttl time.Duration, now time.Time) int32 {
	seconds := int64(ttl / time.Second)
	if ttl%time.Second > 0 {
		seconds++
	}
	seconds = max(1, seconds) // 0 means that it never expires
	if ttl > maxRelative {
		seconds += now.Unix()
	}
	return int32(min(seconds, math.MaxInt32))
}

// failure adds the operation to the error. It keeps network errors and explains the server's errors
// about memory. It drops the text of all others, because gomemcache quotes lines of the protocol in
// them, which may hold a key or a value.
func failure(operation string, err error) error {
	var network net.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, memcache.ErrNoServers):
		return fmt.Errorf("memcached: %s: %w", operation, err)
	case strings.Contains(err.Error(), "SERVER_ERROR object too large"):
		return fmt.Errorf("memcached: %s: the value is larger than the server's item size: store less or raise memcached's -I", operation)
	case strings.Contains(err.Error(), "SERVER_ERROR out of memory"):
		return fmt.Errorf("memcached: %s: the server is out of memory: raise memcached's -m", operation)
	}
	return fmt.Errorf("memcached: %s: the server's answer is not understood", operation)
}
