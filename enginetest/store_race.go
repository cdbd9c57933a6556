package enginetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ginsession/ginsession"
)

// The rules about several callers at once.

func (t storeTest) concurrentCreate() {
	const rounds, callers = 10, 8
	for range rounds {
		key := newKey()
		var winners, winner atomic.Int32
		together(callers, func(i int) {
			err := t.store.Create(t.ctx, key, record(fmt.Sprintf(`{"by":%d}`, i), at(1)), at(0))
			if err == nil {
				winners.Add(1)
				winner.Store(int32(i))
				return
			}
			t.wantError(err, ginsession.ErrExists, "Create beside others of one key")
		})
		if n := winners.Load(); n != 1 {
			t.Fatalf("%d of %d concurrent Creates of one key succeeded; want 1", n, callers)
		}
		t.want(key, at(0), fmt.Sprintf(`{"by":%d}`, winner.Load()), at(1), "after concurrent Creates: the winner's record")
	}
}

// concurrentUpdate has all writers start from the same record, as requests of one page do.
func (t storeTest) concurrentUpdate() {
	const writers = 32
	key := newKey()
	t.make(key, `{}`, at(1))
	prev := t.load(key, at(0))
	together(writers, func(i int) {
		own := fmt.Sprintf("by%d", i)
		stored, err := t.store.Update(t.ctx, key, prev, at(0), add(own, at(1)))
		if err != nil {
			t.Errorf("Update beside others: %v", err)
		}
		if members(stored)[own] == nil {
			t.Errorf("Update beside others returned a record without its own change: %s", stored.Data)
		}
	})
	if n := len(members(t.load(key, at(0)))); n != writers {
		t.Errorf("%d of %d concurrent changes to different parts of one record survived", n, writers)
	}
}

// concurrentIncrement has the expiry moved between the increments, which is no reason to lose
// any of them.
func (t storeTest) concurrentIncrement() {
	const writers, each = 32, 8
	key := newKey()
	t.make(key, `{"n":0}`, at(1))
	together(writers, func(int) {
		var prev ginsession.Record
		for range each {
			var err error
			if prev, err = t.store.Update(t.ctx, key, prev, at(0), increment); err != nil {
				t.Errorf("Update beside others: %v", err)
			}
			if err := t.store.Touch(t.ctx, key, at(2), at(0)); err != nil {
				t.Errorf("Touch beside others: %v", err)
			}
		}
	})
	if n := members(t.load(key, at(0)))["n"]; n != float64(writers*each) {
		t.Errorf("a counter is %v after %d concurrent increments", n, writers*each)
	}
}

func increment(r ginsession.Record) (ginsession.Record, error) {
	return change(at(1), func(members map[string]any) {
		n, _ := members["n"].(float64)
		members["n"] = n + 1
	})(r)
}

func (t storeTest) deletionWins() {
	const rounds = 30
	for round := range rounds {
		key := newKey()
		t.make(key, `{}`, at(1))
		prev := t.load(key, at(0))
		updating := make(chan struct{})
		begun := sync.OnceFunc(func() { close(updating) })
		if round%2 == 0 { // in the others Delete waits for an Update that has begun
			begun()
		}
		together(4, func(i int) {
			var err error
			switch i {
			case 0:
				<-updating
				err = t.store.Delete(t.ctx, key)
			case 1:
				_, err = t.store.Update(t.ctx, key, prev, at(0), func(current ginsession.Record) (ginsession.Record, error) {
					begun()
					return add("a", at(1))(current)
				})
				begun() // even if it called no mutation
			case 2:
				_, err = t.store.Update(t.ctx, key, ginsession.Record{}, at(0), add("b", at(2)))
			case 3:
				err = t.store.Touch(t.ctx, key, at(3), at(0))
			}
			if err != nil && (i == 0 || !errors.Is(err, ginsession.ErrNotFound)) {
				t.Errorf("Delete, Update or Touch at the same time: %v", err)
			}
		})
		t.wantAbsent(key, at(0), "after a Delete that raced with Update and Touch")
	}
}

