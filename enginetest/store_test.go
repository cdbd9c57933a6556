package enginetest_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/enginetest"
)

func TestStore(t *testing.T) {
	enginetest.Store(t, func(*testing.T) ginsession.Store { return newMapStore() })
}

// A mapStore is as simple as a store can be: a map and a lock.
type mapStore struct {
	mu      sync.Mutex
	records map[string]ginsession.Record
}

func newMapStore() *mapStore { return &mapStore{records: map[string]ginsession.Record{}} }

func (s *mapStore) Load(ctx context.Context, key string, now time.Time) (ginsession.Record, error) {
	if err := ctx.Err(); err != nil {
		return ginsession.Record{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.load(key, now)
}

func (s *mapStore) load(key string, now time.Time) (ginsession.Record, error) {
	r, ok := s.records[key]
	if !ok || !r.Expires.After(now) {
		return ginsession.Record{}, ginsession.ErrNotFound
	}
	return r, nil
}

func (s *mapStore) Create(ctx context.Context, key string, r ginsession.Record, now time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.load(key, now); err == nil {
		return ginsession.ErrExists
	}
	s.records[key] = r
	return nil
}

func (s *mapStore) Update(ctx context.Context, key string, prev ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	return s.Replace(ctx, key, key, prev, now, f)
}

// Replace needs no prev: under its lock it applies f to what is there.
func (s *mapStore) Replace(ctx context.Context, oldKey, newKey string, _ ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	if err := ctx.Err(); err != nil {
		return ginsession.Record{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	current, err := s.load(oldKey, now)
	if err != nil {
		return ginsession.Record{}, err
	}
	next, err := f(current)
	if err != nil {
		return ginsession.Record{}, err
	}
	delete(s.records, oldKey)
	s.records[newKey] = next
	return next, nil
}

func (s *mapStore) Touch(ctx context.Context, key string, expires, now time.Time) error {
	_, err := s.Update(ctx, key, ginsession.Record{}, now, func(r ginsession.Record) (ginsession.Record, error) {
		return ginsession.Record{Data: r.Data, Expires: expires}, nil
	})
	return err
}

func (s *mapStore) Delete(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.records, key)
	return nil
}

func (s *mapStore) ClearExpired(ctx context.Context, now time.Time, o ginsession.ClearOptions) (int64, error) {
	return o.InBatches(ctx, func(limit int) (int64, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		removed := 0
		for key, r := range s.records {
			if removed < limit && !r.Expires.After(now) {
				delete(s.records, key)
				removed++
			}
		}
		return int64(removed), nil
	})
}
