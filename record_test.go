package ginsession_test

import (
	"bytes"
	"compress/zlib"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/signing"
)

// planted is the key of records that a test puts into the store itself.
const planted = "abcdefgh"

// reopened returns a session whose record has the given text.
func reopened(t *testing.T, text string) (*desk, *ginsession.Session) {
	t.Helper()
	d := newDesk(t)
	d.store.Put(planted, text)
	return d, d.session(t, planted)
}

// Keys that a request does not touch keep their bytes, however they are spelled.
func TestUntouchedKeysKeepTheirBytes(t *testing.T) {
	values := []string{
		`1.0`, `1e+16`, `1E5`, `0.1e1`, `-0`, `-0.0`, `9007199254740993`, `123456789012345678901234567890`, `1e400`,
		`NaN`, `Infinity`, `-Infinity`, `[NaN]`, `{"a":-Infinity}`,
		`"\ud800"`, `"\udc00\ud800"`, `["\ud800x"]`, `{"\udfff":1}`,
		`"\u0061\/\u00e9"`, `"é😀"`, `"\uD83D\uDE00"`, "\"\x7f\"", `""`,
		`{"a":1,"a":2}`, `{"b":1,"a":2}`, `[ 1 , 2 ]`, `{ "a" : [ ] }`, "[\t1,\r\n2]", `[]`, `{}`, `null`, `true`,
	}
	var text strings.Builder
	for i, value := range values {
		fmt.Fprintf(&text, `"k%02d":%s,`, i, value)
	}
	untouched := text.String()
	d, s := reopened(t, "{"+untouched+`"a":1,"b":2}`)
	s.Items()
	s.Values()
	s.Set("a", 3)
	_ = s.Delete("b")
	s.Set("c", "new")
	save(t, s)
	check(t, "the record", d.store.Text(planted), "{"+untouched+`"a":3,"c":"new"}`)

	// Nor does a second save in the same request, a merge, or a new key change them.
	d.somebodyElse(t, planted, func(s *ginsession.Session) { s.Set("d", 4) })
	s.Set("a", 5)
	save(t, s)
	check(t, "CycleKey", s.CycleKey(), error(nil))
	save(t, s)
	check(t, "the record", d.store.Text(s.Key()), "{"+untouched+`"a":5,"c":"new","d":4}`)
}

// The names of keys keep their spelling too.
func TestNamesKeepTheirSpelling(t *testing.T) {
	d, s := reopened(t, `{ "\u0061" : 1 , "é":2,"\ud800":3,"\ud801":4,"\ufffd":5,"":6}`)
	check(t, "Get(a)", s.Get("a"), int64(1))
	check(t, "Get(é)", s.Get("é"), int64(2))
	check(t, "Get of the empty key", s.Get(""), int64(6))
	check(t, "Get of U+FFFD", s.Get("\ufffd"), int64(5))
	check(t, "Len", s.Len(), 6)
	s.Set("a", 7)
	save(t, s)
	check(t, "the record", d.store.Text(planted), `{"\u0061":7,"é":2,"\ud800":3,"\ud801":4,"\ufffd":5,"":6}`)

	for _, key := range s.Keys() {
		if key != "a" {
			check(t, "Delete", s.Delete(key), error(nil))
		}
	}
	save(t, s)
	check(t, "the record", d.store.Text(planted), `{"\u0061":7}`)
}

