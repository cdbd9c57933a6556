package ginsession_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// Pages that no route serves have sessions too.
func TestMiddlewareNoRoute(t *testing.T) {
	site := testsite.New(t, testsite.Setup{
		Configure: func(r *gin.Engine) { r.HandleMethodNotAllowed = true },
		Routes: func(r *gin.Engine) {
			count := func(c *gin.Context) {
				if c.Request.URL.Query().Has("count") {
					n, _ := ginsession.Value[int](ginsession.Get(c), "n")
					ginsession.Get(c).Set("n", n+1)
				}
			}
			r.NoRoute(count)
			r.NoMethod(count)
			r.GET("/only-get", func(c *gin.Context) { c.JSON(200, ginsession.Get(c).Get("n")) })
		},
	})
	v := site.Visitor()
	for _, tt := range []struct {
		method, path string
		status       int
		body         string
	}{
		{http.MethodGet, "/nowhere?count", 404, "404 page not found"},
		{http.MethodPost, "/only-get?count", 405, "405 method not allowed"},
		{http.MethodGet, "/only-get", 200, "2"},
		{http.MethodGet, "/nowhere", 404, "404 page not found"},
	} {
		reply := v.Send(tt.method, tt.path)
		if reply.StatusCode != tt.status || reply.Text != tt.body {
			t.Errorf("%s %s: %d %q", tt.method, tt.path, reply.StatusCode, reply.Text)
		}
		if set := reply.SessionCookie() != nil; set != strings.HasSuffix(tt.path, "count") {
			t.Errorf("%s %s: cookie set: %t", tt.method, tt.path, set)
		}
	}
	site.Store.FailOn(errStore, "Load")
	if reply := v.Get("/nowhere?count"); reply.StatusCode != http.StatusServiceUnavailable || strings.Contains(reply.Text, "404") {
		t.Errorf("failed load: %d %q", reply.StatusCode, reply.Text)
	}
}

// Middleware that runs after the handler has returned can still change the session, if nothing
// has been sent.
func TestMiddlewareAroundNext(t *testing.T) {
	around := func(c *gin.Context) {
		ginsession.Get(c).Set("before", 1)
		c.Next()
		ginsession.Get(c).Set("after", 1)
	}
	site := testsite.New(t, testsite.Setup{After: []gin.HandlerFunc{around}, Routes: func(r *gin.Engine) {
		r.POST("/silent", func(c *gin.Context) { c.Status(http.StatusNoContent) })
		r.POST("/abort", func(c *gin.Context) { c.AbortWithStatusJSON(http.StatusUnauthorized, gin.H{}) })
		r.POST("/next", func(c *gin.Context) {
			c.Next()
			c.Status(http.StatusAccepted)
		}, func(c *gin.Context) { ginsession.Get(c).Set("handler", 1) })
	}})
	for path, want := range map[string]string{
		"/silent": `{"before":1,"after":1}`,
		"/abort":  `{"before":1,"after":1}`, // saved once with the headers, and once after them
		"/next":   `{"before":1,"handler":1,"after":1}`,
	} {
		v := site.Visitor()
		if reply := v.Post(path); reply.SessionCookie() == nil {
			t.Errorf("%s: no cookie", path)
		}
		if got := site.Record(); got != want {
			t.Errorf("%s: stored %q, want %q", path, got, want)
		}
		v.Get("/w/flush")
	}
}

// Middleware around the sessions sees the request as it came, and the session.
func TestMiddlewareSeenFromOutside(t *testing.T) {
	var cookies []string
	var value any
	site := testsite.New(t, testsite.Setup{Before: []gin.HandlerFunc{func(c *gin.Context) {
		c.Next()
		cookies = c.Request.Header["Cookie"]
		value = ginsession.Get(c).Get("v")
	}}})
	v := site.Visitor()
	v.Get("/w/set?v=1")
	v.Get("/w/get")
	if !slices.Equal(cookies, []string{"sessionid=" + v.Key()}) || value != "1" {
		t.Errorf("Cookie: %q, v=%v", cookies, value)
	}
}

