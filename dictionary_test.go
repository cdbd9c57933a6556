package ginsession_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ginsession/ginsession"
)

func TestDictionary(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, d.saved(t, map[string]any{"b": 2, "a": "one", "nil": nil}))

	check(t, "Get(a)", s.Get("a"), "one")
	check(t, "Get(b)", s.Get("b"), int64(2))
	check(t, "Get(absent)", s.Get("absent"), nil)
	check(t, "Has(nil)", s.Has("nil"), true)
	check(t, "Has(absent)", s.Has("absent"), false)
	v, ok := s.Lookup("nil")
	check(t, "Lookup(nil)", []any{v, ok}, []any{nil, true})
	v, ok = s.Lookup("absent")
	check(t, "Lookup(absent)", []any{v, ok}, []any{nil, false})

	s.SetExpiry(ginsession.ExpireAfter(time.Minute))
	check(t, "Keys", s.Keys(), []string{"_session_expiry", "a", "b", "nil"})
	check(t, "Values", s.Values(), []any{int64(60), "one", int64(2), nil})
	check(t, "Items", s.Items(), map[string]any{"_session_expiry": int64(60), "a": "one", "b": int64(2), "nil": nil})
	check(t, "All", drain(s), s.Items())
	check(t, "Len", s.Len(), 4)
	for key := range s.All() {
		check(t, "the first key of All", key, "_session_expiry")
		break
	}

	check(t, "SetDefault of a present key", s.SetDefault("a", "two"), "one")
	check(t, "SetDefault of a nil", s.SetDefault("nil", "two"), nil)
	check(t, "SetDefault of an absent key", s.SetDefault("c", 3), int64(3))
	check(t, "Get(c)", s.Get("c"), int64(3))

	v, ok = s.Pop("c")
	check(t, "Pop(c)", []any{v, ok}, []any{int64(3), true})
	v, ok = s.Pop("c")
	check(t, "Pop(c) again", []any{v, ok}, []any{nil, false})

	s.Update(map[string]any{"a": 1, "d": 4})
	check(t, "Get(a) after Update", s.Get("a"), int64(1))
	check(t, "Get(d) after Update", s.Get("d"), int64(4))

	check(t, "Delete(d)", s.Delete("d"), error(nil))
	check(t, "Has(d) after Delete", s.Has("d"), false)
	if err := s.Delete("d"); !errors.Is(err, ginsession.ErrKeyNotFound) || !strings.Contains(err.Error(), `"d"`) {
		t.Errorf("Delete of an absent key: %v, want an ErrKeyNotFound that names it", err)
	}
	save(t, s)
	check(t, "the record", d.store.Text(s.Key()), `{"a":1,"b":2,"nil":null,"_session_expiry":60}`)
}

func TestItemsIsACopy(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, "")
	s.Set("a", 1)
	s.Items()["a"] = 2
	delete(s.Items(), "a")
	check(t, "Get(a)", s.Get("a"), int64(1))
}

func TestClearDoesNotLoad(t *testing.T) {
	d := newDesk(t)
	key := d.saved(t, map[string]any{"a": 1})
	s := d.session(t, key)
	s.Clear()
	check(t, "Len", s.Len(), 0)
	s.Set("b", 2)
	check(t, "Keys", s.Keys(), []string{"b"})
	checkCalls(t, d.store)

	save(t, s)
	check(t, "the record", d.store.Text(key), `{"b":2}`)
}

func TestAllMayChangeTheSession(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, "")
	s.Update(map[string]any{"a": 1, "b": 2, "c": 3})
	var seen []string
	for key := range s.All() {
		seen = append(seen, key)
		_ = s.Delete(key)
		s.Set("new "+key, 1)
	}
	check(t, "the keys walked over", seen, []string{"a", "b", "c"})
	check(t, "Keys", s.Keys(), []string{"new a", "new b", "new c"})
}

