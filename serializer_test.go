package ginsession_test

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

func withSerializer(s ginsession.Serializer) func(*ginsession.Config) {
	return func(cfg *ginsession.Config) { cfg.Serializer = s }
}

// gobPoint and gobTags are registered with gob, unregistered is not.
type (
	gobPoint     struct{ X, Y int }
	gobTags      map[string][]string
	unregistered struct{ X int }
)

func registerGobTypes() {
	gob.Register(gobPoint{})
	gob.Register(gobTags{})
	gob.Register(time.Time{})
	gob.Register(map[string]any{})
	gob.Register([]any{})
}

// With Gob a value comes back as the type that it was.
func TestGob(t *testing.T) {
	registerGobTypes()
	d := newDesk(t, withSerializer(ginsession.Gob))
	values := map[string]any{
		"nil": nil, "bool": true, "int": 7, "uint8": uint8(200), "float": 2.0, "complex": 1i, "Inf": math.Inf(1),
		"text": "hé\xff", "bytes": []byte{0, 255}, "ints": []int{1, 2}, "time": start, "point": gobPoint{1, 2},
		"tags": gobTags{"a": {"b"}}, "map": map[string]any{"a": []any{1, "x"}},
	}
	key := d.saved(t, values)
	check(t, "Items", d.session(t, key).Items(), values)
	s := d.session(t, key)
	value(t, s, "point", gobPoint{1, 2}, true)
	value(t, s, "tags", gobTags{"a": {"b"}}, true)
	value(t, s, "tags", map[string][]string{"a": {"b"}}, true)
	value(t, s, "text", "hé\xff", true)
	value(t, s, "text", 0, false)
	value(t, s, "point", unregistered{}, false)
	value(t, s, "nil", 0, true)
	value(t, s, "nil", "", true)
	value[any](t, s, "nil", nil, true)
	check(t, "Modified", s.Modified(), false)
}

// A number is converted if nothing is lost.
func TestGobNumbers(t *testing.T) {
	d := newDesk(t, withSerializer(ginsession.Gob))
	s := d.session(t, d.saved(t, map[string]any{
		"7": 7, "-1": -1, "300": 300, "200": uint8(200), "big": uint64(math.MaxUint64), "2.0": 2.0, "2.5": 2.5,
		"odd": int64(1<<53 + 1), "NaN": math.NaN(), "-56": int8(-56),
	}))
	value(t, s, "7", int64(7), true)
	value(t, s, "7", uint8(7), true)
	value(t, s, "7", 7.0, true)
	value(t, s, "7", float32(7), true)
	value(t, s, "7", time.Duration(7), true)
	value(t, s, "-1", int8(-1), true)
	value(t, s, "-1", uint64(0), false)
	value(t, s, "-1", uint8(0), false)
	value(t, s, "-1", -1.0, true)
	value(t, s, "300", uint8(0), false)
	value(t, s, "300", int8(0), false)
	value(t, s, "200", 200, true)
	value(t, s, "200", int8(0), false)
	value(t, s, "-56", uint8(0), false)
	value(t, s, "big", int64(0), false)
	value(t, s, "big", uint64(math.MaxUint64), true)
	value(t, s, "2.0", 2, true)
	value(t, s, "2.5", 0, false)
	value(t, s, "2.5", float32(2.5), true)
	value(t, s, "odd", 0.0, false)
	value(t, s, "NaN", 0, false)
	value(t, s, "7", "", false)
	value(t, s, "7", false, false)
}

func mustValue[T any](t *testing.T, s *ginsession.Session, key string) T {
	t.Helper()
	v, ok := ginsession.Value[T](s, key)
	if !ok {
		t.Errorf("Value[%T](%q) is not there", v, key)
	}
	return v
}

// Gob's values stand in the record as base64 text, the framework's own keys as JSON.
func TestTextOfAGobRecord(t *testing.T) {
	d := newDesk(t, withSerializer(ginsession.Gob), func(cfg *ginsession.Config) { cfg.MaxLifetime = time.Hour })
	s := d.session(t, "")
	s.Set("a", 1)
	s.SetExpiry(ginsession.ExpireAfter(time.Minute))
	save(t, s)
	var record struct {
		A       []byte `json:"a"` // base64 for encoding/json too
		Expiry  int    `json:"_session_expiry"`
		Started int64  `json:"_session_started"`
	}
	if err := json.Unmarshal([]byte(d.store.Text(s.Key())), &record); err != nil {
		t.Fatalf("the record %s: %v", d.store.Text(s.Key()), err)
	}
	var box struct{ Value any }
	if err := gob.NewDecoder(bytes.NewReader(record.A)).Decode(&box); err != nil {
		t.Fatal(err)
	}
	check(t, "the value in the record", box.Value, any(1))
	check(t, "_session_expiry", record.Expiry, 60)
	check(t, "_session_started", record.Started, start.Unix())
	check(t, "ExpiryAge", d.session(t, s.Key()).ExpiryAge(), time.Minute)
}

