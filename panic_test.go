package ginsession_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

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
