package ginsession_test

import (
	"math"
	"net/http"
	"strings"
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
		check(t, "records", len(w.store.Keys()), 0)
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

// A date in any ISO form that Django reads counts.
func TestExpiryDatesInOtherForms(t *testing.T) {
	for _, text := range []string{
		"2026-12-01T13:00:00+00:00", "2026-12-01 13:00:00+00:00", "2026-12-01T13:00+00:00", "20261201T130000+0000",
		"2026-W49-2T13:00:00Z", "2026-12-01T13:09:21+00:09:21", "2026-12-01T13:00:00.000",
	} {
		d := newDesk(t)
		d.store.Put(planted, `{"_session_expiry":"`+text+`"}`)
		checkTime(t, text, d.session(t, planted).ExpiryDate(), time.Date(2026, 12, 1, 13, 0, 0, 0, time.UTC))
	}
}

// With USE_TZ off Django adds to the clock on the wall, across a change to summer time too.
func TestWallClockExpiry(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	cfg := ginsession.ForDjango(migrated(t), ginsession.DjangoOptions{SecretKey: strings.Repeat("s", 50), Location: berlin})
	cfg.Clock = func() time.Time { return time.Date(2026, 3, 28, 12, 0, 0, 0, berlin) }
	m, err := ginsession.NewManager(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := m.Open(t.Context(), "")
	s.SetExpiry(ginsession.ExpireAfter(24 * time.Hour))
	checkTime(t, "ExpiryDate", s.ExpiryDate(), time.Date(2026, 3, 29, 12, 0, 0, 0, berlin))
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