// Installing the same manager twice is installing it once.
func TestMiddlewareInstalledTwice(t *testing.T) {
	var site *testsite.Site
	site = testsite.New(t, testsite.Setup{Routes: func(r *gin.Engine) {
		again := r.Group("/again", func(c *gin.Context) { site.Manager.Handler()(c) })
		again.GET("/", func(c *gin.Context) {
			ginsession.Get(c).Set("v", 1)
			c.String(http.StatusOK, "once")
		})
	}})
	reply := site.Visitor().Get("/again/")
	if calls := site.Calls(); calls != "Create" || reply.SessionCookie() == nil {
		t.Errorf("store calls %q, cookies %q", calls, reply.Header["Set-Cookie"])
	}
}

// Two managers on a route have two cookies and two sessions; one's failure is both's response.
func TestMiddlewareTwoManagers(t *testing.T) {
	adminStore := testsite.NewStore()
	admin, err := ginsession.NewManager(ginsession.Config{
		Engine: ginsession.Custom(adminStore), CookieName: "admin", CookiePath: "/admin",
	})
	if err != nil {
		t.Fatal(err)
	}
	var site *testsite.Site
	var after []any
	look := func(c *gin.Context) {
		c.Next()
		if strings.HasPrefix(c.FullPath(), "/admin") {
			after = append(after, ginsession.Get(c).Get("who"))
		}
	}
	site = testsite.New(t, testsite.Setup{After: []gin.HandlerFunc{look}, Routes: func(r *gin.Engine) {
		group := r.Group("/admin", admin.Handler())
		group.POST("/both", func(c *gin.Context) {
			ginsession.Get(c).Set("who", "inner")
			admin.Get(c).Set("admin", true)
			site.Manager.Get(c).Set("who", "outer")
			c.String(http.StatusOK, "page")
		})
		group.GET("/read", func(c *gin.Context) {
			c.String(http.StatusOK, "%v %v", ginsession.Get(c).Get("who"), site.Manager.Get(c).Get("who"))
		})
		r.GET("/after", func(c *gin.Context) {
			defer func() { c.String(http.StatusOK, "%v, recovered %v", ginsession.Get(c).Get("who"), recover() != nil) }()
			admin.Get(c)
		})
	}})
	v := site.Visitor()
	reply := v.Post("/admin/both")
	names := []string{}
	for _, c := range reply.Cookies() {
		names = append(names, c.Name+" "+c.Path)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"admin /admin", "sessionid /"}) || len(reply.Header.Values("Vary")) != 1 {
		t.Errorf("cookies %q, Vary %q", names, reply.Header["Vary"])
	}
	if got := v.Get("/admin/read").Text; got != "inner outer" {
		t.Errorf("read %q", got)
	}
	if !slices.Equal(after, []any{"outer", "outer"}) {
		t.Errorf("after the inner manager's handlers: %v", after)
	}
	if got := v.Get("/after").Text; got != "outer, recovered true" {
		t.Errorf("outside the group: %q", got)
	}
	for name, store := range map[string]*testsite.Store{"inner": adminStore, "outer": site.Store} {
		store.FailOn(errStore, "Update")
		reply := v.Post("/admin/both")
		if reply.StatusCode != http.StatusServiceUnavailable || strings.Contains(reply.Text, "page") {
			t.Errorf("%s fails: %d %q", name, reply.StatusCode, reply.Text)
		}
		store.FailOn(nil)
	}
}

