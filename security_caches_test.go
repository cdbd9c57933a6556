package ginsession_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

func securityVary(t *testing.T) {
	site := newWebSite(t, webSetup{Config: ginsession.Config{SaveEveryRequest: true}, Routes: func(r *gin.Engine) {
		r.GET("/public/*path", func(c *gin.Context) {
			c.Header("Cache-Control", "public, s-maxage=3600")
			c.Request.URL.Path = c.Param("path")
			c.Next()
		}, func(c *gin.Context) {
			s := ginsession.Get(c)
			switch c.Param("path") {
			case "/read":
				s.Get("v")
			case "/write":
				s.Set("v", 1)
			case "/delete":
				_ = s.Flush()
			}
		})
	}})
	for _, path := range []string{"/public/read", "/public/write", "/public/delete", "/public/untouched"} {
		v := site.visitor()
		v.get("/w/set?v=1")
		site.clock.Advance(time.Minute)
		reply := v.get(path)
		if vary := reply.Header.Get("Vary"); vary != "Cookie" {
			t.Errorf("%s: Vary: %q", path, vary)
		}
		if reply.cookie(t) == nil || reply.Header.Get("Cache-Control") != "private" {
			t.Errorf("%s: Cache-Control: %q with %v", path, reply.Header.Get("Cache-Control"), reply.cookie(t))
		}
	}
}

// A cachingProxy keeps whatever RFC 9111 lets a shared cache keep, for ever: also responses
// that set cookies, and those whose freshness is anybody's guess.
type cachingProxy struct {
	origin http.Handler
	kept   map[string][]keptResponse // by URL
	hits   int
}

type keptResponse struct {
	request  http.Header
	response *httptest.ResponseRecorder
}

func (p *cachingProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, kept := range p.kept[r.URL.String()] {
		if r.Method == http.MethodGet && selects(kept.response.Header(), kept.request, r.Header) {
			p.hits++
			send(w, kept.response)
			return
		}
	}
	response := httptest.NewRecorder()
	p.origin.ServeHTTP(response, r)
	if r.Method == http.MethodGet && mayKeep(response) {
		p.kept[r.URL.String()] = append(p.kept[r.URL.String()], keptResponse{r.Header.Clone(), response})
	}
	send(w, response)
}

func send(w http.ResponseWriter, r *httptest.ResponseRecorder) {
	for name, values := range r.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(r.Code)
	_, _ = w.Write(r.Body.Bytes())
}

// selects is RFC 9111 §4.1: a kept response is good for requests that do not differ in what it
// varies by.
func selects(response, then, now http.Header) bool {
	for name := range strings.SplitSeq(strings.Join(response["Vary"], ","), ",") {
		name = strings.TrimSpace(name)
		if name == "*" || !slices.Equal(then[http.CanonicalHeaderKey(name)], now[http.CanonicalHeaderKey(name)]) {
			return false
		}
	}
	return true
}

// mayKeep is RFC 9111 §3, for statuses that are heuristically cacheable.
func mayKeep(r *httptest.ResponseRecorder) bool {
	if !slices.Contains([]int{200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501}, r.Code) {
		return false
	}
	for directive := range strings.SplitSeq(strings.ToLower(strings.Join(r.Header()["Cache-Control"], ",")), ",") {
		if directive = strings.TrimSpace(directive); directive == "private" || directive == "no-store" {
			return false
		}
	}
	return true
}

func securityProxy(t *testing.T) {
	for _, cacheControl := range []string{"", "public, max-age=3600", "max-age=3600", "s-maxage=3600", "no-cache", "must-revalidate, max-age=3600", `private="X-Own"`} {
		t.Run(cacheControl, func(t *testing.T) {
			site := newWebSite(t, webSetup{
				Config: ginsession.Config{SaveEveryRequest: true},
				Before: []gin.HandlerFunc{func(c *gin.Context) {
					if cacheControl != "" {
						c.Header("Cache-Control", cacheControl)
					}
				}},
			})
			proxy := &cachingProxy{origin: site.Config.Handler, kept: map[string][]keptResponse{}}
			front := httptest.NewServer(proxy)
			t.Cleanup(front.Close)
			site.URL = front.URL

			if a, b := site.visitor().get("/w/plain"), site.visitor().get("/w/plain"); a.Text != b.Text || proxy.hits != 1 {
				t.Fatalf("a page without a session: %d hits: this proxy proves nothing", proxy.hits)
			}
			first, second := site.visitor(), site.visitor()
			first.get("/w/set?v=first")
			second.get("/w/set?v=first")
			if first.key() == "" || first.key() == second.key() {
				t.Fatalf("two visitors have the key of one: %t", first.key() != "")
			}
			first.get("/w/login?user=ann")
			for _, path := range []string{"/w/user", "/w/get", "/w/plain", "/w/flush"} {
				site.clock.Advance(time.Minute) // SaveEveryRequest refreshes the cookie
				owner, stranger := first.get(path), site.visitor().get(path)
				if strings.Contains(stranger.Text, "ann") || stranger.cookie(t) != nil {
					t.Errorf("%s: the stranger gets %q and %v", path, stranger.Text, stranger.cookie(t))
				}
				if owner.Text != "user=ann" && path == "/w/user" {
					t.Errorf("%s: the owner gets %q", path, owner.Text)
				}
			}
		})
	}
}
