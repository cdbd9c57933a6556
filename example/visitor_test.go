package main

import (
	"crypto/rand"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/crypto/bcrypt"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession/internal/testserver"
	"github.com/ginsession/ginsession/internal/testsite"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	_ = os.Setenv(gin.EnvGinMode, gin.TestMode)
	gin.DefaultWriter, gin.DefaultErrorWriter = io.Discard, io.Discard
	os.Exit(m.Run())
}

// A site is a shop that serves over TLS, with a database of its own.
type site struct {
	*shop
	url    *url.URL
	client *http.Client // with the server's certificate
	clock  *testsite.Clock
}

func openSite(t *testing.T, dsn string) *site {
	t.Helper()
	return openSiteOn(t, dsn, engineFlags{name: "db"})
}

func openSiteOn(t *testing.T, dsn string, f engineFlags) *site {
	t.Helper()
	db := openTestDatabase(t, dsn)
	engine, err := openEngine(db, f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.close)
	clock := testsite.NewClock()
	shop, err := newShop(db, engine, testOptions(true, clock.Now))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(shop)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &site{shop, u, server.Client(), clock}
}

// testOptions has the demo accounts, with hashes that take no time.
func testOptions(https bool, now func() time.Time) options {
	o := options{https: https, now: now, hashCost: bcrypt.MinCost}
	for name, password := range map[string]string{"demo": "demo", "ada": "lovelace"} {
		hash, _ := bcrypt.GenerateFromPassword([]byte(password), o.hashCost)
		o.accounts = append(o.accounts, account{name, string(hash)})
	}
	return o
}

func openTestDatabase(t *testing.T, dsn string) *gorm.DB {
	t.Helper()
	db, err := openDatabase(dsn)
	if err != nil {
		t.Fatal(err)
	}
	db.Logger = logger.Discard
	t.Cleanup(func() { closeDatabase(db) })
	return db
}

func newSQLite(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "shop.db") }

// forEachDatabase runs f as a subtest for each kind of database, with a new, empty database.
func forEachDatabase(t *testing.T, f func(t *testing.T, dsn string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, newSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { f(t, newDatabase(t, testserver.Env(t, "TEST_POSTGRES_DSN"))) })
	t.Run("mysql", func(t *testing.T) { f(t, newDatabase(t, testserver.MySQLURL(t))) })
}

// newDatabase creates a database on the server that dsn names, and returns its DSN.
func newDatabase(t *testing.T, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	server := openTestDatabase(t, dsn)
	name := "shop_" + strings.ToLower(rand.Text()[:12])
	if err := server.Exec("CREATE DATABASE " + name).Error; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Exec("DROP DATABASE " + name).Error; err != nil {
			t.Errorf("dropping the database: %v", err)
		}
	})
	u.Path = "/" + name
	return u.String()
}

// A visitor is a browser without a window: it keeps cookies and follows redirects.
type visitor struct {
	t      *testing.T
	site   *site
	client *http.Client
}

func (s *site) visitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := *s.client
	client.Jar = jar
	return &visitor{t, s, &client}
}

// A reply is a page and what came with it.
type reply struct {
	status int
	header http.Header
	body   string
}

func (v *visitor) get(path string) reply {
	v.t.Helper()
	return v.do(http.MethodGet, path, nil, nil)
}

// post sends a form, whose fields are names and values in turn.
func (v *visitor) post(path string, fields ...string) reply {
	v.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return v.do(http.MethodPost, path, strings.NewReader(form.Encode()), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
}

func (v *visitor) do(method, path string, body io.Reader, header http.Header) reply {
	v.t.Helper()
	request, err := http.NewRequestWithContext(v.t.Context(), method, v.site.url.String()+path, body)
	if err != nil {
		v.t.Fatal(err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := v.client.Do(request)
	if err != nil {
		v.t.Error(err) // not Fatal: several goroutines may share a visitor
		return reply{}
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Error(err)
	}
	return reply{response.StatusCode, response.Header, string(page)}
}

// want fails the test unless the page has this status and each of these texts.
func (r reply) want(t *testing.T, status int, texts ...string) {
	t.Helper()
	if r.status != status {
		t.Errorf("status %d, want %d", r.status, status)
	}
	for _, text := range texts {
		if !strings.Contains(r.body, text) {
			t.Errorf("there is no %q on the page:\n%s", text, r.body)
		}
	}
}

// key returns the session cookie's value, or "".
func (v *visitor) key() string {
	for _, cookie := range v.client.Jar.Cookies(v.site.url) {
		if cookie.Name == v.site.cookieName() {
			return cookie.Value
		}
	}
	return ""
}

// withKey returns a visitor who sends this session cookie.
func (s *site) withKey(t *testing.T, key string) *visitor {
	t.Helper()
	v := s.visitor(t)
	v.client.Jar.SetCookies(s.url, []*http.Cookie{{Name: s.cookieName(), Value: key}})
	return v
}

// signIn opens the form and sends it; more fields may follow.
func (v *visitor) signIn(name, password string, more ...string) reply {
	v.t.Helper()
	v.get("/signin").want(v.t, http.StatusOK, "Keep me signed in")
	return v.post("/signin", append([]string{"name", name, "password", password}, more...)...)
}
