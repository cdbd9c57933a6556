package main

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/messages"
)

//go:embed templates static
var files embed.FS

// The keys of the session, with the type of their values.
const (
	startedKey = "started" // time.Time: when the session began
	browserKey = "browser" // string: which browser has signed in
	placeKey   = "place"   // string: the network address that it had then
	activeKey  = "active"  // time.Time: when the customer has last sent a form
	cartKey    = "cart"    // cart
)

// A shop answers HTTP requests.
type shop struct {
	*gin.Engine
	options
	db       *gorm.DB
	engine   engine
	sessions *ginsession.Manager
}

type options struct {
	https    bool             // browsers use HTTPS only
	now      func() time.Time // the clock
	accounts []account        // those to begin with
	hashCost int              // bcrypt's, of a new password
}

// cookieName is the session cookie's name. Browsers accept a __Host- cookie only from this host and
// over HTTPS, so without HTTPS they would drop it.
func (s *shop) cookieName() string {
	if s.https {
		return "__Host-sessionid"
	}
	return "sessionid"
}

// newShop prepares the database and the routes.
func newShop(db *gorm.DB, engine engine, o options) (*shop, error) {
	s := &shop{Engine: gin.New(), options: o, db: db, engine: engine}
	err := errors.Join(db.AutoMigrate(&order{}), createAccounts(db, o.accounts))
	if err != nil {
		return nil, err
	}
	s.sessions, err = ginsession.NewManager(ginsession.Config{
		Engine:       engine.Engine,
		SecretKey:    engine.secretKey,
		CookieName:   s.cookieName(),
		CookieSecure: s.https,
		RenewAfter:   time.Hour,           // a visitor who keeps coming back stays signed in …
		MaxLifetime:  90 * 24 * time.Hour, // … but no longer than this
		ErrorHandler: s.sessionFailed,
		Clock:        s.now,
	})
	if err != nil {
		return nil, err
	}
	s.route()
	return s, nil
}

func (s *shop) route() {
	s.SetHTMLTemplate(template.Must(template.New("").Funcs(template.FuncMap{"money": money}).ParseFS(files, "templates/*.html")))
	_ = s.SetTrustedProxies(nil)
	s.Use(gin.Logger(), gin.CustomRecovery(s.panicked), protect(s.https, s.fail))
	s.HandleMethodNotAllowed = true
	s.NoRoute(s.sessions.Handler(), s.notFound)
	s.NoMethod(s.sessions.Handler(), s.wrongMethod)

	static, _ := fs.Glob(files, "static/*")
	for _, file := range static { // without a session
		s.StaticFileFS("/"+file, file, http.FS(files))
	}

	visitors := s.Group("/", s.sessions.Handler(), s.noteActive)
	visitors.GET("/", s.showProducts)
	visitors.POST("/add", s.changeCart("/"))
	visitors.GET("/cart", s.showCart)
	visitors.POST("/cart", s.changeCart("/cart"))
	visitors.GET("/signin", s.showSignIn)
	visitors.POST("/signin", s.signIn)
	visitors.POST("/signout", s.signOut)
	visitors.GET("/session", s.showSession)

	customers := visitors.Group("/", ginsession.RequireOwner(s.toSignIn))
	customers.GET("/orders", s.showOrders)
	customers.POST("/orders", s.placeOrder)
	customers.GET("/devices", s.showDevices)
	customers.POST("/devices/end", s.requireRecent("/devices"), s.endDevice)
	customers.POST("/devices/end-others", s.requireRecent("/devices"), s.endOtherDevices)
	customers.GET("/password", s.requireRecent("/password"), s.showPassword)
	customers.POST("/password", s.requireRecent("/password"), s.changePassword)
	for _, page := range []string{"/devices", "/password"} {
		customers.GET("/confirm"+page, s.showConfirm)
		customers.POST("/confirm"+page, s.confirm(page))
	}
}

// protect forbids scripts, and frames on other sites, and refuses forms that other sites post. With
// https it also has browsers use HTTPS only. (SameSite=Lax, the session cookie's default, already
// keeps the cookie out of such posts; this check does not depend on the cookie.)
func protect(https bool, fail func(c *gin.Context, status int, title, message string)) gin.HandlerFunc {
	origins := http.NewCrossOriginProtection()
	return func(c *gin.Context) {
		c.Header("Content-Security-Policy", "default-src 'self'; script-src 'none'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'")
		c.Header("X-Content-Type-Options", "nosniff")
		c.Header("Referrer-Policy", "same-origin")
		if https {
			c.Header("Strict-Transport-Security", "max-age=31536000") // a year without plain HTTP
		}
		if origins.Check(c.Request) != nil {
			fail(c, http.StatusForbidden, "Not from here", "This form was sent by another site, so nothing was done.")
		}
	}
}

// A page is what every template gets.
type page struct {
	Title    string
	Path     string
	User     string // "" if nobody is signed in
	Items    int    // in the cart
	Messages []messages.Message
	Failed   bool // there is no session: the page's head leaves it out
	Data     any  // the page's own
}

// newPage returns a page whose head shows the visitor's account and cart.
func newPage(c *gin.Context, title string, data any) page {
	session := ginsession.Get(c)
	items, _ := ginsession.Value[cart](session, cartKey)
	return page{Title: title, Path: c.Request.URL.Path, User: session.Owner(), Items: items.count(), Data: data}
}

// render answers with a page, which shows the pending messages. The session, now without them, is
// saved before the first byte is sent.
func (s *shop) render(c *gin.Context, status int, name, title string, data any) {
	p := newPage(c, title, data)
	p.Messages = takeMessages(c)
	if problem := cookieProblem(c); problem != "" {
		p.Messages = append(p.Messages, messages.Message{Level: messages.Error, Text: problem})
	}
	s.send(c, status, name, p)
}

func (s *shop) send(c *gin.Context, status int, name string, p page) {
	c.Header("Cache-Control", "no-store") // the back button must not show an account after sign-out
	c.HTML(status, name, p)
}

// notify shows a message on the visitor's next page.
func notify(c *gin.Context, level messages.Level, format string, args ...any) {
	// It fails only if the session cannot be loaded, which sessionFailed answers.
	_ = messages.Add(ginsession.Get(c), level, fmt.Sprintf(format, args...))
}

// takeMessages returns what notify has kept. It ends a session that has held nothing else, such as
// the one after sign-out: a visitor who only looks around has none.
func takeMessages(c *gin.Context) []messages.Message {
	session := ginsession.Get(c)
	taken := messages.Take(session)
	ours := func(key string) bool { return !strings.HasPrefix(key, "_") }
	if len(taken) > 0 && session.Owner() == "" && !slices.ContainsFunc(session.Keys(), ours) {
		_ = session.Flush() // sessionFailed answers an error
	}
	return taken
}

// begin records when the session began, for the page that shows it.
func (s *shop) begin(session *ginsession.Session) {
	session.SetDefault(startedKey, s.now().UTC().Truncate(time.Second))
}

// seeOther redirects to another page after a form, so that a reload does not send the form again.
func seeOther(c *gin.Context, path string) { c.Redirect(http.StatusSeeOther, path) }
