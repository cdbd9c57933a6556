package ginsession_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
	"github.com/ginsession/ginsession/internal/testsite"
)

var (
	firstKey  = strings.Repeat("1", 32)
	secondKey = strings.Repeat("2", 32)
)

func encrypted(keys ...string) func(*ginsession.Config) {
	return func(cfg *ginsession.Config) { cfg.EncryptionKeys = keys }
}

// Every engine keeps what it stores from whoever reads the store, and every rule of a session holds.
func TestEncryption(t *testing.T) {
	db := migrated(t)
	for name, engine := range map[string]func(t *testing.T) ginsession.Engine{
		"custom":    func(*testing.T) ginsession.Engine { return ginsession.Custom(testsite.NewStore()) },
		"db":        func(*testing.T) ginsession.Engine { return ginsession.DB(db) },
		"file":      func(t *testing.T) ginsession.Engine { return ginsession.File(t.TempDir()) },
		"cached":    func(*testing.T) ginsession.Engine { return ginsession.Cached(memory.New()) },
		"cached_db": func(*testing.T) ginsession.Engine { return ginsession.CachedDB(db, memory.New()) },
		"cookies":   func(*testing.T) ginsession.Engine { return ginsession.SignedCookies() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newSite(t, encrypted(firstKey), func(cfg *ginsession.Config) { cfg.Engine, cfg.HashKeys = engine(t), ginsession.On })
			v := w.visitor(t)
			v.post(func(s *ginsession.Session) {
				s.Set("secret", "precious")
				s.SetExpiry(ginsession.ExpireAfter(time.Hour))
			})
			if strings.Contains(v.key(), "precious") || strings.Contains(v.key(), "cHJlY2lvdXM") {
				t.Error("the cookie shows the data")
			}
			v.post(func(s *ginsession.Session) { check(t, "read", s.Get("secret"), "precious"); _ = s.CycleKey() })
			v.post(func(s *ginsession.Session) {
				check(t, "after CycleKey", s.Get("secret"), "precious")
				check(t, "ExpiryAge", s.ExpiryAge(), time.Hour)
				s.Set("more", 1)
			})
			if name != "cookies" {
				v.post(func(s *ginsession.Session) {
					if _, err := ginsession.Modify(s, "more", func(n int, _ bool) int { return n + 1 }); err != nil {
						t.Error(err)
					}
				})
				v.post(func(s *ginsession.Session) {
					n, ok, err := ginsession.Claim[int](s, "more")
					check(t, "Claim", []any{n, ok, err}, []any{2, true, error(nil)})
				})
			}
			w.clock.Advance(59 * time.Minute)
			v.get(func(s *ginsession.Session) { check(t, "before its end", s.Get("secret"), "precious") })
			w.clock.Advance(2 * time.Minute)
			v.get(func(s *ginsession.Session) { check(t, "after its end", s.Get("secret"), nil) })
			check(t, "log", w.log.String(), "")
		})
	}
}

// The store shows nothing, and what it holds is worth nothing in another place.
func TestEncryptedRecords(t *testing.T) {
	d := newDesk(t, encrypted(firstKey))
	key := d.saved(t, map[string]any{"secret": "precious", "user": "alice"})
	other := d.saved(t, map[string]any{"user": "bob"})
	stored := d.store.Text(key)
	for _, plain := range []string{"secret", "precious", "alice", "{"} {
		if strings.Contains(stored, plain) {
			t.Errorf("the record shows %q", plain)
		}
	}

	swapped := newDesk(t, encrypted(firstKey))
	swapped.store.Put(other, stored)
	check(t, "a record under another key", swapped.session(t, other).Has("user"), false)
	checkContains(t, swapped.log.String(), "level=WARN")

	renamed := newDesk(t, encrypted(firstKey), func(cfg *ginsession.Config) { cfg.CookieName = "office" })
	renamed.store.Put(key, stored)
	check(t, "a record of another cookie", renamed.session(t, key).Has("user"), false)

	plain := newDesk(t, encrypted(firstKey))
	plain.store.Put(key, `{"user":"mallory"}`)
	check(t, "plain text", plain.session(t, key).Has("user"), false)
}

// The first key seals, all open; a key that is no longer there opens nothing.
func TestEncryptionKeyRotation(t *testing.T) {
	d := newDesk(t, encrypted(firstKey))
	key := d.saved(t, map[string]any{"a": 1})
	rotated := newDesk(t, encrypted(secondKey, firstKey))
	rotated.store.Put(key, d.store.Text(key))
	s := rotated.session(t, key)
	check(t, "read with the retired key", s.Get("a"), int64(1))
	s.Set("a", 2)
	save(t, s)
	done := newDesk(t, encrypted(secondKey))
	done.store.Put(key, rotated.store.Text(key))
	check(t, "read with the new key alone", done.session(t, key).Get("a"), int64(2))
	done.store.Put(key, d.store.Text(key))
	check(t, "read without the retired key", done.session(t, key).Has("a"), false)
}