// What is done inside a container is saved, and reading one is no write.
func TestGobContainers(t *testing.T) {
	registerGobTypes()
	w := newSite(t, withSerializer(ginsession.Gob))
	v := w.visitor(t)
	tags := gobTags{}
	for i := range 20 { // gob writes maps in random order
		tags[fmt.Sprint(i)] = []string{"x"}
	}
	v.post(func(s *ginsession.Session) { s.Set("tags", tags) })
	w.store.Calls()
	v.post(func(s *ginsession.Session) {
		s.Set("tags", tags)
		check(t, "Save", s.Save(), error(nil))
	})
	checkCalls(t, w.store, "Load", "Update")
	for range 5 {
		w.store.Calls()
		v.post(func(s *ginsession.Session) {
			s.Get("tags")
			mustValue[map[string][]string](t, s, "tags")
		})
		checkCalls(t, w.store, "Load")
	}
	v.post(func(s *ginsession.Session) { s.Get("tags").(gobTags)["0"][0] = "changed" })
	v.post(func(s *ginsession.Session) {
		check(t, "a changed element", mustValue[gobTags](t, s, "tags")["0"][0], "changed")
		mustValue[gobTags](t, s, "tags")["1"][0] = "changed"
	})
	v.get(func(s *ginsession.Session) {
		check(t, "another changed element", mustValue[gobTags](t, s, "tags")["1"][0], "changed")
	})
}

func TestGobErrEncode(t *testing.T) {
	for name, v := range map[string]any{
		"a channel":            make(chan int),
		"a function":           func() {},
		"an unregistered type": unregistered{1},
		"one inside":           []any{unregistered{1}},
	} {
		registerGobTypes()
		d := newDesk(t, withSerializer(ginsession.Gob))
		key := d.saved(t, map[string]any{"a": 1})
		before := d.store.Text(key)
		s := d.session(t, key)
		s.Set("culprit", v)
		err := s.Save()
		if !errors.Is(err, ginsession.ErrEncode) {
			t.Errorf("%s: %v, want ErrEncode", name, err)
		}
		checkContains(t, fmt.Sprint(err), `"culprit"`, "gob.Register")
		check(t, "the record is what it was", d.store.Text(key), before)
	}
}

func TestGobModifyAndClaim(t *testing.T) {
	registerGobTypes()
	d := newDesk(t, withSerializer(ginsession.Gob))
	key := d.saved(t, map[string]any{"point": gobPoint{1, 2}, "token": "x"})
	s := d.session(t, key)
	_, err := ginsession.Modify(s, "point", func(p gobPoint, _ bool) gobPoint { return gobPoint{p.X + 1, p.Y} })
	check(t, "Modify", err, error(nil))
	d.somebodyElse(t, key, func(s *ginsession.Session) { s.Set("point", gobPoint{10, 20}) })
	save(t, s)
	check(t, "Get", d.session(t, key).Get("point"), any(gobPoint{11, 20}))
	token, ok, err := ginsession.Claim[string](s, "token")
	check(t, "Claim", []any{token, ok, err}, []any{"x", true, error(nil)})
}

// Bytes that are not Gob's spoil only their own key.
func TestCorruptGob(t *testing.T) {
	registerGobTypes()
	d := newDesk(t, withSerializer(ginsession.Gob))
	key := d.saved(t, map[string]any{"v": gobTags{"a": {"b"}}, "w": 1})
	var record map[string][]byte
	if err := json.Unmarshal([]byte(d.store.Text(key)), &record); err != nil {
		t.Fatal(err)
	}
	spoiled := []string{`1`, `null`, `"!"`, `""`, `"AA"`, `[]`, `NaN`}
	for i := range record["v"] {
		flipped := bytes.Clone(record["v"])
		flipped[i] ^= 0x55
		spoiled = append(spoiled, `"`+base64.StdEncoding.EncodeToString(flipped)+`"`, `"`+base64.StdEncoding.EncodeToString(flipped[:i])+`"`)
	}
	w := `"` + base64.StdEncoding.EncodeToString(record["w"]) + `"`
	for _, raw := range spoiled {
		text := `{"v":` + raw + `,"w":` + w + `}`
		d.store.Put(planted, text)
		s := d.session(t, planted)
		s.Get("v")
		ginsession.Value[gobTags](s, "v")
		check(t, "Get(w) beside "+raw, s.Get("w"), any(1))
		s.Set("x", 1)
		save(t, s)
		if !strings.HasPrefix(d.store.Text(planted), text[:len(text)-1]) {
			t.Errorf("the bytes of %s have become %s", text, d.store.Text(planted))
		}
	}
}

