package ginsession

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ginsession/ginsession/internal/deadline"
)

// Cached keeps sessions in a cache and nowhere else: what the cache drops is gone, and its
// visitor is signed out. Source: Django's cache backend.
//
// Expiry is judged by [Config.Clock] when a session is used. A session that has expired may still
// be in the cache, so setting the clock back can make it live again until the cache drops it, up
// to a second after its time to live.
//
// Keys are namespaced, so a session's key never equals one of the application's own.
func Cached(cache Cache) Engine { return cachedEngine{cache} }

type cachedEngine struct{ cache Cache }

func (e cachedEngine) open(cfg *settings) (backend, error) {
	if err := checkCache("Cached", e.cache); err != nil {
		return nil, err
	}
	return onServer(cfg, &cacheStore{cache: e.cache}), nil
}

func checkCache(constructor string, cache Cache) error {
	if unknown, ok := cache.(unknownCache); ok {
		return unknown.err()
	}
	if cache == nil {
		return configError("Engine", "%s: the cache is nil: make one, for instance memory.New()", constructor)
	}
	return nil
}

// cacheKey keeps sessions apart from what else is in the cache.
func cacheKey(key string) string { return "ginsession:" + key }

// A cacheStore is the [Store] over a Cache. An entry is the record's expiry, judged by the
// store's callers' clock, and its data; the cache's own time to live only reclaims room.
type cacheStore struct {
	cache Cache
	locks keyLocks
}

// headerSize is the length of an entry's expiry, in Unix seconds.
const headerSize = 8

func encodeEntry(r Record) []byte {
	entry := make([]byte, headerSize, headerSize+len(r.Data))
	binary.BigEndian.PutUint64(entry, uint64(r.Expires.Unix()))
	return append(entry, r.Data...)
}

// decodeEntry refers to entry, which nobody changes.
func decodeEntry(entry []byte) (Record, bool) {
	if len(entry) < headerSize {
		return Record{}, false
	}
	seconds := int64(binary.BigEndian.Uint64(entry))
	return Record{Data: entry[headerSize:], Expires: time.Unix(seconds, 0).UTC()}, true
}

// moved is what stands under a key whose session has moved to newKey: an entry that expired in
// 1970, so that nobody loads or changes it, followed by the record's entry under the new key.
type moved struct {
	newKey string // as the cache sees it
	entry  []byte
}

// movedLifetime covers a second try of the same Replace.
const movedLifetime = time.Minute

func (m moved) encode() []byte {
	data := append([]byte(m.newKey), 0)
	return encodeEntry(Record{Data: append(data, m.entry...), Expires: time.Unix(0, 0)})
}

func decodeMoved(entry []byte) (moved, bool) {
	r, ok := decodeEntry(entry)
	if !ok || r.Expires.Unix() != 0 {
		return moved{}, false
	}
	newKey, rest, ok := bytes.Cut(r.Data, []byte{0})
	return moved{string(newKey), rest}, ok
}

// lifetime is how long the cache is to keep an entry: a second more than it lives, for the two
// clocks do not tick together. A century is for ever, and leaves caches room to add it to the time.
func lifetime(expires, now time.Time) time.Duration {
	const century = 100 * 365 * 24 * time.Hour
	return min(max(expires.Sub(now), 0), century) + time.Second
}

// entry returns what is stored under key and lives, or ErrNotFound.
func (s *cacheStore) entry(ctx context.Context, key string, now time.Time) ([]byte, Record, error) {
	entry, ok, err := s.cache.Get(ctx, key)
	if err != nil {
		return nil, Record{}, err
	}
	record, sound := decodeEntry(entry)
	if !ok || !sound || !record.Expires.After(now) {
		return entry, Record{}, ErrNotFound
	}
	return entry, record, nil
}

func (s *cacheStore) Load(ctx context.Context, key string, now time.Time) (Record, error) {
	_, record, err := s.entry(ctx, cacheKey(key), now)
	return record, err
}

func (s *cacheStore) Create(ctx context.Context, key string, r Record, now time.Time) error {
	return s.add(ctx, cacheKey(key), encodeEntry(r), lifetime(r.Expires, now), now)
}

// add stores an entry if there is none, or only one that has expired and is still there.
func (s *cacheStore) add(ctx context.Context, key string, entry []byte, ttl time.Duration, now time.Time) error {
	added, err := s.cache.Add(ctx, key, entry, ttl)
	if err != nil || added {
		return err
	}
	old, _, err := s.entry(ctx, key, now)
	if errors.Is(err, ErrNotFound) {
		added, err = s.cache.CompareAndSwap(ctx, key, old, entry, ttl)
	}
	if err != nil {
		return err
	}
	if !added {
		return ErrExists
	}
	return nil
}

func (s *cacheStore) Update(ctx context.Context, key string, prev Record, now time.Time, f Mutate) (Record, error) {
	return s.change(ctx, cacheKey(key), prev, now, f, func(old []byte, next Record) (bool, error) {
		return s.cache.CompareAndSwap(ctx, cacheKey(key), old, encodeEntry(next), lifetime(next.Expires, now))
	})
}

