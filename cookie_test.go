package ginsession_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// The Set-Cookie lines of the main configurations, letter by letter, at 04:45 on 23 November
// 2026, and the lines that delete them.
func TestCookieGolden(t *testing.T) {
	const (
		twoWeeks = "; Expires=Mon, 07 Dec 2026 04:45:00 GMT; Max-Age=1209600"
		past     = "; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0"
	)
	for _, tt := range []struct {
		name    string
		cfg     ginsession.Config
		expiry  ginsession.Expiry
		set     string
		deleted string
	}{
		{name: "default",
			set:     "sessionid=KEY; Path=/" + twoWeeks + "; HttpOnly; SameSite=Lax",
			deleted: "sessionid=; Path=/" + past + "; HttpOnly; SameSite=Lax"},
		{name: "host prefix, strict", cfg: ginsession.Config{CookieName: "__Host-id", CookieSecure: true, CookieSameSite: http.SameSiteStrictMode},
			set:     "__Host-id=KEY; Path=/" + twoWeeks + "; HttpOnly; Secure; SameSite=Strict",
			deleted: "__Host-id=; Path=/" + past + "; HttpOnly; Secure; SameSite=Strict"},
		{name: "secure prefix, domain", cfg: ginsession.Config{CookieName: "__Secure-id", CookieSecure: true, CookieDomain: "example.com"},
			set:     "__Secure-id=KEY; Path=/; Domain=example.com" + twoWeeks + "; HttpOnly; Secure; SameSite=Lax",
			deleted: "__Secure-id=; Path=/; Domain=example.com" + past + "; HttpOnly; Secure; SameSite=Lax"},
		{name: "everything of one's own", cfg: ginsession.Config{
			CookieName: "shop", CookieAge: time.Hour, CookieDomain: "shop.example.com", CookiePath: "/shop", CookieHTTPOnly: ginsession.Off},
			set:     "shop=KEY; Path=/shop; Domain=shop.example.com; Expires=Mon, 23 Nov 2026 05:45:00 GMT; Max-Age=3600; SameSite=Lax",
			deleted: "shop=; Path=/shop; Domain=shop.example.com" + past + "; SameSite=Lax"},
		{name: "embedded, partitioned", cfg: ginsession.Config{CookieSameSite: http.SameSiteNoneMode, CookieSecure: true, CookiePartitioned: true},
			set:     "sessionid=KEY; Path=/" + twoWeeks + "; HttpOnly; Secure; SameSite=None; Partitioned",
			deleted: "sessionid=; Path=/" + past + "; HttpOnly; Secure; SameSite=None; Partitioned"},
		{name: "no SameSite", cfg: ginsession.Config{CookieSameSite: http.SameSiteDefaultMode},
			set:     "sessionid=KEY; Path=/" + twoWeeks + "; HttpOnly",
			deleted: "sessionid=; Path=/" + past + "; HttpOnly"},
		{name: "browser close", cfg: ginsession.Config{ExpireAtBrowserClose: true},
			set:     "sessionid=KEY; Path=/; HttpOnly; SameSite=Lax",
			deleted: "sessionid=; Path=/" + past + "; HttpOnly; SameSite=Lax"},
		{name: "the session's own browser close", expiry: ginsession.ExpireAtBrowserClose,
			set:     "sessionid=KEY; Path=/; HttpOnly; SameSite=Lax",
			deleted: "sessionid=; Path=/" + past + "; HttpOnly; SameSite=Lax"},
		{name: "the session's own age, over browser close", cfg: ginsession.Config{ExpireAtBrowserClose: true}, expiry: ginsession.ExpireAfter(5 * time.Minute),
			set:     "sessionid=KEY; Path=/; Expires=Mon, 23 Nov 2026 04:50:00 GMT; Max-Age=300; HttpOnly; SameSite=Lax",
			deleted: "sessionid=; Path=/" + past + "; HttpOnly; SameSite=Lax"},
		{name: "the session's own date", expiry: ginsession.ExpireAt(start.Add(90 * time.Second)),
			set:     "sessionid=KEY; Path=/; Expires=Mon, 23 Nov 2026 04:46:30 GMT; Max-Age=90; HttpOnly; SameSite=Lax",
			deleted: "sessionid=; Path=/" + past + "; HttpOnly; SameSite=Lax"},
		{name: "the end of its lifetime is nearer", cfg: ginsession.Config{MaxLifetime: time.Minute},
			set:     "sessionid=KEY; Path=/; Expires=Mon, 23 Nov 2026 04:46:00 GMT; Max-Age=60; HttpOnly; SameSite=Lax",
			deleted: "sessionid=; Path=/" + past + "; HttpOnly; SameSite=Lax"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			key := ""
			site := testsite.New(t, testsite.Setup{Config: tt.cfg, Routes: func(r *gin.Engine) {
				r.GET("/set", func(c *gin.Context) {
					s := ginsession.Get(c)
					s.SetExpiry(tt.expiry)
					s.Set("v", 1)
					if err := s.Save(); err != nil {
						t.Error(err)
					}
					key = s.Key()
				})
			}})
			name, _, _ := strings.Cut(tt.set, "=")
			reply := site.Visitor().Get("/set")
			if got := onlySetCookie(t, reply); strings.Replace(got, key, "KEY", 1) != tt.set {
				t.Errorf("set:\n%s, want\n%s", got, tt.set)
			}
			reply = site.As(name + "=" + key).Get("/w/flush")
			if got := onlySetCookie(t, reply); got != tt.deleted {
				t.Errorf("deleted:\n%s, want\n%s", got, tt.deleted)
			}
		})
	}
}

