package enginetest

import (
	"maps"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// An engineTest is one subtest: a site of two nodes over one engine, and its clock. Its methods
// and its visitors' report what is wrong and go on, so that any goroutine may use them.
type engineTest struct {
	*testing.T
	engine ginsession.Engine
	clock  *testsite.Clock
	nodes  [2]*testsite.Site
}

// data is what is in a session.
type data = map[string]any

func newEngineTest(t *testing.T, engine ginsession.Engine) *engineTest {
	t.Helper()
	clock := testsite.NewClock()
	clock.Advance(at(0).Sub(clock.Now()))
	return (&engineTest{T: t, engine: engine, clock: clock}).with(func(*ginsession.Config) {})
}

// with returns the test with another site, which has other settings.
func (t *engineTest) with(change func(*ginsession.Config)) *engineTest {
	t.Helper()
	other := &engineTest{T: t.T, engine: t.engine, clock: t.clock}
	cfg := ginsession.Config{
		Engine:    t.engine,
		SecretKey: "the secret key of package enginetest's site",
		Clock:     t.now,
	}
	change(&cfg)
	for i := range other.nodes {
		other.nodes[i] = testsite.New(t.T, testsite.Setup{Config: cfg, HTTP1: true})
	}
	return other
}

func (t *engineTest) now() time.Time { return t.clock.Now() }

func (t *engineTest) advance(d time.Duration) { t.clock.Advance(d) }

// A visitor is a browser: one, at each of the nodes.
type visitor struct {
	t  *engineTest
	at [2]*testsite.Visitor
}

func (t *engineTest) visitor() *visitor {
	v := &visitor{t: t}
	for i, n := range t.nodes {
		v.at[i] = n.Visitor()
	}
	v.at[1].Client.Jar = v.at[0].Client.Jar // the nodes differ in their ports only, which cookies ignore
	return v
}

// visitorWith returns a visitor who brings a session cookie along.
func (t *engineTest) visitorWith(value string) *visitor {
	v := t.visitor()
	v.at[0].SetKey(value)
	return v
}

// cookie returns the value of the visitor's session cookie, or "".
func (v *visitor) cookie() string { return v.at[0].Key() }

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
	path := v.t.nodes[node].Page(func(c *gin.Context) { handle(c, ginsession.Get(c)) })
	r, err := v.at[node].Try(v.t.Context(), method, path)
	if err != nil {
		v.t.Errorf("a request failed: %v", err)
		return reply{}
	}
	return reply{r.StatusCode, r.SessionCookie()}
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
