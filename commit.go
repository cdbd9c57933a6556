package ginsession

import (
	"context"
	"errors"
	"slices"
	"time"
)

// This file decides what is saved when: at the end of a request, at Save, CycleKey and Flush.

// save writes the session to the store. Without force it writes nothing for a session that was not
// changed, or that is new and empty.
func (s *Session) save(force bool) error {
	if s.err != nil {
		return s.err
	}
	if err := s.attributesError(); err != nil {
		return err
	}
	s.noteContainers()
	if !force && !s.pending() {
		return nil
	}
	if s.ensureLoaded(); s.err != nil {
		return s.err
	}
	if err := s.changes.encode(s.m.cfg.codec); err != nil {
		return err
	}
	if err := s.m.backend.save(s, force, s.m.cfg.Clock()); err != nil {
		return err
	}
	s.endOldest()
	return nil
}

// pending reports whether there is something to save.
func (s *Session) pending() bool {
	return len(s.changes) > 0 || s.marked || s.cycled > 0
}

func (b *serverBackend) save(s *Session, force bool, now time.Time) error {
	switch {
	case s.storedKey == "":
		if !force && s.dict.isEmpty() {
			return nil
		}
		if b.cfg.byStoreKey {
			return errEnded // nobody would learn the key of a new session
		}
		return b.create(s, s.draft(s.changes, now, "", ""))
	case s.storedKey != s.key:
		return b.replace(s, now)
	default:
		return b.update(s, now)
	}
}

// create stores the draft under a key of its own.
func (b *serverBackend) create(s *Session, d *draft) error {
	start := d.doc
	// The second try is for a key that is taken, which is next to impossible, and for a connection
	// that was lost.
	for tries := 1; ; tries++ {
		if s.key == "" {
			var err error
			if s.key, err = newKey(); err != nil {
				return err
			}
		}
		d.newKey, d.doc = b.cfg.storeKey(s.key), start.clone()
		record, err := d.build()
		if err != nil {
			return err
		}
		if err = b.insert(s, d.newKey, record, d.now); err == nil {
			s.noteSaved(record, &d.doc)
			return nil
		}
		s.key = ""
		if tries > 1 || errors.Is(err, context.DeadlineExceeded) {
			return unavailable(err)
		}
	}
}

func (b *serverBackend) insert(s *Session, key string, record Record, now time.Time) error {
	bounded := b.cfg.storeContext(s.ctx)
	return b.store.Create(bounded, key, record, now)
}

func (b *serverBackend) update(s *Session, now time.Time) error {
	key := b.cfg.storeKey(s.key)
	d := s.draft(s.changes, now, key, key)
	record, err := s.repeat(d, func(ctx context.Context) (Record, error) {
		return b.store.Update(ctx, key, s.base, now, d.mutate)
	})
	if err != nil {
		return d.failure(err)
	}
	s.noteSaved(record, &d.doc)
	return nil
}

// replace moves the session to its new key. If the old key is gone, because the visitor signed out
// or sent the sign-in twice, nothing of the old session is revived: replace creates a session with
// only what was set after CycleKey.
func (b *serverBackend) replace(s *Session, now time.Time) error {
	oldKey, newKey := b.cfg.storeKey(s.storedKey), b.cfg.storeKey(s.key)
	d := s.draft(s.changes, now, oldKey, newKey)
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
		s.noteSaved(record, &d.doc)
		return nil
	}
	if !errors.Is(err, ErrNotFound) {
		return d.failure(err)
	}
	ofLoaded := func(c change) bool { return c.inside != "" }
	anew := s.draft(slices.DeleteFunc(slices.Clone(s.changes[s.cycled-1:]), ofLoaded), now, "", "")
	if err := anew.changes.apply(b.cfg.codec, &anew.doc); err != nil {
		return err
	}
	if anew.doc.isEmpty() {
		return d.failure(err)
	}
	anew.doc = document{}
	return b.create(s, anew)
}

// repeat runs a store operation. If its outcome is unknown it runs it once more, unless the changes
// cannot be applied twice, as those of a Modify.
func (s *Session) repeat(d *draft, operation func(context.Context) (Record, error)) (Record, error) {
	ctx := s.m.cfg.storeContext(s.ctx)
	record, err := operation(ctx)
	if err == nil || d.err != nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrConflict) || ctx.Err() != nil || d.changes.modifies() {
		return record, err
	}
	return operation(ctx)
}

// noteSaved notes that the store now holds record, which reads as doc.
func (s *Session) noteSaved(record Record, doc *document) {
	for i := range s.changes {
		if c := &s.changes[i]; c.op == opSet {
			if e := s.dict.entry(c.key); e != nil && int(e.change) == i+1 {
				e.raw, e.state, e.views.text = c.raw, recorded, c.raw
			}
		}
	}
	for i := range s.dict.entries {
		s.dict.entries[i].change = 0
	}
	s.base, s.storedKey, s.fresh = record, s.key, doc
	s.changes, s.cycled, s.marked, s.saved = nil, 0, false, true
}

// touch extends the life of a session that this request did not change, if the settings ask for it.
func (s *Session) touch(now time.Time) error {
	if !s.m.cfg.SaveEveryRequest && !s.m.cfg.renewalDue(s, now) {
		return nil
	}
	if s.m.cfg.MaxLifetime > 0 && s.dict.find(startedKey) == nil {
		return s.save(true) // its lifetime has not begun to count
	}
	if s.m.cfg.codec.migratesFrom(s.base.Data) {
		return s.save(true)
	}
	return s.m.backend.touch(s, now)
}

