package enginetest

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

// OwnerStore tests that a store keeps the rules of [ginsession.OwnerStore], each in a subtest, beside
// those of [Store], which has a suite of its own. newStore is called once for each subtest and returns
// a store that nobody else uses meanwhile.
func OwnerStore(t *testing.T, newStore func(t *testing.T) ginsession.OwnerStore) {
	for _, rule := range []struct {
		name  string
		check func(ownerTest)
	}{
		{"an owner's live records are found, with their data", ownerTest.finds},
		{"owners are compared byte for byte", ownerTest.compares},
		{"what is written last says whose a record is", ownerTest.follows},
		{"many are deleted at once, and counted", ownerTest.deletesAll},
		{"a record that is moved meanwhile is never missed", ownerTest.neverMisses},
		{"a context that is over is an error", ownerTest.cancelled},
	} {
		t.Run(rule.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			rule.check(ownerTest{t, ctx, newStore(t)})
		})
	}
}

type ownerTest struct {
	*testing.T
	ctx   context.Context
	store ginsession.OwnerStore
}

// owned returns a record of owner that ends an hour after the suite's beginning.
func owned(data, owner string) ginsession.Record {
	return ginsession.Record{Data: []byte(data), Expires: at(1), Owner: owner}
}

func (t ownerTest) make(data, owner string) (key string) {
	t.Helper()
	key = newKey()
	if err := t.store.Create(t.ctx, key, owned(data, owner), at(0)); err != nil {
		t.Fatal("Create:", err)
	}
	return key
}

// want checks the keys of an owner's records.
func (t ownerTest) want(owner string, now time.Time, when string, want ...string) {
	t.Helper()
	found, err := t.store.Owned(t.ctx, owner, now)
	if err != nil {
		t.Fatalf("%s: Owned: %v", when, err)
	}
	keys := []string{}
	for _, r := range found {
		keys = append(keys, r.Key)
	}
	slices.Sort(keys)
	slices.Sort(want)
	if !slices.Equal(keys, want) {
		t.Errorf("%s: Owned returns %d records, want %d (or other keys)", when, len(keys), len(want))
	}
}

func (t ownerTest) finds() {
	t.want("al", at(0), "nothing is stored")
	first, second := t.make(`{"n":1}`, "al"), t.make(`{"n":2}`, "al")
	t.make(`{"n":3}`, "bo")
	t.make(`{"n":4}`, "")
	t.want("al", at(0), "two of four are hers", first, second)
	found, _ := t.store.Owned(t.ctx, "al", at(0))
	for _, r := range found {
		want := `{"n":1}`
		if r.Key == second {
			want = `{"n":2}`
		}
		if string(r.Record.Data) != want || !r.Record.Expires.Equal(at(1)) {
			t.Errorf("a record is %q until %v, want %q until %v", r.Record.Data, r.Record.Expires, want, at(1))
		}
	}
	t.want("al", at(1), "they have expired")
}

func (t ownerTest) compares() {
	for _, owner := range []string{"straße", "STRASSE", "strasse", "Straße", "straße ", " straße", "stra", "'", `"%_\`, "本"} {
		key := t.make(`{}`, owner)
		t.want(owner, at(0), "the owner "+strconv.Quote(owner), key)
	}
}

func (t ownerTest) follows() {
	set := func(key, owner string) {
		t.Helper()
		_, err := t.store.Update(t.ctx, key, ginsession.Record{}, at(0), func(ginsession.Record) (ginsession.Record, error) { return owned(`{"n":2}`, owner), nil })
		if err != nil {
			t.Fatal("Update:", err)
		}
	}
	key := t.make(`{"n":1}`, "")
	set(key, "al")
	t.want("al", at(0), "an update gives an owner", key)
	set(key, "bo")
	t.want("al", at(0), "an update gives another")
	t.want("bo", at(0), "an update gives another", key)
	if err := t.store.Touch(t.ctx, key, at(2), at(0)); err != nil {
		t.Fatal("Touch:", err)
	}
	t.want("bo", at(1), "a touch leaves the owner", key)
	moved := newKey()
	_, err := t.store.Replace(t.ctx, key, moved, ginsession.Record{}, at(1), func(ginsession.Record) (ginsession.Record, error) {
		return ginsession.Record{Data: []byte(`{"n":3}`), Expires: at(2), Owner: "bo"}, nil
	})
	if err != nil {
		t.Fatal("Replace:", err)
	}
	t.want("bo", at(1), "a replace moves the record", moved)
	set2 := func(ginsession.Record) (ginsession.Record, error) {
		return ginsession.Record{Data: []byte(`{}`), Expires: at(2)}, nil
	}
	if _, err := t.store.Update(t.ctx, moved, ginsession.Record{}, at(1), set2); err != nil {
		t.Fatal("Update:", err)
	}
	t.want("bo", at(1), "an update takes the owner away")
}

func (t ownerTest) deletesAll() {
	first, second, third := t.make(`{}`, "al"), t.make(`{}`, "al"), t.make(`{}`, "al")
	n, err := t.store.DeleteAll(t.ctx, first, newKey(), third)
	if n != 2 || err != nil {
		t.Errorf("DeleteAll of two records and an absent one: %d, %v", n, err)
	}
	t.want("al", at(0), "two of three are deleted", second)
	if _, err := t.store.Load(t.ctx, first, at(0)); !errors.Is(err, ginsession.ErrNotFound) {
		t.Errorf("Load of a deleted record: %v, want ErrNotFound", err)
	}
	if n, err := t.store.DeleteAll(t.ctx); n != 0 || err != nil {
		t.Errorf("DeleteAll of nothing: %d, %v", n, err)
	}
	if err := t.store.Delete(t.ctx, second); err != nil {
		t.Fatal("Delete:", err)
	}
	t.want("al", at(0), "the third is deleted alone")
}

// neverMisses moves a record from key to key while it is looked for.
func (t ownerTest) neverMisses() {
	const moves = 100
	key := t.make(`{}`, "al")
	var moved atomic.Bool
	together(2, func(i int) {
		if i == 0 {
			defer moved.Store(true)
			prev := owned(`{}`, "al")
			for range moves {
				next := newKey()
				_, err := t.store.Replace(t.ctx, key, next, prev, at(0), func(ginsession.Record) (ginsession.Record, error) { return prev, nil })
				if err != nil {
					t.Error("Replace:", err)
					return
				}
				key = next
			}
			return
		}
		for last := false; !last; {
			last = moved.Load()
			found, err := t.store.Owned(t.ctx, "al", at(0))
			if err != nil || len(found) == 0 {
				t.Errorf("Owned beside a Replace: %d records, %v", len(found), err)
				return
			}
		}
	})
	t.want("al", at(0), "when all is still", key)
}

func (t ownerTest) cancelled() {
	key := t.make(`{}`, "al")
	over, cancel := context.WithCancel(t.ctx)
	cancel()
	if _, err := t.store.Owned(over, "al", at(0)); err == nil || errors.Is(err, ginsession.ErrNotFound) {
		t.Errorf("Owned: %v, want the context's error", err)
	}
	if _, err := t.store.DeleteAll(over, key); err == nil {
		t.Error("DeleteAll: no error")
	}
	t.want("al", at(0), "after a call that was over", key)
}
