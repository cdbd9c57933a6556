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
	"github.com/ginsession/ginsession/cache/memory"
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

// allocSite returns a site on SQLite and the Cookie header of a visitor.
func allocSite(t *testing.T, engine func(*gorm.DB) ginsession.Engine) (*gin.Engine, string) {
	t.Helper()
	db := openSQLite(t)
	if err := ginsession.Migrate(db); err != nil {
		t.Fatal(err)
	}
	r := testsite.NewRouter()
	r.Use(ginsession.New(ginsession.Config{Engine: engine(db)}))
	allocPages(r)
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/seed", nil))
	cookies := w.Result().Cookies()
	if len(cookies) != 1 {
		t.Fatalf("cookies %v", cookies)
	}
	var stored string
	if err := db.Raw("SELECT session_data FROM gin_session").Scan(&stored).Error; err != nil || len(stored) != 196 {
		t.Fatalf("the record has %d bytes, %v", len(stored), err)
	}
	return r, "sessionid=" + cookies[0].Value
}

// A request that does not touch its session pays for the middleware alone.
func TestAllocUntouched(t *testing.T) {
	bare := testsite.NewRouter()
	allocPages(bare)
	base := allocations(t, bare, "/plain", "")
	site, cookie := allocSite(t, plainDB)
	for name, cookie := range map[string]string{
		"anonymous": "", "a session that is not touched": cookie, "other cookies": "a=b; c=d",
	} {
		if n := allocations(t, site, "/plain", cookie) - base; n > 3 {
			t.Errorf("%s: %d allocations more than Gin alone, want at most 3", name, n)
		}
	}
}

func plainDB(db *gorm.DB) ginsession.Engine { return ginsession.DB(db) }

// Reading and writing a session in SQLite, and in memory in front of it.
func TestAllocUsed(t *testing.T) {
	cache := memory.New()
	defer cache.Close()
	cachedDB := func(db *gorm.DB) ginsession.Engine { return ginsession.CachedDB(db, cache) }
	for _, tt := range []struct {
		name, path string
		engine     func(*gorm.DB) ginsession.Engine
		most       int
	}{
		{"db", "/read", plainDB, 45},
		{"db", "/write", plainDB, 75},
		{"cached_db", "/read", cachedDB, 12},
	} {
		site, cookie := allocSite(t, tt.engine)
		if n := allocations(t, site, tt.path, cookie); n > tt.most {
			t.Errorf("%s %s: %d allocations, want at most %d", tt.name, tt.path, n, tt.most)
		}
	}
}
