package ginsession

import (
	"time"

	"github.com/gin-gonic/gin"
)

// RequireOwner is a middleware for pages of somebody who is signed in. If nobody is, it runs otherwise,
// which may redirect to the sign-in, and aborts. Install it after the session's own:
//
//	account := r.Group("/account", ginsession.RequireOwner(toSignIn))
func RequireOwner(otherwise gin.HandlerFunc) gin.HandlerFunc {
	return require(otherwise, func(s *Session) bool { return s.Owner() != "" })
}

// RequireRecent is [RequireOwner] for pages that need a sign-in of the last moments, no longer than max
// ago: if it is older, it runs otherwise, which asks for the password again and then calls
// [Session.Reauthenticate]. Source: OWASP ASVS 7.5.1.
func RequireRecent(max time.Duration, otherwise gin.HandlerFunc) gin.HandlerFunc {
	return require(otherwise, func(s *Session) bool {
		at := s.SignedInAt()
		return !at.IsZero() && s.m.cfg.Clock().Sub(at) <= max
	})
}

// require lets a request pass if its session does. If the session cannot be loaded it only aborts:
// the middleware answers.
func require(otherwise gin.HandlerFunc, passes func(*Session) bool) gin.HandlerFunc {
	return func(c *gin.Context) {
		s := Get(c)
		switch {
		case passes(s):
			return
		case s.Err() == nil:
			otherwise(c)
		}
		c.Abort()
	}
}
