package ginsession

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A Session is one visitor's dictionary and its life. It is read from the store at its first
// use. What a request changes in it is saved by the middleware before the response's first
// byte, or by [Session.Save] where there is no request ([Manager.Open]).
//
// A session that could not be loaded is not an empty one: its methods do nothing and return
// zero values, [Session.Err] says why, and the middleware answers 503 in the handler's place.
//
// A Session may be used by several goroutines of one request. A map or slice that it handed
// out may not.
type Session struct {
	mu  sync.Mutex
	m   *Manager
	ctx context.Context // the request's, as of Get; values only, never its end

	loading storeContext // of the one load, in place because every use of a session pays for it

	lines []string // the request's Cookie headers, or one with the key given to Manager.Open

	key       string // what the cookie carries; "" without
	storedKey string // the key that base is stored under; "" where nothing is stored
	base      Record // what the store holds, as far as this session knows

	view    document  // the dictionary as this request sees it
	changes changes   // what this request did to it since the last save
	fresh   *document // what the last save stored, until view is brought up to it
	err     error     // why the session could not be loaded or flushed

	cycled   int32 // 1 + the number of changes made before CycleKey; 0 where none is pending
	tried    int8  // how many keys the store was asked for
	located  bool  // it has been asked for what the cookie names
	viewed   bool  // view is ready: located, or cleared before that was needed
	parsed   bool  // view was read from base: its raw values are base's
	accessed bool
	modified bool
	marked   bool // MarkModified was called since the last save
	flushed  bool // Flush was called: the browser's cookie is to go
	saved    bool // something was saved: the cookie is to be sent
	known    bool // the client has the key, or gets it with this response's headers
}

// use makes the dictionary ready. It is false where the session could not be loaded.
func (s *Session) use() bool {
	s.accessed = true
	if !s.viewed {
		s.locate()
	}
	if s.fresh != nil {
		s.refresh()
	}
	return s.err == nil
}

// lookup returns the entry of a key in the dictionary, or nil.
func (s *Session) lookup(key string) *entry {
	if !s.use() {
		return nil
	}
	return s.view.present(key)
}

// valueFor is valueOf for the handler: what it has done to the value under another type counts.
func valueFor[T any](s *Session, e *entry) (T, bool) {
	if v, ok := held[T](e); ok {
		return v, true
	}
	s.noteContents(e)
	return valueOf[T](s.m.codec, e)
}

// valueOf returns an entry's value as a T. What may share memory with the handler is kept, so
// that changes inside it are found at the commit.
func valueOf[T any](c *codec, e *entry) (T, bool) {
	if v, ok := held[T](e); ok {
		return v, true
	}
	raw, err := e.text(c)
	if err != nil {
		return *new(T), false
	}
	if v, ok := plainValue[T](c, raw); ok {
		return v, true
	}
	var v T
	if c.decode(e.key(), raw, &v) != nil {
		return *new(T), false
	}
	hold(e, v, raw)
	return v, true
}

// plainValue decodes the text of a string without an escape, and of a small whole number, where
// the handler asks for just that: to go through an any would allocate three times.
func plainValue[T any](c *codec, raw string) (v T, ok bool) {
	if !c.plain {
		return v, false
	}
	switch dst := any(&v).(type) {
	case *string:
		if len(raw) > 1 && raw[0] == '"' && strings.IndexByte(raw, '\\') < 0 {
			*dst, ok = raw[1:len(raw)-1], true
		}
	case *int:
		n, err := strconv.Atoi(raw)
		*dst, ok = n, err == nil
	}
	return v, ok
}

// held returns the T that the entry holds, if it does.
func held[T any](e *entry) (T, bool) {
	if e.held == nil {
		return *new(T), false
	}
	if v, ok := e.held.value.(T); ok && e.state != stored {
		return v, true
	}
	if e.held.typed != nil && reflect.TypeFor[T]().Kind() != reflect.Interface {
		v, ok := e.held.typed.(T)
		return v, ok
	}
	return *new(T), false
}

// hold keeps what raw was decoded to where the handler can change it from outside.
func hold[T any](e *entry, v T, raw string) {
	if raw == "null" {
		return
	}
	switch any(&v).(type) {
	case *json.RawMessage:
		return
	case *any, *map[string]any, *[]any:
		if e.state == stored {
			e.holding().value, e.state = v, decoded
			return
		}
	}
	if sharesMemory(reflect.TypeFor[T]()) {
		h := e.holding()
		h.typed, h.raw = v, raw
	}
}

func (e *entry) holding() *holding {
	if e.held == nil {
		e.held = &holding{}
	}
	return e.held
}

