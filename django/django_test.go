package django_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
	"github.com/ginsession/ginsession/django"
)

const (
	secretKey = "ginsession-test-secret"
	password  = "pbkdf2_sha256$600000$c2FsdA$aGFzaA=="

	// authHash is what Django 4.2 makes of these two.
	authHash = "cdd6ac16b73a336e1fc440ccbac45e1ba1f355af22671d9603ee53fbefde359a"
)

func newManager(t *testing.T, cache ginsession.Cache) *ginsession.Manager {
	t.Helper()
	m, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.Cached(cache)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// newSession is a saved session that holds values.
func newSession(t *testing.T, values map[string]any) *ginsession.Session {
	t.Helper()
	s := newManager(t, memory.New()).Open(t.Context(), "")
	s.Update(values)
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestUserID(t *testing.T) {
	for _, test := range []struct {
		values map[string]any
		want   string
		wantOK bool
	}{
		{nil, "", false},
		{map[string]any{"_auth_user_id": "42"}, "42", true},
		{map[string]any{"_auth_user_id": "9f3c6f1e-0000-4000-8000-000000000000"}, "9f3c6f1e-0000-4000-8000-000000000000", true},
		{map[string]any{"_auth_user_id": ""}, "", false},
		{map[string]any{"_auth_user_id": 42}, "", false},
		{map[string]any{"_auth_user_id": nil}, "", false},
	} {
		if got, ok := django.UserID(newSession(t, test.values)); got != test.want || ok != test.wantOK {
			t.Errorf("UserID of %v = %q, %v, want %q, %v", test.values, got, ok, test.want, test.wantOK)
		}
	}
}

func TestVerifyAuthHash(t *testing.T) {
	for _, test := range []struct {
		name       string
		hash       any
		password   string
		secretKeys []string
		want       bool
	}{
		{"Django's", authHash, password, []string{secretKey}, true},
		{"fallback", authHash, password, []string{"new", secretKey, "older"}, true},
		{"changed password", authHash, password + "x", []string{secretKey}, false},
		{"retired secret", authHash, password, []string{"new"}, false},
		{"no secret", authHash, password, nil, false},
		{"cut off", authHash[:63], password, []string{secretKey}, false},
		{"capitals", strings.ToUpper(authHash), password, []string{secretKey}, false},
		{"empty", "", password, []string{secretKey}, false},
		{"number", 0, password, []string{secretKey}, false},
	} {
		s := newSession(t, map[string]any{"_auth_user_hash": test.hash})
		if got := django.VerifyAuthHash(s, test.password, test.secretKeys...); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
	if django.VerifyAuthHash(newSession(t, nil), password, secretKey) {
		t.Error("a session without a hash is verified")
	}
}

// TestVerifyAuthHashEmptySecret plants what an empty secret would have made.
func TestVerifyAuthHashEmptySecret(t *testing.T) {
	const made = "d6242dc79b959253d0f54d30889d54f8dbb97b442af09fd4c47972bcad3e438e"
	s := newSession(t, map[string]any{"_auth_user_hash": made})
	if django.VerifyAuthHash(s, password, "") {
		t.Error("an empty secret verifies what anybody can make")
	}
}

func TestLogin(t *testing.T) {
	ada := django.User{ID: "42", EncodedPassword: password}
	signedIn := map[string]any{
		"_auth_user_id":      "42",
		"_auth_user_backend": "django.contrib.auth.backends.ModelBackend",
		"_auth_user_hash":    authHash,
	}
	for _, test := range []struct {
		name   string
		before map[string]any
		user   django.User
		keeps  bool // what the visitor had
	}{
		{"new visitor", nil, ada, true},
		{"visitor", map[string]any{"_csrftoken": "planted"}, ada, true},
		{"again", signedIn, ada, true},
		{"another user's session", map[string]any{"_auth_user_id": "7", "_auth_user_hash": authHash}, ada, false},
		{"before a change of password", map[string]any{"_auth_user_id": "42", "_auth_user_hash": "old"}, ada, false},
		{"of an unknown kind", map[string]any{"_auth_user_id": 42, "_auth_user_hash": authHash}, ada, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSession(t, test.before)
			s.Set("cart", "tea")
			if err := s.Save(); err != nil {
				t.Fatal(err)
			}
			oldKey := s.Key()
			if err := django.Login(s, test.user, secretKey); err != nil {
				t.Fatal(err)
			}
			if err := s.Save(); err != nil {
				t.Fatal(err)
			}
			if s.Key() == oldKey || s.Key() == "" {
				t.Error("the key was not renewed")
			}
			for key, want := range signedIn {
				if got := s.Get(key); got != want {
					t.Errorf("%s = %v, want %v", key, got, want)
				}
			}
			if s.Has("_csrftoken") {
				t.Error("the CSRF token from before is still there")
			}
			if s.Has("cart") != test.keeps {
				t.Errorf("the cart is there: %v", s.Has("cart"))
			}
		})
	}
}

func TestLoginBackend(t *testing.T) {
	s := newSession(t, nil)
	err := django.Login(s, django.User{ID: "42", EncodedPassword: password, Backend: "shop.auth.Passkeys"}, secretKey)
	if got := s.Get("_auth_user_backend"); got != "shop.auth.Passkeys" || err != nil {
		t.Errorf("the backend is %v, %v", got, err)
	}
}

func TestLoginNeeds(t *testing.T) {
	s := newSession(t, nil)
	for _, test := range []struct{ id, secretKey string }{{"", secretKey}, {"42", ""}} {
		err := django.Login(s, django.User{ID: test.id, EncodedPassword: password}, test.secretKey)
		if _, ok := django.UserID(s); ok || err == nil {
			t.Errorf("user %q, secret key %q: error %v", test.id, test.secretKey, err)
		}
	}
}

func TestLogout(t *testing.T) {
	m := newManager(t, memory.New())
	s := m.Open(t.Context(), "")
	if err := django.Login(s, django.User{ID: "42", EncodedPassword: password}, secretKey); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	key := s.Key()
	if err := django.Logout(s); err != nil {
		t.Fatal(err)
	}
	if _, ok := django.UserID(s); ok {
		t.Error("somebody is still signed in")
	}
	if live, err := m.Exists(t.Context(), key); live || err != nil {
		t.Errorf("the session is live: %v, %v", live, err)
	}
}

// brokenCache can be read and written, until it breaks.
type brokenCache struct {
	*memory.Cache
	broken bool
}

var errBroken = errors.New("out of order")

func (c *brokenCache) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if c.broken {
		return nil, false, errBroken
	}
	return c.Cache.Get(ctx, key)
}

func (c *brokenCache) CompareAndSwap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if c.broken {
		return false, errBroken
	}
	return c.Cache.CompareAndSwap(ctx, key, old, new, ttl)
}

func (c *brokenCache) Delete(ctx context.Context, key string) error {
	if c.broken {
		return errBroken
	}
	return c.Cache.Delete(ctx, key)
}

// TestUnavailable asks about a session that cannot be loaded.
func TestUnavailable(t *testing.T) {
	cache := &brokenCache{Cache: memory.New()}
	m := newManager(t, cache)
	s := m.Open(t.Context(), "")
	if err := django.Login(s, django.User{ID: "42", EncodedPassword: password}, secretKey); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	key := s.Key()
	cache.broken = true
	if id, ok := django.UserID(m.Open(t.Context(), key)); ok {
		t.Errorf("%q is signed in", id)
	}
	if django.VerifyAuthHash(m.Open(t.Context(), key), password, secretKey) {
		t.Error("the hash is verified")
	}
	if err := django.Logout(m.Open(t.Context(), key)); !errors.Is(err, ginsession.ErrUnavailable) {
		t.Errorf("Logout: %v", err)
	}
	err := django.Login(m.Open(t.Context(), key), django.User{ID: "42", EncodedPassword: password}, secretKey)
	if !errors.Is(err, ginsession.ErrUnavailable) {
		t.Errorf("Login: %v", err)
	}
}
