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
// date. The server remembers what each connection has read and tells it once when that
// changes (CLIENT TRACKING in its default mode).
//
// The client has several connections, so an invalidation and the reply to a read or a write
// may overtake each other. Epochs put that right. Who reads from the server takes the key's
// epoch first and may store the reply only while the epoch is the same; whoever invalidates,
// the server or a write of this process, moves the epoch on. So a reply that was under way
// during a change is never stored after it.
type near struct {
	prefix  string
	replies *otter.Cache[string, reply]
	seed    maphash.Seed
	stripes [256]stripe
}

// A stripe holds the epoch of the keys whose hash chooses it: for two keys to share one costs
// a reply that is not stored. The lock puts storing and invalidating in order.
type stripe struct {
	mu    sync.Mutex
	epoch uint64
}

// A reply is what the server answered, also that there is no such key.
type reply struct {
	value []byte
	found bool
}

const (
	// nearTTL ends what an invalidation that was lost would keep alive, and what has expired in
	// the server: one with many keys comes across it, and tells, much later.
	nearTTL = 10 * time.Second

	// replyOverhead is what a copy takes beside its key and value, in bytes: see package memory.
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

// attach makes a client of these options report what it must no longer serve.
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

// invalidate gets the keys that have changed. None means all of them: the server was flushed,
// or a connection has ended and with it the server's memory of what it read.
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

// close stops the goroutine that removes old copies.
func (n *near) close() { n.replies.StopAllGoroutines() }

func (n *near) get(key string) (reply, bool) {
	return n.replies.GetIfPresent(key)
}

// epoch is to be taken before the server is asked, for fill.
func (n *near) epoch(key string) uint64 {
	s := n.stripe(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch
}

// fill stores the reply, unless the key has been forgotten since the epoch was taken.
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