// put makes v the entry's value.
func (e *entry) put(v any) { e.held, e.state = &holding{value: v}, set }

// text returns the entry's value as a record spells it.
func (e *entry) text(c *codec) (string, error) {
	if e.state == set {
		return c.encodeValue(e.key(), e.held.value)
	}
	return e.raw, nil
}

// sharesMemory reports whether a copy of a T can be changed through another.
func sharesMemory(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Map, reflect.Slice, reflect.Pointer, reflect.Interface:
		return true
	case reflect.Array:
		return sharesMemory(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if sharesMemory(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}

// Get returns the value of key, or nil where there is none: nil, bool, string, int64 (a whole
// number that fits), float64 (a number with a point or an exponent), json.Number (any other),
// []any or map[string]any; what was Set in this request comes back as it was set. What the
// handler changes inside a map or slice is saved.
func (s *Session) Get(key string) any {
	v, _ := s.Lookup(key)
	return v
}

// Lookup is [Session.Get] and tells whether the value is there and can be read.
func (s *Session) Lookup(key string) (any, bool) {
	return Value[any](s, key)
}

// Has reports whether key is in the session.
func (s *Session) Has(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lookup(key) != nil
}

// Set puts v under key. Whether v can be stored is found out when the session is saved
// ([ErrEncode]).
func (s *Session) Set(key string, v any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.use() {
		s.set(key, v)
	}
}

func (s *Session) set(key string, v any) {
	e := s.view.add(key)
	e.put(v)
	s.note(e, change{op: opSet, key: key, value: v})
}

// note records a change of e's key, in the place of an earlier one that it makes void.
func (s *Session) note(e *entry, c change) {
	s.modified = true
	if i := s.lastChange(e); i >= 0 && s.changes[i].op != opModify {
		s.changes[i] = c
		return
	}
	s.changes = append(s.changes, c)
	e.change = int32(len(s.changes))
}

// lastChange returns the position of the last unsaved change of e's key, or -1. A change from
// before CycleKey does not count: what was made after it must stand by itself.
func (s *Session) lastChange(e *entry) int {
	if e.change >= s.cycled {
		return int(e.change) - 1
	}
	return -1
}

// Delete removes key, or returns [ErrKeyNotFound].
func (s *Session) Delete(key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.lookup(key)
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
	e.held, e.state = nil, deleted
	s.note(e, change{op: opDelete, key: e.key()})
}

// Pop removes key and returns its value, and whether it was there.
func (s *Session) Pop(key string) (any, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.lookup(key)
	if e == nil {
		return nil, false
	}
	v, _ := valueFor[any](s, e)
	s.remove(e)
	return v, true
}

// SetDefault returns the value of key, after putting v there if there was none.
func (s *Session) SetDefault(key string, v any) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.lookup(key); e != nil {
		v, _ := valueFor[any](s, e)
		return v
	}
	if s.err == nil {
		s.set(key, v)
	}
	return v
}

// Update sets every key of values.
func (s *Session) Update(values map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.use() {
		return
	}
	s.modified, s.marked = true, true
	for _, key := range sortedKeys(values) {
		s.set(key, values[key])
	}
}

// Keys lists the keys in sorted order. Those that begin with "_session_" are the framework's.
func (s *Session) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.use() {
		return nil
	}
	return s.view.keys()
}

// Values lists the values in the order of [Session.Keys].
func (s *Session) Values() []any {
	values := make([]any, 0)
	for _, v := range s.All() {
		values = append(values, v)
	}
	return values
}

// Items returns the dictionary as a map of its own.
func (s *Session) Items() map[string]any {
	items := make(map[string]any)
	for key, v := range s.All() {
		items[key] = v
	}
	return items
}

// All walks over the keys of the moment, in sorted order, and their values.
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

// Clear removes every key. The session keeps its key; see [Session.Flush]. It does not load.
func (s *Session) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	s.accessed, s.modified = true, true
	s.view, s.viewed, s.parsed, s.fresh = document{}, true, false, nil
	s.changes = append(s.changes[:max(s.cycled-1, 0)], change{op: opClear})
}

// Key returns the session's key, what the cookie carries, or "" as long as it has none: a new
// session gets one when it is saved, and one that the cookie names counts only once it has
// been found in the store. Do not log it.
func (s *Session) Key() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.find()
	return s.key
}

// find makes sure that the store has been asked for what the cookie names.
func (s *Session) find() {
	s.accessed = true
	if !s.located {
		s.locate()
	}
}

