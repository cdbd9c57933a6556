package ginsession_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
)

// exampleDB opens a database in memory. In a program it is PostgreSQL, MySQL or a file.
func exampleDB(name string) *gorm.DB {
	db, err := gorm.Open(sqlite.Open("file:"+name+"?mode=memory&cache=shared"), &gorm.Config{})
	if err != nil {
		log.Fatal(err)
	}
	return db
}

// exampleManager has its sessions in memory.
func exampleManager() *ginsession.Manager {
	m, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.Cached(memory.New())})
	if err != nil {
		log.Fatal(err)
	}
	return m
}

// exampleSession is what ginsession.Get(c) returns in a handler.
func exampleSession() *ginsession.Session {
	return exampleManager().Open(context.Background(), "")
}

// exampleBrowser asks a site and keeps its cookies.
type exampleBrowser map[string]string

func (b exampleBrowser) asks(site http.Handler, method, path string) {
	request := httptest.NewRequest(method, path, nil)
	for name, value := range b {
		request.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	recorder := httptest.NewRecorder()
	site.ServeHTTP(recorder, request)
	for _, c := range recorder.Result().Cookies() {
		b[c.Name] = c.Value
	}
	fmt.Println(method, path, recorder.Code, recorder.Body)
}

// exampleSite is a Gin engine that prints nothing.
func exampleSite() *gin.Engine {
	gin.SetMode(gin.TestMode)
	return gin.New()
}

// A counter for each visitor, on a database.
func Example() {
	db := exampleDB("example")
	if err := ginsession.Migrate(db); err != nil { // once, before serving
		log.Fatal(err)
	}
	r := exampleSite()
	r.Use(ginsession.New(ginsession.Config{Engine: ginsession.DB(db)}))
	r.GET("/", func(c *gin.Context) {
		s := ginsession.Get(c)
		n, _ := ginsession.Value[int](s, "visits")
		s.Set("visits", n+1) // saved by itself, before the response's first byte
		c.JSON(http.StatusOK, gin.H{"visits": n + 1})
	})

	alice, bob := exampleBrowser{}, exampleBrowser{}
	alice.asks(r, "GET", "/")
	alice.asks(r, "GET", "/")
	bob.asks(r, "GET", "/")
	// Output:
	// GET / 200 {"visits":1}
	// GET / 200 {"visits":2}
	// GET / 200 {"visits":1}
}

// Signing in and out. CycleKey makes a key that was planted in the browser worthless, Flush
// ends the session on the server, whatever the browser keeps.
func Example_signIn() {
	r := exampleSite()
	r.Use(exampleManager().Handler())
	r.POST("/login", func(c *gin.Context) {
		s := ginsession.Get(c)
		if err := s.CycleKey(); err != nil {
			return // the ErrorHandler answers
		}
		s.Set("user", "alice")
		c.String(http.StatusOK, "welcome")
	})
	r.POST("/logout", func(c *gin.Context) {
		if err := ginsession.Get(c).Flush(); err != nil {
			return // the ErrorHandler answers
		}
		c.String(http.StatusOK, "goodbye")
	})
	r.GET("/", func(c *gin.Context) {
		user, ok := ginsession.Value[string](ginsession.Get(c), "user")
		c.String(http.StatusOK, "user %q, signed in: %v", user, ok)
	})

	browser := exampleBrowser{}
	browser.asks(r, "GET", "/")
	browser.asks(r, "POST", "/login")
	browser.asks(r, "GET", "/")
	browser.asks(r, "POST", "/logout")
	browser.asks(r, "GET", "/")
	// Output:
	// GET / 200 user "", signed in: false
	// POST /login 200 welcome
	// GET / 200 user "alice", signed in: true
	// POST /logout 200 goodbye
	// GET / 200 user "", signed in: false
}

func ExampleNew() {
	r := exampleSite()
	r.Use(ginsession.New(ginsession.Config{
		Engine:       ginsession.Cached(memory.New()),
		CookieName:   "__Host-session",
		CookieSecure: true,
		RenewAfter:   time.Hour,
	}))
	r.GET("/", func(c *gin.Context) { c.JSON(http.StatusOK, ginsession.Get(c).IsEmpty()) })

	exampleBrowser{}.asks(r, "GET", "/")
	// Output: GET / 200 true
}

// A bad Config panics at start-up, with everything that is wrong.
func ExampleNew_badConfig() {
	defer func() { fmt.Println(recover()) }()
	ginsession.New(ginsession.Config{
		CookieSameSite: http.SameSiteNoneMode,
		CookieAge:      time.Millisecond,
	})
	// Output:
	// ginsession: bad configuration: Engine: not set: choose where sessions are kept, for instance ginsession.DB(db)
	// ginsession: bad configuration: CookieSameSite: None needs CookieSecure: browsers drop the cookie without it
	// ginsession: bad configuration: CookieAge: 1ms: use whole seconds, at least one, or 0 for 336h0m0s
}

func ExampleNewManager() {
	_, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.SignedCookies()})
	fmt.Println(errors.Is(err, ginsession.ErrConfig))
	fmt.Println(err)
	// Output:
	// true
	// ginsession: bad configuration: SecretKey: not set: SignedCookies signs the session with it; use at least 50 random characters
}