// The engine may serve a context again under another path: one session, saved once, by whoever
// answers.
func TestMiddlewareHandleContext(t *testing.T) {
	var router *gin.Engine
	site := testsite.New(t, testsite.Setup{
		Configure: func(r *gin.Engine) { router = r },
		Routes: func(r *gin.Engine) {
			r.POST("/rewrite", func(c *gin.Context) {
				ginsession.Get(c).Set("first", 1)
				c.Request.URL.Path = "/rewritten"
				router.HandleContext(c)
			})
			r.POST("/rewritten", func(c *gin.Context) {
				ginsession.Get(c).Set("second", 1)
				c.String(http.StatusOK, "rewritten")
			})
		},
	})
	v := site.Visitor()
	if reply := v.Post("/rewrite"); reply.Text != "rewritten" || reply.SessionCookie() == nil {
		t.Errorf("answer %q, cookies %q", reply.Text, reply.Header["Set-Cookie"])
	}
	if got := site.Record(); got != `{"first":1,"second":1}` || site.Log.String() != "" {
		t.Errorf("stored %q, logged %q", got, site.Log)
	}
	if reply := v.Post("/rewrite"); reply.Text != "rewritten" {
		t.Errorf("answer %q", reply.Text)
	}
	if got := site.Record(); got != `{"first":1,"second":1}` {
		t.Errorf("stored %q", got)
	}
	site.Store.FailOn(errStore, "Update")
	if reply := v.Post("/rewrite"); strings.Count(reply.Text, "\n") != 1 {
		t.Errorf("two answers in one: %q", reply.Text)
	}
}

// A store sees the request's values, also those of a request that a middleware has put in the
// place of the first, and not its end.
func TestMiddlewareRequestReplaced(t *testing.T) {
	type key struct{}
	replace := func(value string) gin.HandlerFunc {
		return func(c *gin.Context) {
			if value == "inside" {
				ginsession.Get(c) // with the request of before
			}
			ctx, cancel := context.WithCancel(context.WithValue(c.Request.Context(), key{}, value))
			cancel()
			c.Request = c.Request.WithContext(ctx)
		}
	}
	var seen []any
	store := watchedStore{testsite.NewStore(), func(ctx context.Context, operation string) error {
		seen = append(seen, operation, ctx.Value(key{}))
		return ended(ctx)
	}}
	site := testsite.New(t, testsite.Setup{
		Config: ginsession.Config{Engine: ginsession.Custom(store)},
		Before: []gin.HandlerFunc{replace("outside")},
		After:  []gin.HandlerFunc{replace("inside")},
	})
	v := site.Visitor()
	v.Get("/w/set?v=1")
	if got := v.Get("/w/get").Text; got != "v=1" || !slices.Equal(seen, []any{"Create", "inside", "Load", "inside"}) {
		t.Errorf("read %q, the store saw %v", got, seen)
	}
}

// The session is found through a context too.
func TestMiddlewareFromContext(t *testing.T) {
	site := testsite.New(t, testsite.Setup{Routes: func(r *gin.Engine) {
		r.GET("/", func(c *gin.Context) {
			s := ginsession.Get(c)
			type key struct{}
			for name, ctx := range map[string]context.Context{
				"NewContext":             ginsession.NewContext(t.Context(), s),
				"gin.Context":            c,
				"below gin.Context":      context.WithValue(c, key{}, 1),
				"a copy of gin.Context":  c.Copy(),
				"NewContext goes before": ginsession.NewContext(c, s),
			} {
				if got, ok := ginsession.FromContext(ctx); got != s || !ok {
					t.Errorf("%s: %v, %t", name, got, ok)
				}
			}
			if got, ok := ginsession.FromContext(c.Request.Context()); got != nil || ok {
				t.Errorf("a context without one: %v, %t", got, ok)
			}
		})
	}})
	site.Visitor().Get("/")
}

// Get says what to do if the middleware is missing.
func TestMiddlewareMissing(t *testing.T) {
	manager, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.Custom(testsite.NewStore())})
	if err != nil {
		t.Fatal(err)
	}
	for name, get := range map[string]func(c *gin.Context) *ginsession.Session{
		"Get": ginsession.Get, "Manager.Get": manager.Get,
	} {
		c, _ := gin.CreateTestContext(httptest.NewRecorder())
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.Contains(text, "r.Use(") {
					t.Errorf("%s panics with %q", name, text)
				}
			}()
			get(c)
		}()
	}
}
