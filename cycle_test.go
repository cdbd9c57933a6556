package ginsession_test

import (
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

func TestCycleKey(t *testing.T) {
	d := newDesk(t)
	old := d.saved(t, map[string]any{"a": 1})
	s := d.session(t, old)
	check(t, "CycleKey", s.CycleKey(), error(nil))
	key := s.Key()
	if key == old || len(key) != 32 {
		t.Errorf("the key has %d characters and is the old one: %v", len(key), key == old)
	}
	check(t, "sessions before the save", d.store.Keys(), []string{old})
	check(t, "Get", s.Get("a"), int64(1))
	s.Set("b", 2)
	save(t, s)
	check(t, "sessions", d.store.Keys(), []string{key})
	check(t, "the record", d.store.Text(key), `{"a":1,"b":2}`)
	check(t, "the key", s.Key(), key)

	check(t, "CycleKey again", s.CycleKey(), error(nil))
	check(t, "CycleKey twice", s.CycleKey(), error(nil))
	save(t, s)
	check(t, "sessions", d.store.Keys(), []string{s.Key()})
	check(t, "the record", d.store.Text(s.Key()), `{"a":1,"b":2}`)
	checkCalls(t, d.store, "Load", "Replace", "Replace")
}

func TestCycleKeyOfANewSession(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, "abcdefgh") // planted
	check(t, "CycleKey", s.CycleKey(), error(nil))
	key := s.Key()
	s.Set("user", 1)
	save(t, s)
	check(t, "sessions", d.store.Keys(), []string{key})
	check(t, "the key is not the planted one", key != "abcdefgh", true)
}

// If CycleKey finds its old key gone, as when a sign-in is sent twice, a session is created
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
			check(t, "sessions", d.store.Keys(), []string{key})
			check(t, "the record", d.store.Text(key), test.want)
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
	check(t, "the record", d.store.Text(s.Key()), `{"a":1,"theirs":1,"user":7}`)
	check(t, "sessions", len(d.store.Keys()), 1)
	check(t, "Get of theirs", s.Get("theirs"), int64(1))
}
