//go:build !race

package ginsession_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/redis"
	"github.com/ginsession/ginsession/internal/testserver"
	"github.com/ginsession/ginsession/internal/testsite"
)

// Allocations are exact, and so are the bounds of these tests. Under the race detector they are
// others; scripts/test runs these tests without it.

// A reusedWriter is a ResponseWriter that allocates nothing itself.
type reusedWriter struct{ header http.Header }

func (w *reusedWriter) Header() http.Header               { return w.header }
func (w *reusedWriter) Write(b []byte) (int, error)       { return len(b), nil }
func (w *reusedWriter) WriteString(s string) (int, error) { return len(s), nil }
func (w *reusedWriter) WriteHeader(int)                   {}

// allocations counts those of one request.
func allocations(t *testing.T, h http.Handler, path, cookie string) int {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, path, nil)
	if cookie != "" {
		req.Header.Set("Cookie", cookie)
	}
	w := &reusedWriter{header: http.Header{}}
	return int(testing.AllocsPerRun(500, func() {
		clear(w.header)
		h.ServeHTTP(w, req)
	}))
}

// allocPages adds the pages that are measured. The session they are measured with has five
// keys, 196 bytes.
func allocPages(r *gin.Engine) {
	r.GET("/plain", func(c *gin.Context) { c.String(http.StatusOK, "ok") })
	r.GET("/seed", func(c *gin.Context) {
		ginsession.Get(c).Update(map[string]any{
			"_auth_user_id": "12345", "visits": 7, "language": "en", "theme": "dark",
			"cart": strings.Repeat("abcdefgh", 14) + "abcdefg",
		})
	})
	r.GET("/read", func(c *gin.Context) {
		if user, _ := ginsession.Value[string](ginsession.Get(c), "_auth_user_id"); user != "12345" {
			panic("the session was not read")
		}
		c.String(http.StatusOK, "ok")
	})
	r.GET("/write", func(c *gin.Context) {
		s := ginsession.Get(c)
		n, _ := ginsession.Value[int](s, "visits")
		s.Set("visits", n+1)
		c.String(http.StatusOK, "ok")
	})
}

// allocSite returns a site and the Cookie header of a visitor.
func allocSite(t *testing.T, engine ginsession.Engine) (*gin.Engine, string) {
	t.Helper()
	r := testsite.NewRouter()
	r.Use(ginsession.New(ginsession.Config{Engine: engine, SecretKey: secretOf(engine)}))
	allocPages(r)
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/seed", nil))
	cookies := w.Result().Cookies()
	if len(cookies) != 1 {
		t.Fatalf("cookies %v", cookies)
	}
	return r, "sessionid=" + cookies[0].Value
}

// secretOf returns a secret for the engine that needs one.
func secretOf(engine ginsession.Engine) string {
	if engine == ginsession.SignedCookies() {
		return testSecret
	}
	return ""
}

// A request that does not touch its session pays for the middleware alone.
func TestAllocUntouched(t *testing.T) {
	bare := testsite.NewRouter()
	allocPages(bare)
	base := allocations(t, bare, "/plain", "")
	db := openSQLite(t)
	migrate(t, db)
	site, cookie := allocSite(t, ginsession.DB(db))
	for name, cookie := range map[string]string{
		"anonymous": "", "a session that is not touched": cookie, "other cookies": "a=b; c=d",
	} {
		if n := allocations(t, site, "/plain", cookie) - base; n > 3 {
			t.Errorf("%s: %d allocations more than Gin alone, want at most 3", name, n)
		}
	}
}

// Reading and writing a session. The bounds leave room for an allocation that drivers make now and then,
// and for Redis's client, which needs more when it happens to pipeline.
func TestAllocUsed(t *testing.T) {
	onTable := func(open func(*testing.T, ...gorm.Option) *gorm.DB, engine func(*gorm.DB, string) ginsession.Engine) func(*testing.T) ginsession.Engine {
		return func(t *testing.T) ginsession.Engine {
			db := open(t)
			return engine(db, newTable(t, db))
		}
	}
	plain := func(db *gorm.DB, table string) ginsession.Engine {
		return ginsession.DB(db, ginsession.TableName(table))
	}
	for _, tt := range []struct {
		name        string
		engine      func(*testing.T) ginsession.Engine
		read, write int // at most
	}{
		{"sqlite", onTable(openSQLite, plain), 30, 59},
		{"postgres", onTable(openPostgres, plain), 44, 78},
		{"mysql", onTable(openMySQL, plain), 43, 76},
		{"cached_db", func(t *testing.T) ginsession.Engine {
			db := openSQLite(t)
			return ginsession.CachedDB(db, openMemory(t), ginsession.TableName(newTable(t, db)))
		}, 10, 43},
		{"memory", func(t *testing.T) ginsession.Engine { return ginsession.Cached(openMemory(t)) }, 9, 27},
		{"redis", func(t *testing.T) ginsession.Engine {
			return ginsession.Cached(dialRedis(t, testserver.Env(t, "TEST_REDIS_ADDR"), redis.NearCache(0)))
		}, 22, 49},
		{"file", func(t *testing.T) ginsession.Engine { return ginsession.File(t.TempDir()) }, 23, 88},
		{"signed_cookies", func(*testing.T) ginsession.Engine { return ginsession.SignedCookies() }, 8, 21},
	} {
		t.Run(tt.name, func(t *testing.T) {
			site, cookie := allocSite(t, tt.engine(t))
			if n := allocations(t, site, "/read", cookie); n > tt.read {
				t.Errorf("a read: %d allocations, want at most %d", n, tt.read)
			}
			if n := allocations(t, site, "/write", cookie); n > tt.write {
				t.Errorf("a write: %d allocations, want at most %d", n, tt.write)
			}
		})
	}
}
