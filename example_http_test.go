package ginsession_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
)

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

// Signing in and out. SignIn gives the session a new key, so that one which was planted in the browser
// is worthless. Flush ends the session on the server, whatever the browser keeps.
func Example_signIn() {
	r := exampleSite()
	r.Use(exampleManager().Handler())
	r.POST("/login", func(c *gin.Context) {
		// check the password first
		if err := ginsession.Get(c).SignIn("alice"); err != nil {
			return // the ErrorHandler answers
		}
		c.String(http.StatusOK, "welcome")
	})
	r.POST("/logout", func(c *gin.Context) {
		if err := ginsession.Get(c).Flush(); err != nil {
			return // the ErrorHandler answers
		}
		c.String(http.StatusOK, "goodbye")
	})
	r.GET("/", func(c *gin.Context) {
		c.String(http.StatusOK, "signed in: %q", ginsession.Get(c).Owner())
	})

	browser := exampleBrowser{}
	browser.asks(r, "GET", "/")
	browser.asks(r, "POST", "/login")
	browser.asks(r, "GET", "/")
	browser.asks(r, "POST", "/logout")
	browser.asks(r, "GET", "/")
	// Output:
	// GET / 200 signed in: ""
	// POST /login 200 welcome
	// GET / 200 signed in: "alice"
	// POST /logout 200 goodbye
	// GET / 200 signed in: ""
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
