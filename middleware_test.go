package ginsession_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// The table of what happens at the commit: every row's store calls, cookie and headers.
func TestMiddlewareCommit(t *testing.T) {
	const week = 7 * 24 * time.Hour
	everyRequest := ginsession.Config{SaveEveryRequest: true}
	renew := ginsession.Config{RenewAfter: week}
	for _, tt := range []struct {
		name    string
		cfg     ginsession.Config
		fresh   bool          // the visitor has no session
		later   time.Duration // since the session was made
		handler func(s *ginsession.Session)
		status  int
		calls   string
		cookie  string // what is set: "same" or "new" key, "deleted"
		data    string // the records afterwards; "" where they stay
	}{
		{name: "untouched", handler: func(*ginsession.Session) {}, calls: "Load"},
		{name: "untouched, no cookie", fresh: true, handler: func(*ginsession.Session) {}},
		{name: "only looked at from outside", handler: func(s *ginsession.Session) {
			_, _, _ = s.Accessed(), s.Modified(), s.Err()
		}, calls: "Load"},

		{name: "read", handler: func(s *ginsession.Session) { s.Get("v") }, calls: "Load"},
		{name: "read, no cookie", fresh: true, handler: func(s *ginsession.Session) { s.Get("v") }},
		{name: "read twice", handler: func(s *ginsession.Session) { s.Get("v"); s.Keys() }, calls: "Load"},
		{name: "key", handler: func(s *ginsession.Session) { s.Key() }, calls: "Load"},
		{name: "container read", handler: func(s *ginsession.Session) { s.Get("list") }, calls: "Load"},

		{name: "new and modified", fresh: true, handler: func(s *ginsession.Session) { s.Set("v", 1) },
			calls: "Create", cookie: "new", data: `{"v":1}`},
		{name: "new, saved by hand", fresh: true, handler: func(s *ginsession.Session) { _ = s.Save() },
			calls: "Create", cookie: "new", data: `{}`},
		{name: "modified", handler: func(s *ginsession.Session) { s.Set("v", 2) },
			calls: "Load Update", cookie: "same", data: `{"list":[1],"v":2}`},
		{name: "modified to the same", handler: func(s *ginsession.Session) { s.Set("v", 1) },
			calls: "Load Update", cookie: "same"},
		{name: "container changed", handler: func(s *ginsession.Session) { s.Get("list").([]any)[0] = "x" },
			calls: "Load Update", cookie: "same", data: `{"list":["x"],"v":1}`},
		{name: "marked", handler: func(s *ginsession.Session) { s.MarkModified() }, calls: "Load Update", cookie: "same"},
		{name: "marked, no cookie", fresh: true, handler: func(s *ginsession.Session) { s.MarkModified() }},
		{name: "modified and saved by hand", handler: func(s *ginsession.Session) {
			s.Set("v", 2)
			_ = s.Save()
		}, calls: "Load Update", cookie: "same", data: `{"list":[1],"v":2}`},
		{name: "saved by hand, then modified", handler: func(s *ginsession.Session) {
			_ = s.Save()
			s.Set("v", 2)
		}, calls: "Load Update Update", cookie: "same", data: `{"list":[1],"v":2}`},
		{name: "claimed", handler: func(s *ginsession.Session) { _, _, _ = ginsession.Claim[int](s, "v") },
			calls: "Load Update", cookie: "same", data: `{"list":[1]}`},

		{name: "cleared", handler: func(s *ginsession.Session) { s.Clear() }, calls: "Load Update", cookie: "same", data: `{}`},
		{name: "emptied key by key", handler: func(s *ginsession.Session) {
			_, _ = s.Delete("v"), s.Delete("list")
		}, calls: "Load Update", cookie: "same", data: `{}`},
		{name: "new and emptied again", fresh: true, handler: func(s *ginsession.Session) {
			s.Set("v", 1)
			_ = s.Delete("v")
		}},
		{name: "new and cleared", fresh: true, handler: func(s *ginsession.Session) { s.Clear() }},
		{name: "deleted what is not there", handler: func(s *ginsession.Session) { _ = s.Delete("none") }, calls: "Load"},

		{name: "cycled", handler: func(s *ginsession.Session) { _ = s.CycleKey() }, calls: "Load Replace", cookie: "new"},
		{name: "cycled and modified", handler: func(s *ginsession.Session) {
			_ = s.CycleKey()
			s.Set("v", 2)
		}, calls: "Load Replace", cookie: "new", data: `{"list":[1],"v":2}`},
		{name: "cycled, no cookie", fresh: true, handler: func(s *ginsession.Session) { _ = s.CycleKey() }},
		{name: "cycled and modified, no cookie", fresh: true, handler: func(s *ginsession.Session) {
			_ = s.CycleKey()
			s.Set("v", 1)
		}, calls: "Create", cookie: "new", data: `{"v":1}`},

		{name: "flushed", handler: func(s *ginsession.Session) { _ = s.Flush() }, calls: "Delete", cookie: "deleted", data: " "},
		{name: "read and flushed", handler: func(s *ginsession.Session) {
			s.Get("v")
			_ = s.Flush()
		}, calls: "Load Delete", cookie: "deleted", data: " "},
		{name: "modified and flushed", handler: func(s *ginsession.Session) {
			s.Set("v", 2)
			_ = s.Flush()
		}, calls: "Load Delete", cookie: "deleted", data: " "},
		{name: "cycled and flushed", handler: func(s *ginsession.Session) {
			_ = s.CycleKey()
			_ = s.Flush()
		}, calls: "Load Delete", cookie: "deleted", data: " "},
		{name: "flushed, no cookie", fresh: true, handler: func(s *ginsession.Session) { _ = s.Flush() }},
		{name: "modified and flushed, no cookie", fresh: true, handler: func(s *ginsession.Session) {
			s.Set("v", 1)
			_ = s.Flush()
		}},
		{name: "flushed, then set", handler: func(s *ginsession.Session) {
			_ = s.Flush()
			s.Set("v", 2)
		}, calls: "Delete Create", cookie: "new", data: `{"v":2}`},

		{name: "modified, 404", status: 404, handler: func(s *ginsession.Session) { s.Set("v", 2) },
			calls: "Load Update", cookie: "same", data: `{"list":[1],"v":2}`},
		{name: "modified, 500", status: 500, handler: func(s *ginsession.Session) { s.Set("v", 2) }, calls: "Load"},
		{name: "new and modified, 503", fresh: true, status: 503, handler: func(s *ginsession.Session) { s.Set("v", 1) }},
		{name: "cycled, 500", status: 500, handler: func(s *ginsession.Session) { _ = s.CycleKey() }, calls: "Load"},
		{name: "flushed, 500", status: 500, handler: func(s *ginsession.Session) { _ = s.Flush() },
			calls: "Delete", cookie: "deleted", data: " "},
		{name: "flushed, then set, 500", status: 500, handler: func(s *ginsession.Session) {
			_ = s.Flush()
			s.Set("v", 2)
		}, calls: "Delete", cookie: "deleted", data: " "},
		{name: "untouched, 500, SaveEveryRequest", cfg: everyRequest, status: 500, handler: func(*ginsession.Session) {}, calls: "Load"},

		{name: "untouched, SaveEveryRequest", cfg: everyRequest, later: time.Minute, handler: func(*ginsession.Session) {},
			calls: "Load Touch", cookie: "same"},
		{name: "untouched in the same second, SaveEveryRequest", cfg: everyRequest, handler: func(*ginsession.Session) {},
			calls: "Load Touch", cookie: "same"},
		{name: "untouched, no cookie, SaveEveryRequest", cfg: everyRequest, fresh: true, handler: func(*ginsession.Session) {}},
		{name: "read, SaveEveryRequest", cfg: everyRequest, later: time.Minute, handler: func(s *ginsession.Session) { s.Get("v") },
			calls: "Load Touch", cookie: "same"},
		{name: "modified, SaveEveryRequest", cfg: everyRequest, later: time.Minute, handler: func(s *ginsession.Session) { s.Set("v", 1) },
			calls: "Load Update", cookie: "same"},

		{name: "untouched, RenewAfter, not due", cfg: renew, later: week - time.Second, handler: func(*ginsession.Session) {},
			calls: "Load"},
		{name: "untouched, RenewAfter, due", cfg: renew, later: week, handler: func(*ginsession.Session) {},
			calls: "Load Touch", cookie: "same"},
		{name: "modified, RenewAfter, due", cfg: renew, later: week, handler: func(s *ginsession.Session) { s.Set("v", 1) },
			calls: "Load Update", cookie: "same"},

		{name: "read, expired", later: 2 * week, handler: func(s *ginsession.Session) { s.Get("v") }, calls: "Load"},
		{name: "modified, expired", later: 2 * week, handler: func(s *ginsession.Session) { s.Set("v", 2) },
			calls: "Load Create", cookie: "new", data: `{"list":[1],"v":1} {"v":2}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			site := newWebSite(t, webSetup{Config: tt.cfg, Routes: func(r *gin.Engine) {
				r.POST("/seed", func(c *gin.Context) { ginsession.Get(c).Update(map[string]any{"list": []int{1}, "v": 1}) })
				r.POST("/", func(c *gin.Context) {
					tt.handler(ginsession.Get(c))
					c.Status(max(tt.status, http.StatusOK))
				})
			}})
			v := site.visitor()
			if !tt.fresh {
				v.post("/seed")
			}
			key, data := v.key(), site.data()
			site.clock.Advance(tt.later)
			site.calls()

			reply := v.post("/")

			if calls := site.calls(); calls != tt.calls {
				t.Errorf("store calls %q, want %q", calls, tt.calls)
			}
			if vary := reply.Header.Get("Vary"); vary != "Cookie" {
				t.Errorf("Vary: %q", vary)
			}
			if got := setCookieKind(reply.cookie(t), key); got != tt.cookie {
				t.Errorf("cookie %q, want %q: %q", got, tt.cookie, reply.Header["Set-Cookie"])
			}
			if got := reply.Header.Get("Cache-Control"); got == "private" != (tt.cookie != "") {
				t.Errorf("Cache-Control: %q", got)
			}
			want := data
			if tt.data != "" {
				want = strings.TrimSpace(tt.data)
			}
			if got := site.data(); !sameRecords(got, want) {
				t.Errorf("stored %q, want %q", got, want)
			}
			if log := site.log.String(); log != "" {
				t.Errorf("logged: %s", log)
			}
		})
	}
}

// setCookieKind says what a response does to a cookie whose value was key.
func setCookieKind(c *http.Cookie, key string) string {
	switch {
	case c == nil:
		return ""
	case c.MaxAge < 0 && c.Value == "":
		return "deleted"
	case c.Value == key:
		return "same"
	default:
		return "new"
	}
}

// sameRecords compares joined records in whatever order.
func sameRecords(a, b string) bool {
	as, bs := strings.Fields(a), strings.Fields(b)
	slices.Sort(as)
	slices.Sort(bs)
	return slices.Equal(as, bs)
}

// What is changed after the headers have gone out is saved where the client has the key, and
// told otherwise.
func TestMiddlewareChangesAfterHeaders(t *testing.T) {
	set := func(s *ginsession.Session) { s.Set("v", "after") }
	cycle := func(s *ginsession.Session) {
		_ = s.CycleKey()
		s.Set("v", "after")
	}
	flush := func(s *ginsession.Session) { _ = s.Flush() }
	signed := ginsession.Config{Engine: ginsession.SignedCookies(), SecretKey: "secret"}
	for _, tt := range []struct {
		name   string
		cfg    ginsession.Config
		fresh  bool
		before func(s *ginsession.Session)
		after  func(s *ginsession.Session)
		calls  string
		logged bool
		reads  string // what the next request reads
	}{
		{name: "known key", after: set, calls: "Load Update", reads: "after"},
		{name: "known key, read before", before: func(s *ginsession.Session) { s.Get("v") }, after: set, calls: "Load Update", reads: "after"},
		{name: "known key, changed before", before: func(s *ginsession.Session) { s.Set("v", "x") }, after: set, calls: "Load Update Update", reads: "after"},
		{name: "begun before", fresh: true, before: func(s *ginsession.Session) { s.Set("v", "x") }, after: set, calls: "Create Update", reads: "after"},
		{name: "new", fresh: true, after: set, logged: true},
		{name: "new and emptied again", fresh: true, after: func(s *ginsession.Session) {
			s.Set("v", "x")
			_ = s.Delete("v")
		}},
		{name: "cycled", after: cycle, calls: "Load", logged: true, reads: "before"},
		{name: "flushed", after: flush, calls: "Load Delete"},
		{name: "read only", after: func(s *ginsession.Session) { s.Get("v") }, calls: "Load", reads: "before"},

		{name: "signed cookies", cfg: signed, after: set, logged: true, reads: "before"},
		{name: "signed cookies, changed before", cfg: signed, before: func(s *ginsession.Session) { s.Set("v", "x") }, after: set, logged: true, reads: "x"},
		{name: "signed cookies, flushed", cfg: signed, after: flush, logged: true, reads: "before"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			site := newWebSite(t, webSetup{Config: tt.cfg, Routes: func(r *gin.Engine) {
				r.GET("/", func(c *gin.Context) {
					s := ginsession.Get(c)
					if tt.before != nil {
						tt.before(s)
					}
					c.String(http.StatusOK, "body")
					c.Writer.Flush()
					tt.after(s)
				})
			}})
			v := site.visitor()
			if !tt.fresh {
				v.get("/w/set?v=before")
			}
			site.calls()
			reply := v.get("/")
			if reply.StatusCode != http.StatusOK || reply.Text != "body" {
				t.Errorf("answer %d %q", reply.StatusCode, reply.Text)
			}
			if calls := site.calls(); calls != tt.calls {
				t.Errorf("store calls %q, want %q", calls, tt.calls)
			}
			if logged := strings.Contains(site.log.String(), ginsession.ErrHeadersWritten.Error()); logged != tt.logged {
				t.Errorf("logged %q", site.log)
			}
			if got := v.get("/w/get").Text; got != "v="+tt.reads {
				t.Errorf("the next request reads %q, want %q", got, tt.reads)
			}
		})
	}
}

// A sign-out that fails behind the page that says otherwise is told at least.
func TestMiddlewareFlushFailsAfterHeaders(t *testing.T) {
	site := newWebSite(t, webSetup{Routes: func(r *gin.Engine) {
		r.GET("/", func(c *gin.Context) {
			c.String(http.StatusOK, "body")
			c.Writer.Flush()
			_ = ginsession.Get(c).Flush()
		})
	}})
	v := site.visitor()
	v.get("/w/set?v=1")
	failOn(site.store, errStore, "Delete")
	if reply := v.get("/"); reply.Text != "body" {
		t.Errorf("answer %q", reply.Text)
	}
	if log := site.log.String(); !strings.Contains(log, ginsession.ErrUnavailable.Error()) {
		t.Errorf("logged %q", log)
	}
}

// errStore is what a broken store returns.
var errStore = errors.New("the store is broken")

// A commit that fails replaces the response, whatever the handler had prepared.
func TestMiddlewareFailedCommit(t *testing.T) {
	var writeErr error
	site := newWebSite(t, webSetup{HTTP1: true, Routes: func(r *gin.Engine) {
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
	failOn(site.store, errStore, "Create")
	reply := site.visitor().post("/")
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
	if calls := site.calls(); calls != "Create Create" {
		t.Errorf("store calls %q", calls)
	}
}

// It ends the chain of handlers, also where no write told the handler that it failed.
func TestMiddlewareFailedCommitAborts(t *testing.T) {
	site := newWebSite(t, webSetup{Routes: func(r *gin.Engine) {
		r.POST("/", func(c *gin.Context) {
			ginsession.Get(c).Set("v", 1)
			c.Writer.WriteHeaderNow()
		}, func(*gin.Context) { t.Error("the next handler ran") })
	}})
	failOn(site.store, errStore, "Create")
	if reply := site.visitor().post("/"); reply.StatusCode != http.StatusServiceUnavailable {
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
			site := newWebSite(t, webSetup{Before: []gin.HandlerFunc{gin.RecoveryWithWriter(&logBook{})}, Routes: func(r *gin.Engine) {
				r.POST("/unstorable", func(c *gin.Context) { ginsession.Get(c).Set("v", make(chan int)) })
				r.POST("/panics", func(c *gin.Context) { ginsession.Get(c).Set("v", panicsInJSON{}) })
			}})
			v := site.visitor()
			v.get("/w/set?v=1")
			record, key := site.record(), v.key()
			failOn(site.store, tt.err, tt.call)
			reply := v.post(tt.path)
			if reply.StatusCode != tt.status {
				t.Errorf("status %d, want %d", reply.StatusCode, tt.status)
			}
			if c := reply.cookie(t); c != nil {
				t.Errorf("the cookie was touched: %v", c)
			}
			if strings.Contains(reply.Text, key) || strings.Contains(reply.Text, "v=") || strings.Contains(reply.Text, "broken") {
				t.Errorf("body %q", reply.Text)
			}
			failOn(site.store, nil)
			if site.record() != record {
				t.Errorf("the record is %q now", site.record())
			}
			if got := v.get("/w/get").Text; got != "v=1" {
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
			var site *webSite
			site = newWebSite(t, webSetup{Routes: func(r *gin.Engine) {
				r.Handle(tt.method, "/", func(c *gin.Context) {
					s := ginsession.Get(c)
					s.Set("v", 2)
					if err := site.manager.Delete(c, s.Key()); err != nil { // by somebody else
						t.Error(err)
					}
					c.String(http.StatusOK, "page")
				})
			}})
			v := site.visitor()
			v.get("/w/set?v=1")
			site.calls()
			reply := v.send(tt.method, "/")
			if reply.StatusCode != tt.status {
				t.Errorf("status %d, want %d", reply.StatusCode, tt.status)
			}
			if c := reply.cookie(t); c != nil {
				t.Errorf("a cookie was set: %v", c)
			}
			if vary := reply.Header.Get("Vary"); vary != "Cookie" {
				t.Errorf("Vary: %q", vary)
			}
			if n := len(site.store.keys()); n != 0 {
				t.Errorf("%d records: the session came back", n)
			}
			if calls := site.calls(); calls != "Load Delete Update" {
				t.Errorf("store calls %q", calls)
			}
			if log := site.log.String(); strings.Contains(log, "level=WARN") != (tt.status == http.StatusOK) {
				t.Errorf("logged: %s", log)
			}
		})
	}
}

// A page that was computed from a session that could not be loaded is never sent.
func TestMiddlewareFailedLoad(t *testing.T) {
	site := newWebSite(t, webSetup{Routes: func(r *gin.Engine) {
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
	v := site.visitor()
	v.get("/w/set?v=1")
	failOn(site.store, errStore, "Load")
	reply := v.get("/")
	if reply.StatusCode != http.StatusServiceUnavailable || reply.Header.Get("Location") != "" || reply.cookie(t) != nil {
		t.Errorf("answer %d to %q, cookie %v", reply.StatusCode, reply.Header.Get("Location"), reply.cookie(t))
	}
	if reply := v.get("/untouched"); reply.StatusCode != http.StatusOK {
		t.Errorf("a page without a session: %d", reply.StatusCode)
	}
	failOn(site.store, nil)
	if got := v.get("/w/get").Text; got != "v=1" {
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
			site := newWebSite(t, webSetup{Config: ginsession.Config{ErrorHandler: tt.handler}})
			failOn(site.store, errStore, "Create")
			reply := site.visitor().post("/w/set?v=1")
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
	for name, setup := range map[string]webSetup{
		"recovery outside": {Before: []gin.HandlerFunc{gin.RecoveryWithWriter(nil)}},
		"recovery inside":  {After: []gin.HandlerFunc{gin.RecoveryWithWriter(nil)}},
	} {
		setup.ErrorHandler = func(*gin.Context, error) { panic("in the ErrorHandler") }
		site := newWebSite(t, setup)
		failOn(site.store, errStore, "Create")
		reply := site.visitor().post("/w/set?v=1")
		if reply.StatusCode != http.StatusInternalServerError || reply.Text != "" || reply.cookie(t) != nil {
			t.Errorf("%s: answer %d %q", name, reply.StatusCode, reply.Text)
		}
	}
}

// A handler that panics leaves the session as it was, whoever recovers, and the site in order.
func TestMiddlewarePanic(t *testing.T) {
	answerOK := func(c *gin.Context, _ any) {
		ginsession.Get(c).Get("v") // must not hang
		c.String(http.StatusOK, "sorry")
	}
	for _, tt := range []struct {
		name    string
		outside gin.HandlerFunc
		inside  gin.HandlerFunc
		value   any
		flush   bool
		status  int // 0: the connection ends
		cookie  string
		reads   string
	}{
		{name: "recovery outside", outside: gin.RecoveryWithWriter(nil), value: "x", status: 500, reads: "1"},
		{name: "recovery inside", inside: gin.RecoveryWithWriter(nil), value: "x", status: 500, reads: "1"},
		{name: "an outer recovery that answers 200", outside: gin.CustomRecoveryWithWriter(nil, answerOK), value: "x", status: 200, reads: "1"},
		{name: "no recovery", value: http.ErrAbortHandler, reads: "1"},
		{name: "abort through an outer recovery", outside: gin.RecoveryWithWriter(nil), value: http.ErrAbortHandler, status: 200, reads: "1"},
		{name: "flushed, recovery outside", outside: gin.RecoveryWithWriter(nil), value: "x", flush: true, status: 500, cookie: "deleted"},
		{name: "flushed, recovery inside", inside: gin.RecoveryWithWriter(nil), value: "x", flush: true, status: 500, cookie: "deleted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			setup := webSetup{Routes: func(r *gin.Engine) {
				r.POST("/", func(c *gin.Context) {
					s := ginsession.Get(c)
					s.Set("v", "2")
					if tt.flush {
						_ = s.Flush()
					}
					panic(tt.value)
				})
			}}
			if tt.outside != nil {
				setup.Before = []gin.HandlerFunc{tt.outside}
			}
			if tt.inside != nil {
				setup.After = []gin.HandlerFunc{tt.inside}
			}
			site := newWebSite(t, setup)
			v := site.visitor()
			v.get("/w/set?v=1")
			key := v.key()
			reply, err := v.try(t.Context(), http.MethodPost, "/")
			if (err != nil) != (tt.status == 0) {
				t.Fatalf("error %v, want status %d", err, tt.status)
			}
			if err == nil {
				if reply.StatusCode != tt.status || setCookieKind(reply.cookie(t), key) != tt.cookie {
					t.Errorf("answer %d, cookies %q", reply.StatusCode, reply.Header["Set-Cookie"])
				}
			}
			if got := v.get("/w/get").Text; got != "v="+tt.reads {
				t.Errorf("afterwards: %q, want %q", got, tt.reads)
			}
		})
	}
}

// A value or a store that panics while the session is saved leaves no lock behind, and no
// cookie in the dump of the recovery.
func TestMiddlewarePanicInCommit(t *testing.T) {
	for name, inside := range map[string]bool{"recovery outside": false, "recovery inside": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recovery := gin.CustomRecoveryWithWriter(nil, func(c *gin.Context, _ any) {
				ginsession.Get(c).Has("v") // hangs if the lock was left behind
				c.AbortWithStatus(http.StatusInternalServerError)
			})
			setup := webSetup{Routes: func(r *gin.Engine) {
				r.POST("/", func(c *gin.Context) {
					ginsession.Get(c).Set("v", panicsInJSON{})
					c.String(http.StatusOK, "page")
				})
				r.POST("/silent", func(c *gin.Context) { ginsession.Get(c).Set("v", panicsInJSON{}) })
			}}
			if inside {
				setup.After = []gin.HandlerFunc{recovery}
			} else {
				setup.Before = []gin.HandlerFunc{recovery}
			}
			site := newWebSite(t, setup)
			v := site.visitor()
			v.get("/w/set?v=1")
			for _, path := range []string{"/", "/silent"} {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				reply, err := v.try(ctx, http.MethodPost, path)
				cancel()
				if inside && path == "/silent" { // nobody is left to recover what happens after the handlers
					if err == nil {
						t.Errorf("%s: answer %d", path, reply.StatusCode)
					}
					continue
				}
				if err != nil {
					t.Fatalf("%s: %v", path, err)
				}
				if reply.StatusCode != http.StatusInternalServerError || reply.cookie(t) != nil {
					t.Errorf("%s: answer %d, cookies %q", path, reply.StatusCode, reply.Header["Set-Cookie"])
				}
			}
			if got := v.get("/w/get").Text; got != "v=1" {
				t.Errorf("afterwards: %q", got)
			}
		})
	}
}

// Pages that no route serves have sessions too.
func TestMiddlewareNoRoute(t *testing.T) {
	site := newWebSite(t, webSetup{
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
	v := site.visitor()
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
		reply := v.send(tt.method, tt.path)
		if reply.StatusCode != tt.status || reply.Text != tt.body {
			t.Errorf("%s %s: %d %q", tt.method, tt.path, reply.StatusCode, reply.Text)
		}
		if set := reply.cookie(t) != nil; set != strings.HasSuffix(tt.path, "count") {
			t.Errorf("%s %s: cookie set: %t", tt.method, tt.path, set)
		}
	}
	failOn(site.store, errStore, "Load")
	if reply := v.get("/nowhere?count"); reply.StatusCode != http.StatusServiceUnavailable || strings.Contains(reply.Text, "404") {
		t.Errorf("failed load: %d %q", reply.StatusCode, reply.Text)
	}
}

// A middleware that goes on after the handler has returned still changes the session, where
// nothing has been sent.
func TestMiddlewareAroundNext(t *testing.T) {
	around := func(c *gin.Context) {
		ginsession.Get(c).Set("before", 1)
		c.Next()
		ginsession.Get(c).Set("after", 1)
	}
	site := newWebSite(t, webSetup{After: []gin.HandlerFunc{around}, Routes: func(r *gin.Engine) {
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
		v := site.visitor()
		if reply := v.post(path); reply.cookie(t) == nil {
			t.Errorf("%s: no cookie", path)
		}
		if got := site.record(); got != want {
			t.Errorf("%s: stored %q, want %q", path, got, want)
		}
		v.get("/w/flush")
	}
}

// Middleware around the sessions sees the request as it came, and the session.
func TestMiddlewareSeenFromOutside(t *testing.T) {
	var cookies []string
	var value any
	site := newWebSite(t, webSetup{Before: []gin.HandlerFunc{func(c *gin.Context) {
		c.Next()
		cookies = c.Request.Header["Cookie"]
		value = ginsession.Get(c).Get("v")
	}}})
	v := site.visitor()
	v.get("/w/set?v=1")
	v.get("/w/get")
	if !slices.Equal(cookies, []string{"sessionid=" + v.key()}) || value != "1" {
		t.Errorf("Cookie: %q, v=%v", cookies, value)
	}
}

// Installing the same manager twice is installing it once.
func TestMiddlewareInstalledTwice(t *testing.T) {
	var site *webSite
	site = newWebSite(t, webSetup{Routes: func(r *gin.Engine) {
		again := r.Group("/again", func(c *gin.Context) { site.manager.Handler()(c) })
		again.GET("/", func(c *gin.Context) {
			ginsession.Get(c).Set("v", 1)
			c.String(http.StatusOK, "once")
		})
	}})
	reply := site.visitor().get("/again/")
	if calls := site.calls(); calls != "Create" || reply.cookie(t) == nil {
		t.Errorf("store calls %q, cookies %q", calls, reply.Header["Set-Cookie"])
	}
}

// Two managers on a route have two cookies and two sessions; one's failure is both's response.
func TestMiddlewareTwoManagers(t *testing.T) {
	adminStore := newSpyStore()
	admin, err := ginsession.NewManager(ginsession.Config{
		Engine: ginsession.Custom(adminStore), CookieName: "admin", CookiePath: "/admin",
	})
	if err != nil {
		t.Fatal(err)
	}
	var site *webSite
	var after []any
	look := func(c *gin.Context) {
		c.Next()
		if strings.HasPrefix(c.FullPath(), "/admin") {
			after = append(after, ginsession.Get(c).Get("who"))
		}
	}
	site = newWebSite(t, webSetup{After: []gin.HandlerFunc{look}, Routes: func(r *gin.Engine) {
		group := r.Group("/admin", admin.Handler())
		group.POST("/both", func(c *gin.Context) {
			ginsession.Get(c).Set("who", "inner")
			admin.Get(c).Set("admin", true)
			site.manager.Get(c).Set("who", "outer")
			c.String(http.StatusOK, "page")
		})
		group.GET("/read", func(c *gin.Context) {
			c.String(http.StatusOK, "%v %v", ginsession.Get(c).Get("who"), site.manager.Get(c).Get("who"))
		})
		r.GET("/after", func(c *gin.Context) {
			defer func() { c.String(http.StatusOK, "%v, recovered %v", ginsession.Get(c).Get("who"), recover() != nil) }()
			admin.Get(c)
		})
	}})
	v := site.visitor()
	reply := v.post("/admin/both")
	names := []string{}
	for _, c := range reply.Cookies() {
		names = append(names, c.Name+" "+c.Path)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"admin /admin", "sessionid /"}) || len(reply.Header.Values("Vary")) != 1 {
		t.Errorf("cookies %q, Vary %q", names, reply.Header["Vary"])
	}
	if got := v.get("/admin/read").Text; got != "inner outer" {
		t.Errorf("read %q", got)
	}
	if !slices.Equal(after, []any{"outer", "outer"}) {
		t.Errorf("after the inner manager's handlers: %v", after)
	}
	if got := v.get("/after").Text; got != "outer, recovered true" {
		t.Errorf("outside the group: %q", got)
	}
	for name, store := range map[string]*spyStore{"inner": adminStore, "outer": site.store} {
		failOn(store, errStore, "Update")
		reply := v.post("/admin/both")
		if reply.StatusCode != http.StatusServiceUnavailable || strings.Contains(reply.Text, "page") {
			t.Errorf("%s fails: %d %q", name, reply.StatusCode, reply.Text)
		}
		failOn(store, nil)
	}
}

// The engine may serve a context again under another path: one session, saved once, by whoever
// answers.
func TestMiddlewareHandleContext(t *testing.T) {
	var router *gin.Engine
	site := newWebSite(t, webSetup{
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
	v := site.visitor()
	if reply := v.post("/rewrite"); reply.Text != "rewritten" || reply.cookie(t) == nil {
		t.Errorf("answer %q, cookies %q", reply.Text, reply.Header["Set-Cookie"])
	}
	if got := site.record(); got != `{"first":1,"second":1}` || site.log.String() != "" {
		t.Errorf("stored %q, logged %q", got, site.log)
	}
	if reply := v.post("/rewrite"); reply.Text != "rewritten" {
		t.Errorf("answer %q", reply.Text)
	}
	if got := site.record(); got != `{"first":1,"second":1}` {
		t.Errorf("stored %q", got)
	}
	failOn(site.store, errStore, "Update")
	if reply := v.post("/rewrite"); strings.Count(reply.Text, "\n") != 1 {
		t.Errorf("two answers in one: %q", reply.Text)
	}
}

// A client that hangs up between the change and the save loses nothing.
func TestMiddlewareClientHangsUp(t *testing.T) {
	for _, http1 := range []bool{true, false} {
		t.Run(fmt.Sprintf("HTTP/1.1 %t", http1), func(t *testing.T) {
			t.Parallel()
			started, done := make(chan struct{}), make(chan error, 1)
			store := watchedStore{newSpyStore(), func(ctx context.Context, _ string) error { return ended(ctx) }}
			cfg := ginsession.Config{Engine: ginsession.Custom(store)}
			site := newWebSite(t, webSetup{HTTP1: http1, Config: cfg, Routes: func(r *gin.Engine) {
				r.POST("/", func(c *gin.Context) {
					s := ginsession.Get(c)
					s.Set("v", "whole")
					close(started)
					<-c.Request.Context().Done()
					done <- s.Save()
				})
			}})
			v := site.visitor()
			v.get("/w/set?v=1")
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-started
				cancel()
			}()
			if _, err := v.try(ctx, http.MethodPost, "/"); err == nil {
				t.Log("the answer overtook the cancellation")
			}
			if err := <-done; err != nil {
				t.Errorf("Save: %v", err)
			}
			if got := v.get("/w/get").Text; got != "v=whole" {
				t.Errorf("afterwards: %q", got)
			}
		})
	}
}

// A store that hangs is given up after StoreTimeout.
func TestMiddlewareStoreTimeout(t *testing.T) {
	for _, tt := range []struct {
		name    string
		timeout time.Duration
		want    time.Duration
		call    string
		path    string
	}{
		{"load, default", 0, 5 * time.Second, "Load", "/w/get"},
		{"load", time.Second, time.Second, "Load", "/w/get"},
		{"create", time.Second, time.Second, "Create", "/w/set?v=1"},
		{"delete", time.Second, time.Second, "Delete", "/w/flush"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := watchedStore{newSpyStore(), func(ctx context.Context, operation string) error {
					if operation != tt.call {
						return nil
					}
					<-ctx.Done()
					return ctx.Err()
				}}
				r := newWebRouter()
				r.Use(ginsession.New(ginsession.Config{Engine: ginsession.Custom(store), StoreTimeout: tt.timeout}))
				addWebPages(r)
				w := httptest.NewRecorder()
				req := httptest.NewRequest(http.MethodPost, tt.path, nil)
				req.Header.Set("Cookie", "sessionid="+strings.Repeat("k", 32))
				start := time.Now()
				r.ServeHTTP(w, req)
				if w.Code != http.StatusServiceUnavailable || time.Since(start) != tt.want {
					t.Errorf("answer %d after %v, want 503 after %v", w.Code, time.Since(start), tt.want)
				}
			})
		})
	}
}

// Load tries again, with all of StoreTimeout.
func TestMiddlewareLoadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := true
		store := watchedStore{newSpyStore(), func(ctx context.Context, _ string) error {
			if hang {
				<-ctx.Done()
			}
			return ctx.Err()
		}}
		r := newWebRouter()
		r.Use(ginsession.New(ginsession.Config{Engine: ginsession.Custom(store), StoreTimeout: time.Second}))
		r.GET("/", func(c *gin.Context) {
			s := ginsession.Get(c)
			if err := s.Load(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the store hangs: %v", err)
			}
			hang = false
			if err := s.Load(); err != nil || s.Err() != nil {
				t.Errorf("the store is back: %v", err)
			}
		})
		w := httptest.NewRecorder()
		req := httptest.NewRequest(http.MethodGet, "/", nil)
		req.Header.Set("Cookie", "sessionid="+strings.Repeat("k", 32))
		r.ServeHTTP(w, req)
		if w.Code != http.StatusOK {
			t.Errorf("answer %d", w.Code)
		}
	})
}

// A slow answer to a request with the old cookie does not erase the one that a sign-in has
// meanwhile set.
func TestMiddlewareSlowResponseWithOldCookie(t *testing.T) {
	for _, tt := range []struct {
		name    string
		handler func(s *ginsession.Session)
		status  int
	}{
		{"reads", func(s *ginsession.Session) { s.Get("v") }, 200},
		{"changes", func(s *ginsession.Session) { s.Set("v", 2) }, 409},
		{"clears", func(s *ginsession.Session) { s.Clear() }, 409},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			loaded, go_ := make(chan struct{}), make(chan struct{})
			site := newWebSite(t, webSetup{Routes: func(r *gin.Engine) {
				r.POST("/slow", func(c *gin.Context) {
					s := ginsession.Get(c)
					s.Get("v")
					close(loaded)
					<-go_
					tt.handler(s)
				})
			}})
			v := site.visitor()
			v.get("/w/set?v=1")
			slow := make(chan *webReply)
			go func() { slow <- v.post("/slow") }()
			<-loaded
			v.post("/w/login?user=ann")
			key := v.key()
			close(go_)
			if reply := <-slow; reply.StatusCode != tt.status || len(reply.Header["Set-Cookie"]) > 0 {
				t.Errorf("the slow answer: %d, cookies %q", reply.StatusCode, reply.Header["Set-Cookie"])
			}
			if got := v.get("/w/user").Text; v.key() != key || got != "user=ann" {
				t.Errorf("afterwards: %q", got)
			}
		})
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
	store := watchedStore{newSpyStore(), func(ctx context.Context, operation string) error {
		seen = append(seen, operation, ctx.Value(key{}))
		return ended(ctx)
	}}
	site := newWebSite(t, webSetup{
		Config: ginsession.Config{Engine: ginsession.Custom(store)},
		Before: []gin.HandlerFunc{replace("outside")},
		After:  []gin.HandlerFunc{replace("inside")},
	})
	v := site.visitor()
	v.get("/w/set?v=1")
	if got := v.get("/w/get").Text; got != "v=1" || !slices.Equal(seen, []any{"Create", "inside", "Load", "inside"}) {
		t.Errorf("read %q, the store saw %v", got, seen)
	}
}

// The session is found through a context too.
func TestMiddlewareFromContext(t *testing.T) {
	site := newWebSite(t, webSetup{Routes: func(r *gin.Engine) {
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
	site.visitor().get("/")
}

// Get says what to do where the middleware is missing.
func TestMiddlewareMissing(t *testing.T) {
	manager, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.Custom(newSpyStore())})
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

// The goroutines of a request may share its session, through a copy of its context as well.
func TestMiddlewareGoroutines(t *testing.T) {
	const goroutines = 16
	site := newWebSite(t, webSetup{Routes: func(r *gin.Engine) {
		r.POST("/", func(c *gin.Context) {
			var wg sync.WaitGroup
			for i := range goroutines {
				copied := c.Copy()
				wg.Go(func() {
					s := ginsession.Get(copied)
					s.Set(fmt.Sprint("k", i), i)
					s.Get("k0")
					_ = s.Keys()
					_ = s.Modified()
				})
			}
			wg.Wait()
			c.String(http.StatusOK, "%d", ginsession.Get(c).Len())
		})
	}})
	v := site.visitor()
	for range 2 { // new, and stored
		if got := v.post("/").Text; got != fmt.Sprint(goroutines) {
			t.Errorf("%s keys, want %d", got, goroutines)
		}
	}
}

// A goroutine that goes on using the session after the response harms nobody, and may save it.
func TestMiddlewareGoroutineOutlivesResponse(t *testing.T) {
	var background sync.WaitGroup
	saved := make(chan error, 1)
	site := newWebSite(t, webSetup{Routes: func(r *gin.Engine) {
		r.POST("/", func(c *gin.Context) {
			s, copied := ginsession.Get(c), c.Copy()
			answered := c.Request.Context().Done()
			background.Go(func() {
				for range 50 {
					s.Set("busy", 1) // races the commit
					s.Get("v")
				}
				<-answered
				s = ginsession.Get(copied)
				s.Set("late", 1)
				saved <- s.Save()
			})
			s.Set("v", "1")
		})
	}})
	v := site.visitor()
	v.get("/w/set?v=0")
	v.post("/")
	for range 20 {
		v.get("/w/get") // contexts of the pool are used again
	}
	background.Wait()
	if err := <-saved; err != nil {
		t.Errorf("Save: %v", err)
	}
	if got := site.record(); got != `{"v":"1","busy":1,"late":1}` {
		t.Errorf("stored %q", got)
	}
}

// One visitor's requests at the same time, with sign-ins and sign-outs among them: nothing
// that has ended comes back, and no request fails with more than a conflict.
func TestMiddlewareFlushAgainstEverything(t *testing.T) {
	const rounds, clients = 20, 6
	site := newWebSite(t, webSetup{})
	for range rounds {
		v := site.visitor()
		v.get("/w/set?v=1")
		cookie := "sessionid=" + v.key()
		var wg sync.WaitGroup
		for i, path := range []string{"/w/set?v=2", "/w/flush", "/w/login?user=ann", "/w/get", "/w/set?v=3", "/w/flush"}[:clients] {
			wg.Go(func() {
				reply, err := site.as(cookie).try(t.Context(), http.MethodPost, path)
				if err != nil {
					t.Errorf("%d %s: %v", i, path, err)
					return
				}
				if reply.StatusCode != http.StatusOK && reply.StatusCode != http.StatusConflict {
					t.Errorf("%s: %d", path, reply.StatusCode)
				}
			})
		}
		wg.Wait()
		if got := site.as(cookie).get("/w/get").Text; got != "v=" {
			t.Errorf("the session that was ended says %q", got)
		}
	}
	if data := site.data(); strings.Contains(data, `"v"`) && !strings.Contains(data, "ann") {
		t.Errorf("left behind: %q", data)
	}
}
