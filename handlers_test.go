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

// Programs that call handlers in another way than a route does.

// Gin's HandleContext runs the whole chain again in the same request: the second run sees the
// session as the first left it, and the response carries what the first owes.
func TestHandleContext(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before func(s *ginsession.Session)
		target string // what the target reads as v
		cookie string
		after  string // what the next request reads as v
	}{
		{"changed", func(s *ginsession.Session) { s.Set("v", "new") }, "new", "same", "new"},
		{"changed inside", func(s *ginsession.Session) { s.Get("list").([]any)[0] = "x" }, "old", "same", "old"},
		{"cycled and changed", func(s *ginsession.Session) { _ = s.CycleKey(); s.Set("v", "new") }, "new", "new", "new"},
		{"flushed", func(s *ginsession.Session) { _ = s.Flush() }, "", "deleted", ""},
		{"read", func(s *ginsession.Session) { s.Get("v") }, "old", "", "old"},
		{"nothing", func(*ginsession.Session) {}, "old", "", "old"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var r *gin.Engine
			site := testsite.New(t, testsite.Setup{Routes: func(engine *gin.Engine) {
				r = engine
				r.POST("/seed", func(c *gin.Context) {
					ginsession.Get(c).Update(map[string]any{"v": "old", "list": []int{1}})
				})
				r.POST("/first", func(c *gin.Context) {
					tt.before(ginsession.Get(c))
					c.Request.URL.Path = "/w/get"
					r.HandleContext(c)
				})
			}})
			v := site.Visitor()
			v.Post("/seed")
			key := v.Key()

			reply := v.Post("/first")

			if reply.Text != "v="+tt.target {
				t.Errorf("the target answered %q, want v=%s", reply.Text, tt.target)
			}
			if got := setCookieKind(reply.SessionCookie(), key); got != tt.cookie {
				t.Errorf("cookie %q, want %q", got, tt.cookie)
			}
			if got := v.Get("/w/get").Text; got != "v="+tt.after {
				t.Errorf("the next request reads %q, want v=%s", got, tt.after)
			}
			if tt.name == "changed inside" && !strings.Contains(site.Data(), `"x"`) {
				t.Errorf("stored %s", site.Data())
			}
			if log := site.Log.String(); log != "" {
				t.Errorf("logged %s", log)
			}
		})
	}
}

// What is changed after the middleware has ended is saved at once if the client has the key, and
// logged with the value's key otherwise.
func TestChangeAfterTheMiddleware(t *testing.T) {
	for _, tt := range []struct {
		name   string
		late   func(s *ginsession.Session)
		known  bool // the visitor has a session
		reads  string
		logged string
	}{
		{"set", func(s *ginsession.Session) { s.Set("v", "late") }, true, "late", ""},
		{"deleted", func(s *ginsession.Session) { _ = s.Delete("v") }, true, "", ""},
		{"modified", func(s *ginsession.Session) {
			_, _ = ginsession.Modify(s, "v", func(v string, _ bool) string { return v + "er" })
		}, true, "older", ""},
		{"cleared", func(s *ginsession.Session) { s.Clear() }, true, "", ""},
		{"set for a new visitor", func(s *ginsession.Session) { s.Set("v", "late") }, false, "", `key=v`},
		{"cycled", func(s *ginsession.Session) { _ = s.CycleKey() }, true, "old", "CycleKey"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var kept *ginsession.Session
			site := testsite.New(t, testsite.Setup{
				Before: []gin.HandlerFunc{func(c *gin.Context) {
					c.Next()
					if kept != nil {
						tt.late(kept)
					}
				}},
				Routes: func(r *gin.Engine) {
					r.POST("/page", func(c *gin.Context) {
						kept = ginsession.Get(c)
						c.String(http.StatusOK, "page")
					})
				},
			})
			v := site.Visitor()
			if tt.known {
				v.Get("/w/set?v=old")
			}
			v.Post("/page")
			kept = nil
			if got := v.Get("/w/get").Text; got != "v="+tt.reads {
				t.Errorf("the next request reads %q, want v=%s", got, tt.reads)
			}
			if log := site.Log.String(); tt.logged == "" && log != "" || !strings.Contains(log, tt.logged) {
				t.Errorf("logged %q, want %q", log, tt.logged)
			}
		})
	}
}

