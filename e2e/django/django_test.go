package django_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
)

// A pair is the two programs on one database, and somebody who may sign in.
type pair struct {
	site *site
	shop *shop
	credentials
}

type credentials struct{ name, password string }

// programs are the addresses of both.
func (p *pair) programs() map[string]string {
	return map[string]string{"Django": p.site.url, "Gin": p.shop.url}
}

// other is the other program's address.
func (p *pair) other(program string) string {
	if program == p.site.url {
		return p.shop.url
	}
	return p.site.url
}

// A backend is one of Django's that can be shared.
type backend struct {
	name   string // Django's
	engine func(s *site) ginsession.Engine

	files     bool // in SessionFilePath; Django never ends a session with an expiry in seconds
	stateless bool // in the cookie: nothing can be revoked or cleared, and Django ignores expiries
}

var backends = []backend{
	{name: "db"}, // ForDjango's own
	{
		name:   "file",
		engine: func(s *site) ginsession.Engine { return ginsession.File(s.SessionFilePath) },
		files:  true,
	},
	{
		name:      "signed_cookies",
		engine:    func(*site) ginsession.Engine { return ginsession.SignedCookies() },
		stateless: true,
	},
}

var databases = []struct {
	name string
	open func(t *testing.T) (*gorm.DB, map[string]any)
}{
	{"sqlite", newSQLite},
	{"postgres", newPostgres},
	{"mysql", newMySQL},
}

// TestSharedSessions runs both programs on each backend, each database and with Django's time
// zones on and off.
func TestSharedSessions(t *testing.T) {
	for _, backend := range backends {
		for _, database := range databases {
			if backend.name != "db" && database.name != "sqlite" {
				continue // the sessions are elsewhere
			}
			for _, zones := range []string{"USE_TZ", "local time"} {
				t.Run(backend.name+"/"+database.name+"/"+zones, func(t *testing.T) {
					db, setting := database.open(t)
					testPair(t, backend, startPair(t, backend, siteConfig{
						Database: setting,
						UseTZ:    zones == "USE_TZ",
					}, db))
				})
			}
		}
	}
}

func startPair(t *testing.T, b backend, config siteConfig, db *gorm.DB) *pair {
	t.Helper()
	p := &pair{site: startSite(t, config.withDefaults(t, b), db), credentials: credentials{"ada", "countess of lovelace"}}
	settings := p.site.sessionConfig(t)
	if b.engine != nil {
		settings.Engine = b.engine(p.site)
	}
	p.shop = startShop(t, p.site, settings)
	p.newUser(t, p.credentials)
	t.Logf("Django %d.%d", p.site.version[0], p.site.version[1])
	return p
}

func (c siteConfig) withDefaults(t *testing.T, b backend) siteConfig {
	t.Helper()
	if c.SecretKey == "" {
		c.SecretKey = "a secret key of both programs, é and all"
	}
	c.TimeZone = "America/New_York"
	c.SessionEngine = "django.contrib.sessions.backends." + b.name
	c.SessionFilePath = t.TempDir()
	return c
}

func (p *pair) newUser(t *testing.T, c credentials) (id string) {
	t.Helper()
	p.site.ask(t, "create_user", map[string]any{"name": c.name, "password": c.password}, &id)
	return id
}

func testPair(t *testing.T, b backend, p *pair) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, backend, *pair)
	}{
		{"sign-in", testSignIn},
		{"cart", testCart},
		{"sign-out", testSignOut},
		{"change of password", testChangeOfPassword},
		{"cookie", testCookie},
		{"expiry", testExpiry},
		{"expired", testExpired},
		{"records", testRecords},
		{"bytes", testBytes},
		{"clear", testClear},
		{"at once", testAtOnce},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, b, p) })
	}
}

