package gincontrib_test

import (
	"errors"
	"net/http"
	"regexp"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/compat/gincontrib"
)

func TestOptions(t *testing.T) {
	for _, tt := range []struct {
		name    string
		cfg     func(*ginsession.Config)
		options sessions.Options
		want    string // a regular expression
	}{
		{"zero", nil, sessions.Options{}, `^sessionid=\w+; Path=/; HttpOnly; SameSite=Lax$`},
		{"an age", nil, sessions.Options{MaxAge: 3600}, `^sessionid=\w+; Path=/; Expires=[^;]+; Max-Age=3600; HttpOnly; SameSite=Lax$`},
		{"all", nil, sessions.Options{Path: "/page", Domain: "example.com", MaxAge: 60, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode},
			`^sessionid=\w+; Path=/page; Domain=example.com; Expires=[^;]+; Max-Age=60; HttpOnly; Secure; SameSite=Strict$`},
		{"a host prefix", func(cfg *ginsession.Config) { cfg.CookieName, cfg.CookieSecure = "__Host-id", true }, sessions.Options{MaxAge: 60},
			`^__Host-id=\w+; Path=/; Expires=[^;]+; Max-Age=60; HttpOnly; Secure; SameSite=Lax$`},
		{"a very long age", nil, sessions.Options{MaxAge: 1 << 60}, `; Max-Age=\d{10};`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newManager(t, func(cfg *ginsession.Config) {
				if tt.cfg != nil {
					tt.cfg(cfg)
				}
			})
			site := newSite(t, gincontrib.Sessions(m))
			for name, page := range map[string]gin.HandlerFunc{
				"before a change": func(c *gin.Context) {
					sessions.Default(c).Options(tt.options)
					sessions.Default(c).Set("k", 1)
				},
				"after a change": func(c *gin.Context) {
					sessions.Default(c).Set("k", 1)
					sessions.Default(c).Options(tt.options)
				},
				"and saved": func(c *gin.Context) {
					sessions.Default(c).Set("k", 1)
					save(t, c)
					sessions.Default(c).Options(tt.options)
					save(t, c)
				},
			} {
				if line := site.browser().do(page).setCookie(t); !regexp.MustCompile(tt.want).MatchString(line) {
					t.Errorf("%s: %s, want %s", name, line, tt.want)
				}
			}
		})
	}
}

// Options without a change or a Save leave a session as it is.
func TestOptionsAlone(t *testing.T) {
	web := newSite(t, gincontrib.Sessions(newManager(t))).browser()
	web.do(func(c *gin.Context) { sessions.Default(c).Set("k", 1) })
	r := web.do(func(c *gin.Context) { sessions.Default(c).Options(sessions.Options{MaxAge: 60}) })
	check(t, "Set-Cookie without Save", r.setCookie(t), "")
	r = web.do(func(c *gin.Context) {
		sessions.Default(c).Options(sessions.Options{MaxAge: 60})
		save(t, c)
	})
	if !regexp.MustCompile(`Max-Age=60;`).MatchString(r.setCookie(t)) {
		t.Error("with Save:", r.setCookie(t))
	}
}

func TestOptionsThatBrowsersDrop(t *testing.T) {
	m := newManager(t, func(cfg *ginsession.Config) { cfg.CookieName, cfg.CookieSecure = "__Host-id", true })
	r := newSite(t, gincontrib.Sessions(m)).browser().do(func(c *gin.Context) {
		s := sessions.Default(c)
		s.Set("k", 1)
		s.Options(sessions.Options{Path: "/page"})
		if err := s.Save(); !errors.Is(err, ginsession.ErrConfig) {
			t.Errorf("Save: %v, want ErrConfig", err)
		}
	})
	check(t, "status", r.StatusCode, http.StatusInternalServerError)
	check(t, "Set-Cookie", r.setCookie(t), "")
}

// After a sign-out a copied cookie is worth nothing, and the browser's is deleted where it was set.
func TestSignOut(t *testing.T) {
	forEachEngine(t, func(t *testing.T, engine ginsession.Engine) {
		m := newManager(t, onEngine(engine))
		onServer := m.Delete(t.Context(), "") == nil
		site := newSite(t, gincontrib.Sessions(m))
		const path = "/page"
		for name, signOut := range map[string]func(s sessions.Session){
			"MaxAge": func(s sessions.Session) { s.Options(sessions.Options{Path: path, MaxAge: -1}) },
			"Clear": func(s sessions.Session) {
				s.Clear()
				s.Options(sessions.Options{Path: path})
			},
			"both": func(s sessions.Session) {
				s.Clear()
				s.Options(sessions.Options{Path: path, MaxAge: -1})
			},
		} {
			web := site.browser()
			web.do(func(c *gin.Context) {
				s := sessions.Default(c)
				s.Set("user", "ann")
				s.Options(sessions.Options{Path: path, MaxAge: 60})
				save(t, c)
			})
			address := web.address()
			address.Path = path + "/"
			cookies := web.Jar.Cookies(address)
			check(t, name+": cookies", len(cookies), 1)
			thief := site.browser()
			thief.Jar.SetCookies(address, cookies)
			check(t, name+": the thief before", thief.get("user"), "ann")
			web.do(func(c *gin.Context) {
				signOut(sessions.Default(c))
				save(t, c)
			})
			check(t, name+": the visitor", web.get("user"), nil)
			if name != "Clear" {
				check(t, name+": cookies left", len(web.Jar.Cookies(address)), 0)
			}
			if onServer {
				check(t, name+": the thief", thief.get("user"), nil)
			}
		}
	})
}

