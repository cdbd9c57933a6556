package testsite

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ginsession/ginsession"
)

// A Store keeps records in memory, records which operations were asked of it, and fails on
// demand.
type Store struct {
	mu      sync.Mutex
	records map[string]ginsession.Record
	calls   []string
	before  func(operation string) error // called before each operation, which fails with its error

	lost        error // returned by the next Update or Replace
	lostApplied bool  // that operation is carried out nevertheless
}

// NewStore returns an empty store.
func NewStore() *Store { return &Store{records: map[string]ginsession.Record{}} }

func (s *Store) called(ctx context.Context, operation string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	s.calls = append(s.calls, operation)
	before := s.before
	s.mu.Unlock()
	if before == nil {
		return nil
	}
	return before(operation)
}

// LoseAnswer makes the next Update or Replace return err. If applied is true it is carried out
// nevertheless.
func (s *Store) LoseAnswer(applied bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost, s.lostApplied = err, applied
}

// Calls returns the names of the operations since it was last called.
func (s *Store) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

// SetBefore makes the store call f before each operation, which fails with f's error. A nil f
// ends that.
func (s *Store) SetBefore(f func(operation string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

// FailOn makes the named operations return err. Without operations nothing fails any more.
func (s *Store) FailOn(err error, operations ...string) {
	s.SetBefore(func(operation string) error {
		if slices.Contains(operations, operation) {
			return err
		}
		return nil
	})
}

// Text returns the data stored under key, or "".
func (s *Store) Text(key string) string { return string(s.Record(key).Data) }

// Record returns what is stored under key, expired or not, or the zero Record.
func (s *Store) Record(key string) ginsession.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records[key]
}

// Put stores text under key for an hour after Start, as another program could have done.
func (s *Store) Put(key, text string) {
	s.PutRecord(key, ginsession.Record{Data: []byte(text), Expires: Start.Add(time.Hour)})
}

// PutRecord stores r under key, whatever is there.
func (s *Store) PutRecord(key string, r ginsession.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[key] = r
}

// Keys returns the stored keys, sorted.
func (s *Store) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.records))
}

func (s *Store) live(key string, now time.Time) (ginsession.Record, error) {
	if r, ok := s.records[key]; ok && r.Expires.After(now) {
		return r, nil
	}
	return ginsession.Record{}, ginsession.ErrNotFound
}

// Load implements ginsession.Store.
func (s *Store) Load(ctx context.Context, key string, now time.Time) (ginsession.Record, error) {
	if err := s.called(ctx, "Load"); err != nil {
		return ginsession.Record{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live(key, now)
}

// Create implements ginsession.Store.
func (s *Store) Create(ctx context.Context, key string, r ginsession.Record, now time.Time) error {
	if err := s.called(ctx, "Create"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.live(key, now); err == nil {
		return ginsession.ErrExists
	}
	s.records[key] = r
	return nil
}

// Update implements ginsession.Store.
func (s *Store) Update(ctx context.Context, key string, prev ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	if err := s.called(ctx, "Update"); err != nil {
		return ginsession.Record{}, err
	}
	return s.replace(key, key, prev, now, f)
}

// Replace implements ginsession.Store.
func (s *Store) Replace(ctx context.Context, oldKey, newKey string, prev ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	if err := s.called(ctx, "Replace"); err != nil {
		return ginsession.Record{}, err
	}
	return s.replace(oldKey, newKey, prev, now, f)
}

func (s *Store) replace(oldKey, newKey string, prev ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lost := s.lost
	s.lost = nil
	if lost != nil && !s.lostApplied {
		return ginsession.Record{}, lost
	}
	current, err := s.live(oldKey, now)
	if err != nil {
		return ginsession.Record{}, err
	}
	if bytes.Equal(current.Data, prev.Data) {
		current = prev
	} else { // f may use the bytes only while it runs, as in a transaction
		current.Data = bytes.Clone(current.Data)
		defer clear(current.Data)
	}
	next, err := f(current)
	if err != nil {
		return ginsession.Record{}, err
	}
	delete(s.records, oldKey)
	s.records[newKey] = next
	if lost != nil {
		return ginsession.Record{}, lost
	}
	return next, nil
}

// Touch implements ginsession.Store.
func (s *Store) Touch(ctx context.Context, key string, expires, now time.Time) error {
	if err := s.called(ctx, "Touch"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.live(key, now)
	if err == nil {
		r.Expires = expires
		s.records[key] = r
	}
	return err
}

// Delete implements ginsession.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := s.called(ctx, "Delete"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.records, key)
	return nil
}

// ClearExpired implements ginsession.Store.
func (s *Store) ClearExpired(ctx context.Context, now time.Time, o ginsession.ClearOptions) (int64, error) {
	if err := s.called(ctx, "ClearExpired"); err != nil {
		return 0, err
	}
	return o.InBatches(ctx, func(limit int) (removed int64, err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for key, r := range s.records {
			if removed < int64(limit) && !r.Expires.After(now) {
				delete(s.records, key)
				removed++
			}
		}
		return removed, nil
	})
}