// onlySetCookie returns the line that sets a cookie.
func onlySetCookie(t *testing.T, reply *testsite.Reply) string {
	t.Helper()
	lines := reply.Header["Set-Cookie"]
	if len(lines) != 1 {
		t.Fatalf("Set-Cookie: %q", lines)
	}
	return lines[0]
}

// A response that sets the cookie is kept from shared caches, whatever the handler says.
func TestCookieCacheControl(t *testing.T) {
	for _, tt := range []struct {
		handler []string
		want    string
		warned  bool
	}{
		{nil, "private", false},
		{[]string{"private"}, "private", false},
		{[]string{"private, max-age=60"}, "private, max-age=60", false},
		{[]string{"no-store"}, "no-store", false},
		{[]string{"No-Store, must-revalidate"}, "No-Store, must-revalidate", false},
		{[]string{"public"}, "private", true},
		{[]string{"public, max-age=3600"}, "private, max-age=3600", true},
		{[]string{"max-age=60, S-MaxAge=3600"}, "private, max-age=60", true},
		{[]string{"private, public"}, "private", true},
		{[]string{"public", "max-age=60"}, "private, max-age=60", true},
		{[]string{`public, no-cache="Set-Cookie, X-Own"`}, `private, no-cache="Set-Cookie, X-Own"`, true},
		// What says nothing of sharing may be shared (RFC 9111 §3).
		{[]string{"max-age=60"}, "private, max-age=60", false},
		{[]string{"no-cache"}, "private, no-cache", false},
		{[]string{"must-revalidate"}, "private, must-revalidate", false},
		{[]string{`private="X-Own", max-age=60`}, `private, private="X-Own", max-age=60`, false},
		{[]string{""}, "private", false},
	} {
		t.Run(strings.Join(tt.handler, "+"), func(t *testing.T) {
			t.Parallel()
			site := testsite.New(t, testsite.Setup{Routes: func(r *gin.Engine) {
				r.GET("/:what", func(c *gin.Context) {
					c.Writer.Header()["Cache-Control"] = tt.handler
					if c.Param("what") == "set" {
						ginsession.Get(c).Set("v", 1)
					} else {
						ginsession.Get(c).Get("v")
					}
				})
			}})
			v := site.Visitor()
			reply := v.Get("/set")
			if got := strings.Join(reply.Header["Cache-Control"], "+"); got != tt.want {
				t.Errorf("Cache-Control %q, want %q", got, tt.want)
			}
			if warned := strings.Contains(site.Log.String(), "level=WARN"); warned != tt.warned {
				t.Errorf("logged %q", site.Log)
			}
			reply = v.Get("/read")
			if got := reply.Header["Cache-Control"]; !slices.Equal(got, tt.handler) {
				t.Errorf("without a cookie to set: Cache-Control %q, want %q", got, tt.handler)
			}
		})
	}
}

