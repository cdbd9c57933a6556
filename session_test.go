package ginsession_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"pgregory.net/rapid"

	"github.com/ginsession/ginsession"
)

func TestNewSessionIsUntouched(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, "")
	check(t, "Accessed", s.Accessed(), false)
	check(t, "Modified", s.Modified(), false)
	check(t, "IsEmpty", s.IsEmpty(), true)
	check(t, "Key", s.Key(), "")
	check(t, "Len", s.Len(), 0)
	checkCalls(t, d.store)
}

// What each operation says about the session, and what it costs the store by the end of the
// request. Source: Django's accessed and modified.
func TestAccessedAndModified(t *testing.T) {
	type flags struct{ accessed, modified bool }
	var (
		untouched = flags{false, false}
		read      = flags{true, false}
		written   = flags{true, true}
	)
	tests := []struct {
		name string
		do   func(s *ginsession.Session)
		want flags
	}{
		{"nothing", func(*ginsession.Session) {}, untouched},
		{"Accessed, Modified and Err", func(s *ginsession.Session) { _, _, _ = s.Accessed(), s.Modified(), s.Err() }, untouched},
		{"CookieAge", func(s *ginsession.Session) { s.CookieAge() }, untouched},

		{"Get", func(s *ginsession.Session) { s.Get("present") }, read},
		{"Get of an absent key", func(s *ginsession.Session) { s.Get("absent") }, read},
		{"Lookup", func(s *ginsession.Session) { s.Lookup("present") }, read},
		{"Value", func(s *ginsession.Session) { ginsession.Value[int](s, "present") }, read},
		{"Value of another type", func(s *ginsession.Session) { ginsession.Value[[]int](s, "present") }, read},
		{"Has", func(s *ginsession.Session) { s.Has("present") }, read},
		{"Has of an absent key", func(s *ginsession.Session) { s.Has("absent") }, read},
		{"Keys", func(s *ginsession.Session) { s.Keys() }, read},
		{"Values", func(s *ginsession.Session) { s.Values() }, read},
		{"Items", func(s *ginsession.Session) { s.Items() }, read},
		{"All", func(s *ginsession.Session) { drain(s) }, read},
		{"Len", func(s *ginsession.Session) { s.Len() }, read},
		{"IsEmpty", func(s *ginsession.Session) { s.IsEmpty() }, read},
		{"Key", func(s *ginsession.Session) { s.Key() }, read},
		{"Load", func(s *ginsession.Session) { _ = s.Load() }, read},
		{"ExpiryAge", func(s *ginsession.Session) { s.ExpiryAge() }, read},
		{"ExpiryDate", func(s *ginsession.Session) { s.ExpiryDate() }, read},
		{"ExpiresAtBrowserClose", func(s *ginsession.Session) { s.ExpiresAtBrowserClose() }, read},
		{"TestCookieWorked", func(s *ginsession.Session) { s.TestCookieWorked() }, read},

		{"Pop of an absent key", func(s *ginsession.Session) { s.Pop("absent") }, read},
		{"Delete of an absent key", func(s *ginsession.Session) { _ = s.Delete("absent") }, read},
		{"SetDefault of a present key", func(s *ginsession.Session) { s.SetDefault("present", 2) }, read},
		{"SetExpiry to the default that it has", func(s *ginsession.Session) { s.SetExpiry(ginsession.ExpireDefault) }, read},
		{"DeleteTestCookie without one", func(s *ginsession.Session) { _ = s.DeleteTestCookie() }, read},
		{"Claim of an absent key", func(s *ginsession.Session) { _, _, _ = ginsession.Claim[int](s, "absent") }, read},

		{"Set", func(s *ginsession.Session) { s.Set("k", 1) }, written},
		{"Set to what it is", func(s *ginsession.Session) { s.Set("present", 1) }, written},
		{"Delete", func(s *ginsession.Session) { _ = s.Delete("present") }, written},
		{"Pop", func(s *ginsession.Session) { s.Pop("present") }, written},
		{"SetDefault of an absent key", func(s *ginsession.Session) { s.SetDefault("absent", 2) }, written},
		{"Update", func(s *ginsession.Session) { s.Update(map[string]any{"k": 1}) }, written},
		{"Update with nothing", func(s *ginsession.Session) { s.Update(nil) }, written},
		{"Clear", func(s *ginsession.Session) { s.Clear() }, written},
		{"Modify", func(s *ginsession.Session) { modifyInt(s, "present") }, written},
		{"SetExpiry", func(s *ginsession.Session) { s.SetExpiry(ginsession.ExpireAtBrowserClose) }, written},
		{"SetTestCookie", func(s *ginsession.Session) { s.SetTestCookie() }, written},
		{"Claim", func(s *ginsession.Session) { _, _, _ = ginsession.Claim[int](s, "present") }, written},
	}
	operations := map[flags][]string{
		untouched: {"Load"}, // before the response, which may show the session
		read:      {"Load"},
		written:   {"Load", "Update"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newSite(t)
			v := w.visitor(t)
			v.post(func(s *ginsession.Session) { s.Set("present", 1) })
			w.store.taken()
			var got flags
			v.post(func(s *ginsession.Session) {
				test.do(s)
				got = flags{s.Accessed(), s.Modified()}
			})
			check(t, "flags", got, test.want)
			checkCalls(t, w.store, operations[test.want]...)
		})
	}
}