// IsEmpty reports whether the session has neither a key nor data.
func (s *Session) IsEmpty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.use() {
		return true
	}
	s.find()
	return s.key == "" && s.view.isEmpty()
}

// Accessed reports whether the session was used: the response then varies by cookie.
func (s *Session) Accessed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accessed
}

// Modified reports whether the session was changed, or marked as changed.
func (s *Session) Modified() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.modified
}

// MarkModified has the session saved, and so extended, though nothing was changed.
func (s *Session) MarkModified() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.modified, s.marked = true, true
}

// Err says why the session could not be loaded ([ErrUnavailable]) or flushed; nil is sound.
// A handler may leave it unread: such a request is answered by Config.ErrorHandler.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Load reads the session now and not at its first use, and returns what [Session.Err] does.
// After a failure it tries again.
func (s *Session) Load() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil && !s.located {
		s.err = nil
	}
	s.use()
	s.find()
	return s.err
}

// modify records a Modify and computes its provisional result.
func (s *Session) modify(key string, f func(raw string, ok bool) (any, error)) error {
	if s.m.store == nil {
		return unsupported("Modify")
	}
	if !s.use() {
		return s.err
	}
	e := s.view.add(key)
	s.noteContents(e)
	raw, err := e.text(s.m.codec)
	if err != nil {
		return err
	}
	v, err := f(raw, e.state != deleted)
	if err != nil {
		return err
	}
	c := change{op: opModify, key: key, modify: f}
	if i := s.lastChange(e); i >= 0 && s.changes[i].op != opModify {
		c = change{op: opSet, key: key, value: v} // what it starts from is this request's own
	}
	e.put(v)
	s.note(e, c)
	return nil
}

// noteContainers records what the handler changed inside the maps and slices it was given.
func (s *Session) noteContainers() {
	for i := range s.view.entries {
		s.noteContents(&s.view.entries[i])
	}
}

func (s *Session) noteContents(e *entry) {
	if v, changed := e.changedInside(s.m.codec); changed {
		e.put(v)
		s.note(e, change{op: opSet, key: e.key(), value: v, inside: true})
	}
}

// changedInside compares a container that was handed out with what the record says. It decodes
// the record's bytes again: encoding the container would turn a read of 1e+16, or of keys in
// another order, into a write. Only what this package has encoded itself is encoded again.
func (e *entry) changedInside(c *codec) (any, bool) {
	h := e.held
	if h == nil {
		return nil, false
	}
	if h.typed != nil && !c.decodesTo(e.key(), h.raw, h.typed) {
		return h.typed, true
	}
	switch {
	case e.state == decoded && isContainer(h.value):
		return h.value, !c.decodesTo(e.key(), e.raw, h.value)
	case e.state == kept && h.value != nil && sharesMemory(reflect.TypeOf(h.value)):
		raw, err := c.encodeValue(e.key(), h.value)
		return h.value, err != nil || !c.alike(e.key(), raw, e.raw)
	}
	return nil, false
}

func isContainer(v any) bool {
	switch v.(type) {
	case nil, bool, string, int64, float64, json.Number:
		return false
	}
	return true
}

// alike reports whether two encodings mean the same: gob writes a map in any order.
func (c *codec) alike(key, a, b string) bool {
	if a == b || c.plain {
		return a == b
	}
	var v, w any
	return c.decode(key, a, &v) == nil && c.decode(key, b, &w) == nil && reflect.DeepEqual(v, w)
}

// decodesTo reports whether raw still means v.
func (c *codec) decodesTo(key, raw string, v any) bool {
	again := reflect.New(reflect.TypeOf(v))
	if c.decode(key, raw, again.Interface()) != nil {
		return false
	}
	return reflect.DeepEqual(again.Elem().Interface(), v)
}

// refresh brings the view up to what was stored last: the changes of other requests come in,
// values that are still what the record says and changes not yet saved stay.
func (s *Session) refresh() {
	view := *s.fresh
	s.fresh = nil
	for i := range s.view.entries {
		old := &s.view.entries[i]
		if old.change > 0 {
			e := view.add(old.key())
			e.held, e.state, e.change = old.held, old.state, old.change
			continue
		}
		if e := view.present(old.key()); e != nil && e.raw == old.raw && old.state != deleted && old.state != set {
			e.held, e.state = old.held, old.state
		}
	}
	s.view, s.parsed = view, true
}

// Format prints the session without its key and its data, whatever the verb.
func (s *Session) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprint(f, "ginsession.Session")
}

// LogValue is what slog prints: no key and no data.
func (s *Session) LogValue() slog.Value { return slog.StringValue("ginsession.Session") }

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