// A value that Go has no counterpart for spoils only the reading of its own key.
func TestUnreadableValues(t *testing.T) {
	for _, raw := range []string{`NaN`, `-Infinity`, `[1,NaN]`, `"\ud800"`, `{"a":"x\udc00"}`, `{"\ud800":1}`} {
		t.Run(raw, func(t *testing.T) {
			record := `{"a":1,"odd":` + raw + `,"b":[2]}`
			d, s := reopened(t, record)
			check(t, "Get(a)", s.Get("a"), int64(1))
			check(t, "Get(b)", s.Get("b"), any([]any{int64(2)}))
			check(t, "Get", s.Get("odd"), nil)
			v, ok := s.Lookup("odd")
			check(t, "Lookup", []any{v, ok}, []any{nil, false})
			check(t, "Has", s.Has("odd"), true)
			check(t, "SetDefault", s.SetDefault("odd", 1), nil)
			check(t, "Items", s.Items(), map[string]any{"a": int64(1), "odd": nil, "b": []any{int64(2)}})
			value(t, s, "odd", "", false)
			value(t, s, "odd", 0.0, false)
			value(t, s, "odd", 0, false)
			value(t, s, "odd", []any(nil), false)
			value(t, s, "odd", map[string]any(nil), false)
			value(t, s, "odd", []float64(nil), false)
			value(t, s, "odd", map[string]string(nil), false)
			value(t, s, "odd", struct{ A string }{}, false)
			value(t, s, "odd", json.RawMessage(raw), true)
			if _, err := ginsession.Modify(s, "odd", func(any, bool) any { return 1 }); err == nil || !strings.Contains(err.Error(), `"odd"`) {
				t.Errorf("Modify: %v, want an error that names the key", err)
			}
			if _, ok, err := ginsession.Claim[any](s, "odd"); ok || err == nil || !strings.Contains(err.Error(), `"odd"`) {
				t.Errorf("Claim: %v, %v, want an error that names the key", ok, err)
			}
			check(t, "Modified", s.Modified(), false)
			check(t, "Err", s.Err(), error(nil))
			save(t, s)
			check(t, "the record", d.store.Text(planted), record)

			v, ok = s.Pop("odd")
			check(t, "Pop", []any{v, ok}, []any{nil, true})
			save(t, s)
			check(t, "the record without it", d.store.Text(planted), `{"a":1,"b":[2]}`)
			s.Set("odd", "even")
			save(t, s)
			check(t, "the record with another", d.store.Text(planted), `{"a":1,"b":[2],"odd":"even"}`)
		})
	}
}

// A lone surrogate anywhere is unreadable, a replacement character is not.
func TestEscapes(t *testing.T) {
	for raw, want := range map[string]any{
		`"\ufffd"`:                  "\ufffd",
		`"\"\\\/\b\f\n\r\t"`:        "\"\\/\b\f\n\r\t",
		`"\u0000\u001f\u007f"`:      "\x00\x1f\x7f",
		`"\ud83d\ude00"`:            "😀",
		`"\uD83D\uDE00\u00E9"`:      "😀é",
		`"\ud83d\ude00\ude00"`:      nil,
		`"\ud83d\ud83d\ude00"`:      nil,
		`"\ud83d\\ude00"`:           nil,
		`"\ud83dx\ude00"`:           nil,
		`"\\ud800"`:                 `\ud800`,
		`"é😀"`:                      "é😀",
		`{"\ud83d\ude00":"\u00e9"}`: map[string]any{"😀": "é"},
	} {
		_, s := reopened(t, `{"k":`+raw+`}`)
		check(t, "Get of "+raw, s.Get("k"), want)
	}
}

// The types that Get gives.
func TestTypesOfGet(t *testing.T) {
	for raw, want := range map[string]any{
		`null`:                    nil,
		`true`:                    true,
		`false`:                   false,
		`0`:                       int64(0),
		`-0`:                      int64(0),
		`9223372036854775807`:     int64(math.MaxInt64),
		`-9223372036854775808`:    int64(math.MinInt64),
		`9223372036854775808`:     json.Number("9223372036854775808"),
		`-9223372036854775809`:    json.Number("-9223372036854775809"),
		`1.0`:                     1.0,
		`1e2`:                     100.0,
		`1E-2`:                    0.01,
		`-0.0`:                    math.Copysign(0, -1),
		`1e+16`:                   1e16,
		`4.9e-324`:                math.SmallestNonzeroFloat64,
		`1e400`:                   json.Number("1e400"),
		`"x"`:                     "x",
		`[]`:                      []any{},
		`{}`:                      map[string]any{},
		`[1,1.0,[null]]`:          []any{int64(1), 1.0, []any{nil}},
		`{"a":{"b":[true]}}`:      map[string]any{"a": map[string]any{"b": []any{true}}},
		`{"a":1,"a":2}`:           map[string]any{"a": int64(2)},
		`[99999999999999999999]`:  []any{json.Number("99999999999999999999")},
		" [ 1 ,\t2 ] ":            []any{int64(1), int64(2)},
		`"\u00e9"`:                "é",
		`{"":""}`:                 map[string]any{"": ""},
		`0.30000000000000004`:     0.1 + 0.2*float64(one),
		`1.7976931348623157e+308`: math.MaxFloat64,
	} {
		_, s := reopened(t, `{"k":`+raw+`}`)
		check(t, "Get of "+raw, s.Get("k"), want)
	}
	_, s := reopened(t, `{"k":-0.0}`)
	if f, _ := s.Get("k").(float64); !math.Signbit(f) {
		t.Error("-0.0 has lost its sign")
	}
}