func ExampleConfig() {
	_ = ginsession.Config{
		Engine:       ginsession.Cached(memory.New()),
		CookieName:   "__Host-sid",
		CookieSecure: true,
		CookieAge:    7 * 24 * time.Hour,
		RenewAfter:   time.Hour,           // extended while it is in use, written once an hour at most
		MaxLifetime:  30 * 24 * time.Hour, // then the visitor signs in again, whatever the activity
		Logger:       slog.Default(),
		ErrorHandler: func(c *gin.Context, err error) {
			if errors.Is(err, ginsession.ErrInterrupted) {
				c.String(http.StatusConflict, "You have signed out in another window.")
				return
			}
			c.String(http.StatusServiceUnavailable, "Please try again in a minute.")
		},
	}
}

func ExampleManager_Handler() {
	m := exampleManager()
	r := exampleSite()
	members := r.Group("/members", m.Handler())
	members.GET("/", func(c *gin.Context) {
		s := ginsession.Get(c)
		s.Set("seen", true)
		c.JSON(http.StatusOK, s.Keys())
	})
	r.GET("/public", func(c *gin.Context) { c.String(http.StatusOK, "no session here") })

	exampleBrowser{}.asks(r, "GET", "/members/")
	exampleBrowser{}.asks(r, "GET", "/public")
	// Output:
	// GET /members/ 200 ["seen"]
	// GET /public 200 no session here
}

func ExampleGet() {
	r := exampleSite()
	r.Use(exampleManager().Handler())
	r.GET("/theme/:name", func(c *gin.Context) {
		s := ginsession.Get(c)
		old := s.SetDefault("theme", "light")
		s.Set("theme", c.Param("name"))
		c.String(http.StatusOK, "%v, then %v", old, s.Get("theme"))
	})

	browser := exampleBrowser{}
	browser.asks(r, "GET", "/theme/dark")
	browser.asks(r, "GET", "/theme/blue")
	// Output:
	// GET /theme/dark 200 light, then dark
	// GET /theme/blue 200 dark, then blue
}

// Two managers have two cookies: one for the site, one for its back office.
func ExampleManager_Get() {
	site := exampleManager()
	office, err := ginsession.NewManager(ginsession.Config{
		Engine:     ginsession.Cached(memory.New()),
		CookieName: "office",
		CookiePath: "/office",
	})
	if err != nil {
		log.Fatal(err)
	}
	r := exampleSite()
	r.Use(site.Handler())
	r.GET("/office/", office.Handler(), func(c *gin.Context) {
		site.Get(c).Set("visitor", "alice")
		office.Get(c).Set("clerk", "bob")
		c.JSON(http.StatusOK, []any{site.Get(c).Keys(), office.Get(c).Keys()})
	})

	exampleBrowser{}.asks(r, "GET", "/office/")
	// Output: GET /office/ 200 [["visitor"],["clerk"]]
}

// greeting knows of contexts and nothing of Gin.
func greeting(ctx context.Context) string {
	s, ok := ginsession.FromContext(ctx)
	if !ok {
		return "hello, whoever you are"
	}
	name, _ := ginsession.Value[string](s, "name")
	return "hello, " + name
}

func ExampleNewContext() {
	s := exampleSession()
	s.Set("name", "alice")
	fmt.Println(greeting(context.Background()))
	fmt.Println(greeting(ginsession.NewContext(context.Background(), s)))
	// Output:
	// hello, whoever you are
	// hello, alice
}

