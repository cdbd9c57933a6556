package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

func TestShop(t *testing.T) {
	forEachDatabase(t, func(t *testing.T, dsn string) {
		v := openSite(t, dsn).visitor(t)
		v.post("/add", "product", "ink").want(t, http.StatusOK, "Bottled ink: added to your cart.", "Paper and ink")
		v.post("/add", "product", "ink").want(t, http.StatusOK)
		v.post("/cart", "product", "pen", "change", "3").want(t, http.StatusOK, "Your cart", "€140.60", "Sign in to order")
		v.post("/cart", "product", "pen", "change", "-1").want(t, http.StatusOK, "€101.60")
		before := v.key()

		v.signIn("Demo ", "demo").want(t, http.StatusOK, "Welcome, demo.", "Your cart", "€101.60")
		if v.key() == before {
			t.Error("sign-in kept the session's key")
		}
		thief := v.site.withKey(t, before)
		thief.get("/cart").want(t, http.StatusOK, "There is nothing in it yet.")

		v.post("/orders").want(t, http.StatusOK, "Thank you! Order 1", "2&nbsp;×&nbsp;Fountain pen", "€101.60")
		v.get("/orders").want(t, http.StatusOK, "Order 1")
		v.post("/orders").want(t, http.StatusOK, "Order 1")
		v.get("/cart").want(t, http.StatusOK, "There is nothing in it yet.")
		if orders := v.site.orders(t); orders != 1 {
			t.Errorf("%d orders, want 1", orders)
		}

		signedIn := v.key()
		v.post("/signout").want(t, http.StatusOK, "Goodbye, demo. You are signed out.", "Paper and ink")
		if v.key() != "" {
			t.Error("after sign-out the browser still has the cookie")
		}
		v.site.withKey(t, signedIn).get("/orders").want(t, http.StatusOK, "Please sign in first.")
	})
}

func (s *site) orders(t *testing.T) int64 {
	t.Helper()
	var n int64
	if err := s.db.Model(&order{}).Count(&n).Error; err != nil {
		t.Fatal(err)
	}
	return n
}

// A visitor who only looks around gets no session.
func TestNoSessionForLookers(t *testing.T) {
	v := openSite(t, newSQLite(t)).visitor(t)
	for _, path := range []string{"/", "/cart", "/session", "/static/style.css"} {
		if got := v.get(path); got.status != http.StatusOK || len(got.header.Values("Set-Cookie")) > 0 {
			t.Errorf("%s: status %d, Set-Cookie %q", path, got.status, got.header.Values("Set-Cookie"))
		}
	}
	var n int64
	if err := v.site.db.Model(&ginsession.Model{}).Count(&n).Error; err != nil || n != 0 {
		t.Errorf("%d sessions (%v), want none", n, err)
	}
}

func TestRestart(t *testing.T) {
	dsn := newSQLite(t)
	before := openSite(t, dsn).visitor(t)
	before.signIn("ada", "lovelace").want(t, http.StatusOK, "Welcome, ada.")
	before.post("/add", "product", "ruler").want(t, http.StatusOK)
	after := openSite(t, dsn).withKey(t, before.key())
	after.get("/cart").want(t, http.StatusOK, "Ruler", "€5.40", "signed in as <b id=\"user\">ada</b>")
}

func TestSignInCookie(t *testing.T) {
	for _, test := range []struct {
		name   string
		fields []string
		want   string
	}{
		{"until the browser closes", nil, "; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{"kept", []string{"keep", "yes"}, "; Path=/; Expires=*; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax"},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := openSite(t, newSQLite(t)).visitor(t)
			v.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			got := v.signIn("demo", "demo", test.fields...)
			got.want(t, http.StatusSeeOther)
			_, attributes, _ := strings.Cut(got.header.Get("Set-Cookie"), ";")
			attributes = ";" + attributes
			if start, rest, ok := strings.Cut(attributes, "Expires="); ok {
				_, rest, _ = strings.Cut(rest, "GMT")
				attributes = start + "Expires=*" + rest
			}
			if attributes != test.want {
				t.Errorf("the cookie has %q, want %q", attributes, test.want)
			}
		})
	}
}

