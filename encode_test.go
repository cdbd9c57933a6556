package ginsession_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/ginsession/ginsession"
)

// A value that cannot be stored is named, nothing is saved, and what was stored stays.
func TestErrEncode(t *testing.T) {
	cyclic := map[string]any{}
	cyclic["self"] = cyclic
	list := make([]any, 1)
	list[0] = list
	type node struct{ Next *node }
	ring := &node{}
	ring.Next = ring
	var loop any
	loop = &loop
	values := map[string]any{
		"channel":                make(chan int),
		"function":               func() {},
		"complex":                1i,
		"NaN":                    math.NaN(),
		"Inf":                    math.Inf(-1),
		"float32 Inf":            float32(math.Inf(1)),
		"NaN inside":             []float64{1, math.NaN()},
		"NaN in a struct":        struct{ F float64 }{math.NaN()},
		"invalid UTF-8":          "\xff",
		"cut UTF-8":              "caf\xc3",
		"encoded surrogate":      "\xed\xa0\x80",
		"invalid inside":         map[string]any{"a": []string{"\xff"}},
		"invalid key":            map[string]any{"\xff": 1},
		"cyclic map":             cyclic,
		"cyclic list":            list,
		"cyclic struct":          ring,
		"cyclic pointer":         loop,
		"channel inside":         map[string]any{"a": []any{make(chan int)}},
		"function in a struct":   struct{ F func() }{},
		"a marshaler that fails": failingMarshaler{},
		"RawMessage":             json.RawMessage(`{`),
	}
	for name, v := range values {
		t.Run(name, func(t *testing.T) {
			w := newSite(t)
			visitor := w.visitor(t)
			visitor.post(func(s *ginsession.Session) { s.Set("a", 1) })
			key := visitor.key()
			w.store.Calls()

			var saved, fixed error
			r := visitor.post(func(s *ginsession.Session) {
				s.Set("a", 2)
				s.Set("culprit", v)
				saved = s.Save()
			})
			if !errors.Is(saved, ginsession.ErrEncode) || !strings.Contains(fmt.Sprint(saved), `"culprit"`) {
				t.Errorf("Save: %v, want an ErrEncode that names the key", saved)
			}
			check(t, "status", r.StatusCode, http.StatusInternalServerError)
			check(t, "Set-Cookie", r.Header.Values("Set-Cookie"), []string(nil))
			check(t, "the record", w.store.Text(key), `{"a":1}`)
			checkCalls(t, w.store, "Load")

			r = visitor.post(func(s *ginsession.Session) {
				s.Set("a", 3)
				s.Set("culprit", v)
				_ = s.Save()
				_ = s.Delete("culprit")
				fixed = s.Save()
			})
			check(t, "Save without the culprit", fixed, error(nil))
			check(t, "status", r.StatusCode, http.StatusOK)
			check(t, "the record", w.store.Text(key), `{"a":3}`)
		})
	}
}

type failingMarshaler struct{}

func (failingMarshaler) MarshalJSON() ([]byte, error) { return nil, errors.New("no") }

// A dictionary key that is not text cannot be stored either, and neither can what Modify makes.
func TestErrEncodeElsewhere(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, d.saved(t, map[string]any{"a": 1}))
	s.Set("\xff", 1)
	err := s.Save()
	check(t, "Save of a key that is not UTF-8 is ErrEncode", errors.Is(err, ginsession.ErrEncode), true)
	check(t, "the record", d.store.Text(s.Key()), `{"a":1}`)

	s = d.session(t, s.Key())
	_, err = ginsession.Modify(s, "a", func(any, bool) any { return func() {} })
	check(t, "Modify to a function is ErrEncode", errors.Is(err, ginsession.ErrEncode), true)
	checkContains(t, err.Error(), `"a"`)
	save(t, s)
	check(t, "the record", d.store.Text(s.Key()), `{"a":1}`)

	s = d.session(t, "")
	s.Set("a", make(chan int))
	err = s.Save()
	check(t, "Save of a new session is ErrEncode", errors.Is(err, ginsession.ErrEncode), true)
	check(t, "sessions", len(d.store.Keys()), 1)
	check(t, "Key", s.Key(), "")

	m := map[string]any{}
	s = d.session(t, "")
	s.Set("m", m)
	save(t, s)
	m["c"] = make(chan int)
	err = s.Save()
	check(t, "Save of a map with a channel is ErrEncode", errors.Is(err, ginsession.ErrEncode), true)
	check(t, "the record", d.store.Text(s.Key()), `{"m":{}}`)
}
