package ginsession

import (
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
	s := &cacheStore{cache: e.cache}
	s.sets, _ = e.cache.(SetCache)
	return onServer(cfg, s), nil
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
	sets  SetCache // nil if the cache is none
	locks keyLocks
}

// An entry begins with its expiry in Unix seconds. Their second bit, which no year needs, is set if
// the length of the owner, in a byte, and the owner follow.
const (
	headerSize = 8
	ownedBit   = 1 << 62
)

func encodeEntry(r Record) []byte {
	entry := make([]byte, 0, headerSize+1+len(r.Owner)+len(r.Data))
	expires := uint64(r.Expires.Unix())
	if r.Owner == "" {
		entry = binary.BigEndian.AppendUint64(entry, expires)
	} else {
		entry = binary.BigEndian.AppendUint64(entry, expires^ownedBit)
		entry = append(append(entry, byte(len(r.Owner))), r.Owner...)
	}
	return append(entry, r.Data...)
}

// decodeEntry refers to entry, which nobody changes.
func decodeEntry(entry []byte) (Record, bool) {
	if len(entry) < headerSize {
		return Record{}, false
	}
	seconds := int64(binary.BigEndian.Uint64(entry))
	data, owner := entry[headerSize:], ""
	// Of a number in two's complement that is no larger than a year's, the first two bits are equal.
	if (seconds<<1)^seconds < 0 {
		seconds ^= ownedBit
		if len(data) == 0 || len(data) <= int(data[0]) {
			return Record{}, false
		}
		size := 1 + int(data[0])
		data, owner = data[size:], string(data[1:size])
	}
	return Record{Data: data, Expires: time.Unix(seconds, 0).UTC(), Owner: owner}, true
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
	if err := s.index(ctx, key, Record{}, r, now); err != nil {
		return err
	}
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
		current, _ := decodeEntry(old)
		if err := s.index(ctx, key, current, next, now); err != nil {
			return false, err
		}
		return s.cache.CompareAndSwap(ctx, cacheKey(key), old, encodeEntry(next), lifetime(next.Expires, now))
	})
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
		return Record{Data: current.Data, Expires: expires, Owner: current.Owner}, nil
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
