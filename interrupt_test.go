package ginsession_test

import (
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// A safe request that changed a session which has ended is answered, and the loss is logged; with
// InterruptSafeMethods it is answered 409, as an OAuth callback would want.
func TestInterruptedSafeMethod(t *testing.T) {
	for _, tt := range []struct {
		interrupt ginsession.Switch
		status    int
	}{{0, http.StatusOK}, {ginsession.Off, http.StatusOK}, {ginsession.On, http.StatusConflict}} {
		w := newSite(t, func(cfg *ginsession.Config) { cfg.InterruptSafeMethods = tt.interrupt })
		v := w.visitor(t)
		v.post(func(s *ginsession.Session) { s.Set("a", 1) })
		r := v.get(func(s *ginsession.Session) {
			s.Set("b", 1)
			_ = w.Delete(t.Context(), s.Key())
		})
		check(t, "status", r.StatusCode, tt.status)
		check(t, "cookie", r.cookie(), (*http.Cookie)(nil))
		if tt.status == http.StatusOK {
			checkContains(t, w.log.String(), "level=WARN", "session ended")
		}
	}
}

// An error that Save has returned is the handler's: it is not logged again as a loss.
func TestSaveErrorIsToldOnce(t *testing.T) {
	w := newSite(t)
	v := w.visitor(t)
	v.post(func(s *ginsession.Session) { s.Set("a", 1) })
	v.send(http.MethodGet, func(c *gin.Context) {
		s := ginsession.Get(c)
		c.String(http.StatusOK, "page")
		c.Writer.Flush()
		w.store.FailOn(errStore, "Update")
		s.Set("a", 2)
		if s.Save() == nil {
			t.Error("Save succeeded")
		}
	})
	check(t, "log", w.log.String(), "")
}

// A key that browsers sent under our name, whatever it is, is deleted by a Flush (Django's
// test_session_delete_on_end); one that was only read stays.
func TestFlushDeletesWhatIsNoKey(t *testing.T) {
	for _, junk := range []string{"abc", "not_a_key!", "0123456789abcdef0123456789abcdef"} {
		w := newSite(t)
		v := w.visitor(t)
		v.setKey(junk)
		check(t, "cookie after reading", v.get(func(s *ginsession.Session) { s.Get("a") }).cookie() == nil, true)
		c := v.post(func(s *ginsession.Session) { _ = s.Flush() }).cookie()
		if c == nil || c.MaxAge >= 0 {
			t.Errorf("Flush with the cookie %q: %v, want its deletion", junk, c)
		}
		check(t, "records", len(w.store.keys()), 0)
	}
}

// An explicit expiry asks nothing of the session. Source: Django's get_expiry_age.
func TestExpiryOfArgument(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, d.saved(t, map[string]any{"a": 1}))
	check(t, "ExpiryAge", s.ExpiryAge(ginsession.WithExpiry(ginsession.ExpireAfter(time.Hour))), time.Hour)
	checkTime(t, "ExpiryDate", s.ExpiryDate(ginsession.WithExpiry(ginsession.ExpireAt(start))), start)
	check(t, "Accessed", s.Accessed(), false)
	checkCalls(t, d.store)
}

// The latest and the earliest date that can be written stand for what lies beyond them.
func TestExpiryBeyondTheCalendar(t *testing.T) {
	last := time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)
	west := time.FixedZone("west", -8*60*60)
	for _, at := range []time.Time{
		time.Date(9999, 12, 31, 23, 59, 0, 0, west), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(math.MaxInt64/2, 0),
	} {
		d := newDesk(t)
		s := d.session(t, "")
		s.SetExpiry(ginsession.ExpireAt(at))
		save(t, s)
		s = d.session(t, s.Key())
		checkTime(t, "ExpiryDate", s.ExpiryDate(), last)
	}
	for _, age := range []time.Duration{math.MaxInt64, math.MaxInt64 - 1, math.MaxInt64 / 2} {
		d := newDesk(t)
		s := d.session(t, "")
		s.SetExpiry(ginsession.ExpireAfter(age))
		save(t, s)
		if got := d.session(t, s.Key()).ExpiryAge(); got < age-time.Second || got > age && got-age > time.Second {
			t.Errorf("ExpireAfter(%v) became %v", age, got)
		}
		check(t, "Has", d.session(t, s.Key()).Has("_session_expiry"), true)
	}
}

// A session lives for as long as was said, to the second, and not up to a second less.
func TestLivesAreRoundedUp(t *testing.T) {
	d := newDesk(t)
	d.clock.Advance(990 * time.Millisecond)
	s := d.session(t, "")
	s.SetExpiry(ginsession.ExpireAfter(time.Second))
	save(t, s)
	d.clock.Advance(999 * time.Millisecond)
	check(t, "Has after 0.999 s", d.session(t, s.Key()).Has("_session_expiry"), true)
	d.clock.Advance(time.Second)
	check(t, "Has after 1.999 s", d.session(t, s.Key()).Has("_session_expiry"), false)
}
