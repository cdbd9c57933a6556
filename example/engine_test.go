package main

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/ginsession/ginsession/internal/testserver"
)

// forEachEngine runs f as a subtest for each engine.
func forEachEngine(t *testing.T, f func(t *testing.T, f engineFlags)) {
	t.Helper()
	t.Run("db", func(t *testing.T) { f(t, engineFlags{name: "db"}) })
	t.Run("file", func(t *testing.T) { f(t, engineFlags{name: "file", dir: t.TempDir()}) })
	t.Run("cache in memory", func(t *testing.T) { f(t, engineFlags{name: "cache", cache: "memory"}) })
	t.Run("cache in Redis", func(t *testing.T) { f(t, engineFlags{name: "cache", cache: redisURL(t)}) })
	t.Run("cache in memcached", func(t *testing.T) {
		f(t, engineFlags{name: "cache", cache: "memcached://" + testserver.Env(t, "TEST_MEMCACHED_ADDR")})
	})
	t.Run("cached_db", func(t *testing.T) { f(t, engineFlags{name: "cached_db", cache: redisURL(t)}) })
	t.Run("signed_cookies", func(t *testing.T) { f(t, engineFlags{name: "signed_cookies"}) })
}

func redisURL(t *testing.T) string { return "redis://" + testserver.Env(t, "TEST_REDIS_ADDR") }

func TestShopOnEachEngine(t *testing.T) {
	forEachEngine(t, func(t *testing.T, f engineFlags) {
		site := openSiteOn(t, newSQLite(t), f)
		v := site.visitor(t)
		v.get("/session").want(t, http.StatusOK, "You have none.")
		v.post("/add", "product", "ink").want(t, http.StatusOK, "Bottled ink: added to your cart.")
		v.post("/cart", "product", "pen", "change", "3").want(t, http.StatusOK, "€128.80", "Sign in to order")
		v.post("/cart", "product", "pen", "change", "-1").want(t, http.StatusOK, "€89.80")
		before := v.key()
		v.signIn("demo", "demo", "keep", "yes").want(t, http.StatusOK, "Welcome, demo.", "Your cart", "€89.80")
		signedIn := v.key()
		if signedIn == before {
			t.Error("sign-in left the cookie as it was")
		}
		got := v.get("/session")
		got.want(t, http.StatusOK, `<code id="engine">`+f.name+`</code>`, "kept until the session expires", "<dd>demo</dd>")
		if strings.Contains(got.body, v.key()) {
			t.Error("the page shows what the cookie carries")
		}
		v.post("/orders").want(t, http.StatusOK, "Thank you! Order 1", "2&nbsp;×&nbsp;Fountain pen", "€89.80")
		v.post("/orders").want(t, http.StatusOK, "Order 1")
		v.get("/cart").want(t, http.StatusOK, "There is nothing in it yet.")
		if orders := site.orders(t); orders != 1 {
			t.Errorf("%d orders, want 1", orders)
		}
		v.post("/signout").want(t, http.StatusOK, "Goodbye, demo. You are signed out.", "Paper and ink")
		if v.key() != "" {
			t.Error("after sign-out the browser still has the cookie")
		}

		thief := site.withKey(t, signedIn).get("/orders")
		if site.engine.inCookie { // SignedCookies documents that it cannot do this
			thief.want(t, http.StatusOK, "Your orders", "Order 1")
			return
		}
		thief.want(t, http.StatusOK, "Please sign in first.")
	})
}

// Two tabs change one cart at once, and a double click orders once, on each engine that keeps the
// session on the server. TestAtOnce repeats it with more requests, on each database.
func TestAtOnceOnEachEngine(t *testing.T) {
	forEachEngine(t, func(t *testing.T, f engineFlags) {
		v := openSiteOn(t, newSQLite(t), f).visitor(t)
		if v.site.engine.inCookie {
			return // each tab would have a cart of its own
		}
		v.signIn("demo", "demo")
		v.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		const tabs = 8
		v.atOnce(tabs, func(int) { v.post("/add", "product", "ink").want(t, http.StatusSeeOther) })
		v.get("/cart").want(t, http.StatusOK, `"quantity-ink">8<`)
		v.atOnce(tabs, func(int) { v.post("/orders").want(t, http.StatusSeeOther) })
		if n := v.site.orders(t); n != 1 {
			t.Errorf("%d orders, want 1", n)
		}
	})
}

// An order that cannot be stored leaves the cart as it was, also in a cookie.
func TestOrderFailsInACookie(t *testing.T) {
	v := openSiteOn(t, newSQLite(t), engineFlags{name: "signed_cookies"}).visitor(t)
	v.post("/add", "product", "ink")
	v.signIn("demo", "demo")
	if err := v.site.db.Migrator().DropTable(&order{}); err != nil {
		t.Fatal(err)
	}
	v.post("/orders").want(t, http.StatusOK, "Your order could not be placed.", "Your cart", "Bottled ink")
}

// Cookies are valid after a restart if SHOP_SECRET_KEY is set, and not if the key is random.
func TestSecretKey(t *testing.T) {
	for secretKey, want := range map[string]string{
		"":                                   "There is nothing in it yet.",
		"a secret of the tests, long enough": "Bottled ink",
	} {
		dsn := newSQLite(t)
		f := engineFlags{name: "signed_cookies", secretKey: secretKey}
		before := openSiteOn(t, dsn, f).visitor(t)
		before.post("/add", "product", "ink").want(t, http.StatusOK)
		openSiteOn(t, dsn, f).withKey(t, before.key()).get("/cart").want(t, http.StatusOK, want)
	}
}

func TestRandomKeyIsSaid(t *testing.T) {
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for secretKey, want := range map[string]bool{"": true, "a secret of the tests, long enough": false} {
		t.Setenv("SHOP_SECRET_KEY", secretKey)
		var out bytes.Buffer
		if err := run(stopped, []string{"-addr=127.0.0.1:0", "-dsn", newSQLite(t), "-engine=signed_cookies"}, &out); err != nil {
			t.Fatal(err)
		}
		if said := strings.Contains(out.String(), "SHOP_SECRET_KEY is not set"); said != want {
			t.Errorf("SHOP_SECRET_KEY=%q: the output is %q", secretKey, out.String())
		}
	}
}

func TestUnknownEngine(t *testing.T) {
	db := openTestDatabase(t, newSQLite(t))
	for f, want := range map[engineFlags]string{
		{name: "postgres"}:               `-engine: there is no engine "postgres": use db, file, cache, cached_db or signed_cookies`,
		{name: "cache", cache: "disk"}:   "-cache: unknown kind of cache: use memory, redis://HOST:PORT or memcached://HOST:PORT",
		{name: "cached_db", cache: "db"}: "-cache: unknown kind of cache: use memory, redis://HOST:PORT or memcached://HOST:PORT",
	} {
		if _, err := openEngine(db, f); err == nil || err.Error() != want {
			t.Errorf("%+v: %v, want %s", f, err, want)
		}
	}
}
