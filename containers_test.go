package ginsession_test

import (
	"encoding/json"
	"testing"

	"github.com/ginsession/ginsession"
)

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
			w.store.Put(key, record)
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
	d.store.Put(key, `{"m":{"a":1}}`)
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
	d.store.Put("abcdefgh", `{"m":{"a":1},"l":[1],"n":null,"i":1}`)
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
	check(t, "the record", d.store.Text("abcdefgh"), `{"m":{"a":1},"l":[1],"n":null,"i":1}`)
}

// Reading a value that was Set as another type does not replace it.
func TestReadingWhatWasSetAsAnotherType(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, "")
	s.Set("k", map[string]any{"notes": []string{"n"}, "more": 1})
	value(t, s, "k", cart{Notes: []string{"n"}}, true)
	save(t, s)
	check(t, "the record", d.store.Text(s.Key()), `{"k":{"more":1,"notes":["n"]}}`)
}

// A record may spell a value in more ways than this package writes. Reading it is no write.
func TestReadingIsNoWrite(t *testing.T) {
	record := `{ "float":[1e+16, 1.0,1E5,-0.0,0.1e1], "order":{"b":1,"a":2}, "escapes":["\u0061\/","é"],` +
		`"twice":{"a":1,"a":2}, "big":[123456789012345678901234567890],"deep":{"a":[{"b":{}}]},"empty":[[],{}]}`
	w := newSite(t)
	w.store.Put("abcdefgh", record)
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
		w.store.Calls()
		v.post(read)
		checkCalls(t, w.store, "Load")
	}
	check(t, "the record", w.store.Text("abcdefgh"), record)
}

// What two requests do at the same time to members of one map survives, as deep as they are.
func TestContainersAreMerged(t *testing.T) {
	d := newDesk(t)
	key := d.saved(t, map[string]any{"cart": map[string]any{"pear": 1, "plum": 1, "sizes": map[string]any{}}, "list": []any{"a"}})
	s := d.session(t, key)
	cart := s.Get("cart").(map[string]any)
	cart["pear"] = 2
	cart["sizes"].(map[string]any)["pear"] = "L"
	s.Get("list").([]any)[0] = "mine"
	d.somebodyElse(t, key, func(s *ginsession.Session) {
		cart := s.Get("cart").(map[string]any)
		delete(cart, "plum")
		cart["fig"] = 3
		cart["sizes"].(map[string]any)["fig"] = "S"
		s.Get("list").([]any)[0] = "theirs"
	})
	save(t, s)
	check(t, "the session", d.session(t, key).Items(), map[string]any{
		"cart": map[string]any{"pear": int64(2), "fig": int64(3), "sizes": map[string]any{"pear": "L", "fig": "S"}},
		"list": []any{"mine"},
	})

	// A map that is set as a whole is what the handler says it is.
	s = d.session(t, key)
	s.Set("cart", map[string]any{"kiwi": 1})
	d.somebodyElse(t, key, func(s *ginsession.Session) { s.Get("cart").(map[string]any)["fig"] = 4 })
	save(t, s)
	check(t, "the map that was set", d.session(t, key).Get("cart"), any(map[string]any{"kiwi": int64(1)}))
}
