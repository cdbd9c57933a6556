// Package redis is a cache in Redis or Valkey: one server, Sentinel or Cluster, with or without
// TLS. It adapts [valkey-go].
//
// By default each process keeps a near cache: copies of what it has read. The server invalidates
// a copy when anybody changes or deletes its key (client-side caching, RESP3). Reading a copy
// needs no network. The next read in this process sees every write and delete of this process. It
// sees those of another process when the server's invalidation arrives, usually within a
// millisecond. If the network silently drops a connection, the client notices in about twelve
// seconds. No copy lives longer than ten seconds, even if its entry has expired in the server.
//
// A call ends with its context. The calls that ginsession makes are bounded by
// Config.StoreTimeout.
// A connection that breaks is replaced by the next call. Get and Delete try again on the new
// connection; Add and CompareAndSwap return the error, because whether the server has executed
// them is unknown. If a failover has made the server a replica, the cache connects to the address
// again and repeats the call, so writes succeed as soon as the address leads to the new master.
//
// # What a restart or failover of the server loses
//
// This concerns sessions that are only in Redis (ginsession.Cached). With ginsession.CachedDB the
// database loses nothing, and a copy that comes back is served until it is CacheMaxAge old, five
// minutes by default.
//
// A Redis server acknowledges a write before it is on a disk or on a replica. If it restarts from
// an older snapshot (the stock settings: save, no append-only file), or a replica that lags behind
// becomes the master, then writes that were acknowledged are lost and deleted keys come back: a
// session that was signed out is valid again. No client can prevent that. These settings of the
// server decide what happens:
//
//   - appendonly yes and appendfsync always: a restart loses nothing that was acknowledged. With
//     appendfsync everysec, the default, it loses about the last second.
//   - save "" and appendonly no: a restart forgets all sessions and so revives none. Everybody
//     signs in again.
//   - min-replicas-to-write 1 and min-replicas-max-lag 10: a master without a replica that has
//     answered in the last ten seconds refuses writes. A failover then loses at most about the
//     writes of that time. It still loses some, because replication is asynchronous, and this
//     package sends no WAIT.
//
// If an ended session must stay ended whatever happens to Redis, use ginsession.DB or a cache that
// forgets: CachedDB over a Redis with save "" and appendonly no.
//
// [valkey-go]: https://github.com/valkey-io/valkey-go
package redis

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/valkey-io/valkey-go"
)

// DefaultNearCache is the bound of the near cache that [New] makes, in bytes.
const DefaultNearCache = 64 << 20

// A Cache is a [ginsession.SetCache]. Make one with [New] or [NewFromClient]. Its methods return the
// context's error, the connection's, or what the server answers, with the operation and without the
// key and the value.
//
// [ginsession.SetCache]: https://pkg.go.dev/github.com/ginsession/ginsession#SetCache
type Cache struct {
	links  links
	prefix string
	swap   *valkey.Lua
	near   *near // nil if it is switched off
}

