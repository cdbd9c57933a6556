package ginsession

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/ginsession/ginsession/signing"
)

// This file is a session's life in the store: found, created, updated, replaced, deleted.

// maxCandidates bounds how many cookies of our name one request may have looked up. A browser
// sends several where a site has changed its CookieDomain or CookiePath.
const maxCandidates = 3

// locate asks the store for the session that the cookie names. A key that is not there is
// never adopted.
func (s *Session) locate() {
	if s.err != nil {
		return
	}
	ctx := &s.loading
	if ctx.Context != nil {
		ctx = &storeContext{} // whoever still holds that of the first try must not see it change
	}
	ctx.Context, ctx.timeout = s.ctx, s.m.StoreTimeout
	defer ctx.release()
	now := s.m.Clock()
	cookies := s.cookies()
	tried := int8(0)
	for tried < maxCandidates {
		candidate, ok := s.candidate(&cookies)
		if !ok {
			break
		}
		tried++
		record, doc, err := s.m.load(ctx, candidate, now)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			s.err = err
			return
		}
		s.key, s.storedKey, s.base, s.known = candidate, candidate, record, true
		if !s.viewed {
			s.view, s.parsed = doc, true
		}
		break
	}
	s.located, s.viewed, s.tried = true, true, tried
}

func (s *Session) cookies() cookieScanner {
	return cookieScanner{name: s.m.CookieName, lines: s.lines}
}

// candidate returns the next key that the request names.
func (s *Session) candidate(cookies *cookieScanner) (key string, ok bool) {
	for {
		key, ok = cookies.next()
		if !ok || s.m.isKey(key) {
			return key, ok
		}
	}
}

// isKey reports whether a cookie's value is worth a look.
func (m *Manager) isKey(value string) bool {
	if m.store == nil {
		return value != ""
	}
	return isKey(value)
}

// load returns the record that the cookie knows as key, or ErrNotFound: also for one that
// cannot be verified or decoded, or that has reached its MaxLifetime. Such a row stays as it is.
func (m *Manager) load(ctx context.Context, key string, now time.Time) (Record, document, error) {
	if m.store == nil {
		return m.loadCookie(ctx, key, now)
	}
	record, err := m.store.Load(ctx, m.storeKey(key), now)
	if errors.Is(err, ErrNotFound) {
		return Record{}, document{}, ErrNotFound
	}
	if err != nil {
		return Record{}, document{}, unavailable(err)
	}
	doc, _, err := m.read(ctx, record.Data)
	if err != nil {
		return Record{}, document{}, err
	}
	if end, ok := m.endOfLife(&doc); ok && !now.Before(end) {
		return Record{}, document{}, ErrNotFound
	}
	return record, doc, nil
}

// read returns the document of a record and when it was signed, or ErrNotFound where the
// record is none of ours.
func (m *Manager) read(ctx context.Context, data []byte) (document, time.Time, error) {
	text, signedAt, err := m.codec.unseal(data)
	if errors.Is(err, signing.ErrTooLarge) {
		return document{}, time.Time{}, unavailable(err)
	}
	var doc document
	if err == nil {
		doc, err = parseDocument(text)
	}
	if err != nil {
		m.Logger.WarnContext(ctx, "ginsession: a record that cannot be verified or decoded is treated as no session", "error", err)
		return document{}, time.Time{}, ErrNotFound
	}
	return doc, signedAt, nil
}

// errEnded is what a store's ErrNotFound means to a session that has been loaded.
var errEnded = fmt.Errorf("%w: %w", ErrInterrupted, ErrNotFound)

