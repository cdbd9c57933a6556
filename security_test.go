package ginsession_test

import (
	"bytes"
	"compress/zlib"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
	"github.com/ginsession/ginsession/signing"
)

// What a session library must withstand, a rule a test. The numbers are those of OWASP's
// Application Security Verification Standard 5.0.
func TestSecurity(t *testing.T) {
	for _, rule := range []struct {
		name string
		test func(t *testing.T)
	}{
		{"3.1.1 a key counts in the cookie only", securityCookieOnly},
		{"3.3.1 cookie prefixes and attributes are checked", securityCookieAttributes},
		{"3.3.5 a cookie of 4096 bytes is sent, one of 4097 refused", securityCookieSize},
		{"7.2.1 an unknown key is never adopted", securityFixation},
		{"7.2.2 keys are random", securityRandomness},
		{"7.2.2 without randomness there is no key", securityNoRandomness},
		{"7.2.4 a sign-in leaves a planted key worthless", securitySignInCycles},
		{"7.3.1 an idle session ends", securityIdle},
		{"7.3.2 a session ends after its lifetime", securityLifetime},
		{"7.4.1 a cookie from before the sign-out is worthless", securityReplay},
		{"what is no key never reaches the store", securityUntrustedKeys},
		{"junk keys fill no store", securityStoreFilling},
		{"after a flush an empty cookie is nobody's", securityEmptyCookie},
		{"fifty cookies cost three loads", securityAmplification},
		{"what the store knows opens nothing", securityStolenStore},
		{"a request that outlives the sign-out revives nothing", securityResurrection},
		{"a sign-in sent twice revives nothing", securitySignInTwice},
		{"records are JSON", securityJSON},
		{"what was signed for another purpose is refused", securityOtherPurpose},
		{"a retired secret is refused", securityRotation},
		{"a signed bomb does not go off", securityBombs},
		{"a record cut or flipped anywhere is no session", securityTornRecord},
		{"a clock that goes back revives nothing", securityClock},
		{"caches see Vary and private", securityVary},
		{"a caching proxy gives nobody another's cookie", securityProxy},
		{"no log holds a key or a secret", securityLogs},
		{"a dump of many cookies is masked in one pass", securityMaskedDump},
	} {
		t.Run(rule.name, rule.test)
	}
}

// onServerEngines runs f for a site on each engine that keeps sessions on the server.
func onServerEngines(t *testing.T, setup webSetup, f func(t *testing.T, site *webSite)) {
	t.Helper()
	for name, engine := range map[string]func(t *testing.T) ginsession.Engine{
		"custom": func(*testing.T) ginsession.Engine { return nil },
		"db":     func(t *testing.T) ginsession.Engine { return ginsession.DB(migrated(t)) },
		"file":   func(t *testing.T) ginsession.Engine { return ginsession.File(t.TempDir()) },
		"cached": func(*testing.T) ginsession.Engine { return ginsession.Cached(memory.New()) },
		"cached_db": func(t *testing.T) ginsession.Engine {
			return ginsession.CachedDB(migrated(t), memory.New())
		},
	} {
		t.Run(name, func(t *testing.T) {
			setup.Engine = engine(t)
			f(t, newWebSite(t, setup))
		})
	}
}

// migrated returns a new database in a file, with the sessions table.
func migrated(t *testing.T) *gorm.DB {
	t.Helper()
	db := openSQLite(t)
	if err := ginsession.Migrate(db); err != nil {
		t.Fatal(err)
	}
	return db
}

// visit sends a request past the network, which would not carry every cookie.
func visit(h http.Handler, method, path string, cookies ...string) *webReply {
	req := httptest.NewRequest(method, path, nil)
	req.Header["Cookie"] = cookies
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return &webReply{w.Result(), w.Body.String()}
}

func securityCookieOnly(t *testing.T) {
	site := newWebSite(t, webSetup{})
	v := site.visitor()
	v.get("/w/set?v=1")
	site.calls()
	key := v.key()
	for _, headers := range [][]webHeader{
		nil,
		{{"Sessionid", key}},
		{{"Authorization", "Bearer " + key}},
		{{"X-Sessionid", key}, {"Set-Cookie", "sessionid=" + key}},
	} {
		for _, path := range []string{"/w/get?sessionid=" + key, "/w/get?sessionid=" + key + "#sessionid=" + key, "/w/get;sessionid=" + key} {
			reply := site.as("").post(path, headers...)
			if strings.Contains(reply.Text, "v=1") || reply.cookie(t) != nil || site.calls() != "" {
				t.Errorf("%s %v: %q", path, headers, reply.Text)
			}
		}
	}
}

