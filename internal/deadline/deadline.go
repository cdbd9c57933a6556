// Package deadline gives store operations a context that costs nothing until somebody waits.
package deadline

import (
	"context"
	"sync/atomic"
	"time"
)

// A Context has the values of its parent and neither its end nor its deadline, so that a client
// that hangs up loses nothing, and a timeout of its own. The timeout starts at the first call to
// Deadline or Done, and only Done starts a timer: an operation that never blocks pays for neither.
//
// The zero value must be started with [Context.Start].
type Context struct {
	context.Context // the parent: for Value only
	timeout         time.Duration
	end             atomic.Int64 // since programStart; 0 until the timeout has started
	timed           atomic.Pointer[timed]
}

// programStart is the origin of all moments, on the monotonic clock.
var programStart = time.Now()

type timed struct {
	context.Context
	cancel context.CancelFunc
}

// New returns a context that must be released.
func New(parent context.Context, timeout time.Duration) *Context {
	return &Context{Context: parent, timeout: timeout}
}

// Start makes a zero Context ready.
func (c *Context) Start(parent context.Context, timeout time.Duration) {
	c.Context, c.timeout = parent, timeout
}

// Started reports whether the Context is in use or has been used.
func (c *Context) Started() bool { return c.Context != nil }

// Release stops the timer, if there is one.
func (c *Context) Release() {
	if t := c.timed.Load(); t != nil {
		t.cancel()
	}
}

// Deadline starts the timeout, and that of the operation that this one is a part of.
func (c *Context) Deadline() (time.Time, bool) {
	if c.end.Load() == 0 {
		if whole, ok := c.Context.(*Context); ok {
			whole.Deadline()
		}
		c.end.CompareAndSwap(0, int64(time.Since(programStart)+c.timeout))
	}
	return programStart.Add(time.Duration(c.end.Load())), true
}

// Done starts the timeout and a timer.
func (c *Context) Done() <-chan struct{} {
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

// Err is context.DeadlineExceeded after the timeout, if it has started.
func (c *Context) Err() error {
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
func (c *Context) Value(key any) any {
	if t := c.timed.Load(); t != nil {
		return t.Value(key)
	}
	return c.Context.Value(key)
}

// Sleep waits for d, or for the context's end, whose error it returns.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
