package ginsession_test

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ginsession/ginsession"
)

func securityFixation(t *testing.T) {
	planted := strings.Repeat("planted0", 4)
	onServerEngines(t, webSetup{}, func(t *testing.T, site *webSite) {
		attacked := site.as("sessionid=" + planted)
		if reply := attacked.get("/w/get"); reply.Text != "v=" || reply.cookie(t) != nil {
			t.Errorf("read: %q, cookie %v", reply.Text, reply.cookie(t))
		}
		if n := len(site.store.keys()); n != 0 {
			t.Errorf("%d records", n)
		}
		for _, path := range []string{"/w/set?v=1", "/w/login?user=ann"} {
			c := attacked.post(path).cookie(t)
			if c == nil || c.Value == planted || len(c.Value) != 32 {
				t.Fatalf("%s: cookie %v", path, c)
			}
			if got := site.as("sessionid="+c.Value).get("/w/get").Text + site.as("sessionid="+c.Value).get("/w/user").Text; got == "v=user=" {
				t.Errorf("%s: the new key opens nothing", path)
			}
			if got := attacked.get("/w/get").Text + attacked.get("/w/user").Text; got != "v=user=" {
				t.Errorf("%s: the planted key opens %q", path, got)
			}
		}
		if ok, err := site.manager.Exists(t.Context(), planted); ok || err != nil {
			t.Errorf("Exists: %t, %v", ok, err)
		}
	})
	t.Run("signed_cookies", func(t *testing.T) {
		cfg := ginsession.Config{Engine: ginsession.SignedCookies(), SecretKey: "attacker's"}
		forged := newWebSite(t, webSetup{Config: cfg}).visitor()
		forged.get("/w/login?user=admin")
		cfg.SecretKey = "ours"
		reply := newWebSite(t, webSetup{Config: cfg}).as("sessionid=" + forged.key()).get("/w/user")
		if reply.Text != "user=" || reply.cookie(t) != nil {
			t.Errorf("forged: %q, cookie %v", reply.Text, reply.cookie(t))
		}
	})
}

func securityRandomness(t *testing.T) {
	const keys, length, alphabet = 100_000, 32, "abcdefghijklmnopqrstuvwxyz0123456789"
	manager, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.Custom(newSpyStore())})
	if err != nil {
		t.Fatal(err)
	}
	s := manager.Open(t.Context(), "")
	seen := make(map[string]bool, keys)
	var counts [256]int
	for range keys {
		if err := s.CycleKey(); err != nil {
			t.Fatal(err)
		}
		key := s.Key()
		if len(key) != length || seen[key] {
			t.Fatalf("key %q, seen before: %t", key, seen[key])
		}
		seen[key] = true
		for i := range length {
			counts[key[i]]++
		}
	}
	// Each character is one of 36: a count strays by six standard deviations once in 10⁹ times.
	const expected, tolerance = keys * length / len(alphabet), 6 * 294
	total := 0
	for _, char := range []byte(alphabet) {
		total += counts[char]
		if d := counts[char] - expected; d < -tolerance || d > tolerance {
			t.Errorf("%q occurs %d times, want about %d", char, counts[char], expected)
		}
	}
	if total != keys*length {
		t.Errorf("%d characters are not of [a-z0-9]", keys*length-total)
	}
}

// failingReader gives a few bytes and fails.
type failingReader struct{ left int }

var errNoRandomness = errors.New("no randomness left")

func (r *failingReader) Read(b []byte) (int, error) {
	n := min(r.left, len(b))
	r.left -= n
	if n < len(b) {
		return n, errNoRandomness
	}
	return n, nil
}

func securityNoRandomness(t *testing.T) {
	store := newSpyStore()
	manager, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.Custom(store)})
	if err != nil {
		t.Fatal(err)
	}
	r := newWebRouter()
	r.Use(manager.Handler())
	addWebPages(r)
	cookie := "sessionid=" + visit(r, http.MethodGet, "/w/set?v=1").cookie(t).Value
	old := rand.Reader
	t.Cleanup(func() { rand.Reader = old })
	for _, left := range []int{0, 5, 39} {
		rand.Reader = &failingReader{left}
		s := manager.Open(t.Context(), "")
		s.Set("v", 1)
		if err := s.Save(); !errors.Is(err, errNoRandomness) || s.Key() != "" {
			t.Errorf("%d bytes: Save: %v, a key: %t", left, err, s.Key() != "")
		}
		rand.Reader = &failingReader{left}
		if reply := visit(r, http.MethodPost, "/w/set?v=1"); reply.StatusCode != http.StatusInternalServerError || reply.cookie(t) != nil {
			t.Errorf("%d bytes: a new session: %d, %v", left, reply.StatusCode, reply.cookie(t))
		}
		// The handler does not look at CycleKey's error: nobody is signed in under the old key.
		rand.Reader = &failingReader{left}
		if reply := visit(r, http.MethodPost, "/w/login?user=ann", cookie); reply.StatusCode != http.StatusInternalServerError || reply.cookie(t) != nil {
			t.Errorf("%d bytes: a sign-in: %d, %v", left, reply.StatusCode, reply.cookie(t))
		}
		if reply := visit(r, http.MethodGet, "/w/user", cookie); reply.Text != "user=" {
			t.Errorf("%d bytes: the old key is %q", left, reply.Text)
		}
	}
	if n := len(store.keys()); n != 1 {
		t.Errorf("%d records, want the first alone", n)
	}
}

