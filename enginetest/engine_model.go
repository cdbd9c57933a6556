package enginetest

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/ginsession/ginsession"
)

// model compares a session with a map, over random sequences of what handlers do.
func (t *engineTest) model() {
	rapid.Check(t.T, func(rt *rapid.T) {
		m := &sessionModel{T: rt, test: t, values: data{}}
		actions := map[string]func(*ginsession.Session){
			"Set": m.set, "Delete": m.delete, "Clear": m.clear, "Flush": m.flush,
			"CycleKey": m.cycle, "read": m.read,
		}
		names := rapid.SampledFrom(slices.Sorted(maps.Keys(actions)))
		for _, request := range rapid.SliceOfN(rapid.SliceOfN(names, 1, 4), 1, 8).Draw(rt, "requests") {
			t.advance(time.Duration(rapid.IntRange(0, 7).Draw(rt, "days")) * 24 * time.Hour)
			s := m.open()
			for _, name := range request {
				actions[name](s)
			}
			m.save(s)
		}
		m.read(m.open())
	})
}

// A sessionModel is a session and what should be in it. It lives for 14 days after a change.
type sessionModel struct {
	*rapid.T
	test    *engineTest
	key     string // what the visitor's cookie carries
	values  data
	changed bool
	ends    time.Time
}

// open begins a request at either node.
func (m *sessionModel) open() *ginsession.Session {
	if !m.ends.After(m.test.now()) {
		m.values = data{}
	}
	m.changed = false
	node := rapid.IntRange(0, len(m.test.nodes)-1).Draw(m.T, "node")
	return m.test.nodes[node].Open(m.test.Context(), m.key)
}

// save ends a request, as the middleware does.
func (m *sessionModel) save(s *ginsession.Session) {
	m.read(s)
	if !m.changed {
		return
	}
	if err := s.Save(); err != nil {
		m.Fatalf("Save: %v", err)
	}
	m.key = s.Key()
	m.ends = m.test.now().Add(s.CookieAge())
}

func (m *sessionModel) set(s *ginsession.Session) {
	key := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(m.T, "key")
	value := rapid.Int64Range(0, 9).Draw(m.T, "value")
	s.Set(key, value)
	m.values[key], m.changed = value, true
}

func (m *sessionModel) delete(s *ginsession.Session) {
	key := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(m.T, "key")
	_, there := m.values[key]
	if err := s.Delete(key); (err == nil) != there {
		m.Fatalf("Delete of a key (there: %v): %v", there, err)
	}
	delete(m.values, key)
	m.changed = m.changed || there
}

func (m *sessionModel) clear(s *ginsession.Session) {
	s.Clear()
	m.values, m.changed = data{}, true
}

func (m *sessionModel) flush(s *ginsession.Session) {
	m.test.flushing(s)
	m.values, m.changed, m.key = data{}, false, ""
}

func (m *sessionModel) cycle(s *ginsession.Session) {
	m.test.cycling(s)
	m.changed = true
}

func (m *sessionModel) read(s *ginsession.Session) {
	items := s.Items()
	maps.DeleteFunc(items, func(key string, _ any) bool { return strings.HasPrefix(key, "_session_") })
	if !reflect.DeepEqual(items, m.values) {
		m.Fatalf("the session is %v; want %v (%v)", items, m.values, s.Err())
	}
}