// unavailable wraps a store's failure.
func unavailable(err error) error {
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

func unsupported(what string) error {
	return fmt.Errorf("ginsession: %s needs an engine that keeps sessions on the server: %w", what, errors.ErrUnsupported)
}

// A draft computes the record to store, again and again where need be, and remembers the
// document of the last time.
type draft struct {
	s       *Session
	now     time.Time
	changes changes
	baseDoc *document // what the session's base reads as; nil where it must be read from that
	doc     document
	err     error
}

func (s *Session) draft(cs changes, now time.Time) *draft {
	d := &draft{s: s, now: now, changes: cs}
	switch {
	case s.fresh != nil:
		d.baseDoc = s.fresh
	case s.parsed:
		d.baseDoc = &s.view
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
	doc, _, err := d.s.m.read(d.s.ctx, bytes.Clone(current.Data)) // lent by the store: see [Mutate]
	return doc, err
}

// build applies the changes to the draft's document and returns the record.
func (d *draft) build() (Record, error) {
	m := d.s.m
	started := m.started(&d.doc, d.now)
	if err := d.changes.apply(m.codec, &d.doc); err != nil {
		return Record{}, err
	}
	if m.MaxLifetime > 0 {
		e := d.doc.add(startedKey)
		e.raw, e.state = strconv.FormatInt(started.Unix(), 10), stored
	}
	text, err := d.doc.encode()
	if err != nil {
		return Record{}, err
	}
	return Record{Data: m.codec.seal(text, d.now), Expires: m.deadline(&d.doc, d.now).Truncate(time.Second)}, nil
}

// failure tells what a store's error means to the session: an error of the draft itself is
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

// save brings the store up to the session. Without force it does only what is needed: nothing
// for a session that was not changed, or that is new and empty.
func (s *Session) save(force bool) error {
	if s.err != nil {
		return s.err
	}
	s.noteContainers()
	if !force && !s.pending() {
		return nil
	}
	if s.find(); s.err != nil {
		return s.err
	}
	if err := s.changes.encode(s.m.codec); err != nil {
		return err
	}
	now := s.m.Clock()
	switch {
	case s.m.store == nil:
		return s.saveCookie(force, now)
	case s.storedKey == "":
		if !force && s.view.isEmpty() {
			return nil
		}
		return s.create(s.draft(s.changes, now))
	case s.storedKey != s.key:
		return s.replace(now)
	default:
		return s.update(now)
	}
}

// pending reports whether there is something to save.
func (s *Session) pending() bool {
	return len(s.changes) > 0 || s.marked || s.cycled > 0
}

// create stores the draft under a key of its own.
func (s *Session) create(d *draft) error {
	record, err := d.build()
	if err != nil {
		return err
	}
	// A second try mends a key that is taken, which is next to impossible, and a lost connection.
	for tries := 1; ; tries++ {
		if s.key == "" {
			if s.key, err = newKey(); err != nil {
				return err
			}
		}
		if err = s.insert(record, d.now); err == nil {
			s.stored(record, &d.doc)
			return nil
		}
		s.key = ""
		if tries > 1 || errors.Is(err, context.DeadlineExceeded) {
			return unavailable(err)
		}
	}
}

func (s *Session) insert(record Record, now time.Time) error {
	bounded := s.m.storeContext(s.ctx)
	defer bounded.release()
	return s.m.store.Create(bounded, s.m.storeKey(s.key), record, now)
}

func (s *Session) update(now time.Time) error {
	d := s.draft(s.changes, now)
	record, err := s.repeat(d, func(ctx context.Context) (Record, error) {
		return s.m.store.Update(ctx, s.m.storeKey(s.key), s.base, now, d.mutate)
	})
	if err != nil {
		return d.failure(err)
	}
	s.stored(record, &d.doc)
	return nil
}

// replace moves the session to its new key. Where the old one has gone, ended by a sign-out or
// replaced by the same sign-in sent twice, nothing of it is revived: a session is created with
// only what was set after CycleKey.
func (s *Session) replace(now time.Time) error {
	d := s.draft(s.changes, now)
	oldKey, newKey := s.m.storeKey(s.storedKey), s.m.storeKey(s.key)
	tries := 0
	record, err := s.repeat(d, func(ctx context.Context) (Record, error) {
		if tries++; tries > 1 { // the first try may have come through before its answer was lost
			record, err := s.m.store.Update(ctx, newKey, s.base, now, d.mutate)
			if err == nil {
				err = s.m.store.Delete(ctx, oldKey)
			}
			if !errors.Is(err, ErrNotFound) {
				return record, err
			}
		}
		return s.m.store.Replace(ctx, oldKey, newKey, s.base, now, d.mutate)
	})
	if err == nil {
		s.stored(record, &d.doc)
		return nil
	}
	if !errors.Is(err, ErrNotFound) {
		return d.failure(err)
	}
	loaded := func(c change) bool { return c.inside }
	anew := s.draft(slices.DeleteFunc(slices.Clone(s.changes[s.cycled-1:]), loaded), now)
	if err := anew.changes.apply(s.m.codec, &anew.doc); err != nil {
		return err
	}
	if anew.doc.isEmpty() {
		return d.failure(err)
	}
	anew.doc = document{}
	return s.create(anew)
}

// repeat runs a store operation, and once more where it is unknown whether the first try came
// through and the changes can be applied twice: a Modify cannot.
func (s *Session) repeat(d *draft, operation func(context.Context) (Record, error)) (Record, error) {
	ctx := s.m.storeContext(s.ctx)
	defer ctx.release()
	record, err := operation(ctx)
	if err == nil || d.err != nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrConflict) || ctx.Err() != nil || d.changes.modifies() {
		return record, err
	}
	return operation(ctx)
}

func (cs changes) modifies() bool {
	for i := range cs {
		if cs[i].op == opModify {
			return true
		}
	}
	return false
}

// stored notes that the store now holds record, which reads as doc.
func (s *Session) stored(record Record, doc *document) {
	for i := range s.changes {
		if c := &s.changes[i]; c.op == opSet {
			if e := s.view.find(c.key); e != nil && int(e.change) == i+1 {
				e.raw, e.state = c.raw, kept
			}
		}
	}
	for i := range s.view.entries {
		s.view.entries[i].change = 0
	}
	s.base, s.storedKey, s.fresh = record, s.key, doc
	s.changes, s.cycled, s.marked, s.saved = nil, 0, false, true
}

// touch extends the life of a session that this request did not change, where the settings ask
// for that.
func (s *Session) touch(now time.Time) error {
	if !s.m.SaveEveryRequest && !s.m.renewalDue(s, now) {
		return nil
	}
	if s.m.MaxLifetime > 0 && s.view.present(startedKey) == nil {
		return s.save(true) // its lifetime has not begun to count
	}
	if s.m.store == nil {
		return s.save(true)
	}
	// Also where the expiry stays as it is: the cookie of a session that has ended must not go
	// out again.
	expires := s.m.deadline(&s.view, now).Truncate(time.Second)
	bounded := s.m.storeContext(s.ctx)
	defer bounded.release()
	if err := s.m.store.Touch(bounded, s.m.storeKey(s.storedKey), expires, now); err != nil {
		if errors.Is(err, ErrNotFound) {
			return errEnded
		}
		return unavailable(err)
	}
	s.base.Expires, s.saved = expires, true
	return nil
}

// renewalDue reports whether the last extension is RenewAfter ago, or half the session's life
// where that is shorter.
func (m *Manager) renewalDue(s *Session, now time.Time) bool {
	expiry := m.expiryOf(&s.view)
	if m.RenewAfter == 0 || expiry.kind == expireAt {
		return false
	}
	age := m.ageAt(expiryQuestion{modification: now, expiry: expiry})
	extended := s.base.Expires.Add(-age)
	if end, ok := m.endOfLife(&s.view); ok && !s.base.Expires.Before(end) {
		return false
	}
	return now.Sub(extended) >= min(m.RenewAfter, age/2)
}

// Save writes the session to the store now. The middleware does it by itself; Save is for work
// outside a request, for websockets, and where the handler wants to know. It creates a new
// session, also an empty one, and extends an old one.
//
// Errors: [ErrInterrupted] where the session has been ended meanwhile, and stays ended;
// [ErrEncode]; [ErrUnavailable]. What was changed stays to be saved.
func (s *Session) Save() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accessed = true
	return s.save(true)
}

