package redis

import (
	"hash/maphash"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/valkey-io/valkey-go"
)

// near keeps the server's replies in this process until the server says that they are out of
// date. The server remembers which keys each connection has read, and sends one invalidation when
// such a key changes (CLIENT TRACKING in its default mode).
//
// The client has several connections, so an invalidation can overtake a reply that is older than
// the change. Epochs prevent that such a reply is stored: a read takes the key's epoch before it
// asks the server, and stores the reply only if the epoch is still the same. An invalidation by
// the server and a write of this process both increase the epoch.
type near struct {
	prefix  string
	replies *otter.Cache[string, reply]
	seed    maphash.Seed
	stripes [256]stripe
}

// A stripe holds the epoch of all keys whose hash selects it. Two keys may share a stripe: then a
// change of one can keep a reply to the other from being stored. The lock makes checking the epoch
// and storing one step.
type stripe struct {
	mu    sync.Mutex
	epoch uint64
}

// A reply is what the server answered. found is false if there is no such key.
type reply struct {
	value []byte
	found bool
}

const (
	// nearTTL bounds how long a copy outlives a lost invalidation, or the expiry of its key: a
	// server with many keys finds an expired key late, and sends the invalidation then.
	nearTTL = 10 * time.Second

	// replyOverhead is the memory of a copy beyond its key and value, in bytes: otter's node and
	// its place in the table, as measured with 100,000 copies.
	replyOverhead = 160
)

func newNear(prefix string, maxBytes int64) *near {
	return &near{
		prefix: prefix,
		seed:   maphash.MakeSeed(),
		replies: otter.Must(&otter.Options[string, reply]{
			MaximumWeight: uint64(maxBytes),
			Weigher: func(key string, r reply) uint32 {
				return uint32(min(len(key)+len(r.value)+replyOverhead, math.MaxUint32))
			},
			ExpiryCalculator: otter.ExpiryWriting[string, reply](nearTTL),
		}),
	}
}

// attach makes a client with these options pass the server's invalidations to n.
func (n *near) attach(config *valkey.ClientOption) {
	config.ClientTrackingOptions = []string{} // track every read: no CLIENT CACHING before each
	also := config.OnInvalidations
	config.OnInvalidations = func(keys []valkey.ValkeyMessage) {
		n.invalidate(keys)
		if also != nil {
			also(keys)
		}
	}
}

// invalidate drops the copies of the keys that have changed. nil means all keys: the server was
// flushed, or a connection has ended and the server no longer knows what was read over it.
func (n *near) invalidate(keys []valkey.ValkeyMessage) {
	if keys == nil {
		n.forgetAll()
		return
	}
	for _, message := range keys {
		if key, err := message.ToString(); err == nil {
			n.forget(strings.TrimPrefix(key, n.prefix))
		}
	}
}

// close stops the goroutine that removes expired copies.
func (n *near) close() { n.replies.StopAllGoroutines() }

func (n *near) get(key string) (reply, bool) {
	return n.replies.GetIfPresent(key)
}

// epoch returns the key's epoch for fill. Call it before asking the server.
func (n *near) epoch(key string) uint64 {
	s := n.stripe(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch
}

// fill stores the reply, unless the epoch of the key has changed.
func (n *near) fill(key string, epoch uint64, r reply) {
	s := n.stripe(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch == epoch {
		n.replies.Set(key, r)
	}
}

func (n *near) forget(key string) {
	s := n.stripe(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	n.replies.Invalidate(key)
}

func (n *near) forgetAll() {
	for i := range n.stripes {
		s := &n.stripes[i]
		s.mu.Lock()
		s.epoch++
		s.mu.Unlock()
	}
	n.replies.InvalidateAll()
}

func (n *near) stripe(key string) *stripe {
	return &n.stripes[maphash.String(n.seed, key)%uint64(len(n.stripes))]
}