// one keeps the compiler from adding exactly.
var one = 1

// The text of a record: JSON in ASCII, as Python's json.dumps writes it with the separators
// "," and ":".
func TestTextOfARecord(t *testing.T) {
	type named string
	type level int
	for _, test := range []struct {
		value any
		want  string
	}{
		{nil, `null`}, {true, `true`}, {false, `false`},
		{0, `0`}, {-5, `-5`}, {int8(-128), `-128`}, {uint64(math.MaxUint64), `18446744073709551615`}, {level(3), `3`},
		{1.0, `1.0`}, {-0.5, `-0.5`}, {1e15, `1000000000000000.0`}, {1e16, `1e+16`}, {1e22, `1e+22`},
		{0.0001, `0.0001`}, {0.00001, `1e-05`}, {math.Copysign(0, -1), `-0.0`}, {0.1 + 0.2*float64(one), `0.30000000000000004`},
		{123456789.125, `123456789.125`}, {math.MaxFloat64, `1.7976931348623157e+308`}, {5e-324, `5e-324`}, {float32(0.1), `0.1`},
		{"", `""`}, {"a<b>&c", `"a<b>&c"`}, {"hé😀", `"h\u00e9\ud83d\ude00"`}, {"\u2028", `"\u2028"`}, {"\ufffd", `"\ufffd"`},
		{"\"\\/\b\f\n\r\t\x00\x1f\x7f", `"\"\\/\b\f\n\r\t\u0000\u001f\u007f"`}, {named("é"), `"\u00e9"`},
		{[]any{}, `[]`}, {[]any(nil), `null`}, {[]string{"é"}, `["\u00e9"]`}, {[2]float64{1, 2.5}, `[1.0,2.5]`}, {[]int(nil), `null`},
		{map[string]any{}, `{}`}, {map[string]any(nil), `null`}, {map[string]float64{"é": 1}, `{"\u00e9":1.0}`},
		{map[named]any{"b": 1, "a": []any{2.0}}, `{"a":[2.0],"b":1}`}, {map[int]string{2: "b", 1: "a"}, `{"1":"a","2":"b"}`},
		{[]byte("hi"), `"aGk="`}, {[2]byte{1, 2}, `[1,2]`},
		{struct {
			A string `json:"a"`
			B int    `json:"b,omitempty"`
		}{A: "é"}, `{"a":"\u00e9"}`},
		{pointer(5), `5`}, {pointer(1.0), `1.0`}, {pointer([]float64{1}), `[1.0]`}, {(*int)(nil), `null`},
		{json.Number("12345678901234567890123"), `12345678901234567890123`}, {json.RawMessage(`{ "a": [1.0, "é"] }`), `{"a":[1.0,"\u00e9"]}`},
		{time.Date(2026, 11, 23, 4, 45, 0, 0, time.UTC), `"2026-11-23T04:45:00Z"`}, {time.Minute, `60000000000`},
		{textual{"é"}, `"text \u00e9"`}, {[]textual{{"a"}}, `["text a"]`}, {map[textual]int{{"a"}: 1}, `{"text a":1}`},
		{pointer(pointed("é")), `"pointed \u00e9"`}, {[]pointed{"a"}, `["pointed a"]`}, {[]*pointed{pointer(pointed("a")), nil}, `["pointed a",null]`},
	} {
		d := newDesk(t)
		s := d.session(t, "")
		s.Set("é\"", test.value)
		save(t, s)
		check(t, fmt.Sprintf("the text of %#v", test.value), d.store.Text(s.Key()), `{"\u00e9\"":`+test.want+`}`)
	}
}

// textual has a text of its own.
type textual struct{ s string }

