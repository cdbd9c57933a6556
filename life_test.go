package ginsession_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"pgregory.net/rapid"

	"github.com/ginsession/ginsession"
)

func TestSaveCreates(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, "")
	save(t, s)
	if len(s.Key()) != 32 {
		t.Errorf("the key has %d characters, want 32", len(s.Key()))
	}
	check(t, "the record", d.store.text(s.Key()), `{}`)
	check(t, "IsEmpty with a key", s.IsEmpty(), false)
	checkCalls(t, d.store, "Create")

	// A key that is taken, which is next to impossible, is replaced by another.
	taken := true
	d.store.setBefore(func(string) error {
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
	check(t, "the record", d.store.text(s.Key()), `{"a":1}`)
}

func TestSaveAgain(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, "")
	s.Set("a", 1)
	save(t, s)
	key := s.Key()
	d.clock.Advance(time.Minute)
	save(t, s)
	check(t, "Expires after a save of nothing", d.store.record(key).Expires, start.Add(time.Minute+14*24*time.Hour))
	s.Set("b", 2)
	_ = s.Delete("a")
	save(t, s)
	s.Set("c", 3)
	save(t, s)
	check(t, "the record", d.store.text(key), `{"b":2,"c":3}`)
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
			check(t, "the record", d.store.text(s.Key()), `{"b":2}`)
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
			check(t, "sessions", d.store.keys(), []string(nil))
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
			check(t, "sessions", w.store.keys(), []string(nil))
		})
	}
}

// A key that is unknown, expired or no key at all is a new session: without a key, without a
// row, and with a key of its own once it is saved.
func TestUnknownKey(t *testing.T) {
	for _, key := range []string{"abcdefghijklmnopqrstuvwxyz012345", "abcdefgh", "short", "", "Upper-Case_Key", "../../etc/passwd"} {
		d := newDesk(t)
		s := d.session(t, key)
		check(t, "Len", s.Len(), 0)
		check(t, "Key", s.Key(), "")
		check(t, "IsEmpty", s.IsEmpty(), true)
		check(t, "sessions", d.store.keys(), []string(nil))

		s.Set("a", 1)
		save(t, s)
		if s.Key() == key || len(s.Key()) != 32 {
			t.Errorf("the new session of %q has a key of %d characters", key, len(s.Key()))
		}
		check(t, "sessions", d.store.keys(), []string{s.Key()})
	}
}

func TestKeysThatAreNone(t *testing.T) {
	for _, key := range []string{"", "1234567", strings.Repeat("a", 65), "ABCDEFGH", "abcdefgh ", "abcdefg\x00", "abcd-fgh", "schlüssel"} {
		d := newDesk(t)
		d.session(t, key).Keys()
		exists, err := d.Exists(t.Context(), key)
		check(t, "Exists", []any{exists, err}, []any{false, error(nil)})
		check(t, "Delete", d.Delete(t.Context(), key), error(nil))
		checkCalls(t, d.store)
	}
	for _, key := range []string{"12345678", strings.Repeat("z", 64)} {
		d := newDesk(t)
		d.session(t, key).Keys()
		checkCalls(t, d.store, "Load")
	}
}

func TestOutsideARequest(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, "")
	if c := d.Cookie(s); c != nil {
		t.Errorf("the cookie of a session that was not saved: %v", c)
	}
	s.Set("a", 1)
	if c := d.Cookie(s); c != nil {
		t.Errorf("the cookie of a session that was not saved: %v", c)
	}
	save(t, s)
	c := d.Cookie(s)
	check(t, "the cookie's value", c.Value, s.Key())
	check(t, "the cookie's name", c.Name, "sessionid")
	check(t, "MaxAge", c.MaxAge, 14*24*60*60)
	check(t, "Expires", c.Expires, start.Add(14*24*time.Hour))

	exists, err := d.Exists(t.Context(), c.Value)
	check(t, "Exists", []any{exists, err}, []any{true, error(nil)})
	check(t, "Get", d.session(t, c.Value).Get("a"), int64(1))

	again := d.session(t, c.Value)
	check(t, "the cookie of a session that was only opened", d.Cookie(again).Value, c.Value)

	check(t, "Delete", d.Delete(t.Context(), c.Value), error(nil))
	check(t, "Delete again", d.Delete(t.Context(), c.Value), error(nil))
	exists, err = d.Exists(t.Context(), c.Value)
	check(t, "Exists after Delete", []any{exists, err}, []any{false, error(nil)})

	check(t, "Flush", s.Flush(), error(nil))
	if c := d.Cookie(s); c == nil || c.MaxAge >= 0 {
		t.Errorf("the cookie of a flushed session: %v, want its deletion", c)
	}
}

