package gincontrib_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	gorilla "github.com/gorilla/sessions"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/compat/gincontrib"
)

const name = "shop"

// storeSite is a site whose pages use gin-contrib's own middleware over a Store.
func storeSite(t testing.TB, store sessions.Store) *site {
	return newSite(t, sessions.Sessions(name, store))
}

func TestStoreTypes(t *testing.T) {
	values := map[any]any{
		"int": -1, "uint": uint(7), "map": map[uint64]bool{1 << 63: true}, "struct": user{"Ann", map[uint64]bool{7: true}},
		1: "int key", int64(1): "int64 key", role("admin"): "key of a type of its own", "admin": "its text", "_session_expiry": "reserved",
	}
	forEachEngine(t, func(t *testing.T, engine ginsession.Engine) {
		web := storeSite(t, gincontrib.NewStore(newManager(t, onEngine(engine)))).browser()
		web.do(func(c *gin.Context) {
			for key, value := range values {
				sessions.Default(c).Set(key, value)
			}
			save(t, c)
		})
		web.do(func(c *gin.Context) {
			for key, value := range values {
				check(t, fmt.Sprintf("%#v", key), sessions.Default(c).Get(key), value)
			}
		})
	})
}

// Each request saves only what it has changed.
func TestStoreMerges(t *testing.T) {
	const n = 8
	forEachEngine(t, func(t *testing.T, engine ginsession.Engine) {
		m := newManager(t, onEngine(engine))
		if m.Delete(t.Context(), "") != nil {
			return // signed cookies cannot merge
		}
		web := storeSite(t, gincontrib.NewStore(m)).browser()
		web.do(func(c *gin.Context) {
			s := sessions.Default(c)
			s.Set("in place", map[uint64]bool{})
			s.Set("deleted", true)
			s.Set("kept", true)
			s.AddFlash(-1)
			save(t, c)
		})
		meet := newBarrier(n)
		atOnce(n, func(i int) {
			_, err := web.copied().try(func(c *gin.Context) {
				s := sessions.Default(c)
				s.Get("kept")
				meet.wait()
				s.Set(i, i)
				s.AddFlash(i)
				switch i {
				case 0:
					s.Delete("deleted")
				case 1:
					s.Get("in place").(map[uint64]bool)[7] = true
				}
				save(t, c)
			})
			if err != nil {
				t.Error(err)
			}
		})
		var flashes []int
		web.do(func(c *gin.Context) {
			s := sessions.Default(c)
			for i := range n {
				check(t, fmt.Sprint("value of ", i), s.Get(i), i)
			}
			check(t, "deleted", s.Get("deleted"), nil)
			check(t, "kept", s.Get("kept"), true)
			check(t, "in place", s.Get("in place"), map[uint64]bool{7: true})
			for _, flash := range s.Flashes() {
				flashes = append(flashes, flash.(int))
			}
			save(t, c)
		})
		slices.Sort(flashes)
		check(t, "flashes", flashes, []int{-1, 0, 1, 2, 3, 4, 5, 6, 7})
		web.do(func(c *gin.Context) { check(t, "flashes again", len(sessions.Default(c).Flashes()), 0) })
	})
}

func TestStoreSignOut(t *testing.T) {
	m := newManager(t)
	web := storeSite(t, gincontrib.NewStore(m)).browser()
	web.do(func(c *gin.Context) {
		sessions.Default(c).Set("user", "ann")
		save(t, c)
	})
	thief := web.copied()
	check(t, "the thief before", thief.get("user"), "ann")
	r := web.do(func(c *gin.Context) {
		sessions.Default(c).Options(sessions.Options{MaxAge: -1})
		save(t, c)
		check(t, "ID", sessions.Default(c).ID(), "")
	})
	check(t, "Set-Cookie", r.setCookie(t), name+"=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; SameSite=Lax")
	check(t, "cookies left", len(web.Jar.Cookies(web.address())), 0)
	check(t, "the thief", thief.get("user"), nil)
}

