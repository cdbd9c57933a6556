// Package fuzz has the fuzz tests of the root package. They stand apart from its other tests, because
// go test -fuzz builds everything that a package's tests import, and those import every driver.
package fuzz

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/pyjson"
	"github.com/ginsession/ginsession/internal/testsite"
)

const planted = "k7f2m9q4x1z8b5n3v6c0l2j4h8g1d9s5"

func newDesk(t *testing.T) *testsite.Desk {
	return testsite.NewDesk(t, func(cfg *ginsession.Config) { cfg.HashKeys = ginsession.Off })
}

// members returns those of a record's text.
func members(text string) (map[string]string, error) {
	found := map[string]string{}
	err := pyjson.Members(text, func(name, raw string) {
		key, _ := pyjson.Unescape(name)
		found[key] = raw
	})
	return found, err
}

// saved returns what a session writes whose record has the text, or false if it is not believed.
func saved(t *testing.T, text string) (again string, ok bool) {
	d := newDesk(t)
	d.Store.Put(planted, text)
	s := d.Open(t.Context(), planted)
	s.MarkModified()
	if s.Key() != planted {
		return "", false
	}
	if err := s.Save(); err != nil {
		t.Fatalf("Save of %q: %v", text, err)
	}
	return d.Store.Text(planted), true
}

// values are texts of JSON values, sound and spoiled, that the fuzz tests begin with.
var values = []string{
	`null`, `true`, `-0`, `12345678901234567890`, `1.5e-3`, `1e400`, `NaN`, `-Infinity`, `"\ud83d\ude00"`, `"\ud800"`, `"é\u00e9\/"`,
	`[]`, `[1,[2,{"a":[]}]]`, `{"a":1,"a":2,"\u0061":3}`, `{"b":{"a":NaN}}`, "[ 1 ,\t2\n]", `01`, `1.`, `"`, `"\x"`, `tru`, `[1,]`, `{"a"}`,
	`"` + "\xff\x7f" + `"`, strings.Repeat("[", 1001), `--1`, `1e`, `{"a":1}x`,
}

// nesting is at least as much as raw is nested.
func nesting(raw string) int { return strings.Count(raw, "[") + strings.Count(raw, "{") }

// FuzzRecord splits the text of a record, compares the members with what encoding/json makes of
// them, and writes them again.
func FuzzRecord(f *testing.F) {
	for _, v := range values {
		f.Add(`{"k":` + v + `}`)
		f.Add(` { "a" : ` + v + ` , "\ud800":1,"é":` + v + `}`)
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, text string) {
		again, ok := saved(t, text)
		got, err := members(text)
		if ok != (err == nil) {
			t.Fatalf("%q was believed: %v, but: %v", text, ok, err)
		}
		var want map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &want) == nil && want != nil && nesting(text) <= 1000 {
			if !ok {
				t.Fatalf("%q is an object, and was not read: %v", text, err)
			}
			for key, raw := range want {
				if got, there := got[key]; there && got != string(raw) {
					t.Fatalf("%q: the member %q is %q, want %q", text, key, got, raw)
				} else if !there && !strings.Contains(key, "\ufffd") { // encoding/json's stand-in for what is not Unicode
					t.Fatalf("%q: the member %q is not there", text, key)
				}
			}
		}
		if !ok {
			return
		}
		gotAgain, err := members(again)
		if err != nil || !maps.Equal(got, gotAgain) {
			t.Fatalf("%q was written as %q, which is read as %q, %v", text, again, gotAgain, err)
		}
		if third, _ := saved(t, again); third != again {
			t.Fatalf("%q was written as %q, and that as %q", text, again, third)
		}
	})
}