var _ encoding.TextMarshaler = textual{}

func (v textual) MarshalText() ([]byte, error) { return []byte("text " + v.s), nil }

// pointed has a JSON form of its own only if it is addressable.
type pointed string

func (p *pointed) MarshalJSON() ([]byte, error) { return json.Marshal("pointed " + string(*p)) }

// Every float comes back as the float it was, every whole number as the number it was.
func TestNumbersRoundTrip(t *testing.T) {
	d := newDesk(t)
	rapid.Check(t, func(rt *rapid.T) {
		f := rapid.Float64().Filter(func(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }).Draw(rt, "float")
		n := rapid.Int64().Draw(rt, "int")
		s := d.session(t, "")
		s.Set("float", f)
		s.Set("int", n)
		if err := s.Save(); err != nil {
			rt.Fatal(err)
		}
		s = d.session(t, s.Key())
		if got, ok := s.Get("float").(float64); !ok || math.Float64bits(got) != math.Float64bits(f) {
			rt.Fatalf("the float %v came back as %#v", f, s.Get("float"))
		}
		if got := s.Get("int"); got != n {
			rt.Fatalf("the number %v came back as %#v", n, got)
		}
		raw, _ := ginsession.Value[json.RawMessage](s, "float")
		if back, err := strconv.ParseFloat(string(raw), 64); err != nil || back != f || !bytes.ContainsAny(raw, ".e") {
			rt.Fatalf("the float %v is written as %s", f, raw)
		}
	})
}

// Text comes back as it was, and its record is ASCII that encoding/json reads alike.
func TestTextRoundTrips(t *testing.T) {
	d := newDesk(t)
	rapid.Check(t, func(rt *rapid.T) {
		key, text := rapid.String().Draw(rt, "key"), rapid.String().Draw(rt, "text")
		s := d.session(t, "")
		s.Set(key, text)
		if err := s.Save(); err != nil {
			rt.Fatal(err)
		}
		record := d.store.Text(s.Key())
		for i := range len(record) {
			if record[i] >= 0x7f || record[i] < ' ' {
				rt.Fatalf("the record %q is not printable ASCII", record)
			}
		}
		var other map[string]string
		if err := json.Unmarshal([]byte(record), &other); err != nil || !reflect.DeepEqual(other, map[string]string{key: text}) {
			rt.Fatalf("encoding/json reads %q as %q, %v", record, other, err)
		}
		if got := d.session(t, s.Key()).Items(); !reflect.DeepEqual(got, map[string]any{key: text}) {
			rt.Fatalf("%q came back as %q", text, got)
		}
	})
}

// What can be saved can be read again, however deep it is nested.
func TestNesting(t *testing.T) {
	nested := map[string]func(depth int) any{
		"[]any": func(depth int) any {
			v := any(1)
			for range depth {
				v = []any{v}
			}
			return v
		},
		"empty at the bottom": func(depth int) any {
			v := any([]any{})
			for range depth - 1 {
				v = map[string]any{"a": v}
			}
			return v
		},
		"a linked list": func(depth int) any {
			var v *link
			for range depth {
				v = &link{v}
			}
			return v
		},
		"RawMessage": func(depth int) any {
			return json.RawMessage(strings.Repeat("[", depth) + strings.Repeat("]", depth))
		},
	}
	for name, build := range nested {
		t.Run(name, func(t *testing.T) {
			for _, depth := range []int{900, 997, 998, 999, 1000, 1001, 1002, 2000} {
				d := newDesk(t)
				s := d.session(t, "")
				s.Set("a", 1)
				save(t, s)
				s.Set("deep", build(depth))
				err := s.Save()
				if depth == 900 && err != nil {
					t.Errorf("depth %d: %v", depth, err)
				}
				if err != nil && !errors.Is(err, ginsession.ErrEncode) {
					t.Errorf("depth %d: %v, want ErrEncode", depth, err)
				}
				again := d.session(t, s.Key())
				check(t, fmt.Sprintf("Get at depth %d", depth), again.Get("a"), int64(1))
				if _, ok := again.Lookup("deep"); err == nil && !ok {
					t.Errorf("depth %d was saved and cannot be read", depth)
				}
			}
		})
	}
}

type link struct{ Next *link }

