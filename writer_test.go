package ginsession_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gin-contrib/gzip"
	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// A wayToAnswer is a handler and what its response is without a session.
type wayToAnswer struct {
	name    string
	method  string // GET
	header  webHeader
	handler func(c *gin.Context)
	status  int // 200
	body    string
	want    webHeader // a header of the response
}

// longText is long enough for every buffer on the way to be flushed.
var longText = strings.Repeat("All work and no play makes Jack a dull boy.\n", 4000)

// waysToAnswer lists every way in which a handler can answer an ordinary request.
func waysToAnswer(t *testing.T) []wayToAnswer {
	t.Helper()
	file := filepath.Join(t.TempDir(), "page.txt")
	if err := os.WriteFile(file, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []wayToAnswer{
		{name: "nothing at all", handler: func(*gin.Context) {}},
		{name: "JSON", handler: func(c *gin.Context) { c.JSON(http.StatusCreated, gin.H{"a": 1}) },
			status: 201, body: `{"a":1}`, want: webHeader{"Content-Type", "application/json; charset=utf-8"}},
		{name: "text", handler: func(c *gin.Context) { c.String(http.StatusOK, "text") }, body: "text"},
		{name: "long text", handler: func(c *gin.Context) { c.String(http.StatusOK, longText) }, body: longText},
		{name: "HTML template", handler: func(c *gin.Context) { c.HTML(http.StatusOK, "page", gin.H{"Name": "<Ann>"}) },
			body: "<p>&lt;Ann&gt;</p>", want: webHeader{"Content-Type", "text/html; charset=utf-8"}},
		{name: "redirect", handler: func(c *gin.Context) { c.Redirect(http.StatusFound, "/elsewhere") },
			status: 302, body: "<a href=\"/elsewhere\">Found</a>.\n\n", want: webHeader{"Location", "/elsewhere"}},
		{name: "redirect after POST", method: http.MethodPost, handler: func(c *gin.Context) { c.Redirect(http.StatusSeeOther, "/elsewhere") },
			status: 303, want: webHeader{"Location", "/elsewhere"}},
		{name: "status alone", method: http.MethodPost, handler: func(c *gin.Context) { c.Status(http.StatusAccepted) }, status: 202},
		{name: "204", method: http.MethodPost, handler: func(c *gin.Context) { c.Status(http.StatusNoContent) }, status: 204},
		{name: "204 at once", method: http.MethodPost, handler: func(c *gin.Context) {
			c.Status(http.StatusNoContent)
			c.Writer.WriteHeaderNow()
		}, status: 204},
		{name: "304", handler: func(c *gin.Context) { c.JSON(http.StatusNotModified, nil) }, status: 304},
		{name: "AbortWithStatus", handler: func(c *gin.Context) { c.AbortWithStatus(http.StatusForbidden) }, status: 403},
		{name: "Abort", handler: func(c *gin.Context) { c.Abort() }},
		{name: "AbortWithStatusJSON", handler: func(c *gin.Context) { c.AbortWithStatusJSON(http.StatusUnauthorized, gin.H{"a": 1}) },
			status: 401, body: `{"a":1}`},
		{name: "file", handler: func(c *gin.Context) { c.File(file) }, body: "0123456789", want: webHeader{"Accept-Ranges", "bytes"}},
		{name: "range of a file", header: webHeader{"Range", "bytes=2-4"}, handler: func(c *gin.Context) { c.File(file) },
			status: 206, body: "234", want: webHeader{"Content-Range", "bytes 2-4/10"}},
		{name: "ServeContent", handler: func(c *gin.Context) {
			http.ServeContent(c.Writer, c.Request, "a.txt", time.Time{}, strings.NewReader("content"))
		}, body: "content"},
		{name: "ServeContent, unsatisfiable range", header: webHeader{"Range", "bytes=90-"}, handler: func(c *gin.Context) {
			http.ServeContent(c.Writer, c.Request, "a.txt", time.Time{}, strings.NewReader("content"))
		}, status: 416, body: "invalid range: failed to overlap\n"},
		{name: "stream", handler: func(c *gin.Context) {
			n := 0
			c.Stream(func(w io.Writer) bool {
				n++
				_, _ = fmt.Fprint(w, n)
				return n < 3
			})
		}, body: "123"},
		{name: "server-sent events", handler: func(c *gin.Context) {
			c.SSEvent("message", "one")
			c.Writer.Flush()
			c.SSEvent("message", "two")
		}, body: "event:message\ndata:one\n\nevent:message\ndata:two\n\n", want: webHeader{"Content-Type", "text/event-stream;charset=utf-8"}},
		{name: "flush first", handler: func(c *gin.Context) {
			c.Status(http.StatusAccepted)
			c.Writer.Flush()
			_, _ = c.Writer.WriteString("later")
		}, status: 202, body: "later"},
		{name: "http.Flusher", handler: func(c *gin.Context) {
			_, _ = io.WriteString(c.Writer, "a")
			c.Writer.(http.Flusher).Flush()
			_, _ = c.Writer.Write([]byte("b"))
		}, body: "ab"},
		{name: "http.ResponseController", handler: func(c *gin.Context) {
			rc := http.NewResponseController(c.Writer)
			_ = rc.SetWriteDeadline(time.Now().Add(time.Minute))
			_, _ = c.Writer.WriteString("a")
			_ = rc.Flush()
		}, body: "a"},
		{name: "DataFromReader", handler: func(c *gin.Context) {
			c.DataFromReader(http.StatusOK, 4, "text/x-own", strings.NewReader("read"), nil)
		}, body: "read", want: webHeader{"Content-Type", "text/x-own"}},
		{name: "io.Copy", handler: func(c *gin.Context) { _, _ = io.Copy(c.Writer, strings.NewReader(longText)) }, body: longText},
		{name: "net/http handler", handler: gin.WrapH(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Own", "set")
			http.Error(w, "not here", http.StatusGone)
		})), status: 410, body: "not here\n", want: webHeader{"X-Own", "set"}},
		{name: "HEAD", method: http.MethodHead, handler: func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"a": 1}) },
			want: webHeader{"Content-Type", "application/json; charset=utf-8"}},
		{name: "HEAD of a file", method: http.MethodHead, handler: func(c *gin.Context) { c.File(file) }, want: webHeader{"Accept-Ranges", "bytes"}},
	}
}

