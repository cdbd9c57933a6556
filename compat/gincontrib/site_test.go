package gincontrib_test

import (
	"context"
	"crypto/rand"
	"encoding/gob"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
	"github.com/ginsession/ginsession/cache/redis"
)

// A user is a program's own type, a role one of its kinds of key.
type user struct {
	Name  string
	Roles map[uint64]bool
}

type role string

func TestMain(m *testing.M) {
	gob.Register(user{})
	gob.Register(map[uint64]bool{})
	gob.Register(role(""))
	gin.SetMode(gin.TestMode)
	gin.DefaultWriter = io.Discard // the tester suite logs every route and request
	os.Exit(m.Run())
}

const secret = "a secret of the tests, which is at least fifty bytes long"

// newManager returns a manager whose Config the changes alter.
func newManager(t testing.TB, changes ...func(*ginsession.Config)) *ginsession.Manager {
	t.Helper()
	cfg := ginsession.Config{
		Engine:     ginsession.Cached(memory.New()),
		Serializer: ginsession.Gob,
		SecretKey:  secret,
		Logger:     slog.New(slog.DiscardHandler),
	}
	for _, change := range changes {
		change(&cfg)
	}
	m, err := ginsession.NewManager(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func cookieName(name string) func(*ginsession.Config) {
	return func(cfg *ginsession.Config) { cfg.CookieName = name }
}

func onEngine(engine ginsession.Engine) func(*ginsession.Config) {
	return func(cfg *ginsession.Config) { cfg.Engine = engine }
}

// forEachEngine runs f as a subtest for each engine.
func forEachEngine(t *testing.T, f func(t *testing.T, engine ginsession.Engine)) {
	t.Helper()
	for _, e := range []struct {
		name string
		open func(t *testing.T) ginsession.Engine
	}{
		{"db sqlite", func(t *testing.T) ginsession.Engine { return database(t, openSQLite(t)) }},
		{"db postgres", func(t *testing.T) ginsession.Engine {
			return database(t, openDB(t, postgres.Open(needEnv(t, "TEST_POSTGRES_DSN"))))
		}},
		{"db mysql", func(t *testing.T) ginsession.Engine {
			return database(t, openDB(t, mysql.Open(needEnv(t, "TEST_MYSQL_DSN"))))
		}},
		{"file", func(t *testing.T) ginsession.Engine { return ginsession.File(t.TempDir()) }},
		{"cache memory", func(t *testing.T) ginsession.Engine { return ginsession.Cached(memory.New()) }},
		{"cache redis", func(t *testing.T) ginsession.Engine { return ginsession.Cached(openRedis(t)) }},
		{"cached_db", func(t *testing.T) ginsession.Engine {
			db := openSQLite(t)
			return ginsession.CachedDB(db, memory.New(), newTable(t, db))
		}},
		{"signed_cookies", func(*testing.T) ginsession.Engine { return ginsession.SignedCookies() }},
	} {
		t.Run(e.name, func(t *testing.T) { f(t, e.open(t)) })
	}
}

func database(t *testing.T, db *gorm.DB) ginsession.Engine {
	return ginsession.DB(db, newTable(t, db))
}

func openSQLite(t *testing.T) *gorm.DB {
	file := filepath.Join(t.TempDir(), "test.db")
	return openDB(t, sqlite.Open("file:"+file+"?_journal_mode=WAL&_busy_timeout=5000"))
}

func openDB(t *testing.T, dialector gorm.Dialector) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(16) // the servers are shared
	t.Cleanup(func() { pool.Close() })
	return db
}

// newTable migrates a sessions table that is nobody else's.
func newTable(t *testing.T, db *gorm.DB) ginsession.DBOption {
	t.Helper()
	table := "t_" + strings.ToLower(rand.Text()[:12])
	t.Cleanup(func() {
		if err := db.Migrator().DropTable(table); err != nil {
			t.Errorf("dropping the table %s: %v", table, err)
		}
	})
	if err := ginsession.Migrate(db, ginsession.TableName(table)); err != nil {
		t.Fatal(err)
	}
	return ginsession.TableName(table)
}

func openRedis(t *testing.T) *redis.Cache {
	t.Helper()
	cache, err := redis.New("redis://" + needEnv(t, "TEST_REDIS_ADDR"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cache.Close() })
	return cache
}

// needEnv returns a variable that scripts/with-servers sets. Without it the test is skipped, or
// fails if CI has promised that all servers are running.
func needEnv(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" && os.Getenv("CI") == "true" {
		t.Fatal(name + " is not set")
	}
	if value == "" {
		t.Skip("SKIPPED: " + name + " is not set: run the tests with make test")
	}
	return value
}

// A site is a server whose pages the tests bring along.
type site struct {
	*httptest.Server
	t     testing.TB
	pages sync.Map // path → gin.HandlerFunc
}

// newSite starts a site with this middleware.
func newSite(t testing.TB, middleware ...gin.HandlerFunc) *site {
	t.Helper()
	s := &site{t: t}
	r := gin.New()
	r.Use(middleware...)
	r.Any("/page/:name", func(c *gin.Context) {
		page, _ := s.pages.Load(c.Request.URL.Path)
		page.(gin.HandlerFunc)(c)
	})
	s.Server = httptest.NewTLSServer(r)
	s.Server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(s.Close)
	return s
}

// A browser keeps cookies.
type browser struct {
	*http.Client
	site *site
}

func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	client := *s.Client()
	client.Jar = jar
	return &browser{&client, s}
}

// copied returns another browser with the same cookies.
func (b *browser) copied() *browser {
	other := b.site.browser()
	other.Jar.SetCookies(b.address(), b.Jar.Cookies(b.address()))
	return other
}

func (b *browser) address() *url.URL {
	address, err := url.Parse(b.site.URL)
	if err != nil {
		b.site.t.Fatal(err)
	}
	return address
}

// A reply is a response that has been read.
type reply struct {
	*http.Response
	text string
}

// setCookie returns the response's only Set-Cookie, or "".
func (r reply) setCookie(t testing.TB) string {
	t.Helper()
	lines := r.Header["Set-Cookie"]
	if len(lines) > 1 {
		t.Fatalf("Set-Cookie: %q", lines)
	}
	return strings.Join(lines, "")
}

// do makes a POST request that page answers.
func (b *browser) do(page gin.HandlerFunc) reply {
	b.site.t.Helper()
	r, err := b.try(page)
	if err != nil {
		b.site.t.Fatal(err)
	}
	return r
}

func (b *browser) try(page gin.HandlerFunc) (reply, error) {
	path := "/page/" + rand.Text()
	b.site.pages.Store(path, page)
	return b.fetch(http.MethodPost, path)
}

func (b *browser) fetch(method, path string) (reply, error) {
	request, err := http.NewRequestWithContext(context.Background(), method, b.site.URL+path, nil)
	if err != nil {
		return reply{}, err
	}
	response, err := b.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return reply{response, string(text)}, err
}

// atOnce runs f n times at the same time.
func atOnce(n int, f func(i int)) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { f(i) })
	}
	group.Wait()
}

// check fails the test if got and want do not print alike, types included.
func check(t testing.TB, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprintf("%#v", got), fmt.Sprintf("%#v", want); g != w {
		t.Errorf("%s = %s, want %s", what, g, w)
	}
}