// indented writes JSON as no other part of this module would.
type indented struct{}

func (indented) Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

func (indented) Unmarshal(data []byte, dst any) error { return json.Unmarshal(data, dst) }

// A Serializer that writes JSON has it stand in the record as it is, in ASCII.
func TestSerializerOfJSON(t *testing.T) {
	d := newDesk(t, withSerializer(indented{}))
	s := d.session(t, "")
	s.Set("text", "hé<😀>")
	s.Set("list", []any{1, 2.0})
	s.SetExpiry(ginsession.ExpireAtBrowserClose)
	save(t, s)
	check(t, "the record", d.store.Text(s.Key()), `{"text":"h\u00e9<\ud83d\ude00>","list":[`+"\n 1,\n 2\n]"+`,"_session_expiry":0}`)

	s = d.session(t, s.Key())
	check(t, "Get of text", s.Get("text"), "hé<😀>")
	check(t, "Get of a list, whose types the Serializer chooses", s.Get("list"), any([]any{1.0, 2.0}))
	value(t, s, "list", []int{1, 2}, true)
	check(t, "ExpiresAtBrowserClose", s.ExpiresAtBrowserClose(), true)
	save(t, s)
	s.Get("list").([]any)[0] = "changed"
	save(t, s)
	check(t, "Get of a changed list", d.session(t, s.Key()).Get("list"), any([]any{"changed", 2.0}))

	s.Set("bad", func() {})
	err := s.Save()
	check(t, "Save of a function is ErrEncode", errors.Is(err, ginsession.ErrEncode), true)
	checkContains(t, fmt.Sprint(err), `"bad"`)
}

// reversed writes no JSON.
type reversed struct{}

func (reversed) Marshal(v any) ([]byte, error) {
	text, ok := v.(string)
	if !ok {
		return nil, errors.New("only text")
	}
	b := []byte(text)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return b, nil
}

func (r reversed) Unmarshal(data []byte, dst any) error {
	b, _ := r.Marshal(string(data))
	switch dst := dst.(type) {
	case *any:
		*dst = string(b)
	case *string:
		*dst = string(b)
	default:
		return errors.New("only text")
	}
	return nil
}

// A Serializer that writes something else has it stand in the record as base64 text.
func TestSerializerOfBytes(t *testing.T) {
	d := newDesk(t, withSerializer(reversed{}))
	s := d.session(t, "")
	s.Set("a", "gin\x00\xff")
	s.SetExpiry(ginsession.ExpireAfter(time.Minute))
	save(t, s)
	check(t, "the record", d.store.Text(s.Key()), `{"a":"/wBuaWc=","_session_expiry":60}`)
	s = d.session(t, s.Key())
	check(t, "Get", s.Get("a"), "gin\x00\xff")
	value(t, s, "a", "gin\x00\xff", true)
	value(t, s, "a", 0, false)
	value(t, s, "a", json.RawMessage(`"/wBuaWc="`), true)
	s.Set("b", 1)
	err := s.Save()
	check(t, "Save of a number is ErrEncode", errors.Is(err, ginsession.ErrEncode), true)
	checkContains(t, fmt.Sprint(err), `"b"`, "only text")
}

// wordy writes JSON for the probe at start-up, and something else later.
type wordy struct{ indented }

func (w wordy) Marshal(v any) ([]byte, error) {
	if _, isText := v.(string); isText {
		return w.indented.Marshal(v)
	}
	return []byte("one two"), nil
}

// A Serializer that turns out to write no JSON cannot spoil the record.
func TestSerializerThatBreaksItsWord(t *testing.T) {
	w := newSite(t, withSerializer(wordy{}))
	v := w.visitor(t)
	v.post(func(s *ginsession.Session) { s.Set("a", "text") })
	r := v.post(func(s *ginsession.Session) { s.Set("b", 1) })
	check(t, "status", r.StatusCode, http.StatusInternalServerError)
	check(t, "the record", w.store.Text(v.key()), `{"a":"text"}`)
}

