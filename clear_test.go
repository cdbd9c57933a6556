package ginsession_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// A batch removes as many as asked for until there is less left.
func TestClearInBatches(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options ginsession.ClearOptions
		expired int64
		limits  []int
		reports []int64
		pauses  time.Duration
	}{
		{name: "nothing", limits: []int{1000}},
		{name: "less than a batch", expired: 999, limits: []int{1000}, reports: []int64{999}},
		{name: "a batch", expired: 1000, limits: []int{1000, 1000}, reports: []int64{1000}, pauses: 5 * time.Millisecond},
		{name: "several", options: ginsession.ClearOptions{BatchSize: 10, Pause: time.Second}, expired: 25,
			limits: []int{10, 10, 10}, reports: []int64{10, 20, 25}, pauses: 2 * time.Second},
		{name: "no pause", options: ginsession.ClearOptions{BatchSize: 10, Pause: -1}, expired: 20,
			limits: []int{10, 10, 10}, reports: []int64{10, 20}},
		{name: "the largest batch", options: ginsession.ClearOptions{BatchSize: 1_000_000}, expired: 6000,
			limits: []int{5000, 5000}, reports: []int64{5000, 6000}, pauses: 5 * time.Millisecond},
		{name: "a negative batch", options: ginsession.ClearOptions{BatchSize: -1}, limits: []int{1000}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var limits []int
				var reports []int64
				left := tt.expired
				tt.options.Progress = func(removed int64) { reports = append(reports, removed) }
				begin := time.Now()
				removed, err := tt.options.InBatches(t.Context(), func(limit int) (int64, error) {
					limits = append(limits, limit)
					n := min(left, int64(limit))
					left -= n
					return n, nil
				})
				if removed != tt.expired || err != nil {
					t.Errorf("removed %d, %v", removed, err)
				}
				if !slices.Equal(limits, tt.limits) || !slices.Equal(reports, tt.reports) {
					t.Errorf("batches %v, want %v; reports %v, want %v", limits, tt.limits, reports, tt.reports)
				}
				if pauses := time.Since(begin); pauses != tt.pauses {
					t.Errorf("paused for %v, want %v", pauses, tt.pauses)
				}
			})
		})
	}
}

// What was removed is told beside an error.
func TestClearInBatchesStops(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := ginsession.ClearOptions{}.InBatches(ended, func(int) (int64, error) {
		t.Error("a batch after the context's end")
		return 0, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}

	batches := 0
	removed, err := ginsession.ClearOptions{BatchSize: 10, Pause: -1}.InBatches(t.Context(), func(int) (int64, error) {
		if batches++; batches == 3 {
			return 4, errStore
		}
		return 10, nil
	})
	if removed != 24 || !errors.Is(err, errStore) {
		t.Errorf("a batch that fails: %d, %v", removed, err)
	}

	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		removed, err := ginsession.ClearOptions{BatchSize: 10, Pause: time.Hour}.InBatches(ctx, func(int) (int64, error) { return 10, nil })
		if removed != 10 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the end during a pause: %d, %v", removed, err)
		}
	})
}

// A clearStore clears with a function.
type clearStore struct {
	ginsession.Store
	clear func(ctx context.Context, now time.Time, o ginsession.ClearOptions) (int64, error)
}

func (s clearStore) ClearExpired(ctx context.Context, now time.Time, o ginsession.ClearOptions) (int64, error) {
	return s.clear(ctx, now, o)
}

