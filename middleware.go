package ginsession

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession/internal/cookieheader"
)

// A request is the state of one HTTP request under one Manager. One is allocated for every
// request, also for one that does not use its session: keep it small.
//
// It begins with the handlers running and nothing committed. It is committed once, at the
// response's first byte or when the handlers have returned, which sets its fate. It is over when
// the handlers have returned and all that could be saved has been. After a panic it is over first,
// and committed if a recovery answers through our writer.
type request struct {
	gin.ResponseWriter // what the writer writes to
	m                  *Manager
	session            atomic.Pointer[Session] // nil until somebody asks for it
	c                  *gin.Context
	outer              *request // that of another manager on the same route
	failure            error    // why the handler's response was replaced

	committed atomic.Bool // the session's fate is decided, headers may go out
	over      atomic.Bool
	fate      fate
	flushed   bool // the session was flushed before the commit, which tells the browser
	encoded   bool // middleware around this one encodes the body, whatever it is
	hijacking bool
	informed  bool // an informational answer has just gone out
	listed    bool // in Manager.unfinished; guarded by the session's mutex
}

// A fate is what becomes of what the handlers did to the session.
//
//	kept      → replaced   the commit failed; the ErrorHandler has answered
//	kept      → dropped    the session had ended, and the method is safe
//	kept      → discarded  a handler panicked
//	kept      → passedOn   gin.Engine.HandleContext runs the chain again with the same session
//
// A request that has left kept saves nothing any more.
type fate uint8

const (
	kept fate = iota
	replaced
	dropped
	discarded
	passedOn
)

// requestKey is where gin.Context keeps the innermost request.
type requestKey struct{}

// attached returns the innermost manager's request, or nil.
func attached(c *gin.Context) *request {
	v, _ := c.Get(requestKey{})
	r, _ := v.(*request)
	return r
}