func drain(s *ginsession.Session) map[string]any { return maps.Collect(s.All()) }

func modifyInt(s *ginsession.Session, key string) {
	_, _ = ginsession.Modify(s, key, func(n int, _ bool) int { return n + 1 })
}

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
	check(t, "the record", d.store.text(s.Key()), `{"a":1,"b":2,"nil":null,"_session_expiry":60}`)
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
	check(t, "the record", d.store.text(key), `{"b":2}`)
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

// Value gives a T wherever what is stored decodes into one.
func TestValue(t *testing.T) {
	type address struct {
		City string `json:"city"`
		Tags map[string]int
	}
	moment := time.Date(2026, 11, 23, 4, 45, 0, 123, time.UTC)
	d := newDesk(t)
	key := d.saved(t, map[string]any{
		"int": 7, "negative": -7, "float": 2.5, "whole float": 3.0, "text": "hé😀", "yes": true, "null": nil,
		"list": []any{1, 2}, "map": map[string]any{"x": 1}, "big": json.Number("9007199254740993000000"),
		"address": address{"Oslo", map[string]int{"a": 1}}, "time": moment, "bytes": []byte{0, 255},
	})
	s := d.session(t, key)

	value(t, s, "int", 7, true)
	value(t, s, "int", int64(7), true)
	value(t, s, "int", uint8(7), true)
	value(t, s, "int", 7.0, true)
	value(t, s, "negative", uint8(0), false)
	value(t, s, "float", 2.5, true)
	value(t, s, "float", 0, false)
	value(t, s, "whole float", 3.0, true)
	value(t, s, "text", "hé😀", true)
	value(t, s, "text", 0, false)
	value(t, s, "yes", true, true)
	value[*int](t, s, "null", nil, true)
	value[any](t, s, "null", nil, true)
	value(t, s, "list", []int{1, 2}, true)
	value(t, s, "list", []any{int64(1), int64(2)}, true)
	value(t, s, "list", map[string]any(nil), false)
	value(t, s, "list", [2]int{1, 2}, true)
	value(t, s, "map", map[string]int{"x": 1}, true)
	value(t, s, "map", map[string]any{"x": int64(1)}, true)
	value(t, s, "map", []any(nil), false)
	value(t, s, "big", json.Number("9007199254740993000000"), true)
	value(t, s, "big", int64(0), false)
	value(t, s, "address", address{"Oslo", map[string]int{"a": 1}}, true)
	value(t, s, "address", &address{"Oslo", map[string]int{"a": 1}}, true)
	value(t, s, "time", moment, true)
	value(t, s, "time", "2026-11-23T04:45:00.000000123Z", true)
	value(t, s, "bytes", []byte{0, 255}, true)
	value(t, s, "absent", 0, false)
	value(t, s, "absent", json.RawMessage(nil), false)
	value(t, s, "int", json.RawMessage(`7`), true)
	value(t, s, "whole float", json.RawMessage(`3.0`), true)
	value(t, s, "text", json.RawMessage(`"h\u00e9\ud83d\ude00"`), true)

	check(t, "Modified", s.Modified(), false)
	save(t, s)
	check(t, "Modified after Save", s.Modified(), false)
}

func value[T any](t *testing.T, s *ginsession.Session, key string, want T, wantOK bool) {
	t.Helper()
	got, ok := ginsession.Value[T](s, key)
	if ok != wantOK || !reflect.DeepEqual(got, want) {
		t.Errorf("Value[%T](%q) = %#v, %v, want %#v, %v", want, key, got, ok, want, wantOK)
	}
}

