package messages_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
	"github.com/ginsession/ginsession/messages"
	"github.com/ginsession/ginsession/sessiontest"
)

// site has a page that shows the messages, and a form that adds one.
func site(m *ginsession.Manager) *gin.Engine {
	gin.SetMode(gin.TestMode)
	r := gin.New()
	r.Use(m.Handler())
	r.GET("/", func(c *gin.Context) { c.String(http.StatusOK, "page: %s", texts(ginsession.Get(c))) })
	r.POST("/", func(c *gin.Context) {
		if messages.Add(ginsession.Get(c), messages.Success, "Saved.") == nil {
			c.Redirect(http.StatusSeeOther, "/")
		}
	})
	return r
}

// TestPages shows a message on the page that follows a form, and not again.
func TestPages(t *testing.T) {
	for name, m := range engines(t) {
		t.Run(name, func(t *testing.T) {
			r, v := site(m), sessiontest.New(t, m)
			get := func() string { return v.Do(r, v.Request("GET", "/", nil)).Body.String() }
			check(t, "a new visitor's page", get(), "page: ")
			check(t, "cookies", len(v.Request("GET", "/", nil).Cookies()), 0)
			v.Do(r, v.Request("POST", "/", nil))
			check(t, "the page", get(), "page: Saved.")
			check(t, "the page again", get(), "page: ")
		})
	}
}

// readOnly is a cache that cannot be written while it is told so.
type readOnly struct {
	ginsession.Cache
	on atomic.Bool
}

func (c *readOnly) CompareAndSwap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error) {
	if c.on.Load() {
		return false, errDown
	}
	return c.Cache.CompareAndSwap(ctx, key, old, new, ttl)
}

// TestUnsaved keeps the messages of a page that did not go out because the session could not be
// saved.
func TestUnsaved(t *testing.T) {
	cache := &readOnly{Cache: memory.New()}
	m := newManager(t, ginsession.Config{Engine: ginsession.Cached(cache)})
	r := site(m)
	v := sessiontest.New(t, m).Change(func(s *ginsession.Session) { add(t, s, messages.Info, "one") })
	cache.on.Store(true)
	response := v.Do(r, v.Request("GET", "/", nil))
	check(t, "status", response.Code, http.StatusServiceUnavailable)
	cache.on.Store(false)
	check(t, "the page", v.Do(r, v.Request("GET", "/", nil)).Body.String(), "page: one")
}