// surroundings are the middlewares and protocols in which a handler may answer.
var surroundings = []struct {
	name          string
	http1         bool
	before, after []gin.HandlerFunc
}{
	{name: "HTTP1", http1: true},
	{name: "HTTP2"},
	{name: "gzip outside", before: []gin.HandlerFunc{gzip.Gzip(gzip.BestSpeed)}},
	{name: "gzip inside", after: []gin.HandlerFunc{gzip.Gzip(gzip.BestSpeed)}},
	{name: "gzip outside, HTTP1", http1: true, before: []gin.HandlerFunc{gzip.Gzip(gzip.BestSpeed)}},
	{name: "gzip inside, HTTP1", http1: true, after: []gin.HandlerFunc{gzip.Gzip(gzip.BestSpeed)}},
}

// However a handler answers, its response goes out as it is, with the session saved before it.
// Where the save fails, nothing of the response goes out.
func TestWriterWaysToAnswer(t *testing.T) {
	ways := waysToAnswer(t)
	for _, around := range surroundings {
		t.Run(around.name, func(t *testing.T) {
			t.Parallel()
			site := newWebSite(t, webSetup{HTTP1: around.http1, Before: around.before, After: around.after, Routes: func(r *gin.Engine) {
				r.SetHTMLTemplate(template.Must(template.New("page").Parse("<p>{{.Name}}</p>")))
				r.Any("/:way", func(c *gin.Context) {
					var way int
					_, _ = fmt.Sscan(c.Param("way"), &way)
					ginsession.Get(c).Set("v", way)
					ways[way].handler(c)
				})
			}})
			outside := strings.HasPrefix(around.name, "gzip outside")
			for i, way := range ways {
				t.Run(way.name, func(t *testing.T) { checkWay(t, site, i, way, outside) })
			}
		})
	}
}

