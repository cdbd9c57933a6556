package redis

import (
	"context"
	"strconv"
	"time"

	"github.com/valkey-io/valkey-go"
)

// A set is a sorted set whose scores say until when its members are kept, in milliseconds of the
// server's clock.

// memberScript drops the members whose time is over, adds one, or keeps it for longer, and has the whole
// set live as long as the member that is kept longest. KEYS: the set. ARGV: the member, its ttl.
const memberScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], 'GT', now + ARGV[2], ARGV[1])
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', last[2]))
return 1`

var addMember = valkey.NewLuaScript(memberScript)

// AddMember adds the member to the set and keeps it there for ttl, or for longer if it is there for longer
// already. It needs Redis 6.2 or Valkey. A server that evicts keys (any maxmemory-policy but noeviction) may
// evict the set before the sessions that it names: they cannot be ended by their owner then.
func (c *Cache) AddMember(ctx context.Context, set, member string, ttl time.Duration) error {
	keys := []string{c.prefix + set}
	args := []string{member, strconv.FormatInt(milliseconds(ttl), 10)}
	err := c.links.do(ctx, func(client valkey.Client) valkey.ValkeyResult {
		return addMember.Exec(ctx, client, keys, args)
	}).Error()
	return failure("add to a set", err)
}

// Members returns the members of the set. It always asks the server.
func (c *Cache) Members(ctx context.Context, set string) ([]string, error) {
	members, err := c.links.do(ctx, func(client valkey.Client) valkey.ValkeyResult {
		return client.Do(ctx, repeatable(client.B().Zrange().Key(c.prefix+set).Min("0").Max("-1").Build()))
	}).AsStrSlice()
	return members, failure("read a set", err)
}

// RemoveMembers removes members from the set. An absent one is no error.
func (c *Cache) RemoveMembers(ctx context.Context, set string, members ...string) error {
	if len(members) == 0 {
		return nil
	}
	err := c.links.do(ctx, func(client valkey.Client) valkey.ValkeyResult {
		return client.Do(ctx, repeatable(client.B().Zrem().Key(c.prefix+set).Member(members...).Build()))
	}).Error()
	return failure("remove from a set", err)
}
