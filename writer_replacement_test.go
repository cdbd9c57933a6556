package ginsession_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

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
