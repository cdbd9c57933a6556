package ginsession

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"github.com/ginsession/ginsession/internal/pyjson"
)

// This file records what a handler did to the dictionary and applies it to a record, even to one
// that another request has saved meanwhile: the merge.

// A change is one thing that the handler did to the dictionary.
type change struct {
	op     op
	key    string
	inside string // set: what a loaded value was before the handler changed it inside, or ""
	value  any    // set: encoded when the session is saved, so that later changes inside count
	raw    string // set: the encoded value
	err    error  // set: why it cannot be stored
	modify func(raw string, ok bool) (any, error)
}

type op uint8

const (
	opSet op = iota
	opDelete
	opModify
	opClear
)

// changes is what the handler did, in order. Saving applies it to whatever the store then holds, so
// requests that change different keys lose nothing of each other's.
type changes []change

// encode encodes the values that were set.
func (cs changes) encode(c *codec) error {
	for i := range cs {
		if cs[i].op != opSet {
			continue
		}
		if cs[i].err != nil {
			return cs[i].err
		}
		raw, err := c.encodeValue(cs[i].key, cs[i].value)
		if err != nil {
			return err
		}
		cs[i].raw = raw
	}
	return nil
}

// apply carries the changes out on d, whose entries are bytes only.
func (cs changes) apply(c *codec, d *document) error {
	for i := range cs {
		change := &cs[i]
		switch change.op {
		case opClear:
			*d = document{}
		case opDelete:
			if e := d.entry(change.key); e != nil {
				e.raw, e.state = "", absent
			}
		case opSet:
			e := d.add(change.key)
			raw := change.raw
			if change.inside != "" && e.state != absent && e.raw != change.inside {
				raw = pyjson.Merge(change.inside, raw, e.raw)
			}
			e.raw, e.state = raw, recorded
		case opModify:
			if err := change.applyModify(c, d); err != nil {
				return err
			}
		}
	}
	return nil
}

func (change *change) applyModify(c *codec, d *document) error {
	e := d.add(change.key)
	value, err := change.modify(e.raw, e.state != absent)
	if err != nil {
		return err
	}
	raw, err := c.encodeValue(change.key, value)
	if err != nil {
		return err
	}
	e.raw, e.state = raw, recorded
	return nil
}

func (cs changes) modifies() bool {
	for i := range cs {
		if cs[i].op == opModify {
			return true
		}
	}
	return false
}

// note records a change that the handler asked for.
func (s *Session) note(e *entry, c change) {
	s.record(e, c)
	s.saveLate(c.key)
}

// record records a change of e's key, in the place of an earlier one that it makes void.
func (s *Session) record(e *entry, c change) {
	s.modified, s.reported = true, false
	s.request.list()
	if i := s.lastChange(e); i >= 0 && s.changes[i].op != opModify {
		s.changes[i] = c
		return
	}
	s.changes = append(s.changes, c)
	e.change = int32(len(s.changes))
}

// lastChange returns the position of the last unsaved change of e's key, or -1. A change made before
// CycleKey does not count, because those made after it may be saved without it.
func (s *Session) lastChange(e *entry) int {
	if e.change >= s.cycled {
		return int(e.change) - 1
	}
	return -1
}

// modify records a Modify and computes its provisional result.
func (s *Session) modify(key string, f func(raw string, ok bool) (any, error)) error {
	if err := s.m.backend.supports("Modify"); err != nil {
		return err
	}
	if err := checkKey(key); err != nil {
		return err
	}
	if !s.use() {
		return s.err
	}
	e := s.dict.add(key)
	s.noteContents(e)
	raw, err := e.text(s.m.cfg.codec)
	if err != nil {
		return err
	}
	v, err := f(raw, e.state != absent)
	if err != nil {
		return err
	}
	c := change{op: opModify, key: key, modify: f}
	if i := s.lastChange(e); i >= 0 && s.changes[i].op != opModify {
		c = change{op: opSet, key: key, value: v} // what it starts from is this request's own
	}
	// Provisional, so what the handler does to v is not looked at.
	text, err := s.m.cfg.codec.encodeValue(key, v)
	if err != nil {
		return err
	}
	e.assign(nil)
	e.views.text = text
	s.note(e, c)
	return nil
}

// A draft computes the record to store, as often as the store needs it, and keeps the document of
// the last time.
type draft struct {
	s       *Session
	now     time.Time
	oldKey  string // what the store knows the record by: as it is read
	newKey  string // and as it is written
	changes changes
	baseDoc *document // the session's base, decoded; nil if it must be decoded again
	doc     document
	err     error
}

