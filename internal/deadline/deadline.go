// Package deadline gives store operations a context that costs nothing until somebody waits.
package deadline

import (
	"context"
	"sync/atomic"
	"time"
)

// A Timeout gives operations contexts. Those of the operations that begin to wait at about the same
// time share one timer, which ends them a sixteenth later than the timeout at most.
type Timeout struct {
	d      time.Duration
	latest atomic.Pointer[timer]
}

// NewTimeout returns a Timeout of d.
func NewTimeout(d time.Duration) *Timeout { return &Timeout{d: d} }

// A timer ends the contexts of the operations that began to wait between two moments. It is not
// stopped when the last of them is over: it ends by itself.
type timer struct {
	context.Context
	from, until moment
	cancel      context.CancelFunc
}

// A moment is since programStart, on the monotonic clock.
type moment = time.Duration

var programStart = time.Now()

// timer returns one that ends no earlier than the timeout of an operation that begins to wait now.
func (t *Timeout) timer() *timer {
	now := time.Since(programStart)
	latest := t.latest.Load()
	if latest != nil && now >= latest.from && now <= latest.until {
		return latest
	}
	slack := t.d / 16
	next := &timer{from: now, until: now + slack}
	next.Context, next.cancel = context.WithTimeout(context.Background(), t.d+slack)
	if !t.latest.CompareAndSwap(latest, next) {
		next.cancel()
		return t.timer()
	}
	return next
}

// A Context has the values of its parent and neither its end nor its deadline, so that a client
// that hangs up loses nothing, and a timeout of its own. The timeout starts at the first call to
// Deadline or Done, and only Done needs a timer: an operation that never blocks pays for neither.
//
// The zero value must be started with [Timeout.Start].
type Context struct {
	context.Context // the parent: for Value only
	timeout         *Timeout
	end             atomic.Int64 // a moment; 0 until the timeout has started
	timer           atomic.Pointer[timer]
}

// New returns a context of an operation.
func (t *Timeout) New(parent context.Context) *Context { return &Context{Context: parent, timeout: t} }

// Start makes a zero Context ready.
func (t *Timeout) Start(c *Context, parent context.Context) { c.Context, c.timeout = parent, t }

// Started reports whether the Context is in use or has been used.
func (c *Context) Started() bool { return c.Context != nil }

// Deadline starts the timeout, and that of the operation that this one is a part of.
func (c *Context) Deadline() (time.Time, bool) {
	if c.end.Load() == 0 {
		if whole, ok := c.Context.(*Context); ok {
			whole.Deadline()
		}
		c.end.CompareAndSwap(0, int64(time.Since(programStart)+c.timeout.d))
	}
	return programStart.Add(moment(c.end.Load())), true
}

// Done starts the timeout, and a timer unless there is one that others share.
func (c *Context) Done() <-chan struct{} {
	t := c.timer.Load()
	if t == nil {
		_, _ = c.Deadline()
		c.timer.CompareAndSwap(nil, c.timeout.timer())
		t = c.timer.Load()
	}
	return t.Done()
}

// Err is context.DeadlineExceeded after the timeout, if it has started: a little before Done is closed.
func (c *Context) Err() error {
	if end := c.end.Load(); end != 0 && int64(time.Since(programStart)) >= end {
		return context.DeadlineExceeded
	}
	return nil
}

// Value asks the timer first once there is one, so that contexts derived from this one find its
// context as their parent and need no goroutine to watch it.
func (c *Context) Value(key any) any {
	if t := c.timer.Load(); t != nil {
		if v := t.Value(key); v != nil {
			return v
		}
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
