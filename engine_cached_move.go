package ginsession

import (
	"bytes"
	"context"
	"errors"
	"time"
)

// This file moves a session of [Cached] to another key.

// A moved entry stands under a key whose session has moved to newKey: one that expired in 1970, so that
// nobody loads or changes it.
type moved struct {
	newKey string // as the cache sees it
	state  moveState
	entry  []byte // moving: the record's, to be added under the new key
}

// A moveState says how far a move has come. It begins with the compare-and-swap that puts the moved
// entry in the place of the record, and ends with the one that makes it arrived or takenOver, after the
// new entry has been added. Who deletes the moved entry in between has ended the session.
type moveState byte

const (
	moving    moveState = 'm'
	arrived   moveState = 'a'
	takenOver moveState = 't' // another hand has added the new entry: see [cacheStore.takeOver]
)

// movedLifetime covers a second try of the same Replace.
const movedLifetime = time.Minute

func (m moved) encode() []byte {
	data := append([]byte(m.newKey), 0, byte(m.state))
	return encodeEntry(Record{Data: append(data, m.entry...), Expires: time.Unix(0, 0)})
}

func decodeMoved(entry []byte) (moved, bool) {
	r, ok := decodeEntry(entry)
	if !ok || r.Expires.Unix() != 0 {
		return moved{}, false
	}
	newKey, rest, ok := bytes.Cut(r.Data, []byte{0})
	if !ok || len(rest) == 0 {
		return moved{}, false
	}
	return moved{string(newKey), moveState(rest[0]), rest[1:]}, true
}

// Replace decides the move with one compare-and-swap: it turns the old entry into one that has [moved].
// Only then does it add the new entry, so the new key never exists before the move is decided. If the
// answer to a step is lost, a second Replace goes on with the same move.
func (s *cacheStore) Replace(ctx context.Context, oldKey, newKey string, prev Record, now time.Time, f Mutate) (Record, error) {
	key := newKey
	oldKey, newKey = cacheKey(oldKey), cacheKey(newKey)
	record, err := s.change(ctx, oldKey, prev, now, f, func(old []byte, next Record) (bool, error) {
		if err := s.index(ctx, key, Record{}, next, now); err != nil {
			return false, err
		}
		m := moved{newKey, moving, encodeEntry(next)}
		claimed, err := s.cache.CompareAndSwap(ctx, oldKey, old, m.encode(), movedLifetime)
		if err != nil || !claimed {
			return false, err
		}
		err = s.arrive(ctx, oldKey, m, next, now, false)
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

// resume goes on with a move from oldKey to newKey that an earlier Replace has begun, or returns
// ErrNotFound if none has.
func (s *cacheStore) resume(ctx context.Context, oldKey, newKey string, now time.Time) (Record, error) {
	m, err := s.moved(ctx, oldKey)
	if err != nil {
		return Record{}, err
	}
	switch m.newKey {
	case newKey:
	case "":
		// An earlier Replace may have added the new entry after somebody had ended the session.
		return Record{}, s.undo(ctx, newKey)
	default:
		return Record{}, ErrNotFound
	}
	switch m.state {
	case moving:
		record, ok := decodeEntry(m.entry)
		if !ok {
			return Record{}, ErrNotFound
		}
		return record, s.arrive(ctx, oldKey, m, record, now, true)
	case arrived:
		_, record, err := s.entry(ctx, newKey, now)
		return record, err
	default:
		// The new entry may be one that the earlier Replace added after somebody had ended the session.
		return Record{}, s.undo(ctx, newKey)
	}
}

// moved returns what stands under a key if that has moved.
func (s *cacheStore) moved(ctx context.Context, key string) (moved, error) {
	entry, _, err := s.cache.Get(ctx, key)
	m, _ := decodeMoved(entry)
	return m, err
}

// arrive adds the new entry of a move and notes that it has arrived. It returns ErrExists if the new key
// has another record, and ErrNotFound if the session has been ended meanwhile.
// again says that an earlier try may have added the new entry.
func (s *cacheStore) arrive(ctx context.Context, oldKey string, m moved, record Record, now time.Time, again bool) error {
	added, err := s.addMoved(ctx, m, record, now)
	if err != nil {
		return err
	}
	done, err := s.cache.CompareAndSwap(ctx, oldKey, m.encode(), moved{m.newKey, arrived, nil}.encode(), movedLifetime)
	if err != nil || done {
		return err
	}
	after, err := s.moved(ctx, oldKey)
	if err != nil {
		return err
	}
	// If this try has added what another had added before, it had been removed in between.
	revived := added && (again || after.state == takenOver)
	if after.newKey != m.newKey || revived {
		return s.undo(ctx, m.newKey)
	}
	return nil
}

// addMoved adds the new entry of a move. It returns false if that is there already, ErrExists if the new
// key has another record or the session has gone on from there to a third key, and ErrNotFound if the entry
// was there and has just been removed.
func (s *cacheStore) addMoved(ctx context.Context, m moved, record Record, now time.Time) (added bool, err error) {
	ttl := lifetime(record.Expires, now)
	if added, err = s.cache.Add(ctx, m.newKey, m.entry, ttl); err != nil || added {
		return added, err
	}
	present, there, err := s.cache.Get(ctx, m.newKey)
	if err != nil || bytes.Equal(present, m.entry) {
		return false, err
	}
	if !there {
		return false, ErrNotFound
	}
	if _, gone := decodeMoved(present); gone {
		return false, ErrExists
	}
	err = s.add(ctx, m.newKey, m.entry, ttl, now)
	return err == nil, err
}

// undo removes the new entry of a session that has been ended.
func (s *cacheStore) undo(ctx context.Context, newKey string) error {
	if err := s.cache.Delete(ctx, newKey); err != nil {
		return err
	}
	return ErrNotFound
}

// takeOver completes the move of another request, so that its session can be found under the new key.
func (s *cacheStore) takeOver(ctx context.Context, oldKey string, m moved, now time.Time) error {
	record, ok := decodeEntry(m.entry)
	if !ok {
		return nil
	}
	added, err := s.addMoved(ctx, m, record, now)
	if errors.Is(err, ErrExists) || errors.Is(err, ErrNotFound) {
		return nil // it has arrived, and been changed or ended since
	}
	if err != nil {
		return err
	}
	after := moved{m.newKey, arrived, nil}
	if added {
		after.state = takenOver
	}
	done, err := s.cache.CompareAndSwap(ctx, oldKey, m.encode(), after.encode(), movedLifetime)
	if err != nil || done {
		return err
	}
	after, err = s.moved(ctx, oldKey)
	if err == nil && after.newKey != m.newKey { // the session has been ended
		err = s.cache.Delete(ctx, m.newKey)
	}
	return err
}
