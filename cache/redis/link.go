package redis

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valkey-io/valkey-go"
)

// A link is one client and its connections. A reconnection replaces it by another link.
type link struct {
	client valkey.Client
	calls  sync.RWMutex // read-locked by each call that uses the client
}

// retire closes the client as soon as no call uses it.
func (l *link) retire() {
	l.calls.Lock() // and never unlocked: links.use takes no retired link
	l.client.Close()
}

// links holds the link in use, and replaces it when the server answers that it is a replica. After
// a failover the old master serves its connections as a replica, so they never break although the
// address leads to the new master.
type links struct {
	current atomic.Pointer[link]
	connect func() (valkey.Client, error) // nil if the program owns the client
	changed func()                        // runs after each replacement

	mu         sync.Mutex
	connecting chan struct{} // closed when the attempt that is under way has ended; else nil
	attempted  time.Time     // when the last attempt ended
	closed     bool
}

// reconnectEvery is the shortest time between two reconnections. A replica answers every write
// until the failover has moved the address, and not each of them may reconnect.
const reconnectEvery = time.Second

// do runs one command. If a replica answers, do reconnects, which resolves the address again, and
// runs the command once more: the replica has not executed it. If it cannot reconnect, it returns
// the replica's answer.
func (s *links) do(ctx context.Context, command func(valkey.Client) valkey.ValkeyResult) valkey.ValkeyResult {
	l, result := s.use(command)
	if !byReplica(result.Error()) || !s.replace(ctx, l) {
		return result
	}
	_, result = s.use(command)
	return result
}

// use runs the command with the current link, and returns that link too.
func (s *links) use(command func(valkey.Client) valkey.ValkeyResult) (*link, valkey.ValkeyResult) {
	for {
		l := s.current.Load()
		if l.calls.TryRLock() {
			defer l.calls.RUnlock()
			return l, command(l.client)
		}
	}
}

// replace reports whether a newer link than old is in use. If there is none yet, it connects or
// waits for another call that is connecting.
func (s *links) replace(ctx context.Context, old *link) bool {
	s.mu.Lock()
	if s.current.Load() != old {
		s.mu.Unlock()
		return true
	}
	if s.connecting == nil {
		if s.connect == nil || s.closed || time.Since(s.attempted) < reconnectEvery {
			s.mu.Unlock()
			return false
		}
		s.connecting = make(chan struct{})
		go s.attempt(old)
	}
	ended := s.connecting
	s.mu.Unlock()

	select {
	case <-ended:
		return s.current.Load() != old
	case <-ctx.Done():
		return false
	}
}

// attempt runs in its own goroutine, because the client's constructor takes no context and the
// call that waits for it may end first.
func (s *links) attempt(old *link) {
	client, err := s.connect()
	if s.ended(client, err) {
		s.changed()
		old.retire()
	}
}

// ended ends an attempt. It reports whether the client is in use now; if not, it is closed.
func (s *links) ended(client valkey.Client, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		close(s.connecting)
		s.connecting = nil
		s.attempted = time.Now()
	}()
	if err != nil {
		return false
	}
	if s.closed {
		client.Close()
		return false
	}
	s.current.Store(&link{client: client})
	return true
}

// close closes the client unless the program owns it. Calls in progress return an error.
func (s *links) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.connect != nil {
		s.current.Load().client.Close()
	}
}

// byReplica reports whether a replica has answered.
func byReplica(err error) bool {
	answer, ok := valkey.IsValkeyErr(err)
	return ok && onlyReplica(answer.Error())
}

// onlyReplica reports whether only a replica gives this answer: to a write, or to any command
// while it has lost its master (replica-serve-stale-data no). Redis 6 puts READONLY into the
// middle of a script's error.
func onlyReplica(answer string) bool {
	answer = withoutArguments(answer)
	return strings.HasPrefix(answer, "MASTERDOWN ") || strings.Contains(answer, "READONLY ")
}