// FuzzMerge has one request change a session while another stores any record whatever: what the
// request did is done to that record, and every other member keeps its bytes.
func FuzzMerge(f *testing.F) {
	for i, v := range values {
		f.Add(`{"a":1,"b":`+v+`}`, `{"b":`+v+`,"a":`+v+`,"c":2}`, []byte{byte(i), byte(i + 1), byte(i * 3), byte(i * 5)})
	}
	f.Add(`{"a":1}`, `{"b":1}`, []byte("\x00\x01\x05\x06\x0b\x10"))
	f.Fuzz(func(t *testing.T, before, meanwhile string, operations []byte) {
		want, err := members(meanwhile)
		if err != nil || len(operations) > 32 {
			return
		}
		d := newDesk(t)
		d.Store.Put(planted, before)
		s := d.Open(t.Context(), planted)
		if s.Key() != planted {
			return
		}
		d.Store.Put(planted, meanwhile)

		names := []string{"a", "b", "c", "é", "\ufffd"}
		for i, operation := range operations {
			key := names[int(operation)%len(names)]
			switch int(operation) / len(names) % 5 {
			case 0:
				s.Set(key, i)
				want[key] = strconv.Itoa(i)
			case 1:
				if s.Delete(key) == nil {
					delete(want, key)
				}
			case 2:
				_, err := ginsession.Modify(s, key, func(json.RawMessage, bool) json.RawMessage { return json.RawMessage(`"modified"`) })
				if err != nil {
					t.Fatal(err)
				}
				want[key] = `"modified"`
			case 3:
				s.Clear()
				clear(want)
			case 4:
				s.Get(key)
			}
		}
		if err := s.Save(); err != nil {
			t.Fatal(err)
		}
		got, err := members(d.Store.Text(planted))
		if err != nil || !maps.Equal(got, want) {
			t.Fatalf("%q changed by %v is %q, %v, want %q", meanwhile, operations, got, err, want)
		}
		if stored := d.Store.Text(planted); !bytes.HasPrefix([]byte(stored), []byte("{")) {
			t.Fatalf("the record is %q", stored)
		}
	})
}

// FuzzText stores any text under any name: it comes back, or is refused for what it is.
func FuzzText(f *testing.F) {
	for _, text := range []string{"", "é😀", "\x00\x1f\x7f\"\\/", "\xff", "\xed\xa0\x80", "\u2028\ufffd", "_session_expiry"} {
		f.Add(text, "x")
		f.Add("k", text)
	}
	f.Fuzz(func(t *testing.T, key, text string) {
		d := newDesk(t)
		s := d.Open(t.Context(), "")
		s.Set(key, text)
		s.Set("in", []any{map[string]any{key: text}})
		err := s.Save()
		if valid := utf8.ValidString(key) && utf8.ValidString(text) && !strings.HasPrefix(key, "_session_"); valid != (err == nil) {
			t.Fatalf("Save of %q and %q: %v", key, text, err)
		}
		if err != nil || key == "in" {
			return
		}
		want := map[string]any{key: text, "in": []any{map[string]any{key: text}}}
		if got := d.Open(t.Context(), s.Key()).Items(); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q and %q came back as %#v", key, text, got)
		}
		var other map[string]any
		if err := json.Unmarshal([]byte(d.Store.Text(s.Key())), &other); err != nil || !reflect.DeepEqual(other, want) {
			t.Fatalf("encoding/json reads the record %q as %#v, %v", d.Store.Text(s.Key()), other, err)
		}
	})
}

// FuzzKey looks for a key that is looked up in the store although it is none.
func FuzzKey(f *testing.F) {
	for _, key := range []string{"", "abcdefg", "abcdefgh", "ABCDEFGH", "abcdefg\n", "../../../x", strings.Repeat("0", 64), strings.Repeat("z", 65), "abcdéfgh", "````````", "{{{{{{{{"} {
		f.Add(key)
	}
	definition := regexp.MustCompile(`\A[a-z0-9]{8,64}\z`)
	f.Fuzz(func(t *testing.T, key string) {
		d := newDesk(t)
		d.Open(t.Context(), key).Load()
		if got, want := len(d.Store.Calls()) == 1, definition.MatchString(key); got != want {
			t.Fatalf("the key %q was looked up: %v, want %v", key, got, want)
		}
	})
}
