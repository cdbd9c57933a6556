package enginetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

// Store tests that a store keeps the rules of [ginsession.Store], each in a subtest. newStore is
// called once for each subtest and returns a store that nobody else uses meanwhile.
//
// The records are ASCII text of up to 900 kB, the keys 8 to 64 characters of [a-z0-9],
// the dates whole seconds from 2001 to 2200. A store whose records vanish by themselves may
// return 0 from ClearExpired.
func Store(t *testing.T, newStore func(t *testing.T) ginsession.Store) {
	for _, rule := range []struct {
		name  string
		check func(storeTest)
	}{
		{"an absent key", storeTest.absent},
		{"create inserts and never overwrites", storeTest.create},
		{"any ASCII text is data", storeTest.values},
		{"update stores what the mutation returns", storeTest.update},
		{"update merges with what another writer stored", storeTest.merge},
		{"update compares byte for byte", storeTest.compare},
		{"an error of the mutation is returned and nothing is written", storeTest.mutationFails},
		{"a panic of the mutation leaves no lock behind", storeTest.mutationPanics},
		{"replace moves the record", storeTest.replace},
		{"touch moves the expiry only", storeTest.touch},
		{"delete removes for good", storeTest.delete},
		{"an expired record is absent", storeTest.expiry},
		{"expiry is judged by the time that is given", storeTest.clock},
		{"dates are moments, whatever their zone", storeTest.zones},
		{"a context that is over is an error", storeTest.cancelled},
		{"slices are left alone", storeTest.slices},

		{"one of many concurrent creates wins", storeTest.concurrentCreate},
		{"concurrent updates of different parts all survive", storeTest.concurrentUpdate},
		{"no concurrent increment is lost", storeTest.concurrentIncrement},
		{"deletion wins over updates and touches", storeTest.deletionWins},
		{"deletion wins over replaces", storeTest.deletionBesideReplace},
		{"one of many concurrent replaces wins", storeTest.concurrentReplace},
		{"an update beside a replace is moved along or refused", storeTest.updateBesideReplace},
		{"no goroutine stays behind", storeTest.goroutines},

		{"clearing removes what has expired and nothing else", storeTest.clear},
		{"clearing works in batches and reports its progress", storeTest.clearInBatches},
		{"clearing stops with its context", storeTest.clearCancelled},
		{"cleaners at once count each record once", storeTest.concurrentClear},
		{"a record that is extended beside a cleaner survives", storeTest.clearBesideWriters},

		{"any sequence of calls does what it does to a map", storeTest.model},
	} {
		t.Run(rule.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			rule.check(storeTest{t, ctx, discreetStore{newStore(t), t}})
		})
	}
}

func (t storeTest) absent() {
	for _, length := range []int{8, 32, 40, 64} {
		key, other := (newKey() + newKey())[:length], newKey()
		for _, prev := range []ginsession.Record{{}, record(`{"a":1}`, at(1))} {
			_, err := t.store.Update(t.ctx, key, prev, at(0), add("b", at(1)))
			t.wantError(err, ginsession.ErrNotFound, "Update of an absent key")
			_, err = t.store.Replace(t.ctx, key, other, prev, at(0), add("b", at(1)))
			t.wantError(err, ginsession.ErrNotFound, "Replace of an absent key")
		}
		err := t.store.Touch(t.ctx, key, at(1), at(0))
		t.wantError(err, ginsession.ErrNotFound, "Touch of an absent key")
		t.wantAbsent(key, at(0), "after Update, Replace and Touch of an absent key")
		t.wantAbsent(other, at(0), "under the new key, after Replace of an absent key")
		t.remove(key)
	}
}

func (t storeTest) create() {
	key, neighbour := newKey(), newKey()
	t.make(key, `{"a":1}`, at(1))
	t.want(key, at(0), `{"a":1}`, at(1), "after Create")
	for _, data := range []string{`{"a":2}`, `{"a":1}`} {
		err := t.store.Create(t.ctx, key, record(data, at(9)), at(0))
		t.wantError(err, ginsession.ErrExists, "Create of a live key")
		t.want(key, at(0), `{"a":1}`, at(1), "after a Create that was refused")
	}
	t.wantAbsent(neighbour, at(0), "of another key")

	expired := newKey()
	t.make(expired, `{"a":1}`, at(-1))
	t.wantAbsent(expired, at(0), "after Create of a record that is expired already")
}