// unavailableText is the body of the default answer to a store that fails.
const unavailableText = "Sessions are unavailable at the moment. Please try again.\n"

func checkWay(t *testing.T, site *webSite, i int, way wayToAnswer, gzipOutside bool) {
	v := site.visitor()
	send := func() *webReply {
		t.Helper()
		method := way.method
		if method == "" {
			method = http.MethodGet
		}
		site.calls()
		var headers []webHeader
		if way.header.name != "" {
			headers = append(headers, way.header)
		}
		return v.send(method, fmt.Sprintf("/%d", i), headers...)
	}
	for _, calls := range []string{"Create", "Load Update"} {
		reply := send()
		if reply.StatusCode != max(way.status, http.StatusOK) || reply.Text != way.body {
			t.Errorf("%s: answer %d %.80q, want %d %.80q", calls, reply.StatusCode, reply.Text, way.status, way.body)
		}
		if got := reply.Header.Get(way.want.name); got != way.want.value {
			t.Errorf("%s: %s is %q, want %q", calls, way.want.name, got, way.want.value)
		}
		if reply.cookie(t) == nil {
			t.Errorf("%s: no cookie", calls)
		}
		checkVary(t, reply, gzipOutside)
		if got := site.calls(); got != calls {
			t.Errorf("store calls %q, want %q", got, calls)
		}
	}

	failOn(site.store, errStore, "Update")
	defer failOn(site.store, nil)
	reply := send()
	if reply.StatusCode != http.StatusServiceUnavailable || way.method != http.MethodHead && reply.Text != unavailableText {
		t.Errorf("failed save: answer %d %.80q", reply.StatusCode, reply.Text)
	}
	if reply.cookie(t) != nil || reply.Header.Get("Cache-Control") != "no-store" || reply.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("failed save: headers %v", reply.Header)
	}
	for _, name := range []string{"Location", "ETag", "Last-Modified", "Content-Range", "Content-Disposition", "X-Accel-Buffering"} {
		if value := reply.Header.Get(name); value != "" {
			t.Errorf("failed save: %s is still %q", name, value)
		}
	}
	checkVary(t, reply, gzipOutside)
}

// checkVary wants a response to vary by cookie. gin-contrib/gzip in front of the sessions
// removes every Vary from an answer of 400 or more, which is out of our reach.
func checkVary(t *testing.T, reply *webReply, gzipOutside bool) {
	t.Helper()
	if gzipOutside && reply.StatusCode >= http.StatusBadRequest {
		return
	}
	if !strings.Contains(strings.Join(reply.Header["Vary"], ","), "Cookie") {
		t.Errorf("%d: Vary: %q", reply.StatusCode, reply.Header["Vary"])
	}
}

// The surroundings with gzip do compress: else their tests would prove nothing.
func TestWriterGzipCompresses(t *testing.T) {
	for _, around := range surroundings {
		site := newWebSite(t, webSetup{HTTP1: around.http1, Before: around.before, After: around.after, Routes: func(r *gin.Engine) {
			r.GET("/long", func(c *gin.Context) {
				ginsession.Get(c).Set("v", 1)
				c.String(http.StatusOK, longText)
			})
		}})
		reply := site.visitor().get("/long")
		if reply.Uncompressed != strings.HasPrefix(around.name, "gzip") || reply.Text != longText || reply.cookie(t) == nil {
			t.Errorf("%s: compressed %t, %d bytes", around.name, reply.Uncompressed, len(reply.Text))
		}
		if http1 := reply.ProtoMajor == 1; http1 != around.http1 {
			t.Errorf("%s: %s", around.name, reply.Proto)
		}
	}
}

