package gincontrib

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
)

// Sessions is the manager's middleware and puts its session where sessions.Default(c) finds it.
// ginsession.Get(c) and m.Get(c) return the same session. The manager's Config should have
// [ginsession.Gob] as its Serializer: see the package's doc.
func Sessions(m *ginsession.Manager) gin.HandlerFunc {
	run := m.Handler()
	return func(c *gin.Context) {
		s := newSession(m, c)
		defer s.end()
		c.Set(sessions.DefaultKey, s)
		run(c)
	}
}

// SessionsMany is the middleware of several managers and puts their sessions where
// sessions.DefaultMany(c, name) finds them. Each needs a Config.CookieName of its own; the name in
// the map is only what the handlers call it.
func SessionsMany(managers map[string]*ginsession.Manager) gin.HandlerFunc {
	managers = maps.Clone(managers)
	run := gin.HandlerFunc((*gin.Context).Next)
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(managers))) {
		run = managers[name].Wrap(run)
	}
	return func(c *gin.Context) {
		all := make(map[string]sessions.Session, len(managers))
		for name, m := range managers {
			s := newSession(m, c)
			defer s.end()
			all[name] = s
		}
		c.Set(sessions.DefaultKey, all)
		run(c)
	}
}

// A session is a manager's session as gin-contrib/sessions has it.
type session struct {
	m        *ginsession.Manager
	inCookie bool // the engine keeps the session in the cookie

	mu      sync.Mutex
	c       *gin.Context        // nil when the request is over
	session *ginsession.Session // nil until the first use
	expiry  *ginsession.Expiry  // what Options asked for and no change has taken up yet
	changed bool                // there was a change in this request
	written bool                // there was one since the last Save
}

func newSession(m *ginsession.Manager, c *gin.Context) *session {
	return &session{m: m, inCookie: keepsInCookie(m), c: c}
}

// keepsInCookie asks for a session that cannot exist, which no store is asked for.
func keepsInCookie(m *ginsession.Manager) bool {
	_, err := m.Exists(context.Background(), "")
	return errors.Is(err, errors.ErrUnsupported)
}

// end forgets the gin.Context, which Gin uses for another request soon.
func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.c = nil
}

// native returns the manager's session. s.mu is locked. If the request is over and has not used
// it, it is an empty session that is never saved.
func (s *session) native() *ginsession.Session {
	switch {
	case s.session != nil:
	case s.c == nil:
		s.session = s.m.Open(context.Background(), "")
	default:
		s.session = s.m.Get(s.c)
	}
	return s.session
}

// note notes a change of n.
func (s *session) note(n *ginsession.Session) {
	s.changed, s.written = true, true
	if s.expiry != nil {
		n.SetExpiry(*s.expiry)
		s.expiry = nil
	}
}

// ID returns the session's key, which the cookie carries: do not log it. It is "" until a new
// session is saved.
func (s *session) ID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.native().Key()
}

// Get returns a value, or nil. What is changed inside it is saved.
func (s *session) Get(key any) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := encodeKey(key)
	if err != nil {
		return nil
	}
	return s.native().Get(text)
}

// Set puts a value into the session. If it or its key cannot be stored, Save returns
// ginsession.ErrEncode, and the response is a 500.
func (s *session) Set(key, value any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.native()
	text, err := encodeKey(key)
	if err != nil {
		text, value = err.Error(), func() {} // a value that makes the save fail, under what says why
	}
	n.Set(text, value)
	s.note(n)
}

// Delete removes a key, if it is there.
func (s *session) Delete(key any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := encodeKey(key)
	if err != nil {
		return
	}
	n := s.native()
	if n.Delete(text) == nil {
		s.note(n)
	}
}

// Clear removes every key except those of ginsession itself. It does not end the session: for a
// sign-out call Options with a negative MaxAge, or ginsession.Get(c).Flush().
func (s *session) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.native()
	for _, key := range n.Keys() {
		if !strings.HasPrefix(key, reservedPrefix) && n.Delete(key) == nil {
			s.note(n)
		}
	}
}

// Save writes the session to the store now, if it was changed since the last Save. A new session
// that is empty is not created. Handlers that do not call it have their changes saved before the
// response's first byte.
func (s *session) Save() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.written {
		return nil
	}
	if err := s.save(s.native()); err != nil {
		return err
	}
	s.written = false
	return nil
}

func (s *session) save(n *ginsession.Session) error {
	if err := n.Err(); err != nil {
		return err
	}
	if n.IsEmpty() {
		return nil
	}
	sent := s.c == nil || s.c.Writer.Written()
	if sent && (s.inCookie || n.Key() == "") {
		return ginsession.ErrHeadersWritten
	}
	s.note(n)
	return n.Save()
}
