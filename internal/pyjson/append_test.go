package pyjson_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession/internal/pyjson"
)

type (
	plain  struct{ Text string }
	tagged struct {
		Text string `json:"-"`
	}
	outer struct {
		plain
		In  map[string][]plain
		Any any
		Raw json.RawMessage
	}
	hidden  struct{ n int }
	pointer struct{ n int } // has MarshalJSON on its address only
	texter  struct{ text string }
	endless []endless
)

func (p *pointer) MarshalJSON() ([]byte, error) { return json.Marshal(p.n) }

func (t texter) MarshalText() ([]byte, error) { return []byte(t.text), nil }

func TestAppend(t *testing.T) {
	for name, c := range map[string]struct {
		value any
		want  string
	}{
		"floats by number":            {map[int]float64{1: 2, -1: 1, 10: 0.5}, `{"-1":1.0,"1":2.0,"10":0.5}`},
		"floats by unsigned number":   {map[uint8]float32{200: 2}, `{"200":2.0}`},
		"floats by text":              {map[texter]float64{{"a"}: 2}, `{"a":2.0}`},
		"floats further in":           {map[int][]any{1: {2.0}}, `{"1":[2.0]}`},
		"an array behind a pointer":   {&[2]pointer{{1}, {2}}, `[1,2]`},
		"an array":                    {[2]pointer{{1}, {2}}, `[1,2]`},
		"arrays in an array":          {&[1][2]pointer{{{1}, {2}}}, `[[1,2]]`},
		"arrays in a slice":           {[][1]pointer{{{1}}}, `[[1]]`},
		"a slice":                     {[]pointer{{1}}, `[1]`},
		"a struct with pointer's way": {pointer{1}, `1`},
		"a big number":                {*big.NewInt(7), `7`},
		"a date":                      {time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), `"2026-11-23T00:00:00Z"`},
		"no fields":                   {map[string]struct{}{"a": {}}, `{"a":{}}`},
		"a type that leads to itself": {endless{{}, nil}, `[[],null]`},
		"no struct":                   {(*hidden)(nil), `null`},
		"the replacement character":   {plain{"\ufffd"}, `{"Text":"\ufffd"}`},
		"its escape in JSON":          {outer{Raw: json.RawMessage(`"\ufffd"`)}, `{"Text":"","In":null,"Any":null,"Raw":"\ufffd"}`},
		"the escape's text":           {plain{`\ufffd`}, `{"Text":"\\ufffd"}`},
		"not UTF-8, and left out":     {[]any{tagged{"\xff"}, plain{`\ufffd`}}, `[{},{"Text":"\\ufffd"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := pyjson.Append(nil, c.value)
			if err != nil || string(got) != c.want {
				t.Errorf("Append: %s, %v; want %s", got, err, c.want)
			}
		})
	}
}

// TestAppendRefuses has values that would come back as something else.
func TestAppendRefuses(t *testing.T) {
	const utf8, hides = "not UTF-8", "no exported field"
	for name, c := range map[string]struct {
		value any
		want  string
	}{
		"in a struct":              {plain{"a\xff"}, utf8},
		"in a pointer's struct":    {&plain{"a\xff"}, utf8},
		"in an embedded struct":    {outer{plain: plain{"\xff"}}, utf8},
		"in a map of a struct":     {outer{In: map[string][]plain{"a": {{"\xff"}}}}, utf8},
		"in a key of a struct's":   {outer{In: map[string][]plain{"\xff": nil}}, utf8},
		"in an any of a struct":    {outer{Any: []string{"\xff"}}, utf8},
		"in a slice of structs":    {[]plain{{"\xff"}}, utf8},
		"in an array of structs":   {[1]plain{{"\xff"}}, utf8},
		"in a map of structs":      {map[string]plain{"a": {"\xff"}}, utf8},
		"in a map by number":       {map[int]string{1: "\xff"}, utf8},
		"in a list":                {[]string{"\xff"}, utf8},
		"in a key":                 {map[string]int{"\xff": 1}, utf8},
		"by a TextMarshaler":       {texter{"\xff"}, utf8},
		"by a key's TextMarshaler": {map[texter]int{{"\xff"}: 1}, utf8},
		"by one in a struct":       {outer{Any: texter{"\xff"}}, utf8},
		"in JSON":                  {json.RawMessage("\"\xff\""), utf8},
		"in JSON in a struct":      {outer{Raw: json.RawMessage("\"\xff\"")}, utf8},
		"an error":                 {errors.New("x"), hides},
		"a struct that hides all":  {hidden{1}, hides},
		"a pointer to it":          {&hidden{1}, hides},
		"a list of it":             {[]any{hidden{1}}, hides},
		"a slice of it":            {[]hidden{{1}}, hides},
		"a map of it":              {map[string]hidden{"a": {1}}, hides},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := pyjson.Append(nil, c.value)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Append: %s, %v; want an error that says %q", got, err, c.want)
			}
		})
	}
}