// An ErrorHandler's answer is compressed by what is around the sessions, and said to be.
func TestWriterReplacementCompressed(t *testing.T) {
	cfg := ginsession.Config{ErrorHandler: func(c *gin.Context, _ error) { c.String(http.StatusOK, longText) }}
	for _, around := range surroundings {
		site := newWebSite(t, webSetup{HTTP1: around.http1, Config: cfg, Before: around.before, After: around.after, Routes: func(r *gin.Engine) {
			r.GET("/long", func(c *gin.Context) {
				ginsession.Get(c).Set("v", 1)
				c.String(http.StatusOK, strings.ToUpper(longText))
			})
		}})
		failOn(site.store, errStore, "Create")
		reply := site.visitor().get("/long")
		if reply.Text != longText || reply.Uncompressed != strings.HasPrefix(around.name, "gzip outside") {
			t.Errorf("%s: compressed %t, %.20q", around.name, reply.Uncompressed, reply.Text)
		}
	}
}

// Once the response has been replaced, every further write of the handler fails, and none of
// it reaches the client.
func TestWriterAfterFailure(t *testing.T) {
	for _, around := range surroundings {
		if strings.HasPrefix(around.name, "gzip inside") {
			continue // buffers the handler's writes
		}
		t.Run(around.name, func(t *testing.T) {
			t.Parallel()
			site := newWebSite(t, webSetup{HTTP1: around.http1, Before: around.before, Routes: func(r *gin.Engine) {
				r.POST("/", func(c *gin.Context) {
					ginsession.Get(c).Set("v", 1)
					w := c.Writer
					rc := http.NewResponseController(w)
					_, write := w.Write([]byte("Write"))
					_, writeString := w.WriteString("WriteString")
					_, viaIO := io.WriteString(w, "io.WriteString")
					_, _, hijack := w.Hijack()
					for name, err := range map[string]error{
						"Write": write, "WriteString": writeString, "io.WriteString": viaIO, "Flush": rc.Flush(), "Hijack": hijack,
					} {
						if !errors.Is(err, ginsession.ErrUnavailable) {
							t.Errorf("%s: %v", name, err)
						}
					}
					w.WriteHeader(http.StatusOK)
					w.WriteHeader(http.StatusEarlyHints)
					w.WriteHeaderNow()
					w.Flush()
					if w.Status() != http.StatusServiceUnavailable || !w.Written() {
						t.Errorf("status %d, written %t", w.Status(), w.Written())
					}
				})
			}})
			failOn(site.store, errStore, "Create")
			reply := site.visitor().post("/")
			if reply.StatusCode != http.StatusServiceUnavailable || reply.Text != unavailableText {
				t.Errorf("answer %d %q", reply.StatusCode, reply.Text)
			}
		})
	}
}

// Headers that a handler sets go out even where it sets them after an informational answer,
// which commits nothing.
func TestWriterInformational(t *testing.T) {
	hint := func(w http.ResponseWriter) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
	}
	for _, tt := range []struct {
		name    string
		handler func(c *gin.Context)
		status  int
		hints   int
	}{
		{"hint, then text", func(c *gin.Context) {
			hint(c.Writer)
			c.String(http.StatusCreated, "body")
		}, 201, 1},
		{"two hints, then text", func(c *gin.Context) {
			hint(c.Writer)
			hint(c.Writer)
			c.String(http.StatusCreated, "body")
		}, 201, 2},
		{"hint sent the way of gin, then text", func(c *gin.Context) {
			c.Header("Link", "</style.css>; rel=preload")
			c.Status(http.StatusEarlyHints)
			c.Writer.WriteHeaderNow()
			c.Status(http.StatusAccepted)
			_, _ = c.Writer.WriteString("body")
		}, 202, 1},
		{"hint, then a body without a status", func(c *gin.Context) {
			hint(c.Writer)
			_, _ = c.Writer.WriteString("body")
		}, 200, 1},
		{"hint, then nothing", func(c *gin.Context) { hint(c.Writer) }, 200, 1},
		{"hint of a net/http handler", gin.WrapF(func(w http.ResponseWriter, _ *http.Request) {
			hint(w)
			w.WriteHeader(http.StatusTeapot)
		}), 418, 1},
		{"hint, then a status alone", func(c *gin.Context) {
			hint(c.Writer)
			c.AbortWithStatus(http.StatusForbidden)
		}, 403, 1},
	} {
		for _, http1 := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, HTTP1 %t", tt.name, http1), func(t *testing.T) {
				t.Parallel()
				site := newWebSite(t, webSetup{HTTP1: http1, Routes: func(r *gin.Engine) {
					r.GET("/", func(c *gin.Context) {
						ginsession.Get(c).Set("v", 1)
						tt.handler(c)
					})
				}})
				hints := 0
				ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
					Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
						if hints++; code != http.StatusEarlyHints || header.Get("Link") == "" || header.Get("Set-Cookie") != "" {
							t.Errorf("informational answer %d %v", code, header)
						}
						return nil
					},
				})
				reply, err := site.visitor().try(ctx, http.MethodGet, "/")
				if err != nil {
					t.Fatal(err)
				}
				if reply.StatusCode != tt.status || hints != tt.hints || reply.cookie(t) == nil {
					t.Errorf("answer %d after %d hints, cookies %q", reply.StatusCode, hints, reply.Header["Set-Cookie"])
				}
				if calls := site.calls(); calls != "Create" {
					t.Errorf("store calls %q", calls)
				}
			})
		}
	}
}

