package ginsession

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/ginsession/ginsession/internal/deadline"
)

// A Session is one visitor's dictionary and its life. It is loaded from the store at its first
// use. The middleware saves what a request changed in it before the response's first byte.
// Outside a request ([Manager.Open]), [Session.Save] does.
//
// A session that could not be loaded is not an empty one: its methods do nothing and return
// zero values, [Session.Err] says why, and the middleware answers 503 in the handler's place.
//
// A Session may be used by several goroutines of one request at the same time. A map or slice that
// it handed out may not.
type Session struct {
	*sessionState // one pointer further than fmt prints, which would show the key
}

// newSession allocates both parts at once.
func newSession(m *Manager) *Session {
	both := &struct {
		Session
		sessionState
	}{sessionState: sessionState{m: m}}
	both.Session.sessionState = &both.sessionState
	return &both.Session
}

type sessionState struct {
	mu  sync.Mutex
	m   *Manager
	ctx context.Context // the request's, as of Get; values only, never its end

	loading deadline.Context // of the one load; in place, because every use of a session pays for it

	request *request // nil outside a request and when it is over
	lines   []string // the request's Cookie headers, or one with the key given to Manager.Open

	key       string // what the cookie carries; "" if there is none
	storedKey string // the key that base is stored under; "" if nothing is stored
	base      Record // what the store holds, as far as this session knows

	dict    document   // the dictionary as this request sees it
	changes changes    // what this request did to it since the last save
	fresh   *document  // what the last save stored, until dict is brought up to it
	err     error      // why the session could not be loaded or flushed
	own     *ownCookie // nil if the cookie has the Config's attributes

	cycled   int32 // 1 + the number of changes made before CycleKey; 0 if no new key is pending
	tried    int8  // how many keys the store was asked for
	origin   origin
	parsed   bool // dict was read from base: its raw values are base's
	accessed bool // Django's accessed
	modified bool // Django's modified
	marked   bool // MarkModified was called since the last save
	flushed  bool // Flush was called: the browser's cookie must go
	saved    bool // something was saved: the cookie must be sent
	known    bool // the client has the key, or gets it with this response's headers
	signedIn bool // SignIn was called since the last save
	reported bool // Save has returned why the latest changes cannot be saved
	closed   bool // the request is over: a change is saved at once, or is lost
}

// An origin says where the dictionary comes from.
//
//	          Get and other uses    Clear      Key, Save    Flush
//	unread    loaded                cleared    loaded       loaded
//	cleared   cleared               cleared    loaded       loaded
//	loaded    loaded                loaded     loaded       loaded
//
// A load that fails changes nothing.
type origin uint8

const (
	unread  origin = iota
	cleared        // emptied before it was loaded: the store has not been asked yet
	loaded         // the store has been asked, or there was nothing to ask for
)

// find returns the entry of a key that is in the dictionary, or nil.
func (s *Session) find(key string) *entry {
	if !s.use() {
		return nil
	}
	return s.dict.find(key)
}

// Get returns the value of key, or nil if there is none: nil, bool, string, int64 (a whole
// number that fits), float64 (a number with a point or an exponent), json.Number (any other),
// []any or map[string]any. What was Set in this request comes back as the next request will see
// it; [Value] returns the type that was set. What the handler changes inside a map or slice is
// saved.
func (s *Session) Get(key string) any {
	v, _ := s.Lookup(key)
	return v
}

// Lookup returns what [Session.Get] does, and whether key is in the session and its value can be
// decoded.
func (s *Session) Lookup(key string) (any, bool) {
	return Value[any](s, key)
}

// Has reports whether key is in the session.
func (s *Session) Has(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(key) != nil
}

// Set stores v under key. If v cannot be stored, or key begins with "_session_", which is reserved,
// saving the session fails with [ErrEncode].
func (s *Session) Set(key string, v any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.use() {
		s.put(key, v)
	}
}

// put sets a key for the handler, which must not set one of the framework's.
func (s *Session) put(key string, v any) *entry {
	return s.assign(change{op: opSet, key: key, value: v, err: checkKey(key)})
}

// assign sets a key to a change's value.
func (s *Session) assign(c change) *entry {
	e := s.dict.add(c.key)
	e.assign(c.value)
	s.note(e, c)
	return e
}