// A *gin.Context is a context, and leads to its session.
func ExampleFromContext() {
	r := exampleSite()
	r.Use(exampleManager().Handler())
	r.GET("/", func(c *gin.Context) {
		ginsession.Get(c).Set("name", "alice")
		c.String(http.StatusOK, greeting(c))
	})

	exampleBrowser{}.asks(r, "GET", "/")
	// Output: GET / 200 hello, alice
}

// A session outside a request, for a command or a background task.
func ExampleManager_Open() {
	ctx := context.Background()
	m := exampleManager()
	s := m.Open(ctx, "") // a new one
	s.Set("user", "alice")
	if err := s.Save(); err != nil {
		log.Fatal(err)
	}

	again := m.Open(ctx, s.Key())
	fmt.Println(again.Get("user"))
	// Output: alice
}

// A test that needs a signed-in visitor makes one without the sign-in page.
func ExampleManager_Cookie() {
	m := exampleManager()
	r := exampleSite()
	r.Use(m.Handler())
	r.GET("/", func(c *gin.Context) { c.String(http.StatusOK, "hello, %v", ginsession.Get(c).Get("user")) })

	s := m.Open(context.Background(), "")
	s.Set("user", "alice")
	if err := s.Save(); err != nil {
		log.Fatal(err)
	}
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.AddCookie(m.Cookie(s))
	recorder := httptest.NewRecorder()
	r.ServeHTTP(recorder, request)
	fmt.Println(recorder.Body)
	// Output: hello, alice
}

func ExampleManager_Exists() {
	ctx := context.Background()
	m := exampleManager()
	s := m.Open(ctx, "")
	if err := s.Save(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Exists(ctx, s.Key()))
	fmt.Println(m.Exists(ctx, "abcdefghijklmnopqrstuvwxyz012345"))
	// Output:
	// true <nil>
	// false <nil>
}

// Signing a visitor out from outside, by the key that the cookie carries.
func ExampleManager_Delete() {
	ctx := context.Background()
	m := exampleManager()
	s := m.Open(ctx, "")
	s.Set("user", "alice")
	if err := s.Save(); err != nil {
		log.Fatal(err)
	}
	if err := m.Delete(ctx, s.Key()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Exists(ctx, s.Key()))

	s.Set("late", true) // by a request that is still running
	fmt.Println(errors.Is(s.Save(), ginsession.ErrInterrupted))
	// Output:
	// false <nil>
	// true
}

func ExampleManager_ClearExpired() {
	ctx := context.Background()
	db := exampleDB("clear")
	if err := ginsession.Migrate(db); err != nil {
		log.Fatal(err)
	}
	m, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.DB(db)})
	if err != nil {
		log.Fatal(err)
	}
	for range 3 {
		s := m.Open(ctx, "")
		s.SetExpiry(ginsession.ExpireAt(time.Now().Add(-time.Hour)))
		if err := s.Save(); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(m.ClearExpired(ctx, ginsession.ClearBatchSize(500)))
	// Output: 3 <nil>
}

func ExampleManager_StartCleaner() {
	m := exampleManager()
	stop := m.StartCleaner(context.Background(), time.Hour)
	defer stop() // waits for a cleaning that is under way

	// ... serve ...

	// Output:
}

