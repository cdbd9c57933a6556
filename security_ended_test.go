package ginsession_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

func securityReplay(t *testing.T) {
	onServerEngines(t, testsite.Setup{}, func(t *testing.T, site *testsite.Site) {
		v := site.Visitor()
		v.Post("/w/login?user=ann")
		stolen := site.As("sessionid=" + v.Key())
		if got := stolen.Get("/w/user").Text; got != "user=ann" {
			t.Fatalf("before: %q", got)
		}
		v.Post("/w/flush")
		if v.Key() != "" {
			t.Error("the browser still has a cookie")
		}
		if reply := stolen.Get("/w/user"); reply.Text != "user=" || reply.SessionCookie() != nil {
			t.Errorf("afterwards: %q, cookie %v", reply.Text, reply.SessionCookie())
		}
		if reply := stolen.Post("/w/set?v=1"); reply.SessionCookie() == nil || "sessionid="+reply.SessionCookie().Value == stolen.Cookies {
			t.Errorf("a write afterwards: cookie %v", reply.SessionCookie())
		}
	})
}

func securityResurrection(t *testing.T) {
	loaded, signedOut := make(chan struct{}), make(chan struct{})
	changes := map[string]func(s *ginsession.Session){
		"set":    func(s *ginsession.Session) { s.Set("v", "late") },
		"delete": func(s *ginsession.Session) { _ = s.Delete("v") },
		"clear":  func(s *ginsession.Session) { s.Clear() },
		"mark":   func(s *ginsession.Session) { s.MarkModified() },
		"save":   func(s *ginsession.Session) { _ = s.Save() },
		"cycle":  func(s *ginsession.Session) { _ = s.CycleKey() },
		"modify": func(s *ginsession.Session) {
			_, _ = ginsession.Modify(s, "n", func(n int, _ bool) int { return n + 1 })
		},
		"read": func(s *ginsession.Session) { s.Get("v") },
	}
	setup := testsite.Setup{Config: ginsession.Config{SaveEveryRequest: true}, Routes: func(r *gin.Engine) {
		r.Any("/slow/:change", func(c *gin.Context) {
			s := ginsession.Get(c)
			s.Get("v")
			loaded <- struct{}{}
			<-signedOut
			changes[c.Param("change")](s)
			c.String(http.StatusOK, "page")
		})
	}}
	onServerEngines(t, setup, func(t *testing.T, site *testsite.Site) {
		for change := range changes {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				v := site.Visitor()
				v.Get("/w/set?v=1")
				cookie := "sessionid=" + v.Key()
				slow := make(chan *testsite.Reply)
				go func() { slow <- visit(site.Config.Handler, method, "/slow/"+change, cookie) }()
				<-loaded
				v.Post("/w/flush")
				signedOut <- struct{}{}
				reply := <-slow
				if c := reply.SessionCookie(); c != nil {
					t.Errorf("%s %s sets %v", method, change, c)
				}
				if reply.StatusCode != http.StatusOK && (method == http.MethodGet || reply.StatusCode != http.StatusConflict) {
					t.Errorf("%s %s: %d", method, change, reply.StatusCode)
				}
				if got := site.As(cookie).Get("/w/get").Text; got != "v=" {
					t.Errorf("%s %s: the session is back: %q", method, change, got)
				}
			}
		}
		if n := len(site.Store.Keys()); n != 0 {
			t.Errorf("%d records are left", n)
		}
	})
}

func securitySignInTwice(t *testing.T) {
	var both sync.WaitGroup
	setup := testsite.Setup{Routes: func(r *gin.Engine) {
		r.POST("/both", func(c *gin.Context) {
			s := ginsession.Get(c)
			s.Get("v")
			both.Done()
			both.Wait() // each has loaded the old session
			_ = s.CycleKey()
			s.Set("user", "ann")
			c.String(http.StatusOK, "in")
		})
	}}
	onServerEngines(t, setup, func(t *testing.T, site *testsite.Site) {
		v := site.Visitor()
		v.Get("/w/set?v=old")
		old := "sessionid=" + v.Key()
		both.Add(2)
		replies := make(chan *testsite.Reply, 2)
		for range 2 {
			go func() { replies <- visit(site.Config.Handler, http.MethodPost, "/both", old) }()
		}
		keys := map[string]bool{}
		kept := 0
		for range 2 {
			reply := <-replies
			c := reply.SessionCookie()
			if reply.StatusCode != http.StatusOK || c == nil {
				t.Fatalf("answer %d, cookie %v", reply.StatusCode, c)
			}
			keys[c.Value] = true
			client := site.As("sessionid=" + c.Value)
			if got := client.Get("/w/user").Text; got != "user=ann" {
				t.Errorf("a sign-in reads %q", got)
			}
			if client.Get("/w/get").Text == "v=old" {
				kept++
			}
		}
		if len(keys) != 2 || kept != 1 {
			t.Errorf("%d sessions, %d with the old one's data, want two and one", len(keys), kept)
		}
		if got := site.As(old).Get("/w/get").Text; got != "v=" {
			t.Errorf("the old key reads %q", got)
		}
	})
}
