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
)

// "Keep me signed in": the session of a visitor who wants that lives for 30 days of inactivity, any
// other until the browser closes. Set Config.RenewAfter, so that reading pages is activity too.
func Example_rememberMe() {
	r := exampleSite()
	r.Use(exampleManager().Handler())
	r.POST("/login", func(c *gin.Context) {
		s := ginsession.Get(c)
		if err := s.SignIn("alice"); err != nil {
			return // the ErrorHandler answers
		}
		s.SetExpiry(ginsession.ExpireAtBrowserClose)
		if c.Query("remember") == "on" {
			s.SetExpiry(ginsession.ExpireAfter(30 * 24 * time.Hour))
		}
		c.String(http.StatusOK, "browser session: %v", s.ExpiresAtBrowserClose())
	})
	exampleBrowser{}.asks(r, "POST", "/login")
	exampleBrowser{}.asks(r, "POST", "/login?remember=on")
	// Output:
	// POST /login 200 browser session: true
	// POST /login?remember=on 200 browser session: false
}

// "Your devices": the sessions of the user who asks, and a button that ends the others.
func ExampleManager_SessionsOf() {
	m := exampleManager()
	r := exampleSite()
	r.Use(m.Handler())
	r.POST("/login", func(c *gin.Context) {
		s := ginsession.Get(c)
		if err := s.SignIn("alice"); err != nil {
			return // the ErrorHandler answers
		}
		s.Set("browser", c.Query("browser"))
		c.String(http.StatusOK, "welcome")
	})
	toSignIn := func(c *gin.Context) { c.String(http.StatusUnauthorized, "please sign in") }
	account := r.Group("/account", ginsession.RequireOwner(toSignIn))
	account.GET("/devices", func(c *gin.Context) {
		own := ginsession.Get(c)
		sessions, err := m.SessionsOf(c, own.Owner())
		if err != nil {
			c.String(http.StatusServiceUnavailable, "please try again")
			return
		}
		for _, s := range sessions {
			c.Writer.WriteString(fmt.Sprintf("[%v, this one: %v]", s.Get("browser"), s.ID() == own.ID()))
		}
	})
	account.POST("/devices/end-others", func(c *gin.Context) {
		own := ginsession.Get(c)
		n, err := m.EndSessionsOf(c, own.Owner(), own.ID())
		if err != nil {
			c.String(http.StatusServiceUnavailable, "please try again")
			return
		}
		c.String(http.StatusOK, "%d ended", n)
	})

	phone, laptop := exampleBrowser{}, exampleBrowser{}
	phone.asks(r, "POST", "/login?browser=phone")
	laptop.asks(r, "POST", "/login?browser=laptop")
	laptop.asks(r, "GET", "/account/devices")
	laptop.asks(r, "POST", "/account/devices/end-others")
	phone.asks(r, "GET", "/account/devices")
	// Output:
	// POST /login?browser=phone 200 welcome
	// POST /login?browser=laptop 200 welcome
	// GET /account/devices 200 [laptop, this one: true][phone, this one: false]
	// POST /account/devices/end-others 200 1 ended
	// GET /account/devices 401 please sign in
}

// A page that changes a password asks for the old one again if the sign-in is not fresh.
func ExampleRequireRecent() {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	cfg := ginsession.Config{Engine: ginsession.DB(exampleDB("recent")), Clock: func() time.Time { return now }}
	if err := ginsession.Migrate(exampleDB("recent")); err != nil {
		log.Fatal(err)
	}
	r := exampleSite()
	r.Use(ginsession.New(cfg))
	r.POST("/login", func(c *gin.Context) {
		if err := ginsession.Get(c).SignIn("alice"); err == nil {
			c.String(http.StatusOK, "welcome")
		}
	})
	r.POST("/confirm", func(c *gin.Context) { // check the password first
		ginsession.Get(c).Reauthenticate()
		c.String(http.StatusOK, "thank you")
	})
	toConfirm := func(c *gin.Context) { c.String(http.StatusForbidden, "your password, please") }
	r.POST("/password", ginsession.RequireRecent(10*time.Minute, toConfirm), func(c *gin.Context) {
		c.String(http.StatusOK, "changed")
	})

	browser := exampleBrowser{}
	browser.asks(r, "POST", "/login")
	now = now.Add(time.Hour)
	browser.asks(r, "POST", "/password")
	browser.asks(r, "POST", "/confirm")
	browser.asks(r, "POST", "/password")
	// Output:
	// POST /login 200 welcome
	// POST /password 403 your password, please
	// POST /confirm 200 thank you
	// POST /password 200 changed
}

