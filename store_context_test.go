package ginsession_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testsite"
)

// A client that hangs up between the change and the save loses nothing.
func TestMiddlewareClientHangsUp(t *testing.T) {
	for _, http1 := range []bool{true, false} {
		t.Run(fmt.Sprintf("HTTP/1.1 %t", http1), func(t *testing.T) {
			t.Parallel()
			started, done := make(chan struct{}), make(chan error, 1)
			store := watchedStore{testsite.NewStore(), func(ctx context.Context, _ string) error { return ended(ctx) }}
			cfg := ginsession.Config{Engine: ginsession.Custom(store)}
			site := testsite.New(t, testsite.Setup{HTTP1: http1, Config: cfg, Routes: func(r *gin.Engine) {
				r.POST("/", func(c *gin.Context) {
					s := ginsession.Get(c)
					s.Set("v", "whole")
					close(started)
					<-c.Request.Context().Done()
					done <- s.Save()
				})
			}})
			v := site.Visitor()
			v.Get("/w/set?v=1")
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-started
				cancel()
			}()
			if _, err := v.Try(ctx, http.MethodPost, "/"); err == nil {
				t.Log("the answer overtook the cancellation")
			}
			if err := <-done; err != nil {
				t.Errorf("Save: %v", err)
			}
			if got := v.Get("/w/get").Text; got != "v=whole" {
				t.Errorf("afterwards: %q", got)
			}
		})
	}
}

// A store that hangs is given up after StoreTimeout.
func TestMiddlewareStoreTimeout(t *testing.T) {
	for _, tt := range []struct {
		name    string
		timeout time.Duration
		want    time.Duration
		call    string
		path    string
	}{
		{"load, default", 0, 5 * time.Second, "Load", "/w/get"},
		{"load", time.Second, time.Second, "Load", "/w/get"},
		{"create", time.Second, time.Second, "Create", "/w/set?v=1"},
		{"delete", time.Second, time.Second, "Delete", "/w/flush"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := watchedStore{testsite.NewStore(), func(ctx context.Context, operation string) error {
					if operation != tt.call {
						return nil
					}
					<-ctx.Done()
					return ctx.Err()
				}}
				r := testsite.NewRouter()
				r.Use(ginsession.New(ginsession.Config{Engine: ginsession.Custom(store), StoreTimeout: tt.timeout}))
				testsite.AddPages(r)
				w := httptest.NewRecorder()
				req := httptest.NewRequest(http.MethodPost, tt.path, nil)
				req.Header.Set("Cookie", "sessionid="+strings.Repeat("k", 32))
				start := time.Now()
				r.ServeHTTP(w, req)
				waited := time.Since(start)
				if w.Code != http.StatusServiceUnavailable || waited < tt.want || waited > tt.want+tt.want/16 {
					t.Errorf("answer %d after %v, want 503 after %v and at most a sixteenth more", w.Code, waited, tt.want)
				}
			})
		})
	}
}

// Load tries again, with all of StoreTimeout.
func TestMiddlewareLoadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := true
		store := watchedStore{testsite.NewStore(), func(ctx context.Context, _ string) error {
			if hang {
				<-ctx.Done()
			}
			return ctx.Err()
		}}
		r := testsite.NewRouter()
		r.Use(ginsession.New(ginsession.Config{Engine: ginsession.Custom(store), StoreTimeout: time.Second}))
		r.GET("/", func(c *gin.Context) {
			s := ginsession.Get(c)
			if err := s.Load(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the store hangs: %v", err)
			}
			hang = false
			if err := s.Load(); err != nil || s.Err() != nil {
				t.Errorf("the store is back: %v", err)
			}
		})
		w := httptest.NewRecorder()
		req := httptest.NewRequest(http.MethodGet, "/", nil)
		req.Header.Set("Cookie", "sessionid="+strings.Repeat("k", 32))
		r.ServeHTTP(w, req)
		if w.Code != http.StatusOK {
			t.Errorf("answer %d", w.Code)
		}
	})
}
