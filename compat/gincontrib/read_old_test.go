package gincontrib_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	contribgorm "github.com/gin-contrib/sessions/gorm"
	"github.com/gin-gonic/gin"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
	"github.com/ginsession/ginsession/compat/gincontrib"
)

// A visitor whose session gin-contrib has kept keeps it when the site changes its r.Use line, and a
// sign-out then holds.
func TestSessionsOfGinContribLiveOn(t *testing.T) {
	secret := []byte("a secret of thirty-two bytes ...")
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "old.db")), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if pool, err := db.DB(); err == nil {
		t.Cleanup(func() { pool.Close() })
	}
	for name, store := range map[string]sessions.Store{
		"cookie": cookie.NewStore(secret),
		"gorm":   contribgorm.NewStore(db, false, secret),
	} {
		t.Run(name, func(t *testing.T) { liveOn(t, store) })
	}
}

func liveOn(t *testing.T, store sessions.Store) {
	gin.SetMode(gin.TestMode)
	pages := func(r *gin.Engine) {
		r.POST("/login", func(c *gin.Context) {
			s := sessions.Default(c)
			s.Set("user", "al")
			s.Set("n", 7)
			if err := s.Save(); err != nil {
				t.Error(err)
			}
		})
		r.POST("/logout", func(c *gin.Context) {
			s := sessions.Default(c)
			s.Clear()
			s.Options(sessions.Options{MaxAge: -1, Path: "/"})
			if err := s.Save(); err != nil {
				t.Error(err)
			}
		})
		r.GET("/", func(c *gin.Context) {
			s := sessions.Default(c)
			c.String(http.StatusOK, "%v %T", s.Get("user"), s.Get("n"))
		})
	}
	before := gin.New()
	before.Use(sessions.Sessions("mysession", store))
	pages(before)

	m, err := ginsession.NewManager(ginsession.Config{
		Engine:     ginsession.Cached(memory.New()),
		Serializer: ginsession.Gob,
		CookieName: "mysession",
		ReadOld: func(r *http.Request) (map[string]any, bool) {
			old, err := store.Get(r, "mysession")
			if err != nil || old.IsNew {
				return nil, false
			}
			values := map[string]any{}
			for key, v := range old.Values {
				if name, ok := key.(string); ok {
					values[name] = v
				}
			}
			return values, true
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	after := gin.New()
	after.Use(gincontrib.Sessions(m))
	pages(after)

	var site http.Handler = before
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { site.ServeHTTP(w, r) }))
	defer server.Close()
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar}
	visit := func(method, path string) string {
		t.Helper()
		request, _ := http.NewRequest(method, server.URL+path, nil)
		response, err := browser.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var body [100]byte
		n, _ := response.Body.Read(body[:])
		return string(body[:n])
	}
	visit("POST", "/login")
	site = after
	for range 2 {
		if got := visit("GET", "/"); got != "al int" {
			t.Fatalf("after the change: %q", got)
		}
	}
	visit("POST", "/logout")
	if got := visit("GET", "/"); got != "<nil> <nil>" {
		t.Errorf("after the sign-out: %q", got)
	}
}
