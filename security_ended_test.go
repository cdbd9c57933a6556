package ginsession_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

func securityReplay(t *testing.T) {
	onServerEngines(t, webSetup{}, func(t *testing.T, site *webSite) {
		v := site.visitor()
		v.post("/w/login?user=ann")
		stolen := site.as("sessionid=" + v.key())
		if got := stolen.get("/w/user").Text; got != "user=ann" {
			t.Fatalf("before: %q", got)
		}
		v.post("/w/flush")
		if v.key() != "" {
			t.Error("the browser still has a cookie")
		}
		if reply := stolen.get("/w/user"); reply.Text != "user=" || reply.cookie(t) != nil {
			t.Errorf("afterwards: %q, cookie %v", reply.Text, reply.cookie(t))
		}
		if reply := stolen.post("/w/set?v=1"); reply.cookie(t) == nil || "sessionid="+reply.cookie(t).Value == stolen.cookies {
			t.Errorf("a write afterwards: cookie %v", reply.cookie(t))
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
	setup := webSetup{Config: ginsession.Config{SaveEveryRequest: true}, Routes: func(r *gin.Engine) {
		r.Any("/slow/:change", func(c *gin.Context) {
			s := ginsession.Get(c)
			s.Get("v")
			loaded <- struct{}{}
			<-signedOut
			changes[c.Param("change")](s)
			c.String(http.StatusOK, "page")
		})
	}}
	onServerEngines(t, setup, func(t *testing.T, site *webSite) {
		for change := range changes {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				v := site.visitor()
				v.get("/w/set?v=1")
				cookie := "sessionid=" + v.key()
				slow := make(chan *webReply)
				go func() { slow <- visit(site.Config.Handler, method, "/slow/"+change, cookie) }()
				<-loaded
				v.post("/w/flush")
				signedOut <- struct{}{}
				reply := <-slow
				if c := reply.cookie(t); c != nil {
					t.Errorf("%s %s sets %v", method, change, c)
				}
				if reply.StatusCode != http.StatusOK && (method == http.MethodGet || reply.StatusCode != http.StatusConflict) {
					t.Errorf("%s %s: %d", method, change, reply.StatusCode)
				}
				if got := site.as(cookie).get("/w/get").Text; got != "v=" {
					t.Errorf("%s %s: the session is back: %q", method, change, got)
				}
			}
		}
		if n := len(site.store.keys()); n != 0 {
			t.Errorf("%d records are left", n)
		}
	})
}

func securitySignInTwice(t *testing.T) {
	var both sync.WaitGroup
	setup := webSetup{Routes: func(r *gin.Engine) {
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
	onServerEngines(t, setup, func(t *testing.T, site *webSite) {
		v := site.visitor()
		v.get("/w/set?v=old")
		old := "sessionid=" + v.key()
		both.Add(2)
		replies := make(chan *webReply, 2)
		for range 2 {
			go func() { replies <- visit(site.Config.Handler, http.MethodPost, "/both", old) }()
		}
		keys := map[string]bool{}
		kept := 0
		for range 2 {
			reply := <-replies
			c := reply.cookie(t)
			if reply.StatusCode != http.StatusOK || c == nil {
				t.Fatalf("answer %d, cookie %v", reply.StatusCode, c)
			}
			keys[c.Value] = true
			client := site.as("sessionid=" + c.Value)
			if got := client.get("/w/user").Text; got != "user=ann" {
				t.Errorf("a sign-in reads %q", got)
			}
			if client.get("/w/get").Text == "v=old" {
				kept++
			}
		}
		if len(keys) != 2 || kept != 1 {
			t.Errorf("%d sessions, %d with the old one's data, want two and one", len(keys), kept)
		}
		if got := site.as(old).get("/w/get").Text; got != "v=" {
			t.Errorf("the old key reads %q", got)
		}
	})
}