func (b *serverBackend) touch(s *Session, now time.Time) error {
	// Even if the expiry stays as it is: the cookie of a session that has ended must not go out
	// again.
	expires := b.cfg.storedEnd(&s.dict, now)
	bounded := b.cfg.storeContext(s.ctx)
	if err := b.store.Touch(bounded, b.cfg.storeKey(s.storedKey), expires, now); err != nil {
		if errors.Is(err, ErrNotFound) {
			return errEnded
		}
		return unavailable(err)
	}
	s.base.Expires, s.saved = expires, true
	return nil
}

// Save writes the session to the store now. The middleware saves by itself; Save is for work outside
// a request, for websockets, and for handlers that must know the outcome. It creates the session if
// it is new, even if empty; otherwise it extends it.
//
// Errors: [ErrInterrupted] if the session has been ended meanwhile, and stays ended; [ErrEncode];
// [ErrUnavailable]; [ErrCookieTooLarge] with [SignedCookies]. What was changed is kept and saved by
// the next Save. Source: Django's save.
func (s *Session) Save() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accessed = true
	err := s.save(true)
	s.reported = err != nil
	return err
}

// Flush ends the session. It deletes the record at once, empties the dictionary and forgets the key;
// the response deletes the browser's cookie. What is set afterwards is a new session. Use it to
// sign out. Source: Django's flush.
//
// If the store fails, Flush returns [ErrUnavailable] and the session lives on: the middleware
// answers 503 instead of a page that says otherwise.
func (s *Session) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accessed, s.modified = true, true
	s.request.list()
	named, err := s.deleteStored()
	if err != nil {
		s.err = err
		return err
	}
	s.err = nil
	s.flushed = s.flushed || named || s.storedKey != ""
	s.key, s.storedKey, s.base, s.origin, s.tried = "", "", Record{}, loaded, maxEnded
	s.dict, s.parsed, s.fresh = document{}, false, nil
	s.changes, s.cycled, s.marked, s.saved, s.known = nil, 0, false, false, false
	if s.closed && s.m.backend.needsHeader() {
		s.logLost("the deletion of the cookie")
	}
	return nil
}

// deleteStored deletes the record, without loading it first, and those of further cookies of our
// name. named reports whether the request has such a cookie, whatever its value.
func (s *Session) deleteStored() (named bool, err error) {
	var keys []string
	cookies := s.cookies()
	for n := int8(1); n <= maxEnded; {
		value, ok := cookies.Next()
		if !ok {
			break
		}
		named = true
		if !s.m.backend.isKey(value) {
			continue
		}
		if n > s.tried {
			keys = append(keys, value)
		}
		n++
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

// CycleKey gives the session a new key and keeps its data. The old key is gone once the session is
// saved. Call it at sign-in, before setting who has signed in, so that a key planted in the browser
// beforehand is worth nothing (session fixation). Source: Django's cycle_key.
//
// If the old key has been ended meanwhile, only what is set after CycleKey is saved. After an error
// the session cannot be used: see [Session.Err]. When the response is over, CycleKey is
// [ErrHeadersWritten] and changes nothing.
func (s *Session) CycleKey() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		s.logLost("CycleKey")
		return ErrHeadersWritten
	}
	if s.m.cfg.byStoreKey {
		return errListed
	}
	s.modified = true
	s.request.list()
	if !s.use() {
		return s.err
	}
	if s.ensureLoaded(); s.err != nil {
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

// conclude saves the session, if need be, and returns the Set-Cookie header to send, if any. A failed
// response saves nothing and sends only the deletion of the cookie.
func (s *Session) conclude(failed, hijacked bool) (setCookie string, err error) {
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
	return s.setCookieHeader(s.m.cfg.lifeOfCookie(&s.dict, s.m.cfg.Clock())), nil
}

// bringUpToDate saves the session, or extends its life if it was not changed.
func (s *Session) bringUpToDate() error {
	if err := s.save(false); err != nil || s.saved || !s.m.cfg.extends() {
		return err
	}
	if s.origin != loaded {
		s.load()
	}
	if s.err != nil || s.storedKey == "" {
		return s.err
	}
	if err := s.touch(s.m.cfg.Clock()); !errors.Is(err, ErrInterrupted) {
		return err
	}
	return nil // the handler changed nothing, so nothing is lost
}

// deletion returns the Set-Cookie header of a session that was flushed and not begun anew, or "".
func (s *Session) deletion() (setCookie string) {
	if s.flushed && s.storedKey == "" {
		return s.cookieConfig().deletionCookie().String()
	}
	return ""
}

// savesUnseen reports whether the session can be saved without another header: the client has
// its key, and its data is on the server.
func (s *Session) savesUnseen() bool { return s.known && !s.m.backend.needsHeader() }

// close ends what the middleware does for the session.
func (s *Session) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.request, s.closed = nil, true
}

// abandon forgets what was changed and not saved, and saves nothing any more.
func (s *Session) abandon() {
	s.changes, s.cycled, s.marked, s.known = nil, 0, false, false
}

// saveLate saves a change that comes when the request is over, if the client has the session's
// key, and otherwise logs that it is lost. What is changed inside a value is not noticed then.
func (s *Session) saveLate(what string) {
	if !s.closed {
		return
	}
	if !s.savesUnseen() {
		s.abandon()
		s.logLost(what)
	} else if err := s.save(false); err != nil {
		s.m.cfg.Logger.ErrorContext(s.ctx, "ginsession: a change made when the request was over is lost", "key", what, "error", err)
	}
}

func (s *Session) logLost(what string) {
	s.m.cfg.Logger.ErrorContext(s.ctx, "ginsession: a change made when the request was over is lost", "key", what, "error", ErrHeadersWritten)
}

// extends reports whether requests extend a session that they do not touch.
func (cfg *settings) extends() bool { return cfg.SaveEveryRequest || cfg.RenewAfter > 0 }
