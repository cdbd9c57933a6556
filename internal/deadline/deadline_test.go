package deadline_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ginsession/ginsession/internal/deadline"
)

const timeout = 5 * time.Second

// inBubble gives a test a clock that moves only while everybody waits, and checks at its end that
// no timer's goroutine is left.
func inBubble(t *testing.T, f func(t *testing.T, parent context.Context)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		parent, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
		cancel() // the client has hung up, which must not matter
		f(t, parent)
	})
}

func wantErr(t *testing.T, ctx context.Context, want error) {
	t.Helper()
	if err := ctx.Err(); !errors.Is(err, want) {
		t.Errorf("Err: %v, want %v", err, want)
	}
}

func TestTimeoutStartsWithDeadline(t *testing.T) {
	inBubble(t, func(t *testing.T, parent context.Context) {
		ctx := deadline.NewTimeout(timeout).New(parent)
		time.Sleep(time.Hour)
		wantErr(t, ctx, nil)
		end, ok := ctx.Deadline()
		if left := time.Until(end); !ok || left != timeout {
			t.Errorf("%v are left (%v), want %v", left, ok, timeout)
		}
		time.Sleep(timeout - 1)
		wantErr(t, ctx, nil)
		if again, _ := ctx.Deadline(); !again.Equal(end) {
			t.Errorf("the deadline has moved from %v to %v", end, again)
		}
		time.Sleep(time.Nanosecond)
		wantErr(t, ctx, context.DeadlineExceeded)
	})
}

func TestTimeoutStartsWithDone(t *testing.T) {
	inBubble(t, func(t *testing.T, parent context.Context) {
		ctx := deadline.NewTimeout(timeout).New(parent)
		time.Sleep(time.Hour)
		begun := time.Now()
		<-ctx.Done()
		if waited := time.Since(begun); waited < timeout || waited > timeout+timeout/16 {
			t.Errorf("Done after %v, want %v and at most a sixteenth more", waited, timeout)
		}
		wantErr(t, ctx, context.DeadlineExceeded)
	})
}

// TestOnlyDoneStartsATimer counts allocations: a timer is one.
func TestOnlyDoneStartsATimer(t *testing.T) {
	var ctx deadline.Context
	deadline.NewTimeout(timeout).Start(&ctx, t.Context())
	if n := testing.AllocsPerRun(100, func() { _, _ = ctx.Deadline(); _ = ctx.Err() }); n != 0 {
		t.Errorf("Deadline and Err allocate %v times, want 0", n)
	}
}

// Operations that begin to wait within a sixteenth of the timeout of each other share a timer, which
// ends none of them early.
func TestSharedTimer(t *testing.T) {
	inBubble(t, func(t *testing.T, parent context.Context) {
		shared := deadline.NewTimeout(timeout)
		first, last, later := shared.New(parent), shared.New(parent), shared.New(parent)
		begun := time.Now()
		first.Done()
		time.Sleep(timeout / 16)
		if last.Done() != first.Done() {
			t.Error("the last operation of a sixteenth has a timer of its own")
		}
		time.Sleep(time.Nanosecond)
		if later.Done() == first.Done() {
			t.Error("an operation after the sixteenth shares the timer, which would end it early")
		}
		if n := testing.AllocsPerRun(100, func() { shared.New(parent).Done() }); n > 1 {
			t.Errorf("a shared timer costs %v allocations, want that of the context only", n)
		}
		<-last.Done()
		if waited := time.Since(begun); waited != timeout+timeout/16 {
			t.Errorf("Done after %v, want %v", waited, timeout+timeout/16)
		}
		wantErr(t, last, context.DeadlineExceeded)
		wantErr(t, later, nil)
		<-later.Done()
	})
}

// A context that a driver derives needs no goroutine to watch ours, and is forgotten with its cancel.
func TestDerivedContext(t *testing.T) {
	inBubble(t, func(t *testing.T, parent context.Context) {
		ctx := deadline.NewTimeout(timeout).New(parent)
		derived, cancel := context.WithCancel(ctx)
		defer cancel()
		before := runtime.NumGoroutine()
		for range 10 {
			_, cancel := context.WithCancel(ctx)
			defer cancel()
		}
		if n := runtime.NumGoroutine() - before; n > 0 {
			t.Errorf("%d goroutines watch the context", n)
		}
		<-derived.Done()
		wantErr(t, derived, context.DeadlineExceeded)
	})
}

// TestPartOfAnOperation has an operation that is a part of another: its deadline starts that of
// the whole.
func TestPartOfAnOperation(t *testing.T) {
	inBubble(t, func(t *testing.T, parent context.Context) {
		whole := deadline.NewTimeout(timeout).New(parent)
		part := deadline.NewTimeout(time.Minute).New(whole)
		_, _ = part.Deadline()
		time.Sleep(timeout)
		wantErr(t, whole, context.DeadlineExceeded)
		wantErr(t, part, nil)
	})
}

func TestValue(t *testing.T) {
	type key struct{}
	ctx := deadline.NewTimeout(timeout).New(context.WithValue(t.Context(), key{}, "value"))
	for range 2 {
		if got := ctx.Value(key{}); got != "value" {
			t.Errorf("Value: %v, want that of the parent", got)
		}
		ctx.Done() // afterwards the timed context answers
	}
}

func TestStarted(t *testing.T) {
	var ctx deadline.Context
	if ctx.Started() {
		t.Error("the zero value is started")
	}
	deadline.NewTimeout(timeout).Start(&ctx, t.Context())
	if !ctx.Started() {
		t.Error("it is not started after Start")
	}
}

func TestSleep(t *testing.T) {
	inBubble(t, func(t *testing.T, ended context.Context) {
		begun := time.Now()
		if err := deadline.Sleep(t.Context(), time.Minute); err != nil || time.Since(begun) != time.Minute {
			t.Errorf("Sleep: %v after %v, want a minute", err, time.Since(begun))
		}
		for _, d := range []time.Duration{time.Minute, 0, -1} {
			begun := time.Now()
			if err := deadline.Sleep(ended, d); !errors.Is(err, context.Canceled) || time.Since(begun) != 0 {
				t.Errorf("Sleep for %v: %v after %v, want the context's error at once", d, err, time.Since(begun))
			}
		}
	})
}
