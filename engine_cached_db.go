package ginsession

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession/internal/deadline"
)

// CachedDB keeps sessions in the database, as [DB] does, and copies of them in a cache: every
// change goes to the database first and then to the cache, and a read asks the database only
// if the cache has no copy. Source: Django's cached_db backend.
//
// Once a write or a deletion has returned, no read that follows is stale, in any process that
// shares the cache, with two limits. A cache that keeps near copies, as cache/redis does, is as
// fresh as the server's invalidation. And if the cache fails, reads, saves, sign-ins and sign-outs go on
// with the database alone and the failure is logged. A process does not read a copy that it could
// not update or remove; another process may serve that copy until it is [CacheMaxAge] old.
//
// cache/memory is the right cache for a program that runs as one process, and for no other:
// one process does not see what another has changed in its memory.
func CachedDB(db *gorm.DB, cache Cache, options ...DBOption) Engine {
	return cachedDBEngine{db, cache, options}
}

// defaultCacheMaxAge is how old a cached copy may get.
const defaultCacheMaxAge = 5 * time.Minute

// CacheMaxAge bounds how old a copy in the cache of [CachedDB] may get before the database is
// asked again: 1 second to 5 minutes, by default 5 minutes.
func CacheMaxAge(d time.Duration) DBOption {
	return func(o *dbOptions) { o.cacheMaxAge = &d }
}

type cachedDBEngine struct {
	db      *gorm.DB
	cache   Cache
	options []DBOption
}

func (e cachedDBEngine) open(cfg *settings) (backend, error) {
	o := newDBOptions(e.options)
	db, err := openDB(e.db, o, cfg)
	maxAge, ageErr := o.copyLife()
	if err = errors.Join(err, checkCache("CachedDB", e.cache), ageErr); err != nil {
		return nil, err
	}
	generations, _ := e.cache.(GenerationCache)
	return onServer(cfg, &cachedDBStore{
		dbStore:     db,
		cache:       e.cache,
		generations: generations,
		maxAge:      maxAge,
		patience:    deadline.NewTimeout(cfg.StoreTimeout / 5),
		logger:      cfg.Logger,
		clock:       cfg.Clock,
	}), nil
}

// A cachedDBStore writes through to a dbStore. Two things can stand under a key in the cache:
//
//   - a copy: the record's expiry, the moment from which the copy is too old, the cache's
//     generation, a random number, and the data. The number makes every copy unlike any other, so that comparing and
//     swapping one proves that nobody has written meanwhile, though the data may be the same.
//   - a lease: a random number. A reader that misses puts it there, reads the database, and swaps
//     it for a copy. Whoever writes or deletes removes it, and the swap fails: a slow reader
//     cannot bring back what it read before.
type cachedDBStore struct {
	*dbStore
	cache       Cache
	generations GenerationCache // the cache; nil if it is none
	maxAge      time.Duration
	patience    *deadline.Timeout // with a cache that does not answer
	logger      *slog.Logger
	clock       func() time.Time
	suspects    suspects
	outage      outage
}

const (
	copyHeaderSize = 32
	leaseLifetime  = 10 * time.Second
	clockSkew      = 5 * time.Minute // that is borne between the machines of a site
)

func newLease() []byte {
	return binary.BigEndian.AppendUint64(nil, rand.Uint64())
}

// A copied record is one that the cache has a copy of, good until then.
type copied struct {
	Record
	until      time.Time
	generation uint64 // the cache's, from before the database was asked
}

// copyOf returns a fresh copy of what the database holds.
func (s *cachedDBStore) copyOf(r Record, now time.Time, generation uint64) copied {
	return copied{r, now.Add(s.maxAge), generation}
}

// encode returns the cache's entry.
func (c copied) encode() []byte {
	entry := make([]byte, 0, copyHeaderSize+len(c.Data))
	entry = binary.BigEndian.AppendUint64(entry, uint64(c.Expires.Unix()))
	entry = binary.BigEndian.AppendUint64(entry, uint64(c.until.Unix()))
	entry = binary.BigEndian.AppendUint64(entry, c.generation)
	entry = binary.BigEndian.AppendUint64(entry, rand.Uint64())
	return append(entry, c.Data...)
}

// lifetime is how long the cache is to keep the entry.
func (c copied) lifetime(now time.Time) time.Duration {
	if c.Expires.Before(c.until) {
		return lifetime(c.Expires, now)
	}
	return lifetime(c.until, now)
}

func isCopy(entry []byte) bool { return len(entry) >= copyHeaderSize }

