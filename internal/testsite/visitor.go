package testsite

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"
)

// A Visitor is a browser at a Site: it keeps the site's cookies.
type Visitor struct {
	Client  *http.Client
	site    *Site
	Cookies string // the Cookie header of a client without a jar
}

// A Reply is a response whose body has been read.
type Reply struct {
	*http.Response
	Text string // the body
}

// A Header is one header of a request or a response.
type Header struct{ Name, Value string }

// SessionCookie returns the session cookie that the response sets, or nil. It panics if there
// are several, which no response may have.
func (r *Reply) SessionCookie() *http.Cookie {
	var found *http.Cookie
	for _, c := range r.Cookies() {
		if c.Name != CookieName {
			continue
		}
		if found != nil {
			panic(fmt.Sprintf("two session cookies: %q", r.Header["Set-Cookie"]))
		}
		found = c
	}
	return found
}

// Get makes a GET request.
func (v *Visitor) Get(path string, headers ...Header) *Reply {
	v.site.t.Helper()
	return v.Send(http.MethodGet, path, headers...)
}

// Post makes a POST request without a body.
func (v *Visitor) Post(path string, headers ...Header) *Reply {
	v.site.t.Helper()
	return v.Send(http.MethodPost, path, headers...)
}

// Do makes a request that handler answers.
func (v *Visitor) Do(method string, handler gin.HandlerFunc) *Reply {
	v.site.t.Helper()
	return v.Send(method, v.site.Page(handler))
}

// Send makes a request. The test fails if no response comes.
func (v *Visitor) Send(method, path string, headers ...Header) *Reply {
	v.site.t.Helper()
	reply, err := v.Try(v.site.t.Context(), method, path, headers...)
	if err != nil {
		v.site.t.Fatal(err)
	}
	return reply
}

// Try makes a request, which may fail.
func (v *Visitor) Try(ctx context.Context, method, path string, headers ...Header) (*Reply, error) {
	req, err := http.NewRequestWithContext(ctx, method, v.site.URL+path, nil)
	if err != nil {
		return nil, err
	}
	if v.Cookies != "" {
		req.Header.Set("Cookie", v.Cookies)
	}
	for _, h := range headers {
		req.Header.Add(h.Name, h.Value)
	}
	resp, err := v.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return &Reply{resp, string(body)}, err
}

// Key returns the value of the visitor's session cookie, or "".
func (v *Visitor) Key() string {
	v.site.t.Helper()
	for _, c := range v.Client.Jar.Cookies(v.SiteURL()) {
		if c.Name == CookieName {
			return c.Value
		}
	}
	return ""
}

// SetKey puts a session cookie into the visitor's jar.
func (v *Visitor) SetKey(key string) {
	v.site.t.Helper()
	v.Client.Jar.SetCookies(v.SiteURL(), []*http.Cookie{{Name: CookieName, Value: key, Path: "/"}})
}

// SiteURL returns the address of the site, under which Client.Jar keeps its cookies.
func (v *Visitor) SiteURL() *url.URL {
	v.site.t.Helper()
	u, err := url.Parse(v.site.URL)
	if err != nil {
		v.site.t.Fatal(err)
	}
	return u
}