// Cookie is added to Vary once, in one line with what the handler has there.
func TestCookieVary(t *testing.T) {
	for _, tt := range []struct{ handler, want []string }{
		{nil, []string{"Cookie"}},
		{[]string{"Accept-Encoding"}, []string{"Accept-Encoding, Cookie"}},
		{[]string{"Accept-Encoding", "Origin"}, []string{"Accept-Encoding, Origin, Cookie"}},
		{[]string{"Cookie"}, []string{"Cookie"}},
		{[]string{"Origin, cookie"}, []string{"Origin, cookie"}},
		{[]string{"Origin,COOKIE"}, []string{"Origin,COOKIE"}},
		{[]string{"X-Cookie"}, []string{"X-Cookie, Cookie"}},
		{[]string{"*"}, []string{"*"}},
		{[]string{"Origin, *"}, []string{"Origin, *"}},
	} {
		site := testsite.New(t, testsite.Setup{Routes: func(r *gin.Engine) {
			r.GET("/", func(c *gin.Context) {
				c.Writer.Header()["Vary"] = tt.handler
				ginsession.Get(c).Get("v")
			})
		}})
		if got := site.Visitor().Get("/").Header["Vary"]; !slices.Equal(got, tt.want) {
			t.Errorf("Vary: %q became %q, want %q", tt.handler, got, tt.want)
		}
	}
}

// Of several cookies of our name the first that is a session counts, of three at most.
func TestCookieSeveral(t *testing.T) {
	const a, b, c, d = "aaaaaaaa", "bbbbbbbb", "cccccccc", "dddddddd"
	for _, tt := range []struct {
		name   string
		header func(key string) string
		reads  string
		calls  string
	}{
		{"alone", func(key string) string { return "sessionid=" + key }, "1", "Load"},
		{"among others", func(key string) string { return "a=b; sessionid=" + key + "; sessionid2=" + a }, "1", "Load"},
		{"second", func(key string) string { return "sessionid=" + a + "; sessionid=" + key }, "1", "Load Load"},
		{"third", func(key string) string { return "sessionid=" + a + "; sessionid=" + b + "; sessionid=" + key }, "1", "Load Load Load"},
		{"fourth", func(key string) string {
			return "sessionid=" + a + "; sessionid=" + b + "; sessionid=" + c + "; sessionid=" + key
		}, "", "Load Load Load"},
		{"behind what is no key", func(key string) string {
			return "sessionid=x; sessionid=; sessionid=" + strings.Repeat("y", 99) + "; sessionid; sessionid=" + key
		}, "1", "Load"},
		{"in quotes", func(key string) string { return `sessionid="` + key + `"` }, "1", "Load"},
		{"without spaces", func(key string) string { return "a=b;sessionid=" + key + ";c=d" }, "1", "Load"},
		{"other case", func(key string) string { return "SESSIONID=" + key }, "", ""},
		{"longer name", func(key string) string { return "xsessionid=" + key + "; sessionidx=" + key }, "", ""},
		{"value with an equals sign", func(key string) string { return "sessionid==" + key }, "", ""},
		{"inside another's value", func(key string) string { return `a="; sessionid=` + key }, "1", "Load"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			site := testsite.New(t, testsite.Setup{})
			v := site.Visitor()
			v.Get("/w/set?v=1")
			site.Calls()
			reply := site.As(tt.header(v.Key())).Get("/w/get")
			if calls := site.Calls(); reply.Text != "v="+tt.reads || calls != tt.calls {
				t.Errorf("read %q with %q, want %q with %q", reply.Text, calls, tt.reads, tt.calls)
			}
			if reply.SessionCookie() != nil {
				t.Errorf("a cookie was set: %q", reply.Header["Set-Cookie"])
			}
		})
	}
	for _, path := range []string{"/w/flush", "/read-and-flush"} {
		t.Run("a sign-out ends each of three, "+path, func(t *testing.T) {
			t.Parallel()
			site := testsite.New(t, testsite.Setup{Routes: func(r *gin.Engine) {
				r.GET("/read-and-flush", func(c *gin.Context) {
					s := ginsession.Get(c)
					s.Get("v")
					if err := errors.Join(s.Flush(), s.Flush()); err != nil {
						t.Error(err)
					}
				})
			}})
			var cookies []string
			for range 3 {
				v := site.Visitor()
				v.Get("/w/set?v=1")
				cookies = append(cookies, "sessionid="+v.Key())
			}
			site.Calls()
			site.As(strings.Join(cookies, "; ") + "; sessionid=" + d).Get(path)
			if n := len(site.Store.Keys()); n != 0 {
				t.Errorf("%d of them live on", n)
			}
			if n := strings.Count(site.Calls(), "Delete"); n != 4 {
				t.Errorf("%d deletions", n)
			}
		})
	}
}

