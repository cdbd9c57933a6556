package ginsession

import (
	"errors"
	"fmt"
	"net/http"
)

// CookieAttributes are attributes of one session's cookie, in place of the Config's. What is zero
// stays as the Config has it.
type CookieAttributes struct {
	Path     string
	Domain   string
	Secure   Switch
	HTTPOnly Switch
	SameSite http.SameSite // http.SameSiteDefaultMode leaves the attribute out
}

// CookieAttributes sets the attributes of the cookie that this response sends for the session, also
// of the one that deletes it after a [Session.Flush], and of [Manager.Cookie]. The last call counts.
// It does not send the cookie by itself: a change does, or [Session.MarkModified].
//
// The attributes are not kept with the session, because a browser does not send them back: the
// responses that follow have the Config's again. Browsers replace and delete a cookie only at the
// Path and Domain that it was set with, so a response that signs out must set those again.
//
// Attributes with which browsers drop the cookie, such as a Path with a __Host- name, are an error:
// [Session.Save] returns it and the middleware answers 500. It wraps [ErrConfig], as the same
// mistake does in a Config. The cookie of a failed response has the Config's attributes.
func (s *Session) CookieAttributes(a CookieAttributes) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accessed = true
	if s.closed || s.request != nil && s.request.committed.Load() {
		s.logLost("the cookie's attributes")
		return
	}
	s.own = s.m.cfg.withAttributes(a)
}

// An ownCookie is what [Session.CookieAttributes] asked for.
type ownCookie struct {
	cfg *Config // with these attributes; the Manager's if they are wrong
	err error
}

func (cfg *settings) withAttributes(a CookieAttributes) *ownCookie {
	own := cfg.Config
	override(&own.CookiePath, a.Path)
	override(&own.CookieDomain, a.Domain)
	override(&own.CookieHTTPOnly, a.HTTPOnly)
	override(&own.CookieSameSite, a.SameSite)
	if a.Secure != 0 {
		own.CookieSecure = a.Secure == On
	}
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, configError(field, format, args...))
	}
	if a.Secure > Off || a.HTTPOnly > Off {
		bad("CookieAttributes", "unknown switch: use On or Off")
	}
	own.checkCookie(bad)
	if len(errs) > 0 {
		return &ownCookie{&cfg.Config, fmt.Errorf("ginsession: Session.CookieAttributes: %w", errors.Join(errs...))}
	}
	return &ownCookie{cfg: &own}
}

func override[T comparable](field *T, value T) {
	var zero T
	if value != zero {
		*field = value
	}
}

// attributesError returns why the session's cookie cannot have the attributes that were asked for.
func (s *Session) attributesError() error {
	if s.own == nil {
		return nil
	}
	return s.own.err
}

// cookieConfig returns the Config by which the session's cookie is made.
func (s *Session) cookieConfig() *Config {
	if s.own == nil {
		return &s.m.cfg.Config
	}
	return s.own.cfg
}

// setCookieHeader returns the Set-Cookie header of the session's cookie.
func (s *Session) setCookieHeader(l cookieLife) string {
	if s.own == nil {
		return s.m.cfg.setCookieHeader(s.storedKey, l)
	}
	return s.own.cfg.cookie(s.storedKey, l).String()
}
