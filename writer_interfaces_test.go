package ginsession_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// The writer offers what the writers beneath it offer, and returns an error for what they do not.
func TestWriterOffersWhatIsBeneath(t *testing.T) {
	for _, http1 := range []bool{true, false} {
		site := testsite.New(t, testsite.Setup{HTTP1: http1, Routes: func(r *gin.Engine) {
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
		site.Visitor().Get("/")
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
	site := testsite.New(t, testsite.Setup{Before: []gin.HandlerFunc{gin.RecoveryWithWriter(nil)}, Routes: func(r *gin.Engine) {
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
	reply, err := site.Visitor().Try(ctx, http.MethodGet, "/")
	if err != nil {
		t.Fatal(err)
	}
	if reply.StatusCode != http.StatusCreated || reply.Text != longText || hints != 1 || reply.SessionCookie() == nil || len(reply.Cookies()) != 2 {
		t.Errorf("answer %d, %d bytes, %d hints, cookies %q", reply.StatusCode, len(reply.Text), hints, reply.Header["Set-Cookie"])
	}
	site.Store.FailOn(errStore, "Create")
	if reply := site.Visitor().Get("/"); reply.StatusCode != http.StatusServiceUnavailable || reply.Text != unavailableText {
		t.Errorf("failed save: answer %d %.80q", reply.StatusCode, reply.Text)
	}
}

// A push goes to the pusher beneath.
func TestWriterPush(t *testing.T) {
	r := testsite.NewRouter()
	r.Use(ginsession.New(ginsession.Config{Engine: ginsession.Custom(testsite.NewStore())}))
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
	site := testsite.New(t, testsite.Setup{HTTP1: true, Routes: func(r *gin.Engine) {
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
	if calls := site.Calls(); calls != "Create" {
		t.Errorf("store calls %q", calls)
	}
}

// The first byte of a stream comes with the cookie, long before the handler is done.
func TestWriterStreamSendsCookieFirst(t *testing.T) {
	for _, http1 := range []bool{true, false} {
		goOn := make(chan struct{})
		site := testsite.New(t, testsite.Setup{HTTP1: http1, Routes: func(r *gin.Engine) {
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
		v := site.Visitor()
		resp, err := v.Client.Do(req) // returns with the headers
		if err != nil {
			t.Fatal(err)
		}
		if got := v.Get("/w/get").Text; got != "v=streamed" {
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

// A stream that calls Reload ends when its visitor signs out in another tab; what it has not saved is
// dropped, and so is the session.
func TestWriterStreamEndsAtSignOut(t *testing.T) {
	for _, http1 := range []bool{true, false} {
		ticks := make(chan int)
		site := testsite.New(t, testsite.Setup{HTTP1: http1, Routes: func(r *gin.Engine) {
			r.GET("/", func(c *gin.Context) {
				s := ginsession.Get(c)
				s.Set("streams", 1)
				for i := range ticks {
					if s.Reload() != nil {
						return
					}
					s.Set("seen", i)
					c.SSEvent("tick", i)
					c.Writer.Flush()
				}
			})
			r.POST("/signout", func(c *gin.Context) { _ = ginsession.Get(c).Flush() })
		}})
		go func() { ticks <- 1 }()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, site.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		v := site.Visitor()
		resp, err := v.Client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		v.Post("/signout")
		ticks <- 2
		close(ticks)
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || strings.Count(string(body), "tick") != 1 {
			t.Errorf("HTTP1 %t: %q, %v", http1, body, err)
		}
		if keys := site.Store.Keys(); len(keys) > 0 {
			t.Errorf("HTTP1 %t: the session was revived", http1)
		}
	}
}