// newClearManager returns a manager whose store clears with f.
func newClearManager(t *testing.T, log *testsite.Log, f func(ctx context.Context, now time.Time, o ginsession.ClearOptions) (int64, error)) *ginsession.Manager {
	t.Helper()
	m, err := ginsession.NewManager(ginsession.Config{
		Engine: ginsession.Custom(clearStore{testsite.NewStore(), f}),
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The options reach the store, and its answer the caller.
func TestClearExpiredOptions(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options []ginsession.ClearOption
		size    int
		pause   time.Duration
	}{
		{name: "default"},
		{name: "batch size", options: []ginsession.ClearOption{ginsession.ClearBatchSize(7)}, size: 7},
		{name: "pause", options: []ginsession.ClearOption{ginsession.ClearPause(time.Second)}, pause: time.Second},
		{name: "no pause", options: []ginsession.ClearOption{ginsession.ClearPause(-1)}, pause: -1},
		{name: "the last of two", options: []ginsession.ClearOption{ginsession.ClearBatchSize(7), ginsession.ClearBatchSize(8)}, size: 8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var reported int64
			m := newClearManager(t, &testsite.Log{}, func(_ context.Context, now time.Time, o ginsession.ClearOptions) (int64, error) {
				if o.BatchSize != tt.size || o.Pause != tt.pause {
					t.Errorf("options %+v", o)
				}
				if time.Since(now) > time.Minute {
					t.Errorf("now is %v", now)
				}
				o.Progress(42)
				return 42, nil
			})
			removed, err := m.ClearExpired(t.Context(), append(tt.options, ginsession.ClearProgress(func(n int64) { reported = n }))...)
			if removed != 42 || err != nil || reported != 42 {
				t.Errorf("removed %d, %v, reported %d", removed, err, reported)
			}
		})
	}
}

// A failure of the store is ErrUnavailable; the context's end is the context's.
func TestClearExpiredErrors(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	m := newClearManager(t, &testsite.Log{}, func(ctx context.Context, _ time.Time, _ ginsession.ClearOptions) (int64, error) {
		return 3, errors.Join(errStore, ctx.Err())
	})
	if removed, err := m.ClearExpired(ctx); removed != 3 || !errors.Is(err, ginsession.ErrUnavailable) || !errors.Is(err, errStore) {
		t.Errorf("the store fails: %d, %v", removed, err)
	}
	cancel()
	if removed, err := m.ClearExpired(ctx); removed != 3 || errors.Is(err, ginsession.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("the context has ended: %d, %v", removed, err)
	}
	signed, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.SignedCookies(), SecretKey: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	if removed, err := signed.ClearExpired(t.Context()); removed != 0 || err != nil {
		t.Errorf("signed cookies: %d, %v", removed, err)
	}
}

// The clock that decides is the Config's.
func TestClearExpiredClock(t *testing.T) {
	site := testsite.New(t, testsite.Setup{})
	site.Visitor().Get("/w/set?v=old")
	site.Clock.Advance(7 * 24 * time.Hour)
	young := site.Visitor()
	young.Get("/w/set?v=young")
	for _, tt := range []struct {
		later   time.Duration
		removed int64
	}{
		{0, 0},
		{7*24*time.Hour + time.Second, 1},
		{0, 0},
	} {
		site.Clock.Advance(tt.later)
		if removed, err := site.Manager.ClearExpired(t.Context()); removed != tt.removed || err != nil {
			t.Errorf("removed %d, %v, want %d", removed, err, tt.removed)
		}
	}
	if got := young.Get("/w/get").Text; got != "v=young" {
		t.Errorf("the young one reads %q", got)
	}
}

// The cleaner runs about once per interval, at a moment that two nodes do not share.
func TestClearCleanerRhythm(t *testing.T) {
	const every, runs = time.Hour, 200
	firsts := map[time.Duration]bool{}
	for range 5 {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			var at []time.Duration
			m := newClearManager(t, &testsite.Log{}, func(context.Context, time.Time, ginsession.ClearOptions) (int64, error) {
				at = append(at, time.Since(begin))
				return 1, nil
			})
			stop := m.StartCleaner(t.Context(), every)
			time.Sleep(runs * every)
			stop()
			if len(at) < runs*9/10 || len(at) > runs*10/9+1 {
				t.Errorf("%d runs in %d intervals", len(at), runs)
			}
			if at[0] >= every {
				t.Errorf("the first run after %v", at[0])
			}
			firsts[at[0]] = true
			for i := range len(at) - 1 {
				if wait := at[i+1] - at[i]; wait < every*9/10 || wait > every*11/10+1 {
					t.Errorf("a wait of %v", wait)
				}
			}
		})
	}
	if len(firsts) < 2 {
		t.Errorf("five cleaners all began after %v", firsts)
	}
}