func TestSignInRefused(t *testing.T) {
	site := openSite(t, newSQLite(t))
	v := site.visitor(t)
	const wrong = "The name or the password is wrong."
	v.signIn("demo", "guess").want(t, http.StatusUnauthorized, wrong, `value="demo"`)
	v.signIn("nobody", "demo").want(t, http.StatusUnauthorized, wrong)
	v.signIn("<b>", "demo").want(t, http.StatusUnauthorized, wrong, `value="&lt;b&gt;"`)
	v.post("/signin", "name", "demo", "password", "demo").want(t, http.StatusOK, "Welcome, demo.")
	v.post("/signin", "name", "demo", "password", "demo").want(t, http.StatusOK, "Paper and ink") // sent twice
	v.get("/signin").want(t, http.StatusOK, "Paper and ink")

	cookieless := site.visitor(t)
	cookieless.client.Jar = nil
	cookieless.signIn("demo", "demo").want(t, http.StatusBadRequest, "Allow cookies for this site")
}

func TestOrdersNeedAnAccount(t *testing.T) {
	v := openSite(t, newSQLite(t)).visitor(t)
	v.post("/add", "product", "ink")
	v.get("/orders").want(t, http.StatusOK, "Please sign in first.", "Keep me signed in")
	v.post("/orders").want(t, http.StatusOK, "Please sign in first.")
	v.get("/cart").want(t, http.StatusOK, "Bottled ink")
	if n := v.site.orders(t); n != 0 {
		t.Errorf("%d orders, want none", n)
	}
}

func TestCartLimits(t *testing.T) {
	v := openSite(t, newSQLite(t)).visitor(t)
	for range 3 {
		v.post("/cart", "product", "ink", "change", "9").want(t, http.StatusOK)
	}
	v.get("/cart").want(t, http.StatusOK, `<output id="quantity-ink">20</output>`, " disabled")
	for _, fields := range [][]string{{"product", "yacht"}, {"product", "ink", "change", "many"}, {"product", "ink", "change", "-21"}, {}} {
		v.post("/cart", fields...).want(t, http.StatusBadRequest, "No such product")
	}
	v.post("/cart", "product", "ink", "change", "-20").want(t, http.StatusOK, "There is nothing in it yet.")
	v.signIn("demo", "demo").want(t, http.StatusOK, "Paper and ink")
	v.post("/orders").want(t, http.StatusOK, "You have not ordered anything yet.")
}

// atOnce runs f for each of the visitor's tabs.
func (v *visitor) atOnce(tabs int, f func(tab int)) {
	var wg sync.WaitGroup
	for tab := range tabs {
		wg.Go(func() { f(tab) })
	}
	wg.Wait()
}

// Two tabs change one cart at once, and a double click orders once.
func TestAtOnce(t *testing.T) {
	forEachDatabase(t, func(t *testing.T, dsn string) {
		v := openSite(t, dsn).visitor(t)
		v.signIn("demo", "demo")
		v.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		const tabs, rounds = 8, 4
		for round := range rounds {
			v.atOnce(tabs, func(tab int) {
				for _, p := range products {
					v.post("/add", "product", p.ID, "change", fmt.Sprint(tab%3)).want(t, http.StatusSeeOther)
				}
			})
			var quantities []string
			for _, p := range products {
				quantities = append(quantities, fmt.Sprintf(`"quantity-%s">7<`, p.ID)) // 0+1+2+0+1+2+0+1
			}
			v.get("/cart").want(t, http.StatusOK, quantities...)
			v.atOnce(tabs, func(int) { v.post("/orders").want(t, http.StatusSeeOther) })
			if n := v.site.orders(t); n != int64(round+1) {
				t.Fatalf("%d orders, want %d", n, round+1)
			}
		}
	})
}

// An order that cannot be stored leaves the cart as it was.
func TestOrderFails(t *testing.T) {
	v := openSite(t, newSQLite(t)).visitor(t)
	v.post("/add", "product", "ink")
	v.signIn("demo", "demo")
	if err := v.site.db.Migrator().DropTable(&order{}); err != nil {
		t.Fatal(err)
	}
	v.post("/orders").want(t, http.StatusOK, "Your order could not be placed.", "Your cart", "Bottled ink")
	v.get("/orders").want(t, http.StatusServiceUnavailable, "We cannot reach your orders at the moment.")
}

func TestOtherSitesForm(t *testing.T) {
	v := openSite(t, newSQLite(t)).visitor(t)
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Sec-Fetch-Site": {"cross-site"}}
	v.do(http.MethodPost, "/add", strings.NewReader("product=ink"), header).want(t, http.StatusForbidden, "This form was sent by another site")
	v.get("/cart").want(t, http.StatusOK, "There is nothing in it yet.")
}

