package gincontrib

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gin-contrib/sessions"
	gorilla "github.com/gorilla/sessions"

	"github.com/ginsession/ginsession"
)

// A Store is a Store of gorilla/sessions and of gin-contrib/sessions over a manager's engine. Make
// one with [NewStore].
type Store struct {
	m        *ginsession.Manager
	inCookie bool
	options  atomic.Pointer[gorilla.Options] // nil if the cookies are as the manager's Config has them
}

var _ sessions.Store = (*Store)(nil)

// NewStore returns a Store that keeps its sessions where the manager's Config says, for programs
// and libraries that bring their own middleware, such as gothic. Each session name is a session
// and a cookie of its own, and the cookie of one name opens no session of another.
//
// Give it a manager of its own, with a CookieName that no middleware uses: a manager knows its own
// sessions by its cookie's name and not by the names that a Store is asked for.
func NewStore(m *ginsession.Manager) *Store {
	return &Store{m: m, inCookie: keepsInCookie(m)}
}

// Options sets what the Options of every session begin with. From then on a session's Options are
// taken as they are, as gorilla/sessions does: an empty Path leaves the attribute out. Without
// it, what is zero in them is as in the manager's Config, except MaxAge.
//
// A negative MaxAge ends the session, 0 lets the browser forget the cookie when it closes, and a
// positive one ends the session after so many seconds without a change, which stays with it.
func (st *Store) Options(o sessions.Options) { st.options.Store(o.ToGorillaOptions()) }

// Get returns the request's session of that name, the same at each call. An error, which is
// ginsession.ErrUnavailable, means that it could not be loaded; it is then new and cannot be saved.
func (st *Store) Get(r *http.Request, name string) (*gorilla.Session, error) {
	return gorilla.GetRegistry(r).Get(st, name)
}

// New loads the session of that name anew, or begins one. Errors: as Get's.
func (st *Store) New(r *http.Request, name string) (*gorilla.Session, error) {
	native := st.find(r, name)
	opened := &opened{native: native, maxAge: maxAgeOf(native)}
	session := gorilla.NewSession(st, name)
	session.Options = &gorilla.Options{MaxAge: opened.maxAge}
	if o := st.options.Load(); o != nil {
		*session.Options = *o
	}
	session.ID = native.Key()
	session.IsNew = session.ID == ""
	opened.loaded = valuesOf(native)
	for text, value := range opened.loaded {
		session.Values[decodeKey(text)] = value
	}
	openedIn(r).put(session, opened)
	return session, native.Err()
}

// maxCookies bounds how many cookies of one name are looked up, as the middleware does.
const maxCookies = 3

// find returns the session that one of the request's cookies names, or a new one.
func (st *Store) find(r *http.Request, name string) *ginsession.Session {
	for i, cookie := range r.CookiesNamed(name) {
		if i == maxCookies {
			break
		}
		s := st.m.Open(r.Context(), cookie.Value)
		if s.Key() != "" && st.isNamed(s, name) || s.Err() != nil {
			return s
		}
	}
	return st.m.Open(r.Context(), "")
}

// nameKey is where a session keeps the name that it was made for.
const nameKey = "_gorilla_name"

// isNamed reports whether a stored session was made for the name: by a Store, or by the manager's
// middleware for the manager's cookie.
func (st *Store) isNamed(s *ginsession.Session, name string) bool {
	made, ok := ginsession.Value[string](s, nameKey)
	if !ok {
		cookie := st.m.Cookie(s)
		return cookie != nil && cookie.Name == name
	}
	return made == name
}

// valuesOf returns what the session holds for the program, by the text of each key.
func valuesOf(s *ginsession.Session) map[string]any {
	values := map[string]any{}
	for _, text := range s.Keys() {
		if text == nameKey || strings.HasPrefix(text, reservedPrefix) {
			continue
		}
		if value, ok := s.Lookup(text); ok { // what cannot be read stays as it is
			values[text] = value
		}
	}
	return values
}

// maxAgeOf returns for how long a session lives as gorilla's Options tell it.
func maxAgeOf(s *ginsession.Session) int {
	if s.ExpiresAtBrowserClose() {
		return 0
	}
	return int(s.ExpiryAge().Seconds())
}

