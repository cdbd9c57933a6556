package gincontrib

import (
	"math"
	"time"

	"github.com/gin-contrib/sessions"

	"github.com/ginsession/ginsession"
)

// Options sets when the session ends and the attributes of this response's cookie.
//
// A negative MaxAge ends the session at once; what is set afterwards is a new one. 0 lets the
// browser forget the cookie when it closes, a positive one ends the session after so many seconds
// without a change. That stays with the session. It is saved with the request's changes, or by
// Save, and creates no session by itself.
//
// Path, Domain, Secure, HttpOnly and SameSite are those of [ginsession.CookieAttributes]: what is
// zero is as in the manager's Config.
func (s *session) Options(o sessions.Options) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.native()
	n.CookieAttributes(ginsession.CookieAttributes{
		Path:     o.Path,
		Domain:   o.Domain,
		Secure:   onIf(o.Secure),
		HTTPOnly: onIf(o.HttpOnly),
		SameSite: o.SameSite,
	})
	s.written = true
	if o.MaxAge < 0 {
		s.expiry, s.changed = nil, false
		_ = n.Flush() // Save returns the error, and the response is a 503
		return
	}
	expiry := expiryAfter(o.MaxAge)
	s.expiry = &expiry
	if s.changed {
		s.note(n)
	}
}

func onIf(on bool) ginsession.Switch {
	if on {
		return ginsession.On
	}
	return 0
}

// expiryAfter returns the expiry of a MaxAge that is not negative.
func expiryAfter(maxAge int) ginsession.Expiry {
	const most = math.MaxInt64 / int64(time.Second)
	return ginsession.ExpireAfter(time.Duration(min(int64(maxAge), most)) * time.Second)
}
