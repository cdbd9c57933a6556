package enginetest

import (
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// An engineTest is one subtest: a site of two nodes over one engine, and its clock. Its methods
// and its visitors' report what is wrong and go on, so that any goroutine may use them.
type engineTest struct {
	*testing.T
	engine ginsession.Engine
	clock  *atomic.Int64 // nanoseconds since the beginning
	nodes  [2]*node
}

// data is what is in a session.
type data = map[string]any

func newEngineTest(t *testing.T, engine ginsession.Engine) *engineTest {
	t.Helper()
	return (&engineTest{T: t, engine: engine, clock: &atomic.Int64{}}).with(func(*ginsession.Config) {})
}

// with returns the test with another site, which has other settings.
func (t *engineTest) with(change func(*ginsession.Config)) *engineTest {
	t.Helper()
	other := &engineTest{T: t.T, engine: t.engine, clock: t.clock}
	cfg := ginsession.Config{
		Engine:    t.engine,
		SecretKey: "the secret key of package enginetest's site",
		Clock:     other.now,
		Logger:    slog.New(slog.DiscardHandler),
	}
	change(&cfg)
	for i := range other.nodes {
		other.nodes[i] = newNode(t.T, cfg)
	}
	return other
}

func (t *engineTest) now() time.Time { return at(0).Add(time.Duration(t.clock.Load())) }

func (t *engineTest) advance(d time.Duration) { t.clock.Add(int64(d)) }

// A node is a server of the site. A request to it runs the function that it brings along.
type node struct {
	*ginsession.Manager
	server *httptest.Server
	visits sync.Map // of gin.HandlerFunc, by path
	count  atomic.Int64
}

func newNode(t *testing.T, cfg ginsession.Config) *node {
	t.Helper()
	manager, err := ginsession.NewManager(cfg)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{Manager: manager}
	r := gin.New()
	r.Use(manager.Handler())
	r.Any("/:visit", func(c *gin.Context) {
		handle, _ := n.visits.LoadAndDelete(c.Request.URL.Path)
		handle.(func(*gin.Context, *ginsession.Session))(c, ginsession.Get(c))
	})
	n.server = httptest.NewServer(r)
	t.Cleanup(n.server.Close)
	return n
}

// A visitor is a browser.
type visitor struct {
	t   *engineTest
	jar http.CookieJar
}

func (t *engineTest) visitor() *visitor {
	jar, _ := cookiejar.New(nil) // documented not to fail
	return &visitor{t, jar}
}

// visitorWith returns a visitor who brings a session cookie along.
func (t *engineTest) visitorWith(value string) *visitor {
	v := t.visitor()
	v.jar.SetCookies(v.site(), []*http.Cookie{{Name: cookieName, Value: value, Path: "/"}})
	return v
}

const cookieName = "sessionid"

// site is the address for which the jar keeps cookies: the nodes differ in their ports only.
func (v *visitor) site() *url.URL { return &url.URL{Scheme: "http", Host: "127.0.0.1", Path: "/"} }

// cookie returns the value of the visitor's session cookie, or "".
func (v *visitor) cookie() string {
	for _, c := range v.jar.Cookies(v.site()) {
		if c.Name == cookieName {
			return c.Value
		}
	}
	return ""
}

// A reply is what came back.
type reply struct {
	status int
	cookie *http.Cookie // the session cookie that was set or deleted, or nil
}

// visits makes a POST to the first node.
func (v *visitor) visits(handle func(*ginsession.Session)) reply {
	v.t.Helper()
	r := v.request(0, http.MethodPost, func(_ *gin.Context, s *ginsession.Session) { handle(s) })
	if r.status != http.StatusOK {
		v.t.Errorf("a request was answered with the status %d; want 200", r.status)
	}
	return r
}

func (v *visitor) request(node int, method string, handle func(*gin.Context, *ginsession.Session)) reply {
	v.t.Helper()
	n := v.t.nodes[node]
	path := "/" + strconv.FormatInt(n.count.Add(1), 10)
	n.visits.Store(path, handle)
	request, err := http.NewRequestWithContext(v.t.Context(), method, n.server.URL+path, nil)
	if err != nil {
		v.t.Errorf("%v", err)
		return reply{}
	}
	client := &http.Client{Transport: n.server.Client().Transport, Jar: v.jar}
	response, err := client.Do(request)
	if err != nil {
		v.t.Errorf("a request failed: %v", err)
		return reply{}
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	r := reply{status: response.StatusCode}
	for _, c := range response.Cookies() {
		if c.Name == cookieName {
			r.cookie = c
		}
	}
	return r
}

// reads returns what is in the session.
func (v *visitor) reads(node int) data {
	v.t.Helper()
	var items data
	v.request(node, http.MethodGet, func(_ *gin.Context, s *ginsession.Session) {
		items = s.Items()
		if err := s.Err(); err != nil {
			v.t.Errorf("reading the session: %v", err)
		}
	}).wantCookie(v.t, false, "of a request that read a session")
	return items
}

// want reads the session on both nodes.
func (v *visitor) want(want data, when string) {
	v.t.Helper()
	for node := range v.t.nodes {
		got := v.reads(node)
		maps.DeleteFunc(got, func(key string, _ any) bool { return strings.HasPrefix(key, "_session_") })
		if !reflect.DeepEqual(got, want) {
			v.t.Errorf("the session %s, at node %d, is %.300v; want %.300v", when, node, got, want)
		}
	}
}

// wantValue wants this under the key "a".
func (v *visitor) wantValue(want any, when string) {
	v.t.Helper()
	v.want(data{"a": want}, when)
}

func (r reply) wantCookie(t *engineTest, want bool, which string) {
	t.Helper()
	if got := r.cookie != nil; got != want {
		t.Errorf("the reply %s sets a cookie: %v; want %v", which, got, want)
	}
}