// Save writes what the program has changed in session.Values since the session was loaded, key by
// key, so that requests at the same time lose nothing of each other's, and sets the cookie. Flashes
// under "_flash" that several requests add are all kept. A new session that is empty is not created.
//
// Errors: those of ginsession's Save; ginsession.ErrHeadersWritten if a cookie would have to be
// sent and cannot; ginsession.ErrConfig if browsers would drop the cookie.
func (st *Store) Save(r *http.Request, w http.ResponseWriter, session *gorilla.Session) error {
	o := st.optionsOf(session)
	known := openedIn(r)
	opened := known.get(session)
	if opened == nil { // made with gorilla's NewSession, or loaded in another request
		native := st.m.Open(r.Context(), session.ID)
		opened = openedNow(native)
		known.put(session, opened)
	}
	native := opened.native
	if err := native.Load(); err != nil {
		return err
	}
	if o.MaxAge < 0 {
		return st.end(w, session, opened, o)
	}
	if native.Key() == "" && len(session.Values) == 0 {
		return nil
	}
	if isWritten(w) && (st.inCookie || native.Key() == "") {
		return ginsession.ErrHeadersWritten
	}
	values, err := textKeys(session.Values)
	if err != nil {
		return err
	}
	opened.apply(values, st.inCookie)
	if native.Key() == "" {
		native.Set(nameKey, session.Name())
	}
	if o.MaxAge != opened.maxAge {
		native.SetExpiry(expiryAfter(o.MaxAge))
	}
	if err := native.Save(); err != nil {
		return err
	}
	opened.loaded, opened.maxAge, session.ID = values, o.MaxAge, native.Key()
	return st.setCookie(w, session.Name(), native, o)
}

// optionsOf returns the session's Options, or what they begin with.
func (st *Store) optionsOf(session *gorilla.Session) *gorilla.Options {
	if session.Options != nil {
		return session.Options
	}
	if o := st.options.Load(); o != nil {
		return o
	}
	return &gorilla.Options{MaxAge: maxAgeOf(st.m.Open(context.Background(), ""))}
}

// end ends the session and deletes the cookie.
func (st *Store) end(w http.ResponseWriter, session *gorilla.Session, opened *opened, o *gorilla.Options) error {
	native := opened.native
	if err := native.Flush(); err != nil {
		return err
	}
	opened.loaded, opened.maxAge, session.ID = nil, maxAgeOf(native), ""
	if isWritten(w) {
		if st.inCookie {
			return ginsession.ErrHeadersWritten
		}
		return nil // the cookie that stays in the browser opens nothing
	}
	deletion := *o
	if initial := st.options.Load(); initial != nil { // of what is deleted
		override(&deletion.Path, deletion.Path == "", initial.Path)
		override(&deletion.Domain, deletion.Domain == "", initial.Domain)
	}
	return st.setCookie(w, session.Name(), native, &deletion)
}

// isWritten reports whether the response's headers have gone out, if the writer tells, as Gin's
// does.
func isWritten(w http.ResponseWriter) bool {
	writer, ok := w.(interface{ Written() bool })
	return ok && writer.Written()
}

func textKeys(values map[any]any) (map[string]any, error) {
	texts := make(map[string]any, len(values))
	for key, value := range values {
		text, err := encodeKey(key)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ginsession.ErrEncode, err)
		}
		texts[text] = value
	}
	return texts, nil
}

// An opened is a manager's session behind a gorilla session.
type opened struct {
	native *ginsession.Session
	loaded map[string]any // the values that the program was given or has saved, by the text of their key
	maxAge int            // the session's own
}

// openedNow returns an opened for a gorilla session that was not loaded here: what it does not have
// is removed.
func openedNow(native *ginsession.Session) *opened {
	return &opened{native: native, loaded: valuesOf(native), maxAge: maxAgeOf(native)}
}

// apply carries out on the session what the program has changed. A change inside a value that it was
// given is the session's own to find.
func (o *opened) apply(values map[string]any, inCookie bool) {
	for text, value := range values {
		before, had := o.loaded[text]
		if had && reflect.DeepEqual(before, value) {
			continue
		}
		if added := addedFlashes(text, before, value); added != nil {
			addFlashes(o.native, inCookie, text, added...)
			continue
		}
		o.native.Set(text, value)
	}
	for text := range o.loaded {
		if _, has := values[text]; !has {
			_ = o.native.Delete(text) // it may be gone already
		}
	}
}

// addedFlashes returns what was added to the flashes, or nil if it is not only that.
func addedFlashes(text string, before, after any) []any {
	flashes, ok := after.([]any)
	earlier, _ := before.([]any)
	if text != defaultFlashes || !ok || len(flashes) <= len(earlier) {
		return nil
	}
	for i, flash := range earlier {
		if !reflect.DeepEqual(flash, flashes[i]) {
			return nil
		}
	}
	return flashes[len(earlier):]
}

// A sessionsOf knows the sessions that were loaded in a request. It is in the request's context, as
// gorilla's registry is, so that they go with it.
type sessionsOf struct {
	mu     sync.Mutex
	opened map[*gorilla.Session]*opened
}

type contextKey struct{}

func openedIn(r *http.Request) *sessionsOf {
	if known, ok := r.Context().Value(contextKey{}).(*sessionsOf); ok {
		return known
	}
	known := &sessionsOf{opened: map[*gorilla.Session]*opened{}}
	*r = *r.WithContext(context.WithValue(r.Context(), contextKey{}, known))
	return known
}

func (k *sessionsOf) get(session *gorilla.Session) *opened {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.opened[session]
}

func (k *sessionsOf) put(session *gorilla.Session, o *opened) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.opened[session] = o
}
