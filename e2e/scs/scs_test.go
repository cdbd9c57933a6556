// Package scs shows how a site that used alexedwards/scs keeps its visitors signed in when it changes to
// ginsession.
package scs

import (
	"database/sql"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/alexedwards/scs/sqlite3store"
	"github.com/alexedwards/scs/v2"
	"github.com/gin-gonic/gin"
	_ "github.com/mattn/go-sqlite3"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
)

// readOld is docs/coming-from.md's: the old session is read once, so that a copied cookie is dead.
func readOld(store scs.Store, codec scs.Codec, name string) func(r *http.Request) (map[string]any, bool) {
	return func(r *http.Request) (map[string]any, bool) {
		cookie, err := r.Cookie(name)
		if err != nil {
			return nil, false
		}
		data, found, err := store.Find(cookie.Value)
		if err != nil || !found {
			return nil, false
		}
		_, values, err := codec.Decode(data)
		if err != nil {
			return nil, false
		}
		return values, store.Delete(cookie.Value) == nil
	}
}

func TestSessionsOfSCSLiveOn(t *testing.T) {
	db, err := sql.Open("sqlite3", filepath.Join(t.TempDir(), "old.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE sessions (token TEXT PRIMARY KEY, data BLOB NOT NULL, expiry REAL NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	old := scs.New()
	old.Store = sqlite3store.NewWithCleanupInterval(db, 0)
	before := old.LoadAndSave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		old.Put(r.Context(), "user", "al")
		old.Put(r.Context(), "n", 7)
	}))

	gin.SetMode(gin.TestMode)
	after := gin.New()
	after.Use(ginsession.New(ginsession.Config{
		Engine:     ginsession.Cached(memory.New()),
		CookieName: old.Cookie.Name,
		ReadOld:    readOld(old.Store, old.Codec, old.Cookie.Name),
	}))
	after.GET("/", func(c *gin.Context) {
		s := ginsession.Get(c)
		c.String(http.StatusOK, "%s %d", ginsession.ValueOr(s, "user", "nobody"), ginsession.ValueOr(s, "n", 0))
	})

	site := before
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { site.ServeHTTP(w, r) }))
	defer server.Close()
	jar, _ := cookiejar.New(nil)
	visit := func(jar http.CookieJar) string {
		t.Helper()
		response, err := (&http.Client{Jar: jar}).Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var body [100]byte
		n, _ := response.Body.Read(body[:])
		return string(body[:n])
	}
	visit(jar)
	copied, _ := cookiejar.New(nil)
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	copied.SetCookies(address, jar.Cookies(address))
	site = after
	for range 2 {
		if got := visit(jar); got != "al 7" {
			t.Fatalf("after the change: %q", got)
		}
	}
	if got := visit(copied); got != "nobody 0" {
		t.Errorf("with a copy of the old cookie: %q", got)
	}
}
