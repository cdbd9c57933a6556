package ginsession

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
)

// This file hands values out, typed or not, and notices what the handler changed inside them.

// A holding is what the handler has of a value. It may share memory with the handler.
type holding struct {
	value any    // what raw means, or what was Set
	typed any    // what Value decoded last, where that is of another type
	raw   string // what typed was decoded from
}

// valueFor is valueOf for the handler: what it has done to the value under another type counts.
func valueFor[T any](s *Session, e *entry) (T, bool) {
	if v, ok := held[T](e); ok {
		return v, true
	}
	s.noteContents(e)
	return valueOf[T](s.m.cfg.codec, e)
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

// noteContainers records what the handler changed inside the maps and slices it was given.
func (s *Session) noteContainers() {
	for i := range s.view.entries {
		s.noteContents(&s.view.entries[i])
	}
}

func (s *Session) noteContents(e *entry) {
	if v, changed := e.changedInside(s.m.cfg.codec); changed {
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
