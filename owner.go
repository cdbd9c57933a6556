package ginsession

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
)

// This file knows whose a session is: signing in, pages for who is signed in, and finding and ending the
// sessions of an owner.

// The framework's keys of a session that somebody has signed in to. A shared Django session has
// Django's own in place of the first.
const (
	ownerKey       = "_session_owner"
	signedInKey    = "_session_signed_in" // Unix microseconds
	ownerCookieKey = "_session_cookie"    // Config.CookieName, if that is not the default
	djangoOwnerKey = "_auth_user_id"
)

// maxOwner is the longest owner, in bytes.
const maxOwner = 255

// SignIn gives the session an owner: the name by which your program knows the user, 1 to 255 bytes
// of UTF-8. The session gets a new key, as with [Session.CycleKey], and keeps its data, such as the
// cart that the visitor has filled, unless it belongs to another owner: then it is flushed first.
//
// Call it when the password has been checked. If Config.MaxSessionsPerOwner is set, saving the session
// ends the owner's oldest ones beyond that number.
//
// Errors: those of [Session.CycleKey] and [Session.Flush]; errors.ErrUnsupported with [ForDjango],
// where Login of package ginsession/django is its equal. After an error nobody has been signed in.
func (s *Session) SignIn(owner string) error {
	if err := checkOwner(owner); err != nil {
		return err
	}
	if s.m.cfg.forDjango {
		return fmt.Errorf("ginsession: SignIn: use Login of package ginsession/django, or Django's own login view: %w", errors.ErrUnsupported)
	}
	if before := s.Owner(); before != "" && before != owner {
		if err := s.Flush(); err != nil {
			return err
		}
	}
	if err := s.CycleKey(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.assign(change{op: opSet, key: ownerKey, value: owner})
	if s.m.cfg.CookieName != defaultCookieName {
		s.assign(change{op: opSet, key: ownerCookieKey, value: s.m.cfg.CookieName})
	}
	s.assign(change{op: opSet, key: signedInKey, value: s.m.cfg.Clock().UnixMicro()})
	s.signedIn = true
	return nil
}

func checkOwner(owner string) error {
	switch {
	case owner == "" || len(owner) > maxOwner:
		return fmt.Errorf("ginsession: an owner has 1 to %d bytes, this one has %d", maxOwner, len(owner))
	case !utf8.ValidString(owner) || strings.ContainsRune(owner, 0):
		return errors.New("ginsession: an owner is UTF-8 without zero bytes: encode yours as text")
	}
	return nil
}

// Owner returns who is signed in, or "" for nobody: what was given to [Session.SignIn]. With
// [ForDjango] it is the primary key of Django's user.
func (s *Session) Owner() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.use() {
		return ""
	}
	return s.m.cfg.ownerOf(&s.dict)
}

// ownerOf returns the owner that a document names, or "".
func (cfg *settings) ownerOf(d *document) string {
	if !cfg.forDjango {
		owner, _ := decodedAs[string](cfg, d, ownerKey)
		return owner
	}
	if owner, ok := decodedAs[string](cfg, d, djangoOwnerKey); ok {
		return owner
	}
	if e := d.find(djangoOwnerKey); e != nil { // a program's own login may store a number
		return e.raw
	}
	return ""
}

// isOwned reports whether a document is that of a session of owner which was made under this
// CookieName. Another manager that shares the store may know another user by the same name.
func (cfg *settings) isOwned(d *document, owner string) bool {
	name, ok := decodedAs[string](cfg, d, ownerCookieKey)
	if !ok {
		name = defaultCookieName
	}
	return name == cfg.CookieName && cfg.ownerOf(d) == owner
}

func decodedAs[T any](cfg *settings, d *document, key string) (v T, ok bool) {
	if e := d.find(key); e != nil {
		v, ok = valueOf[T](cfg.codec, e)
	}
	return v, ok
}

// SignedInAt returns when the password was last asked for, by [Session.SignIn] or
// [Session.Reauthenticate], to the microsecond. It is zero if nobody is signed in.
func (s *Session) SignedInAt() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.use() {
		return time.Time{}
	}
	return s.m.cfg.signedInAt(&s.dict)
}

func (cfg *settings) signedInAt(d *document) time.Time {
	if micros, ok := decodedAs[int64](cfg, d, signedInKey); ok && cfg.ownerOf(d) != "" {
		return time.UnixMicro(micros).UTC()
	}
	return time.Time{}
}

// Reauthenticate notes that the owner's password has been checked again: [Session.SignedInAt] is now.
// It does nothing if nobody is signed in.
func (s *Session) Reauthenticate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.use() && s.m.cfg.ownerOf(&s.dict) != "" {
		s.assign(change{op: opSet, key: signedInKey, value: s.m.cfg.Clock().UnixMicro()})
	}
}

// ID returns a name for the session that is fit for a page or a form: it is worth nothing as a
// cookie. It stays the same until [Session.CycleKey] or [Session.SignIn]. It is "" for a session that
// has no key yet, and with [SignedCookies], which has no key at all.
func (s *Session) ID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ensureLoaded()
	if s.key == "" || s.m.backend.supports("ID") != nil {
		return ""
	}
	return s.m.cfg.idOf(s.m.cfg.storeKey(s.key))
}

// idOf returns the ID of the session that the store knows as storeKey: that itself if it is a
// digest already.
func (cfg *settings) idOf(storeKey string) string {
	if cfg.HashKeys == Off {
		return digest("ginsession id\x00", storeKey)
	}
	return storeKey
}

