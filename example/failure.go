package main

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// A failure is the data of the failure page.
type failure struct {
	Message string
	Again   string // the path to load again, if that may help soon; otherwise ""
}

func newFailure(c *gin.Context, status int, message string) failure {
	if status != http.StatusServiceUnavailable {
		return failure{Message: message}
	}
	return failure{message, again(c.Request)}
}

// again returns the path and query to load after r has failed. For a form that is the page it came
// from, or / if the browser does not say: loading the page does not send the form again.
func again(r *http.Request) string {
	if r.Method == http.MethodGet {
		return onThisSite(r.URL)
	}
	from, err := url.Parse(r.Referer())
	if err != nil || from.Host != r.Host {
		return "/"
	}
	return onThisSite(&url.URL{Path: from.Path, RawPath: from.RawPath})
}

// onThisSite returns the path and query of u as a link that leads to no other site, as //host does.
func onThisSite(u *url.URL) string {
	link := "/" + strings.TrimLeft(u.EscapedPath(), "/")
	if u.RawQuery != "" {
		link += "?" + u.RawQuery
	}
	return link
}

// fail answers with a page that says what is wrong. It does not touch the session, so it can be
// used when there is none.
func (s *shop) fail(c *gin.Context, status int, title, message string) {
	s.send(c, status, "failure", page{Title: title, Failed: true, Data: newFailure(c, status, message)})
	c.Abort()
}

// refuse is fail for a request that has a session: the page's head shows the account and the cart.
// Messages stay in the session for the next page.
func (s *shop) refuse(c *gin.Context, status int, title, message string) {
	s.send(c, status, "failure", newPage(c, title, newFailure(c, status, message)))
	c.Abort()
}

func (s *shop) notFound(c *gin.Context) {
	s.refuse(c, http.StatusNotFound, "No such page", "There is nothing at this address. Perhaps it was mistyped, or the page has moved.")
}

// wrongMethod answers a method that the path has no handler for. Gin has set Allow.
func (s *shop) wrongMethod(c *gin.Context) {
	s.refuse(c, http.StatusMethodNotAllowed, "Not possible here", "Your browser asked for something that this address does not do. Nothing was changed.")
}

func (s *shop) panicked(c *gin.Context, _ any) {
	s.fail(c, http.StatusInternalServerError, "Something broke", "That is our fault, and it has been noted. Nothing was changed.")
}

// sessionFailed is the ErrorHandler: it answers a request whose session could not be read or saved.
// Nothing of the handler's own response has been sent.
func (s *shop) sessionFailed(c *gin.Context, err error) {
	switch {
	case errors.Is(err, ginsession.ErrInterrupted):
		s.fail(c, http.StatusConflict, "You were signed out", "Your session ended in another window while this page was loading. What you did last was not saved.")
	case errors.Is(err, ginsession.ErrUnavailable):
		c.Header("Retry-After", "10")
		s.fail(c, http.StatusServiceUnavailable, "Back in a moment", "We cannot reach your cart at the moment. It is safe: please try again in a few seconds.")
	default:
		s.fail(c, http.StatusInternalServerError, "Not saved", "We could not save what you did last. Please try again.")
	}
}
