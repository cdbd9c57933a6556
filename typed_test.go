package ginsession_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

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

func TestValueOr(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, d.saved(t, map[string]any{"n": 3, "text": "tea", "nothing": nil}))
	check(t, "present", ginsession.ValueOr(s, "n", 7), 3)
	check(t, "absent", ginsession.ValueOr(s, "absent", 7), 7)
	check(t, "of another type", ginsession.ValueOr(s, "text", 7), 7)
	check(t, "null", ginsession.ValueOr(s, "nothing", 7), 0)
}
