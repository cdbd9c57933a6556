package ginsession_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

// A key that is unknown, expired or no key at all is a new session: without a key, without a
// row, and with a key of its own once it is saved.
func TestUnknownKey(t *testing.T) {
	for _, key := range []string{"abcdefghijklmnopqrstuvwxyz012345", "abcdefgh", "short", "", "Upper-Case_Key", "../../etc/passwd"} {
		d := newDesk(t)
		s := d.session(t, key)
		check(t, "Len", s.Len(), 0)
		check(t, "Key", s.Key(), "")
		check(t, "IsEmpty", s.IsEmpty(), true)
		check(t, "sessions", d.store.Keys(), []string(nil))

		s.Set("a", 1)
		save(t, s)
		if s.Key() == key || len(s.Key()) != 32 {
			t.Errorf("the new session of %q has a key of %d characters", key, len(s.Key()))
		}
		check(t, "sessions", d.store.Keys(), []string{s.Key()})
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
	d.store.SetBefore(func(string) error { return broken })
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
	check(t, "the record", d.store.Text(s.Key()), `{"a":1,"b":2}`)
	check(t, "CycleKey", s.CycleKey(), error(nil))
	save(t, s)
	check(t, "Flush", s.Flush(), error(nil))
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
		w.store.Put("abcdefgh", record)
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
		check(t, "the old record", w.store.Text("abcdefgh"), record)
		if v.key() == "abcdefgh" {
			t.Error("the key of a corrupt record was kept")
		}
		check(t, "the new record", w.store.Text(v.key()), `{"b":2}`)
	}
}

// A record that becomes corrupt between load and save is not overwritten.
func TestRecordCorruptedMeanwhile(t *testing.T) {
	d := newDesk(t)
	key := d.saved(t, map[string]any{"a": 1})
	s := d.session(t, key)
	s.Set("b", 2)
	d.store.Put(key, "{")
	if err := s.Save(); !errors.Is(err, ginsession.ErrInterrupted) {
		t.Errorf("Save: %v, want ErrInterrupted", err)
	}
	check(t, "the record", d.store.Text(key), "{")
}

// A session that could not be loaded is not an empty one: nothing works, and Err says why.
func TestFailedLoad(t *testing.T) {
	d := newDesk(t)
	key := d.saved(t, map[string]any{"a": 1})
	broken := errors.New("broken")
	d.store.SetBefore(func(string) error { return broken })

	s := d.session(t, key)
	check(t, "Get", s.Get("a"), nil)
	for name, err := range map[string]error{
		"Err":      s.Err(),
		"Load":     s.Load(),
		"Save":     s.Save(),
		"Delete":   s.Delete("a"),
		"CycleKey": s.CycleKey(),
		"Flush":    s.Flush(),
	} {
		if !errors.Is(err, ginsession.ErrUnavailable) || !errors.Is(err, broken) {
			t.Errorf("%s: %v, want ErrUnavailable and the cause", name, err)
		}
	}
	_, err := ginsession.Modify(s, "a", func(int, bool) int { t.Error("Modify ran"); return 2 })
	check(t, "Modify is unavailable", errors.Is(err, ginsession.ErrUnavailable), true)
	_, _, err = ginsession.Claim[int](s, "a")
	check(t, "Claim is unavailable", errors.Is(err, ginsession.ErrUnavailable), true)

	s.Set("b", 2)
	s.Update(map[string]any{"c": 3})
	s.Clear()
	s.SetExpiry(ginsession.ExpireAtBrowserClose)
	check(t, "SetDefault", s.SetDefault("d", 4), 4)
	v, ok := s.Pop("a")
	check(t, "Pop", []any{v, ok}, []any{nil, false})
	check(t, "Keys", s.Keys(), []string(nil))
	check(t, "Values", s.Values(), []any{})
	check(t, "Items", s.Items(), map[string]any{})
	check(t, "Len", s.Len(), 0)
	check(t, "Key", s.Key(), "")
	if c := d.Cookie(s); c != nil {
		t.Errorf("Cookie = %v, want none", c.Name)
	}

	d.store.SetBefore(nil)
	check(t, "Get after the store is back", s.Get("a"), nil)
	check(t, "Load after the store is back", s.Load(), error(nil))
	check(t, "Get after Load", s.Get("a"), int64(1))
	check(t, "the record", d.store.Text(key), `{"a":1}`)
}

func TestLoad(t *testing.T) {
	d := newDesk(t)
	key := d.saved(t, map[string]any{"a": 1})
	s := d.session(t, key)
	checkCalls(t, d.store)
	check(t, "Load", s.Load(), error(nil))
	check(t, "Load again", s.Load(), error(nil))
	check(t, "Get", s.Get("a"), int64(1))
	checkCalls(t, d.store, "Load")
}
