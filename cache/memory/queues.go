package memory

import (
	"sync/atomic"
	"time"
)

// queues decides what is evicted. A new entry joins the queue unread. The oldest entry of unread
// moves to the queue read if it has been read, and is evicted otherwise. The oldest entry of read
// goes back to the end of read if it has been read since it joined or last went back, and is
// evicted otherwise. This is S3-FIFO without its queue of evicted keys.
//
// A swap does not count as a read, because CachedDB fills the cache by Add and CompareAndSwap, and
// so swaps every entry once. A swap moves the entry to the end of its queue: entries with the same
// ttl then expire in the order of the queue.
//
// Source: Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023.
type queues struct {
	unread, read queue
}

// maxSecondChances bounds how many entries of read go back to its end while one victim is searched,
// so that no write takes longer than about 0.1 ms. Moves from unread to read need no bound, because
// each entry moves once.
const maxSecondChances = 1000

// A node is one entry of the cache. The lock of its table guards value and expires.
type node struct {
	key     string
	value   []byte
	expires time.Time
	isRead  atomic.Bool // since it was added, moved to read or went back to the end of read

	queue      *queue
	next, prev *node // towards the newest and the oldest of its queue
}

func (n *node) expired(now time.Time) bool { return !now.Before(n.expires) }

// markRead writes only if it must, because a write slows down concurrent readers.
func (n *node) markRead() {
	if !n.isRead.Load() {
		n.isRead.Store(true)
	}
}

func (q *queues) bytes() int64 { return q.unread.bytes + q.read.bytes }

// expired returns the oldest node of a queue if it has expired, or nil.
func (q *queues) expired(now time.Time) *node {
	for _, n := range []*node{q.unread.oldest, q.read.oldest} {
		if n != nil && n.expired(now) {
			return n
		}
	}
	return nil
}

// victim returns the node to evict, which is not the one just written. Call it only if the cache is
// over its bound: then there is another node, because no entry is larger than the bound.
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

// candidate returns the oldest node of unread, or that of read if read fills more than four fifths
// of the cache.
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

// candidate returns the oldest node that is not the one just written.
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