// Replace decides the move with one compare-and-swap: it turns the old entry into a [moved]
// marker, which cannot be loaded, names the new key and holds the record. Only then does it add
// the new entry, so the new key never exists before the move is decided. If the answer to a step
// is lost, a second Replace finds the marker and completes the same move.
func (s *cacheStore) Replace(ctx context.Context, oldKey, newKey string, prev Record, now time.Time, f Mutate) (Record, error) {
	oldKey, newKey = cacheKey(oldKey), cacheKey(newKey)
	record, err := s.change(ctx, oldKey, prev, now, f, func(old []byte, next Record) (bool, error) {
		m := moved{newKey, encodeEntry(next)}
		claimed, err := s.cache.CompareAndSwap(ctx, oldKey, old, m.encode(), movedLifetime)
		if err != nil || !claimed {
			return false, err
		}
		err = s.arrive(ctx, oldKey, m, next, now)
		if errors.Is(err, ErrExists) { // somebody else's record: the session stays at its old key
			current, _ := decodeEntry(old)
			_, undo := s.cache.CompareAndSwap(ctx, oldKey, m.encode(), old, lifetime(current.Expires, now))
			return false, errors.Join(err, undo)
		}
		return err == nil, err
	})
	if !errors.Is(err, ErrNotFound) {
		return record, err
	}
	return s.resume(ctx, oldKey, newKey, now)
}

// resume completes a move from oldKey to newKey that an earlier Replace has decided, or returns
// ErrNotFound if none has.
func (s *cacheStore) resume(ctx context.Context, oldKey, newKey string, now time.Time) (Record, error) {
	entry, _, err := s.cache.Get(ctx, oldKey)
	if err != nil {
		return Record{}, err
	}
	m, ok := decodeMoved(entry)
	if !ok || m.newKey != newKey {
		return Record{}, ErrNotFound
	}
	record, ok := decodeEntry(m.entry)
	if !ok {
		return Record{}, ErrNotFound
	}
	return record, s.arrive(ctx, oldKey, m, record, now)
}

// arrive adds the new entry of a decided move and removes the marker. If the new entry is there
// already, an earlier try has added it and its answer was lost. It returns ErrExists if the new
// key has another record.
func (s *cacheStore) arrive(ctx context.Context, oldKey string, m moved, record Record, now time.Time) error {
	err := s.add(ctx, m.newKey, m.entry, lifetime(record.Expires, now), now)
	if errors.Is(err, ErrExists) {
		var present []byte
		if present, _, err = s.cache.Get(ctx, m.newKey); err == nil && !bytes.Equal(present, m.entry) {
			err = ErrExists
		}
	}
	if err != nil {
		return err
	}
	_ = s.cache.Delete(ctx, oldKey) // a marker that stays runs out by itself
	return nil
}

// change has swap store f of the current record, and if another writer comes first, tries
// again on what that has written: at once with prev, then with what the cache holds, one
// goroutine of this process at a time for each key.
func (s *cacheStore) change(ctx context.Context, key string, prev Record, now time.Time, f Mutate, swap func(old []byte, next Record) (bool, error)) (Record, error) {
	if prev.Data != nil && prev.Expires.After(now) {
		next, done, err := s.try(encodeEntry(prev), prev, f, swap)
		if err != nil || done {
			return next, err
		}
	}
	unlock, err := s.locks.lock(ctx, key)
	if err != nil {
		return Record{}, err
	}
	defer unlock()
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		entry, current, err := s.entry(ctx, key, now)
		if err != nil {
			return Record{}, err
		}
		next, done, err := s.try(entry, current, f, swap)
		if err != nil || done {
			return next, err
		}
		if deadline.Sleep(ctx, rand.N(wait)) != nil {
			return Record{}, ErrConflict
		}
	}
}

func (s *cacheStore) try(entry []byte, current Record, f Mutate, swap func([]byte, Record) (bool, error)) (Record, bool, error) {
	next, err := f(current)
	if err != nil {
		return Record{}, false, err
	}
	done, err := swap(entry, next)
	if err != nil {
		return Record{}, false, err
	}
	return next, done, nil
}

func (s *cacheStore) Touch(ctx context.Context, key string, expires, now time.Time) error {
	_, err := s.Update(ctx, key, Record{}, now, func(current Record) (Record, error) {
		return Record{Data: current.Data, Expires: expires}, nil
	})
	return err
}

func (s *cacheStore) Delete(ctx context.Context, key string) error {
	return s.cache.Delete(ctx, cacheKey(key))
}

// ClearExpired has nothing to do: the cache drops entries by their time to live.
func (s *cacheStore) ClearExpired(ctx context.Context, _ time.Time, _ ClearOptions) (int64, error) {
	return 0, ctx.Err()
}

// keyLocks has one goroutine at a time work on a key. The zero value is ready.
type keyLocks struct {
	mu   sync.Mutex
	held map[string]*keyLock
}

type keyLock struct {
	users int // holding or waiting
	token chan struct{}
}

// lock waits for the key, or for the context's end: ErrConflict.
func (l *keyLocks) lock(ctx context.Context, key string) (unlock func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	if l.held == nil {
		l.held = make(map[string]*keyLock)
	}
	k := l.held[key]
	if k == nil {
		k = &keyLock{token: make(chan struct{}, 1)}
		l.held[key] = k
	}
	k.users++
	l.mu.Unlock()

	leave := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if k.users--; k.users == 0 {
			delete(l.held, key)
		}
	}
	select {
	case k.token <- struct{}{}:
		return func() { <-k.token; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ErrConflict
	}
}
