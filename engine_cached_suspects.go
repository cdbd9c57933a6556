package ginsession

import (
	"sync"
	"time"
)

// maxSuspects bounds the memory of suspects: about 10 MB with names of 50 bytes.
const maxSuspects = 50_000

// suspects are the names of cache entries that this process failed to remove and therefore does
// not read. Beyond maxSuspects every entry is suspect for a while. The zero value is ready.
type suspects struct {
	mu     sync.Mutex
	serial uint64
	names  map[string]suspect
	all    time.Time // every name is suspect until then
}

type suspect struct {
	serial uint64
	until  time.Time
}

func (s *suspects) has(name string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.After(now) || s.names[name].until.After(now)
}

func (s *suspects) add(name string, until, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.names) >= maxSuspects {
		for n, old := range s.names {
			if !old.until.After(now) {
				delete(s.names, n)
			}
		}
	}
	if len(s.names) >= maxSuspects {
		s.all, s.names = until, nil
	}
	if s.names == nil {
		s.names = make(map[string]suspect)
	}
	s.serial++
	s.names[name] = suspect{s.serial, until}
}

// mark identifies the present suspicion of name, for clear.
func (s *suspects) mark(name string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.names[name].serial
}

// clear ends the suspicion of name, unless one that is newer than mark has been added.
func (s *suspects) clear(name string, mark uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names[name].serial == mark {
		delete(s.names, name)
	}
}