func (t storeTest) values() {
	for name, data := range map[string]string{
		"nothing in it":      `{}`,
		"no bytes":           ``,
		"escapes":            `{"a":"\u0000\u00e9\ud83d\ude00\ud800 \n\t\b\f\r \/ \\ \""}`,
		"backslashes":        `{"a":"\\","b":"\\\\n","c":"C:\\temp\\'"}`,
		"quotes":             `{"a":"'","b":"''","c":"` + "`" + `","d":"\""}`,
		"placeholders":       `{"a":"? $1 :a @p1 %s %d {0} ?? $$ ${x} #{y}"}`,
		"SQL":                `{"a":"'; DROP TABLE gin_session; -- /* */ # \\'"}`,
		"spaces at the ends": "  {\"a\": \" b \"}  ",
		"signed":             `.eJyrVspWslKqGCZAqRYAxxtf5g:1r31eq:m7aDPLZUVTeHwKw_HJ8JkdBehLt940KO82icXuZXWp8`,
		"numbers":            `{"a":1.0,"b":1e+16,"c":9007199254740993,"d":NaN,"e":-0}`,
		"all ASCII":          `{"a":"` + printable() + `"}`,
		"large":              `{"a":"` + strings.Repeat("x", 900_000) + `"}`,
	} {
		when := ", of data: " + name
		key := newKey()
		t.make(key, data, at(1))
		t.want(key, at(0), data, at(1), "after Create"+when)
		t.set(key, record(data, at(1)), `{"between":true}`, at(1))
		t.want(key, at(0), `{"between":true}`, at(1), "after an Update that replaced it"+when)
		t.set(key, record(`{"between":true}`, at(1)), data, at(1))
		t.want(key, at(0), data, at(1), "after Update"+when)
		t.remove(key)
	}
}

func (t storeTest) update() {
	key, neighbour := newKey(), newKey()
	t.make(key, `{"a":true}`, at(1))
	t.make(neighbour, `{"a":true}`, at(1))

	current := t.load(key, at(0))
	for _, step := range []struct {
		name, want string
		f          ginsession.Mutate
		expires    time.Time
	}{
		{"that changes data and expiry", `{"a":true,"b":true}`, add("b", at(2)), at(2)},
		{"that keeps the expiry", `{"a":true,"b":true,"c":true}`, add("c", at(2)), at(2)},
		{"that keeps the data", `{"a":true,"b":true,"c":true}`, add("a", at(3)), at(3)},
		{"that changes nothing", `{"a":true,"b":true,"c":true}`, add("a", at(3)), at(3)},
		{"that brings the expiry forward", `{"a":true,"b":true,"c":true,"d":true}`, add("d", at(1)), at(1)},
		{"that empties the record", `{}`, constant(`{}`, at(1)), at(1)},
		{"of an empty record", `{"e":true}`, add("e", at(200*365*24)), at(200 * 365 * 24)},
	} {
		stored, err := t.store.Update(t.ctx, key, current, at(0), step.f)
		if err != nil {
			t.Fatalf("Update %s: %v", step.name, err)
		}
		t.wantRecord(stored, step.want, step.expires, "returned by an Update "+step.name)
		t.want(key, at(0), step.want, step.expires, "after an Update "+step.name)
		current = stored
	}
	t.want(neighbour, at(0), `{"a":true}`, at(1), "after Updates of another key")
}

func (t storeTest) merge() {
	for name, prev := range map[string]ginsession.Record{
		"an earlier record":                                 record(`{"a":true}`, at(1)),
		"one with the present expiry":                       record(`{"a":true}`, at(2)),
		"no record":                                         {},
		"a record that never was":                           record(`{"z":true}`, at(2)),
		"a record without bytes":                            {Data: []byte{}, Expires: at(2)},
		"the present one with the expiry of an earlier one": record(`{"a":true,"b":true}`, at(1)),
	} {
		key := newKey()
		t.make(key, `{"a":true}`, at(1))
		t.set(key, record(`{"a":true}`, at(1)), `{"a":true,"b":true}`, at(2))
		stored, err := t.store.Update(t.ctx, key, prev, at(0), add("c", at(3)))
		if err != nil {
			t.Fatalf("Update with %s: %v", name, err)
		}
		const want = `{"a":true,"b":true,"c":true}`
		t.wantRecord(stored, want, at(3), "returned by an Update with "+name)
		t.want(key, at(0), want, at(3), "after an Update with "+name)

		moved := newKey()
		stored, err = t.store.Replace(t.ctx, key, moved, prev, at(0), add("d", at(4)))
		if err != nil {
			t.Fatalf("Replace with %s: %v", name, err)
		}
		const merged = `{"a":true,"b":true,"c":true,"d":true}`
		t.wantRecord(stored, merged, at(4), "returned by a Replace with "+name)
		t.want(moved, at(0), merged, at(4), "after a Replace with "+name)
	}
	t.expiryOfMerge()
}