// What was Set comes back as what a record can say of it, in this request as in the next, and
// from Value as the type that was set.
func TestSetComesBack(t *testing.T) {
	type point struct{ X, Y int }
	p := &point{1, 2}
	d := newDesk(t)
	for _, test := range []struct{ set, later any }{
		{5, int64(5)},
		{uint8(5), int64(5)},
		{float32(0.1), 0.1},
		{2.0, 2.0},
		{"x", "x"},
		{nil, nil},
		{[]string{"x"}, []any{"x"}},
		{[]int(nil), nil},
		{map[string]int{"x": 1}, map[string]any{"x": int64(1)}},
		{point{1, 2}, map[string]any{"X": int64(1), "Y": int64(2)}},
		{p, map[string]any{"X": int64(1), "Y": int64(2)}},
		{time.Second, int64(time.Second)},
		{json.RawMessage(`{"a": 1.0}`), map[string]any{"a": 1.0}},
		{uint64(1 << 63), json.Number("9223372036854775808")},
	} {
		s := d.session(t, "")
		s.Set("k", test.set)
		check(t, "Get", s.Get("k"), test.later)
		save(t, s)
		check(t, "Get after Save", s.Get("k"), test.later)
		check(t, "Get in the next request", d.session(t, s.Key()).Get("k"), test.later)
	}
	s := d.session(t, "")
	s.Set("k", p)
	if got, _ := ginsession.Value[*point](s, "k"); got != p {
		t.Error("Value gave another pointer than was Set")
	}
	value(t, s, "k", point{1, 2}, true)
	value(t, s, "k", map[string]int{"X": 1, "Y": 2}, true)
	value(t, s, "k", json.RawMessage(`{"X":1,"Y":2}`), true)
}

// cart is a typed container.
type cart struct {
	Items map[string]int `json:"items"`
	Notes []string       `json:"notes"`
}