// current returns the session with the context that the request has by now. The handler may
// keep it for longer than the request lives: it is nobody else's ever after.
func (r *request) current(c *gin.Context) *Session {
	s := r.session.Load()
	if s == nil {
		s = r.begin(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ctx = c.Request.Context()
	return s
}

// begin makes the request's session, or returns the one that another goroutine has just made.
func (r *request) begin(c *gin.Context) *Session {
	s := newSession(r.m)
	s.lines, s.request = c.Request.Header["Cookie"], r
	if !r.session.CompareAndSwap(nil, s) {
		return r.session.Load()
	}
	switch {
	case r.over.Load():
		s.close()
	case r.committed.Load():
		r.m.cfg.Logger.ErrorContext(c.Request.Context(), "ginsession: ginsession.Get was called for the first time after the response's headers were sent, without Vary: Cookie: "+
			"a shared cache may give what the page shows of this session to other visitors; call Get before the first write")
	}
	return s
}

// Handler returns the middleware. It reads nothing and writes nothing for a request that does
// not use its session. A chain that has two managers with one cookie name panics.
func (m *Manager) Handler() gin.HandlerFunc { return m.Wrap((*gin.Context).Next) }

// Wrap returns next with the session around it, where [Manager.Handler] has it around the rest of
// the chain. It is for middleware that runs several managers, or other code around a manager's, in
// one handler.
func (m *Manager) Wrap(next gin.HandlerFunc) gin.HandlerFunc {
	return func(c *gin.Context) {
		outer := attached(c)
		for r := outer; r != nil; r = r.outer {
			if r.m == m { // installed twice
				next(c)
				return
			}
			if r.m.cfg.CookieName == m.cfg.CookieName {
				panic(fmt.Sprintf("ginsession: two managers in one chain use the cookie name %q, and would take each other's cookies for their own: give one of them another Config.CookieName", m.cfg.CookieName))
			}
		}
		w := &writer{request{ResponseWriter: c.Writer, m: m, c: c, outer: outer}}
		r := &w.request
		r.encoded = r.Header()["Content-Encoding"] != nil
		r.takeOver()
		c.Writer = w
		c.Set(requestKey{}, r)
		r.run(next)
	}
}

// takeOver continues a request that has called gin.Engine.HandleContext: Gin then runs the chain
// again on the same gin.Context, having forgotten all that it kept there.
func (r *request) takeOver() {
	v, ok := r.m.unfinished.Load(r.c)
	if !ok {
		return
	}
	first := v.(*request)
	s := first.session.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noteContainers()
	first.fate, r.listed, r.flushed, s.request = passedOn, true, first.flushed, r
	first.committed.Store(true)
	r.session.Store(s)
	r.m.unfinished.Store(r.c, r)
}

// list makes the request known to a later run of the chain; see takeOver. Its session's mutex is
// locked.
func (r *request) list() {
	if r != nil && !r.listed {
		r.listed = true
		r.m.unfinished.Store(r.c, r)
	}
}

// run runs the handlers and what remains to be done after them.
func (r *request) run(next gin.HandlerFunc) {
	panicked := true
	defer func() {
		if panicked {
			r.fate = discarded
			r.maskCookie()
			r.end(false)
		}
		if r.outer != nil {
			r.c.Set(requestKey{}, r.outer)
		}
	}()
	next(r.c)
	begun := r.committed.Load() || r.bypassed()
	if !begun {
		_ = r.commit()
	}
	r.end(begun)
	panicked = false
}

// commit saves the session and sets its headers, or replaces the response. It runs before the
// response's first byte; from then on it returns why the response was replaced.
func (r *request) commit() error {
	if r.committed.Load() {
		return r.failure
	}
	s := r.session.Load()
	obtained := s != nil
	if !obtained && r.m.cfg.extends() && !r.bypassed() {
		s = r.current(r.c)
	}
	r.committed.Store(true)
	if s == nil || r.bypassed() { // see end
		return nil
	}
	setCookie, accessed, err := r.commitSession(s, obtained && r.fate == kept && !r.hijacking)
	if errors.Is(err, ErrInterrupted) && !r.interrupts() {
		r.drop()
		err = nil
	}
	if err != nil && r.fate != discarded {
		r.fail(err)
		return r.failure
	}
	h := r.Header()
	if accessed || setCookie != "" {
		varyByCookie(h)
	}
	if accessed && r.m.cfg.NoStore == On {
		h.Set("Cache-Control", "private, no-store")
	}
	if setCookie != "" {
		h.Add("Set-Cookie", setCookie)
	}
	// gin-contrib/gzip around this one takes Vary away from errors.
	if setCookie != "" || accessed && r.encoded && r.Status() >= http.StatusBadRequest {
		s.m.cfg.makePrivate(h)
	}
	return nil
}

// interrupts reports whether the client is told that its session ended while the request changed
// it.
func (r *request) interrupts() bool {
	return r.m.cfg.InterruptSafeMethods == On || !isSafe(r.c.Request.Method)
}

// drop lets a response go out although its session ended. What the request did to it goes with it.
func (r *request) drop() {
	r.fate = dropped
	r.m.cfg.Logger.WarnContext(r.c.Request.Context(), "ginsession: the session ended while the request ran: what it changed is lost",
		"method", r.c.Request.Method, "path", r.c.FullPath())
}

// bypassed reports whether the response's headers went out past this writer.
func (r *request) bypassed() bool {
	return r.Written() && r.Status() >= http.StatusOK
}

// commitSession unlocks the session even if encoding a value panics. If load is set it loads
// the session first: a template that has the session may read it only while the page is
// written, too late for Vary and for an error.
func (r *request) commitSession(s *Session, load bool) (setCookie string, accessed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if load {
		s.use()
	}
	r.flushed = s.flushed
	setCookie, err = s.conclude(r.fate == discarded || r.Status() >= http.StatusInternalServerError, r.hijacking)
	return setCookie, s.accessed, err
}

// isSafe reports whether a method is one that changes nothing (RFC 9110 §9.2.1).
func isSafe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// end lets go of the session. If the handlers went on after the response had begun, it saves what
// they changed then, or logs why it cannot.
func (r *request) end(begun bool) {
	r.over.Store(true)
	s := r.session.Load()
	if s == nil || r.fate == passedOn {
		return
	}
	r.forgetRepeatedFailure()
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.listed {
		r.m.unfinished.CompareAndDelete(r.c, r)
	}
	if r.fate != kept {
		s.abandon()
	} else if begun {
		r.saveRest(s)
	}
	s.request, s.closed = nil, true
}

// forgetRepeatedFailure leaves the reason for which the response was replaced once in c.Errors. Gin
// adds it for each write that failed.
func (r *request) forgetRepeatedFailure() {
	if r.failure == nil {
		return
	}
	seen := false
	r.c.Errors = slices.DeleteFunc(r.c.Errors, func(e *gin.Error) bool {
		again := seen && errors.Is(e, r.failure)
		seen = seen || errors.Is(e, r.failure)
		return again
	})
}

func (r *request) saveRest(s *Session) {
	if err := r.trySaveRest(s); err != nil && !s.reported {
		s.m.cfg.Logger.ErrorContext(s.ctx, "ginsession: a change made after the response's headers is lost", "error", err)
	}
}

func (r *request) trySaveRest(s *Session) error {
	if s.err != nil {
		return s.err
	}
	if s.flushed && !r.flushed && s.m.backend.needsHeader() {
		return ErrHeadersWritten // a cookie that was not deleted is a session that goes on
	}
	s.noteContainers()
	if !s.pending() || r.Status() >= http.StatusInternalServerError {
		return nil
	}
	if s.savesUnseen() && s.cycled == 0 {
		return s.save(false)
	}
	if s.storedKey == "" && s.dict.isEmpty() {
		return nil
	}
	return ErrHeadersWritten
}

// fail replaces the handler's response, of which nothing has been sent yet, by the ErrorHandler's.
// The handler's own writes fail from now on.
func (r *request) fail(err error) {
	r.failure, r.fate = err, replaced
	c := r.c
	if status := statusOf(err); status >= http.StatusInternalServerError {
		r.m.cfg.Logger.ErrorContext(c.Request.Context(), "ginsession: a request was answered with an error", "status", status, "path", c.FullPath(), "error", err)
	}
	top := c.Writer
	c.Writer = r.ResponseWriter
	h := c.Writer.Header()
	if h.Get("Upgrade") != "" {
		h.Del("Connection")
	}
	for name := range h {
		if isReplaced(name) && !(r.encoded && name == "Content-Encoding") {
			delete(h, name)
		}
	}
	varyByCookie(h)
	h.Set("Cache-Control", "no-store")
	c.Writer.WriteHeader(statusOf(err))
	_ = c.Error(err)
	c.Abort()
	r.m.cfg.ErrorHandler(c, err)
	c.Writer.WriteHeaderNow()
	c.Writer = top
}

// maskCookie hides the session's key before a panic reaches gin.Recovery, which logs the
// request's headers.
func (r *request) maskCookie() {
	masked := *r.c.Request
	masked.Header = masked.Header.Clone()
	lines := masked.Header["Cookie"]
	for i, line := range lines {
		lines[i] = cookieheader.Mask(line, r.m.cfg.CookieName)
	}
	r.c.Request = &masked
}