// stop waits for a run that is under way, and for the goroutine; it may be called again.
func TestClearCleanerStopWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started, release := make(chan struct{}), make(chan struct{})
		m := newClearManager(t, &testsite.Log{}, func(ctx context.Context, _ time.Time, _ ginsession.ClearOptions) (int64, error) {
			close(started)
			<-release // a batch is not broken off
			return 0, ctx.Err()
		})
		stop := m.StartCleaner(t.Context(), time.Minute)
		<-started
		stopped := make(chan struct{})
		go func() {
			stop()
			close(stopped)
		}()
		synctest.Wait()
		select {
		case <-stopped:
			t.Error("stop did not wait for the run")
		default:
		}
		close(release)
		<-stopped
		stop()
	})
}

// The cleaner ends with its context, and with stop while it waits, and leaves nothing behind.
func TestClearCleanerEnds(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithCancel(t.Context())
	log := &testsite.Log{}
	m := newClearManager(t, log, func(context.Context, time.Time, ginsession.ClearOptions) (int64, error) {
		t.Error("a run within an hour's first moments")
		return 0, nil
	})
	byContext := m.StartCleaner(ctx, 1000*time.Hour)
	byStop := m.StartCleaner(t.Context(), 1000*time.Hour)
	cancel()
	var both sync.WaitGroup
	both.Go(byStop)
	both.Go(byStop)
	both.Wait()
	byContext()
	if text := log.String(); text != "" {
		t.Errorf("logged %s", text)
	}
}

// A run that fails is logged, without an end to the next ones; one that was stopped is not.
func TestClearCleanerFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &testsite.Log{}
		runs := 0
		m := newClearManager(t, log, func(ctx context.Context, _ time.Time, _ ginsession.ClearOptions) (int64, error) {
			if runs++; runs <= 2 {
				return 0, fmt.Errorf("run %d: %w", runs, errStore)
			}
			<-ctx.Done()
			return 0, ctx.Err()
		})
		stop := m.StartCleaner(t.Context(), time.Minute)
		time.Sleep(time.Hour)
		stop()
		text := log.String()
		if runs != 3 || strings.Count(text, "level=ERROR") != 2 || !strings.Contains(text, "run 1") || !strings.Contains(text, "run 2") {
			t.Errorf("%d runs, logged %s", runs, text)
		}
	})
}

// An interval that is none is a mistake of the program.
func TestClearCleanerInterval(t *testing.T) {
	m := newClearManager(t, &testsite.Log{}, nil)
	for _, every := range []time.Duration{0, -time.Second} {
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.Contains(text, "StartCleaner") {
					t.Errorf("every %v: panics with %q", every, text)
				}
			}()
			m.StartCleaner(t.Context(), every)
		}()
	}
}

func TestClearExpired(t *testing.T) {
	d := newDesk(t)
	for i := range 5 {
		s := d.session(t, "")
		s.SetExpiry(ginsession.ExpireAfter(time.Duration(i+1) * time.Hour))
		save(t, s)
	}
	d.clock.Advance(3 * time.Hour)
	removed, err := d.Manager.ClearExpired(t.Context())
	check(t, "ClearExpired", []any{removed, err}, []any{int64(3), error(nil)})
	check(t, "sessions", len(d.store.Keys()), 2)

	broken := errors.New("broken")
	d.store.SetBefore(func(string) error { return broken })
	_, err = d.Manager.ClearExpired(t.Context())
	check(t, "ClearExpired is unavailable", errors.Is(err, ginsession.ErrUnavailable) && errors.Is(err, broken), true)
}
