// Package ginsession is Django's session framework for Gin: a dictionary for each visitor,
// kept on the server and found again by a cookie that carries only its key.
//
//	ginsession.Migrate(db) // once, before serving
//	r := gin.Default()
//	r.Use(ginsession.New(ginsession.Config{Engine: ginsession.DB(db)}))
//	r.GET("/", func(c *gin.Context) {
//		s := ginsession.Get(c)
//		n, _ := ginsession.Value[int](s, "visits")
//		s.Set("visits", n+1) // saved by itself, before the response's first byte
//		c.JSON(http.StatusOK, gin.H{"visits": n + 1})
//	})
//
// The semantics, the settings and their defaults are Django's. On top of them, requests of one
// visitor that run at the same time lose none of each other's changes, a session that has been
// ended stays ended whatever is still running, and a request that does not use its session
// costs nothing.
package ginsession

import (
	"context"

	"github.com/gin-gonic/gin"
)

// New returns the middleware: [NewManager] and its [Manager.Handler]. It panics on a bad
// Config, at start-up, naming every field that is wrong.
func New(cfg Config) gin.HandlerFunc {
	m, err := NewManager(cfg)
	if err != nil {
		panic(err)
	}
	return m.Handler()
}

// Get returns the visitor's session, never nil. It reads nothing yet: the first use of the
// session does. If a route has two managers, it is the innermost one's; see [Manager.Get].
// It panics if the middleware is not installed.
func Get(c *gin.Context) *Session {
	r := attached(c)
	if r == nil {
		panic("ginsession: no session in this request: install the middleware with r.Use(ginsession.New(cfg)) before the route")
	}
	return r.current(c)
}

// Value returns what is stored under key as a T: the T that was Set in this request, or what
// the stored value decodes into (a struct, a slice, an int, a time.Time). ok is false if key is
// absent or its value cannot be decoded as a T. Value[json.RawMessage] gives the stored bytes.
//
// A map, a slice and what a pointer points to are the session's own: what the handler changes in
// them is saved, as a T encodes it. A change that is not encoded, such as one of an unexported
// field, does not count. If several values of one key were handed out, as different types, only one
// of them may be changed: otherwise saving fails with an [ErrEncode] that names the key.
func Value[T any](s *Session, key string) (v T, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(key)
	if e == nil {
		return v, false
	}
	return valueFor[T](s, e)
}

// ValueOr is [Value], with otherwise if key is absent or its value cannot be decoded as a T.
func ValueOr[T any](s *Session, key string, otherwise T) T {
	if v, ok := Value[T](s, key); ok {
		return v
	}
	return otherwise
}

// Modify replaces the value of key by f(old, ok), where ok reports whether there was one, and
// loses no update: if another request saved the session first, f runs again on the value
// that is stored now. So f must be pure: no session, no I/O. The T returned is provisional,
// computed from what this request has read: what the handler does to it afterwards is not saved.
//
// The error says why nothing was recorded: the session could not be loaded, the stored value cannot
// be decoded as a T, or the new one cannot be stored ([ErrEncode]). [SignedCookies] cannot do it: errors.ErrUnsupported.
func Modify[T any](s *Session, key string, f func(old T, ok bool) T) (T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var result T
	err := s.modify(key, func(raw string, ok bool) (any, error) {
		var old T
		if ok {
			if err := s.m.cfg.codec.decodeInto(key, raw, &old); err != nil {
				return nil, err
			}
		}
		result = f(old, ok)
		return result, nil
	})
	return result, err
}

// Claim removes key from the session in the store, at once, and returns its value: of
// concurrent claimants exactly one gets it. It is for one-time tokens. If the key is absent,
// it returns false and no error.
//
// The error means that the value must not be relied on: the store failed ([ErrUnavailable]),
// the session has been ended ([ErrInterrupted]) or the stored value cannot be decoded as a
// T, in which case it stays. [SignedCookies] cannot do it: errors.ErrUnsupported.
func Claim[T any](s *Session, key string) (T, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var value T
	ok, err := s.claim(key, func(raw string) error {
		value = *new(T)
		return s.m.cfg.codec.decodeInto(key, raw, &value)
	})
	if err != nil || !ok {
		return *new(T), false, err
	}
	return value, true, nil
}

// NewContext returns a context that carries s, for code that sees no gin.Context.
func NewContext(ctx context.Context, s *Session) context.Context {
	return context.WithValue(ctx, sessionKey{}, s)
}

// FromContext returns the session that [NewContext] put into ctx, or that of the
// gin.Context that ctx is or is derived from. It returns false if there is none.
func FromContext(ctx context.Context) (*Session, bool) {
	if s, ok := ctx.Value(sessionKey{}).(*Session); ok {
		return s, true
	}
	if c, ok := ctx.Value(gin.ContextKey).(*gin.Context); ok {
		if r := attached(c); r != nil {
			return r.current(c), true
		}
	}
	return nil, false
}

type sessionKey struct{}
