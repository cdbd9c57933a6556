package ginsession_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

func TestSaveCreates(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, "")
	save(t, s)
	if len(s.Key()) != 32 {
		t.Errorf("the key has %d characters, want 32", len(s.Key()))
	}
	check(t, "the record", d.store.Text(s.Key()), `{}`)
	check(t, "IsEmpty with a key", s.IsEmpty(), false)
	checkCalls(t, d.store, "Create")

	// A key that is taken, which is next to impossible, is replaced by another.
	taken := true
	d.store.SetBefore(func(string) error {
		if taken {
			taken = false
			return ginsession.ErrExists
		}
		return nil
	})
	s = d.session(t, "")
	s.Set("a", 1)
	save(t, s)
	checkCalls(t, d.store, "Create", "Create")
	check(t, "the record", d.store.Text(s.Key()), `{"a":1}`)
}

func TestSaveAgain(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, "")
	s.Set("a", 1)
	save(t, s)
	key := s.Key()
	d.clock.Advance(time.Minute)
	save(t, s)
	check(t, "Expires after a save of nothing", d.store.Record(key).Expires, start.Add(time.Minute+14*24*time.Hour))
	s.Set("b", 2)
	_ = s.Delete("a")
	save(t, s)
	s.Set("c", 3)
	save(t, s)
	check(t, "the record", d.store.Text(key), `{"b":2,"c":3}`)
	check(t, "the key", s.Key(), key)
	check(t, "Items", s.Items(), map[string]any{"b": int64(2), "c": int64(3)})
	checkCalls(t, d.store, "Create", "Update", "Update", "Update")
}

// What is deleted and saved stays deleted, whatever is saved after it.
func TestDeletedStaysDeleted(t *testing.T) {
	for name, remove := range map[string]func(s *ginsession.Session){
		"Delete": func(s *ginsession.Session) { _ = s.Delete("a") },
		"Pop":    func(s *ginsession.Session) { s.Pop("a") },
		"Clear":  func(s *ginsession.Session) { s.Clear() },
		"Claim":  func(s *ginsession.Session) { _, _, _ = ginsession.Claim[int](s, "a") },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			s := d.session(t, d.saved(t, map[string]any{"a": 1}))
			remove(s)
			save(t, s)
			s.Set("b", 2)
			save(t, s)
			save(t, s)
			check(t, "the record", d.store.Text(s.Key()), `{"b":2}`)
		})
	}
}

// A save of a session that was ended meanwhile fails and leaves it ended.
func TestSaveOfADeletedSession(t *testing.T) {
	changes := map[string]func(s *ginsession.Session){
		"nothing":  func(*ginsession.Session) {},
		"Set":      func(s *ginsession.Session) { s.Set("b", 2) },
		"Delete":   func(s *ginsession.Session) { _ = s.Delete("a") },
		"Clear":    func(s *ginsession.Session) { s.Clear() },
		"Modify":   func(s *ginsession.Session) { modifyInt(s, "a") },
		"CycleKey": func(s *ginsession.Session) { _ = s.CycleKey() },
		"Set, then CycleKey": func(s *ginsession.Session) {
			s.Set("b", 2)
			_ = s.CycleKey()
		},
		"CycleKey, then Delete": func(s *ginsession.Session) {
			_ = s.CycleKey()
			_ = s.Delete("a")
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			key := d.saved(t, map[string]any{"a": 1})
			s := d.session(t, key)
			if err := s.Load(); err != nil {
				t.Fatal(err)
			}
			if err := d.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			change(s)
			for range 2 {
				if err := s.Save(); !errors.Is(err, ginsession.ErrInterrupted) {
					t.Errorf("Save: %v, want ErrInterrupted", err)
				}
			}
			check(t, "sessions", d.store.Keys(), []string(nil))
		})
	}
}

func TestExpiredWhileARequestRuns(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, d.saved(t, map[string]any{"a": 1}))
	s.Set("b", 2)
	if err := s.Load(); err != nil {
		t.Fatal(err)
	}
	d.clock.Advance(14 * 24 * time.Hour)
	if err := s.Save(); !errors.Is(err, ginsession.ErrInterrupted) {
		t.Errorf("Save: %v, want ErrInterrupted", err)
	}
}

