// Package sessiontest helps to test handlers that use sessions. It puts what a handler is to find
// into the visitor's session, sends requests with the visitor's cookie, and shows what is stored
// afterwards:
//
//	v := sessiontest.New(t, manager).With("cart", []string{"tea"})
//	response := v.Do(router, v.Request("POST", "/checkout", nil))
//	if response.Code != http.StatusSeeOther || v.Session().Has("cart") {
//		t.Error("the order was not placed")
//	}
//
// It works with every engine. Requests do not leave the process: for a test over a real connection,
// use net/http/httptest's Server and net/http/cookiejar.
package sessiontest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ginsession/ginsession"
)

// A Visitor is a browser that keeps the cookie of one Manager, and no other. Only one goroutine may
// use it at a time.
type Visitor struct {
	t      testing.TB
	m      *ginsession.Manager
	cookie *http.Cookie // nil if the visitor has no session
	name   string       // the cookie's; see cookieName
}

// New returns a visitor without a session. m is the Manager whose middleware the handlers under test
// run behind. If a session cannot be loaded or saved, the visitor's methods end the test with
// t.Fatalf.
func New(t testing.TB, m *ginsession.Manager) *Visitor {
	return &Visitor{t: t, m: m}
}

// With sets a value in the visitor's session, which it creates if there is none, and returns the
// visitor.
func (v *Visitor) With(key string, value any) *Visitor {
	v.t.Helper()
	return v.Change(func(s *ginsession.Session) { s.Set(key, value) })
}

// SignedIn signs owner in to the visitor's session, as [ginsession.Session.SignIn] does, and returns the
// visitor.
func (v *Visitor) SignedIn(owner string) *Visitor {
	v.t.Helper()
	return v.Change(func(s *ginsession.Session) { v.check("signing in", s.SignIn(owner)) })
}

// Change lets f change the visitor's session (SetExpiry, Modify, messages.Add), saves it and returns
// the visitor. It creates the session if there is none, but not an empty one.
func (v *Visitor) Change(f func(s *ginsession.Session)) *Visitor {
	v.t.Helper()
	s := v.Session()
	f(s)
	if !s.IsEmpty() {
		v.check("saving the session", s.Save())
	}
	if c := v.m.Cookie(s); c != nil {
		v.keep(c)
	}
	return v
}

// Session returns the visitor's session as it is stored now, read afresh: an empty one if the
// visitor has none, or if it has expired or was ended. What the caller changes in it is stored only
// if the caller saves it; use [Visitor.Change] for that.
func (v *Visitor) Session() *ginsession.Session {
	v.t.Helper()
	value := ""
	if v.cookie != nil {
		value = v.cookie.Value
	}
	s := v.m.Open(v.t.Context(), value)
	v.check("loading the session", s.Load())
	return s
}

// Request returns a request to a handler with the visitor's cookie as it is now, if there is one.
// The arguments are those of httptest.NewRequest, which panics if target is malformed. The request's
// context is that of the test.
func (v *Visitor) Request(method, target string, body io.Reader) *http.Request {
	v.t.Helper()
	r := httptest.NewRequestWithContext(v.t.Context(), method, target, body)
	if v.cookie != nil {
		r.AddCookie(&http.Cookie{Name: v.cookie.Name, Value: v.cookie.Value})
	}
	return r
}

// Do sends r to h as it is, returns the response, and keeps or deletes the visitor's cookie as the
// response's Set-Cookie says.
func (v *Visitor) Do(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	v.t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.Name == v.cookieName() {
			v.keep(c)
		}
	}
	return w
}

// keep does with a cookie what a browser would.
func (v *Visitor) keep(c *http.Cookie) {
	v.cookie, v.name = c, c.Name
	if c.MaxAge < 0 {
		v.cookie = nil
	}
}

// cookieName returns the name of the Manager's cookie, which only a cookie tells: here that which
// deletes a session that nobody has.
func (v *Visitor) cookieName() string {
	v.t.Helper()
	if v.name == "" {
		s := v.m.Open(v.t.Context(), strings.Repeat("0", 32))
		v.check("asking for the cookie's name", s.Flush())
		v.name = v.m.Cookie(s).Name
	}
	return v.name
}

// check ends the test if there is an error.
func (v *Visitor) check(what string, err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatalf("sessiontest: %s: %v", what, err)
	}
}