// draft returns one for the record that the store has under oldKey and shall have under newKey.
func (s *Session) draft(cs changes, now time.Time, oldKey, newKey string) *draft {
	d := &draft{s: s, now: now, oldKey: oldKey, newKey: newKey, changes: cs}
	switch {
	case s.fresh != nil:
		d.baseDoc = s.fresh
	case s.parsed:
		d.baseDoc = &s.dict
	}
	return d
}

// mutate is the [Mutate] of the draft.
func (d *draft) mutate(current Record) (Record, error) {
	var record Record
	d.doc, d.err = d.read(current)
	if d.err == nil {
		record, d.err = d.build()
	}
	return record, d.err
}

// read returns the document of a record as one that can be changed.
func (d *draft) read(current Record) (document, error) {
	if d.baseDoc != nil && bytes.Equal(current.Data, d.s.base.Data) {
		return d.baseDoc.clone(), nil
	}
	data := bytes.Clone(current.Data) // lent by the store: see [Mutate]
	doc, _, err := d.s.m.cfg.read(data, d.oldKey)
	if errors.Is(err, errNotOurs) && d.newKey != d.oldKey { // a first try has moved it already
		doc, _, err = d.s.m.cfg.read(data, d.newKey)
	}
	if errors.Is(err, errNotOurs) {
		d.s.m.cfg.warnOf(d.s.ctx, err)
	}
	return doc, err
}

// build applies the changes to the draft's document and returns the record.
func (d *draft) build() (Record, error) {
	m := d.s.m
	started := m.cfg.started(&d.doc, d.now)
	if err := d.changes.apply(m.cfg.codec, &d.doc); err != nil {
		return Record{}, err
	}
	if m.cfg.MaxLifetime > 0 {
		e := d.doc.add(startedKey)
		e.raw, e.state = strconv.FormatInt(ceilSecond(started).Unix(), 10), recorded
	}
	text, err := d.doc.encode()
	if err != nil {
		return Record{}, err
	}
	return Record{Data: m.cfg.codec.seal(text, d.now, d.newKey), Expires: m.cfg.storedEnd(&d.doc, d.now), Owner: m.cfg.ownerOf(&d.doc)}, nil
}

// failure returns what a store's error means to the session. An error of the draft itself is
// returned as it is.
func (d *draft) failure(err error) error {
	switch {
	case errors.Is(err, ErrNotFound):
		return errEnded
	case d.err != nil:
		return d.err
	default:
		return unavailable(err)
	}
}

// claim removes a key in the store, at once. take decodes the value; its error leaves the value
// there.
func (s *Session) claim(key string, take func(raw string) error) (bool, error) {
	if err := s.m.backend.supports("Claim"); err != nil {
		return false, err
	}
	if !s.use() {
		return false, s.err
	}
	if s.ensureLoaded(); s.err != nil {
		return false, s.err
	}
	e := s.dict.find(key)
	if s.storedKey == "" || e != nil && e.change > 0 {
		return s.claimOwn(e, take)
	}
	if e == nil {
		return false, nil
	}
	return s.m.backend.claim(s, e, take)
}

func (b *serverBackend) claim(s *Session, e *entry, take func(raw string) error) (bool, error) {
	key, now := e.key(), b.cfg.Clock()
	storeKey := b.cfg.storeKey(s.storedKey)
	d := s.draft(changes{{op: opDelete, key: key}}, now, storeKey, storeKey)
	errAbsent := errors.New("absent")
	bounded := b.cfg.storeContext(s.ctx)
	record, err := b.store.Update(bounded, storeKey, s.base, now, func(current Record) (Record, error) {
		if d.doc, d.err = d.read(current); d.err != nil {
			return Record{}, d.err
		}
		e := d.doc.find(key)
		if e == nil {
			return Record{}, errAbsent
		}
		if d.err = take(e.raw); d.err != nil {
			return Record{}, d.err
		}
		return d.mutate(current)
	})
	if err != nil && !errors.Is(err, errAbsent) {
		return false, d.failure(err)
	}
	e.raw = ""
	e.remove()
	if err != nil {
		return false, nil
	}
	s.base, s.fresh, s.saved, s.modified = record, &d.doc, true, true
	return true, nil
}

// claimOwn takes a value that only this request has.
func (s *Session) claimOwn(e *entry, take func(raw string) error) (bool, error) {
	if e == nil {
		return false, nil
	}
	raw, err := e.text(s.m.cfg.codec)
	if err == nil {
		err = take(raw)
	}
	if err != nil {
		return false, err
	}
	s.remove(e)
	return true, nil
}