// A unit test may call the middleware and then the handler.
func TestHandlerCalledByHand(t *testing.T) {
	d := newDesk(t)
	key := d.saved(t, map[string]any{"n": 1})
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequest(http.MethodPost, "/", nil)
	c.Request.AddCookie(&http.Cookie{Name: "sessionid", Value: key})
	d.Handler()(c)
	ginsession.Get(c).Set("n", 2)
	check(t, "record", d.store.Text(key), `{"n":2}`)
	check(t, "log", d.log.String(), "")
}

// Two managers with one cookie name would take each other's cookies for their own.
func TestTwoManagersOneCookieName(t *testing.T) {
	site := testsite.New(t, testsite.Setup{Before: []gin.HandlerFunc{newDesk(t).Handler()}})
	var told any
	r := testsite.NewRouter()
	r.Use(func(c *gin.Context) {
		defer func() {
			told = recover()
			c.Abort()
		}()
		c.Next()
	}, newDesk(t).Handler(), site.Manager.Handler())
	r.GET("/", func(*gin.Context) { t.Error("the handler ran") })
	r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	text, _ := told.(string)
	checkContains(t, text, "two managers", `"sessionid"`, "CookieName")
}

// The Logger gets why a client was answered an error, once, and so do gin's c.Errors.
func TestFailureIsLoggedOnce(t *testing.T) {
	for name, cause := range map[string]struct {
		fail   func(site *testsite.Site, s *ginsession.Session)
		want   error
		logged bool
	}{
		"the store fails": {func(site *testsite.Site, s *ginsession.Session) { site.Store.FailOn(errStore, "Update"); s.Set("v", 1) }, ginsession.ErrUnavailable, true},
		"a function":      {func(_ *testsite.Site, s *ginsession.Session) { s.Set("v", func() {}) }, ginsession.ErrEncode, true},
		"the session ended": {func(site *testsite.Site, s *ginsession.Session) {
			s.Set("v", 1)
			_ = site.Manager.Delete(t.Context(), s.Key())
		}, ginsession.ErrInterrupted, false},
	} {
		t.Run(name, func(t *testing.T) {
			var site *testsite.Site
			var errs []error
			site = testsite.New(t, testsite.Setup{
				Before: []gin.HandlerFunc{func(c *gin.Context) {
					c.Next()
					for _, err := range c.Errors {
						errs = append(errs, err.Err)
					}
				}},
				Routes: func(r *gin.Engine) {
					r.POST("/", func(c *gin.Context) {
						cause.fail(site, ginsession.Get(c))
						c.JSON(http.StatusOK, gin.H{})
						c.JSON(http.StatusOK, gin.H{})
					})
				},
			})
			v := site.Visitor()
			v.Get("/w/set?v=1")
			errs = nil
			v.Post("/")
			if len(errs) != 1 || !errors.Is(errs[0], cause.want) {
				t.Errorf("c.Errors: %v", errs)
			}
			lines := strings.Count(site.Log.String(), "level=ERROR")
			if lines != map[bool]int{true: 1}[cause.logged] {
				t.Errorf("logged %d times: %s", lines, site.Log)
			}
		})
	}
}

// A goroutine that works on with a copy of gin's context, as Gin's documentation has it, finds its
// session when the answer is out.
func TestChangeThroughACopy(t *testing.T) {
	for _, before := range []bool{true, false} {
		answered, changed := make(chan struct{}), make(chan struct{})
		site := testsite.New(t, testsite.Setup{Routes: func(r *gin.Engine) {
			r.POST("/", func(c *gin.Context) {
				if before {
					ginsession.Get(c).Has("v")
				}
				copied := c.Copy()
				go func() {
					<-answered
					ginsession.Get(copied).Set("v", "late")
					close(changed)
				}()
				c.String(http.StatusOK, "page")
			})
		}})
		v := site.Visitor()
		v.Get("/w/set?v=old")
		v.Post("/")
		close(answered)
		<-changed
		if got := v.Get("/w/get").Text; got != "v=late" {
			t.Errorf("obtained before the answer %t: the next request reads %q", before, got)
		}
	}
}