// Clear spares what ginsession itself keeps in the session.
func TestClearSparesOurOwn(t *testing.T) {
	web := newSite(t, gincontrib.Sessions(newManager(t))).browser()
	web.do(func(c *gin.Context) {
		s := ginsession.Get(c)
		if err := s.SignIn("ann"); err != nil {
			t.Error(err)
		}
		s.SetExpiry(ginsession.ExpireAtBrowserClose)
		s.Set("cart", 1)
	})
	web.do(func(c *gin.Context) { sessions.Default(c).Clear() })
	web.do(func(c *gin.Context) {
		s := ginsession.Get(c)
		check(t, "cart", s.Get("cart"), nil)
		check(t, "owner", s.Owner(), "ann")
		check(t, "expiry", s.ExpiresAtBrowserClose(), true)
		check(t, "a reserved key", sessions.Default(c).Get("_session_owner"), nil)
	})
}

// What comes after the first byte is saved if the client has the session's cookie, and otherwise
// reported.
func TestAfterTheFirstByte(t *testing.T) {
	forEachEngine(t, func(t *testing.T, engine ginsession.Engine) {
		m := newManager(t, onEngine(engine))
		onServer := m.Delete(t.Context(), "") == nil
		web := newSite(t, gincontrib.Sessions(m)).browser()
		late := func(want error) gin.HandlerFunc {
			return func(c *gin.Context) {
				c.String(http.StatusOK, "begun")
				sessions.Default(c).Set("late", true)
				if err := sessions.Default(c).Save(); !errors.Is(err, want) {
					t.Errorf("Save: %v, want %v", err, want)
				}
			}
		}
		web.do(late(ginsession.ErrHeadersWritten))
		check(t, "late, of a new session", web.get("late"), nil)
		web.do(func(c *gin.Context) { sessions.Default(c).Set("early", true) })
		check(t, "early", web.get("early"), true)
		if !onServer {
			web.do(late(ginsession.ErrHeadersWritten))
			return
		}
		web.do(late(nil))
		check(t, "late", web.get("late"), true)
		web.do(func(c *gin.Context) {
			c.String(http.StatusOK, "begun")
			sessions.Default(c).Set("late", "without Save")
		})
		check(t, "late without Save", web.get("late"), "without Save")
	})
}

// A goroutine that outlives its request never sees another's session.
func TestAfterTheRequest(t *testing.T) {
	m := newManager(t)
	site := newSite(t, gincontrib.Sessions(m))
	var kept, unused sessions.Session
	web := site.browser()
	web.do(func(c *gin.Context) {
		kept = sessions.Default(c)
		kept.Set("user", "ann")
	})
	site.browser().do(func(c *gin.Context) { unused = sessions.Default(c) })
	for range 4 {
		site.browser().do(func(c *gin.Context) { sessions.Default(c).Set("user", "bob") })
	}
	check(t, "kept", kept.Get("user"), "ann")
	kept.Set("job", "done")
	if err := kept.Save(); err != nil {
		t.Error(err)
	}
	check(t, "job", web.get("job"), "done")
	check(t, "unused", unused.Get("user"), nil)
	unused.Set("user", "eve")
	if err := unused.Save(); !errors.Is(err, ginsession.ErrHeadersWritten) {
		t.Errorf("Save: %v, want ErrHeadersWritten", err)
	}
}

// Each of many sessions has a manager and a cookie, which opens none of the others.
func TestSessionsMany(t *testing.T) {
	forEachEngine(t, func(t *testing.T, engine ginsession.Engine) {
		a, b := newManager(t, onEngine(engine), cookieName("a")), newManager(t, onEngine(engine), cookieName("b"))
		web := newSite(t, gincontrib.SessionsMany(map[string]*ginsession.Manager{"shop": a, "admin": b})).browser()
		r := web.do(func(c *gin.Context) {
			sessions.DefaultMany(c, "shop").Set("user", "of shop")
			sessions.DefaultMany(c, "admin").Set("user", "of admin")
			for _, name := range []string{"shop", "admin"} {
				if err := sessions.DefaultMany(c, name).Save(); err != nil {
					t.Error(err)
				}
			}
			check(t, "an unknown name", sessions.DefaultMany(c, "other"), nil)
		})
		check(t, "cookies", len(r.Header["Set-Cookie"]), 2)
		users := func(b *browser) (shop, admin any) {
			b.do(func(c *gin.Context) {
				shop, admin = sessions.DefaultMany(c, "shop").Get("user"), sessions.DefaultMany(c, "admin").Get("user")
			})
			return shop, admin
		}
		shop, admin := users(web)
		check(t, "the shop's user", shop, "of shop")
		check(t, "the admins' user", admin, "of admin")
		swapped := web.copied()
		cookies := web.Jar.Cookies(web.address())
		cookies[0].Value, cookies[1].Value = cookies[1].Value, cookies[0].Value
		swapped.Jar.SetCookies(web.address(), cookies)
		shop, admin = users(swapped)
		check(t, "the shop's user by the other cookie", shop, nil)
		check(t, "the admins' user by the other cookie", admin, nil)
	})
}