// A key that stands in a record twice is the last one's, as for Python.
func TestKeyTwice(t *testing.T) {
	d, s := reopened(t, `{"a":1,"b":2,"\u0061":3}`)
	check(t, "Items", s.Items(), map[string]any{"a": int64(3), "b": int64(2)})
	s.Set("c", 4)
	save(t, s)
	check(t, "Items when saved", d.session(t, planted).Items(), map[string]any{"a": int64(3), "b": int64(2), "c": int64(4)})
}

const testSecret = "ginsession-test-secret"

func withSecret(cfg *ginsession.Config) { cfg.SecretKey = testSecret }

// at1700000000 is the time of the vectors below.
func at1700000000(d *desk) { d.clock.Advance(time.Unix(1700000000, 0).Sub(d.clock.Now())) }

// What Django 3.2, 4.2 and 5.2 write byte for byte.
func TestSignedRecord(t *testing.T) {
	for _, test := range []struct {
		key   string
		value any
		want  string
	}{
		{"a", 1, "eyJhIjoxfQ:1r31eq:81r30uD1FfxbBH73rMGh7j2dsvWDHaOsqA3GEdADOVo"},
		{"u", "hé😀", "eyJ1IjoiaFx1MDBlOVx1ZDgzZFx1ZGUwMCJ9:1r31eq:EjYsyjEFkOSutWO29QQWMCBYB2kZpE5dPPhkChwzBW0"},
	} {
		d := newDesk(t, withSecret)
		at1700000000(d)
		s := d.session(t, "")
		s.Set(test.key, test.value)
		save(t, s)
		check(t, "the record", d.store.Text(s.Key()), test.want)
	}
}

// Records that Django has signed are read, compressed ones too.
func TestReadingDjangosRecords(t *testing.T) {
	for record, want := range map[string]map[string]any{
		"eyJhIjoxfQ:1r31eq:81r30uD1FfxbBH73rMGh7j2dsvWDHaOsqA3GEdADOVo":                           {"a": int64(1)},
		"eyJ1IjoiaFx1MDBlOVx1ZDgzZFx1ZGUwMCJ9:1r31eq:EjYsyjEFkOSutWO29QQWMCBYB2kZpE5dPPhkChwzBW0": {"u": "hé😀"},
		".eJyrVspWslKqGCZAqRYAxxtf5g:1r31eq:m7aDPLZUVTeHwKw_HJ8JkdBehLt940KO82icXuZXWp8":          {"k": strings.Repeat("x", 200)},
	} {
		d := newDesk(t, withSecret)
		d.store.Put(planted, record)
		s := d.session(t, planted)
		check(t, "Items", s.Items(), want)
		s.Set("more", true)
		save(t, s)
		want["more"] = true
		check(t, "Items when saved", d.session(t, planted).Items(), want)
	}
}

// With a SecretKey, a record counts only with its signature.
func TestSignedRecordsOnly(t *testing.T) {
	const signed = "eyJhIjoxfQ:1r31eq:81r30uD1FfxbBH73rMGh7j2dsvWDHaOsqA3GEdADOVo"
	secrets := func(secret, salt string, fallbacks ...string) func(*ginsession.Config) {
		return func(cfg *ginsession.Config) {
			cfg.SecretKey, cfg.Salt, cfg.SecretKeyFallbacks = secret, salt, fallbacks
		}
	}
	for _, test := range []struct {
		name   string
		record string
		change func(*ginsession.Config)
		read   bool
	}{
		{"the key", signed, secrets(testSecret, ""), true},
		{"a fallback", signed, secrets("new", "", "other", testSecret), true},
		{"Django's salt by name", signed, secrets(testSecret, "django.contrib.sessions.SessionStore"), true},
		{"a retired key", signed, secrets("new", "", "other"), false},
		{"another salt", signed, secrets(testSecret, "shop.sessions.SessionStore"), false},
		{"the cookies' salt", "eyJhIjoxfQ:1r31eq:KXjVkR_q2VRYWmPo8_G89_SR_tGkt9C9QM00-WaU3g4", secrets(testSecret, ""), false},
		{"unsigned", `{"a":1}`, secrets(testSecret, ""), false},
		{"no signature", "eyJhIjoxfQ", secrets(testSecret, ""), false},
		{"an empty signature", "eyJhIjoxfQ:1r31eq:", secrets(testSecret, ""), false},
		{"a cut signature", signed[:len(signed)-1], secrets(testSecret, ""), false},
		{"a line break", signed + "\n", secrets(testSecret, ""), false},
		{"another payload", strings.Replace(signed, "eyJhIjoxfQ", "eyJhIjoyfQ", 1), secrets(testSecret, ""), false},
		{"another time", strings.Replace(signed, "1r31eq", "1r31er", 1), secrets(testSecret, ""), false},
		{"signed, where none is expected", signed, func(*ginsession.Config) {}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newDesk(t, test.change)
			d.log.Clear()
			d.store.Put(planted, test.record)
			s := d.session(t, planted)
			check(t, "Has", s.Has("a"), test.read)
			check(t, "Err", s.Err(), error(nil))
			check(t, "a warning was logged", strings.Contains(d.log.String(), "level=WARN"), !test.read)
			if strings.Contains(d.log.String(), planted) || strings.Contains(d.log.String(), testSecret) {
				t.Error("the log shows a key")
			}
			s.Set("b", 2)
			save(t, s)
			check(t, "the key was kept", s.Key() == planted, test.read)
			check(t, "the record was left alone", d.store.Text(planted) == test.record, !test.read)
		})
	}
}