// Forms that other sites post with a visitor's cookie are refused by net/http itself, without tokens.
func Example_csrf() {
	r := exampleSite()
	r.Use(exampleManager().Handler())
	r.POST("/transfer", func(c *gin.Context) { c.String(http.StatusOK, "done") })
	site := http.NewCrossOriginProtection().Handler(r)

	for _, from := range []string{"same-origin", "cross-site"} {
		request := httptest.NewRequest("POST", "/transfer", nil)
		request.Header.Set("Sec-Fetch-Site", from) // browsers set it
		recorder := httptest.NewRecorder()
		site.ServeHTTP(recorder, request)
		fmt.Println(from, recorder.Code)
	}
	// Output:
	// same-origin 200
	// cross-site 403
}

// A stream saves what it changes: before its first byte by itself, so that a new visitor gets the cookie,
// and after that at its end, or at once with Save. Reload tells whether the visitor has signed out.
func Example_serverSentEvents() {
	m := exampleManager()
	r := exampleSite()
	r.Use(m.Handler())
	r.GET("/events", func(c *gin.Context) {
		s := ginsession.Get(c)
		s.Set("streams", ginsession.ValueOr(s, "streams", 0)+1)
		for i := range 3 {
			if s.Reload() != nil {
				return // signed out, or the store is down
			}
			c.SSEvent("tick", i)
			c.Writer.Flush()
		}
		s.Set("seen", 3)
	})
	r.GET("/", func(c *gin.Context) {
		s := ginsession.Get(c)
		c.String(http.StatusOK, "%v streams, %v seen", s.Get("streams"), s.Get("seen"))
	})
	visitor := m.Open(context.Background(), "")
	visitor.Set("streams", 0)
	if err := visitor.Save(); err != nil {
		log.Fatal(err)
	}
	cookie := m.Cookie(visitor)
	browser := exampleBrowser{cookie.Name: cookie.Value}
	request := httptest.NewRequest("GET", "/events", nil)
	request.AddCookie(cookie)
	r.ServeHTTP(httptest.NewRecorder(), request)
	browser.asks(r, "GET", "/")
	// Output:
	// GET / 200 1 streams, 3 seen
}

// A background job notes its result in the session of the visitor who began it. The key must not
// leave the program: keep it in memory, or in a queue that is as well guarded as the sessions.
func Example_backgroundJob() {
	m := exampleManager()
	jobs := make(chan string, 1)
	r := exampleSite()
	r.Use(m.Handler())
	r.POST("/report", func(c *gin.Context) {
		s := ginsession.Get(c)
		s.Set("report", "in work")
		if err := s.Save(); err != nil { // gives a new session its key
			return // the ErrorHandler answers
		}
		jobs <- s.Key()
		c.String(http.StatusAccepted, "begun")
	})
	r.GET("/report", func(c *gin.Context) { c.String(http.StatusOK, "%v", ginsession.Get(c).Get("report")) })

	browser := exampleBrowser{}
	browser.asks(r, "POST", "/report")
	s := m.Open(context.Background(), <-jobs) // the job, in another goroutine
	s.Set("report", "ready")
	if err := s.Save(); err != nil { // ErrInterrupted: the visitor has signed out
		log.Print(err)
	}
	browser.asks(r, "GET", "/report")
	// Output:
	// POST /report 202 begun
	// GET /report 200 ready
}
