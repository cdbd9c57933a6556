package ginsession_test

import (
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

func TestNewSessionIsUntouched(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, "")
	check(t, "Accessed", s.Accessed(), false)
	check(t, "Modified", s.Modified(), false)
	check(t, "IsEmpty", s.IsEmpty(), true)
	check(t, "Key", s.Key(), "")
	check(t, "Len", s.Len(), 0)
	checkCalls(t, d.store)
}

// What each operation says about the session, and what it costs the store by the end of the
// request. Source: Django's accessed and modified.
func TestAccessedAndModified(t *testing.T) {
	type flags struct{ accessed, modified bool }
	var (
		untouched = flags{false, false}
		read      = flags{true, false}
		written   = flags{true, true}
	)
	tests := []struct {
		name string
		do   func(s *ginsession.Session)
		want flags
	}{
		{"nothing", func(*ginsession.Session) {}, untouched},
		{"Accessed, Modified and Err", func(s *ginsession.Session) { _, _, _ = s.Accessed(), s.Modified(), s.Err() }, untouched},
		{"CookieAge", func(s *ginsession.Session) { s.CookieAge() }, untouched},

		{"Get", func(s *ginsession.Session) { s.Get("present") }, read},
		{"Get of an absent key", func(s *ginsession.Session) { s.Get("absent") }, read},
		{"Lookup", func(s *ginsession.Session) { s.Lookup("present") }, read},
		{"Value", func(s *ginsession.Session) { ginsession.Value[int](s, "present") }, read},
		{"Value of another type", func(s *ginsession.Session) { ginsession.Value[[]int](s, "present") }, read},
		{"Has", func(s *ginsession.Session) { s.Has("present") }, read},
		{"Has of an absent key", func(s *ginsession.Session) { s.Has("absent") }, read},
		{"Keys", func(s *ginsession.Session) { s.Keys() }, read},
		{"Values", func(s *ginsession.Session) { s.Values() }, read},
		{"Items", func(s *ginsession.Session) { s.Items() }, read},
		{"All", func(s *ginsession.Session) { drain(s) }, read},
		{"Len", func(s *ginsession.Session) { s.Len() }, read},
		{"IsEmpty", func(s *ginsession.Session) { s.IsEmpty() }, read},
		{"Key", func(s *ginsession.Session) { s.Key() }, read},
		{"Load", func(s *ginsession.Session) { _ = s.Load() }, read},
		{"ExpiryAge", func(s *ginsession.Session) { s.ExpiryAge() }, read},
		{"ExpiryDate", func(s *ginsession.Session) { s.ExpiryDate() }, read},
		{"ExpiresAtBrowserClose", func(s *ginsession.Session) { s.ExpiresAtBrowserClose() }, read},
		{"TestCookieWorked", func(s *ginsession.Session) { s.TestCookieWorked() }, read},

		{"Pop of an absent key", func(s *ginsession.Session) { s.Pop("absent") }, read},
		{"Delete of an absent key", func(s *ginsession.Session) { _ = s.Delete("absent") }, read},
		{"SetDefault of a present key", func(s *ginsession.Session) { s.SetDefault("present", 2) }, read},
		{"SetExpiry to the default that it has", func(s *ginsession.Session) { s.SetExpiry(ginsession.ExpireDefault) }, read},
		{"DeleteTestCookie without one", func(s *ginsession.Session) { _ = s.DeleteTestCookie() }, read},
		{"Claim of an absent key", func(s *ginsession.Session) { _, _, _ = ginsession.Claim[int](s, "absent") }, read},

		{"Set", func(s *ginsession.Session) { s.Set("k", 1) }, written},
		{"Set to what it is", func(s *ginsession.Session) { s.Set("present", 1) }, written},
		{"Delete", func(s *ginsession.Session) { _ = s.Delete("present") }, written},
		{"Pop", func(s *ginsession.Session) { s.Pop("present") }, written},
		{"SetDefault of an absent key", func(s *ginsession.Session) { s.SetDefault("absent", 2) }, written},
		{"Update", func(s *ginsession.Session) { s.Update(map[string]any{"k": 1}) }, written},
		{"Update with nothing", func(s *ginsession.Session) { s.Update(nil) }, written},
		{"Clear", func(s *ginsession.Session) { s.Clear() }, written},
		{"Modify", func(s *ginsession.Session) { modifyInt(s, "present") }, written},
		{"SetExpiry", func(s *ginsession.Session) { s.SetExpiry(ginsession.ExpireAtBrowserClose) }, written},
		{"SetTestCookie", func(s *ginsession.Session) { s.SetTestCookie() }, written},
		{"Claim", func(s *ginsession.Session) { _, _, _ = ginsession.Claim[int](s, "present") }, written},
	}
	operations := map[flags][]string{
		untouched: {"Load"}, // before the response, which may show the session
		read:      {"Load"},
		written:   {"Load", "Update"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newSite(t)
			v := w.visitor(t)
			v.post(func(s *ginsession.Session) { s.Set("present", 1) })
			w.store.Calls()
			var got flags
			v.post(func(s *ginsession.Session) {
				test.do(s)
				got = flags{s.Accessed(), s.Modified()}
			})
			check(t, "flags", got, test.want)
			checkCalls(t, w.store, operations[test.want]...)
		})
	}
}

func drain(s *ginsession.Session) map[string]any { return maps.Collect(s.All()) }

func modifyInt(s *ginsession.Session, key string) {
	_, _ = ginsession.Modify(s, key, func(n int, _ bool) int { return n + 1 })
}

func TestMarkModified(t *testing.T) {
	w := newSite(t)
	v := w.visitor(t)
	v.post((*ginsession.Session).MarkModified)
	check(t, "sessions after MarkModified of an empty one", len(w.store.Keys()), 0)

	v.post(func(s *ginsession.Session) { s.Set("a", 1) })
	w.store.Calls()
	w.clock.Advance(time.Hour)
	r := v.post(func(s *ginsession.Session) {
		s.MarkModified()
		check(t, "Modified", s.Modified(), true)
	})
	checkCalls(t, w.store, "Load", "Update")
	check(t, "the record", w.store.Text(v.key()), `{"a":1}`)
	check(t, "Expires", w.store.Record(v.key()).Expires, start.Add(time.Hour+14*24*time.Hour))
	if r.cookie() == nil {
		t.Error("no cookie was sent")
	}
}

// One session in the hands of many goroutines, for the race detector.
func TestConcurrentUse(t *testing.T) {
	w := newSite(t)
	v := w.visitor(t)
	v.post(func(s *ginsession.Session) {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				own := fmt.Sprint("key ", i)
				for n := range 20 {
					s.Set(own, n)
					check(t, own, s.Get(own), int64(n))
					modifyInt(s, "sum")
					s.Keys()
					drain(s)
					s.Has("sum")
					s.ExpiryDate()
					_ = fmt.Sprintf("%+v", s)
					_ = s.Delete(own)
				}
				_ = s.Save()
				_ = s.CycleKey()
				s.Key()
				s.Pop(own)
				s.SetDefault(own, i)
				s.IsEmpty()
				s.Err()
			})
		}
		wg.Wait()
	})
	s := w.session(t, v.key())
	check(t, "sum", s.Get("sum"), int64(160))
	check(t, "Len", s.Len(), 9)
	check(t, "sessions", len(w.store.Keys()), 1)
}
