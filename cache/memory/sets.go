package memory

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// sets are the sets of the cache. They do not count towards MaxBytes and are never evicted, because
// a member that is lost is a session that its owner cannot end.
type sets struct {
	mu      sync.Mutex
	members map[string]map[string]time.Time // by set: each member, and until when it is kept
	added   int                             // members since the last sweep
	kept    int                             // members after it
}

// AddMember adds the member to the set and keeps it there for ttl, or for longer if it is there for longer
// already. A set with one member takes about 600 bytes, beside those that [MaxBytes] bounds.
func (c *Cache) AddMember(ctx context.Context, set, member string, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	now := time.Now()
	s := &c.sets
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.added > s.kept {
		s.sweep(now)
	}
	if s.members == nil {
		s.members = map[string]map[string]time.Time{}
	}
	if s.members[set] == nil {
		s.members[set] = map[string]time.Time{}
	}
	if until := now.Add(ttl); s.members[set][member].Before(until) {
		s.members[set][member] = until
	}
	s.added++
	return nil
}

// sweep removes the members whose time is over. It runs when as many have been added as were left by
// the sweep before, so that an addition costs the same however many there are.
func (s *sets) sweep(now time.Time) {
	s.added, s.kept = 0, 0
	for set, members := range s.members {
		maps.DeleteFunc(members, func(_ string, until time.Time) bool { return !until.After(now) })
		if len(members) == 0 {
			delete(s.members, set)
		}
		s.kept += len(members)
	}
}

// Members returns the members of the set.
func (c *Cache) Members(ctx context.Context, set string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.sets.mu.Lock()
	defer c.sets.mu.Unlock()
	return slices.Collect(maps.Keys(c.sets.members[set])), nil
}

// RemoveMembers removes members from the set. An absent one is no error.
func (c *Cache) RemoveMembers(ctx context.Context, set string, members ...string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s := &c.sets
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, member := range members {
		delete(s.members[set], member)
	}
	if len(s.members[set]) == 0 {
		delete(s.members, set)
	}
	return nil
}
