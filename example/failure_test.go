package main

import (
	"net/http"
	"strings"
	"testing"
)

func TestWrongMethod(t *testing.T) {
	v := openSite(t, newSQLite(t)).visitor(t)
	for _, test := range []struct{ method, path, allow string }{
		{http.MethodPost, "/", "GET"},
		{http.MethodGet, "/add", "POST"},
		{http.MethodDelete, "/cart", "GET, POST"},
		{http.MethodPost, "/static/style.css", "GET, HEAD"},
	} {
		got := v.do(test.method, test.path, nil, nil)
		got.want(t, http.StatusMethodNotAllowed, "<h1>Not possible here</h1>")
		if allow := got.header.Get("Allow"); allow != test.allow {
			t.Errorf("%s %s: Allow: %q, want %q", test.method, test.path, allow, test.allow)
		}
		if csp := got.header.Get("Content-Security-Policy"); csp == "" {
			t.Errorf("%s %s: there is no Content-Security-Policy", test.method, test.path)
		}
	}
	v.do(http.MethodPost, "/nowhere", nil, nil).want(t, http.StatusNotFound)
}

// A failure page shows who is signed in, as every page does, and leaves the message to the next page.
func TestFailureShowsSession(t *testing.T) {
	site := openSite(t, newSQLite(t))
	v := site.visitor(t)
	v.post("/add", "product", "ink")
	v.signIn("demo", "demo")
	v.withoutRedirects().post("/add", "product", "pen").want(t, http.StatusSeeOther)
	head := []string{`<b id="user">demo</b>`, `id="items">2<`, `id="signout"`}
	for name, got := range map[string]reply{
		"no such page":    v.get("/nowhere"),
		"no such picture": v.get("/static/yacht.svg"),
		"wrong method":    v.get("/add"),
		"no such product": v.post("/add", "product", "yacht"),
	} {
		got.want(t, got.status, head...)
		if got.status < 400 || strings.Contains(got.body, "added to your cart") {
			t.Errorf("%s: status %d, or the message of the next page:\n%s", name, got.status, got.body)
		}
	}
	v.get("/").want(t, http.StatusOK, "Fountain pen: added to your cart.")
	if err := site.db.Migrator().DropTable(&order{}); err != nil {
		t.Fatal(err)
	}
	v.get("/orders").want(t, http.StatusServiceUnavailable, head...)

	site.visitor(t).get("/nowhere").want(t, http.StatusNotFound, `href="/signin"`)
	closeDatabase(site.db)
	v.get("/nowhere").want(t, http.StatusServiceUnavailable, "<h1>Back in a moment</h1>")
	v.get("/add").want(t, http.StatusServiceUnavailable, "<h1>Back in a moment</h1>")
}

// withoutRedirects stops the visitor from following redirects.
func (v *visitor) withoutRedirects() *visitor {
	v.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return v
}

// The 503 page links to the page itself, or for a form to the page that it came from, and never to
// another site.
func TestTryAgain(t *testing.T) {
	site := openSite(t, newSQLite(t))
	v := site.visitor(t)
	v.post("/add", "product", "ink").want(t, http.StatusOK)
	closeDatabase(site.db)
	own := site.url.String()
	for _, test := range []struct{ method, target, referer, want string }{
		{http.MethodGet, "/cart", "", "/cart"},
		{http.MethodGet, "/cart?a=1&b=%22", own + "/", "/cart?a=1&amp;b=%22"},
		{http.MethodGet, "//evil.example/x", "", "/evil.example/x"},
		{http.MethodGet, `/%5Cevil.example`, "", "/%5Cevil.example"},
		{http.MethodPost, "/cart", own + "/cart?added=ink", "/cart"},
		{http.MethodPost, "/add", own, "/"},
		{http.MethodPost, "/add", own + "//evil.example", "/evil.example"},
		{http.MethodPost, "/add", "https://evil.example/cart", "/"},
		{http.MethodPost, "/add", "", "/"},
		{http.MethodPost, "/add", "://", "/"},
	} {
		header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Referer": {test.referer}}
		got := v.do(test.method, test.target, strings.NewReader("product=ink"), header)
		got.want(t, http.StatusServiceUnavailable, `href="`+test.want+`">Try again</a>`)
	}
}

// The link is also there if the orders cannot be read.
func TestTryOrdersAgain(t *testing.T) {
	v := openSite(t, newSQLite(t)).visitor(t)
	v.signIn("demo", "demo")
	if err := v.site.db.Migrator().DropTable(&order{}); err != nil {
		t.Fatal(err)
	}
	v.get("/orders").want(t, http.StatusServiceUnavailable, `href="/orders">Try again</a>`)
}