// A save that fails after an informational answer still replaces the response.
func TestWriterInformationalThenFailure(t *testing.T) {
	site := newWebSite(t, webSetup{Routes: func(r *gin.Engine) {
		r.GET("/", func(c *gin.Context) {
			ginsession.Get(c).Set("v", 1)
			c.Writer.WriteHeader(http.StatusEarlyHints)
			c.String(http.StatusOK, "body")
		})
	}})
	failOn(site.store, errStore, "Create")
	if reply := site.visitor().get("/"); reply.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("answer %d %q", reply.StatusCode, reply.Text)
	}
}

// A client that expects 100 Continue gets it, from the server or from the handler.
func TestWriterContinue(t *testing.T) {
	for _, path := range []string{"/read", "/explicit"} {
		site := newWebSite(t, webSetup{HTTP1: true, Routes: func(r *gin.Engine) {
			r.POST("/:how", func(c *gin.Context) {
				ginsession.Get(c).Set("v", 1)
				if c.Param("how") == "explicit" {
					c.Writer.WriteHeader(http.StatusContinue)
				}
				body, _ := io.ReadAll(c.Request.Body)
				c.String(http.StatusOK, "%s", body)
			})
		}})
		conn := dialSite(t, site)
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n", path)
		r := bufio.NewReader(conn)
		if line, err := r.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
			t.Fatalf("%s: %q, %v", path, line, err)
		}
		fmt.Fprint(conn, "body")
		if line, err := r.ReadString('\n'); err != nil || line != "\r\n" {
			t.Fatalf("%s: %q, %v", path, line, err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if string(body) != "body" || err != nil || len(resp.Header["Set-Cookie"]) != 1 {
			t.Errorf("%s: %q, %v, %v", path, body, err, resp.Header)
		}
		if calls := site.calls(); calls != "Create" {
			t.Errorf("%s: store calls %q", path, calls)
		}
	}
}

// dialSite opens a connection of its own to the site, closed when the test ends.
func dialSite(t *testing.T, site *webSite) *tls.Conn {
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
func upgrade(t *testing.T, site *webSite, path, cookie string) (*http.Response, *bufio.ReadWriter) {
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

// What a session is changed to before a Hijack is saved with it; a new session is begun only
// where the handler saves it and sends the cookie itself; later changes are saved at the end.
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
			site := newWebSite(t, webSetup{HTTP1: true, Config: tt.cfg,
				Before: []gin.HandlerFunc{func(c *gin.Context) {
					c.Next()
					if c.FullPath() == "/upgrade" {
						done <- struct{}{}
					}
				}},
				Routes: func(r *gin.Engine) {
					r.GET("/upgrade", func(c *gin.Context) { tt.handler(c, ginsession.Get(c), manager) })
				}})
			manager = site.manager
			v := site.visitor()
			key := ""
			if !tt.fresh {
				v.get("/w/set?v=before")
				key = v.key()
			}
			site.calls()
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
			if calls := site.calls(); calls != tt.calls {
				t.Errorf("store calls %q, want %q", calls, tt.calls)
			}
			cookies := resp.Cookies()
			if (len(cookies) == 1) != tt.cookie {
				t.Fatalf("cookies %q", resp.Header["Set-Cookie"])
			}
			if tt.cookie {
				key = cookies[0].Value
			}
			if logged := strings.Contains(site.log.String(), ginsession.ErrHeadersWritten.Error()); logged != tt.logged {
				t.Errorf("logged %q", site.log)
			}
			if got := site.as("sessionid=" + key).get("/w/get").Text; got != "v="+tt.reads {
				t.Errorf("the next request reads %q, want %q", got, tt.reads)
			}
		})
	}
}

