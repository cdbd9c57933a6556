package testsite

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// A Site is a web site with sessions behind a TLS server.
type Site struct {
	*Desk
	*httptest.Server
	t        testing.TB
	mu       sync.Mutex
	handlers map[string]gin.HandlerFunc // of Page, by path
}

// A Setup says what New makes a site of. The zero value is a site with the pages of AddPages.
type Setup struct {
	ginsession.Config                      // Engine, Logger and Clock are filled in if nil
	HTTP1             bool                 // not HTTP/2
	Before, After     []gin.HandlerFunc    // the middleware around that of the Manager
	Routes            func(r *gin.Engine)  // adds pages
	Configure         func(r *gin.Engine)  // runs before any middleware is added
	Server            func(s *http.Server) // runs before the server starts
}

// New starts a site, which is closed when the test ends.
func New(t testing.TB, setup Setup) *Site {
	t.Helper()
	return Serve(t, NewDesk(t, setup.fill), setup)
}

// fill replaces a Desk's Config by that of the setup.
func (setup Setup) fill(cfg *ginsession.Config) {
	own := *cfg
	*cfg = setup.Config
	if cfg.Engine == nil {
		cfg.Engine = own.Engine
	}
	if cfg.Logger == nil {
		cfg.Logger = own.Logger
	}
	if cfg.Clock == nil {
		cfg.Clock = own.Clock
	}
}

// Serve starts a site whose sessions are the Desk's. It ignores setup.Config.
func Serve(t testing.TB, d *Desk, setup Setup) *Site {
	t.Helper()
	site := &Site{Desk: d, t: t, handlers: map[string]gin.HandlerFunc{}}
	site.Server = httptest.NewUnstartedServer(site.router(setup))
	site.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(d.Log, nil), slog.LevelError)
	site.EnableHTTP2 = !setup.HTTP1
	if setup.Server != nil {
		setup.Server(site.Config)
	}
	site.StartTLS()
	t.Cleanup(site.Close)
	return site
}

func (site *Site) router(setup Setup) *gin.Engine {
	r := NewRouter()
	if setup.Configure != nil {
		setup.Configure(r)
	}
	r.Use(setup.Before...)
	r.Use(site.Handler())
	r.Use(setup.After...)
	AddPages(r)
	r.Any("/w/do/:name", func(c *gin.Context) { site.handler(c.Request.URL.Path)(c) })
	if setup.Routes != nil {
		setup.Routes(r)
	}
	return r
}

// NewRouter returns a gin.Engine that does not print its routes.
func NewRouter() *gin.Engine {
	gin.SetMode(gin.TestMode)
	return gin.New()
}

// AddPages adds the pages that most tests need.
func AddPages(r *gin.Engine) {
	r.Any("/w/plain", func(c *gin.Context) { c.String(http.StatusOK, "plain") })
	r.Any("/w/get", func(c *gin.Context) {
		v, _ := ginsession.Value[string](ginsession.Get(c), "v")
		c.String(http.StatusOK, "v=%s", v)
	})
	r.Any("/w/set", func(c *gin.Context) {
		ginsession.Get(c).Set("v", c.Query("v"))
		c.String(http.StatusOK, "set")
	})
	r.Any("/w/flush", func(c *gin.Context) {
		_ = ginsession.Get(c).Flush()
		c.String(http.StatusOK, "flushed")
	})
	r.Any("/w/login", func(c *gin.Context) {
		s := ginsession.Get(c)
		_ = s.CycleKey()
		s.Set("user", c.Query("user"))
		c.String(http.StatusOK, "in")
	})
	r.Any("/w/user", func(c *gin.Context) {
		user, _ := ginsession.Value[string](ginsession.Get(c), "user")
		c.String(http.StatusOK, "user=%s", user)
	})
}

// Page makes a page of handler and returns its path.
func (site *Site) Page(handler gin.HandlerFunc) string {
	path := "/w/do/" + rand.Text()
	site.mu.Lock()
	defer site.mu.Unlock()
	site.handlers[path] = handler
	return path
}

func (site *Site) handler(path string) gin.HandlerFunc {
	site.mu.Lock()
	defer site.mu.Unlock()
	return site.handlers[path]
}

// Visitor returns a new browser, without cookies. It does not follow redirects.
func (site *Site) Visitor() *Visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		site.t.Fatal(err)
	}
	client := *site.Client()
	client.Jar = jar
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Visitor{Client: &client, site: site}
}

// As returns a client that sends cookies as its Cookie header and keeps no cookie.
func (site *Site) As(cookies string) *Visitor {
	v := site.Visitor()
	v.Client.Jar = nil
	v.Cookies = cookies
	return v
}

// Calls returns the Store's operations since the last call, separated by spaces.
func (site *Site) Calls() string { return strings.Join(site.Store.Calls(), " ") }

// Data returns the data of every record of the Store, separated by spaces.
func (site *Site) Data() string {
	var all []string
	for _, key := range site.Store.Keys() {
		all = append(all, site.Store.Text(key))
	}
	return strings.Join(all, " ")
}

// Record returns the data of the Store's only record. The test fails if there are others.
func (site *Site) Record() string {
	site.t.Helper()
	keys := site.Store.Keys()
	if len(keys) != 1 {
		site.t.Fatalf("%d records, want one", len(keys))
	}
	return site.Store.Text(keys[0])
}
