package ginsession

import (
	"context"
	"time"
)

// A Record is what a [Store] keeps under one key: opaque bytes, and the moment from
// which the record is treated as absent.
type Record struct {
	Data    []byte    // never changed once it is handed over
	Expires time.Time // to the second

	// Owner is whose session it is, at most 255 bytes of UTF-8, or "" for nobody's. An [OwnerStore]
	// finds the record by it. Records that a store returns need not have it.
	Owner string
}

// A Mutate computes the record to store from the record that is stored. It is pure: a store
// may call it several times, and while it holds a lock. If it returns an error, the store
// writes nothing and returns that error as it is. It must not change or keep current.Data.
type Mutate func(current Record) (Record, error)

// A Store keeps records. Package enginetest proves an implementation against the rules that
// stand beside each method; [Custom] makes an [Engine] of it.
//
// A store judges expiry by the now it is given and by nothing else, even if it has a clock
// of its own: a record is live while Expires is after now. Keys are up to 64 characters of
// [a-z0-9]. Every method may be called by many goroutines at once. Context errors and
// failures of the storage are returned as they are; the session wraps them in
// [ErrUnavailable]. No error text may contain a key.
type Store interface {
	// Load returns the live record of key, or ErrNotFound.
	Load(ctx context.Context, key string, now time.Time) (Record, error)

	// Create inserts a record. If the key already has a live one, it changes nothing and
	// returns ErrExists.
	Create(ctx context.Context, key string, r Record, now time.Time) error

	// Update stores f(prev) if the stored data still equals prev.Data, compared byte for
	// byte; otherwise it applies f to the record that is stored, so that no other writer's
	// update is lost. It returns what is stored now. If the record is gone or expired, it
	// returns ErrNotFound and never brings it back.
	Update(ctx context.Context, key string, prev Record, now time.Time, f Mutate) (Record, error)

	// Replace is Update and moves the record from oldKey to newKey: afterwards oldKey is
	// absent. If oldKey is gone or expired, it returns ErrNotFound and newKey stays absent.
	// Source: Django's cycle_key.
	Replace(ctx context.Context, oldKey, newKey string, prev Record, now time.Time, f Mutate) (Record, error)

	// Touch moves the expiry of a live record and leaves its data alone. If the record is
	// gone or expired, it returns ErrNotFound: it never revives one.
	Touch(ctx context.Context, key string, expires, now time.Time) error

	// Delete removes the record. An absent one is no error. No Update, Replace or Touch that
	// is running at the same time brings it back.
	Delete(ctx context.Context, key string) error

	// ClearExpired removes the records that are expired at now, in batches, and returns how
	// many it removed, even with an error. A record that is extended meanwhile survives.
	// Stores whose records expire by themselves return 0.
	ClearExpired(ctx context.Context, now time.Time, o ClearOptions) (int64, error)
}

// An OwnerStore is a [Store] that finds the records of an owner, for [Manager.SessionsOf] and its
// relatives. A store that cannot need not have these methods.
type OwnerStore interface {
	Store

	// Owned returns the live records whose Owner was owner when they were last written, each with
	// its key. It compares byte for byte. A record that [Store.Replace] moves meanwhile is returned
	// under its old key, its new key or both, but never missed.
	Owned(ctx context.Context, owner string, now time.Time) ([]OwnedRecord, error)

	// DeleteAll is [Store.Delete] of all keys. It returns how many of them had a record.
	DeleteAll(ctx context.Context, keys ...string) (int64, error)
}

// An OwnedRecord is a record that an [OwnerStore] has found.
type OwnedRecord struct {
	Key    string // as the Store knows it
	Record Record
}

// A Cache is what the [Cached] and [CachedDB] engines keep records in. Adapters need not
// import this package: cache/memory, cache/redis and cache/memcached do not. Package
// enginetest proves an implementation (enginetest.Cache).
//
// Keys are at most 200 bytes of printable ASCII without spaces. A ttl is positive; the cache
// may drop an entry earlier, and serve it for a few seconds longer. Every method may be called by many
// goroutines at once. A slice handed in or out is not changed by either side.
type Cache interface {
	// Get returns the value of key, and whether there is one.
	Get(ctx context.Context, key string) ([]byte, bool, error)

	// Add stores the value only if the key is absent, and reports whether it did.
	Add(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error)

	// CompareAndSwap replaces the value only if it equals old byte for byte, and reports
	// whether it did. For an absent key it returns false and no error.
	CompareAndSwap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error)

	// Delete removes the key. An absent one is no error.
	Delete(ctx context.Context, key string) error
}

// A SetCache is a [Cache] that keeps sets too, by which [Cached] finds the sessions of an owner.
// cache/memory and cache/redis are; package enginetest proves another (enginetest.SetCache). Sets have
// names of their own, which are like keys. Members are like keys.
type SetCache interface {
	Cache

	// AddMember adds the member to the set and keeps it there for ttl at least, also beyond what
	// makes a cache drop entries: a member that is lost is a session that nobody can end by its owner.
	// One that is there already is kept for the longer of the two times.
	AddMember(ctx context.Context, set, member string, ttl time.Duration) error

	// Members returns the members of the set, in any order; a few may be there whose time is over.
	Members(ctx context.Context, set string) ([]string, error)

	// RemoveMembers removes members. An absent one is no error.
	RemoveMembers(ctx context.Context, set string, members ...string) error
}

// Caches names the caches of a program, as Django's CACHES setting does:
//
//	ginsession.Cached(caches.Use("sessions"))
type Caches map[string]Cache

// Use gives the cache with this alias to an engine; "" is "default". An unknown alias is
// reported by [NewManager] as an [ErrConfig] (Django: SESSION_CACHE_ALIAS).
func (c Caches) Use(alias string) Cache {
	if alias == "" {
		alias = "default"
	}
	if cache := c[alias]; cache != nil {
		return cache
	}
	return unknownCache{alias}
}

// unknownCache carries the mistake from Use to NewManager, which reports it.
type unknownCache struct{ alias string }

func (u unknownCache) err() error {
	return configError("Engine", "no cache has the alias %q: add it to the Caches or use another alias", u.alias)
}

func (u unknownCache) Get(context.Context, string) ([]byte, bool, error) { return nil, false, u.err() }

func (u unknownCache) Add(context.Context, string, []byte, time.Duration) (bool, error) {
	return false, u.err()
}

func (u unknownCache) CompareAndSwap(context.Context, string, []byte, []byte, time.Duration) (bool, error) {
	return false, u.err()
}

func (u unknownCache) Delete(context.Context, string) error { return u.err() }

// An Engine says where sessions are kept: the choice of one of the constructors [DB], [File],
// [Cached], [CachedDB], [SignedCookies] and [Custom]. [NewManager] opens it and reports what
// is wrong with it. Source: Django's SESSION_ENGINE.
type Engine interface {
	open(cfg *settings) (backend, error)
}

// Custom is an engine over a [Store] of your own. Prove the store with package enginetest.
func Custom(store Store) Engine { return customEngine{store} }

type customEngine struct{ store Store }

func (e customEngine) open(cfg *settings) (backend, error) {
	if e.store == nil {
		return nil, configError("Engine", "Custom: the store is nil")
	}
	return onServer(cfg, e.store), nil
}
