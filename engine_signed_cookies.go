package ginsession

import (
	"context"
	"time"
)

// cookieSalt is the salt of Django's signed_cookies engine.
const cookieSalt = "django.contrib.sessions.backends.signed_cookies"

// SignedCookies keeps the session in the cookie itself, signed with Config.SecretKey. Nothing
// is kept on the server, and so there is much that it cannot do:
//
//   - revoke: a cookie that was copied stays good until it expires, also after Flush;
//   - hide: the visitor can read the data, though not change it;
//   - compare and swap: of two requests at once the later answer wins, and [Modify], [Claim],
//     [Manager.Exists] and [Manager.Delete] are errors.ErrUnsupported;
//   - grow: a name and value of more than 4096 bytes are [ErrCookieTooLarge].
//
// A cookie is good for Config.CookieAge from when it was signed, or for as long as the
// session's own expiry says. Source: Django's signed_cookies backend.
func SignedCookies() Engine { return signedCookies{} }

type signedCookies struct{}

func (signedCookies) open(cfg *settings) (Store, error) {
	if cfg.SecretKey == "" {
		return nil, configError("SecretKey", "not set: SignedCookies signs the session with it; use at least 50 random characters")
	}
	if err := cfg.codec.setSigner(&cfg.Config, cookieSalt); err != nil {
		return nil, configError("SecretKey", "%v", err)
	}
	return nil, nil
}

// loadCookie reads a session from the value of its cookie.
func (m *Manager) loadCookie(ctx context.Context, value string, now time.Time) (Record, document, error) {
	data := bytesOf(value)
	doc, signedAt, err := m.read(ctx, data)
	if err != nil {
		return Record{}, document{}, err
	}
	expires := m.deadline(&doc, signedAt)
	if !expires.After(now) {
		return Record{}, document{}, ErrNotFound
	}
	return Record{Data: data, Expires: expires}, doc, nil
}

// saveCookie signs the session anew. The middleware sends the result.
func (s *Session) saveCookie(force bool, now time.Time) error {
	if !force && s.storedKey == "" && s.view.isEmpty() {
		return nil
	}
	d := s.draft(s.changes, now)
	var record Record
	var err error
	if s.storedKey == "" {
		record, err = d.build()
	} else {
		record, err = d.mutate(s.base)
	}
	if err != nil {
		return err
	}
	value := string(record.Data)
	if err := s.m.checkSize(value); err != nil {
		return err
	}
	s.key = value
	s.stored(record, &d.doc)
	return nil
}