func ExampleMigrate() {
	db := exampleDB("migrate")
	for range 2 { // at every start: what is there stays
		if err := ginsession.Migrate(db); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(db.Migrator().HasTable("gin_session"))
	// Output: true
}

func ExampleValue() {
	type cart struct {
		Items map[string]int
	}
	ctx := context.Background()
	m := exampleManager()
	s := m.Open(ctx, "")
	s.Set("visits", 3)
	s.Set("cart", cart{map[string]int{"apple": 1}})
	if err := s.Save(); err != nil {
		log.Fatal(err)
	}

	s = m.Open(ctx, s.Key()) // the next request
	fmt.Println(ginsession.Value[int](s, "visits"))
	fmt.Println(ginsession.Value[string](s, "visits"))
	fmt.Println(ginsession.Value[int](s, "absent"))
	c, _ := ginsession.Value[cart](s, "cart")
	c.Items["pear"] = 2 // what is changed inside is saved
	if err := s.Save(); err != nil {
		log.Fatal(err)
	}
	raw, _ := ginsession.Value[json.RawMessage](s, "cart")
	fmt.Println(string(raw))
	// Output:
	// 3 true
	//  false
	// 0 false
	// {"Items":{"apple":1,"pear":2}}
}

// A counter that two requests at once increment by two.
func ExampleModify() {
	ctx := context.Background()
	m := exampleManager()
	first := m.Open(ctx, "")
	first.Set("points", 10)
	if err := first.Save(); err != nil {
		log.Fatal(err)
	}
	second := m.Open(ctx, first.Key())

	increment := func(points int, _ bool) int { return points + 1 }
	for _, s := range []*ginsession.Session{first, second} {
		points, err := ginsession.Modify(s, "points", increment)
		fmt.Println(points, err) // provisional
	}
	for _, s := range []*ginsession.Session{first, second} {
		if err := s.Save(); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(second.Get("points"))
	// Output:
	// 11 <nil>
	// 11 <nil>
	// 12
}

// A token that is good for once, also where its form is sent twice.
func ExampleClaim() {
	ctx := context.Background()
	m := exampleManager()
	form := m.Open(ctx, "")
	form.Set("token", "order-7")
	if err := form.Save(); err != nil {
		log.Fatal(err)
	}
	for range 2 {
		s := m.Open(ctx, form.Key())
		token, ok, err := ginsession.Claim[string](s, "token")
		switch {
		case err != nil:
			log.Fatal(err) // it must not be relied on
		case ok:
			fmt.Println("carried out:", token)
		default:
			fmt.Println("sent before")
		}
	}
	// Output:
	// carried out: order-7
	// sent before
}

// Sessions shared with a Django site, both ways.
func ExampleForDjango() {
	db := exampleDB("django")
	cfg := ginsession.ForDjango(db, ginsession.DjangoOptions{
		SecretKey: "Django's SECRET_KEY",
	})
	if err := ginsession.Migrate(db, ginsession.TableName("django_session")); err != nil {
		log.Fatal(err)
	}
	r := exampleSite()
	r.Use(ginsession.New(cfg))
	r.GET("/", func(c *gin.Context) {
		user, ok := ginsession.Value[string](ginsession.Get(c), "_auth_user_id")
		c.String(http.StatusOK, "user %q, signed in at Django: %v", user, ok)
	})

	exampleBrowser{}.asks(r, "GET", "/")
	// Output: GET / 200 user "", signed in at Django: false
}

func ExampleDB() {
	db := exampleDB("engine")
	if err := ginsession.Migrate(db); err != nil {
		log.Fatal(err)
	}
	_ = ginsession.Config{Engine: ginsession.DB(db)}
}

func ExampleTableName() {
	db := exampleDB("table")
	table := ginsession.TableName("shop_sessions")
	if err := ginsession.Migrate(db, table); err != nil {
		log.Fatal(err)
	}
	_ = ginsession.Config{Engine: ginsession.DB(db, table)}
}

// A memberSession has a column by which a member's sessions can be found.
type memberSession struct {
	ginsession.Model
	Member *string `gorm:"column:member;type:varchar(40);index"`
}

// Signing a member out everywhere.
func ExampleColumns() {
	db := exampleDB("columns")
	columns := ginsession.Columns(&memberSession{}, func(data map[string]any) map[string]any {
		return map[string]any{"member": data["member"]}
	})
	if err := ginsession.Migrate(db, columns); err != nil {
		log.Fatal(err)
	}
	m, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.DB(db, columns)})
	if err != nil {
		log.Fatal(err)
	}
	for _, member := range []string{"alice", "alice", "bob"} {
		s := m.Open(context.Background(), "")
		s.Set("member", member)
		if err := s.Save(); err != nil {
			log.Fatal(err)
		}
	}
	result := db.Where("member = ?", "alice").Delete(&memberSession{})
	fmt.Println(result.RowsAffected, result.Error)
	// Output: 2 <nil>
}

func ExampleFile() {
	_ = ginsession.Config{Engine: ginsession.File("/var/lib/shop/sessions")}
}

func ExampleCached() {
	_ = ginsession.Config{Engine: ginsession.Cached(memory.New())}
}

// The database has the sessions, the cache saves reading them.
func ExampleCachedDB() {
	db := exampleDB("cacheddb")
	if err := ginsession.Migrate(db); err != nil {
		log.Fatal(err)
	}
	_ = ginsession.Config{Engine: ginsession.CachedDB(db, memory.New(), ginsession.CacheMaxAge(time.Minute))}
}

