package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// -https sends Strict-Transport-Security and a __Host- cookie. Without it there is neither: a browser
// would drop such a cookie over plain HTTP.
func TestHTTPS(t *testing.T) {
	for _, test := range []struct {
		https        bool
		hsts, cookie string
	}{
		{true, "max-age=31536000", "__Host-sessionid="},
		{false, "", "sessionid="},
	} {
		db := openTestDatabase(t, newSQLite(t))
		engine, err := openEngine(db, engineFlags{name: "db"})
		if err != nil {
			t.Fatal(err)
		}
		shop, err := newShop(db, engine, testOptions(test.https, time.Now))
		if err != nil {
			t.Fatal(err)
		}
		request := httptest.NewRequest(http.MethodPost, "/add", strings.NewReader("product=ink"))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		got := httptest.NewRecorder()
		shop.ServeHTTP(got, request)
		cookie := got.Header().Get("Set-Cookie")
		if !strings.HasPrefix(cookie, test.cookie) || strings.Contains(cookie, "; Secure") != test.https {
			t.Errorf("https %v: Set-Cookie: %q", test.https, cookie)
		}
		for _, path := range []string{"/add", "/nowhere", "/static/style.css"} {
			got := httptest.NewRecorder()
			shop.ServeHTTP(got, httptest.NewRequest(http.MethodGet, path, nil))
			if hsts := got.Header().Get("Strict-Transport-Security"); hsts != test.hsts {
				t.Errorf("https %v: %s: Strict-Transport-Security: %q, want %q", test.https, path, hsts, test.hsts)
			}
		}
	}
}

// Only the user who runs the shop can read its database, which has sessions and orders.
func TestDatabaseFileIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: files have no permission bits here")
	}
	folder := t.TempDir()
	site := openSite(t, "sqlite:"+filepath.Join(folder, "shop.db"))
	site.visitor(t).post("/add", "product", "ink").want(t, http.StatusOK)
	files, err := os.ReadDir(folder)
	if err != nil || len(files) < 2 { // with the write-ahead log
		t.Fatalf("%v: %v", files, err)
	}
	for _, file := range files {
		if info, err := file.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v (%v), want -rw-------", file.Name(), info.Mode(), err)
		}
	}
}

// A name that SQLite does not take for a path creates no file of that name.
func TestDatabaseNames(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dsn := range []string{"sqlite::memory:", "sqlite:file:other.db"} {
		db, err := openDatabase(dsn)
		if err != nil {
			t.Fatal(err)
		}
		closeDatabase(db)
	}
	if _, err := os.Stat("file:other.db"); err == nil {
		t.Error("there is a file with the URL as its name")
	}
	if _, err := openDatabase("sqlite:missing/shop.db"); err == nil || !strings.HasPrefix(err.Error(), "-dsn: ") {
		t.Errorf("a folder that does not exist: %v", err)
	}
}
