package ginsession_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/ginsession/ginsession"
)

func readOnly(_ context.Context, call string) error {
	if call == "Get" {
		return nil
	}
	return errDown
}

// While the cache can be read but not written, the database goes on alone.
func TestCachedDBOverAReadOnlyCache(t *testing.T) {
	s := newCachedDBSite(t)
	v := newSiteWith(t, s.desk).visitor(t)
	v.post(func(session *ginsession.Session) { session.Set("n", 2) })
	key := v.key()
	s.cache.setBefore(readOnly)
	for want := int64(3); want <= 6; want++ {
		r := v.post(func(session *ginsession.Session) {
			n, _ := ginsession.Value[int64](session, "n")
			session.Set("n", n+1)
		})
		check(t, "status", r.StatusCode, http.StatusOK)
		check(t, "n", s.session(t, key).Get("n"), any(want))
	}
	r := v.post(func(session *ginsession.Session) { _ = session.CycleKey() })
	check(t, "status of a sign-in", r.StatusCode, http.StatusOK)
	check(t, "the old key", s.session(t, key).Key(), "")
	moved := v.key()
	check(t, "the new key", s.session(t, moved).Get("n"), any(int64(6)))
	r = v.post(func(session *ginsession.Session) { _ = session.Flush() })
	check(t, "status of a sign-out", r.StatusCode, http.StatusOK)
	check(t, "the cookie", v.key(), "")
	check(t, "the session", s.session(t, moved).Key(), "")
	s.cache.setBefore(nil)
	check(t, "the old key when the cache is back", s.session(t, key).Key(), "")
	check(t, "the session when the cache is back", s.session(t, moved).Key(), "")
}

// An outage is logged when it begins and when it ends, with how many operations it cost.
func TestCachedDBLogsAnOutageTwice(t *testing.T) {
	s := newCachedDBSite(t)
	key := s.begun(t, map[string]any{"n": 1})
	s.cache.setBefore(down)
	for range 10 {
		check(t, "n", s.session(t, key).Get("n"), any(int64(1)))
	}
	s.cache.setBefore(nil)
	for n := range 3 {
		session := s.session(t, key)
		session.Set("n", n)
		save(t, session)
	}
	check(t, "lines in the log", strings.Count(s.log.String(), "\n"), 2)
	checkContains(t, s.log.String(), "cache of CachedDB failed", "works again", "failed_operations=10")
}
