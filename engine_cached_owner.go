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
	seen := map[string]bool{}
	var records []OwnedRecord
	for news := true; news; {
		keys, err := s.sets.Members(ctx, ownerSet(owner))
		if err != nil {
			return nil, err
		}
		news = false
		for _, key := range keys {
			if seen[key] {
				continue
			}
			news = true
			key, r, err := s.follow(ctx, key, now)
			if err != nil && !errors.Is(err, ErrNotFound) {
				return nil, err
			}
			if err == nil && r.Owner == owner && !seen[key] {
				seen[key] = true
				records = append(records, OwnedRecord{key, r})
			}
		}
		for _, key := range keys {
			seen[key] = true
		}
	}
	return records, nil
}

// follow returns the live record of key, or that of the key which it has moved to.
func (s *cacheStore) follow(ctx context.Context, key string, now time.Time) (string, Record, error) {
	for {
		entry, r, err := s.entry(ctx, cacheKey(key), now)
		m, ok := decodeMoved(entry)
		if err == nil || !ok {
			return key, r, err
		}
		if m.state == moving {
			if err := s.takeOver(ctx, cacheKey(key), m, now); err != nil {
				return key, Record{}, err
			}
		}
		key = strings.TrimPrefix(m.newKey, cacheKey(""))
	}
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