func TestExistsSaysWhyItCannotTell(t *testing.T) {
	d := newDesk(t)
	broken := errors.New("broken")
	d.store.setBefore(func(string) error { return broken })
	_, err := d.Exists(t.Context(), "abcdefgh")
	check(t, "Exists is unavailable", errors.Is(err, ginsession.ErrUnavailable) && errors.Is(err, broken), true)
	err = d.Delete(t.Context(), "abcdefgh")
	check(t, "Delete is unavailable", errors.Is(err, ginsession.ErrUnavailable) && errors.Is(err, broken), true)
}

// The store's operations have the values of the request's context and not its end.
func TestTheClientHangsUp(t *testing.T) {
	d := newDesk(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := d.Open(ctx, d.saved(t, map[string]any{"a": 1}))
	s.Set("b", 2)
	save(t, s)
	check(t, "the record", d.store.text(s.Key()), `{"a":1,"b":2}`)
	check(t, "CycleKey", s.CycleKey(), error(nil))
	save(t, s)
	check(t, "Flush", s.Flush(), error(nil))
}

func TestFlush(t *testing.T) {
	d := newDesk(t)
	key := d.saved(t, map[string]any{"a": 1, "b": 2})
	s := d.session(t, key)
	s.Get("a")
	check(t, "Flush", s.Flush(), error(nil))
	check(t, "sessions", d.store.keys(), []string(nil))
	check(t, "Key", s.Key(), "")
	check(t, "Len", s.Len(), 0)
	check(t, "IsEmpty", s.IsEmpty(), true)
	check(t, "Accessed and Modified", s.Accessed() && s.Modified(), true)

	s.Set("c", 3)
	save(t, s)
	check(t, "the key is another", s.Key() != key, true)
	check(t, "the record", d.store.text(s.Key()), `{"c":3}`)
	check(t, "sessions", len(d.store.keys()), 1)

	check(t, "Flush again", s.Flush(), error(nil))
	check(t, "Flush of an empty session", s.Flush(), error(nil))
	check(t, "sessions", d.store.keys(), []string(nil))
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
	check(t, "the record", d.store.text(s.Key()), `{"c":3}`)
}

// Where the record could not be deleted the session lives on, and the visitor is told.
func TestFlushThatFails(t *testing.T) {
	w := newSite(t)
	v := w.visitor(t)
	v.post(func(s *ginsession.Session) { s.Set("a", 1) })
	w.store.setBefore(func(operation string) error {
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
	check(t, "the record", w.store.text(key), `{"a":1}`)

	// A second try that succeeds has flushed it.
	w.store.setBefore(nil)
	first := true
	w.store.setBefore(func(operation string) error {
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
	check(t, "sessions", w.store.keys(), []string(nil))
}

func TestCycleKey(t *testing.T) {
	d := newDesk(t)
	old := d.saved(t, map[string]any{"a": 1})
	s := d.session(t, old)
	check(t, "CycleKey", s.CycleKey(), error(nil))
	key := s.Key()
	if key == old || len(key) != 32 {
		t.Errorf("the key has %d characters and is the old one: %v", len(key), key == old)
	}
	check(t, "sessions before the save", d.store.keys(), []string{old})
	check(t, "Get", s.Get("a"), int64(1))
	s.Set("b", 2)
	save(t, s)
	check(t, "sessions", d.store.keys(), []string{key})
	check(t, "the record", d.store.text(key), `{"a":1,"b":2}`)
	check(t, "the key", s.Key(), key)

	check(t, "CycleKey again", s.CycleKey(), error(nil))
	check(t, "CycleKey twice", s.CycleKey(), error(nil))
	save(t, s)
	check(t, "sessions", d.store.keys(), []string{s.Key()})
	check(t, "the record", d.store.text(s.Key()), `{"a":1,"b":2}`)
	checkCalls(t, d.store, "Load", "Replace", "Replace")
}

func TestCycleKeyOfANewSession(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, "abcdefgh") // planted
	check(t, "CycleKey", s.CycleKey(), error(nil))
	key := s.Key()
	s.Set("user", 1)
	save(t, s)
	check(t, "sessions", d.store.keys(), []string{key})
	check(t, "the key is not the planted one", key != "abcdefgh", true)
}

// Where CycleKey finds its old key gone, as when a sign-in is sent twice, a session is created
// with only what was set after CycleKey.
func TestCycleKeyOfADeletedSession(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(s *ginsession.Session)
		want   string
	}{
		{"Set", func(s *ginsession.Session) {
			_ = s.CycleKey()
			s.Set("user", 7)
		}, `{"user":7}`},
		{"Set before and after", func(s *ginsession.Session) {
			s.Set("before", 1)
			s.Set("user", 6)
			_ = s.CycleKey()
			s.Set("user", 7)
		}, `{"user":7}`},
		{"Delete", func(s *ginsession.Session) {
			_ = s.CycleKey()
			s.Set("user", 7)
			_ = s.Delete("a")
		}, `{"user":7}`},
		{"Modify", func(s *ginsession.Session) {
			_ = s.CycleKey()
			modifyInt(s, "a")
		}, `{"a":1}`},
		{"Set before, Modify after", func(s *ginsession.Session) {
			s.Set("a", 10)
			_ = s.CycleKey()
			modifyInt(s, "a")
		}, `{"a":1}`},
		{"Clear", func(s *ginsession.Session) {
			_ = s.CycleKey()
			s.Clear()
			s.Set("user", 7)
		}, `{"user":7}`},
		{"Set before, Clear after", func(s *ginsession.Session) {
			s.Set("before", 1)
			s.Set("too", 1)
			_ = s.CycleKey()
			s.Clear()
			s.Set("user", 7)
		}, `{"user":7}`},
		{"a map changed before", func(s *ginsession.Session) {
			s.Get("m").(map[string]any)["x"] = 1
			_ = s.CycleKey()
			s.Set("user", 7)
		}, `{"user":7}`},
		{"a loaded map changed after", func(s *ginsession.Session) {
			m := s.Get("m").(map[string]any)
			_ = s.CycleKey()
			m["x"] = 1
			s.Set("user", 7)
		}, `{"user":7}`},
		{"CycleKey twice", func(s *ginsession.Session) {
			_ = s.CycleKey()
			s.Set("user", 7)
			_ = s.CycleKey()
		}, `{"user":7}`},
		{"SetExpiry", func(s *ginsession.Session) {
			_ = s.CycleKey()
			s.SetExpiry(ginsession.ExpireAfter(time.Minute))
			s.Set("user", 7)
		}, `{"_session_expiry":60,"user":7}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDesk(t)
			old := d.saved(t, map[string]any{"a": 1, "m": map[string]any{}})
			s := d.session(t, old)
			if err := s.Load(); err != nil {
				t.Fatal(err)
			}
			if err := d.Delete(t.Context(), old); err != nil {
				t.Fatal(err)
			}
			test.change(s)
			key := s.Key()
			save(t, s)
			check(t, "sessions", d.store.keys(), []string{key})
			check(t, "the record", d.store.text(key), test.want)
			check(t, "Keys", s.Keys(), d.session(t, key).Keys())
			s.Set("later", true)
			save(t, s)
			check(t, "later", d.session(t, key).Get("later"), true)
		})
	}
}

// The cycled key replaces what the store holds by then.
func TestCycleKeyMerges(t *testing.T) {
	d := newDesk(t)
	old := d.saved(t, map[string]any{"a": 1})
	s := d.session(t, old)
	check(t, "CycleKey", s.CycleKey(), error(nil))
	d.somebodyElse(t, old, func(s *ginsession.Session) { s.Set("theirs", 1) })
	s.Set("user", 7)
	save(t, s)
	check(t, "the record", d.store.text(s.Key()), `{"a":1,"theirs":1,"user":7}`)
	check(t, "sessions", len(d.store.keys()), 1)
	check(t, "Get of theirs", s.Get("theirs"), int64(1))
}

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
			check(t, "the record", d.store.text(key), test.want)
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
		if keys := d.store.keys(); len(keys) > 0 {
			rt.Fatal("the session came back")
		}
	})
}

// A value that cannot be stored is named, nothing is saved, and what was stored stays.
func TestErrEncode(t *testing.T) {
	cyclic := map[string]any{}
	cyclic["self"] = cyclic
	list := make([]any, 1)
	list[0] = list
	type node struct{ Next *node }
	ring := &node{}
	ring.Next = ring
	var loop any
	loop = &loop
	values := map[string]any{
		"channel":                make(chan int),
		"function":               func() {},
		"complex":                1i,
		"NaN":                    math.NaN(),
		"Inf":                    math.Inf(-1),
		"float32 Inf":            float32(math.Inf(1)),
		"NaN inside":             []float64{1, math.NaN()},
		"NaN in a struct":        struct{ F float64 }{math.NaN()},
		"invalid UTF-8":          "\xff",
		"cut UTF-8":              "caf\xc3",
		"encoded surrogate":      "\xed\xa0\x80",
		"invalid inside":         map[string]any{"a": []string{"\xff"}},
		"invalid key":            map[string]any{"\xff": 1},
		"cyclic map":             cyclic,
		"cyclic list":            list,
		"cyclic struct":          ring,
		"cyclic pointer":         loop,
		"channel inside":         map[string]any{"a": []any{make(chan int)}},
		"function in a struct":   struct{ F func() }{},
		"a marshaler that fails": failingMarshaler{},
		"RawMessage":             json.RawMessage(`{`),
	}
	for name, v := range values {
		t.Run(name, func(t *testing.T) {
			w := newSite(t)
			visitor := w.visitor(t)
			visitor.post(func(s *ginsession.Session) { s.Set("a", 1) })
			key := visitor.key()
			w.store.taken()

			var saved, fixed error
			r := visitor.post(func(s *ginsession.Session) {
				s.Set("a", 2)
				s.Set("culprit", v)
				saved = s.Save()
			})
			if !errors.Is(saved, ginsession.ErrEncode) || !strings.Contains(fmt.Sprint(saved), `"culprit"`) {
				t.Errorf("Save: %v, want an ErrEncode that names the key", saved)
			}
			check(t, "status", r.StatusCode, http.StatusInternalServerError)
			check(t, "Set-Cookie", r.Header.Values("Set-Cookie"), []string(nil))
			check(t, "the record", w.store.text(key), `{"a":1}`)
			checkCalls(t, w.store, "Load")

			r = visitor.post(func(s *ginsession.Session) {
				s.Set("a", 3)
				s.Set("culprit", v)
				_ = s.Save()
				_ = s.Delete("culprit")
				fixed = s.Save()
			})
			check(t, "Save without the culprit", fixed, error(nil))
			check(t, "status", r.StatusCode, http.StatusOK)
			check(t, "the record", w.store.text(key), `{"a":3}`)
		})
	}
}

type failingMarshaler struct{}

func (failingMarshaler) MarshalJSON() ([]byte, error) { return nil, errors.New("no") }

// A dictionary key that is not text cannot be stored either, and neither can what Modify makes.
func TestErrEncodeElsewhere(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, d.saved(t, map[string]any{"a": 1}))
	s.Set("\xff", 1)
	err := s.Save()
	check(t, "Save of a key that is not UTF-8 is ErrEncode", errors.Is(err, ginsession.ErrEncode), true)
	check(t, "the record", d.store.text(s.Key()), `{"a":1}`)

	s = d.session(t, s.Key())
	_, err = ginsession.Modify(s, "a", func(any, bool) any { return func() {} })
	check(t, "Modify to a function is ErrEncode", errors.Is(err, ginsession.ErrEncode), true)
	checkContains(t, err.Error(), `"a"`)
	save(t, s)
	check(t, "the record", d.store.text(s.Key()), `{"a":1}`)

	s = d.session(t, "")
	s.Set("a", make(chan int))
	err = s.Save()
	check(t, "Save of a new session is ErrEncode", errors.Is(err, ginsession.ErrEncode), true)
	check(t, "sessions", len(d.store.keys()), 1)
	check(t, "Key", s.Key(), "")

	m := map[string]any{}
	s = d.session(t, "")
	s.Set("m", m)
	save(t, s)
	m["c"] = make(chan int)
	err = s.Save()
	check(t, "Save of a map with a channel is ErrEncode", errors.Is(err, ginsession.ErrEncode), true)
	check(t, "the record", d.store.text(s.Key()), `{"m":{}}`)
}

// A store's failure is no reason to say that the session has ended.
func TestFailedSave(t *testing.T) {
	w := newSite(t)
	v := w.visitor(t)
	v.post(func(s *ginsession.Session) { s.Set("a", 1) })
	key := v.key()
	broken := errors.New("broken")
	w.store.setBefore(func(operation string) error {
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

	w.store.setBefore(nil)
	check(t, "the record", w.store.text(key), `{"a":1}`)
	check(t, "sessions", w.store.keys(), []string{key})
}

// Where it is unknown whether a save came through, what can be applied twice is.
func TestUnknownOutcome(t *testing.T) {
	lost := errors.New("connection lost")
	for _, applied := range []bool{false, true} {
		t.Run(fmt.Sprintf("applied=%v", applied), func(t *testing.T) {
			d := newDesk(t)
			key := d.saved(t, map[string]any{"a": 1, "b": 2})
			s := d.session(t, key)
			s.Set("a", 3)
			_ = s.Delete("b")
			d.store.loseAnswer(applied, lost)
			save(t, s)
			check(t, "the record", d.store.text(key), `{"a":3}`)

			modifyInt(s, "a")
			d.store.loseAnswer(applied, lost)
			if err := s.Save(); !errors.Is(err, ginsession.ErrUnavailable) || !errors.Is(err, lost) {
				t.Errorf("Save of a Modify: %v, want ErrUnavailable and the cause", err)
			}

			s = d.session(t, key)
			d.store.loseAnswer(applied, lost)
			_, ok, err := ginsession.Claim[int](s, "a")
			if ok || !errors.Is(err, ginsession.ErrUnavailable) || !errors.Is(err, lost) {
				t.Errorf("Claim: %v, %v, want ErrUnavailable and the cause", ok, err)
			}

			s = d.session(t, key)
			_ = s.CycleKey()
			s.Set("c", 4)
			d.store.loseAnswer(applied, lost)
			save(t, s)
			check(t, "sessions", d.store.keys(), []string{s.Key()})
			check(t, "Get after CycleKey", d.session(t, s.Key()).Get("c"), int64(4))
		})
	}
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

// A record that cannot be decoded is no session: a warning is logged, the row stays as it is,
// and what is written goes under a new key.
func TestCorruptRecord(t *testing.T) {
	for _, record := range []string{
		"", " ", "{", "}", "null", "[]", `"text"`, "1", `{"a":1`, `{"a":1}}`, `{"a":1} {}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`,
		`{"a":01}`, `{"a":"\x"}`, `{"a":"` + "\n" + `"}`, `{"a":"\ud8"}`, `{"a":nan}`, `{"a":+1}`, "\x00", "\x80\x04\x95", "{\"a\":1\x00}",
		`{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`,
	} {
		w := newSite(t)
		w.store.put("abcdefgh", record)
		v := w.visitor(t)
		v.setKey("abcdefgh")
		r := v.get(func(s *ginsession.Session) {
			check(t, "Len", s.Len(), 0)
			check(t, "Key", s.Key(), "")
			check(t, "Err", s.Err(), error(nil))
		})
		check(t, "status", r.StatusCode, http.StatusOK)
		checkContains(t, w.log.String(), "level=WARN")
		if strings.Contains(w.log.String(), "abcdefgh") {
			t.Error("the log shows the key")
		}

		v.post(func(s *ginsession.Session) { s.Set("b", 2) })
		check(t, "the old record", w.store.text("abcdefgh"), record)
		if v.key() == "abcdefgh" {
			t.Error("the key of a corrupt record was kept")
		}
		check(t, "the new record", w.store.text(v.key()), `{"b":2}`)
	}
}

// A record that becomes corrupt between load and save is not overwritten.
func TestRecordCorruptedMeanwhile(t *testing.T) {
	d := newDesk(t)
	key := d.saved(t, map[string]any{"a": 1})
	s := d.session(t, key)
	s.Set("b", 2)
	d.store.put(key, "{")
	if err := s.Save(); !errors.Is(err, ginsession.ErrInterrupted) {
		t.Errorf("Save: %v, want ErrInterrupted", err)
	}
	check(t, "the record", d.store.text(key), "{")
}

func TestClearExpired(t *testing.T) {
	d := newDesk(t)
	for i := range 5 {
		s := d.session(t, "")
		s.SetExpiry(ginsession.ExpireAfter(time.Duration(i+1) * time.Hour))
		save(t, s)
	}
	d.clock.Advance(3 * time.Hour)
	removed, err := d.Manager.ClearExpired(t.Context())
	check(t, "ClearExpired", []any{removed, err}, []any{int64(3), error(nil)})
	check(t, "sessions", len(d.store.keys()), 2)

	broken := errors.New("broken")
	d.store.setBefore(func(string) error { return broken })
	_, err = d.Manager.ClearExpired(t.Context())
	check(t, "ClearExpired is unavailable", errors.Is(err, ginsession.ErrUnavailable) && errors.Is(err, broken), true)
}