// Flush ends the session: the dictionary is emptied, the record deleted, at once, and the key
// forgotten; the browser's cookie is deleted with the response. What is set afterwards is a
// new session. Use it to sign out.
//
// Where the store fails it returns [ErrUnavailable] and the session lives on: the middleware
// answers 503 instead of a page that says otherwise.
func (s *Session) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accessed, s.modified = true, true
	named, err := s.deleteStored()
	if err != nil {
		s.err = err
		return err
	}
	s.err = nil
	s.flushed = s.flushed || named || s.known
	s.key, s.storedKey, s.base, s.located, s.tried = "", "", Record{}, true, maxCandidates
	s.view, s.viewed, s.parsed, s.fresh = document{}, true, false, nil
	s.changes, s.cycled, s.marked, s.saved, s.known = nil, 0, false, false, false
	return nil
}

// deleteStored deletes the record, without looking for it first where that was not done yet, and
// those of further cookies that locate would find in its place afterwards. named tells whether
// the request has a cookie that names one.
func (s *Session) deleteStored() (named bool, err error) {
	keys := make([]string, 0, maxCandidates)
	cookies := s.cookies()
	for n := int8(1); n <= maxCandidates; n++ {
		candidate, ok := s.candidate(&cookies)
		if !ok {
			break
		}
		named = true
		if n > s.tried {
			keys = append(keys, candidate)
		}
	}
	if s.storedKey != "" {
		keys = append(keys, s.storedKey)
	}
	for _, key := range keys {
		if err := s.m.Delete(s.ctx, key); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return named, err
		}
	}
	return named, nil
}

