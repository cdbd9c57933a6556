package sessiontest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
	"github.com/ginsession/ginsession/sessiontest"
)

const secretKey = "ginsession-test-secret"

func check[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %#v, want %#v", what, got, want)
	}
}

func newManager(t *testing.T, cfg ginsession.Config) *ginsession.Manager {
	t.Helper()
	m, err := ginsession.NewManager(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func inMemory(t *testing.T) *ginsession.Manager {
	t.Helper()
	return newManager(t, ginsession.Config{Engine: ginsession.Cached(memory.New())})
}

func openDB(t *testing.T) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "app.db")), &gorm.Config{})
	if err == nil {
		err = ginsession.Migrate(db)
	}
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	return db
}

// site has an engine with sessions and pages that use them.
func site(m *ginsession.Manager) *gin.Engine {
	gin.SetMode(gin.TestMode)
	r := gin.New()
	r.Use(m.Handler())
	r.GET("/", func(c *gin.Context) {
		c.String(http.StatusOK, "%v", m.Get(c).Get("user"))
	})
	r.POST("/login", func(c *gin.Context) {
		http.SetCookie(c.Writer, &http.Cookie{Name: "theme", Value: "dark"})
		s := m.Get(c)
		if s.CycleKey() == nil {
			s.Set("user", "ada")
		}
	})
	r.POST("/logout", func(c *gin.Context) { _ = m.Get(c).Flush() })
	return r
}

// TestVisitor signs in and out on every kind of engine.
func TestVisitor(t *testing.T) {
	db := openDB(t)
	for name, cfg := range map[string]ginsession.Config{
		"cached":         {Engine: ginsession.Cached(memory.New())},
		"file":           {Engine: ginsession.File(t.TempDir())},
		"db":             {Engine: ginsession.DB(db), CookieName: "sid", HashKeys: ginsession.Off},
		"cached db":      {Engine: ginsession.CachedDB(db, memory.New())},
		"signed cookies": {Engine: ginsession.SignedCookies(), SecretKey: secretKey},
		"gob":            {Engine: ginsession.SignedCookies(), SecretKey: secretKey, Serializer: ginsession.Gob},
	} {
		t.Run(name, func(t *testing.T) {
			m := newManager(t, cfg)
			r := site(m)
			v := sessiontest.New(t, m)
			do := func(method, target string) string {
				t.Helper()
				return v.Do(r, v.Request(method, target, nil)).Body.String()
			}
			check(t, "a new visitor", do("GET", "/"), "<nil>")
			check(t, "is empty", v.Session().IsEmpty(), true)

			v.With("user", "bob").With("cart", []string{"x"})
			check(t, "a planted user", do("GET", "/"), "bob")
			planted := v.Request("GET", "/", nil)

			do("POST", "/login")
			check(t, "after the sign-in", do("GET", "/"), "ada")
			cart, _ := ginsession.Value[[]string](v.Session(), "cart")
			check(t, "the cart", fmt.Sprint(cart), "[x]")
			if name != "signed cookies" && name != "gob" { // which cannot be revoked
				old := sessiontest.New(t, m)
				check(t, "with the cookie from before", old.Do(r, planted).Body.String(), "<nil>")
			}

			do("POST", "/logout")
			check(t, "after the sign-out", do("GET", "/"), "<nil>")
			check(t, "cookies sent then", len(v.Request("GET", "/", nil).Cookies()), 0)
			check(t, "is empty", v.Session().IsEmpty(), true)

			do("POST", "/login")
			check(t, "after another sign-in", v.Session().Get("user"), any("ada"))
		})
	}
}

// TestFirstCookie finds the cookie of its own manager in the first response that has one.
func TestFirstCookie(t *testing.T) {
	cache := memory.New()
	cfg := ginsession.Config{Engine: ginsession.Cached(cache), HashKeys: ginsession.Off, CookieName: "a"}
	outer := newManager(t, cfg)
	cfg.CookieName = "b"
	inner := newManager(t, cfg)
	r := gin.New()
	r.Use(outer.Handler(), inner.Handler())
	r.POST("/", func(c *gin.Context) {
		outer.Get(c).Set("of", "outer")
		inner.Get(c).Set("of", "inner")
	})
	for want, m := range map[string]*ginsession.Manager{"outer": outer, "inner": inner} {
		v := sessiontest.New(t, m)
		v.Do(r, v.Request("POST", "/", nil))
		check(t, "the session of", v.Session().Get("of"), any(want))
	}
}

