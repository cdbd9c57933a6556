package ginsession_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// errStore is what a broken store returns.
var errStore = errors.New("the store is broken")

// A commit that fails replaces the response, whatever the handler had prepared.
func TestMiddlewareFailedCommit(t *testing.T) {
	var writeErr error
	site := testsite.New(t, testsite.Setup{HTTP1: true, Routes: func(r *gin.Engine) {
		r.POST("/", func(c *gin.Context) {
			ginsession.Get(c).Set("v", 1)
			c.Header("Content-Language", "de")
			c.Header("Content-Disposition", "attachment")
			c.Header("Content-Security-Policy", "default-src 'none'")
			c.Header("ETag", `"1"`)
			c.Header("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
			c.Header("Location", "/elsewhere")
			c.Header("Cache-Control", "public, max-age=60")
			c.Header("Vary", "Origin")
			c.Header("Connection", "Upgrade") // as of a websocket's handshake
			c.Header("Upgrade", "websocket")
			c.Header("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
			c.Header("X-Own", "kept")
			c.SetCookie("other", "kept", 0, "/", "", true, true)
			c.Data(http.StatusCreated, "application/json", []byte(`{"secret":true}`))
			c.Status(http.StatusAccepted)
			_, writeErr = c.Writer.WriteString("more")
			if !c.IsAborted() || !c.Writer.Written() || c.Writer.Status() != http.StatusServiceUnavailable {
				t.Errorf("aborted %t, written %t, status %d", c.IsAborted(), c.Writer.Written(), c.Writer.Status())
			}
			if len(c.Errors) == 0 || !errors.Is(c.Errors[0], ginsession.ErrUnavailable) {
				t.Errorf("c.Errors: %v", c.Errors)
			}
		}, func(*gin.Context) { t.Error("the next handler ran") })
	}})
	site.Store.FailOn(errStore, "Create")
	reply := site.Visitor().Post("/")
	if reply.StatusCode != http.StatusServiceUnavailable || strings.Contains(reply.Text, "secret") || reply.Text == "" {
		t.Errorf("answer %d %q", reply.StatusCode, reply.Text)
	}
	want := http.Header{
		"Cache-Control":           {"no-store"},
		"Content-Security-Policy": {"default-src 'none'"},
		"Content-Type":            {"text/plain; charset=utf-8"},
		"Set-Cookie":              {"other=kept; Path=/; HttpOnly; Secure"},
		"Vary":                    {"Origin, Cookie"},
		"X-Own":                   {"kept"},
	}
	reply.Header.Del("Date")
	reply.Header.Del("Content-Length")
	if !equalHeaders(reply.Header, want) {
		t.Errorf("headers\n%v, want\n%v", reply.Header, want)
	}
	if !errors.Is(writeErr, ginsession.ErrUnavailable) || !errors.Is(writeErr, errStore) {
		t.Errorf("the handler's write: %v", writeErr)
	}
	if calls := site.Calls(); calls != "Create Create" {
		t.Errorf("store calls %q", calls)
	}
}

// It ends the chain of handlers, even if no write told the handler that the commit failed.
func TestMiddlewareFailedCommitAborts(t *testing.T) {
	site := testsite.New(t, testsite.Setup{Routes: func(r *gin.Engine) {
		r.POST("/", func(c *gin.Context) {
			ginsession.Get(c).Set("v", 1)
			c.Writer.WriteHeaderNow()
		}, func(*gin.Context) { t.Error("the next handler ran") })
	}})
	site.Store.FailOn(errStore, "Create")
	if reply := site.Visitor().Post("/"); reply.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("answer %d", reply.StatusCode)
	}
}

func equalHeaders(a, b http.Header) bool {
	if len(a) != len(b) {
		return false
	}
	for name := range a {
		if !slices.Equal(a[name], b[name]) {
			return false
		}
	}
	return true
}

// The default answer to each error.
func TestMiddlewareErrors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		call   string // the store call that fails
		err    error
		path   string
		status int
	}{
		{"load", "Load", errStore, "/w/get", 503},
		{"load for a change", "Load", errStore, "/w/set?v=2", 503},
		{"update", "Update", errStore, "/w/set?v=2", 503},
		{"update, contended", "Update", ginsession.ErrConflict, "/w/set?v=2", 503},
		{"update, ended", "Update", ginsession.ErrNotFound, "/w/set?v=2", 409},
		{"replace", "Replace", errStore, "/w/login", 503},
		{"delete", "Delete", errStore, "/w/flush", 503},
		{"a value that cannot be stored", "", nil, "/unstorable", 500},
		{"a value that panics", "", nil, "/panics", 500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			site := testsite.New(t, testsite.Setup{Before: []gin.HandlerFunc{gin.RecoveryWithWriter(&testsite.Log{})}, Routes: func(r *gin.Engine) {
				r.POST("/unstorable", func(c *gin.Context) { ginsession.Get(c).Set("v", make(chan int)) })
				r.POST("/panics", func(c *gin.Context) { ginsession.Get(c).Set("v", panicsInJSON{}) })
			}})
			v := site.Visitor()
			v.Get("/w/set?v=1")
			record, key := site.Record(), v.Key()
			site.Store.FailOn(tt.err, tt.call)
			reply := v.Post(tt.path)
			if reply.StatusCode != tt.status {
				t.Errorf("status %d, want %d", reply.StatusCode, tt.status)
			}
			if c := reply.SessionCookie(); c != nil {
				t.Errorf("the cookie was touched: %v", c)
			}
			if strings.Contains(reply.Text, key) || strings.Contains(reply.Text, "v=") || strings.Contains(reply.Text, "broken") {
				t.Errorf("body %q", reply.Text)
			}
			site.Store.FailOn(nil)
			if site.Record() != record {
				t.Errorf("the record is %q now", site.Record())
			}
			if got := v.Get("/w/get").Text; got != "v=1" {
				t.Errorf("afterwards: %q", got)
			}
		})
	}
}

