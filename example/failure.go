package main

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// fail answers with a page that says what is wrong. It does not touch the session, so it can be
// used when there is none.
func (s *shop) fail(c *gin.Context, status int, title, message string) {
	s.send(c, status, "failure", page{Title: title, Failed: true, Data: message})
	c.Abort()
}

// refuse is fail for a request that has a session: the page's head shows it. A notice is left to
// the next page.
func (s *shop) refuse(c *gin.Context, status int, title, message string) {
	s.send(c, status, "failure", newPage(c, title, message))
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

// sessionFailed answers a request whose session could not be read or saved, in the place of the
// handler's own answer, of which nothing has been sent.
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
