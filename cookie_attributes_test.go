package ginsession_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

func TestCookieAttributes(t *testing.T) {
	const (
		later = "; Expires=Mon, 07 Dec 2026 04:45:00 GMT; Max-Age=1209600"
		past  = "; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0"
	)
	for _, tt := range []struct {
		name         string
		cfg          ginsession.Config
		attributes   ginsession.CookieAttributes
		set, deleted string
	}{
		{name: "none of its own",
			set:     "sessionid=KEY; Path=/" + later + "; HttpOnly; SameSite=Lax",
			deleted: "sessionid=; Path=/" + past + "; HttpOnly; SameSite=Lax"},
		{name: "all of its own",
			attributes: ginsession.CookieAttributes{Path: "/w", Domain: "example.com", Secure: ginsession.On, HTTPOnly: ginsession.Off, SameSite: http.SameSiteStrictMode},
			set:        "sessionid=KEY; Path=/w; Domain=example.com" + later + "; Secure; SameSite=Strict",
			deleted:    "sessionid=; Path=/w; Domain=example.com" + past + "; Secure; SameSite=Strict"},
		{name: "switched off", cfg: ginsession.Config{CookieSecure: true},
			attributes: ginsession.CookieAttributes{Secure: ginsession.Off, SameSite: http.SameSiteDefaultMode},
			set:        "sessionid=KEY; Path=/" + later + "; HttpOnly",
			deleted:    "sessionid=; Path=/" + past + "; HttpOnly"},
		{name: "with the host prefix", cfg: ginsession.Config{CookieName: "__Host-id", CookieSecure: true},
			attributes: ginsession.CookieAttributes{Path: "/", SameSite: http.SameSiteStrictMode},
			set:        "__Host-id=KEY; Path=/" + later + "; HttpOnly; Secure; SameSite=Strict",
			deleted:    "__Host-id=; Path=/" + past + "; HttpOnly; Secure; SameSite=Strict"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			site := testsite.New(t, testsite.Setup{Config: tt.cfg})
			key, inHand := "", ""
			reply := site.Visitor().Do(http.MethodGet, func(c *gin.Context) {
				s := ginsession.Get(c)
				s.Set("v", "1")
				s.CookieAttributes(tt.attributes)
				if err := s.Save(); err != nil {
					t.Error(err)
				}
				key, inHand = s.Key(), site.Cookie(s).String()
			})
			if got := onlySetCookie(t, reply); strings.Replace(got, key, "KEY", 1) != tt.set || got != inHand {
				t.Errorf("set:\n%s, and by Manager.Cookie\n%s, want\n%s", got, inHand, tt.set)
			}
			name, _, _ := strings.Cut(tt.set, "=")
			browser := site.As(name + "=" + key)
			reply = browser.Do(http.MethodGet, func(c *gin.Context) { ginsession.Get(c).Set("v", "2") })
			if got := onlySetCookie(t, reply); tt.attributes.SameSite > 0 && strings.Replace(got, key, "KEY", 1) == tt.set {
				t.Errorf("the next response still has the attributes: %s", got)
			}
			reply = browser.Do(http.MethodGet, func(c *gin.Context) {
				s := ginsession.Get(c)
				s.CookieAttributes(tt.attributes)
				if err := s.Flush(); err != nil {
					t.Error(err)
				}
			})
			if got := onlySetCookie(t, reply); got != tt.deleted {
				t.Errorf("deleted:\n%s, want\n%s", got, tt.deleted)
			}
		})
	}
}

