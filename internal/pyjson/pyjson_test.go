package pyjson_test

import (
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ginsession/ginsession/internal/pyjson"
)

// values are texts of JSON values, sound and spoiled, that the fuzz tests begin with.
var values = []string{
	`null`, `true`, `-0`, `12345678901234567890`, `1.5e-3`, `1e400`, `NaN`, `-Infinity`, `"\ud83d\ude00"`, `"\ud800"`, `"é\u00e9\/"`,
	`[]`, `[1,[2,{"a":[]}]]`, `{"a":1,"a":2,"\u0061":3}`, `{"b":{"a":NaN}}`, "[ 1 ,\t2\n]", `01`, `1.`, `"`, `"\x"`, `tru`, `[1,]`, `{"a"}`,
	`"` + "\xff\x7f" + `"`, strings.Repeat("[", 1001), `--1`, `1e`, `{"a":1}x`,
}

// FuzzDecode compares what Decode makes of a value with what encoding/json makes of it.
func FuzzDecode(f *testing.F) {
	for _, v := range values {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := pyjson.Decode(raw)
		if err == nil && !json.Valid([]byte(raw)) {
			t.Fatalf("%q is no JSON, and was read as %#v", raw, got)
		}
		want, wantErr := reference(raw)
		if wantErr != nil || !utf8.ValidString(raw) || raw != strings.TrimSpace(raw) || nesting(raw) >= 1000 {
			return
		}
		if errors.Is(err, pyjson.ErrUnreadable) && strings.Contains(raw, `\u`) {
			return // a lone surrogate, for which encoding/json has a replacement
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q is %#v, %v, want %#v", raw, got, err, want)
		}
	})
}

// reference reads JSON with encoding/json, and numbers by the rules of Session.Get.
func reference(raw string) (any, error) {
	d := json.NewDecoder(strings.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, io.ErrUnexpectedEOF
	}
	return numbered(v), nil
}

func numbered(v any) any {
	switch v := v.(type) {
	case json.Number:
		if strings.ContainsAny(string(v), ".eE") {
			if f, err := strconv.ParseFloat(string(v), 64); err == nil {
				return f
			}
		} else if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return n
		}
	case []any:
		for i := range v {
			v[i] = numbered(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = numbered(v[key])
		}
	}
	return v
}

// nesting is at least as much as raw is nested.
func nesting(raw string) int { return strings.Count(raw, "[") + strings.Count(raw, "{") }

// Every byte means what it means at any place of a string of any length.
func TestBytesOfStrings(t *testing.T) {
	for length := range 20 {
		for place := range length {
			for b := range byte(utf8.RuneSelf) {
				text := []byte(strings.Repeat("x", length))
				text[place] = b
				raw := `"` + string(text) + `"`
				want, wantErr := reference(raw)
				got, err := pyjson.Decode(raw)
				if (err == nil) != (wantErr == nil) || err == nil && !reflect.DeepEqual(got, want) {
					t.Fatalf("%q is %#v, %v, want %#v, %v", raw, got, err, want, wantErr)
				}
			}
		}
	}
}
