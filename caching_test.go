package ginsession_test

import (
	"bytes"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/gin-contrib/gzip"
	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// This file proves what caches are told of a response (RFC 9111 §4.1).

// A cachingSite has one page, and answers a visitor whose session has the user alice.
type cachingSite struct {
	store *testsite.Store
	log   bytes.Buffer
	key   string
}

func (w *cachingSite) get(t *testing.T, page gin.HandlerFunc, change ...func(*ginsession.Config)) *http.Response {
	t.Helper()
	w.store = testsite.NewStore()
	cfg := ginsession.Config{Engine: ginsession.Custom(w.store), HashKeys: ginsession.Off, Logger: slog.New(slog.NewTextHandler(&w.log, nil))}
	for _, f := range change {
		f(&cfg)
	}
	m, err := ginsession.NewManager(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := m.Open(t.Context(), "")
	s.Set("user", "alice")
	save(t, s)
	w.key = s.Key()

	gin.SetMode(gin.TestMode)
	r := gin.New()
	r.SetHTMLTemplate(template.Must(template.New("page").Parse(`<html>Hello {{.session.Get "user"}}`)))
	r.Use(m.Handler())
	r.GET("/", page)
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.AddCookie(m.Cookie(s))
	answer := httptest.NewRecorder()
	r.ServeHTTP(answer, request)
	return answer.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := b.ReadFrom(r.Body); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestVaryOfATemplateThatReads has a page read its session while it is written.
func TestVaryOfATemplateThatReads(t *testing.T) {
	var w cachingSite
	r := w.get(t, func(c *gin.Context) {
		c.HTML(http.StatusOK, "page", gin.H{"session": ginsession.Get(c)})
	})
	check(t, "body", body(t, r), "<html>Hello alice")
	check(t, "Vary", r.Header["Vary"], []string{"Cookie"})
}

// TestFailedLoadOfATemplateThatReads is answered before the page's first byte.
func TestFailedLoadOfATemplateThatReads(t *testing.T) {
	var w cachingSite
	r := w.get(t, func(c *gin.Context) {
		w.store.SetBefore(func(string) error { return errors.New("the store is down") })
		c.HTML(http.StatusOK, "page", gin.H{"session": ginsession.Get(c)})
	})
	check(t, "status", r.StatusCode, http.StatusServiceUnavailable)
	if text := body(t, r); strings.Contains(text, "Hello") {
		t.Errorf("body: %q", text)
	}
}

// TestFirstGetAfterTheHeaders works, and the log says what it may cost.
func TestFirstGetAfterTheHeaders(t *testing.T) {
	var w cachingSite
	r := w.get(t, func(c *gin.Context) {
		_, _ = c.Writer.WriteString("Hello ")
		_, _ = c.Writer.WriteString(ginsession.Get(c).Get("user").(string))
	})
	check(t, "body", body(t, r), "Hello alice")
	check(t, "log", strings.Contains(w.log.String(), "level=ERROR") && strings.Contains(w.log.String(), "cache"), true)
}

// TestGetAfterTheHandlers is not such a case: the page has been written without it.
func TestGetAfterTheHandlers(t *testing.T) {
	m, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.Custom(testsite.NewStore()), Logger: slog.New(slog.NewTextHandler(failOnWrite{t}, nil))})
	if err != nil {
		t.Fatal(err)
	}
	r := gin.New()
	r.Use(func(c *gin.Context) {
		c.Next()
		m.Get(c).Get("user")
	}, m.Handler())
	r.GET("/", func(c *gin.Context) { c.String(http.StatusOK, "Hello") })
	r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
}

type failOnWrite struct{ t *testing.T }

func (w failOnWrite) Write(b []byte) (int, error) {
	w.t.Errorf("logged: %s", b)
	return len(b), nil
}

// TestVaryIsOneLine joins what is there: a cache that reads one line only (nginx before 1.23) would
// miss the cookie.
func TestVaryIsOneLine(t *testing.T) {
	for _, c := range []struct{ before, want []string }{
		{nil, []string{"Cookie"}},
		{[]string{"Accept-Encoding"}, []string{"Accept-Encoding, Cookie"}},
		{[]string{"Accept-Encoding", "Accept-Language"}, []string{"Accept-Encoding, Accept-Language, Cookie"}},
		{[]string{"Accept-Encoding", "cookie"}, []string{"Accept-Encoding, cookie"}},
		{[]string{"cookie, Origin"}, []string{"cookie, Origin"}},
		{[]string{"*"}, []string{"*"}},
	} {
		var w cachingSite
		r := w.get(t, func(ctx *gin.Context) {
			for _, line := range c.before {
				ctx.Writer.Header().Add("Vary", line)
			}
			ginsession.Get(ctx).Get("user")
			ctx.Status(http.StatusNoContent)
		})
		check(t, "Vary", r.Header["Vary"], c.want)
	}
}

// TestNoCacheKeepsAFailure drops what the page said to any cache.
func TestNoCacheKeepsAFailure(t *testing.T) {
	for name, handler := range map[string]func(*gin.Context, error){
		"default": nil,
		"custom":  func(c *gin.Context, _ error) { c.String(http.StatusServiceUnavailable, "later") },
	} {
		var w cachingSite
		r := w.get(t, func(c *gin.Context) {
			for _, header := range []string{
				"Cache-Control", "Expires", "Pragma", "Age", "X-Accel-Expires", "CDN-Cache-Control", "Cloudflare-CDN-Cache-Control",
				"Surrogate-Control", "Surrogate-Key", "Cache-Tag",
			} {
				c.Header(header, "an hour")
			}
			w.store.SetBefore(func(string) error { return errors.New("the store is down") })
			ginsession.Get(c).Get("user")
			c.String(http.StatusOK, "page")
		}, func(cfg *ginsession.Config) { cfg.ErrorHandler = handler })
		check(t, name+": status", r.StatusCode, http.StatusServiceUnavailable)
		check(t, name+": Cache-Control", r.Header["Cache-Control"], []string{"no-store"})
		for header, values := range r.Header {
			if values[0] == "an hour" {
				t.Errorf("%s: %s is kept", name, header)
			}
		}
	}
}

// gin-contrib/gzip takes Vary away from the errors of the handlers that it surrounds.
func TestErrorThroughAnOuterGzipIsPrivate(t *testing.T) {
	site := testsite.New(t, testsite.Setup{Before: []gin.HandlerFunc{gzip.Gzip(gzip.BestSpeed)}, Routes: func(r *gin.Engine) {
		r.GET("/:status/:caches", func(c *gin.Context) {
			c.Header("Cache-Control", c.Param("caches"))
			status, _ := strconv.Atoi(c.Param("status"))
			c.String(status, "user %v", ginsession.Get(c).Get("user"))
		})
	}})
	v := site.Visitor()
	v.Get("/w/login?user=alice")
	for path, want := range map[string]string{
		"/404/public": "private", "/500/max-age=60": "private, max-age=60", "/404/no-store": "no-store", "/200/public": "public",
	} {
		reply := v.Get(path)
		if got := reply.Header.Get("Cache-Control"); got != want {
			t.Errorf("%s: Cache-Control: %q, want %q (Vary: %q)", path, got, want, reply.Header.Get("Vary"))
		}
	}
}