// expiryOfMerge has an Update that keeps the expiry which was read, though a Touch has moved it
// meanwhile: the mutation's word counts.
func (t storeTest) expiryOfMerge() {
	key := newKey()
	t.make(key, `{}`, at(1))
	prev := t.load(key, at(0))
	if err := t.store.Touch(t.ctx, key, at(5), at(0)); err != nil {
		t.Fatalf("Touch: %v", err)
	}
	stored, err := t.store.Update(t.ctx, key, prev, at(0), add("a", at(1)))
	if err != nil {
		t.Fatalf("Update: %v", err)
	}
	t.wantRecord(stored, `{"a":true}`, at(1), "returned by an Update after a Touch")
	t.want(key, at(0), `{"a":true}`, at(1), "after an Update after a Touch")
}

func (t storeTest) compare() {
	large := `{"a":"` + strings.Repeat("x", 100_000)
	for name, pair := range map[string][2]string{
		"case":                {`{"a":"B"}`, `{"a":"b"}`},
		"a space at the end":  {`{"a":1}`, `{"a":1} `},
		"spaces at the end":   {`{"a":1}  `, `{"a":1} `},
		"a line at the end":   {`{"a":1}`, "{\"a\":1}\n"},
		"a space inside":      {`{"a":1}`, `{"a": 1}`},
		"an escape":           {`{"a":"\u00E9"}`, `{"a":"\u00e9"}`},
		"accents":             {`{"a":"\u00e9"}`, `{"a":"e\u0301"}`},
		"a number's form":     {`{"a":1.0}`, `{"a":1}`},
		"the last byte":       {large + `1"}`, large + `2"}`},
		"a wildcard":          {`{"a":"xyz"}`, `{"a":"x%"}`},
		"what one lacks":      {`{"a":1}`, `{"a":1`},
		"the order":           {`{"a":1,"b":2}`, `{"b":2,"a":1}`},
		"no bytes and a few":  {`{}`, ``},
		"a sign in the front": {`.{"a":1}`, `{"a":1}`},
	} {
		key := newKey()
		t.make(key, pair[0], at(1))
		suffix := func(r ginsession.Record) (ginsession.Record, error) {
			return record(string(r.Data)+"+", at(1)), nil
		}
		if _, err := t.store.Update(t.ctx, key, record(pair[1], at(1)), at(0), suffix); err != nil {
			t.Fatalf("Update with data that differ in %s: %v", name, err)
		}
		t.want(key, at(0), pair[0]+"+", at(1), "after an Update with data that differ in "+name)
	}
}

func (t storeTest) mutationFails() {
	failure := errors.New("the mutation's own error")
	fail := func(ginsession.Record) (ginsession.Record, error) {
		return record(`{"wrong":true}`, at(9)), failure
	}
	key, other := newKey(), newKey()
	t.make(key, `{"a":1}`, at(1))
	for _, prev := range []ginsession.Record{record(`{"a":1}`, at(1)), record(`{"stale":1}`, at(1)), {}} {
		if _, err := t.store.Update(t.ctx, key, prev, at(0), fail); err != failure {
			t.Errorf("Update with a mutation that fails: %v; want the mutation's error as it is", err)
		}
		if _, err := t.store.Replace(t.ctx, key, other, prev, at(0), fail); err != failure {
			t.Errorf("Replace with a mutation that fails: %v; want the mutation's error as it is", err)
		}
		t.want(key, at(0), `{"a":1}`, at(1), "after a mutation that failed")
		t.wantAbsent(other, at(0), "under the new key, after a mutation that failed")
	}
}