// Caches by name, as in Django's CACHES.
func ExampleCaches_Use() {
	caches := ginsession.Caches{
		"default":  memory.New(),
		"sessions": memory.New(memory.MaxBytes(256 << 20)),
	}
	_, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.Cached(caches.Use("sessions"))})
	fmt.Println(err)
	_, err = ginsession.NewManager(ginsession.Config{Engine: ginsession.Cached(caches.Use("session"))})
	fmt.Println(err)
	// Output:
	// <nil>
	// ginsession: bad configuration: Engine: no cache has the alias "session": add it to the Caches or use another alias
}

func ExampleSignedCookies() {
	r := exampleSite()
	r.Use(ginsession.New(ginsession.Config{
		Engine:    ginsession.SignedCookies(),
		SecretKey: "at least 50 random characters, kept out of the repository",
	}))
	r.GET("/", func(c *gin.Context) {
		s := ginsession.Get(c)
		n, _ := ginsession.Value[int](s, "visits")
		s.Set("visits", n+1)
		c.String(http.StatusOK, "visit %d", n+1)
	})

	browser := exampleBrowser{}
	browser.asks(r, "GET", "/")
	browser.asks(r, "GET", "/")
	// Output:
	// GET / 200 visit 1
	// GET / 200 visit 2
}

// A store of your own. Package enginetest proves it.
func ExampleCustom() {
	var store ginsession.Store // yours
	_, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.Custom(store)})
	fmt.Println(err)
	// Output: ginsession: bad configuration: Engine: Custom: the store is nil
}

func ExampleSession_Get() {
	ctx := context.Background()
	m := exampleManager()
	s := m.Open(ctx, "")
	s.Update(map[string]any{"n": 1, "f": 1.0, "list": []string{"x"}})
	fmt.Printf("%T %T %T %T\n", s.Get("n"), s.Get("f"), s.Get("list"), s.Get("absent"))
	if err := s.Save(); err != nil {
		log.Fatal(err)
	}
	s = m.Open(ctx, s.Key()) // the next request
	fmt.Printf("%T %T %T %T\n", s.Get("n"), s.Get("f"), s.Get("list"), s.Get("absent"))
	// Output:
	// int64 float64 []interface {} <nil>
	// int64 float64 []interface {} <nil>
}

func ExampleSession_Lookup() {
	s := exampleSession()
	s.Set("answer", nil)
	fmt.Println(s.Lookup("answer"))
	fmt.Println(s.Lookup("question"))
	// Output:
	// <nil> true
	// <nil> false
}

func ExampleSession_Set() {
	s := exampleSession()
	s.Set("cart", map[string]int{"apple": 1})
	s.Set("cart", map[string]int{"pear": 2})
	fmt.Println(s.Get("cart"), s.Modified())
	// Output: map[pear:2] true
}

func ExampleSession_Delete() {
	s := exampleSession()
	s.Set("cart", "full")
	fmt.Println(s.Delete("cart"))
	fmt.Println(s.Delete("cart"))
	// Output:
	// <nil>
	// ginsession: no such key in the session: "cart"
}

func ExampleSession_Has() {
	s := exampleSession()
	s.Set("user", nil)
	fmt.Println(s.Has("user"), s.Has("visitor"))
	// Output: true false
}

// A message that is shown once.
func ExampleSession_Pop() {
	s := exampleSession()
	s.Set("message", "saved")
	fmt.Println(s.Pop("message"))
	fmt.Println(s.Pop("message"))
	// Output:
	// saved true
	// <nil> false
}

func ExampleSession_SetDefault() {
	s := exampleSession()
	fmt.Println(s.SetDefault("theme", "light"))
	fmt.Println(s.SetDefault("theme", "dark"))
	// Output:
	// light
	// light
}

func ExampleSession_Update() {
	s := exampleSession()
	s.Set("a", 1)
	s.Update(map[string]any{"a": 2, "b": 3})
	fmt.Println(s.Items())
	// Output: map[a:2 b:3]
}

func ExampleSession_All() {
	s := exampleSession()
	s.Update(map[string]any{"b": 2, "a": 1})
	for key, value := range s.All() {
		fmt.Println(key, value)
	}
	// Output:
	// a 1
	// b 2
}

func ExampleSession_Keys() {
	s := exampleSession()
	s.Update(map[string]any{"b": 2, "a": 1})
	fmt.Println(s.Keys(), s.Values(), s.Len())
	// Output: [a b] [1 2] 2
}