// What a handler does inside a map or slice that it was given is saved.
func TestContainersAreSaved(t *testing.T) {
	const record = `{"m":{"a":1,"n":{"x":[1,2]}},"l":[{"q":1},2],"c":{"items":{"a":1},"notes":["n"]}}`
	tests := []struct {
		name   string
		change func(s *ginsession.Session)
		key    string
		want   string
	}{
		{"a map from Get", func(s *ginsession.Session) {
			s.Get("m").(map[string]any)["b"] = 2
		}, "m", `{"a":1,"b":2,"n":{"x":[1,2]}}`},
		{"a key deleted from it", func(s *ginsession.Session) {
			delete(s.Get("m").(map[string]any), "n")
		}, "m", `{"a":1}`},
		{"deep inside", func(s *ginsession.Session) {
			s.Get("m").(map[string]any)["n"].(map[string]any)["x"].([]any)[1] = nil
		}, "m", `{"a":1,"n":{"x":[1,null]}}`},
		{"a map inside a list", func(s *ginsession.Session) {
			s.Get("l").([]any)[0].(map[string]any)["q"] = "new"
		}, "l", `[{"q":"new"},2]`},
		{"a map from Lookup", func(s *ginsession.Session) {
			v, _ := s.Lookup("m")
			clear(v.(map[string]any))
		}, "m", `{}`},
		{"a map from Items", func(s *ginsession.Session) {
			clear(s.Items()["m"].(map[string]any))
		}, "m", `{}`},
		{"a map from All", func(s *ginsession.Session) {
			clear(drain(s)["m"].(map[string]any))
		}, "m", `{}`},
		{"a list from Values", func(s *ginsession.Session) {
			s.Values()[1].([]any)[1] = 3
		}, "l", `[{"q":1},3]`},
		{"a map from SetDefault", func(s *ginsession.Session) {
			clear(s.SetDefault("m", nil).(map[string]any))
		}, "m", `{}`},
		{"a map put there by SetDefault", func(s *ginsession.Session) {
			s.SetDefault("k", map[string]any{}).(map[string]any)["a"] = 1
		}, "k", `{"a":1}`},
		{"a map from Value", func(s *ginsession.Session) {
			m, _ := ginsession.Value[map[string]any](s, "m")
			clear(m)
		}, "m", `{}`},
		{"a typed map", func(s *ginsession.Session) {
			c, _ := ginsession.Value[map[string]map[string]int](s, "c")
			_ = c // has notes, so is none
			l, _ := ginsession.Value[[]json.RawMessage](s, "l")
			l[1] = json.RawMessage(`1e2`)
		}, "l", `[{"q":1},1e2]`},
		{"a struct with a map", func(s *ginsession.Session) {
			c, _ := ginsession.Value[cart](s, "c")
			c.Items["b"] = 2
			c.Notes[0] = "changed"
		}, "c", `{"items":{"a":1,"b":2},"notes":["changed"]}`},
		{"a pointer to a struct", func(s *ginsession.Session) {
			c, _ := ginsession.Value[*cart](s, "c")
			c.Notes = append(c.Notes, "more")
		}, "c", `{"items":{"a":1},"notes":["n","more"]}`},
		{"a map that was Set", func(s *ginsession.Session) {
			m := map[string]int{"a": 1}
			s.Set("k", m)
			m["b"] = 2
		}, "k", `{"a":1,"b":2}`},
		{"a pointer that was Set", func(s *ginsession.Session) {
			c := &cart{}
			s.Set("k", c)
			c.Notes = []string{"late"}
		}, "k", `{"items":null,"notes":["late"]}`},
		{"a map that was Set and saved", func(s *ginsession.Session) {
			m := map[string]int{"a": 1}
			s.Set("k", m)
			_ = s.Save()
			m["b"] = 2
		}, "k", `{"a":1,"b":2}`},
		{"a map that was Set, saved and got", func(s *ginsession.Session) {
			s.Set("k", map[string]int{"a": 1})
			_ = s.Save()
			m, _ := ginsession.Value[map[string]int](s, "k")
			m["b"] = 2
		}, "k", `{"a":1,"b":2}`},
		{"changed before and after a save", func(s *ginsession.Session) {
			m := s.Get("m").(map[string]any)
			m["b"] = 2
			_ = s.Save()
			m["c"] = 3
		}, "m", `{"a":1,"b":2,"c":3,"n":{"x":[1,2]}}`},
		{"got before a save of something else, changed after it", func(s *ginsession.Session) {
			m := s.Get("m").(map[string]any)
			s.Set("other", 1)
			_ = s.Save()
			s.Get("other")
			m["c"] = 3
		}, "m", `{"a":1,"c":3,"n":{"x":[1,2]}}`},
		{"changed and then read as another type", func(s *ginsession.Session) {
			s.Get("m").(map[string]any)["b"] = 2
			ginsession.Value[map[string]json.RawMessage](s, "m")
		}, "m", `{"a":1,"b":2,"n":{"x":[1,2]}}`},
		{"a typed one changed and then read as another type", func(s *ginsession.Session) {
			c, _ := ginsession.Value[cart](s, "c")
			c.Items["b"] = 2
			ginsession.Value[*cart](s, "c")
		}, "c", `{"items":{"a":1,"b":2},"notes":["n"]}`},
		{"changed and then modified", func(s *ginsession.Session) {
			s.Get("m").(map[string]any)["b"] = 2
			_, _ = ginsession.Modify(s, "m", func(m map[string]any, _ bool) map[string]any {
				delete(m, "n")
				return m
			})
		}, "m", `{"a":1,"b":2}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newSite(t)
			v := w.visitor(t)
			const key = "abcdefgh"
			w.store.put(key, record)
			v.setKey(key)
			v.post(test.change)
			s := w.session(t, key)
			got, _ := ginsession.Value[json.RawMessage](s, test.key)
			check(t, test.key, string(got), test.want)
		})
	}
}

// What a handler sees of a container through another type includes what it has done to it.
func TestContainerThroughAnotherType(t *testing.T) {
	d := newDesk(t)
	const key = "abcdefgh"
	d.store.put(key, `{"m":{"a":1}}`)
	s := d.session(t, key)
	s.Get("m").(map[string]any)["b"] = 2
	value(t, s, "m", map[string]int{"a": 1, "b": 2}, true)
	value(t, s, "m", json.RawMessage(`{"a":1,"b":2}`), true)

	s = d.session(t, key)
	typed, _ := ginsession.Value[map[string]int](s, "m")
	typed["c"] = 3
	check(t, "the keys through map[string]any", len(mapOf(s, "m")), 2)
}

func mapOf(s *ginsession.Session, key string) map[string]any {
	m, _ := ginsession.Value[map[string]any](s, key)
	return m
}

// Get gives the documented types, whatever type Value has read the key as before.
func TestGetAfterValue(t *testing.T) {
	d := newDesk(t)
	d.store.put("abcdefgh", `{"m":{"a":1},"l":[1],"n":null,"i":1}`)
	s := d.session(t, "abcdefgh")
	ginsession.Value[map[string]int](s, "m")
	check(t, "Get of a map", s.Get("m"), any(map[string]any{"a": int64(1)}))
	ginsession.Value[[]int](s, "l")
	check(t, "Get of a list", s.Get("l"), any([]any{int64(1)}))
	ginsession.Value[[]any](s, "n")
	ginsession.Value[map[string]any](s, "n")
	ginsession.Value[*int](s, "n")
	check(t, "Get of null", s.Get("n"), any(nil))
	ginsession.Value[*int](s, "i")
	check(t, "Get of a number", s.Get("i"), any(int64(1)))
	save(t, s)
	check(t, "the record", d.store.text("abcdefgh"), `{"m":{"a":1},"l":[1],"n":null,"i":1}`)
}

// Reading a value that was Set as another type does not replace it.
func TestReadingWhatWasSetAsAnotherType(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, "")
	s.Set("k", map[string]any{"notes": []string{"n"}, "more": 1})
	value(t, s, "k", cart{Notes: []string{"n"}}, true)
	save(t, s)
	check(t, "the record", d.store.text(s.Key()), `{"k":{"more":1,"notes":["n"]}}`)
}

// A record may spell a value in more ways than this package writes. Reading it is no write.
func TestReadingIsNoWrite(t *testing.T) {
	record := `{ "float":[1e+16, 1.0,1E5,-0.0,0.1e1], "order":{"b":1,"a":2}, "escapes":["\u0061\/","é"],` +
		`"twice":{"a":1,"a":2}, "big":[123456789012345678901234567890],"deep":{"a":[{"b":{}}]},"empty":[[],{}]}`
	w := newSite(t)
	w.store.put("abcdefgh", record)
	v := w.visitor(t)
	v.setKey("abcdefgh")
	for _, read := range []func(*ginsession.Session){
		func(s *ginsession.Session) { drain(s) },
		func(s *ginsession.Session) { s.Items(); s.Items() },
		func(s *ginsession.Session) { ginsession.Value[[]float64](s, "float") },
		func(s *ginsession.Session) { ginsession.Value[map[string]int](s, "order") },
		func(s *ginsession.Session) { ginsession.Value[struct{ A, B *int }](s, "order") },
		func(s *ginsession.Session) { ginsession.Value[[]json.Number](s, "big") },
		func(s *ginsession.Session) {
			ginsession.Value[any](s, "deep")
			ginsession.Value[map[string]any](s, "deep")
		},
	} {
		w.store.taken()
		v.post(read)
		checkCalls(t, w.store, "Load")
	}
	check(t, "the record", w.store.text("abcdefgh"), record)
}

func TestMarkModified(t *testing.T) {
	w := newSite(t)
	v := w.visitor(t)
	v.post((*ginsession.Session).MarkModified)
	check(t, "sessions after MarkModified of an empty one", len(w.store.keys()), 0)

	v.post(func(s *ginsession.Session) { s.Set("a", 1) })
	w.store.taken()
	w.clock.Advance(time.Hour)
	r := v.post(func(s *ginsession.Session) {
		s.MarkModified()
		check(t, "Modified", s.Modified(), true)
	})
	checkCalls(t, w.store, "Load", "Update")
	check(t, "the record", w.store.text(v.key()), `{"a":1}`)
	check(t, "Expires", w.store.record(v.key()).Expires, start.Add(time.Hour+14*24*time.Hour))
	if r.cookie() == nil {
		t.Error("no cookie was sent")
	}
}

// A session that could not be loaded is not an empty one: nothing works, and Err says why.
func TestFailedLoad(t *testing.T) {
	d := newDesk(t)
	key := d.saved(t, map[string]any{"a": 1})
	broken := errors.New("broken")
	d.store.setBefore(func(string) error { return broken })

	s := d.session(t, key)
	check(t, "Get", s.Get("a"), nil)
	for name, err := range map[string]error{
		"Err":      s.Err(),
		"Load":     s.Load(),
		"Save":     s.Save(),
		"Delete":   s.Delete("a"),
		"CycleKey": s.CycleKey(),
		"Flush":    s.Flush(),
	} {
		if !errors.Is(err, ginsession.ErrUnavailable) || !errors.Is(err, broken) {
			t.Errorf("%s: %v, want ErrUnavailable and the cause", name, err)
		}
	}
	_, err := ginsession.Modify(s, "a", func(int, bool) int { t.Error("Modify ran"); return 2 })
	check(t, "Modify is unavailable", errors.Is(err, ginsession.ErrUnavailable), true)
	_, _, err = ginsession.Claim[int](s, "a")
	check(t, "Claim is unavailable", errors.Is(err, ginsession.ErrUnavailable), true)

	s.Set("b", 2)
	s.Update(map[string]any{"c": 3})
	s.Clear()
	s.SetExpiry(ginsession.ExpireAtBrowserClose)
	check(t, "SetDefault", s.SetDefault("d", 4), 4)
	v, ok := s.Pop("a")
	check(t, "Pop", []any{v, ok}, []any{nil, false})
	check(t, "Keys", s.Keys(), []string(nil))
	check(t, "Values", s.Values(), []any{})
	check(t, "Items", s.Items(), map[string]any{})
	check(t, "Len", s.Len(), 0)
	check(t, "Key", s.Key(), "")
	if c := d.Cookie(s); c != nil {
		t.Errorf("Cookie = %v, want none", c.Name)
	}

	d.store.setBefore(nil)
	check(t, "Get after the store is back", s.Get("a"), nil)
	check(t, "Load after the store is back", s.Load(), error(nil))
	check(t, "Get after Load", s.Get("a"), int64(1))
	check(t, "the record", d.store.text(key), `{"a":1}`)
}

func TestLoad(t *testing.T) {
	d := newDesk(t)
	key := d.saved(t, map[string]any{"a": 1})
	s := d.session(t, key)
	checkCalls(t, d.store)
	check(t, "Load", s.Load(), error(nil))
	check(t, "Load again", s.Load(), error(nil))
	check(t, "Get", s.Get("a"), int64(1))
	checkCalls(t, d.store, "Load")
}

// One session in the hands of many goroutines, for the race detector.
func TestConcurrentUse(t *testing.T) {
	w := newSite(t)
	v := w.visitor(t)
	v.post(func(s *ginsession.Session) {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				own := fmt.Sprint("key ", i)
				for n := range 20 {
					s.Set(own, n)
					check(t, own, s.Get(own), int64(n))
					modifyInt(s, "sum")
					s.Keys()
					drain(s)
					s.Has("sum")
					s.ExpiryDate()
					_ = fmt.Sprintf("%+v", s)
					_ = s.Delete(own)
				}
				_ = s.Save()
				_ = s.CycleKey()
				s.Key()
				s.Pop(own)
				s.SetDefault(own, i)
				s.IsEmpty()
				s.Err()
			})
		}
		wg.Wait()
	})
	s := w.session(t, v.key())
	check(t, "sum", s.Get("sum"), int64(160))
	check(t, "Len", s.Len(), 9)
	check(t, "sessions", len(w.store.keys()), 1)
}

// Whatever prints a session prints no key and no data.
func TestPrintingShowsNothing(t *testing.T) {
	d := newDesk(t, func(cfg *ginsession.Config) {
		cfg.SecretKey = "ginsession-test-secret"
		cfg.SecretKeyFallbacks = []string{"retired-secret"}
	})
	s := d.session(t, "")
	s.Set("token", "precious")
	save(t, s)

	var out strings.Builder
	for _, v := range []any{s, []*ginsession.Session{s}, struct{ S *ginsession.Session }{s}, d.Manager, []any{d.Manager}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%t"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		fmt.Fprintln(&out, v)
		for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(handler).Info("session", "v", v, slog.Group("g", "v", v))
		}
		text, _ := json.Marshal(v)
		out.Write(text)
	}
	ctx := ginsession.NewContext(t.Context(), s)
	fmt.Fprintf(&out, "%v %+v %s", ctx, ctx, ctx)
	for _, secret := range []string{s.Key(), s.Key()[:10], "precious", "ginsession-test-secret", "retired-secret"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("printed: %q", secret)
		}
	}
	checkContains(t, out.String(), "ginsession.Session", "ginsession.Manager")
}

func TestPrintingARequestShowsNothing(t *testing.T) {
	w := newSite(t)
	v := w.visitor(t)
	v.post(func(s *ginsession.Session) { s.Set("token", "precious") })
	v.send("POST", func(c *gin.Context) {
		ginsession.Get(c).Get("token")
		c.Request = c.Request.WithContext(ginsession.NewContext(c, ginsession.Get(c)))
		_, _ = fmt.Fprintf(io.Discard, "%+v", c.Keys)
		text := fmt.Sprintf("%v %+v %s", c.Keys, c.Keys, c.Request.Context())
		for _, secret := range []string{v.key(), "precious"} {
			if strings.Contains(text, secret) {
				t.Errorf("printed: %q in %s", secret, text)
			}
		}
	})
}
