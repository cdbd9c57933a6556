package ginsession

import (
	"context"
	"errors"
	"slices"
	"time"
)

// This file decides what is saved when: at the end of a request, at Save, CycleKey and Flush.

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
	if err := s.changes.encode(s.m.cfg.codec); err != nil {
		return err
	}
	return s.m.backend.save(s, force, s.m.cfg.Clock())
}

// pending reports whether there is something to save.
func (s *Session) pending() bool {
	return len(s.changes) > 0 || s.marked || s.cycled > 0
}

func (b *serverBackend) save(s *Session, force bool, now time.Time) error {
	switch {
	case s.storedKey == "":
		if !force && s.view.isEmpty() {
			return nil
		}
		return b.create(s, s.draft(s.changes, now))
	case s.storedKey != s.key:
		return b.replace(s, now)
	default:
		return b.update(s, now)
	}
}

// create stores the draft under a key of its own.
func (b *serverBackend) create(s *Session, d *draft) error {
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
		if err = b.insert(s, record, d.now); err == nil {
			s.stored(record, &d.doc)
			return nil
		}
		s.key = ""
		if tries > 1 || errors.Is(err, context.DeadlineExceeded) {
			return unavailable(err)
		}
	}
}

func (b *serverBackend) insert(s *Session, record Record, now time.Time) error {
	bounded := b.cfg.storeContext(s.ctx)
	defer bounded.Release()
	return b.store.Create(bounded, b.cfg.storeKey(s.key), record, now)
}

func (b *serverBackend) update(s *Session, now time.Time) error {
	d := s.draft(s.changes, now)
	record, err := s.repeat(d, func(ctx context.Context) (Record, error) {
		return b.store.Update(ctx, b.cfg.storeKey(s.key), s.base, now, d.mutate)
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
func (b *serverBackend) replace(s *Session, now time.Time) error {
	d := s.draft(s.changes, now)
	oldKey, newKey := b.cfg.storeKey(s.storedKey), b.cfg.storeKey(s.key)
	tries := 0
	record, err := s.repeat(d, func(ctx context.Context) (Record, error) {
		record, err := b.store.Replace(ctx, oldKey, newKey, s.base, now, d.mutate)
		if tries++; tries > 1 && errors.Is(err, ErrNotFound) {
			// The old key is gone. If the new one is there, the first try moved the session and
			// only its answer was lost.
			return b.store.Update(ctx, newKey, s.base, now, d.mutate)
		}
		return record, err
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
	if err := anew.changes.apply(b.cfg.codec, &anew.doc); err != nil {
		return err
	}
	if anew.doc.isEmpty() {
		return d.failure(err)
	}
	anew.doc = document{}
	return b.create(s, anew)
}

// repeat runs a store operation, and once more where it is unknown whether the first try came
// through and the changes can be applied twice: a Modify cannot.
func (s *Session) repeat(d *draft, operation func(context.Context) (Record, error)) (Record, error) {
	ctx := s.m.cfg.storeContext(s.ctx)
	defer ctx.Release()
	record, err := operation(ctx)
	if err == nil || d.err != nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrConflict) || ctx.Err() != nil || d.changes.modifies() {
		return record, err
	}
	return operation(ctx)
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
	if !s.m.cfg.SaveEveryRequest && !s.m.cfg.renewalDue(s, now) {
		return nil
	}
	if s.m.cfg.MaxLifetime > 0 && s.view.present(startedKey) == nil {
		return s.save(true) // its lifetime has not begun to count
	}
	return s.m.backend.touch(s, now)
}

func (b *serverBackend) touch(s *Session, now time.Time) error {
	// Also where the expiry stays as it is: the cookie of a session that has ended must not go
	// out again.
	expires := b.cfg.deadline(&s.view, now).Truncate(time.Second)
	bounded := b.cfg.storeContext(s.ctx)
	defer bounded.Release()
	if err := b.store.Touch(bounded, b.cfg.storeKey(s.storedKey), expires, now); err != nil {
		if errors.Is(err, ErrNotFound) {
			return errEnded
		}
		return unavailable(err)
	}
	s.base.Expires, s.saved = expires, true
	return nil
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
	s.flushed = s.flushed || named || s.storedKey != ""
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
	key, err := s.m.backend.newKey(s.key)
	if err != nil {
		s.err = err // a handler that ignores it must not sign anybody in under the old key
		return err
	}
	s.key = key
	if s.cycled == 0 {
		s.noteContainers()
		s.cycled = 1 + int32(len(s.changes))
	}
	return nil
}

// commit saves what is to be saved and returns the Set-Cookie header to send, if any. Of a failed
// response only the deletion of the cookie goes out.
func (s *Session) commit(failed, hijacked bool) (setCookie string, err error) {
	if !s.accessed && !s.marked && !s.m.cfg.extends() {
		return "", nil
	}
	if s.err != nil {
		return "", s.err
	}
	if failed {
		return s.deletion(), nil
	}
	if hijacked && (s.storedKey == "" || s.m.backend.needsHeader()) {
		return "", nil // the handshake's headers are the handler's: see Manager.Cookie
	}
	if err := s.bringUpToDate(); err != nil {
		return "", err
	}
	if !s.saved || s.storedKey == "" {
		return s.deletion(), nil
	}
	if s.fresh != nil {
		s.refresh()
	}
	s.known = true
	return s.m.cfg.setCookieHeader(s.storedKey, s.m.cfg.cookieLife(&s.view, s.m.cfg.Clock())), nil
}

// bringUpToDate saves the session, or extends its life where it was not changed.
func (s *Session) bringUpToDate() error {
	if err := s.save(false); err != nil || s.saved || !s.m.cfg.extends() {
		return err
	}
	if !s.located {
		s.locate()
	}
	if s.err != nil || s.storedKey == "" {
		return s.err
	}
	if err := s.touch(s.m.cfg.Clock()); !errors.Is(err, ErrInterrupted) {
		return err
	}
	return nil // nothing of the handler's is lost with it
}

// deletion is the cookie of a session that was flushed and not begun anew.
func (s *Session) deletion() (setCookie string) {
	if s.flushed && s.storedKey == "" {
		return s.m.cfg.deletionCookie().String()
	}
	return ""
}

// savesUnseen reports whether the session can be saved without another header: the client has
// its key, and its data is on the server.
func (s *Session) savesUnseen() bool { return s.known && !s.m.backend.needsHeader() }

// extends reports whether a session's life is extended though nobody touches it.
func (cfg *settings) extends() bool { return cfg.SaveEveryRequest || cfg.RenewAfter > 0 }