func (t storeTest) mutationPanics() {
	key := newKey()
	t.make(key, `{"a":true}`, at(1))
	for _, prev := range []ginsession.Record{record(`{"a":true}`, at(1)), record(`{"stale":true}`, at(1))} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("Update swallowed the mutation's panic")
				}
			}()
			_, _ = t.store.Update(t.ctx, key, prev, at(0), func(ginsession.Record) (ginsession.Record, error) {
				panic("the mutation's own panic")
			})
		}()
		t.want(key, at(0), `{"a":true}`, at(1), "after a mutation that panicked")
	}
	ctx, cancel := context.WithTimeout(t.ctx, 20*time.Second)
	defer cancel()
	if _, err := t.store.Update(ctx, key, ginsession.Record{}, at(0), add("b", at(1))); err != nil {
		t.Errorf("Update after a mutation that panicked: %v", err)
	}
	t.want(key, at(0), `{"a":true,"b":true}`, at(1), "after an Update after a mutation that panicked")
}

func (t storeTest) replace() {
	key := newKey()
	t.make(key, `{"a":true}`, at(1))
	current := t.load(key, at(0))
	for _, step := range []struct {
		name, want string
		f          ginsession.Mutate
		expires    time.Time
	}{
		{"that changes data and expiry", `{"a":true,"b":true}`, add("b", at(2)), at(2)},
		{"that keeps the expiry", `{"a":true,"b":true,"c":true}`, add("c", at(2)), at(2)},
		{"that keeps data and expiry", `{"a":true,"b":true,"c":true}`, add("a", at(2)), at(2)},
	} {
		next := newKey()
		stored, err := t.store.Replace(t.ctx, key, next, current, at(0), step.f)
		if err != nil {
			t.Fatalf("Replace %s: %v", step.name, err)
		}
		t.wantRecord(stored, step.want, step.expires, "returned by a Replace "+step.name)
		t.want(next, at(0), step.want, step.expires, "under the new key, after a Replace "+step.name)
		t.wantAbsent(key, at(0), "under the old key, after a Replace "+step.name)

		third := newKey()
		_, err = t.store.Replace(t.ctx, key, third, current, at(0), step.f)
		t.wantError(err, ginsession.ErrNotFound, "Replace of a key that has been replaced")
		t.wantAbsent(third, at(0), "under the new key, after a Replace that was refused")
		_, err = t.store.Update(t.ctx, key, current, at(0), step.f)
		t.wantError(err, ginsession.ErrNotFound, "Update of a key that has been replaced")
		key, current = next, stored
	}
	t.remove(key)
	t.wantAbsent(key, at(0), "after Replace and Delete of the new key")
}

func (t storeTest) touch() {
	key, neighbour := newKey(), newKey()
	t.make(key, `{"a":true}`, at(1))
	t.make(neighbour, `{"a":true}`, at(1))
	for _, expires := range []time.Time{at(5), at(5), at(3), at(200 * 365 * 24), at(5)} {
		if err := t.store.Touch(t.ctx, key, expires, at(0)); err != nil {
			t.Fatalf("Touch: %v", err)
		}
		t.want(key, at(0), `{"a":true}`, expires, "after Touch")
	}
	t.want(key, at(4), `{"a":true}`, at(5), "after its first expiry, which Touch moved")
	t.want(neighbour, at(0), `{"a":true}`, at(1), "after a Touch of another key")
}

func (t storeTest) delete() {
	key, neighbour := newKey(), newKey()
	t.make(key, `{"a":true}`, at(1))
	t.make(neighbour, `{"a":true}`, at(1))
	prev := t.load(key, at(0))
	t.remove(key)
	t.wantAbsent(key, at(0), "after Delete")
	t.remove(key)

	_, err := t.store.Update(t.ctx, key, prev, at(0), add("b", at(1)))
	t.wantError(err, ginsession.ErrNotFound, "Update after Delete")
	_, err = t.store.Replace(t.ctx, key, newKey(), prev, at(0), add("b", at(1)))
	t.wantError(err, ginsession.ErrNotFound, "Replace after Delete")
	t.wantError(t.store.Touch(t.ctx, key, at(1), at(0)), ginsession.ErrNotFound, "Touch after Delete")
	t.wantAbsent(key, at(0), "after Delete and an Update")
	t.want(neighbour, at(0), `{"a":true}`, at(1), "after Delete of another key")

	t.make(key, `{"second":true}`, at(2))
	t.want(key, at(0), `{"second":true}`, at(2), "after Delete and Create")
}

