package ginsession_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// The front door: a whole site on a database, seen by browsers.

// A browser keeps cookies and asks a server behind TLS.
type browser struct {
	t      *testing.T
	client *http.Client
	site   string
}

func newBrowser(t *testing.T, server *httptest.Server) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, &http.Client{Transport: server.Client().Transport, Jar: jar}, server.URL}
}

// asks returns the status and the body of a response.
func (b *browser) asks(method, path string) string {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.site+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	response, err := b.client.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", response.StatusCode, body)
}

// shop is the site: a counter, a cart, a sign-in, a sign-out.
func shop(t *testing.T, cfg ginsession.Config) *httptest.Server {
	t.Helper()
	gin.SetMode(gin.TestMode)
	r := gin.New()
	r.Use(ginsession.New(cfg))
	r.GET("/", func(c *gin.Context) {
		s := ginsession.Get(c)
		n, _ := ginsession.Value[int](s, "visits")
		s.Set("visits", n+1)
		c.String(http.StatusOK, "visit %d", n+1)
	})
	r.POST("/cart/:item", func(c *gin.Context) {
		_, err := ginsession.Modify(ginsession.Get(c), "cart", func(cart []string, _ bool) []string {
			return append(cart, c.Param("item"))
		})
		if err != nil {
			c.AbortWithStatus(http.StatusInternalServerError)
		}
	})
	r.GET("/cart", func(c *gin.Context) {
		cart, _ := ginsession.Value[[]string](ginsession.Get(c), "cart")
		c.String(http.StatusOK, "%v", cart)
	})
	r.POST("/login/:user", func(c *gin.Context) {
		s := ginsession.Get(c)
		if err := s.CycleKey(); err != nil {
			return // answered by the ErrorHandler
		}
		s.Set("user", c.Param("user"))
	})
	r.GET("/user", func(c *gin.Context) {
		user, ok := ginsession.Value[string](ginsession.Get(c), "user")
		c.String(http.StatusOK, "%s %v", user, ok)
	})
	r.POST("/logout", func(c *gin.Context) {
		_ = ginsession.Get(c).Flush() // if it fails, the ErrorHandler answers
	})
	server := httptest.NewTLSServer(r)
	t.Cleanup(server.Close)
	return server
}

func TestShop(t *testing.T) {
	db := openSQLite(t)
	if err := ginsession.Migrate(db); err != nil {
		t.Fatal(err)
	}
	cfg := ginsession.Config{Engine: ginsession.DB(db), CookieName: "__Host-sid", CookieSecure: true}
	server := shop(t, cfg)
	alice, bob := newBrowser(t, server), newBrowser(t, server)
	for _, step := range []struct {
		who          *browser
		method, path string
		want         string
	}{
		{alice, "GET", "/user", "200  false"},
		{alice, "GET", "/", "200 visit 1"},
		{alice, "GET", "/", "200 visit 2"},
		{bob, "GET", "/", "200 visit 1"},
		{alice, "POST", "/cart/apple", "200 "},
		{alice, "POST", "/cart/pear", "200 "},
		{alice, "GET", "/cart", "200 [apple pear]"},
		{bob, "GET", "/cart", "200 []"},
		{alice, "POST", "/login/alice", "200 "},
		{alice, "GET", "/user", "200 alice true"},
		{alice, "GET", "/cart", "200 [apple pear]"},
		{alice, "GET", "/", "200 visit 3"},
		{bob, "GET", "/user", "200  false"},
		{bob, "POST", "/login/bob", "200 "},
		{alice, "POST", "/logout", "200 "},
		{alice, "GET", "/user", "200  false"},
		{alice, "GET", "/cart", "200 []"},
		{alice, "GET", "/", "200 visit 1"},
		{bob, "GET", "/user", "200 bob true"},
	} {
		if got := step.who.asks(step.method, step.path); got != step.want {
			t.Errorf("%s %s: %q, want %q", step.method, step.path, got, step.want)
		}
	}
	var rows int64
	if err := db.Model(&ginsession.Model{}).Count(&rows).Error; err != nil {
		t.Fatal(err)
	}
	check(t, "rows", rows, int64(2))

	// Another process, or the same one restarted, finds the sessions again.
	again := shop(t, cfg)
	bob.site, bob.client.Transport = again.URL, again.Client().Transport
	check(t, "after a restart", bob.asks("GET", "/user"), "200 bob true")
}

func TestNewPanicsOnABadConfig(t *testing.T) {
	defer func() {
		err, _ := recover().(error)
		if !errors.Is(err, ginsession.ErrConfig) {
			t.Fatalf("New panicked with %v, want an ErrConfig", err)
		}
		checkContains(t, err.Error(), "Engine", "CookieAge", "CookieName")
	}()
	ginsession.New(ginsession.Config{CookieAge: -1, CookieName: "a b"})
}

// panicOf returns what f panics with, as text.
func panicOf(f func()) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	f()
	return ""
}

