package websocket_test

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/gorilla/websocket"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// A site has the chat of one of the recipes at /chat.
type site struct {
	*ginsession.Manager
	store *testsite.Store
	log   *testsite.Log // of the manager, gin and net/http
	url   *url.URL
	ended chan struct{} // gets a value whenever a chat's handler has returned
}

// forEachLibrary runs f as a subtest for each recipe.
func forEachLibrary(t *testing.T, f func(t *testing.T, s *site)) {
	t.Helper()
	t.Run("gorilla", func(t *testing.T) {
		f(t, newSite(t, func(r *gin.Engine, m *ginsession.Manager) { withGorilla(r, m, &websocket.Upgrader{}) }))
	})
	t.Run("coder", func(t *testing.T) {
		f(t, newSite(t, func(r *gin.Engine, _ *ginsession.Manager) { withCoder(r) }))
	})
}

func newSite(t *testing.T, addChat func(*gin.Engine, *ginsession.Manager)) *site {
	t.Helper()
	s := &site{store: testsite.NewStore(), log: &testsite.Log{}, ended: make(chan struct{}, 1)}
	var err error
	s.Manager, err = ginsession.NewManager(ginsession.Config{
		Engine: ginsession.Custom(s.store), Clock: testsite.NewClock().Now, Logger: s.log.Logger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	gin.SetMode(gin.TestMode)
	r := gin.New()
	r.Use(func(c *gin.Context) {
		c.Next()
		if c.FullPath() == "/chat" {
			s.ended <- struct{}{}
		}
	}, gin.RecoveryWithWriter(s.log), s.Handler())
	addChat(r, s.Manager)
	r.POST("/name", func(c *gin.Context) { ginsession.Get(c).Set("name", c.Query("name")) })
	r.POST("/signout", func(c *gin.Context) { _ = ginsession.Get(c).Flush() })
	r.GET("/said", func(c *gin.Context) {
		session := ginsession.Get(c)
		c.String(http.StatusOK, "%v %v", session.Get("channel"), session.Get("said"))
	})
	server := httptest.NewUnstartedServer(r)
	server.Config.ErrorLog = log.New(s.log, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	if s.url, err = url.Parse(server.URL); err != nil {
		t.Fatal(err)
	}
	return s
}

// A visitor is a browser: its cookies go along with pages and with websockets.
type visitor struct {
	t    *testing.T
	site *site
	http.Client
}

func (s *site) visitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t, s, http.Client{Jar: jar}}
}

func (v *visitor) do(method, path string) string {
	v.t.Helper()
	request, err := http.NewRequestWithContext(v.t.Context(), method, v.site.url.String()+path, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	response, err := v.Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return string(text)
}

// dial opens the chat.
func (v *visitor) dial(header http.Header) (*websocket.Conn, *http.Response, error) {
	dialer := websocket.Dialer{Jar: v.Jar}
	return dialer.DialContext(v.t.Context(), "ws://"+v.site.url.Host+"/chat?channel=tea", header)
}

func (v *visitor) chat() *websocket.Conn {
	v.t.Helper()
	conn, _, err := v.dial(nil)
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (v *visitor) say(conn *websocket.Conn, text, want string) {
	v.t.Helper()
	if err := conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		v.t.Fatal(err)
	}
	if _, answer, err := conn.ReadMessage(); err != nil || string(answer) != want {
		v.t.Fatalf("the answer to %q is %q (%v), want %q", text, answer, err, want)
	}
}

// A visitor without a session gets one in the handshake. The loop sees what other requests change, and they see
// what it changes.
func TestNewVisitor(t *testing.T) {
	forEachLibrary(t, func(t *testing.T, s *site) {
		v := s.visitor(t)
		conn := v.chat()
		if cookies := v.Jar.Cookies(s.url); len(cookies) != 1 || cookies[0].Name != testsite.CookieName {
			t.Fatalf("the handshake brought %v, want a session cookie", cookies)
		}
		v.say(conn, "hello", "somebody said hello")
		if got := v.do(http.MethodGet, "/said"); got != "tea hello" {
			t.Errorf("another request sees %q", got)
		}
		v.do(http.MethodPost, "/name?name=ada")
		v.say(conn, "again", "ada said again")
		if got := v.do(http.MethodGet, "/said"); got != "tea again" {
			t.Errorf("another request sees %q", got)
		}
		if n := len(s.store.Keys()); n != 1 {
			t.Errorf("there are %d sessions, want 1", n)
		}
		_ = conn.Close()
		<-s.ended
		if text := s.log.All(); text != "" {
			t.Errorf("the log has %s", text)
		}
	})
}

// Who has signed out meanwhile is not served any more, and the session is not revived.
func TestSignedOut(t *testing.T) {
	forEachLibrary(t, func(t *testing.T, s *site) {
		v := s.visitor(t)
		conn := v.chat()
		v.say(conn, "hello", "somebody said hello")
		v.do(http.MethodPost, "/signout")
		if err := conn.WriteMessage(websocket.TextMessage, []byte("still there?")); err != nil {
			t.Fatal(err)
		}
		if _, answer, err := conn.ReadMessage(); err == nil {
			t.Errorf("who has signed out gets the answer %q", answer)
		}
		<-s.ended
		if keys := s.store.Keys(); len(keys) > 0 {
			t.Errorf("the session was revived: %d are stored", len(keys))
		}
		if text := s.log.All(); strings.Contains(text, "hijacked") || strings.Contains(text, "panic") {
			t.Errorf("the log has %s", text)
		}
	})
}

// A session that cannot be saved is answered with an ordinary page, and there is no websocket.
func TestStoreDown(t *testing.T) {
	forEachLibrary(t, func(t *testing.T, s *site) {
		s.store.FailOn(errors.New("down"), "Create")
		_, response, err := s.visitor(t).dial(nil)
		if !errors.Is(err, websocket.ErrBadHandshake) || response.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("the handshake: %v, %v", response, err)
		}
		defer response.Body.Close()
		if len(response.Cookies()) > 0 || slices.Contains(response.Header.Values("Upgrade"), "websocket") {
			t.Errorf("the headers are %v", response.Header)
		}
		<-s.ended
	})
}

// Both libraries refuse a page of another site unless they are told not to.
func TestOtherSite(t *testing.T) {
	forEachLibrary(t, func(t *testing.T, s *site) {
		_, response, err := s.visitor(t).dial(http.Header{"Origin": {"https://evil.example"}})
		if !errors.Is(err, websocket.ErrBadHandshake) || response.StatusCode != http.StatusForbidden {
			t.Fatalf("the handshake: %v, %v", response, err)
		}
		defer response.Body.Close()
		<-s.ended
	})
}
