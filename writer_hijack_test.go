package ginsession_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// dialSite opens a connection of its own to the site, closed when the test ends.
func dialSite(t *testing.T, site *testsite.Site) *tls.Conn {
	t.Helper()
	config := site.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.NextProtos, config.ServerName = nil, "example.com"
	conn, err := tls.Dial("tcp", site.Listener.Addr().String(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// upgrade asks for another protocol and returns the handshake's answer and the connection.
func upgrade(t *testing.T, site *testsite.Site, path, cookie string) (*http.Response, *bufio.ReadWriter) {
	t.Helper()
	conn := dialSite(t, site)
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\nCookie: sessionid=%s\r\n\r\n", path, cookie)
	rw := bufio.NewReadWriter(bufio.NewReader(conn), bufio.NewWriter(conn))
	resp, err := http.ReadResponse(rw.Reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp, rw
}

// echo is the protocol after an upgrade: a line comes back, once.
func echo(conn net.Conn, rw *bufio.ReadWriter) {
	line, _ := rw.ReadString('\n')
	_, _ = rw.WriteString(line)
	_ = rw.Flush()
	_ = conn.Close()
}

// Changes made before a Hijack are saved by it. A new session is created only if the handler
// saves it and sends the cookie itself. Later changes are saved at the end of the request.
func TestWriterHijack(t *testing.T) {
	signed := ginsession.Config{Engine: ginsession.SignedCookies(), SecretKey: "secret"}
	// shake takes the connection over, as most websocket libraries do.
	shake := func(c *gin.Context, cookie *http.Cookie) (net.Conn, *bufio.ReadWriter) {
		conn, rw, err := c.Writer.Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n")
		if cookie != nil {
			_, _ = rw.WriteString("Set-Cookie: " + cookie.String() + "\r\n")
		}
		_, _ = rw.WriteString("\r\n")
		_ = rw.Flush()
		return conn, rw
	}
	for _, tt := range []struct {
		name    string
		cfg     ginsession.Config
		fresh   bool
		handler func(c *gin.Context, s *ginsession.Session, m *ginsession.Manager)
		calls   string
		cookie  bool
		logged  bool
		reads   string
	}{
		{name: "untouched", handler: func(c *gin.Context, s *ginsession.Session, _ *ginsession.Manager) {
			echo(shake(c, nil))
		}, reads: "before"},
		{name: "changed before", handler: func(c *gin.Context, s *ginsession.Session, _ *ginsession.Manager) {
			s.Set("v", "changed")
			echo(shake(c, nil))
		}, calls: "Load Update", reads: "changed"},
		{name: "changed after", handler: func(c *gin.Context, s *ginsession.Session, _ *ginsession.Manager) {
			conn, rw := shake(c, nil)
			s.Set("v", "changed")
			echo(conn, rw)
		}, calls: "Load Update", reads: "changed"},
		{name: "new", fresh: true, handler: func(c *gin.Context, s *ginsession.Session, _ *ginsession.Manager) {
			s.Set("v", "lost")
			echo(shake(c, nil))
		}, logged: true},
		{name: "new, saved and sent by the handler", fresh: true, handler: func(c *gin.Context, s *ginsession.Session, m *ginsession.Manager) {
			s.Set("v", "begun")
			if err := s.Save(); err != nil {
				panic(err)
			}
			conn, rw := shake(c, m.Cookie(s))
			s.Set("v", "changed")
			echo(conn, rw)
		}, calls: "Create Update", cookie: true, reads: "changed"},
		{name: "101 written before the Hijack", fresh: true, handler: func(c *gin.Context, s *ginsession.Session, _ *ginsession.Manager) {
			s.Set("v", "begun") // as coder/websocket does it: the headers go out the ordinary way
			c.Header("Connection", "Upgrade")
			c.Header("Upgrade", "echo")
			c.Writer.WriteHeader(http.StatusSwitchingProtocols)
			c.Writer.WriteHeaderNow()
			conn, rw, err := http.NewResponseController(c.Writer).Hijack()
			if err != nil {
				panic(err)
			}
			echo(conn, rw)
		}, calls: "Create", cookie: true, reads: "begun"},
		{name: "signed cookies, changed before", cfg: signed, handler: func(c *gin.Context, s *ginsession.Session, _ *ginsession.Manager) {
			s.Set("v", "lost")
			echo(shake(c, nil))
		}, logged: true, reads: "before"},
		{name: "signed cookies, sent by the handler", cfg: signed, handler: func(c *gin.Context, s *ginsession.Session, m *ginsession.Manager) {
			s.Set("v", "changed")
			if err := s.Save(); err != nil {
				panic(err)
			}
			echo(shake(c, m.Cookie(s)))
		}, cookie: true, reads: "changed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			done := make(chan struct{}, 1)
			var manager *ginsession.Manager
			site := testsite.New(t, testsite.Setup{HTTP1: true, Config: tt.cfg,
				Before: []gin.HandlerFunc{func(c *gin.Context) {
					c.Next()
					if c.FullPath() == "/upgrade" {
						done <- struct{}{}
					}
				}},
				Routes: func(r *gin.Engine) {
					r.GET("/upgrade", func(c *gin.Context) { tt.handler(c, ginsession.Get(c), manager) })
				}})
			manager = site.Manager
			v := site.Visitor()
			key := ""
			if !tt.fresh {
				v.Get("/w/set?v=before")
				key = v.Key()
			}
			site.Calls()
			resp, rw := upgrade(t, site, "/upgrade", key)
			if resp.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("answer %s", resp.Status)
			}
			_, _ = rw.WriteString("hello\n")
			_ = rw.Flush()
			if line, err := rw.ReadString('\n'); line != "hello\n" {
				t.Errorf("echo: %q, %v", line, err)
			}
			<-done
			if calls := site.Calls(); calls != tt.calls {
				t.Errorf("store calls %q, want %q", calls, tt.calls)
			}
			cookies := resp.Cookies()
			if (len(cookies) == 1) != tt.cookie {
				t.Fatalf("cookies %q", resp.Header["Set-Cookie"])
			}
			if tt.cookie {
				key = cookies[0].Value
			}
			if logged := strings.Contains(site.Log.String(), ginsession.ErrHeadersWritten.Error()); logged != tt.logged {
				t.Errorf("logged %q", site.Log)
			}
			if got := site.As("sessionid=" + key).Get("/w/get").Text; got != "v="+tt.reads {
				t.Errorf("the next request reads %q, want %q", got, tt.reads)
			}
		})
	}
}

// A failed save at the Hijack leaves the connection with the server, which answers.
func TestWriterHijackFails(t *testing.T) {
	site := testsite.New(t, testsite.Setup{HTTP1: true, Routes: func(r *gin.Engine) {
		r.GET("/upgrade", func(c *gin.Context) {
			ginsession.Get(c).Set("v", 2)
			if conn, rw, err := c.Writer.Hijack(); conn != nil || rw != nil || !errors.Is(err, ginsession.ErrUnavailable) {
				t.Errorf("Hijack: %v, %v, %v", conn, rw, err)
			}
		})
	}})
	v := site.Visitor()
	v.Get("/w/set?v=1")
	site.Store.FailOn(errStore, "Update")
	if resp, _ := upgrade(t, site, "/upgrade", v.Key()); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("answer %s", resp.Status)
	}
}
