package ginsession

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/internal/deadline"
)

// A Manager is the session framework for one Config: the middleware, and the handle for work
// outside a request. It is safe for concurrent use.
//
// The contexts that its methods are given carry values, such as a trace, to the store. Their end
// stops only [Manager.ClearExpired] and [Manager.StartCleaner]. Exists, Delete and the methods of a
// Session run to completion, within Config.StoreTimeout, even if the context has already ended: a
// client that hangs up must not leave half a change behind.
type Manager struct {
	cfg     *settings // shared with the engine
	backend backend

	listing *Manager // of the sessions that SessionsOf returns

	unfinished *sync.Map // *gin.Context → *request: those that a further run of the chain has to continue
}

// NewManager checks the Config and opens its engine. The error names every field that is wrong
// and wraps [ErrConfig].
func NewManager(cfg Config) (*Manager, error) {
	checked, err := newSettings(cfg)
	m := &Manager{cfg: checked, unfinished: new(sync.Map)}
	if cfg.Engine != nil {
		var openErr error
		m.backend, openErr = cfg.Engine.open(checked)
		err = errors.Join(err, openErr)
		if openErr == nil && checked.MaxSessionsPerOwner > 0 {
			if _, refused := m.backend.owners("SignIn"); refused != nil {
				err = errors.Join(err, configError("MaxSessionsPerOwner", "not with this engine: %v", refused))
			}
		}
	}
	if err != nil {
		return nil, err
	}
	checked.warn()
	if server, ok := m.backend.(*serverBackend); ok {
		cfg := checked.openedByStoreKey()
		m.listing = &Manager{cfg: cfg, backend: onServer(cfg, server.store)}
	}
	return m, nil
}

// Format prints the manager without its secrets, whatever the verb.
func (m Manager) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprint(f, "ginsession.Manager")
}

// LogValue is what slog prints: no secret.
func (m Manager) LogValue() slog.Value { return slog.StringValue("ginsession.Manager") }

// Get returns this manager's session, for routes that have two managers. It panics if this manager's
// middleware is not installed.
func (m *Manager) Get(c *gin.Context) *Session {
	for r := attached(c); r != nil; r = r.outer {
		if r.m == m {
			return r.current(c)
		}
	}
	panic("ginsession: no session of this manager in this request: install its middleware with r.Use(manager.Handler()) before the route")
}

// Open returns a session outside a request, by the value that its cookie carries; "" starts a new
// one. It loads nothing yet: [Session.Load] reports whether the session can be loaded, [Session.Key]
// whether it exists. Nothing is saved without [Session.Save].
func (m *Manager) Open(ctx context.Context, key string) *Session {
	s := newSession(m)
	s.ctx = ctx
	if m.backend.isKey(key) {
		s.lines = []string{m.cfg.CookieName + "=" + key}
	}
	return s
}

// Exists reports whether a live session has the key, which a cookie carries. Errors:
// [ErrUnavailable]; errors.ErrUnsupported with [SignedCookies], which nobody can look up.
func (m *Manager) Exists(ctx context.Context, key string) (bool, error) {
	return m.backend.exists(ctx, key)
}

// Delete ends the session that has the key, which a cookie carries. An unknown key is no error.
// Errors: [ErrUnavailable]; errors.ErrUnsupported with [SignedCookies], which cannot be revoked.
func (m *Manager) Delete(ctx context.Context, key string) error {
	return m.backend.delete(ctx, key)
}

// storeContext returns the context of a store operation.
func (cfg *settings) storeContext(parent context.Context) *deadline.Context {
	return cfg.timeout.New(parent)
}
