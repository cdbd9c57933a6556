package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// An inspection is what the session's page shows.
type inspection struct {
	Engine       string
	InCookie     bool   // the cookie holds the whole session, not only its key
	Fingerprint  string // of the cookie's value; "" if there is no session yet
	Started      string
	Expires      string
	BrowserClose bool // whether the browser forgets the cookie when it closes
	Data         []entry
}

type entry struct{ Key, Value string }

// showSession shows visitors their own session, but never the cookie's value: anybody who saw it
// could take the session over.
func (s *shop) showSession(c *gin.Context) {
	session := ginsession.Get(c)
	in := inspection{
		Engine:       s.engine.name,
		InCookie:     s.engine.inCookie,
		Expires:      session.ExpiryDate().UTC().Format("2 January 2006, 15:04 UTC"),
		BrowserClose: session.ExpiresAtBrowserClose(),
	}
	if key := session.Key(); key != "" {
		sum := sha256.Sum256([]byte(key))
		in.Fingerprint = fmt.Sprintf("%x", sum[:4])
	}
	if started, ok := ginsession.Value[time.Time](session, startedKey); ok {
		in.Started = ago(s.now().Sub(started))
	}
	for key, value := range session.All() {
		if strings.HasPrefix(key, "_") {
			continue // the framework's own; Expires and BrowserClose show it, and the page its messages
		}
		text, err := json.MarshalIndent(value, "", "  ")
		if err != nil {
			text = []byte("cannot be shown")
		}
		in.Data = append(in.Data, entry{key, string(text)})
	}
	s.render(c, http.StatusOK, "session", "Your session", in)
}

// ago says how long ago something was.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "less than a minute ago"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours ago", d/time.Hour)
	default:
		return fmt.Sprintf("%d days ago", d/(24*time.Hour))
	}
}
