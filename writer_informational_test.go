package ginsession_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// Headers that a handler sets go out even if it sets them after an informational answer,
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
				site := testsite.New(t, testsite.Setup{HTTP1: http1, Routes: func(r *gin.Engine) {
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
				reply, err := site.Visitor().Try(ctx, http.MethodGet, "/")
				if err != nil {
					t.Fatal(err)
				}
				if reply.StatusCode != tt.status || hints != tt.hints || reply.SessionCookie() == nil {
					t.Errorf("answer %d after %d hints, cookies %q", reply.StatusCode, hints, reply.Header["Set-Cookie"])
				}
				if calls := site.Calls(); calls != "Create" {
					t.Errorf("store calls %q", calls)
				}
			})
		}
	}
}

// A save that fails after an informational answer still replaces the response.
func TestWriterInformationalThenFailure(t *testing.T) {
	site := testsite.New(t, testsite.Setup{Routes: func(r *gin.Engine) {
		r.GET("/", func(c *gin.Context) {
			ginsession.Get(c).Set("v", 1)
			c.Writer.WriteHeader(http.StatusEarlyHints)
			c.String(http.StatusOK, "body")
		})
	}})
	site.Store.FailOn(errStore, "Create")
	if reply := site.Visitor().Get("/"); reply.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("answer %d %q", reply.StatusCode, reply.Text)
	}
}

// A client that expects 100 Continue gets it, from the server or from the handler.
func TestWriterContinue(t *testing.T) {
	for _, path := range []string{"/read", "/explicit"} {
		site := testsite.New(t, testsite.Setup{HTTP1: true, Routes: func(r *gin.Engine) {
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
		if calls := site.Calls(); calls != "Create" {
			t.Errorf("%s: store calls %q", path, calls)
		}
	}
}