type panicsInJSON struct{}

func (panicsInJSON) MarshalJSON() ([]byte, error) { panic("in MarshalJSON") }

// A session that has ended while a request ran is no concern of one that only reads.
func TestMiddlewareInterrupted(t *testing.T) {
	for _, tt := range []struct {
		method string
		status int
	}{
		{http.MethodGet, 200}, {http.MethodHead, 200}, {http.MethodOptions, 200}, {http.MethodTrace, 200},
		{http.MethodPost, 409}, {http.MethodPut, 409}, {http.MethodPatch, 409}, {http.MethodDelete, 409},
	} {
		t.Run(tt.method, func(t *testing.T) {
			t.Parallel()
			var site *testsite.Site
			site = testsite.New(t, testsite.Setup{Routes: func(r *gin.Engine) {
				r.Handle(tt.method, "/", func(c *gin.Context) {
					s := ginsession.Get(c)
					s.Set("v", 2)
					if err := site.Manager.Delete(c, s.Key()); err != nil { // by somebody else
						t.Error(err)
					}
					c.String(http.StatusOK, "page")
				})
			}})
			v := site.Visitor()
			v.Get("/w/set?v=1")
			site.Calls()
			reply := v.Send(tt.method, "/")
			if reply.StatusCode != tt.status {
				t.Errorf("status %d, want %d", reply.StatusCode, tt.status)
			}
			if c := reply.SessionCookie(); c != nil {
				t.Errorf("a cookie was set: %v", c)
			}
			if vary := reply.Header.Get("Vary"); vary != "Cookie" {
				t.Errorf("Vary: %q", vary)
			}
			if n := len(site.Store.Keys()); n != 0 {
				t.Errorf("%d records: the session came back", n)
			}
			if calls := site.Calls(); calls != "Load Delete Update" {
				t.Errorf("store calls %q", calls)
			}
			if log := site.Log.String(); strings.Contains(log, "level=WARN") != (tt.status == http.StatusOK) {
				t.Errorf("logged: %s", log)
			}
		})
	}
}