// EncryptionMigrate reads what is not encrypted yet, signed or plain, and writes it encrypted. Without
// it there is no way back to plain text.
func TestEncryptionMigrate(t *testing.T) {
	secret := func(cfg *ginsession.Config) { cfg.SecretKey = strings.Repeat("s", 50) }
	migrating := func(cfg *ginsession.Config) { cfg.EncryptionMigrate = ginsession.On }
	for name, before := range map[string]func(*ginsession.Config){"plain": func(*ginsession.Config) {}, "signed": secret} {
		old := newDesk(t, before)
		key := old.saved(t, map[string]any{"a": 1})
		d := newDesk(t, before, encrypted(firstKey), migrating)
		d.store.Put(key, old.store.Text(key))
		s := d.session(t, key)
		check(t, name+": read", s.Get("a"), int64(1))
		s.Set("a", 2)
		save(t, s)
		if !bytes.HasPrefix([]byte(d.store.Text(key)), []byte("gs1.")) {
			t.Errorf("%s: written as %q", name, d.store.Text(key))
		}
		after := newDesk(t, before, encrypted(firstKey))
		after.store.Put(key, d.store.Text(key))
		check(t, name+": read when the migration is over", after.session(t, key).Get("a"), int64(2))
		after.store.Put(key, old.store.Text(key))
		check(t, name+": plain text when the migration is over", after.session(t, key).Has("a"), false)
	}
	unsigned := newDesk(t, secret, encrypted(firstKey), migrating)
	unsigned.store.Put(planted, `{"a":1}`)
	check(t, "unsigned although there is a SecretKey", unsigned.session(t, planted).Has("a"), false)
}

// Two requests at once merge as they do unencrypted.
func TestEncryptedMerge(t *testing.T) {
	d := newDesk(t, encrypted(firstKey))
	s := d.session(t, d.saved(t, map[string]any{"a": 1}))
	s.Set("mine", 1)
	d.somebodyElse(t, s.Key(), func(s *ginsession.Session) { s.Set("other", 1) })
	save(t, s)
	check(t, "Items", d.session(t, s.Key()).Items(), map[string]any{"a": int64(1), "mine": int64(1), "other": int64(1)})
}

// The answer to a move is lost: the record is looked up under its new key, to which it is bound.
func TestEncryptedMoveWithALostAnswer(t *testing.T) {
	for _, applied := range []bool{true, false} {
		d := newDesk(t, encrypted(firstKey))
		s := d.session(t, d.saved(t, map[string]any{"a": 1}))
		if err := s.CycleKey(); err != nil {
			t.Fatal(err)
		}
		s.Set("user", "al")
		d.store.LoseAnswer(applied, errStore)
		save(t, s)
		check(t, "Items", d.session(t, s.Key()).Items(), map[string]any{"a": int64(1), "user": "al"})
		check(t, "log", d.log.String(), "")
	}
}

func TestEncryptionConfig(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg  ginsession.Config
		want string
	}{
		"a short key":         {ginsession.Config{EncryptionKeys: []string{firstKey, "short"}}, "EncryptionKeys"},
		"migrate without key": {ginsession.Config{EncryptionMigrate: ginsession.On}, "EncryptionMigrate"},
		"a switch":            {ginsession.Config{EncryptionKeys: []string{firstKey}, EncryptionMigrate: 7}, "EncryptionMigrate"},
		"with Django": {func() ginsession.Config {
			cfg := ginsession.ForDjango(&gorm.DB{}, ginsession.DjangoOptions{SecretKey: strings.Repeat("s", 50)})
			cfg.EncryptionKeys = []string{firstKey}
			return cfg
		}(), "EncryptionKeys"},
	} {
		if tt.cfg.Engine == nil {
			tt.cfg.Engine = ginsession.Cached(memory.New())
		}
		_, err := ginsession.NewManager(tt.cfg)
		var bad *ginsession.ConfigError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "short") {
			t.Errorf("%s: %v, want a ConfigError of %s", name, err, tt.want)
		}
	}
}

// While it migrates, a session that is only read is encrypted when its life is extended: otherwise the
// migration would never end.
func TestEncryptionMigratesWhatIsOnlyExtended(t *testing.T) {
	old := newDesk(t)
	key := old.saved(t, map[string]any{"a": 1})
	for name, extends := range map[string]func(*ginsession.Config){
		"SaveEveryRequest": func(cfg *ginsession.Config) { cfg.SaveEveryRequest = true },
		"RenewAfter":       func(cfg *ginsession.Config) { cfg.RenewAfter = time.Hour },
	} {
		w := newSite(t, encrypted(firstKey), extends, func(cfg *ginsession.Config) { cfg.EncryptionMigrate = ginsession.On })
		w.store.Put(key, old.store.Text(key))
		v := w.visitor(t)
		v.setKey(key)
		w.clock.Advance(50 * time.Minute)
		v.get(func(s *ginsession.Session) { check(t, name+": read", s.Get("a"), int64(1)) })
		checkContains(t, w.store.Text(key), "gs1.")
	}
}
