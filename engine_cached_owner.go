package ginsession

import (
	"context"
	"errors"
	"strings"
	"time"
)

func (s *cacheStore) refusesOwners() (why string) {
	if s.sets != nil {
		return ""
	}
	return "this cache is no SetCache: use cache/redis, cache/memory, or CachedDB"
}

// ownerSet names the set of an owner's keys.
func ownerSet(owner string) string { return "ginsession-owner:" + digest("", owner) }

// indexStep is how far apart the moments are to which a set keeps a member.
const indexStep = 7 * 24 * 60 * 60 // seconds

// indexedUntil returns when the set may drop the member of a record that expires then. Writes that move
// the expiry only within a step need not touch the set.
func indexedUntil(expires time.Time) int64 { return (expires.Unix()/indexStep + 2) * indexStep }

// index puts the key of a record, before that is written, into the set of its owner: the set may name
// too many keys, and never too few.
func (s *cacheStore) index(ctx context.Context, key string, current, next Record, now time.Time) error {
	until := indexedUntil(next.Expires)
	if s.sets == nil || next.Owner == "" || next.Owner == current.Owner && until == indexedUntil(current.Expires) {
		return nil
	}
	return s.sets.AddMember(ctx, ownerSet(next.Owner), key, lifetime(time.Unix(until, 0), now))
}

// Owned looks up each key of the owner's set, and the keys that other requests have moved them to. A key
// is in the set before a session moves to it, so what is not there yet can be found under its old key.
func (s *cacheStore) Owned(ctx context.Context, owner string, now time.Time) ([]OwnedRecord, error) {
	const passes = 16 // more are needed only if a session gets a new key in each
	asked, passed := map[string]bool{}, map[string]bool{}
	var records []OwnedRecord
	news := true
	for pass := 0; news && pass < passes; pass++ {
		keys, err := s.sets.Members(ctx, ownerSet(owner))
		if err != nil {
			return nil, err
		}
		news = false
		for _, key := range keys {
			if asked[key] {
				continue
			}
			asked[key], news = true, true
			found, err := s.follow(ctx, key, now, passed)
			if err != nil && !errors.Is(err, ErrNotFound) {
				return nil, err
			}
			if err == nil && found.Record.Owner == owner {
				records = append(records, found)
			}
		}
	}
	if news && len(records) == 0 {
		return nil, ErrConflict
	}
	return records, nil
}

// follow returns the live record of key, or of the key that it has moved to. It goes no further from a
// key that it has passed: a record, or what has moved. A key that was absent may have come since.
func (s *cacheStore) follow(ctx context.Context, key string, now time.Time, passed map[string]bool) (OwnedRecord, error) {
	for !passed[key] {
		entry, r, err := s.entry(ctx, cacheKey(key), now)
		m, ok := decodeMoved(entry)
		passed[key] = err == nil || ok
		if err == nil || !ok {
			return OwnedRecord{key, r}, err
		}
		if m.state == moving {
			if err := s.takeOver(ctx, cacheKey(key), m, now); err != nil {
				return OwnedRecord{}, err
			}
		}
		key = strings.TrimPrefix(m.newKey, cacheKey(""))
	}
	return OwnedRecord{}, ErrNotFound
}

// DeleteAll leaves the keys in the sets, which drop them in time.
func (s *cacheStore) DeleteAll(ctx context.Context, keys ...string) (deleted int64, err error) {
	for _, key := range keys {
		_, there, err := s.cache.Get(ctx, cacheKey(key))
		if err == nil {
			err = s.cache.Delete(ctx, cacheKey(key))
		}
		if err != nil {
			return deleted, err
		}
		if there {
			deleted++
		}
	}
	return deleted, nil
}