// readCopy returns the copy that an entry is, if it is one of this generation, lives and is not too old. One that
// would be good for much longer than any copy may is none of ours, or from before the clock was
// set back. It refers to the entry.
func readCopy(entry []byte, now time.Time, generation uint64) (copied, bool) {
	if !isCopy(entry) {
		return copied{}, false
	}
	c := copied{
		Record: Record{Data: entry[copyHeaderSize:], Expires: time.Unix(int64(binary.BigEndian.Uint64(entry)), 0).UTC()},
		until:  time.Unix(int64(binary.BigEndian.Uint64(entry[8:])), 0),

		generation: binary.BigEndian.Uint64(entry[16:]),
	}
	return c, c.generation == generation && c.Expires.After(now) && c.until.After(now) && c.until.Sub(now) <= defaultCacheMaxAge+clockSkew
}

func (s *cachedDBStore) Load(ctx context.Context, key string, now time.Time) (Record, error) {
	if err := ctx.Err(); err != nil {
		return Record{}, err
	}
	name := cacheKey(key)
	entry, generation, cacheErr := s.trusted(ctx, name)
	if c, ok := readCopy(entry, now, generation); ok {
		return c.Record, nil
	}
	taken := false
	lease := newLease()
	if cacheErr == nil {
		taken, cacheErr = s.take(ctx, name, entry, lease)
	}
	record, err := s.dbStore.Load(ctx, key, now)
	switch {
	case !taken: // the cache is down, or another reader fills it
	case err != nil:
		cacheErr = s.drop(ctx, name)
	default:
		_, cacheErr = s.swap(ctx, name, lease, s.copyOf(record, now, generation), now)
	}
	s.log(ctx, cacheErr)
	return record, err
}

// take puts a lease in the place of nothing, or of a copy that is too old.
func (s *cachedDBStore) take(ctx context.Context, name string, entry, lease []byte) (bool, error) {
	bounded := s.patience.New(ctx)
	switch {
	case entry == nil:
		return s.cache.Add(bounded, name, lease, leaseLifetime)
	case isCopy(entry):
		return s.cache.CompareAndSwap(bounded, name, entry, lease, leaseLifetime)
	}
	return false, nil
}

func (s *cachedDBStore) Create(ctx context.Context, key string, r Record, now time.Time) error {
	if err := s.dbStore.Create(ctx, key, r, now); err != nil {
		return err
	}
	s.add(ctx, cacheKey(key), r, now)
	return nil
}

// add puts a copy under a key that is new, and so nobody else's yet. That of an owner's session can be
// found as soon as it is in the database, and ended before the copy is there: the first read adds it.
func (s *cachedDBStore) add(ctx context.Context, name string, r Record, now time.Time) {
	if r.Owner != "" {
		return
	}
	bounded := s.patience.New(ctx)
	generation, err := s.generation(bounded)
	if err == nil {
		c := s.copyOf(r, now, generation)
		_, err = s.cache.Add(bounded, name, c.encode(), c.lifetime(now))
	}
	if err == nil {
		s.written(ctx)
	}
	s.log(ctx, err)
}

func (s *cachedDBStore) Update(ctx context.Context, key string, prev Record, now time.Time, f Mutate) (Record, error) {
	c, err := s.writeThrough(ctx, key, now, func(_ []byte, generation uint64) (copied, error) {
		record, err := s.dbStore.Update(ctx, key, prev, now, f)
		return s.copyOf(record, now, generation), err
	})
	return c.Record, err
}

// Touch leaves the copy's age as it is: its data has not been read again.
func (s *cachedDBStore) Touch(ctx context.Context, key string, expires, now time.Time) error {
	_, err := s.writeThrough(ctx, key, now, func(before []byte, generation uint64) (copied, error) {
		c, ok := readCopy(before, now, generation)
		if !ok {
			c = copied{}
		}
		c.Expires = expires
		return c, s.dbStore.Touch(ctx, key, expires, now)
	})
	return err
}

// writeThrough writes to the database, and then puts a copy of what was written in the place of
// the one that stood in the cache before. If there was none, if somebody else has written
// meanwhile, or if the database has failed and may have written or not, whatever the cache holds
// is removed.
func (s *cachedDBStore) writeThrough(ctx context.Context, key string, now time.Time, write func(before []byte, generation uint64) (copied, error)) (copied, error) {
	name := cacheKey(key)
	before, generation, cacheErr := s.get(ctx, name)
	c, err := write(before, generation)
	if err != nil {
		c = copied{}
	}
	swapped := false
	if isCopy(before) && c.Data != nil {
		swapped, cacheErr = s.swap(ctx, name, before, c, now)
	}
	if !swapped {
		cacheErr = cmp.Or(cacheErr, s.drop(ctx, name))
	}
	s.log(ctx, cacheErr)
	return c, err
}