// A request that saves after a sign-out revives nothing.
func TestStoreDeletionWins(t *testing.T) {
	m := newManager(t)
	web := storeSite(t, gincontrib.NewStore(m)).browser()
	web.do(func(c *gin.Context) {
		sessions.Default(c).Set("user", "ann")
		save(t, c)
	})
	web.do(func(c *gin.Context) {
		s := sessions.Default(c)
		if err := m.Delete(c, s.ID()); err != nil {
			t.Error(err)
		}
		s.Set("late", true)
		if err := s.Save(); !errors.Is(err, ginsession.ErrInterrupted) {
			t.Errorf("Save: %v, want ErrInterrupted", err)
		}
	})
	check(t, "user", web.get("user"), nil)
}

func TestStoreOptions(t *testing.T) {
	secure := func(cfg *ginsession.Config) { cfg.CookieSecure = true }
	for _, tt := range []struct {
		name       string
		cfg        func(*ginsession.Config)
		ofStore    *sessions.Options
		ofSession  *sessions.Options
		want       string // a regular expression
		wantAtExit string
	}{
		{"the manager's", secure, nil, nil,
			`^shop=\w+; Path=/; Expires=[^;]+; Max-Age=1209600; HttpOnly; Secure; SameSite=Lax$`, `^shop=; Path=/; .*; HttpOnly; Secure; SameSite=Lax$`},
		{"the session's over the manager's", secure, nil, &sessions.Options{Path: "/page", MaxAge: 60},
			`^shop=\w+; Path=/page; Expires=[^;]+; Max-Age=60; HttpOnly; Secure; SameSite=Lax$`, `^shop=; Path=/; `},
		{"the store's", secure, &sessions.Options{Path: "/page", Domain: "example.com", MaxAge: 60}, nil,
			`^shop=\w+; Path=/page; Domain=example.com; Expires=[^;]+; Max-Age=60$`, `^shop=; Path=/page; Domain=example.com; `},
		{"the session's over the store's", secure, &sessions.Options{Path: "/page", MaxAge: 60}, &sessions.Options{SameSite: http.SameSiteStrictMode},
			`^shop=\w+; SameSite=Strict$`, `^shop=; Path=/page; `},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store := gincontrib.NewStore(newManager(t, tt.cfg))
			if tt.ofStore != nil {
				store.Options(*tt.ofStore)
			}
			web := storeSite(t, store).browser()
			r := web.do(func(c *gin.Context) {
				s := sessions.Default(c)
				s.Set("k", 1)
				if tt.ofSession != nil {
					s.Options(*tt.ofSession)
				}
				save(t, c)
			})
			if line := r.setCookie(t); !regexp.MustCompile(tt.want).MatchString(line) {
				t.Errorf("%s, want %s", line, tt.want)
			}
			check(t, "Vary", r.Header.Get("Vary"), "Cookie")
			check(t, "Cache-Control", r.Header.Get("Cache-Control"), "private")
			session, _, _ := strings.Cut(r.setCookie(t), ";")
			r = web.do(func(c *gin.Context) {
				c.Request.Header.Set("Cookie", session)
				sessions.Default(c).Options(sessions.Options{MaxAge: -1})
				save(t, c)
			})
			if line := r.setCookie(t); !regexp.MustCompile(tt.wantAtExit).MatchString(line) {
				t.Errorf("deleted: %s, want %s", line, tt.wantAtExit)
			}
		})
	}
}

// An expiry stays with the session until another is asked for.
func TestStoreExpiryStays(t *testing.T) {
	web := storeSite(t, gincontrib.NewStore(newManager(t))).browser()
	maxAge := func(options ...sessions.Options) string {
		r := web.do(func(c *gin.Context) {
			sessions.Default(c).Set("k", 1)
			for _, o := range options {
				sessions.Default(c).Options(o)
			}
			save(t, c)
		})
		return regexp.MustCompile(`Max-Age=\d+|$`).FindString(r.setCookie(t))
	}
	check(t, "set", maxAge(sessions.Options{MaxAge: 60}), "Max-Age=60")
	check(t, "next", maxAge(), "Max-Age=60")
	check(t, "browser close", maxAge(sessions.Options{}), "")
	check(t, "next", maxAge(), "")
}