// checkKey refuses the keys of the framework: a program that lets visitors name keys must not let
// them say when a session ends, or whose it is.
func checkKey(key string) error {
	if !strings.HasPrefix(key, keyPrefix) {
		return nil
	}
	return encodeError(key, errors.New("keys that begin with "+keyPrefix+" are reserved: use another name, or SetExpiry to say when the session ends"))
}

// Delete removes key. It returns [ErrKeyNotFound] if key is not in the session, or the error of
// [Session.Err].
func (s *Session) Delete(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(key)
	if s.err != nil {
		return s.err
	}
	if e == nil {
		return fmt.Errorf("%w: %q", ErrKeyNotFound, key)
	}
	s.remove(e)
	return nil
}

func (s *Session) remove(e *entry) {
	e.remove()
	s.note(e, change{op: opDelete, key: e.key()})
}

// Pop removes key and returns its value, and whether it was there. Source: Django's pop.
func (s *Session) Pop(key string) (any, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(key)
	if e == nil {
		return nil, false
	}
	v, _ := valueFor[any](s, e)
	s.remove(e)
	return v, true
}

// SetDefault returns the value of key, which it first sets to v if there is none. Source: Django's
// setdefault.
func (s *Session) SetDefault(key string, v any) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.find(key); e != nil {
		v, _ := valueFor[any](s, e)
		return v
	}
	if s.err != nil {
		return v
	}
	e := s.put(key, v)
	v, _ = valueFor[any](s, e)
	return v
}

// Update sets every key of values, as [Session.Set] does. Source: Django's update.
func (s *Session) Update(values map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.use() {
		return
	}
	s.modified, s.marked = true, true
	s.request.list()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		s.put(key, values[key])
	}
}

// Keys lists the keys in sorted order. Those that begin with "_session_" are the framework's.
func (s *Session) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.use() {
		return nil
	}
	return s.dict.keys()
}

// Values lists the values in the order of [Session.Keys].
func (s *Session) Values() []any {
	values := make([]any, 0)
	for _, v := range s.All() {
		values = append(values, v)
	}
	return values
}

// Items returns a new map of the keys and values. What the caller changes in the map is not saved;
// what it changes inside a value is, as with [Session.Get].
func (s *Session) Items() map[string]any {
	items := make(map[string]any)
	for key, v := range s.All() {
		items[key] = v
	}
	return items
}

// All iterates over the keys that the session has at the start, in sorted order, and their values.
func (s *Session) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for _, key := range s.Keys() {
			if !yield(key, s.Get(key)) {
				return
			}
		}
	}
}

// Len returns the number of keys.
func (s *Session) Len() int { return len(s.Keys()) }

// Clear removes every value without loading them. The session keeps its own key and its cookie; to
// sign out, use [Session.Flush]. Source: Django's clear.
func (s *Session) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	s.accessed, s.modified = true, true
	s.dict, s.origin, s.parsed, s.fresh = document{}, max(s.origin, cleared), false, nil
	s.changes = append(s.changes[:max(s.cycled-1, 0)], change{op: opClear})
	s.request.list()
	s.saveLate("every key")
}

// Key returns the session's key, which the cookie carries, or "" if it has none. A new session gets
// its key when it is saved. The key of a cookie counts only if the store has it, so Key loads the
// session. Do not log it. Source: Django's session_key.
func (s *Session) Key() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ensureLoaded()
	if s.m.cfg.byStoreKey {
		return ""
	}
	return s.key
}

// IsEmpty reports whether the session has neither a key nor data. Source: Django's is_empty.
func (s *Session) IsEmpty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.use() {
		return true
	}
	s.ensureLoaded()
	return s.key == "" && s.dict.isEmpty()
}

// Accessed reports whether the session was used. Source: Django's accessed.
func (s *Session) Accessed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accessed
}

// Modified reports whether the session was changed or marked as changed. Source: Django's modified.
func (s *Session) Modified() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.modified
}

// MarkModified makes the middleware save the session, and so extend it, even if nothing was
// changed. Source: Django's modified = True.
func (s *Session) MarkModified() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.modified, s.marked = true, true
	s.request.list()
}

// Err returns why the session could not be loaded ([ErrUnavailable]) or flushed; nil means the
// session is usable. Handlers need not check it: Config.ErrorHandler answers such a request.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Format prints the session without its key and its data, whatever the verb.
func (s Session) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprint(f, "ginsession.Session")
}

// LogValue is what slog prints: no key and no data.
func (s Session) LogValue() slog.Value { return slog.StringValue("ginsession.Session") }
