package ginsession_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// The cookies of two managers that share a store or a SecretKey, told apart by CookieName, are
// worth nothing to each other: who names himself admin in the shop is not admin in the back office.
func TestCookiesOfTwoManagers(t *testing.T) {
	store := testsite.NewStore()
	for name, engine := range map[string]func(*ginsession.Config){
		"a store": func(cfg *ginsession.Config) { cfg.Engine, cfg.HashKeys = ginsession.Custom(store), ginsession.On },
		"a secret": func(cfg *ginsession.Config) {
			cfg.Engine, cfg.SecretKey = ginsession.SignedCookies(), strings.Repeat("s", 50)
		},
	} {
		t.Run(name, func(t *testing.T) {
			names := []string{"sessionid", "office", "__Host-office"}
			var managers []*desk
			for _, cookie := range names {
				managers = append(managers, newDesk(t, engine, func(cfg *ginsession.Config) {
					cfg.CookieName, cfg.CookieSecure = cookie, true
				}))
			}
			for i, from := range managers {
				key := from.saved(t, map[string]any{"user": "admin"})
				for j, to := range managers {
					if got := to.session(t, key).Has("user"); got != (i == j) {
						t.Errorf("a cookie of %s opens a session of %s: %t", names[i], names[j], got)
					}
				}
			}
		})
	}
}

// The name "sessionid" leaves the stored keys as they were before names counted, and so does an
// explicit Salt.
func TestDefaultNameIsNotMixedIn(t *testing.T) {
	const explicit = "django.contrib.sessions.backends.signed_cookies"
	secret := func(cfg *ginsession.Config) {
		cfg.Engine, cfg.SecretKey = ginsession.SignedCookies(), strings.Repeat("s", 50)
	}
	key := newDesk(t, secret).saved(t, map[string]any{"a": 1})
	d := newDesk(t, secret, func(cfg *ginsession.Config) { cfg.CookieName, cfg.Salt = "django", explicit })
	check(t, "Has with Django's salt and another name", d.session(t, key).Has("a"), true)
}

// A program that lets visitors name keys cannot be made to change a session's life.
func TestReservedKeys(t *testing.T) {
	for name, set := range map[string]func(s *ginsession.Session){
		"Set":        func(s *ginsession.Session) { s.Set("_session_expiry", 1<<40) },
		"Update":     func(s *ginsession.Session) { s.Update(map[string]any{"_session_started": 1}) },
		"SetDefault": func(s *ginsession.Session) { s.SetDefault("_session_new", 1) },
		"Modify": func(s *ginsession.Session) {
			_, err := ginsession.Modify(s, "_session_expiry", func(int, bool) int { return 1 << 40 })
			if !errors.Is(err, ginsession.ErrEncode) {
				t.Errorf("Modify: %v, want an ErrEncode", err)
			}
			s.Set("_session_expiry", 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newSite(t)
			v := w.visitor(t)
			v.post(func(s *ginsession.Session) { s.Set("a", 1) })
			r := v.post(set)
			check(t, "status", r.StatusCode, http.StatusInternalServerError)
			check(t, "record", w.store.Text(v.key()), `{"a":1}`)
			checkContains(t, w.log.String(), "_session_", "reserved", "SetExpiry")
		})
	}
	w := newSite(t)
	v := w.visitor(t)
	v.post(func(s *ginsession.Session) { s.SetExpiry(ginsession.ExpireAfter(60e9)) })
	v.post(func(s *ginsession.Session) { _ = s.Delete("_session_expiry") })
	check(t, "Delete of an expiry, as in Django", w.store.Text(v.key()), `{}`)
}

// A sibling domain can toss cookies of our name that come first. What is known of that is said,
// and a sign-out ends the sessions of all that came.
func TestTossedCookies(t *testing.T) {
	site := testsite.New(t, testsite.Setup{})
	v := site.Visitor()
	v.Get("/w/set?v=1")
	var tossed []string
	for i := range 3 {
		tossed = append(tossed, fmt.Sprintf("sessionid=%032d", i))
	}
	victim := site.As(strings.Join(append(tossed, "sessionid="+v.Key()), "; "))
	if got := victim.Get("/w/get").Text; got != "v=" {
		t.Errorf("read %q", got)
	}
	if log := site.Log.String(); !strings.Contains(log, "__Host-") || strings.Contains(log, v.Key()) {
		t.Errorf("logged %q", log)
	}
	victim.Post("/w/flush")
	if n := len(site.Store.Keys()); n != 0 {
		t.Error("the sign-out left the session alive")
	}
}

// Junk in the cookie of SignedCookies is told once for a request.
func TestJunkSignedCookiesAreLoggedOnce(t *testing.T) {
	site := testsite.New(t, testsite.Setup{Config: ginsession.Config{Engine: ginsession.SignedCookies(), SecretKey: strings.Repeat("s", 50)}})
	site.As("sessionid=a; sessionid=b; sessionid=c").Get("/w/get")
	if n := strings.Count(site.Log.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings: %s", n, site.Log)
	}
}

// NoStore keeps every page that used a session out of every cache, the browser's too.
func TestNoStore(t *testing.T) {
	for _, tt := range []struct {
		path, handler, want string
	}{
		{"/w/get", "", "private, no-store"}, {"/w/set?v=1", "", "private, no-store"}, {"/w/plain", "", ""},
		{"/page", "public, max-age=60", "private, no-store"},
	} {
		site := testsite.New(t, testsite.Setup{Config: ginsession.Config{NoStore: ginsession.On}, Routes: pageWithCacheControl(tt.handler)})
		if got := strings.Join(site.Visitor().Get(tt.path).Header["Cache-Control"], ", "); got != tt.want {
			t.Errorf("%s: Cache-Control %q, want %q", tt.path, got, tt.want)
		}
	}
}

// Reload tells a websocket's loop what became of its session.
func TestReload(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, d.saved(t, map[string]any{"a": 1, "list": []int{1}}))
	s.Get("list").([]any)[0] = "mine"
	d.somebodyElse(t, s.Key(), func(s *ginsession.Session) { s.Set("a", 2) })
	check(t, "before Reload", s.Get("a"), int64(1))
	check(t, "Reload", s.Reload(), error(nil))
	check(t, "after Reload", s.Get("a"), int64(2))
	check(t, "what was not saved yet", s.Get("list"), []any{"mine"})
	save(t, s)
	check(t, "record", d.store.Text(s.Key()), `{"a":2,"list":["mine"]}`)

	_ = d.Delete(t.Context(), s.Key())
	check(t, "Reload of an ended session is ErrInterrupted", errors.Is(s.Reload(), ginsession.ErrInterrupted), true)
	d.store.FailOn(errStore, "Load")
	check(t, "Reload when the store fails is ErrUnavailable", errors.Is(s.Reload(), ginsession.ErrUnavailable), true)
	check(t, "Err", s.Err(), error(nil))
	check(t, "Reload of a new session", newDesk(t).session(t, "").Reload(), error(nil))
}

func pageWithCacheControl(value string) func(r *gin.Engine) {
	return func(r *gin.Engine) {
		r.GET("/page", func(c *gin.Context) {
			c.Header("Cache-Control", value)
			ginsession.Get(c).Get("v")
			c.String(http.StatusOK, "page")
		})
	}
}