func securitySignInCycles(t *testing.T) {
	onServerEngines(t, webSetup{}, func(t *testing.T, site *webSite) {
		attacker := site.visitor()
		attacker.get("/w/set?v=planted")
		key := attacker.key()
		victim := site.as("sessionid=" + key)
		c := victim.post("/w/login?user=ann").cookie(t)
		if c == nil || c.Value == key {
			t.Fatalf("the key after the sign-in: %v", c)
		}
		if got := site.as("sessionid=" + c.Value).get("/w/user").Text; got != "user=ann" {
			t.Errorf("the new key: %q", got)
		}
		if got := attacker.get("/w/user").Text + attacker.get("/w/get").Text; got != "user=v=" {
			t.Errorf("the planted key: %q", got)
		}
		if ok, err := site.manager.Exists(t.Context(), key); ok || err != nil {
			t.Errorf("the planted key exists: %t, %v", ok, err)
		}
		if calls := site.store.taken(); calls != nil && len(site.store.keys()) != 1 {
			t.Errorf("%d records, want one", len(site.store.keys()))
		}
	})
}

func securityUntrustedKeys(t *testing.T) {
	store := newSpyStore()
	manager, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.Custom(store)})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := ginsession.NewManager(ginsession.Config{
		Engine: ginsession.SignedCookies(), SecretKey: "secret", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	site, signedSite := newWebRouter(), newWebRouter()
	site.Use(manager.Handler())
	signedSite.Use(signed.Handler())
	addWebPages(site)
	addWebPages(signedSite)

	long := strings.Repeat("k", 10<<10)
	for _, value := range []string{
		"", " ", `""`, `"`, "=", ",", "x", "1234567", strings.Repeat("k", 65), long, "../x", "../../../../etc/passwd", `..\..\x`,
		"abcdefgh\x00", "\x00\x00\x00\x00\x00\x00\x00\x00", "abcdefgh\r\nSet-Cookie: a=b", "abcd efgh", "ABCDEFGH",
		"abcdefgh%00", "abcdefgh'--", "abcdefgh/", "abcdefgh.", "äöüäöüäöü", "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", "abcdefg：", "ｋｋｋｋｋｋｋｋ",
		"::", ":::", ".", ".:1:2", "a:b:c", strings.Repeat(":", 100), "eyJhIjoxfQ:1r31eq:", "eyJhIjoxfQ:1r31eq:81r30uD1FfxbBH73rMGh7j2dsvWDHaOsqA3GEdADOVo",
	} {
		cookie := "sessionid=" + value
		for _, path := range []string{"/w/get", "/w/user", "/w/flush"} {
			for name, h := range map[string]http.Handler{"custom": site, "signed_cookies": signedSite} {
				reply := visit(h, http.MethodPost, path, cookie)
				if reply.StatusCode != http.StatusOK || strings.HasSuffix(reply.Text, "1") {
					t.Errorf("%s %.40q %s: %d %q", name, value, path, reply.StatusCode, reply.Text)
				}
				if c := reply.cookie(t); c != nil && c.Value != "" {
					t.Errorf("%s %.40q %s: a session was begun: %v", name, value, path, c)
				}
			}
		}
		if calls := store.taken(); calls != nil {
			t.Errorf("%.40q reached the store: %v", value, calls)
		}
		if exists, err := manager.Exists(t.Context(), value); exists || err != nil {
			t.Errorf("Exists(%.40q): %t, %v", value, exists, err)
		}
		if err := manager.Delete(t.Context(), value); err != nil {
			t.Errorf("Delete(%.40q): %v", value, err)
		}
		if s := manager.Open(t.Context(), value); !s.IsEmpty() || s.Key() != "" || s.Err() != nil {
			t.Errorf("Open(%.40q) is no empty session", value)
		}
		if calls := store.taken(); calls != nil {
			t.Errorf("%.40q reached the store outside a request: %v", value, calls)
		}
		reply := visit(site, http.MethodPost, "/w/set?v=1", cookie)
		if c := reply.cookie(t); c == nil || len(c.Value) != 32 || c.Value == value {
			t.Errorf("%.40q: a write sets %v", value, c)
		}
		if calls := store.taken(); !slices.Equal(calls, []string{"Create"}) {
			t.Errorf("%.40q: a write is %v", value, calls)
		}
	}
}
