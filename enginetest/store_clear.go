package enginetest

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/ginsession/ginsession"
)

// The rules about ClearExpired.

// counts empties the store of what has expired and reports whether it counts what it clears.
// One whose records vanish by themselves does not: to that, only what survives matters.
func (t storeTest) counts() bool {
	t.clearAt(at(1e6), ginsession.ClearOptions{})
	t.make(newKey(), `{}`, at(1))
	return t.clearAt(at(2), ginsession.ClearOptions{}) > 0
}

// fill creates records with this expiry and returns their keys.
func (t storeTest) fill(n int, expires time.Time) []string {
	t.Helper()
	keys := make([]string, n)
	for i := range keys {
		keys[i] = newKey()
	}
	const callers = 8
	together(callers, func(c int) {
		for i := c; i < n; i += callers {
			t.make(keys[i], `{}`, expires)
		}
	})
	return keys
}

func (t storeTest) clearAt(now time.Time, o ginsession.ClearOptions) int64 {
	t.Helper()
	n, err := t.store.ClearExpired(t.ctx, now, o)
	if err != nil {
		t.Errorf("ClearExpired: %v", err)
	}
	return n
}

// wantCleared wants this many records counted, if the store counts.
func (t storeTest) wantCleared(got, want int64, counts bool, when string) {
	t.Helper()
	if counts && got != want || !counts && got != 0 {
		t.Errorf("ClearExpired %s returned %d; want %d", when, got, want)
	}
}

func (t storeTest) clear() {
	counts := t.counts()
	expired := t.fill(7, at(1))
	live := append(t.fill(3, at(3)), t.fill(3, at(2).Add(time.Second))...)
	t.wantCleared(t.clearAt(at(0), ginsession.ClearOptions{}), 0, counts, "before anything has expired")
	t.wantCleared(t.clearAt(at(2), ginsession.ClearOptions{}), 7, counts, "of 7 expired records and 6 live ones")
	t.wantCleared(t.clearAt(at(2), ginsession.ClearOptions{}), 0, counts, "a second time")
	for _, key := range live {
		t.load(key, at(2))
	}
	for _, key := range expired {
		t.wantAbsent(key, at(2), "after ClearExpired")
	}
}

func (t storeTest) clearInBatches() {
	counts := t.counts()
	for _, size := range []int{1, 7, 23, 24, 5000} {
		const records = 23
		t.fill(records, at(1))
		var steps []int64
		n := t.clearAt(at(2), ginsession.ClearOptions{
			BatchSize: size,
			Pause:     -1,
			Progress:  func(removed int64) { steps = append(steps, removed) },
		})
		t.wantCleared(n, records, counts, "in batches")
		last := int64(0)
		for _, removed := range steps {
			if removed <= last || removed > last+int64(size) {
				t.Errorf("ClearExpired in batches of %d reported the progress %v; want steps of 1 to %d", size, steps, size)
				break
			}
			last = removed
		}
		if counts && last != records {
			t.Errorf("ClearExpired in batches of %d reported the progress %v; want %d at the end", size, steps, records)
		}
	}
}

func (t storeTest) clearCancelled() {
	if !t.counts() {
		return
	}
	const records = 20
	t.fill(records, at(1))
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	n, err := t.store.ClearExpired(ctx, at(2), ginsession.ClearOptions{BatchSize: 5, Progress: func(int64) { cancel() }})
	t.wantError(err, context.Canceled, "ClearExpired whose context ended after its first batch")
	if n != 5 {
		t.Errorf("ClearExpired whose context ended after its first batch of 5 returned %d", n)
	}
	t.wantCleared(t.clearAt(at(2), ginsession.ClearOptions{}), records-n, true, "of what was left")
}

func (t storeTest) concurrentClear() {
	const records, cleaners = 120, 4
	counts := t.counts()
	live := t.fill(4, at(9))
	t.fill(records, at(1))
	var removed atomic.Int64
	together(cleaners, func(int) {
		removed.Add(t.clearAt(at(2), ginsession.ClearOptions{BatchSize: 10}))
	})
	// A cleaner may pass over what another one holds at that moment, and a last one finds it.
	removed.Add(t.clearAt(at(2), ginsession.ClearOptions{}))
	t.wantCleared(removed.Load(), records, counts, "by several at once, in all")
	for _, key := range live {
		t.load(key, at(2))
	}
}

// clearBesideWriters extends records, at a time when they are live, while a cleaner removes
// what is expired at a later time, as nodes do whose clocks differ a little.
func (t storeTest) clearBesideWriters() {
	const rounds, records = 15, 6
	for range rounds {
		keys := t.fill(records, at(1))
		extended := make([]bool, records)
		together(3, func(i int) {
			if i == 2 {
				t.clearAt(at(2), ginsession.ClearOptions{BatchSize: 2, Pause: -1})
				return
			}
			for k := i; k < records; k += 2 {
				extended[k] = t.extend(keys[k], i == 0)
			}
		})
		for k, key := range keys {
			if extended[k] {
				t.load(key, at(2))
			} else {
				t.wantAbsent(key, at(2), "after ClearExpired, of a record that could not be extended")
			}
		}
	}
}

// extend reports whether the record was still there.
func (t storeTest) extend(key string, touch bool) bool {
	var err error
	if touch {
		err = t.store.Touch(t.ctx, key, at(9), at(0))
	} else {
		_, err = t.store.Update(t.ctx, key, record(`{}`, at(1)), at(0), add("a", at(9)))
	}
	if err != nil && !errors.Is(err, ginsession.ErrNotFound) {
		t.Errorf("Touch or Update beside ClearExpired: %v", err)
	}
	return err == nil
}