// Manager.Cookie is what the middleware would send.
func TestCookieOfManager(t *testing.T) {
	clock := testsite.NewClock()
	manager, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.Custom(testsite.NewStore()), Clock: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	if c := manager.Cookie(manager.Open(t.Context(), "")); c != nil {
		t.Errorf("a session that was not saved: %v", c)
	}
	if c := manager.Cookie(manager.Open(t.Context(), "evil\r\nkey; x")); c != nil {
		t.Errorf("what is no key: %v", c)
	}
	if c := manager.Cookie(manager.Open(t.Context(), strings.Repeat("k", 32))); c != nil {
		t.Errorf("an unknown key: %v", c)
	}
	s := manager.Open(t.Context(), "")
	s.Set("v", 1)
	if c := manager.Cookie(s); c != nil {
		t.Errorf("a session that was not saved yet: %v", c)
	}
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	c := manager.Cookie(s)
	if c == nil || c.Value != s.Key() || c.MaxAge != 1209600 || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("saved: %v", c)
	}
	clock.Advance(time.Hour)
	if again := manager.Cookie(manager.Open(t.Context(), c.Value)); again == nil || again.Value != c.Value {
		t.Errorf("found again: %v", again)
	}
	old := s.Key()
	if err := s.CycleKey(); err != nil {
		t.Fatal(err)
	}
	if c := manager.Cookie(s); c == nil || c.Value != old {
		t.Errorf("cycled and not saved yet: %v", c)
	}
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	if c := manager.Cookie(s); c == nil || c.Value != s.Key() || c.Value == old {
		t.Errorf("cycled: %v", c)
	}
	gone := manager.Open(t.Context(), s.Key())
	if err := gone.Flush(); err != nil {
		t.Fatal(err)
	}
	if c := manager.Cookie(gone); c == nil || c.Value != "" || c.MaxAge >= 0 {
		t.Errorf("flushed: %v", c)
	}
}

// A store that fails has no cookie to give.
func TestCookieOfManagerStoreFails(t *testing.T) {
	store := watchedStore{testsite.NewStore(), func(context.Context, string) error { return errStore }}
	manager, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.Custom(store)})
	if err != nil {
		t.Fatal(err)
	}
	s := manager.Open(t.Context(), strings.Repeat("k", 32))
	if c := manager.Cookie(s); c != nil || !errors.Is(s.Err(), ginsession.ErrUnavailable) {
		t.Errorf("%v, %v", c, s.Err())
	}
}
