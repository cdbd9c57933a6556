package ginsession

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ginsession/ginsession/internal/cookieheader"
	"github.com/ginsession/ginsession/internal/deadline"
	"github.com/ginsession/ginsession/signing"
)

// This file finds a session: from the cookie to its key, and from the key to the record.

// maxCandidates bounds how many cookies of our name are looked up for one request. A browser sends
// several if a site has changed its CookieDomain or CookiePath.
const maxCandidates = 3

// maxEnded bounds how many of them a Flush ends: also those that were not looked up, because a
// visitor who signs out means the session that some other cookie hides.
const maxEnded = 16

// load asks the store for the session that the cookie names. A key that the store does not have is
// never adopted.
func (s *Session) load() {
	if s.err != nil {
		return
	}
	ctx := &s.loading
	if ctx.Started() {
		ctx = &deadline.Context{} // a driver may still have that of the first try
	}
	s.m.cfg.timeout.Start(ctx, s.ctx)
	now := s.m.cfg.Clock()
	cookies := s.cookies()
	tried := int8(0)
	warned := false
	for {
		candidate, ok := s.candidate(&cookies)
		if !ok {
			break
		}
		if tried == maxCandidates {
			s.m.cfg.warnOfTossedCookies(s.ctx)
			break
		}
		tried++
		record, doc, err := s.m.backend.load(ctx, candidate, now)
		if errors.Is(err, ErrNotFound) {
			if errors.Is(err, errNotOurs) && !warned {
				warned = true
				s.m.cfg.warnOf(s.ctx, err)
			}
			continue
		}
		if err != nil {
			s.err = err
			return
		}
		s.key, s.storedKey, s.base, s.known = candidate, candidate, record, true
		if s.origin == unread {
			s.dict, s.parsed = doc, true
		}
		break
	}
	before := s.origin
	s.origin, s.tried = loaded, tried
	if s.storedKey == "" && before == unread {
		s.adoptOld()
	}
}

// adoptOld puts what Config.ReadOld has for the visitor into the session, which is new.
func (s *Session) adoptOld() {
	if s.m.cfg.ReadOld == nil || s.request == nil {
		return
	}
	values, ok := s.m.cfg.ReadOld(s.request.c.Request)
	if !ok {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		err := checkKey(key)
		if err == nil {
			_, err = s.m.cfg.codec.encodeValue(key, values[key])
		}
		if err != nil {
			s.m.cfg.Logger.WarnContext(s.ctx, "ginsession: a value of ReadOld is left out", "error", err)
			continue
		}
		s.put(key, values[key])
	}
}

func (cfg *settings) warnOfTossedCookies(ctx context.Context) {
	cfg.Logger.WarnContext(ctx, fmt.Sprintf("ginsession: a request has more than the %d cookies of our name that are looked up: "+
		"if another host of this domain sets them, its visitors stay signed out here; a CookieName that begins with __Host- prevents that", maxCandidates), "name", cfg.CookieName)
}

func (s *Session) cookies() cookieheader.Scanner {
	return cookieheader.Scanner{Name: s.m.cfg.CookieName, Lines: s.lines}
}

// candidate returns the next key that the request names.
func (s *Session) candidate(cookies *cookieheader.Scanner) (key string, ok bool) {
	for {
		key, ok = cookies.Next()
		if !ok || s.m.backend.isKey(key) {
			return key, ok
		}
	}
}

func (b *serverBackend) load(ctx context.Context, key string, now time.Time) (Record, document, error) {
	storeKey := b.cfg.storeKey(key)
	record, err := b.store.Load(ctx, storeKey, now)
	if errors.Is(err, ErrNotFound) {
		return Record{}, document{}, ErrNotFound
	}
	if err != nil {
		return Record{}, document{}, unavailable(err)
	}
	doc, _, err := b.cfg.read(record.Data, storeKey)
	if err != nil {
		return Record{}, document{}, err
	}
	if end, ok := b.cfg.endOfLife(&doc); ok && !now.Before(end) {
		return Record{}, document{}, ErrNotFound
	}
	record.Owner = b.cfg.ownerOf(&doc)
	return record, doc, nil
}

// errNotOurs, which wraps ErrNotFound, means that a record is none of ours: it cannot be verified
// or decoded.
var errNotOurs = fmt.Errorf("%w: a record that cannot be verified or decoded is treated as no session", ErrNotFound)

func (cfg *settings) warnOf(ctx context.Context, err error) {
	cfg.Logger.WarnContext(ctx, "ginsession: a session's record was refused", "error", err)
}

// read returns the document of a record, which a store knows by key, and when it was signed or
// encrypted. A record that is none of ours is errNotOurs.
func (cfg *settings) read(data []byte, key string) (document, time.Time, error) {
	text, signedAt, err := cfg.codec.unseal(data, key)
	if errors.Is(err, signing.ErrTooLarge) {
		return document{}, time.Time{}, unavailable(err)
	}
	var doc document
	if err == nil {
		doc, err = parseDocument(text)
	}
	if err != nil {
		return document{}, time.Time{}, fmt.Errorf("%w: %w", errNotOurs, err)
	}
	return doc, signedAt, nil
}

// use makes the dictionary ready. It returns false if the session could not be loaded.
func (s *Session) use() bool {
	s.accessed = true
	if s.origin == unread {
		s.load()
	}
	if s.fresh != nil {
		s.refresh()
	}
	return s.err == nil
}

// ensureLoaded asks the store for what the cookie names, unless that was done.
func (s *Session) ensureLoaded() {
	s.accessed = true
	if s.origin != loaded {
		s.load()
	}
}

// Load loads the session now instead of at its first use, and returns what [Session.Err] does.
// After a failure it tries again.
func (s *Session) Load() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil && s.origin != loaded {
		s.err = nil
	}
	s.use()
	s.ensureLoaded()
	return s.err
}

// Reload reads the session again: changes that other requests have saved come in, those that this
// one has not saved stay. It is for work that goes on for long, such as a websocket's.
//
// Errors: [ErrInterrupted] if the session has been ended or has expired; [ErrUnavailable]. The
// session is then as it was before.
func (s *Session) Reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.use(); s.err != nil {
		return s.err
	}
	if s.ensureLoaded(); s.err != nil || s.storedKey == "" {
		return s.err
	}
	s.noteContainers()
	ctx := s.m.cfg.storeContext(s.ctx)
	record, doc, err := s.m.backend.load(ctx, s.storedKey, s.m.cfg.Clock())
	if errors.Is(err, ErrNotFound) {
		return errEnded
	}
	if err != nil {
		return err
	}
	s.base, s.fresh = record, &doc
	return nil
}

// refresh brings the dictionary up to what was stored last. The changes of other requests come in;
// changes not saved yet stay.
func (s *Session) refresh() {
	dict := *s.fresh
	s.fresh = nil
	for i := range s.dict.entries {
		old := &s.dict.entries[i]
		if old.change > 0 {
			e := dict.add(old.key())
			e.views, e.state, e.change = old.views, old.state, old.change
			continue
		}
		if e := dict.find(old.key()); e != nil {
			e.views = old.views // those that were read from another text must not be changed any more
		}
	}
	s.dict, s.parsed = dict, true
}