// Clear empties the session and keeps its key, Flush ends it.
func ExampleSession_Clear() {
	s := exampleSession()
	s.Set("a", 1)
	if err := s.Save(); err != nil {
		log.Fatal(err)
	}
	s.Clear()
	fmt.Println(s.Len(), s.Key() == "", s.IsEmpty())
	if err := s.Flush(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Len(), s.Key() == "", s.IsEmpty())
	// Output:
	// 0 false false
	// 0 true true
}

func ExampleSession_Flush() {
	ctx := context.Background()
	m := exampleManager()
	s := m.Open(ctx, "")
	s.Set("user", "alice")
	if err := s.Save(); err != nil {
		log.Fatal(err)
	}
	key := s.Key()
	if err := s.Flush(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Exists(ctx, key))
	fmt.Println(s.Items(), s.Key() == "")
	// Output:
	// false <nil>
	// map[] true
}

func ExampleSession_CycleKey() {
	ctx := context.Background()
	m := exampleManager()
	s := m.Open(ctx, "")
	s.Set("cart", "full")
	if err := s.Save(); err != nil {
		log.Fatal(err)
	}
	old := s.Key()
	if err := s.CycleKey(); err != nil {
		log.Fatal(err)
	}
	s.Set("user", "alice")
	if err := s.Save(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Key() == old, s.Items())
	fmt.Println(m.Exists(ctx, old))
	// Output:
	// false map[cart:full user:alice]
	// false <nil>
}

// A value that cannot be stored is named, and nothing is saved.
func ExampleSession_Save() {
	s := exampleSession()
	s.Set("done", make(chan bool))
	err := s.Save()
	fmt.Println(errors.Is(err, ginsession.ErrEncode))
	fmt.Println(err)
	// Output:
	// true
	// ginsession: a value cannot be stored: key "done": json: unsupported type: chan bool
}

func ExampleSession_Load() {
	s := exampleManager().Open(context.Background(), "abcdefghijklmnopqrstuvwxyz012345")
	if err := s.Load(); err != nil {
		log.Fatal(err) // the store cannot be read: this is not an empty session
	}
	fmt.Println(s.IsEmpty())
	// Output: true
}

func ExampleSession_SetExpiry() {
	s := exampleSession()
	fmt.Println(s.ExpiryAge(), s.ExpiresAtBrowserClose())
	s.SetExpiry(ginsession.ExpireAfter(time.Hour)) // "keep me signed in" was not ticked
	fmt.Println(s.ExpiryAge(), s.ExpiresAtBrowserClose())
	s.SetExpiry(ginsession.ExpireAtBrowserClose)
	fmt.Println(s.ExpiryAge(), s.ExpiresAtBrowserClose())
	s.SetExpiry(ginsession.ExpireDefault)
	fmt.Println(s.ExpiryAge(), s.ExpiresAtBrowserClose())
	// Output:
	// 336h0m0s false
	// 1h0m0s false
	// 336h0m0s true
	// 336h0m0s false
}

func ExampleSession_ExpiryDate() {
	modified := time.Date(2026, time.November, 23, 4, 45, 0, 0, time.UTC)
	s := exampleSession()
	fmt.Println(s.ExpiryDate(
		ginsession.ModifiedAt(modified),
		ginsession.WithExpiry(ginsession.ExpireAfter(time.Hour)),
	))
	// Output: 2026-11-23 05:45:00 +0000 UTC
}

func ExampleSession_MarkModified() {
	s := exampleSession()
	s.MarkModified() // saved, and so extended, though nothing was changed
	fmt.Println(s.Modified())
	// Output: true
}

// Does the browser take cookies? Set one with the form, look for it when the form comes back.
func ExampleSession_SetTestCookie() {
	r := exampleSite()
	r.Use(exampleManager().Handler())
	r.GET("/login", func(c *gin.Context) {
		ginsession.Get(c).SetTestCookie()
		c.String(http.StatusOK, "the form")
	})
	r.POST("/login", func(c *gin.Context) {
		s := ginsession.Get(c)
		if !s.TestCookieWorked() {
			c.String(http.StatusBadRequest, "please allow cookies")
			return
		}
		_ = s.DeleteTestCookie() // it is there
		c.String(http.StatusOK, "welcome")
	})

	browser := exampleBrowser{}
	browser.asks(r, "GET", "/login")
	browser.asks(r, "POST", "/login")
	exampleBrowser{}.asks(r, "POST", "/login")
	// Output:
	// GET /login 200 the form
	// POST /login 200 welcome
	// POST /login 400 please allow cookies
}
