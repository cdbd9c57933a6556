package ginsession

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/ginsession/ginsession/internal/deadline"
)

// ClearOptions is what a [Store] is told about how to clear. A [ClearOption] sets one field. The zero
// value is the default.
type ClearOptions struct {
	// BatchSize is how many records one batch removes, 1 to 5000; 0 leaves it to the store: 1000
	// for most. Smaller batches block writers for less time.
	BatchSize int

	// Pause is how long to wait between two full batches, so that writers get in. A negative pause
	// is none; 0 leaves it to the store: none in PostgreSQL, where writers do not wait for the
	// table, and 5 ms elsewhere.
	Pause time.Duration

	// Progress, if set, is called after each batch with the number removed so far.
	Progress func(removed int64)
}

// The defaults and the bounds of ClearOptions.
const (
	defaultClearBatch = 1000
	maxClearBatch     = 5000
	defaultClearPause = 5 * time.Millisecond
)

// A ClearOption changes one of the [ClearOptions].
type ClearOption func(*ClearOptions)

// ClearBatchSize sets [ClearOptions.BatchSize].
func ClearBatchSize(records int) ClearOption {
	return func(o *ClearOptions) { o.BatchSize = records }
}

// ClearPause sets [ClearOptions.Pause].
func ClearPause(d time.Duration) ClearOption {
	return func(o *ClearOptions) { o.Pause = d }
}

// ClearProgress sets [ClearOptions.Progress].
func ClearProgress(f func(removed int64)) ClearOption {
	return func(o *ClearOptions) { o.Progress = f }
}

// InBatches calls batch until it removes fewer records than asked for, pausing and reporting
// in between as the options say, and returns the sum. It is the loop of every [Store]'s
// ClearExpired, exported for stores of other packages. It stops at the context's end with
// the context's error.
func (o ClearOptions) InBatches(ctx context.Context, batch func(limit int) (removed int64, err error)) (int64, error) {
	limit := o.BatchSize
	if limit <= 0 {
		limit = defaultClearBatch
	}
	limit = min(limit, maxClearBatch)
	pause := o.Pause
	if pause == 0 {
		pause = defaultClearPause
	}
	var total int64
	for {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		removed, err := batch(limit)
		total += removed
		if err != nil {
			return total, err
		}
		if o.Progress != nil && removed > 0 {
			o.Progress(total)
		}
		if removed < int64(limit) {
			return total, nil
		}
		if err := deadline.Sleep(ctx, pause); err != nil {
			return total, err
		}
	}
}

// ClearExpired removes every expired session from the store, in batches, and returns how many
// it removed, even with an error. It may run beside live traffic and other cleaners. The end of
// ctx stops it after the batch that is running; calling it again goes on. Engines whose sessions
// vanish by themselves (caches, signed cookies) return 0.
//
// Errors: the context's; [ErrUnavailable]; [ErrConfig] for a bad option.
// Source: Django's clear_expired and its clearsessions command.
func (m *Manager) ClearExpired(ctx context.Context, options ...ClearOption) (int64, error) {
	var o ClearOptions
	for _, option := range options {
		option(&o)
	}
	if o.BatchSize < 0 || o.BatchSize > maxClearBatch {
		return 0, configError("ClearBatchSize", "%d: use 1 to %d, or 0 for the store's own", o.BatchSize, maxClearBatch)
	}
	removed, err := m.backend.clearExpired(ctx, m.cfg.Clock(), o)
	if err != nil && ctx.Err() == nil {
		err = unavailable(err)
	}
	return removed, err
}

// StartCleaner runs [Manager.ClearExpired] in the background: first after a random part of interval,
// then about once per interval (a tenth more or less, so that the nodes of a site do not clean in
// step), until ctx ends or stop is called. stop waits for the goroutine and may be called more than
// once. A failure is logged, and the next turn tries again. StartCleaner panics if interval is not
// positive.
func (m *Manager) StartCleaner(ctx context.Context, interval time.Duration) (stop func()) {
	if interval <= 0 {
		panic("ginsession: StartCleaner needs a positive interval")
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		wait := rand.N(interval)
		for deadline.Sleep(ctx, wait) == nil {
			if _, err := m.ClearExpired(ctx); err != nil && ctx.Err() == nil {
				m.cfg.Logger.ErrorContext(ctx, "ginsession: clearing expired sessions failed; the next turn tries again", "error", err)
			}
			wait = interval - interval/10 + rand.N(interval/5+1)
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