// expiry looks at a record from both sides of its last moment.
func (t storeTest) expiry() {
	for _, now := range []time.Time{at(1), at(1).Add(time.Second), at(1000)} {
		key, other := newKey(), newKey()
		t.make(key, `{"a":true}`, at(1))
		prev := t.load(key, at(0))
		t.wantAbsent(key, now, "of an expired record")
		_, err := t.store.Update(t.ctx, key, prev, now, add("b", now.Add(time.Hour)))
		t.wantError(err, ginsession.ErrNotFound, "Update of an expired record")
		_, err = t.store.Update(t.ctx, key, ginsession.Record{}, now, add("b", now.Add(time.Hour)))
		t.wantError(err, ginsession.ErrNotFound, "Update of an expired record that was not read")
		_, err = t.store.Replace(t.ctx, key, other, prev, now, add("b", now.Add(time.Hour)))
		t.wantError(err, ginsession.ErrNotFound, "Replace of an expired record")
		err = t.store.Touch(t.ctx, key, now.Add(time.Hour), now)
		t.wantError(err, ginsession.ErrNotFound, "Touch of an expired record")
		t.wantAbsent(key, now, "of an expired record, after Update, Replace and Touch")
		t.wantAbsent(other, now, "under the new key, after Replace of an expired record")
	}

	key := newKey()
	t.make(key, `{"a":true}`, at(1))
	for _, left := range []time.Duration{time.Second, time.Millisecond, time.Microsecond} {
		t.want(key, at(1).Add(-left), `{"a":true}`, at(1), "shortly before its expiry")
	}
	ended, touched := newKey(), newKey()
	t.make(ended, `{"a":true}`, at(1))
	t.set(ended, record(`{"a":true}`, at(1)), `{"a":true}`, at(0))
	t.wantAbsent(ended, at(0), "after an Update that ended the record")
	t.make(touched, `{"a":true}`, at(1))
	if err := t.store.Touch(t.ctx, touched, at(-1), at(0)); err != nil {
		t.Errorf("Touch that ends a record: %v", err)
	}
	t.wantAbsent(touched, at(0), "after a Touch that ended the record")
}

// clock does in 2001 and in 2033 what a store with a clock of its own would take for long past
// or far ahead.
func (t storeTest) clock() {
	for _, now := range []time.Time{time.Unix(1_000_000_000, 0), time.Unix(2_000_000_000, 0)} {
		key, next := newKey(), newKey()
		if err := t.store.Create(t.ctx, key, record(`{}`, now.Add(time.Hour)), now); err != nil {
			t.Fatalf("Create in %d: %v", now.Year(), err)
		}
		t.want(key, now, `{}`, now.Add(time.Hour), "of a record of another year")
		if err := t.store.Touch(t.ctx, key, now.Add(2*time.Hour), now); err != nil {
			t.Errorf("Touch in %d: %v", now.Year(), err)
		}
		prev := t.load(key, now)
		if _, err := t.store.Update(t.ctx, key, prev, now, add("a", now.Add(3*time.Hour))); err != nil {
			t.Errorf("Update in %d: %v", now.Year(), err)
		}
		if _, err := t.store.Replace(t.ctx, key, next, prev, now, add("b", now.Add(4*time.Hour))); err != nil {
			t.Errorf("Replace in %d: %v", now.Year(), err)
		}
		t.want(next, now, `{"a":true,"b":true}`, now.Add(4*time.Hour), "of a record of another year")
		t.wantAbsent(next, now.Add(4*time.Hour), "of an expired record of another year")
	}
}