// TestChange plants what a value cannot say.
func TestChange(t *testing.T) {
	now := time.Unix(1700000000, 0)
	for _, cfg := range []ginsession.Config{
		{Engine: ginsession.Cached(memory.New())},
		{Engine: ginsession.SignedCookies(), SecretKey: secretKey},
	} {
		cfg.Clock = func() time.Time { return now }
		m := newManager(t, cfg)
		v := sessiontest.New(t, m).With("user", "ada").Change(func(s *ginsession.Session) {
			s.SetExpiry(ginsession.ExpireAfter(time.Minute))
		})
		check(t, "the user", v.Session().Get("user"), any("ada"))
		now = now.Add(2 * time.Minute)
		check(t, "is empty after its end", v.Session().IsEmpty(), true)
		check(t, "what the page says", v.Do(site(m), v.Request("GET", "/", nil)).Body.String(), "<nil>")

		v.Change(func(s *ginsession.Session) { s.Set("user", "bob") })
		check(t, "the user of a new session", v.Session().Get("user"), any("bob"))
		v.Change(func(s *ginsession.Session) { _ = s.Flush() })
		check(t, "is empty after Flush", v.Session().IsEmpty(), true)
		check(t, "cookies sent then", len(v.Request("GET", "/", nil).Cookies()), 0)
	}
}

// TestRequest makes a request as httptest does.
func TestRequest(t *testing.T) {
	v := sessiontest.New(t, inMemory(t)).With("user", "ada")
	request := v.Request("POST", "https://example.org/form?a=b", strings.NewReader("c=d"))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	check(t, "Host", request.Host, "example.org")
	check(t, "a", request.FormValue("a"), "b")
	check(t, "c", request.FormValue("c"), "d")
	check(t, "cookies", len(request.Cookies()), 1)
}

// failing is a cache that fails.
type failing struct{ ginsession.Cache }

var errDown = errors.New("the cache is down")

func (failing) Add(context.Context, string, []byte, time.Duration) (bool, error) {
	return false, errDown
}

func (failing) Delete(context.Context, string) error { return errDown }

// stopped is a test that notes why it was stopped.
type stopped struct {
	testing.TB
	why string
}

func (s *stopped) Helper() {}

func (s *stopped) Fatalf(format string, args ...any) {
	s.why = fmt.Sprintf(format, args...)
	panic(s)
}

// TestStops stops the test if the session cannot be saved or loaded.
func TestStops(t *testing.T) {
	broken := newManager(t, ginsession.Config{Engine: ginsession.Cached(failing{})})
	answers := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "sessionid", Value: strings.Repeat("k", 32)})
	})
	for _, test := range []struct {
		name, want string
		m          *ginsession.Manager
		do         func(v *sessiontest.Visitor)
	}{
		{"a value that cannot be stored", `key "f"`, inMemory(t), func(v *sessiontest.Visitor) { v.With("f", func() {}) }},
		{"a store that is down", errDown.Error(), broken, func(v *sessiontest.Visitor) { v.With("n", 1) }},
		{"a cookie to follow", errDown.Error(), broken, func(v *sessiontest.Visitor) {
			v.Do(answers, httptest.NewRequest("GET", "/", nil))
		}},
	} {
		fake := &stopped{TB: t}
		func() {
			defer func() { _ = recover() }()
			test.do(sessiontest.New(fake, test.m))
		}()
		if !strings.HasPrefix(fake.why, "sessiontest: ") || !strings.Contains(fake.why, test.want) {
			t.Errorf("%s: %q", test.name, fake.why)
		}
	}
}

func TestSignedIn(t *testing.T) {
	m := inMemory(t)
	v := sessiontest.New(t, m).With("cart", "tea").SignedIn("42")
	check(t, "the owner", v.Session().Owner(), "42")
	check(t, "the cart", v.Session().Get("cart"), any("tea"))
	sessions, err := m.SessionsOf(t.Context(), "42")
	check(t, "SessionsOf", err, nil)
	check(t, "sessions", len(sessions), 1)
	check(t, "the ID", sessions[0].ID(), v.Session().ID())
}
