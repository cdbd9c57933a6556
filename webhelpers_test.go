package ginsession_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// Helpers of the tests that go through a web server: a store that lists its calls, a site, and
// a visitor with a browser's cookie jar.

// A webStore is a store in memory that lists what it is asked for, and can be made to fail.
type webStore struct {
	mu      sync.Mutex
	records map[string]ginsession.Record
	calls   []string

	// before, where set, runs ahead of each call, without a lock; its error is the call's.
	before func(ctx context.Context, call string) error

	// after, where set, may replace the error of a call that has been carried out.
	after func(call string, err error) error
}

// do carries out one call.
func (s *webStore) do(ctx context.Context, call string, f func() error) error {
	s.mu.Lock()
	s.calls = append(s.calls, call)
	before, after := s.before, s.after
	s.mu.Unlock()
	if before != nil {
		if err := before(ctx, call); err != nil {
			return err
		}
	}
	s.mu.Lock()
	if s.records == nil {
		s.records = map[string]ginsession.Record{}
	}
	err := f()
	s.mu.Unlock()
	if after != nil {
		err = after(call, err)
	}
	return err
}

// live returns the record that is good at now.
func (s *webStore) live(key string, now time.Time) (ginsession.Record, error) {
	r, ok := s.records[key]
	if !ok || !r.Expires.After(now) {
		return ginsession.Record{}, ginsession.ErrNotFound
	}
	return r, nil
}

func (s *webStore) Load(ctx context.Context, key string, now time.Time) (r ginsession.Record, err error) {
	err = s.do(ctx, "Load", func() (err error) {
		r, err = s.live(key, now)
		return err
	})
	return r, err
}

func (s *webStore) Create(ctx context.Context, key string, r ginsession.Record, now time.Time) error {
	return s.do(ctx, "Create", func() error {
		if _, err := s.live(key, now); err == nil {
			return ginsession.ErrExists
		}
		s.records[key] = r
		return nil
	})
}

func (s *webStore) Update(ctx context.Context, key string, _ ginsession.Record, now time.Time, f ginsession.Mutate) (r ginsession.Record, err error) {
	err = s.do(ctx, "Update", func() (err error) {
		r, err = s.change(key, key, now, f)
		return err
	})
	return r, err
}

func (s *webStore) Replace(ctx context.Context, oldKey, newKey string, _ ginsession.Record, now time.Time, f ginsession.Mutate) (r ginsession.Record, err error) {
	err = s.do(ctx, "Replace", func() (err error) {
		r, err = s.change(oldKey, newKey, now, f)
		return err
	})
	return r, err
}

func (s *webStore) change(oldKey, newKey string, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	current, err := s.live(oldKey, now)
	if err != nil {
		return ginsession.Record{}, err
	}
	next, err := f(current)
	if err != nil {
		return ginsession.Record{}, err
	}
	delete(s.records, oldKey)
	s.records[newKey] = next
	return next, nil
}

func (s *webStore) Touch(ctx context.Context, key string, expires, now time.Time) error {
	return s.do(ctx, "Touch", func() error {
		r, err := s.live(key, now)
		if err != nil {
			return err
		}
		r.Expires = expires
		s.records[key] = r
		return nil
	})
}

func (s *webStore) Delete(ctx context.Context, key string) error {
	return s.do(ctx, "Delete", func() error {
		delete(s.records, key)
		return nil
	})
}

func (s *webStore) ClearExpired(ctx context.Context, now time.Time, o ginsession.ClearOptions) (removed int64, err error) {
	err = s.do(ctx, "ClearExpired", func() error {
		removed, err = o.InBatches(ctx, func(limit int) (n int64, _ error) {
			for _, key := range slices.Sorted(maps.Keys(s.records)) {
				if n < int64(limit) && s.records[key].Expires.Before(now) {
					delete(s.records, key)
					n++
				}
			}
			return n, nil
		})
		return err
	})
	return removed, err
}

// taken returns the calls since the last time, and forgets them.
func (s *webStore) taken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := strings.Join(s.calls, " ")
	s.calls = nil
	return calls
}

// failOn makes the calls that are listed fail from now on; none ends that.
func (s *webStore) failOn(err error, calls ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = func(_ context.Context, call string) error {
		if slices.Contains(calls, call) {
			return err
		}
		return nil
	}
}

// keys lists what is stored, as the store knows it.
func (s *webStore) keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.records))
}

// data returns the data of every record, joined.
func (s *webStore) data() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, key := range slices.Sorted(maps.Keys(s.records)) {
		all = append(all, string(s.records[key].Data))
	}
	return strings.Join(all, " ")
}

// setData replaces the data of every record.
func (s *webStore) setData(data string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, r := range s.records {
		s.records[key] = ginsession.Record{Data: []byte(data), Expires: r.Expires}
	}
}

// A webLog collects what is written to it, from any goroutine.
type webLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *webLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *webLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A webClock stands still until it is moved.
type webClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *webClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *webClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A webSite is a site with sessions behind a TLS server.
type webSite struct {
	*httptest.Server
	t       *testing.T
	store   *webStore // where the Config had no Engine
	manager *ginsession.Manager
	log     *webLog
	clock   *webClock
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
	site := &webSite{t: t, store: &webStore{}, log: &webLog{}, clock: &webClock{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}}
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

// record returns the only record that the site stores.
func (site *webSite) record() string {
	site.t.Helper()
	if keys := site.store.keys(); len(keys) != 1 {
		site.t.Fatalf("%d records, want one", len(keys))
	}
	return site.store.data()
}