// zones has the two half past two of a night in which summer time ends, and odd zones.
func (t storeTest) zones() {
	summer, winter := time.FixedZone("CEST", 2*60*60), time.FixedZone("CET", 60*60)
	night := func(zone *time.Location) time.Time { return time.Date(2033, 10, 30, 2, 30, 0, 0, zone) }
	now := night(summer).Add(-time.Hour)
	for _, expires := range []time.Time{
		night(summer),
		night(winter),
		night(summer).In(time.FixedZone("", -(11*60+30)*60)),
		night(summer).In(time.FixedZone("", 14*60*60)),
		night(winter).UTC(),
		night(winter).Local(),
	} {
		key := newKey()
		if err := t.store.Create(t.ctx, key, record(`{}`, expires), now); err != nil {
			t.Fatalf("Create: %v", err)
		}
		for _, zone := range []*time.Location{time.UTC, time.Local, summer, winter, time.FixedZone("", 14*60*60)} {
			t.want(key, expires.Add(-time.Second).In(zone), `{}`, expires, "a second before its expiry")
			t.wantAbsent(key, expires.In(zone), "at its expiry")
		}
		later := expires.Add(time.Hour).In(winter)
		if err := t.store.Touch(t.ctx, key, later, now.In(winter)); err != nil {
			t.Errorf("Touch: %v", err)
		}
		t.want(key, expires, `{}`, later, "after Touch")
	}
}

func (t storeTest) cancelled() {
	key, fresh := newKey(), newKey()
	t.make(key, `{"a":true}`, at(1))
	prev := t.load(key, at(0))
	over, cancel := context.WithCancel(t.ctx)
	cancel()
	for name, call := range map[string]func() error{
		"Load":   func() error { _, err := t.store.Load(over, key, at(0)); return err },
		"Create": func() error { return t.store.Create(over, fresh, prev, at(0)) },
		"Update": func() error { _, err := t.store.Update(over, key, prev, at(0), add("b", at(1))); return err },
		"Update with an earlier record": func() error {
			_, err := t.store.Update(over, key, ginsession.Record{}, at(0), add("b", at(1)))
			return err
		},
		"Replace":      func() error { _, err := t.store.Replace(over, key, fresh, prev, at(0), add("b", at(1))); return err },
		"Touch":        func() error { return t.store.Touch(over, key, at(9), at(0)) },
		"Delete":       func() error { return t.store.Delete(over, key) },
		"ClearExpired": func() error { _, err := t.store.ClearExpired(over, at(9), ginsession.ClearOptions{}); return err },
	} {
		t.wantError(call(), context.Canceled, name+" with a context that is over")
	}
	t.want(key, at(0), `{"a":true}`, at(1), "after calls with a context that is over")
	t.wantAbsent(fresh, at(0), "of a key that was created with a context that is over")
}

// slices checks that a record handed in or out is changed by neither side.
func (t storeTest) slices() {
	key := newKey()
	given := record(`{"a":true}`, at(1))
	if err := t.store.Create(t.ctx, key, given, at(0)); err != nil {
		t.Fatalf("Create: %v", err)
	}
	first := t.load(key, at(0))
	var passed []ginsession.Record
	second, err := t.store.Update(t.ctx, key, first, at(0), func(r ginsession.Record) (ginsession.Record, error) {
		passed = append(passed, r)
		return add("b", at(2))(r)
	})
	if err != nil {
		t.Fatalf("Update: %v", err)
	}
	t.set(key, second, `{"z":true}`, at(3))
	t.remove(key)
	for _, r := range append(passed, given, first) {
		t.wantRecord(r, `{"a":true}`, at(1), "that was handed in or out, after later calls")
	}
	t.wantRecord(second, `{"a":true,"b":true}`, at(2), "that Update returned, after later calls")
}

// storeTest is one subtest. Its methods for single calls report what is wrong and go on, so that
// any goroutine may use them.
type storeTest struct {
	*testing.T
	ctx   context.Context
	store ginsession.Store
}

func record(data string, expires time.Time) ginsession.Record {
	return ginsession.Record{Data: []byte(data), Expires: expires}
}

// constant is a mutation that looks at nothing.
func constant(data string, expires time.Time) ginsession.Mutate {
	return func(ginsession.Record) (ginsession.Record, error) { return record(data, expires), nil }
}

// add is a mutation that puts one more member into the record.
func add(member string, expires time.Time) ginsession.Mutate {
	return change(expires, func(members map[string]any) { members[member] = true })
}

// change is a mutation of the record's JSON object.
func change(expires time.Time, f func(members map[string]any)) ginsession.Mutate {
	return func(current ginsession.Record) (ginsession.Record, error) {
		members := map[string]any{}
		if len(current.Data) > 0 {
			if err := json.Unmarshal(current.Data, &members); err != nil {
				return ginsession.Record{}, err
			}
		}
		f(members)
		data, err := json.Marshal(members)
		return ginsession.Record{Data: data, Expires: expires}, err
	}
}