// swap puts a copy in the place of what stood there before.
func (s *cachedDBStore) swap(ctx context.Context, name string, before []byte, c copied, now time.Time) (bool, error) {
	bounded := s.patience.New(ctx)
	swapped, err := s.cache.CompareAndSwap(bounded, name, before, c.encode(), c.lifetime(now))
	if swapped {
		s.written(ctx)
	}
	return swapped, err
}

// Replace succeeds once the database has moved the session: the visitor needs the new key. A
// failure of the cache is logged, and this node no longer reads the old copy.
func (s *cachedDBStore) Replace(ctx context.Context, oldKey, newKey string, prev Record, now time.Time, f Mutate) (Record, error) {
	record, err := s.dbStore.Replace(ctx, oldKey, newKey, prev, now, f)
	s.log(ctx, s.drop(ctx, cacheKey(oldKey)))
	if err != nil {
		return Record{}, err
	}
	s.add(ctx, cacheKey(newKey), record, now)
	return record, nil
}

// Delete removes the copy also if the database has failed: it may have deleted the record. A
// failure of the cache is logged, and this node no longer reads the copy.
func (s *cachedDBStore) Delete(ctx context.Context, key string) error {
	err := s.dbStore.Delete(ctx, key)
	s.log(ctx, s.drop(ctx, cacheKey(key)))
	return err
}

// DeleteAll is [cachedDBStore.Delete] of all keys.
func (s *cachedDBStore) DeleteAll(ctx context.Context, keys ...string) (int64, error) {
	deleted, err := s.dbStore.DeleteAll(ctx, keys...)
	for _, key := range keys {
		s.log(ctx, s.drop(ctx, cacheKey(key)))
	}
	return deleted, err
}

// trusted returns the entry in the cache, or nil. A suspect entry is removed instead; if that
// fails, trusted returns the cache's error and the database is read alone.
func (s *cachedDBStore) trusted(ctx context.Context, name string) (entry []byte, generation uint64, err error) {
	if s.suspects.has(name, s.clock()) {
		if err = s.drop(ctx, name); err == nil {
			generation, err = s.generation(ctx)
		}
		return nil, generation, err
	}
	entry, generation, err = s.get(ctx, name)
	if s.suspects.has(name, s.clock()) { // a write has failed to remove it meanwhile
		return nil, generation, err
	}
	return entry, generation, err
}

// generation returns that of the cache, or 0 if it has none.
func (s *cachedDBStore) generation(ctx context.Context) (uint64, error) {
	if s.generations == nil {
		return 0, nil
	}
	return s.generations.Generation(ctx)
}

// get returns what stands in the cache, or nil, and of which generation what stands there must be.
func (s *cachedDBStore) get(ctx context.Context, name string) (entry []byte, generation uint64, err error) {
	bounded := s.patience.New(ctx)
	entry, ok, err := s.cache.Get(bounded, name)
	if err == nil {
		generation, err = s.generation(bounded)
	}
	if err != nil || !ok {
		return nil, generation, err
	}
	return entry, generation, nil
}

// drop removes the entry. If that fails, this node does not read it until a later drop succeeds
// or no copy made before now can still be in use.
func (s *cachedDBStore) drop(ctx context.Context, name string) error {
	mark := s.suspects.mark(name)
	bounded := s.patience.New(ctx)
	err := s.cache.Delete(bounded, name)
	if err != nil {
		now := s.clock()
		s.suspects.add(name, now.Add(s.maxAge+time.Second), now)
		return err
	}
	s.suspects.clear(name, mark)
	s.written(ctx)
	return nil
}

// log reports the cache's failures of one outage once when it begins and once when it ends. A
// cache that can still be read is down until it can be written: see written.
func (s *cachedDBStore) log(ctx context.Context, err error) {
	if err != nil && s.outage.failed() {
		s.logger.WarnContext(ctx, "ginsession: the cache of CachedDB failed; the database goes on without it", "error", err)
	}
}

// written notes that the cache has been written, which ends an outage.
func (s *cachedDBStore) written(ctx context.Context) {
	if failures := s.outage.end(); failures > 0 {
		s.logger.WarnContext(ctx, "ginsession: the cache of CachedDB works again", "failed_operations", failures)
	}
}

// outage counts the operations that failed since the cache was last written.
type outage struct{ failures atomic.Int64 }

// failed counts a failure and reports whether it is the first of an outage.
func (o *outage) failed() bool { return o.failures.Add(1) == 1 }

// end returns how many operations have failed, and begins to count anew.
func (o *outage) end() int64 {
	if o.failures.Load() == 0 {
		return 0
	}
	return o.failures.Swap(0)
}