// Attributes with which browsers drop the cookie answer the request with 500 and set no cookie.
func TestCookieAttributesRefused(t *testing.T) {
	for _, tt := range []struct {
		name       string
		cfg        ginsession.Config
		attributes ginsession.CookieAttributes
	}{
		{"a path with the host prefix", ginsession.Config{CookieName: "__Host-id", CookieSecure: true}, ginsession.CookieAttributes{Path: "/w"}},
		{"a domain with the host prefix", ginsession.Config{CookieName: "__Host-id", CookieSecure: true}, ginsession.CookieAttributes{Domain: "example.com"}},
		{"not secure with the secure prefix", ginsession.Config{CookieName: "__Secure-id", CookieSecure: true}, ginsession.CookieAttributes{Secure: ginsession.Off}},
		{"None without secure", ginsession.Config{}, ginsession.CookieAttributes{SameSite: http.SameSiteNoneMode}},
		{"a path with a second attribute", ginsession.Config{}, ginsession.CookieAttributes{Path: "/; Secure"}},
		{"a relative path", ginsession.Config{}, ginsession.CookieAttributes{Path: "w"}},
		{"no domain", ginsession.Config{}, ginsession.CookieAttributes{Domain: "a b"}},
		{"no switch", ginsession.Config{}, ginsession.CookieAttributes{HTTPOnly: 7}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			site := testsite.New(t, testsite.Setup{Config: tt.cfg})
			reply := site.Visitor().Do(http.MethodGet, func(c *gin.Context) {
				s := ginsession.Get(c)
				s.CookieAttributes(tt.attributes)
				s.Set("v", "1")
				if err := s.Save(); !errors.Is(err, ginsession.ErrConfig) {
					t.Errorf("Save: %v, want ErrConfig", err)
				}
				c.String(http.StatusOK, "saved")
			})
			if reply.StatusCode != http.StatusInternalServerError || reply.Header["Set-Cookie"] != nil {
				t.Errorf("answered %d with Set-Cookie %q", reply.StatusCode, reply.Header["Set-Cookie"])
			}
			if calls := site.Calls(); calls != "" {
				t.Errorf("the store was asked: %s", calls)
			}
			reply = site.Visitor().Do(http.MethodGet, func(c *gin.Context) {
				s := ginsession.Get(c)
				s.Set("v", "1")
				s.CookieAttributes(tt.attributes)
				s.CookieAttributes(ginsession.CookieAttributes{})
			})
			if reply.StatusCode != http.StatusOK || len(reply.Header["Set-Cookie"]) != 1 {
				t.Errorf("corrected: answered %d with Set-Cookie %q", reply.StatusCode, reply.Header["Set-Cookie"])
			}
		})
	}
}

// After the first byte the attributes come too late, which is logged.
func TestCookieAttributesTooLate(t *testing.T) {
	site := testsite.New(t, testsite.Setup{})
	reply := site.Visitor().Do(http.MethodGet, func(c *gin.Context) {
		s := ginsession.Get(c)
		s.Set("v", "1")
		c.String(http.StatusOK, "begun")
		s.CookieAttributes(ginsession.CookieAttributes{Path: "no path"})
	})
	if got := onlySetCookie(t, reply); !strings.Contains(got, "; Path=/;") {
		t.Error(got)
	}
	checkContains(t, site.Log.String(), "the cookie's attributes")
}

// Wrap has the session around one handler, also around that of another manager.
func TestManagerWrap(t *testing.T) {
	a := newDesk(t, func(cfg *ginsession.Config) { cfg.CookieName = "a" })
	b := newDesk(t, func(cfg *ginsession.Config) { cfg.CookieName = "b" })
	r := testsite.NewRouter()
	r.Use(a.Wrap(b.Wrap((*gin.Context).Next)))
	r.GET("/", func(c *gin.Context) {
		a.Get(c).Set("v", "of a")
		b.Get(c).Set("v", "of b")
		c.String(http.StatusOK, "set")
	})
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if lines := w.Header()["Set-Cookie"]; len(lines) != 2 {
		t.Errorf("Set-Cookie: %q", lines)
	}
	check(t, "the records of a", len(a.store.Keys()), 1)
	check(t, "the records of b", len(b.store.Keys()), 1)
}