// CycleKey gives the session a new key and keeps its data; the old key is gone once the
// session is saved. Call it at sign-in, before setting who has signed in, so that a key
// planted in the browser beforehand is worth nothing (session fixation).
//
// Where the old key has been ended meanwhile, only what is set after CycleKey is saved. An error
// fails the session as a whole: see [Session.Err].
func (s *Session) CycleKey() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.modified = true
	if !s.use() {
		return s.err
	}
	if s.find(); s.err != nil {
		return s.err
	}
	if s.m.store != nil {
		key, err := newKey()
		if err != nil {
			s.err = err // who ignores it must not sign anybody in under the old key
			return err
		}
		s.key = key
	}
	if s.cycled == 0 {
		s.noteContainers()
		s.cycled = 1 + int32(len(s.changes))
	}
	return nil
}

// claim removes a key in the store, at once. take decodes the value; its error leaves it there.
func (s *Session) claim(key string, take func(raw string) error) (bool, error) {
	if s.m.store == nil {
		return false, unsupported("Claim")
	}
	if !s.use() {
		return false, s.err
	}
	if s.find(); s.err != nil {
		return false, s.err
	}
	e := s.view.present(key)
	if s.storedKey == "" || e != nil && e.change > 0 {
		return s.claimOwn(e, take)
	}
	if e == nil {
		return false, nil
	}
	now := s.m.Clock()
	d := s.draft(changes{{op: opDelete, key: key}}, now)
	errAbsent := errors.New("absent")
	bounded := s.m.storeContext(s.ctx)
	defer bounded.release()
	record, err := s.m.store.Update(bounded, s.m.storeKey(s.storedKey), s.base, now, func(current Record) (Record, error) {
		if d.doc, d.err = d.read(current); d.err != nil {
			return Record{}, d.err
		}
		e := d.doc.present(key)
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
	e.held, e.raw, e.state = nil, "", deleted
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
	raw, err := e.text(s.m.codec)
	if err == nil {
		err = take(raw)
	}
	if err != nil {
		return false, err
	}
	s.remove(e)
	return true, nil
}
