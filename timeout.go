package ginsession

import (
	"context"
	"sync/atomic"
	"time"
)

// A storeContext is the context of a store operation. It has the request's values and neither
// its end nor its deadline, so that a client that hangs up loses nothing, and a deadline of its
// own. The timer for that is started when somebody asks for Done: an answer out of memory does
// not pay for one.
type storeContext struct {
	context.Context // the request's: for Value only
	deadline        time.Time
	timed           atomic.Pointer[timed]
}

type timed struct {
	context.Context
	cancel context.CancelFunc
}

// newStoreContext returns a context that must be released.
func newStoreContext(parent context.Context, timeout time.Duration) *storeContext {
	c := &storeContext{}
	c.start(parent, timeout)
	return c
}

// start makes the zero value ready.
func (c *storeContext) start(parent context.Context, timeout time.Duration) {
	c.Context = parent
	c.deadline = time.Now().Add(timeout)
}

func (m *Manager) storeContext(parent context.Context) *storeContext {
	return newStoreContext(parent, m.StoreTimeout)
}

func (c *storeContext) release() {
	if t := c.timed.Load(); t != nil {
		t.cancel()
	}
}

func (c *storeContext) Deadline() (time.Time, bool) { return c.deadline, true }

func (c *storeContext) Done() <-chan struct{} {
	t := c.timed.Load()
	if t == nil {
		t = &timed{}
		t.Context, t.cancel = context.WithDeadline(context.WithoutCancel(c.Context), c.deadline)
		if !c.timed.CompareAndSwap(nil, t) {
			t.cancel()
			t = c.timed.Load()
		}
	}
	return t.Done()
}

func (c *storeContext) Err() error {
	if t := c.timed.Load(); t != nil {
		return t.Err()
	}
	if time.Now().Before(c.deadline) {
		return nil
	}
	return context.DeadlineExceeded
}

// Value asks the timed context once there is one, so that contexts derived from this one find
// it as their parent and need no goroutine to watch it.
func (c *storeContext) Value(key any) any {
	if t := c.timed.Load(); t != nil {
		return t.Value(key)
	}
	return c.Context.Value(key)
}
