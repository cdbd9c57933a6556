package ginsession_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// Helpers of the tests that go through a web server: a site that is put together as the test
// says, and a visitor with a browser's cookie jar.

// A watchedStore shows an operation and its context to watch before it carries it out. It fails
// with watch's error.
type watchedStore struct {
	ginsession.Store
	watch func(ctx context.Context, operation string) error
}

func (s watchedStore) Load(ctx context.Context, key string, now time.Time) (ginsession.Record, error) {
	if err := s.watch(ctx, "Load"); err != nil {
		return ginsession.Record{}, err
	}
	return s.Store.Load(ctx, key, now)
}

func (s watchedStore) Create(ctx context.Context, key string, r ginsession.Record, now time.Time) error {
	if err := s.watch(ctx, "Create"); err != nil {
		return err
	}
	return s.Store.Create(ctx, key, r, now)
}

func (s watchedStore) Update(ctx context.Context, key string, prev ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	if err := s.watch(ctx, "Update"); err != nil {
		return ginsession.Record{}, err
	}
	return s.Store.Update(ctx, key, prev, now, f)
}

func (s watchedStore) Delete(ctx context.Context, key string) error {
	if err := s.watch(ctx, "Delete"); err != nil {
		return err
	}
	return s.Store.Delete(ctx, key)
}

// ended is what a driver finds out about its context.
func ended(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	default:
		return nil
	}
}

// A webSite is a site with sessions behind a TLS server.
type webSite struct {
	*httptest.Server
	t       *testing.T
	store   *spyStore // where the Config has no Engine
	manager *ginsession.Manager
	log     *logBook
	clock   *handClock
}

// webSetup is what newWebSite makes a site of. The zero value is a site without pages.
type webSetup struct {
	ginsession.Config                      // Engine, Logger and Clock are filled in
	HTTP1             bool                 // not HTTP/2
	Before, After     []gin.HandlerFunc    // the middleware around ours
	Routes            func(r *gin.Engine)  // the pages
	Configure         func(r *gin.Engine)  // runs first
	Server            func(s *http.Server) // runs before the server starts
}

// newWebSite starts a site, which is closed when the test ends.
func newWebSite(t *testing.T, setup webSetup) *webSite {
	t.Helper()
	site := &webSite{t: t, store: newSpyStore(), log: &logBook{}, clock: newHandClock()}
	cfg := setup.Config
	if cfg.Engine == nil {
		cfg.Engine = ginsession.Custom(site.store)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(site.log, nil))
	}
	if cfg.Clock == nil {
		cfg.Clock = site.clock.Now
	}
	var err error
	if site.manager, err = ginsession.NewManager(cfg); err != nil {
		t.Fatal(err)
	}
	r := newWebRouter()
	if setup.Configure != nil {
		setup.Configure(r)
	}
	r.Use(setup.Before...)
	r.Use(site.manager.Handler())
	r.Use(setup.After...)
	addWebPages(r)
	if setup.Routes != nil {
		setup.Routes(r)
	}
	site.Server = httptest.NewUnstartedServer(r)
	site.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(site.log, nil), slog.LevelError)
	site.EnableHTTP2 = !setup.HTTP1
	if setup.Server != nil {
		setup.Server(site.Config)
	}
	site.StartTLS()
	t.Cleanup(site.Close)
	return site
}

// newWebRouter returns a gin.Engine that is quiet about its routes.
func newWebRouter() *gin.Engine {
	gin.SetMode(gin.TestMode)
	return gin.New()
}

// addWebPages adds the pages that most tests need.
func addWebPages(r *gin.Engine) {
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

// A webVisitor is a browser: it keeps the cookies of the site.
type webVisitor struct {
	site    *webSite
	client  *http.Client
	cookies string // sent as it is, where there is no jar
}

// visitor returns a new browser.
func (site *webSite) visitor() *webVisitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		site.t.Fatal(err)
	}
	client := *site.Client()
	client.Jar = jar
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &webVisitor{site: site, client: &client}
}

// A webReply is a response that has been read.
type webReply struct {
	*http.Response
	Text string
}

// cookie returns the session cookie that the response sets, or nil. That it sets several is
// an error of the site.
func (r *webReply) cookie(t *testing.T) *http.Cookie {
	t.Helper()
	var found *http.Cookie
	for _, c := range r.Cookies() {
		if c.Name != "sessionid" {
			continue
		}
		if found != nil {
			t.Errorf("two session cookies: %q", r.Header["Set-Cookie"])
		}
		found = c
	}
	return found
}

// webHeader is a header of a request.
type webHeader struct{ name, value string }

// send makes a request and reads the response, which must come.
func (v *webVisitor) send(method, path string, headers ...webHeader) *webReply {
	v.site.t.Helper()
	reply, err := v.try(v.site.t.Context(), method, path, headers...)
	if err != nil {
		v.site.t.Fatal(err)
	}
	return reply
}

// try makes a request and reads the response.
func (v *webVisitor) try(ctx context.Context, method, path string, headers ...webHeader) (*webReply, error) {
	req, err := http.NewRequestWithContext(ctx, method, v.site.URL+path, nil)
	if err != nil {
		return nil, err
	}
	if v.cookies != "" {
		req.Header.Set("Cookie", v.cookies)
	}
	for _, h := range headers {
		req.Header.Add(h.name, h.value)
	}
	resp, err := v.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return &webReply{resp, string(body)}, err
}

func (v *webVisitor) get(path string, headers ...webHeader) *webReply {
	v.site.t.Helper()
	return v.send(http.MethodGet, path, headers...)
}

func (v *webVisitor) post(path string, headers ...webHeader) *webReply {
	v.site.t.Helper()
	return v.send(http.MethodPost, path, headers...)
}

// key returns the value of the visitor's session cookie, or "".
func (v *webVisitor) key() string {
	v.site.t.Helper()
	site, err := url.Parse(v.site.URL)
	if err != nil {
		v.site.t.Fatal(err)
	}
	for _, c := range v.client.Jar.Cookies(site) {
		if c.Name == "sessionid" {
			return c.Value
		}
	}
	return ""
}

// as returns a client that sends this Cookie header and keeps nothing.
func (site *webSite) as(cookies string) *webVisitor {
	v := site.visitor()
	v.client.Jar = nil
	v.cookies = cookies
	return v
}

// calls returns the store's operations since it was last called.
func (site *webSite) calls() string { return strings.Join(site.store.taken(), " ") }

// failOn makes operations of a store fail from now on; none ends that.
func failOn(s *spyStore, err error, operations ...string) {
	s.setBefore(func(operation string) error {
		if slices.Contains(operations, operation) {
			return err
		}
		return nil
	})
}

// data returns the text of every record, joined.
func (site *webSite) data() string {
	var all []string
	for _, key := range site.store.keys() {
		all = append(all, site.store.text(key))
	}
	return strings.Join(all, " ")
}

// record returns the text of the only record.
func (site *webSite) record() string {
	site.t.Helper()
	keys := site.store.keys()
	if len(keys) != 1 {
		site.t.Fatalf("%d records, want one", len(keys))
	}
	return site.store.text(keys[0])
}