func TestGetWithoutTheMiddleware(t *testing.T) {
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequest(http.MethodGet, "/", nil)
	checkContains(t, panicOf(func() { ginsession.Get(c) }), "ginsession: ", "r.Use(ginsession.New(cfg))")
	checkContains(t, panicOf(func() { newDesk(t).Get(c) }), "ginsession: ", "r.Use(manager.Handler())")
	_, ok := ginsession.FromContext(c)
	check(t, "FromContext", ok, false)
}

// Get gives one session for the whole of a request, and another for the next.
func TestGetGivesOneSession(t *testing.T) {
	w := newSite(t)
	v := w.visitor(t)
	var first *ginsession.Session
	v.send(http.MethodGet, func(c *gin.Context) {
		first = ginsession.Get(c)
		check(t, "Get again is the same", ginsession.Get(c) == first, true)
		check(t, "Manager.Get is the same", w.Get(c) == first, true)
	})
	v.get(func(s *ginsession.Session) { check(t, "the next request's is the same", s == first, false) })
}

// Two managers on one route have two cookies and two sessions.
func TestTwoManagers(t *testing.T) {
	outer := newDesk(t, func(cfg *ginsession.Config) { cfg.CookieName = "outer" })
	w := newSiteWith(t, newDesk(t), outer.Handler())
	v := w.visitor(t)
	r := v.send(http.MethodPost, func(c *gin.Context) {
		check(t, "Get is the inner one's", ginsession.Get(c) == w.Get(c), true)
		check(t, "the sessions are one", w.Get(c) == outer.Get(c), false)
		w.Get(c).Set("a", "inner")
		outer.Get(c).Set("a", "outer")
	})
	check(t, "cookies", len(r.Cookies()), 2)
	check(t, "sessions of the inner one", len(w.store.Keys()), 1)
	check(t, "sessions of the outer one", len(outer.store.Keys()), 1)
	v.send(http.MethodGet, func(c *gin.Context) {
		check(t, "Get of the inner one", w.Get(c).Get("a"), "inner")
		check(t, "Get of the outer one", outer.Get(c).Get("a"), "outer")
		checkContains(t, panicOf(func() { newDesk(t).Get(c) }), "no session of this manager")
	})
	r = v.send(http.MethodPost, func(c *gin.Context) { check(t, "Flush", w.Get(c).Flush(), error(nil)) })
	check(t, "cookies", len(r.Cookies()), 1)
	check(t, "sessions of the inner one", len(w.store.Keys()), 0)
	check(t, "sessions of the outer one", len(outer.store.Keys()), 1)
}

// A middleware that is installed twice does its work once.
func TestMiddlewareTwice(t *testing.T) {
	d := newDesk(t)
	w := newSiteWith(t, d, d.Handler())
	v := w.visitor(t)
	r := v.post(func(s *ginsession.Session) { s.Set("a", 1) })
	check(t, "Set-Cookie lines", len(r.Header.Values("Set-Cookie")), 1)
	checkCalls(t, w.store, "Create")
	v.get(func(s *ginsession.Session) { check(t, "Get", s.Get("a"), int64(1)) })
}

type contextKey string

// FromContext finds the session in every context derived from the request's.
func TestFromContext(t *testing.T) {
	w := newSite(t)
	w.visitor(t).send(http.MethodPost, func(c *gin.Context) {
		s := ginsession.Get(c)
		for name, ctx := range map[string]context.Context{
			"gin.Context":                     c,
			"a child of gin.Context":          context.WithValue(c, contextKey("k"), "v"),
			"gin.Context without its cancel":  context.WithoutCancel(c),
			"NewContext":                      ginsession.NewContext(context.Background(), s),
			"a child of NewContext":           context.WithValue(ginsession.NewContext(context.Background(), s), contextKey("k"), "v"),
			"NewContext of the request's own": ginsession.NewContext(c.Request.Context(), s),
		} {
			got, ok := ginsession.FromContext(ctx)
			check(t, name, []bool{got == s, ok}, []bool{true, true})
		}
		other := w.session(t, "")
		got, _ := ginsession.FromContext(ginsession.NewContext(c, other))
		check(t, "NewContext comes before gin.Context", got == other, true)

		got, ok := ginsession.FromContext(context.Background())
		check(t, "a bare context", []bool{got == nil, ok}, []bool{true, false})
	})
}

// contextStore tells which value the context of a load has.
type contextStore struct {
	ginsession.Store
	loaded chan any
}

func (s *contextStore) Load(ctx context.Context, key string, now time.Time) (ginsession.Record, error) {
	s.loaded <- ctx.Value(contextKey("trace"))
	return s.Store.Load(ctx, key, now)
}

// The store sees the values of the request's context, as it is when the handler asks for the
// session: a middleware after ours may have added some.
func TestStoreSeesTheRequestsContext(t *testing.T) {
	store := &contextStore{testsite.NewStore(), make(chan any, 1)}
	w := newSite(t, func(cfg *ginsession.Config) { cfg.Engine = ginsession.Custom(store) })
	v := w.visitor(t)
	v.setKey(planted)
	v.send(http.MethodGet, func(c *gin.Context) {
		c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), contextKey("trace"), "id 7"))
		ginsession.Get(c).Keys()
	})
	check(t, "the value", <-store.loaded, any("id 7"))
}
