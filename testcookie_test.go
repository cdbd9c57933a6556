package ginsession_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// A form page sets the test cookie, and the page behind the form looks for it.
func TestTestCookie(t *testing.T) {
	w := newSite(t)
	v := w.visitor(t)
	v.get(func(s *ginsession.Session) { s.SetTestCookie() })
	check(t, "the record", w.store.Text(v.key()), `{"testcookie":"worked"}`)

	v.post(func(s *ginsession.Session) {
		check(t, "TestCookieWorked", s.TestCookieWorked(), true)
		check(t, "DeleteTestCookie", s.DeleteTestCookie(), error(nil))
		check(t, "TestCookieWorked once deleted", s.TestCookieWorked(), false)
		if err := s.DeleteTestCookie(); !errors.Is(err, ginsession.ErrKeyNotFound) {
			t.Errorf("DeleteTestCookie again: %v, want ErrKeyNotFound", err)
		}
	})
	check(t, "the record", w.store.Text(v.key()), `{}`)
	v.post(func(s *ginsession.Session) { check(t, "TestCookieWorked later", s.TestCookieWorked(), false) })
}

// A browser that takes no cookies comes back without one.
func TestTestCookieOfABrowserWithoutCookies(t *testing.T) {
	w := newSite(t)
	v := w.visitor(t)
	v.client.Jar = nil
	v.get(func(s *ginsession.Session) { s.SetTestCookie() })
	v.post(func(s *ginsession.Session) {
		check(t, "TestCookieWorked", s.TestCookieWorked(), false)
		if err := s.DeleteTestCookie(); !errors.Is(err, ginsession.ErrKeyNotFound) {
			t.Errorf("DeleteTestCookie: %v, want ErrKeyNotFound", err)
		}
	})
}

// Only Django's value counts.
func TestTestCookieOfAnotherValue(t *testing.T) {
	for _, record := range []string{`{"testcookie":"failed"}`, `{"testcookie":true}`, `{"testcookie":null}`, `{"testcookie":["worked"]}`, `{}`} {
		_, s := reopened(t, record)
		check(t, "TestCookieWorked with "+record, s.TestCookieWorked(), false)
	}
	_, s := reopened(t, `{"testcookie":"\u0077orked"}`)
	check(t, "TestCookieWorked", s.TestCookieWorked(), true)
}

// With every engine that has one, the test cookie is the session's own cookie.
func TestTestCookieInASignedCookie(t *testing.T) {
	w := newSite(t, withSecret, func(cfg *ginsession.Config) { cfg.Engine = ginsession.SignedCookies() })
	v := w.visitor(t)
	v.get(func(s *ginsession.Session) { s.SetTestCookie() })
	r := v.send(http.MethodPost, func(c *gin.Context) {
		c.JSON(http.StatusOK, ginsession.Get(c).TestCookieWorked())
	})
	check(t, "the answer", r.body, "true")
}
