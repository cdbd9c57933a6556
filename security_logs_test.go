package ginsession_test

import (
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession"
)

func securityLogs(t *testing.T) {
	for _, mode := range []string{gin.DebugMode, gin.ReleaseMode} {
		for _, engine := range []string{"db", "db with a callback", "signed_cookies", "custom"} {
			t.Run(mode+" "+engine, func(t *testing.T) { checkLogs(t, mode, engine) })
		}
	}
}

// checkLogs captures everything that is logged while sessions live and fail, and searches it.
func checkLogs(t *testing.T, mode, engine string) {
	const secret, fallback = "a-secret-that-nobody-may-see", "a-retired-secret-that-nobody-may-see"
	book := captureLogs(t)
	sqlLog := logger.New(log.New(book, "", 0), logger.Config{LogLevel: logger.Info})
	db := openSQLite(t, &gorm.Config{Logger: sqlLog})
	if err := ginsession.Migrate(db); err != nil {
		t.Fatal(err)
	}
	if engine == "db with a callback" { // then every statement goes through GORM
		for _, p := range []interface {
			Register(string, func(*gorm.DB)) error
		}{db.Callback().Raw(), db.Callback().Row()} {
			if err := p.Register("own", func(*gorm.DB) {}); err != nil {
				t.Fatal(err)
			}
		}
		engine = "db"
	}
	if err := db.Exec("SELECT 'the log of GORM works'").Error; err != nil {
		t.Fatal(err)
	}
	store := newSpyStore()
	cfg := ginsession.Config{
		Engine: map[string]ginsession.Engine{
			"db": ginsession.DB(db), "signed_cookies": ginsession.SignedCookies(), "custom": ginsession.Custom(store),
		}[engine],
		SecretKey: secret, SecretKeyFallbacks: []string{fallback}, Logger: slog.New(slog.NewTextHandler(book, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	site := newWebSite(t, webSetup{
		Config: cfg,
		Before: []gin.HandlerFunc{gin.Logger(), gin.Recovery()},
		Routes: func(r *gin.Engine) {
			r.GET("/print", func(c *gin.Context) {
				s := ginsession.Get(c)
				s.Set("printed", 1)
				fmt.Fprintf(book, "%v %+v %#v %s %q %d %x\n", s, s, s, s, s, s, s)
				fmt.Fprintf(book, "%+v %+v %+v\n", []any{s}, map[string]any{"s": s}, struct{ S *ginsession.Session }{s})
				fmt.Fprintf(book, "%+v %+v %+v\n", c.Keys, c.Writer, c)
				slog.Info("session", "session", s, "items", []any{s}, "keys", c.Keys)
				slog.New(slog.NewJSONHandler(book, nil)).Info("session", "session", s, "keys", fmt.Sprint(c.Keys))
			})
			r.GET("/panic/:how", func(c *gin.Context) {
				s := ginsession.Get(c)
				s.Get("v")
				switch c.Param("how") {
				case "session":
					panic(s)
				case "pipe":
					panic(&net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)})
				case "abort":
					panic(http.ErrAbortHandler)
				case "error":
					panic(fmt.Errorf("handler: %w", errStore))
				case "commit":
					s.Set("v", panicsInJSON{})
				}
			})
			r.GET("/encode", func(c *gin.Context) { ginsession.Get(c).Set("v", make(chan int)) })
			r.GET("/late", func(c *gin.Context) {
				c.Writer.WriteHeaderNow()
				ginsession.Get(c).Set("late", 1)
			})
			r.GET("/public", func(c *gin.Context) {
				c.Header("Cache-Control", "public")
				ginsession.Get(c).Set("v", "1")
			})
		},
	})
	fmt.Fprintf(book, "%v %+v %#v\n", site.manager, site.manager, site.manager)
	gin.SetMode(mode)
	if _, err := ginsession.NewManager(cfg); err != nil { // warns in release mode
		t.Fatal(err)
	}

	var secrets []string
	v := site.visitor()
	for _, path := range []string{
		"/w/set?v=1", "/w/get", "/print", "/w/login?user=ann", "/w/user", "/encode", "/late", "/public",
		"/panic/session", "/panic/pipe", "/panic/abort", "/panic/error", "/panic/commit", "/nowhere", "/w/flush", "/w/set?v=2", "/print",
	} {
		_, _ = v.try(t.Context(), http.MethodGet, path, webHeader{"X-Mark", "the request was dumped"})
		if key := v.key(); key != "" && !slices.Contains(secrets, key) {
			secrets = append(secrets, key)
		}
	}
	unknown := "sessionid=" + strings.Repeat("unknown0", 4)
	site.as(unknown).get("/w/get")
	site.as(unknown + "; sessionid=" + v.key()).get("/panic/error")
	site.as(`sessionid="` + v.key() + `"; other=1`).get("/panic/pipe")
	secrets = append(secrets, strings.Repeat("unknown0", 4))
	breakEngine(t, site, v, engine, db, store, &secrets)

	text := book.String()
	for _, want := range []string{"the log of GORM works", "handler: ", "broken pipe", "GET", "the request was dumped"} {
		if !strings.Contains(text, want) {
			t.Errorf("the log has no %q: this test proves nothing", want)
		}
	}
	secrets = append(secrets, secret, fallback)
	if len(secrets) < 5 {
		t.Errorf("%d secrets: this test proves nothing", len(secrets))
	}
	for _, secret := range secrets {
		for _, form := range []string{secret, url.QueryEscape(secret), fmt.Sprintf("%x", secret)} {
			if i := strings.Index(text, form); i >= 0 {
				t.Errorf("%.10q… is in the log: …%.200s", secret, text[max(0, i-100):])
			}
		}
	}
}

func securityMaskedDump(t *testing.T) {
	const cookies = 4000
	var header strings.Builder
	for i := range cookies {
		fmt.Fprintf(&header, "a=b; sessionid=value%04d; ", i)
	}
	book := &logBook{}
	site := newWebSite(t, webSetup{Before: []gin.HandlerFunc{gin.RecoveryWithWriter(book)}, Routes: func(r *gin.Engine) {
		r.GET("/", func(*gin.Context) { panic(http.ErrAbortHandler) })
	}})
	before := allocated()
	visit(site.Config.Handler, http.MethodGet, "/", header.String())
	if each := allocated() - before; each > 16<<20 {
		t.Errorf("%d bytes were allocated for a header of %d", each, header.Len())
	}
	if n := strings.Count(book.String(), "a=b; sessionid=*;"); n != cookies || strings.Contains(book.String(), "value") {
		t.Errorf("%d of %d cookies are masked", n, cookies)
	}
}

// captureLogs directs every log there is into a book until the test ends.
func captureLogs(t *testing.T) *logBook {
	t.Helper()
	book := &logBook{}
	out, errOut, std, standard, mode := gin.DefaultWriter, gin.DefaultErrorWriter, log.Writer(), slog.Default(), gin.Mode()
	t.Cleanup(func() {
		gin.DefaultWriter, gin.DefaultErrorWriter = out, errOut
		slog.SetDefault(standard)
		log.SetOutput(std)
		gin.SetMode(mode)
	})
	gin.DefaultWriter, gin.DefaultErrorWriter = book, book
	slog.SetDefault(slog.New(slog.NewTextHandler(book, &slog.HandlerOptions{Level: slog.LevelDebug})))
	log.SetOutput(book)
	return book
}

// breakEngine breaks the records, then the store, under requests of a visitor. It adds what the
// store knows sessions by to the secrets.
func breakEngine(t *testing.T, site *webSite, v *webVisitor, engine string, db *gorm.DB, store *spyStore, secrets *[]string) {
	t.Helper()
	paths := []string{"/w/get", "/w/set?v=3", "/w/login?user=x", "/w/flush", "/panic/error"}
	cookie := "sessionid=" + v.key()
	everywhere := func() {
		for _, path := range paths {
			_, _ = site.as(cookie).try(t.Context(), http.MethodPost, path)
			_, _ = site.as(cookie).try(t.Context(), http.MethodGet, path)
		}
		_, _ = site.manager.ClearExpired(t.Context())
		if _, err := site.manager.Exists(t.Context(), v.key()); err != nil {
			site.log.Write([]byte(err.Error()))
			slog.Error("Exists", "error", err)
		}
		if err := site.manager.Delete(t.Context(), v.key()); err != nil {
			slog.Error("Delete", "error", err)
		}
	}
	switch engine {
	case "signed_cookies":
		for _, broken := range []string{v.key() + "x", v.key()[1:], strings.ToUpper(v.key())} {
			cookie = "sessionid=" + broken
			*secrets = append(*secrets, broken)
			everywhere()
		}
	case "custom":
		*secrets = append(*secrets, store.keys()...)
		for _, key := range store.keys() {
			store.put(key, "torn")
		}
		everywhere()
		failOn(store, errStore, "Load", "Create", "Update", "Replace", "Touch", "Delete", "ClearExpired")
		everywhere()
	case "db":
		var keys []string
		quiet := db.Session(&gorm.Session{Logger: logger.Discard})
		if err := quiet.Model(&ginsession.Model{}).Pluck("session_key", &keys).Error; err != nil {
			t.Fatal(err)
		}
		*secrets = append(*secrets, keys...)
		if err := quiet.Exec("UPDATE gin_session SET session_data = 'torn'").Error; err != nil {
			t.Fatal(err)
		}
		everywhere()
		if err := quiet.Exec("UPDATE gin_session SET expire_date = 'torn'").Error; err != nil {
			t.Fatal(err)
		}
		everywhere()
		if err := quiet.Exec("ALTER TABLE gin_session RENAME TO elsewhere").Error; err != nil {
			t.Fatal(err)
		}
		everywhere()
		pool, err := db.DB()
		if err != nil {
			t.Fatal(err)
		}
		_ = pool.Close()
		everywhere()
	}
}
