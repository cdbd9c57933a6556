package ginsession_test

import (
	"strings"
	"testing"

	"github.com/ginsession/ginsession"
)

func TestCachedDBCosts(t *testing.T) {
	s := newCachedDBSite(t)
	set := func(session *ginsession.Session) {
		session.Set("n", 2)
		save(t, session)
	}
	for _, test := range []struct {
		name       string
		cached     bool
		do         func(*ginsession.Session)
		statements string
		calls      string
	}{
		{"a read", true, func(s *ginsession.Session) { s.Get("n") }, "", "Get"},
		{"a write after a read", true, set, "UPDATE", "Get Get CompareAndSwap"},
		{"a read that misses", false, func(s *ginsession.Session) { s.Get("n") }, "SELECT", "Get Add CompareAndSwap"},
		{"a sign-out", true, func(s *ginsession.Session) { _ = s.Flush() }, "DELETE", "Delete"},
		{"a sign-in", true, func(s *ginsession.Session) { _ = s.CycleKey(); set(s) }, "UPDATE", "Get Delete Add"},
	} {
		t.Run(test.name, func(t *testing.T) {
			key := s.begun(t, map[string]any{"n": 1})
			if !test.cached {
				s.evict(t, key)
			}
			test.do(s.session(t, key))
			check(t, "statements", s.recorder.takenVerbs(), test.statements)
			check(t, "calls of the cache", s.cache.taken(), test.calls)
		})
	}
	session := s.session(t, "")
	set(session)
	check(t, "statements of a new session", s.recorder.takenVerbs(), "INSERT")
	check(t, "calls of the cache for a new session", s.cache.taken(), "Add")
	for _, value := range []string{strings.Repeat("k", 65), strings.Repeat("k", 10_000), "", "short", "../../x", "a\r\nset b 0 0 1", "with space"} {
		s.session(t, value).Get("n")
		check(t, "calls for a cookie that is no key", s.cache.taken()+s.recorder.takenVerbs(), "")
	}
}