func TestStoreCookiesThatBrowsersDrop(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options gorilla.Options
	}{
		{"__Host-id", gorilla.Options{}},
		{"__Host-id", gorilla.Options{Secure: true, Path: "/page"}},
		{"__Host-id", gorilla.Options{Secure: true, Domain: "example.com"}},
		{"__Secure-id", gorilla.Options{}},
		{"id", gorilla.Options{SameSite: http.SameSiteNoneMode}},
		{"id", gorilla.Options{Partitioned: true}},
		{"id", gorilla.Options{Path: "/;"}},
	} {
		store := gincontrib.NewStore(newManager(t))
		r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
		s, err := store.Get(r, tt.name)
		if err != nil {
			t.Fatal(err)
		}
		s.Values["k"], *s.Options = 1, tt.options
		if err := s.Save(r, w); !errors.Is(err, ginsession.ErrConfig) || w.Header()["Set-Cookie"] != nil {
			t.Errorf("%s with %+v: %v and Set-Cookie %q, want ErrConfig and none", tt.name, tt.options, err, w.Header()["Set-Cookie"])
		}
	}
}

// Names are sessions of their own, whose cookies are not interchangeable, also with the cookie
// of the manager's own middleware.
func TestStoreNames(t *testing.T) {
	forEachEngine(t, func(t *testing.T, engine ginsession.Engine) {
		m := newManager(t, onEngine(engine))
		store := gincontrib.NewStore(m)
		web := newSite(t, gincontrib.Sessions(m)).browser()
		session := func(c *gin.Context, name string) *gorilla.Session {
			s, err := store.Get(c.Request, name)
			if err != nil {
				t.Error(err)
			}
			return s
		}
		web.do(func(c *gin.Context) {
			sessions.Default(c).Set("k", "of the middleware")
			for _, name := range []string{"a", "b"} {
				s := session(c, name)
				s.Values["k"] = "of " + name
				if err := s.Save(c.Request, c.Writer); err != nil {
					t.Error(err)
				}
			}
		})
		cookies := map[string]string{}
		for _, cookie := range web.Jar.Cookies(web.address()) {
			cookies[cookie.Name] = cookie.Value
		}
		check(t, "cookies", len(cookies), 3)
		for _, tt := range []struct {
			name, of string
			want     any
		}{
			{"a", "a", "of a"}, {"b", "b", "of b"}, {"a", "b", nil}, {"b", "a", nil}, {"a", "sessionid", nil},
			{"sessionid", "sessionid", "of the middleware"},
		} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.AddCookie(&http.Cookie{Name: tt.name, Value: cookies[tt.of]})
			s, err := store.Get(r, tt.name)
			if err != nil {
				t.Fatal(err)
			}
			check(t, tt.name+" by the cookie of "+tt.of, s.Values["k"], tt.want)
			check(t, "IsNew", s.IsNew, tt.want == nil)
			check(t, "number of values", len(s.Values), map[bool]int{true: 0, false: 1}[s.IsNew])
		}
	})
}

// Sessions made or saved in ways that only gorilla's users know.
func TestStoreGorilla(t *testing.T) {
	store := gincontrib.NewStore(newManager(t))
	r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
	s := gorilla.NewSession(store, name)
	s.Options = nil
	s.Values["k"], s.Values["gone"] = 1, 2
	if err := s.Save(r, w); err != nil {
		t.Fatal(err)
	}
	cookie := w.Result().Cookies()[0]
	check(t, "Max-Age", cookie.MaxAge, 14*24*60*60)
	check(t, "ID", s.ID, cookie.Value)

	// Saved with another request than it was loaded with: the session is what it says.
	r = httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(cookie)
	loaded, err := store.New(r, name)
	if err != nil {
		t.Fatal(err)
	}
	loaded.Values = map[any]any{"k": 3}
	w = httptest.NewRecorder()
	if err := loaded.Save(httptest.NewRequest(http.MethodGet, "/", nil), w); err != nil {
		t.Fatal(err)
	}
	r = httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(cookie)
	again, err := store.Get(r, name)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "values", again.Values, map[any]any{"k": 3})
	same, _ := store.Get(r, name)
	check(t, "the same at each Get", same == again, true)

	// The last of several saves sets the cookie.
	w = httptest.NewRecorder()
	for range 2 {
		if err := gorilla.Save(r, w); err != nil {
			t.Fatal(err)
		}
	}
	check(t, "Set-Cookie lines", len(w.Header()["Set-Cookie"]), 1)

	again.Values[struct{ A int }{}] = 1
	if err := again.Save(r, w); !errors.Is(err, ginsession.ErrEncode) {
		t.Errorf("Save: %v, want ErrEncode", err)
	}
}

