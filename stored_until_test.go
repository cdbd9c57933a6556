package ginsession_test

import (
	"errors"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

func TestStoredUntil(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, "")
	s.Set("a", 1)
	checkTime(t, "StoredUntil of what was never saved", s.StoredUntil(), time.Time{})
	save(t, s)
	end := start.Add(14 * day)
	checkTime(t, "StoredUntil after the save", s.StoredUntil(), end)

	d.clock.Advance(time.Hour)
	again := d.session(t, s.Key())
	checkTime(t, "StoredUntil at the first use", again.StoredUntil(), end)
	again.SetExpiry(ginsession.ExpireAfter(time.Minute))
	checkTime(t, "StoredUntil before the change is saved", again.StoredUntil(), end)
	save(t, again)
	checkTime(t, "StoredUntil after it", again.StoredUntil(), start.Add(time.Hour+time.Minute))
	if err := again.Flush(); err != nil {
		t.Fatal(err)
	}
	checkTime(t, "StoredUntil after Flush", again.StoredUntil(), time.Time{})
}

func TestStoredUntilOfNone(t *testing.T) {
	d := newDesk(t)
	unknown := d.session(t, "abcdefghijklmnopqrstuvwxyz012345")
	checkTime(t, "StoredUntil of an unknown key", unknown.StoredUntil(), time.Time{})

	key := d.saved(t, map[string]any{"a": 1})
	d.store.SetBefore(func(string) error { return errors.New("down") })
	checkTime(t, "StoredUntil of what cannot be read", d.session(t, key).StoredUntil(), time.Time{})
}

func TestStoredUntilInACookie(t *testing.T) {
	d := newDesk(t, func(c *ginsession.Config) {
		c.Engine, c.SecretKey = ginsession.SignedCookies(), "a secret of the tests, long enough for them"
	})
	s := d.session(t, "")
	s.Set("a", 1)
	save(t, s)
	d.clock.Advance(time.Hour)
	checkTime(t, "StoredUntil", d.session(t, s.Key()).StoredUntil(), start.Add(14*day))
}