// The JSON serializer by itself.
func TestJSON(t *testing.T) {
	text, err := ginsession.JSON.Marshal(map[string]any{"b": 1.0, "a": "é"})
	check(t, "Marshal", []any{string(text), err}, []any{`{"a":"\u00e9","b":1.0}`, error(nil)})
	var v any
	check(t, "Unmarshal", ginsession.JSON.Unmarshal(text, &v), error(nil))
	check(t, "the value", v, any(map[string]any{"b": 1.0, "a": "é"}))
	var m map[string]float64
	if err := ginsession.JSON.Unmarshal(text, &m); err == nil {
		t.Errorf("Unmarshal into another type gave %v", m)
	}
	for _, bad := range []string{"", "{", "1 2", "nul", `"\ud800"`, "NaN"} {
		if err := ginsession.JSON.Unmarshal([]byte(bad), &v); err == nil {
			t.Errorf("Unmarshal of %q gave %v", bad, v)
		}
		var n int
		if err := ginsession.JSON.Unmarshal([]byte(bad), &n); err == nil {
			t.Errorf("Unmarshal of %q gave %v", bad, n)
		}
		var f float64
		if err := ginsession.JSON.Unmarshal([]byte(bad), &f); err == nil {
			t.Errorf("Unmarshal of %q gave %v", bad, f)
		}
		var s []string
		if err := ginsession.JSON.Unmarshal([]byte(bad), &s); err == nil {
			t.Errorf("Unmarshal of %q gave %v", bad, s)
		}
	}
}

// TestLossyValues has values that would come back as something else: none is saved, and the error
// names the key.
func TestLossyValues(t *testing.T) {
	type named struct{ Text string }
	for name, v := range map[string]any{
		"a struct that is not UTF-8":     named{"\xff"},
		"a map that is not UTF-8":        map[int]named{1: {"\xff"}},
		"a slice that is not UTF-8":      []named{{"\xff"}},
		"an error, which hides its text": errors.New("x"),
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			s := d.session(t, "")
			s.Set("the key", v)
			err := s.Save()
			if !errors.Is(err, ginsession.ErrEncode) {
				t.Fatalf("Save: %v, want ErrEncode", err)
			}
			checkContains(t, err.Error(), `"the key"`)
			check(t, "sessions stored", len(d.store.Keys()), 0)
		})
	}
}

// TestFloatsByNumber has floats in a map by number come back as floats.
func TestFloatsByNumber(t *testing.T) {
	d := newDesk(t)
	s := d.session(t, d.saved(t, map[string]any{"m": map[int]float64{1: 2}}))
	check(t, "m", s.Get("m"), map[string]any{"1": 2.0})
	value(t, s, "m", map[int]float64{1: 2}, true)
}

// A countingGob is Gob and counts what it decodes.
type countingGob struct {
	ginsession.Serializer
	decoded *int
}

func (g countingGob) Unmarshal(data []byte, dst any) error {
	*g.decoded++
	return g.Serializer.Unmarshal(data, dst)
}

// TestGobHostile has somebody who can write to the store, but has not the SecretKey, put a Gob
// value there: no byte of it is decoded.
func TestGobHostile(t *testing.T) {
	registerGobTypes()
	decoded := 0
	counting := withSerializer(countingGob{ginsession.Gob, &decoded})
	d := newDesk(t, counting, withSecret)
	d.store.Put(planted, newDeskRecord(t, counting))
	s := d.session(t, planted)
	check(t, "items", s.Items(), map[string]any{})
	check(t, "key", s.Key(), "")
	check(t, "values decoded", decoded, 0)
	checkContains(t, d.log.String(), "level=WARN")
}

// newDeskRecord returns a record that another manager has written.
func newDeskRecord(t *testing.T, change func(*ginsession.Config)) string {
	t.Helper()
	d := newDesk(t, change)
	return d.store.Text(d.saved(t, map[string]any{"a": map[string]any{"b": 1}}))
}

// TestGobLimit stores no value that could not be read again, and reads no larger one.
func TestGobLimit(t *testing.T) {
	registerGobTypes()
	const limit = 1 << 20
	_, err := ginsession.Gob.Marshal(strings.Repeat("x", limit))
	if err == nil {
		t.Fatal("Marshal of a larger value: no error")
	}
	checkContains(t, err.Error(), "at most 1048576")
	data, err := ginsession.Gob.Marshal(strings.Repeat("x", limit-100))
	check(t, "Marshal", err, nil)
	var v any
	check(t, "Unmarshal", ginsession.Gob.Unmarshal(data, &v), nil)
	if err := ginsession.Gob.Unmarshal(make([]byte, limit+1), &v); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("Unmarshal of a larger value: %v, want an error for its size", err)
	}
}
