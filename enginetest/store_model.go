package enginetest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/ginsession/ginsession"
)

// model compares the store with a map, over random sequences of calls.
func (t storeTest) model() {
	rapid.Check(t.T, func(rt *rapid.T) {
		m := &storeModel{
			T:       rt,
			ctx:     t.ctx,
			store:   t.store,
			keys:    []string{newKey(), newKey(), newKey()},
			now:     at(0),
			records: map[string]ginsession.Record{},
			seen:    []ginsession.Record{{}},
		}
		defer m.tidyUp()
		calls := map[string]func(){
			"Load": m.load, "Create": m.create, "Update": m.update, "Replace": m.replace,
			"Touch": m.touch, "Delete": m.delete, "ClearExpired": m.clear, "an hour": m.wait,
		}
		names := rapid.SampledFrom(slices.Sorted(maps.Keys(calls)))
		for _, name := range rapid.SliceOfN(names, 1, 16).Draw(rt, "calls") {
			calls[name]()
		}
		for _, key := range m.keys {
			m.check(key)
		}
	})
}

// A storeModel is a store and what it should hold. Time only goes on, in hours, and records
// expire at half past.
type storeModel struct {
	*rapid.T
	ctx     context.Context
	store   ginsession.Store
	keys    []string
	now     time.Time
	records map[string]ginsession.Record // also expired ones that were not cleared yet
	seen    []ginsession.Record          // what calls have returned: good and stale prevs
}

func (m *storeModel) live(key string) bool { return m.records[key].Expires.After(m.now) }

func (m *storeModel) drawKey() string { return rapid.SampledFrom(m.keys).Draw(m.T, "key") }

func (m *storeModel) drawExpiry() time.Time {
	return m.now.Add(time.Duration(rapid.IntRange(0, 4).Draw(m.T, "hours"))*time.Hour + 30*time.Minute)
}

// drawPrev mostly takes what was seen last.
func (m *storeModel) drawPrev() ginsession.Record {
	back := rapid.IntRange(0, len(m.seen)-1).Draw(m.T, "prev")
	return m.seen[len(m.seen)-1-back]
}

func (m *storeModel) wait() { m.now = m.now.Add(time.Hour) }

func (m *storeModel) load() { m.check(m.drawKey()) }

func (m *storeModel) check(key string) {
	got, err := m.store.Load(m.ctx, key, m.now)
	m.wantOutcome(err, key)
	if err == nil {
		m.wantStored(got, m.records[key])
	}
}

func (m *storeModel) create() {
	key := m.drawKey()
	r := ginsession.Record{Data: []byte(`{}`), Expires: m.drawExpiry()}
	err := m.store.Create(m.ctx, key, r, m.now)
	switch {
	case err == nil && !m.live(key):
		m.records[key] = r
	case errors.Is(err, ginsession.ErrExists) && m.records[key].Data != nil: // an expired one may be in the way
	default:
		m.Fatalf("Create: %v (a live record is there: %v)", err, m.live(key))
	}
}

// mutation returns a mutation that depends on the data it is given, and what it makes of the
// record that the store should hold.
func (m *storeModel) mutation(key string) (ginsession.Mutate, ginsession.Record) {
	letter := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(m.T, "letter")
	f := add(letter, m.drawExpiry())
	next, err := f(m.records[key])
	if err != nil {
		m.Fatal(err)
	}
	return f, next
}

func (m *storeModel) update() {
	key, prev := m.drawKey(), m.drawPrev()
	f, next := m.mutation(key)
	stored, err := m.store.Update(m.ctx, key, prev, m.now, f)
	if m.wantOutcome(err, key); err != nil {
		return
	}
	m.wantStored(stored, next)
	m.records[key] = next
}

func (m *storeModel) replace() {
	key, prev := m.drawKey(), m.drawPrev()
	fresh := newKey()
	f, next := m.mutation(key)
	stored, err := m.store.Replace(m.ctx, key, fresh, prev, m.now, f)
	if m.wantOutcome(err, key); err != nil {
		return
	}
	m.wantStored(stored, next)
	m.records[fresh] = next
	delete(m.records, key)
	m.keys = append(m.keys, fresh)
}

func (m *storeModel) touch() {
	key, expires := m.drawKey(), m.drawExpiry()
	err := m.store.Touch(m.ctx, key, expires, m.now)
	if m.wantOutcome(err, key); err == nil {
		m.records[key] = ginsession.Record{Data: m.records[key].Data, Expires: expires}
	}
}

func (m *storeModel) delete() {
	key := m.drawKey()
	if err := m.store.Delete(m.ctx, key); err != nil {
		m.Fatalf("Delete: %v", err)
	}
	delete(m.records, key)
}

func (m *storeModel) clear() {
	removed, err := m.store.ClearExpired(m.ctx, m.now, ginsession.ClearOptions{Pause: -1})
	if err != nil {
		m.Fatalf("ClearExpired: %v", err)
	}
	expired := int64(0)
	for key := range m.records {
		if !m.live(key) {
			expired++
			delete(m.records, key)
		}
	}
	if removed < 0 || removed > expired {
		m.Fatalf("ClearExpired returned %d; %d records were expired", removed, expired)
	}
}

// wantOutcome wants a call to have succeeded if and only if the record is live.
func (m *storeModel) wantOutcome(err error, key string) {
	m.Helper()
	if m.live(key) && err != nil {
		m.Fatalf("%v; want success: the record is live", err)
	}
	if !m.live(key) && !errors.Is(err, ginsession.ErrNotFound) {
		m.Fatalf("%v; want ErrNotFound: the record is gone", err)
	}
}

// wantStored compares a record that the store returned with the model's, and remembers it.
func (m *storeModel) wantStored(got, want ginsession.Record) {
	m.Helper()
	if string(got.Data) != string(want.Data) || !got.Expires.Equal(want.Expires) {
		m.Fatalf("the store holds %s until %v; want %s until %v", got.Data, got.Expires, want.Data, want.Expires)
	}
	m.seen = append(m.seen, got)
}

func (m *storeModel) tidyUp() {
	for _, key := range m.keys {
		_ = m.store.Delete(m.ctx, key)
	}
}
