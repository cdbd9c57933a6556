package ginsession

import (
	"context"
	"sync/atomic"
	"time"
)

// A storeContext is the context of a store operation. It has the request's values and neither
// its end nor its deadline, so that a client that hangs up loses nothing, and an end of its own.
// Its time begins to count when somebody first asks when that is, to wait for something, and the
// timer is started when somebody waits for it: an answer out of memory pays for neither.
type storeContext struct {
	context.Context // the request's: for Value only
	timeout         time.Duration
	end             atomic.Int64 // since programStart; 0 as long as the time does not count
	timed           atomic.Pointer[timed]
}

// programStart is what moments are counted from, on the clock that nobody sets.
var programStart = time.Now()

type timed struct {
	context.Context
	cancel context.CancelFunc
}

// newStoreContext returns a context that must be released.
func newStoreContext(parent context.Context, timeout time.Duration) *storeContext {
	return &storeContext{Context: parent, timeout: timeout}
}

func (m *Manager) storeContext(parent context.Context) *storeContext {
	return newStoreContext(parent, m.StoreTimeout)
}

func (c *storeContext) release() {
	if t := c.timed.Load(); t != nil {
		t.cancel()
	}
}

// Deadline has the time count, that of the operation which this one is a part of too.
func (c *storeContext) Deadline() (time.Time, bool) {
	if c.end.Load() == 0 {
		if whole, ok := c.Context.(*storeContext); ok {
			whole.Deadline()
		}
		c.end.CompareAndSwap(0, int64(time.Since(programStart)+c.timeout))
	}
	return programStart.Add(time.Duration(c.end.Load())), true
}

func (c *storeContext) Done() <-chan struct{} {
	t := c.timed.Load()
	if t == nil {
		deadline, _ := c.Deadline()
		t = &timed{}
		t.Context, t.cancel = context.WithDeadline(context.WithoutCancel(c.Context), deadline)
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
	if end := c.end.Load(); end != 0 && int64(time.Since(programStart)) >= end {
		return context.DeadlineExceeded
	}
	return nil
}

// Value asks the timed context once there is one, so that contexts derived from this one find
// it as their parent and need no goroutine to watch it.
func (c *storeContext) Value(key any) any {
	if t := c.timed.Load(); t != nil {
		return t.Value(key)
	}
	return c.Context.Value(key)
}
