package ginsession_test

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
)

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
		members, again, err := ginsession.SplitRecord(text)
		var want map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &want) == nil && want != nil && nesting(text) <= 1000 {
			if err != nil {
				t.Fatalf("%q is an object, and was not read: %v", text, err)
			}
			for key, raw := range want {
				if got, ok := members[key]; ok && got != string(raw) {
					t.Fatalf("%q: the member %q is %q, want %q", text, key, got, raw)
				} else if !ok && !strings.Contains(key, "\ufffd") { // encoding/json's stand-in for what is not Unicode
					t.Fatalf("%q: the member %q is not there", text, key)
				}
			}
		}
		if err != nil {
			return
		}
		members2, again2, err := ginsession.SplitRecord(again)
		if err != nil || again2 != again || !maps.Equal(members, members2) {
			t.Fatalf("%q was written as %q, and read again as %q, %v", text, again, members2, err)
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
		want, _, err := ginsession.SplitRecord(meanwhile)
		if err != nil || len(operations) > 32 {
			return
		}
		d := newDesk(t)
		d.store.put(planted, before)
		s := d.session(t, planted)
		if s.Key() != planted {
			return
		}
		d.store.put(planted, meanwhile)

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
				check(t, "Modify", err, error(nil))
				want[key] = `"modified"`
			case 3:
				s.Clear()
				clear(want)
			case 4:
				s.Get(key)
			}
		}
		save(t, s)
		got, _, err := ginsession.SplitRecord(d.store.text(planted))
		if err != nil || !maps.Equal(got, want) {
			t.Fatalf("%q changed by %v is %q, %v, want %q", meanwhile, operations, got, err, want)
		}
		if stored := d.store.text(planted); !bytes.HasPrefix([]byte(stored), []byte("{")) {
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
		s := d.session(t, "")
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
		if got := d.session(t, s.Key()).Items(); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q and %q came back as %#v", key, text, got)
		}
		var other map[string]any
		if err := json.Unmarshal([]byte(d.store.text(s.Key())), &other); err != nil || !reflect.DeepEqual(other, want) {
			t.Fatalf("encoding/json reads the record %q as %#v, %v", d.store.text(s.Key()), other, err)
		}
	})
}

// FuzzKey compares the check of keys with its definition.
func FuzzKey(f *testing.F) {
	for _, key := range []string{"", "abcdefg", "abcdefgh", "ABCDEFGH", "abcdefg\n", "../../../x", strings.Repeat("0", 64), strings.Repeat("z", 65), "abcdéfgh", "````````", "{{{{{{{{"} {
		f.Add(key)
	}
	definition := regexp.MustCompile(`\A[a-z0-9]{8,64}\z`)
	f.Fuzz(func(t *testing.T, key string) {
		if got, want := ginsession.IsKey(key), definition.MatchString(key); got != want {
			t.Fatalf("IsKey(%q) = %v, want %v", key, got, want)
		}
	})
}