// A page that was computed from a session that could not be loaded is never sent.
func TestMiddlewareFailedLoad(t *testing.T) {
	site := testsite.New(t, testsite.Setup{Routes: func(r *gin.Engine) {
		r.GET("/", func(c *gin.Context) {
			s := ginsession.Get(c)
			s.Set("v", 2)
			if v := s.Get("v"); v != nil {
				t.Errorf("Get on a session that could not be loaded: %v", v)
			}
			if err := s.Err(); !errors.Is(err, ginsession.ErrUnavailable) {
				t.Errorf("Err: %v", err)
			}
			c.Redirect(http.StatusFound, "/login")
		})
		r.GET("/untouched", func(c *gin.Context) { c.String(http.StatusOK, "untouched") })
	}})
	v := site.Visitor()
	v.Get("/w/set?v=1")
	site.Store.FailOn(errStore, "Load")
	reply := v.Get("/")
	if reply.StatusCode != http.StatusServiceUnavailable || reply.Header.Get("Location") != "" || reply.SessionCookie() != nil {
		t.Errorf("answer %d to %q, cookie %v", reply.StatusCode, reply.Header.Get("Location"), reply.SessionCookie())
	}
	if reply := v.Get("/untouched"); reply.StatusCode != http.StatusOK {
		t.Errorf("a page without a session: %d", reply.StatusCode)
	}
	site.Store.FailOn(nil)
	if got := v.Get("/w/get").Text; got != "v=1" {
		t.Errorf("when the store is back: %q", got)
	}
}

// Config.ErrorHandler has a clean response to write to.
func TestMiddlewareErrorHandler(t *testing.T) {
	var got error
	for _, tt := range []struct {
		name    string
		handler func(c *gin.Context, err error)
		status  int
		header  string // Content-Type
		body    string
	}{
		{"JSON", func(c *gin.Context, err error) {
			got = err
			c.JSON(http.StatusTeapot, gin.H{"error": "session"})
		}, 418, "application/json; charset=utf-8", `{"error":"session"}`},
		{"redirect", func(c *gin.Context, err error) {
			got = err
			c.Redirect(http.StatusSeeOther, "/sorry")
		}, 303, "", ""},
		{"status alone", func(c *gin.Context, err error) {
			got = err
			c.AbortWithStatus(http.StatusBadGateway)
		}, 502, "", ""},
		{"body alone", func(c *gin.Context, err error) {
			got = err
			_, _ = c.Writer.WriteString("sorry")
		}, 503, "text/plain; charset=utf-8", "sorry"},
		{"nothing", func(_ *gin.Context, err error) { got = err }, 503, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got = nil
			site := testsite.New(t, testsite.Setup{Config: ginsession.Config{ErrorHandler: tt.handler}})
			site.Store.FailOn(errStore, "Create")
			reply := site.Visitor().Post("/w/set?v=1")
			if reply.StatusCode != tt.status || reply.Text != tt.body || reply.Header.Get("Content-Type") != tt.header {
				t.Errorf("answer %d %q %q", reply.StatusCode, reply.Header.Get("Content-Type"), reply.Text)
			}
			if !errors.Is(got, ginsession.ErrUnavailable) || !errors.Is(got, errStore) {
				t.Errorf("the handler got %v", got)
			}
		})
	}
}

// An ErrorHandler that panics lets nothing of the old response through either.
func TestMiddlewareErrorHandlerPanics(t *testing.T) {
	for name, setup := range map[string]testsite.Setup{
		"recovery outside": {Before: []gin.HandlerFunc{gin.RecoveryWithWriter(nil)}},
		"recovery inside":  {After: []gin.HandlerFunc{gin.RecoveryWithWriter(nil)}},
	} {
		setup.ErrorHandler = func(*gin.Context, error) { panic("in the ErrorHandler") }
		site := testsite.New(t, setup)
		site.Store.FailOn(errStore, "Create")
		reply := site.Visitor().Post("/w/set?v=1")
		if reply.StatusCode != http.StatusInternalServerError || reply.Text != "" || reply.SessionCookie() != nil {
			t.Errorf("%s: answer %d %q", name, reply.StatusCode, reply.Text)
		}
	}
}
