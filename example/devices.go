package main

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/messages"
)

// A device is a session of the customer who asks, as the page shows it.
type device struct {
	ID       string // to end it by; worthless as a cookie
	Browser  string
	Place    string
	SignedIn string
	Active   string
	This     bool // the one that asks
}

// describeDevice notes what showDevices shows of a browser that has just signed in. The place is an
// address: a real shop would look up its town.
func (s *shop) describeDevice(c *gin.Context) {
	session := ginsession.Get(c)
	session.Set(browserKey, browserOf(c.Request.UserAgent()))
	session.Set(placeKey, c.ClientIP())
	session.Set(activeKey, s.now())
}

// noteActive notes when a customer sends a form, which saves the session anyway.
func (s *shop) noteActive(c *gin.Context) {
	if session := ginsession.Get(c); c.Request.Method == http.MethodPost && session.Owner() != "" {
		session.Set(activeKey, s.now())
	}
}

const aBrowser = "A browser" // of which we know no more

// browserOf names the browser and the system of a User-Agent, as far as its customers know them.
func browserOf(userAgent string) string {
	name := aBrowser
	for _, known := range [][2]string{{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}} {
		if strings.Contains(userAgent, known[0]) {
			name = known[1]
			break
		}
	}
	for _, known := range [][2]string{{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS", "Mac"}, {"Linux", "Linux"}} {
		if strings.Contains(userAgent, known[0]) {
			return name + " on " + known[1]
		}
	}
	return name
}

// showDevices lists where the customer is signed in.
func (s *shop) showDevices(c *gin.Context) {
	own := ginsession.Get(c)
	sessions, err := s.sessions.SessionsOf(c, own.Owner())
	if errors.Is(err, errors.ErrUnsupported) { // signed cookies, memcached
		s.render(c, http.StatusOK, "devices", "Your devices", nil)
		return
	}
	if err != nil {
		s.sessionFailed(c, err)
		return
	}
	devices := []device{}
	for _, session := range sessions {
		devices = append(devices, device{
			ID:       session.ID(),
			Browser:  ginsession.ValueOr(session, browserKey, aBrowser),
			Place:    ginsession.ValueOr(session, placeKey, "an unknown address"),
			SignedIn: ago(s.now().Sub(session.SignedInAt())),
			Active:   ago(s.now().Sub(ginsession.ValueOr(session, activeKey, session.SignedInAt()))),
			This:     session.ID() == own.ID(),
		})
	}
	s.render(c, http.StatusOK, "devices", "Your devices", devices)
}

// endDevice ends one of the customer's own sessions. An ID that somebody else has is not among them.
func (s *shop) endDevice(c *gin.Context) {
	sessions, err := s.sessions.SessionsOf(c, ginsession.Get(c).Owner())
	i := slices.IndexFunc(sessions, func(session *ginsession.Session) bool { return session.ID() == c.PostForm("id") })
	var name string
	if err == nil && i >= 0 {
		name = ginsession.ValueOr(sessions[i], browserKey, aBrowser) // Flush empties it
		err = sessions[i].Flush()
	}
	switch {
	case err != nil:
		s.sessionFailed(c, err)
		return
	case name == "":
		notify(c, messages.Info, "It was not signed in any more.")
	default:
		notify(c, messages.Success, "Signed out there: %s.", name)
	}
	seeOther(c, "/devices")
}

// endOtherDevices ends all of the customer's sessions but this one.
func (s *shop) endOtherDevices(c *gin.Context) {
	own := ginsession.Get(c)
	if _, err := s.sessions.EndSessionsOf(c, own.Owner(), own.ID()); err != nil {
		s.sessionFailed(c, err)
		return
	}
	notify(c, messages.Success, "Signed out everywhere else.")
	seeOther(c, "/devices")
}