// members reads the record's JSON object.
func members(r ginsession.Record) map[string]any {
	m := map[string]any{}
	_ = json.Unmarshal(r.Data, &m)
	return m
}

func printable() string {
	var all []byte
	for b := byte(' '); b <= '~'; b++ {
		if b != '"' && b != '\\' {
			all = append(all, b)
		}
	}
	return string(all)
}

// make creates a record at the beginning.
func (t storeTest) make(key, data string, expires time.Time) {
	t.Helper()
	if err := t.store.Create(t.ctx, key, record(data, expires), at(0)); err != nil {
		t.Errorf("Create: %v", err)
	}
}

func (t storeTest) load(key string, now time.Time) ginsession.Record {
	t.Helper()
	r, err := t.store.Load(t.ctx, key, now)
	if err != nil {
		t.Errorf("Load: %v", err)
	}
	return r
}

// set updates a record whatever it holds.
func (t storeTest) set(key string, prev ginsession.Record, data string, expires time.Time) {
	t.Helper()
	if _, err := t.store.Update(t.ctx, key, prev, at(0), constant(data, expires)); err != nil {
		t.Errorf("Update: %v", err)
	}
}

func (t storeTest) remove(key string) {
	t.Helper()
	if err := t.store.Delete(t.ctx, key); err != nil {
		t.Errorf("Delete: %v", err)
	}
}

func (t storeTest) want(key string, now time.Time, data string, expires time.Time, when string) {
	t.Helper()
	r, err := t.store.Load(t.ctx, key, now)
	if err != nil {
		t.Errorf("Load %s: %v; want %.60q", when, err, data)
		return
	}
	t.wantRecord(r, data, expires, "loaded "+when)
}

func (t storeTest) wantRecord(r ginsession.Record, data string, expires time.Time, which string) {
	t.Helper()
	if !bytes.Equal(r.Data, []byte(data)) {
		t.Errorf("the record %s has the data %.60q (%d bytes); want %.60q (%d bytes)", which, r.Data, len(r.Data), data, len(data))
	}
	if !r.Expires.Equal(expires) {
		t.Errorf("the record %s expires at %v; want %v", which, r.Expires.UTC(), expires.UTC())
	}
}

func (t storeTest) wantAbsent(key string, now time.Time, when string) {
	t.Helper()
	r, err := t.store.Load(t.ctx, key, now)
	if !errors.Is(err, ginsession.ErrNotFound) {
		t.Errorf("Load %s: %.60q, %v; want ErrNotFound", when, r.Data, err)
	}
}

func (t storeTest) wantError(err, want error, what string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v; want an error that is %q", what, err, want)
	}
}

// A discreetStore passes calls on and reports every error whose text gives away a key.
type discreetStore struct {
	ginsession.Store
	t *testing.T
}

func (s discreetStore) check(err error, keys ...string) error {
	for _, key := range keys {
		if err != nil && strings.Contains(err.Error(), key) {
			s.t.Errorf("an error gives away a key: %v", err)
		}
	}
	return err
}

func (s discreetStore) Load(ctx context.Context, key string, now time.Time) (ginsession.Record, error) {
	r, err := s.Store.Load(ctx, key, now)
	return r, s.check(err, key)
}

func (s discreetStore) Create(ctx context.Context, key string, r ginsession.Record, now time.Time) error {
	return s.check(s.Store.Create(ctx, key, r, now), key)
}

func (s discreetStore) Update(ctx context.Context, key string, prev ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	r, err := s.Store.Update(ctx, key, prev, now, f)
	return r, s.check(err, key)
}

func (s discreetStore) Replace(ctx context.Context, oldKey, newKey string, prev ginsession.Record, now time.Time, f ginsession.Mutate) (ginsession.Record, error) {
	r, err := s.Store.Replace(ctx, oldKey, newKey, prev, now, f)
	return r, s.check(err, oldKey, newKey)
}

func (s discreetStore) Touch(ctx context.Context, key string, expires, now time.Time) error {
	return s.check(s.Store.Touch(ctx, key, expires, now), key)
}

func (s discreetStore) Delete(ctx context.Context, key string) error {
	return s.check(s.Store.Delete(ctx, key), key)
}
