package ginsession

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A backend is how a session gets to and from where it lives: the server, which has a [Store] and
// gives the visitor a key, or the visitor's cookie, which carries the session itself. No other code
// asks which of the two it is.
type backend interface {
	// isKey reports whether a cookie's value is worth a look.
	isKey(value string) bool

	// newKey returns the key that CycleKey gives to a session which has the key old.
	newKey(old string) (string, error)

	// load returns the record that the cookie knows as key, or ErrNotFound: also for a record that
	// cannot be verified or decoded, or that has reached its MaxLifetime. It is left as it is.
	load(ctx context.Context, key string, now time.Time) (Record, document, error)

	// save stores what the session has become. A session without a key is created, but an empty
	// one only with force.
	save(s *Session, force bool, now time.Time) error

	// touch extends the life of a session that was not changed.
	touch(s *Session, now time.Time) error

	// claim removes the key of e from the stored session; see [Session.claim].
	claim(s *Session, e *entry, take func(raw string) error) (bool, error)

	// exists, delete and clearExpired are the Manager's methods of these names.
	exists(ctx context.Context, key string) (bool, error)
	delete(ctx context.Context, key string) error
	clearExpired(ctx context.Context, now time.Time, o ClearOptions) (int64, error)

	// owners returns the store, if it finds sessions by their owner, or an error that wraps
	// errors.ErrUnsupported.
	owners(method string) (OwnerStore, error)

	// supports returns nil, or an error that wraps errors.ErrUnsupported if the method cannot work.
	supports(method string) error

	// needsHeader reports whether the visitor has a change only once its Set-Cookie has arrived.
	needsHeader() bool
}

// serverBackend keeps sessions in a [Store].
type serverBackend struct {
	cfg   *settings
	store Store
}

func onServer(cfg *settings, store Store) backend { return &serverBackend{cfg, store} }

func (b *serverBackend) isKey(value string) bool { return isKey(value) }

func (b *serverBackend) newKey(string) (string, error) { return newKey() }

func (b *serverBackend) supports(string) error { return nil }

// An ownerRefuser is an [OwnerStore] that cannot find sessions by their owner after all.
type ownerRefuser interface {
	refusesOwners() (why string)
}

func (b *serverBackend) owners(method string) (OwnerStore, error) {
	why := "a Custom store must be an OwnerStore"
	store, ok := b.store.(OwnerStore)
	if refuser, may := b.store.(ownerRefuser); may {
		why = refuser.refusesOwners()
		ok = ok && why == ""
	}
	if !ok {
		return nil, fmt.Errorf("ginsession: %s: %s: %w", method, why, errors.ErrUnsupported)
	}
	return store, nil
}

func (b *serverBackend) needsHeader() bool { return false }

func (b *serverBackend) exists(ctx context.Context, key string) (bool, error) {
	if !isKey(key) {
		return false, nil
	}
	bounded := b.cfg.storeContext(ctx)
	_, err := b.store.Load(bounded, b.cfg.storeKey(key), b.cfg.Clock())
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, unavailable(err)
	}
	return true, nil
}

func (b *serverBackend) delete(ctx context.Context, key string) error {
	if !isKey(key) {
		return nil
	}
	bounded := b.cfg.storeContext(ctx)
	if err := b.store.Delete(bounded, b.cfg.storeKey(key)); err != nil {
		return unavailable(err)
	}
	return nil
}

func (b *serverBackend) clearExpired(ctx context.Context, now time.Time, o ClearOptions) (int64, error) {
	return b.store.ClearExpired(ctx, now, o)
}
