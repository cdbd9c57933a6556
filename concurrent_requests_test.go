package ginsession_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

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