// A session of many keys is indexed. It behaves as one of few.
func TestManyKeys(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, "")
	want := map[string]any{}
	for i := range 300 {
		key := fmt.Sprintf("key %d", i)
		s.Set(key, int64(i))
		want[key] = int64(i)
	}
	save(t, s)
	s = d.session(t, s.Key())
	for i := 0; i < 300; i += 3 {
		key := fmt.Sprintf("key %d", i)
		if err := s.Delete(key); err != nil {
			t.Fatal(err)
		}
		delete(want, key)
	}
	check(t, "Items", s.Items(), want)
	save(t, s)
	check(t, "Items when saved", s.Items(), want)
	check(t, "Items when read again", d.session(t, s.Key()).Items(), want)
}

// A random sequence of operations, of saves and of new requests equals a plain map.
func TestDictionaryIsAMap(t *testing.T) {
	keys := rapid.SampledFrom([]string{"a", "b", "ключ", "", "session_x", `q"\`})
	values := rapid.OneOf(
		rapid.Just[any](nil),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.Int64(), func(n int64) any { return n }),
		rapid.Map(rapid.Float64(), func(f float64) any { return f }),
		rapid.Map(rapid.String(), func(s string) any { return s }),
		rapid.Map(rapid.SliceOfN(rapid.String(), 0, 3), func(list []string) any {
			slice := make([]any, len(list))
			for i := range list {
				slice[i] = list[i]
			}
			return slice
		}),
		rapid.Map(rapid.MapOfN(rapid.String(), rapid.Int64(), 0, 3), func(m map[string]int64) any {
			values := make(map[string]any, len(m))
			for key, n := range m {
				values[key] = n
			}
			return values
		}),
	)
	rapid.Check(t, func(rt *rapid.T) {
		d := newDesk(t)
		s := d.session(t, "")
		model := map[string]any{}
		equal := func(what string, got, want any) {
			if !reflect.DeepEqual(got, want) {
				rt.Fatalf("%s = %#v, want %#v", what, got, want)
			}
		}
		saved := func() {
			if err := s.Save(); err != nil {
				rt.Fatal(err)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"": func(*rapid.T) {
				equal("Items", s.Items(), model)
				equal("Keys", s.Keys(), append([]string{}, slices.Sorted(maps.Keys(model))...))
			},
			"Set": func(rt *rapid.T) {
				key, v := keys.Draw(rt, "key"), values.Draw(rt, "value")
				s.Set(key, v)
				model[key] = v
			},
			"Delete": func(rt *rapid.T) {
				key := keys.Draw(rt, "key")
				_, present := model[key]
				equal("Delete succeeded", s.Delete(key) == nil, present)
				delete(model, key)
			},
			"Pop": func(rt *rapid.T) {
				key := keys.Draw(rt, "key")
				v, ok := s.Pop(key)
				want, present := model[key]
				equal("Pop", []any{v, ok}, []any{want, present})
				delete(model, key)
			},
			"SetDefault": func(rt *rapid.T) {
				key, v := keys.Draw(rt, "key"), values.Draw(rt, "value")
				if _, present := model[key]; !present {
					model[key] = v
				}
				equal("SetDefault", s.SetDefault(key, v), model[key])
			},
			"Modify": func(rt *rapid.T) {
				key, v := keys.Draw(rt, "key"), values.Draw(rt, "value")
				old, present := model[key]
				_, err := ginsession.Modify(s, key, func(got any, ok bool) any {
					equal("Modify's old value", []any{got, ok}, []any{old, present})
					return v
				})
				equal("Modify's error", err, error(nil))
				model[key] = v
			},
			"Claim": func(rt *rapid.T) {
				key := keys.Draw(rt, "key")
				v, ok, err := ginsession.Claim[any](s, key)
				want, present := model[key]
				equal("Claim", []any{v, ok, err}, []any{want, present, error(nil)})
				delete(model, key)
			},
			"Clear": func(*rapid.T) {
				s.Clear()
				clear(model)
			},
			"CycleKey": func(*rapid.T) {
				before := s.Key()
				equal("CycleKey", s.CycleKey(), error(nil))
				equal("the key is another", s.Key() != before, true)
			},
			"Flush": func(*rapid.T) {
				equal("Flush", s.Flush(), error(nil))
				clear(model)
			},
			"Save": func(*rapid.T) { saved() },
			"the next request": func(*rapid.T) {
				saved()
				s = d.session(t, s.Key())
			},
		})
	})
}