// deletionBesideReplace deletes both keys, as the sign-out of a session that is being cycled may.
func (t storeTest) deletionBesideReplace() {
	const rounds = 30
	for range rounds {
		key, next := newKey(), newKey()
		t.make(key, `{}`, at(1))
		prev := t.load(key, at(0))
		var replaced error
		together(2, func(i int) {
			if i == 0 {
				t.remove(key)
				return
			}
			_, replaced = t.store.Replace(t.ctx, key, next, prev, at(0), add("a", at(1)))
		})
		t.wantAbsent(key, at(0), "after a Delete that raced with Replace")
		if replaced == nil {
			t.want(next, at(0), `{"a":true}`, at(1), "after a Replace that was quicker than Delete")
			continue
		}
		t.wantError(replaced, ginsession.ErrNotFound, "Replace that raced with Delete")
		t.wantAbsent(next, at(0), "under the new key, after a Replace that was refused")
	}
}

func (t storeTest) concurrentReplace() {
	const rounds, callers = 10, 8
	for range rounds {
		key := newKey()
		t.make(key, `{}`, at(1))
		prev := t.load(key, at(0))
		var next [callers]string
		var errs [callers]error
		together(callers, func(i int) {
			next[i] = newKey()
			_, errs[i] = t.store.Replace(t.ctx, key, next[i], prev, at(0), add("a", at(1)))
		})
		winners := 0
		for i := range callers {
			if errs[i] == nil {
				winners++
				t.want(next[i], at(0), `{"a":true}`, at(1), "after the Replace that won")
				continue
			}
			t.wantError(errs[i], ginsession.ErrNotFound, "Replace beside others of one key")
			t.wantAbsent(next[i], at(0), "under the new key of a Replace that lost")
		}
		if winners != 1 {
			t.Fatalf("%d of %d concurrent Replaces of one key succeeded; want 1", winners, callers)
		}
		t.wantAbsent(key, at(0), "after concurrent Replaces")
	}
}

func (t storeTest) updateBesideReplace() {
	const rounds, writers = 15, 4
	for range rounds {
		key, next := newKey(), newKey()
		t.make(key, `{}`, at(1))
		prev := t.load(key, at(0))
		var saved [writers]bool
		together(writers+1, func(i int) {
			if i == writers {
				if _, err := t.store.Replace(t.ctx, key, next, prev, at(0), add("replaced", at(1))); err != nil {
					t.Errorf("Replace beside Updates: %v", err)
				}
				return
			}
			_, err := t.store.Update(t.ctx, key, prev, at(0), add(fmt.Sprintf("by%d", i), at(1)))
			saved[i] = err == nil
			if err != nil {
				t.wantError(err, ginsession.ErrNotFound, "Update beside Replace")
			}
		})
		t.wantAbsent(key, at(0), "after a Replace that raced with Updates")
		moved := members(t.load(next, at(0)))
		for i := range writers {
			if there := moved[fmt.Sprintf("by%d", i)] != nil; there != saved[i] {
				t.Errorf("an Update beside Replace: saved %v, but under the new key %v", saved[i], there)
			}
		}
	}
}

// goroutines counts them after a few calls and after many: a pool of connections may have some,
// calls may not leave any.
func (t storeTest) goroutines() {
	const callers, each = 16, 8
	key := newKey()
	t.make(key, `{"n":0}`, at(1))
	calls := func() {
		together(callers, func(i int) {
			for range each {
				ctx, cancel := context.WithTimeout(t.ctx, time.Duration(i)*time.Millisecond)
				_, _ = t.store.Load(ctx, key, at(0))
				_, _ = t.store.Update(ctx, key, ginsession.Record{}, at(0), increment)
				cancel()
			}
		})
	}
	calls()
	before := runtime.NumGoroutine()
	calls()
	const allowed = callers * each / 2
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before+allowed {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines were there after some calls, %d after as many more", before, runtime.NumGoroutine())
		}
		runtime.Gosched()
	}
}
