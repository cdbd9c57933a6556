package main

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/messages"
)

// keptSignedIn is how long a visitor who asks for it stays signed in without coming back.
const keptSignedIn = 30 * 24 * time.Hour

// toSignIn sends who is not signed in to the sign-in page.
func (s *shop) toSignIn(c *gin.Context) {
	notify(c, messages.Info, "Please sign in first.")
	seeOther(c, "/signin")
}

// A signInForm is what the sign-in page shows.
type signInForm struct {
	Name, Problem string
}

// showSignIn sets a test cookie. If it is missing when the form is sent, the browser blocks cookies.
func (s *shop) showSignIn(c *gin.Context) {
	if ginsession.Get(c).Owner() != "" {
		seeOther(c, "/")
		return
	}
	s.askToSignIn(c, http.StatusOK, signInForm{})
}

func (s *shop) askToSignIn(c *gin.Context, status int, form signInForm) {
	session := ginsession.Get(c)
	s.begin(session)
	session.SetTestCookie()
	s.render(c, status, "signin", "Sign in", form)
}

func (s *shop) signIn(c *gin.Context) {
	session := ginsession.Get(c)
	name := strings.ToLower(strings.TrimSpace(c.PostForm("name")))
	if session.Owner() != "" {
		seeOther(c, "/") // the form was sent twice
		return
	}
	if !session.TestCookieWorked() {
		s.askToSignIn(c, http.StatusBadRequest, signInForm{name, "Your browser did not send our cookie back. Allow cookies for this site, then try again."})
		return
	}
	known, err := s.authenticate(c.Request.Context(), name, c.PostForm("password"))
	if err != nil {
		s.accountsFailed(c)
		return
	}
	if known == nil {
		s.askToSignIn(c, http.StatusUnauthorized, signInForm{name, "The name or the password is wrong."})
		return
	}

	// The cart stays; the key changes, so that a key that somebody planted in this browser before
	// sign-in (session fixation) is not signed in.
	if session.SignIn(known.Name) != nil {
		return // answered by sessionFailed
	}
	_ = session.DeleteTestCookie()
	s.describeDevice(c)
	session.SetExpiry(ginsession.ExpireAtBrowserClose)
	if c.PostForm("keep") != "" {
		session.SetExpiry(ginsession.ExpireAfter(keptSignedIn))
	}
	notify(c, messages.Success, "Welcome, %s.", known.Name)
	if items, _ := ginsession.Value[cart](session, cartKey); items.count() > 0 {
		seeOther(c, "/cart")
		return
	}
	seeOther(c, "/")
}

// signOut deletes the session from the store and from the browser. (A copy of a signed cookie stays
// valid until it expires: the store has nothing to delete.)
func (s *shop) signOut(c *gin.Context) {
	session := ginsession.Get(c)
	name := session.Owner()
	if session.Flush() != nil {
		return // answered by sessionFailed
	}
	if name != "" {
		notify(c, messages.Success, "Goodbye, %s. You are signed out.", name) // in a new session
	}
	seeOther(c, "/")
}
