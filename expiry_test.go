package ginsession_test

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

const day = 24 * time.Hour

// The age and the date of each kind of expiry. Source: Django's SessionTestsMixin.
func TestExpiry(t *testing.T) {
	later := start.Add(90*time.Minute + 1500*time.Millisecond)
	for _, test := range []struct {
		name         string
		expiry       ginsession.Expiry
		age          time.Duration
		date         time.Time
		browserClose bool
		stored       string // in the record
	}{
		{"none", ginsession.ExpireDefault, 14 * day, start.Add(14 * day), false, `{"a":1}`},
		{"at browser close", ginsession.ExpireAtBrowserClose, 14 * day, start.Add(14 * day), true, `{"a":1,"_session_expiry":0}`},
		{"after 0", ginsession.ExpireAfter(0), 14 * day, start.Add(14 * day), true, `{"a":1,"_session_expiry":0}`},
		{"after 10 s", ginsession.ExpireAfter(10 * time.Second), 10 * time.Second, start.Add(10 * time.Second), false, `{"a":1,"_session_expiry":10}`},
		{"after a part of a second", ginsession.ExpireAfter(1), time.Second, start.Add(time.Second), false, `{"a":1,"_session_expiry":1}`},
		{"after 1.5 s", ginsession.ExpireAfter(1500 * time.Millisecond), 2 * time.Second, start.Add(2 * time.Second), false, `{"a":1,"_session_expiry":2}`},
		{"after a year", ginsession.ExpireAfter(365 * day), 365 * day, start.Add(365 * day), false, `{"a":1,"_session_expiry":31536000}`},
		{"after as long as there is", ginsession.ExpireAfter(math.MaxInt64), longest, start.Add(longest), false, `{"a":1,"_session_expiry":9223372036}`},
		{"in the past", ginsession.ExpireAfter(-time.Hour), -time.Hour, start.Add(-time.Hour), false, `{"a":1,"_session_expiry":-3600}`},
		{"at a date", ginsession.ExpireAt(later), 90*time.Minute + time.Second, later, false, `{"a":1,"_session_expiry":"2026-11-23T06:15:01.500000+00:00"}`},
		{"at a date elsewhere", ginsession.ExpireAt(later.In(time.FixedZone("", -5*60*60))), 90*time.Minute + time.Second, later, false, `{"a":1,"_session_expiry":"2026-11-23T06:15:01.500000+00:00"}`},
		{"at a date that is past", ginsession.ExpireAt(start.Add(-1500 * time.Millisecond)), -2 * time.Second, start.Add(-1500 * time.Millisecond), false, `{"a":1,"_session_expiry":"2026-11-23T04:44:58.500000+00:00"}`},
		{"at this moment", ginsession.ExpireAt(start), 0, start, false, `{"a":1,"_session_expiry":"2026-11-23T04:45:00.000000+00:00"}`},
		{"at the zero time", ginsession.ExpireAt(time.Time{}), -longest, time.Time{}, false, `{"a":1,"_session_expiry":"0001-01-01T00:00:00.000000+00:00"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDesk(t)
			s := d.session(t, "")
			s.Set("a", 1)
			s.SetExpiry(test.expiry)
			inspect := func(when string) {
				t.Helper()
				check(t, "ExpiryAge "+when, s.ExpiryAge(), test.age)
				checkTime(t, "ExpiryDate "+when, s.ExpiryDate(), test.date)
				check(t, "ExpiresAtBrowserClose "+when, s.ExpiresAtBrowserClose(), test.browserClose)
				check(t, "CookieAge "+when, s.CookieAge(), 14*day)
			}
			inspect("before the save")
			save(t, s)
			inspect("after the save")
			check(t, "the record", d.store.Text(s.Key()), test.stored)
			checkTime(t, "Expires", d.store.Record(s.Key()).Expires, roundedUp(test.date))

			key := s.Key()
			s = d.session(t, key)
			alive := roundedUp(test.date).After(start)
			check(t, "Has in the next request", s.Has("a"), alive)
			if !alive {
				return
			}
			inspect("in the next request")
			s.SetExpiry(ginsession.ExpireDefault)
			check(t, "ExpiryAge of the default", s.ExpiryAge(), 14*day)
			check(t, "ExpiresAtBrowserClose of the default", s.ExpiresAtBrowserClose(), false)
			check(t, "Keys", s.Keys(), []string{"a"})
			save(t, s)
			check(t, "the record", d.store.Text(key), `{"a":1}`)
		})
	}
}

// longest is the longest whole number of seconds that a time.Duration holds.
const longest = math.MaxInt64 / time.Second * time.Second

// What the age and the date are reckoned from can be given.
func TestExpiryOptions(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, "")
	s.SetExpiry(ginsession.ExpireAfter(time.Hour))
	modified := ginsession.ModifiedAt(start.Add(-time.Minute))
	for _, test := range []struct {
		name    string
		options []ginsession.ExpiryOption
		age     time.Duration
		date    time.Time
	}{
		{"none", nil, time.Hour, start.Add(time.Hour)},
		{"modified", []ginsession.ExpiryOption{modified}, time.Hour, start.Add(59 * time.Minute)},
		{"default", []ginsession.ExpiryOption{ginsession.WithExpiry(ginsession.ExpireDefault)}, 14 * day, start.Add(14 * day)},
		{"default, modified", []ginsession.ExpiryOption{ginsession.WithExpiry(ginsession.ExpireDefault), modified}, 14 * day, start.Add(14*day - time.Minute)},
		{"browser close", []ginsession.ExpiryOption{ginsession.WithExpiry(ginsession.ExpireAtBrowserClose)}, 14 * day, start.Add(14 * day)},
		{"after", []ginsession.ExpiryOption{modified, ginsession.WithExpiry(ginsession.ExpireAfter(10 * time.Second))}, 10 * time.Second, start.Add(-50 * time.Second)},
		{"at", []ginsession.ExpiryOption{modified, ginsession.WithExpiry(ginsession.ExpireAt(start))}, time.Minute, start},
	} {
		check(t, "ExpiryAge, "+test.name, s.ExpiryAge(test.options...), test.age)
		checkTime(t, "ExpiryDate, "+test.name, s.ExpiryDate(test.options...), test.date)
	}
	check(t, "ExpiryAge afterwards", s.ExpiryAge(), time.Hour)
}

func TestExpiresAtBrowserClose(t *testing.T) {
	expiries := map[string]ginsession.Expiry{
		"default": ginsession.ExpireDefault,
		"close":   ginsession.ExpireAtBrowserClose,
		"after":   ginsession.ExpireAfter(10 * time.Second),
		"at":      ginsession.ExpireAt(start.Add(time.Hour)),
	}
	for _, setting := range []bool{false, true} {
		for name, expiry := range expiries {
			t.Run(fmt.Sprintf("%v/%s", setting, name), func(t *testing.T) {
				w := newSite(t, func(cfg *ginsession.Config) { cfg.ExpireAtBrowserClose = setting })
				want := name == "close" || name == "default" && setting
				r := w.visitor(t).post(func(s *ginsession.Session) {
					s.Set("a", 1)
					s.SetExpiry(expiry)
					check(t, "ExpiresAtBrowserClose", s.ExpiresAtBrowserClose(), want)
				})
				line := r.Header.Get("Set-Cookie")
				check(t, "Max-Age is sent", strings.Contains(line, "Max-Age="), !want)
				check(t, "Expires is sent", strings.Contains(line, "Expires="), !want)
			})
		}
	}
}

func TestCookieSaysWhenTheSessionEnds(t *testing.T) {
	for name, test := range map[string]struct {
		expiry  ginsession.Expiry
		maxAge  string
		expires time.Time
	}{
		"default":  {ginsession.ExpireDefault, "Max-Age=1209600", start.Add(14 * day)},
		"after":    {ginsession.ExpireAfter(time.Minute), "Max-Age=60", start.Add(time.Minute)},
		"at":       {ginsession.ExpireAt(start.Add(1500 * time.Millisecond)), "Max-Age=1", start.Add(time.Second)},
		"past":     {ginsession.ExpireAfter(-time.Minute), "Max-Age=0", start.Add(-time.Minute)},
		"long ago": {ginsession.ExpireAt(time.Date(1700, 1, 1, 0, 0, 0, 0, time.UTC)), "Max-Age=0", time.Date(1700, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newSite(t)
			r := w.visitor(t).post(func(s *ginsession.Session) {
				s.Set("a", 1)
				s.SetExpiry(test.expiry)
			})
			checkContains(t, r.Header.Get("Set-Cookie"), test.maxAge+";")
			if test.expires.Year() > 1700 { // net/http leaves an earlier one out
				checkContains(t, r.Header.Get("Set-Cookie"), "Expires="+test.expires.Format(http.TimeFormat))
			}
		})
	}
}

// The expiries that other programs may have written are read, whatever cannot be is none.
func TestReadingExpiries(t *testing.T) {
	for raw, want := range map[string]time.Duration{
		`60`:                                 time.Minute,
		`60.0`:                               time.Minute,
		`59.5`:                               time.Minute,
		`0`:                                  14 * day,
		`-60`:                                -time.Minute,
		`null`:                               14 * day,
		`true`:                               14 * day,
		`[]`:                                 14 * day,
		`NaN`:                                14 * day,
		`Infinity`:                           14 * day,
		`1e300`:                              longest,
		`-1e300`:                             -longest,
		`1e400`:                              14 * day,
		`99999999999999999999`:               14 * day,
		`9223372036854775807`:                longest,
		`-9223372036854775808`:               -longest,
		`"2026-11-23T05:45:00.000000+00:00"`: time.Hour,
		`"2026-11-23T05:45:00+00:00"`:        time.Hour,
		`"2026-11-23T05:45:00Z"`:             time.Hour,
		`"2026-11-23T07:45:00.5+02:00"`:      time.Hour,
		`"2026-11-23 05:45:00.000000+00:00"`: time.Hour,
		`"2026-11-23T05:45:00.000000"`:       time.Hour,
		`"2026-11-23T05:45:00"`:              time.Hour,
		`"2026-11-23T03:45:00"`:              -time.Hour,
		`"2026-11-23"`:                       -4*time.Hour - 45*time.Minute,
		`"tomorrow"`:                         14 * day,
		`""`:                                 14 * day,
	} {
		d, s := reopened(t, `{"_session_expiry":`+raw+`}`)
		check(t, "ExpiryAge of "+raw, s.ExpiryAge(), want)
		s.Set("a", 1)
		save(t, s)
		check(t, "the record", d.store.Text(planted), `{"_session_expiry":`+raw+`,"a":1}`)
	}
}

// Only modifications count as activity.
func TestReadingIsNoActivity(t *testing.T) {
	w := newSite(t, func(cfg *ginsession.Config) { cfg.CookieAge = time.Hour })
	v := w.visitor(t)
	v.post(func(s *ginsession.Session) { s.Set("a", 1) })
	key := v.key()

	w.clock.Advance(50 * time.Minute)
	r := v.get(func(s *ginsession.Session) { check(t, "Get", s.Get("a"), int64(1)) })
	check(t, "a cookie was sent", r.cookie() != nil, false)
	checkTime(t, "Expires", w.store.Record(key).Expires, start.Add(time.Hour))

	v.post(func(s *ginsession.Session) { s.Set("b", 2) })
	checkTime(t, "Expires", w.store.Record(key).Expires, start.Add(110*time.Minute))

	w.clock.Advance(time.Hour - time.Second)
	v.get(func(s *ginsession.Session) { check(t, "Len a second before the end", s.Len(), 2) })
	w.clock.Advance(time.Second)
	v.setKey(key) // a client that keeps the cookie
	v.get(func(s *ginsession.Session) {
		check(t, "Len at the end", s.Len(), 0)
		check(t, "Key at the end", s.Key(), "")
	})
	exists, err := w.Exists(t.Context(), key)
	check(t, "Exists", []any{exists, err}, []any{false, error(nil)})
}

// An absolute date is not moved by activity, and what extends sessions leaves it alone.
func TestExpireAtIsAbsolute(t *testing.T) {
	for name, change := range map[string]func(*ginsession.Config){
		"plain":            func(*ginsession.Config) {},
		"SaveEveryRequest": func(cfg *ginsession.Config) { cfg.SaveEveryRequest = true },
		"RenewAfter":       func(cfg *ginsession.Config) { cfg.RenewAfter = time.Second },
	} {
		t.Run(name, func(t *testing.T) {
			w := newSite(t, change)
			v := w.visitor(t)
			v.post(func(s *ginsession.Session) { s.SetExpiry(ginsession.ExpireAt(start.Add(time.Hour))) })
			key := v.key()
			w.store.Calls()
			w.clock.Advance(30 * time.Minute)
			v.get(func(s *ginsession.Session) { s.Len() })
			calls := []string{"Load"}
			if name == "SaveEveryRequest" {
				calls = append(calls, "Touch")
			}
			checkCalls(t, w.store, calls...)
			checkTime(t, "Expires", w.store.Record(key).Expires, start.Add(time.Hour))
			v.post(func(s *ginsession.Session) { s.Set("a", 1) })
			checkTime(t, "Expires", w.store.Record(key).Expires, start.Add(time.Hour))
			w.clock.Advance(30 * time.Minute)
			v.setKey(key)
			v.get(func(s *ginsession.Session) { check(t, "Len", s.Len(), 0) })
		})
	}
}

// SaveEveryRequest extends a session's life and sends its cookie, and makes none.
func TestSaveEveryRequest(t *testing.T) {
	w := newSite(t, func(cfg *ginsession.Config) { cfg.SaveEveryRequest = true })
	v := w.visitor(t)
	untouched := func(*ginsession.Session) {}
	r := v.get(untouched)
	check(t, "a cookie was sent to a stranger", r.cookie() != nil, false)
	v.get(func(s *ginsession.Session) { s.Len() })
	checkCalls(t, w.store)

	v.post(func(s *ginsession.Session) { s.Set("a", 1) })
	key := v.key()
	w.store.Calls()
	for i, visit := range []func(*ginsession.Session){untouched, func(s *ginsession.Session) { s.Get("a") }} {
		w.clock.Advance(time.Hour)
		r = v.get(visit)
		checkCalls(t, w.store, "Load", "Touch")
		end := start.Add(time.Duration(i+1)*time.Hour + 14*day)
		checkTime(t, "Expires", w.store.Record(key).Expires, end)
		checkContains(t, r.Header.Get("Set-Cookie"), "sessionid="+key+";", "Max-Age=1209600", end.Format(http.TimeFormat))
		check(t, "Vary", r.Header.Get("Vary"), "Cookie")
	}

	r = v.get(untouched) // in the same second
	checkCalls(t, w.store, "Load", "Touch")
	check(t, "the cookie was sent", r.cookie() != nil, true)

	w.clock.Advance(time.Hour)
	r = v.send(http.MethodGet, func(c *gin.Context) { c.Status(http.StatusInternalServerError) })
	checkCalls(t, w.store)
	check(t, "the cookie was sent with an error", r.cookie() != nil, false)

	v.post(func(s *ginsession.Session) { _ = s.Flush() })
	check(t, "sessions", w.store.Keys(), []string(nil))
	v.setKey(key)
	w.store.Calls()
	r = v.get(untouched)
	checkCalls(t, w.store, "Load")
	check(t, "a cookie was sent for a dead key", r.cookie() != nil, false)
	check(t, "sessions", w.store.Keys(), []string(nil))
}

// A session that is ended between the load and the extension stays ended, silently.
func TestEndedWhileItIsExtended(t *testing.T) {
	w := newSite(t, func(cfg *ginsession.Config) { cfg.SaveEveryRequest = true })
	v := w.visitor(t)
	v.post(func(s *ginsession.Session) { s.Set("a", 1) })
	key := v.key()
	w.clock.Advance(time.Hour)
	r := v.post(func(s *ginsession.Session) {
		s.Get("a")
		check(t, "Delete", w.Delete(t.Context(), key), error(nil))
	})
	check(t, "status", r.StatusCode, http.StatusOK)
	check(t, "Set-Cookie", r.Header.Values("Set-Cookie"), []string(nil))
	check(t, "sessions", w.store.Keys(), []string(nil))
}

// RenewAfter extends a session at most once per RenewAfter.
func TestRenewAfter(t *testing.T) {
	w := newSite(t, func(cfg *ginsession.Config) {
		cfg.CookieAge = time.Hour
		cfg.RenewAfter = 10 * time.Minute
	})
	v := w.visitor(t)
	v.post(func(s *ginsession.Session) { s.Set("a", 1) })
	key := v.key()
	w.store.Calls()
	for minute := 1; minute <= 120; minute++ {
		w.clock.Advance(time.Minute)
		r := v.get(func(*ginsession.Session) {})
		if minute%10 != 0 {
			checkCalls(t, w.store, "Load")
			check(t, "a cookie was sent", r.cookie() != nil, false)
			continue
		}
		checkCalls(t, w.store, "Load", "Touch")
		end := start.Add(time.Duration(minute)*time.Minute + time.Hour)
		checkTime(t, "Expires", w.store.Record(key).Expires, end)
		checkContains(t, r.Header.Get("Set-Cookie"), "Max-Age=3600", end.Format(http.TimeFormat))
	}
	check(t, "the record", w.store.Text(key), `{"a":1}`)

	// A modification is an extension too.
	w.clock.Advance(9 * time.Minute)
	v.post(func(s *ginsession.Session) { s.Set("b", 1) })
	w.store.Calls()
	w.clock.Advance(9 * time.Minute)
	v.get(func(*ginsession.Session) {})
	checkCalls(t, w.store, "Load")

	w.clock.Advance(time.Hour)
	v.setKey(key)
	v.get(func(s *ginsession.Session) { check(t, "Len after an idle hour", s.Len(), 0) })
}

// A session whose own life is shorter than twice RenewAfter is extended at half its life.
func TestRenewAfterOfAShortLife(t *testing.T) {
	w := newSite(t, func(cfg *ginsession.Config) { cfg.RenewAfter = 10 * time.Minute })
	v := w.visitor(t)
	v.post(func(s *ginsession.Session) { s.SetExpiry(ginsession.ExpireAfter(4 * time.Minute)) })
	w.store.Calls()
	w.clock.Advance(119 * time.Second)
	v.get(func(*ginsession.Session) {})
	checkCalls(t, w.store, "Load")
	w.clock.Advance(time.Second)
	v.get(func(*ginsession.Session) {})
	checkCalls(t, w.store, "Load", "Touch")
	checkTime(t, "Expires", w.store.Record(v.key()).Expires, start.Add(6*time.Minute))
}

// MaxLifetime ends a session that is used all the time.
func TestMaxLifetime(t *testing.T) {
	for name, change := range map[string]func(*ginsession.Config){
		"modified":         func(*ginsession.Config) {},
		"SaveEveryRequest": func(cfg *ginsession.Config) { cfg.SaveEveryRequest = true },
		"RenewAfter":       func(cfg *ginsession.Config) { cfg.RenewAfter = time.Minute },
	} {
		t.Run(name, func(t *testing.T) {
			w := newSite(t, change, func(cfg *ginsession.Config) {
				cfg.CookieAge = 30 * time.Minute
				cfg.MaxLifetime = time.Hour
			})
			end := start.Add(time.Hour)
			v := w.visitor(t)
			v.post(func(s *ginsession.Session) { s.Set("a", 1) })
			check(t, "the record", w.store.Text(v.key()), fmt.Sprintf(`{"a":1,"_session_started":%d}`, start.Unix()))
			key := v.key()
			for minute := 1; minute < 60; minute++ {
				w.clock.Advance(time.Minute)
				var r reply
				switch {
				case minute == 20:
					r = v.post(func(s *ginsession.Session) { check(t, "CycleKey", s.CycleKey(), error(nil)) })
					key = v.key()
				case minute == 40:
					r = v.post(func(s *ginsession.Session) {
						s.Clear()
						s.Set("a", 2)
					})
				case name == "modified":
					r = v.post(func(s *ginsession.Session) { s.Set("minute", minute) })
				default:
					r = v.get(func(s *ginsession.Session) { check(t, "Has", s.Has("a"), true) })
				}
				check(t, "the key", v.key(), key)
				expires := w.store.Record(key).Expires
				if expires.After(end) {
					t.Fatalf("minute %d: the session lives until %v", minute, expires)
				}
				if c := r.cookie(); c != nil && (c.Expires.After(end) || w.clock.Now().Add(time.Duration(c.MaxAge)*time.Second).After(end)) {
					t.Fatalf("minute %d: the cookie lives until %v", minute, c.Expires)
				}
			}
			checkTime(t, "Expires", w.store.Record(key).Expires, end)
			w.clock.Advance(time.Minute)
			v.setKey(key)
			v.post(func(s *ginsession.Session) {
				check(t, "Len after an hour", s.Len(), 0)
				s.Set("b", 1)
			})
			check(t, "the new session", w.store.Text(v.key()), fmt.Sprintf(`{"b":1,"_session_started":%d}`, end.Unix()))
		})
	}
}

// A session that lives to the end of its MaxLifetime already is not renewed.
func TestRenewAfterStopsAtTheEnd(t *testing.T) {
	w := newSite(t, func(cfg *ginsession.Config) {
		cfg.CookieAge = 30 * time.Minute
		cfg.MaxLifetime = time.Hour
		cfg.RenewAfter = time.Minute
	})
	v := w.visitor(t)
	v.post(func(s *ginsession.Session) { s.Set("a", 1) })
	for range 2 {
		w.clock.Advance(20 * time.Minute)
		v.get(func(*ginsession.Session) {})
	}
	checkTime(t, "Expires", w.store.Record(v.key()).Expires, start.Add(time.Hour))
	w.store.Calls()
	w.clock.Advance(10 * time.Minute)
	r := v.get(func(*ginsession.Session) {})
	checkCalls(t, w.store, "Load")
	check(t, "a cookie was sent", r.cookie() != nil, false)
}

// A session from before MaxLifetime was set begins to count at its next save or extension.
func TestMaxLifetimeOfAnOlderSession(t *testing.T) {
	w := newSite(t, func(cfg *ginsession.Config) {
		cfg.SaveEveryRequest = true
		cfg.MaxLifetime = time.Hour
	})
	w.store.Put(planted, `{"a":1}`)
	v := w.visitor(t)
	v.setKey(planted)
	v.get(func(*ginsession.Session) {})
	check(t, "the record", w.store.Text(planted), fmt.Sprintf(`{"a":1,"_session_started":%d}`, start.Unix()))
	checkTime(t, "Expires", w.store.Record(planted).Expires, start.Add(time.Hour))
}

// A MaxLifetime that is shortened counts for the sessions that are there.
func TestMaxLifetimeShortened(t *testing.T) {
	d := newDesk(t, func(cfg *ginsession.Config) { cfg.MaxLifetime = time.Hour })
	d.store.Put(planted, fmt.Sprintf(`{"a":1,"_session_started":%d}`, start.Add(-time.Hour).Unix()))
	check(t, "Len", d.session(t, planted).Len(), 0)
	d.store.Put(planted, fmt.Sprintf(`{"a":1,"_session_started":%d}`, start.Add(-time.Hour+time.Second).Unix()))
	check(t, "Len of a session that has a second left", d.session(t, planted).Len(), 2)
}

// A flushed session's lifetime does not count for the next.
func TestMaxLifetimeAfterFlush(t *testing.T) {
	d := newDesk(t, func(cfg *ginsession.Config) { cfg.MaxLifetime = time.Hour })
	s := d.session(t, d.saved(t, map[string]any{"a": 1}))
	d.clock.Advance(30 * time.Minute)
	check(t, "Flush", s.Flush(), error(nil))
	s.Set("b", 1)
	save(t, s)
	checkTime(t, "Expires", d.store.Record(s.Key()).Expires, start.Add(90*time.Minute))
}

func roundedUp(t time.Time) time.Time { return t.Add(time.Second - 1).Truncate(time.Second) }

// Times of day with a fraction: a record's expiry is to the second and never earlier than asked.
func TestExpiryOfAFractionalClock(t *testing.T) {
	d := newDesk(t)
	d.clock.Advance(700 * time.Millisecond)
	s := d.session(t, "")
	s.SetExpiry(ginsession.ExpireAfter(10 * time.Second))
	save(t, s)
	checkTime(t, "Expires", d.store.Record(s.Key()).Expires, start.Add(11*time.Second))
}