func TestSessionPage(t *testing.T) {
	v := openSite(t, newSQLite(t)).visitor(t)
	v.get("/session").want(t, http.StatusOK, "You have none.")
	v.post("/add", "product", "ink")
	v.signIn("demo", "demo")
	got := v.get("/session")
	got.want(t, http.StatusOK, "less than a minute ago", "forgotten when you close the browser", "<dd>demo</dd>", "&#34;ink&#34;: 1")
	if key := v.key(); key == "" || strings.Contains(got.body, key) {
		t.Error("the page shows the session's key")
	}
}

func TestHeaders(t *testing.T) {
	v := openSite(t, newSQLite(t)).visitor(t)
	for _, path := range []string{"/", "/nowhere"} {
		header := v.get(path).header
		for name, want := range map[string]string{
			"Cache-Control":          "no-store",
			"X-Content-Type-Options": "nosniff",
			"Content-Type":           "text/html; charset=utf-8",
		} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: %s: %q, want %q", path, name, got, want)
			}
		}
		if got := header.Get("Content-Security-Policy"); !strings.Contains(got, "script-src 'none'") {
			t.Errorf("%s: Content-Security-Policy: %q", path, got)
		}
	}
}

func TestErrorPages(t *testing.T) {
	site := openSite(t, newSQLite(t))
	site.GET("/test/panic", func(*gin.Context) { panic("on purpose") })
	visitors := site.Group("/test", site.sessions.Handler())
	visitors.POST("/interrupt", func(c *gin.Context) {
		session := ginsession.Get(c)
		session.Set("note", "lost")
		if err := site.sessions.Delete(c, session.Key()); err != nil { // a sign-out elsewhere
			t.Error(err)
		}
		seeOther(c, "/")
	})
	visitors.POST("/unstorable", func(c *gin.Context) {
		ginsession.Get(c).Set("note", func() {})
		seeOther(c, "/")
	})

	v := site.visitor(t)
	v.get("/nowhere").want(t, http.StatusNotFound, "<h1>No such page</h1>", "Folio")
	v.get("/static/").want(t, http.StatusNotFound)
	v.get("/test/panic").want(t, http.StatusInternalServerError, "<h1>Something broke</h1>")
	v.post("/test/unstorable").want(t, http.StatusInternalServerError, "<h1>Not saved</h1>")
	v.post("/add", "product", "ink").want(t, http.StatusOK)
	v.post("/test/interrupt").want(t, http.StatusConflict, "<h1>You were signed out</h1>")

	v.post("/add", "product", "ink").want(t, http.StatusOK)
	key := v.key()
	closeDatabase(site.db)
	got := v.get("/cart")
	got.want(t, http.StatusServiceUnavailable, "<h1>Back in a moment</h1>")
	if got.header.Get("Retry-After") == "" || v.key() != key {
		t.Errorf("Retry-After %q; the cookie was changed: %v", got.header.Get("Retry-After"), v.key() != key)
	}
	v.post("/orders").want(t, http.StatusServiceUnavailable, "<h1>Back in a moment</h1>")
	v.post("/signout").want(t, http.StatusServiceUnavailable, "<h1>Back in a moment</h1>")
	v.get("/static/style.css").want(t, http.StatusOK) // needs no session
}

func TestUnknownDatabase(t *testing.T) {
	for dsn, want := range map[string]string{
		"oracle://db":               `-dsn: unknown kind of database "oracle": use sqlite:, postgres:// or mysql://`,
		"mysql://u:hunter2%zz@h/db": "-dsn is not a URL: percent-encode special characters in the password",
	} {
		if _, err := openDatabase(dsn); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", dsn, err, want)
		}
	}
}

// Every page shows who is signed in how to sign out. Source: OWASP ASVS 7.4.4.
func TestSignOutOnEveryPage(t *testing.T) {
	v := openSite(t, newSQLite(t)).visitor(t)
	v.signIn("demo", "demo")
	pages := 0
	for _, route := range v.site.Routes() {
		if route.Method == http.MethodGet && !strings.HasPrefix(route.Path, "/static/") {
			v.get(route.Path).want(t, http.StatusOK, `id="signout"`)
			pages++
		}
	}
	if pages < 9 {
		t.Errorf("there are %d pages only", pages)
	}
}