// A failed save at the Hijack leaves the connection with the server, which answers.
func TestWriterHijackFails(t *testing.T) {
	site := newWebSite(t, webSetup{HTTP1: true, Routes: func(r *gin.Engine) {
		r.GET("/upgrade", func(c *gin.Context) {
			ginsession.Get(c).Set("v", 2)
			if conn, rw, err := c.Writer.Hijack(); conn != nil || rw != nil || !errors.Is(err, ginsession.ErrUnavailable) {
				t.Errorf("Hijack: %v, %v, %v", conn, rw, err)
			}
		})
	}})
	v := site.visitor()
	v.get("/w/set?v=1")
	failOn(site.store, errStore, "Update")
	if resp, _ := upgrade(t, site, "/upgrade", v.key()); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("answer %s", resp.Status)
	}
}

// The writer offers what the writers beneath it do, and says so where they do not.
func TestWriterOffersWhatIsBeneath(t *testing.T) {
	for _, http1 := range []bool{true, false} {
		site := newWebSite(t, webSetup{HTTP1: http1, Routes: func(r *gin.Engine) {
			r.GET("/", func(c *gin.Context) {
				var w http.ResponseWriter = c.Writer
				rc := http.NewResponseController(w)
				for name, err := range map[string]error{
					"SetReadDeadline":  rc.SetReadDeadline(time.Now().Add(time.Minute)),
					"SetWriteDeadline": rc.SetWriteDeadline(time.Now().Add(time.Minute)),
					"EnableFullDuplex": rc.EnableFullDuplex(),
					"Flush":            rc.Flush(),
				} {
					if err != nil {
						t.Errorf("HTTP1 %t: %s: %v", http1, name, err)
					}
				}
				if _, ok := w.(io.StringWriter); !ok {
					t.Error("no io.StringWriter")
				}
				if _, ok := w.(http.Hijacker); !ok {
					t.Error("no http.Hijacker")
				}
				if c.Writer.CloseNotify() == nil {
					t.Error("no CloseNotify")
				}
				// Go's client refuses pushes, and HTTP/1.1 has none.
				if err := w.(http.Pusher).Push("/style.css", nil); !errors.Is(err, http.ErrNotSupported) {
					t.Errorf("HTTP1 %t: Push: %v", http1, err)
				}
				if (c.Writer.Pusher() == nil) != http1 {
					t.Errorf("HTTP1 %t: Pusher %v", http1, c.Writer.Pusher())
				}
			})
		}})
		site.visitor().get("/")
	}
}

// A reverse proxy behind the sessions passes on what it is told, hints first, with our cookie,
// or the answer to a failed save.
func TestWriterReverseProxy(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Set-Cookie", "upstream=1")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, longText)
	}))
	t.Cleanup(upstream.Close)
	target, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	site := newWebSite(t, webSetup{Before: []gin.HandlerFunc{gin.RecoveryWithWriter(nil)}, Routes: func(r *gin.Engine) {
		proxy := httputil.NewSingleHostReverseProxy(target)
		r.GET("/", func(c *gin.Context) { ginsession.Get(c).Set("v", 1) }, gin.WrapH(proxy))
	}})
	hints := 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(int, textproto.MIMEHeader) error {
			hints++
			return nil
		},
	})
	reply, err := site.visitor().try(ctx, http.MethodGet, "/")
	if err != nil {
		t.Fatal(err)
	}
	if reply.StatusCode != http.StatusCreated || reply.Text != longText || hints != 1 || reply.cookie(t) == nil || len(reply.Cookies()) != 2 {
		t.Errorf("answer %d, %d bytes, %d hints, cookies %q", reply.StatusCode, len(reply.Text), hints, reply.Header["Set-Cookie"])
	}
	failOn(site.store, errStore, "Create")
	if reply := site.visitor().get("/"); reply.StatusCode != http.StatusServiceUnavailable || reply.Text != unavailableText {
		t.Errorf("failed save: answer %d %.80q", reply.StatusCode, reply.Text)
	}
}

