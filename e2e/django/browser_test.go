package django_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// A browser keeps its cookies for both programs: they are on one host.
type browser struct {
	t      *testing.T
	client *http.Client
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, &http.Client{Jar: jar}}
}

// get returns the text of a page that is there.
func (b *browser) get(address string) string {
	b.t.Helper()
	response, err := b.client.Get(address)
	return b.read(response, err)
}

// post sends a form, with Django's CSRF token where token is one.
func (b *browser) post(address, token string, form url.Values) string {
	b.t.Helper()
	body := url.Values{"csrfmiddlewaretoken": {token}}
	for name, values := range form {
		body[name] = values
	}
	response, err := b.client.PostForm(address, body)
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
	return string(body)
}

// cart looks at the page that both programs have.
func (b *browser) cart(program string) page {
	b.t.Helper()
	return b.page(b.get(program + "/cart/"))
}

func (b *browser) page(text string) page {
	b.t.Helper()
	var p page
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		b.t.Fatalf("%v in %s", err, text)
	}
	return p
}

var csrfInput = regexp.MustCompile(`name="csrfmiddlewaretoken" value="(\w+)"`)

// signIn signs in through Django's login page.
func (b *browser) signIn(s *site, name, password string) {
	b.t.Helper()
	login := b.get(s.url + "/admin/login/")
	match := csrfInput.FindStringSubmatch(login)
	if match == nil {
		b.t.Fatalf("no CSRF token in Django's login page:\n%s", login)
	}
	landed := b.post(s.url+"/admin/login/", match[1], url.Values{
		"username": {name}, "password": {password}, "next": {"/cart/"},
	})
	if strings.Contains(landed, "csrfmiddlewaretoken") || b.page(landed).User != name {
		b.t.Fatalf("signing in led to:\n%s", landed)
	}
}