// With fallbacks set, what is written is signed with the current key.
func TestRotation(t *testing.T) {
	d := newDesk(t, func(cfg *ginsession.Config) {
		cfg.SecretKey, cfg.SecretKeyFallbacks = "new", []string{testSecret}
	})
	d.store.Put(planted, "eyJhIjoxfQ:1r31eq:81r30uD1FfxbBH73rMGh7j2dsvWDHaOsqA3GEdADOVo")
	s := d.session(t, planted)
	s.Set("b", 2)
	save(t, s)

	later := newDesk(t, func(cfg *ginsession.Config) { cfg.SecretKey = "new" })
	later.store.Put(planted, d.store.Text(planted))
	check(t, "Items", later.session(t, planted).Items(), map[string]any{"a": int64(1), "b": int64(2)})
}

// A signed record is compressed if that makes it shorter; an unsigned record never is.
func TestCompression(t *testing.T) {
	long := strings.Repeat("x", 500)
	for _, test := range []struct {
		name       string
		secret     bool
		value      string
		compressed bool
	}{
		{"signed and long", true, long, true},
		{"signed and short", true, "x", false},
		{"unsigned and long", false, long, false},
	} {
		d := newDesk(t, func(cfg *ginsession.Config) {
			if test.secret {
				cfg.SecretKey = testSecret
			}
		})
		s := d.session(t, "")
		s.Set("k", test.value)
		save(t, s)
		check(t, test.name+": compressed", strings.HasPrefix(d.store.Text(s.Key()), "."), test.compressed)
		check(t, test.name+": shorter", len(d.store.Text(s.Key())) < len(test.value), test.compressed)
		check(t, test.name+": Get", d.session(t, s.Key()).Get("k"), any(test.value))
	}
}

// A genuine record that inflates beyond 1 MiB is not an empty session: the site cannot tell.
func TestRecordTooLargeToInflate(t *testing.T) {
	signer, err := signing.NewTimestampSigner(signing.Config{SecretKey: testSecret, Salt: "django.contrib.sessions.SessionStore"})
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	_, _ = z.Write([]byte(`{"a":"` + strings.Repeat("x", 3<<20) + `"}`))
	_ = z.Close()
	bomb := signer.Sign("."+base64.RawURLEncoding.EncodeToString(packed.Bytes()), start)
	w := newSite(t, withSecret)
	w.store.Put(planted, bomb)
	v := w.visitor(t)
	v.setKey(planted)
	r := v.get(func(s *ginsession.Session) {
		if !errors.Is(s.Load(), ginsession.ErrUnavailable) {
			t.Errorf("Load: %v, want ErrUnavailable", s.Err())
		}
	})
	check(t, "status", r.StatusCode, http.StatusServiceUnavailable)
	check(t, "the key is kept", v.key(), planted)
}

func pointer[T any](v T) *T { return &v }