// Nobody is given a session that could not be loaded, and none is overwritten.
func TestStoreUnavailable(t *testing.T) {
	db := openSQLite(t)
	m := newManager(t, onEngine(database(t, db)))
	store := gincontrib.NewStore(m)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: name, Value: strings.Repeat("k", 32)})
	breakDB(t, db)
	s, err := store.Get(r, name)
	if !errors.Is(err, ginsession.ErrUnavailable) || s == nil {
		t.Fatalf("Get: %v, %v, want a session and ErrUnavailable", s, err)
	}
	w := httptest.NewRecorder()
	s.Values["k"] = 1
	if err := s.Save(r, w); !errors.Is(err, ginsession.ErrUnavailable) || w.Header()["Set-Cookie"] != nil {
		t.Errorf("Save: %v, want ErrUnavailable and no cookie", err)
	}
}

func TestStoreAfterTheFirstByte(t *testing.T) {
	web := storeSite(t, gincontrib.NewStore(newManager(t))).browser()
	late := func(want error) {
		t.Helper()
		web.do(func(c *gin.Context) {
			c.String(http.StatusOK, "begun")
			sessions.Default(c).Set("late", true)
			if err := sessions.Default(c).Save(); !errors.Is(err, want) {
				t.Errorf("Save: %v, want %v", err, want)
			}
		})
	}
	late(ginsession.ErrHeadersWritten)
	web.do(func(c *gin.Context) {
		sessions.Default(c).Set("early", true)
		save(t, c)
	})
	late(nil)
	check(t, "late", web.get("late"), true)
}

// What is saved after a sign-out is a new session, also if it has the values of the old one.
func TestStoreAfterSignOut(t *testing.T) {
	web := storeSite(t, gincontrib.NewStore(newManager(t))).browser()
	web.do(func(c *gin.Context) {
		sessions.Default(c).Set("k", 1)
		save(t, c)
	})
	web.do(func(c *gin.Context) {
		s := sessions.Default(c)
		id := s.ID()
		s.Options(sessions.Options{MaxAge: -1})
		save(t, c)
		s.Options(sessions.Options{MaxAge: 60})
		save(t, c)
		if s.ID() == id || s.ID() == "" {
			t.Errorf("ID = %q, was %q", s.ID(), id)
		}
	})
	check(t, "k", web.get("k"), 1)
}

func TestStoreCreatesNothingEmpty(t *testing.T) {
	store := gincontrib.NewStore(newManager(t))
	store.Options(sessions.Options{MaxAge: 60})
	r := storeSite(t, store).browser().do(func(c *gin.Context) {
		sessions.Default(c).Flashes()
		save(t, c)
	})
	check(t, "Set-Cookie", r.setCookie(t), "")
}

// Several cookies of one name are tried, three at most.
func TestStoreSeveralCookies(t *testing.T) {
	store := gincontrib.NewStore(newManager(t))
	r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
	s, _ := store.Get(r, name)
	s.Values["k"] = 1
	if err := s.Save(r, w); err != nil {
		t.Fatal(err)
	}
	for others, found := range map[int]bool{0: true, 2: true, 3: false} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		for i := range others {
			r.AddCookie(&http.Cookie{Name: name, Value: fmt.Sprint("unknownkey", i)})
		}
		r.AddCookie(w.Result().Cookies()[0])
		s, err := store.Get(r, name)
		if err != nil {
			t.Fatal(err)
		}
		check(t, fmt.Sprint("found after ", others), !s.IsNew, found)
	}
}

// The name that the Store was asked for counts for what browsers keep.
func TestStoreCookieTooLarge(t *testing.T) {
	store := gincontrib.NewStore(newManager(t, onEngine(ginsession.SignedCookies())))
	r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
	s, err := store.Get(r, strings.Repeat("n", 4000))
	if err != nil {
		t.Fatal(err)
	}
	s.Values["k"] = 1
	if err := s.Save(r, w); !errors.Is(err, ginsession.ErrCookieTooLarge) || w.Header()["Set-Cookie"] != nil {
		t.Errorf("Save: %v, want ErrCookieTooLarge and no cookie", err)
	}
}