// A push goes to the pusher beneath.
func TestWriterPush(t *testing.T) {
	r := newWebRouter()
	r.Use(ginsession.New(ginsession.Config{Engine: ginsession.Custom(newSpyStore())}))
	r.GET("/", func(c *gin.Context) {
		if err := c.Writer.(http.Pusher).Push("/style.css", &http.PushOptions{Method: http.MethodGet}); err != nil {
			t.Errorf("Push: %v", err)
		}
	})
	w := &pushRecorder{ResponseRecorder: httptest.NewRecorder()}
	r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.pushed != "GET /style.css" {
		t.Errorf("pushed %q", w.pushed)
	}
}

type pushRecorder struct {
	*httptest.ResponseRecorder
	pushed string
}

func (w *pushRecorder) Push(target string, o *http.PushOptions) error {
	w.pushed = o.Method + " " + target
	return nil
}

// A deadline that the handler sets reaches the connection: a client that does not read is cut
// off, and the session was saved before that.
func TestWriterDeadline(t *testing.T) {
	failed := make(chan error, 1)
	site := newWebSite(t, webSetup{HTTP1: true, Routes: func(r *gin.Engine) {
		r.GET("/", func(c *gin.Context) {
			ginsession.Get(c).Set("v", 1)
			if err := http.NewResponseController(c.Writer).SetWriteDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
				t.Error(err)
			}
			for {
				if _, err := c.Writer.WriteString(longText); err != nil {
					failed <- err
					return
				}
			}
		})
	}})
	conn := dialSite(t, site)
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the write: %v", err)
	}
	if calls := site.calls(); calls != "Create" {
		t.Errorf("store calls %q", calls)
	}
}

// The first byte of a stream comes with the cookie, long before the handler is done.
func TestWriterStreamSendsCookieFirst(t *testing.T) {
	for _, http1 := range []bool{true, false} {
		goOn := make(chan struct{})
		site := newWebSite(t, webSetup{HTTP1: http1, Routes: func(r *gin.Engine) {
			r.GET("/", func(c *gin.Context) {
				ginsession.Get(c).Set("v", "streamed")
				c.SSEvent("message", "first")
				c.Writer.Flush()
				<-goOn
				c.SSEvent("message", "second")
			})
		}})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, site.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		v := site.visitor()
		resp, err := v.client.Do(req) // returns with the headers
		if err != nil {
			t.Fatal(err)
		}
		if got := v.get("/w/get").Text; got != "v=streamed" {
			t.Errorf("HTTP1 %t: while it streams: %q", http1, got)
		}
		close(goOn)
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || strings.Count(string(body), "message") != 2 {
			t.Errorf("HTTP1 %t: %q, %v", http1, body, err)
		}
	}
}

// gin.Logger sees the status and size of a response that was replaced.
func TestWriterReplacementIsSeenOutside(t *testing.T) {
	var seen string
	site := newWebSite(t, webSetup{
		Before: []gin.HandlerFunc{func(c *gin.Context) {
			c.Next()
			seen = fmt.Sprint(c.Writer.Status(), c.Writer.Size() > 0, len(c.Errors) > 0)
		}},
		Config: ginsession.Config{Logger: slog.New(slog.DiscardHandler)},
	})
	failOn(site.store, errStore, "Create")
	site.visitor().post("/w/set?v=1")
	if seen != "503 true true" {
		t.Errorf("status, body and errors: %s", seen)
	}
}
