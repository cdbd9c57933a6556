package gincontrib

import (
	"slices"

	"github.com/ginsession/ginsession"
)

// defaultFlashes is the key of the flashes that no other is given for, gorilla's.
const defaultFlashes = "_flash"

// flashesKey returns the session's key of flashes.
func flashesKey(vars []string) string {
	if len(vars) == 0 {
		return defaultFlashes
	}
	key, _ := encodeKey(vars[0]) // a string always has one
	return key
}

// AddFlash adds a flash message. Those that requests add at the same time are all kept.
func (s *session) AddFlash(value any, vars ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.native()
	addFlashes(n, s.inCookie, flashesKey(vars), value)
	s.note(n)
}

// addFlashes appends to what the store has at the save.
func addFlashes(n *ginsession.Session, inCookie bool, key string, values ...any) {
	if inCookie {
		flashes, _ := ginsession.Value[[]any](n, key)
		n.Set(key, slices.Concat(flashes, values))
		return
	}
	_, err := ginsession.Modify(n, key, func(flashes []any, _ bool) []any {
		return slices.Concat(flashes, values)
	})
	if err != nil {
		n.Set(key, values) // the save returns why they cannot be stored
	}
}

// Flashes takes the flash messages out of the session, at once, in the store: of requests that run
// at the same time one gets them. With ginsession.SignedCookies each of them does.
func (s *session) Flashes(vars ...string) []any {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, key := s.native(), flashesKey(vars)
	var flashes []any
	var ok bool
	if s.inCookie {
		if flashes, ok = ginsession.Value[[]any](n, key); ok {
			_ = n.Delete(key)
		}
	} else {
		// After an error the flashes are still there, for the next request.
		flashes, ok, _ = ginsession.Claim[[]any](n, key)
	}
	if ok {
		s.note(n)
	}
	return flashes
}