// swapScript is one command, so no write of another client can come between its GET and its SET.
const swapScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
	return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`

type options struct {
	prefix    string
	nearBytes int64
	configure func(*valkey.ClientOption)
}

// An Option changes what [New] makes.
type Option func(*options)

// Prefix is put before every key in the server, for programs that share a server.
func Prefix(prefix string) Option {
	return func(o *options) { o.prefix = prefix }
}

// NearCache bounds the memory of the copies that this process keeps, in bytes. The default is
// [DefaultNearCache]. 0 switches the near cache off, so that each read asks the server;
// client_cache=0 in the URL does the same.
func NearCache(bytes int64) Option {
	return func(o *options) { o.nearBytes = bytes }
}

// Configure calls f with the client's options as read from the URL, to set what a URL cannot say:
// certificates, rotating credentials, Sentinel's password. The near cache overwrites
// ClientTrackingOptions. An OnInvalidations that f sets is called after the near cache's own.
func Configure(f func(*valkey.ClientOption)) Option {
	return func(o *options) { o.configure = f }
}

// New connects to the server at the URL, and finds out whether it is a Cluster:
//
//	redis://user:password@host:6379/0                          the user, password, port and database may be left out
//	rediss://host:6379                                         TLS
//	redis://host1:6379?addr=host2:6379                         Cluster, any of its nodes
//	redis://host1:26379?addr=host2:26379&master_set=mymaster   Sentinel
//	unix:///run/redis.sock
//
// A single word before the @ is a user's name; write :password@ for a password alone. The options
// db, dial_timeout, write_timeout, skip_verify, protocol, client_cache, max_retries and client_name
// follow after a question mark. Source: valkey.ParseURL. Close the Cache when you no longer use it.
//
// Errors: a URL that cannot be read, a server that cannot be reached, or one that cannot do what the
// Cache needs, with what to do about it.
func New(url string, opts ...Option) (*Cache, error) {
	o := options{nearBytes: DefaultNearCache}
	for _, opt := range opts {
		opt(&o)
	}
	config, err := clientOption(url, o)
	if err != nil {
		return nil, err
	}

	if o.nearBytes <= 0 || config.DisableCache || config.AlwaysRESP2 {
		config.DisableCache = true
		return connect(config, o.prefix, nil)
	}
	copies := newNear(o.prefix, o.nearBytes)
	copies.attach(&config)
	c, err := connect(config, o.prefix, copies)
	if err != nil {
		copies.close()
	}
	return c, err
}

func connect(config valkey.ClientOption, prefix string, copies *near) (*Cache, error) {
	client, err := valkey.NewClient(config)
	if errors.Is(err, valkey.ErrNoCache) {
		return nil, errors.New("redis: the server offers no client-side caching, which needs Redis 6 or Valkey and the right to CLIENT TRACKING: add NearCache(0)")
	}
	if err != nil {
		return nil, failure("connect", err)
	}
	if err := check(client, prefix); err != nil {
		client.Close()
		return nil, err
	}
	c := NewFromClient(client, prefix)
	c.near = copies
	c.links.connect = func() (valkey.Client, error) { return valkey.NewClient(config) }
	c.links.changed = c.forgetAll
	return c, nil
}

// NewFromClient uses a client that the program has made and keeps owning. Such a Cache has no near
// cache, because the client must be made for one: use [New] with [Configure] instead. It does not
// reconnect after a failover has made the server a replica: that is up to the client's owner.
// prefix is put before every key in the server.
func NewFromClient(client valkey.Client, prefix string) *Cache {
	c := &Cache{prefix: prefix, swap: valkey.NewLuaScript(swapScript)}
	c.links.current.Store(&link{client: client})
	return c
}

// Get returns the value of key, and whether there is one. It sends a GET, unless the near cache
// has a copy.
func (c *Cache) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if c.near == nil {
		return c.fetch(ctx, key)
	}
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	if r, ok := c.near.get(key); ok {
		return r.value, r.found, nil
	}

	epoch := c.near.epoch(key)
	value, found, err := c.fetch(ctx, key)
	if err == nil {
		c.near.fill(key, epoch, reply{value, found})
	}
	return value, found, err
}

// Add stores the value if the key is absent, and reports whether it did.
func (c *Cache) Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error) {
	defer c.forget(key)
	err := c.links.do(ctx, func(client valkey.Client) valkey.ValkeyResult {
		set := client.B().Set().Key(c.prefix + key).Value(valkey.BinaryString(value)).Nx().PxMilliseconds(milliseconds(ttl))
		return client.Do(ctx, set.Build())
	}).Error()
	if valkey.IsValkeyNil(err) {
		return false, nil
	}
	return err == nil, failure("add", err)
}

// CompareAndSwap replaces the value if it equals old, and reports whether it did.
func (c *Cache) CompareAndSwap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	defer c.forget(key)
	keys := []string{c.prefix + key}
	args := []string{valkey.BinaryString(old), valkey.BinaryString(new), strconv.FormatInt(milliseconds(ttl), 10)}
	swapped, err := c.links.do(ctx, func(client valkey.Client) valkey.ValkeyResult {
		return c.swap.Exec(ctx, client, keys, args)
	}).AsInt64()
	return swapped == 1, failure("compare and swap", err)
}

// Delete removes the key. An absent one is no error.
func (c *Cache) Delete(ctx context.Context, key string) error {
	defer c.forget(key)
	err := c.links.do(ctx, func(client valkey.Client) valkey.ValkeyResult {
		return client.Do(ctx, repeatable(client.B().Del().Key(c.prefix+key).Build()))
	}).Error()
	return failure("delete", err)
}

// Close closes the client that [New] made. A client given to [NewFromClient] stays open. Close
// always returns nil.
func (c *Cache) Close() error {
	c.links.close()
	if c.near != nil {
		c.near.close()
	}
	return nil
}

func (c *Cache) fetch(ctx context.Context, key string) ([]byte, bool, error) {
	value, err := c.links.do(ctx, func(client valkey.Client) valkey.ValkeyResult {
		return client.Do(ctx, repeatable(client.B().Get().Key(c.prefix+key).Build()))
	}).AsBytes()
	if valkey.IsValkeyNil(err) {
		return nil, false, nil
	}
	return value, err == nil, failure("get", err)
}

// repeatable lets the client send the command again on a new connection if the one in use
// breaks. Whether the server has executed the first one is then unknown, so this is only for
// commands that may be executed twice:
//
//   - GET and DEL may. A second DEL can at most remove what somebody has added in between, and a
//     cache may lose an entry at any time.
//   - SET NX and the script of a compare-and-swap may not: if the first one was executed, the
//     second one would answer that another caller had won. Their callers get the error.
//
// The command is pinned, because the client recycles one that was answered on the second
// connection while the goroutine of the first may still read it.
func repeatable(command valkey.Completed) valkey.Completed {
	return command.ToRetryable().Pin()
}

// forget drops the near cache's copy of key. It runs after every write, even if that failed: the
// server may have executed it, and after a lost compare-and-swap the caller must see what the
// winner wrote.
func (c *Cache) forget(key string) {
	if c.near != nil {
		c.near.forget(key)
	}
}

// forgetAll drops all copies after a reconnection: if another server has taken over, it does not
// invalidate what the old one answered.
func (c *Cache) forgetAll() {
	if c.near != nil {
		c.near.forgetAll()
	}
}

// milliseconds rounds up, because Redis refuses a ttl of 0.
func milliseconds(ttl time.Duration) int64 {
	ms := ttl.Milliseconds()
	if ttl%time.Millisecond > 0 {
		ms++
	}
	return max(1, ms)
}
