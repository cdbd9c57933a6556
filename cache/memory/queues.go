package memory

import (
	"sync/atomic"
	"time"
)

// queues decides what is evicted. An entry begins in unread. When it becomes the oldest there, it
// moves to read if somebody has read it meanwhile, and is evicted if not. The oldest in read is
// put behind the others if it has been read since it came or was last put there, and is evicted
// if not. This is S3-FIFO without its queue of evicted keys.
//
// A swap does not count as a read: a cache that is filled by Add and CompareAndSwap, as CachedDB
// does, swaps every entry once. It puts the entry behind the others of its queue, so entries with
// the same ttl expire in the order of the queue.
//
// Source: Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023.
type queues struct {
	unread, read queue
}

// maxSecondChances bounds the entries in read that the search for a victim passes over, so that no
// write waits long: about 0.1 ms. Those that it moves from unread need no bound, because each entry
// moves once.
const maxSecondChances = 1000

// A node is one entry of the cache. The lock of its table guards value and expires.
type node struct {
	key     string
	value   []byte
	expires time.Time
	isRead  atomic.Bool // since it was added or got its last second chance

	queue      *queue
	next, prev *node // towards the newest and the oldest of its queue
}

func (n *node) expired(now time.Time) bool { return !now.Before(n.expires) }

// markRead writes only if it must: many readers share the node's memory.
func (n *node) markRead() {
	if !n.isRead.Load() {
		n.isRead.Store(true)
	}
}

func (q *queues) bytes() int64 { return q.unread.bytes + q.read.bytes }

// expired returns one of the oldest nodes if it has expired.
func (q *queues) expired(now time.Time) *node {
	for _, n := range []*node{q.unread.oldest, q.read.oldest} {
		if n != nil && n.expired(now) {
			return n
		}
	}
	return nil
}

// victim chooses another node than the one just written. There is one if the cache is over its
// bound, because no entry is larger than that.
func (q *queues) victim(written *node, maxBytes int64) *node {
	chances := maxSecondChances
	for {
		n := q.candidate(written, maxBytes)
		if !n.isRead.Load() || chances == 0 {
			return n
		}
		if n.queue == &q.read {
			chances--
		}
		n.isRead.Store(false)
		n.queue.remove(n)
		q.read.push(n)
	}
}

// candidate returns the oldest unread node, or the oldest read one if those fill more than four
// fifths of the cache.
func (q *queues) candidate(written *node, maxBytes int64) *node {
	unread, read := q.unread.candidate(written), q.read.candidate(written)
	if unread == nil || (read != nil && q.read.bytes > maxBytes/5*4) {
		return read
	}
	return unread
}

// A queue is a list of nodes, from the oldest to the newest.
type queue struct {
	oldest, newest *node
	bytes          int64
}

// candidate returns the oldest node but the one just written, which may be the oldest after
// second chances.
func (q *queue) candidate(written *node) *node {
	if q.oldest == written && written != nil {
		return written.next
	}
	return q.oldest
}

func (q *queue) push(n *node) {
	n.queue, n.prev, n.next = q, q.newest, nil
	if q.newest == nil {
		q.oldest = n
	} else {
		q.newest.next = n
	}
	q.newest = n
	q.bytes += size(n.key, n.value)
}

func (q *queue) remove(n *node) {
	if n.prev == nil {
		q.oldest = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next == nil {
		q.newest = n.prev
	} else {
		n.next.prev = n.prev
	}
	n.queue, n.prev, n.next = nil, nil, nil
	q.bytes -= size(n.key, n.value)
}