// testSignIn signs in at each program and looks at both.
func testSignIn(t *testing.T, b backend, p *pair) {
	for name, signIn := range map[string]func(*browser){
		"Django": func(b *browser) { b.signIn(p.site, p.credentials) },
		"Gin":    func(b *browser) { b.submit(p.shop.url, "/login/", url.Values{"username": {p.name}}) },
	} {
		visitor := newBrowser(t)
		visitor.submit(p.site.url, "/cart/", url.Values{"item": {"tea"}})
		before := visitor.withCookie(p.site.url)
		signIn(visitor)
		for program, address := range p.programs() {
			got := visitor.cart(address)
			if got.User != p.name || !slices.Equal(got.Cart, []string{"tea"}) {
				t.Errorf("signed in at %s: %s shows %+v, want %s with the tea", name, program, got, p.name)
			}
			if got := before.cart(address); got.User != "" || len(got.Cart) > 0 && !b.stateless {
				t.Errorf("signed in at %s: with the cookie from before %s shows %+v", name, program, got)
			}
		}
	}
}

// testCart fills a cart at one program after the other.
func testCart(t *testing.T, _ backend, p *pair) {
	visitor := newBrowser(t)
	visitor.signIn(p.site, p.credentials)
	var want []string
	for _, item := range []string{"tea", "“ein Ei”", "😀", "'milk'"} {
		for _, program := range []string{p.shop.url, p.site.url} {
			want = append(want, item)
			visitor.submit(program, "/cart/", url.Values{"item": {item}})
			for name, address := range p.programs() {
				if got := visitor.cart(address); !slices.Equal(got.Cart, want) || got.User != p.name {
					t.Fatalf("%s shows %+v, want %s with %q", name, got, p.name, want)
				}
			}
		}
	}
}

// testSignOut signs out at each program, and comes back with the old cookie.
func testSignOut(t *testing.T, b backend, p *pair) {
	for name, signOut := range map[string]func(*browser){
		"Django": func(b *browser) { b.signOut(p.site) },
		"Gin":    func(b *browser) { b.submit(p.shop.url, "/logout/", url.Values{}) },
	} {
		visitor := newBrowser(t)
		visitor.signIn(p.site, p.credentials)
		thief := visitor.withCookie(p.site.url)
		signOut(visitor)
		if cookie := visitor.sessionCookie(p.site.url); cookie != "" {
			t.Errorf("signed out at %s: the browser still has the cookie", name)
		}
		for program, address := range p.programs() {
			if got := visitor.cart(address).User; got != "" {
				t.Errorf("signed out at %s: %s greets %q", name, program, got)
			}
			if got := thief.cart(address).User; got != "" && !b.stateless {
				t.Errorf("signed out at %s: with a copy of the cookie %s greets %q", name, program, got)
			}
		}
	}
}

// testChangeOfPassword has a user change it in one browser, which ends the session of the other.
func testChangeOfPassword(t *testing.T, _ backend, p *pair) {
	grace := credentials{"grace", "amazing"}
	p.newUser(t, grace)
	here, there := newBrowser(t), newBrowser(t)
	here.signIn(p.site, grace)
	there.signIn(p.site, grace)
	here.submitAdmin(p.site, "/admin/password_change/", url.Values{
		"old_password": {grace.password}, "new_password1": {"nanoseconds"}, "new_password2": {"nanoseconds"},
	})
	if got := there.cart(p.shop.url).User; got != "" {
		t.Errorf("after the change of password Gin greets %q in the other browser", got)
	}
	for program, address := range p.programs() {
		if got := here.cart(address).User; got != grace.name {
			t.Errorf("%s greets %q in the browser that changed the password", program, got)
		}
	}
}

// testCookie compares what both programs send.
func testCookie(t *testing.T, _ backend, p *pair) {
	var cookies []http.Cookie
	for _, address := range []string{p.site.url, p.shop.url} {
		visitor := newBrowser(t)
		visitor.submit(address, "/cart/", url.Values{"item": {"tea"}})
		cookies = append(cookies, *visitor.cookie)
	}
	for i := range cookies {
		c := &cookies[i]
		if until := time.Until(c.Expires).Round(time.Hour); until != 14*24*time.Hour {
			t.Errorf("cookie %d expires in %v", i, until)
		}
		c.Value, c.Raw, c.RawExpires, c.Expires = "", "", "", time.Time{}
	}
	if cookies[0].String() != cookies[1].String() {
		t.Errorf("Django's cookie:\n%s\nGin's:\n%s", &cookies[0], &cookies[1])
	}
}