// A request that changes a session while somebody else ends it: what it says depends on
// whether its method promises to change anything.
func TestInterrupted(t *testing.T) {
	for _, test := range []struct {
		method string
		status int
	}{
		{http.MethodGet, http.StatusOK},
		{http.MethodHead, http.StatusOK},
		{http.MethodOptions, http.StatusOK},
		{http.MethodPost, http.StatusConflict},
		{http.MethodPut, http.StatusConflict},
		{http.MethodPatch, http.StatusConflict},
		{http.MethodDelete, http.StatusConflict},
	} {
		t.Run(test.method, func(t *testing.T) {
			w := newSite(t)
			v := w.visitor(t)
			v.post(func(s *ginsession.Session) { s.Set("a", 1) })
			key := v.key()
			r := v.send(test.method, func(c *gin.Context) {
				ginsession.Get(c).Set("a", 2)
				check(t, "Delete", w.Delete(c, key), error(nil))
				c.String(http.StatusOK, "done")
			})
			check(t, "status", r.StatusCode, test.status)
			check(t, "Set-Cookie", r.Header.Values("Set-Cookie"), []string(nil))
			check(t, "sessions", w.store.Keys(), []string(nil))
		})
	}
}

// A store's failure is no reason to say that the session has ended.
func TestFailedSave(t *testing.T) {
	w := newSite(t)
	v := w.visitor(t)
	v.post(func(s *ginsession.Session) { s.Set("a", 1) })
	key := v.key()
	broken := errors.New("broken")
	w.store.SetBefore(func(operation string) error {
		if operation != "Load" {
			return broken
		}
		return nil
	})
	r := v.post(func(s *ginsession.Session) {
		s.Set("a", 2)
		if err := s.Save(); !errors.Is(err, ginsession.ErrUnavailable) || !errors.Is(err, broken) {
			t.Errorf("Save: %v, want ErrUnavailable and the cause", err)
		}
	})
	check(t, "status", r.StatusCode, http.StatusServiceUnavailable)
	check(t, "Set-Cookie", r.Header.Values("Set-Cookie"), []string(nil))

	stranger := w.visitor(t)
	r = stranger.post(func(s *ginsession.Session) { s.Set("a", 2) })
	check(t, "status of a new session", r.StatusCode, http.StatusServiceUnavailable)
	check(t, "Set-Cookie of a new session", r.Header.Values("Set-Cookie"), []string(nil))

	w.store.SetBefore(nil)
	check(t, "the record", w.store.Text(key), `{"a":1}`)
	check(t, "sessions", w.store.Keys(), []string{key})
}

// If it is unknown whether a save came through, what can be applied twice is.
func TestUnknownOutcome(t *testing.T) {
	lost := errors.New("connection lost")
	for _, applied := range []bool{false, true} {
		t.Run(fmt.Sprintf("applied=%v", applied), func(t *testing.T) {
			d := newDesk(t)
			key := d.saved(t, map[string]any{"a": 1, "b": 2})
			s := d.session(t, key)
			s.Set("a", 3)
			_ = s.Delete("b")
			d.store.LoseAnswer(applied, lost)
			save(t, s)
			check(t, "the record", d.store.Text(key), `{"a":3}`)

			modifyInt(s, "a")
			d.store.LoseAnswer(applied, lost)
			if err := s.Save(); !errors.Is(err, ginsession.ErrUnavailable) || !errors.Is(err, lost) {
				t.Errorf("Save of a Modify: %v, want ErrUnavailable and the cause", err)
			}

			s = d.session(t, key)
			d.store.LoseAnswer(applied, lost)
			_, ok, err := ginsession.Claim[int](s, "a")
			if ok || !errors.Is(err, ginsession.ErrUnavailable) || !errors.Is(err, lost) {
				t.Errorf("Claim: %v, %v, want ErrUnavailable and the cause", ok, err)
			}

			s = d.session(t, key)
			_ = s.CycleKey()
			s.Set("c", 4)
			d.store.LoseAnswer(applied, lost)
			save(t, s)
			check(t, "sessions", d.store.Keys(), []string{s.Key()})
			check(t, "Get after CycleKey", d.session(t, s.Key()).Get("c"), int64(4))
		})
	}
}