// SessionsOf returns the live sessions of an owner, the newest sign-in first. Each can be read, and
// changed with [Session.Save]; [Session.Flush] ends it. [Session.Key] is "": only the visitor's browser
// knows it. Which of them is the visitor's own says [Session.ID]. The File engine reads its whole folder.
//
// Errors: [ErrUnavailable]; errors.ErrUnsupported if the engine cannot find sessions by their owner:
// [SignedCookies], [ForDjango], a cache such as memcached that is no [SetCache], and a [Custom] store
// that is no [OwnerStore].
func (m *Manager) SessionsOf(ctx context.Context, owner string) ([]*Session, error) {
	store, err := m.backend.owners("SessionsOf")
	if err != nil {
		return nil, err
	}
	sessions, err := m.sessionsOf(ctx, store, owner)
	slices.SortFunc(sessions, func(a, b *Session) int {
		return m.cfg.signedInAt(&b.dict).Compare(m.cfg.signedInAt(&a.dict))
	})
	return sessions, err
}

func (m *Manager) sessionsOf(ctx context.Context, store OwnerStore, owner string) ([]*Session, error) {
	if err := checkOwner(owner); err != nil {
		return nil, err
	}
	bounded := m.cfg.storeContext(ctx)
	now := m.cfg.Clock()
	found, err := store.Owned(bounded, owner, now)
	if err != nil {
		return nil, unavailable(err)
	}
	sessions := make([]*Session, 0, len(found))
	for _, r := range found {
		doc, _, err := m.cfg.read(r.Record.Data, r.Key)
		if errors.Is(err, errNotOurs) {
			m.cfg.warnOf(ctx, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		if end, ends := m.cfg.endOfLife(&doc); !m.cfg.isOwned(&doc, owner) || ends && !now.Before(end) {
			continue
		}
		r.Record.Owner = owner
		sessions = append(sessions, m.listed(ctx, r, doc))
	}
	return sessions, nil
}

// listed returns a session that was found by its owner.
func (m *Manager) listed(ctx context.Context, r OwnedRecord, doc document) *Session {
	s := newSession(m.listing)
	s.ctx = ctx
	s.key, s.storedKey, s.base = r.Key, r.Key, r.Record
	s.dict, s.parsed, s.origin = doc, true, loaded
	return s
}

// errListed is the error of what only the visitor's own request can do.
var errListed = errors.New("ginsession: a session that SessionsOf returned cannot get a new key: its visitor would not learn it")

// maxEndings bounds how often EndSessionsOf looks again for sessions that got a new key meanwhile.
const maxEndings = 32

// EndSessionsOf ends the live sessions of an owner, except those that have one of the IDs in except,
// and returns how many it has ended, also beside an error. What it has answered holds: no request
// that runs meanwhile brings one of them back. Who signs in again meanwhile has a new session.
//
// Errors: those of [Manager.SessionsOf].
func (m *Manager) EndSessionsOf(ctx context.Context, owner string, except ...string) (int64, error) {
	store, err := m.backend.owners("EndSessionsOf")
	if err != nil {
		return 0, err
	}
	var ended int64
	for range maxEndings {
		sessions, err := m.sessionsOf(ctx, store, owner)
		if err != nil {
			return ended, err
		}
		var keys []string
		for _, s := range sessions {
			if !slices.Contains(except, m.cfg.idOf(s.key)) {
				keys = append(keys, s.key)
			}
		}
		if len(keys) == 0 {
			return ended, nil
		}
		n, err := m.deleteAll(ctx, store, keys)
		ended += n
		if err != nil {
			return ended, err
		}
	}
	return ended, unavailable(ErrConflict)
}

// deleteAll deletes records in batches, each within a StoreTimeout of its own.
func (m *Manager) deleteAll(ctx context.Context, store OwnerStore, keys []string) (int64, error) {
	const batch = 500
	var deleted int64
	for part := range slices.Chunk(keys, batch) {
		n, err := store.DeleteAll(m.cfg.storeContext(ctx), part...)
		deleted += n
		if err != nil {
			return deleted, unavailable(err)
		}
	}
	return deleted, nil
}

// EndSession ends the session that has the ID, whoever its owner is: check first that the ID is
// among those of [Manager.SessionsOf]. It returns false if there was none.
//
// Errors: those of [Manager.SessionsOf]; errors.ErrUnsupported with HashKeys off, where a store
// cannot find a session by its ID.
func (m *Manager) EndSession(ctx context.Context, id string) (bool, error) {
	store, err := m.backend.owners("EndSession")
	if err == nil && m.cfg.HashKeys == Off {
		err = fmt.Errorf("ginsession: EndSession needs HashKeys: flush one of the sessions that SessionsOf returns: %w", errors.ErrUnsupported)
	}
	if err != nil || !isKey(id) {
		return false, err
	}
	ended, err := m.deleteAll(ctx, store, []string{id})
	return ended > 0, err
}

// endOldest ends the sessions of the owner who has just signed in to s that are too many. A failure
// is logged: the sign-in itself has succeeded.
func (s *Session) endOldest() {
	m := s.m
	most := m.cfg.MaxSessionsPerOwner
	signedIn := s.signedIn
	s.signedIn = false
	if !signedIn || most == 0 || s.base.Owner == "" {
		return
	}
	owner, own := s.base.Owner, m.cfg.storeKey(s.storedKey)
	sessions, err := m.SessionsOf(s.ctx, owner)
	if err == nil && len(sessions) > most {
		sessions = slices.DeleteFunc(sessions, func(other *Session) bool { return other.key == own })
		var keys []string
		for _, other := range sessions[most-1:] {
			keys = append(keys, other.key)
		}
		store, _ := m.backend.owners("SignIn")
		_, err = m.deleteAll(s.ctx, store, keys)
	}
	if err != nil {
		m.cfg.Logger.ErrorContext(s.ctx, "ginsession: the owner's oldest sessions beyond MaxSessionsPerOwner could not be ended", "error", err)
	}
}

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
