package ginsession_test

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ginsession/ginsession"
)

// Changes to different keys all survive, in whatever order the requests save; to one key the
// last one wins.
func TestMerging(t *testing.T) {
	type do = func(s *ginsession.Session)
	for _, test := range []struct {
		name          string
		first, second do // the second saves last
		want          string
	}{
		{"different keys", func(s *ginsession.Session) { s.Set("x", 1) }, func(s *ginsession.Session) { s.Set("y", 2) }, `{"a":1,"b":2,"x":1,"y":2}`},
		{"one key", func(s *ginsession.Session) { s.Set("a", "first") }, func(s *ginsession.Session) { s.Set("a", "second") }, `{"a":"second","b":2}`},
		{"one key, the same value", func(s *ginsession.Session) { s.Set("a", 5) }, func(s *ginsession.Session) { s.Set("a", 5) }, `{"a":5,"b":2}`},
		{"set to what it was", func(s *ginsession.Session) { s.Set("a", 5) }, func(s *ginsession.Session) { s.Set("a", 1) }, `{"a":1,"b":2}`},
		{"delete and set", func(s *ginsession.Session) { _ = s.Delete("a") }, func(s *ginsession.Session) { s.Set("b", 3) }, `{"b":3}`},
		{"set and delete", func(s *ginsession.Session) { s.Set("b", 3) }, func(s *ginsession.Session) { _ = s.Delete("a") }, `{"b":3}`},
		{"delete and set one key", func(s *ginsession.Session) { _ = s.Delete("a") }, func(s *ginsession.Session) { s.Set("a", 3) }, `{"b":2,"a":3}`},
		{"set and delete one key", func(s *ginsession.Session) { s.Set("a", 3) }, func(s *ginsession.Session) { _ = s.Delete("a") }, `{"b":2}`},
		{"delete twice", func(s *ginsession.Session) { _ = s.Delete("a") }, func(s *ginsession.Session) { _ = s.Delete("a") }, `{"b":2}`},
		{"set and clear", func(s *ginsession.Session) { s.Set("x", 1) }, func(s *ginsession.Session) { s.Clear(); s.Set("y", 2) }, `{"y":2}`},
		{"clear and set", func(s *ginsession.Session) { s.Clear(); s.Set("x", 1) }, func(s *ginsession.Session) { s.Set("y", 2) }, `{"x":1,"y":2}`},
		{"set and SetDefault", func(s *ginsession.Session) { s.Set("x", 1) }, func(s *ginsession.Session) { s.SetDefault("x", 2) }, `{"a":1,"b":2,"x":2}`},
		{"a map and a key", func(s *ginsession.Session) { s.Set("x", 1) }, func(s *ginsession.Session) { s.SetDefault("m", map[string]any{}).(map[string]any)["k"] = 1 }, `{"a":1,"b":2,"x":1,"m":{"k":1}}`},
		{"SetExpiry and set", func(s *ginsession.Session) { s.SetExpiry(ginsession.ExpireAfter(time.Hour)) }, func(s *ginsession.Session) { s.Set("x", 1) }, `{"a":1,"b":2,"_session_expiry":3600,"x":1}`},
		{"read and set", func(s *ginsession.Session) { s.Set("a", 3) }, func(s *ginsession.Session) { s.Items(); s.Set("x", 1) }, `{"a":3,"b":2,"x":1}`},
		{"modify and modify", func(s *ginsession.Session) { modifyInt(s, "a") }, func(s *ginsession.Session) { modifyInt(s, "a") }, `{"a":3,"b":2}`},
		{"set and modify", func(s *ginsession.Session) { s.Set("a", 100) }, func(s *ginsession.Session) { modifyInt(s, "a") }, `{"a":101,"b":2}`},
		{"delete and modify", func(s *ginsession.Session) { _ = s.Delete("a") }, func(s *ginsession.Session) { modifyInt(s, "a") }, `{"b":2,"a":1}`},
		{"modify and delete", func(s *ginsession.Session) { modifyInt(s, "a") }, func(s *ginsession.Session) { _ = s.Delete("a") }, `{"b":2}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDesk(t)
			key := d.saved(t, map[string]any{"a": 1, "b": 2})
			first, second := d.session(t, key), d.session(t, key)
			for _, s := range []*ginsession.Session{first, second} {
				if err := s.Load(); err != nil {
					t.Fatal(err)
				}
			}
			test.first(first)
			test.second(second)
			save(t, first)
			save(t, second)
			check(t, "the record", d.store.Text(key), test.want)
			check(t, "Keys of the second", second.Keys(), d.session(t, key).Keys())
		})
	}
}

// After a save a session shows what other requests have saved, and keeps its own changes.
func TestSaveBringsInOthersChanges(t *testing.T) {
	d := newDesk(t)
	key := d.saved(t, map[string]any{"a": 1, "b": 1})
	s := d.session(t, key)
	s.Set("mine", 1)
	d.somebodyElse(t, key, func(s *ginsession.Session) {
		s.Set("a", 2)
		_ = s.Delete("b")
	})
	check(t, "Get before the save", s.Get("a"), int64(1))
	save(t, s)
	check(t, "Items after the save", s.Items(), map[string]any{"a": int64(2), "mine": int64(1)})
}

// Merging changes to different keys commutes.
func TestMergingCommutes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		base := rapid.MapOfN(rapid.SampledFrom([]string{"a1", "a2", "b1", "b2", "c"}), rapid.Int64(), 0, 5).Draw(rt, "base")
		first := drawChanges(rt, "first", "a1", "a2", "a3")
		second := drawChanges(rt, "second", "b1", "b2", "b3")
		outcome := func(reversed bool) map[string]any {
			d := newDesk(t)
			values := map[string]any{}
			for key, n := range base {
				values[key] = n
			}
			key := d.saved(t, values)
			sessions := []*ginsession.Session{d.session(t, key), d.session(t, key)}
			first(sessions[0])
			second(sessions[1])
			if reversed {
				slices.Reverse(sessions)
			}
			for _, s := range sessions {
				if err := s.Save(); err != nil {
					rt.Fatal(err)
				}
			}
			return d.session(t, key).Items()
		}
		if one, other := outcome(false), outcome(true); !reflect.DeepEqual(one, other) {
			rt.Fatalf("the outcome depends on the order: %v and %v", one, other)
		}
	})
}

// drawChanges returns random changes to the given keys.
func drawChanges(rt *rapid.T, label string, keys ...string) func(s *ginsession.Session) {
	type step struct {
		Op  int
		Key string
		N   int64
	}
	steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) step {
		return step{rapid.IntRange(0, 4).Draw(rt, "op"), rapid.SampledFrom(keys).Draw(rt, "key"), rapid.Int64().Draw(rt, "n")}
	}), 1, 8).Draw(rt, label)
	return func(s *ginsession.Session) {
		for _, step := range steps {
			switch step.Op {
			case 0:
				s.Set(step.Key, step.N)
			case 1:
				_ = s.Delete(step.Key)
			case 2:
				s.Pop(step.Key)
			case 3:
				s.SetDefault(step.Key, step.N)
			case 4:
				_, _ = ginsession.Modify(s, step.Key, func(n int64, _ bool) int64 { return n + 1 })
			}
		}
	}
}

// Whatever a request does to a session that is deleted meanwhile, it stays deleted.
func TestDeletionAbsorbs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := newDesk(t)
		key := d.saved(t, map[string]any{"a1": int64(1), "a2": int64(2)})
		s := d.session(t, key)
		before, after := drawChanges(rt, "before", "a1", "a2"), drawChanges(rt, "after", "a1", "a2")
		_ = s.Load()
		before(s)
		if err := d.Delete(t.Context(), key); err != nil {
			rt.Fatal(err)
		}
		after(s)
		if err := s.Save(); !errors.Is(err, ginsession.ErrInterrupted) {
			rt.Fatalf("Save: %v, want ErrInterrupted", err)
		}
		if keys := d.store.Keys(); len(keys) > 0 {
			rt.Fatal("the session came back")
		}
	})
}

// Several requests of one visitor at once, each changing a key of its own: all survive.
func TestConcurrentRequests(t *testing.T) {
	w := newSite(t)
	v := w.visitor(t)
	v.post(func(s *ginsession.Session) { s.Set("sum", 0) })
	var arrived, requests sync.WaitGroup
	const n = 8
	arrived.Add(n)
	for i := range n {
		requests.Go(func() {
			r := v.post(func(s *ginsession.Session) {
				s.Keys()
				arrived.Done()
				arrived.Wait()
				s.Set(fmt.Sprint("own ", i), i)
				modifyInt(s, "sum")
			})
			check(t, "status", r.StatusCode, http.StatusOK)
		})
	}
	requests.Wait()
	want := map[string]any{"sum": int64(n)}
	for i := range n {
		want[fmt.Sprint("own ", i)] = int64(i)
	}
	check(t, "Items", w.session(t, v.key()).Items(), want)
}
