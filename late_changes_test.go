package ginsession_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// What is changed after the headers have gone out is saved if the client has the key, and
// logged otherwise.
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
			site := testsite.New(t, testsite.Setup{Config: tt.cfg, Routes: func(r *gin.Engine) {
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
			v := site.Visitor()
			if !tt.fresh {
				v.Get("/w/set?v=before")
			}
			site.Calls()
			reply := v.Get("/")
			if reply.StatusCode != http.StatusOK || reply.Text != "body" {
				t.Errorf("answer %d %q", reply.StatusCode, reply.Text)
			}
			if calls := site.Calls(); calls != tt.calls {
				t.Errorf("store calls %q, want %q", calls, tt.calls)
			}
			if logged := strings.Contains(site.Log.String(), ginsession.ErrHeadersWritten.Error()); logged != tt.logged {
				t.Errorf("logged %q", site.Log)
			}
			if got := v.Get("/w/get").Text; got != "v="+tt.reads {
				t.Errorf("the next request reads %q, want %q", got, tt.reads)
			}
		})
	}
}

// A sign-out that fails behind the page that says otherwise is told at least.
func TestMiddlewareFlushFailsAfterHeaders(t *testing.T) {
	site := testsite.New(t, testsite.Setup{Routes: func(r *gin.Engine) {
		r.GET("/", func(c *gin.Context) {
			c.String(http.StatusOK, "body")
			c.Writer.Flush()
			_ = ginsession.Get(c).Flush()
		})
	}})
	v := site.Visitor()
	v.Get("/w/set?v=1")
	site.Store.FailOn(errStore, "Delete")
	if reply := v.Get("/"); reply.Text != "body" {
		t.Errorf("answer %q", reply.Text)
	}
	if log := site.Log.String(); !strings.Contains(log, ginsession.ErrUnavailable.Error()) {
		t.Errorf("logged %q", log)
	}
}