func securityCookieAttributes(t *testing.T) {
	for name, cfg := range map[string]ginsession.Config{
		"__Host- with a Domain":      {CookieName: "__Host-id", CookieSecure: true, CookieDomain: "example.com"},
		"__Host- with another Path":  {CookieName: "__Host-id", CookieSecure: true, CookiePath: "/app"},
		"__Host- without Secure":     {CookieName: "__Host-id"},
		"__HOST- without Secure":     {CookieName: "__HOST-id"},
		"__Secure- without Secure":   {CookieName: "__Secure-id"},
		"SameSite=None, not Secure":  {CookieSameSite: http.SameSiteNoneMode},
		"Partitioned without Secure": {CookiePartitioned: true},
		"a name with a line break":   {CookieName: "id\r\nX: y"},
		"a Domain with a semicolon":  {CookieDomain: "example.com; Secure"},
		"a Path with a line break":   {CookiePath: "/\r\nX: y"},
		"a Path with a semicolon":    {CookiePath: "/; Domain=evil.example"},
	} {
		cfg.Engine = ginsession.Custom(newSpyStore())
		if _, err := ginsession.NewManager(cfg); !errors.Is(err, ginsession.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func securityCookieSize(t *testing.T) {
	random := rand.Text() + strings.Repeat(rand.Text(), 40)
	large := "/w/set?v=" + url.QueryEscape(random)
	signed := func(name string) webSetup {
		return webSetup{Config: ginsession.Config{Engine: ginsession.SignedCookies(), SecretKey: "secret", CookieName: name}}
	}
	value := newWebSite(t, signed("")).visitor().get(large).Cookies()[0].Value
	for _, tt := range []struct {
		size int
		sent bool
	}{
		{4096, true},
		{4097, false},
	} {
		name := strings.Repeat("n", tt.size-len(value))
		site := newWebSite(t, signed(name))
		v := site.visitor()
		v.get("/w/set?v=small")
		reply := v.get(large)
		want := "v=" + random
		if !tt.sent {
			want = "v=small" // the old cookie is intact
		}
		if sent := len(reply.Header["Set-Cookie"]) == 1; sent != tt.sent || (reply.StatusCode == http.StatusInternalServerError) == tt.sent {
			t.Errorf("%d bytes: answer %d, %d cookies", tt.size, reply.StatusCode, len(reply.Header["Set-Cookie"]))
		}
		if tt.sent {
			if c := reply.Cookies()[0]; len(c.Name)+len(c.Value) != tt.size {
				t.Errorf("%d bytes were sent, want %d", len(c.Name)+len(c.Value), tt.size)
			}
		}
		if got := v.get("/w/get").Text; got != want {
			t.Errorf("%d bytes: the next request reads %.20q", tt.size, got)
		}
	}
}

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

func securityIdle(t *testing.T) {
	setup := webSetup{Config: ginsession.Config{CookieAge: 30 * time.Minute}}
	onServerEngines(t, setup, func(t *testing.T, site *webSite) { checkIdle(t, site) })
	t.Run("signed_cookies", func(t *testing.T) {
		setup.Engine, setup.SecretKey = ginsession.SignedCookies(), "secret"
		checkIdle(t, newWebSite(t, setup))
	})
}

// checkIdle has a client keep its cookie for longer than the session lives.
func checkIdle(t *testing.T, site *webSite) {
	t.Helper()
	v := site.visitor()
	v.get("/w/set?v=1")
	client := site.as("sessionid=" + v.key())
	for _, tt := range []struct {
		later time.Duration
		reads string
	}{
		{30*time.Minute - time.Second, "v=1"},
		{time.Second, "v="},
		{time.Hour, "v="},
	} {
		site.clock.Advance(tt.later)
		if got := client.get("/w/get").Text; got != tt.reads {
			t.Errorf("%v later: %q, want %q", tt.later, got, tt.reads)
		}
	}
}

func securityLifetime(t *testing.T) {
	for name, cfg := range map[string]ginsession.Config{
		"SaveEveryRequest": {SaveEveryRequest: true},
		"RenewAfter":       {RenewAfter: time.Minute},
		"written to":       {},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.CookieAge, cfg.MaxLifetime = 10*time.Minute, time.Hour
			onServerEngines(t, webSetup{Config: cfg}, func(t *testing.T, site *webSite) { checkLifetime(t, site) })
			t.Run("signed_cookies", func(t *testing.T) {
				cfg.Engine, cfg.SecretKey = ginsession.SignedCookies(), "secret"
				checkLifetime(t, newWebSite(t, webSetup{Config: cfg}))
			})
		})
	}
}

// checkLifetime touches a session every minute for longer than an hour.
func checkLifetime(t *testing.T, site *webSite) {
	t.Helper()
	cookie := site.visitor().post("/w/login?user=ann").cookie(t)
	for minute := 1; minute <= 62; minute++ {
		site.clock.Advance(time.Minute)
		client := site.as("sessionid=" + cookie.Value)
		want := "user=ann"
		if minute >= 60 {
			want = "user="
		}
		reply := client.get("/w/user")
		if reply.Text != want {
			t.Fatalf("after %d minutes: %q, want %q", minute, reply.Text, want)
		}
		if minute < 60 {
			if reply := client.get("/w/set?v=1"); reply.cookie(t) != nil {
				cookie = reply.cookie(t)
			}
		}
	}
}

func securityReplay(t *testing.T) {
	onServerEngines(t, webSetup{}, func(t *testing.T, site *webSite) {
		v := site.visitor()
		v.post("/w/login?user=ann")
		stolen := site.as("sessionid=" + v.key())
		if got := stolen.get("/w/user").Text; got != "user=ann" {
			t.Fatalf("before: %q", got)
		}
		v.post("/w/flush")
		if v.key() != "" {
			t.Error("the browser still has a cookie")
		}
		if reply := stolen.get("/w/user"); reply.Text != "user=" || reply.cookie(t) != nil {
			t.Errorf("afterwards: %q, cookie %v", reply.Text, reply.cookie(t))
		}
		if reply := stolen.post("/w/set?v=1"); reply.cookie(t) == nil || "sessionid="+reply.cookie(t).Value == stolen.cookies {
			t.Errorf("a write afterwards: cookie %v", reply.cookie(t))
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

func securityStoreFilling(t *testing.T) {
	const requests = 1000
	for _, junk := range []struct {
		name string
		key  func(i int) string
	}{
		{"no keys at all", func(i int) string { return fmt.Sprint("junk-", i) }},
		{"unknown keys", func(i int) string { return fmt.Sprintf("junk%028d", i) }},
	} {
		t.Run(junk.name, func(t *testing.T) {
			for name, engine := range map[string]ginsession.Engine{"custom": nil, "db": ginsession.DB(migrated(t))} {
				store := newSpyStore()
				if engine == nil {
					engine = ginsession.Custom(store)
				}
				r := newWebRouter()
				r.Use(ginsession.New(ginsession.Config{Engine: engine, SaveEveryRequest: true}))
				addWebPages(r)
				for i := range requests {
					cookie := "sessionid=" + junk.key(i)
					if reply := visit(r, http.MethodGet, "/w/get", cookie); reply.cookie(t) != nil {
						t.Fatalf("%s: a read sets %v", name, reply.cookie(t))
					}
					if got := setCookieKind(visit(r, http.MethodPost, "/w/flush", cookie).cookie(t), ""); got != "deleted" {
						t.Fatalf("%s: a flush sets %q, want the cookie's deletion", name, got)
					}
				}
				if n := len(store.keys()); n != 0 {
					t.Errorf("%s: %d records", name, n)
				}
			}
		})
	}
	t.Run("rows", func(t *testing.T) {
		db := migrated(t)
		r := newWebRouter()
		r.Use(ginsession.New(ginsession.Config{Engine: ginsession.DB(db)}))
		addWebPages(r)
		for i := range requests {
			visit(r, http.MethodPost, "/w/flush", fmt.Sprintf("sessionid=junk%028d", i))
		}
		if n := countRows(t, db); n != 0 {
			t.Errorf("%d rows", n)
		}
		visit(r, http.MethodPost, "/w/set?v=1")
		if n := countRows(t, db); n != 1 {
			t.Errorf("%d rows after a write, want one", n)
		}
	})
}

func countRows(t *testing.T, db *gorm.DB) (n int64) {
	t.Helper()
	if err := db.Model(&ginsession.Model{}).Count(&n).Error; err != nil {
		t.Fatal(err)
	}
	return n
}

func securityEmptyCookie(t *testing.T) {
	onServerEngines(t, webSetup{}, func(t *testing.T, site *webSite) {
		v := site.visitor()
		v.get("/w/set?v=1")
		v.post("/w/flush")
		site.calls()
		for _, cookies := range []string{"sessionid=", `sessionid=""`, "sessionid", "sessionid=; sessionid="} {
			reply := site.as(cookies).get("/w/get")
			if reply.Text != "v=" || reply.cookie(t) != nil || site.calls() != "" {
				t.Errorf("%s: %q, cookie %v", cookies, reply.Text, reply.cookie(t))
			}
			a, b := site.as(cookies).post("/w/set?v=2").cookie(t), site.as(cookies).post("/w/set?v=3").cookie(t)
			if a == nil || b == nil || a.Value == b.Value || a.Value == "" || b.Value == "" {
				t.Errorf("%s: two visitors share %v", cookies, a)
			}
			site.calls()
		}
	})
}

func securityAmplification(t *testing.T) {
	site := newWebSite(t, webSetup{})
	var cookies []string
	for i := range 50 {
		cookies = append(cookies, fmt.Sprintf("sessionid=junk%028d", i))
	}
	for name, header := range map[string][]string{"one header": {strings.Join(cookies, "; ")}, "fifty headers": cookies} {
		for path, most := range map[string]int{"/w/get": 3, "/w/set?v=1": 4, "/w/flush": 16, "/w/login?user=x": 4} {
			visit(site.Config.Handler, http.MethodPost, path, header...)
			if calls := site.store.taken(); len(calls) > most {
				t.Errorf("%s, %s: %v", name, path, calls)
			}
		}
	}
}

func securityStolenStore(t *testing.T) {
	t.Run("custom", func(t *testing.T) {
		site := newWebSite(t, webSetup{})
		v := site.visitor()
		v.post("/w/login?user=ann")
		checkStolen(t, site, v.key(), site.store.keys())
	})
	t.Run("db", func(t *testing.T) {
		db := migrated(t)
		site := newWebSite(t, webSetup{Config: ginsession.Config{Engine: ginsession.DB(db)}})
		v := site.visitor()
		v.post("/w/login?user=ann")
		var keys []string
		if err := db.Model(&ginsession.Model{}).Pluck("session_key", &keys).Error; err != nil {
			t.Fatal(err)
		}
		checkStolen(t, site, v.key(), keys)
	})
}

// checkStolen sends what the store knows a session by as a cookie.
func checkStolen(t *testing.T, site *webSite, key string, stored []string) {
	t.Helper()
	if len(stored) != 1 || len(stored[0]) != 40 || strings.Trim(stored[0], "0123456789abcdefghijklmnopqrstuv") != "" {
		t.Fatalf("stored keys %q", stored)
	}
	if strings.Contains(stored[0], key) {
		t.Error("the store has the key itself")
	}
	if reply := site.as("sessionid=" + stored[0]).get("/w/user"); reply.Text != "user=" {
		t.Errorf("the stored digest opens %q", reply.Text)
	}
	if ok, err := site.manager.Exists(t.Context(), stored[0]); ok || err != nil {
		t.Errorf("the stored digest exists: %t, %v", ok, err)
	}
	if got := site.as("sessionid=" + key).get("/w/user").Text; got != "user=ann" {
		t.Errorf("the key itself opens %q", got)
	}
}

func securityResurrection(t *testing.T) {
	loaded, signedOut := make(chan struct{}), make(chan struct{})
	changes := map[string]func(s *ginsession.Session){
		"set":    func(s *ginsession.Session) { s.Set("v", "late") },
		"delete": func(s *ginsession.Session) { _ = s.Delete("v") },
		"clear":  func(s *ginsession.Session) { s.Clear() },
		"mark":   func(s *ginsession.Session) { s.MarkModified() },
		"save":   func(s *ginsession.Session) { _ = s.Save() },
		"cycle":  func(s *ginsession.Session) { _ = s.CycleKey() },
		"modify": func(s *ginsession.Session) {
			_, _ = ginsession.Modify(s, "n", func(n int, _ bool) int { return n + 1 })
		},
		"read": func(s *ginsession.Session) { s.Get("v") },
	}
	setup := webSetup{Config: ginsession.Config{SaveEveryRequest: true}, Routes: func(r *gin.Engine) {
		r.Any("/slow/:change", func(c *gin.Context) {
			s := ginsession.Get(c)
			s.Get("v")
			loaded <- struct{}{}
			<-signedOut
			changes[c.Param("change")](s)
			c.String(http.StatusOK, "page")
		})
	}}
	onServerEngines(t, setup, func(t *testing.T, site *webSite) {
		for change := range changes {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				v := site.visitor()
				v.get("/w/set?v=1")
				cookie := "sessionid=" + v.key()
				slow := make(chan *webReply)
				go func() { slow <- visit(site.Config.Handler, method, "/slow/"+change, cookie) }()
				<-loaded
				v.post("/w/flush")
				signedOut <- struct{}{}
				reply := <-slow
				if c := reply.cookie(t); c != nil {
					t.Errorf("%s %s sets %v", method, change, c)
				}
				if reply.StatusCode != http.StatusOK && (method == http.MethodGet || reply.StatusCode != http.StatusConflict) {
					t.Errorf("%s %s: %d", method, change, reply.StatusCode)
				}
				if got := site.as(cookie).get("/w/get").Text; got != "v=" {
					t.Errorf("%s %s: the session is back: %q", method, change, got)
				}
			}
		}
		if n := len(site.store.keys()); n != 0 {
			t.Errorf("%d records are left", n)
		}
	})
}

func securitySignInTwice(t *testing.T) {
	var both sync.WaitGroup
	setup := webSetup{Routes: func(r *gin.Engine) {
		r.POST("/both", func(c *gin.Context) {
			s := ginsession.Get(c)
			s.Get("v")
			both.Done()
			both.Wait() // each has loaded the old session
			_ = s.CycleKey()
			s.Set("user", "ann")
			c.String(http.StatusOK, "in")
		})
	}}
	onServerEngines(t, setup, func(t *testing.T, site *webSite) {
		v := site.visitor()
		v.get("/w/set?v=old")
		old := "sessionid=" + v.key()
		both.Add(2)
		replies := make(chan *webReply, 2)
		for range 2 {
			go func() { replies <- visit(site.Config.Handler, http.MethodPost, "/both", old) }()
		}
		keys := map[string]bool{}
		kept := 0
		for range 2 {
			reply := <-replies
			c := reply.cookie(t)
			if reply.StatusCode != http.StatusOK || c == nil {
				t.Fatalf("answer %d, cookie %v", reply.StatusCode, c)
			}
			keys[c.Value] = true
			client := site.as("sessionid=" + c.Value)
			if got := client.get("/w/user").Text; got != "user=ann" {
				t.Errorf("a sign-in reads %q", got)
			}
			if client.get("/w/get").Text == "v=old" {
				kept++
			}
		}
		if len(keys) != 2 || kept != 1 {
			t.Errorf("%d sessions, %d with the old one's data, want two and one", len(keys), kept)
		}
		if got := site.as(old).get("/w/get").Text; got != "v=" {
			t.Errorf("the old key reads %q", got)
		}
	})
}

func securityJSON(t *testing.T) {
	site := newWebSite(t, webSetup{})
	v := site.visitor()
	v.get("/w/set?v=%F0%9F%98%80")
	if got := site.record(); got != `{"v":"\ud83d\ude00"}` {
		t.Errorf("the record is %s", got)
	}
	// What other frameworks would bring to life is text here: a pickle, a gob, a PHP object.
	for _, data := range []string{
		"cos\nsystem\n(S'id'\ntR.", "\x0f\xff\x81\x03\x01\x01\x05boxed\x01\xff\x82\x00", `O:8:"stdClass":0:{}`,
		base64.StdEncoding.EncodeToString([]byte("cos\nsystem\n(S'id'\ntR.")),
	} {
		for key := range site.store.records {
			site.store.put(key, data)
		}
		if got := v.get("/w/get").Text; got != "v=" {
			t.Errorf("%q reads %q", data, got)
		}
	}
}

func securityOtherPurpose(t *testing.T) {
	const secret = "the same secret"
	const cookieSalt, recordSalt = "django.contrib.sessions.backends.signed_cookies", "django.contrib.sessions.SessionStore"
	for _, tt := range []struct {
		salt  string
		reads string
	}{
		{cookieSalt, "user=ann"},
		{recordSalt, "user="},
		{"newsletter", "user="},
		{"", "user="},
		{"django.core.signing", "user="},
	} {
		signer, err := signing.NewTimestampSigner(signing.Config{SecretKey: secret, Salt: tt.salt})
		if err != nil {
			t.Fatal(err)
		}
		site := newWebSite(t, webSetup{Config: ginsession.Config{Engine: ginsession.SignedCookies(), SecretKey: secret}})
		value := signer.Dumps([]byte(`{"user":"ann"}`), site.clock.Now())
		if got := site.as("sessionid=" + value).get("/w/user").Text; got != tt.reads {
			t.Errorf("salt %q: %q, want %q", tt.salt, got, tt.reads)
		}
	}
}

func securityRotation(t *testing.T) {
	const retired, current = "the retired secret", "the current secret"
	setups := map[string]func(secret string, fallbacks ...string) webSetup{}
	db := migrated(t)
	for name, engine := range map[string]ginsession.Engine{"signed_cookies": ginsession.SignedCookies(), "db": ginsession.DB(db)} {
		setups[name] = func(secret string, fallbacks ...string) webSetup {
			return webSetup{Config: ginsession.Config{Engine: engine, SecretKey: secret, SecretKeyFallbacks: fallbacks}}
		}
	}
	for name, setup := range setups {
		t.Run(name, func(t *testing.T) {
			v := newWebSite(t, setup(retired)).visitor()
			v.get("/w/set?v=1")
			cookie := "sessionid=" + v.key()

			site := newWebSite(t, setup(current))
			if got := site.as(cookie).get("/w/get").Text; got != "v=" {
				t.Errorf("the retired secret opens %q", got)
			}
			if !strings.Contains(site.log.String(), "level=WARN") {
				t.Errorf("logged %q", site.log)
			}
			rotating := newWebSite(t, setup(current, "another", retired))
			if got := rotating.as(cookie).get("/w/get").Text; got != "v=1" {
				t.Errorf("a fallback opens %q", got)
			}
			c := rotating.as(cookie).get("/w/set?v=2").cookie(t)
			if got := newWebSite(t, setup(current)).as("sessionid=" + c.Value).get("/w/get").Text; got != "v=2" {
				t.Errorf("what the rotating site signed: %q", got)
			}
			if got := newWebSite(t, setup(retired)).as("sessionid=" + c.Value).get("/w/get").Text; got != "v=" {
				t.Errorf("the retired secret opens what the current one signed: %q", got)
			}
		})
	}
}

func securityBombs(t *testing.T) {
	const secret = "secret"
	bomb := func(salt string) string {
		s, err := signing.NewTimestampSigner(signing.Config{SecretKey: secret, Salt: salt})
		if err != nil {
			t.Fatal(err)
		}
		var z bytes.Buffer
		w, err := zlib.NewWriterLevel(&z, zlib.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write([]byte(`{"v":"` + strings.Repeat("0", 3_000_000) + `"}`))
		_ = w.Close()
		return s.Sign("."+base64.RawURLEncoding.EncodeToString(z.Bytes()), start)
	}
	t.Run("in a cookie", func(t *testing.T) {
		value := bomb("django.contrib.sessions.backends.signed_cookies")
		if len("sessionid")+len(value) > 4096 {
			t.Fatalf("the bomb has %d bytes, too many for a cookie", len(value))
		}
		unsigned := value[:len(value)-1] + "A"
		if unsigned == value {
			unsigned = value[:len(value)-1] + "B"
		}
		site := newWebSite(t, webSetup{Config: ginsession.Config{Engine: ginsession.SignedCookies(), SecretKey: secret}})
		for name, tt := range map[string]struct {
			value  string
			status int
			most   uint64
		}{
			"signed":   {value, http.StatusServiceUnavailable, 6 << 20}, // a buffer that is doubled up to the limit of 1 MiB
			"unsigned": {unsigned, http.StatusOK, 256 << 10},
		} {
			const requests = 8
			before := allocated()
			for range requests {
				reply := visit(site.Config.Handler, http.MethodGet, "/w/get", "sessionid="+tt.value)
				if reply.StatusCode != tt.status || tt.status == http.StatusOK && reply.Text != "v=" || reply.cookie(t) != nil {
					t.Errorf("%s: %d %.20q, cookie %v", name, reply.StatusCode, reply.Text, reply.cookie(t))
				}
			}
			if each := (allocated() - before) / requests; each > tt.most {
				t.Errorf("%s: %d bytes were allocated for a request", name, each)
			}
		}
	})
	t.Run("in the store", func(t *testing.T) {
		site := newWebSite(t, webSetup{Config: ginsession.Config{SecretKey: secret}})
		v := site.visitor()
		v.get("/w/set?v=1")
		data := bomb("django.contrib.sessions.SessionStore")
		for _, key := range site.store.keys() {
			site.store.put(key, data)
		}
		reply := v.get("/w/get")
		if reply.StatusCode != http.StatusServiceUnavailable || reply.cookie(t) != nil {
			t.Errorf("answer %d, cookie %v", reply.StatusCode, reply.cookie(t))
		}
		if site.record() != data {
			t.Error("the record was changed")
		}
	})
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func securityTornRecord(t *testing.T) {
	for name, secret := range map[string]string{"unsigned": "", "signed": "secret"} {
		t.Run(name, func(t *testing.T) {
			store, book := newSpyStore(), &logBook{}
			r := newWebRouter()
			r.Use(ginsession.New(ginsession.Config{
				Engine: ginsession.Custom(store), SecretKey: secret, Clock: newHandClock().Now,
				Logger: slog.New(slog.NewTextHandler(book, nil)),
			}))
			addWebPages(r)
			r.GET("/all", func(c *gin.Context) {
				s := ginsession.Get(c)
				c.String(http.StatusOK, "%v %v %v", s.Items(), s.ExpiryAge(), s.Key() != "")
			})
			cookie := "sessionid=" + visit(r, http.MethodGet, "/w/set?v=value").cookie(t).Value
			key := store.keys()[0]
			whole := store.text(key)
			for i := range len(whole) {
				store.put(key, whole[:i])
				if reply := visit(r, http.MethodGet, "/all", cookie); reply.StatusCode != http.StatusOK || reply.Text != "map[] 336h0m0s false" {
					t.Errorf("cut at %d: %d %q", i, reply.StatusCode, reply.Text)
				}
				for bit := range 8 {
					flipped := []byte(whole)
					flipped[i] ^= 1 << bit
					store.put(key, string(flipped))
					reply := visit(r, http.MethodGet, "/all", cookie)
					if reply.StatusCode != http.StatusOK || secret != "" && reply.Text != "map[] 336h0m0s false" {
						t.Errorf("bit %d of %d flipped: %d %q", bit, i, reply.StatusCode, reply.Text)
					}
				}
			}
			if n := strings.Count(book.String(), "level=WARN"); n < len(whole) {
				t.Errorf("%d warnings, want one for each cut at least", n)
			}
			store.put(key, whole[:len(whole)-1])
			c := visit(r, http.MethodPost, "/w/set?v=new", cookie).cookie(t)
			if c == nil || "sessionid="+c.Value == cookie || store.text(key) != whole[:len(whole)-1] {
				t.Errorf("a write sets %v and leaves %q", c, store.text(key))
			}
		})
	}
}

func securityClock(t *testing.T) {
	onServerEngines(t, webSetup{Config: ginsession.Config{CookieAge: 30 * time.Minute}}, func(t *testing.T, site *webSite) {
		ended, living := site.visitor(), site.visitor()
		ended.get("/w/set?v=ended")
		living.get("/w/set?v=living")
		old := site.as("sessionid=" + ended.key())
		ended.get("/w/flush")
		for _, jump := range []time.Duration{-time.Hour, time.Hour, time.Hour, -time.Hour} {
			site.clock.Advance(jump)
			if got := old.get("/w/get").Text; got != "v=" {
				t.Errorf("the session that was ended reads %q", got)
			}
		}
		if got := living.get("/w/get").Text; got != "v=living" {
			t.Errorf("the other one reads %q", got)
		}
	})
}

func securityVary(t *testing.T) {
	site := newWebSite(t, webSetup{Config: ginsession.Config{SaveEveryRequest: true}, Routes: func(r *gin.Engine) {
		r.GET("/public/*path", func(c *gin.Context) {
			c.Header("Cache-Control", "public, s-maxage=3600")
			c.Request.URL.Path = c.Param("path")
			c.Next()
		}, func(c *gin.Context) {
			s := ginsession.Get(c)
			switch c.Param("path") {
			case "/read":
				s.Get("v")
			case "/write":
				s.Set("v", 1)
			case "/delete":
				_ = s.Flush()
			}
		})
	}})
	for _, path := range []string{"/public/read", "/public/write", "/public/delete", "/public/untouched"} {
		v := site.visitor()
		v.get("/w/set?v=1")
		site.clock.Advance(time.Minute)
		reply := v.get(path)
		if vary := reply.Header.Get("Vary"); vary != "Cookie" {
			t.Errorf("%s: Vary: %q", path, vary)
		}
		if reply.cookie(t) == nil || reply.Header.Get("Cache-Control") != "private" {
			t.Errorf("%s: Cache-Control: %q with %v", path, reply.Header.Get("Cache-Control"), reply.cookie(t))
		}
	}
}

// A cachingProxy keeps whatever RFC 9111 lets a shared cache keep, for ever: also responses
// that set cookies, and those whose freshness is anybody's guess.
type cachingProxy struct {
	origin http.Handler
	kept   map[string][]keptResponse // by URL
	hits   int
}

type keptResponse struct {
	request  http.Header
	response *httptest.ResponseRecorder
}

func (p *cachingProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, kept := range p.kept[r.URL.String()] {
		if r.Method == http.MethodGet && selects(kept.response.Header(), kept.request, r.Header) {
			p.hits++
			send(w, kept.response)
			return
		}
	}
	response := httptest.NewRecorder()
	p.origin.ServeHTTP(response, r)
	if r.Method == http.MethodGet && mayKeep(response) {
		p.kept[r.URL.String()] = append(p.kept[r.URL.String()], keptResponse{r.Header.Clone(), response})
	}
	send(w, response)
}

func send(w http.ResponseWriter, r *httptest.ResponseRecorder) {
	for name, values := range r.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(r.Code)
	_, _ = w.Write(r.Body.Bytes())
}

// selects is RFC 9111 §4.1: a kept response is good for requests that do not differ in what it
// varies by.
func selects(response, then, now http.Header) bool {
	for name := range strings.SplitSeq(strings.Join(response["Vary"], ","), ",") {
		name = strings.TrimSpace(name)
		if name == "*" || !slices.Equal(then[http.CanonicalHeaderKey(name)], now[http.CanonicalHeaderKey(name)]) {
			return false
		}
	}
	return true
}

// mayKeep is RFC 9111 §3, for statuses that are heuristically cacheable.
func mayKeep(r *httptest.ResponseRecorder) bool {
	if !slices.Contains([]int{200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501}, r.Code) {
		return false
	}
	for directive := range strings.SplitSeq(strings.ToLower(strings.Join(r.Header()["Cache-Control"], ",")), ",") {
		if directive = strings.TrimSpace(directive); directive == "private" || directive == "no-store" {
			return false
		}
	}
	return true
}

func securityProxy(t *testing.T) {
	for _, cacheControl := range []string{"", "public, max-age=3600", "max-age=3600", "s-maxage=3600", "no-cache", "must-revalidate, max-age=3600", `private="X-Own"`} {
		t.Run(cacheControl, func(t *testing.T) {
			site := newWebSite(t, webSetup{
				Config: ginsession.Config{SaveEveryRequest: true},
				Before: []gin.HandlerFunc{func(c *gin.Context) {
					if cacheControl != "" {
						c.Header("Cache-Control", cacheControl)
					}
				}},
			})
			proxy := &cachingProxy{origin: site.Config.Handler, kept: map[string][]keptResponse{}}
			front := httptest.NewServer(proxy)
			t.Cleanup(front.Close)
			site.URL = front.URL

			if a, b := site.visitor().get("/w/plain"), site.visitor().get("/w/plain"); a.Text != b.Text || proxy.hits != 1 {
				t.Fatalf("a page without a session: %d hits: this proxy proves nothing", proxy.hits)
			}
			first, second := site.visitor(), site.visitor()
			first.get("/w/set?v=first")
			second.get("/w/set?v=first")
			if first.key() == "" || first.key() == second.key() {
				t.Fatalf("two visitors have the key of one: %t", first.key() != "")
			}
			first.get("/w/login?user=ann")
			for _, path := range []string{"/w/user", "/w/get", "/w/plain", "/w/flush"} {
				site.clock.Advance(time.Minute) // SaveEveryRequest refreshes the cookie
				owner, stranger := first.get(path), site.visitor().get(path)
				if strings.Contains(stranger.Text, "ann") || stranger.cookie(t) != nil {
					t.Errorf("%s: the stranger gets %q and %v", path, stranger.Text, stranger.cookie(t))
				}
				if owner.Text != "user=ann" && path == "/w/user" {
					t.Errorf("%s: the owner gets %q", path, owner.Text)
				}
			}
		})
	}
}

func securityLogs(t *testing.T) {
	for _, mode := range []string{gin.DebugMode, gin.ReleaseMode} {
		for _, engine := range []string{"db", "db with a callback", "signed_cookies", "custom"} {
			t.Run(mode+" "+engine, func(t *testing.T) { checkLogs(t, mode, engine) })
		}
	}
}

// checkLogs captures everything that is logged while sessions live and fail, and searches it.
func checkLogs(t *testing.T, mode, engine string) {
	const secret, fallback = "a-secret-that-nobody-may-see", "a-retired-secret-that-nobody-may-see"
	book := captureLogs(t)
	sqlLog := logger.New(log.New(book, "", 0), logger.Config{LogLevel: logger.Info})
	db := openSQLite(t, &gorm.Config{Logger: sqlLog})
	if err := ginsession.Migrate(db); err != nil {
		t.Fatal(err)
	}
	if engine == "db with a callback" { // then every statement goes through GORM
		for _, p := range []interface {
			Register(string, func(*gorm.DB)) error
		}{db.Callback().Raw(), db.Callback().Row()} {
			if err := p.Register("own", func(*gorm.DB) {}); err != nil {
				t.Fatal(err)
			}
		}
		engine = "db"
	}
	if err := db.Exec("SELECT 'the log of GORM works'").Error; err != nil {
		t.Fatal(err)
	}
	store := newSpyStore()
	cfg := ginsession.Config{
		Engine: map[string]ginsession.Engine{
			"db": ginsession.DB(db), "signed_cookies": ginsession.SignedCookies(), "custom": ginsession.Custom(store),
		}[engine],
		SecretKey: secret, SecretKeyFallbacks: []string{fallback}, Logger: slog.New(slog.NewTextHandler(book, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	site := newWebSite(t, webSetup{
		Config: cfg,
		Before: []gin.HandlerFunc{gin.Logger(), gin.Recovery()},
		Routes: func(r *gin.Engine) {
			r.GET("/print", func(c *gin.Context) {
				s := ginsession.Get(c)
				s.Set("printed", 1)
				fmt.Fprintf(book, "%v %+v %#v %s %q %d %x\n", s, s, s, s, s, s, s)
				fmt.Fprintf(book, "%+v %+v %+v\n", []any{s}, map[string]any{"s": s}, struct{ S *ginsession.Session }{s})
				fmt.Fprintf(book, "%+v %+v %+v\n", c.Keys, c.Writer, c)
				slog.Info("session", "session", s, "items", []any{s}, "keys", c.Keys)
				slog.New(slog.NewJSONHandler(book, nil)).Info("session", "session", s, "keys", fmt.Sprint(c.Keys))
			})
			r.GET("/panic/:how", func(c *gin.Context) {
				s := ginsession.Get(c)
				s.Get("v")
				switch c.Param("how") {
				case "session":
					panic(s)
				case "pipe":
					panic(&net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)})
				case "abort":
					panic(http.ErrAbortHandler)
				case "error":
					panic(fmt.Errorf("handler: %w", errStore))
				case "commit":
					s.Set("v", panicsInJSON{})
				}
			})
			r.GET("/encode", func(c *gin.Context) { ginsession.Get(c).Set("v", make(chan int)) })
			r.GET("/late", func(c *gin.Context) {
				c.Writer.WriteHeaderNow()
				ginsession.Get(c).Set("late", 1)
			})
			r.GET("/public", func(c *gin.Context) {
				c.Header("Cache-Control", "public")
				ginsession.Get(c).Set("v", "1")
			})
		},
	})
	fmt.Fprintf(book, "%v %+v %#v\n", site.manager, site.manager, site.manager)
	gin.SetMode(mode)
	if _, err := ginsession.NewManager(cfg); err != nil { // warns in release mode
		t.Fatal(err)
	}

	var secrets []string
	v := site.visitor()
	for _, path := range []string{
		"/w/set?v=1", "/w/get", "/print", "/w/login?user=ann", "/w/user", "/encode", "/late", "/public",
		"/panic/session", "/panic/pipe", "/panic/abort", "/panic/error", "/panic/commit", "/nowhere", "/w/flush", "/w/set?v=2", "/print",
	} {
		_, _ = v.try(t.Context(), http.MethodGet, path, webHeader{"X-Mark", "the request was dumped"})
		if key := v.key(); key != "" && !slices.Contains(secrets, key) {
			secrets = append(secrets, key)
		}
	}
	unknown := "sessionid=" + strings.Repeat("unknown0", 4)
	site.as(unknown).get("/w/get")
	site.as(unknown + "; sessionid=" + v.key()).get("/panic/error")
	site.as(`sessionid="` + v.key() + `"; other=1`).get("/panic/pipe")
	secrets = append(secrets, strings.Repeat("unknown0", 4))
	breakEngine(t, site, v, engine, db, store, &secrets)

	text := book.String()
	for _, want := range []string{"the log of GORM works", "handler: ", "broken pipe", "GET", "the request was dumped"} {
		if !strings.Contains(text, want) {
			t.Errorf("the log has no %q: this test proves nothing", want)
		}
	}
	secrets = append(secrets, secret, fallback)
	if len(secrets) < 5 {
		t.Errorf("%d secrets: this test proves nothing", len(secrets))
	}
	for _, secret := range secrets {
		for _, form := range []string{secret, url.QueryEscape(secret), fmt.Sprintf("%x", secret)} {
			if i := strings.Index(text, form); i >= 0 {
				t.Errorf("%.10q… is in the log: …%.200s", secret, text[max(0, i-100):])
			}
		}
	}
}

func securityMaskedDump(t *testing.T) {
	const cookies = 4000
	var header strings.Builder
	for i := range cookies {
		fmt.Fprintf(&header, "a=b; sessionid=value%04d; ", i)
	}
	book := &logBook{}
	site := newWebSite(t, webSetup{Before: []gin.HandlerFunc{gin.RecoveryWithWriter(book)}, Routes: func(r *gin.Engine) {
		r.GET("/", func(*gin.Context) { panic(http.ErrAbortHandler) })
	}})
	before := allocated()
	visit(site.Config.Handler, http.MethodGet, "/", header.String())
	if each := allocated() - before; each > 16<<20 {
		t.Errorf("%d bytes were allocated for a header of %d", each, header.Len())
	}
	if n := strings.Count(book.String(), "a=b; sessionid=*;"); n != cookies || strings.Contains(book.String(), "value") {
		t.Errorf("%d of %d cookies are masked", n, cookies)
	}
}

// captureLogs directs every log there is into a book until the test ends.
func captureLogs(t *testing.T) *logBook {
	t.Helper()
	book := &logBook{}
	out, errOut, std, standard, mode := gin.DefaultWriter, gin.DefaultErrorWriter, log.Writer(), slog.Default(), gin.Mode()
	t.Cleanup(func() {
		gin.DefaultWriter, gin.DefaultErrorWriter = out, errOut
		slog.SetDefault(standard)
		log.SetOutput(std)
		gin.SetMode(mode)
	})
	gin.DefaultWriter, gin.DefaultErrorWriter = book, book
	slog.SetDefault(slog.New(slog.NewTextHandler(book, &slog.HandlerOptions{Level: slog.LevelDebug})))
	log.SetOutput(book)
	return book
}

// breakEngine breaks the records, then the store, under requests of a visitor. It adds what the
// store knows sessions by to the secrets.
func breakEngine(t *testing.T, site *webSite, v *webVisitor, engine string, db *gorm.DB, store *spyStore, secrets *[]string) {
	t.Helper()
	paths := []string{"/w/get", "/w/set?v=3", "/w/login?user=x", "/w/flush", "/panic/error"}
	cookie := "sessionid=" + v.key()
	everywhere := func() {
		for _, path := range paths {
			_, _ = site.as(cookie).try(t.Context(), http.MethodPost, path)
			_, _ = site.as(cookie).try(t.Context(), http.MethodGet, path)
		}
		_, _ = site.manager.ClearExpired(t.Context())
		if _, err := site.manager.Exists(t.Context(), v.key()); err != nil {
			site.log.Write([]byte(err.Error()))
			slog.Error("Exists", "error", err)
		}
		if err := site.manager.Delete(t.Context(), v.key()); err != nil {
			slog.Error("Delete", "error", err)
		}
	}
	switch engine {
	case "signed_cookies":
		for _, broken := range []string{v.key() + "x", v.key()[1:], strings.ToUpper(v.key())} {
			cookie = "sessionid=" + broken
			*secrets = append(*secrets, broken)
			everywhere()
		}
	case "custom":
		*secrets = append(*secrets, store.keys()...)
		for _, key := range store.keys() {
			store.put(key, "torn")
		}
		everywhere()
		failOn(store, errStore, "Load", "Create", "Update", "Replace", "Touch", "Delete", "ClearExpired")
		everywhere()
	case "db":
		var keys []string
		quiet := db.Session(&gorm.Session{Logger: logger.Discard})
		if err := quiet.Model(&ginsession.Model{}).Pluck("session_key", &keys).Error; err != nil {
			t.Fatal(err)
		}
		*secrets = append(*secrets, keys...)
		if err := quiet.Exec("UPDATE gin_session SET session_data = 'torn'").Error; err != nil {
			t.Fatal(err)
		}
		everywhere()
		if err := quiet.Exec("UPDATE gin_session SET expire_date = 'torn'").Error; err != nil {
			t.Fatal(err)
		}
		everywhere()
		if err := quiet.Exec("ALTER TABLE gin_session RENAME TO elsewhere").Error; err != nil {
			t.Fatal(err)
		}
		everywhere()
		pool, err := db.DB()
		if err != nil {
			t.Fatal(err)
		}
		_ = pool.Close()
		everywhere()
	}
}
