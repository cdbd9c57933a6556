package ginsession_test

import (
	"testing"

	"github.com/ginsession/ginsession"
)

// The table of origins, walked: each way to use a session, from each state that it can be in.
func TestOrigins(t *testing.T) {
	uses := map[string]func(s *ginsession.Session){
		"Get":   func(s *ginsession.Session) { s.Get("a") },
		"Set":   func(s *ginsession.Session) { s.Set("a", 2) },
		"Clear": (*ginsession.Session).Clear,
		"Key":   func(s *ginsession.Session) { s.Key() },
		"Save":  func(s *ginsession.Session) { _ = s.Save() },
		"Flush": func(s *ginsession.Session) { _ = s.Flush() },
		"Cycle": func(s *ginsession.Session) { _ = s.CycleKey() },
	}
	reach := map[string]func(s *ginsession.Session){
		"unread":  func(*ginsession.Session) {},
		"cleared": (*ginsession.Session).Clear,
		"loaded":  func(s *ginsession.Session) { s.Get("a") },
	}
	table := map[string]map[string]string{
		"unread":  {"Get": "loaded", "Set": "loaded", "Clear": "cleared", "Key": "loaded", "Save": "loaded", "Flush": "loaded", "Cycle": "loaded"},
		"cleared": {"Get": "cleared", "Set": "cleared", "Clear": "cleared", "Key": "loaded", "Save": "loaded", "Flush": "loaded", "Cycle": "loaded"},
		"loaded":  {"Get": "loaded", "Set": "loaded", "Clear": "loaded", "Key": "loaded", "Save": "loaded", "Flush": "loaded", "Cycle": "loaded"},
	}
	for from, row := range table {
		for use, to := range row {
			d := newDesk(t)
			s := d.session(t, d.saved(t, map[string]any{"a": 1}))
			reach[from](s)
			check(t, "the state before "+use, ginsession.Origin(s), from)
			uses[use](s)
			check(t, "the state after "+use+" when "+from, ginsession.Origin(s), to)
		}
		d := newDesk(t)
		s := d.session(t, d.saved(t, map[string]any{"a": 1}))
		reach[from](s)
		d.store.FailOn(errStore, "Load")
		s.Key()
		check(t, "the state after a load that failed when "+from, ginsession.Origin(s), from)
	}
}
