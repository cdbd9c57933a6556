package django_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"testing"
)

// A browser has its cookies for both programs: they are on one host.
type browser struct {
	t      *testing.T
	client *http.Client
	cookie *http.Cookie // the session cookie that the last answer set, or nil
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, client: &http.Client{Jar: jar}}
}

// withCookie is a browser that has a copy of b's session cookie only.
func (b *browser) withCookie(program string) *browser {
	b.t.Helper()
	other := newBrowser(b.t)
	address, err := url.Parse(program)
	if err != nil {
		b.t.Fatal(err)
	}
	other.client.Jar.SetCookies(address, []*http.Cookie{{Name: "sessionid", Value: b.sessionCookie(program)}})
	return other
}

// sessionCookie is the value of the session cookie that b has, or "".
func (b *browser) sessionCookie(program string) string {
	b.t.Helper()
	address, err := url.Parse(program)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, cookie := range b.client.Jar.Cookies(address) {
		if cookie.Name == "sessionid" {
			return cookie.Value
		}
	}
	return ""
}

func (b *browser) get(address string) string {
	b.t.Helper()
	response, err := b.client.Get(address)
	return b.read(response, err)
}

func (b *browser) post(address string, form url.Values) string {
	b.t.Helper()
	response, err := b.client.PostForm(address, form)
	return b.read(response, err)
}

func (b *browser) read(response *http.Response, err error) string {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		b.t.Fatalf("%s %s: %s\n%s", response.Request.Method, response.Request.URL, response.Status, body)
	}
	b.cookie = nil
	for _, cookie := range response.Cookies() {
		if cookie.Name == "sessionid" {
			b.cookie = cookie
		}
	}
	return string(body)
}

// A page is what both programs show.
type page struct {
	User string   `json:"user"`
	Cart []string `json:"cart"`
	CSRF string   `json:"csrf"` // Django's only
}

// cart looks at a program's page.
func (b *browser) cart(program string) page {
	b.t.Helper()
	return b.page(b.get(program + "/cart/"))
}

// submit sends a form to a program, with the CSRF token of its page.
func (b *browser) submit(program, path string, form url.Values) page {
	b.t.Helper()
	form.Set("csrfmiddlewaretoken", b.cart(program).CSRF)
	return b.page(b.post(program+path, form))
}

func (b *browser) page(text string) page {
	b.t.Helper()
	var p page
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		b.t.Fatalf("%v in %s", err, text)
	}
	return p
}

// signIn signs in through Django's login page.
func (b *browser) signIn(s *site, user credentials) {
	b.t.Helper()
	landed := b.submitAdmin(s, "/admin/login/", url.Values{
		"username": {user.name}, "password": {user.password}, "next": {"/cart/"},
	})
	if b.page(landed).User != user.name {
		b.t.Fatalf("signing in led to:\n%s", landed)
	}
}

// signOut presses Django's button.
func (b *browser) signOut(s *site) {
	b.t.Helper()
	b.submitAdmin(s, "/admin/logout/", url.Values{})
}

// submitAdmin fills in a form of Django's admin site.
func (b *browser) submitAdmin(s *site, path string, form url.Values) string {
	b.t.Helper()
	form.Set("csrfmiddlewaretoken", b.cart(s.url).CSRF)
	return b.post(s.url+path, form)
}
