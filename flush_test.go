package ginsession_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/ginsession/ginsession"
)

func TestFlush(t *testing.T) {
	d := newDesk(t)
	key := d.saved(t, map[string]any{"a": 1, "b": 2})
	s := d.session(t, key)
	s.Get("a")
	check(t, "Flush", s.Flush(), error(nil))
	check(t, "sessions", d.store.Keys(), []string(nil))
	check(t, "Key", s.Key(), "")
	check(t, "Len", s.Len(), 0)
	check(t, "IsEmpty", s.IsEmpty(), true)
	check(t, "Accessed and Modified", s.Accessed() && s.Modified(), true)

	s.Set("c", 3)
	save(t, s)
	check(t, "the key is another", s.Key() != key, true)
	check(t, "the record", d.store.Text(s.Key()), `{"c":3}`)
	check(t, "sessions", len(d.store.Keys()), 1)

	check(t, "Flush again", s.Flush(), error(nil))
	check(t, "Flush of an empty session", s.Flush(), error(nil))
	check(t, "sessions", d.store.Keys(), []string(nil))
}

// What a handler still holds of a flushed session does not come back.
func TestFlushForgetsContainers(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, d.saved(t, map[string]any{"m": map[string]any{"a": 1}}))
	m := s.Get("m").(map[string]any)
	check(t, "Flush", s.Flush(), error(nil))
	m["b"] = 2
	s.Set("c", 3)
	save(t, s)
	check(t, "the record", d.store.Text(s.Key()), `{"c":3}`)
}

// If the record could not be deleted the session lives on, and the visitor is told.
func TestFlushThatFails(t *testing.T) {
	w := newSite(t)
	v := w.visitor(t)
	v.post(func(s *ginsession.Session) { s.Set("a", 1) })
	w.store.SetBefore(func(operation string) error {
		if operation == "Delete" {
			return errors.New("broken")
		}
		return nil
	})
	key := v.key()
	r := v.post(func(s *ginsession.Session) {
		if err := s.Flush(); !errors.Is(err, ginsession.ErrUnavailable) {
			t.Errorf("Flush: %v, want ErrUnavailable", err)
		}
	})
	check(t, "status", r.StatusCode, http.StatusServiceUnavailable)
	check(t, "Set-Cookie", r.Header.Values("Set-Cookie"), []string(nil))
	check(t, "the record", w.store.Text(key), `{"a":1}`)

	// A second try that succeeds has flushed it.
	w.store.SetBefore(nil)
	first := true
	w.store.SetBefore(func(operation string) error {
		if operation == "Delete" && first {
			first = false
			return errors.New("broken")
		}
		return nil
	})
	r = v.post(func(s *ginsession.Session) {
		_ = s.Flush()
		check(t, "Flush again", s.Flush(), error(nil))
	})
	check(t, "status", r.StatusCode, http.StatusOK)
	check(t, "the cookie", v.key(), "")
	check(t, "sessions", w.store.Keys(), []string(nil))
}
