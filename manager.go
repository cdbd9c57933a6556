package ginsession

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/internal/deadline"
)

// A Manager is the session framework for one Config: the middleware, and the handle for work
// outside a request. It is safe for concurrent use.
type Manager struct {
	settings
	store          Store // nil where the cookie holds the session (SignedCookies)
	lastAttributes atomic.Pointer[cookieAttributes]
}

// NewManager checks the Config and opens its engine. The error names every field that is wrong
// and wraps [ErrConfig].
func NewManager(cfg Config) (*Manager, error) {
	set, err := newSettings(cfg)
	m := &Manager{settings: *set}
	if cfg.Engine != nil {
		store, openErr := cfg.Engine.open(set)
		err = errors.Join(err, openErr)
		m.store = store
	}
	if err != nil {
		return nil, err
	}
	m.warn()
	return m, nil
}

// Format prints the manager without its secrets, whatever the verb.
func (m *Manager) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprint(f, "ginsession.Manager")
}

// Get returns this manager's session, for routes that have two managers. It panics where this
// manager's middleware is not installed.
func (m *Manager) Get(c *gin.Context) *Session {
	for r := attached(c); r != nil; r = r.outer {
		if r.m == m {
			return r.current(c)
		}
	}
	panic("ginsession: no session of this manager in this request: install its middleware with r.Use(manager.Handler()) before the route")
}

// Open returns a session outside a request, by the value that its cookie carries; "" starts a
// new one. It reads nothing yet; [Session.Load] tells whether it can be read, [Session.Key]
// whether it is there. Nothing is saved without [Session.Save].
func (m *Manager) Open(ctx context.Context, key string) *Session {
	s := &Session{m: m, ctx: ctx}
	if m.isKey(key) {
		s.lines = []string{m.CookieName + "=" + key}
	}
	return s
}

// Exists reports whether the key that a cookie carries is a live session's. Signed cookies are
// nobody's to look up: errors.ErrUnsupported.
func (m *Manager) Exists(ctx context.Context, key string) (bool, error) {
	if m.store == nil {
		return false, unsupported("Exists")
	}
	if !isKey(key) {
		return false, nil
	}
	bounded := m.storeContext(ctx)
	defer bounded.Release()
	_, err := m.store.Load(bounded, m.storeKey(key), m.Clock())
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, unavailable(err)
	}
	return true, nil
}

// Delete ends a session by the key that its cookie carries. An unknown one is no error. Signed
// cookies cannot be revoked: errors.ErrUnsupported.
func (m *Manager) Delete(ctx context.Context, key string) error {
	if m.store == nil {
		return unsupported("Delete")
	}
	if !isKey(key) {
		return nil
	}
	bounded := m.storeContext(ctx)
	defer bounded.Release()
	if err := m.store.Delete(bounded, m.storeKey(key)); err != nil {
		return unavailable(err)
	}
	return nil
}

// storeContext returns the context of a store operation, which must be released.
func (m *Manager) storeContext(parent context.Context) *deadline.Context {
	return deadline.New(parent, m.StoreTimeout)
}
