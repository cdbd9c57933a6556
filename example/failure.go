package main

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// fail answers with a page that says what is wrong. It does not touch the session.
func (s *shop) fail(c *gin.Context, status int, title, message string) {
	c.Header("Cache-Control", "no-store")
	c.HTML(status, "failure", page{Title: title, Failed: true, Data: message})
	c.Abort()
}

func (s *shop) notFound(c *gin.Context) {
	s.fail(c, http.StatusNotFound, "No such page", "There is nothing at this address. Perhaps it was mistyped, or the page has moved.")
}

// wrongMethod answers a method that the path has no handler for. Gin has set Allow.
func (s *shop) wrongMethod(c *gin.Context) {
	s.fail(c, http.StatusMethodNotAllowed, "Not possible here", "There is a page at this address, but it does not take what your browser asked for.")
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
